"""THEORY's table of methods: for which steps each contracts a bilinear game, a real eigenvalue, a fast focus."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis import critical_step, multipliers, stability_function
from analysis.stability_functions import ZETA, S
from dynsys import games
from dynsys.transforms import consensus, hamiltonian_descent
from integrators import (
    AdamsBashforth2,
    Alternating,
    CompetitiveGradient,
    ComplexMomentum,
    Euler,
    ExplicitMidpoint,
    Extragradient,
    Gauss2,
    HeavyBall,
    Heun,
    ImplicitEuler,
    ImplicitMidpoint,
    Nesterov,
    OptimisticGradient,
    RungeKutta3,
    RungeKutta4,
    StormerVerlet,
    Trapezoidal,
)

few = settings(max_examples=max(8, settings.default.max_examples // 5))
positive = st.floats(0.05, 4).map(lambda x: round(x, 3))
betas = st.floats(-0.95, 0.95).map(lambda x: round(x, 3))
CURL = games.curl().field()
EVERY = ((0, math.inf),)
by_label = lambda value: getattr(value, "label", None)  # noqa: E731


def bilinear(sigma):
    return games.quadratic(0, sigma, 0).field()  # v = (-σφ, σθ) up to a sign


def focus(a, b):
    return games.quadratic(-a, b, a).field()  # J = [[-a, b], [-b, -a]]


def only(intervals):
    ((lo, hi),) = intervals
    assert lo == 0
    return hi


@pytest.mark.parametrize(
    ("method", "border"),
    [
        (RungeKutta3(), math.sqrt(3)),
        (RungeKutta4(), math.sqrt(8)),
        (Extragradient(), 1),
        (OptimisticGradient(), 1 / math.sqrt(3)),
        (Alternating(OptimisticGradient()), 2 / 3),
        (Alternating(OptimisticGradient(), players=(1, 0)), 2 / 3),
        (Alternating(Heun()), math.sqrt(5) - 1),  # trace 2 - 2s², determinant (1 - s²/2)²: a flip
    ],
    ids=by_label,
)
@few
@given(sigma=positive)
def test_a_bilinear_game_is_contracted_below_the_border_over_sigma(method, border, sigma):
    found = critical_step(bilinear(sigma), [0, 0], method)
    assert_allclose(only(found.stable), border / sigma, rtol=1e-12)
    assert found.neutral == ()


@dataclass(frozen=True)
class JointMemory(OptimisticGradient):
    """Alternating optimistic gradients of two players of one variable each, the memory taken where both last stood."""

    joint: ClassVar[bool] = False

    def step(self, v, state, p, h):
        (theta, phi), (last_theta, last_phi) = state
        slope = v((theta, phi), p)
        new = theta + h * (2 * slope[0] - last_theta)
        return (new, phi + h * (2 * v((new, phi), p)[1] - last_phi)), slope


def test_alternating_optimistic_gradients_with_the_stored_joint_point_contract_below_sqrt_3_over_7():
    assert_allclose(only(critical_step(bilinear(1), [0, 0], JointMemory()).stable), math.sqrt(3 / 7), rtol=1e-12)


@pytest.mark.parametrize("method", [Euler(), Heun(), ExplicitMidpoint(), AdamsBashforth2()], ids=by_label)
def test_these_expand_a_bilinear_game_at_every_step(method):
    found = critical_step(bilinear(1.7), [0, 0], method)
    assert (found.stable, found.neutral) == ((), ())


@pytest.mark.parametrize("method", [HeavyBall, Nesterov])
@few
@given(beta=betas, sigma=positive)
def test_c_momentum_expands_a_bilinear_game_at_every_step(method, beta, sigma):
    found = critical_step(bilinear(sigma), [0, 0], method(beta))
    assert (found.stable, found.neutral) == ((), ())


@pytest.mark.parametrize("method", [ImplicitEuler(), CompetitiveGradient()], ids=by_label)
def test_implicit_euler_and_competitive_gradient_contract_a_bilinear_game_by_1_over_sqrt_1_plus_s2(method):
    assert critical_step(bilinear(2.5), [0, 0], method).stable == EVERY
    for s in (0.2, 1, 7):
        assert_allclose(np.abs(multipliers(bilinear(2.5), [0, 0], method, s / 2.5)), (1 + s * s) ** -0.5, rtol=1e-12)


@pytest.mark.parametrize("method", [ImplicitMidpoint(), Trapezoidal(), Gauss2()], ids=by_label)
def test_these_are_neutral_on_a_bilinear_game_at_every_step(method):
    found = critical_step(bilinear(0.7), [0, 0], method)
    assert (found.stable, found.neutral) == ((), EVERY)


@pytest.mark.parametrize("method", [Heun(), ExplicitMidpoint()], ids=by_label)
def test_second_order_stages_expand_a_bilinear_game_by_sqrt_1_plus_s4_over_4(method):
    assert_allclose(np.abs(multipliers(CURL, [0, 0], method, 0.3)), math.sqrt(1 + 0.3**4 / 4), rtol=1e-14)


@few
@given(g=positive, a=positive, sigma=positive)
def test_extragradient_with_two_steps_contracts_iff_a_times_1_plus_g2_s2_is_below_2g(g, a, sigma):
    assume(abs(2 * g - a) > 1e-6)
    found = critical_step(bilinear(sigma), [0, 0], Extragradient(g, a))
    if a > 2 * g:
        assert (found.stable, found.neutral) == ((), ())
    else:
        assert_allclose(only(found.stable), math.sqrt((2 * g / a - 1) / g**2) / sigma, rtol=1e-12)


def test_extragradient_with_update_twice_the_extrapolation_expands_at_every_step():
    found = critical_step(CURL, [0, 0], Extragradient(0.5, 1))
    assert (found.stable, found.neutral) == ((), ())


@pytest.mark.parametrize("method", [Alternating(), Alternating(players=(1, 0)), StormerVerlet()], ids=by_label)
def test_alternating_steps_are_neutral_below_2_and_a_jordan_block_at_2(method):
    found = critical_step(bilinear(1.6), [0, 0], method)
    assert found.stable == ()
    assert_allclose(only(found.neutral), 2 / 1.6, rtol=1e-12)
    M = np.array(stability_matrix(method, 2), float)
    assert_allclose(M @ M + 2 * M + np.eye(2), 0, atol=1e-12)  # (ζ + 1)², and no diagonal matrix
    assert np.linalg.norm(M + np.eye(2)) > 1


def stability_matrix(method, s):
    values = dict(zip(sp.symbols("h a b c d"), (s, 0, -1, 1, 0), strict=True))
    return stability_function(method).matrix.subs(values).tolist()


@few
@given(b=st.floats(-0.95, -0.05).map(lambda x: round(x, 3)), sigma=positive)
def test_alternating_heavy_ball_with_negative_coefficients_contracts_below_its_borders(b, sigma):
    both = critical_step(bilinear(sigma), [0, 0], Alternating(HeavyBall(b)))
    assert_allclose(only(both.stable), 2 * (1 + b) / sigma, rtol=1e-12)
    for pair in ((b, 0), (0, b)):
        one = critical_step(bilinear(sigma), [0, 0], Alternating(tuple(map(HeavyBall, pair))))
        assert_allclose(only(one.stable), 2 * math.sqrt(1 + b) / sigma, rtol=1e-12)


@few
@given(b=st.floats(0.05, 0.95).map(lambda x: round(x, 3)))
def test_alternating_heavy_ball_with_a_positive_coefficient_expands_at_small_steps(b):
    assert critical_step(CURL, [0, 0], Alternating(HeavyBall(b)), h=(0, 0.05)).stable == ()


@pytest.mark.parametrize(("beta", "c"), [(-0.5, mp.mpf(2) / 27), (0, mp.mpf(1) / 2), (0.5, 6), (0.9, 950)])
def test_c_heavy_ball_expands_the_curl_field_by_1_plus_c_h2(beta, c):
    assert_allclose(float(c), (1 + beta) / (2 * (1 - beta) ** 3), rtol=1e-12)
    with mp.workdps(40):
        h = sp.Rational(1, 10**9)
        polynomial = sp.Poly(stability_function(HeavyBall(beta)).bilinear.subs(S, h), ZETA)
        roots = mp.polyroots([mp.mpf(k.p) / k.q for k in polynomial.all_coeffs()], maxsteps=500, extraprec=400)
        rate = (max(map(abs, roots)) - 1) / mp.mpf(10) ** -18
    assert_allclose(float(rate), float(c), rtol=1e-9)


@few
@given(re=st.floats(-0.9, 0.9), share=st.floats(0.02, 0.98), inside=st.booleans())
def test_complex_momentum_contracts_small_steps_iff_its_imaginary_part_exceeds_the_criterion(re, share, inside):
    re = round(re, 3)
    border = (1 - re) ** 2 * (1 + re) / (3 - re)  # always below 1 - Re(b)²
    square = border + share * (1 - re**2 - border) if inside else share * border
    im = round(math.sqrt(square), 6)
    assume(abs(im**2 / border - 1) > 0.02 and re**2 + im**2 < 0.999)
    found = critical_step(CURL, [0, 0], ComplexMomentum(complex(re, im)), h=(0, 1e-4))
    assert bool(found.stable and found.stable[0][0] == 0) is inside


@few
@given(gamma=positive, sigma=positive)
def test_consensus_and_hamiltonian_descent_contract_a_bilinear_game_below_their_borders(gamma, sigma):
    found = critical_step(consensus(bilinear(sigma), gamma), [0, 0], Euler())
    assert_allclose(only(found.stable), 2 * gamma / (1 + gamma**2 * sigma**2), rtol=1e-12)
    found = critical_step(hamiltonian_descent(bilinear(sigma)), [0, 0], Euler())
    assert_allclose(only(found.stable), 2 / sigma**2, rtol=1e-12)
