"""One run: what is kept, how it ends, at which step, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynsys import VectorField, games
from dynsys.errors import InputError
from dynsys.vector import where
from integrators import Euler, Method, Newton, RungeKutta4, Status, trajectory

CURL = games.curl().field()
CUBIC = games.cubic_bilinear().field()
DOUBLING = VectorField(("x",), ("x",))  # Euler with h = 1 doubles x, without rounding
HALVING = VectorField(("-x/2",), ("x",))  # and halves it, down to 0
SINKING = VectorField(("-1 - sqrt(x)",), ("x",))  # leaves the domain of the square root
DRIVEN = VectorField(("cos(t)",), ("x",), time="t")
EXPLOSIVE = VectorField(("x**20",), ("x",))


# --- what is kept ---------------------------------------------------------------------------------


@given(every=st.integers(1, 40), steps=st.integers(0, 100))
def test_every_kth_point_of_the_run_is_kept_the_start_first(every, steps):
    full = trajectory(CUBIC, [1.0, 0.5], Euler(), h=0.1, steps=steps, compiled=False)
    run = trajectory(CUBIC, [1.0, 0.5], Euler(), h=0.1, steps=steps, every=every, compiled=False)
    assert run.x.shape == (1 + steps // every, 2) and full.x.shape == (steps + 1, 2)
    np.testing.assert_array_equal(run.x, full.x[::every])
    np.testing.assert_array_equal(run.x[0], [1.0, 0.5])
    np.testing.assert_allclose(run.t, np.arange(len(run.x)) * every * 0.1, rtol=1e-15)
    assert (run.steps, run.status) == (steps, Status.FINISHED)
    assert run.variables == CUBIC.variables


def test_an_ended_run_keeps_the_points_up_to_its_last_whole_stride():
    run = trajectory(DOUBLING, [1.0], Euler(), h=1.0, steps=100, every=3, divergence_bound=2.0**10)
    assert (run.status, run.steps) == (Status.DIVERGED, 10)
    np.testing.assert_array_equal(run.x[:, 0], [1.0, 8.0, 64.0, 512.0])
    np.testing.assert_array_equal(run.t, [0.0, 3.0, 6.0, 9.0])


def test_no_steps_give_the_start():
    run = trajectory(CURL, [1, 2], RungeKutta4(), h=0.1, steps=0)
    np.testing.assert_array_equal(run.x, [[1.0, 2.0]])
    assert (run.steps, run.status, run.t.tolist()) == (0, Status.FINISHED, [0.0])


# --- how it ends ----------------------------------------------------------------------------------


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    ("field", "start", "h", "bound", "status"),
    [
        (CUBIC, [1.0, 0.5], 0.1, 1e10, Status.FINISHED),
        (CUBIC, [3.0, 3.0], 2.0, 1e10, Status.DIVERGED),
        (DOUBLING, [1.0], 1.0, 1024.0, Status.DIVERGED),
        (DOUBLING, [-1.0], 1.0, 1023.0, Status.DIVERGED),
        (DOUBLING, [0.0], 1.0, 1e10, Status.STATIONARY),
        (HALVING, [1.0], 1.0, 1e10, Status.FINISHED),
        (VectorField(("-x",), ("x",)), [3.0], 1.0, 1e10, Status.STATIONARY),
        (SINKING, [7.0], 0.25, 1e10, Status.NOT_FINITE),
        (EXPLOSIVE, [2.0], 1.0, 1e300, Status.NOT_FINITE),
        (EXPLOSIVE, [2.0], 1.0, np.inf, Status.NOT_FINITE),
        (EXPLOSIVE, [1e3], 1.0, 1e10, Status.DIVERGED),
    ],
)
def test_a_run_ends_at_the_step_where_the_naive_loop_ends(naive, field, start, h, bound, status, compiled):
    run = trajectory(field, start, Euler(), h, 200, divergence_bound=bound, compiled=compiled)
    oracle = naive(field, start, Euler(), h, 200, bound)
    assert run.status == oracle.status == status
    assert run.steps == oracle.steps
    np.testing.assert_allclose(run.x, oracle.x, rtol=1e-10)
    assert np.abs(run.x).max() <= bound and np.isfinite(run.x).all()
    assert f"after {run.steps} steps" in run.message and status.message in run.message


@given(exponent=st.integers(1, 40), start=st.integers(0, 5))
def test_the_bound_itself_is_inside(exponent, start):
    bound = 2.0**exponent
    run = trajectory(DOUBLING, [2.0**start], Euler(), h=1.0, steps=60, divergence_bound=bound, compiled=False)
    assert (run.status, run.steps) == (Status.DIVERGED, max(exponent - start, 0))
    assert run.x[-1, 0] == max(bound, 2.0**start)


def test_halving_is_stationary_after_the_last_subnormal_number():
    run = trajectory(HALVING, [1.0], Euler(), h=1.0, steps=5000)
    assert run.status == Status.STATIONARY
    assert 1074 <= run.steps <= 1076 and run.x[-1, 0] <= 5e-324


def test_a_two_cycle_is_not_stationary():
    run = trajectory(VectorField.from_map(["-x"], ["x"]), [1.0], Euler(), h=1.0, steps=33)
    assert (run.status, run.steps, run.x[-1, 0]) == (Status.FINISHED, 33, -1.0)


def test_a_state_in_motion_at_a_resting_point_is_not_stationary():
    @dataclass(frozen=True)
    class Waiting(Method):
        """Rests while its counter runs to 10, then moves."""

        def initial(self, v, x, p):
            return x, (0.0 * x[0],)

        def step(self, v, state, p, h):
            (x,), (count,) = state
            return (x + where(count > 9.5, h, 0.0),), (count + 1.0,)

    run = trajectory(DOUBLING, [1.0], Waiting(), h=0.5, steps=12)
    assert run.status == Status.FINISHED and run.x[:, 0].tolist() == [1.0] * 11 + [1.5, 2.0]


def test_newton_at_a_singular_jacobian_is_a_status():
    run = trajectory(VectorField(("x**2 - 1", "y"), ("x", "y")), [0.0, 1.0], Newton(), h=1.0, steps=5)
    assert (run.status, run.steps) == (Status.NOT_FINITE, 0)
    np.testing.assert_array_equal(run.x, [[0.0, 1.0]])


# --- fields in time, maps -------------------------------------------------------------------------


def test_a_field_of_time_alone_is_integrated_by_simpsons_rule(naive):
    h, steps, t0 = 0.05, 40, 0.3
    run = trajectory(DRIVEN, [0.0], RungeKutta4(), h, steps, t0=t0)
    t = t0 + h * np.arange(steps)
    simpson = np.cumsum(h / 6 * (np.cos(t) + 4 * np.cos(t + h / 2) + np.cos(t + h)))
    np.testing.assert_allclose(run.x[1:, 0], simpson, rtol=1e-12)
    np.testing.assert_allclose(run.x[:, 0], np.sin(run.t) - np.sin(t0), atol=1e-8)
    assert run.x.shape == (steps + 1, 1) and run.t[0] == t0
    oracle = naive(DRIVEN, [0.0], RungeKutta4(), h, steps, t0=t0)
    np.testing.assert_allclose(run.x, oracle.x, rtol=1e-13)


@pytest.mark.parametrize("compiled", [True, False])
def test_the_time_is_no_coordinate_that_can_diverge(compiled):
    run = trajectory(DRIVEN, [0.0], Euler(), h=0.5, steps=100, divergence_bound=3.0, compiled=compiled)
    assert (run.status, run.steps) == (Status.FINISHED, 100)


def test_a_map_is_iterated_by_euler_with_step_one(naive):
    logistic = VectorField.from_map(["a*x*(1 - x)"], ["x"], {"a": 3.2})
    run = trajectory(logistic, [0.3], Euler(), h=1.0, steps=500)
    a = 3.2
    low, high = sorted((a + 1 + s * np.sqrt((a - 3) * (a + 1))) / (2 * a) for s in (-1, 1))
    np.testing.assert_allclose(sorted(run.x[-2:, 0]), [low, high], rtol=1e-12)
    np.testing.assert_allclose(run.x[:20], naive(logistic, [0.3], Euler(), 1.0, 19).x, rtol=1e-12)


@given(x=st.floats(-50, 50), omega=st.floats(-20, 20))
def test_a_periodic_variable_stays_in_its_period_on_the_same_circle(x, omega):
    turn = VectorField.from_map(["x + omega"], ["x"], {"omega": omega}, period=(2.5,))
    run = trajectory(turn, [x], Euler(), h=1.0, steps=7, compiled=False)
    assert (run.x[1:] >= -1e-300).all() and (run.x[1:] <= 2.5).all()  # a subnormal quotient rounds to zero
    turns = (run.x[:, 0] - x - omega * np.arange(len(run.x))) / 2.5
    np.testing.assert_allclose(turns, turns.round(), atol=1e-12)


def test_only_the_variable_with_a_period_is_wrapped(naive):
    standard = VectorField.from_map(
        ["x + p + k*sin(x)", "p + k*sin(x)"], ["x", "p"], {"k": 0.5}, period=(2 * np.pi, None)
    )
    run = trajectory(standard, [3.0, 1.5], Euler(), h=1.0, steps=30)
    np.testing.assert_allclose(run.x, naive(standard, [3.0, 1.5], Euler(), 1.0, 30).x, rtol=1e-9)
    assert run.x[:, 0].min() >= 0 and run.x[:, 0].max() < 2 * np.pi


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"h": 0.0}, "h is 0"),
        ({"h": -0.1}, "h is -0.1"),
        ({"h": np.nan}, "h is nan"),
        ({"h": np.inf}, "h is inf"),
        ({"h": "0.1"}, "h is '0.1'"),
        ({"x0": [np.nan, 0.0]}, "x0 is .nan"),
        ({"x0": [np.inf, 0.0]}, "x0 is .inf"),
        ({"x0": [1.0, 0.0, 0.0]}, r"x0 has 3 entries but the field has variables \(theta, phi\)"),
        ({"x0": [[1.0, 0.0]]}, "x0 is .*one finite point of 2"),
        ({"x0": 1.0}, "x0 is a single number"),
        ({"x0": "ab"}, "x0 is not an array"),
        ({"method": Euler}, r"method is the class Euler; write Euler\(\)"),
        ({"method": "euler"}, "method is 'euler'"),
        ({"steps": -1}, "steps is -1"),
        ({"steps": 2.5}, "steps is 2.5"),
        ({"steps": True}, "steps is True"),
        ({"steps": np.nan}, "steps is nan"),
        ({"steps": np.inf}, "steps is inf"),
        ({"steps": "many"}, "steps is 'many'"),
        ({"steps": None}, "steps is None"),
        ({"every": 0}, "every is 0"),
        ({"divergence_bound": 0.0}, "divergence_bound is 0"),
        ({"divergence_bound": np.nan}, "divergence_bound is nan"),
        ({"divergence_bound": "far"}, "divergence_bound is 'far'"),
        ({"t0": np.inf}, "t0 is inf"),
        ({"steps": 10**13}, "GiB; keep less with every="),
    ],
)
def test_bad_input_is_refused_by_the_name_of_the_argument(change, named):
    good = {"field": CURL, "x0": [1.0, 0.0], "method": Euler(), "h": 0.1, "steps": 10}
    with pytest.raises(InputError, match=named):
        trajectory(**{**good, **change})


@pytest.mark.parametrize(
    "change", [{"h": np.float32(0.5)}, {"steps": np.int64(10)}, {"steps": 10.0}, {"divergence_bound": np.int64(2)}]
)
def test_numbers_of_every_type_are_numbers(naive, change):
    good = {"field": CURL, "x0": (1, 0), "method": Euler(), "h": 0.5, "steps": 10, "divergence_bound": 2.0}
    run, oracle = trajectory(**{**good, **change}), naive(CURL, (1, 0), Euler(), 0.5, 10, bound=2.0)
    assert (run.status, run.steps) == (oracle.status, oracle.steps) == (Status.DIVERGED, 6)


# --- claims about the curl field ------------------------------------------------------------------


@given(h=st.floats(1e-3, 2.0), angle=st.floats(0, 6.3), radius=st.floats(1e-3, 1e3))
def test_euler_expands_the_curl_field_by_exactly_sqrt_1_plus_h2(h, angle, radius):
    start = [radius * np.cos(angle), radius * np.sin(angle)]
    run = trajectory(CURL, start, Euler(), h=h, steps=12)
    growth = np.hypot(*run.x[1:].T) / np.hypot(*run.x[:-1].T)
    np.testing.assert_allclose(growth, np.sqrt(1 + h**2), rtol=1e-14)


@given(s=st.floats(0.3, 3.5).filter(lambda s: abs(s - 2 * np.sqrt(2)) > 1e-3), angle=st.floats(0, 6.3))
def test_runge_kutta_contracts_the_curl_field_below_2_sqrt_2_and_expands_it_above(s, angle):
    run = trajectory(CURL, [np.cos(angle), np.sin(angle)], RungeKutta4(), h=s, steps=6)
    growth = np.hypot(*run.x[1:].T) / np.hypot(*run.x[:-1].T)
    assert ((growth < 1) == (s < 2 * np.sqrt(2))).all()
    np.testing.assert_allclose(growth**2, 1 - s**6 / 72 + s**8 / 576, rtol=1e-12)
