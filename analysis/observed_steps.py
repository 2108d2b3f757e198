"""For which step sizes an update is stable on the eigenvalues that were observed, where others are unknown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from analysis.borders import as_mp, unit_of, updates, verdicts_between
from analysis.precision import DIGITS
from analysis.stability import Intervals, check_range, in_words, intervals
from analysis.stability_functions import check_linear
from dynsys.errors import InputError, shown
from integrators.method import Method

APART = "treats the players apart, so its multipliers do not follow from the eigenvalues of J; take leading_multipliers"


@dataclass(frozen=True)
class StableSteps:
    """All intervals of h on which the update is stable, and on which it is neutral, on these eigenvalues `values`."""

    values: np.ndarray
    stable: Intervals
    neutral: Intervals
    range: tuple[float, float]

    @property
    def largest(self) -> float:
        """Below this h every step of the range is stable; 0 if the smallest ones are not."""
        return self.stable[0][1] if self.stable and self.stable[0][0] == self.range[0] else 0.0

    @property
    def text(self) -> str:
        """In words."""
        return in_words("h", self.stable, self.neutral, self.range)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; an unbounded end is None."""
        plain = lambda pairs: [[lo, None if math.isinf(hi) else hi] for lo, hi in pairs]  # noqa: E731
        largest = None if math.isinf(self.largest) else self.largest
        return {"stable": plain(self.stable), "neutral": plain(self.neutral), "largest": largest}


def stable_steps(values: Any, method: Method, h: tuple[float, float] = (0.0, math.inf)) -> StableSteps:
    """The intervals of h in the open range `h` on which `method` is stable on each of the eigenvalues, complex (k,).

    A real Jacobian is meant: each value stands for its conjugate, too. For Euler h < 2|Re λ|/|λ|². The borders are
    roots of polynomials in h, all found, none sampled; they hold for these eigenvalues and say nothing of others.
    Raises `InputError` for a method without linear theory or one that treats the players apart.
    """
    check_linear(method, "stable steps")
    if not method.joint:
        raise InputError(f"{method.label} {APART}")
    lo, hi = check_range(h)
    given = np.atleast_1d(np.asarray(values, complex))
    if given.ndim != 1 or not len(given) or not np.isfinite(given).all():
        raise InputError(f"values is {shown(values)}; give finite eigenvalues, at least one")
    distinct = sorted({(float(z.real), abs(float(z.imag))) for z in given})
    with mp.workdps(DIGITS):
        unit = unit_of([max(abs(c) for pair in distinct for c in pair)])
        size = as_mp(unit)
        blocks = [mp.matrix([[a, -b], [b, a]]) if b else mp.matrix([[a]]) for a, b in distinct]
        parts = [part for J in blocks for part in updates(method, J, unit, ((0,), (1,)))]
        verdicts = verdicts_between(parts, lo / size, hi / size)
    stable, neutral = (intervals(verdicts, name, size) for name in ("stable", "neutral"))
    return StableSteps(given, stable, neutral, (lo, hi))
