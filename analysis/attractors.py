"""Attractors as the update's Jacobian sees them: cycles, their multipliers and the balls they swallow; and sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import solve_discrete_lyapunov

from analysis.classification import classify
from analysis.places import wrapped_near
from analysis.portraits import kind_of
from analysis.state_maps import StateMap, difference
from dynsys.array_field import AnyField
from dynsys.errors import InputError
from integrators.arrivals import UNDECIDED, Cells, Traps

FINEST = 1 << 20  # cells that recurrent sets are told apart by
CROWD = 40  # recorded points of recurrent sets for each of their cells


@dataclass(frozen=True, eq=False)
class Attractor:
    """Where runs end: a "fixed point", a "cycle" or a "recurrent set" (an invariant curve, or chaos).

    `points` (p, n) are a cycle's, in order, or of a recurrent set as many as were recorded; `multipliers` are those of
    one round; of a recurrent set `contraction` is the mean of log|det| of the update's Jacobian, in which its volumes
    shrink. Everything within `radius` of a cycle's points goes to it.
    """

    kind: str
    points: np.ndarray
    period: int | None
    multipliers: np.ndarray | None
    contraction: float
    states: np.ndarray
    radii: np.ndarray

    @property
    def radius(self) -> float | None:
        """That of the smallest ball; None for a recurrent set."""
        return float(self.radii.min()) if len(self.radii) else None

    @property
    def text(self) -> str:
        """In words."""
        middle = self.points[0] if self.period else self.points.mean(0)
        place = ", ".join(f"{c:.6g}" for c in middle.round(9) + 0.0)
        name = f"cycle of {self.period}" if self.kind == "cycle" else self.kind
        return f"{name} {'through' if self.kind == 'cycle' else 'at' if self.period else 'about'} ({place})"

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; of a recurrent set only its extent."""
        low, high = self.points.min(0), self.points.max(0)
        m = self.multipliers
        return {
            "kind": self.kind,
            "period": self.period,
            "points": self.points.tolist() if self.period else None,
            "extent": [[float(a), float(b)] for a, b in zip(low, high)],
            "multipliers": None if m is None else [[float(z.real), float(z.imag)] for z in m],
            "contraction": self.contraction,
            "radius": self.radius,
        }


def kind_in_game(field: AnyField, found: Attractor) -> str:
    """What the fixed point is in the field's game, a kind of `analysis.portraits.KINDS`; "" outside of games."""
    if found.period != 1 or getattr(field, "game", None) is None:
        return ""
    try:
        return kind_of(classify(field, found.points[0]), attracts=True)
    except InputError:  # the update rests where the field does not vanish
        return ""


def cycle_near(f: StateMap, state: np.ndarray, period: int, reach: float) -> np.ndarray | None:
    """The states (p, k) of the cycle that Newton's method finds from a state (k,), p a divisor of `period`, or None.

    A step longer than `reach` ends it.
    """
    x, unit = state.copy(), np.eye(len(state))
    small = 1e-12 if f.exact < 1e-7 else 1e-8
    for _ in range(30):
        image, J = f.linearised(x[:, None], period)
        residual = difference(image, x[:, None], f.periods)[:, 0]
        if not (np.isfinite(residual).all() and np.isfinite(J).all()):
            return None
        step = np.linalg.lstsq(J[0] - unit, residual, rcond=1e-13)[0]
        if np.linalg.norm(step) > reach:
            return None
        x = x - step
        if np.linalg.norm(step) <= small * (1 + np.linalg.norm(x)):
            break
    else:
        return None
    turn = np.array([w or 0.0 for w in f.periods])
    x = wrapped_near(x, turn / 2, turn)
    rounds = f.orbit(x[:, None], period)[:, :, 0]
    close = 1e3 * small * (1 + float(np.abs(rounds).max()))
    gaps = [np.linalg.norm(difference(y, x, f.periods)) for y in rounds]
    if not gaps[period] <= close:
        return None
    least = next(p for p in range(1, period + 1) if period % p == 0 and gaps[p] <= close)
    states: np.ndarray = rounds[:least]
    return states


def cycle_multipliers(f: StateMap, states: np.ndarray) -> np.ndarray:
    """The eigenvalues of one round of the cycle, largest modulus first."""
    values = np.linalg.eigvals(f.linearised(states[:1].T, len(states))[1][0])
    return values[np.argsort(-np.abs(values), kind="stable")]


def attracting_cycle(f: StateMap, states: np.ndarray, reach: float) -> Attractor | None:
    """The cycle as an attractor; None if a multiplier is not inside the unit circle, or no ball about it contracts."""
    values = cycle_multipliers(f, states)
    if not np.abs(values).max() < 1 - f.exact:
        return None
    radii = [swallowed_radius(f, state, len(states), reach) for state in states]
    if min(radii) == 0:
        return None
    n, size = f.field.n, np.abs(np.prod(values))
    contraction = float(np.log(max(size, 1e-300)) / len(states))
    kind = "fixed point" if len(states) == 1 else "cycle"
    order = np.arange(len(states)) if len(states) == 1 else _turned(states)
    return Attractor(kind, states[order, :n], len(states), values, contraction, states[order], np.array(radii)[order])


def _turned(states: np.ndarray) -> np.ndarray:
    """The order of a cycle that begins at its first point by coordinates, whatever point it was found from."""
    first = np.lexsort(states.round(9).T[::-1])[0]
    return np.roll(np.arange(len(states)), -first)


def swallowed_radius(f: StateMap, state: np.ndarray, period: int, reach: float) -> float:
    r"""The radius of a ball about a state of an attracting cycle that the cycle swallows; 0 if none is found.

    With M the derivative of one round F, q = (1 + ρ(M))/2 and P = Σ (Mᵀ)ʲMʲ/q²ʲ (a Lyapunov equation), M contracts the
    norm |u|² = uᵀPu. The ellipsoid |u| ≤ s is convex: if |F'(c + u)| ≤ θ < 1 in it, F maps it into itself and
    contracts it to c by the mean value theorem. Taken is the largest s ≤ reach, halved again and again, for which F' on
    a net in the ellipsoid keeps half of the margin of M and F itself contracts the net; the ball has half the inscribed
    radius.
    """
    size = len(state)
    M = f.linearised(state[:, None], period)[1][0]
    q = (1 + float(np.abs(np.linalg.eigvals(M)).max())) / 2
    P = solve_discrete_lyapunov((M / q).T, np.eye(size))
    try:
        L = np.linalg.cholesky((P + P.T) / 2).T  # |u|_P = |Lu|
    except np.linalg.LinAlgError:
        return 0.0
    back = np.linalg.inv(L)
    margin = (1 + np.linalg.norm(L @ M @ back, 2)) / 2
    if not margin < 1:
        return 0.0
    directions = _directions(size, f.probes)
    net = back @ np.concatenate([directions, 0.6 * directions]).T
    s = reach * float(np.linalg.norm(L, 2))
    for _ in range(60):
        u = s * net
        images, J = f.linearised(state[:, None] + u, period)
        moved = np.linalg.norm(L @ difference(images, state[:, None], f.periods), axis=0)
        with np.errstate(all="ignore"):
            good = np.isfinite(J).all() and (np.linalg.norm(L @ J @ back, 2, axis=(1, 2)) <= margin).all()
        if good and (moved <= margin * np.linalg.norm(L @ u, axis=0) + 1e-9 * s).all():
            return 0.5 * s / float(np.linalg.norm(L, 2))
        s /= 2
    return 0.0


def _directions(size: int, probes: int) -> np.ndarray:
    if size == 1:
        return np.array([[1.0], [-1.0]])
    if size == 2:
        angle = 2 * np.pi * np.arange(2 * probes) / (2 * probes)
        return np.stack([np.cos(angle), np.sin(angle)], 1)
    drawn = np.random.default_rng(0).normal(size=(probes * size, size))
    drawn = np.concatenate([np.eye(size), -np.eye(size), drawn])
    return drawn / np.linalg.norm(drawn, axis=1)[:, None]


def traps_of(f: StateMap, attractors: Sequence[Attractor]) -> Traps:
    """The balls of all cycles and the cells of all recurrent sets; a cell that two sets visit is none's."""
    owners = [i for i, a in enumerate(attractors) for _ in a.radii]
    balls = [a for a in attractors if len(a.radii)]
    if not attractors:
        return Traps.none(f.size)
    centres = np.concatenate([a.states for a in balls]) if balls else np.empty((0, f.size))
    radii = np.concatenate([a.radii for a in balls]) if balls else np.empty(0)
    sets = [(i, a.points) for i, a in enumerate(attractors) if a.period is None]
    cells = _cells(sets, f.field.n) if sets else None
    return Traps(centres, radii**2, np.array(owners, np.int64), cells, tuple(f.periods))


def _cells(sets: Sequence[tuple[int, np.ndarray]], n: int) -> Cells:
    points = np.concatenate([p for _, p in sets])
    low, high = points.min(0), points.max(0)
    count = max(4, min(1024, int(FINEST ** (1 / n))))
    while True:
        side = np.maximum((high - low) / (count - 3), 1e-9 * (1 + np.abs(points).max()))
        cells = ((points - low) / side + 1.5).astype(np.int64)
        if count <= 16 or len(np.unique(np.ravel_multi_index(tuple(cells.T), (count,) * n))) * CROWD <= len(points):
            break  # the more points a cell, the fewer cells of the sets are missing
        count //= 2
    grid = Cells(low - 1.5 * side, side, np.full((count,) * n, UNDECIDED))
    shared, begin = np.zeros(grid.owner.shape, bool), 0
    for i, part in sets:
        index = tuple(cells[begin : begin + len(part)].T)
        shared[index] |= (grid.owner[index] != UNDECIDED) & (grid.owner[index] != i)
        grid.owner[index] = i
        begin += len(part)
    grid.owner[shared] = UNDECIDED
    return grid
