"""Ensembles with JAX: a compiled loop over chunks that fit the cache, two threads."""

from collections.abc import Callable
from functools import partial

import numpy as np
from contenders.c_runs import in_threads
from contenders.fields import function, step

from dynsys import VectorField

CHUNK = 1024


def ensemble(field: VectorField, method: str) -> Callable[..., np.ndarray]:
    """(starts, h, steps) -> last points."""
    import jax

    jax.config.update("jax_enable_x64", True)
    v = function(field, {"exp": jax.numpy.exp})

    @jax.jit
    def advance(x, h, steps):  # type: ignore[no-untyped-def]
        return jax.lax.fori_loop(0, steps, lambda k, x: step(v, method, h)(x, field.values()), x)

    return partial(in_chunks, advance)


def in_chunks(advance: Callable[..., tuple], starts: np.ndarray, h: float, steps: int) -> np.ndarray:
    """The last points of all starts, from `advance` on tuples of columns."""
    import jax

    chunks = [tuple(map(jax.numpy.asarray, starts[i : i + CHUNK].T)) for i in range(0, len(starts), CHUNK)]
    ends: list[np.ndarray] = [np.empty(0)] * len(chunks)

    def work(first: int, last: int) -> None:
        for i in range(first, last):
            ends[i] = np.stack(advance(chunks[i], h, steps))

    in_threads(work, len(chunks), 2, 1)
    return np.concatenate(ends, axis=1).T
