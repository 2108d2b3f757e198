"""Points where variables may have a period: differences modulo whole turns, points brought near a middle, words."""

from __future__ import annotations

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
