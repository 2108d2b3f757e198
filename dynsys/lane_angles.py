r"""sin and cos by double arithmetic without branches, so that loops over lanes vectorise.

As in `dynsys.lane_functions`, to .8 ulp. The nearest multiple of π/2 is taken off in four parts of 36, 36, 36 and 53
bits (Cody & Waite 1980): for |x| <= 1e5 its first three products are exact, and the remainder is kept as a sum of two
doubles, good to all digits next to the zeros of the function, too. Beyond, the C library's value takes the result's
place (`dynsys.lane_repairs`). The polynomials are minimax for 0 <= z = r² < .6169, by Remez's exchange:

- (sin(r)/r - 1)/z, good to 2^-57.3 of the sine;
- (cos(r) - 1 + z/2)/z², good to 2^-59.9 of 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dynsys.emission import emitted
from dynsys.lane_functions import ROUNDING
from dynsys.lane_repairs import repaired_cos, repaired_sin

PER_QUARTER = 0.6366197723675814
# π/2, and the products of its first three parts with whole numbers below 2¹⁷ are exact
QUARTER = (1.5707963267923333, 2.5633441515839558e-12, 1.0562999066944068e-23, 4.3359050650618903e-35)


@emitted
def _sin_tail(z: Any) -> Any:
    """(sin(r)/r - 1)/z."""
    a = -0.16666666666666632 + z * 0.00833333333332242
    b = -0.00019841269829813267 + z * 2.755731369389349e-06
    c = -2.5050758436546368e-08 + z * 1.5896814928688074e-10
    return a + (z * z) * (b + (z * z) * c)


@emitted
def _cos_tail(z: Any) -> Any:
    """(cos(r) - 1 + z/2)/z²."""
    a = 0.0416666666666666 + z * -0.0013888888888874133
    b = 2.480158728948795e-05 + z * -2.7557314354071565e-07
    c = 2.0875723518969605e-09 + z * -1.1359660987656948e-11
    return a + (z * z) * (b + (z * z) * c)


@emitted(exact=True)
def _difference(a: Any, b: Any) -> Any:
    """a - b rounded, and its error. Knuth (1969)."""
    d = a - b
    v = d - a
    return d, (a - (d - v)) - (b + v)


@emitted(exact=True)
def _remainder(x: Any) -> Any:
    """A whole number of right angles (modulo 4, in its last bits), and what is left of x: a double and a correction."""
    t = x * PER_QUARTER + ROUNDING
    k = t - ROUNDING
    a, al = _difference(x - k * QUARTER[0], k * QUARTER[1])
    b, bl = _difference(a, k * QUARTER[2])
    low = (al + bl) - k * QUARTER[3]
    r = b + low
    return np.float64(t).view(np.int64), r, (b - r) + low


@emitted(exact=True)
def _at(quarter: Any, r: Any, low: Any) -> Any:
    """sin(π quarter/2 + r + low): both series, then one of them, with a sign."""
    z = r * r
    h = 0.5 * z
    w = 1.0 - h
    s = r + (r * z * _sin_tail(z) + low * w)
    c = w + (((1.0 - w) - h) + (z * z * _cos_tail(z) - r * low))
    y = c if (quarter & np.int64(1)) != 0 else s
    sign = (quarter & np.int64(2)) << np.int64(62)
    return np.int64(np.float64(y).view(np.int64) ^ sign).view(np.float64)


@emitted(exact=True)
def sin(x: Any) -> Any:
    """The sine."""
    quarter, r, low = _remainder(x)
    return repaired_sin(x, x if x == 0.0 else _at(quarter, r, low))


@emitted(exact=True)
def cos(x: Any) -> Any:
    """The cosine."""
    quarter, r, low = _remainder(x)
    return repaired_cos(x, _at(quarter + np.int64(1), r, low))
