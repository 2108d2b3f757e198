"""The step size, and the parameter beside it, at which an update contracts fastest."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from analysis.borders import as_mp, numeric_radius, unit_of, updates
from analysis.critical_parameters import check_parameter_range
from analysis.families import Followed, check_parameter
from analysis.precision import DIGITS, precise_jacobian
from analysis.stability import check_range, critical_step
from analysis.stability_functions import check_linear
from analysis.stability_maps import radii
from analysis.zeros import exact_or_precise, zero_near
from dynsys.array_field import AnyField
from dynsys.errors import InputError
from integrators.method import Method

ON_BORDER = "on the border of the range"
NOT_ATTAINED = "not attained: approached as h grows without bound"
NEVER = "the update contracts nowhere in the range"
COARSE = (101, 601)  # values of the parameter and of h that are looked at first


@dataclass(frozen=True)
class BestStep:
    """The step size at which the update contracts fastest, and the factor per step there; NaN if it never contracts.

    `value` is that of the parameter, if one was free. `note` says if the minimum is on the border of the range, or is
    not attained: then h may be infinite, and the rate is what is approached.
    """

    h: float
    rate: float
    value: float | None = None
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; None for what there is not."""
        h, rate = self.h if math.isfinite(self.h) else None, self.rate if self.rate < 1 else None
        return {"h": h, "rate": rate, **({} if self.value is None else {"value": self.value}), "note": self.note}


def best_step(
    field: AnyField,
    x: Any,
    method: Method,
    h: tuple[float, float] = (0.0, math.inf),
    parameter: str | None = None,
    range: tuple[float, float] | None = None,
) -> BestStep:
    """The h in the open range `h` that minimises the largest modulus of a multiplier at the zero x.

    With `parameter` and its `range`, both finite, the minimum is over h and that parameter together, and the zero is
    followed. The modulus is continuous with kinks, and the minimum may sit in one (a double root): each stable interval
    is scanned, and the best places are refined by golden sections, to about 1e-8. Raises as `critical_step`, and for a
    parameter the field does not have.
    """
    if (parameter is None) != (range is None):
        raise InputError("give parameter and range together, or neither: then only h is free")
    if parameter is not None and range is not None:
        return _best_pair(field, x, method, h, parameter, range)
    step = critical_step(field, x, method, h)
    point = exact_or_precise(field, x)
    with mp.workdps(DIGITS):
        J = precise_jacobian(field, point)
        unit = unit_of(J)
        radius = numeric_radius(updates(method, J, unit, field.blocks))
        size = float(as_mp(unit))
    found = [minimum_of(lambda s: radius(s / size), lo, hi, size) for lo, hi in step.stable]
    rate, best = min(found, default=(math.nan, math.nan))
    if math.isnan(best):
        return BestStep(best, rate, note=NEVER)
    if math.isinf(best):
        return BestStep(best, rate, note=NOT_ATTAINED)
    end = _end_near(best, step.range)
    return BestStep(best, rate) if end is None else BestStep(end, rate, note=ON_BORDER)


def _end_near(best: float, range: tuple[float, float]) -> float | None:
    """The end of the range that the minimum is at, if it is at one."""
    width = range[1] - range[0]
    return next((end for end in range if math.isfinite(width) and abs(best - end) <= 1e-6 * width), None)


def _best_pair(field: Any, x: Any, method: Method, h: Any, parameter: str, range: Any) -> BestStep:
    checked = check_parameter(field, parameter, "a best step over a parameter")
    check_linear(method, "best step", checked)
    steps, values = check_range(h), check_parameter_range(range, parameter)
    if not math.isfinite(steps[1]) or not math.isfinite(values[1]):
        raise InputError(
            f"h is {steps} and {parameter} is {values}; both ranges must be finite to search them together"
        )
    followed = Followed(checked, zero_near(checked, x), [parameter])
    grid = np.linspace(*values, COARSE[0])
    inner = np.linspace(*steps, COARSE[1] + 2)[1:-1]
    coarse = radii(method, followed.over(grid)[1], inner, checked.blocks).min(1)

    def best_at(value: float) -> tuple[float, float]:
        J = followed.over(np.array([value]))[1]
        return minimum_of(lambda s: radii(method, J, np.sort(np.atleast_1d(s)), checked.blocks)[0], *steps, 1.0)

    if not (np.nan_to_num(coarse, nan=np.inf) < 1).any():
        return BestStep(math.nan, math.nan, math.nan, NEVER)
    k = int(np.nanargmin(coarse))
    low, high = float(grid[max(0, k - 1)]), float(grid[min(len(grid) - 1, k + 1)])
    value = golden(lambda c: best_at(c)[0], low, high, 40)
    rate, step = best_at(value)
    ends = _end_near(value, values), _end_near(step, steps)
    note = ON_BORDER if ends != (None, None) else ""
    return BestStep(step if ends[1] is None else ends[1], rate, value if ends[0] is None else ends[0], note)


def golden(function: Callable[[float], float], a: float, b: float, rounds: int = 80) -> float:
    """Where a function of one variable with one minimum between a and b is least, by golden sections. Kiefer (1953)."""
    shrink = (math.sqrt(5) - 1) / 2
    c, d = b - shrink * (b - a), a + shrink * (b - a)
    low, high = function(c), function(d)
    for _ in range(rounds):
        if low < high:
            b, d, high = d, c, low
            c = b - shrink * (b - a)
            low = function(c)
        else:
            a, c, low = c, d, high
            d = a + shrink * (b - a)
            high = function(d)
    return (a + b) / 2


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
    best = golden(lambda s: float(radius(np.array([s]))[0]), a, b)
    return float(radius(np.array([best]))[0]), best
