"""Generated text computes what SymPy computes, and nothing of a user's stands in it."""

import ast

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from dynsys import VectorField
from dynsys.codegen import functions_text, numpy_functions, tuple_text
from dynsys.expressions import symbol
from dynsys.functions import SYMPY, logistic, softplus

X, Y, A = symbol("x"), symbol("y"), symbol("a")
coordinates = st.fractions(-2, 2, max_denominator=50)


def numerical(expressions, x, p):
    return numpy_functions(functions_text({"f": expressions}, (X, Y), (A,)))["f"](x, p)


def largest_part(e, point):
    """The largest magnitude among an expression's parts: what rounding errors are measured against."""
    return max(
        abs(part.subs(point).evalf(20)) for part in sp.preorder_traversal(e) if part.is_number or part.free_symbols
    )


@given(data=st.data(), x=coordinates, y=coordinates, a=coordinates)
def test_the_numpy_function_is_sympys_value_to_1e_12(smooth_expressions, data, x, y, a):
    e = data.draw(smooth_expressions)
    point = {s: sp.Rational(q.numerator, q.denominator) for s, q in zip((X, Y, A), (x, y, a), strict=True)}
    (value,) = numerical([e], (float(x), float(y)), (float(a),))
    assert abs(value - e.subs(point).evalf(30)) <= 1e-12 * (1 + largest_part(e, point))


@given(data=st.data(), x=coordinates, y=coordinates, a=coordinates)
def test_the_jacobian_is_the_complex_step_of_the_field(smooth_expressions, data, x, y, a):
    v = VectorField((data.draw(smooth_expressions), data.draw(smooth_expressions)), ("x", "y"), {"a": float(a)})
    point, p, step = (float(x), float(y)), v.values(), 1e-40j
    columns = [v.on_tuples(tuple(c + step * (i == j) for i, c in enumerate(point)), p) for j in range(2)]
    oracle = np.array([[np.imag(columns[j][i]) / step.imag for j in range(2)] for i in range(2)])
    assert_allclose(v.jacobian(point), oracle, rtol=1e-9, atol=1e-10)


@given(data=st.data(), x=coordinates, y=coordinates, a=coordinates)
def test_floats_complex_numbers_and_arrays_give_the_same_value(smooth_expressions, data, x, y, a):
    e = data.draw(smooth_expressions)
    x, y, p = float(x), float(y), (float(a),)
    (plain,) = numerical([e], (x, y), p)
    (of_complex,) = numerical([e], (x + 0j, y + 0j), p)
    (of_arrays,) = numerical([e], (np.full(3, x), np.full(3, y)), p)
    scale = 1e-12 * (1 + float(largest_part(e, {X: x, Y: y, A: p[0]})))
    assert_allclose(of_complex, plain, atol=scale)
    assert_allclose(np.broadcast_to(of_arrays, 3), plain, atol=scale)


@pytest.mark.parametrize("name", sorted(SYMPY))
def test_each_function_and_its_derivative_agree_with_sympy(name):
    t = sp.Rational(3, 10)
    f = SYMPY[name]
    values = numerical([f(X), sp.diff(f(X), X), sp.diff(f(X), X, 2)], (0.3, 0.0), (0.0,))
    oracle = [sp.diff(f(X), X, k).subs(X, t).evalf(30) for k in range(3)]
    assert_allclose(values, np.array(oracle, float), rtol=1e-14)


@pytest.mark.parametrize(
    "e",
    [X**-1, X**-3, X ** sp.Rational(-1, 2), -X / (Y * A), (1 / X) ** A, 1 / (1 / X + Y), 2**-X, X**-A, (X * Y) ** -2,
     -(X**2), (-X) ** 3, X - (Y - A), X / (Y / A), -3 * X / 7, X ** (A - Y), sp.exp(-X) / Y,
     sp.Rational(-1, 3) ** 3 * X, 1 / (X * sp.exp(Y)),
     sp.Float("0.1") * X, sp.pi**2 * X / sp.E, sp.Integer(10) ** 40 * X,
     X / sp.Integer(10) ** 40, X**20, sp.Integer(-1) * (X + Y), (X + Y) ** -1 * (X - Y) ** -2, sp.sqrt(X / Y),
     (X**2 + 1) ** sp.Rational(5, 2), sp.EulerGamma * X, sp.GoldenRatio**X,
     sp.Catalan - X * sp.TribonacciConstant, X ** (sp.tanh(1) - sp.tanh(2))],
    ids=str,
)  # fmt: skip
def test_signs_quotients_and_powers_keep_their_precedence(e):
    point = {X: sp.Rational(7, 5), Y: sp.Rational(3, 10), A: sp.Rational(9, 4)}
    (value,) = numerical([e], (1.4, 0.3), (2.25,))
    assert value == pytest.approx(float(e.subs(point).evalf(30)), rel=1e-14)


def test_constants_cost_a_number_and_small_powers_products():
    text = functions_text({"f": [sp.Integer(0), sp.Rational(1, 3), X**3]}, (X, Y), (A,))
    assert "(0.0, 0.3333333333333333, (x0*x0*x0),)" in text and "x1" not in text and "p0" not in text


def test_common_parts_are_computed_once():
    common = sp.tanh(sp.sin(X) * Y)
    text = functions_text({"f": [common + 1, common**2, common * X]}, (X, Y), (A,))
    assert text.count("tanh(") == 1 and text.count("sin(") == 1


def test_no_name_of_a_users_stands_in_generated_text():
    names = ("__import__", "lambda", "c0", "x1")
    v = VectorField(("c0*__import__", "exp(lambda)", "x1 + c0", "x1*__import__ + c0*__import__"), names)
    used = {node.id for node in ast.walk(ast.parse(v.source())) if isinstance(node, ast.Name)}
    assert used <= {"x", "p", "exp", *(f"{kind}{i}" for kind in "xpc" for i in range(4))}
    assert_allclose(v([2.0, 1.0, 3.0, 5.0]), [6, np.e, 8, 16], rtol=1e-15)


@pytest.mark.parametrize("size", [0, 1, 2, 20, 21, 61])
def test_a_tuple_of_any_length_is_written_in_chunks_numba_compiles(size):
    tree = ast.parse(tuple_text([str(i) for i in range(size)]), mode="eval")
    assert max(len(node.elts) for node in ast.walk(tree) if isinstance(node, ast.Tuple)) <= 30
    assert eval(compile(tree, "tuple", "eval")) == tuple(range(size))


@given(st.floats(-2000, 2000))
def test_logistic_and_softplus_stay_finite_where_exp_overflows(t):
    with np.errstate(over="ignore"):
        values = numerical(
            [logistic(X), softplus(X), sp.diff(logistic(X), X), sp.diff(softplus(X), X, 2)],
            (np.float64(t), 0.0),
            (0.0,),
        )
    sigma = 0.5 * (1 + np.tanh(t / 2))
    slope = 0.25 / np.cosh(min(abs(t), 700) / 2) ** 2
    assert_allclose(values, [sigma, np.logaddexp(0, t), slope, slope], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("t", [-900, -40, -1, 0.5, 40, 900])
def test_sympy_evaluates_logistic_and_softplus_to_all_digits(t):
    t = sp.Rational(t)
    exp = sp.exp(-t).evalf(900)
    assert abs(logistic(t).evalf(40) * (1 + exp) - 1) < 1e-39
    assert abs(softplus(t).evalf(40) / sp.log(1 + sp.exp(t).evalf(900)) - 1) < 1e-38
