"""One side of a saddle's stable or unstable manifold under a flow: a solution, cut at equal arclengths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from analysis.places import Frame
from analysis.precision import polish
from analysis.saddles import Direction
from dynsys.array_field import AnyField, ArrayField
from dynsys.field import VectorField
from integrators.adaptive.crossings import Event
from integrators.adaptive.embedded import DOP853
from integrators.adaptive.method import AdaptiveMethod
from integrators.adaptive.solutions import Solution, solve
from integrators.adaptive.taylor import Taylor
from integrators.kernel import WHOLE
from integrators.status import Status

RTOL = 1e-11
CHUNKS = 40  # pieces of time, each 1.5 times as long as the one before
FINE = 24  # points of each step between which the arc counts as straight


class FlowSide:
    """The solution that leaves (or, backwards, approaches) the saddle along one side, until it ends."""

    def __init__(self, field: AnyField, direction: Direction, side: int, frame: Frame):
        # not wrapped: a curve that goes round a variable with a period is continuous, and the box is where it is shown
        self.field = replace(field, period=None) if isinstance(field, VectorField) else field
        self.direction, self.side, self.frame, self.scale = direction, side, frame, frame.diagonal

    def first(self, tolerance: float) -> float:
        """The largest parameter s at which the parabola is invariant to `tolerance` times the box's diagonal.

        Its defect, as a displacement, is ‖v(x(s)) - λ s x'(s)‖ / |λ|, of third order in s.
        """
        d, s = self.direction, 0.02 * self.scale * self.side
        for _ in range(60):
            defect = np.linalg.norm(self.field(d.at(s)) - d.rate * s * (d.e + s * d.c)) / abs(d.rate)
            if defect <= tolerance * self.scale:  # a NaN is no such
                break
            s /= 2
        return s

    def curve(self, length: float, spacing: float, tolerance: float) -> tuple[np.ndarray, str, np.ndarray | None]:
        """Points (k, n) at equal arclengths from the saddle on, how it ends, and the equilibrium it ends at."""
        s = self.first(tolerance)
        x, sign, end, at = self.direction.at(s), np.sign(self.direction.rate), "time", None
        parameters = np.linspace(0, s, FINE + 1)
        pieces = [_Piece(lambda t: self.direction.at(t).T, parameters, 0.0)]
        span = 3.0 / abs(self.direction.rate)
        for _ in range(CHUNKS):
            run = self._solved(x, sign * span)
            if len(run.t) > 1 and run.sol is not None:
                pieces.append(_Piece(run.sol, _fine(run.t), pieces[-1].arcs[-1]))
            x = run.x[-1]
            at = self._rest(x)
            if at is not None or pieces[-1].arcs[-1] >= length or run.status != Status.FINISHED:
                long = pieces[-1].arcs[-1] >= length
                end = "equilibrium" if at is not None else "length" if long else _name(run.status)
                break
            span *= 1.5
        total = min(length, float(pieces[-1].arcs[-1]))
        arcs = np.linspace(0, total, 1 + max(1, int(np.ceil(1.02 * total / spacing))))
        pieces[-1].last = True
        points = np.vstack([piece.at(arcs) for piece in pieces])
        return (points if at is None else np.vstack([points, at])), end, at

    def _solved(self, x: np.ndarray, span: float) -> Solution:
        walls = []
        for i in map(int, np.flatnonzero(self.frame.walls)):
            name, lo, hi = self.field.variables[i], self.frame.low[i], self.frame.high[i]
            walls += [Event(f"{name} - ({float(hi)!r})", 1, True), Event(f"{name} - ({float(lo)!r})", -1, True)]
        return solve(
            self.field, x, (0.0, float(span)), method=_method(self.field), rtol=RTOL, atol=1e-3 * RTOL * self.scale,
            events=walls, dense=True, stiff_after=None, compiled=False, divergence_bound=1e3 * (1 + self.scale),
        )  # fmt: skip

    def _rest(self, x: np.ndarray) -> np.ndarray | None:
        """The zero at which the curve has arrived, to 1e-7 of the box."""
        J, v = self.field.jacobian(x), self.field(x)
        if not np.isfinite(J).all() or np.linalg.norm(np.linalg.lstsq(J, v, rcond=1e-14)[0]) > 1e-6 * self.scale:
            return None
        zero = polish(self.field, list(x), 1e-6 * self.scale)
        return None if zero is None else np.array([float(c) for c in zero]) + 0.0


def _method(field: AnyField) -> AdaptiveMethod:
    # uncompiled: Taylor's few long steps take less time than to compile a kernel
    return DOP853() if isinstance(field, ArrayField) or field.n > WHOLE else Taylor()


def _name(status: Status) -> str:
    return "box" if status == Status.EVENT else "escape"


def _fine(t: np.ndarray) -> np.ndarray:
    """Times with `FINE` parts a step."""
    parts = np.arange(FINE) / FINE
    return np.append((t[:-1, None] + parts * np.diff(t)[:, None]).ravel(), t[-1])


class _Piece:
    """A piece of a curve: a function of time, and the arclength up to some of its times."""

    def __init__(self, function: Callable[[np.ndarray], np.ndarray], times: np.ndarray, before: float):
        self.function, self.times, self.last = function, times, False
        chords = np.linalg.norm(np.diff(function(times), axis=0), axis=1)
        self.arcs = before + np.concatenate([[0.0], np.cumsum(chords)])

    def at(self, arcs: np.ndarray) -> np.ndarray:
        """The points at those of the arclengths that are in this piece: on the curve itself, not on its chords."""
        own = arcs[(arcs >= self.arcs[0]) & ((arcs < self.arcs[-1]) | self.last)]
        return np.asarray(self.function(np.interp(own, self.arcs, self.times)))
