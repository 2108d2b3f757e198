"""Periodic orbits by single shooting: returns to a section, Newton's method on them, and the least period.

Orbits close modulo whole turns of the variables that have a period.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import sympy as sp

from analysis.variations import Variation
from dynsys.expressions import symbol
from integrators.adaptive.crossings import Event

CROSSINGS = 48  # of a section, among which the orbit's return is looked for
STEPS = 10_000  # of one solution; backwards a strongly dissipative flow takes ever shorter ones
IDLE = 6  # Newton steps without a better one: of a chaotic flow they go on for ever


class Shot(NamedTuple):
    """A closed orbit: a point x of it, the period T with the sign of time, M(T), and the last Newton step."""

    x: np.ndarray
    T: float
    M: np.ndarray
    closing: float


def first_return(
    flow: Variation, x: np.ndarray, limit: float, backward: bool, bound: float
) -> tuple[np.ndarray, float] | None:
    """Where and after which time the orbit comes back to x as nearly as any of its crossings of the section."""
    event = Event(_section(flow, x), direction=-1 if backward else 1, terminal=CROSSINGS)
    run = flow.solution(x, -limit if backward else limit, rtol=1e-9, events=event, divergence_bound=bound)
    crossings = run.events[0]
    if not len(crossings.t):
        return None
    extent = flow.extent(run)
    away = np.linalg.norm(flow.difference(crossings.x, x), axis=1)
    near = np.flatnonzero(away <= 1e-3 * extent)
    k = int(near[0]) if len(near) else int(np.argmin(away))
    return (crossings.x[k], abs(float(crossings.t[k]))) if away[k] <= 0.3 * extent else None


def closed(flow: Variation, x: np.ndarray, period: float, along: np.ndarray | None = None) -> Shot | None:
    """The periodic orbit near x; None where Newton finds none, or an equilibrium.

    `period` has the sign of the direction to follow; along the vector `along` the orbit may not move.
    """
    n, first, T = flow.field.n, x.copy(), period
    speed = float(np.linalg.norm(flow.field(first)))
    normal = flow.field(first) / speed
    fixed = np.array([normal] if along is None else [normal, along])
    best, kept = np.inf, None
    for _ in range(4):  # onto the section: where returns are the identity, an error of T would move x along it
        run = flow.solution(x, T, max_steps=STEPS)
        if not run.success:
            return None
        image = run.x[-1]
        late = float(normal @ flow.difference(image, x)) / max(float(normal @ flow.field(image)), 1e-3 * speed)
        T -= math.copysign(min(abs(late), 0.1 * abs(T)), late)
    idle = 0
    while idle < IDLE:
        carried = flow.carried(x, T, max_steps=STEPS)
        if carried is None:
            return None
        image, M = carried
        A = np.zeros((n + len(fixed), n + 1))
        A[:n, :n], A[:n, n], A[n:, :n] = M - np.eye(n), flow.field(image), fixed
        residual = np.append(flow.difference(image, x), fixed @ (x - first))
        step = np.linalg.lstsq(A, residual, rcond=1e-10)[0]
        size = 1 + float(np.linalg.norm(x))
        # what no step mends, as on an irrational torus, where M = I, counts as well
        unmet = float(np.linalg.norm(residual - A @ step)) / size
        length = float(np.linalg.norm(step[:n])) / size + abs(float(step[n]) / T)
        if max(length, unmet) < best:
            best, kept, idle = max(length, unmet), Shot(x, T, M, length), 0
        elif best < 1e-9:
            break
        idle += 1
        x, T = x - step[:n], T - float(step[n])
        if not 0.2 < T / period < 5 or not np.isfinite(x).all():
            return None
        if length < 1e-14:
            break
    if best > 1e-8 or kept is None or np.linalg.norm(flow.field(kept.x)) < 1e-4 * speed:
        return None
    return kept


def least(flow: Variation, orbit: Shot) -> Shot:
    """The same orbit with its least period: a crossing of the section at x itself divides T."""
    x, T = orbit.x, orbit.T
    run = flow.solution(x, T * (1 - 1e-6), events=Event(_section(flow, x), direction=1 if T > 0 else -1), rtol=1e-11)
    near = 1e-7 * flow.extent(run)
    for t, at in zip(run.events[0].t, run.events[0].x, strict=True):
        if np.linalg.norm(flow.difference(at, x)) <= near and t / T < 0.9:
            return closed(flow, x, T / round(T / float(t))) or orbit
    return orbit


def _section(flow: Variation, x: np.ndarray) -> Any:
    """v(x)·(y - x) as an expression in y, which vanishes on the section through x and, for small gaps, on its images.

    In a variable with the period w the gap y - x counts as sin(2π(y - x)/w) w/2π, which all its images share.
    """
    normal = flow.field(x) / np.linalg.norm(flow.field(x))
    terms = []
    for name, c, a, w in zip(flow.field.variables, normal, x, flow.period, strict=True):
        gap, rate = symbol(name) - float(a), 2 * math.pi / w if w else 0.0
        terms.append(float(c) * (sp.sin(rate * gap) / rate if w else gap))
    return sp.Add(*terms)
