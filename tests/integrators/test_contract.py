"""The contract of a method: one definition, and every interpretation of it gives the same step."""

from __future__ import annotations

import os
from dataclasses import FrozenInstanceError, dataclass, replace
from math import factorial
from typing import ClassVar

import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from dynsys import VectorField, games
from dynsys.errors import InputError
from dynsys.expressions import exact
from dynsys.transforms import consensus
from dynsys.vector import axpy, matvec
from integrators import Euler, Method, Newton, RungeKutta4, Status, ensemble, method_named, methods, trajectory
from integrators.method import amplification, check_method, linear_update


@dataclass(frozen=True)
class Ahead(Method):
    """Extragradient with its own extrapolation step: a user's method."""

    reach: float = 1.0
    order: ClassVar[int | None] = 1
    evaluations: ClassVar[int] = 2

    def step(self, v, state, p, h):
        return axpy(h, v(axpy(self.reach * h, v(state, p), state), p), state)


@dataclass(frozen=True)
class Taylor2(Method):
    """The Taylor method x + h v + h²/2 J v: a user's method that needs the Jacobian."""

    order: ClassVar[int | None] = 2

    def step(self, v, state, p, h):
        slope = v(state, p)
        return axpy(h, axpy(h / 2, matvec(v.jacobian(state, p), slope), slope), state)


@dataclass(frozen=True)
class Remembering(Method):
    """Optimistic gradient of two variables: a user's method whose state is the point and the last slope."""

    order: ClassVar[int | None] = 1

    def initial(self, v, x, p):
        return x + v(x, p)

    def step(self, v, state, p, h):
        x, last = (state[0], state[1]), (state[2], state[3])
        slope = v(x, p)
        return axpy(h, axpy(1, axpy(-1, last, slope), slope), x) + slope

    def position(self, state):
        return (state[0], state[1])


METHODS = [*map(method_named, methods()), Newton(), Ahead(0.75), Taylor2(), Remembering()]
FIELDS = [games.cubic_bilinear().field(), consensus(games.spiral_saddle().field(), gamma=0.3)]
every_method = pytest.mark.parametrize("method", METHODS, ids=lambda m: m.label)
every_field = pytest.mark.parametrize("field", FIELDS, ids=lambda v: v.name)
coordinates = st.floats(-0.5, 0.5)


def exactly(method):
    """The method with rational hyper-parameters."""
    return replace(method, **{k: exact(x) for k, x in method.hyperparameters.items() if isinstance(x, float)})


@every_method
@every_field
@given(a=coordinates, b=coordinates)
def test_compiled_plain_and_naive_runs_agree(naive, method, field, a, b):
    assume(np.linalg.cond(field.jacobian([a, b])) < 30)  # Newton's steps magnify rounding elsewhere
    compiled = trajectory(field, [a, b], method, h=0.05, steps=5)
    plain = trajectory(field, [a, b], method, h=0.05, steps=5, compiled=False)
    oracle = naive(field, [a, b], method, h=0.05, steps=5)
    assert compiled.steps == plain.steps == oracle.steps
    np.testing.assert_array_equal(plain.x, oracle.x)
    np.testing.assert_allclose(compiled.x, oracle.x, rtol=1e-12, atol=1e-13)


@every_method
@every_field
def test_a_float_step_rounds_the_exact_rational_step(method, field):
    x, h = (sp.Rational(3, 8), sp.Rational(-1, 4)), sp.Rational(1, 16)
    p, rational = tuple(field.exact_values.values()), exactly(method)
    state = rational.initial(field.on_symbols, x, p)
    image = rational.position(rational.step(field.on_symbols, state, p, h))
    assert all(e.is_Rational for e in image)
    run = trajectory(field, [float(c) for c in x], method, h=float(h), steps=1)
    np.testing.assert_allclose(run.x[-1], [float(e) for e in image], rtol=1e-14)


@every_method
@pytest.mark.parametrize("zero", [(0, 0), (1, -2)], ids=["nash", "saddle"])
def test_linear_update_is_the_jacobian_of_the_update_at_a_zero(method, zero):
    if method.differentiable:
        pytest.skip(method.differentiable)
    field, h = games.spiral_saddle().field(), 0.125
    rows = field.on_symbols.jacobian(tuple(map(sp.Integer, zero)), ())
    M = np.array(linear_update(method, rows, sp.Rational(1, 8)), dtype=float)
    state = np.array(method.initial(field.on_tuples, tuple(map(float, zero)), ()), dtype=complex)
    for j, direction in enumerate(np.eye(len(state))):
        image = method.step(field.on_tuples, tuple(state + 1e-30j * direction), (), h)
        np.testing.assert_allclose(np.imag(image) / 1e-30, M[:, j], rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    ("method", "degree"), [(Euler(), 1), (Taylor2(), 2), (RungeKutta4(), 4)], ids=["euler", "taylor2", "rk4"]
)
def test_stability_function_is_the_taylor_polynomial(method, degree):
    z = sp.Symbol("z")
    ((R,),) = linear_update(method, ((z,),), sp.Integer(1))
    assert sp.expand(R - sum(z**k / factorial(k) for k in range(degree + 1))) == 0


def test_stability_functions_of_newton_and_the_users_methods_are_the_known_ones():
    z, h = sp.symbols("z h")
    ((newton,),) = linear_update(Newton(), ((z,),), h)
    assert sp.simplify(newton - (1 - h)) == 0
    ((ahead,),) = linear_update(Ahead(sp.Rational(1, 3)), ((z,),), sp.Integer(1))
    assert sp.expand(ahead - (1 + z + z**2 / 3)) == 0
    # on λ ⊕ λ the optimistic method has ζ² - (1 + 2z)ζ + z, twice
    M = sp.Matrix(linear_update(Remembering(), ((z, 0), (0, z)), sp.Integer(1)))
    zeta = sp.Symbol("zeta")
    assert sp.expand(M.charpoly(zeta).as_expr() - (zeta**2 - (1 + 2 * z) * zeta + z) ** 2) == 0


@every_method
def test_linear_update_of_a_rotation_has_the_spectrum_of_amplification(method):
    if len(method.initial(FIELDS[0].on_tuples, (0.0, 0.0), ())) != 2:
        pytest.skip("amplification is of one scalar equation; this state is larger")
    z = np.array([0.3 + 0.4j, -0.5 + 0.1j, 0.2j])
    for value in z:
        M = np.array(linear_update(method, ((value.real, -value.imag), (value.imag, value.real)), 1.0), dtype=float)
        assert np.abs(np.linalg.eigvals(M)).max() == pytest.approx(float(amplification(method, value)), rel=1e-12)
    assert amplification(method, z).shape == z.shape


@every_method
def test_a_joint_method_commutes_with_linear_changes_of_coordinates(method):
    if not method.joint:
        pytest.skip("it treats the players apart, so coordinates that mix them matter")
    A, T = sp.Matrix([[-1, 3], [-2, 1]]) / 4, sp.Matrix([[2, 1], [1, 1]])
    matrix = lambda B: sp.Matrix(linear_update(exactly(method), tuple(map(tuple, B.tolist())), sp.Rational(1, 8)))  # noqa: E731
    M = matrix(A)
    change = sp.diag(*[T] * (M.rows // 2))  # a state is a row of points
    assert matrix(T * A * T.inv()) == change * M * change.inv()


@every_method
def test_observed_order_is_the_declared_one(method):
    if method.order is None:
        pytest.skip("not a discretisation of the flow")
    field, start, T = games.cubic_bilinear().field(), [1.1, -0.3], 1.0
    reference = solve_ivp(lambda t, x: field(x), (0, T), start, method="DOP853", rtol=3e-14, atol=1e-15).y[:, -1]
    counts = np.array([32, 48, 64, 96])
    errors = [np.linalg.norm(trajectory(field, start, method, T / k, int(k)).x[-1] - reference) for k in counts]
    slope = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert abs(slope - method.order) < 0.15


@every_method
def test_ensemble_and_trajectory_are_the_same_run(method):
    starts = np.random.default_rng(3).uniform(-0.5, 0.5, (5, 2))
    many = ensemble(FIELDS[0], starts, method, h=0.05, steps=20)
    for start, end, status, steps in zip(starts, many.x, many.status, many.steps, strict=True):
        run = trajectory(FIELDS[0], start, method, h=0.05, steps=20)
        assert (run.status, run.steps) == (status, steps)
        np.testing.assert_allclose(end, run.x[-1], rtol=1e-12, atol=1e-14)


@every_method
def test_methods_are_frozen_values(method):
    assert method == type(method)(**method.hyperparameters)
    assert hash(method) == hash(type(method)(**method.hyperparameters))
    with pytest.raises(FrozenInstanceError):
        method.reach = 2.0
    assert check_method(method) is method
    assert method.evaluations >= 1


def test_every_method_is_found_by_its_label():
    assert {"euler", "runge-kutta4"} <= set(methods())
    for name, cls in methods().items():
        assert method_named(name) == cls()
        assert method_named(name).label == name


@pytest.mark.parametrize(("typo", "hint"), [("eulr", "'euler'"), ("Runge-Kutta", "'runge-kutta4'"), ("qqq", "euler")])
def test_an_unknown_name_is_answered_with_the_nearest(typo, hint):
    with pytest.raises(InputError, match=hint):
        method_named(typo)


def test_hyperparameters_of_any_numeric_type_mean_their_value(naive):
    start, wanted = [0.5, 0.25], naive(FIELDS[0], [0.5, 0.25], Ahead(0.5), h=0.125, steps=3).x
    for reach in (0.5, np.float64(0.5), np.float32(0.5), np.array(0.5)[()]):
        run = trajectory(FIELDS[0], start, Ahead(reach), h=0.125, steps=3)
        np.testing.assert_allclose(run.x, wanted, rtol=1e-14)


def test_two_classes_of_one_name_keep_their_own_steps():
    def version(sign):
        @dataclass(frozen=True)
        class Mine(Method):
            def step(self, v, state, p, h):
                return axpy(sign * h, v(state, p), state)

        return Mine()

    ends = [trajectory(FIELDS[0], [0.5, 0.25], version(sign), h=0.125, steps=1).x[-1] for sign in (1, -1, 1)]
    assert (ends[0] == ends[2]).all()
    np.testing.assert_allclose(ends[0] + ends[1], [1.0, 0.5], rtol=1e-15)


@pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="nothing is compiled, so nothing is cached")
def test_the_machine_code_of_a_users_class_is_never_cached(tmp_path, monkeypatch):
    monkeypatch.setenv("DYNSYS_CACHE_DIR", str(tmp_path))
    field = VectorField(("0.1234375*y", "-x"), ("x", "y"))  # a field that no other test compiles
    ensemble(field, [[1.0, 0.0]], Ahead(), h=0.5, steps=2)
    assert not list(tmp_path.iterdir())
    ensemble(field, [[1.0, 0.0]], Euler(), h=0.5, steps=2)
    assert list(tmp_path.iterdir())


def test_a_state_that_starts_from_a_pole_of_the_field_is_not_finite():
    field = VectorField(("1/(x - 1)", "y"), ("x", "y"))
    run = trajectory(field, [1.0, 0.0], Remembering(), h=0.1, steps=3)
    assert run.status == Status.NOT_FINITE and run.steps == 0
    assert trajectory(field, [3.0, 0.0], Remembering(), h=0.1, steps=3).status == Status.FINISHED


def test_a_method_without_a_step_says_so():
    @dataclass(frozen=True)
    class Empty(Method):
        pass

    with pytest.raises(TypeError, match="Empty defines no step"):
        Empty().step(None, (0.0,), (), 0.1)
