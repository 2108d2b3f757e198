"""Coordinate-wise methods against the published algorithms, written down once more with NumPy."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynsys import games
from integrators import trajectory
from integrators.algorithms.adaptive_moments import Adam, AMSGrad, RMSProp, SignGradient
from integrators.algorithms.averaging import HistoricalAveraging, Lookahead, Scheduled
from integrators.algorithms.players import Alternating, Rates

FIELD = games.cubic_bilinear().field()
STEPS = 50
points = st.tuples(st.floats(0.05, 0.5), st.floats(-0.5, -0.05)).map(np.array)  # not at rest
shares = st.floats(0.1, 0.999)


def adam(x, h, beta1, beta2, epsilon, steps=STEPS):
    """Kingma & Ba (2015), Algorithm 1, ascending; t counts gradient evaluations."""
    m, v, run = np.zeros(2), np.zeros(2), [x]
    for t in range(1, steps + 1):
        g = FIELD(x)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        x = x + h * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + epsilon)
        run.append(x)
    return np.array(run)


def close(a, b, rtol=1e-9):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-10)


@settings(max_examples=15)
@given(x=points, beta1=shares, beta2=shares, epsilon=st.sampled_from([1e-8, 1e-3, 0.1]))
def test_adam_is_the_published_algorithm(x, beta1, beta2, epsilon):
    run = trajectory(FIELD, x, Adam(beta1, beta2, epsilon), h=0.01, steps=STEPS, compiled=False)
    close(run.x, adam(x, 0.01, beta1, beta2, epsilon))


def test_adams_first_step_is_h_times_the_sign_of_the_gradient():
    run = trajectory(FIELD, [0.3, -0.2], Adam(epsilon=0.0), h=0.01, steps=1)
    np.testing.assert_allclose(run.x[1] - run.x[0], 0.01 * np.sign(FIELD([0.3, -0.2])), rtol=1e-13)


@settings(max_examples=15)
@given(x=points, rho=shares, epsilon=st.sampled_from([1e-8, 1e-3, 0.1]))
def test_rmsprop_is_the_published_algorithm(x, rho, epsilon):
    run, here, s = trajectory(FIELD, x, RMSProp(rho, epsilon), 0.01, STEPS, compiled=False).x, x, np.zeros(2)
    for k in range(STEPS):
        g = FIELD(here)
        s = rho * s + (1 - rho) * g**2
        here = here + 0.01 * g / (np.sqrt(s) + epsilon)
        close(run[k + 1], here)


@settings(max_examples=15)
@given(x=points, beta1=shares, beta2=shares)
def test_amsgrad_is_the_published_algorithm(x, beta1, beta2):
    run, here = trajectory(FIELD, x, AMSGrad(beta1, beta2), 0.02, STEPS, compiled=False).x, x
    m, s, most = np.zeros((3, 2))
    for k in range(STEPS):
        g = FIELD(here)
        m, s = beta1 * m + (1 - beta1) * g, beta2 * s + (1 - beta2) * g**2
        most = np.maximum(most, s)
        here = here + 0.02 * m / (np.sqrt(most) + 1e-8)
        close(run[k + 1], here)


def test_amsgrad_keeps_the_largest_mean_square_where_adam_forgets_it():
    """On the way through this limit cycle the gradients shrink and grow, so that the largest mean square matters."""
    run, m, s, most = trajectory(FIELD, [0.5, -0.5], AMSGrad(0.9, 0.5), 0.02, 200).x, *np.zeros((3, 2))
    fell = 0
    for here, there in pairwise(run):
        g = FIELD(here)
        m, s = 0.9 * m + 0.1 * g, 0.5 * s + 0.5 * g**2
        most, fell = np.maximum(most, s), fell + (s < 0.5 * most).any()
        close(there, here + 0.02 * m / (np.sqrt(most) + 1e-8))
    assert fell > 20


@given(x=points)
def test_sign_steps_have_one_length_in_every_coordinate(x):
    run = trajectory(FIELD, x, SignGradient(), 0.0625, 8, compiled=False).x
    for here, there in pairwise(run):
        np.testing.assert_allclose(there - here, 0.0625 * np.sign(FIELD(here)), atol=1e-15)


def test_the_sign_of_zero_is_zero():
    run = trajectory(FIELD, [0.0, 0.0], SignGradient(), 0.1, 3)
    assert run.x.tolist() == [[0.0, 0.0]]


@settings(max_examples=15)
@given(x=points, c=st.floats(0, 2))
def test_historical_averaging_is_drawn_to_the_mean_of_the_past(x, c):
    run, past = trajectory(FIELD, x, HistoricalAveraging(c), 0.05, STEPS, compiled=False).x, [x]
    for k in range(STEPS):
        here = past[-1]
        past.append(here + 0.05 * (FIELD(here) - 2 * c * (here - np.mean(past, axis=0))))
        close(run[k + 1], past[-1])


@settings(max_examples=15)
@given(x=points, rates=st.tuples(st.floats(0.1, 4), st.floats(0.1, 4)))
@pytest.mark.parametrize("method", [Adam(), RMSProp(), AMSGrad(), SignGradient()], ids=lambda m: m.label)
def test_rates_scale_the_displacement_of_a_coordinatewise_method(method, x, rates):
    """Scaling the gradient would do nothing: its length is divided out."""
    plain = trajectory(FIELD, x, method, 0.01, 1, compiled=False).x
    scaled = trajectory(FIELD, x, Rates(method, rates), 0.01, 1, compiled=False).x
    np.testing.assert_allclose(scaled[1] - scaled[0], np.array(rates) * (plain[1] - plain[0]), atol=1e-14)


@settings(max_examples=10)
@given(x=points)
def test_moments_advance_once_a_step_under_rates(x):
    run, here, m, s = trajectory(FIELD, x, Rates(Adam(), (0.5, 2.0)), 0.01, 20, compiled=False).x, x, 0.0, 0.0
    for t in range(1, 21):
        g = FIELD(here)
        m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g**2
        here = here + [0.005, 0.02] * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)
        close(run[t], here)


@settings(max_examples=10)
@given(x=points)
def test_moments_advance_once_a_turn_under_alternation(x):
    run = trajectory(FIELD, x, Alternating(Adam()), 0.01, 20, compiled=False).x
    here, m, s = x.copy(), np.zeros(2), np.zeros(2)
    for t in range(1, 21):
        for i in (0, 1):
            g = FIELD(here)[i]
            m[i], s[i] = 0.9 * m[i] + 0.1 * g, 0.999 * s[i] + 0.001 * g**2
            here[i] += 0.01 * (m[i] / (1 - 0.9**t)) / (np.sqrt(s[i] / (1 - 0.999**t)) + 1e-8)
        close(run[t], here)


@settings(max_examples=10)
@given(x=points)
def test_moments_advance_k_times_a_cycle_of_lookahead(x):
    run = trajectory(FIELD, x, Lookahead(Adam(), k=4), 0.01, 3, compiled=False).x
    slow, m, s, t = x, np.zeros(2), np.zeros(2), 0
    for cycle in range(3):
        fast = slow
        for _ in range(4):
            t, g = t + 1, FIELD(fast)
            m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g**2
            fast = fast + 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)
        slow = (slow + fast) / 2
        close(run[cycle + 1], slow)


@given(x=points, power=st.floats(0, 1), offset=st.floats(0.5, 10))
def test_scheduled_steps_shrink_by_the_schedule_from_step_zero_on(x, power, offset):
    from integrators.algorithms.averaging import ExponentialDecay, PolynomialDecay

    for schedule, factor in (
        (PolynomialDecay(power, offset), lambda k: (1 + k / offset) ** -power),
        (ExponentialDecay(0.75), lambda k: 0.75**k),
    ):
        run, here = trajectory(FIELD, x, Scheduled(schedule=schedule), 0.1, 10, compiled=False).x, x
        for k in range(10):
            here = here + 0.1 * factor(k) * FIELD(here)
            close(run[k + 1], here, 1e-12)
