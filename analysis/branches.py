"""A branch of zeros over a parameter: what continuation gives, and why it ends where it does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from analysis.special_points import SpecialPoint


class End(Enum):
    """Why a branch ends where it does; the value says it in words, with the remedy where there is one."""

    RANGE = "the end of the parameter's range"
    BOX = "leaves the box"
    CLOSED = "closes on itself"
    LIMIT = "the limit of points is reached; raise points="
    STUCK = "no further point is found by the shortest step: the field is not smooth, or not finite, there"
    NO_START = "the start is singular, so that no direction is given; start beside it, at another parameter value"


@dataclass(frozen=True)
class Branch:
    """Zeros along a curve: values (k,) of the parameter, x (k, n), eigenvalues (k, n), unit tangents (x, p) (k, n+1).

    `ends` says how the first and the last point came to be such, `points` are the special points on it, which
    are among its points at the places `special`.
    """

    parameter: str
    values: np.ndarray
    x: np.ndarray
    eigenvalues: np.ndarray
    tangents: np.ndarray
    ends: tuple[End, End]
    points: tuple[SpecialPoint, ...]
    special: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def z(self) -> np.ndarray:
        """(x, p), shape (k, n+1)."""
        return np.column_stack([self.x, self.values])

    @property
    def text(self) -> str:
        """In words."""
        lo, hi = self.values.min(), self.values.max()
        first, last = (end.value for end in self.ends)
        return f"{len(self)} points, {self.parameter} from {lo:.10g} to {hi:.10g}; ends: {first} | {last}"

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; complex ones as [re, im]."""
        return {
            "parameter": self.parameter,
            "values": self.values.tolist(),
            "x": self.x.tolist(),
            "eigenvalues": [[[float(e.real), float(e.imag)] for e in row] for row in self.eigenvalues],
            "ends": [{"status": end.name, "message": end.value} for end in self.ends],
            "points": [point.to_dict() for point in self.points],
        }
