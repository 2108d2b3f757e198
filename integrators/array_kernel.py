"""Many runs as rows of arrays: of fields given by arrays, and of those with many variables.

A field of NumPy functions cannot enter a compiled kernel, a formula of hundreds of variables takes long to compile, and
one call for many points costs little more than one for a single point. So the method steps on tuples of arrays.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from dynsys.array_field import AnyField
from integrators.method import Method
from integrators.states import flat, shaped
from integrators.status import LANES, Status


def array_ensemble(field: AnyField, method: Method, like: Any, single: Any) -> SimpleNamespace:
    """The loop `ensemble` of a kernel, on arrays.

    `like` is any state of the method, `single` the plain kernel that knows the end of one run.
    """
    moving = field.autonomous()
    v, n = moving.on_tuples, moving.n
    periods = [(i, w) for i, w in enumerate(moving.period or ()) if w is not None]

    def rows(state: Any, count: int) -> np.ndarray:
        return np.stack([np.broadcast_to(np.asarray(entry, float), count) for entry in flat(state)])

    def shown(state: np.ndarray) -> np.ndarray:
        nested = shaped(state, like)
        return np.stack([*flat(method.position(nested)), *flat(method.average(nested))])

    def run(X: Any, S: Any, P: Any, H: Any, status: Any, taken: Any, out: Any, begin: int, end: int, more: bool,
            every: int, bound: float, first: int, last: int, check: int) -> None:  # fmt: skip
        columns = slice(first * LANES, last * LANES)
        lanes = first * LANES + np.flatnonzero(status[columns] == 0)
        if begin:
            state = S[:, lanes - columns.start]
        elif len(lanes):
            state = rows(method.initial(v, tuple(X[:n, lanes]), tuple(P[:, lanes])), len(lanes))
        for k in range(begin, end if len(lanes) else begin):
            h, p = H[lanes], tuple(P[:, lanes])
            new = rows(method.step(v, shaped(state, like), p, h), len(lanes))
            for i, w in periods:
                new[i] -= w * np.floor(new[i] / w)
            over = ~(np.abs(shown(new)[: field.n]) <= bound).all(0) | (new == state).all(0)
            if over.any():
                X[:, lanes[over]], taken[lanes[over]] = shown(state[:, over]), k
                for j in np.flatnonzero(over):
                    before, after = (tuple(s[:, j]) for s in (state, new))
                    verdict = single.verdict(before, after, bound)
                    lost = verdict > 1 and not single.solved(before, tuple(q[j] for q in p), h[j])[0]
                    status[lanes[j]] = Status.UNSOLVED if lost else verdict
                new, lanes = new[:, ~over], lanes[~over]
            state = new
            if not len(lanes):
                begin = k
                break
            if (k + 1) % every == 0:
                out[(k + 1) // every, :, columns] = X[:, columns]
                out[(k + 1) // every, :, lanes] = shown(state).T
        if len(lanes):
            X[:, lanes], taken[lanes] = shown(state), end
            if more:
                S[:, lanes - columns.start] = state
        else:
            out[begin // every + 1 : end // every + 1, :, columns] = X[:, columns]

    return SimpleNamespace(ensemble=run)
