"""Kinds of games: drawn from each kind's definition, checked against numbers, and what follows for the flow."""

from __future__ import annotations

import json

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis.components import game_components
from dynsys import Game, InputError, VectorField, games
from dynsys.expressions import symbol
from dynsys.transforms import consensus, hamiltonian_descent
from integrators import ImplicitMidpoint, RungeKutta4, trajectory

few = settings(max_examples=max(8, settings.default.max_examples // 5))
seeds = st.integers(0, 2**32 - 1)
sizes = st.lists(st.integers(1, 2), min_size=2, max_size=3)
GAMES = {name: make() for name, make in games.CATALOGUE.items() if isinstance(make(), Game)}
del GAMES["prisoners-dilemma"]  # multiplied out, its payoffs in ten variables fill pages
ZEROS = {  # of games that do not rest at 0
    "linear-wgan": (3, 4, 0, 0),
    "covariance-wgan": (1, 0, 0.5, 1, 0, 0, 0, 0),
    "variance-gan": (1, 0),
    "two-gaussians": (2, -2, 0, 0),
    "hidden-bilinear": (-np.log(3), 0),
    "duopoly": (14 / 3.75, 11.5 / 3.75),
}


def owners(sizes):
    names = iter(f"x{i}" for i in range(sum(sizes)))
    return {f"p{k}": [next(names) for _ in range(size)] for k, size in enumerate(sizes)}


def random_function(draw, names):
    """A polynomial with a sine in it; a constant if there are no names."""
    coefficient = lambda: sp.Rational(int(draw.integers(-6, 7)), 4)  # noqa: E731
    if not names:
        return coefficient()
    symbols = [symbol(n) for n in names]
    products = [coefficient() * sp.Mul(*draw.choice(symbols, size=k)) for k in (1, 2, 2, 3)]
    return sp.Add(*products, coefficient() * sp.sin(sp.Add(*[coefficient() * s for s in symbols])))


def random_game(seed, sizes):
    draw, players = np.random.default_rng(seed), owners(sizes)
    names = [n for own in players.values() for n in own]
    return Game(players, {p: random_function(draw, names) for p in players})


def potential_game(seed, sizes):
    """One function for all, and for each player one more that it has no say in."""
    draw, players = np.random.default_rng(seed), owners(sizes)
    names = [n for own in players.values() for n in own]
    common = random_function(draw, names)
    payoffs = {p: common + random_function(draw, [n for n in names if n not in own]) ** 2 for p, own in players.items()}
    return Game(players, payoffs), common


def hamiltonian_game(seed, sizes):
    """v = Ax + b with A = -Aᵀ: the own blocks of A vanish, as they are symmetric."""
    draw, players = np.random.default_rng(seed), owners(sizes)
    names = [n for own in players.values() for n in own]
    A = draw.integers(-4, 5, (len(names), len(names)))
    A, b = A - A.T, draw.integers(-3, 4, len(names))
    slope = lambda n, own: (  # noqa: E731
        sum(int(A[names.index(n), j]) * symbol(m) for j, m in enumerate(names) if m not in own) + int(b[names.index(n)])
    )
    return Game(players, {p: sum(symbol(n) * slope(n, own) for n in own) for p, own in players.items()})


@few
@given(seed=seeds, sizes=sizes)
def test_a_potential_game_is_one_and_its_potential_is_recovered_up_to_a_constant(seed, sizes):
    game, common = potential_game(seed, sizes)
    found = game_components(game)
    assert found.potential.holds is True
    assert not sp.expand(found.potential_function - common).free_symbols


@few
@given(seed=seeds, sizes=sizes)
def test_the_potential_rises_along_the_flow_at_the_rate_of_the_squared_speed(seed, sizes):
    game, _ = potential_game(seed, sizes)
    v, potential = game.field(), game_components(game).potential_function
    rate = sum(sp.diff(potential, s) * e for s, e in zip(v.symbols, v.expressions, strict=True))
    assert sp.expand(rate - sum(e**2 for e in v.expressions)) == 0
    x0 = np.random.default_rng(seed).uniform(-1, 1, v.n)
    run = trajectory(v, x0, RungeKutta4(), h=1e-3, steps=20, compiled=False)
    heights = np.array([float(potential.subs(dict(zip(v.symbols, x, strict=True)))) for x in run.x[::5]])
    speeds = np.linalg.norm(v(run.x[::5]), axis=1)
    assert (np.diff(heights) >= -1e-13).all()
    assert_allclose(np.diff(heights), 5e-3 * (speeds[1:] ** 2 + speeds[:-1] ** 2) / 2, rtol=1e-2, atol=1e-12)


@few
@given(seed=seeds, sizes=sizes)
def test_an_affine_hamiltonian_game_conserves_half_the_squared_speed(seed, sizes):
    game = hamiltonian_game(seed, sizes)
    found = game_components(game)
    assert found.hamiltonian.holds is True
    v, energy = game.field(), found.hamiltonian_function
    along = sum(sp.diff(energy, s) * e for s, e in zip(v.symbols, v.expressions, strict=True))
    assert sp.expand(along) == 0
    x0 = np.random.default_rng(seed).uniform(-1, 1, v.n)
    run = trajectory(v, x0, ImplicitMidpoint(), h=0.1, steps=50, compiled=False)
    speeds = (v(run.x) ** 2).sum(1) / 2
    assert_allclose(speeds, speeds[0], rtol=1e-11, atol=1e-13)
    assert speeds[0] == pytest.approx(float(energy.subs(dict(zip(v.symbols, x0, strict=True)))), abs=1e-12)


@few
@given(seed=seeds, sizes=sizes, extra=st.sampled_from(["x0**2", "x0*x1", "x0**3", "sin(x0)"]))
def test_a_game_is_hamiltonian_no_longer_when_any_one_payoff_is_bent(seed, sizes, extra):
    game = hamiltonian_game(seed, sizes)
    bent = Game(dict(game.players), {**game.payoffs, "p0": game.payoffs["p0"] + sp.sympify(extra, locals=SYMBOLS)})
    found = game_components(bent)
    assert found.hamiltonian.holds is False
    assert "S[x0, x" in found.hamiltonian.reason
    assert found.hamiltonian_function is None


SYMBOLS = {f"x{i}": symbol(f"x{i}") for i in range(6)}


@few
@given(seed=seeds, sizes=sizes)
def test_payoffs_that_add_up_to_a_constant_make_a_zero_sum_game_and_no_others(seed, sizes):
    game = random_game(seed, sizes)
    rest = 7 - sum(list(game.payoffs.values())[:-1])
    last = list(game.players)[-1]
    found = game_components(Game(dict(game.players), {**game.payoffs, last: rest}))
    assert found.zero_sum.holds is True
    assert found.total == 7
    broken = game_components(Game(dict(game.players), {**game.payoffs, last: rest + symbol("x0") ** 2}))
    assert broken.zero_sum.holds is False
    assert broken.zero_sum.reason == "∂(sum of payoffs)/∂x0 = 2*x0, which is not 0 everywhere"


def differences(v, x, step=1e-6):
    """The Jacobian by central differences of the field."""
    shifts = step * np.eye(v.n)
    return np.stack([(v(x + e) - v(x - e)) / (2 * step) for e in shifts], -1)


@pytest.mark.parametrize("name", GAMES)
def test_the_verdicts_on_the_catalogue_agree_with_numbers_at_random_points(name):
    game, v = GAMES[name], GAMES[name].field()
    found = game_components(game)
    low, high = np.array(game.box).T
    x = np.random.default_rng(1).uniform(low, high, (40, v.n)) / 2
    J = differences(v, x)
    transposed = J.swapaxes(1, 2)
    spread = float(np.ptp(game.values(x).sum(1)))
    assert found.zero_sum.holds is (spread < 1e-9)
    assert found.potential.holds is bool(np.abs(J - transposed).max() < 1e-6)
    assert found.hamiltonian.holds is bool(np.abs(J + transposed).max() < 1e-6)


KINDS = {
    "curl": ("zero-sum", "Hamiltonian"),
    "wgan-dirac": ("zero-sum", "Hamiltonian"),
    "dirac-gan": ("zero-sum",),
    "dirac-reverse-kl": ("zero-sum", "Hamiltonian"),
    "dirac-r1": (),
    "linear-wgan": ("zero-sum", "Hamiltonian"),
    "duopoly": ("potential",),
    "sine": ("zero-sum",),
    "shared-bilinear-loss": ("potential",),
    "worst-point": ("potential",),
    "odd-order": (),
}


@pytest.mark.parametrize("name", KINDS)
def test_the_kinds_of_well_known_games(name):
    assert game_components(GAMES[name]).kinds == KINDS[name]


def test_a_reason_names_the_entry_that_offends():
    found = game_components(games.odd_order())
    assert found.zero_sum.reason == "∂(sum of payoffs)/∂x = -3*x**2, which is not 0 everywhere"
    assert found.potential.reason == "∂²(x's payoff - y's payoff)/∂x∂y = -2, which is not 0 everywhere"
    assert found.hamiltonian.reason == "2 S[x, x] = -12*x, which is not 0 everywhere"


def test_a_potential_is_found_where_the_origin_is_a_singularity_and_nothing_can_be_integrated():
    players = {"a": ["x"], "b": ["y"], "c": ["z"]}
    common = "log(x)*y + exp(sin(x*y*z)) + z*sqrt(y)"
    found = game_components(Game(players, {"a": common, "b": f"{common} + x*z", "c": f"{common} + log(x*y)"}))
    x, y, z = map(symbol, "xyz")
    assert found.potential_function == y * sp.log(x) + sp.exp(sp.sin(x * y * z)) + z * sp.sqrt(y)


def test_a_constant_sum_shows_its_constant_even_where_it_is_hidden():
    game = Game({"a": ["x"], "b": ["y"]}, {"a": "sin(x)**2 + x*y", "b": "2 + cos(x)**2 - x*y"})
    assert game_components(game).total == 3
    assert game_components(game).zero_sum.reason == "the payoffs add up to 3"


def test_parameters_decide_at_their_values():
    game = Game({"a": ["x"], "b": ["y"]}, {"a": "k*x*y", "b": "x*y"}, {"k": 1.0})
    assert game_components(game).kinds == ("potential",)
    assert game_components(game.with_parameters(k=-1.0)).kinds == ("zero-sum", "Hamiltonian")
    assert game_components(game.with_parameters(k=0.5)).kinds == ()
    constant = Game({"a": ["x"], "b": ["y"]}, {"a": "k + x*y", "b": "-x*y"}, {"k": 0.1})
    assert game_components(constant).total == sp.Rational(1, 10)
    team = Game({"a": ["x"], "b": ["y"]}, {"a": "x*y", "b": "x*y + 3"})
    assert game_components(team).potential_function == symbol("x") * symbol("y")  # without a constant


def test_what_sympy_cannot_decide_is_said_to_be_undecided():
    hidden = "acos(x) + asin(x) - pi/2"  # 0, by an identity that SymPy does not know
    found = game_components(Game({"a": ["x"], "b": ["y"]}, {"a": f"y*({hidden})", "b": "0"}))
    assert found.zero_sum.holds is None
    assert not found.zero_sum
    assert found.zero_sum.reason.startswith("SymPy cannot tell whether ∂(sum of payoffs)/∂y = ")
    assert found.total is None
    assert "zero-sum" not in found.kinds


def test_the_result_turns_into_plain_values():
    plain = json.loads(json.dumps(game_components(games.worst_point(2.0)).to_dict()))
    assert plain["kinds"] == ["potential"]
    assert plain["potential_function"] == "x**2 + y**2"
    assert plain["total"] is None


@pytest.mark.parametrize("given", [games.lorenz(), games.curl().field(), "curl", None])
def test_what_is_no_game_is_refused(given):
    with pytest.raises(InputError, match=r"game is .*give a Game"):
        game_components(given)
    with pytest.raises(InputError, match=r"its game is `.game`"):
        game_components(games.curl().field())


# What the source claims of every field, THEORY §1 d, e, f


@few
@given(seed=seeds, sizes=sizes)
def test_v_is_orthogonal_to_the_antisymmetric_part_applied_to_it(seed, sizes):
    """v·(Aᵀv) = 0: so L = ½‖v‖² falls along -∇L, and turns only with S, since v·(Jᵀv) = v·(Sv)."""
    v = random_game(seed, sizes).field()
    x = np.random.default_rng(seed).uniform(-1, 1, (20, v.n))
    values, J = v(x), v.jacobian(x)
    A, S = (J - J.swapaxes(1, 2)) / 2, (J + J.swapaxes(1, 2)) / 2
    turned = np.einsum("ki,kji,kj->k", values, A, values)
    size = (values**2).sum(1) * np.linalg.norm(J, axis=(1, 2))
    assert (np.abs(turned) <= 1e-14 * (1 + size)).all()
    gradient = -hamiltonian_descent(v)(x)
    assert_allclose((gradient * values).sum(1), np.einsum("ki,kij,kj->k", values, S, values), rtol=1e-9, atol=1e-11)


@few
@given(seed=seeds, sizes=sizes)
def test_minus_grad_l_is_conservative_whatever_the_game(seed, sizes):
    v = random_game(seed, sizes).field()
    x = np.random.default_rng(seed).uniform(-1, 1, (10, v.n))
    J = hamiltonian_descent(v).jacobian(x)
    assert_allclose(J, J.swapaxes(1, 2), rtol=1e-10, atol=1e-10)


@few
@given(seed=seeds, sizes=sizes, gamma=st.floats(0.01, 5).map(lambda g: round(g, 3)))
def test_consensus_leaves_the_antisymmetric_part_of_the_jacobian_as_it_was(seed, sizes, gamma):
    v = random_game(seed, sizes).field()
    w = consensus(v, gamma)
    x = np.random.default_rng(seed).uniform(-1, 1, (10, v.n))
    J, M = v.jacobian(x), w.jacobian(x)
    atol = 1e-12 * (1 + np.abs(M).max())
    assert_allclose(M - M.swapaxes(1, 2), J - J.swapaxes(1, 2), atol=atol)


@pytest.mark.parametrize("name", GAMES)
def test_minus_grad_l_has_the_zeros_of_v_and_makes_a_minimum_of_each_with_invertible_jacobian(name):
    """Nash equilibria, saddles and points where every player is at its worst alike: the Hessian of L is JᵀJ there."""
    v = GAMES[name].field()
    x = ZEROS.get(name, np.zeros(v.n))
    J = v.jacobian(x)
    assert_allclose(v(x), 0, atol=1e-14)
    assert_allclose(hamiltonian_descent(v)(x), 0, atol=1e-14)
    descent = hamiltonian_descent(v).jacobian(x)
    assert_allclose(descent, -J.T @ J, atol=1e-14)
    if abs(np.linalg.det(J)) > 1e-12:
        assert np.linalg.eigvalsh(descent).max() < 0


def test_for_the_curl_field_minus_grad_l_points_home():
    x = np.random.default_rng(0).normal(size=(10, 2))
    assert_allclose(hamiltonian_descent(games.curl().field())(x), -x, atol=1e-15)


def test_grad_l_vanishes_where_v_does_not_if_the_jacobian_is_singular():
    """Payoffs x + x³/3 and -y²/2 - x²y²: at 0, v = (1, 0) and J = [[0, 0], [0, -1]], so Jᵀv = 0."""
    game = Game({"a": ["x"], "b": ["y"]}, {"a": "x + x**3/3", "b": "-y**2/2 - x**2*y**2"})
    v = game.field()
    assert_allclose(v([0, 0]), [1, 0])
    assert_allclose(hamiltonian_descent(v)([0, 0]), [0, 0])
    assert_allclose(v.jacobian([0, 0]), [[0, 0], [0, -1]])
    assert game_components(game).kinds == ()
    always = VectorField(("1 + x**2", "-y"), ("x", "y"))  # it has no zero at all, yet -∇L has a stable one
    assert (np.linalg.eigvalsh(hamiltonian_descent(always).jacobian([0, 0])) < 0).all()
