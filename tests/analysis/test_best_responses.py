"""Exploitability: 0 at global Nash equilibria only, between proved bounds, against dense grids."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis.best_responses import exploitability
from dynsys import Game, InputError, games

few = settings(max_examples=max(8, settings.default.max_examples // 5))
seeds = st.integers(0, 2**32 - 1)
decimals = st.floats(-1, 1).map(lambda c: round(c, 2))
BOX = ((-1.0, 1.0), (-1.5, 1.5))


def random_game(seed, zero_sum=False):
    """Payoffs with waves in x and y, polynomials, affine ones."""
    draw = np.random.default_rng(seed)
    shapes = ["sin(3*x + y)", "x*y", "cos(2*x*y)", "x**3 - y**2", "tanh(2*x - y)", "x*y**2 - x**4", "exp(-4*x**2)*y"]
    payoff = lambda: " + ".join(f"({k}/4)*{s}" for k, s in zip(draw.integers(-4, 5, 3), draw.choice(shapes, 3)))  # noqa: E731
    one = payoff()
    return Game({"a": ["x"], "b": ["y"]}, {"a": one, "b": f"-({one})" if zero_sum else payoff()}, box=BOX)


def on_grid(game, point, box, count=2001):
    """The gains seen on a grid for each player, the others fixed."""
    gains, here = [], game.values(point)
    for k, (lo, hi) in enumerate(box):
        points = np.tile(np.asarray(point, float), (count, 1))
        points[:, k] = np.linspace(lo, hi, count)
        gains.append(game.values(points)[:, k].max() - here[k])
    return np.array(gains)


GLOBAL = ["curl", "sine", "quadratic", "dirac-gan", "wgan-dirac", "shared-bilinear-loss"]


@pytest.mark.parametrize("name", GLOBAL)
def test_it_vanishes_at_the_global_nash_equilibrium_of_the_catalogue_s_games(name):
    found = exploitability(games.named(name), [0, 0])
    assert found.lower == 0
    assert found.upper < 1e-15
    assert found.exhaustive


@pytest.mark.parametrize(
    ("name", "expected"),
    [("spiral-saddle", 17 / 3), ("hidden-minimax", 2), ("odd-order", 8), ("worst-point", 4), ("cubic-bilinear", 0.5)],
)
def test_it_is_positive_where_a_zero_of_the_field_is_no_global_nash_equilibrium(name, expected):
    """At 0; e.g. f = -θ²/4 + 5θ³/6 of the spiral and saddle has a local maximum at 0, but 17/3 at θ = 2."""
    found = exploitability(games.named(name), [0, 0])
    assert_allclose([found.lower, found.upper], expected, rtol=1e-14)


def test_a_local_nash_equilibrium_that_is_not_global_gains_the_difference_of_the_hills():
    game = Game({"a": ["x"], "b": ["y"]}, {"a": "-(x**2 - 1)**2 + x/4", "b": "-(y - x)**2"}, box=[(-2, 2), (-2, 2)])
    low, _, high = np.sort(np.roots([-4, 0, 4, 0.25]).real)
    height = lambda c: -((c**2 - 1) ** 2) + c / 4  # noqa: E731
    hessians = game.own_hessians([low, low])
    assert all(hessian < 0 for hessian in hessians.values())
    assert_allclose(game.field()([low, low]), 0, atol=1e-13)
    found = exploitability(game, [low, low])
    assert_allclose([found.lower, found.upper], height(high) - height(low), rtol=1e-12)
    assert_allclose(found.gains[0].best_response, [high], rtol=1e-12)
    assert found.gains[1].upper < 1e-15
    near = exploitability(game, [low, low], [(-2, 0), (-2, 2)])  # on the half without the other hill it is global
    assert near.upper < 1e-14
    there = exploitability(game, [high, high])
    assert there.upper < 1e-13


@few
@given(seed=seeds, x=decimals, y=decimals)
def test_the_bounds_bracket_what_a_dense_grid_sees(seed, x, y):
    game = random_game(seed)
    found = exploitability(game, [x, y])
    seen = on_grid(game, [x, y], BOX)
    assert found.exhaustive
    for gain, least in zip(found.gains, seen, strict=True):
        assert 0 <= gain.lower <= gain.upper
        assert gain.upper >= least - 1e-13
        assert gain.lower >= least - 1e-8
        assert gain.upper <= least + 1e-4  # what the grid may miss
    assert found.lower == sum(gain.lower for gain in found.gains)


@few
@given(seed=seeds, x=decimals, y=decimals)
def test_every_best_response_is_in_the_box_and_earns_what_is_said(seed, x, y):
    game = random_game(seed)
    for k, gain in enumerate(exploitability(game, [x, y]).gains):
        point = np.array([x, y])
        point[k] = gain.best_response[0]
        assert BOX[k][0] <= point[k] <= BOX[k][1]
        assert game.values(point)[k] - game.values([x, y])[k] == pytest.approx(gain.lower, abs=1e-12)


@few
@given(seed=seeds, x=decimals, y=decimals, grown=st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_a_box_that_grows_never_lowers_it(seed, x, y, grown):
    game = random_game(seed)
    small = exploitability(game, [x, y])
    wide = [(lo - round(a, 2), hi + round(b, 2)) for (lo, hi), a, b in zip(BOX, grown[:2], grown[2:], strict=True)]
    large = exploitability(game, [x, y], wide)
    assert large.upper >= small.lower
    assert large.lower >= small.lower - 1e-7


@few
@given(seed=seeds, x=decimals, y=decimals)
def test_in_a_zero_sum_game_it_is_the_duality_gap(seed, x, y):
    game = random_game(seed, zero_sum=True)
    found = exploitability(game, [x, y])
    along_x, along_y = np.linspace(*BOX[0], 2001), np.linspace(*BOX[1], 2001)
    f = lambda a, b: game.values(np.stack(np.broadcast_arrays(a, b), -1))[:, 0]  # noqa: E731
    gap = f(along_x, y).max() - f(x, along_y).min()
    assert found.upper >= gap - 1e-12
    assert found.lower == pytest.approx(gap, abs=1e-4)


@few
@given(seed=seeds, x=decimals, y=decimals, budget=st.integers(1, 3))
def test_bounds_that_have_not_met_say_so_and_still_hold(seed, x, y, budget):
    game = random_game(seed)
    early, late = (exploitability(game, [x, y], budget=b) for b in (budget, 1000))
    assert early.lower <= late.upper + 1e-15
    assert early.upper >= late.lower
    for gain in early.gains:
        assert gain.exhaustive or gain.upper > gain.lower


def test_a_player_with_several_variables_and_waves_is_bounded_too():
    payoffs = {"a": "sin(3*x)*cos(2*y) + tanh(x*z) - x**2/5", "b": "exp(-z**2)*x + atan(z)"}
    game = Game({"a": ["x", "y"], "b": ["z"]}, payoffs, box=[(-3, 3)] * 3)
    found = exploitability(game, [0, 0.3, 0.1])
    axes = np.meshgrid(np.linspace(-3, 3, 601), np.linspace(-3, 3, 601), [0.1], indexing="ij")
    best = game.values(np.stack(axes, -1))[..., 0].max() - game.values([0, 0.3, 0.1])[0]
    assert found.exhaustive
    assert best <= found.gains[0].upper
    assert found.gains[0].lower == pytest.approx(best, abs=1e-3)
    assert found.gains[1].lower == pytest.approx(math.atan(3) - math.atan(0.1), rel=1e-12)
    rough = exploitability(game, [0, 0.3, 0.1], budget=2)
    assert not rough.exhaustive
    assert rough.gains[0].upper > rough.gains[0].lower + 0.01
    assert rough.gains[0].lower == pytest.approx(found.gains[0].lower, abs=1e-8)  # the search's, not the bounds'


def test_a_root_at_the_end_of_the_box_and_a_pole_near_it():
    game = Game({"a": ["x"], "b": ["z"]}, {"a": "sqrt(x) - x", "b": "z"})
    found = exploitability(game, [1, 0], [(0, 3), (-1, 1)])
    assert_allclose([found.lower, found.upper], 1.25, rtol=1e-8)  # ¼ at x = ¼, and 1
    pole = Game({"a": ["x"], "b": ["z"]}, {"a": "1/(x - 1/7)", "b": "z"})
    found = exploitability(pole, [1, 1], [(-1, 1), (-1, 1)])
    assert found.upper == math.inf
    assert not found.exhaustive
    assert found.to_dict()["upper"] is None


def test_the_result_turns_into_plain_numbers():
    plain = json.loads(json.dumps(exploitability(games.curl(), [0.3, 0.7]).to_dict(), allow_nan=False))
    assert plain["exhaustive"] is True
    assert plain["lower"] == pytest.approx(2)  # max(-φθ) - (-φθ) = 1.4 + .21, and max(φθ) - φθ = .6 - .21
    assert plain["gains"][0]["best_response"] == [-2.0]


LOGARITHM = Game({"a": ["x"], "b": ["z"]}, {"a": "log(x) - x", "b": "z"})


@pytest.mark.parametrize(
    ("game", "x", "box", "message"),
    [
        (games.curl(), [0, 5], None, r"x has phi = 5, outside the box's \[-2, 2\]; widen the box or move x"),
        (games.curl(), [0, float("nan")], None, "give one finite point of 2 numbers"),
        (games.curl(), [[0, 0]], None, "give one finite point of 2 numbers"),
        (games.curl(), [0, 0, 0], None, "x has 3 entries"),
        (LOGARITHM, [1, 0], None, "box is missing"),
        (LOGARITHM, [1, 0], [(2, -2), (0, 1)], "the lower end must be below"),
        (LOGARITHM, [1, 0], [(-1, 2), (-1, 1)], "the payoff of a is not finite at x = -1, the others as in x"),
        (games.lorenz(), [0, 0, 0], None, "give a Game"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_remedy(game, x, box, message):
    with pytest.raises(InputError, match=message):
        exploitability(game, x, box)


@pytest.mark.parametrize("budget", [0, -1, 1.5, "many"])
def test_a_budget_that_is_no_positive_whole_number_is_refused(budget):
    with pytest.raises(InputError, match="budget is"):
        exploitability(games.curl(), [0, 0], budget=budget)
