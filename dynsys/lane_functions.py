r"""exp, log, tanh, logistic and softplus by double arithmetic without branches, so that loops over lanes vectorise.

A call to the C library's function keeps the loop around it scalar. These have errors below 1.5 ulp on all doubles,
results that are subnormal included, and the library's values at ±0, ±∞ and NaN; `dynsys.lane_angles` has sin and cos.

Reduce the argument exactly, take a polynomial there, add what rounding lost: exp(x) = 2ⁿ e^r and
log(x) = n log 2 + 2 artanh(s). Cody & Waite (1980), Tang (1989), Muller (2016). The polynomials are minimax for the
error relative to the whole function, by Remez's exchange in 200 bits, their coefficients then rounded to doubles:

- (e^r - 1 - r)/r² for |r| < .3466, good to 2^-57.4 of e^r;
- (2 artanh(s)/s - 2)/s² in z = s² < .04, good to 2^-59.5 of artanh(s).

What is `exact` is never contracted to fused multiply-adds, which would spoil the error terms. All of it runs
uncompiled on NumPy's scalars, too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dynsys.emission import emitted

ROUNDING = 6755399441055744.0  # 1.5·2⁵²: added to a small number, it leaves the nearest whole number in the last bits
ROUNDING_BITS = 0x4338000000000000
LOG2_HIGH, LOG2_LOW = 0.6931471805598903, 5.497923018708371e-14  # 42 bits, so n LOG2_HIGH is exact, and the rest
PER_LOG2 = 1.4426950408889634
ROOT_HALF_BITS = 0x3FE6A09E667F3BCD
SIGN = -0x8000000000000000
SMALLEST_NORMAL = 2.2250738585072014e-308


# Estrin's scheme (1960): half the depth of Horner's, and a step of Runge-Kutta waits for one function after another.
@emitted
def _exp_tail(r: Any) -> Any:
    """(e^r - 1 - r)/r²."""
    z = r * r
    a = 0.500000000000001 + r * 0.1666666666666642
    b = 0.041666666666535526 + r * 0.00833333333349307
    c = 0.0013888888942393375 + r * 0.00019841269506726503
    d = 2.48014942518975e-05 + r * 2.7557588087409467e-06
    e = 2.7629871867006454e-07 + r * 2.499907861329307e-08
    return (a + z * b) + (z * z) * ((c + z * d) + (z * z) * e)


@emitted
def _artanh_tail(z: Any) -> Any:
    """(2 artanh(s)/s - 2)/s² with z = s²."""
    w = z * z
    a = 0.666666666666666 + z * 0.40000000000053837
    b = 0.2857142855639541 + z * 0.2222222424075888
    c = 0.1818166886603787 + z * 0.15391022545169983
    d = 0.13174996714718845 + z * 0.13834140441423404
    return (a + w * b) + (w * w) * (c + w * d)


@emitted(exact=True)
def _two_to_the(n: Any) -> Any:
    """2ⁿ for -1022 <= n <= 1023."""
    return np.int64((n + np.int64(1023)) << np.int64(52)).view(np.float64)


@emitted(exact=True)
def _reduced(x: Any) -> Any:
    """n, q and a correction of q with exp(x) = 2ⁿ(1 + q) and |q| < .42, for -746 <= x <= 710."""
    t = x * PER_LOG2 + ROUNDING
    k = t - ROUNDING
    a, b = x - k * LOG2_HIGH, k * LOG2_LOW
    r = a - b
    s = r * r * _exp_tail(r)
    q = r + s
    return np.float64(t).view(np.int64) - np.int64(ROUNDING_BITS), q, ((r - q) + s) + ((a - r) - b)


@emitted(exact=True)
def _scaled(x: Any, n: Any) -> Any:
    """2ⁿx, rounded once, where 2ⁿ itself may be no double."""
    half = n >> np.int64(1)
    return x * _two_to_the(half) * _two_to_the(n - half)


@emitted(exact=True)
def _decay(t: Any) -> Any:
    """exp(-|t|) and a correction of it."""
    x = -abs(t)
    n, q, ql = _reduced(-746.0 if x < -746.0 else x)
    y = 1.0 + q
    return _scaled(y, n), _scaled(((1.0 - y) + q) + ql, n)


@emitted(exact=True)
def _quotient(a: Any, al: Any, b: Any, bl: Any) -> Any:
    """(a + al)/(b + bl) for small corrections and 1 <= b <= 2, where 1/b is 1.457 - b/2 to 5 %."""
    q = a / b
    return q + (al - q * bl) * (1.457 - 0.5 * b)


@emitted(exact=True)
def exp(x: Any) -> Any:
    """e^x."""
    x = -746.0 if x < -746.0 else x
    x = 710.0 if x > 710.0 else x
    n, q, ql = _reduced(x)
    y = 1.0 + q
    return _scaled(y + (((1.0 - y) + q) + ql), n)


@emitted(exact=True)
def _log1p(f: Any, n: Any, correction: Any) -> Any:
    """n log 2 + log(1 + f) + a correction, for a whole n and -.2929 < f < .5: with s = f/(2 + f), 2s = f - sf."""
    s = f / (2.0 + f)
    z = s * s
    h = 0.5 * f * f
    rest = s * (h + z * _artanh_tail(z)) + (n * LOG2_LOW + correction)
    return n * LOG2_HIGH - ((h - rest) - f)


@emitted(exact=True)
def log(x: Any) -> Any:
    """The natural logarithm: -∞ at ±0, NaN below."""
    tiny = x < SMALLEST_NORMAL
    b = np.float64(x * 18014398509481984.0 if tiny else x).view(np.int64)  # by 2⁵⁴
    e = (b - np.int64(ROOT_HALF_BITS)) >> np.int64(52)
    f = np.int64(b - (e << np.int64(52))).view(np.float64) - 1.0  # in [√½, √2) - 1
    n = np.int64(e + np.int64(ROUNDING_BITS)).view(np.float64) - ROUNDING
    y = _log1p(f, n - 54.0 if tiny else n, 0.0)
    y = y if 0.0 < x < np.inf else x
    return -np.inf if x == 0.0 else (np.nan if x < 0.0 else y)


@emitted(exact=True)
def tanh(x: Any) -> Any:
    """The hyperbolic tangent, -E/(2 + E) with E = exp(-2|x|) - 1."""
    t = -2.0 * abs(x)
    n, q, ql = _reduced(-80.0 if t < -80.0 else t)
    power = np.float64(_two_to_the(n))
    a, b = power - 1.0, power * q
    e = a + b
    el = ((a - e) + b) + power * ql
    d = 2.0 + e
    y = _quotient(-e, -el, d, ((2.0 - d) + e) + el)
    sign = np.float64(x).view(np.int64) & np.int64(SIGN)
    return np.int64(np.float64(y).view(np.int64) | sign).view(np.float64)


@emitted(exact=True)
def logistic(t: Any) -> Any:
    """1/(1 + exp(-t)); for t < 0 as u/(1 + u) with u = exp(t), which keeps all digits where it is small."""
    u, ul = _decay(t)
    d = 1.0 + u
    top = 1.0 if t >= 0.0 else u
    return _quotient(top, 0.0 if t >= 0.0 else ul, d, ((1.0 - d) + u) + ul)


@emitted(exact=True)
def softplus(t: Any) -> Any:
    """log(1 + exp(t)) = max(t, 0) + log(1 + u) with u = exp(-|t|); for u >= ½, log 2 + log(1 + (u - 1)/2)."""
    u, ul = _decay(t)
    near = u >= 0.5
    y = _log1p(0.5 * (u - 1.0) if near else u, 1.0 if near else 0.0, ul * (0.957 - 0.5 * u))
    return (t if t > 0.0 else 0.0) + y
