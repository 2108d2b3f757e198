"""Critical steps of methods a user writes: stages, memory, and players who move in turn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis import critical_step, multipliers
from dynsys import InputError, games
from dynsys.vector import axpy
from integrators import Euler, RungeKutta4
from integrators.method import Method

few = settings(max_examples=max(10, settings.default.max_examples // 4))
seeds = st.integers(0, 2**32 - 1)
positive = st.floats(0.05, 4).map(lambda x: round(x, 3))


@dataclass(frozen=True)
class Extragradient(Method):
    """Korpelevich (1976)."""

    def step(self, v, state, p, h):
        return axpy(h, v(axpy(h, v(state, p), state), p), state)


@dataclass(frozen=True)
class Heun(Method):
    """Heun (1900)."""

    def step(self, v, state, p, h):
        k1 = v(state, p)
        k2 = v(axpy(h, k1, state), p)
        return axpy(h / 2, axpy(1, k1, k2), state)


@dataclass(frozen=True)
class Optimistic(Method):
    """Popov (1980): x⁺ = x + 2h v - h v⁻; the state holds the last gradient."""

    def initial(self, v, x, p):
        return (*x, *v(x, p))

    def step(self, v, state, p, h):
        n = len(state) // 2
        x, before = tuple(state[:n]), tuple(state[n:])
        now = v(x, p)
        return (*axpy(2 * h, now, axpy(-h, before, x)), *now)

    def position(self, state):
        return state[: len(state) // 2]


@dataclass(frozen=True)
class Alternating(Method):
    """Two players of one variable each; the second sees where the first has gone."""

    joint: ClassVar[bool] = False

    def step(self, v, state, p, h):
        x, y = state
        x = x + h * v((x, y), p)[0]
        return (x, y + h * v((x, y), p)[1])


@dataclass(frozen=True)
class WholeEuler(Euler):
    """Euler whose update is never split along the eigenvalues."""

    joint: ClassVar[bool] = False


def only(intervals):
    ((lo, hi),) = intervals
    assert lo == 0
    return hi


@pytest.mark.parametrize(
    ("method", "focus", "real"),
    [
        (Heun(), 0.10424614, 2),
        (Extragradient(), 0.11617657, 1),
        (Optimistic(), 0.05998327, 2 / 3),
        (Alternating(), 2 / 11, 2),
    ],
    ids=lambda value: getattr(value, "label", None),
)
def test_a_method_of_a_few_lines_has_the_known_critical_steps(linear, method, focus, real):
    assert_allclose(only(critical_step(linear([[-1, 10], [-10, -1]]), [0, 0], method).stable), focus, atol=5e-9)
    assert_allclose(only(critical_step(linear([[-1, 0], [0, -1]]), [0, 0], method).stable), real, rtol=1e-12)


@few
@given(sigma=positive)
def test_on_bilinear_games_extragradient_contracts_below_1_and_optimistic_below_1_over_sqrt_3(sigma):
    v = games.quadratic(0, sigma, 0).field()
    assert_allclose(only(critical_step(v, [0, 0], Extragradient()).stable), 1 / sigma, rtol=1e-12)
    assert_allclose(only(critical_step(v, [0, 0], Optimistic()).stable), 1 / (math.sqrt(3) * sigma), rtol=1e-12)
    assert critical_step(v, [0, 0], Heun()).stable == ()


@given(sigma=positive)
def test_on_bilinear_games_alternating_steps_are_neutral_below_2(sigma):
    found = critical_step(games.quadratic(0, sigma, 0).field(), [0, 0], Alternating())
    assert found.stable == ()
    assert_allclose(only(found.neutral), 2 / sigma, rtol=1e-12)


@given(a=positive, b=positive)
def test_alternating_steps_at_a_normal_focus_are_stable_below_2_over_a_plus_b(a, b):
    found = critical_step(games.quadratic(-a, b, a).field(), [0, 0], Alternating())
    assert_allclose(only(found.stable), 2 / (a + b), rtol=1e-12)


@few
@given(seed=seeds)
def test_splitting_along_the_eigenvalues_and_the_whole_update_give_the_same_borders(linear, seed):
    """For n = 3 the whole update needs the bialternate product; a pair crosses the circle where it vanishes."""
    J = (np.random.default_rng(seed).standard_normal((3, 3)) - np.eye(3)).round(2)
    assume((np.linalg.eigvals(J).real < -0.01).all())
    one, other = (critical_step(linear(J), np.zeros(3), method) for method in (Euler(), WholeEuler()))
    assert_allclose(one.stable, other.stable, rtol=1e-12)


@few
@given(seed=seeds, method=st.sampled_from([Heun(), Extragradient(), Optimistic(), Alternating(), RungeKutta4()]))
def test_at_a_border_the_largest_multiplier_is_on_the_unit_circle(linear, seed, method):
    J = (np.random.default_rng(seed).standard_normal((2, 2)) - np.eye(2)).round(2)
    v = linear(J)
    for lo, hi in critical_step(v, [0, 0], method, h=(0, 50)).stable:
        for h in {lo, hi} - {0, 50}:
            assert_allclose(np.abs(multipliers(v, [0, 0], method, h)).max(), 1, atol=1e-7)
        assert np.abs(multipliers(v, [0, 0], method, (lo + hi) / 2)).max() < 1


def test_a_method_whose_state_is_too_large_for_polynomials_is_refused_with_an_alternative(linear):
    @dataclass(frozen=True)
    class Whole(Optimistic):
        joint: ClassVar[bool] = False

    with pytest.raises(InputError, match="use multipliers"):
        critical_step(linear(-np.eye(5)), np.zeros(5), Whole())
    assert only(critical_step(linear(-np.eye(5)), np.zeros(5), Optimistic()).stable) == pytest.approx(2 / 3, rel=1e-12)
