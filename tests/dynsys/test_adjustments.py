"""Adjusted fields: SGA, symplectic surgery, follow-the-ridge, Stackelberg, Nagarajan-Kolter, Hamiltonian descent.

Every transformation against its formula in NumPy, and the theorems it is known for.
"""

import functools
import math
import pickle

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, example, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis.precision import precise_value
from dynsys import Game, InputError, VectorField, games
from dynsys.codegen import numpy_functions
from dynsys.expressions import symbol
from dynsys.functions import switch
from dynsys.transforms import (
    consensus,
    conservative_relaxation,
    follow_the_ridge,
    hamiltonian_descent,
    local_symplectic_surgery,
    nagarajan_kolter,
    stackelberg_gradient,
    symplectic_gradient_adjustment,
)
from integrators import Euler, RungeKutta4, trajectory

SHIFT = {"a": 0.0, "b": 0.0}  # every game's payoffs have a critical point at x = a, y = b
ZERO_SUM = Game.zero_sum(
    "(x-a)**2/3 + 2*(x-a)*(y-b) - 3*(y-b)**2/2 + (x-a)**2*(y-b) - (y-b)**3/5", ["y"], ["x"], SHIFT, name="zero-sum"
)
GENERAL = Game(
    {"one": ["x"], "two": ["y"]},
    {
        "one": "-(x-a)**2 + 3*(x-a)*(y-b) + (y-b)**2 + (x-a)**3/4 - (x-a)*(y-b)**2",
        "two": "(x-a)*(y-b) - 2*(y-b)**2 + (y-b)**3/7 + (x-a)**2*(y-b)",
    },
    SHIFT,
    name="general-sum",
)
BLOCKS = Game(
    {"one": ["x", "u"], "two": ["y", "w"]},
    {
        "one": "-(x-a)**2 + 2*(x-a)*u - 3*u**2 + (x-a)*(y-b) - 2*u*w + (x-a)*w + u**2*(y-b)",
        "two": "-2*(y-b)**2 + (y-b)*w - w**2 + 3*(x-a)*(y-b) + u*w - u*(y-b)**2/3",
    },
    SHIFT,
    name="blocks",
)
THREE = Game(
    {"one": ["x"], "two": ["y"], "three": ["u"]},
    {
        "one": "-(x-a)**2 + (x-a)*(y-b) - 2*(x-a)*u + (y-b)*u",
        "two": "-2*(y-b)**2 + (y-b)*u - (x-a)*(y-b)",
        "three": "-u**2 + 3*(y-b)*u + (x-a)*u + (x-a)*u**2/4",
    },
    SHIFT,
    name="three players",
)
ALL = [ZERO_SUM, GENERAL, BLOCKS, THREE]
each_game = pytest.mark.parametrize("game", ALL, ids=lambda g: g.name)
coordinates = st.floats(-1.5, 1.5)
four = st.tuples(*[coordinates] * 4)
coefficients = st.floats(-2, 2)
whole = st.integers(-4, 4)


@functools.cache
def made(game, transformation, *arguments):
    """Built once for a game: the algebra takes longer than all the points."""
    return transformation(field(game), *arguments)


@functools.cache
def field(game):
    return game.field()


def at(game, x):
    """The point's first coordinates, the field's value and Jacobian there."""
    v = field(game)
    x = np.array(x[: v.n])
    return v, x, v(x), v.jacobian(x)


def value_at(w, x, **parameters):
    """w(x) at other parameter values, without a new field."""
    p = {**w.parameters, **parameters}
    return np.array([float(e) for e in w.on_tuples(tuple(np.asarray(x, dtype=float)), tuple(p.values()))])


def blocks(v, player):
    own = np.array([name in v.players[player] for name in v.variables])
    return np.flatnonzero(own), np.flatnonzero(~own)


def linear(J, players=("one", "two")):
    """The field J x of players that own equally many variables each."""
    n = len(J)
    names = [f"x{i}" for i in range(n)]
    size = n // len(players)
    owned = {p: names[i * size : (i + 1) * size] for i, p in enumerate(players)}
    return VectorField([sum(int(a) * symbol(s) for a, s in zip(row, names)) for row in J], names, players=owned)


def rotation(n):
    half = np.eye(n // 2, dtype=int)
    return np.block([[0 * half, -half], [half, 0 * half]])


# --- symplectic gradient adjustment ------------------------------------------------------------


@each_game
@given(x=four, lam=coefficients)
def test_sga_subtracts_lambda_times_the_transposed_antisymmetric_part_of_j_applied_to_v(game, x, lam):
    _, x, value, J = at(game, x)
    w = made(game, symplectic_gradient_adjustment)
    assert_allclose(value_at(w, x, lam=lam), value - lam * (J - J.T).T @ value / 2, atol=1e-11)


@given(upper=st.lists(whole, min_size=6, max_size=6), lam=coefficients)
def test_sga_is_consensus_where_the_symmetric_part_vanishes(upper, lam):
    J = np.zeros((4, 4), dtype=int)
    J[np.triu_indices(4, 1)] = upper
    v = linear(J - J.T)
    adjusted, mixed = symplectic_gradient_adjustment(v, lam, name="gamma"), consensus(v, lam)
    assert [sp.expand(e) for e in adjusted.expressions] == [sp.expand(e) for e in mixed.expressions]


@given(entries=st.lists(whole, min_size=10, max_size=10), lam=coefficients)
def test_sga_leaves_a_potential_game_as_it_is(entries, lam):
    J = np.zeros((4, 4), dtype=int)
    J[np.triu_indices(4)] = entries
    v = linear(J + J.T)
    assert symplectic_gradient_adjustment(v, lam).expressions == v.expressions


@given(s=whole, b=whole, lam=st.floats(0, 2))
def test_sga_turns_a_focus_with_eigenvalues_s_plus_ib_inwards_by_lambda_b2(s, b, lam):
    """J = sI + bR, so J - λAᵀJ = (s - λb²) I + (1 + λs) bR."""
    w = symplectic_gradient_adjustment(linear(s * np.eye(2) + b * rotation(2)), lam)
    eigenvalues = np.linalg.eigvals(w.jacobian([0.0, 0.0]))
    assert_allclose(eigenvalues.real, s - lam * b**2, atol=1e-9)
    assert_allclose(np.abs(eigenvalues.imag), abs((1 + lam * s) * b), atol=1e-9)


@pytest.mark.parametrize("n", [2, 4])
@pytest.mark.parametrize("s", [-1, 1])
def test_aligned_sga_turns_away_from_an_unstable_zero_once_v4_exceeds_a_tenth_of_the_number_of_variables(n, s):
    """J = sI + R: ⟨ξ, ∇H⟩⟨Aᵀξ, ∇H⟩/n + 1/10 = 1/10 - s‖v‖⁴/n. With 2 players of 2 variables n is 4, not 2."""
    v = linear(s * np.eye(n) + rotation(n))
    w = symplectic_gradient_adjustment(v, 0.3, aligned=True)
    direction = np.arange(1.0, n + 1) / np.linalg.norm(np.arange(1.0, n + 1))
    for fourth_power, sign in [(0.0999 * n, 1), (0.1001 * n, -s), (50.0, -s)]:
        x = direction * fourth_power**0.25 / math.sqrt(2)
        value = v(x)
        assert_allclose(np.linalg.norm(value) ** 4, fourth_power)
        expected = value - 0.3 * sign * rotation(n).T @ value
        assert_allclose(w(x), expected, rtol=1e-13, atol=1e-15)
        J = v.jacobian(x)
        assert_allclose(w.jacobian(x), J - 0.3 * sign * rotation(n).T @ J, rtol=1e-13, atol=1e-15)


@each_game
@given(x=four, lam=coefficients)
def test_aligned_sga_takes_the_authors_sign_in_the_convention_of_losses(game, x, lam):
    v, x, value, J = at(game, x)
    xi, H = -value, -J
    turned, gradient = (H - H.T).T @ xi / 2, H.T @ xi
    product = xi @ gradient * (turned @ gradient) / v.n + 0.1
    assume(abs(product) > 1e-9)
    expected = -(xi + lam * np.sign(product) * turned)
    assert_allclose(value_at(made(game, symplectic_gradient_adjustment, 1.0, True), x, lam=lam), expected, atol=1e-11)


def test_only_a_field_that_holds_a_sign_is_piecewise():
    v = GENERAL.field()
    plain, aligned = (symplectic_gradient_adjustment(v, aligned=choice) for choice in (False, True))
    assert v.piecewise == plain.piecewise == ""
    assert "sign" in aligned.piecewise and "x, y" in aligned.piecewise
    assert consensus(aligned, 0.1).piecewise
    assert pickle.loads(pickle.dumps(aligned)).expressions == aligned.expressions
    assert symplectic_gradient_adjustment(games.curl().field(), aligned=True).piecewise == ""  # S = 0: the sign is 1


# --- the sign itself ---------------------------------------------------------------------------


def test_the_sign_is_exact_on_numbers_one_at_zero_and_has_no_derivative():
    x = symbol("x")
    exact = {
        sp.Integer(0): 1,
        sp.sqrt(2) - sp.Rational(3, 2): -1,
        sp.sin(1) - sp.cos(1): 1,
        -sp.Rational(1, 10**40): -1,
    }
    assert all(switch(t) == sign for t, sign in exact.items())
    assert switch(x**2 + 1) == 1 and switch(-(x**2) - 1) == -1
    assert sp.diff(x * switch(x), x) == switch(x)
    assert (3 * switch(x)).subs(x, -2) == -3 and sp.srepr(switch(x)) != sp.srepr(switch(-x))


def test_the_sign_has_one_meaning_on_floats_arrays_complex_numbers_and_at_fifty_digits():
    v = VectorField((symbol("x") ** 2 * switch(symbol("x")),), ("x",))
    points = [-2.0, -1e-300, 0.0, -0.0, 1e-300, 3.0]
    expected = [p * p if p >= 0 else -p * p for p in points]
    assert_allclose(v(np.array(points)[:, None])[:, 0], expected, rtol=0)
    assert [float(v.on_tuples((p,), ())[0]) for p in points] == expected
    step = v.on_tuples((-2.0 + 1e-30j,), ())[0]
    assert_allclose([step.real, step.imag / 1e-30], [-4, 4])
    assert [float(precise_value(v, [mp.mpf(p)])[0]) for p in points] == expected
    assert numpy_functions(v.source())["jacobian"]((-2.0,), ())[0][0] == 4
    bare = VectorField((switch(symbol("x")),), ("x",))
    assert_allclose(bare(np.array([*points, np.nan])[:, None])[:, 0], [-1, -1, 1, 1, 1, 1, np.nan], rtol=0)


@pytest.mark.parametrize("payoff", ["switch(x)*y", symbol("y") * switch(symbol("x"))])
def test_a_payoff_may_not_hold_the_sign(payoff):
    with pytest.raises(InputError, match="switch"):
        Game.zero_sum(payoff, ["x"], ["y"])


def test_what_stands_inside_the_sign_is_checked_too():
    with pytest.raises(InputError, match="z"):
        VectorField((switch(sp.Symbol("z")),), ("x",))
    with pytest.raises(InputError, match="smooth"):
        VectorField((switch(sp.Abs(symbol("x")) - 1),), ("x",))
    inner = VectorField((switch(sp.Symbol("x") + switch(sp.Symbol("x") - 2)),), ("x",))
    assert_allclose(inner(np.array([[0.5], [1.5], [3.0]]))[:, 0], [-1, 1, 1])


# --- local symplectic surgery --------------------------------------------------------------------


@pytest.mark.parametrize("game", [ZERO_SUM, GENERAL, games.dirac_gan()], ids=lambda g: g.name)
@given(x=four, xi=st.floats(0.01, 2))
def test_surgery_is_half_of_v_and_of_its_regularised_unrotated_part(game, x, xi):
    v, x, value, J = at(game, x)
    weight = xi * (1 - np.exp(-value @ value))
    assume(weight > 1e-3)
    oracle = (value + J.T @ np.linalg.solve(J.T @ J + weight * np.eye(v.n), J.T @ value)) / 2
    assert_allclose(value_at(made(game, local_symplectic_surgery), x, xi=xi), oracle, rtol=1e-8, atol=1e-9)


@given(entries=st.lists(whole, min_size=4, max_size=4))
@example([-1, 2, 0, 3, 1, 0, -2, 1, 2])
def test_at_a_zero_with_invertible_jacobian_surgery_leaves_the_symmetric_part(entries):
    n = math.isqrt(len(entries))
    J = np.array(entries).reshape(n, n)
    assume(abs(np.linalg.det(J)) > 0.5)
    w = local_symplectic_surgery(linear(J, players=[f"p{i}" for i in range(n)]))
    assert_allclose(w.jacobian(np.zeros(n)), (J + J.T) / 2, atol=1e-7)


def test_surgery_keeps_the_nash_point_of_the_spiral_and_repels_the_saddle_that_consensus_attracts():
    v = games.spiral_saddle().field()
    w = local_symplectic_surgery(v)
    assert_allclose(w.jacobian([0.0, 0.0]), -np.eye(2) / 2, atol=1e-12)
    assert_allclose(w.jacobian([1.0, -2.0]), np.diag([4.5, -0.5]), atol=1e-12)
    assert np.linalg.eigvals(consensus(v, 0.3).jacobian([1.0, -2.0])).real.max() < 0


# --- leaders and followers -------------------------------------------------------------------------


@pytest.mark.parametrize("square, double", [(-3, 0.9), (3, 1.1)])
def test_follow_the_ridge_has_the_double_multipliers_of_theory(square, double):
    """±3x² ± y² + 4xy at h = .05, x minimises and leads: a minimax and a maximin that gradient descent confuses."""
    v = Game.zero_sum(f"{square}*x**2 + {square // 3}*y**2 + 4*x*y", ["y"], ["x"]).field()
    M = np.eye(2) + 0.05 * follow_the_ridge(v, "x").jacobian([0.0, 0.0])
    assert_allclose([np.trace(M), np.linalg.det(M)], [2 * double, double**2], rtol=1e-13)


@each_game
@given(x=four, ratio=coefficients)
def test_follow_the_ridge_moves_the_followers_gradient_by_its_own_block_only(game, x, ratio):
    """J_f· w = c J_ff v_f: on the ridge v_f = 0 the flow stays, and the leader's part is untouched."""
    v, x, value, J = at(game, x)
    for leader in v.players:
        own, rest = blocks(v, leader)
        J_ff = J[np.ix_(rest, rest)]
        assume(abs(np.linalg.det(J_ff)) > 0.05)
        w = value_at(made(game, follow_the_ridge, leader), x, ratio=ratio)
        assert_allclose(J[rest] @ w, ratio * J_ff @ value[rest], atol=1e-7)
        assert_allclose(w[own], value[own], atol=0)


@pytest.mark.parametrize("game", [ZERO_SUM, GENERAL, THREE], ids=lambda g: g.name)
def test_at_a_zero_the_ridge_splits_the_spectrum_into_the_schur_complement_and_the_followers_block(game):
    v, x, _, J = at(game, (0.0, 0.0, 0.0))
    own, rest = blocks(v, next(iter(v.players)))
    A, B, C, D = (J[np.ix_(r, c)] for r in (own, rest) for c in (own, rest))
    expected = [*np.linalg.eigvals(A - B @ np.linalg.solve(D, C)), *np.linalg.eigvals(2 * D)]
    spectrum = np.linalg.eigvals(follow_the_ridge(v, next(iter(v.players)), 2.0).jacobian(x))
    assert_allclose(np.sort_complex(spectrum), np.sort_complex(np.array(expected, dtype=complex)), atol=1e-10)


@given(f=st.lists(whole, min_size=5, max_size=5), g=st.lists(whole, min_size=5, max_size=5), own=st.integers(1, 4))
def test_the_stackelberg_leader_follows_the_derivative_of_its_payoff_along_the_response(f, g, own):
    """The response of a quadratic follower is solved by SymPy and put into the leader's payoff."""
    x, y = symbol("x"), symbol("y")
    basis = [x, y, x**2, x * y, y**2]
    payoffs = [sum(c * m for c, m in zip(cs, basis)) for cs in (f, [*g[:4], -own])]
    v = Game({"one": ["x"], "two": ["y"]}, dict(zip(("one", "two"), payoffs))).field()
    response = sp.solve(sp.diff(payoffs[1], y), y)[0]
    total = sp.diff(payoffs[0].subs(y, response), x)
    w = stackelberg_gradient(v, "one")
    assert sp.expand(w.expressions[0].subs(y, response).subs(symbol("eta"), 0) - total) == 0
    assert w.expressions[1] == v.expressions[1]


@pytest.mark.parametrize("game, leader", [(ZERO_SUM, "x"), (GENERAL, "one"), (BLOCKS, "one"), (THREE, "two")])
@given(x=st.tuples(*[st.floats(-0.2, 0.2)] * 4))
def test_the_stackelberg_leader_follows_finite_differences_along_a_response_found_by_newton(game, leader, x):
    v = field(game)
    own, rest = blocks(v, leader)
    index = list(v.players).index(leader)

    def on_the_ridge(shift):
        z = np.array(x[: v.n])
        z[own] += shift
        for _ in range(60):
            z[rest] -= np.linalg.solve(v.jacobian(z)[np.ix_(rest, rest)], v(z)[rest])
        return z

    z = on_the_ridge(0.0)
    assert_allclose(v(z)[rest], 0, atol=1e-9)
    steps = 1e-5 * np.eye(len(own))
    slope = [(game.values(on_the_ridge(e)) - game.values(on_the_ridge(-e)))[index] / 2e-5 for e in steps]
    assert_allclose(value_at(made(game, stackelberg_gradient, leader), z)[own], slope, rtol=1e-6, atol=1e-7)


@each_game
@given(x=four, eta=st.floats(0.5, 3))
def test_the_regularised_stackelberg_gradient_subtracts_eta_from_the_followers_block(game, x, eta):
    v, x, value, J = at(game, x)
    leader = "x" if game is ZERO_SUM else "one"
    own, rest = blocks(v, leader)
    D = J[np.ix_(rest, rest)] - eta * np.eye(len(rest))
    assume(abs(np.linalg.det(D)) > 0.05)
    gradients = v.on_tuples.gradients(tuple(x), v.values())[list(v.players).index(leader)]
    slope = np.array(gradients, dtype=float)
    expected = value.copy()
    expected[own] = slope[own] - J[np.ix_(rest, own)].T @ np.linalg.solve(D.T, slope[rest])
    assert_allclose(value_at(made(game, stackelberg_gradient, leader), x, eta=eta), expected, rtol=1e-9, atol=1e-9)


def test_constant_blocks_of_any_size_have_a_leader_and_varying_ones_have_a_limit():
    """Cournot competition with 8 firms, the first the leader; then with a cubic cost."""
    firms = [f"q{i}" for i in range(8)]
    payoffs = {f"f{i}": f"{q}*(10 - {' - '.join(firms)})" for i, q in enumerate(firms)}
    game = Game({f"f{i}": [q] for i, q in enumerate(firms)}, payoffs)
    q = np.arange(1.0, 9.0)
    value, J = game.field()(q), game.field().jacobian(q)
    expected = [value[0], *value[1:] - np.linalg.solve(J[1:, 1:], J[1:, 0] * value[0])]
    assert_allclose(follow_the_ridge(game.field(), "f0")(q), expected, rtol=1e-12)
    cubic = Game(game.players, {**payoffs, "f1": payoffs["f1"] + " - q1**3"})
    with pytest.raises(InputError, match="7 rows"):
        follow_the_ridge(cubic.field(), "f0")


def test_a_stackelberg_leader_against_two_firms_supplies_half_of_the_market():
    """Followers respond to q with (10 - q)/3 each, which leaves the leader q(10 - q)/3."""
    firms = {f"f{i}": f"q{i}*(10 - q0 - q1 - q2)" for i in range(3)}
    v = Game({f"f{i}": [f"q{i}"] for i in range(3)}, firms).field()
    w = stackelberg_gradient(v, "f0")
    assert_allclose(w([5.0, 5 / 3, 5 / 3]), 0, atol=1e-14)
    assert abs(v([5.0, 5 / 3, 5 / 3])[0]) > 3


# --- relatives of consensus ---------------------------------------------------------------------------


@each_game
@given(x=four, eta=coefficients)
def test_nagarajan_kolter_descends_the_squared_gradient_of_the_others(game, x, eta):
    v, x, value, _ = at(game, x)
    generator = next(iter(v.players))
    own, rest = blocks(v, generator)
    steps = 1e-6 * np.eye(v.n)
    slope = np.array([(np.sum(v(x + e)[rest] ** 2) - np.sum(v(x - e)[rest] ** 2)) / 2e-6 for e in steps])
    value[own] -= eta * slope[own]
    w = made(game, nagarajan_kolter, generator, 1.0)
    assert_allclose(value_at(w, x, eta=eta), value, atol=1e-6 * (1 + np.abs(slope).max()))


def test_nagarajan_kolter_on_the_bilinear_game_has_the_polynomial_of_theory():
    v = Game.zero_sum("theta*psi", ["psi"], ["theta"]).field()
    w = nagarajan_kolter(v, "theta", 0.25)
    root, eta = sp.symbols("root"), symbol("eta")
    polynomial = sp.Matrix(w.jacobian_expressions).charpoly(root).as_expr()
    assert sp.expand(polynomial - (root**2 + 2 * eta * root + 1)) == 0


@each_game
@given(x=four)
def test_hamiltonian_descent_is_the_conservative_relaxation_and_has_no_curl(game, x):
    _, x, value, J = at(game, x)
    w = made(game, hamiltonian_descent)
    assert_allclose(w(x), -J.T @ value, atol=1e-11)
    assert w.expressions == made(game, conservative_relaxation).expressions
    assert_allclose(w.jacobian(x), w.jacobian(x).T, atol=1e-10)


# --- what all of them share ---------------------------------------------------------------------------

MADE = {
    "consensus": lambda v, first: consensus(v, 0.7),
    "conservative relaxation": lambda v, first: conservative_relaxation(v),
    "Hamiltonian descent": lambda v, first: hamiltonian_descent(v),
    "SGA": lambda v, first: symplectic_gradient_adjustment(v, 0.7),
    "aligned SGA": lambda v, first: symplectic_gradient_adjustment(v, 0.7, aligned=True),
    "follow-the-ridge": lambda v, first: follow_the_ridge(v, first, 1.5),
    "surgery": lambda v, first: local_symplectic_surgery(v, 0.5),
    "Nagarajan-Kolter": lambda v, first: nagarajan_kolter(v, first, 0.4),
    "Stackelberg": lambda v, first: stackelberg_gradient(v, first),
}
every_transformation = pytest.mark.parametrize("make", MADE.values(), ids=MADE)
PARAMETER = {
    "gamma": lambda v, **more: consensus(v, **more),
    "lam": lambda v, **more: symplectic_gradient_adjustment(v, **more),
    "ratio": lambda v, **more: follow_the_ridge(v, "one", **more),
    "xi": lambda v, **more: local_symplectic_surgery(v, **more),
    "eta": lambda v, **more: nagarajan_kolter(v, "one", **more),
}


INHERITING = [(g, k) for g in (ZERO_SUM, GENERAL, THREE) for k in MADE if k != "Stackelberg" or g is ZERO_SUM]


@pytest.mark.parametrize("game, name", INHERITING, ids=lambda case: getattr(case, "name", case))
@given(a=coordinates, b=coordinates)
def test_every_zero_of_v_is_one_of_the_transformed_field(game, name, a, b):
    """Stackelberg points are other points in general-sum games, so that one is asked in the zero-sum game only."""
    w = made(game, MADE[name], next(iter(game.players)))
    zero = np.array([a if n == "x" else b if n == "y" else 0.0 for n in w.variables])
    assert_allclose(value_at(w.root, zero, a=a, b=b), 0, atol=1e-12)
    assert_allclose(value_at(w, zero, a=a, b=b), 0, atol=1e-11)


@pytest.mark.parametrize("game", [ZERO_SUM, GENERAL], ids=lambda g: g.name)
@every_transformation
@given(x=four)
def test_the_exact_jacobian_is_the_complex_step(game, make, x):
    w = made(game, make, next(iter(game.players)))
    point, p = tuple(x[: w.n]), w.values()
    J = w.jacobian(point)
    assume(np.isfinite(J).all() and np.abs(J).max() < 1e4)
    columns = [w.on_tuples(tuple(c + 1e-40j * (i == j) for i, c in enumerate(point)), p) for j in range(w.n)]
    assert_allclose(J, [[np.imag(c[i]) / 1e-40 for c in columns] for i in range(w.n)], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("method", [Euler(), RungeKutta4()], ids=["Euler", "RungeKutta4"])
@every_transformation
def test_a_compiled_trajectory_is_the_plain_loop(make, method):
    w = made(GENERAL, make, "one")
    x = (0.3, -0.2)
    run = trajectory(w, list(x), method, h=0.01, steps=20)
    state = method.initial(w.on_tuples, x, w.values())
    for _ in range(20):
        state = method.step(w.on_tuples, state, w.values(), 0.01)
    assert_allclose(run.x[-1], np.array(method.position(state), dtype=float), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", PARAMETER)
def test_the_coefficient_is_a_parameter_of_the_result_and_of_the_result_only(name):
    v = GENERAL.field()
    w = PARAMETER[name](v, **{name: 0.5})
    assert dict(w.parameters) == {**v.parameters, name: 0.5} and name not in v.parameters
    assert w.base is v and w.game is v.game and w.players == v.players and "general-sum" in w.name
    renamed = PARAMETER[name](v, **{name: 0.5}, name="c")
    changed = renamed.with_parameters(c=2.0)
    assert_allclose(changed([0.3, 0.4]), PARAMETER[name](v, **{name: 2.0})([0.3, 0.4]), rtol=1e-14)


@pytest.mark.parametrize("name", PARAMETER)
def test_a_name_in_use_and_a_coefficient_that_is_no_finite_number_are_refused(name):
    v = GENERAL.field()
    with pytest.raises(InputError, match="name="):
        PARAMETER[name](v, **{name: 0.5}, name="a")
    with pytest.raises(InputError, match="name="):
        PARAMETER[name](v, **{name: 0.5}, name="x")
    for bad in (math.nan, math.inf, "much", None):
        with pytest.raises(InputError, match=name):
            PARAMETER[name](v, **{name: bad})
        with pytest.raises(InputError, match="eta"):
            stackelberg_gradient(v, "one", bad)


LED = {
    "leader": [follow_the_ridge, stackelberg_gradient],
    "generator": [lambda v, player: nagarajan_kolter(v, player, 0.1)],
}


@pytest.mark.parametrize("argument, make", [(a, f) for a, fs in LED.items() for f in fs])
def test_a_player_nobody_knows_is_refused_with_the_nearest_name(argument, make):
    v = GENERAL.field()
    with pytest.raises(InputError, match=f"{argument} is 'tow'.*did you mean 'two'"):
        make(v, "tow")
    for bad in (0, None, ["one"]):
        with pytest.raises(InputError, match="no player"):
            make(v, bad)
    with pytest.raises(InputError, match="one block"):
        make(VectorField(("y", "-x"), ("x", "y")), "all")


def test_the_stackelberg_gradient_needs_payoffs_and_a_response():
    with pytest.raises(InputError, match="no payoffs"):
        stackelberg_gradient(linear([[-1, 2], [1, -1]]), "one")
    with pytest.raises(InputError, match="no payoffs"):
        stackelberg_gradient(consensus(GENERAL.field(), 0.1), "one")
    curl = games.curl().field()
    with pytest.raises(InputError, match="positive eta"):
        stackelberg_gradient(curl, "theta")
    w = stackelberg_gradient(curl, "theta", eta=0.5)  # w_θ = -φ - (-2)(1)(-θ): the follower's block is -η
    assert_allclose(w([1.0, 3.0]), [-3 - 2, 1], rtol=1e-15)


def test_there_is_no_ridge_where_the_followers_block_is_singular_everywhere():
    with pytest.raises(InputError, match="no ridge"):
        follow_the_ridge(games.curl().field(), "theta")


def test_surgery_on_many_variables_is_refused():
    with pytest.raises(InputError, match="6 rows"):
        local_symplectic_surgery(linear(np.eye(6, dtype=int)))
