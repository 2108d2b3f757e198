"""One step of a method against the flow of its modified field: the observed order is the order kept plus 1."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp

from analysis import modified_field
from dynsys import Game, games
from integrators import (
    LOLA,
    AdamsBashforth2,
    Alternating,
    CompetitiveGradient,
    ComplexMomentum,
    Euler,
    Extragradient,
    HeavyBall,
    ImplicitMidpoint,
    Lookahead,
    Nesterov,
    OptimisticGradient,
    Rates,
    RungeKutta4,
)
from integrators.states import flat

PLAIN = Game(
    {"a": ["x"], "b": ["y"]}, {"a": "x*y - x**2/8 + x**2*y/5", "b": "-x*y - y**2/9 + y**3/7 + x*y**2/6"}
).field()
SMALL = Game({"a": ["x"], "b": ["y"]}, {"a": "x*y - x**2/8", "b": "-x*y + x*y**2/6"}).field()
by_label = lambda value: getattr(value, "label", None)  # noqa: E731


def flow(v, x, t):
    return solve_ivp(lambda _, y: v(y), (0, t), x, method="DOP853", rtol=3e-14, atol=1e-15).y[:, -1]


def residual(field, method, h, modified, time=0.0):
    """One step against the modified flow, after steps for `time` that bring the memory to its manifold."""
    on, p = field.on_tuples, field.values()
    state = method.initial(on, (0.6, -0.4), p)
    for _ in range(round(time / h)):
        state = method.step(on, state, p, h)
    before = np.array(flat(state)[:2], float)
    after = np.array(flat(method.step(on, state, p, h))[:2], float)
    return np.linalg.norm(after - flow(modified.with_parameters(h=h), before, h)) / np.linalg.norm(before)


def assert_slope(field, method, order, slope, steps, time=0.0):
    modified = modified_field(field, method, order)
    errors = [residual(field, method, h, modified, time) for h in steps]
    assert_allclose(np.polyfit(np.log(steps), np.log(errors), 1)[0], slope, atol=0.2)
    assert max(errors) < 10 * max(steps) ** slope


@pytest.mark.parametrize(
    ("method", "order", "slope"),
    [
        *[(method, order, order + 1) for method in (Euler(), Extragradient(), Alternating()) for order in (1, 2, 3)],
        *[(Rates(Euler(), (0.5, 2)), order, order + 1) for order in (1, 2, 3)],
        *[(CompetitiveGradient(), order, order + 1) for order in (1, 2, 3)],
        *[(LOLA(), order, order + 1) for order in (1, 2, 3)],
        (Euler(), 4, 5),
        (Lookahead(Euler(), 2, 0.5), 2, 3),
        (Extragradient(0.5, 0.7), 2, 3),
        (RungeKutta4(), 1, 5),  # its own order is reached at once
        (ImplicitMidpoint(), 2, 3),
        (ImplicitMidpoint(), 3, 5),  # the next term is even
    ],
    ids=by_label,
)
def test_a_step_is_the_modified_flow_up_to_the_order_plus_1(method, order, slope):
    assert_slope(PLAIN, method, order, slope, np.array([0.04, 0.02, 0.01]) * (4 if slope == 5 else 1))


@pytest.mark.parametrize(
    ("method", "order", "slope"),
    [
        *[(HeavyBall(0.2), order, order + 1) for order in (1, 2, 3)],
        *[(Nesterov(-0.2), order, order + 1) for order in (1, 2, 3)],
        *[(OptimisticGradient(), order, order + 1) for order in (1, 2, 3)],
        (AdamsBashforth2(), 1, 3),  # its own order is reached at once
        (AdamsBashforth2(), 3, 4),
        (ComplexMomentum(0.1 + 0.2j), 2, 3),
        (Alternating(HeavyBall(-0.2)), 2, 3),
    ],
    ids=by_label,
)
def test_with_memory_a_step_from_the_manifold_is_the_modified_flow_up_to_the_order_plus_1(method, order, slope):
    assert_slope(SMALL, method, order, slope, np.array([0.04, 0.02, 0.01]), time=1.2)


@pytest.mark.parametrize(
    ("method", "order", "time"), [(Euler(), 3, 0), (Alternating(), 2, 0), (HeavyBall(0.2), 2, 2.4)], ids=by_label
)
def test_a_field_of_exponentials_is_followed_too(method, order, time):
    assert_slope(games.dirac_gan().field(), method, order, order + 1, np.array([0.08, 0.04, 0.02]), time)
