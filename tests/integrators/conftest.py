"""The oracle of every run: a loop over tuples of NumPy numbers that shares nothing with the kernels."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from integrators import Status


def naive_run(field, start, method, h, steps, bound=1e10, t0=0.0):
    """Every point of a run, its status and the steps it took; one Python statement for each rule."""
    period = field.period or (None,) * field.n
    moving, point = field.autonomous(), tuple(np.float64(c) for c in start)
    if field.time is not None:
        point = (*point, np.float64(t0))
    v, p = moving.on_tuples, moving.values()
    with np.errstate(all="ignore"):
        state = tuple(method.initial(v, point, p))
        points, status = [method.position(state)[: field.n]], Status.FINISHED
        for _ in range(steps):
            new = list(method.step(v, state, p, np.float64(h)))
            for i, w in enumerate(period):
                new[i] = new[i] if w is None else new[i] % w
            y = method.position(tuple(new))[: field.n]
            if not np.isfinite(y).all():
                status = Status.NOT_FINITE
            elif np.abs(y).max() > bound:
                status = Status.DIVERGED
            elif tuple(new) == state:
                status = Status.STATIONARY
            if status != Status.FINISHED:
                break
            state = tuple(new)
            points.append(y)
    return SimpleNamespace(x=np.array(points), status=status, steps=len(points) - 1)


@pytest.fixture(scope="session")
def naive():
    return naive_run
