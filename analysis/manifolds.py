"""Stable and unstable manifolds of saddles that are curves, of flows and of updates."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.flow_manifolds import FlowSide
from analysis.iterations import Iteration
from analysis.map_manifolds import MapSide
from analysis.places import Frame, place
from analysis.saddles import STEP, Direction, NoSaddleError, directions, oriented, parabola, saddle_values
from analysis.zeros import zero_near
from dynsys.array_field import AnyField, check_field
from dynsys.errors import InputError, shown
from integrators.checks import check_positive
from integrators.method import Method

MOST = 20_000  # points of one side
FINEST = 1_000_000  # points that length and spacing may ask for
ENDS = {
    "equilibrium": "at an equilibrium",
    "fixed point": "at a fixed point of the update",
    "box": "at the box",
    "length": "at the length asked for",
    "escape": "where it is not finite",
    "no inverse image": "where there is no inverse image near",
    "break": "where it cannot be followed",
    "points": f"after {MOST} points",
    "images": "after as many images as are taken",
    "time": "after as long a time as is taken",
}


@dataclass(frozen=True, eq=False)
class ManifoldSide:
    """One side of a manifold: `points` (m, n) from the saddle on, `length` of the polyline, and how it ends.

    `side` is 1 where it leaves along the eigenvector whose largest component is positive, else -1. `end` is a key of
    `ENDS`; `limit` (n,) the equilibrium or fixed point at which the curve ends. Points are wrapped into the box where a
    variable has a period; the length is that of the curve before.
    """

    stable: bool
    side: int
    points: np.ndarray = dataclasses.field(repr=False)
    length: float
    end: str
    limit: np.ndarray | None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "stable": self.stable,
            "side": self.side,
            "length": self.length,
            "end": self.end,
            "limit": None if self.limit is None else self.limit.tolist(),
            "points": self.points.tolist(),
        }


@dataclass(frozen=True, eq=False)
class InvariantManifolds:
    """The sides of the manifolds of the saddle x (n,) that are curves, stable ones first.

    `values` are the eigenvalues of the Jacobian or the multipliers of the update; `dimensions` those of the stable and
    the unstable manifold, of which only those of dimension 1 are followed. `warnings` tell what the curves cannot show.
    """

    x: np.ndarray
    values: np.ndarray
    dimensions: tuple[int, int]
    sides: tuple[ManifoldSide, ...]
    warnings: tuple[str, ...]
    variables: tuple[str, ...]
    method: str
    h: float | None

    @property
    def stable(self) -> tuple[ManifoldSide, ...]:
        """The sides that lead to the saddle: they bound the basins."""
        return tuple(side for side in self.sides if side.stable)

    @property
    def unstable(self) -> tuple[ManifoldSide, ...]:
        """The sides that lead away from it."""
        return tuple(side for side in self.sides if not side.stable)

    @property
    def text(self) -> str:
        """A line a side, then the warnings."""
        lines = [f"saddle {place(self.x)}"]
        for side in self.sides:
            where = "" if side.limit is None else f" {place(side.limit)}"
            name = "stable" if side.stable else "unstable"
            lines.append(f"{name} side {side.side:+d}: length {side.length:.6g}, ends {ENDS[side.end]}{where}")
        return "\n".join([*lines, *(f"warning: {text}" for text in self.warnings)])

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "x": self.x.tolist(),
            "values": [[float(z.real), float(z.imag)] for z in self.values],
            "dimensions": list(self.dimensions),
            "sides": [side.to_dict() for side in self.sides],
            "warnings": list(self.warnings),
            "method": self.method,
            "h": self.h,
        }


def invariant_manifolds(
    field: AnyField,
    saddle: Any,
    method: Method | None = None,
    h: float | None = None,
    box: Any = None,
    length: float | None = None,
    spacing: float | None = None,
    tolerance: float = 1e-9,
) -> InvariantManifolds:
    r"""The one-dimensional stable and unstable manifolds of a saddle, shape (n,), both sides of each.

    Of the flow of the field, or of the update of `method` with step h, on its whole state. Each starts on the parabola
    that touches it to second order, at the distance where that is invariant to `tolerance` times the diagonal of the
    box ((lo, hi) per variable; default: the field's own), and goes on until it leaves the box, ends at an equilibrium,
    or is `length` long (default: 20 diagonals), its points at most `spacing` apart (default: a 200th of the diagonal).

    A flow's manifold is a solution, cut at equal arclengths. A map's unstable manifold is made of images of a piece of
    the parabola, the stable one of inverse images by Newton's method; a side of an eigenvector of a negative multiplier
    is one of the second iterate. Where the map is not invertible the stable manifold may have more pieces than the one
    that is connected to the saddle: `warnings` say so.

    Raises `InputError` for a point that is no saddle or not hyperbolic, with the eigenvalue that decides, for one whose
    manifolds are no curves, and for methods without a derivative. Krauskopf & Osinga (1998).
    """
    if (method is None) != (h is None):
        raise InputError(f"method is {method!r} and h is {h!r}; give both for the update, neither for the flow")
    checked = check_field(field)
    frame = Frame.of(checked, checked.region(box))
    longest = 20 * frame.diagonal if length is None else check_positive(length, "length")
    apart = frame.diagonal / 200 if spacing is None else check_positive(spacing, "spacing")
    if longest > FINEST * apart:
        raise InputError(
            f"spacing is {apart:g} on curves of length {longest:g}: more than {FINEST:,} points; give a spacing of at "
            f"least {longest / FINEST:.2g}, or a shorter length"
        )
    near = check_positive(tolerance, "tolerance")
    iteration = None if method is None or h is None else Iteration(checked, method, h)
    x, J = _linearised(checked, saddle, iteration)
    x[: checked.n] = frame.wrapped(x[: checked.n])
    if not frame.inside(x[: checked.n], 1e-9 * frame.diagonal):
        edges = list(zip(frame.low.tolist(), frame.high.tolist(), strict=True))
        raise InputError(f"saddle is at {place(x[: checked.n])}, outside the box {edges}; give a box that contains it")
    values, vectors, sides = saddle_values(J, iteration)
    curves = directions(values, sides)
    dimensions = int((sides < 0).sum()), int((sides > 0).sum())
    if not curves:
        raise InputError(
            f"the manifolds of saddle = {shown(np.round(x[: checked.n], 6).tolist())} have dimensions {dimensions[0]} "
            f"(stable) and {dimensions[1]} (unstable); curves only can be followed"
        )
    found = []
    for stable in sorted(curves, reverse=True):
        k = curves[stable]
        e = oriented(vectors[:, k])
        direction = parabola(x, J, float(values[k].real), e, _second(checked, x, e, iteration), iteration is None)
        found += [_side(checked, direction, stable, s, frame, longest, apart, near, iteration) for s in (1, -1)]
    warnings = () if iteration is None else tuple(_warnings(iteration, x, found, frame))
    return InvariantManifolds(
        x[: checked.n], values, dimensions, tuple(found), warnings, tuple(checked.variables),
        "" if method is None else method.label, h,
    )  # fmt: skip


def saddle_manifolds(
    field: AnyField, points: Sequence[Any], method: Method | None = None, h: float | None = None, box: Any = None
) -> tuple[list[InvariantManifolds], list[str]]:
    """The manifolds of the saddles among these points (k, n), and why others have none that can be followed."""
    found, reasons = [], []
    for point in points:
        try:
            found.append(invariant_manifolds(field, point, method, h, box))
        except NoSaddleError:
            continue
        except InputError as reason:
            reasons.append(str(reason))
    return found, reasons


def _linearised(field: AnyField, saddle: Any, iteration: Iteration | None) -> tuple[np.ndarray, np.ndarray]:
    """The saddle, as a state, and the Jacobian there."""
    if iteration is None or not iteration.method.moves:
        point = np.array([float(c) for c in zero_near(field, saddle, "saddle")]) + 0.0
        if iteration is None:
            return point, field.jacobian(point)
    else:
        point = iteration.start(saddle, "saddle")[: field.n]
    start = iteration.start(point)
    state = iteration.closed(start, reach=1e-6 * (1 + float(np.linalg.norm(start))))
    if state is None:
        raise InputError(f"saddle is {shown(saddle)}, no fixed point of the update; take one that it keeps")
    return state, iteration.jacobian(state)


def _second(field: AnyField, x: np.ndarray, e: np.ndarray, iteration: Iteration | None) -> np.ndarray:
    """B(e, e), by differences of the exact Jacobian."""
    step = STEP * (1 + float(np.linalg.norm(x)))
    J = field.jacobian if iteration is None else iteration.jacobian
    return np.asarray((J(x + step * e) - J(x - step * e)) @ e / (2 * step))


def _side(
    field: AnyField,
    direction: Direction,
    stable: bool,
    side: int,
    frame: Frame,
    length: float,
    spacing: float,
    tolerance: float,
    iteration: Iteration | None,
) -> ManifoldSide:
    limit: np.ndarray | None
    if iteration is None:
        points, end, limit = FlowSide(field, direction, side, frame).curve(length, spacing, tolerance)
    else:
        states, end, limit = MapSide(iteration, direction, side, frame).curve(length, spacing, tolerance, MOST)
        points, limit = states[:, : field.n], None if limit is None else limit[: field.n]
    chords = np.diff(points, axis=0)
    if iteration is not None:
        chords = iteration.difference(states[1:].T, states[:-1].T)[: field.n].T
    arc = float(np.linalg.norm(chords, axis=1).sum())
    return ManifoldSide(stable, side, frame.wrapped(points), arc, end, None if limit is None else frame.wrapped(limit))


def _warnings(iteration: Iteration, x: np.ndarray, sides: list[ManifoldSide], frame: Frame) -> list[str]:
    """What tells that the map is not invertible: the sign of det F' in the box, and inverse images of the saddle."""
    n = iteration.field.n
    if iteration.k > n:  # of a state's other numbers there is no box
        return []
    each = max(2, round(1000 ** (1 / n)))
    ranges = [np.linspace(a, b, each) for a, b in zip(frame.low, frame.high, strict=True)]
    grid = np.stack(np.meshgrid(*ranges), 0).reshape(n, -1)
    with np.errstate(all="ignore"):
        determinants = np.linalg.det(np.moveaxis(iteration.jacobian(grid), -1, 0))
    found = []
    negative = float((determinants < 0).mean())
    if 0 < negative < 1 and (determinants > 0).any():
        found.append(
            f"det F' is negative on {100 * negative:.0f} % of the box and positive elsewhere: the update is not "
            "invertible, and its stable set may have more pieces than the curve drawn"
        )
    others = iteration.preimages(np.repeat(x[:, None], grid.shape[1], axis=1), grid)
    others = others[:, np.isfinite(others).all(0)]
    apart = np.linalg.norm(iteration.difference(others, x[:, None]), axis=0)
    size = 1e-6 * frame.diagonal
    inside = frame.inside(others.T)
    if (inside & (apart > size)).any():
        place = others[:, np.flatnonzero(inside & (apart > size))[0]]
        at = ", ".join(f"{c:.4g}" for c in place)
        found.append(f"the saddle has another inverse image, near ({at}): its stable set passes there, too")
    return found
