"""Every zero of a field over a range of a parameter: branches, inherited and spurious, and where they change."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.branches import Branch
from analysis.classification import Classification, classify
from analysis.completeness import Completeness
from analysis.continuation import holds, switched, trace
from analysis.curves import Curve, curve_of
from analysis.special_points import SpecialPoint
from analysis.stability_functions import numeric_method
from analysis.zeros import fixed_points
from dynsys.errors import InputError
from dynsys.field import Box, VectorField
from integrators.checks import check_count, check_step
from integrators.method import Method, check_method
from integrators.states import flat, shaped

Intervals = tuple[tuple[float, float], ...]
MOST = 60  # branches followed, so that a field with branch points without end comes to one
NEUTRAL = 1e-8


@dataclass(frozen=True)
class CensusBranch:
    """A branch with what it is: `inherited` if the field at the root of the transformations vanishes along it.

    `labels` are classifications at `sampled` values of the parameter. `attracts` lists the intervals of the parameter
    on which a stretch of it attracts the flow, and `update` those on which it attracts the update (None if no method
    was given); borders are good to 1e-10.
    """

    branch: Branch
    inherited: bool
    sampled: tuple[float, ...]
    labels: tuple[Classification, ...]
    attracts: Intervals
    update: Intervals | None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return self.branch.to_dict() | {
            "inherited": self.inherited,
            "attracts": [list(pair) for pair in self.attracts],
            "update_attracts": None if self.update is None else [list(pair) for pair in self.update],
            "labels": [{"value": p} | label.to_dict() for p, label in zip(self.sampled, self.labels, strict=True)],
        }


@dataclass(frozen=True)
class Equilibria:
    """All branches found in the box, their special points, each once, and how complete the samples are."""

    parameter: str
    range: tuple[float, float]
    box: Box
    branches: tuple[CensusBranch, ...]
    points: tuple[SpecialPoint, ...]
    completeness: tuple[tuple[float, Completeness], ...]

    @property
    def inherited(self) -> tuple[CensusBranch, ...]:
        """Branches on which the base field vanishes."""
        return tuple(b for b in self.branches if b.inherited)

    @property
    def spurious(self) -> tuple[CensusBranch, ...]:
        """Branches on which it does not."""
        return tuple(b for b in self.branches if not b.inherited)

    @property
    def text(self) -> str:
        """A line a branch, a line a special point, a line a sampled value."""
        lines = []
        for b in self.branches:
            kind = "inherited" if b.inherited else "spurious"
            where = ", ".join(f"({lo:.10g}, {hi:.10g})" for lo, hi in b.attracts) or "nowhere"
            lines.append(f"{kind}: {b.branch.text}; attracts on {where}")
        for p in self.points:
            lines.append(f"{p.kind} at {self.parameter} = {p.value:.12g}, x = {np.round(p.x, 9).tolist()}")
        return "\n".join([*lines, *(f"{self.parameter} = {p:g}: {c.text}" for p, c in self.completeness)])

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "parameter": self.parameter,
            "range": list(self.range),
            "box": [list(pair) for pair in self.box],
            "branches": [b.to_dict() for b in self.branches],
            "points": [p.to_dict() for p in self.points],
            "completeness": [{"value": p} | c.to_dict() for p, c in self.completeness],
        }


def equilibria_over(
    field: VectorField,
    parameter: str,
    range: tuple[float, float],
    box: Any = None,
    method: Method | None = None,
    h: float | None = None,
    samples: int = 5,
) -> Equilibria:
    """The zeros of the field in the box over the range (lo, hi) of a parameter, as branches.

    `fixed_points` at `samples` values of the parameter gives the starts; each is followed by `continue_equilibrium`'s
    pseudo-arclength steps unless a branch already holds it, and at branch points the other branches are followed, too.
    A branch that lies in the box between two sampled values only is missed. Raises `InputError` for an unknown
    parameter, an empty range or box, or only one of `method` and `h`.
    """
    if (method is None) != (h is None):
        raise InputError(f"give both method and h, or neither: method is {method!r}, h is {h!r}")
    count = check_count(samples, "samples", 1)
    chosen = field.region(box)
    curve = curve_of(field, parameter, range, chosen, np.zeros(field.n))
    if method is not None and h is not None:
        method, h = numeric_method(check_method(method, field)), check_step(h)
    lo, hi = curve.low[-1], curve.high[-1]
    branches: list[Branch] = []
    complete = []
    for p in lo + (hi - lo) * (np.arange(count) + 0.5) / count:
        found = fixed_points(curve.at(p), chosen)
        complete.append((float(p), found.completeness))
        for point in found:
            _follow(curve, np.append(point.x, p), branches)
    counted = tuple(_described(curve, b, method, h) for b in branches)
    return Equilibria(parameter, (float(lo), float(hi)), chosen, counted, _once(curve, branches), tuple(complete))


def _follow(curve: Curve, start: np.ndarray, branches: list[Branch]) -> None:
    """Add the branch through the start, and those that branch off it, unless they are known."""
    waiting = [start]
    while waiting and len(branches) < MOST:
        z = waiting.pop()
        if any(holds(curve, b, z) for b in branches):
            continue
        branches.append(trace(curve, z))
        for point in branches[-1].points:
            waiting += switched(curve, point)


def _once(curve: Curve, branches: list[Branch]) -> tuple[SpecialPoint, ...]:
    points: list[SpecialPoint] = []
    for point in (p for b in branches for p in b.points):
        if all(p.kind != point.kind or curve.distance(p.z, point.z) > 1e-8 for p in points):
            points.append(point)
    return tuple(sorted(points, key=lambda p: p.value))


def _described(curve: Curve, branch: Branch, method: Method | None, h: float | None) -> CensusBranch:
    places = _middles(branch)
    fields = [curve.at(branch.values[k]) for k in places]
    labels = tuple(classify(f, branch.x[k]) for f, k in zip(fields, places, strict=True))
    inherited = not labels[len(places) // 2].spurious
    flow = _intervals(curve, branch, lambda z: float(curve.eigenvalues(z).real.max()))
    update = None
    if method is not None and h is not None:
        update = _intervals(curve, branch, lambda z: _radius(curve, z, method, h) - 1)
    return CensusBranch(branch, inherited, tuple(float(branch.values[k]) for k in places), labels, flow, update)


def _middles(branch: Branch) -> list[int]:
    """A place in the middle of every stretch between special points."""
    ends = [0, *branch.special, len(branch) - 1]
    middles = [(a + b) // 2 for a, b in itertools.pairwise(ends)]
    return sorted(set(middles) - set(branch.special)) or [0]


def _radius(curve: Curve, z: np.ndarray, method: Method, h: float) -> float:
    """The spectral radius of the update's Jacobian at a zero, by complex step, at z's value of the parameter."""
    field = curve.field
    p = tuple(z[-1] if name == curve.parameter else value for name, value in field.parameters.items())
    like = method.initial(field.on_tuples, (1.0,) * field.n, p)
    state = np.array(flat(method.initial(field.on_tuples, tuple(z[:-1]), p)), dtype=float)
    moved: Any = tuple(state[:, None] + 1e-30j * np.eye(len(state)))
    columns = np.broadcast_arrays(*flat(method.step(field.on_tuples, shaped(moved, like), p, h)), np.zeros(len(state)))
    return float(np.abs(np.linalg.eigvals(np.stack(columns[:-1]).imag / 1e-30)).max())


def _intervals(curve: Curve, branch: Branch, margin: Any) -> Intervals:
    """Where the margin is negative, as intervals of the parameter, broken where the branch turns."""
    zs = branch.z
    values = [margin(z) for z in zs]
    turns = {k for k in np.arange(1, len(branch) - 1) if (zs[k, -1] - zs[k - 1, -1]) * (zs[k + 1, -1] - zs[k, -1]) <= 0}
    found, begin = [], zs[0, -1] if values[0] < -NEUTRAL else None
    for k in np.arange(1, len(zs)):
        border = _border(curve, zs[k - 1], zs[k], (values[k - 1], values[k]), margin)
        if begin is None and values[k] < -NEUTRAL:
            begin = border
        elif begin is not None and (values[k] >= -NEUTRAL or k in turns or k == len(zs) - 1):
            end = zs[k, -1] if values[k] < -NEUTRAL else border
            found.append((float(min(begin, end)), float(max(begin, end))))
            begin = zs[k, -1] if k in turns and values[k] < -NEUTRAL else None
    return tuple(sorted(found))


def _border(curve: Curve, a: np.ndarray, b: np.ndarray, ends: tuple[float, float], margin: Any) -> float:
    """The parameter's value where the margin changes sign between two points: a special point, or by halving."""
    for z, value in zip((a, b), ends, strict=True):
        if abs(value) <= NEUTRAL:
            return float(z[-1])
    lo, hi = 0.0, 1.0
    if (ends[0] < 0) == (ends[1] < 0):
        return float(a[-1])
    z = a
    for _ in np.arange(50):
        middle = curve.between(a, b, (lo + hi) / 2)
        if middle is None:
            break
        z = middle
        lo, hi = ((lo + hi) / 2, hi) if (margin(z) < 0) == (ends[0] < 0) else (lo, (lo + hi) / 2)
    return float(z[-1])
