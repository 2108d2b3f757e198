"""The exact linear theory of each method: THEORY's formulas as identities in z, ζ and the hyper-parameters."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from numpy.testing import assert_allclose

from analysis import critical_step, multipliers, stability_function
from analysis.stability_functions import ENTRIES, ZETA, H, S, Z, exact_method, lowest_terms, polynomials_in
from dynsys import InputError, games
from integrators import (
    SSPRK3,
    AdamsBashforth2,
    Alternating,
    AverageVectorField,
    CompetitiveGradient,
    ComplexMomentum,
    Euler,
    ExplicitMidpoint,
    ExplicitRungeKutta,
    Extragradient,
    Gauss2,
    HeavyBall,
    Heun,
    ImplicitEuler,
    ImplicitMidpoint,
    LookAhead,
    Lookahead,
    Nesterov,
    OptimisticGradient,
    Ralston,
    Rates,
    RungeKutta3,
    RungeKutta4,
    StormerVerlet,
    Trapezoidal,
)

half = sp.Rational(1, 2)
beta, g, u, alpha, b1, b2, p, q = sp.symbols("beta g u alpha b1 b2 p q")
re, im = sp.symbols("re im", real=True)
a, b, c, d = ENTRIES


def taylor(k):
    return sum(Z**j / sp.factorial(j) for j in range(k + 1))


def same(left, right):
    return sp.cancel(sp.together(left - right)) == 0


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (Euler(), 1 + Z),
        (Heun(), taylor(2)),
        (ExplicitMidpoint(), taylor(2)),
        (Ralston(), taylor(2)),
        (RungeKutta3(), taylor(3)),
        (SSPRK3(), taylor(3)),
        (RungeKutta4(), taylor(4)),
        (ExplicitRungeKutta(((0, 0), ("1/3", 0)), ("1/4", "3/4")), 1 + Z + Z**2 / 4),
        (ImplicitEuler(), 1 / (1 - Z)),
        (ImplicitMidpoint(), (1 + Z / 2) / (1 - Z / 2)),
        (Trapezoidal(), (1 + Z / 2) / (1 - Z / 2)),
        (AverageVectorField(), (1 + Z / 2) / (1 - Z / 2)),
        (Gauss2(), (1 + Z / 2 + Z**2 / 12) / (1 - Z / 2 + Z**2 / 12)),
        (Extragradient(), 1 + Z + Z**2),
        (Extragradient(g, u), 1 + u * Z + u * g * Z**2),
        (Lookahead(Euler(), 4, alpha), 1 + alpha * ((1 + Z) ** 4 - 1)),
        (Lookahead(RungeKutta4(), 2, alpha), 1 + alpha * (taylor(4) ** 2 - 1)),
        (Lookahead(ImplicitEuler(), 3, alpha), 1 + alpha * ((1 - Z) ** -3 - 1)),
    ],
    ids=lambda value: getattr(value, "label", None),
)
def test_a_one_step_method_has_the_stability_function_of_theory(method, expected):
    found = stability_function(method)
    assert same(found.function, expected)
    assert found.text == f"R(z) = {found.function}"
    assert _scale(found).is_positive
    numerator, denominator = sp.fraction(sp.together(expected))
    assert same(found.polynomial * sp.Poly(denominator, Z).TC(), (denominator * ZETA - numerator) * _scale(found))


def _scale(found):
    """The coefficient of ζ at z = 0 of the polynomial found: its one freedom."""
    return found.polynomial.coeff(ZETA, 1).subs(Z, 0)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (OptimisticGradient(), ZETA**2 - (1 + 2 * Z) * ZETA + Z),
        (AdamsBashforth2(), ZETA**2 - (1 + 3 * Z / 2) * ZETA + Z / 2),
        (HeavyBall(beta), ZETA**2 - (1 + beta + Z) * ZETA + beta),
        (HeavyBall(-0.3), ZETA**2 - (sp.Rational(7, 10) + Z) * ZETA - sp.Rational(3, 10)),
        (Nesterov(beta), ZETA**2 - (1 + Z) * ((1 + beta) * ZETA - beta)),
        (
            ComplexMomentum(re + sp.I * im),
            (ZETA - 1) * (ZETA**2 - 2 * re * ZETA + re**2 + im**2) - Z * ZETA * (ZETA - re),
        ),
        (
            ComplexMomentum(0.6 + 0.5j),
            (ZETA - 1) * (ZETA**2 - ZETA * 6 / 5 + sp.Rational(61, 100)) - Z * ZETA * (ZETA - sp.Rational(3, 5)),
        ),
    ],
    ids=lambda value: getattr(value, "label", None),
)
def test_a_method_with_memory_has_the_polynomial_of_theory(method, expected):
    found = stability_function(method)
    assert found.function is None
    leading = sp.Poly(found.polynomial, ZETA).LC()
    assert same(found.polynomial, leading * expected)
    assert leading.is_positive
    bilinear = sp.expand(expected.subs(Z, sp.I * S) * expected.subs(Z, -sp.I * S))
    assert same(found.bilinear, leading**2 * bilinear)


def test_lookahead_over_heavy_ball_averages_the_point_and_keeps_the_velocity():
    """A cycle in words: two steps of the companion matrix, then only the point's row goes back."""
    T = sp.Matrix([[1 + Z, beta], [Z, beta]])  # of (x, m)
    cycle = T**2
    mixed = sp.Matrix([[1 + alpha * (cycle[0, 0] - 1), alpha * cycle[0, 1]], list(cycle[1, :])])
    expected = sp.expand((ZETA * sp.eye(2) - mixed).det())
    assert same(stability_function(Lookahead(HeavyBall(beta), 2, alpha)).polynomial, expected)


A = sp.Matrix([[a, b], [c, d]])
I2 = sp.eye(2)


def characteristic(M):
    return sp.numer(sp.together((ZETA * sp.eye(M.rows) - M).det()))


@pytest.mark.parametrize(
    ("method", "matrix"),
    [
        (Rates(Euler(), (p, q)), I2 + H * sp.diag(p, q) * A),
        (Rates(Extragradient(), (p, q)), I2 + H * sp.diag(p, q) * A * (I2 + H * sp.diag(p, q) * A)),
        (CompetitiveGradient(p), I2 + H * sp.Matrix([[1, -p * H * b], [-p * H * c, 1]]).inv() * A),
        (LookAhead(p), I2 + H * (I2 + p * H * sp.Matrix([[0, b], [c, 0]])) * A),
        (Alternating(), sp.Matrix([[1, 0], [H * c, 1 + H * d]]) * sp.Matrix([[1 + H * a, H * b], [0, 1]])),
        (
            Alternating(players=(1, 0), steps=(1, 2)),
            sp.Matrix([[1 + H * a, H * b], [0, 1]]) * sp.Matrix([[1, 0], [H * c, 1 + H * d]]) ** 2,
        ),
    ],
    ids=lambda value: getattr(value, "label", None),
)
def test_a_method_that_treats_the_players_apart_has_the_polynomial_of_its_matrix(method, matrix):
    found = stability_function(method)
    expected = characteristic(matrix)
    ratio = sp.Poly(found.polynomial, ZETA).LC() / sp.Poly(expected, ZETA).LC()
    assert found.function is None
    assert same(found.polynomial, ratio * expected)
    assert ratio.subs(dict.fromkeys((H, *ENTRIES), 0)) in (1, -1)


def test_alternating_gradients_have_the_polynomial_of_theory():
    found = stability_function(Alternating())
    expected = ZETA**2 - (2 + H * (a + d) + H**2 * b * c) * ZETA + (1 + H * a) * (1 + H * d)
    assert same(found.polynomial, expected)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (Alternating(), ZETA**2 - (2 - S**2) * ZETA + 1),
        (Alternating(players=(1, 0)), ZETA**2 - (2 - S**2) * ZETA + 1),
        (Alternating(steps=(2, 3)), ZETA**2 - (2 - 6 * S**2) * ZETA + 1),
        (StormerVerlet(), ZETA**2 - (2 - S**2) * ZETA + 1),
        # each player's memory is the gradient at its own last turn: (ζ - 1)θ = -s(2 - 1/ζ)φ, (ζ - 1)φ = s(2ζ - 1)θ
        (Alternating(OptimisticGradient()), ZETA * (ZETA * (ZETA - 1) ** 2 + S**2 * (2 * ZETA - 1) ** 2)),
        (
            Alternating((HeavyBall(b1), HeavyBall(b2))),
            (ZETA - 1) ** 2 * (ZETA - b1) * (ZETA - b2) + S**2 * ZETA**3,
        ),
        (Rates(Euler(), (p, q)), (ZETA - 1) ** 2 + p * q * S**2),
        (CompetitiveGradient(), (1 + S**2) * ZETA**2 - 2 * ZETA + 1),
    ],
    ids=lambda value: getattr(value, "label", None),
)
def test_on_bilinear_games_the_players_apart_have_the_polynomial_of_theory(method, expected):
    assert same(stability_function(method).bilinear, expected)


def test_on_bilinear_games_competitive_gradient_is_implicit_euler():
    assert same(stability_function(CompetitiveGradient()).bilinear, stability_function(ImplicitEuler()).bilinear)


def test_a_float_stands_for_its_decimal_wherever_it_is_among_the_hyperparameters():
    given = Alternating((HeavyBall(0.1), Lookahead(HeavyBall(-0.3), 2, 0.7)), steps=(1, 2))
    exact = exact_method(given)
    assert exact.inner[0].beta == sp.Rational(1, 10)
    assert exact.inner[1].method.beta == sp.Rational(-3, 10)
    assert exact.inner[1].alpha == sp.Rational(7, 10)
    assert (exact.steps, exact.inner[1].k) == ((1, 2), 2)
    assert exact_method(HeavyBall(Fraction(1, 3))).beta == Fraction(1, 3)
    assert exact_method(HeavyBall(np.float64(0.2))).beta == sp.Rational(1, 5)
    assert exact_method(ComplexMomentum(0.25 - 0.5j)).b == sp.Rational(1, 4) - sp.I / 2
    assert exact_method(HeavyBall(beta)).beta is beta
    assert exact_method(Euler()) == Euler()


def test_lowest_terms_cancels_common_factors_and_roots_too():
    assert lowest_terms((Z**2 - 1) / (Z - 1)) == Z + 1
    assert lowest_terms((Z**2 - 2 * sp.sqrt(3) * Z + 3) / (Z - sp.sqrt(3))) == Z - sp.sqrt(3)
    assert lowest_terms(2) == 2


def test_polynomials_in_a_symbol_share_the_least_common_denominator():
    rows = [[Z / (1 - Z), 1 / (1 - Z) ** 2], [sp.Integer(3), Z / (1 + Z)]]
    numerators, denominator = polynomials_in(rows, Z)
    assert denominator.degree() == 3
    for row, polynomials in zip(rows, numerators, strict=True):
        for entry, polynomial in zip(row, polynomials, strict=True):
            assert same(polynomial.as_expr() / denominator.as_expr(), entry)


@pytest.mark.parametrize("method", [HeavyBall(Z), Lookahead(HeavyBall(ZETA)), Rates(Euler(), (1, a)), LookAhead(H)])
def test_a_hyperparameter_named_like_a_symbol_of_the_answer_is_refused(method):
    with pytest.raises(InputError, match=r"symbol .* use another name"):
        stability_function(method)


@pytest.mark.parametrize("method", [HeavyBall(beta), Lookahead(Euler(), 2, beta), Rates(Euler(), (1, beta))])
def test_what_needs_numbers_refuses_a_symbol(method):
    v = games.curl().field()
    for analysis in (lambda: critical_step(v, [0, 0], method), lambda: multipliers(v, [0, 0], method, 0.1)):
        with pytest.raises(InputError, match=r"a hyper-parameter of .* is beta; give a number"):
            analysis()


@pytest.mark.parametrize(
    ("exact", "floating"),
    [
        (HeavyBall(-sp.sqrt(2) / 2), HeavyBall(-(0.5**0.5))),
        (HeavyBall(Fraction(1, 3)), HeavyBall(1 / 3)),
        (ComplexMomentum(sp.Rational(1, 2) + sp.I * sp.sqrt(3) / 4), ComplexMomentum(0.5 + 0.75**0.5 / 2 * 1j)),
        (Lookahead(Rates(Euler(), (Fraction(1, 3), 2)), 2, half), Lookahead(Rates(Euler(), (1 / 3, 2)), 2, 0.5)),
        (ExplicitRungeKutta(((0, 0), (1, 0)), ("1/2", "1/2")), Heun()),
    ],
    ids=lambda method: method.label,
)
def test_an_exact_hyperparameter_counts_as_its_value(exact, floating):
    v = games.quadratic(-1, 2, 1).field()
    steps = [critical_step(v, [0, 0], method).stable for method in (exact, floating)]
    assert len(steps[0]) == 1
    assert_allclose(*steps, rtol=1e-12)
    assert_allclose(*[multipliers(v, [0, 0], method, 0.1) for method in (exact, floating)], rtol=1e-12)
