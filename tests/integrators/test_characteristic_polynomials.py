"""The linear update of each method has exactly the characteristic polynomial that the literature gives it."""

from __future__ import annotations

from math import factorial

import pytest
import sympy as sp

from integrators import Euler, Newton, RungeKutta4, method_named
from integrators.algorithms.averaging import Lookahead
from integrators.algorithms.competitive import CompetitiveGradient, LookAhead
from integrators.algorithms.extragradient import Extragradient
from integrators.algorithms.implicit import AverageVectorField, Gauss2, ImplicitEuler, ImplicitMidpoint, Trapezoidal
from integrators.algorithms.momentum import ComplexMomentum, HeavyBall, Nesterov
from integrators.algorithms.multistep import AdamsBashforth2, OptimisticGradient
from integrators.algorithms.players import Alternating, Rates, StormerVerlet
from integrators.method import linear_update

z, beta, u, w, s, h = sp.symbols("z beta u w s h", real=True)
zeta = sp.Symbol("zeta")
alpha = sp.Symbol("alpha", positive=True)


def characteristic(method, A=((z,),), step=sp.S.One, blocks=None):
    rows = linear_update(method, A, step, sp.Integer(0), sp.Integer(1), blocks)
    return sp.nsimplify(sp.Matrix(rows).charpoly(zeta).as_expr(), rational=True)


def taylor(degree):
    return sum(z**k / factorial(k) for k in range(degree + 1))


ONE_STEP = [
    (Euler(), taylor(1)),
    *((method_named(m), taylor(2)) for m in ("heun", "explicit-midpoint", "ralston")),
    *((method_named(m), taylor(3)) for m in ("runge-kutta3", "ssprk3")),
    (RungeKutta4(), taylor(4)),
    (Extragradient(), 1 + z + z**2),
    (Extragradient(sp.Rational(1, 3), sp.Rational(3, 4)), 1 + 3 * z / 4 + z**2 / 4),
    (Newton(), 0),
    (ImplicitEuler(), 1 / (1 - z)),
    (ImplicitMidpoint(), (2 + z) / (2 - z)),
    (Trapezoidal(), (2 + z) / (2 - z)),
    (AverageVectorField(), (2 + z) / (2 - z)),
    (Gauss2(), (12 + 6 * z + z**2) / (12 - 6 * z + z**2)),
    (Lookahead(k=3, alpha=sp.Rational(1, 4)), 1 + ((1 + z) ** 3 - 1) / 4),
    (Lookahead(k=12), 1 + ((1 + z) ** 12 - 1) / 2),
]


@pytest.mark.parametrize(("method", "R"), ONE_STEP, ids=[f"{i}-{m.label}" for i, (m, _) in enumerate(ONE_STEP)])
def test_stability_functions_are_the_known_ones(method, R):
    assert sp.simplify(characteristic(method) - (zeta - R)) == 0


MEMORY = [
    (HeavyBall(beta), zeta**2 - (1 + beta + z) * zeta + beta),
    (Nesterov(beta), zeta**2 - (1 + z) * ((1 + beta) * zeta - beta)),
    (OptimisticGradient(), zeta**2 - (1 + 2 * z) * zeta + z),
    (AdamsBashforth2(), zeta**2 - (1 + 3 * z / 2) * zeta + z / 2),
    (ComplexMomentum(u + sp.I * w), (zeta - 1) * (zeta**2 - 2 * u * zeta + u**2 + w**2) - z * zeta * (zeta - u)),
]


@pytest.mark.parametrize(("method", "known"), MEMORY, ids=lambda m: getattr(m, "label", ""))
def test_methods_with_memory_have_the_known_characteristic_polynomials(method, known):
    assert sp.expand(characteristic(method) - known) == 0


PLAYERS = ((0,), (1,))
BILINEAR = ((0, -s), (s, 0))
a, b, c, d = sp.symbols("a b c d")
GENERAL = ((a, b), (c, d))
SQUARE = zeta**2


@pytest.mark.parametrize(
    ("method", "A", "known"),
    [
        (Alternating(), BILINEAR, SQUARE - (2 - s**2) * zeta + 1),
        (Alternating(), GENERAL, SQUARE - (2 + h * (a + d) + h**2 * b * c) * zeta + (1 + h * a) * (1 + h * d)),
        (Alternating(players=(1, 0)), GENERAL,
         SQUARE - (2 + h * (a + d) + h**2 * b * c) * zeta + (1 + h * a) * (1 + h * d)),
        (Alternating(steps=(2, 3)), BILINEAR, SQUARE - (2 - 6 * s**2) * zeta + 1),
        (StormerVerlet(), BILINEAR, SQUARE - (2 - s**2) * zeta + 1),
        (CompetitiveGradient(), BILINEAR, SQUARE - 2 * zeta / (1 + s**2) + 1 / (1 + s**2)),
        (LookAhead(), BILINEAR, (zeta - 1 + s**2) ** 2 + s**2),
        (Rates(rates=(alpha, 1 / alpha)), BILINEAR, (zeta - 1) ** 2 + s**2),
    ],
)  # fmt: skip
def test_methods_that_treat_players_apart_have_the_known_polynomials(method, A, known):
    step = h if A is GENERAL else sp.Integer(1)
    assert sp.simplify(characteristic(method, A, step, PLAYERS) - known) == 0


def test_alternating_heavy_balls_have_the_polynomial_of_gidel_et_al():
    b1, b2 = sp.Rational(-1, 2), sp.Rational(1, 4)
    got = characteristic(Alternating((HeavyBall(b1), HeavyBall(b2))), BILINEAR, sp.Integer(1), PLAYERS)
    assert sp.expand(got - ((zeta - 1) ** 2 * (zeta - b1) * (zeta - b2) + s**2 * zeta**3)) == 0


def test_alternating_optimism_is_stable_on_a_bilinear_game_up_to_two_thirds():
    """With the stored joint point in place of each player's own last gradient the border would be √(3/7)."""
    polynomial = characteristic(Alternating(OptimisticGradient()), BILINEAR, sp.Integer(1), PLAYERS)
    radius = lambda value: max(map(abs, sp.Poly(polynomial.subs(s, value), zeta).nroots(n=20, maxsteps=200)))  # noqa: E731
    assert radius(sp.Rational(666, 1000)) < 1 < radius(sp.Rational(667, 1000))
