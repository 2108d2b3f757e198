"""The solution between the steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dynsys.errors import InputError


@dataclass(frozen=True)
class DenseOutput:
    """A solution as a polynomial in each step, continuous, of the method's dense order.

    `t` (k + 1,) and `x` (k + 1, n) are the ends of the steps, `lengths` (k,) the steps, `coefficients` (k, m, n) those
    of θ, …, θᵐ, with θ from 0 to 1 in each.
    """

    t: np.ndarray
    x: np.ndarray
    lengths: np.ndarray
    coefficients: np.ndarray

    def __call__(self, t: Any) -> np.ndarray:
        """x at times t, shape (…) -> (…, n); `InputError` outside the interval."""
        times = np.asarray(t, dtype=float)
        lo, hi = sorted((float(self.t[0]), float(self.t[-1])))
        outside = times[~((times >= lo) & (times <= hi))]
        if outside.size:
            raise InputError(f"t holds {outside.flat[0]:g}, but the solution is known on [{lo:g}, {hi:g}] only")
        if not len(self.lengths):
            return np.broadcast_to(self.x[0], (*times.shape, self.x.shape[1])).copy()
        sign = 1.0 if self.t[-1] >= self.t[0] else -1.0
        steps = np.searchsorted(sign * self.t, sign * times, side="left") - 1
        steps = np.clip(steps, 0, len(self.lengths) - 1)
        return self.within(steps, (times - self.t[steps]) / self.lengths[steps])

    def within(self, steps: Any, theta: Any) -> np.ndarray:
        """x at the part θ of each of these steps, both of the shape (…), -> (…, n)."""
        theta = np.asarray(theta, dtype=float)[..., None]
        total = np.zeros((*np.shape(steps), self.x.shape[1]))
        for j in range(self.coefficients.shape[1] - 1, -1, -1):
            total = theta * (self.coefficients[steps, j] + total)
        found: np.ndarray = self.x[steps] + total
        return found
