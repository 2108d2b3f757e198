"""Continua of zeros: curves and surfaces on which the field vanishes, told from isolated degenerate zeros."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from analysis.precision import DIGITS, Point, as_array, norm, precise_jacobian, precise_value, scaled_rows, shortest
from dynsys.array_field import AnyField, ArrayField
from dynsys.field import Box

SINGULAR = 1e-9  # σ_min below this share of the Jacobian's scale: a degenerate zero


@dataclass(frozen=True)
class Continuum:
    """A set of zeros of positive dimension, with sample points on it, shape (k, n)."""

    dimension: int
    points: np.ndarray
    field: AnyField
    width: float

    def holds(self, x: np.ndarray) -> bool:
        """Whether x is on it: near a sample of a curve; on a set of more dimensions, a zero as singular as these."""
        if self.dimension == 1:  # traced: the samples are no further apart than 0.02 of the width
            return bool(np.linalg.norm(self.points - x, axis=1).min() < 0.015 * self.width)
        J, v = self.field.jacobian(x), self.field(x)
        if not (np.isfinite(J).all() and np.isfinite(v).all()):
            return False
        values = np.linalg.svd(J, compute_uv=False)
        step = np.linalg.pinv(J, rcond=1e-6) @ v
        rank = int(np.sum(values > 1e-5 * max(values[0], 1e-300)))
        return bool(np.linalg.norm(step) < 1e-6 * self.width and rank <= len(x) - self.dimension)

    @property
    def text(self) -> str:
        """In words."""
        kind = {1: "curve", 2: "surface"}.get(self.dimension, f"{self.dimension}-dimensional set")
        through = ", ".join(f"{c:.4g}" for c in np.round(self.points[0], 9) + 0.0)
        return f"a {kind} of zeros through ({through})"

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return {"dimension": self.dimension, "points": self.points.tolist()}


def is_singular(field: AnyField, zero: Point, widths: np.ndarray) -> bool:
    """Whether a zero is degenerate: σ_min of its Jacobian nothing beside the size of the Jacobian around it."""
    J = as_array(precise_jacobian(field, zero)).reshape(field.n, field.n)
    smallest = float(np.linalg.svd(J, compute_uv=False)[-1])
    around = _scale(field, np.array([float(c) for c in zero]), widths)
    return smallest <= SINGULAR * max(float(np.linalg.norm(J)), 1e-3 * around)


def _scale(field: AnyField, x: np.ndarray, widths: np.ndarray) -> float:
    """The size of the Jacobian around x: what a singular value must be compared with."""
    around = x + 0.05 * widths * np.vstack([np.eye(len(x)), -np.eye(len(x))])
    J = field.jacobian(around)
    sizes = np.linalg.norm(J[np.isfinite(J).all((1, 2))], axis=(1, 2))
    return float(sizes.max()) if len(sizes) else 1.0


def continuum_through(field: AnyField, zero: Point, box: Box) -> Continuum | None:
    """The continuum of zeros through a degenerate zero, or None if it is isolated.

    A step along the kernel of J, corrected at right angles to it, finds another zero, of which the field vanishes to
    forty digits, only if there is a continuum.
    """
    J = as_array(precise_jacobian(field, zero)).reshape(field.n, field.n)
    _, values, rows = np.linalg.svd(J)
    top = max(float(values[0]), 1e-12)
    kernel = rows[values <= 1e-8 * top] if values[0] > 1e-12 else rows
    width = float(np.linalg.norm([hi - lo for lo, hi in box]))
    sample = [np.array([float(c) for c in zero])]
    directions = _directions(len(kernel)) @ kernel
    moved = 0
    for direction in directions:
        reached = [_corrected(field, zero, kernel, direction * size * width) for size in (1e-3, 1e-2)]
        if all(point is not None for point in reached):
            moved += 1
            sample += [np.array([float(c) for c in point]) for point in reached if point is not None]
    dimension = len(kernel) if moved == len(directions) else 1
    if dimension < len(kernel):  # no surface: look for curves, which the kernel alone does not point along
        for direction in _fan(len(kernel)) @ kernel:
            reached = [_corrected(field, zero, direction[None], direction * size * width) for size in (1e-3, 1e-2)]
            if all(point is not None for point in reached):
                sample += [np.array([float(c) for c in point]) for point in reached if point is not None]
    if len(sample) == 1:
        return None
    return Continuum(dimension, np.array(sample + _traced(field, zero, kernel, box, dimension)), field, width)


def _directions(count: int) -> np.ndarray:
    """Unit vectors in the kernel to try: each basis vector and its opposite, and some between."""
    basis = np.eye(count)
    between = np.random.default_rng(0).standard_normal((4 if count > 1 else 0, count))
    chosen = np.vstack([basis, -basis, between]) if count > 1 else basis
    return chosen / np.linalg.norm(chosen, axis=1, keepdims=True)


def _fan(count: int) -> np.ndarray:
    """Unit vectors all round: every curve through the middle leaves it near one of them."""
    if count == 2:
        angle = np.arange(16) * np.pi / 8
        return np.stack([np.cos(angle), np.sin(angle)], -1)
    return np.random.default_rng(0).standard_normal((16, count))


def _corrected(field: AnyField, zero: Point, kernel: np.ndarray, step: np.ndarray) -> Point | None:
    """The zero near zero + step with the same components along the kernel, by Gauss-Newton; None if there is none."""
    with mp.workdps(DIGITS):
        target = mp.matrix([c + mp.mpf(float(s)) for c, s in zip(zero, step, strict=True)])
        point, limit = target.copy(), mp.mpf(float(np.linalg.norm(step))) / 2
        rows = [[mp.mpf(float(entry)) for entry in row] for row in kernel]
        for _ in range(100):  # linear convergence at rate ½ where a component vanishes to second order
            try:
                J, value = scaled_rows(precise_jacobian(field, point), precise_value(field, point))
                matrix = mp.matrix([[J[i, j] for j in range(field.n)] for i in range(field.n)] + rows)
                drift = [mp.fsum(a * (p - t) for a, p, t in zip(row, point, target, strict=True)) for row in rows]
                change = mp.lu_solve(matrix, mp.matrix([*value, *drift]))
            except (ValueError, ZeroDivisionError, OverflowError, TypeError):  # TypeError: a column of zeros
                return None
            point = point - change
            if norm(point - target) > limit:
                return None
            if norm(change) < shortest(field)[0] * 10**7:
                # scaled, v is a distance: on a plateau it is of the size of the box, though v itself is tiny
                sharp = mp.mpf(10) ** (-9 if isinstance(field, ArrayField) else -15)
                _, distance = scaled_rows(precise_jacobian(field, point), precise_value(field, point))
                return tuple(point) if norm(distance) < sharp * limit else None
        return None


def _traced(field: AnyField, zero: Point, kernel: np.ndarray, box: Box, dimension: int) -> list[np.ndarray]:
    """More points of a curve of zeros, both ways from the first until it leaves the box or comes back."""
    if dimension != 1 or len(kernel) != 1:
        return []
    width = float(np.linalg.norm([hi - lo for lo, hi in box]))
    low, high = np.array(box).T
    start = np.array([float(c) for c in zero])
    points: list[np.ndarray] = []
    for sign in (1.0, -1.0):
        x, tangent = start, sign * kernel[0]
        for k in range(150):
            x = x + 0.02 * width * tangent
            for _ in range(6):
                x = x - np.linalg.pinv(field.jacobian(x), rcond=1e-6) @ field(x)
            if not np.isfinite(x).all() or (x < low).any() or (x > high).any():
                break
            points.append(x)
            new = np.linalg.svd(field.jacobian(x))[2][-1]
            tangent = new if new @ tangent > 0 else -new
            if k > 3 and np.linalg.norm(x - start) < 0.015 * width:
                return points  # closed
    return points
