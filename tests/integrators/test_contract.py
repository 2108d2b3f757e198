"""The contract of a method: one definition, and every interpretation of it gives the same step."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, fields, is_dataclass, replace

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from dynsys import VectorField, games
from dynsys.errors import InputError
from dynsys.expressions import exact
from dynsys.vector import axpy
from integrators import Euler, Method, Status, ensemble, method_named, methods, trajectory
from integrators.method import amplification, check_method, linear_update
from integrators.status import LANES

STARTS = {2: [0.375, -0.25], 3: [0.375, -0.25, 0.125]}
coordinates = st.floats(-0.5, 0.5)
ROOTS = {"Adam", "AMSGrad", "RMSProp", "PolynomialDecay", "Gauss2"}  # there are no square roots among the rationals
IMPLICIT = {"ImplicitEuler", "ImplicitMidpoint", "Trapezoidal", "Gauss2", "AverageVectorField"}
CHOICES = {"SignGradient", "SOS", "Box", "Simplex", "AMSGrad"}  # a nearly equal pair may be taken the other way round


def parts(value):
    """The names of the classes that a method is made of."""
    if isinstance(value, tuple):
        return {name for entry in value for name in parts(entry)}
    inside = [parts(getattr(value, f.name)) for f in fields(value)] if is_dataclass(value) else []
    return {type(value).__name__}.union(*inside)


def exactly(value):
    """The method with every hyper-parameter exact, however deep it lies."""
    if isinstance(value, tuple):
        return tuple(map(exactly, value))
    if isinstance(value, complex):
        return exact(value.real) + sp.I * exact(value.imag)
    if is_dataclass(value):
        changed = {f.name: exactly(getattr(value, f.name)) for f in fields(value)}
        return replace(value, **changed) if changed else value
    return exact(value) if isinstance(value, float) else value


def flat(state):
    return [number for part in state for number in flat(part)] if isinstance(state, tuple) else [state]


# --- compiled, plain, naive, ensemble -------------------------------------------------------------


@settings(max_examples=3)
@given(seed=st.integers(0, 10**6))
def test_compiled_plain_and_naive_runs_agree(naive, any_method, any_field, seed):
    start = np.random.default_rng(seed).uniform(-0.5, 0.5, any_field.n)
    if CHOICES & parts(any_method):
        start = np.array(STARTS[any_field.n])
    plain = trajectory(any_field, start, any_method, h=0.05, steps=6, compiled=False)
    compiled = trajectory(any_field, start, any_method, h=0.05, steps=6) if any_field.n == 2 else plain
    oracle = naive(any_field, start, any_method, h=0.05, steps=6)
    assert compiled.steps == plain.steps == oracle.steps == 6
    np.testing.assert_array_equal(plain.x, oracle.x)
    condition = np.linalg.cond(any_field.jacobian(start)) if "Newton" in parts(any_method) else 1.0
    np.testing.assert_allclose(compiled.x, oracle.x, rtol=1e-12 * condition, atol=1e-13 * condition)
    assert (compiled.average is None) == (oracle.average is None) == (plain.average is None)
    if oracle.average is not None:
        np.testing.assert_array_equal(plain.average, oracle.average)
        np.testing.assert_allclose(compiled.average, oracle.average, rtol=1e-12, atol=1e-13)


def test_ensemble_and_trajectory_are_the_same_run(any_method, wide):
    starts = np.random.default_rng(3).uniform(-0.5, 0.5, (LANES + 1, 3))
    many = ensemble(wide, starts, any_method, h=0.05, steps=20)
    for i in (0, 1, LANES):
        run = trajectory(wide, starts[i], any_method, h=0.05, steps=20, compiled=False)
        assert (run.status, run.steps) == (many.status[i], many.steps[i])
        np.testing.assert_allclose(many.x[i], run.x[-1], rtol=1e-12, atol=1e-14)
        if run.average is None:
            assert many.average is None
        else:
            np.testing.assert_allclose(many.average[i], run.average[-1], rtol=1e-12, atol=1e-14)


DRIVEN = VectorField(  # blocks that interleave, a period, and the time, which is one more variable of its own block
    ("-y*cos(t) - x/4", "x + z - a*y", "x - z/2 - y**2/4"), ("x", "y", "z"), {"a": 0.5},
    players={"one": ("x", "z"), "two": ("y",)}, time="t", period=(None, 1.5, None),
)  # fmt: skip


def test_players_in_any_order_time_and_periods_follow_the_naive_loop(naive, any_method):
    if parts(any_method) & {"LOLA", "SOS"}:
        pytest.skip("a field in time has no payoffs")
    if "Newton" in parts(any_method):
        pytest.skip("the Jacobian with the time is singular")
    run = trajectory(DRIVEN, [0.25, 1.0, -0.25], any_method, h=0.125, steps=9, t0=0.5, compiled=False)
    oracle = naive(DRIVEN, [0.25, 1.0, -0.25], any_method, h=0.125, steps=9, t0=0.5)
    assert run.x.shape == (10, 3) and run.steps == oracle.steps == 9
    np.testing.assert_allclose(run.x, oracle.x, rtol=1e-13, atol=1e-14)


# --- exact and precise arithmetic ----------------------------------------------------------------


def test_a_float_step_rounds_the_exact_rational_step(any_method, any_field):
    if parts(any_method) & (ROOTS | IMPLICIT | {"SignGradient", "SOS"}):
        pytest.skip("its step is not rational, or its choices are among floats")
    if getattr(any_method, "k", 1) > 8:
        pytest.skip("twelve nested steps double the digits twelve times")
    x, h = tuple(map(exact, STARTS[any_field.n])), sp.Rational(1, 16)
    p, rational = tuple(any_field.exact_values.values()), exactly(any_method)
    state = rational.initial(any_field.on_symbols, x, p)
    steps = 2 if any_method.evaluations < 4 else 1  # every evaluation doubles the digits
    for _ in range(steps):
        state = rational.step(any_field.on_symbols, state, p, h)
    image = [sp.nsimplify(e) if isinstance(e, float) else e for e in flat(rational.position(state))]
    assert all(e.is_Rational for e in image)
    run = trajectory(any_field, STARTS[any_field.n], any_method, h=1 / 16, steps=steps, compiled=any_field.n == 2)
    np.testing.assert_allclose(run.x[-1], [float(e) for e in image], rtol=1e-13)


def test_a_float_run_rounds_the_run_with_fifty_digits(any_method, any_field):
    with mp.workdps(50):
        p = tuple(map(mp.mpf, any_field.values()))  # the method's own doubles are exact in any arithmetic
        state = any_method.initial(any_field.on_tuples, tuple(map(mp.mpf, STARTS[any_field.n])), p)
        for _ in range(3):
            state = any_method.step(any_field.on_tuples, state, p, mp.mpf(1) / 16)
        image = [float(e) for e in flat(any_method.position(state))]
    run = trajectory(any_field, STARTS[any_field.n], any_method, h=1 / 16, steps=3, compiled=any_field.n == 2)
    np.testing.assert_allclose(run.x[-1], image, rtol=1e-12)


# --- the linear update ----------------------------------------------------------------------------


@pytest.mark.parametrize("zero", [(0.0, 0.0), (1.0, -2.0)], ids=["nash", "saddle"])
def test_linear_update_is_the_jacobian_of_the_update_at_a_zero(any_method, zero):
    if any_method.differentiable or any_method.moves:
        pytest.skip(any_method.differentiable or any_method.moves)
    field, h = games.spiral_saddle().field(), 0.125
    rows = tuple(map(tuple, field.jacobian(zero).tolist()))
    M = np.array(linear_update(any_method, rows, h, 0.0, 1.0, blocks=field.blocks), dtype=float)
    like = any_method.initial(field.on_tuples, zero, ())
    state = np.array(flat(like), dtype=complex)
    assert M.shape == (len(state), len(state))
    for j, direction in enumerate(np.eye(len(state))):
        image = flat(any_method.step(field.on_tuples, nested(state + 1e-30j * direction, like), (), h))
        np.testing.assert_allclose(np.real(image), state.real, atol=1e-13)  # zeros of v stay
        np.testing.assert_allclose(np.imag(image) / 1e-30, M[:, j], rtol=1e-12, atol=1e-13)


def nested(numbers, like):
    remaining = list(numbers)
    build = lambda part: tuple(map(build, part)) if isinstance(part, tuple) else remaining.pop(0)  # noqa: E731
    return build(like)


def test_linear_update_of_a_rotation_has_the_spectrum_of_amplification(any_method):
    if any_method.differentiable or any_method.moves:
        pytest.skip(any_method.differentiable or any_method.moves)
    z = np.array([0.3 + 0.4j, -0.5 + 0.1j, 0.2j])
    for value in z:
        A = ((value.real, -value.imag), (value.imag, value.real))
        M = np.array(linear_update(any_method, A, 1.0, 0.0, 1.0, blocks=((0,), (1,))), dtype=float)
        assert np.abs(np.linalg.eigvals(M)).max() == pytest.approx(float(amplification(any_method, value)), rel=1e-7)
    assert amplification(any_method, z).shape == z.shape


# --- what a method is -----------------------------------------------------------------------------


def test_methods_are_frozen_values(any_method):
    twin = type(any_method)(**any_method.hyperparameters)
    assert any_method == twin and hash(any_method) == hash(twin)
    with pytest.raises(FrozenInstanceError):
        any_method.reach = 2.0
    assert check_method(any_method) is any_method
    assert any_method.evaluations >= 1
    assert any_method.order is None or any_method.order >= 1
    assert any(any_method != other for other in (Euler(), method_named("heun")))


def test_the_cases_hold_every_registered_method_and_all_differ(cases):
    assert set(methods()) <= set(cases)
    assert len(set(cases.values())) >= len(cases) - 1  # one variant may be the default of its class


def test_every_method_is_found_by_its_label():
    assert {"euler", "runge-kutta4", "heavy-ball", "lookahead", "opponent-lookahead", "sos"} <= set(methods())
    for name, cls in methods().items():
        assert method_named(name) == cls()
        assert method_named(name).label == name


@pytest.mark.parametrize(("typo", "hint"), [("eulr", "'euler'"), ("Runge-Kutta", "'runge-kutta4'"), ("qqq", "euler")])
def test_an_unknown_name_is_answered_with_the_nearest(typo, hint):
    with pytest.raises(InputError, match=hint):
        method_named(typo)


def test_two_classes_of_one_name_keep_their_own_steps():
    def version(sign):
        @dataclass(frozen=True)
        class Mine(Method):
            def step(self, v, state, p, h):
                return axpy(sign * h, v(state, p), state)

        return Mine()

    field = games.cubic_bilinear().field()
    ends = [trajectory(field, [0.5, 0.25], version(sign), h=0.125, steps=1).x[-1] for sign in (1, -1, 1)]
    assert (ends[0] == ends[2]).all()
    np.testing.assert_allclose(ends[0] + ends[1], [1.0, 0.5], rtol=1e-15)


def test_hyperparameters_of_any_numeric_type_mean_their_value(naive, cases):
    ahead, field = type(cases["users-ahead"]), games.cubic_bilinear().field()
    wanted = naive(field, [0.5, 0.25], ahead(0.5), h=0.125, steps=3).x
    for reach in (0.5, np.float64(0.5), np.float32(0.5), np.array(0.5)[()]):
        run = trajectory(field, [0.5, 0.25], ahead(reach), h=0.125, steps=3)
        np.testing.assert_allclose(run.x, wanted, rtol=1e-14)


def test_a_state_that_starts_from_a_pole_of_the_field_is_not_finite():
    field, ogda = VectorField(("1/(x - 1)", "y"), ("x", "y")), method_named("optimistic-gradient")
    run = trajectory(field, [1.0, 0.0], ogda, h=0.1, steps=3)
    assert run.status == Status.NOT_FINITE and run.steps == 0
    assert trajectory(field, [3.0, 0.0], ogda, h=0.1, steps=3).status == Status.FINISHED


def test_a_method_without_a_step_says_so():
    @dataclass(frozen=True)
    class Empty(Method):
        pass

    with pytest.raises(TypeError, match="Empty defines no step"):
        Empty().step(None, (0.0,), (), 0.1)
