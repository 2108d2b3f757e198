"""Circles round which a field does work: what refutes that it is conservative."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.line_integrals import Work, circulation
from dynsys.array_field import AnyField
from dynsys.errors import InputError
from dynsys.field import Box

CIRCLES = 64  # circles tried


@dataclass(frozen=True)
class Circle:
    """A circle about a centre, shape (n,), from the direction of variable i to that of j: t in [0, 1] -> its point."""

    centre: np.ndarray
    radius: float
    i: int
    j: int

    def __call__(self, t: float) -> np.ndarray:
        """The point at t; at 0 and 1 the same."""
        x = self.centre.copy()
        x[self.i] += self.radius * np.cos(2 * np.pi * (t % 1.0))
        x[self.j] += self.radius * np.sin(2 * np.pi * (t % 1.0))
        return x


def working_circle(
    field: AnyField, box: Box, planes: Sequence[tuple[int, int]], rng: np.random.Generator, curl: float = 0.0
) -> tuple[Circle, Work] | None:
    """A circle in one of the planes round which the field does work beyond doubt, and how much; or None.

    Work that a curl of the given size explains does not count.
    """
    for circle in _suspects(field, box, planes, rng):
        try:
            found = circulation(field, circle)
        except InputError:  # through a singularity
            continue
        least = max(10 * found.error + curl * np.pi * circle.radius**2, 1e-12 * _length(field, circle))
        if abs(found) > least:
            return circle, found
    return None


def _suspects(field: AnyField, box: Box, planes: Sequence[tuple[int, int]], rng: np.random.Generator) -> list[Circle]:
    """Random circles in the box, those with the largest share of circulation by a rough sum first; no hopeless ones."""
    if not planes:
        return []
    lo, hi = np.array(box).T
    found = []
    angle = 2 * np.pi * np.arange(256) / 256
    for k in range(CIRCLES):
        i, j = planes[k % len(planes)]
        centre = rng.uniform(lo, hi)
        room = min(*(centre - lo)[[i, j]], *(hi - centre)[[i, j]])
        circle = Circle(centre, float(room * rng.uniform(0.2, 1)), i, j)
        x = np.repeat(centre[None], 256, axis=0)
        x[:, i] += circle.radius * np.cos(angle)
        x[:, j] += circle.radius * np.sin(angle)
        v = field(x)
        power = v[:, j] * np.cos(angle) - v[:, i] * np.sin(angle)
        share = abs(power.sum()) / max(float(np.abs(power).sum()), np.finfo(float).tiny)
        if np.isfinite(share) and share > 1e-9:
            found.append((share, circle))
    return [circle for _, circle in sorted(found, key=lambda pair: -pair[0])[:8]]


def _length(field: AnyField, circle: Circle) -> float:
    """∫ |v| |dx| round a circle, roughly."""
    x = np.array([circle(t) for t in np.arange(64) / 64])
    return float(2 * np.pi * circle.radius * np.linalg.norm(field(x), axis=1).mean())
