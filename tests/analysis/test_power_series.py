"""Power series in the step against SymPy's own expansions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import sympy as sp
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from analysis import modified_field
from analysis.power_series import Series, evaluated, on_series
from dynsys import Game, InputError, games
from dynsys.vector import solution, solve, sqrt, times
from integrators import Euler

ORDER = 4
few = settings(
    max_examples=max(5, settings.default.max_examples // 8), phases=[Phase.generate]
)  # shrinking symbolic failures takes minutes
t, u, H = sp.Symbol("t"), sp.Symbol("u"), sp.Symbol("h")
fractions = st.builds(sp.Rational, st.integers(-6, 6), st.integers(1, 5))
series = st.lists(fractions, min_size=ORDER + 1, max_size=ORDER + 1)


def exactly(coefficients):
    return Series(list(map(sp.sympify, coefficients)))


def polynomial(coefficients):
    return sum(c * H**k for k, c in enumerate(coefficients))


def assert_expands(found, expression):
    """Coefficients by repeated differentiation at h = 0."""
    for k, c in enumerate(found.coefficients):
        difference = sp.expand(c - sp.diff(expression, H, k).subs(H, 0) / sp.factorial(k))
        assert difference == 0 or sp.simplify(difference) == 0, (k, c)


@few
@given(a=series, b=series, c=fractions)
def test_sums_products_and_quotients_are_those_of_truncated_polynomials(a, b, c):
    A, B, p, q = exactly(a), exactly(b), polynomial(a), polynomial(b)
    assert A.order == ORDER
    for found, expression in (
        (A + B, p + q),
        (A - B, p - q),
        (c - A, c - p),
        (2 * A * B + c, 2 * p * q + c),
        (-A, -p),
        (A**3, p**3),
        (A.times(c), c * p),
        (A / 3, p / 3),
    ):
        assert_expands(found, sp.expand(expression))
    assume(b[0] != 0)
    quotient = A / B
    assert_expands(quotient * B, sp.expand(p))
    assert_expands(c / B * B, sp.sympify(c))
    assert_expands(B.reciprocal() * B, sp.Integer(1))


@few
@given(a=series, k=st.integers(1, 3))
def test_functions_of_a_series_have_the_taylor_coefficients(a, k):
    a = [abs(a[0]) + k, *a[1:]]
    A, p = exactly(a), polynomial(a)
    assert_expands(sqrt(A) * sqrt(A), sp.expand(p))
    assert_expands(A**-2 * A**2, sp.Integer(1))
    assert_expands(A.under(sp.exp), sp.exp(p))
    assert_expands(A.under(sp.log), sp.log(p))
    assert_expands(A ** sp.Rational(1, 3), p ** sp.Rational(1, 3))


EXPRESSIONS = [
    (1 + t * u) / (2 - t + u**2),
    sp.exp(t - u) * sp.sin(t * u) + 3,
    sp.sqrt(1 + t**2) / sp.cosh(u),
    sp.log(3 + t) ** 2 - 1 / (1 + u) ** 3,
    (2 + t) ** u,
    sp.tanh(t) ** 2 + u * sp.Rational(2, 7),
    2**t + t ** sp.Rational(5, 2),
]


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_an_expression_with_series_put_in_is_the_series_of_the_expression(expression):
    a = [1, 2, sp.Rational(-1, 2), 0, sp.Rational(1, 3)]
    b = [sp.Rational(1, 2), -1, 0, 3, sp.Rational(1, 5)]
    found = evaluated(expression, {t: exactly(a), u: exactly(b)})
    whole = expression.subs({t: polynomial(a), u: polynomial(b)})
    for k, c in enumerate(found.coefficients):
        difference = c - sp.diff(whole, H, k).subs(H, 0) / sp.factorial(k)
        assert abs(sp.N(difference, 30)) < sp.Rational(1, 10**25)


def test_symbols_that_are_not_put_in_stay():
    found = evaluated(t * u + u**2, {t: exactly([1, 2, 0])})
    assert found.coefficients == (u**2 + u, 2 * u, 0)
    assert evaluated(u**2, {t: exactly([1, 2])}) == u**2


def test_a_field_on_series_is_the_taylor_expansion_along_a_curve():
    game = Game({"a": ["x"], "b": ["y"]}, {"a": "x**2*y + exp(x)", "b": "x*y**2 - sin(x*y)"})
    v, on = game.field(), on_series(game.field())
    a, b = [1, 1, 0, 2], [sp.Rational(1, 2), 0, -1, 1]
    point = dict(zip(v.symbols, (polynomial(a), polynomial(b)), strict=True))
    x = (exactly(a), exactly(b))
    for found, expression in zip(on(x, ()), v.expressions, strict=True):
        assert_expands(found, expression.subs(point))
    for row, expected in zip(on.jacobian(x, ()), v.jacobian_expressions, strict=True):
        for found, expression in zip(row, expected, strict=True):
            assert_expands(found, expression.subs(point))
    assert_expands(on.gradients(x, ())[1][0], sp.diff(game.payoffs["b"], v.symbols[0]).subs(point))


@few
@given(entries=st.lists(series, min_size=6, max_size=6))
def test_a_linear_system_near_the_identity_is_solved_to_every_order(entries):
    shifted = [[sp.Integer(0), *e[:-1]] for e in entries[:4]]
    A = [[Series(shifted[2 * i + j]) + int(i == j) for j in (0, 1)] for i in (0, 1)]
    b = [Series(e) for e in entries[4:]]
    x = solve(tuple(map(tuple, A)), tuple(b))
    for row, right in zip(A, b, strict=True):
        assert (row[0] * x[0] + row[1] * x[1] - right).coefficients == (0,) * (ORDER + 1)


def test_an_implicit_equation_is_solved_to_every_order():
    """y = 1 + h y²: the Catalan numbers."""
    h = exactly([0, 1, 0, 0, 0, 0])
    one = h * 0 + 1
    (y,) = solution(lambda y: ((y[0] - one - h * y[0] * y[0],), None), (one,))
    assert y.coefficients == (1, 1, 2, 5, 14, 42)


def test_weights_stay_exact_and_floats_stand_for_their_decimals():
    h = exactly([0, 1, 0])
    assert times(sp.sqrt(3) / 6, h).coefficients == (0, sp.sqrt(3) / 6, 0)
    assert (0.1 * h).coefficients == (0, sp.Rational(1, 10), 0)
    assert (h / 0.3).coefficients == (0, sp.Rational(10, 3), 0)


@dataclass(frozen=True)
class Hoarder(Euler):
    """Keeps the sum of all gradients, and so never forgets the first."""

    def initial(self, v, x, p):
        return x, tuple(0 * c for c in x)

    def step(self, v, state, p, h):
        x, total = state
        slope = v(x, p)
        return tuple(a + h * s for a, s in zip(x, slope)), tuple(a + s for a, s in zip(total, slope))


def test_a_method_that_never_forgets_has_no_modified_field():
    with pytest.raises(InputError, match="part of its memory is never forgotten"):
        modified_field(games.curl().field(), Hoarder(), 2)


def test_the_order_counts_the_terms_kept():
    field = modified_field(games.curl().field(), Euler(), 1)
    np.testing.assert_allclose(field([0.3, -0.2]), games.curl().field()([0.3, -0.2]))
