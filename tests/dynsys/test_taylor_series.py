"""Taylor coefficients of solutions: known ones, and those of an oracle that differentiates numerically."""

import ast
import warnings

import mpmath
import numba
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dynsys import InputError, VectorField, games
from dynsys.expressions import symbol
from dynsys.functions import NUMBA_HEADER, NUMPY_HEADER, SYMPY, logistic, softplus, switch
from dynsys.kernels import compiling
from dynsys.taylor_series import operations, series_text, taylor_coefficients
from dynsys.transforms import consensus

X, Y, A, T = (symbol(name) for name in "xyat")
MPMATH = {
    "logistic": lambda u: 1 / (1 + mpmath.exp(-u)),
    "softplus": lambda u: mpmath.log1p(mpmath.exp(u)),
    "switch": lambda u: 1 if u >= 0 else -1,
}
CIRCLE = VectorField(("y", "-x"), ("x", "y"))
FUNCTIONS = {name: f(X * Y / 2 + A * X) for name, f in SYMPY.items()} | {"switch": switch(X - Y) * Y}
OPERATIONS = {
    str(e): e
    for e in [
        X * Y, X**2, X**3, X**7, X**12, X**-1, X**-2, X**-5, 1 / (X * Y), A * X / Y, X / (A + Y**2), sp.Integer(1),
        A, A**2 * X, X - Y - A, -X, -3 * X / 7, sp.sqrt(X + Y**2), X ** sp.Rational(3, 2), X ** sp.Rational(-1, 2),
        X ** sp.Rational(-7, 2), X ** sp.Rational(1, 3), X ** sp.Float("-1.7"), X**A, X**-A, (X * Y) ** (A + 1), 2**X,
        sp.Rational(1, 2) ** (X * Y), A**Y, X**Y, (1 + X**2) ** (A * Y), sp.exp(-X) / Y, sp.exp(A) * X,
        sp.sin(A) * sp.sin(X) + sp.cos(X), sp.sin(X) * sp.sin(Y), sp.sinh(X) - sp.cosh(X), sp.log(A) + sp.log(X),
        sp.exp(sp.sin(X) / (2 + sp.cos(Y))), sp.tanh(X) ** 2 - sp.tan(X * Y), sp.pi * X, sp.Integer(10) ** 40 * X,
        sp.tanh(1) * X, T, T * X, T**2 * Y, sp.exp(T), sp.sin(3 * T) * X, X / (1 + T), sp.sqrt(T + 2),
        T ** sp.Float("2.5"), sp.log(1 + T) * Y, sp.atan(T) + sp.asin(T / 4) - sp.acos(T / 5), X**T, T**X,
        logistic(T) * softplus(-X), sp.tan(T / 2), sp.tanh(T * X), switch(T - 5) * X, switch(T) * X,
        logistic(X) * logistic(-X), logistic(Y - X) / softplus(X - Y),
    ]
}  # fmt: skip


def oracle(v, x, order, t=0.0):
    """x⁽ᵏ⁺¹⁾ is the k-th coefficient of v along the polynomial so far, by differences at high precision."""
    with mpmath.workdps(50):
        symbols = (*v.symbols, *v.parameter_symbols)
        parts = [sp.lambdify(symbols, e, [MPMATH, "mpmath"]) for e in v.expressions]
        parameters = [mpmath.mpf(p) for p in v.values()]
        series = [[mpmath.mpf(c)] for c in x]

        def along(part, s):
            p = [*parameters[:-1], mpmath.mpf(t) + s] if v.time else parameters
            return part(*[mpmath.polyval(row[::-1], s) for row in series], *p)

        for k in range(order):
            new = [mpmath.diff(lambda s, f=part: along(f, s), 0, k) / mpmath.factorial(k + 1) for part in parts]
            for row, c in zip(series, new, strict=True):
                row.append(c)
        return np.array(series, float)


@pytest.mark.parametrize("name", [*FUNCTIONS, *OPERATIONS])
def test_every_function_and_operation_has_the_coefficients_of_numerical_differentiation(name):
    v = VectorField(((FUNCTIONS | OPERATIONS)[name], Y / 2 - X), ("x", "y"), {"a": 0.75}, time="t")
    x, t = (0.625, 0.375), 0.25
    expected = oracle(v, x, 6, t)
    assert_allclose(taylor_coefficients(v, x, 6, t), expected, rtol=1e-13, atol=1e-13 * np.abs(expected).max())


@settings(max_examples=15)
@given(data=st.data(), x=st.floats(-1, 1), y=st.floats(-1, 1))
def test_random_expressions_have_the_coefficients_of_numerical_differentiation(smooth_expressions, data, x, y):
    v = VectorField((data.draw(smooth_expressions), data.draw(smooth_expressions)), ("x", "y"), {"a": 0.75})
    expected = oracle(v, (x, y), 4)
    assert_allclose(taylor_coefficients(v, (x, y), 4), expected, rtol=1e-11, atol=1e-11 * (1 + np.abs(expected).max()))


FIELDS = {name: getattr(made := games.named(name), "field", lambda made=made: made)() for name in games.catalogue()}
del FIELDS["prisoners-dilemma"]  # ten variables take numerical differentiation five seconds
FIELDS["consensus"] = consensus(games.dirac_gan().field(), gamma=0.3)


@pytest.mark.parametrize("name", FIELDS)
def test_the_catalogue_has_the_coefficients_of_numerical_differentiation(name):
    v = FIELDS[name]
    x = tuple(0.3 + 0.11 * i for i in range(v.n))
    expected = oracle(v, x, 5)
    assert_allclose(taylor_coefficients(v, x, 5), expected, rtol=1e-12, atol=1e-13 * np.abs(expected).max())
    assert_allclose(taylor_coefficients(v, x, 5)[:, 1], v(x), rtol=1e-14, atol=1e-14)


SOLVED = {  # x' at x(0) = ½, and the solution
    "x": lambda s: mpmath.exp(s) / 2,
    "x**2": lambda s: 1 / (2 - s),
    "-1/(2*x)": lambda s: mpmath.sqrt(mpmath.mpf(1) / 4 - s),
    "1 + x**2": lambda s: mpmath.tan(s + mpmath.atan(0.5)),
    "x - x**2": lambda s: 1 / (1 + mpmath.exp(-s)),
    "sqrt(1 - x**2)": lambda s: mpmath.sin(s + mpmath.asin(0.5)),
    "exp(-x)": lambda s: mpmath.log(s + mpmath.exp(0.5)),
    "cos(x)": lambda s: 2 * mpmath.atan(mpmath.tanh((s + 2 * mpmath.atanh(mpmath.tan(0.25))) / 2)),
    "2*t*x": lambda s: mpmath.exp(s**2) / 2,
    "exp(t)*cos(exp(t))": lambda s: mpmath.sin(mpmath.exp(s)) - mpmath.sin(1) + 0.5,
}


@pytest.mark.parametrize("rate", SOLVED)
def test_known_solutions_have_their_coefficients_to_order_30(rate):
    with mpmath.workdps(60):
        expected = np.array(mpmath.taylor(SOLVED[rate], 0, 30), float)
    series = taylor_coefficients(VectorField((rate,), ("x",), time="t"), [0.5], 30, t=0.0)
    assert_allclose(series[0], expected, rtol=1e-12, atol=1e-14 * np.abs(expected).max())


def test_time_is_a_variable_of_unit_speed():
    v = VectorField(("sin(t*x) + y/(1 + t)", "log(2 + t**2)*x - a*t"), ("x", "y"), {"a": 0.4}, time="t")
    series = taylor_coefficients(v, [0.3, -0.2], 12, t=0.7)
    with_time = taylor_coefficients(v.autonomous(), [0.3, -0.2, 0.7], 12)
    assert_allclose(series, with_time[:2], rtol=1e-13)
    assert_array_equal(with_time[2], [0.7, 1.0, *[0.0] * 11])


@given(x=st.tuples(*[st.floats(-10, 10)] * 3), s=st.floats(0.001, 0.01))
def test_a_step_forth_and_a_step_back_lead_home(x, s):
    there = taylor_coefficients(games.lorenz(), x, 20) @ s ** np.arange(21)
    back = taylor_coefficients(games.lorenz(), there, 20) @ (-s) ** np.arange(21)
    assert_allclose(back, x, atol=1e-13 * (1 + np.abs(x).max()))


def test_arrays_of_points_give_arrays_of_series():
    v = VectorField(("a*y", "1"), ("x", "y"), {"a": 2.0})
    points = np.random.default_rng(5).normal(size=(3, 4, 2))
    series = taylor_coefficients(v, points, 3)
    assert series.shape == (3, 4, 2, 4) and series.dtype == float
    zero = np.zeros((3, 4))
    assert_array_equal(series[..., 0, :], np.stack([points[..., 0], 2 * points[..., 1], zero + 1, zero], -1))
    assert_array_equal(series[..., 1, :], np.stack([points[..., 1], zero + 1, zero, zero], -1))
    assert taylor_coefficients(v, np.empty((0, 2)), 3).shape == (0, 2, 4)
    assert_array_equal(series[2, 1], taylor_coefficients(v, points[2, 1], 3))


def test_a_component_that_is_zero_stays_so():
    assert_array_equal(taylor_coefficients(VectorField(("0", "x"), ("x", "y")), [3.0, 1.0], 2), [[3, 0, 0], [1, 3, 0]])


def test_whole_powers_are_finite_at_zero():
    v = VectorField(("x**3 + x**8 + (x*y)**5 + 1", "1 - y**2"), ("x", "y"))
    assert_allclose(taylor_coefficients(v, [0.0, 0.0], 4), [[0, 1, 0, 0, 0.25], [0, 1, 0, -1 / 3, 0]], atol=1e-17)


@pytest.mark.parametrize(
    "rate", ["1/x", "log(x)", "sqrt(x - 1)", "x**(-1.7)", "asin(2 + x)", "y**x", "exp(1/x)", "1/a"]
)
def test_poles_give_infinities_and_nan_in_silence(rate):
    v = VectorField((rate, "1"), ("x", "y"), {"a": 0.0})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        series = taylor_coefficients(v, [0.0, -1.0], 4)
    assert not np.isfinite(series[0, 1:3]).all()
    assert_array_equal(series[1], [-1, 1, 0, 0, 0])


def test_infinite_and_missing_points_are_no_error():
    assert np.isnan(taylor_coefficients(games.lorenz(), [[np.nan] * 3, [np.inf] * 3], 3)[:, 0, 1:]).all()


# --- the text -----------------------------------------------------------------------------------


def compiled(text):
    namespace = {"emitted": numba.njit(error_model="numpy")}
    exec((NUMBA_HEADER if compiling() else NUMPY_HEADER) + text, namespace)
    return namespace["series"]


def test_compiled_by_numba_it_is_what_numpy_computes():
    every = [*FUNCTIONS.values(), *OPERATIONS.values()]
    v = VectorField((*every, Y / 2 - X), [*[f"z{i}" for i in range(len(every) - 1)], "x", "y"], {"a": 0.75}, time="t")
    x = (0.5,) * (len(every) - 1) + (0.625, 0.375)
    series = compiled(series_text(v, 3, "@emitted"))(x, v.values(0.25))
    assert_allclose(series, taylor_coefficients(v, x, 3, 0.25), rtol=1e-13, atol=1e-13)


def test_a_series_of_more_than_thirty_coefficients_compiles():
    series = compiled(series_text(CIRCLE, 40, "@emitted"))((0.0, 1.0), ())
    assert_allclose(series, taylor_coefficients(CIRCLE, [0.0, 1.0], 40), rtol=1e-14)
    assert np.polyval(series[0][::-1], 1.0) == pytest.approx(np.sin(1.0), rel=1e-15)


def cost(expression, order):
    return operations(series_text(VectorField((expression, "1"), ("x", "y"), {"a": 2.0}, time="t"), order))


@pytest.mark.parametrize("expression", ["a*x + 3*y - t/7", "x*exp(a)", "t*x", "(1 + t**2)*x", "a**2*x/(1 + t)"])
def test_linear_fields_cost_the_same_at_every_order(expression):
    assert cost(expression, 30) - cost(expression, 20) == cost(expression, 20) - cost(expression, 10)


def test_a_square_costs_half_a_product():
    product = operations(series_text(VectorField(("x*y", "x + y"), ("x", "y")), 20))
    square = operations(series_text(VectorField(("x**2", "x + y"), ("x", "y")), 20))
    linear = operations(series_text(VectorField(("x", "x + y"), ("x", "y")), 20))
    assert (square - linear) / (product - linear) < 0.6


def test_common_parts_are_expanded_once():
    single = operations(series_text(VectorField(("sin(x*y)", "y"), ("x", "y")), 8))
    double = operations(series_text(VectorField(("sin(x*y)", "3*sin(x*y) + cos(x*y)"), ("x", "y")), 8))
    assert double < 1.3 * single


def test_the_logistic_function_of_either_sign_is_expanded_once():
    single = operations(series_text(VectorField(("logistic(x)", "y"), ("x", "y")), 20))
    double = operations(series_text(VectorField(("logistic(x)", "logistic(-x)"), ("x", "y")), 20))
    assert double < 1.3 * single
    steep = taylor_coefficients(VectorField(("logistic(x)*logistic(-x)",), ("x",)), [40.0], 1)[0, 1]
    assert steep == pytest.approx(np.exp(-40.0), rel=1e-14)


def test_no_name_of_a_users_stands_in_the_text():
    v = VectorField(("n0_1*lambda", "exp(n0_1)"), ("lambda", "n0_1"))
    used = {node.id for node in ast.walk(ast.parse(series_text(v, 3))) if isinstance(node, ast.Name)}
    assert "lambda" not in used
    assert_allclose(taylor_coefficients(v, [2.0, 0.5], 3), oracle(v, [2.0, 0.5], 3), rtol=1e-14)


@pytest.mark.parametrize("order", [0, -1, 101, 2.0, "8", True, None])
def test_an_order_that_is_none_is_refused(order):
    with pytest.raises(InputError, match=r"order is .*; give a whole number from 1 to 100"):
        taylor_coefficients(CIRCLE, [0.0, 1.0], order)


def test_fields_without_expressions_and_points_of_another_dimension_are_refused():
    with pytest.raises(InputError, match="Taylor series need a VectorField"):
        series_text(lambda x: x, 5)
    with pytest.raises(InputError, match="x has 3 entries but the field has variables"):
        taylor_coefficients(CIRCLE, [0.0, 1.0, 2.0], 5)
    with pytest.raises(InputError, match="t is"):
        taylor_coefficients(VectorField(("t",), ("x",), time="t"), [0.0], 5, t="now")
