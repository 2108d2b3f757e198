"""The image of basins while it is made: labels and times of the starts of a plane, chunk by chunk."""

from __future__ import annotations

import numpy as np

from analysis.chunks import Arrays, Chunks
from analysis.state_maps import StateMap
from integrators.arrivals import UNDECIDED, Traps
from integrators.driver import Progress


class BasinImage:
    """The labels and times of all starts, row by row, filled chunk by chunk."""

    def __init__(
        self, f: StateMap, x: np.ndarray, y: np.ndarray, axes: tuple[str, str], base: np.ndarray, steps: int,
        store: Chunks, progress: Progress | None,
    ):  # fmt: skip
        self.f, self.x, self.y, self.axes, self.base, self.steps = f, x, y, axes, base, steps
        self.store, self.progress = store, progress
        self.labels = np.full(len(x) * len(y), UNDECIDED, np.int32)
        self.times = np.zeros(len(x) * len(y), np.int32)

    def starts(self, which: np.ndarray) -> np.ndarray:
        """The points (m, n) of starts by their numbers."""
        points = np.empty((self.f.field.n, len(which)))
        points[:] = self.base[:, None]
        rows, columns = np.divmod(which, len(self.x))
        i, j = map(self.f.field.variables.index, self.axes)
        points[i], points[j] = self.x[columns], self.y[rows]
        return points.T

    def fill(self, traps: Traps, number: int, which: np.ndarray | None = None) -> None:
        """Label all starts, or those of these numbers, in the `number`-th round."""
        looks = -(-self.steps // self.f.look)
        total = len(self.labels) if which is None else len(which)
        for begin in range(0, total, self.f.piece):
            end = min(begin + self.f.piece, total)
            part = np.arange(begin, end) if which is None else which[begin:end]

            def made(part: np.ndarray = part) -> Arrays:
                run = self.f.follow(self.f.states(self.starts(part)), traps, looks)
                times = run.looks * self.f.look
                return {"labels": run.label.astype(np.int32), "times": times.astype(np.int32)}

            chunk = self.store.take(f"{number}-{begin:09d}", made)
            self.labels[part], self.times[part] = chunk["labels"], chunk["times"]
            if self.progress is not None and which is None:
                self.progress(end, total)
