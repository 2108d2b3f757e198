"""Points where variables may have a period: differences modulo whole turns, points brought near a middle, words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dynsys.array_field import AnyField


def periods(field: AnyField) -> np.ndarray:
    """The period of each variable, shape (n,); 0 for one that has none."""
    return np.array([w or 0.0 for w in field.period or (None,) * field.n])


def whole_turns(gap: np.ndarray, period: np.ndarray) -> np.ndarray:
    """The whole turns nearest to gaps (…, n); 0 in variables without a period."""
    return np.floor(gap / np.where(period > 0, period, np.inf) + 0.5)


def wrapped_near(points: np.ndarray, middle: np.ndarray | float, period: np.ndarray) -> np.ndarray:
    """The points (…, n), by whole turns at most half a turn from the middle: in [middle - period/2, middle + period/2).

    With the middle 0 a difference becomes that of the nearest way round.
    """
    return np.asarray(points - period * whole_turns(points - middle, period))


def place(x: np.ndarray) -> str:
    """The point in words; what is below 1e-12 is rounding, and 0."""
    return "(" + ", ".join(f"{c:.6g}" for c in np.asarray(x).round(12) + 0.0) + ")"


@dataclass(frozen=True, eq=False)
class Frame:
    """A box, low and high (n,), into which variables with a period (0: none) are brought by whole turns."""

    low: np.ndarray
    high: np.ndarray
    period: np.ndarray

    @classmethod
    def of(cls, field: AnyField, box: Sequence[tuple[float, float]]) -> Frame:
        """That of the box (lo, hi) per variable of the field."""
        low, high = np.array(box, dtype=float).T
        return cls(low, high, periods(field))

    @property
    def diagonal(self) -> float:
        """The box's."""
        return float(np.linalg.norm(self.high - self.low))

    @property
    def walls(self) -> np.ndarray:
        """Which variables the box bounds, (n,): not one whose whole turn it holds."""
        return (self.period == 0) | (self.high - self.low < self.period * (1 - 1e-9))

    def wrapped(self, points: np.ndarray) -> np.ndarray:
        """The points (…, n), by whole turns as near the middle of the box as they come."""
        return wrapped_near(points, (self.low + self.high) / 2, self.period)

    def inside(self, points: np.ndarray, margin: float = 0.0) -> np.ndarray:
        """Whether points (…, n) are in the box, to `margin`; NaN is not."""
        shown = self.wrapped(points)
        within = (shown >= self.low - margin) & (shown <= self.high + margin)
        return np.asarray((within | (~self.walls & np.isfinite(shown))).all(-1))
