"""Critical steps against a dense scan of the update's Jacobian, method by method, players of one and two variables."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import critical_step, update_jacobian
from dynsys import VectorField
from integrators import (
    Alternating,
    CompetitiveGradient,
    ComplexMomentum,
    Euler,
    ExponentialAverage,
    Extragradient,
    Gauss2,
    HeavyBall,
    ImplicitEuler,
    ImplicitMidpoint,
    LookAhead,
    Lookahead,
    Nesterov,
    OptimisticGradient,
    Rates,
    RungeKutta4,
    StormerVerlet,
)

few = settings(max_examples=max(3, settings.default.max_examples // 13))
seeds = st.integers(0, 2**32 - 1)
JOINT = [
    RungeKutta4(),
    Extragradient(0.7, 0.9),
    ImplicitEuler(),
    ImplicitMidpoint(),
    Gauss2(),
    HeavyBall(-0.4),
    Nesterov(0.5),
    OptimisticGradient(),
    Lookahead(Euler(), 3, 0.4),
    ExponentialAverage(Euler(), 0.9),
]
APART = [
    Alternating(),
    Alternating(Extragradient()),
    Alternating(players=(1, 0), steps=(2, 1)),
    Rates(Extragradient(), (0.5, 2)),
    CompetitiveGradient(),
    LookAhead(),
    StormerVerlet(),
]
WITH_MEMORY = [
    ComplexMomentum(0.3 + 0.6j),
    Alternating(HeavyBall(-0.3)),
    Alternating(OptimisticGradient()),
    Rates(HeavyBall(0.4), (1, 3)),
]
by_label = lambda method: method.label  # noqa: E731


def random_field(seed, sizes):
    """A linear field of two players, half of the time a rotation with little damping, and its Jacobian."""
    rng, n = np.random.default_rng(seed), sum(sizes)
    J = rng.standard_normal((n, n))
    J = (J - J.T) * 0.8 + 0.15 * J if seed % 2 else J
    J = (J - rng.uniform(0, 1.2) * np.eye(n)).round(2)
    names = [f"x{i}" for i in range(n)]
    rows = [" + ".join(f"({float(a)!r})*{x}" for a, x in zip(row, names, strict=True)) for row in J]
    return VectorField(rows, names, players={"one": names[: sizes[0]], "two": names[sizes[0] :]})


def assert_intervals_are_those_of_a_scan(v, method, top=4.0, count=57):
    """Irregular steps, so that none is a border; where the radius is 1 to rounding either verdict may stand."""
    found = critical_step(v, np.zeros(v.n), method, h=(0, top))
    for h in top * (np.arange(count) + 0.5 + 0.3 * np.sin(np.arange(count))) / count:
        radius = np.abs(np.linalg.eigvals(update_jacobian(v, np.zeros(v.n), method, h))).max()
        stable = any(lo < h < hi for lo, hi in found.stable)
        neutral = any(lo < h < hi for lo, hi in found.neutral)
        assert not (stable and neutral)
        if abs(radius - 1) > 1e-6:
            assert (stable, neutral) == (radius < 1, False), (h, radius, found)
    return found


@pytest.mark.parametrize("method", [*JOINT, *APART, *WITH_MEMORY], ids=by_label)
@few
@given(seed=seeds)
def test_the_intervals_are_those_of_a_scan_for_two_players_of_one_variable(method, seed):
    assert_intervals_are_those_of_a_scan(random_field(seed, (1, 1)), method)


@pytest.mark.parametrize("method", [*JOINT, *APART[:-1]], ids=by_label)
@few
@given(seed=seeds)
def test_the_intervals_are_those_of_a_scan_for_players_of_two_variables_and_one(method, seed):
    assert_intervals_are_those_of_a_scan(random_field(seed, (2, 1)), method)


@pytest.mark.parametrize("method", [Alternating(), CompetitiveGradient(), Rates(Euler(), (1, 2))], ids=by_label)
def test_the_intervals_are_those_of_a_scan_for_two_players_of_two_variables(method):
    found = assert_intervals_are_those_of_a_scan(random_field(3, (2, 2)), method)
    assert found.stable


@pytest.mark.parametrize(("method", "end"), [(Alternating(), math.sqrt(2)), (ImplicitMidpoint(), math.inf)])
def test_with_an_irrational_singular_value_neutral_steps_are_neutral_at_fifty_digits(method, end):
    v = VectorField(("-sqrt(2)*y", "sqrt(2)*x"), ("x", "y"), players={"p": ["x"], "q": ["y"]})
    found = critical_step(v, [0, 0], method)
    assert found.stable == ()
    np.testing.assert_allclose(found.neutral, [(0, end)], rtol=1e-12)


@pytest.mark.parametrize("method", [ImplicitEuler(), CompetitiveGradient(), ImplicitMidpoint()], ids=by_label)
def test_on_a_bilinear_game_with_two_singular_values_implicit_methods_have_one_verdict_at_every_step(method):
    names = ["a", "b", "c", "d"]
    v = VectorField(["2*c + d", "c - d", "-2*a - b", "-a + b"], names, players={"p": names[:2], "q": names[2:]})
    found = critical_step(v, np.zeros(4), method)
    assert (found.neutral if method == ImplicitMidpoint() else found.stable) == ((0, math.inf),)


def test_alternating_steps_on_a_bilinear_game_are_neutral_below_2_over_the_largest_singular_value():
    names = ["a", "b", "c", "d"]
    v = VectorField(["2*c + d", "c - d", "-2*a - b", "-a + b"], names, players={"p": names[:2], "q": names[2:]})
    found = critical_step(v, np.zeros(4), Alternating())
    sigma = np.linalg.norm([[2, 1], [1, -1]], 2)
    assert found.stable == ()
    ((lo, hi),) = found.neutral
    assert lo == 0 and math.isclose(hi, 2 / sigma, rel_tol=1e-12)
