"""Events: where a function of time and point changes sign along a solution, found on its dense output.

In each step the function is interpolated at Chebyshev points, in halves where that does not resolve it; all roots of
the interpolants cut the step into pieces without one, and the sign of the function itself in each piece decides. So
two roots within a step are found as well as one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.polynomial import chebyshev

from dynsys.array_field import AnyField
from dynsys.codegen import functions_text, numpy_functions
from dynsys.errors import InputError, shown
from dynsys.expressions import expression, symbol

if TYPE_CHECKING:
    from integrators.adaptive.dense_output import DenseOutput

DEGREE = 16
DEEPEST = 8  # halvings of a step in which the function is not resolved: it has a kink or a jump there
RESOLVED = 1e-12  # size of the last coefficients, relative to the largest, that counts as resolved
NODES = 0.5 - 0.5 * np.cos(np.pi * np.arange(DEGREE + 1) / DEGREE)  # Chebyshev-Lobatto points of [0, 1]
TO_COEFFICIENTS = np.linalg.inv(chebyshev.chebvander(2 * NODES - 1, DEGREE)).T

Function = Callable[[np.ndarray, np.ndarray], np.ndarray]  # times (…), points (…, n) -> (…)


@dataclass(frozen=True)
class Event:
    """A crossing of zero to watch for.

    `condition` is an expression in the variables, parameters and time ("t" if the field has none), or a function
    g(t, x) of a time and a point (n,). `direction` is 1 for crossings from below only, -1 for those from above, 0 for
    both. `terminal` ends the run at the first crossing, or at that of this number.
    """

    condition: Any
    direction: int = 0
    terminal: bool | int = False

    def __post_init__(self) -> None:
        if self.direction not in (-1, 0, 1):
            raise InputError(f"direction of an event is {shown(self.direction)}; give 1, -1 or 0 (both)")
        if not isinstance(self.terminal, bool | int | np.integer) or self.terminal < 0:
            raise InputError(
                f"terminal of an event is {shown(self.terminal)}; give True, False or a number of crossings"
            )


@dataclass(frozen=True)
class Crossings:
    """Times t (j,), points x (j, n) of an event's crossings, and their directions (j,), 1 or -1."""

    t: np.ndarray
    x: np.ndarray
    directions: np.ndarray


class Watch:
    """One event along one run: what it has met, and on which side of zero the run is."""

    def __init__(self, event: Event, function: Function, n: int):
        self.event, self.function, self.side = event, function, 0.0
        self.t: list[float] = []
        self.x: list[np.ndarray] = []
        self.directions: list[float] = []
        self.n = n

    def follow(self, dense: DenseOutput) -> float | None:
        """Take note of the crossings in these further steps; the time of the one that ends the run, if it is there."""
        for position, direction in self._crossings(dense):
            if self.event.direction in (0, direction):
                step = min(int(position), len(dense.lengths) - 1)
                x = dense.within(step, position - step)
                self.t.append(float(dense.t[step] + (position - step) * dense.lengths[step]))
                self.x.append(x)
                self.directions.append(direction)
                if self.event.terminal and len(self.t) == int(self.event.terminal):
                    return self.t[-1]
        return None

    def until(self, t: float, forward: bool) -> Crossings:
        """The crossings up to a time."""
        times = np.array(self.t)
        kept = times <= t if forward else times >= t
        return Crossings(times[kept], np.reshape(self.x, (-1, self.n))[kept], np.array(self.directions)[kept])

    def _crossings(self, dense: DenseOutput) -> list[tuple[float, float]]:
        """Positions (step + θ) of all sign changes, in order, with their directions."""
        value = lambda step, theta: self.function(*_place(dense, step, theta))  # noqa: E731
        roots = np.sort(_candidates(value, len(dense.lengths)))
        edges = np.unique(np.concatenate([np.arange(len(dense.lengths) + 1.0), roots]))
        middles = 0.5 * (edges[1:] + edges[:-1])
        steps = np.minimum(middles.astype(int), len(dense.lengths) - 1)
        signs = np.sign(value(steps, middles - steps))
        found, last = [], 0.0
        for middle, sign in zip(middles, signs, strict=True):
            if sign == 0 or np.isnan(sign):
                continue
            if self.side * sign < 0:
                found.append((_root(value, last, float(middle), len(dense.lengths), sign), float(sign)))
            self.side, last = float(sign), float(middle)
        return found


def _place(dense: DenseOutput, step: Any, theta: Any) -> tuple[np.ndarray, np.ndarray]:
    return dense.t[step] + theta * dense.lengths[step], dense.within(step, theta)


def _candidates(value: Callable[[Any, Any], np.ndarray], count: int) -> np.ndarray:
    """Positions among which all roots are: those of the interpolants, and the ends of pieces that stay unresolved."""
    steps, lo, width = np.arange(count), np.zeros(count), 1.0
    found: list[np.ndarray] = []
    for depth in range(DEEPEST + 1):
        theta = lo[:, None] + width * NODES
        values = value(np.broadcast_to(steps[:, None], theta.shape), theta)
        c = values @ TO_COEFFICIENTS
        size = np.abs(c).max(1)
        resolved = np.abs(c[:, -2:]).max(1) <= RESOLVED * size
        possible = ~(np.abs(c[:, 0]) > np.abs(c[:, 1:]).sum(1))  # NaN counts as possible
        for i in np.flatnonzero(resolved & possible & (size > 0)):
            roots = chebyshev.chebroots(chebyshev.chebtrim(c[i], RESOLVED * size[i]))
            near = roots.real[(np.abs(roots.imag) < 1e-6) & (np.abs(roots.real) <= 1 + 1e-9)]
            found.append(steps[i] + lo[i] + width * np.clip(0.5 * (near + 1), 0, 1))
        rest = ~resolved & np.isfinite(size)
        if depth == DEEPEST:
            found += [(steps[i] + theta[i]) for i in np.flatnonzero(rest)]
            break
        steps, lo = np.repeat(steps[rest], 2), np.repeat(lo[rest], 2)
        width *= 0.5
        lo[1::2] += width
        if not len(steps):
            break
    return np.concatenate(found) if found else np.empty(0)


def _root(value: Callable[[Any, Any], np.ndarray], lo: float, hi: float, count: int, sign: float) -> float:
    """The position between lo and hi where the function takes on this sign, to the spacing of θ."""
    from scipy.optimize import brentq

    base = min(int(lo), count - 1)

    def at(offset: float) -> float:
        step = min(base + int(offset), count - 1)
        return float(value(step, base + offset - step))

    left, right = lo - base, hi - base
    if at(left) * sign >= 0:  # the side before was seen in steps before these: the root is where they meet
        return lo
    return base + float(brentq(at, left, right, xtol=1e-300, rtol=4 * np.finfo(float).eps))


def check_events(events: Any, field: AnyField) -> list[Watch]:
    """A watch for each event of a list, or for a single one."""
    if events is None:
        return []
    given = events if isinstance(events, Sequence) and not isinstance(events, str) else [events]
    return [Watch(event, _function(event, field), field.n) for event in map(_as_event, given)]


def _as_event(event: Any) -> Event:
    if isinstance(event, Event):
        return event
    return Event(event, int(np.sign(getattr(event, "direction", 0))), getattr(event, "terminal", False))


def _function(event: Event, field: AnyField) -> Function:
    """The condition on arrays of times and points."""
    if callable(event.condition) and not hasattr(event.condition, "free_symbols"):
        g = event.condition

        def number(s: float, *x: float) -> float:
            value = g(s, np.array(x))
            try:
                return float(value)
            except (TypeError, ValueError):
                raise InputError(f"an event's function gives {shown(value)}; it must give one number") from None

        return lambda t, x: np.vectorize(number, otypes=[float])(t, *np.moveaxis(x, -1, 0))
    time = field.time or ("t" if "t" not in (*field.variables, *field.parameters) else None)
    names = [*field.variables, *field.parameters, *([time] if time else [])]
    formula = expression(event.condition, names, "events")
    symbols = [symbol(name) for name in field.variables]
    others = [symbol(name) for name in (*field.parameters, *([time] if time else []))]
    g = numpy_functions(functions_text({"event": [formula]}, symbols, others))["event"]
    values = tuple(field.parameters.values())

    def on_arrays(t: np.ndarray, x: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            found = g(tuple(np.moveaxis(np.asarray(x), -1, 0)), (*values, t) if time else values)[0]
        return np.broadcast_to(np.asarray(found, dtype=float), np.shape(t))

    return on_arrays
