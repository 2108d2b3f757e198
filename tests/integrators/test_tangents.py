"""The tangent map of every update: against a complex step, against determinants, and in lanes."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis import update_jacobian
from dynsys import ArrayField, InputError, VectorField, games
from dynsys.vector import maximum, repeat, solution, solve, sqrt
from integrators import (
    DOP853,
    LOLA,
    Adam,
    Alternating,
    AverageVectorField,
    CompetitiveGradient,
    Euler,
    HeavyBall,
    ImplicitEuler,
    ImplicitMidpoint,
    Lookahead,
    OptimisticGradient,
    Rosenbrock,
    RungeKutta4,
    Status,
    Taylor,
    methods,
)
from integrators.duals import Dual
from integrators.states import flat
from integrators.tangents import Tangent, check_tangent, compensated, frame_of, orthonormal, tangent_runs

SINE = games.sine().field()
START, STEP = (0.7, 0.4), 0.3
HENON = VectorField.from_map(["1 - a*x**2 + y", "b*x"], ["x", "y"], {"a": 1.4, "b": 0.3})
OTHERS = [
    Lookahead(ImplicitEuler(), k=12, alpha=0.4),
    Alternating(OptimisticGradient()),
    Rosenbrock(),
    DOP853(),
    HeavyBall(Fraction(-1, 3)),
]
MANY = [method for method in [*(make() for make in methods().values()), *OTHERS] if not method.differentiable]
by_label = lambda method: method.label  # noqa: E731
numbers = st.floats(0.3, 3.0)


def oracle(field, start, method, h, steps):
    """The logs of growth from QR decompositions of Jacobians by complex step; and all Jacobians."""
    v, p = field.on_tuples, field.values()
    state = method.initial(v, tuple(map(np.float64, start)), p)
    size = len(flat(state))
    Q, logs, jacobians = frame_of(size, size).T, np.zeros(size), []
    for _ in range(steps):
        M = update_jacobian(field, np.array(flat(state), float), method, h)
        Q, R = np.linalg.qr(M @ Q)
        Q, logs = Q * np.sign(np.diag(R)), logs + np.log(np.abs(np.diag(R)))
        state = method.step(v, state, p, h)
        jacobians.append(M)
    return logs, jacobians


@pytest.mark.parametrize("method", MANY, ids=by_label)
def test_the_logs_of_every_method_are_those_of_its_complex_step_jacobians(method):
    logs, jacobians = oracle(SINE, START, method, STEP, 4)
    tangent, (v, p) = Tangent(method, len(logs)), (SINE.on_tuples, SINE.values())
    state = tangent.initial(v, tuple(map(np.float64, START)), p)
    for _ in range(4):
        state = tangent.step(v, state, p, STEP)
    assert_allclose(tangent.average(state), logs, atol=1e-12)
    volumes = [math.log(abs(np.linalg.det(M))) for M in jacobians]
    assert_allclose(sum(tangent.average(state)), sum(volumes), atol=1e-12)


COMPILED = [
    Euler(),
    HeavyBall(-0.4),
    ImplicitMidpoint(),
    AverageVectorField(),
    CompetitiveGradient(),
    LOLA(),
    OTHERS[0],
]


@pytest.mark.parametrize("method", COMPILED, ids=by_label)
def test_the_kernel_carries_the_same_tangent_map(method):
    logs, _ = oracle(SINE, START, method, STEP, 4)
    runs = tangent_runs(SINE, [START], method, STEP, 4, 2)
    assert_allclose(runs.logs[-1, 0], logs, atol=1e-12)
    assert runs.steps_kept.tolist() == [0, 2, 4] and runs.status[0] == Status.FINISHED


def test_a_run_does_not_depend_on_its_neighbours_or_on_threads_bit_for_bit():
    starts = np.random.default_rng(2).uniform(-0.3, 0.3, (35, 2))
    steps, b = np.linspace(0.9, 1.0, 35), np.linspace(0.2, 0.3, 35)
    runs = tangent_runs(HENON, starts, Euler(), steps, 40, 10, parameters={"b": b}, threads=2)
    for i in (0, 31, 34):
        one = tangent_runs(
            HENON, starts[i : i + 1], Euler(), steps[i], 40, 10, parameters={"b": b[i]}, progress=lambda done, of: None
        )
        assert np.array_equal(one.logs[:, 0], runs.logs[:, i])
    single = tangent_runs(HENON, starts[:1], Euler(), steps[0], 40, 10, parameters={"b": b[0]})
    assert_allclose(single.logs[:, 0], runs.logs[:, 0], rtol=0, atol=1e-12)


def test_a_field_of_arrays_has_the_same_exponents_as_its_formula():
    array = ArrayField(lambda x: SINE(x), lambda x: SINE.jacobian(x), ("theta", "phi"))
    found = tangent_runs(array, [START, (0.1, 0.2)], RungeKutta4(), STEP, 6, 3)
    expected = tangent_runs(SINE, [START, (0.1, 0.2)], RungeKutta4(), STEP, 6, 3)
    assert_allclose(found.logs, expected.logs, atol=1e-13)
    with pytest.raises(InputError, match="needs a VectorField's formulas"):
        tangent_runs(array, [START], AverageVectorField(), STEP, 2, 1)


def test_a_direction_that_the_map_annihilates_has_log_minus_infinity_and_the_other_is_right():
    delayed = VectorField.from_map(["3*x*(1 - x)", "x"], ["x", "y"])
    runs = tangent_runs(delayed, [[0.3, 0.2]], Euler(), 1.0, 5, 5)
    x, total = 0.3, 0.0
    (u, w) = frame_of(2, 2)[0]
    for _ in range(5):
        slope = 3 * (1 - 2 * x)
        u, w = slope * u, u
        x = 3 * x * (1 - x)
    total = math.log(math.hypot(u, w))
    assert_allclose(runs.logs[-1, 0, 0], total, rtol=1e-13)
    assert runs.logs[-1, 0, 1] == -math.inf


def test_a_direction_of_which_rounding_alone_is_left_is_annihilated_too():
    plane = VectorField.from_map(["0.7*(0.3*x + 0.6*y)", "0.1*(0.3*x + 0.6*y)", "0.5*z"], ["x", "y", "z"])
    runs = tangent_runs(plane, [[0.3, 0.2, 0.1]], Euler(), 1.0, 3, 1)
    assert_allclose(
        np.exp(runs.logs[-1, 0, :2].sum()), np.exp(runs.logs[1, 0, :2].sum()) * (0.27 * 0.5) ** 2, rtol=1e-9
    )
    assert (runs.logs[1:, 0, 2] == -math.inf).all()


def test_the_sum_of_the_logs_is_compensated():
    lengths = np.random.default_rng(7).uniform(0.01, 0.9, 4000)
    total, rest = np.float64(0), np.float64(0)
    for length in lengths:
        total, rest = compensated(total, rest, length)
    assert abs(total - math.fsum(np.log(lengths))) <= 2 * np.spacing(abs(total))
    assert compensated(total, rest, np.float64(0)) == (-math.inf, 0.0)


@pytest.mark.parametrize(
    ("image", "x", "steps"),
    [("2*x*(1 - x)", 0.3, 50), ("x*x", 1.5, 50), ("3*x", 1.0, 50), ("x/2", 1.0, 13)],
)
def test_a_run_alone_ends_between_two_kept_points_where_it_ends_in_lanes(image, x, steps):
    field = VectorField.from_map([image], ["x"])
    alone = tangent_runs(field, [[x]], Euler(), 1, steps, 10)
    lanes = tangent_runs(field, [[x], [x]], Euler(), 1, steps, 10)
    for name in ("x", "status", "steps"):
        assert np.array_equal(getattr(alone, name), getattr(lanes, name)[:1], equal_nan=True)
    for name in ("points", "logs"):
        assert np.array_equal(getattr(alone, name), getattr(lanes, name)[:, :1], equal_nan=True)


def test_runs_that_leave_or_cannot_start_have_a_status():
    runs = tangent_runs(HENON, [[50.0, 0.0], [0.1, 0.1], [np.nan, 0.0]], Euler(), 1.0, 30, 1)
    assert [Status(s) for s in runs.status] == [Status.DIVERGED, Status.FINISHED, Status.NOT_FINITE]


def test_methods_without_a_tangent_map_say_why():
    with pytest.raises(InputError, match="adam has no tangent map: the root of a mean"):
        check_tangent(SINE, Adam(), None)
    with pytest.raises(InputError, match="k is 5, but the state of euler on this field holds 2 numbers"):
        check_tangent(SINE, Euler(), 5)
    with pytest.raises(InputError, match=r"take DOP853\(\)"):
        tangent_runs(SINE, [START], Taylor(order=4), STEP, 2, 1)
    with pytest.raises(InputError, match="euler estimates no error"):
        tangent_runs(SINE, [START], Euler(), STEP, 2, 1, rtol=1e-6, atol=1e-6)


# --- dual numbers ---------------------------------------------------------------------------------


def dual(value, *parts):
    return Dual(value, parts)


FUNCTIONS = {
    "quotient": (
        lambda x, y: (x + 2 * y) / (x * y - 5),
        lambda x, y: 1 / (x * y - 5) - y * (x + 2 * y) / (x * y - 5) ** 2,
    ),
    "root": (lambda x, y: sqrt(x * y) - 1 / x, lambda x, y: 0.5 * math.sqrt(y / x) + 1 / x**2),
    "powers": (lambda x, y: x**3 - (y + x) ** -2, lambda x, y: 3 * x**2 + 2 * (y + x) ** -3),
    "exponential": (lambda x, y: 0.5**x * y - 3, lambda x, y: math.log(0.5) * 0.5**x * y),
    "size": (lambda x, y: abs(y - 5 - x), lambda x, y: 1.0),
    "larger": (lambda x, y: maximum(x * x, -y), lambda x, y: 2 * x),
    "loop": (lambda x, y: repeat(lambda s: (s[0] * x, s[1] + 1), 10, (y, 0 * y))[0], lambda x, y: 10 * x**9 * y),
    "system": (
        lambda x, y: solve(((2.0 * x, 1.0), (0.0, y)), (y, x))[0],
        lambda x, y: (-1 / y * 2 * x - 2 * (y - x / y)) / (2 * x) ** 2,
    ),
    "implicit": (
        lambda x, y: solution(lambda z: ((z[0] * z[0] * z[0] - x * y,), ((3 * z[0] * z[0],),)), (x * y,))[0],
        lambda x, y: y / 3 * (x * y) ** (-2 / 3),
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@given(x=numbers, y=st.floats(0.3, 1.5))
def test_a_dual_number_carries_the_derivative(name, x, y):
    f, slope = FUNCTIONS[name]
    found = f(dual(x, 1.0, 0.0, -2.0), dual(y, 0.0, 1.0, 0.0))
    assert_allclose(found.value, f(x, y), rtol=1e-12)
    assert_allclose([found.parts[0], found.parts[2]], [slope(x, y), -2 * slope(x, y)], rtol=1e-9, atol=1e-12)
    step = 1e-6
    assert_allclose(found.parts[1], (f(x, y + step) - f(x, y - step)) / (2 * step), rtol=1e-5, atol=1e-5)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 5))
def test_orthonormal_columns_and_lengths_are_the_qr_decomposition_with_positive_diagonal(seed, n):
    M = np.random.default_rng(seed).normal(size=(n, n))
    columns, lengths = orthonormal(tuple(map(tuple, M.T)))
    Q, R = np.linalg.qr(M)
    signs = np.sign(np.diag(R))
    assert_allclose(lengths, np.abs(np.diag(R)), rtol=1e-8)
    assert_allclose(np.array(columns).T, Q * signs, atol=1e-8 * np.linalg.cond(M))
