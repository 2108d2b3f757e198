"""Ensembles with `torch.compile`: twenty steps unrolled into one kernel over all runs, two threads."""

from collections.abc import Callable

import numpy as np
from contenders.fields import function, step

from dynsys import VectorField

UNROLLED = 20


def ensemble(field: VectorField, method: str) -> Callable[..., np.ndarray]:
    """(starts, h, steps) -> last points; steps a multiple of twenty."""
    import torch

    torch.set_num_threads(2)
    v = function(field, {"exp": torch.exp})

    @torch.compile(dynamic=False)
    def advance(x, h):  # type: ignore[no-untyped-def]
        for _ in range(UNROLLED):
            x = step(v, method, h)(x, field.values())
        return x

    def call(starts: np.ndarray, h: float, steps: int) -> np.ndarray:
        if steps % UNROLLED:
            raise ValueError(f"steps is {steps}; give a multiple of {UNROLLED}")
        x, by = tuple(torch.tensor(column.copy()) for column in starts.T), torch.tensor(h, dtype=torch.float64)
        with torch.no_grad():
            for _ in range(steps // UNROLLED):
                x = advance(x, by)
        return torch.stack(x, dim=1).numpy()

    return call
