"""Attractors found by recurrences: runs that return to the cells of a grid that they have visited, and then a verdict.

Datseris & Wagemakers (2022) take for an attractor what a run visits again and again. Slow passages of saddles and
heteroclinic cycles recur, too, so here the update's Jacobian decides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.attractors import Attractor, attracting_cycle, cycle_multipliers, cycle_near, traps_of
from analysis.state_maps import StateMap, difference
from integrators.arrivals import ESCAPE, HITS, UNDECIDED

LONGEST = 64  # period of a cycle; longer ones are recurrent sets
PICKED = 12  # runs that are looked at in a round
ATTEMPTS = 3  # runs in a round that are followed to see whether they are on a recurrent set
MOST = 64  # attractors; more are a family, of which no member attracts
SETTLE = 10.0  # e-folds of contraction after which a run is on its set
PATIENCE = 50  # times the steps of the question that a run may take to settle
BESIDE = 1e-6  # of the region: a run that comes so near a saddle follows its manifolds
STEADY = 0.75  # of its mean speed before, that a run keeps which recurs for ever


@dataclass(frozen=True, eq=False)
class Refusal:
    """What recurs but does not attract: a state's point, the modulus of the largest multiplier if known, and why."""

    x: np.ndarray
    modulus: float | None
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return {"x": self.x.tolist(), "modulus": self.modulus, "reason": self.reason}


class Search:
    """The attractors known so far of a map, and what was refused; `reach` is the size of the region."""

    def __init__(self, f: StateMap, reach: float, steps: int, known: list[Attractor] | None = None):
        self.f, self.reach, self.steps = f, reach, steps
        self.known: list[Attractor] = list(known or [])
        self.refused: list[Refusal] = []
        self.traps = traps_of(f, self.known)
        self.attempts = 0

    def run(self, states: np.ndarray) -> bool:
        """Follow the states (k, m) until each is in a trap, escapes or had its steps; whether anything was found."""
        live, before, looks, taken = states, len(self.known), max(1, 256 // self.f.look), 0
        while live.shape[1] and taken < 2 * self.steps and len(self.known) < MOST:
            live = self._left(live, looks)
            taken += looks * self.f.look
            window = min(max(64, looks * self.f.look), self.f.window)
            while live.shape[1] and len(self.known) < MOST and self._round(live, window):
                live = self._left(live, looks)
            looks *= 2
        return len(self.known) > before

    def confirm(self, states: np.ndarray) -> None:
        """Narrow all balls a hundredfold, up to three times, if of the states (k, m) one arrives elsewhere then.

        A ball is probed on a net; runs that really come into it are followed on as a second test of it.
        """
        looks = -(-self.steps // self.f.look)
        for _ in range(3):
            narrow = replace(self.traps, squared=1e-4 * self.traps.squared)
            first, then = (self.f.follow(states, traps, looks).label for traps in (self.traps, narrow))
            if (first == then)[(first >= 0) & (then >= 0)].all() and not ((first >= 0) & (then == ESCAPE)).any():
                return
            self.known = [replace(a, radii=0.01 * a.radii) for a in self.known]
            self.traps = traps_of(self.f, self.known)

    def _left(self, states: np.ndarray, looks: int) -> np.ndarray:
        run = self.f.follow(states, self.traps, looks)
        return run.states[:, run.label == UNDECIDED]

    def _round(self, live: np.ndarray, window: int) -> bool:
        """Whether one of the runs picked shows a new attractor."""
        picked = np.unique(np.linspace(0, live.shape[1] - 1, PICKED).astype(int))
        self.attempts = 0
        orbits = self.f.orbit(live[:, picked], window)
        return any([self._examined(orbits[:, :, i]) for i in range(len(picked))])

    def _examined(self, orbit: np.ndarray) -> bool:
        if not np.isfinite(orbit).all() or len(self.known) >= MOST or self._is_known(orbit[-1]):
            return False
        if self._has_cycle(orbit, [1]):
            return True
        at_rest = np.ptp(orbit, axis=0).max() < BESIDE * self.reach
        if at_rest or not recurs(orbit[:, : self.f.field.n], 1e-3 * self.reach, self.f.cells):
            return False
        if self._has_cycle(orbit, likely_periods(orbit, self.f.periods)):
            return True
        if len(orbit) <= min(1024, self.f.window // 2) or self.attempts >= ATTEMPTS:
            return False
        self.attempts += 1
        return self._has_set(orbit[-1], orbit)

    def _is_known(self, state: np.ndarray) -> bool:
        return bool(
            self.f.follow(state[:, None], self.traps, 1 if self.traps.cells is None else 4 * HITS).label[0] >= 0
        )

    # --- cycles -----------------------------------------------------------------------------------

    def _has_cycle(self, orbit: np.ndarray, periods: list[int]) -> bool:
        """Whether Newton's method finds an attracting cycle of one of these periods that was not known."""
        for period in periods:
            states = cycle_near(self.f, orbit[-1], period, self.reach)
            if states is None or self._has(states[0]):
                continue
            found = attracting_cycle(self.f, states, 0.25 * self.reach)
            if found is not None:
                self._add(found)
                return True
            self._refuse(orbit[-1], states)
        return False

    def _has(self, state: np.ndarray) -> bool:
        close = 1e-6 * (1 + self.reach)
        return any(
            np.linalg.norm(difference(state, other, self.f.periods)) < close for a in self.known for other in a.states
        )

    def _refuse(self, at: np.ndarray, states: np.ndarray) -> None:
        """Take note of a cycle that does not attract, if the run is beside it."""
        n = self.f.field.n
        near = min(np.linalg.norm(difference(at, state, self.f.periods)) for state in states) < 1e-2 * self.reach
        if near and not any(np.linalg.norm(states[0, :n] - r.x) < 1e-6 * (1 + self.reach) for r in self.refused):
            modulus = float(np.abs(cycle_multipliers(self.f, states)[0]))
            kind = "repels" if modulus > 1 + self.f.exact else "is neutral" if modulus > 1 - self.f.exact else "is tiny"
            name = "fixed point" if len(states) == 1 else f"cycle of {len(states)}"
            self.refused.append(Refusal(states[0, :n], modulus, f"a {name} that {kind}"))

    def _add(self, found: Attractor) -> None:
        self.known.append(found)
        self.traps = traps_of(self.f, self.known)

    # --- recurrent sets ---------------------------------------------------------------------------

    def _has_set(self, state: np.ndarray, orbit: np.ndarray) -> bool:
        """Whether a run that recurs does so for ever, on a set that volumes shrink to."""
        f, n = self.f, self.f.field.n
        shrinking = self._contraction(orbit)
        if not shrinking < -1e-9:
            return self._refuse_set(state, "a set on which volumes do not shrink")
        needed = SETTLE * f.size / -shrinking / f.look
        if needed > PATIENCE * self.steps:
            return self._refuse_set(state, "a set that runs settle on too slowly to tell; raise steps")
        left = self._left(state[:, None], int(needed) + 1)
        if not left.shape[1]:
            return False
        orbit = f.orbit(left, 2 * f.window)[:, :, 0]
        if not np.isfinite(orbit).all():
            return False
        if self._has_cycle(orbit, likely_periods(orbit, f.periods)):
            return True
        lengths = np.linalg.norm(difference(orbit[1:, :n].T, orbit[:-1, :n].T, f.periods[:n]), axis=0)
        first, second = lengths[: f.window].mean(), lengths[f.window :].mean()
        if not recurs(orbit[:, :n], 1e-3 * self.reach, f.cells):
            return False
        if second < STEADY * first or first < STEADY * second:
            return self._refuse_set(orbit[-1], "a run that slows down: a passage of saddles, or a heteroclinic cycle")
        if self._passes_a_saddle(orbit):
            return False
        points = f.recorded(orbit[-1])[:, :n]
        if not np.isfinite(points).all():
            return False
        nothing = np.empty((0, f.size)), np.empty(0)
        found = Attractor("recurrent set", points, None, None, self._contraction(orbit), *nothing)
        owners = np.full(1, UNDECIDED) if self.traps.cells is None else self.traps.cells.owners(points.T)
        if (owners >= 0).mean() > 0.5:  # more of one that is known
            old = int(np.bincount(owners[owners >= 0]).argmax())
            self.known[old] = replace(found, points=np.concatenate([self.known[old].points, points]))
            self.traps = traps_of(f, self.known)
            return True
        self._add(found)
        return True

    def _passes_a_saddle(self, orbit: np.ndarray) -> bool:
        """Whether the run comes to a fixed point that repels nearer than chance leads a set that recurs.

        Rounding keeps a run on a heteroclinic cycle from slowing down for ever, some 1e-16 beside its saddles.
        """
        moves = np.linalg.norm(difference(orbit[1:].T, orbit[:-1].T, self.f.periods), axis=0)
        slowest = orbit[int(moves.argmin())]
        states = cycle_near(self.f, slowest, 1, self.reach)
        if states is None or np.linalg.norm(difference(slowest, states[0], self.f.periods)) > BESIDE * self.reach:
            return False
        self._refuse(slowest, states)
        return not self._refuse_set(slowest, "a run that passes within rounding of a saddle")

    def _contraction(self, orbit: np.ndarray) -> float:
        """The mean of log|det| of the map's derivative along a run."""
        some = orbit[:: max(1, len(orbit) // 512)]
        det = np.abs(np.linalg.det(self.f.linearised(some.T, 1)[1]))
        return float(np.log(np.maximum(det, 1e-300)).mean())

    def _refuse_set(self, state: np.ndarray, reason: str) -> bool:
        if not any(r.reason == reason for r in self.refused):
            self.refused.append(Refusal(state[: self.f.field.n].copy(), None, reason))
        return False


def recurs(points: np.ndarray, least: float, cells: int = 64) -> bool:
    """Whether the second half of a run (k, n) stays in cells that its first half has visited.

    The run's extent in a variable has `cells` cells, at most 16 where there are more than two variables, of a side that
    is at least `least`.
    """
    low = points.min(0)
    side = np.maximum(np.ptp(points, axis=0) / (cells if points.shape[1] <= 2 else min(cells, 16)), least)
    visited = ((points - low) / side).astype(np.int64) @ (70 ** np.arange(points.shape[1], dtype=np.int64))
    half = len(visited) // 2
    return bool(np.isin(visited[half:], visited[:half]).mean() >= 0.97)


def likely_periods(orbit: np.ndarray, periods: list[float | None]) -> list[int]:
    """The first three periods after which the end of a run comes back to within a twentieth of its extent."""
    extent = float(np.ptp(orbit[len(orbit) // 2 :], axis=0).max())
    last = orbit[-1]
    gaps = [
        np.linalg.norm(difference(last, orbit[-1 - p], periods)) for p in range(1, min(LONGEST, len(orbit) // 2) + 1)
    ]
    return [p for p, gap in enumerate(gaps, 1) if gap <= 0.05 * extent + 1e-12][:3]
