"""For which step sizes an update is stable: every border is a root of a polynomial, and none is sampled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from analysis.borders import Verdict, as_mp, unit_of, updates, verdicts_between
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
