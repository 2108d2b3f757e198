"""Runs on fields that each batch makes anew: many at once, each with its own random stream, every k-th point kept."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynsys.errors import InputError
from dynsys.field import as_points
from dynsys.minibatches.minibatch_field import MinibatchField, check_minibatch_field
from integrators.ensembles import in_jobs, padded, parameter_rows, processors, step_sizes
from integrators.method import Method, check_method
from integrators.minibatch_kernel import MinibatchLoop
from integrators.random_streams import seed_of
from integrators.status import DIVERGENCE_BOUND, LANES, Status
from integrators.trajectories import check_count, check_memory, check_positive


@dataclass(frozen=True)
class SamplePaths:
    """Steps k (r,) at which points were kept, points x (r, m, n), the starts first; statuses and steps taken (m,).

    A run that ended keeps its last point. `average`, (r, m, n), holds what a method such as `UniformAverage` keeps.
    """

    k: np.ndarray
    x: np.ndarray
    status: np.ndarray
    steps: np.ndarray
    variables: Sequence[str]
    h: np.ndarray
    average: np.ndarray | None = None

    @property
    def t(self) -> np.ndarray:
        """Times h·k, shape (r,); `InputError` if the runs have different step sizes."""
        if len(set(self.h)) != 1:
            raise InputError("the runs have different step sizes, or are none: no common time; take .k, the steps")
        return self.h[0] * self.k

    @property
    def mean(self) -> np.ndarray:
        """The mean path over the runs, shape (r, n); NaN without runs."""
        if not self.x.shape[1]:
            return np.full((len(self.k), self.x.shape[2]), np.nan)
        mean: np.ndarray = self.x.mean(1)
        return mean

    @property
    def standard_error(self) -> np.ndarray:
        """Of the mean path, shape (r, n); NaN for a single run."""
        m = self.x.shape[1]
        if m < 2:
            return np.full((len(self.k), self.x.shape[2]), np.nan)
        error: np.ndarray = self.x.std(1, ddof=1) / np.sqrt(m)
        return error


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
) -> SamplePaths:
    """Run `method` on the batches of a minibatch field from each start, shape (m, n), and keep every `every`-th point.

    Run i sees the random stream (rng, i), rng a seed or a NumPy `Generator`: its path depends neither on the other
    runs nor on threads, bit for bit. `h` and each entry of `parameters` (name -> value) may be one number or m of
    them. A run ends early as *diverged* or *not finite*, as in `trajectory`, and never as stationary: the next batch
    may move it.

    Raises `InputError` for wrong shapes, h ≤ 0, unknown parameters, and methods that do not fit the field.
    """
    check_minibatch_field(field)
    any_field: Any = field
    check_method(method, any_field)
    points = as_points(starts, field.variables, "starts")
    if points.ndim != 2:
        raise InputError(f"starts has shape {points.shape}; give (m, {field.n})")
    m, steps, every = len(points), check_count(steps, "steps"), check_count(every, "every", 1)
    bound, seed = check_positive(divergence_bound, "divergence_bound"), seed_of(rng)
    threads = processors() if threads is None else check_count(threads, "threads", 1)
    loop = _loop(field, method)
    kept, blocks = steps // every, -(-m // LANES)
    height = field.n + loop.width
    check_memory(8 * blocks * LANES * height * (kept + 1), "every=, or fewer starts")
    X = padded(np.vstack([points.T, np.repeat(points.T, loop.width // field.n, axis=0)]), blocks)
    P, H = padded(parameter_rows(any_field, parameters, m), blocks), padded(step_sizes(h, m)[None], blocks)[0]
    out = np.empty((kept + 1, height, blocks * LANES))
    out[0] = X
    status, taken = np.zeros(blocks * LANES, np.int64), np.zeros(blocks * LANES, np.int64)
    status[~np.isfinite(X).all(0)] = Status.NOT_FINITE
    if m:

        def work(first: int, last: int) -> None:
            with np.errstate(all="ignore"):
                loop.run(X, P, H, status, taken, out[1:], steps, every, bound, first, last, seed)

        in_jobs(work, blocks, threads)
    n = field.n
    x = np.ascontiguousarray(np.moveaxis(out[:, :n, :m], 1, 2))
    average = np.ascontiguousarray(np.moveaxis(out[:, n : 2 * n, :m], 1, 2)) if loop.width else None
    k = every * np.arange(kept + 1)
    return SamplePaths(k, x, status[:m], taken[:m], field.variables, H[:m].copy(), average)


@functools.lru_cache(maxsize=32)
def _loop(field: MinibatchField, method: Method) -> MinibatchLoop:
    """The loop of a field and a method, traced once."""
    return MinibatchLoop(field, method)
