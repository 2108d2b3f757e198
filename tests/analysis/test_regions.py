"""Stability regions: exact intervals on the axes against roots found another way, A- and L-stability, refusals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from analysis import critical_step, stability_function, stability_region
from dynsys import InputError, games
from dynsys.vector import solve
from integrators import (
    LOLA,
    SOS,
    Adam,
    AdamsBashforth2,
    Alternating,
    AMSGrad,
    ComplexMomentum,
    Euler,
    Extragradient,
    Gauss2,
    HeavyBall,
    HistoricalAveraging,
    ImplicitEuler,
    ImplicitMidpoint,
    Lookahead,
    Nesterov,
    OptimisticGradient,
    Projected,
    RMSProp,
    RungeKutta3,
    RungeKutta4,
    Scheduled,
    SignGradient,
    Trapezoidal,
    UniformAverage,
)
from integrators.method import Method

SMALL = ((-4.0, 2.0), (-3.5, 3.5))
by_label = lambda value: getattr(value, "label", None)  # noqa: E731


def region(method):
    return stability_region(method, SMALL, 43)  # the axes are among the rows and columns


def taylor(k):
    return lambda z: mp.fsum(z**j / mp.factorial(j) for j in range(k + 1))


def largest_root(*coefficients):
    return max(map(abs, mp.polyroots(coefficients, maxsteps=200, extraprec=200)))


RADIUS = {
    RungeKutta3(): lambda z: abs(taylor(3)(z)),
    RungeKutta4(): lambda z: abs(taylor(4)(z)),
    Extragradient(): lambda z: abs(1 + z + z**2),
    OptimisticGradient(): lambda z: largest_root(1, -(1 + 2 * z), z),
    AdamsBashforth2(): lambda z: largest_root(1, -(1 + 3 * z / 2), z / 2),
    Nesterov(0.5): lambda z: largest_root(1, -(1 + z) * 3 / 2, (1 + z) / 2),
    HeavyBall(-0.5): lambda z: largest_root(1, -(mp.mpf(1) / 2 + z), -mp.mpf(1) / 2),
    Lookahead(RungeKutta4(), 2, 0.5): lambda z: abs(1 + (taylor(4)(z) ** 2 - 1) / 2),
}


@pytest.mark.parametrize(
    ("method", "real", "imaginary"),
    [
        (RungeKutta3(), 2.5, 1.7),
        (RungeKutta4(), 2.8, 2.8),
        (Extragradient(), 1.0, 1.0),
        (OptimisticGradient(), 0.67, 0.58),
        (AdamsBashforth2(), 1.0, 0),
        (Nesterov(0.5), 1.3, 0),
        (HeavyBall(-0.5), 1.0, 0),
        (Lookahead(RungeKutta4(), 2, 0.5), 2.8, 3.06),
    ],
    ids=by_label,
)
def test_the_limits_on_the_axes_are_the_roots_of_radius_minus_1(method, real, imaginary):
    found = region(method)
    with mp.workdps(30):
        root = lambda along, guess: float(mp.findroot(lambda s: RADIUS[method](along(s)) - 1, guess))  # noqa: E731
        assert_allclose(found.real_limit, root(lambda s: -s, real), rtol=1e-12)
        if imaginary:
            assert_allclose(found.imaginary_limit, root(lambda s: mp.j * s, imaginary), rtol=1e-12)
        else:
            assert (found.imaginary, found.imaginary_neutral, found.imaginary_limit) == ((), (), 0)
    assert found.a_stable is False
    assert found.l_stable is False


def test_the_limits_of_the_headline_methods_have_closed_forms():
    assert_allclose(region(RungeKutta4()).imaginary_limit, math.sqrt(8), rtol=1e-12)
    assert_allclose(region(RungeKutta3()).imaginary_limit, math.sqrt(3), rtol=1e-12)
    assert_allclose(region(RungeKutta4()).real_limit, 2.785293563405, rtol=3e-13)
    assert region(Extragradient()).real == ((-1, 0),)
    assert region(Extragradient()).imaginary == ((0, 1),)
    assert_allclose(region(OptimisticGradient()).real, [(-2 / 3, 0)], rtol=1e-12)
    assert_allclose(region(OptimisticGradient()).imaginary, [(0, 1 / math.sqrt(3))], rtol=1e-12)
    assert_allclose(region(Extragradient()).best_imaginary, (math.sqrt(0.5), math.sqrt(0.75)), rtol=2e-7)
    assert_allclose(region(OptimisticGradient()).best_imaginary, (0.5, math.sqrt(0.5)), rtol=2e-7)
    assert np.isnan(region(Euler()).best_imaginary).all()


def test_a_polynomial_below_minus_1_or_at_it_parts_the_real_axis():
    """1 + z + gz² = -1 at -3 and -6 for g = 1/9, at -4 twice for g = 1/8, the Chebyshev polynomial."""
    parted, touching = (region(Extragradient(Fraction(1, k))) for k in (9, 8))
    assert (parted.real, parted.real_limit) == (((-9, -6), (-3, 0)), 3)
    assert (touching.real, touching.real_limit) == (((-8, -4), (-4, 0)), 4)


@dataclass(frozen=True)
class PolesOnTheLeft(Method):
    """R(z) = ½/(1 + z + z²): below 1 on both axes, with poles at -½ ± i√3/2."""

    def step(self, v, state, p, h):
        J = v.jacobian(state, p)
        n = len(J)
        square = [[sum(J[i][k] * J[k][j] for k in range(n)) for j in range(n)] for i in range(n)]
        rows = tuple(tuple((i == j) * 1 + h * J[i][j] + h * h * square[i][j] for j in range(n)) for i in range(n))
        return solve(rows, tuple(x / 2 for x in state))


def test_a_pole_off_the_axes_with_negative_real_part_costs_a_stability():
    found = region(PolesOnTheLeft())
    assert (found.real, found.imaginary) == (((-math.inf, 0),), ((0, math.inf),))
    assert (found.a_stable, found.l_stable) == (False, False)


@pytest.mark.parametrize("method", [ImplicitMidpoint(), Trapezoidal(), Gauss2()], ids=by_label)
def test_symmetric_methods_are_neutral_on_the_whole_imaginary_axis_and_a_stable_but_not_l_stable(method):
    found = region(method)
    assert found.imaginary == ()
    assert found.imaginary_neutral == ((0, math.inf),)
    assert found.real == ((-math.inf, 0),)
    assert (found.a_stable, found.l_stable) == (True, False)
    assert (found.imaginary_limit, found.real_limit) == (math.inf, math.inf)


def test_implicit_euler_is_l_stable_and_stable_on_the_whole_imaginary_axis():
    found = region(ImplicitEuler())
    assert found.imaginary == ((0, math.inf),)
    assert (found.a_stable, found.l_stable) == (True, True)
    assert found.to_dict()["imaginary"] == [[0, None]]
    assert found.to_dict()["real"] == [[None, 0]]


def test_a_memory_of_the_l_stable_keeps_it_l_stable_only_if_it_fades():
    """Extrapolating Euler's implicit step, ζ at ∞ is 1 - α: half of the step back leaves ½."""
    found = region(Lookahead(ImplicitEuler(), 1, 0.5))
    assert (found.a_stable, found.l_stable) == (True, False)
    full = region(Lookahead(ImplicitEuler(), 2, 1))
    assert (full.a_stable, full.l_stable) == (True, True)


@pytest.mark.parametrize("method", [Euler(), RungeKutta4(), HeavyBall(0.5), ComplexMomentum(0.5 + 0.6j)], ids=by_label)
def test_explicit_methods_are_neither_a_stable_nor_l_stable(method):
    assert (region(method).a_stable, region(method).l_stable) == (False, False)


@pytest.mark.parametrize(
    "method",
    [*RADIUS, Euler(), ImplicitEuler(), ComplexMomentum(0.3 + 0.6j), Alternating(), Alternating(OptimisticGradient())],
    ids=by_label,
)
def test_the_sampled_amplification_is_below_1_exactly_on_the_intervals_of_the_axes(method):
    found = region(method)
    row, column = int(np.argmin(np.abs(found.im))), int(np.argmin(np.abs(found.re)))
    assert_allclose((found.im[row], found.re[column]), 0, atol=1e-12)
    assert found.amplification.shape == (len(found.im), len(found.re))
    for s, radius, intervals in (
        *zip(found.re[found.re < -1e-9], found.amplification[row], [found.real] * len(found.re)),
        *zip(np.abs(found.im), found.amplification[:, column], [found.imaginary] * len(found.im)),
    ):
        if abs(radius - 1) > 1e-7:
            assert any(lo < s < hi for lo, hi in intervals) == (radius < 1), (s, radius)


@pytest.mark.parametrize("method", list(RADIUS), ids=by_label)
def test_the_sampled_amplification_is_the_radius_of_theory(method):
    found = region(method)
    for i, j in ((3, 5), (20, 11), (38, 40)):
        assert_allclose(found.amplification[i, j], float(RADIUS[method](complex(found.re[j], found.im[i]))), rtol=1e-10)


def test_a_method_that_treats_the_players_apart_has_no_a_stability_but_has_axes():
    found = region(Alternating())
    assert (found.a_stable, found.l_stable) == (None, None)
    assert (found.real, found.imaginary, found.imaginary_neutral) == (((-2, 0),), (), ((0, 2),))


def test_the_default_grid_shows_a_bounded_region_whole():
    for method in (RungeKutta4(), OptimisticGradient(), Alternating()):
        found = stability_region(method, resolution=61)
        inside = found.amplification < 1
        assert inside.any()
        assert not inside[[0, -1]].any() and not inside[:, [0, -1]].any()
    assert stability_region(Euler(), resolution=11).amplification.shape == (11, 11)


REFUSED = [
    (Adam(), "no derivative at a zero of v, and the bias correction depends on the step"),
    (AMSGrad(), "no derivative at a zero of v"),
    (RMSProp(), "no derivative at a zero of v"),
    (SignGradient(), "the sign of the gradient jumps"),
    (HistoricalAveraging(), "a memory of 1/k"),
    (UniformAverage(), "a memory of 1/k"),
    (SOS(), "chosen piecewise"),
    (LOLA(), "moves the fixed points"),
    (Scheduled(), "the step size changes from step to step"),
    (Projected(), "a projection has no derivative"),
    (Lookahead(SignGradient()), "the sign of the gradient jumps"),
    (Alternating(Adam()), "the bias correction depends on the step"),
]


@pytest.mark.parametrize(("method", "reason"), REFUSED, ids=by_label)
def test_a_method_without_linear_theory_is_refused_with_its_reason(method, reason):
    v = games.curl().field()
    for what, analysis in (
        ("stability function", lambda: stability_function(method)),
        ("stability region", lambda: stability_region(method)),
        ("critical step", lambda: critical_step(v, [0, 0], method)),
    ):
        with pytest.raises(InputError) as error:
            analysis()
        assert str(error.value).startswith(f"{method.label} has no {what}: ")
        assert reason in str(error.value)


def test_a_class_in_place_of_a_method_is_refused_with_the_remedy():
    for analysis in (stability_function, stability_region):
        with pytest.raises(InputError, match=r"write Euler\(\)"):
            analysis(Euler)
