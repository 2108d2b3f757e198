"""Multipliers beyond fixed points of one-step methods: augmented states, cycles, and fields that act in turn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis import multipliers, update_jacobian
from dynsys import InputError, VectorField, games
from integrators import (
    AdamsBashforth2,
    ComplexMomentum,
    Euler,
    Extragradient,
    Gauss2,
    HeavyBall,
    ImplicitEuler,
    ImplicitMidpoint,
    Nesterov,
    OptimisticGradient,
    RungeKutta4,
    Trapezoidal,
    trajectory,
)
from integrators.method import methods
from integrators.states import flat, shaped

few = settings(max_examples=max(8, settings.default.max_examples // 4))
seeds = st.integers(0, 2**32 - 1)
steps = st.floats(0.02, 1.2).map(lambda x: round(x, 3))
by_label = lambda value: getattr(value, "label", None)  # noqa: E731


def sorted_by_parts(values):
    return np.array(sorted(np.asarray(values).round(9), key=lambda z: (z.real, z.imag)))


POLYNOMIALS = {
    HeavyBall(0.7): lambda z: [1, -(1.7 + z), 0.7],
    HeavyBall(-0.6): lambda z: [1, -(0.4 + z), -0.6],
    Nesterov(0.4): lambda z: [1, -1.4 * (1 + z), 0.4 * (1 + z)],
    OptimisticGradient(): lambda z: [1, -(1 + 2 * z), z],
    AdamsBashforth2(): lambda z: [1, -(1 + 1.5 * z), 0.5 * z],
    ComplexMomentum(0.3 + 0.4j): lambda z: np.polysub(np.polymul([1, -1], [1, -0.6, 0.25]), [z, -0.3 * z, 0]),
    ImplicitEuler(): lambda z: [1 - z, -1],
    ImplicitMidpoint(): lambda z: [1 - z / 2, -1 - z / 2],
    Trapezoidal(): lambda z: [1 - z / 2, -1 - z / 2],
    Gauss2(): lambda z: [1 - z / 2 + z**2 / 12, -1 - z / 2 - z**2 / 12],
    Extragradient(0.5, 0.8): lambda z: [1, -1 - 0.8 * z - 0.4 * z**2],
}


@pytest.mark.parametrize("method", POLYNOMIALS, ids=by_label)
@few
@given(seed=seeds, n=st.integers(1, 3), h=steps)
def test_the_multipliers_are_the_roots_of_the_polynomial_at_every_eigenvalue(linear, method, seed, n, h):
    J = (np.random.default_rng(seed).uniform(-2, 2, (n, n)) - 0.1 * np.eye(n)).round(3)
    found = multipliers(linear(J), np.zeros(n), method, h)
    expected = np.concatenate([np.roots(POLYNOMIALS[method](h * z)) for z in np.linalg.eigvals(J)])
    assert len(found) == len(expected)
    for z in expected:  # each is found; a double root is good to half the digits
        assert np.abs(found - z).min() < 1e-6 * (1 + abs(z))
    assert_allclose(found.sum(), expected.sum(), rtol=1e-9, atol=1e-9)
    assert_allclose((found**2).sum(), (expected**2).sum(), rtol=1e-9, atol=1e-9)
    assert (np.diff(np.abs(found)) <= 1e-10).all()


@pytest.mark.parametrize("r", [3.05, 3.2, 3.44, 3.5])
def test_the_multiplier_of_the_logistic_2_cycle_is_4_plus_2r_minus_r2(r):
    v = VectorField.from_map([f"{r}*x*(1 - x)"], ["x"])
    for sign in (1, -1):
        x = (r + 1 + sign * math.sqrt((r - 3) * (r + 1))) / (2 * r)
        assert_allclose(multipliers(v, [x], Euler(), 1.0, period=2), [4 + 2 * r - r * r], rtol=1e-12)
        assert_allclose(multipliers(v, [x], Euler(), 1.0, period=4), [(4 + 2 * r - r * r) ** 2], rtol=1e-12)


def test_the_logistic_3_cycle_has_the_product_of_its_slopes():
    r, v = 3.84, VectorField.from_map(["3.84*x*(1 - x)"], ["x"])
    x = trajectory(v, [0.4], Euler(), h=1.0, steps=3000, compiled=False).x[-3:, 0]
    slopes = r * (1 - 2 * x)
    for start in x:
        assert_allclose(multipliers(v, [start], Euler(), 1.0, period=3), [slopes.prod()], rtol=1e-9)
    assert abs(slopes.prod()) < 1


@given(beta=st.floats(-0.5, 0.9), share=st.floats(0.05, 0.95))
def test_a_2_cycle_of_heavy_ball_given_as_a_whole_state_has_the_multipliers_of_the_squared_step(beta, share):
    """x → -x on v = -x - x³: h(x + x³) = 2(1 + β)x, with the displacement 2x at x."""
    h, v = 2 * (1 + beta) * share, VectorField(("-x - x**3",), ("x",))
    x = math.sqrt(1 / share - 1)
    slope = -1 - 3 * x * x
    state = np.array([x, 2 * x])
    once = _heavy_ball(v, state, beta, h)
    assert_allclose(once, -state, rtol=1e-12)
    M = np.array([[1 + h * slope, beta], [h * slope, beta]])
    found = multipliers(v, state, HeavyBall(beta), h, period=2)
    # sum and product, since a double multiplier itself is good to half the digits only
    assert_allclose([found.sum(), found.prod()], [np.trace(M @ M), np.linalg.det(M) ** 2], rtol=1e-10, atol=1e-12)
    assert_allclose(update_jacobian(v, state, HeavyBall(beta), h), M, rtol=1e-13, atol=1e-15)  # β may be subnormal


def _heavy_ball(v, state, beta, h):
    m = beta * state[1] + h * v(state[:1])[0]
    return np.array([state[0] + m, m])


ONE = VectorField(("x - y**2", "sin(x)"), ("x", "y"), players={"a": ["x"], "b": ["y"]})
TWO = VectorField(("-y", "x*y"), ("x", "y"), players={"a": ["x"], "b": ["y"]})
METHODS = [cls() for cls in methods().values() if not cls().differentiable]


def test_fields_in_turn_multiply_their_jacobians_along_the_orbit_the_last_on_the_left():
    x, h = np.array([0.3, -0.7]), 0.2
    y = x + h * ONE(x)
    z = y + h * TWO(y)
    first, second = np.eye(2) + h * ONE.jacobian(x), np.eye(2) + h * TWO.jacobian(y)
    third = np.eye(2) + h * ONE.jacobian(z)
    assert_allclose(update_jacobian([ONE, TWO], x, Euler(), h), second @ first, rtol=1e-14)
    assert_allclose(update_jacobian((ONE, TWO, ONE), x, Euler(), h), third @ second @ first, rtol=1e-14)
    assert np.abs(second @ first - first @ second).max() > 0.01
    twice = update_jacobian([ONE, TWO], x, Euler(), h, period=2)
    after = z + h * ONE(z)
    assert_allclose(twice, (np.eye(2) + h * TWO.jacobian(after)) @ third @ second @ first, rtol=1e-14)


@pytest.mark.parametrize("method", METHODS, ids=by_label)
def test_the_jacobian_of_a_round_is_that_of_central_differences(method):
    """An oracle for every method: the state's step in floats, differenced; LOLA's needs payoffs and is left out."""
    if method.moves:
        return
    fields = [ONE, TWO]
    point = (0.3, -0.7)
    state = method.initial(ONE.on_tuples, point, ())

    def around(values):
        current = shaped(tuple(values), state)
        for v in fields:
            current = method.step(v.on_tuples, current, (), 0.15)
        return np.array(flat(current), float)

    start, eps = np.array(flat(state), float), 1e-5
    columns = [(around(start + eps * e) - around(start - eps * e)) / (2 * eps) for e in np.eye(len(start))]
    given_as_point = update_jacobian(fields, point, method, 0.15)
    assert_allclose(given_as_point, np.array(columns).T, atol=3e-8)
    if len(start) > 2:
        assert_allclose(update_jacobian(fields, start, method, 0.15), given_as_point, rtol=1e-14)


CURL = VectorField(("-y", "x"), ("x", "y"))
BACK = VectorField(("y", "-x"), ("x", "y"))


def growth_of_a_loop(method, h, rounds=400):
    """The factor a round of the game (-1)ᵗ(-y, x), simulated from (1, 0.3), over the second half of the rounds."""
    state, norms = method.initial(CURL.on_tuples, (1.0, 0.3), ()), []
    for _ in range(rounds):
        for v in (CURL, BACK):
            state = method.step(v.on_tuples, state, (), h)
        norms.append(math.log(np.linalg.norm(flat(state))))
    return math.exp((norms[-1] - norms[rounds // 2 - 1]) / (rounds - rounds // 2))


@pytest.mark.parametrize("h", [0.1, 0.5, 0.9])
def test_in_the_periodic_game_extragradient_contracts_by_1_minus_s2_plus_s4_a_round(h):
    found = multipliers([CURL, BACK], [0, 0], Extragradient(), h)
    assert_allclose(np.abs(found), 1 - h**2 + h**4, rtol=1e-12)  # (I + hJ + h²J²)(I - hJ + h²J²) with J² = -I
    assert_allclose(growth_of_a_loop(Extragradient(), h, 100), 1 - h**2 + h**4, rtol=1e-9)


@pytest.mark.parametrize("h", [0.05, 0.2, 0.5])
def test_in_the_periodic_game_optimistic_gradients_diverge(h):
    found = multipliers([CURL, BACK], [0, 0], OptimisticGradient(), h)
    J, zero = np.array([[0.0, -1.0], [1.0, 0.0]]), np.zeros((2, 2))
    step = lambda A: np.block([[np.eye(2) + 2 * h * A, -h * np.eye(2)], [A, zero]])  # noqa: E731
    expected = np.linalg.eigvals(step(-J) @ step(J))
    assert_allclose(np.abs(found), sorted(np.abs(expected), reverse=True), atol=1e-10)
    assert abs(found[0]) > 1
    assert_allclose(growth_of_a_loop(OptimisticGradient(), h), abs(found[0]), rtol=2e-3)


def test_a_sequence_of_one_field_is_the_field():
    for method in (RungeKutta4(), HeavyBall(0.3)):
        assert_allclose(multipliers([ONE], [0, 0], method, 0.1), multipliers(ONE, [0, 0], method, 0.1), rtol=1e-14)
        squared = multipliers(ONE, [0, 0], method, 0.1, period=2)
        assert_allclose(multipliers([ONE, ONE], [0, 0], method, 0.1), squared, rtol=1e-14)


@pytest.mark.parametrize("name", ["adam", "rms-prop", "sign-gradient", "ams-grad", "historical-averaging"])
def test_a_method_without_a_derivative_at_a_zero_is_refused_with_its_reason(name):
    method = next(cls() for cls in methods().values() if cls().label.replace("-", "") == name.replace("-", ""))
    with pytest.raises(InputError, match=f"{method.label} has no multipliers: {method.differentiable[:30]}"):
        multipliers(games.curl().field(), [0, 0], method, 0.1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([], "give a VectorField, or a sequence"),
        ([ONE, "field"], "give a VectorField, or a sequence"),
        ([ONE, VectorField(("-v", "u"), ("u", "v"))], "they must be the same"),
        ([ONE, VectorField(("t*x", "y"), ("x", "y"), time="t")], "depends on time"),
    ],
)
def test_fields_that_cannot_act_in_turn_are_refused(fields, message):
    with pytest.raises(InputError, match=message):
        multipliers(fields, [0, 0], Euler(), 0.1)


@pytest.mark.parametrize("x", [[0.0], [0.0] * 3, [0.0] * 5, [[0.0] * 4], [[0.0, 0.0], [0.0, 0.0]], 0.0])
def test_what_is_neither_a_point_nor_a_whole_state_is_refused(x):
    with pytest.raises(InputError, match=r"^x "):
        multipliers(CURL, x, HeavyBall(), 0.1)


@pytest.mark.parametrize("period", [0, -1, 1.5, "2"])
def test_a_period_that_is_no_positive_whole_number_is_refused(period):
    with pytest.raises(InputError, match="period is"):
        multipliers(CURL, [0, 0], Euler(), 0.1, period=period)
