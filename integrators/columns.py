"""Runs as columns: what they share is a plan, and the plan takes any of them to their ends."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynsys.array_field import AnyField
from dynsys.kernels import compiling
from dynsys.minibatches.minibatch_field import MinibatchField
from integrators.blocks import padded
from integrators.driver import JOB, Progress, Work
from integrators.kernel import first_state, is_whole, kernel
from integrators.method import Method
from integrators.minibatch_kernel import MinibatchLoop
from integrators.runs import SamplePaths
from integrators.states import flat
from integrators.status import LANES, Status

CHECK = 64  # most steps between two looks at the lanes; 16 are a tenth slower, 256 no faster
NEVER = 2**63 - 1  # as `every`: no point is kept on the way


@dataclass(frozen=True)
class Columns:
    """What m runs show at their ends, x (height, m), and at every k-th step, kept (r, height, m); how they ended."""

    x: np.ndarray
    kept: np.ndarray
    status: np.ndarray
    steps: np.ndarray

    @classmethod
    def joined(cls, pieces: Sequence[Columns]) -> Columns:
        """The runs of all pieces, in order."""
        names = ("x", "kept", "status", "steps")
        return cls(*(np.concatenate([getattr(piece, name) for piece in pieces], -1) for name in names))


@dataclass(frozen=True)
class Plan:
    """What runs share: field, method, steps to take, steps from one kept point to the next, bound, random seed."""

    field: AnyField | MinibatchField
    method: Method
    steps: int
    every: int
    bound: float
    seed: Any = None

    @property
    def rows(self) -> int:
        """How many points of a run are kept, the start first."""
        return self.steps // self.every + 1 if self.every != NEVER else 0

    @functools.cached_property
    def sizes(self) -> tuple[int, int, int]:
        """How many numbers a state holds, how many its point, and how many its average, 0 if it keeps none."""
        field: Any = self.field
        moving: Any = field if isinstance(field, MinibatchField) else field.autonomous()
        state = first_state(moving, self.method)
        return len(flat(state)), moving.n, len(flat(self.method.average(state)))

    @property
    def height(self) -> int:
        """How many numbers a run shows: its point, and its average if kept."""
        return sum(self.sizes[1:])

    def memory(self, m: int) -> int:
        """Bytes that m runs take, the result included."""
        height = self.height
        columns = -(-m // LANES) * LANES
        return 8 * columns * (2 * height + len(self.field.values()) + 3 + 2 * self.rows * height)

    def begun(self, X: np.ndarray) -> Columns:
        """The runs before their first step; a start that is not finite is an end at once."""
        m = X.shape[1]
        status = np.zeros(m, np.int64)
        status[~np.isfinite(X).all(0)] = Status.NOT_FINITE
        kept = np.empty((self.rows, len(X), m))
        kept[:1] = X
        return Columns(X, kept, status, np.zeros(m, np.int64))

    def take(
        self, X: np.ndarray, P: np.ndarray, H: np.ndarray, first_run: int, threads: int, progress: Progress | None
    ) -> Columns:
        """The runs from the columns of X with the columns of parameters P and steps H; the first is run `first_run`."""
        m = X.shape[1]
        blocks = -(-m // LANES)
        X, P, H = padded(X, blocks), padded(P, blocks), padded(H[None], blocks)[0]
        runs = self.begun(X)
        if m and not self._advance(runs, P, H, first_run, m, threads, progress):
            self.interrupt(runs)
        return Columns(runs.x[:, :m], runs.kept[..., :m], runs.status[:m], runs.steps[:m])

    def _advance(
        self, runs: Columns, P: np.ndarray, H: np.ndarray, first_run: int, m: int, threads: int, progress: Any
    ) -> bool:
        """All steps, in place; False if Ctrl-C came first."""
        call, room, most = self._loop(first_run)
        rooms: dict[int, Any] = {}  # of the jobs that are under way

        def advance(first: int, last: int, begin: int, end: int) -> None:
            more = end < self.steps
            if begin == 0:
                rooms[first] = np.empty((self.sizes[0], (last - first) * LANES if more else 0)), room(first, last)
            S, others = rooms[first] if more else rooms.pop(first)
            with np.errstate(all="ignore"):
                call(
                    runs.x, S, P, H, runs.status, runs.steps, runs.kept, begin, end, more, self.every, self.bound,
                    first, last, *others,
                )  # fmt: skip

        def alive(first: int, last: int) -> int:
            return int(np.count_nonzero(runs.status[first * LANES : last * LANES] == 0))

        compiled = compiling() and (isinstance(self.field, MinibatchField) or not is_whole(self.field))
        return Work(advance, alive, m, self.steps, compiled, most).run(threads, progress)

    def _loop(self, first_run: int) -> tuple[Any, Any, int]:
        """The loop over steps; what else it takes, for a job's blocks, from slice to slice; most blocks of a job."""
        if isinstance(self.field, MinibatchField):
            loop = minibatch_loop(self.field, self.method)
            room = lambda first, last: loop.room(first, last, self.seed, first_run)  # noqa: E731
            return loop.run, room, 1 if loop.draws.shuffles else JOB
        return kernel(self.field, self.method, "ensemble").ensemble, lambda first, last: (CHECK,), JOB

    def interrupt(self, runs: Columns) -> None:
        """Mark the runs that have not ended, and keep their last points at the steps they did not reach."""
        runs.status[(runs.status == Status.FINISHED) & (runs.steps < self.steps)] = Status.INTERRUPTED
        for row, x in enumerate(runs.kept):
            np.copyto(x, runs.x, where=runs.steps < row * self.every)

    # --- as results -----------------------------------------------------------------------------

    def average(self, shown: np.ndarray) -> np.ndarray | None:
        """The averages (…, m, n) in what is shown, (…, height, m), if the method keeps any."""
        _, first, width = self.sizes
        return self._rows(shown, first) if width else None

    def points(self, shown: np.ndarray) -> np.ndarray:
        """The points (…, m, n) in what is shown, (…, height, m)."""
        return self._rows(shown, 0)

    def _rows(self, shown: np.ndarray, first: int) -> np.ndarray:
        return np.ascontiguousarray(np.swapaxes(shown[..., first : first + self.field.n, :], -1, -2))

    def paths(self, runs: Columns, h: np.ndarray, t0: float = 0.0) -> SamplePaths:
        """The kept points of the runs."""
        k, names = self.every * np.arange(self.rows), self.field.variables
        kept = runs.kept
        return SamplePaths(k, self.points(kept), runs.status, runs.steps, names, h, self.average(kept), t0)


@functools.lru_cache(maxsize=32)
def minibatch_loop(field: MinibatchField, method: Method) -> MinibatchLoop:
    """The loop of a field and a method, traced once."""
    return MinibatchLoop(field, method)
