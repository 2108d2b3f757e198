"""A field by its values and products is the field, wherever no entry of its Jacobian is asked for."""

from __future__ import annotations

import gc
import sys
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from analysis import classify, fixed_points
from analysis.updates import update_jacobian
from dynsys import Game, InputError, networks
from dynsys.matrix_free import LARGEST_DENSE, MatrixFreeField, Products, check_matrix_free
from dynsys.transforms import consensus
from dynsys.vector import PerPlayer, unit
from integrators import Euler, RungeKutta4, Status, ensemble, method_named, solve, trajectory
from integrators.algorithms.momentum import HeavyBall
from integrators.algorithms.multistep import OptimisticGradient
from integrators.algorithms.players import Alternating
from integrators.states import flat, shaped

# Two players of two and three variables; every payoff feels every variable, none is quadratic.
PLAYERS = {"a": 2, "b": 3}
FORMULA = Game(
    players={"a": ("q", "r"), "b": ("x", "y", "z")},
    payoffs={
        "a": "q*x + r*y - q**2 + q*r*z/2 - r**4/4 + sin(r*x)",
        "b": "-q*x - r*y*z - x**2/2 + x*y*q/3 - z**2 + cos(y)*r",
    },
).field()
COORDINATES = st.lists(st.floats(-1.5, 1.5), min_size=5, max_size=5).map(np.array)


def linearised(x):
    J = FORMULA.jacobian(x)
    return Products(FORMULA(x), lambda u: J @ u, lambda u: J.T @ u)


TWIN = MatrixFreeField(linearised, PLAYERS, name="twin")


@given(x=COORDINATES, u=COORDINATES)
def test_values_and_products_are_those_of_the_formulas(x, u):
    J = FORMULA.jacobian(x)
    assert_array_equal(TWIN(x), FORMULA(x))
    assert_array_equal(TWIN.jvp(x, u), J @ u)
    assert_array_equal(TWIN.vjp(x, u), J.T @ u)
    assert_array_equal(TWIN.half_squared_norm_gradient(x), J.T @ FORMULA(x))
    assert_allclose(TWIN.jacobian(x), J, rtol=1e-15)
    assert_allclose(TWIN.own_hessian_product("b", x, u[2:]), J[2:, 2:] @ u[2:], rtol=1e-12, atol=1e-13)
    assert_allclose(TWIN.own_hessian_product("a", x, u[:2]), J[:2, :2] @ u[:2], rtol=1e-12, atol=1e-13)


def test_many_points_are_taken_one_by_one_even_none():
    points = np.random.default_rng(0).normal(size=(2, 3, 5))
    assert_array_equal(TWIN(points), FORMULA(points))
    assert TWIN(np.empty((0, 5))).shape == (0, 5)
    assert_array_equal(TWIN([[1, 2, 3, 4, 5]]), FORMULA([[1, 2, 3, 4, 5]]))


def test_integers_and_arrays_that_are_read_only_or_not_contiguous_serve_as_points():
    x = np.arange(10.0)[::-2] / 8
    locked = x.copy()
    locked.flags.writeable = False
    for product in (TWIN, lambda x: TWIN.jvp(x, x), lambda x: TWIN.vjp(x, x), TWIN.half_squared_norm_gradient):
        assert_array_equal(product(x), product(x.copy()))
        assert_array_equal(product(locked), product(x.copy()))
        assert_array_equal(product([1, 0, 2, 0, 1]), product(np.array([1.0, 0, 2, 0, 1])))


def test_what_a_field_answers_may_be_written_to():
    x = np.full(5, 0.5)
    wanted = TWIN(x).copy()
    TWIN(x)[:] = 7.0
    assert_array_equal(TWIN(x), wanted)
    point = x + 0.25
    before = TWIN.vjp(point, x)
    point[0] = 2.0  # the caller's own array: the linearisation kept for the old point is not taken for the new one
    assert_array_equal(TWIN.vjp(point, x), FORMULA.jacobian(point).T @ x)
    assert (before != TWIN.vjp(point, x)).any()


def test_points_met_again_are_linearised_once_and_no_more_than_two_are_kept():
    made = []

    def near(x):
        made.append(weakref.ref(found := Products(FORMULA(x), lambda u: u, lambda u: u)))
        return found

    field = MatrixFreeField(near, PLAYERS)
    points = np.random.default_rng(0).normal(size=(4, 5))
    for x in (points[0], points[1], points[0], points[1]):
        field.jvp(x, x)
    assert len(made) == 2
    for x in points:
        field.jvp(x, x)
    gc.collect()
    assert sum(ref() is not None for ref in made) == 2


def test_a_field_in_single_precision_answers_in_it():
    field = MatrixFreeField(linearised, PLAYERS, dtype="float32")
    x = np.full(5, 0.5)
    for found in (field(x), field.jvp(x, x), field.vjp(x, x), field.jacobian(x), field([x, x])):
        assert found.dtype == np.float32
    assert field.point(x).dtype == np.float32


def test_an_object_goes_with_its_last_reference_and_waits_for_no_collector():
    gc.disable()
    try:
        field = MatrixFreeField(linearised, PLAYERS)
        trajectory(field, np.full(5, 0.1), Alternating(), h=0.1, steps=2)
        ref = weakref.ref(field)
        del field
        assert ref() is None
    finally:
        gc.enable()


# --- as methods see it ----------------------------------------------------------------------------

SMOOTH = ("euler", "heavy-ball", "nesterov", "complex-momentum", "extragradient", "optimistic-gradient", "runge-kutta4",
          "adams-bashforth2", "alternating", "stormer-verlet", "lookahead", "rates", "exponential-average")  # fmt: skip


@pytest.mark.parametrize("name", SMOOTH)
def test_a_derivative_that_travels_in_the_imaginary_part_is_that_of_the_step(name):
    method, x, h = method_named(name), np.array([0.3, -0.2, 0.5, 0.1, -0.4]), 0.1
    wanted = update_jacobian(FORMULA, x, method, h)
    v = TWIN.on_players
    like = method.initial(v, TWIN.parts(x), ())
    state = np.concatenate(flat(like))
    columns = []
    for d in np.eye(len(state)):
        moved, at = [], 0
        for part in flat(like):
            moved.append(state[at : at + len(part)] + 1e-30j * d[at : at + len(part)])
            at += len(part)
        columns.append(np.concatenate(flat(method.step(v, shaped(moved, like), (), h))).imag / 1e-30)
    assert_allclose(np.stack(columns, -1), wanted, rtol=1e-12, atol=1e-13)


class Watched(MatrixFreeField):
    """Notes which players' components are asked for; the others it spoils."""

    def own(self, x, players):
        self.__dict__.setdefault("asked", []).append(tuple(players))
        v = self(x)
        for i, own in enumerate(self.slices.values()):
            if i not in players:
                v[own] = 1e6
        return v


@pytest.mark.parametrize("method", [Euler(), HeavyBall(0.5), OptimisticGradient()], ids=lambda m: m.label)
def test_of_players_in_turn_each_asks_for_its_own_components_only(method):
    field = Watched(linearised, PLAYERS)
    run = trajectory(field, np.full(5, 0.2), Alternating(method), h=0.1, steps=3)
    assert field.asked == [(0,), (1,)] * 3
    wanted = trajectory(FORMULA, np.full(5, 0.2), Alternating(method), h=0.1, steps=3, compiled=False)
    assert_allclose(run.x, wanted.x, rtol=1e-13)


def test_players_in_turn_ask_for_the_whole_field_where_a_stage_needs_it():
    field = Watched(linearised, PLAYERS)
    run = trajectory(field, np.full(5, 0.2), Alternating(RungeKutta4()), h=0.1, steps=3)
    assert "asked" not in field.__dict__
    wanted = trajectory(FORMULA, np.full(5, 0.2), Alternating(RungeKutta4()), h=0.1, steps=3, compiled=False)
    assert_allclose(run.x, wanted.x, rtol=1e-13)


def test_counters_beside_arrays_are_plain_numbers():
    assert isinstance(TWIN.parts(np.zeros(5)), PerPlayer)
    assert [part.shape for part in TWIN.parts(np.zeros((4, 5)))] == [(4, 2), (4, 3)]
    assert unit(TWIN.parts(np.full(5, np.inf))) == 1.0 and unit((3.0, 2.0)) == 1.0


def test_runs_end_for_the_reasons_of_the_formulas():
    rest = MatrixFreeField(lambda x: Products(0 * x, lambda u: 0 * u, lambda u: 0 * u), PLAYERS)
    found = trajectory(rest, np.ones(5), Euler(), h=0.1, steps=9)
    assert (found.status, found.steps, found.x.shape) == (Status.STATIONARY, 0, (1, 5))
    for x0, bound in ((np.full(5, 30.0), 1e10), (np.full(5, 0.9), 1.0)):
        wanted = trajectory(FORMULA, x0, Euler(), h=0.5, steps=30, divergence_bound=bound, compiled=False)
        found = trajectory(TWIN, x0, Euler(), h=0.5, steps=30, divergence_bound=bound)
        assert (found.status, found.steps) == (wanted.status, wanted.steps) and found.status != Status.FINISHED
        assert_allclose(found.x, wanted.x, rtol=1e-12)


# --- without PyTorch ---------------------------------------------------------------------------------


def test_without_pytorch_networks_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"NetworkGame needs PyTorch; install it with pip install 'dynsys-games"):
        networks.NetworkGame  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'NetworkGam'"):
        networks.NetworkGam  # noqa: B018


# --- errors ---------------------------------------------------------------------------------------

X = np.full(5, 0.1)
WRONG = {
    "players none": (lambda: MatrixFreeField(linearised, {}), "players is {}; give a mapping"),
    "players no number": (lambda: MatrixFreeField(linearised, {"a": "two"}), "players['a'] is 'two'"),
    "players empty": (lambda: MatrixFreeField(linearised, {"a": 0}), "players['a'] is 0; give the number"),
    "players half": (lambda: MatrixFreeField(linearised, {"a": 1.5}), "players['a'] is 1.5; give the number"),
    "players space": (lambda: MatrixFreeField(linearised, {"a b": 1}), "players: 'a b' is no name"),
    "x short": (lambda: TWIN(X[1:]), "x has shape (4,); the field has 5 variables (2 of a, 3 of b)"),
    "x rows short": (lambda: TWIN(np.zeros((2, 4))), "x has shape (4,); the field has 5 variables"),
    "x ragged": (lambda: TWIN([[1.0], [1.0, 2.0]]), "give 5 real numbers"),
    "x complex": (lambda: TWIN(X + 0j), "give 5 real numbers"),
    "x text": (lambda: TWIN("home"), "x is 'home'; give 5 real numbers"),
    "u": (lambda: TWIN.jvp(X, X[1:]), "u has shape (4,)"),
    "u transposed": (lambda: TWIN.vjp(X, X[1:]), "u has shape (4,)"),
    "u of a player": (lambda: TWIN.own_hessian_product("a", X, np.ones(3)), "u has shape (3,); a has 2 variables"),
    "u a number": (lambda: TWIN.own_hessian_product("a", X, 1.0), "u has shape (); a has 2 variables"),
    "player": (lambda: TWIN.own_hessian_product("c", X, [1]), "player is 'c', which is no player; known: a, b"),
    "parameter": (lambda: TWIN.with_parameters(gamma=1), "the field has no parameter 'gamma'"),
    "transformed": (lambda: consensus(TWIN, 0.5), "given by functions, so that consensus of twin has no Jacobian"),
    "transformed, no field": (lambda: consensus(3, 0.5), "v is 3; consensus takes a VectorField or the field of a"),
    "implicit": (lambda: trajectory(TWIN, X, method_named("implicit-euler"), 0.1, 3), "take a method without"),
    "payoffs": (lambda: trajectory(TWIN, X, method_named("lola"), 0.1, 3), "with its Jacobian, not its entries"),
    "check": (lambda: check_matrix_free(FORMULA), "give a NetworkGame or another MatrixFreeField"),
    "ensemble": (lambda: ensemble(TWIN, [X], Euler(), 0.1, 3), "take trajectory or train once a start"),
    "solve": (lambda: solve(TWIN, X, t=(0, 1)), "take trajectory, train or diagnose"),
    "classify": (lambda: classify(TWIN, X), "it has no"),
    "fixed_points": (lambda: fixed_points(TWIN, box=[(-1, 1)] * 5), "take trajectory, train or diagnose"),
    "value": (lambda: MatrixFreeField(linearised, PLAYERS, lambda x: x[1:])(X), "value answers with shape (4,)"),
    "dense": (
        lambda: MatrixFreeField(linearised, {"a": LARGEST_DENSE + 1}).jacobian(np.zeros(LARGEST_DENSE + 1)),
        f"a dense Jacobian is formed for at most {LARGEST_DENSE}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_had_is_refused_with_what_to_do(case):
    act, message = WRONG[case]
    with pytest.raises(InputError) as caught:
        act()
    assert message in str(caught.value)
