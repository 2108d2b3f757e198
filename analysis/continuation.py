"""Branches of zeros over a parameter: pseudo-arclength continuation, special points, switching between branches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.linalg import det, norm

from analysis.branches import Branch, End
from analysis.curves import Curve, curve_of
from analysis.special_points import SpecialPoint, branch_point, fold, hopf
from analysis.zeros import zero_near
from dynsys.errors import InputError
from dynsys.field import VectorField
from integrators.checks import check_count

SHORTEST, LONGEST, FIRST = 1e-7, 0.02, 0.004  # steps, in units of range and box
STRAIGHT = 0.96  # cosine of the largest angle between tangents of neighbouring points
SINGULAR = 1e-9


def continue_equilibrium(
    field: VectorField, x: Any, parameter: str, range: tuple[float, float], box: Any = None, points: int = 2000
) -> Branch:
    """The branch of zeros through x over the range (lo, hi) of a parameter, both ways, with its special points.

    Pseudo-arclength continuation: a step along the tangent, Newton at right angles to it, shorter where the branch
    turns; so folds are no obstacle. It stops at the range's ends, at the walls of the box ((lo, hi) per variable; none
    by default), where it closes, or after `points` points a direction; each end has a status, and what there is
    is kept. Keller (1977).

    Raises `InputError` if x is not a zero at the field's own parameter values, for an unknown parameter or an empty
    range, and if start or value are outside.
    """
    check_count(points, "points", 1)
    start = np.array([float(c) for c in zero_near(field, x)])
    curve = curve_of(field, parameter, range, box, start)
    z = np.append(start, field.parameters[parameter])
    if not curve.inside(z):
        raise InputError(
            f"x = {start.round(6).tolist()} at {parameter} = {z[-1]:g} is outside the box or the range; "
            "set the parameter within the range, and choose a box that holds x"
        )
    return trace(curve, z, points)


def branches_from(
    field: VectorField, point: SpecialPoint, parameter: str, range: tuple[float, float], box: Any = None,
    points: int = 2000,
) -> tuple[Branch, ...]:  # fmt: skip
    """The branches through a branch point, each once: one a tangent. Raises as `continue_equilibrium`."""
    curve = curve_of(field, parameter, range, box, point.x)
    found: list[Branch] = []
    for z in switched(curve, point):
        if not any(holds(curve, branch, z) for branch in found):
            found.append(trace(curve, z, points))
    return tuple(found)


def switched(curve: Curve, point: SpecialPoint, step: float = 2e-3) -> list[np.ndarray]:
    """Points of the curve a short step from a branch point along each tangent, either way, within range and box."""
    result = []
    if len(point.tangents) == 2:
        for tangent in point.tangents:
            unit = tangent / curve.scale
            unit = unit / norm(unit)
            for sign in (1, -1):
                z = curve.corrected(point.z + sign * step * unit * curve.scale, unit, step / 2)
                if z is not None and curve.inside(z):
                    result.append(z)
    return result


def trace(curve: Curve, start: np.ndarray, points: int = 2000) -> Branch:
    """The branch through a point of the curve, both ways."""
    tangent, regular = curve.tangent(start)
    if regular < SINGULAR:
        return _branch(curve, [start], [tangent], (End.NO_START, End.NO_START))
    ends: tuple[End, End]
    ahead, end = _walk(curve, start, tangent, points)
    if end is End.CLOSED:
        zs, ends = [start, *ahead], (end, end)
    else:
        behind, first = _walk(curve, start, -tangent, points)
        zs, ends = [*behind[::-1], start, *ahead], (first, end)
    return _with_special_points(curve, _branch(curve, zs, _tangents(curve, zs), ends))


def _walk(curve: Curve, start: np.ndarray, tangent: np.ndarray, points: int) -> tuple[list[np.ndarray], End]:
    """Points after `start` in the direction of the tangent, until the branch ends, and why it does."""
    found: list[np.ndarray] = []
    z, t, step = start, tangent, FIRST
    while len(found) < points:
        if step < SHORTEST:
            return found, End.STUCK
        new = curve.corrected(z + step * t * curve.scale, t, step / 2)
        if new is None:
            step /= 2
            continue
        turned, regular = curve.tangent(new, t)
        if turned @ t < STRAIGHT or regular < 1e-14:
            step /= 2
            continue
        if not curve.inside(new, 0.0):
            last, end = _at_wall(curve, z, new)
            return [*found, *last], end
        if len(found) > 3 and _on_chord(curve, z, new, start):
            return [*found, new, start], End.CLOSED
        found.append(new)
        z, step = new, min(LONGEST, step * (1.6 if turned @ t > 0.995 else 1.0))
        t = turned
    return found, End.LIMIT


def _at_wall(curve: Curve, z: np.ndarray, out: np.ndarray) -> tuple[list[np.ndarray], End]:
    """Where the branch between an inner and an outer point meets the first wall, exactly."""
    walls = np.where(out > curve.high, curve.high, np.where(out < curve.low, curve.low, np.nan))
    shares = (walls - z) / np.where(out == z, 1.0, out - z)
    k = int(np.nanargmin(shares))
    end = End.RANGE if k == curve.n else End.BOX
    guess = z + shares[k] * (out - z)
    guess[k] = walls[k]
    on = curve.corrected(guess, np.eye(curve.n + 1)[k], 2 * curve.distance(z, out))
    if on is None or shares[k] <= 0:
        return [], end
    on[k] = walls[k]
    return [on], end


def _on_chord(curve: Curve, a: np.ndarray, b: np.ndarray, z: np.ndarray) -> bool:
    """Whether the piece of the curve from a to b passes through z."""
    chord, to = (b - a) / curve.scale, (z - a) / curve.scale
    length = float(norm(chord))
    if length == 0 or norm(to) > 1.5 * length:
        return bool(norm(to) < 1e-6)
    share = float(to @ chord) / length**2
    if not -1e-6 <= share <= 1 + 1e-6:
        return False
    near = curve.between(a, b, share)
    return near is not None and curve.distance(near, z) < 1e-6


def holds(curve: Curve, branch: Branch, z: np.ndarray) -> bool:
    """Whether the branch passes through z."""
    points = branch.z
    far = norm((points - z) / curve.scale, axis=1)
    close = np.flatnonzero(far < 2 * LONGEST)
    pieces = {k for c in close for k in (c - 1, c) if 0 <= k < len(points) - 1}
    return bool((far < 1e-6).any()) or any(_on_chord(curve, points[k], points[k + 1], z) for k in pieces)


def _tangents(curve: Curve, zs: list[np.ndarray]) -> list[np.ndarray]:
    """Tangents that all point one way along the branch, in the curve's units."""
    tangents: list[np.ndarray] = []
    for k, z in enumerate(zs):
        chord = (zs[min(k + 1, len(zs) - 1)] - zs[max(k - 1, 0)]) / curve.scale
        t, regular = curve.tangent(z, chord)
        tangents.append(t if regular > SINGULAR else chord / max(float(norm(chord)), 1e-300))
    return tangents


def _branch(curve: Curve, zs: list[np.ndarray], tangents: list[np.ndarray], ends: tuple[End, End]) -> Branch:
    z = np.array(zs)
    directions = np.array(tangents) * curve.scale
    size = np.maximum(norm(directions, axis=1, keepdims=True), 1e-300)
    values = np.array([curve.eigenvalues(point) for point in zs])
    return Branch(curve.parameter, z[:, -1], z[:, :-1], values, directions / size, ends, (), ())


def _tests(curve: Curve, z: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Functions that change sign at a branch point, a fold and a Hopf point: det[A; t], tₚ, det(2J ⊙ I)."""
    A, _ = curve.equations(z)
    t, _ = curve.tangent(z, along)
    e = curve.eigenvalues(z)
    sums = np.prod([e[i] + e[j] for i in range(len(e)) for j in range(i)]).real
    return np.array([det(np.vstack([A, t])), t[-1], sums])


def _with_special_points(curve: Curve, branch: Branch) -> Branch:
    """The branch with its special points located and put among its points."""
    zs = branch.z
    units = branch.tangents / curve.scale
    tests = [_tests(curve, z, t) for z, t in zip(zs, units, strict=True)]
    found: dict[int, list[SpecialPoint]] = {}
    for k in range(len(zs) - 1):
        crossed = (tests[k] >= 0) != (tests[k + 1] >= 0)
        here: list[SpecialPoint] = []
        for which, locate in enumerate((branch_point, fold, hopf)):
            if not crossed[which] or (which == 1 and any(p.kind != "Hopf" for p in here)):
                continue
            point = locate(curve, _bracketed(curve, zs[k], zs[k + 1], which))
            if point is not None and _belongs(curve, zs[k], zs[k + 1], point, here):
                here.append(point)
        if here:
            chord = zs[k + 1] - zs[k]
            found[k] = sorted(here, key=lambda p: float((p.z - zs[k]) / curve.scale @ (chord / curve.scale)))
    return _joined(curve, branch, found)


def _belongs(curve: Curve, a: np.ndarray, b: np.ndarray, point: SpecialPoint, known: list[SpecialPoint]) -> bool:
    length = max(curve.distance(a, b), 1e-6)
    near = min(curve.distance(a, point.z), curve.distance(b, point.z)) <= 1.2 * length
    return near and curve.inside(point.z) and all(curve.distance(p.z, point.z) > 1e-8 for p in known)


def _bracketed(curve: Curve, a: np.ndarray, b: np.ndarray, which: int) -> np.ndarray:
    """A point near the change of sign of a test function, by halving."""
    along = (b - a) / curve.scale
    first = _tests(curve, a, along)[which] >= 0
    lo, hi = 0.0, 1.0
    best = (a + b) / 2
    for _ in range(14):
        middle = curve.between(a, b, (lo + hi) / 2)
        if middle is None:  # too near a branch point for Newton in double precision: near enough
            return a + (lo + hi) / 2 * (b - a)
        best = middle
        if (_tests(curve, middle, along)[which] >= 0) == first:
            lo = (lo + hi) / 2
        else:
            hi = (lo + hi) / 2
    return best


def _joined(curve: Curve, branch: Branch, found: dict[int, list[SpecialPoint]]) -> Branch:
    zs: list[np.ndarray] = []
    special: list[int] = []
    for k, z in enumerate(branch.z):
        zs.append(z)
        for point in found.get(k, []):
            special.append(len(zs))
            zs.append(point.z)
    points = tuple(point for k in sorted(found) for point in found[k])
    joined = _branch(curve, zs, _tangents(curve, zs), branch.ends)
    return replace(joined, points=points, special=tuple(special))
