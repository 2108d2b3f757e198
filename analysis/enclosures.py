"""The maximum of an expression over a box between proved bounds: interval arithmetic, branch and bound.

Moore, Kearfott & Cloud (2009).
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import sympy as sp
from mpmath import iv

from dynsys.expressions import exact
from dynsys.functions import logistic, softplus

UNKNOWN = iv.mpf([-mp.inf, mp.inf])
ACCURATE = 1e-9  # relative gap between the bounds at which the search for a maximum ends
FEW_CORNERS = 12  # variables of a multi-affine function whose corners are all looked at
Place = Mapping[sp.Symbol, Any]


@dataclass(frozen=True)
class Maximum:
    """`lower` ≤ max u ≤ `upper`, u being at least `lower` at `place`; and how that is known."""

    lower: float
    upper: float
    place: tuple[float, ...]
    reason: str

    @property
    def is_tight(self) -> bool:
        """Whether the bounds agree to `ACCURATE`, relative to 1 + |max u|."""
        return bool(self.upper - self.lower <= 2 * ACCURATE * (1 + abs(self.lower)))


def maximum(
    u: sp.Expr, symbols: Sequence[sp.Symbol], box: Sequence[Sequence[float]], found: Sequence[Any], budget: int
) -> Maximum:
    """The maximum of u over the box, between bounds that hold in spite of rounding.

    Multi-affine functions have it at a corner, polynomials in one variable at an end or at a root of the derivative,
    isolated exactly; others are bounded by halving parts of the box at most `budget` times. `found` are points to look
    at first. The box and the points mean the decimal numbers that their floats are shown as.
    """
    if not u.free_symbols:
        return _highest(u, symbols, [tuple(found[0])], "the payoff does not depend on the player's own variables")
    if len(symbols) <= FEW_CORNERS and all(sp.expand(sp.diff(u, s, 2)) == 0 for s in symbols):
        return _highest(u, symbols, list(itertools.product(*box)), "affine in each own variable: the best corner")
    if len(symbols) == 1 and u.is_polynomial(*symbols):
        critical = _critical(u, symbols[0], box[0])
        if critical is not None:
            return _highest(u, symbols, [*critical, *zip(box[0])], "polynomial in one own variable: critical points")
    return _Search(u, symbols, box).run(found, budget)


def _highest(u: sp.Expr, symbols: Sequence[sp.Symbol], places: Sequence[Any], reason: str) -> Maximum:
    """The highest of the values at places of which one is the maximum's; coordinates are floats or intervals."""
    values = [enclosed(u, dict(zip(symbols, map(_interval, place), strict=True))) for place in places]
    best = max(range(len(places)), key=lambda k: _ends(values[k])[0])
    upper = max(_ends(value)[1] for value in values)
    place = tuple(float(c) if isinstance(c, int | float) else float(c.mid.a) for c in places[best])
    return Maximum(_ends(values[best])[0], upper, place, reason)


def _critical(u: sp.Expr, s: sp.Symbol, ends: Sequence[float]) -> list[tuple[Any]] | None:
    """Narrow intervals, one round each zero of the polynomial's derivative between the ends; None if not over ℚ."""
    try:
        slope = sp.Poly(sp.diff(u, s), s, domain="QQ")
    except (sp.PolynomialError, sp.CoercionFailed):
        return None
    low, high = map(exact, ends)
    roots = slope.sqf_part().intervals(eps=sp.Rational(1, 2**60), inf=low, sup=high)
    return [(_hull(max(root[0][0], low), min(root[0][1], high)),) for root in roots]


def enclosed(e: sp.Expr, place: Place) -> Any:
    """An interval that holds all values of e over the intervals in `place`; unbounded where it may be undefined."""
    if e in place:
        return place[e]
    if isinstance(e, sp.Rational | sp.Float):
        q = sp.Rational(e)
        return iv.mpf(int(q.p)) / iv.mpf(int(q.q))
    if isinstance(e, sp.NumberSymbol):
        return {sp.pi: iv.pi, sp.E: iv.e}[e] + 0 if e in (sp.pi, sp.E) else UNKNOWN
    if e.is_Pow:
        return _power(e, place)
    parts = [enclosed(part, place) for part in e.args]
    if e.is_Add or e.is_Mul:
        total = parts[0]
        for part in parts[1:]:
            total = total + part if e.is_Add else total * part
        return total
    try:
        return FUNCTIONS[e.func](*parts)
    except (KeyError, ValueError, ZeroDivisionError):  # out of the function's domain
        return UNKNOWN


def _power(e: sp.Expr, place: Place) -> Any:
    base, exponent = enclosed(e.base, place), e.exp
    if exponent.is_Integer:
        power = base ** abs(int(exponent))
        if exponent > 0:
            return power
        return UNKNOWN if 0 in power else 1 / power
    if exponent == sp.Rational(1, 2):
        return UNKNOWN if base.a < 0 else iv.sqrt(base)
    if e.base == sp.E:
        return iv.exp(enclosed(exponent, place))
    return UNKNOWN if base.a <= 0 else iv.exp(enclosed(exponent, place) * iv.log(base))


def _rising(function: Any) -> Any:
    """An increasing function on intervals, from its values at the ends at twice the precision, rounded outwards."""

    def on_interval(t: Any) -> Any:
        with mp.workprec(106):
            low, high = (function(mp.mpf(end)) for end in _ends(t))
            if isinstance(low, mp.mpc) or isinstance(high, mp.mpc):
                return UNKNOWN
            return iv.mpf([math.nextafter(float(low), -math.inf), math.nextafter(float(high), math.inf)])

    return on_interval


FUNCTIONS: dict[Any, Any] = {
    sp.exp: iv.exp,
    sp.log: lambda t: iv.log(t) if t.a > 0 else UNKNOWN,
    sp.sin: iv.sin,
    sp.cos: iv.cos,
    sp.tan: lambda t: iv.sin(t) / iv.cos(t) if 0 not in iv.cos(t) else UNKNOWN,
    sp.asin: _rising(mp.asin),
    sp.acos: lambda t: -_rising(lambda c: -mp.acos(c))(t),
    sp.atan: _rising(mp.atan),
    sp.sinh: _rising(mp.sinh),
    sp.cosh: lambda t: _rising(mp.cosh)(abs(t)),
    sp.tanh: _rising(mp.tanh),
    logistic: lambda t: 1 / (1 + iv.exp(-t)),
    softplus: lambda t: iv.log(1 + iv.exp(t)),
}


class _Search:
    """Branch and bound: the part of the box with the highest bound is halved until the bounds meet."""

    def __init__(self, u: sp.Expr, symbols: Sequence[sp.Symbol], box: Sequence[Sequence[float]]):
        self.u, self.symbols, self.box = u, symbols, box
        self.slopes = [sp.diff(u, s) for s in symbols]

    def run(self, found: Sequence[Any], budget: int) -> Maximum:
        """The maximum, from the value at the best of the points found and the bounds on at most `budget` parts."""
        best = _highest(self.u, self.symbols, [tuple(x) for x in found], "")
        lower, place, ties, halved = best.lower, best.place, itertools.count(), 0
        heap: list[Any] = []
        self.push(heap, next(ties), [_hull(*map(exact, pair)) for pair in self.box], lower)
        while heap and halved < budget:
            bound, _, widest, part = heap[0]
            value, middle = self.at_middle(part)
            if value > lower:
                lower, place = value, middle
            if -bound - lower <= ACCURATE * (1 + abs(lower)) or widest is None:
                break
            heapq.heappop(heap)
            halved += 1
            for half in _halves(part, widest):
                self.push(heap, next(ties), half, lower)
        bound = max([lower, *(-entry[0] for entry in heap[:1])])
        return Maximum(lower, bound, place, f"interval arithmetic, parts of the box halved {halved} times")

    def at_middle(self, part: list[Any]) -> tuple[float, tuple[float, ...]]:
        """A value that u has at least at the middle of the part; -inf where it may be undefined."""
        middle = tuple(float(X.mid.a) for X in part)
        inside = [min(max(c, lo), hi) for c, (lo, hi) in zip(middle, self.box, strict=True)]
        value = enclosed(self.u, dict(zip(self.symbols, map(_interval, inside), strict=True)))
        return _ends(value)[0], tuple(inside)

    def push(self, heap: list[Any], tie: int, part: list[Any], lower: float) -> None:
        """Bound u on the part, its mean value form and monotonicity used, and keep it if it may hold the maximum."""
        slopes = [enclosed(e, dict(zip(self.symbols, part, strict=True))) for e in self.slopes]
        part = [_steepest_end(X, G) for X, G in zip(part, slopes, strict=True)]
        middles = [X.mid for X in part]
        changes = [abs(G * (X - m)) if X.delta != 0 else iv.mpf(0) for X, G, m in zip(part, slopes, middles)]
        straight = enclosed(self.u, dict(zip(self.symbols, part, strict=True)))
        mean = enclosed(self.u, dict(zip(self.symbols, middles, strict=True))) + sum(changes, iv.mpf(0))
        bound = min(_ends(straight)[1], _ends(mean)[1])
        if bound > lower:
            spread, wide = ([_ends(c)[1] for c in lengths] for lengths in (changes, [X.delta for X in part]))
            best = max(range(len(part)), key=lambda k: spread[k] if spread[k] < math.inf else 1e300 * wide[k])
            heapq.heappush(heap, (-bound, tie, best if wide[best] > 0 else None, part))


def _ends(X: Any) -> tuple[float, float]:
    """The ends of an interval as floats; infinite where they are not known."""
    low, high = float(X.a), float(X.b)
    return (-math.inf if math.isnan(low) else low), (math.inf if math.isnan(high) else high)


def _steepest_end(X: Any, G: Any) -> Any:
    """The end of X where a function with slopes in G is highest; X where that is not known."""
    low, high = _ends(G)
    return iv.mpf(X.b) if low >= 0 else iv.mpf(X.a) if high <= 0 else X


def _halves(part: list[Any], k: int) -> list[list[Any]]:
    X = part[k]
    return [[*part[:k], iv.mpf(ends), *part[k + 1 :]] for ends in ([X.a, X.mid], [X.mid, X.b])]


def _hull(low: sp.Rational, high: sp.Rational) -> Any:
    """The interval from one rational number to another, rounded outwards."""
    return iv.mpf([enclosed(low, {}).a, enclosed(high, {}).b])


def _interval(c: Any) -> Any:
    """The interval round the decimal number that a float is shown as; an interval as it is."""
    return enclosed(exact(float(c)), {}) if isinstance(c, int | float) else c
