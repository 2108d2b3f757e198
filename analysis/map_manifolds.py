"""One side of a saddle's stable or unstable manifold under a map: images of a fundamental domain, refined by arclength.

A point of the manifold is Fᵏ(x(s)) of a point x(s) of the parabola near the saddle, with s in one fundamental domain
[δ, ζδ]; where neighbours are too far apart, or the curve turns too sharply between them, s between theirs is added and
followed through all images. So every point is an image, and none an interpolation. You, Kostelich & Yorke (1991);
Krauskopf & Osinga (1998), who also follow the stable manifold by inverse images.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from analysis.iterations import Iteration
from analysis.places import Frame
from analysis.saddles import Direction

SHARP = 0.3  # radians that the curve may turn at a point
LEAST = 0.02  # of the spacing: nearer neighbours are not split for a sharp turn
SHORT = 3  # steps that stretch by 2 together: with more of them, one step moves little
ROUNDS = 14  # bisections of a domain for one image
DOMAINS = 400


class MapSide:
    """The images of a fundamental domain of Fᵐ; m is such that Fᵐ keeps the side and stretches by 2 or more.

    `levels` holds F^±i of the domain's states (k, columns), i = 0, 1, …: inverse images for a stable manifold.
    """

    def __init__(self, iteration: Iteration, direction: Direction, side: int, frame: Frame):
        self.iteration, self.direction, self.side = iteration, direction, side
        self.frame = frame  # of the point; a state's other numbers are free
        self.scale = frame.diagonal
        self.stable = abs(direction.rate) < 1
        each = max(1, int(np.ceil(np.log(2) / abs(np.log(abs(direction.rate))) - 1e-9)))
        self.each = each + 1 if direction.rate < 0 and each % 2 else each
        self.stretch = float(np.exp(self.each * abs(np.log(abs(direction.rate)))))
        self.parts = np.empty(0)
        self.levels: list[np.ndarray] = []

    def first(self, tolerance: float) -> float:
        """The outer end of the part of the parabola that is invariant to `tolerance` times the box's diagonal."""
        s, far = 0.02 * self.scale, 1 / self.stretch if self.stable else self.stretch
        for _ in range(60):
            image = self.iteration.image(self.direction.at(self.side * s), self.each)
            gap = self.iteration.difference(image, self.direction.at(self.side * s * far))
            if np.linalg.norm(gap) <= tolerance * self.scale:  # a NaN is no such
                break
            s /= 2
        return s if self.stable else s * self.stretch

    def curve(self, length: float, spacing: float, tolerance: float, most: int) -> tuple[np.ndarray, str, Any]:
        """States (m, k) from the saddle, at most `spacing` apart, how the curve ends, and a fixed point at its end."""
        outer = self.first(tolerance)
        # where many levels are needed a column costs next to nothing, and one put in later as much as all of them
        gaps = int(1.2 * outer * np.log(self.stretch) / spacing)  # and none of the parabola wider than `spacing`
        self.parts = np.geomspace(outer / self.stretch, outer, 5 + gaps if self.each <= SHORT else 65 + gaps)
        self.levels = [self.direction.at(self.side * self.parts)]
        inner = np.linspace(0, self.parts[0], 2 + int(self.parts[0] / spacing))
        rows = [self.direction.at(self.side * inner), self.levels[0][:, 1:]]
        arc = float(sum(self._steps(row).sum() for row in rows))
        end, at = "images", None
        for _ in range(DOMAINS):
            cut, stop = self._next(length - arc, spacing)
            newest = self.levels[-1][:, :cut]
            rows.append(newest[:, 1:])
            grown = float(self._steps(newest).sum())
            arc += grown
            if not stop and grown < 1e-6 * self.scale:
                at = self.iteration.closed(newest[:, -1], reach=1e-4 * self.scale)
                stop = "" if at is None else "fixed point"
            if not stop and sum(row.shape[1] for row in rows) > most:
                stop = "points"
            if stop:
                end = stop
                break
        states = self._thinned(np.hstack(rows), spacing)
        return (states if at is None else np.hstack([states, at[:, None]])).T, end, at

    def _thinned(self, states: np.ndarray, spacing: float) -> np.ndarray:
        """The states without those that neither distance nor the curve's turning needs."""
        sizes, turns = self._shape(states)
        kept, far, turned = [0], 0.0, 0.0
        for j in range(1, states.shape[1] - 1):
            far, turned = far + float(sizes[j - 1]), turned + float(turns[j - 1])
            if far + sizes[j] > 0.6 * spacing or (turned > SHARP / 2 and far > LEAST * spacing):
                kept.append(j)
                far, turned = 0.0, 0.0
        return states[:, [*kept, states.shape[1] - 1]]

    def _shape(self, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distances (m - 1,) of neighbouring points, and the angles (m - 2,) by which the polyline turns."""
        chords = self.iteration.difference(states[:, 1:], states[:, :-1])[: self.iteration.field.n]
        sizes = np.linalg.norm(chords, axis=0)
        with np.errstate(all="ignore"):
            cosines = (chords[:, 1:] * chords[:, :-1]).sum(0) / (sizes[1:] * sizes[:-1])
        return sizes, np.nan_to_num(np.arccos(np.clip(cosines, -1, 1)))

    def _next(self, room: float, spacing: float) -> tuple[int, str]:
        """Add the next m levels, refined as the last needs it; how many columns count, and why no more."""
        for _ in range(self.each):
            self.levels.append(self._continued() if self.stable else self.iteration.image(self.levels[-1]))
        for _ in range(ROUNDS if self.each <= SHORT else 3):
            cut, end = self._cut(room)
            wanted = self._coarse(spacing)
            wanted = wanted[wanted < cut]
            if not len(wanted):
                return cut, end
            self._split(wanted)
        cut, end = self._cut(room)
        broken = self._coarse(8 * spacing)
        broken = broken[broken < cut - 1]
        return (int(broken[0]) + 1, "no inverse image" if self.stable else "break") if len(broken) else (cut, end)

    def _continued(self) -> np.ndarray:
        """Inverse images of the last level: as far from it as it is from the one before it, if a step is short.

        Else each is sought near the one of the column before.
        """
        target, level, F = self.levels[-1], len(self.levels), self.iteration
        if self.each > SHORT:
            if level == 1:
                return F.preimages(target, self.direction.at(self.side * self._outwards(level)))
            before = F.difference(target, self.levels[-2])
            return F.preimages(target, target + before / self.direction.rate)
        found = np.full_like(target, np.nan)
        if level >= self.each:  # where the previous domain ends
            found[:, 0] = self.levels[level - self.each][:, -1]
        else:
            found[:, 0] = F.preimages(target[:, :1], self.direction.at(self.side * self._outwards(level)[:1]))[:, 0]
        for j in range(1, target.shape[1]):
            before = found[:, j - 1]
            if not np.isfinite(before).all():
                break
            with np.errstate(all="ignore"):
                moved = F.difference(target[:, j], F.image(before))
                guess = before + np.linalg.lstsq(F.jacobian(before), moved, rcond=1e-12)[0]
            found[:, j] = F.preimages(target[:, j : j + 1], guess[:, None])[:, 0]
        return found

    def _outwards(self, level: int) -> np.ndarray:
        """Parameters of the i-th inverse images, with the sign of the side that they are on."""
        return np.asarray(self.parts / self.direction.rate**level)

    def _split(self, wanted: np.ndarray) -> None:
        """A column more between each of these and the next, in all levels."""
        between = np.sqrt(self.parts[wanted] * self.parts[wanted + 1])
        fresh = [self.direction.at(self.side * between)]
        for level in self.levels[1:]:
            if self.stable:
                step = self.iteration.difference(level[:, wanted + 1], level[:, wanted])
                fresh.append(self.iteration.preimages(fresh[-1], level[:, wanted] + 0.5 * step))
            else:
                fresh.append(self.iteration.image(fresh[-1]))
        self.parts = np.insert(self.parts, wanted + 1, between)
        self.levels = [np.insert(old, wanted + 1, new, axis=1) for old, new in zip(self.levels, fresh, strict=True)]

    def _steps(self, states: np.ndarray) -> np.ndarray:
        """Distances of neighbouring columns, of their points."""
        n = self.iteration.field.n
        return np.asarray(np.linalg.norm(self.iteration.difference(states[:, 1:], states[:, :-1])[:n], axis=0))

    def _cut(self, room: float) -> tuple[int, str]:
        """How many columns of the last level are within the box and the length left, and what stops the others."""
        newest, n = self.levels[-1], self.iteration.field.n
        outside = ~self.frame.inside(newest[:n].T)
        beyond = np.append(False, np.cumsum(self._steps(newest)) > room)
        lost = ~np.isfinite(newest).all(0)
        reasons = ((lost, self._lost), (outside, "box"), (beyond, "length"))
        stops = [(int(np.argmax(gone)), why) for gone, why in reasons if gone.any()]
        column, end = min(stops, key=lambda stop: stop[0], default=(newest.shape[1], ""))
        return (column if end == self._lost else min(column + 1, newest.shape[1])), end

    @property
    def _lost(self) -> str:
        return "no inverse image" if self.stable else "escape"

    def _coarse(self, spacing: float) -> np.ndarray:
        """Columns of the last level after which one more is wanted."""
        sizes, turns = self._shape(self.levels[-1])
        wide = ~(sizes <= spacing)  # NaN is
        turning = (np.append(turns > SHARP, False) | np.append(False, turns > SHARP)) & (sizes > LEAST * spacing)
        return np.flatnonzero(wide | turning)
