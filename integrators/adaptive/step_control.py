"""How long the next step is: the same arithmetic in lanes, in scalar kernels and without compilation."""

from __future__ import annotations

import inspect

import numpy as np


def binary_logarithm(y):  # type: ignore[no-untyped-def]
    """log₂ y for a normal y > 0, to 1e-4: a polynomial of its mantissa in [√½, √2) (Chebyshev interpolation)."""
    bits = np.float64(y).view(np.int64)
    e = (bits - np.int64(0x3FE6A09E667F3BCD)) >> np.int64(52)
    f = np.int64(bits - (e << np.int64(52))).view(np.float64) - 1.0
    octaves = np.int64(e + np.int64(0x4338000000000000)).view(np.float64) - 6755399441055744.0
    return octaves + f * (
        1.4426404642832158
        + f * (-0.7206292158599125 + f * (0.48573784244262075 + f * (-0.38967522379178965 + f * 0.25028784696095724)))
    )


def binary_power(y, scale):  # type: ignore[no-untyped-def]
    """scale · 2^y for |y| < 1000, to 1e-4 (Chebyshev interpolation on an octave about 1)."""
    shifted = y + 6755399441055744.0  # its last bits are the integer nearest to y
    f = y - (shifted - 6755399441055744.0)
    f = scale + scale * f * (
        0.6931367338836215 + f * (0.24022530097412254 + f * (0.05583828294621962 + f * 0.00965671028854409))
    )
    whole = np.float64(shifted).view(np.int64) - np.int64(0x4338000000000000)
    return np.int64(np.float64(f).view(np.int64) + (whole << np.int64(52))).view(np.float64)


def growth(error, before, alpha, beta):  # type: ignore[no-untyped-def]
    """The quotient of the next step and this one, from ε² of this and of the last accepted: 0.85 ε^-α ε₋₁^β.

    It is kept between 0.2 and 5; an error that is not finite makes it 0.2. It is good to 1e-4, since a step size needs
    no more, and free of branches.
    """
    known = error if error > 1e-20 else 1e-20
    known = known if known < 1e40 else 1e40
    factor = binary_power(0.5 * (beta * binary_logarithm(before) - alpha * binary_logarithm(known)), 0.85)
    factor = factor if factor > 0.2 else 0.2
    factor = factor if factor < 5.0 else 5.0
    return factor if error < 1e40 else 0.2


def power(y, e):  # type: ignore[no-untyped-def]
    """y^e for y ≥ 0 with |e log₂ y| < 1000, to 1e-4; y below 1e-300 counts as that."""
    return binary_power(e * binary_logarithm(y if y > 1e-300 else 1e-300), 1.0)


def later(t, low, h):  # type: ignore[no-untyped-def]
    """t + low + h as a sum of two numbers. Møller (1965), Knuth."""
    rest = h + low
    total = t + rest
    back = total - t
    return total, (t - (total - back)) + (rest - back)


def text(decorator: str) -> str:
    """The functions as text for a kernel, each after the decorator."""
    return "\n".join(
        f"{decorator}\n{inspect.getsource(f)}" for f in (binary_logarithm, binary_power, growth, power, later)
    )
