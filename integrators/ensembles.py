"""Many runs at once, one a lane, on all threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynsys.array_field import AnyField, ArrayField
from dynsys.errors import InputError, nearest
from dynsys.expressions import finite
from dynsys.field import as_points
from dynsys.kernels import compiling
from dynsys.minibatches.minibatch_field import MinibatchField
from integrators.kernel import first_state, kernel
from integrators.method import Method, check_method
from integrators.states import flat
from integrators.status import DIVERGENCE_BOUND, LANES, Status
from integrators.trajectories import check_count, check_memory, check_positive

CHECK = 64  # most steps between two looks at the lanes; 16 are a tenth slower, 256 no faster
JOB = 32  # most blocks a thread takes at a time: the unit of Ctrl-C
SMALL = 200_000  # steps of all runs together that take less time than to start threads


@dataclass(frozen=True)
class Ensemble:
    """Last points x, shape (m, n), statuses (m,) and steps taken (m,) of m runs.

    `average`, shape (m, n), holds the averages that a method such as `Averaged` keeps, else None.
    """

    x: np.ndarray
    status: np.ndarray
    steps: np.ndarray
    variables: Sequence[str]
    average: np.ndarray | None = None

    def share(self, status: Status) -> float:
        """The share of runs that ended with this status."""
        return float(np.mean(self.status == status)) if len(self.status) else 0.0


def ensemble(
    field: AnyField | MinibatchField,
    starts: Any,
    method: Method,
    h: Any,
    steps: int,
    parameters: Mapping[str, Any] | None = None,
    threads: int | None = None,
    t0: float = 0.0,
    divergence_bound: float = DIVERGENCE_BOUND,
    rng: Any = 0,
) -> Ensemble:
    """Run `method` from each of the starts, shape (m, n), and return the last points.

    `h` and each entry of `parameters` (name -> value) may be one number or m of them. A run ends early exactly as in
    `trajectory`, each for itself; a start that is not finite has that status at once. Its result depends neither on
    the other runs nor on the number of threads, bit for bit. Of a `MinibatchField`, `rng` seeds the runs' streams.

    Raises `InputError` for wrong shapes, h ≤ 0, and parameters the field does not have.
    """
    if isinstance(field, MinibatchField):
        from integrators.stochastic_runs import sample_paths

        every = max(check_count(steps, "steps"), 1)
        path = sample_paths(field, starts, method, h, steps, every, rng, parameters, threads, divergence_bound)
        average = None if path.average is None else path.average[-1]
        return Ensemble(path.x[-1], path.status, path.steps, field.variables, average)
    check_method(method, field)
    points = as_points(starts, field.variables, "starts")
    if points.ndim != 2:
        raise InputError(f"starts has shape {points.shape}; give (m, {field.n})")
    m, steps = len(points), check_count(steps, "steps")
    bound = check_positive(divergence_bound, "divergence_bound")
    useful = processors() if compiling() or isinstance(field, ArrayField) else 1  # of plain Python only one runs
    threads = useful if threads is None else check_count(threads, "threads", 1)
    moving = field.autonomous()
    if field.time is not None:
        points = np.column_stack([points, np.full(m, finite(t0, "t0"))])
    blocks = -(-m // LANES)
    width = len(flat(method.average(first_state(moving, method))))
    check_memory(8 * blocks * LANES * (moving.n + width + len(moving.values()) + 3), "fewer starts")
    rows = np.vstack([points.T, np.repeat(points.T, width // moving.n, axis=0)])  # averages below the points
    X, P = padded(rows, blocks), padded(parameter_rows(moving, parameters, m), blocks)
    H = padded(step_sizes(h, m)[None], blocks)[0]
    status, taken = np.zeros(blocks * LANES, np.int64), np.zeros(blocks * LANES, np.int64)
    status[~np.isfinite(X).all(0)] = Status.NOT_FINITE
    if m:
        run = kernel(field, method, "ensemble").ensemble

        def work(first: int, last: int) -> None:
            with np.errstate(all="ignore"):
                run(X, P, H, status, taken, steps, CHECK, bound, first, last)

        in_jobs(work, blocks, threads if m * steps > SMALL else 1)
    ends = np.ascontiguousarray(X[: field.n, :m].T)
    average = np.ascontiguousarray(X[moving.n : moving.n + field.n, :m].T) if width else None
    return Ensemble(ends, status[:m], taken[:m], field.variables, average)


def in_jobs(work: Callable[[int, int], None], blocks: int, threads: int) -> None:
    """Call work(first, last) for the blocks first .. last - 1 of every job."""
    work(0, 0)  # compiles, if need be
    size = min(JOB, -(-blocks // threads))
    firsts = range(0, blocks, size)
    if threads == 1 or len(firsts) == 1:
        for first in firsts:
            work(first, min(first + size, blocks))
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda first: work(first, min(first + size, blocks)), firsts))


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def padded(rows: np.ndarray, blocks: int) -> np.ndarray:
    """Columns up to a whole number of blocks, the last one repeated."""
    extra = blocks * LANES - rows.shape[1]
    return np.ascontiguousarray(np.pad(rows, ((0, 0), (0, extra)), mode="edge") if rows.shape[1] else rows, dtype=float)


def _each(values: Any, argument: str, m: int) -> np.ndarray:
    """One finite number or m of them, as m."""
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"{argument} is {str(values)[:60]!r}; give one number or {m} of them") from None
    if array.shape not in ((), (m,)):
        raise InputError(f"{argument} has shape {array.shape}; give one number or {m} of them")
    if not np.isfinite(array).all():
        raise InputError(f"{argument} holds {array[~np.isfinite(array)][0]}; every value must be finite")
    return np.broadcast_to(array, (m,))


def step_sizes(h: Any, m: int) -> np.ndarray:
    """One step size for each of m runs."""
    values = _each(h, "h", m)
    if not (values > 0).all():
        raise InputError(f"h holds {values[values <= 0][0]}; a step size must be positive")
    return values


def parameter_rows(field: AnyField, given: Mapping[str, Any] | None, m: int) -> np.ndarray:
    """The parameters' values for each of m runs, a row a parameter."""
    rows = np.repeat(np.array(field.values(), dtype=float)[:, None], m, axis=1)
    for name, values in (given or {}).items():
        if name not in field.parameters:
            raise InputError(f"the field has no parameter {name!r}; {nearest(name, field.parameters)}")
        rows[list(field.parameters).index(name)] = _each(values, f"parameter {name}", m)
    return rows
