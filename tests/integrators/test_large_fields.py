"""Fields of many variables run through arrays, by the same methods and with the same results."""

from __future__ import annotations

import numpy as np
import pytest

from dynsys import VectorField
from integrators import Euler, RungeKutta4, Status, ensemble, trajectory
from integrators.algorithms.momentum import HeavyBall
from integrators.kernel import WHOLE


def ring(n, coupling=1.0):
    """A ring of n damped, forced variables, the first of them an angle."""
    names = [f"x{i}" for i in range(n)]
    components = [f"{names[(i + 1) % n]}/4 - k*x{i} - x{i}**3 + sin(t)/{i + 1}" for i in range(n)]
    return VectorField(components, names, {"k": coupling}, time="t", period=(2.0, *[None] * (n - 1)))


LARGE = ring(WHOLE + 4)
STARTS = np.random.default_rng(2).uniform(-1, 1, (5, LARGE.n))


@pytest.mark.parametrize("method", [Euler(), RungeKutta4(), HeavyBall()], ids=lambda m: m.label)
def test_an_ensemble_of_many_variables_holds_the_runs_that_trajectory_makes(method):
    k = np.linspace(0.5, 1.5, 5)
    many = ensemble(LARGE, STARTS, method, h=0.05, steps=12, parameters={"k": k}, t0=0.3)
    for i in (0, 4):
        one = trajectory(LARGE.with_parameters(k=k[i]), STARTS[i], method, h=0.05, steps=12, t0=0.3)
        np.testing.assert_allclose(many.x[i], one.x[-1], rtol=1e-12, atol=1e-14)
    assert many.share(Status.FINISHED) == 1 and ((many.x[:, 0] >= 0) & (many.x[:, 0] <= 2)).all()


def test_many_variables_have_the_runs_of_a_compiled_field_of_fewer():
    decoupled = [f"y{i} - y{i}**3" for i in range(WHOLE + 1)]
    names = [f"y{i}" for i in range(WHOLE + 1)]
    large = ensemble(VectorField(decoupled, names), np.linspace(-2, 2, WHOLE + 1)[None], RungeKutta4(), 0.1, 30)
    small = ensemble(VectorField(("y - y**3",), ("y",)), np.linspace(-2, 2, WHOLE + 1)[:, None], RungeKutta4(), 0.1, 30)
    np.testing.assert_allclose(large.x[0], small.x[:, 0], rtol=1e-13)


def test_runs_of_many_variables_end_for_their_own_reasons():
    names = [f"x{i}" for i in range(WHOLE + 1)]
    field = VectorField([f"{name}**2" for name in names], names)
    starts = np.stack([np.full(WHOLE + 1, x) for x in (1.0, 0.0, -1.0)])
    runs = ensemble(field, starts, Euler(), h=0.5, steps=50, divergence_bound=1e3)
    assert runs.status.tolist() == [Status.DIVERGED, Status.STATIONARY, Status.FINISHED]
    assert (np.abs(runs.x) <= 1e3).all() and runs.steps[1] == 0
