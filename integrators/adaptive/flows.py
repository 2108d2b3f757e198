"""The flow of a field: many solutions at once, one a lane, each with a step of its own, at common times."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynsys.array_field import AnyField, check_field
from dynsys.errors import InputError, shown
from dynsys.expressions import finite
from dynsys.field import VectorField
from dynsys.kernels import compiling
from integrators.adaptive.embedded import DormandPrince
from integrators.adaptive.kernel import adaptive_kernel
from integrators.adaptive.method import AdaptiveMethod, beginning, check_adaptive
from integrators.adaptive.solutions import ATOL, RTOL, Run, tolerances
from integrators.blocks import check_threads, padded, parameter_rows, starting_points
from integrators.checks import check_count, check_memory, check_positive
from integrators.driver import Progress, Work
from integrators.kernel import is_whole
from integrators.status import DIVERGENCE_BOUND, LANES, Status


@dataclass(frozen=True)
class Flow:
    """Points x (k, m, n) of m solutions at times t (k,), the starts first; statuses and accepted steps (m,).

    A solution that ended early keeps its last point. `attempts` (m,) counts rejected steps too.
    """

    t: np.ndarray
    x: np.ndarray
    status: np.ndarray
    steps: np.ndarray
    attempts: np.ndarray
    variables: Sequence[str]

    def share(self, status: Status) -> float:
        """The share of solutions that ended with this status."""
        return float(np.mean(self.status == status)) if len(self.status) else 0.0


def flow(
    field: AnyField,
    starts: Any,
    t: Any,
    method: AdaptiveMethod | None = None,
    rtol: Any = RTOL,
    atol: Any = ATOL,
    parameters: Mapping[str, Any] | None = None,
    max_step: float = math.inf,
    max_steps: int = 1_000_000,
    divergence_bound: float = DIVERGENCE_BOUND,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Flow:
    """Solve ẋ = v(x, t) from each of the starts, shape (m, n), at t = (t0, …, tk), in either direction.

    Every solution has its own steps, which end at the given times, and its own error, as in `solve`; each entry of
    `parameters` (name -> value) may be one number or m of them. A solution depends neither on the others nor on the
    number of threads, bit for bit. `progress(done, all)`, in runs, is called now and then; at Ctrl-C the runs not yet
    begun have the status *interrupted*. Stiffness is not tested.

    Raises `InputError` for wrong shapes, tolerances or times, and parameters the field does not have.
    """
    field = check_field(field)
    method = DormandPrince() if method is None else check_adaptive(method)
    method.check(field)
    points = starting_points(starts, field)
    times = check_flow_times(t)
    sign = math.copysign(1.0, times[1] - times[0])
    longest = sign * min(check_positive(max_step, "max_step"), abs(times[-1] - times[0]))
    budget, bound = check_count(max_steps, "max_steps", 1), check_positive(divergence_bound, "divergence_bound")
    m, n = points.shape
    blocks = -(-m // LANES)
    check_memory(8 * len(times) * blocks * LANES * n, "fewer times or starts")
    moving = field.autonomous()
    X, P = padded(points.T, blocks), padded(parameter_rows(moving, parameters, m), blocks)
    status = np.where(np.isfinite(X).all(0), 0, Status.NOT_FINITE).astype(np.int64)
    taken, tried = np.zeros(len(status), np.int64), np.zeros(len(status), np.int64)
    out = np.empty((len(times) - 1, n, len(status)))
    tolerance = tolerances(rtol, atol, field.variables)
    method = method.fitted(float(tolerance[0].min()))
    if is_whole(field):
        for i in range(m):
            here = (
                field.with_parameters(**dict(zip(field.parameters, P[:, i])))
                if isinstance(field, VectorField)
                else field
            )
            run = Run(here, method, points[i], (times[0], times[-1]), tolerance, 0.0, longest, False, False)
            status[i] = _one(run, times, bound, budget, out[:, :, i])
            taken[i], tried[i] = run.steps, run.attempts
    elif m:
        time = [] if field.time is None else [np.full(X.shape[1], times[0])]
        K, H = beginning(field, method, np.vstack([X, *time]), P, longest, tolerance)
        r, a = (tuple(map(np.float64, [*column, *([np.inf] if time else [])])) for column in tolerance)
        kernel = adaptive_kernel(field, method, "many").ensemble

        def alive(first: int, last: int) -> int:
            return 0

        def work(first: int, last: int, begin: int, end: int) -> None:
            with np.errstate(all="ignore"):
                kernel(X, K, P, H, times, r, a, bound, longest, budget, status, taken, tried, out, first, last)

        workers = check_threads(threads, compiling())
        if not Work(work, alive, m, 1, compiling(), small=blocks == 1).run(workers, progress):
            left = (status == Status.FINISHED) & (tried == 0)
            status[left], out[..., left] = Status.INTERRUPTED, X[:, left]
    x = np.concatenate([points[None], out[:, :, :m].transpose(0, 2, 1)])
    return Flow(times, x, status[:m], taken[:m], tried[:m], field.variables)


def strobe(field: AnyField, starts: Any, period: float, count: int, t0: float = 0.0, **options: Any) -> Flow:
    """The flow at t0, t0 + T, …, t0 + count T: the points that a strobe of period T shows, and those of its time-T map.

    The options are those of `flow`. Of a field of period T in time, a fixed point of the strobed flow is a periodic
    orbit. Raises `InputError` for a period that is not positive, and as `flow` does. Poincaré (1881).
    """
    length = check_positive(period, "period")
    return flow(field, starts, finite(t0, "t0") + length * np.arange(check_count(count, "count", 1) + 1), **options)


def _one(run: Run, times: np.ndarray, bound: float, budget: int, out: np.ndarray) -> int:
    """The points of one run at the times after the first into the rows of `out`; its status."""
    status: int = Status.FINISHED
    for row, end in enumerate(times[1:]):
        if status == Status.FINISHED:
            run.t, status = (run.t[0], end), -1
        while status == -1:
            status = run.advance(64, bound, budget, math.inf)
        out[row] = run.rows[-1][-1, 1 : 1 + run.n]
    return status


def check_flow_times(t: Any) -> np.ndarray:
    """At least two times, all later or all earlier than the one before."""
    try:
        times = np.asarray(t, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"t is {shown(t)}; give the times (t0, …, tk)") from None
    if times.ndim != 1 or len(times) < 2 or not np.isfinite(times).all():
        raise InputError(f"t is {shown(t)}; give two or more finite times (t0, …, tk)")
    steps = np.diff(times)
    if not ((steps > 0).all() or (steps < 0).all()):
        raise InputError(f"t is {shown(t)}; the times must go one way, each only once")
    return times
