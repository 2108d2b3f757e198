"""For which values of a parameter a zero attracts: the flow, or the update of a method at a given step size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp

from analysis.borders import Update, verdicts_between
from analysis.families import check_parameter, jacobian_family
from analysis.precision import DIGITS
from analysis.stability import Intervals, in_words, intervals
from analysis.stability_functions import check_linear, lowest_terms, polynomials_in, rational_method
from analysis.zeros import exact_or_precise
from dynsys.errors import InputError
from dynsys.expressions import exact, finite, symbol
from integrators.algorithms.implicit import ImplicitMidpoint
from integrators.checks import check_step
from integrators.method import Method, linear_update


@dataclass(frozen=True)
class CriticalParameter:
    """All intervals of a parameter on which a zero x attracts, and on which it is neutral, within `range`.

    Of the flow if `method` is empty, else of that method's update with step h.
    """

    x: np.ndarray
    parameter: str
    stable: Intervals
    neutral: Intervals
    range: tuple[float, float]
    method: str
    h: float | None

    @property
    def text(self) -> str:
        """In words."""
        return in_words(self.parameter, self.stable, self.neutral, self.range)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; an unbounded end is None."""
        plain = lambda pairs: [[lo, None if math.isinf(hi) else hi] for lo, hi in pairs]  # noqa: E731
        return {
            "parameter": self.parameter,
            "stable": plain(self.stable),
            "neutral": plain(self.neutral),
            "range": plain([self.range])[0],
            "method": self.method,
            "h": self.h,
        }


def critical_parameter(
    field: Any,
    x: Any,
    parameter: str,
    range: tuple[float, float],
    method: Method | None = None,
    h: float | None = None,
) -> CriticalParameter:
    """All intervals of `parameter` in the open `range` on which the zero x attracts, or is neutral.

    x must be a zero for every value of the parameter, as the zeros of v are for consensus; J is then a rational
    function of it, and the borders are roots of polynomials, all found at fifty digits: those of det(M - I),
    det(M + I) and the bialternate det(M ⊙ M - I), where M is the update's matrix. Of the flow, M is the implicit
    midpoint rule's: its multipliers (1 + λ/2)/(1 - λ/2) are inside the unit circle exactly where Re λ < 0.

    Raises `InputError` if x is not a zero or moves with the parameter, the field has no such parameter, the range is
    empty, h is missing or the method has no linear theory.
    """
    checked = check_parameter(field, parameter, "a critical parameter")
    if (method is None) != (h is None):
        raise InputError("give method and h together, or neither: then the flow is judged")
    lo, hi = check_parameter_range(range, parameter)
    point = exact_or_precise(checked, x)
    shift, p = symbol(parameter), sp.Symbol("p")
    with mp.workdps(DIGITS):
        J = jacobian_family(checked, point, parameter)
        moved = tuple(tuple(e.xreplace({shift: exact(lo) + p}) for e in row) for row in J)
        M = update_family(method or ImplicitMidpoint(), moved, 1.0 if h is None else check_step(h), p, checked.blocks)
        found = verdicts_between([M], mp.mpf(0), mp.mpf(hi) - lo)
        verdicts = [(a + lo, b + lo, verdict) for a, b, verdict in found]
    stable, neutral = (intervals(verdicts, name) for name in ("stable", "neutral"))
    place, label = np.array([float(c) for c in point]), "" if method is None else method.label
    return CriticalParameter(place, parameter, stable, neutral, (lo, hi), label, None if h is None else float(h))


def update_family(method: Method, J: tuple[tuple[sp.Expr, ...], ...], h: float, p: sp.Symbol, blocks: Any) -> Update:
    """The update's matrix with step h at a zero whose Jacobian is J(p), entry by entry rational in p."""
    exactly = rational_method(check_linear(method, "critical parameter"))
    rows = linear_update(exactly, J, exact(h), sp.Integer(0), sp.Integer(1), blocks)
    return Update(*polynomials_in([[lowest_terms(e) for e in row] for row in rows], p))


def check_parameter_range(range: Any, parameter: str) -> tuple[float, float]:
    """A range (lo, hi) of values of a parameter; hi may be infinite."""
    try:
        lo, hi = range
    except (TypeError, ValueError):
        raise InputError(f"range is {range!r}; give (lo, hi) for {parameter}") from None
    low = finite(lo, f"lower end of {parameter}")
    high = math.inf if hi == math.inf else finite(hi, f"upper end of {parameter}")
    if not low < high:
        raise InputError(f"range is ({low:g}, {high:g}); the lower end must be below the upper")
    return low, high
