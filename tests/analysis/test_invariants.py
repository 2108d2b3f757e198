"""First integrals: what is known to be conserved is found, exactly, and nothing else."""

from __future__ import annotations

import json

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.invariants import first_integrals
from dynsys import Game, InputError, VectorField, games
from dynsys.array_field import ArrayField
from dynsys.expressions import symbol
from dynsys.functions import switch
from integrators import RungeKutta4, trajectory

few = settings(max_examples=max(15, settings.default.max_examples // 2))
seeds = st.integers(0, 2**32 - 1)
theta, phi, psi, u, w = map(symbol, ["theta", "phi", "psi", "u", "w"])


def hidden(s):
    """The zero-sum game f = s(θ) s(φ), bilinear in hidden strategies s. Vlatakis-Gkaragkounis et al. (2019)."""
    return Game.zero_sum(f"({s('theta')})*({s('phi')})", ["theta"], ["phi"]).field()


HIDDEN_LOGISTIC = hidden(lambda t: f"logistic({t})")
HIDDEN_TANH = hidden(lambda t: f"tanh({t})")
HIDDEN_CENTRED = hidden(lambda t: f"logistic({t}) - 1/2")
LOTKA_VOLTERRA = games.lotka_volterra(1.1, 0.4, 0.7, 0.3)
# field, arguments, the integrals
KNOWN = {
    "curl": (games.curl().field(), {"degree": 2}, [theta**2 + phi**2]),
    "dirac-gan": (games.dirac_gan().field(), {"degree": 2}, [theta**2 + psi**2]),
    "wgan-dirac": (games.wgan_dirac().field(), {"degree": 3}, [theta**2 + psi**2]),
    "hidden-logistic": (
        HIDDEN_LOGISTIC,
        {"degree": 1, "ansatz": ["exp(theta)", "exp(phi)"]},
        [theta + phi + sp.exp(theta) + sp.exp(phi)],
    ),
    "hidden-tanh": (
        HIDDEN_TANH,
        {"ansatz": ["cosh(theta)**2", "theta", "cosh(phi)**2", "phi"]},
        [sp.cosh(theta) ** 2 + sp.cosh(phi) ** 2],
    ),
    "hidden-centred": (
        HIDDEN_CENTRED,
        {"degree": 1, "ansatz": ["cosh(theta)", "cosh(phi)"]},
        [sp.cosh(theta) + sp.cosh(phi)],
    ),
    "hidden-sine": (
        games.sine().field(),
        {"degree": 1, "ansatz": ["log(cos(theta))", "log(cos(phi))"]},
        [sp.log(sp.cos(theta)) + sp.log(sp.cos(phi))],
    ),
    "lotka-volterra": (
        LOTKA_VOLTERRA,
        {"ansatz": ["u", "w", "log(u)", "log(w)"]},
        [7 * sp.log(u) + 11 * sp.log(w) - 3 * u - 4 * w],
    ),
    "point-vortex": (  # not polynomial, though its integral is
        VectorField(("-phi/(theta**2 + phi**2)", "theta/(theta**2 + phi**2)"), ("theta", "phi")),
        {"degree": 3},
        [theta**2 + phi**2],
    ),
    "spherical pendulum of rotations": (
        VectorField(("y*z", "-2*x*z", "x*y"), ("x", "y", "z")),
        {"degree": 2},
        sp.sympify(["2*x**2 + y**2", "-x**2 + z**2"], {n: symbol(n) for n in "xyz"}),
    ),
}


def test_an_integral_given_whole_is_recognised_though_its_derivative_cancels_only_to_rounding():
    whole = "cosh(theta) + cosh(phi)"
    assert str(first_integrals(HIDDEN_CENTRED, None, [whole]).basis) == "(cosh(phi) + cosh(theta),)"
    assert first_integrals(HIDDEN_CENTRED, None, [whole, "theta"]).complete
    with pytest.raises(InputError, match="one function too many"):  # a constant, by an identity
        first_integrals(HIDDEN_CENTRED, 1, ["softplus(theta) - softplus(-theta) - theta"])


@pytest.mark.parametrize("name", KNOWN)
def test_the_known_first_integrals_are_found_exactly_and_no_others(name):
    v, arguments, expected = KNOWN[name]
    found = first_integrals(v, **arguments)
    assert list(found.basis) == expected
    assert list(found.independent) == expected
    assert found.complete


# field, arguments, a start
RUNS = {
    "dirac-gan": [0.7, 1.3],
    "hidden-logistic": [0.4, -0.3],
    "hidden-tanh": [0.4, -0.3],
    "lotka-volterra": [1.5, 2.0],
    "spherical pendulum of rotations": [0.3, 0.5, -0.7],
}


@pytest.mark.parametrize("name", RUNS)
def test_along_a_run_of_rk4_an_integral_drifts_by_the_error_of_the_method_only(name):
    v, arguments, _ = KNOWN[name]
    for integral in first_integrals(v, **arguments).basis:
        value = sp.lambdify([symbol(n) for n in v.variables], integral, "numpy")
        drifts = []
        for steps in (50, 100):
            run = trajectory(v, RUNS[name], RungeKutta4(), h=5 / steps, steps=steps, compiled=False)
            along = value(*run.x.T)
            drifts.append(np.abs(along - along[0]).max() / abs(along).max())
        assert drifts[1] < 2e-5
        assert drifts[1] < drifts[0] / 10 + 1e-13  # order 4, or rounding


def polynomial(seed, names, degree=3, terms=4):
    draw = np.random.default_rng(seed)
    symbols = [symbol(n) for n in names]
    monomials = [
        sp.Mul(*draw.choice(symbols, size=draw.integers(1, degree, endpoint=True))) for _ in range(terms)
    ]  # products of symbols drawn with repetition
    return sp.Add(*[sp.Rational(int(draw.integers(1, 9)), int(draw.integers(1, 5))) * m for m in monomials])


def in_span(e, basis, symbols):
    rows = [sp.Poly(b, *symbols).as_dict() for b in [*basis, e]]
    monomials = sorted({m for row in rows for m in row})
    matrix = sp.Matrix([[row.get(m, 0) for m in monomials] for row in rows])
    return matrix.rank() == matrix[:-1, :].rank() == len(basis)


@few
@given(seed=seeds, pairs=st.integers(1, 2))
def test_a_hamiltonian_field_has_its_hamiltonian_in_the_span(seed, pairs):
    """v = Ω∇H, q' = ∂H/∂p, p' = -∂H/∂q."""
    names = [f"q{i}" for i in range(pairs)] + [f"p{i}" for i in range(pairs)]
    H = polynomial(seed, names)
    q, p = ([symbol(n) for n in half] for half in (names[:pairs], names[pairs:]))
    v = VectorField([*[sp.diff(H, s) for s in p], *[-sp.diff(H, s) for s in q]], names)
    found = first_integrals(v, 3)
    assert found.complete
    assert in_span(H, found.basis, [symbol(n) for n in names])
    for integral in found.basis:
        along = sum(sp.diff(integral, s) * e for s, e in zip(v.symbols, v.expressions, strict=True))
        assert sp.expand(along) == 0


@few
@given(seed=seeds, n=st.integers(1, 3), degree=st.integers(1, 3))
def test_a_linear_field_with_all_eigenvalues_to_the_left_conserves_no_polynomial(linear, seed, n, degree):
    A = np.random.default_rng(seed).uniform(-1, 1, (n, n)).round(2)
    found = first_integrals(linear(A - A.T - 0.1 * np.eye(n)), degree)
    assert found.basis == ()
    assert found.complete


@few
@given(seed=seeds, n=st.integers(2, 4))
def test_a_linear_field_with_antisymmetric_matrix_conserves_the_sum_of_squares(linear, seed, n):
    A = np.random.default_rng(seed).integers(-5, 6, (n, n))
    found = first_integrals(linear(A - A.T), 2)
    x = [symbol(f"x{i}") for i in range(n)]
    assert in_span(sum(s**2 for s in x), found.basis, x)


def test_powers_of_an_integral_are_in_the_basis_but_not_among_the_independent_ones():
    r = theta**2 + psi**2
    found = first_integrals(games.dirac_gan().field(), 6)
    assert list(found.basis) == [r, sp.expand(r**2), sp.expand(r**3)]
    assert found.independent == (r,)
    two = first_integrals(VectorField(("y", "-x", "b", "-a"), ("x", "y", "a", "b")), 4)
    assert len(two.basis) == 4 + 9  # invariants of a double rotation: of degree 2, and their products less one relation
    assert len(two.independent) == 3


def test_a_field_at_rest_conserves_every_monomial():
    assert len(first_integrals(VectorField(("0", "0"), ("x", "y")), 2).basis) == 5


def test_parameters_stand_at_their_exact_decimal_values():
    v = VectorField(("a*y", "-b*x"), ("x", "y"), {"a": 0.1, "b": 0.3})
    assert str(first_integrals(v, 2).basis) == "(3*x**2 + y**2,)"
    assert str(first_integrals(v.with_parameters(b=0.25), 2).basis) == "(5*x**2 + 2*y**2,)"


def test_what_cannot_be_verified_is_not_reported_but_confessed():
    irrational = first_integrals(VectorField(("-pi*y", "x"), ("x", "y")), 2)
    assert irrational.basis == ()
    assert not irrational.complete
    assert "1 with coefficients that are no simple rationals" in irrational.reason
    nearly = VectorField(("-y + x/10**30", "x"), ("x", "y"))  # conserves x² + y² to thirty digits, not exactly
    assert first_integrals(nearly, 2).basis == ()
    transcendental = VectorField(("-y + exp(x)/10**30", "x + exp(y)/10**30"), ("x", "y"))
    nothing = first_integrals(transcendental, 2)
    assert nothing.basis == ()
    assert nothing.complete
    hidden = VectorField(("-y + acos(x) + asin(x) - pi/2", "x"), ("x", "y"))  # (-y, x), which SymPy does not know
    doubtful = first_integrals(hidden, 2)
    assert doubtful.basis == ()
    assert not doubtful.complete
    assert "1 that SymPy cannot verify" in doubtful.reason


def test_the_result_turns_into_plain_texts():
    plain = json.loads(json.dumps(first_integrals(LOTKA_VOLTERRA, 1, ["log(u)", "log(w)"]).to_dict()))
    assert plain["basis"] == ["-3*u - 4*w + 7*log(u) + 11*log(w)"]
    assert plain["functions"] == 4
    assert plain["complete"] is True


CURL = games.curl().field()


@pytest.mark.parametrize("degree", [0, -1, 1.5, True, "2", None])
def test_a_degree_that_is_no_positive_whole_number_is_refused(degree):
    with pytest.raises(InputError, match=r"degree is .*give a whole number from 1 on"):
        first_integrals(CURL, degree)


@pytest.mark.parametrize(
    ("v", "degree", "ansatz", "message"),
    [
        (CURL, 10**9, None, "degree is 1000000000, which makes more than 500 monomials in 2 variables; lower it"),
        (games.dirac_gan().field(), 20, None, "make 230 functions, more than the 130"),
        (CURL, 15, ["exp(theta)"], "make 136 functions, more than the 130"),
        (CURL, None, "theta", "ansatz is 'theta'; give a list"),
        (CURL, None, [], r"ansatz is \[\]; give a list"),
        (CURL, None, ["thetta"], r"ansatz\[0\]: 'thetta' .*did you mean 'theta'"),
        (CURL, None, ["theta", "2"], r"ansatz\[1\] is 2, a constant"),
        (CURL, 1, ["theta"], "ansatz: theta is one function too many"),
        (LOTKA_VOLTERRA, None, ["log(u)", "log(w)", "log(2*u*w)"], r"ansatz: log\(2\*u\*w\) is one function too many"),
        (VectorField(("t*x",), ("x",), time="t"), 2, None, "depends on time"),
        (VectorField((switch(symbol("x")) * symbol("x"),), ("x",)), 2, None, "needs a smooth field: the sign of a"),
        (VectorField(("log(-1 - x**2)",), ("x",)), 2, None, "real and finite together at too few points"),
        (ArrayField(CURL, CURL.jacobian, ("x", "y")), 2, None, "first_integrals needs a VectorField"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_remedy(v, degree, ansatz, message):
    with pytest.raises(InputError, match=message):
        first_integrals(v, degree, ansatz)
