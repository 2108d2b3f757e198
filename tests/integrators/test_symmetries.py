"""Symmetries that the definitions promise: of scale, of each player's coordinates, of all coordinates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynsys import Game
from dynsys.field import OnTuples
from integrators import trajectory
from integrators.algorithms.averaging import HistoricalAveraging
from integrators.method import LinearField


def plain(field, x, method, h, steps):
    return trajectory(field, x, method, h, steps, compiled=False)


NOT_SCALED = {"SignGradient", "RMSProp", "Adam", "AMSGrad", "HistoricalAveraging", "Newton"}
PAYOFFS = {
    "one": "a*x*u - a*x**2 + a*y*w + a*x**2*u/2 - a*y",
    "two": "-a*x*w - a*u**2 + a*y*u - a*w**2/2 + a*u*w*x + a*w",
}
ROTATED = Game(players={"one": ("x", "y"), "two": ("u", "w")}, payoffs=PAYOFFS, parameters={"a": 1.0}).field()


def contains(method, names):
    inner = getattr(method, "inner", ())
    return type(method).__name__ in names or any(contains(m, names) for m in inner)


def test_payoffs_c_times_as_large_and_steps_c_times_as_small_give_the_same_iterates(any_method):
    start = [0.25, -0.5, 0.375, 0.125]
    one = plain(ROTATED, start, any_method, 1 / 16, 6).x
    four = plain(ROTATED.with_parameters(a=4.0), start, any_method, 1 / 64, 6).x
    if contains(any_method, NOT_SCALED):
        assert np.abs(one - four).max() > 1e-6  # they have a length of their own: a sign, ε, a threshold, c
    else:
        np.testing.assert_array_equal(one, four)  # powers of two: without rounding; SOS is far from its threshold


def test_historical_averaging_scales_when_its_pull_does():
    start = [0.25, -0.5, 0.375, 0.125]
    one = plain(ROTATED, start, HistoricalAveraging(0.5), 1 / 16, 6).x
    four = plain(ROTATED.with_parameters(a=4.0), start, HistoricalAveraging(2.0), 1 / 64, 6).x
    np.testing.assert_array_equal(one, four)


def rotated(v, Q):
    """The field in the coordinates y = Q x, as methods see it."""
    back = lambda y: tuple(Q.T @ np.array(y))  # noqa: E731
    return OnTuples(
        lambda y, p: tuple(Q @ np.array(v(back(y), p))),
        lambda y, p: tuple(map(tuple, Q @ np.array(v.jacobian(back(y), p)) @ Q.T)),
        lambda y, p: tuple(map(tuple, np.array(v.gradients(back(y), p)) @ Q.T)),
        v.blocks,
    )


def test_rotations_of_a_players_own_variables_rotate_the_iterates(any_method):
    turn = lambda a: np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])  # noqa: E731
    Q = np.block([[turn(0.7), np.zeros((2, 2))], [np.zeros((2, 2)), turn(-1.9)]])
    v, w, p, x = ROTATED.on_tuples, rotated(ROTATED.on_tuples, Q), (1.0,), np.array([1.0, -0.9, 0.4, 0.2])
    a, b = any_method.initial(v, tuple(x), p), any_method.initial(w, tuple(Q @ x), p)
    for _ in range(4):
        a, b = any_method.step(v, a, p, 0.0625), any_method.step(w, b, p, 0.0625)
    same_run = np.allclose(Q @ np.array(any_method.position(a)), any_method.position(b), rtol=1e-11, atol=1e-12)
    assert same_run != any_method.coordinatewise


matrices = st.lists(st.floats(-1, 1), min_size=4, max_size=4).map(lambda a: np.array(a).reshape(2, 2))


@settings(max_examples=10)
@given(A=matrices, shear=st.floats(-2, 2))
def test_a_joint_method_commutes_with_linear_changes_of_coordinates(any_method, A, shear):
    if not any_method.joint:
        pytest.skip("it treats the players apart, so coordinates that mix them matter")
    T = np.array([[2.0, shear], [0.5, 1.0 + shear / 4]])
    A = A - 2 * np.eye(2)  # invertible, for Newton
    fields = [LinearField(tuple(map(tuple, B))) for B in (A, T @ A @ np.linalg.inv(T))]
    starts = [(0.25, -0.5), tuple(T @ [0.25, -0.5])]
    states = [any_method.initial(v, x, ()) for v, x in zip(fields, starts, strict=True)]
    for _ in range(3):
        states = [any_method.step(v, s, (), 0.125) for v, s in zip(fields, states, strict=True)]
    here, there = map(any_method.position, states)
    np.testing.assert_allclose(T @ np.array(here), there, rtol=1e-10, atol=1e-11)
