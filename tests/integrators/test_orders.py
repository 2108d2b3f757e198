"""Orders: observed against the flow on the method's own clock, and computed from tableaux."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from dynsys import VectorField, games
from integrators import Euler, method_named, methods, trajectory
from integrators.algorithms.players import Alternating, StormerVerlet
from integrators.algorithms.runge_kutta import ExplicitRungeKutta
from integrators.tableaux import Tableau, density, size, trees

START = [0.375, -0.25]  # as in the contract, whose kernels serve here


def flow(field, scales, T):
    """The flow of ẋᵢ = cᵢ vᵢ for the time T."""
    run = solve_ivp(lambda t, x: scales * field(x), (0, T), START, method="DOP853", rtol=3e-14, atol=1e-15)
    return run.y[:, -1]


def test_observed_order_is_the_declared_one_on_the_methods_own_clock(any_method):
    if any_method.order is None:
        pytest.skip("not a discretisation of the flow")
    field = games.spiral_saddle().field()
    clock = any_method.clock(2)
    scales = np.array([clock[k] for k, block in enumerate(field.blocks) for _ in block])
    T = 2.0 / max(1.0, scales.max())
    reference = flow(field, scales, T)
    # memories start at rest: that is a delay of some steps, an error of order h like the method's own, once βᵏ is gone
    counts = np.array([16, 24, 32, 48] if any_method.order == 4 else [96, 128, 192, 256])
    errors = [np.linalg.norm(trajectory(field, START, any_method, T / k, int(k)).x[-1] - reference) for k in counts]
    slope = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert abs(slope - any_method.order) < 0.15


def test_compositions_of_three_players_flows_have_order_two_and_alternating_steps_one():
    field = VectorField(
        ("y*z - x/2", "-x*z + y**2/4", "x - y + z/3"), ("x", "y", "z"), players={"a": "x", "b": "y", "c": "z"}
    )
    start, counts = [0.5, -0.3, 0.4], np.array([16, 24, 32, 48])
    exact = solve_ivp(lambda t, x: field(x), (0, 1), start, method="DOP853", rtol=3e-14, atol=1e-15).y[:, -1]
    for method in (StormerVerlet(), Alternating()):
        ends = [trajectory(field, start, method, 1 / k, int(k), compiled=False).x[-1] for k in counts]
        slope = -np.polyfit(np.log(counts), np.log(np.linalg.norm(np.array(ends) - exact, axis=1)), 1)[0]
        assert abs(slope - method.order) < 0.15


# --- the order of a tableau -----------------------------------------------------------------------


def test_rooted_trees_are_counted():
    assert [len(trees(n)) for n in range(1, 9)] == [1, 1, 2, 4, 9, 20, 48, 115]
    assert all(size(tree) == n for n in range(1, 8) for tree in trees(n))


def test_densities_of_trees_are_the_known_ones():
    tall, bushy = ((((),),),), ((), (), ())  # on four nodes: n! for the path, n for the bush
    assert (density(tall), density(bushy)) == (24, 4)
    assert sorted(density(tree) for tree in trees(4)) == [4, 8, 12, 24]


TABLEAUX = {  # Hairer, Nørsett & Wanner (1993), II.1
    "three-eighths": (
        ((0, 0, 0, 0), ("1/3", 0, 0, 0), ("-1/3", 1, 0, 0), (1, -1, 1, 0)), ("1/8", "3/8", "3/8", "1/8"), 4,
    ),
    "heun3": (((0, 0, 0), ("1/3", 0, 0), (0, "2/3", 0)), ("1/4", 0, "3/4"), 3),
    "dormand-prince": (
        (
            (0, 0, 0, 0, 0, 0), ("1/5", 0, 0, 0, 0, 0), ("3/40", "9/40", 0, 0, 0, 0),
            ("44/45", "-56/15", "32/9", 0, 0, 0), ("19372/6561", "-25360/2187", "64448/6561", "-212/729", 0, 0),
            ("9017/3168", "-355/33", "46732/5247", "49/176", "-5103/18656", 0),
        ),
        ("35/384", 0, "500/1113", "125/192", "-2187/6784", "11/84"), 5,
    ),
    "butcher6": (
        (
            (0, 0, 0, 0, 0, 0, 0), ("1/3", 0, 0, 0, 0, 0, 0), (0, "2/3", 0, 0, 0, 0, 0),
            ("1/12", "1/3", "-1/12", 0, 0, 0, 0), ("-1/16", "9/8", "-3/16", "-3/8", 0, 0, 0),
            (0, "9/8", "-3/8", "-3/4", "1/2", 0, 0), ("9/44", "-9/11", "63/44", "18/11", 0, "-16/11", 0),
        ),
        ("11/120", 0, "27/40", "27/40", "-4/15", "-4/15", "11/120"), 6,
    ),
    "heun with the slope at the wrong point": (((0, 0), ("1/2", 0)), ("1/2", "1/2"), 1),
    "extragradient": (((0, 0), (1, 0)), (0, 1), 1),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLEAUX)
def test_the_order_conditions_give_the_published_order(name):
    A, b, order = TABLEAUX[name]
    assert ExplicitRungeKutta(A, b).order == order


@pytest.mark.parametrize(
    ("name", "order"),
    [("euler", 1), ("heun", 2), ("explicit-midpoint", 2), ("ralston", 2), ("runge-kutta3", 3), ("ssprk3", 3),
     ("runge-kutta4", 4)],
)  # fmt: skip
def test_built_in_tableaux_have_exactly_their_order(name, order):
    name = next(n for n in methods() if n.replace("-", "") == name.replace("-", ""))
    method = method_named(name)
    assert method.order == order
    assert method.evaluations == len(method.tableau.b)


@given(c=st.fractions(Fraction(1, 9), 3, max_denominator=9), defect=st.sampled_from([0, Fraction(1, 7), Fraction(-2)]))
def test_two_stages_have_order_2_exactly_if_the_second_weight_is_1_over_2c(c, defect):
    second = 1 / (2 * c) + defect
    assert Tableau(((0, 0), (c, 0)), (1 - second, second)).order == (1 if defect else 2)


@given(c=st.fractions(Fraction(1, 9), 3, max_denominator=9))
def test_an_unused_stage_changes_neither_order_nor_step(c):
    padded = ExplicitRungeKutta(((0, 0), (c, 0)), (1, 0))
    assert padded.order == 1
    field = games.spiral_saddle().field()
    a, b = (trajectory(field, START, m, h=0.1, steps=2, compiled=False).x for m in (padded, Euler()))
    np.testing.assert_array_equal(a, b)
