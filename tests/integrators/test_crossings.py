"""Events: every change of sign that the dense output shows is found, where it is, in its direction."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dynsys import VectorField
from dynsys.errors import InputError
from integrators import DOP853, DormandPrince, Event, Rosenbrock, Status, Taylor, Tsitouras, solve

METHODS = [DormandPrince(), Tsitouras(), DOP853(), Rosenbrock(), Taylor()]
every = pytest.mark.parametrize("method", METHODS, ids=lambda m: m.label)
CUBIC = VectorField(("3*t**2 + 12*t - 4",), ("y",), time="t")  # y = (t + 6)(t + 2)(t - 2) from y(-8) = -120
PENDULUM = VectorField(("w", "-9.8*sin(x)"), ("x", "w"))
CLOCK = VectorField(("1 + 0*x",), ("x",))  # x = t


@every
def test_all_roots_within_a_step_are_found(method):
    run = solve(CUBIC, [-120.0], (-8, 4), method, events="y")
    np.testing.assert_allclose(run.t_events[0], [-6, -2, 2], atol=1e-12 if method.degree > 3 else 1e-7)
    assert run.events[0].directions.tolist() == [1, -1, 1]
    assert np.abs(run.x_events[0]).max() < 1e-6


def test_the_same_roots_are_found_with_all_steps_within_one_root():
    run = solve(CUBIC, [-120.0], (-8, 4), DOP853(), events="y", max_step=0.05)
    np.testing.assert_allclose(run.t_events[0], [-6, -2, 2], atol=1e-12)


def test_the_period_of_the_pendulum():
    run = solve(PENDULUM, [-0.05, 0.0], (0, 2.5), DOP853(), rtol=1e-13, atol=1e-15, events=Event("w", direction=1))
    assert run.t_events[0] == pytest.approx([2.007403575880130], abs=1e-13)


def test_direction_and_time_order_and_the_end_of_the_interval():
    run = solve(CUBIC, [-120.0], (-8, 2), events=[Event("y", 1), Event("y", -1), "t + 6"])
    np.testing.assert_allclose(run.t_events[0], [-6], atol=1e-10)
    np.testing.assert_allclose(run.t_events[1], [-2], atol=1e-10)
    assert run.t_events[2] == pytest.approx([-6], abs=1e-14)
    back = solve(CUBIC, [0.0], (2, -8), events="y")  # y(2) = 0 is where it starts: no crossing
    np.testing.assert_allclose(back.t_events[0], [-2, -6], atol=1e-9)


def test_a_terminal_event_ends_the_run_at_its_point():
    run = solve(CUBIC, [-120.0], (-8, 4), events=[Event("y", terminal=2), "t + 5"], dense=True)
    assert run.status == Status.EVENT and run.success and "terminal event" in run.message
    assert run.t[-1] == pytest.approx(-2, abs=1e-9) and abs(run.x[-1, 0]) < 1e-7
    assert len(run.t_events[0]) == 2 and len(run.t_events[1]) == 1
    assert (np.diff(run.t) > 0).all()
    first = solve(CUBIC, [-120.0], (-8, 4), events=[Event("y", terminal=True), Event("t + 7", terminal=True)])
    assert first.t[-1] == pytest.approx(-7, abs=1e-12) and len(first.t_events[0]) == 0


def test_a_function_serves_as_event_with_the_attributes_scipy_knows():
    def falls(t, x):
        return x[0] - 0.5

    falls.direction, falls.terminal = -1, True
    field = VectorField(("-x",), ("x",))
    ours = solve(field, [2.0], (0, 5), DOP853(), rtol=1e-10, atol=1e-12, events=falls)
    theirs = solve_ivp(lambda t, x: -x, (0, 5), [2.0], rtol=1e-10, atol=1e-12, events=falls, method="DOP853")
    assert ours.t[-1] == pytest.approx(math.log(4), abs=1e-9)
    assert ours.t_events[0][0] == pytest.approx(theirs.t_events[0][0], abs=1e-9)


def test_fast_oscillations_within_a_step_are_resolved():
    run = solve(CLOCK, [0.0], (0, 10), events="sin(20*x)", max_step=5)
    expected = math.pi / 20 * np.arange(1, 64)
    np.testing.assert_allclose(run.t_events[0], expected, atol=1e-12)


def test_close_pairs_are_found_and_a_touch_is_none():
    pair = solve(CLOCK, [0.0], (0, 3), events="(x - 1)**2 - 1e-12")
    np.testing.assert_allclose(pair.t_events[0], [1 - 1e-6, 1 + 1e-6], atol=1e-9)
    assert len(solve(CLOCK, [0.0], (0, 3), events="(x - 1)**2 + 1e-14").t_events[0]) == 0


def test_kinks_and_jumps_are_crossings_too():
    kink = solve(CLOCK, [0.0], (0, 3), events=lambda t, x: abs(x[0] - 1) - 0.25)
    np.testing.assert_allclose(kink.t_events[0], [0.75, 1.25], atol=1e-12)
    jump = solve(CLOCK, [0.0], (0, 3), events=lambda t, x: 1.0 if x[0] > math.sqrt(2) else -1.0)
    np.testing.assert_allclose(jump.t_events[0], [math.sqrt(2)], atol=1e-12)


def test_parameters_and_time_stand_in_conditions():
    field = VectorField(("c + 0*x",), ("x",), {"c": 2.0})
    run = solve(field, [0.0], (0, 3), events=["x - c", "x - t - 1"])
    np.testing.assert_allclose([run.t_events[0][0], run.t_events[1][0]], [1, 1], atol=1e-12)


@pytest.mark.parametrize(
    ("event", "named"),
    [
        (lambda: Event("x", direction=2), "direction of an event is 2"),
        (lambda: Event("x", terminal=-1), "terminal of an event is -1"),
        (lambda: solve(CLOCK, [0.0], (0, 1), events="y"), "'y'"),
        (lambda: solve(CLOCK, [0.0], (0, 1), events="__import__('os')"), "events"),
        (lambda: solve(CLOCK, [0.0], (0, 1), events=lambda t, x: "no"), "an event's function"),
    ],
)
def test_bad_events_are_refused(event, named):
    with pytest.raises(InputError, match=named):
        event()
