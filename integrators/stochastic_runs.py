"""Runs on fields that each batch makes anew: many at once, each with its own random stream, every k-th point kept."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any

from dynsys.minibatches.minibatch_field import MinibatchField, check_minibatch_field
from integrators.checks import check_count
from integrators.driver import Progress
from integrators.ensembles import taken
from integrators.method import Method
from integrators.runs import SamplePaths
from integrators.status import DIVERGENCE_BOUND


def sample_paths(
    field: MinibatchField,
    starts: Any,
    method: Method,
    h: Any,
    steps: int,
    every: int = 1,
    rng: Any = 0,
    parameters: Mapping[str, Any] | None = None,
    threads: int | None = None,
    divergence_bound: float = DIVERGENCE_BOUND,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> SamplePaths:
    """Run `method` on the batches of a minibatch field from each start, shape (m, n), and keep every `every`-th point.

    Run i sees the random stream (rng, i), rng a seed or a NumPy `Generator`: its path depends neither on the other
    runs nor on threads, bit for bit. `h` and each entry of `parameters` (name -> value) may be one number or m of
    them. A run ends early as *diverged* or *not finite*, as in `trajectory`, and never as stationary: the next batch
    may move it. `progress`, `executor` and Ctrl-C are those of `ensemble`.

    Raises `InputError` for wrong shapes, h ≤ 0, unknown parameters, and methods that do not fit the field.
    """
    check_minibatch_field(field)
    every = check_count(every, "every", 1)
    plan, runs, sizes = taken(
        field,
        starts,
        method,
        h,
        steps,
        every,
        parameters,
        threads,
        0.0,
        divergence_bound,
        rng,
        progress,
        executor,
    )
    return plan.paths(runs, sizes)
