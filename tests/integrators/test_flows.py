"""Flows: many solutions, each the one it would be alone, whatever its neighbours and threads do."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dynsys import VectorField, games
from dynsys.array_field import ArrayField
from dynsys.errors import InputError
from dynsys.kernels import compiling
from integrators import DOP853, DormandPrince, Rosenbrock, Status, Taylor, flow, solve, strobe
from integrators.status import LANES

METHODS = [DormandPrince(), DOP853(), Rosenbrock(), Taylor()]
every = pytest.mark.parametrize("method", METHODS, ids=lambda m: m.label)
CUBIC = VectorField(("y + x/2 - x**3/4", "-x + y/2 - y**3/4"), ("x", "y"))
ROTATION = VectorField(("k*y", "-k*x"), ("x", "y"), {"k": 1.0})
FORCED = VectorField(("-k*x + cos(t)",), ("x",), {"k": 2.0}, time="t")
STARTS = np.random.default_rng(3).normal(size=(5 if not compiling() else 3 * LANES - 5, 2))


def same(a, b, rows):
    """Equal bit for bit in these runs."""
    return all(
        np.ascontiguousarray(getattr(a, k)[..., rows, :] if k == "x" else getattr(a, k)[rows]).tobytes()
        == np.ascontiguousarray(getattr(b, k)).tobytes()
        for k in ("x", "status", "steps", "attempts")
    )


@every
def test_a_flow_holds_the_solutions_that_solve_finds(method):
    many = flow(CUBIC, STARTS, (0, 1, 2.5), method, rtol=1e-8, atol=1e-9)
    assert many.x.shape == (3, len(STARTS), 2) and (many.x[0] == STARTS).all()
    assert many.share(Status.FINISHED) == 1.0 and (many.attempts >= many.steps).all()
    for i in (0, 1, len(STARTS) - 1):
        one = solve(CUBIC, STARTS[i], (0, 2.5), DOP853(), rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(many.x[2, i], one.x[-1], atol=3e-7)


@every
def test_a_solution_depends_neither_on_the_others_nor_on_threads(method):
    options = {"rtol": 1e-6, "divergence_bound": 3.0}
    starts = STARTS[: 4 if not compiling() else None]
    many = flow(CUBIC, starts, (0, 2), method, threads=1, **options)
    for rows in (slice(0, 1), slice(1, 4), slice(0, LANES + 1)):
        assert same(many, flow(CUBIC, starts[rows], (0, 2), method, **options), rows)
    assert same(many, flow(CUBIC, starts, (0, 2), method, threads=7, **options), slice(None))
    spoilt = starts.copy()
    spoilt[2] = math.nan
    other = flow(CUBIC, spoilt, (0, 2), method, **options)
    assert other.status[2] == Status.NOT_FINITE and np.isnan(other.x[:, 2]).all()
    left = np.arange(len(starts)) != 2
    assert np.delete(many.x, 2, 1).tobytes() == np.ascontiguousarray(other.x[:, left]).tobytes()


def test_parameters_of_each_run_are_its_own():
    k = np.linspace(0.5, 2, len(STARTS))
    many = flow(ROTATION, np.tile([1.0, 0.0], (len(k), 1)), (0, 3), DOP853(), rtol=1e-10, parameters={"k": k})
    np.testing.assert_allclose(many.x[-1], np.stack([np.cos(3 * k), -np.sin(3 * k)], 1), atol=1e-8)


@every
def test_a_forced_field_runs_forwards_and_backwards(method):
    exact = lambda t: 0.3 * np.exp(-2 * t) + (2 * np.cos(t) + np.sin(t)) / 5  # noqa: E731
    there = flow(FORCED, [[0.7]], (0, 1, 3), method, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(there.x[:, 0, 0], exact(np.array([0, 1, 3])), atol=2e-7)
    back = flow(FORCED, there.x[1], (1, 0), method, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(back.x[-1], 0.7, atol=1e-6)


def test_the_strobed_forced_field_settles_on_the_periodic_solution():
    shown = strobe(FORCED, [[0.7], [-3.0]], 2 * math.pi, 5, rtol=1e-9, atol=1e-11)
    assert shown.x.shape == (6, 2, 1) and shown.t[-1] == pytest.approx(10 * math.pi)
    np.testing.assert_allclose(shown.x[-1], 0.4, atol=1e-8)


def test_each_run_ends_for_its_own_reason():
    field = VectorField(("x**2",), ("x",))
    runs = flow(field, [[1.0], [-1.0], [0.25], [math.inf]], (0, 2, 3), divergence_bound=1e6)
    assert runs.status.tolist() == [Status.DIVERGED, Status.FINISHED, Status.FINISHED, Status.NOT_FINITE]
    np.testing.assert_allclose(runs.x[:, 1, 0], [-1, -1 / 3, -1 / 4], rtol=1e-5)
    assert runs.x[1, 0, 0] == runs.x[2, 0, 0] <= 1e6  # the last point before it left
    domain = flow(VectorField(("-1/(2*sqrt(x))",), ("x",)), [[1.0]], (0, 5))
    assert domain.status[0] in (Status.NOT_FINITE, Status.STEP_UNDERFLOW)
    few = flow(ROTATION, [[1.0, 0.0], [0.0, 0.0]], (0, 50), max_steps=9)
    assert few.status[0] == Status.EXHAUSTED and few.attempts[0] == 9


def test_a_field_of_arrays_flows_as_well():
    array = ArrayField(
        lambda x: np.stack([x[:, 1], -x[:, 0]], 1),
        lambda x: np.broadcast_to(np.array([[0.0, 1.0], [-1.0, 0.0]]), (len(x), 2, 2)),
        ("x", "y"),
    )
    ours = flow(array, STARTS[:3], (0, 0.5, 1))
    theirs = flow(ROTATION, STARTS[:3], (0, 0.5, 1))
    np.testing.assert_allclose(ours.x, theirs.x, atol=1e-9)
    assert (ours.steps == theirs.steps).all()


def test_no_starts_give_no_solutions():
    assert flow(CUBIC, np.empty((0, 2)), (0, 1)).x.shape == (2, 0, 2)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"starts": [1.0, 2.0]}, r"give \(m, 2\)"),
        ({"t": 1.0}, "give two or more finite times"),
        ({"t": (0, 1, 1)}, "must go one way"),
        ({"t": ("a", "b")}, "give the times"),
        ({"parameters": {"q": 1.0}}, "no parameter 'q'"),
        ({"parameters": {"k": [1.0, 2.0]}}, "one number or 1 of them"),
        ({"threads": 0}, "threads is 0"),
        ({"field": games.curl()}, r"give game.field\(\)"),
        ({"rtol": -1.0}, "rtol is -1"),
    ],
)
def test_bad_input_is_refused_by_the_name_of_the_argument(change, named):
    with pytest.raises(InputError, match=named):
        flow(**({"field": ROTATION, "starts": [[1.0, 0.0]], "t": (0, 1)} | change))
    with pytest.raises(InputError, match="period is -1"):
        strobe(ROTATION, [[1.0, 0.0]], -1.0, 3)
