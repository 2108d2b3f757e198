"""Notions of solution in games of any shape: what implies what, what does not, and who profits from moving first."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import brentq

from analysis import classify
from dynsys import Game, InputError, VectorField, games
from dynsys.transforms import consensus

few = settings(max_examples=max(12, settings.default.max_examples // 3))
seeds = st.integers(0, 2**32 - 1)
shapes = st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2)])
MARGIN = 1e-3


def definite(rng, n):
    """A random symmetric matrix with eigenvalues in [0.1, 2]."""
    Q, _ = np.linalg.qr(rng.standard_normal((n, n)))
    return Q @ np.diag(rng.uniform(0.1, 2, n)) @ Q.T


def zero_sum(A, B, C, quadratic):
    """The game of f = ½xᵀAx + xᵀBy + ½yᵀCy, x maximising and y minimising."""
    H = np.block([[A, B], [B.T, C]])
    return quadratic([H, -H], [len(A), len(C)])


def two(loss_x, loss_y):
    """The players x and y, each of whom minimises a loss."""
    return Game({"x": ["x"], "y": ["y"]}, {"x": f"-({loss_x})", "y": f"-({loss_y})"}).field()


@few
@given(seed=seeds, shape=shapes, gamma=st.floats(1e-3, 50))
def test_strict_nash_in_a_zero_sum_game_is_minimax_for_both_stable_and_attracts_under_any_consensus(
    quadratic, seed, shape, gamma
):
    rng = np.random.default_rng(seed)
    n, m = shape
    game = zero_sum(-definite(rng, n), rng.standard_normal((n, m)), definite(rng, m), quadratic)
    field = game.field()
    label = classify(field, np.zeros(n + m))
    leaders = {f"strict minimax, {p} leads" for p in game.players}
    assert leaders | {"strict Nash", "DGM-stable", "stable flow"} <= set(label.labels)
    assert label.is_nash is True
    relaxed = classify(consensus(field, gamma), np.zeros(n + m))
    assert relaxed.attracts is True
    assert {"strict Nash", "inherited zero"} <= set(relaxed.labels)


@few
@given(seed=seeds, n=st.sampled_from([1, 2]), gamma=st.floats(0.02, 50))
def test_a_weak_nash_point_of_a_bilinear_game_with_invertible_jacobian_attracts_under_any_consensus(
    quadratic, seed, n, gamma
):
    rng = np.random.default_rng(seed)
    B = definite(rng, n) @ np.linalg.qr(rng.standard_normal((n, n)))[0]
    field = zero_sum(np.zeros((n, n)), B, np.zeros((n, n)), quadratic).field()
    label = classify(field, np.zeros(2 * n))
    assert {"weak Nash", "DGM-stable", "undecided flow"} <= set(label.labels)
    assert classify(consensus(field, gamma), np.zeros(2 * n)).attracts is True


def test_consensus_can_destroy_a_stable_point_of_a_zero_sum_game_with_two_variables_each_if_it_is_not_nash(quadratic):
    A = np.array([[-0.51, 0.41], [0.41, 0.5]])
    B = np.array([[-1.64, 1.07], [-0.53, 0]])
    C = np.array([[2.31, 0.71], [0.71, -1.17]])  # found by a search
    field = zero_sum(A, B, C, quadratic).field()
    label = classify(field, np.zeros(4))
    assert label.attracts is True
    assert label.is_nash is False
    assert "non-Nash attractor of v" in label.labels
    assert classify(consensus(field, 1.0), np.zeros(4)).attracts is False


@given(seed=seeds, sizes=st.sampled_from([(1,), (3,), (1, 1), (2, 1), (2, 2), (1, 1, 1), (2, 1, 1)]))
def test_in_quadratic_games_every_notion_is_what_its_definition_says(quadratic, seed, sizes):
    """Payoffs ½xᵀHᵢx without any relation between them, judged by NumPy from the blocks of the Hᵢ."""
    rng = np.random.default_rng(seed)
    n, ends = sum(sizes), np.cumsum([0, *sizes])
    blocks = [slice(a, b) for a, b in itertools.pairwise(ends)]
    H = [(M + M.T) / 2 - rng.uniform(0, 1.5) * np.eye(n) for M in rng.standard_normal((len(sizes), n, n))]
    own = [np.linalg.eigvalsh(h[b, b]) for h, b in zip(H, blocks, strict=True)]
    J = np.vstack([h[b] for h, b in zip(H, blocks, strict=True)])
    values, symmetric = np.linalg.eigvals(J), np.linalg.eigvalsh((J + J.T) / 2)
    assume(min(np.abs(np.concatenate(own)).min(), np.abs(values.real).min(), np.abs(symmetric).min()) > MARGIN)
    nash = all((e < 0).all() for e in own)
    worst = all((e > 0).all() for e in own)
    expected = {
        "strict Nash": nash,
        "weak Nash": False,
        "every player at its worst": worst,
        "stable flow": bool((values.real < 0).all()),
        "DGM-stable": bool((symmetric < 0).all()),
        "non-Nash attractor of v": not nash and bool((values.real < 0).all()),
    }
    if len(sizes) == 2:
        for leader, (p, q) in enumerate([blocks, blocks[::-1]]):
            f, g = H[leader], H[1 - leader]
            response = -np.linalg.solve(g[q, q], g[q, p])
            reduced = f[p, p] + f[p, q] @ response + response.T @ f[q, p] + response.T @ f[q, q] @ response
            assume(np.abs(np.linalg.eigvalsh(reduced)).min() > MARGIN)
            best = (own[1 - leader] < 0).all() and (np.linalg.eigvalsh(reduced) < 0).all()
            expected[f"differential Stackelberg, p{leader} leads"] = bool(best)
    label = classify(quadratic(H, sizes).field(), np.zeros(n))
    assert {name: name in label.labels for name in expected} == expected
    assert label.is_nash is nash


NASH, STABLE, DGM, MINIMAX = "Nash", "stable flow", "DGM-stable", "minimax"
GENERAL = {
    "Nash, neither stable nor DGM-stable": (two("x*y", "x*y"), {NASH}),
    "Nash and DGM-stable, not stable": (games.curl().field(), {NASH, DGM}),
    "Nash and stable, not DGM-stable": (two("x**2/2 + 3*x*y", "y**2/2"), {NASH, STABLE}),
    "stable and DGM-stable, not Nash": (two("x**3 + x**2/2 + x*y", "-x*y + y**3 + y**2/2"), {NASH, STABLE, DGM}),
    "DGM-stable only": (two("x**3 + x*y", "-x*y"), {DGM}),
    "stable only": (two("-x**2/2 + 2*x*y", "-2*x*y + 3*y**2/2"), {STABLE}),
}


@pytest.mark.parametrize("name", [k for k in GENERAL if "not Nash" not in k])
def test_nash_stable_and_dgm_stable_are_three_things_in_general_sum_games(name):
    field, holds = GENERAL[name]
    label = classify(field, [0, 0])
    found = {NASH} if label.is_nash else set()
    assert found | ({STABLE, DGM} & set(label.labels)) == holds


@pytest.mark.parametrize(
    ("payoff", "minimax", "stable"),
    [
        ("-3*x**2 - y**2 + 4*x*y", True, False),  # stable only if y moves more than 3 times as fast
        ("3*x**2/2 + 2*x*y + y**2/2", False, True),
        ("x**2 - y**2", True, True),
        ("y**2 - x**2", False, False),
    ],
)
def test_minimax_and_stable_are_two_things_in_zero_sum_games(payoff, minimax, stable):
    label = classify(two(payoff, f"-({payoff})"), [0, 0])
    assert ("strict minimax, x leads" in label.labels) is minimax
    assert (STABLE in label.labels) is stable


@given(a=st.floats(-1, 1), b=st.floats(-1, 1), c=st.floats(-1, 1), d=st.floats(-1, 1), k=st.floats(0.5, 2))
def test_stackelberg_agrees_with_the_best_response_found_by_root_finding(a, b, c, d, k):
    """Payoffs with cubic terms and f_y ≠ 0: the response bends, and its curvature enters."""
    a, b, c, d, k = (round(t, 3) for t in (a, b, c, d, k))
    payoffs = {"x": f"({a})*x**2 + ({b})*y + x*y/2", "y": f"-({k})*y**2/2 + ({c})*x**2*y + ({d})*x*y**2 - y**4"}

    def leader(x):
        y = brentq(lambda y: -k * y + c * x**2 + 2 * d * x * y - 4 * y**3, -1, 1, xtol=1e-15)
        return a * x**2 + b * y + x * y / 2

    h = 1e-3
    curvature = (leader(h) - 2 * leader(0) + leader(-h)) / h**2
    assume(abs(curvature) > 0.01)
    label = classify(Game({"x": ["x"], "y": ["y"]}, payoffs).field(), [0, 0])
    assert ("differential Stackelberg, x leads" in label.labels) is (curvature < 0)


def test_a_leader_whose_payoff_rises_along_the_response_is_at_no_stackelberg_point():
    label = classify(Game({"x": ["x"], "y": ["y"]}, {"x": "y - x**2", "y": "-(y - x)**2"}).field(), [0, 0])
    assert label.is_nash is True
    assert "differential Stackelberg, x leads" not in label.labels
    assert "slope 1" in label.reasons["differential Stackelberg, x leads"]


@pytest.mark.parametrize(
    ("payoffs", "x", "nash"),
    [
        ({"x": "x*(y**2 - 2)", "y": "-x*y"}, [0, np.sqrt(2)], True),  # affine in x, with slope 0 at an irrational y
        ({"x": "(x - sqrt(3))**3", "y": "-y**2"}, [np.sqrt(3), 0], False),
        ({"x": "-(x - sqrt(3))**4", "y": "-y**2"}, [np.sqrt(3), 0], True),
        ({"x": "sin(x - sqrt(2))*sin(y - sqrt(3))", "y": "-y**2 + 2*sqrt(3)*y"}, [np.sqrt(2), np.sqrt(3)], None),
    ],
)
def test_at_an_irrational_place_the_derivatives_decide_or_the_verdict_is_left_open(payoffs, x, nash):
    label = classify(Game({"x": ["x"], "y": ["y"]}, payoffs).field(), x)
    assert label.is_nash is nash
    assert ("weak Nash" in label.labels) is (nash is True)
    assert "every player at its worst" not in label.labels


def test_a_maximum_along_every_line_that_a_curve_rises_from_is_not_called_nash():
    """Peano's surface (x₁ - x₂²)(3x₂² - x₁): a maximum along each line through 0, yet positive on x₁ = 2x₂²."""
    game = Game({"p": ["u", "w"], "q": ["z"]}, {"p": "-(u - w**2)*(u - 3*w**2)", "q": "-z**2"})
    assert classify(game.field(), [0, 0, 0]).is_nash is not True


def test_a_field_without_a_game_has_flow_labels_only():
    for x, kind, counts in (([0, 0, 0], "saddle", (2, 0, 1)), ([np.sqrt(72), np.sqrt(72), 27], "saddle", (1, 0, 2))):
        label = classify(games.lorenz(), x)
        assert (label.kind, label.flow.counts, label.is_nash) == (kind, counts, None)
        assert label.players == label.leaders == ()
        assert label.labels == ("unstable flow",)


def test_labels_of_the_game_are_those_at_v_whatever_the_transformation():
    v = games.spiral_saddle().field()
    inherited = classify(consensus(v, 0.5), [1, -2])
    assert {"mixed", "inherited zero", "made attracting by the transformation"} <= set(inherited.labels)
    assert inherited.base_flow.counts == (1, 0, 1)
    assert_allclose(inherited.base_flow.eigenvalues, [2 + np.sqrt(21) / 2, 2 - np.sqrt(21) / 2])
    already = classify(consensus(games.hidden_minimax().field(), 0.5), [0, 0])
    assert "non-Nash attractor of v" in already.labels
    assert "made attracting by the transformation" not in already.labels


def test_a_field_that_depends_on_time_cannot_be_classified():
    with pytest.raises(InputError, match="time"):
        classify(VectorField(("t*x", "y"), ("x", "y"), time="t"), [0, 0])
