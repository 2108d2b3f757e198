"""Competitors: the fixed points in a box over a parameter, found at several values and followed to all others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.classification import classify
from analysis.families import Followed
from analysis.zeros import FixedPoint, fixed_points
from dynsys.field import Box, VectorField

GRID = 641  # values of the parameter that branches are followed over
SEARCHES = 9  # values at which all fixed points are searched for
SAME = 1e-7  # two points closer than this, relative, are one


@dataclass(frozen=True, eq=False)
class Competitor:
    """A branch of fixed points over the parameter: places (k, n) at `values` (k,), NaN where it is not in the box."""

    name: str
    target: bool
    spurious: bool
    kind: str
    values: np.ndarray
    places: np.ndarray

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        there = np.flatnonzero(np.isfinite(self.places).all(1))
        ends = [float(self.values[k]) for k in (there[0], there[-1])] if len(there) else None
        return {"name": self.name, "target": self.target, "spurious": self.spurious, "kind": self.kind, "over": ends}


class Competitors:
    """All branches that are somewhere in the box, and which of them are targets."""

    def __init__(
        self, field: VectorField, parameter: str, values: tuple[float, float], box: Box, wanted: Callable[[Any], bool]
    ):
        self.field, self.parameter, self.box = field, parameter, np.array(box)
        self.grid = np.linspace(*values, GRID)
        self.branches: list[tuple[Followed, np.ndarray, bool, bool, str]] = []
        statements = []
        width = values[1] - values[0]
        for value in np.linspace(values[0] + 1e-3 * width, values[1] - 1e-3 * width, SEARCHES):
            here = field.with_parameters(**{parameter: float(value)})
            points = fixed_points(here, box)
            statements.append(f"{parameter} = {value:.6g}: {points.completeness.text}")
            for point in points:
                self._add(here, point, float(value), wanted)
        self.statements = tuple(statements)

    def _add(self, here: VectorField, point: FixedPoint, value: float, wanted: Callable[[Any], bool]) -> None:
        for followed, _, *_ in self.branches:
            if _alike(followed.over(np.array([value]))[0][0], point.x):
                return
        label = classify(here, point.x)
        followed = Followed(here, point.precise, [self.parameter])
        places = followed.over(self.grid)[0]
        self.branches.append((followed, places, wanted(label), point.spurious, label.kind))

    def at(self, value: float) -> list[tuple[int, np.ndarray, np.ndarray]]:
        """The points in the box at one value, no two alike: the index of the branch, the place and the Jacobian."""
        k = int(np.argmin(np.abs(self.grid - value)))
        points: list[tuple[int, np.ndarray, np.ndarray]] = []
        for index, (followed, places, *_) in enumerate(self.branches):
            if not np.isfinite(places[k]).all():
                continue
            place, J = followed.from_place(places[k], value)
            inside = bool(((place >= self.box[:, 0]) & (place <= self.box[:, 1])).all())  # False for NaN
            if inside and not any(_alike(place, other) for _, other, _ in points):
                points.append((index, place, J))
        return points

    def is_target(self, x: np.ndarray | None, value: float) -> bool:
        """Whether x is one of the targets at this value."""
        return x is not None and any(_alike(place, x) and self.branches[k][2] for k, place, _ in self.at(value))

    def wall(self, place: np.ndarray) -> str:
        """The wall of the box that a place is at, in words, or that it is inside."""
        distance = np.abs(self.box - place[:, None]) / (self.box[:, 1:] - self.box[:, :1])
        i, side = np.unravel_index(int(distance.argmin()), distance.shape)
        if distance[i, side] > 1e-4:
            return "the box, where two branches meet"
        return f"the box through {self.field.variables[int(i)]} = {self.box[i, side]:g}"

    def found(self) -> tuple[Competitor, ...]:
        """The branches with the places at which they are in the box."""
        out = []
        for index, (_, places, target, spurious, kind) in enumerate(self.branches):
            inside = np.all((places >= self.box[:, 0]) & (places <= self.box[:, 1]), axis=1)
            shown_places = np.where(inside[:, None], places, np.nan)
            out.append(Competitor(f"point {index + 1}", target, spurious, kind, self.grid, shown_places))
        return tuple(out)


def _alike(x: np.ndarray, y: np.ndarray) -> bool:
    return bool(np.linalg.norm(x - y) <= SAME * (1 + np.linalg.norm(x)))  # False for NaN
