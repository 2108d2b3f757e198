"""What basins are basins of: a map of states, the update of a method or the flow over a period, on many states at once.

States are columns (k, m) that begin with the n variables of their points.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from analysis.stability_functions import numeric_method
from analysis.updates import STEP
from dynsys.array_field import AnyField
from dynsys.errors import InputError
from dynsys.field import VectorField
from dynsys.kernels import compiling
from integrators.adaptive.flows import flow
from integrators.adaptive.method import AdaptiveMethod
from integrators.arrivals import LOOK, Arrivals, Traps, array_steps, arrivals, followed
from integrators.blocks import check_threads
from integrators.driver import Progress
from integrators.kernel import first_state, is_whole
from integrators.method import Method
from integrators.states import flat, shaped
from integrators.status import Status


def settled_at(field: AnyField) -> list[float | None]:
    """The period of each variable, None for those that have none."""
    return list(getattr(field, "period", None) or [None] * field.n)


@dataclass(frozen=True, eq=False)
class UpdateMap:
    """One step of `method` with step size h, on its whole state."""

    field: AnyField
    method: Method
    h: float
    bound: float
    threads: int | None = None
    look: ClassVar[int] = LOOK  # steps between two looks
    window: ClassVar[int] = 4096  # most steps that a recurrence is looked for in
    cells: ClassVar[int] = 64  # a side of the extent of a run in the plane, whose visits tell a recurrence
    exact: ClassVar[float] = 1e-9  # to which multipliers are known
    piece: ClassVar[int] = 1 << 16  # starts of a chunk
    sample: ClassVar[int] = 400  # starts that attractors are searched from
    probes: ClassVar[int] = 32  # directions, for each variable, in which a ball is probed
    unit: ClassVar[str] = "step"

    def __post_init__(self) -> None:
        reason = self.method.differentiable or self.field.piecewise
        if reason:
            raise InputError(
                f"{self.method.label} has no multipliers, and only they tell an attractor from a slow passage: {reason}"
            )
        if self.field.time is not None:
            raise InputError(
                "the field depends on time, so its update is no map of points; give an adaptive method and period="
            )

    @property
    def text(self) -> str:
        """In words."""
        return f"{self.method.label}, h = {self.h:g}"

    @functools.cached_property
    def like(self) -> Any:
        """Some state."""
        return first_state(self.field, self.method)

    @functools.cached_property
    def size(self) -> int:
        """How many numbers a state holds."""
        return len(flat(self.like))

    @functools.cached_property
    def periods(self) -> list[float | None]:
        """The period of each number of a state."""
        return settled_at(self.field) + [None] * (self.size - self.field.n)

    def states(self, points: np.ndarray) -> np.ndarray:
        """The states that start at points (m, n)."""
        x = tuple(np.ascontiguousarray(column) for column in points.T)
        if self.size == self.field.n:
            return np.stack(x)
        with np.errstate(all="ignore"):
            made = flat(self.method.initial(self.field.on_tuples, x, self.field.values()))
        return np.stack([np.broadcast_to(np.asarray(entry, float), len(points)) for entry in made])

    def follow(self, states: np.ndarray, traps: Traps, looks: int, progress: Progress | None = None) -> Arrivals:
        """Every state until it is in a trap, has escaped, or was looked at so many times."""
        if is_whole(self.field) or not (compiling() and isinstance(self.field, VectorField)):
            return followed(self._look, states, self.field.n, traps, looks, self.bound)
        threads = check_threads(self.threads, True)
        return arrivals(self.field, states, self.method, self.h, traps, looks, self.bound, threads, progress)

    @functools.cached_property
    def _look(self) -> Any:
        return array_steps(self.field, self.method, self.like, self.h, self.look)

    @functools.cached_property
    def _step(self) -> Any:
        return array_steps(self.field, self.method, self.like, self.h, 1)

    def orbit(self, states: np.ndarray, count: int) -> np.ndarray:
        """The states after 0, 1, …, count steps, (count + 1, k, m)."""
        out = np.empty((count + 1, *states.shape))
        out[0] = states
        for i in range(count):
            out[i + 1] = self._step(out[i])
        return out

    def recorded(self, state: np.ndarray) -> np.ndarray:
        """The next 65 536 states of one (k,), as rows: its run in pieces, which are taken side by side."""
        begins = [state[:, None]]
        for _ in range(127):
            begins.append(self.follow(begins[-1], Traps.none(self.size), 512 // self.look).states)
        pieces = self.orbit(np.concatenate(begins, 1), 511)
        return pieces.transpose(2, 0, 1).reshape(-1, self.size)

    def linearised(self, states: np.ndarray, period: int) -> tuple[np.ndarray, np.ndarray]:
        """The states after `period` steps, (k, m), and their derivatives by the first, (m, k, k), by complex step."""
        method, v, p = numeric_method(self.method), self.field.on_tuples, self.field.values()
        size, m = states.shape
        now = states
        moved: Any = tuple(states[:, :, None] + 1j * STEP * np.eye(size)[:, None, :])
        with np.errstate(all="ignore"):
            for _ in range(period):
                now = self._step(now)
                moved = [np.asarray(c) for c in flat(method.step(v, shaped(moved, self.like), p, self.h))]
                for i, w in enumerate(self.periods):
                    moved[i] = moved[i] if w is None else moved[i] - w * np.floor(moved[i].real / w)
        rows = np.stack([np.broadcast_to(np.asarray(c), (m, size)) for c in moved], 1)
        return now, rows.imag / STEP


@dataclass(frozen=True, eq=False)
class PeriodMap:
    """The flow over one period, from t0: the strobe of a field that has this period in time, or of one without time."""

    field: AnyField
    method: AdaptiveMethod
    h: float  # the period
    bound: float
    threads: int | None = None
    t0: float = 0.0
    rtol: float = 1e-8
    atol: float = 1e-10
    look: ClassVar[int] = 1
    window: ClassVar[int] = 1024  # a limit cycle sampled at no fraction of its period shows in no fewer
    cells: ClassVar[int] = 8  # few, so that so few states visit those of a chaotic set twice
    exact: ClassVar[float] = 1e-6
    piece: ClassVar[int] = 1 << 12
    sample: ClassVar[int] = 100
    probes: ClassVar[int] = 8
    unit: ClassVar[str] = "period"

    def __post_init__(self) -> None:
        if self.field.time is not None:
            probe = np.random.default_rng(0).normal(size=(9, self.field.n))
            now, later = (self.field(probe, t) for t in (self.t0, self.t0 + self.h))
            if not np.allclose(now, later, rtol=1e-7, atol=1e-7, equal_nan=True):
                raise InputError(
                    f"period is {self.h:g}, but the field differs at t = {self.t0:g} and {self.t0 + self.h:g}; "
                    "give its period in time"
                )

    @property
    def text(self) -> str:
        """In words."""
        return f"the flow, period {self.h:.6g}"

    @property
    def size(self) -> int:
        """As many numbers as variables."""
        return self.field.n

    @property
    def periods(self) -> list[float | None]:
        """The period of each variable."""
        return settled_at(self.field)

    def states(self, points: np.ndarray) -> np.ndarray:
        """Points (m, n) as columns."""
        return np.array(points.T)

    def _run(self, states: np.ndarray, count: int, tighter: float = 1.0) -> np.ndarray:
        times = self.t0 + self.h * np.arange(count + 1)
        run = flow(
            self.field, states.T, times, self.method, tighter * self.rtol, tighter * self.atol,
            divergence_bound=self.bound, threads=self.threads,
        )  # fmt: skip
        run.x[1:, (run.status != Status.FINISHED) & (run.status != Status.INTERRUPTED)] = np.nan
        if (run.status == Status.INTERRUPTED).any():
            raise KeyboardInterrupt
        return run.x.transpose(0, 2, 1)

    def follow(self, states: np.ndarray, traps: Traps, looks: int, progress: Progress | None = None) -> Arrivals:
        """Every state until it is in a trap, has escaped, or was looked at so many times."""
        return followed(lambda s: self._run(s, 1)[1], states, self.field.n, traps, looks, self.bound)

    def orbit(self, states: np.ndarray, count: int) -> np.ndarray:
        """The states after 0, 1, …, count periods, (count + 1, k, m); solved in turns, each with its own steps."""
        turns = [states[None]]
        for done in range(0, count, 256):
            turns.append(self._run(turns[-1][-1], min(256, count - done))[1:])
        return np.concatenate(turns)

    def recorded(self, state: np.ndarray) -> np.ndarray:
        """The next 4096 states of one (k,), as rows."""
        return self.orbit(state[:, None], 4095)[:, :, 0]

    def linearised(self, states: np.ndarray, period: int) -> tuple[np.ndarray, np.ndarray]:
        """The states after `period` periods and their derivatives, by central differences of tighter solutions."""
        size, m = states.shape
        step = 1e-5 * (1 + np.abs(states).max(0))
        shifts = np.concatenate([np.zeros((1, size)), np.eye(size), -np.eye(size)])
        many = states[:, None, :] + shifts.T[:, :, None] * step
        now = many.reshape(size, -1)
        for _ in range(period):
            now = self._run(now, 1, 1e-2)[1]
        ends = now.reshape(size, 2 * size + 1, m)
        return ends[:, 0], ((ends[:, 1 : size + 1] - ends[:, size + 1 :]) / (2 * step)).transpose(2, 0, 1)


StateMap = UpdateMap | PeriodMap


def difference(a: np.ndarray, b: np.ndarray, periods: list[float | None]) -> np.ndarray:
    """a - b for states along the first axis, round a period the shorter way."""
    d = np.asarray(a - b)
    for i, w in enumerate(periods):
        if w is not None:
            d[i] -= w * np.round(d[i] / w)
    return d
