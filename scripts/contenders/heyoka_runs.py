"""heyoka: a step as a compiled function over chunks, its Taylor integrator alone and in batches."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from contenders.c_runs import in_threads
from contenders.fields import function, step

from dynsys import VectorField

CHUNK, BATCH = 8192, 16  # batches of 32 are slower


def _equations(field: VectorField) -> tuple[list[Any], Any]:
    import heyoka

    return heyoka.make_vars(*(f"x{i}" for i in range(field.n))), function(field, {"exp": heyoka.exp})


def ensemble(field: VectorField, method: str) -> Callable[..., np.ndarray]:
    """(starts, h, steps) -> last points."""
    import heyoka

    x, v = _equations(field)
    one = heyoka.cfunc(list(step(v, method, heyoka.par[0])(tuple(x), field.values())), vars=x)

    def call(starts: np.ndarray, h: float, steps: int) -> np.ndarray:
        chunks = [np.ascontiguousarray(starts[i : i + CHUNK].T) for i in range(0, len(starts), CHUNK)]

        def work(first: int, last: int) -> None:
            for i in range(first, last):
                other, by = np.empty_like(chunks[i]), np.full((1, chunks[i].shape[1]), h)
                for _ in range(steps):
                    one(chunks[i], other, pars=by)
                    chunks[i], other = other, chunks[i]

        in_threads(work, len(chunks), 2, 1)
        return np.concatenate(chunks, axis=1).T

    return call


def single(field: VectorField) -> dict[str, Callable[..., np.ndarray]]:
    """Name -> (start, end, tolerance) -> last point; an integrator a tolerance, built before it is timed."""
    import heyoka

    x, v = _equations(field)
    system = list(zip(x, v(tuple(x), field.values()), strict=True))
    built: dict[float, Any] = {}

    def call(start: np.ndarray, end: float, tolerance: float) -> np.ndarray:
        if tolerance not in built:
            built[tolerance] = heyoka.taylor_adaptive(system, [0.0] * field.n, tol=tolerance)
        run = built[tolerance]
        run.time, run.state[:] = 0.0, start
        run.propagate_until(end)
        return run.state.copy()

    return {"heyoka Taylor": call}


def many(field: VectorField, threads: int = 2) -> dict[str, Callable[..., np.ndarray]]:
    """Name -> (starts, end, tolerance) -> last points; batches, an integrator a thread."""
    import heyoka

    x, v = _equations(field)
    system = list(zip(x, v(tuple(x), field.values()), strict=True))
    built: dict[float, list[Any]] = {}

    def share(run: Any, X: np.ndarray, blocks: range, end: float) -> None:
        for b in blocks:
            at = slice(b * BATCH, (b + 1) * BATCH)
            run.set_time(np.zeros(BATCH))
            run.state[:] = X[:, at]
            run.propagate_until(np.full(BATCH, end))
            X[:, at] = run.state

    def call(starts: np.ndarray, end: float, tolerance: float) -> np.ndarray:
        if tolerance not in built:
            first = heyoka.taylor_adaptive_batch(system, np.zeros((field.n, BATCH)), tol=tolerance)
            built[tolerance] = [
                first,
                *(
                    heyoka.taylor_adaptive_batch(system, np.zeros((field.n, BATCH)), tol=tolerance)
                    for _ in range(threads - 1)
                ),
            ]
        X = np.ascontiguousarray(np.pad(starts.T, ((0, 0), (0, -len(starts) % BATCH)), mode="edge"))
        blocks = range(X.shape[1] // BATCH)
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda i: share(built[tolerance][i], X, blocks[i::threads], end), range(threads)))
        return X[:, : len(starts)].T.copy()

    return {"heyoka Taylor": call}
