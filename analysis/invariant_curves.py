"""Closed curves on which an update acts as a rotation: recognised on an orbit by the rotation number itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

import numpy as np

from analysis.birkhoff import Average, orbit_average, rotation_number
from analysis.iterations import Iteration

MOST_PIECES = 16  # curves that an update permutes
UNCERTAIN = 1e-8  # error from which a rotation number counts as not converged
RESONANT = 512  # steps of the longest cycle looked for on a curve with a rational rotation number


@dataclass(frozen=True, eq=False)
class Curve:
    """An orbit as a closed curve: states (m, k) in the order along it, and how well they lie on one.

    The order, and with it the sense of the rotation, is that of a variable round whose period the curve winds, or else
    counter-clockwise in the plane of the first pair of state variables in which the curve encloses an area: of the
    first two as a rule, x₁ to the right and x₂ upwards. Where there is no such pair the rotation number is at most ½.

    `gap` is the largest distance of neighbours in this order, as a share of the orbit's extent. `radius` is the mean
    distance of the points from `centre` (k,), without the variable `winding` round whose period the curve winds, None
    if it winds round none; `exponent` the mean of log |det F'| a step, for two state variables.
    """

    states: np.ndarray
    rotation: Average
    pieces: int
    gap: float
    centre: np.ndarray
    radius: Average
    exponent: Average | None
    winding: int | None

    @property
    def settled(self) -> bool:
        """Whether the number has converged, neighbours are near, and the radius no longer drifts."""
        turns = self.rotation.error * len(self.states) < 0.01 and self.rotation.error < UNCERTAIN
        return turns and self.gap < 0.1 and self.radius.error <= 1e-5 * self.radius.value + 1e-12

    @property
    def resonances(self) -> tuple[int, ...]:
        """The period of the cycle that the curve may hold, if its rotation number is near a rational one."""
        q = Fraction(self.rotation.value).limit_denominator(RESONANT)
        return (self.pieces * q.denominator,) if abs(self.rotation.value - q) <= 1e-7 else ()

    def attracts(self, iteration: Iteration) -> bool | None:
        """Whether nearby states come closer; None where they neither do nor go away, or where there are none.

        A circle that is the whole of its space attracts nothing: its update is conjugate to a rotation (Denjoy 1932).
        """
        if iteration.k == 1:
            return None
        if self.exponent is not None:
            small = 1e-8 + 10 * self.exponent.error
            return None if abs(self.exponent.value) <= small else self.exponent.value < 0
        beside = self._beside(iteration, 1e-2)
        return True if beside is not None and self._gap_to(beside) <= 1e-5 * self.radius.value + 1e-9 else None

    def continues_beside(self, iteration: Iteration) -> bool:
        """Whether the orbits of states beside a neutral curve lie on curves of their own."""
        if iteration.k == 1:
            return False
        found = [self._beside(iteration, share) for share in (0.02, -0.02)]
        return all(c is not None and self._gap_to(c) > 1e-3 * self.radius.value + 1e-9 for c in found)

    def _gap_to(self, other: Curve) -> float:
        """How far two curves differ in their mean radius, or in their centre across a winding."""
        gap = abs(other.radius.value - self.radius.value)
        if self.winding is None:
            return gap
        return max(gap, *np.abs(np.delete(other.centre - self.centre, self.winding)))

    def _beside(self, iteration: Iteration, share: float) -> Curve | None:
        """The curve that the orbit of a state beside this one lies on, beside it across a winding; None if none."""
        away = self.states[0] - self.centre
        if self.winding is not None:
            size = 1 + float(np.abs(np.delete(self.states, self.winding, 1)).max())
            away = np.full_like(away, self.radius.value if self.radius.value > 1e-9 * size else size)
            away[self.winding] = 0.0
        rows = iteration.orbit(self.states[0] + share * away, 2 * 4096, 1e3 * (1 + float(np.abs(self.states).max())))
        other = curve_through(iteration, rows[-4096:]) if len(rows) > 4096 else None
        return other if other is not None and other.settled and other.winding == self.winding else None


def curve_through(iteration: Iteration, rows: np.ndarray) -> Curve | None:
    """The orbit's states (m, k) as a closed curve, or as several that the update permutes; None if no angle is defined.

    The best of the angles about the mean and about a fixed point near it, and of those of variables with a period.
    """
    found = [curve for angle in _angles(iteration, rows) if (curve := _ordered(iteration, rows, *angle, 1)) is not None]
    best = min(found, key=lambda c: (not c.settled, c.gap), default=None)
    if best is not None and not best.settled:
        q = Fraction(best.rotation.value).limit_denominator(MOST_PIECES)
        if q.denominator > 1 and abs(best.rotation.value - q) < 1e-6:
            several = rows[(len(rows) - 1) % q.denominator :: q.denominator]
            pieces = [_ordered(iteration, several, *angle, q.denominator) for angle in _angles(iteration, several)]
            return min((c for c in [*pieces, best] if c is not None), key=lambda c: (not c.settled, c.gap))
    return best


def _angles(iteration: Iteration, rows: np.ndarray) -> Iterator[tuple[np.ndarray, int | None]]:
    """Complex numbers (m,) whose argument may serve as the angle along the curve; the variable round which it winds."""
    for i in np.flatnonzero(iteration.wrapped):
        ordered = np.sort(rows[:, i])
        widest = max(float(np.diff(ordered).max()), ordered[0] + iteration.period[i] - ordered[-1])
        if widest < 0.2 * iteration.period[i]:  # the curve may go round
            yield np.exp(2j * np.pi * rows[:, i] / iteration.period[i]), int(i)
    if iteration.k < 2:
        return
    near = _unwrapped(iteration, rows)
    mean = near.mean(0)
    flat = near - mean
    if iteration.k > 2:  # the plane in which it is widest
        flat = flat @ np.linalg.svd(flat, full_matrices=False)[2][:2].T
    yield flat[:, 0] + 1j * flat[:, 1], None
    if iteration.k == 2 and not iteration.rough:
        centre = iteration.closed(mean, reach=float(np.abs(near - mean).max()))
        if centre is not None:
            yield (near - centre)[:, 0] + 1j * (near - centre)[:, 1], None


def _unwrapped(iteration: Iteration, rows: np.ndarray) -> np.ndarray:
    nearest: np.ndarray = rows[0] + iteration.difference(rows.T, rows[0][:, None]).T
    return nearest


def _ordered(iteration: Iteration, rows: np.ndarray, z: np.ndarray, winding: int | None, pieces: int) -> Curve | None:
    """The states in the order of the phases kρ mod 1, on which they lie as on a curve if this is one."""
    rotation = rotation_number(z)
    if not np.isfinite(rotation.value):
        return None
    phases = np.arange(len(rows)) * rotation.value % 1
    order = np.argsort(phases)
    near = _unwrapped(iteration, rows)
    if winding is None and iteration.k > 2 and _clockwise(near[order], rotation.value):
        rotation, order = Average(-rotation.value % 1, rotation.error), order[::-1]
    states = rows[order]
    steps = np.linalg.norm(iteration.difference(np.roll(states, -1, 0).T, states.T), axis=0)
    centre = np.array([orbit_average(column).value for column in near.T])
    extent = float(np.linalg.norm(np.ptp(near, axis=0)))
    away = (near - centre)[:, : iteration.field.n]
    if winding is not None:
        away[:, winding] = 0.0
    radius = orbit_average(np.linalg.norm(away, axis=1))
    exponent = None
    if iteration.k == 2 and not iteration.rough:
        J = iteration.jacobian(rows.T)
        with np.errstate(divide="ignore"):
            exponent = orbit_average(np.log(np.abs(J[0, 0] * J[1, 1] - J[0, 1] * J[1, 0])))
    return Curve(states, rotation, pieces, float(steps.max()) / max(extent, 1e-300), centre, radius, exponent, winding)


def _clockwise(loop: np.ndarray, rotation: float) -> bool:
    """Whether states in the order along a closed curve go round the wrong way: their plane has no sense of its own."""
    loop = loop - loop.mean(0)
    ahead, widths = np.roll(loop, -1, axis=0), np.ptp(loop, axis=0)
    for i, j in combinations(range(loop.shape[1]), 2):
        area = 0.5 * float(loop[:, i] @ ahead[:, j] - loop[:, j] @ ahead[:, i])
        if abs(area) > 1e-3 * widths[i] * widths[j]:
            return area < 0
    return rotation > 0.5
