"""One run of a method on a field, every k-th step kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynsys.array_field import AnyField
from dynsys.errors import InputError
from dynsys.expressions import finite
from dynsys.field import as_points
from dynsys.matrix_free import Trainable
from dynsys.minibatches.minibatch_field import MinibatchField
from integrators.checks import check_count, check_memory, check_positive, check_step
from integrators.kernel import kernel
from integrators.method import Method, check_method
from integrators.states import flat
from integrators.status import DIVERGENCE_BOUND, Status
from integrators.stochastic_runs import sample_paths
from integrators.training import Stepping


@dataclass(frozen=True)
class Trajectory:
    """A run: times t, shape (k,); points x, shape (k, n), the start first; how it ended, after how many steps.

    `average`, shape (k, n), holds the average that a method such as `Averaged` keeps beside each point, else None.
    """

    t: np.ndarray
    x: np.ndarray
    status: Status
    steps: int
    variables: Sequence[str]
    average: np.ndarray | None = None

    @property
    def message(self) -> str:
        """How the run ended, in words."""
        return f"{self.status.name.lower().replace('_', ' ')} after {self.steps} steps: {self.status.message}"


def trajectory(
    field: AnyField | MinibatchField | Trainable,
    x0: Any,
    method: Method,
    h: float,
    steps: int,
    every: int = 1,
    t0: float = 0.0,
    divergence_bound: float = DIVERGENCE_BOUND,
    compiled: bool = True,
    rng: Any = 0,
) -> Trajectory:
    """Iterate `method` with step size h from x0, shape (n,), and keep the start and every `every`-th point.

    The run ends early as *stationary* when a step leaves the state exactly as it was, as *diverged* when a
    coordinate exceeds `divergence_bound` in size, as *not finite* when one is inf or NaN; then `.steps` says after
    how many steps, and the last point kept is that of the last step which was a multiple of `every`.

    `compiled=False` runs the same loop in plain Python: right for a few dozen steps of a field seen once, since a
    new kernel takes a tenth of a second to compile. Of a `MinibatchField` or of `NetworkBatches`, `rng` seeds the
    random stream. On a `MatrixFreeField`, such as a `NetworkGame`, the method steps on one array a player.

    Raises `InputError` for a start that is not finite or has the wrong length, h ≤ 0, or a negative number of steps.
    """
    if isinstance(field, Trainable):
        return _of_many_variables(field, x0, method, h, steps, every, t0, divergence_bound, rng)
    if not isinstance(field, MinibatchField):
        check_method(method, field)
    start = as_points(x0, field.variables, "x0")
    if start.ndim != 1 or not np.isfinite(start).all():
        raise InputError(f"x0 is {str(x0)[:60]}; give one finite point of {field.n} numbers")
    if isinstance(field, MinibatchField):
        paths = sample_paths(field, start[None], method, h, steps, every, rng, divergence_bound=divergence_bound)
        path = paths.complete()
        kept = 1 + int(path.steps[0]) // int(path.k[1] if len(path.k) > 1 else 1)
        average = None if path.average is None else path.average[:kept, 0]
        times = finite(t0, "t0") + path.t[:kept]
        return Trajectory(times, path.x[:kept, 0], Status(path.status[0]), int(path.steps[0]), field.variables, average)
    h, steps, every = check_step(h), check_count(steps, "steps"), check_count(every, "every", 1)
    bound, t0 = check_positive(divergence_bound, "divergence_bound"), finite(t0, "t0")
    moving = field.autonomous()
    full = start if field.time is None else np.append(start, t0)
    rows = steps // every
    first = shown(moving, method, full)
    check_memory(8 * (rows + 1) * len(first), "every=")
    out = np.empty((rows + 1, len(first)))
    out[0] = first
    run = kernel(field, method, "trajectory", compiled).trajectory
    with np.errstate(all="ignore"):
        status, taken, kept = run(_floats(full), _floats(moving.values()), np.float64(h), steps, every, bound, out[1:])
    t, kept_rows = t0 + h * every * np.arange(kept + 1), out[: kept + 1]
    average = kept_rows[:, moving.n : moving.n + field.n] if len(first) > moving.n else None
    return Trajectory(t, kept_rows[:, : field.n], Status(status), int(taken), field.variables, average)


def _of_many_variables(
    field: Any, x0: Any, method: Method, h: float, steps: int, every: int, t0: float, bound: float, rng: Any
) -> Trajectory:
    """The run of a `MatrixFreeField` or of `NetworkBatches`, on arrays; its `variables` are the players."""
    run, steps, every = (
        Stepping(field, x0, method, h, rng, bound),
        check_count(steps, "steps"),
        check_count(every, "every", 1),
    )
    check_memory((steps // every + 1) * run.start.nbytes, "every=, or train, which keeps what you observe")
    points, averages = [run.x], [run.average]
    for k in run.until(steps):
        if k % every == 0:
            points.append(run.x)
            averages.append(run.average)
    average = None if run.average is None else np.stack(averages)  # type: ignore[arg-type]
    times = finite(t0, "t0") + run.h * every * np.arange(len(points))
    return Trajectory(times, np.stack(points), run.status, run.k, tuple(field.players), average)


def shown(field: AnyField, method: Method, x: np.ndarray) -> np.ndarray:
    """What a run reports of the state that starts at x: the point and, if the method keeps one, the average."""
    with np.errstate(all="ignore"):
        state = method.initial(field.on_tuples, _floats(x), field.values())
    return np.array([*flat(method.position(state)), *flat(method.average(state))])


def _floats(values: Any) -> tuple[np.float64, ...]:
    return tuple(np.float64(value) for value in values)  # NumPy's: they overflow to inf without JIT, too
