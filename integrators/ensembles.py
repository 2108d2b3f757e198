"""Many runs at once, one a lane, on all threads."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any

import numpy as np

from dynsys.array_field import AnyField
from dynsys.errors import InputError
from dynsys.expressions import finite
from dynsys.kernels import compiling
from dynsys.matrix_free import Trainable
from dynsys.minibatches.minibatch_field import MinibatchField
from integrators import executors
from integrators.blocks import check_threads, parameter_rows, starting_points, step_sizes
from integrators.checks import check_count, check_memory, check_positive
from integrators.columns import NEVER, Columns, Plan
from integrators.driver import Progress
from integrators.kernel import is_whole
from integrators.method import Method, check_method
from integrators.random_streams import seed_of
from integrators.runs import Ensemble
from integrators.status import DIVERGENCE_BOUND


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
    every: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Ensemble:
    """Run `method` from each of the starts, shape (m, n), and return the last points.

    `h` and each entry of `parameters` (name -> value) may be one number or m of them. A run ends early exactly as in
    `trajectory`, each for itself; a start that is not finite has that status at once. Its result depends neither on
    the other runs nor on the number of threads, bit for bit. Of a `MinibatchField`, `rng` seeds the runs' streams.

    With `every`, `.path` keeps every `every`-th point, the start first. `progress(done, all)`, in steps of all runs
    together, is called from the calling thread. Ctrl-C returns what there is: runs that had not ended are
    *interrupted* at the last point they reached.

    An `executor` (a pool of spawned processes or of threads, a cluster's) takes the runs in pieces, one thread a
    worker; then progress counts pieces, and of a piece that is not there at Ctrl-C only the starts come back.

    Raises `InputError` for wrong shapes, h ≤ 0, and parameters the field does not have.
    """
    plan, runs, sizes = taken(
        field, starts, method, h, steps, NEVER if every is None else check_count(every, "every", 1), parameters,
        threads, t0, divergence_bound, rng, progress, executor,
    )  # fmt: skip
    path = None if every is None else plan.paths(runs, sizes, finite(t0, "t0"))
    return Ensemble(plan.points(runs.x), runs.status, runs.steps, field.variables, plan.average(runs.x), path)


def taken(
    field: AnyField | MinibatchField, starts: Any, method: Method, h: Any, steps: int, every: int,
    parameters: Mapping[str, Any] | None, threads: int | None, t0: float, divergence_bound: float, rng: Any,
    progress: Progress | None, executor: Executor | None,
) -> tuple[Plan, Columns, np.ndarray]:  # fmt: skip
    """The runs from the starts as a plan and its columns, and their step sizes."""
    any_field: Any = field
    if isinstance(field, Trainable):
        raise InputError(f"{field!r} has no lanes for an ensemble; take trajectory or train once a start")
    check_method(method, any_field)
    points = starting_points(starts, field)
    random, m = isinstance(field, MinibatchField), len(points)
    bound, seed = check_positive(divergence_bound, "divergence_bound"), seed_of(rng) if random else None
    several = random or compiling() or is_whole(any_field)  # of plain Python only one thread runs
    threads = check_threads(threads, several)
    plan = Plan(field, method, check_count(steps, "steps"), every, bound, seed)
    check_memory(plan.memory(m), "fewer starts" if every == NEVER else "every=, or fewer starts")
    if not random and any_field.time is not None:
        points = np.column_stack([points, np.full(m, finite(t0, "t0"))])
    X = np.vstack([points.T, points.T]) if plan.sizes[2] else points.T  # an average starts at the point
    P, H = parameter_rows(any_field, parameters, m), step_sizes(h, m)
    if executor is None:
        return plan, plan.take(X, P, H, 0, threads, progress), H
    return plan, executors.take(executor, plan, X, P, H, progress), H
