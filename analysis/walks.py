"""Closed walks: a staircase that goes down at every step and comes back to where it began, or does not."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from analysis.line_integrals import Path, circulation, work
from analysis.portraits import Portrait, portrait
from dynsys.array_field import AnyField
from dynsys.errors import InputError
from integrators.checks import check_count


@dataclass(frozen=True)
class ClosedWalk:
    """A loop walked in k steps: points (k + 1, n), the last one the first; work (k,) of each; `circulation` in all.

    A step that does less work than `level`, the rounding, is neither up nor down. `height` (k + 1,) falls by the work
    of each step, as it does on a path downhill in the field of a potential. Only if the circulation is 0 does the walk
    end at the height where it began: otherwise no height fits the field.
    """

    points: np.ndarray
    work: np.ndarray
    level: float
    circulation: float
    error: float
    portrait: Portrait
    title: str

    @property
    def height(self) -> np.ndarray:
        """0, then minus the work done so far."""
        return np.concatenate([[0.0], -np.cumsum(self.work)])

    @property
    def downhill(self) -> float:
        """The share of the steps that go downhill."""
        return float(np.mean(self.work > self.level))

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "title": self.title,
            "points": self.points.tolist(),
            "work": self.work.tolist(),
            "height": self.height.tolist(),
            "circulation": self.circulation,
            "error": self.error,
            "downhill": self.downhill,
        }


def closed_walk(field: AnyField, loop: Path, steps: int = 24, box: Any = None, title: str = "") -> ClosedWalk:
    """The walk round `loop`, a function of t in [0, 1] with equal ends, in `steps` steps of equal time.

    The work of each step is that along the loop between its ends. Raises `InputError` for an open loop, fewer than
    three steps, and a loop through a singularity of the field.
    """
    if not callable(loop):
        raise InputError("loop must be a function of t in [0, 1] that returns a point")
    count = check_count(steps, "steps", 3)
    total = circulation(field, loop)
    ends = np.linspace(0, 1, count + 1)
    parts = [work(field, lambda s, a=a, b=b: loop(a + s * (b - a))) for a, b in pairwise(ends)]  # type: ignore[misc]
    points = np.array([loop(float(t)) for t in ends])
    points[-1] = points[0]
    length = np.linalg.norm(np.diff(points, axis=0), axis=1).max()
    level = 1e-12 * float(length * np.linalg.norm(field(points), axis=1).max())
    return ClosedWalk(points, np.array(parts, float), level, float(total), total.error, portrait(field, box), title)
