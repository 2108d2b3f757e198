"""Implicit steps without a solution: a status of that run at that step, compiled or not."""

from __future__ import annotations

import numpy as np
import pytest

from dynsys import VectorField
from integrators import Status, ensemble, trajectory
from integrators.algorithms.averaging import Lookahead, UniformAverage
from integrators.algorithms.implicit import AverageVectorField, Gauss2, ImplicitEuler, ImplicitMidpoint, Trapezoidal
from integrators.algorithms.momentum import HeavyBall

# y = x + h(y² + 1) has a real solution iff h² + hx ≤ 1/4: with h = 1/2 from x ≤ 0 on, and x grows until there is none
TANGENT = VectorField(("x**2 + 1",), ("x",))
HARD = [ImplicitEuler(), ImplicitMidpoint(), Trapezoidal(), Gauss2(), AverageVectorField()]


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("method", HARD, ids=lambda m: m.label)
def test_an_equation_without_a_real_solution_ends_the_run_as_unsolved(method, compiled):
    run = trajectory(TANGENT, [3.0], method, h=2.0, steps=5, compiled=compiled)
    assert (run.status, run.steps, run.x.tolist()) == (Status.UNSOLVED, 0, [[3.0]])
    assert "take a smaller h" in run.message and "Newton" in run.message


@pytest.mark.parametrize("compiled", [True, False])
def test_a_run_is_unsolved_at_the_step_whose_discriminant_is_negative(compiled):
    h, x, taken = 0.125, -1.0, 0
    while 1 - 4 * h * (h + x) >= 0:
        x = (1 - np.sqrt(1 - 4 * h * (x + h))) / (2 * h)
        taken += 1
    run = trajectory(TANGENT, [-1.0], ImplicitEuler(), h, steps=100, compiled=compiled)
    assert (run.status, run.steps) == (Status.UNSOLVED, taken) and 5 < taken < 100
    assert run.x[-1, 0] == pytest.approx(x, rel=1e-10)


@pytest.mark.parametrize("method", HARD, ids=lambda m: m.label)
def test_in_an_ensemble_each_run_is_unsolved_for_itself(method):
    starts = np.linspace(-6, 3, 70)[:, None]
    many = ensemble(TANGENT, starts, method, h=0.1, steps=4)
    assert {Status.UNSOLVED} < set(many.status)
    for i in range(0, 70, 3):
        run = trajectory(TANGENT, starts[i], method, h=0.1, steps=4)
        assert (run.status, run.steps) == (many.status[i], many.steps[i])
        np.testing.assert_allclose(many.x[i], run.x[-1], rtol=1e-9)
    assert many.share(Status.UNSOLVED) == np.mean(many.status == Status.UNSOLVED)


@pytest.mark.parametrize("method", [Lookahead(ImplicitEuler(), k=3), Lookahead(ImplicitEuler(), k=12)])
def test_an_unsolved_inner_step_is_an_unsolved_step(method):
    # from 1 the first inner step has no solution; from 3/2, with half the step size, the first has and the second not
    for start, h in ((1.0, 0.25), (1.5, 0.125)):
        assert (trajectory(TANGENT, [start], method.method, h, 1).status == Status.FINISHED) == (start == 1.5)
        for compiled in (True, False):
            run = trajectory(TANGENT, [start], method, h, steps=5, compiled=compiled)
            assert (run.status, run.steps) == (Status.UNSOLVED, 0)


def test_an_average_beside_an_unsolved_step_is_that_of_the_last_point():
    run = trajectory(TANGENT, [-1.0], UniformAverage(ImplicitEuler()), h=0.125, steps=100)
    assert run.status == Status.UNSOLVED
    np.testing.assert_allclose(run.average[-1], run.x.mean(0), rtol=1e-12)


def test_a_solved_step_that_leaves_the_cube_has_diverged():
    growth = VectorField(("x",), ("x",))
    run = trajectory(growth, [1.0], ImplicitEuler(), h=0.5, steps=50, divergence_bound=100.0)  # x doubles
    assert (run.status, run.steps) == (Status.DIVERGED, 6)
    many = ensemble(growth, [[1.0]], ImplicitEuler(), h=0.5, steps=50, divergence_bound=100.0)
    assert (many.status[0], many.steps[0]) == (Status.DIVERGED, 6)


def test_a_field_that_is_not_finite_under_an_explicit_method_is_never_unsolved():
    run = trajectory(VectorField(("sqrt(x) - 2",), ("x",)), [0.5], HeavyBall(), h=0.5, steps=20)
    assert run.status == Status.NOT_FINITE
