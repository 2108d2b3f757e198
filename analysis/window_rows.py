"""Rows of a window: at one value of a parameter, the step sizes at which targets attract and nothing else does."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.border_curves import crossings
from analysis.competitors import Competitors
from analysis.stability_maps import radii
from integrators.method import Method

ROWS = 161  # values of the parameter at which windows are computed; more where they change
EXACT = 1e-10  # relative to the range: to this the ends of windows along the parameter are known
RANGE_ENDS = "the range ends"
Row = tuple["Piece", ...]


@dataclass(frozen=True)
class Piece:
    """An interval of step sizes at one value of the parameter, with what bounds it at either end.

    A witness names the point and the crossing, as "flip of point 2", or "the range".
    """

    low: float
    high: float
    low_witness: str
    high_witness: str


class Rows:
    """The window at one value of the parameter, and the values at which it changes."""

    def __init__(self, method: Method, branches: Competitors, h: tuple[float, float], blocks: Any):
        self.method, self.branches, self.h, self.blocks = method, branches, h, blocks

    def row(self, value: float) -> Row:
        """The intervals of h in which a target attracts and nothing else does."""
        targets: list[Piece] = []
        others: list[Piece] = []
        for index, _, J in self.branches.at(value):
            pieces = self.attracting(J, f"point {index + 1}")
            (targets if self.branches.branches[index][2] else others).extend(pieces)
        return tuple(_without(_united(targets), _united(others)))

    def attracting(self, J: np.ndarray, name: str) -> list[Piece]:
        """Where the update at J attracts."""
        low, high = self.h
        found = [c for c in crossings(self.method, J, self.blocks, (max(low, 1e-12), high)) if c.critical]
        edges = [(low, "the range"), *((c.h, f"{c.kind} of {name}") for c in found), (high, "the range")]
        pieces = []
        for (a, left), (b, right) in itertools.pairwise(edges):
            middle = np.array([(a + b) / 2])
            if radii(self.method, J[None], middle, self.blocks)[0, 0] < 1 - 1e-12:
                pieces.append(Piece(a, b, left, right))
        return pieces

    def end(self, last: tuple[float, Piece], values: tuple[float, float], side: int) -> str:
        """Why a component ends at its first or last value: what is different just beyond."""
        width, (value, piece) = EXACT * (values[1] - values[0]), last
        beyond = value + 2 * side * width
        if not values[0] < beyond < values[1]:
            return RANGE_ENDS
        here, there = ({index: place for index, place, _ in self.branches.at(v)} for v in (value, beyond))
        for index in sorted(set(here) ^ set(there)):
            place = here.get(index, there.get(index))
            change = "enters" if index in there else "leaves"
            if place is not None:
                return f"point {index + 1} {change} {self.branches.wall(place)}"
        for index, _, J in self.branches.at(beyond):
            taken = self.attracting(J, "") if not self.branches.branches[index][2] else []
            if any(p.low <= piece.low and piece.high <= p.high for p in taken):
                return f"point {index + 1} attracts beyond"
        return f"{piece.low_witness} meets {piece.high_witness}"

    def over(self, values: tuple[float, float]) -> list[tuple[float, Row]]:
        """Rows over the range, on both sides of every change to `EXACT`."""
        width = EXACT * (values[1] - values[0])
        grid = np.linspace(values[0] + width, values[1] - width, ROWS)
        listed = [(float(value), self.row(float(value))) for value in grid]
        out = [listed[0]]
        for high in listed[1:]:
            out += [*self._between(out[-1], high, width), high]
        return out

    def _between(self, low: tuple[float, Row], high: tuple[float, Row], width: float) -> list[tuple[float, Row]]:
        if high[0] - low[0] <= width or _continued(low[1], high[1]):
            return []
        middle = (low[0] + high[0]) / 2
        row = (middle, self.row(middle))
        return [*self._between(low, row, width), row, *self._between(row, high, width)]


def _continued(row: Row, other: Row) -> bool:
    """Whether two rows have the same pieces: the same witnesses, and intervals that overlap."""
    ends = [[(piece.low_witness, piece.high_witness) for piece in pieces] for pieces in (row, other)]
    return ends[0] == ends[1] and all(a.low < b.high and b.low < a.high for a, b in zip(row, other, strict=True))


def _united(pieces: Sequence[Piece]) -> list[Piece]:
    """The union of intervals, each end with its own witness."""
    out: list[Piece] = []
    for piece in sorted(pieces, key=lambda p: p.low):
        if out and piece.low <= out[-1].high:
            last = out.pop()
            longer = piece if piece.high > last.high else last
            out.append(Piece(last.low, longer.high, last.low_witness, longer.high_witness))
        else:
            out.append(piece)
    return out


def _without(pieces: Sequence[Piece], taken: Sequence[Piece]) -> list[Piece]:
    """The intervals less those in which something else attracts."""
    left = list(pieces)
    for hole in taken:
        remaining = []
        for piece in left:
            if hole.high <= piece.low or hole.low >= piece.high:
                remaining.append(piece)
                continue
            if hole.low > piece.low:
                end = f"{hole.low_witness}, which attracts beyond"
                remaining.append(Piece(piece.low, hole.low, piece.low_witness, end))
            if hole.high < piece.high:
                end = f"{hole.high_witness}, which attracts below"
                remaining.append(Piece(hole.high, piece.high, end, piece.high_witness))
        left = remaining
    return left


def connected(rows: Sequence[tuple[float, Row]]) -> list[list[tuple[float, Piece]]]:
    """Intervals of neighbouring rows that overlap belong together."""
    groups: list[list[tuple[float, Piece]]] = []
    before: list[tuple[Piece, list[tuple[float, Piece]]]] = []
    for value, row in rows:
        here: list[tuple[Piece, list[tuple[float, Piece]]]] = []
        for piece in row:
            touching = [group for other, group in before if other.low < piece.high and piece.low < other.high]
            unique = [group for k, group in enumerate(touching) if not any(group is g for g in touching[:k])]
            group = unique[0] if unique else []
            for other in unique[1:]:
                group += other
                groups = [g for g in groups if g is not other]
                before = [(p, group if g is other else g) for p, g in before]
                here = [(p, group if g is other else g) for p, g in here]
            if not unique:
                groups.append(group)
            group.append((value, piece))
            here.append((piece, group))
        before = here
    return [sorted(group, key=lambda pair: (pair[0], pair[1].low)) for group in groups]
