"""Where training ends up: runs from many starts, each followed to a fixed point, a cycle, or out of sight."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from analysis.precision import polish
from analysis.updates import update_jacobian
from dynsys.array_field import AnyField, check_field
from dynsys.errors import InputError
from dynsys.field import as_points
from integrators.checks import check_count, check_step
from integrators.ensembles import ensemble
from integrators.method import Method, check_method
from integrators.status import Status
from integrators.trajectories import trajectory

REACHED = 1e-6  # relative distance at which a run has arrived at a fixed point that attracts
PERIODS = 64  # longest cycle told from a curve
WINDOW = 2048  # last steps of a run that is neither at rest nor gone
KINDS = ("fixed point", "cycle", "recurrent", "stalled", "undecided", "escape")


@dataclass(frozen=True, eq=False)
class Fate:
    """What became of `count` of the starts, with the exact 95 % interval (low, high) of the share.

    `kind` is "fixed point" (one that attracts under the update, at x), "cycle" (of `period` steps, through x),
    "recurrent" (bounded and no longer changing in extent: an invariant curve or chaos), "stalled" (at rest to rounding
    beside a fixed point that does not attract), "undecided" (within the steps given) or "escape".
    """

    kind: str
    x: np.ndarray | None
    period: int | None
    count: int
    share: float
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        x = None if self.x is None else [float(c) for c in self.x]
        names = ("kind", "period", "count", "share", "low", "high")
        return {"x": x, **{name: getattr(self, name) for name in names}}


@dataclass(frozen=True)
class Fates:
    """The fates of all starts, the commonest first; `which` (m,) is the index of each start's."""

    fates: tuple[Fate, ...]
    which: np.ndarray
    steps: int
    method: str
    h: float

    def share(self, kind: str) -> float:
        """The share of the starts with fates of this kind."""
        return sum(fate.share for fate in self.fates if fate.kind == kind)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "fates": [fate.to_dict() for fate in self.fates],
            "starts": len(self.which),
            "steps": self.steps,
            "method": self.method,
            "h": self.h,
        }


def sample_fates(
    field: AnyField, starts: Any, method: Method, h: float, steps: int = 20_000, divergence_bound: float = 1e6
) -> Fates:
    """What becomes of each start, shape (m, n), under `steps` steps of `method` with step size h.

    A run has reached a fixed point if it is within `REACHED` of a zero found by Newton's method from where it ended,
    and all multipliers of the update there are inside the unit circle: a small velocity alone says nothing. Shares come
    with Clopper & Pearson's (1934) intervals. Raises `InputError` for starts of the wrong shape, or none.
    """
    check_method(method, check_field(field))
    points, h, steps = as_points(starts, field.variables, "starts"), check_step(h), check_count(steps, "steps", 1)
    if points.ndim != 2 or not len(points):
        raise InputError(f"starts has shape {points.shape}; give (m, {field.n}) with at least one start")
    run = ensemble(field, points, method, h, steps, divergence_bound=divergence_bound).complete()
    found: list[Any] = [None] * len(points)
    zeros = _Zeros(field, method, h)
    for k, (x, status) in enumerate(zip(run.x, run.status, strict=True)):
        if status in (Status.DIVERGED, Status.NOT_FINITE, Status.UNSOLVED):
            found[k] = ("escape", None, None)
        else:
            found[k] = zeros.reached_from(x)
    cycles: list[tuple[np.ndarray, int]] = []
    for k in [k for k, fate in enumerate(found) if fate is None]:
        found[k] = _wandering(field, points[k], method, h, steps, divergence_bound, cycles)
    return _counted(found, method, h, steps)


class _Zeros:
    """The zeros that runs ended at, each with whether it attracts under the update."""

    def __init__(self, field: AnyField, method: Method, h: float):
        self.field, self.method, self.h = field, method, h
        self.known: list[tuple[np.ndarray, bool]] = []

    def reached_from(self, x: np.ndarray) -> Any:
        """The fate of a run that ended at x, None if that is no zero to `REACHED`."""
        for zero, attracts in self.known:
            if np.linalg.norm(x - zero) <= REACHED * (1 + np.linalg.norm(zero)):
                return ("fixed point" if attracts else "stalled", zero, None)
        J, v = self.field.jacobian(x), self.field(x)
        if not (np.isfinite(J).all() and np.isfinite(v).all()):
            return None
        if np.linalg.norm(np.linalg.lstsq(J, v, rcond=1e-14)[0]) > REACHED * (1 + np.linalg.norm(x)):
            return None
        precise = polish(self.field, list(x), reach=100 * REACHED * (1 + float(np.linalg.norm(x))))
        if precise is None:
            return None
        zero = np.array([float(c) for c in precise]) + 0.0
        if np.linalg.norm(x - zero) > REACHED * (1 + np.linalg.norm(zero)):
            return None
        self.known.append((zero, self._attracts(zero)))
        return self.reached_from(x)

    def _attracts(self, zero: np.ndarray) -> bool:
        try:
            values = np.linalg.eigvals(update_jacobian(self.field, zero, self.method, self.h))
        except InputError:  # no derivative there: nothing but the run itself can tell
            return True
        return bool(np.abs(values).max() < 1)


def _wandering(
    field: AnyField, start: np.ndarray, method: Method, h: float, steps: int, bound: float, cycles: list[Any]
) -> Any:
    """The fate of a bounded run that has reached no zero: a cycle, recurrence, or undecided."""
    run = trajectory(field, start, method, h, steps + WINDOW, divergence_bound=bound)
    if run.status not in (Status.FINISHED, Status.STATIONARY):
        return ("escape", None, None)
    if run.status == Status.STATIONARY:
        return ("undecided", None, None)  # on a plateau: at rest to rounding, and no zero near
    last = run.x[-WINDOW:]
    size = 1e-7 * (1 + float(np.abs(last).max()))
    for period in range(1, min(PERIODS, len(last) // 2) + 1):
        if np.abs(last[-period:] - last[-2 * period : -period]).max() <= size:
            if period == 1:
                return ("undecided", None, None)  # creeping: a step is short, but no zero is near
            return ("cycle", *_same_cycle(cycles, last[-period:], size))
    early, late = last[: len(last) // 2], last[len(last) // 2 :]
    extents = [np.concatenate([part.min(0), part.max(0)]) for part in (early, late)]
    steady = np.abs(extents[1] - extents[0]).max() <= 1e-3 * float(np.ptp(late, axis=0).max())
    return ("recurrent" if steady else "undecided", None, None)


def _same_cycle(cycles: list[tuple[np.ndarray, int]], points: np.ndarray, size: float) -> tuple[np.ndarray, int]:
    """A point that stands for the cycle, the same for every run that ends on it, and its period."""
    for known, period in cycles:
        if period == len(points) and np.linalg.norm(points - known, axis=1).min() <= 100 * size:
            return known, period
    first = points[np.lexsort(points.T[::-1])[0]]
    cycles.append((first, len(points)))
    return cycles[-1]


def _counted(found: Sequence[Any], method: Method, h: float, steps: int) -> Fates:
    keys = [(kind, None if x is None else tuple(x), period) for kind, x, period in found]
    order = sorted(set(keys), key=lambda key: (-keys.count(key), KINDS.index(key[0]), str(key)))
    fates = tuple(_fate(key, keys.count(key), len(keys)) for key in order)
    return Fates(fates, np.array([order.index(key) for key in keys]), steps, method.label, h)


def _fate(key: Any, count: int, total: int) -> Fate:
    kind, x, period = key
    interval = binomtest(count, total).proportion_ci(method="exact")
    place = None if x is None else np.array(x)
    return Fate(kind, place, period, count, count / total, float(interval.low), float(interval.high))


def in_words(fates: Fates, variables: Iterable[str]) -> str:
    """The shares in one line."""
    parts = []
    for fate in fates.fates:
        at = "" if fate.x is None else " at (" + ", ".join(f"{c:.4g}" for c in fate.x) + ")"
        kind = f"cycle of {fate.period} steps" if fate.kind == "cycle" else fate.kind
        parts.append(f"{100 * fate.share:.1f} % [{100 * fate.low:.1f}, {100 * fate.high:.1f}] {kind}{at}")
    return "; ".join(parts)
