"""Attractors that a person names: each is verified before anything is said to go to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.attractors import Attractor, attracting_cycle, cycle_multipliers, cycle_near
from analysis.recurrences import LONGEST, Search
from analysis.state_maps import StateMap, difference
from dynsys.errors import InputError
from dynsys.field import as_points


def verified(f: StateMap, given: Sequence[Any] | None, reach: float) -> list[Attractor]:
    """The attractors that these points (n,), or cycles (p, n), stand for, in their order; none if none are given.

    Points need be good enough only for Newton's method to find the cycle within a hundredth of `reach`. More than
    `LONGEST` points are those of a recurrent set, of which the last is followed. Raises `InputError` for a point that
    is no cycle, one that does not attract, with its multiplier, and one given twice.
    """
    found: list[Attractor] = []
    for number, points in enumerate(given if given is not None else ()):
        rows = as_points(points, f.field.variables, f"attractors[{number}]").reshape(-1, f.field.n)
        one = _recurrent(f, rows, number, reach) if len(rows) > LONGEST else _cycle(f, rows, number, reach)
        for before, other in enumerate(found):
            if one.period and other.period and _distance(f, other.points, one.points[0]) < 1e-6 * reach:
                raise InputError(f"attractors[{number}] is attractors[{before}] again; give each once")
        found.append(one)
    return found


def _cycle(f: StateMap, rows: np.ndarray, number: int, reach: float) -> Attractor:
    place = ", ".join(f"{c:.6g}" for c in rows[0])
    what = f"attractors[{number}], {'at' if len(rows) == 1 else 'through'} ({place}),"
    states = cycle_near(f, _entered(f, rows), len(rows), reach)
    if states is None or _distance(f, states, rows[0]) > 0.01 * reach:
        kind = "fixed point" if len(rows) == 1 else f"cycle of {len(rows)} {f.unit}s"
        raise InputError(f"{what} is near no {kind} of the update; give a better point, or let attractors be found")
    found = attracting_cycle(f, states, 0.25 * reach)
    if found is None:
        modulus = abs(cycle_multipliers(f, states)[0])
        raise InputError(f"{what} does not attract: its largest multiplier has modulus {modulus:.6g}; leave it out")
    return found


def _distance(f: StateMap, states: np.ndarray, x: np.ndarray) -> float:
    """That of a point (n,) from the nearest of states (p, k), round a period the shorter way."""
    n = f.field.n
    return float(np.linalg.norm(difference(states[:, :n].T, x[:, None], f.periods[:n]), axis=0).min())


def _entered(f: StateMap, rows: np.ndarray) -> np.ndarray:
    """A state on the cycle: of a method with memory, after some rounds along it."""
    state = f.states(rows[:1])
    if f.size > f.field.n and len(rows) > 1:
        state = f.orbit(state, 50 * len(rows))[-1]
    return np.array(state[:, 0])


def _recurrent(f: StateMap, rows: np.ndarray, number: int, reach: float) -> Attractor:
    search = Search(f, reach, 20_000)
    if not search.run(f.states(rows[-1:])):
        said = f" ({search.refused[-1].reason})" if search.refused else ""
        raise InputError(
            f"attractors[{number}] has {len(rows)} points, from which nothing that attracts is found{said}"
        )
    return search.known[0]
