"""Many states followed until each has arrived: in a ball about an attractor, in the cells of a set, or out of sight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from dynsys.kernels import compiling
from integrators.arrival_kernel import ESCAPE, HITS, LOOK, UNDECIDED, arrival_kernel
from integrators.driver import JOB, Progress, Work
from integrators.method import Method
from integrators.states import flat, shaped
from integrators.status import LANES

__all__ = ["ESCAPE", "HITS", "LOOK", "UNDECIDED", "Arrivals", "Cells", "Traps", "arrivals", "followed"]

Move = Callable[[np.ndarray], np.ndarray]  # states (k, m) -> the states one look later


@dataclass(frozen=True)
class Cells:
    """A grid of cells, `owner` (c₁, …, c_n) the set that each belongs to, `UNDECIDED` for none."""

    low: np.ndarray
    side: np.ndarray
    owner: np.ndarray

    def owners(self, points: np.ndarray) -> np.ndarray:
        """The owner of the cell of each point, points (n, m) -> (m,)."""
        with np.errstate(all="ignore"):
            u = (points - self.low[:, None]) * (1 / self.side)[:, None]
            inside = ((u >= 0) & (u < np.array(self.owner.shape)[:, None])).all(0)
        index = tuple(np.where(inside, u, 0).astype(np.int64))
        return np.where(inside, self.owner[index], UNDECIDED)


@dataclass(frozen=True)
class Traps:
    """What a run can arrive in: balls of squared radius (c,) about states (c, k), each of an owner (c,); and cells.

    A ball lies where everything goes to its owner; cells count after `HITS` looks in a row.
    """

    centres: np.ndarray
    squared: np.ndarray
    owner: np.ndarray
    cells: Cells | None = None
    period: Sequence[float | None] = field(default=())

    @classmethod
    def none(cls, size: int) -> Traps:
        """No trap: runs escape, or go on."""
        return cls(np.empty((0, size)), np.empty(0), np.empty(0, np.int64))

    def holding(self, states: np.ndarray) -> np.ndarray:
        """The owner of the last ball that holds each state, (k, m) -> (m,), `UNDECIDED` where none does."""
        found = np.full(states.shape[1], UNDECIDED)
        for centre, squared, owner in zip(self.centres, self.squared, self.owner):
            found[self.distances(states, centre) <= squared] = owner
        return found

    def distances(self, states: np.ndarray, centre: np.ndarray) -> np.ndarray:
        """Squared distances, round a period the shorter way."""
        total = np.zeros(states.shape[1])
        with np.errstate(all="ignore"):
            for i, (s, c) in enumerate(zip(states, centre)):
                d = s - c
                w = self.period[i] if i < len(self.period) else None
                d = d if w is None else d - w * np.floor(d / w + 0.5)
                total = d * d if i == 0 else total + d * d
        return total


class Arrivals(NamedTuple):
    """Labels (m,): the owner of the trap a run is in, `ESCAPE` or `UNDECIDED`; looks taken (m,); last states (k, m)."""

    label: np.ndarray
    looks: np.ndarray
    states: np.ndarray


def arrivals(
    v: Any, states: np.ndarray, method: Method, h: float, traps: Traps, looks: int, bound: float,
    threads: int = 1, progress: Progress | None = None,
) -> Arrivals:  # fmt: skip
    """Follow the states (k, m) of a field with formulas for `looks` times `LOOK` steps, or until they are in a trap.

    A run that a look finds outside the cube of half-width `bound` has escaped. What becomes of a state depends neither
    on the others nor on threads, bit for bit. Raises `KeyboardInterrupt` at Ctrl-C, between two jobs.
    """
    S = np.array(states, dtype=float, order="C")
    m = S.shape[1]
    label, when = np.empty(m, np.int64), np.empty(m, np.int64)
    loop = arrival_kernel(v, method).arrivals
    cells = traps.cells
    grid = (
        (np.full(1, UNDECIDED), np.zeros(v.n), np.zeros(v.n), np.zeros(v.n, np.int64), 0)
        if cells is None
        else (np.ravel(cells.owner), cells.low, 1 / cells.side, np.array(cells.owner.shape, np.int64), 1)
    )
    values = tuple(np.float64(value) for value in v.values())
    balls = (np.ascontiguousarray(traps.centres), traps.squared, traps.owner.astype(float))

    def advance(first: int, last: int, begin: int, end: int) -> None:
        if last > first:
            ends = first * LANES, min(last * LANES, m)
            with np.errstate(all="ignore"):
                loop(S, label, when, *balls, *grid[:4], values, np.float64(h), grid[4], looks, bound, *ends)

    small = m * looks * LOOK < 200_000
    most = max(JOB, m // (128 * LANES))  # still 128 jobs: some take many times as long as others
    if m and not Work(advance, lambda *_: 0, m, 1, compiling(), most, small).run(threads, progress):
        raise KeyboardInterrupt
    return Arrivals(label, when, S)


def followed(move: Move, states: np.ndarray, n: int, traps: Traps, looks: int, bound: float) -> Arrivals:
    """The same on arrays, `move` taking states (k, m) of points (n, m) from one look to the next."""
    S = np.array(states, dtype=float)
    m = S.shape[1]
    label, when = np.full(m, UNDECIDED, np.int64), np.zeros(m, np.int64)
    live, now = np.arange(m), S
    mark, streak = np.full(m, UNDECIDED), np.zeros(m, np.int64)
    for look in range(1, looks + 1):
        if not len(live):
            break
        now = move(now)
        inside = (np.abs(now[:n]) <= bound).all(0)
        found = np.where(inside, UNDECIDED, ESCAPE)
        held = traps.holding(now)
        found = np.where(held != UNDECIDED, held, found)
        if traps.cells is not None:
            owner = traps.cells.owners(now[:n])
            streak = np.where((owner == mark) & (owner >= 0), streak + 1, 1)
            mark = owner
            found = np.where((found == UNDECIDED) & (owner >= 0) & (streak >= HITS), owner, found)
        over = found != UNDECIDED
        if over.any() or look == looks:
            label[live], when[live], S[:, live] = found, look, now
            live, now, mark, streak = live[~over], now[:, ~over], mark[~over], streak[~over]
    return Arrivals(label, when, S)


def array_steps(field: Any, method: Method, like: Any, h: float, count: int) -> Move:
    """`count` steps of the method on arrays of states."""
    v, p = field.on_tuples, field.values()
    periods = [(i, w) for i, w in enumerate(field.period or ()) if w is not None] if hasattr(field, "period") else []

    def move(states: np.ndarray) -> np.ndarray:
        now, m = tuple(states), states.shape[1]
        with np.errstate(all="ignore"):
            for _ in range(count):
                now = list(flat(method.step(v, shaped(now, like), p, h)))  # type: ignore[assignment]
                for i, w in periods:
                    now[i] = now[i] - w * np.floor(now[i] / w)  # type: ignore[index]
        return np.stack([np.broadcast_to(np.asarray(entry, float), m) for entry in now])

    return move
