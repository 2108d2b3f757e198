"""What Lyapunov exponents say: their values with errors, regular or chaotic, the dimension of the attractor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from integrators.status import Status

POWER = 4.0  # growth up to this power of the number of steps is not yet exponential


@dataclass(frozen=True)
class LyapunovSpectrum:
    """Lyapunov exponents (k,) per unit of time, largest first, with the half-widths of their 95 % intervals (k,).

    `growth` (r, k) holds ln of the stretching of the k directions at times (r,) after the transient. `chaotic` is True
    if the largest exponent is above 0 beyond its error, False if the orbit is regular, None if that is open. If the
    orbit rests, `rest` is the fixed point and the exponents are those of its multipliers or eigenvalues, without error.
    `h` is the step size of the update, of a flow that with which it was solved; `method` is "" for a flow.
    """

    exponents: np.ndarray
    error: np.ndarray
    standard_error: np.ndarray
    time: np.ndarray
    growth: np.ndarray
    chaotic: bool | None
    reason: str
    rest: np.ndarray | None
    x: np.ndarray
    status: Status
    steps: int
    method: str
    h: float
    batches: int
    size: int
    variables: Sequence[str]

    @property
    def per_step(self) -> np.ndarray:
        """The exponents per step of size h."""
        return self.exponents * self.h

    @property
    def finite_time(self) -> np.ndarray:
        """growth/time, the exponents as they settle, (r, k); NaN at the start."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.growth / (self.time - self.time[:1])[:, None]

    @property
    def total(self) -> float:
        """The sum of the exponents; of all of them the mean of the divergence, or of ln|det| per unit of time."""
        return float(self.exponents.sum())

    @property
    def dimension(self) -> float:
        """j + (λ₁ + … + λⱼ)/|λⱼ₊₁| with the last sum that is not negative; NaN if k are too few to tell.

        0 at rest. The information dimension of the attractor, by conjecture. Kaplan & Yorke (1979).
        """
        sums = np.cumsum(self.exponents)
        if np.isnan(sums).any():
            return math.nan
        above = np.flatnonzero(sums >= 0)
        if self.rest is not None or not len(above):
            return 0.0
        j = int(above[-1]) + 1
        if j == len(sums):
            return float(j) if j == self.size else math.nan
        return j + float(sums[j - 1] / abs(self.exponents[j]))

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; one that is not finite is None."""
        plain = lambda values: [float(v) if math.isfinite(v) else None for v in values]  # noqa: E731
        return {
            "exponents": plain(self.exponents),
            "error": plain(self.error),
            "standard_error": plain(self.standard_error),
            "sum": plain([self.total])[0],
            "dimension": plain([self.dimension])[0],
            "chaotic": self.chaotic,
            "reason": self.reason,
            "rest": None if self.rest is None else plain(self.rest),
            "x": plain(self.x),
            "status": self.status.name.lower(),
            "steps": self.steps,
            "method": self.method,
            "h": self.h,
            "batches": self.batches,
            "time": plain(self.time),
            "growth": [plain(row) for row in self.growth],
        }


def verdict_of(
    exponents: np.ndarray, error: np.ndarray, growth: float, steps: int, flow: bool, size: int
) -> tuple[bool | None, str]:
    """Chaotic or regular, and why, from k exponents of `size`, their errors and the log of the largest growth.

    An orbit of a flow that stays bounded and does not end in a fixed point has an exponent 0, that along the flow
    (Haken, 1983): so chaos has two that are not negative, and in the plane there is none (Bendixson, 1901).
    """
    top, doubt = float(exponents[0]), float(error[0])
    if not math.isfinite(doubt):
        return None, "too few steps for an error; take more"
    if top > doubt and growth > POWER * math.log(max(steps, 2)) and not (flow and size <= 2):
        return True, "the largest exponent is above 0 beyond its error"
    if top < -doubt:
        return False, "all exponents are below 0"
    if flow and size <= 2:
        return False, "a flow in the plane has no chaos"
    if flow and len(exponents) > 1 and top <= doubt and (exponents + error < 0).sum() == len(exponents) - 1:
        return False, "one exponent is 0, as on a cycle of a flow, and the others are below 0"
    return None, "the largest exponent is 0 to within its error, or growth is no faster than a power of time"
