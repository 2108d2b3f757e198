"""Adaptive solutions: right to the tolerance, against exact solutions and SciPy; how they end; what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dynsys import VectorField, games
from dynsys.array_field import ArrayField
from dynsys.errors import InputError
from dynsys.kernels import compiling
from integrators import DOP853, DormandPrince, Rosenbrock, Status, Taylor, Tsitouras, solve

METHODS = [DormandPrince(), Tsitouras(), DOP853(), Rosenbrock()]
every = pytest.mark.parametrize("method", METHODS, ids=lambda m: m.label)
LOTKA_VOLTERRA = VectorField(("u0 - u0*u1", "u0*u1 - u1"), ("u0", "u1"))
ROTATION = VectorField(("k*y", "-k*x"), ("x", "y"), {"k": 1.0})
FORCED = VectorField(("-k*x + cos(t)",), ("x",), {"k": 2.0}, time="t")
BLOW_UP = VectorField(("x**2",), ("x",))
VAN_DER_POL = VectorField(("y", "mu*(1 - x**2)*y - x"), ("x", "y"), {"mu": 1000.0})


def forced(t, x0):
    """The exact solution of ẋ = -2x + cos t."""
    particular = lambda s: (2 * np.cos(s) + np.sin(s)) / 5  # noqa: E731
    return (x0 - particular(0)) * np.exp(-2 * t) + particular(t)


# --- right to the tolerance -------------------------------------------------------------------------


@every
def test_the_error_falls_with_the_tolerance(method):
    errors = []
    for tolerance in (1e-4, 1e-6, 1e-8):
        run = solve(ROTATION, [1.0, 0.5], (0, 6), method, rtol=tolerance, atol=tolerance)
        assert run.success and run.status == Status.FINISHED and run.t[0] == 0 and run.t[-1] == 6
        exact = [math.cos(6) + 0.5 * math.sin(6), 0.5 * math.cos(6) - math.sin(6)]
        errors.append(np.abs(run.x[-1] - exact).max())
    assert errors[0] < 2e-2 and errors[1] < 1e-4 and errors[2] < 1e-6
    assert errors[2] < errors[1] / 8 < errors[0] / 64


def test_lotka_volterra_to_twelve_digits():
    run = solve(LOTKA_VOLTERRA, [5, 0.8], (0, 10), DOP853(), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(run.x[-1], [0.385831860685184, 4.60201427272545], rtol=1e-12)


@pytest.mark.skipif(not compiling(), reason="six thousand steps take a minute uncompiled")
def test_van_der_pol_with_mu_1000_agrees_with_radau():
    def value(t, x):
        return [x[1], 1000 * (1 - x[0] ** 2) * x[1] - x[0]]

    def jacobian(t, x):
        return [[0, 1], [-2000 * x[0] * x[1] - 1, 1000 * (1 - x[0] ** 2)]]

    run = solve(VAN_DER_POL, [2, 0], (0, 2000), Rosenbrock(), rtol=1e-9, atol=1e-10)
    theirs = solve_ivp(value, (0, 2000), [2, 0], method="Radau", rtol=1e-12, atol=1e-14, jac=jacobian)
    assert run.success
    np.testing.assert_allclose(run.x[-1], theirs.y[:, -1], rtol=1e-6)


@every
def test_a_field_with_time_is_solved_forwards_and_backwards(method):
    there = solve(FORCED, [0.7], (0, 3), method, rtol=1e-8, atol=1e-9)
    assert there.x[-1, 0] == pytest.approx(forced(3.0, 0.7), abs=2e-7)
    back = solve(FORCED, there.x[-1], (3, 0), method, rtol=1e-8, atol=1e-9)
    assert back.t[-1] == 0 and (np.diff(back.t) < 0).all()
    assert back.x[-1, 0] == pytest.approx(0.7, abs=2e-4)  # backwards errors grow by e⁶


@every
def test_the_dense_output_is_right_between_the_steps(method):
    run = solve(FORCED, [0.7], (0, 3), method, rtol=1e-7, atol=1e-8, dense=True)
    t = np.linspace(0, 3, 101)
    np.testing.assert_allclose(run.sol(t)[:, 0], forced(t, 0.7), atol=3e-6)
    np.testing.assert_allclose(run.sol(run.t), run.x, atol=1e-15)
    assert run.sol(1.0).shape == (1,) and run.sol(t.reshape(1, -1)).shape == (1, 101, 1)
    with pytest.raises(InputError, match=r"t holds 3\.5, but the solution is known on \[0, 3\] only"):
        run.sol([1.0, 3.5])


def test_times_are_met_by_the_dense_output():
    t = [0.0, 0.5, 2.25, 3.0]
    run = solve(FORCED, [0.7], (0, 3), DOP853(), rtol=1e-10, atol=1e-11, times=t)
    np.testing.assert_array_equal(run.t, t)
    np.testing.assert_allclose(run.x[:, 0], forced(np.array(t), 0.7), atol=1e-8)
    assert run.sol is None


def test_time_is_kept_to_the_last_digit_over_many_steps():
    run = solve(ROTATION, [1.0, 0.0], (0, 1000), DOP853(), rtol=1e-13, atol=1e-14) if compiling() else None
    if run is not None:
        phase = math.atan2(-run.x[-1, 1], run.x[-1, 0])
        assert math.remainder(phase - 1000, 2 * math.pi) == pytest.approx(0, abs=2e-12)


def test_each_component_has_its_own_tolerance():
    field = VectorField(("-x", "-y"), ("x", "y"))
    coarse = solve(field, [1.0, 1.0], (0, 1), rtol=2.3e-14, atol=[1e-3, 1e3])
    fine = solve(field, [1.0, 1.0], (0, 1), rtol=2.3e-14, atol=[1e-10, 1e3])
    assert coarse.steps < fine.steps
    many = solve(field, [1.0, 1.0], (0, 1), rtol=[1e-9, 1e-2], atol=1e-12)
    assert many.steps > solve(field, [1.0, 1.0], (0, 1), rtol=[1e-4, 1e-2], atol=1e-12).steps


def test_steps_are_no_longer_than_max_step_and_the_first_is_first_step():
    run = solve(ROTATION, [1.0, 0.0], (0, 2), max_step=0.11, first_step=0.03)
    assert np.diff(run.t)[0] == pytest.approx(0.03)
    assert np.diff(run.t).max() <= 0.11 * (1 + 1e-12)
    assert run.attempts >= run.steps == len(run.t) - 1 and run.evaluations >= 6 * run.attempts


def test_a_wrapped_variable_stays_in_its_period():
    field = VectorField(("1 + 0*x",), ("x",), period=(1.0,))
    run = solve(field, [0.25], (0, 3.5), max_step=0.1, dense=True)
    assert ((run.x >= 0) & (run.x <= 1)).all()
    assert run.x[-1, 0] == pytest.approx(0.75, abs=1e-12)


# --- larger and given by arrays ---------------------------------------------------------------------


@every
def test_a_field_of_arrays_has_the_solution_of_its_formulas(method):
    array = ArrayField(
        lambda x: np.stack([x[:, 1], -x[:, 0]], 1),
        lambda x: np.broadcast_to(np.array([[0.0, 1.0], [-1.0, 0.0]]), (len(x), 2, 2)),
        ("x", "y"),
    )
    ours = solve(array, [1.0, 0.5], (0, 2), method, dense=True, events="x")
    theirs = solve(ROTATION, [1.0, 0.5], (0, 2), method, dense=True, events="x", compiled=False)
    np.testing.assert_allclose(ours.t, theirs.t, rtol=1e-9)
    np.testing.assert_allclose(ours.x, theirs.x, atol=1e-10)
    np.testing.assert_allclose(ours.sol(1.3), theirs.sol(1.3), atol=1e-10)
    np.testing.assert_allclose(ours.t_events[0], theirs.t_events[0], atol=1e-9)


@every
@pytest.mark.parametrize("dense", [False, True], ids=["steps", "dense"])
def test_evaluations_are_those_of_the_field(method, dense):
    calls = []

    def value(x):
        calls.append(len(x))
        return np.stack([x[:, 1], -x[:, 0]], 1)

    rotation = np.array([[[0.0, 1.0], [-1.0, 0.0]]])
    field = ArrayField(value, lambda x: np.repeat(rotation, len(x), 0), ("x", "y"))
    run = solve(field, [1.0, 0.5], (0, 3), method, rtol=1e-5, dense=dense)
    assert run.evaluations == len(calls) and sum(calls) == len(calls)


@pytest.mark.parametrize("method", [DOP853(), Rosenbrock()], ids=lambda m: m.label)
def test_many_variables_run_as_one_array(method):
    n = 36
    names = [f"x{i}" for i in range(n)]
    field = VectorField([f"x{(i + 1) % n} - 2*{x} + sin(t)" for i, x in enumerate(names)], names, time="t")
    start = np.linspace(-1, 1, n)
    run = solve(field, start, (0, 1), method, rtol=1e-6, atol=1e-7)
    shift = np.roll(np.eye(n), 1, axis=1)
    theirs = solve_ivp(lambda t, x: shift @ x - 2 * x + np.sin(t), (0, 1), start, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(run.x[-1], theirs.y[:, -1], atol=2e-6)


# --- how it ends ------------------------------------------------------------------------------------


def test_a_blow_up_has_diverged_or_met_steps_below_the_spacing_of_t():
    run = solve(BLOW_UP, [1.0], (0, 2))
    assert run.status == Status.DIVERGED and not run.success
    assert run.t[-1] == pytest.approx(1, abs=1e-6) and (np.abs(run.x) <= 1e10).all()
    run = solve(BLOW_UP, [1.0], (0, 2), divergence_bound=math.inf)
    assert run.status == Status.STEP_UNDERFLOW and run.t[-1] == pytest.approx(1, abs=1e-5)
    assert "below the spacing of t" in run.message


def test_leaving_the_domain_is_a_status():
    run = solve(VectorField(("-1/(2*sqrt(x))",), ("x",)), [1.0], (0, 5))
    assert run.status in (Status.NOT_FINITE, Status.STEP_UNDERFLOW)
    assert run.t[-1] == pytest.approx(4 / 3, abs=1e-3) and np.isfinite(run.x).all()


def test_a_stiff_problem_says_so_and_is_solved_by_the_stiff_method():
    field = VectorField(("-k*(x - cos(t))",), ("x",), {"k": 3000.0}, time="t")
    run = solve(field, [0.0], (0, 30), stiff_after=100)
    assert run.status == Status.STIFF and "Rosenbrock()" in run.message and run.steps < 200
    assert solve(field, [0.0], (0, 0.2), stiff_after=None).success
    stiff = solve(field, [0.0], (0, 1.5), Rosenbrock(), stiff_after=0)
    assert stiff.success and stiff.steps < 200
    assert stiff.x[-1, 0] == pytest.approx(math.cos(1.5), abs=1e-3)


def test_a_mild_problem_is_not_called_stiff():
    assert solve(LOTKA_VOLTERRA, [5, 0.8], (0, 20), rtol=1e-4, stiff_after=0).success


def test_the_number_of_attempts_is_bounded():
    run = solve(ROTATION, [1.0, 0.0], (0, 100), max_steps=17)
    assert run.status == Status.EXHAUSTED and run.attempts == 17 and "max_steps" in run.message


def test_the_compiled_run_is_the_plain_one_to_rounding():
    field = games.spiral_saddle().field()
    a, b = (solve(field, [0.1, 0.1], (0, 5), DOP853(), rtol=1e-9, compiled=c) for c in (True, False))
    np.testing.assert_allclose(a.x[-1], b.x[-1], atol=1e-13)
    assert a.steps == b.steps


# --- what it refuses --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"x0": [1.0]}, "x0 has 1 entries"),
        ({"x0": [1.0, math.nan]}, "give one finite point of 2 numbers"),
        ({"t": 3.0}, r"give the interval \(t0, t1\)"),
        ({"t": (0, 1, 2)}, r"other times as times="),
        ({"t": (1, 1)}, "the end must differ from the start"),
        ({"t": (0, math.inf)}, "t1 is inf"),
        ({"rtol": 0.0}, "rtol is 0; it must be at least 2.3e-14"),
        ({"rtol": [1e-3, 1e-3, 1e-3]}, "give one finite number or 2"),
        ({"atol": 0.0}, "atol is 0; it must be positive"),
        ({"atol": "small"}, "atol is 'small'"),
        ({"times": [0.5, 2.0]}, "between 0 and 1"),
        ({"times": [0.5, 0.2]}, "sort them"),
        ({"max_step": -1.0}, "max_step is -1"),
        ({"first_step": 0.0}, "first_step is 0"),
        ({"max_steps": 0}, "max_steps is 0"),
        ({"method": "dopri5"}, "which estimates no error"),
        ({"field": games.curl()}, r"give game.field\(\)"),
        ({"events": "z - 1"}, "'z'"),
    ],
)
def test_bad_input_is_refused_by_the_name_of_the_argument(change, named):
    given = {"field": ROTATION, "x0": [1.0, 0.0], "t": (0, 1)} | change
    with pytest.raises(InputError, match=named):
        solve(**given)


# --- the control of the step, by a loop written as the documentation says it ------------------------


def naive(field, x, end, method, rtol, atol, first):
    """Lengths of the accepted steps from t = 0, and how many attempts they took."""
    v, p, t, h, before, most = field.on_tuples, field.values(), 0.0, first, 1.0, 5.0
    x, (alpha, beta) = tuple(map(np.float64, x)), method.exponents
    carried, lengths, attempts = method.carry(v, x, p), [], 0
    while t < end:
        step = min(h, end - t)
        found = method.attempt(v, x, p, carried, step)
        attempts += 1
        unit = [a + r * max(abs(xi), abs(yi)) for xi, yi, r, a in zip(x, found.x, rtol, atol)]
        squares = tuple(np.mean([(e / u) ** 2 for e, u in zip(error, unit)]) for error in found.errors)
        error = method.squared_error(squares, step) ** 0.5
        factor = 0.85 * error**-alpha * (before**beta if error <= 1 else 1.0)
        h = step * min(max(factor, 0.2), most)
        if error <= 1:
            t, x, carried, before, most = t + step, found.x, found.carried, max(error, 1e-4), 5.0
            lengths.append(step)
        else:
            most = 1.0
    return np.array(lengths), attempts


@pytest.mark.parametrize("method", [DormandPrince(), DOP853(), Rosenbrock()], ids=lambda m: m.label)
def test_the_steps_are_those_that_the_documented_control_takes(method):
    field = VectorField(("y", "k*(1 - x**2)*y - x"), ("x", "y"), {"k": 6.0})
    rtol, atol = [1e-5, 3e-4], [1e-6, 1e-3]
    run = solve(field, [1.0, 0.5], (0, 9), method, rtol, atol, first_step=0.5, compiled=False)
    lengths, attempts = naive(field, [1.0, 0.5], 9.0, method, rtol, atol, 0.5)
    assert attempts > len(lengths) > 20  # some are refused
    assert run.steps == len(lengths) and run.attempts == attempts
    np.testing.assert_allclose(np.diff(run.t), lengths, rtol=5e-3)


def test_the_first_step_makes_an_error_of_about_the_tolerance():
    field = VectorField(("y", "-k**2*x"), ("x", "y"), {"k": 50.0})
    for tolerance in (1e-4, 1e-8):
        run = solve(field, [1.0, 0.0], (0, 1), rtol=tolerance, atol=tolerance, compiled=False)
        first, rest = np.diff(run.t)[0], np.median(np.diff(run.t))
        assert rest / 100 < first < 3 * rest
    slow = solve(VectorField(("-x/1000",), ("x",)), [1.0], (0, 5), compiled=False)
    assert slow.steps <= 4  # not held to a tiny first step


def test_taylors_step_keeps_the_last_two_terms_within_the_tolerance_and_no_more():
    field = VectorField(("y", "-sin(x)"), ("x", "y"))
    method = Taylor(10)
    run = solve(field, [1.0, 0.5], (0, 5), method, rtol=1e-7, atol=1e-9, compiled=False)
    for x, h in list(zip(run.x, np.diff(run.t)))[:-1]:
        terms = np.array(field.on_tuples.series(tuple(x), (), 10)).T
        sizes = [np.sqrt(np.mean((terms[k] * h**k / (1e-9 + 1e-7 * abs(x))) ** 2)) for k in (9, 10)]
        largest = max(s ** (1 / k) for s, k in zip(sizes, (9, 10)))
        assert largest == pytest.approx(0.9, rel=1e-3)
    assert Taylor().fitted(1e-12).order == 15 and Taylor(7).fitted(1e-12).order == 7
    with pytest.raises(InputError, match="order is 1; give a whole number from 2 to 60"):
        Taylor(1)
    with pytest.raises(InputError, match="this field has none; take DOP853"):
        solve(ArrayField(lambda x: x, lambda x: np.ones((len(x), 1, 1)), ("x",)), [1.0], (0, 1), Taylor())
