"""Cycles that an orbit of an update is on or converges to."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.iterations import Iteration
from analysis.precision import polish

NEUTRAL = (
    1e-6  # |ζ| - 1 of a multiplier that counts as on the unit circle: at a double one rounding costs half the digits
)
ROUNDING = 1e-12  # of states that return, relative to their size
AHEAD = 8  # times the orbit's length for which an approach must last


def extent(rows: np.ndarray) -> float:
    """The size to which gaps between these states are compared."""
    return 1 + float(np.abs(rows).max())


def likely_periods(iteration: Iteration, rows: np.ndarray, longest: int) -> Iterator[int]:
    """Numbers of steps after which the orbit's last states return: to rounding, then nearly and at most `longest`.

    Those to rounding reach to half of the states, the least first; of the others each is nearer than those before.
    """
    gaps = np.abs(iteration.difference(rows[-2 : -2 - len(rows) // 2 : -1].T, rows[-1][:, None])).max(0)
    exact = (int(p) for p in 1 + np.flatnonzero(gaps <= ROUNDING * extent(rows[-1])))
    closing = next((p for p in exact if returns(iteration, rows, p)), None)
    if closing is not None:
        yield closing
    last = rows[-3 * longest :]
    scale, closest = extent(last), np.inf
    for p in range(1, longest + 1):
        gap = float(np.abs(iteration.difference(last[-longest:].T, last[-longest - p : -p].T)).max())
        if gap <= 0.05 * scale and gap <= 0.5 * closest:
            closest = gap
            yield p


def returns(iteration: Iteration, rows: np.ndarray, p: int) -> bool:
    """Whether the orbit's last p states are those before them, to rounding."""
    gaps = iteration.difference(rows[-p:].T, rows[-2 * p : -p].T)
    return bool(np.abs(gaps).max() <= ROUNDING * extent(rows[-p:]))


def no_zero(iteration: Iteration, state: np.ndarray, reach: float) -> bool:
    """Whether the field has no zero near the state's point: it may be at rest on a plateau, to rounding.

    A state that returns by whole turns of its variables with a period is at rest without a zero.
    """
    turning = iteration.wrapped[: iteration.field.n]
    moved = np.abs(iteration.h * iteration.field(state[: iteration.field.n]))
    if (moved[turning] > 0.5 * iteration.period[: iteration.field.n][turning]).any():
        return False
    return polish(iteration.field, [float(c) for c in state[: iteration.field.n]], reach) is None


def converges(iteration: Iteration, rows: np.ndarray, state: np.ndarray, p: int) -> bool:
    """Whether the orbit's last state is the cycle's `state` to rounding, or the orbit converges to the cycle.

    An orbit on a curve of its own beside a neutral cycle may come nearer for thousands of steps, and leave again. One
    that converges makes shorter and shorter steps Fᵖ(s) - s, too, and goes on so.
    """
    rounding = 1e-11 * extent(rows)
    if np.linalg.norm(iteration.difference(rows[-1], state)) <= rounding:
        return True
    if len(rows) < 4 * p or not (_falling(iteration, rows, state, p, 3) < 0.98).all():
        return False
    if np.abs(np.linalg.eigvals(iteration.jacobian(state, p))).max() > 1 + NEUTRAL:
        return False
    count = AHEAD * len(rows) // p * p
    later = iteration.orbit(rows[-1], count)
    if len(later) <= count:
        return False
    if np.linalg.norm(iteration.difference(later[-1], state)) <= rounding:
        return True
    ratios = _falling(iteration, later, state, p, AHEAD)
    return bool((ratios < 1).all() and (ratios.prod(1) < 0.75).all())


def _falling(iteration: Iteration, rows: np.ndarray, state: np.ndarray, p: int, parts: int) -> np.ndarray:
    """Ratios (2, parts - 1) of the largest distance from the state, and step, in a part of the orbit to those before.

    Of every p-th state, the last among them.
    """
    same_phase = rows[::-p][::-1]
    distances = np.linalg.norm(iteration.difference(same_phase.T, state[:, None]), axis=0)
    steps = np.linalg.norm(iteration.difference(same_phase[1:].T, same_phase[:-1].T), axis=0)
    largest = np.array([[part.max() for part in np.array_split(each, parts)] for each in (distances, steps)])
    return largest[:, 1:] / np.maximum(largest[:, :-1], 1e-300)


def closes_beside(iteration: Iteration, state: np.ndarray, M: np.ndarray, p: int) -> bool:
    """Whether states beside a neutral cycle close after p steps, too: along the kernel of M - I, M = (Fᵖ)'."""
    _, sizes, directions = np.linalg.svd(M - np.eye(iteration.k))
    if sizes[-1] > 1e-6 * max(1.0, sizes[0]):
        return False
    scale = 1e-2 * extent(state)
    return all(
        iteration.closed(state + sign * scale * directions[-1], p, reach=0.2 * scale) is not None for sign in (1, -1)
    )
