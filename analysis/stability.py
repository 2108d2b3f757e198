"""For which step sizes an update is stable: every border is a root of a polynomial, and none is sampled."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from analysis.borders import Verdict, as_mp, numeric_radius, unit_of, updates, verdicts_between
from analysis.precision import DIGITS, precise_jacobian
from analysis.stability_functions import check_linear
from analysis.zeros import exact_or_precise
from dynsys.array_field import AnyField
from dynsys.errors import InputError
from dynsys.expressions import finite
from integrators.method import Method

Intervals = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class CriticalStep:
    """All intervals of step sizes on which the update is stable, and on which it is neutral, within `range`."""

    x: np.ndarray
    stable: Intervals
    neutral: Intervals
    range: tuple[float, float]

    @property
    def text(self) -> str:
        """In words."""
        return in_words("h", self.stable, self.neutral, self.range)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; an unbounded end is None."""
        plain = lambda pairs: [[lo, None if math.isinf(hi) else hi] for lo, hi in pairs]  # noqa: E731
        return {"stable": plain(self.stable), "neutral": plain(self.neutral), "range": plain([self.range])[0]}


def in_words(name: str, stable: Intervals, neutral: Intervals, whole: tuple[float, float]) -> str:
    """Where something is stable and where neutral, over the range `whole` of the variable of this name."""
    parts = [f"stable for {_words(name, stable, whole)}"] if stable else []
    parts += [f"neutral for {_words(name, neutral, whole)}"] if neutral else []
    return "; ".join(parts) if parts else f"unstable at every {name} in ({whole[0]:g}, {_limit(whole[1])})"


def _limit(value: float) -> str:
    return "∞" if math.isinf(value) else f"{value:.10g}"


def _words(name: str, intervals: Intervals, whole: tuple[float, float]) -> str:
    if intervals == (whole,):
        everywhere = math.isinf(whole[1]) and whole[0] == 0
        return f"every {name}" if everywhere else f"every {name} in ({whole[0]:g}, {_limit(whole[1])})"
    return " and ".join(
        f"{name} < {_limit(hi)}" if lo == whole[0] else f"{lo:.10g} < {name} < {_limit(hi)}" for lo, hi in intervals
    )


def critical_step(field: AnyField, x: Any, method: Method, h: tuple[float, float] = (0.0, math.inf)) -> CriticalStep:
    """All intervals of h in the open range `h` on which `method`'s update is stable, or neutral, at the zero x.

    A multiplier leaves the unit circle through +1, -1 or as a pair, where det(M - I), det(M + I) or the bialternate
    det(M ⊙ M - I) vanishes: polynomials in h, whose real roots are all found at fifty digits. Between two roots one
    value of h decides. Guckenheimer, Myers & Sturmfels (1997) for the bialternate product.

    Raises `InputError` if x is not a zero of the field, the range is empty, or the method has no linear theory.
    """
    check_linear(method, "critical step", field)
    lo, hi = check_range(h)
    point = exact_or_precise(field, x)
    with mp.workdps(DIGITS):
        J = precise_jacobian(field, point)
        unit = unit_of(J)
        size = as_mp(unit)
        verdicts = verdicts_between(updates(method, J, unit, field.blocks), lo / size, hi / size)
    stable, neutral = (intervals(verdicts, name, size) for name in ("stable", "neutral"))
    return CriticalStep(np.array([float(c) for c in point]), stable, neutral, (lo, hi))


def intervals(verdicts: Sequence[Verdict], name: str, size: Any = 1) -> Intervals:
    """The intervals with this verdict, in units of `size`, as floats."""
    return tuple((float(a * size), float(b * size)) for a, b, verdict in verdicts if verdict == name)


def check_range(h: Any) -> tuple[float, float]:
    """A range (lo, hi) of step sizes; hi may be infinite."""
    try:
        lo, hi = h
    except (TypeError, ValueError):
        raise InputError(f"h is {h!r}; give a range (lo, hi)") from None
    low = finite(lo, "lower end of h")
    high = math.inf if hi == math.inf else finite(hi, "upper end of h")
    if not 0 <= low < high:
        raise InputError(f"h is the range ({low:g}, {high:g}); it must satisfy 0 ≤ lower end < upper end")
    return low, high


@dataclass(frozen=True)
class BestStep:
    """The step size at which the update contracts fastest, and the factor per step there; NaN if it never contracts.

    h may be infinite: then the rate is what is approached.
    """

    h: float
    rate: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; None for what there is not."""
        return {"h": self.h if math.isfinite(self.h) else None, "rate": self.rate if self.rate < 1 else None}


def best_step(field: AnyField, x: Any, method: Method, h: tuple[float, float] = (0.0, math.inf)) -> BestStep:
    """The h in the open range `h` that minimises the largest modulus of a multiplier at the zero x.

    The modulus is a continuous function of h with kinks, and the minimum may sit in one (a double root): each stable
    interval is scanned, and the best places are refined by golden sections, to about 1e-8. Raises as `critical_step`.
    """
    step = critical_step(field, x, method, h)
    point = exact_or_precise(field, x)
    with mp.workdps(DIGITS):
        J = precise_jacobian(field, point)
        unit = unit_of(J)
        radius = numeric_radius(updates(method, J, unit, field.blocks))
        size = float(as_mp(unit))
    found = [minimum_of(lambda s: radius(s / size), lo, hi, size) for lo, hi in step.stable]
    rate, best = min(found, default=(math.nan, math.nan))
    return BestStep(best, rate)


def minimum_of(radius: Callable[[Any], np.ndarray], lo: float, hi: float, size: float) -> tuple[float, float]:
    """The least value of a function of one variable on an interval, and where; of an infinite one, by decades."""
    if math.isinf(hi):
        far = max(lo, size) * np.logspace(-4, 8, 2401) + lo
        grid = np.append(far, max(lo, size) * 1e12)
    else:
        grid = np.linspace(lo, hi, 1202)[1:-1]
    values = radius(grid)
    k = int(np.argmin(values))
    if math.isinf(hi) and k == len(grid) - 1:
        return round(float(values[k]), 11), math.inf  # the limit: at 1e12 all else is 1e-12 of it
    a, b = (lo if k == 0 else float(grid[k - 1])), (hi if k == len(grid) - 1 else float(grid[k + 1]))
    shrink = (math.sqrt(5) - 1) / 2
    for _ in range(80):
        c, d = b - shrink * (b - a), a + shrink * (b - a)
        low, high = radius(np.array([c, d]))
        a, b = (a, d) if low < high else (c, b)
    return float(radius(np.array([(a + b) / 2]))[0]), (a + b) / 2
