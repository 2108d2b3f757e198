"""Counter-based random numbers: a pure function of (seed, run, step, place), in arrays and in compiled kernels alike.

So results depend neither on threads nor on how many runs there are or in which order they are taken. The same source
lines are NumPy's interpretation and the kernels' text.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from dynsys.errors import InputError, shown

ROTATIONS = (16, 42, 12, 31, 16, 32, 24, 21)
ROUNDS = 13  # the fewest that pass all statistical tests of TestU01's BigCrush
GOLDEN = 0x1BD11BDAA9FC1A22  # Threefry's constant of parity


def unit(w):  # type: ignore[no-untyped-def]
    """A uniform number in [0, 1) from the first 52 bits of a word."""
    return np.uint64((w >> np.uint64(12)) | np.uint64(0x3FF0000000000000)).view(np.float64) - 1.0


def signed_radius(w):  # type: ignore[no-untyped-def]
    """±√(-2 log u), with u from the first 40 bits of a word and the sign from the 41st.

    u is the middle of one of 2⁴⁰ cells, so no radius exceeds 7.54. log u is e log 2 + log m with m in [√½, √2), and
    -2 log(1 + f)/f a polynomial (Chebyshev interpolation), good to 3e-10.
    """
    u = np.uint64((w >> np.uint64(24)) | np.uint64(0x4330000000000000)).view(np.float64) - 4503599627370495.5
    b = np.float64(u).view(np.int64)
    e = (b - np.int64(0x3FE6A09E667F3BCD)) >> np.int64(52)
    f = np.int64(b - (e << np.int64(52))).view(np.float64) - 1.0
    power = np.int64(e + np.int64(0x4338000000000000)).view(np.float64) - 6755399441055784.0  # less the 40 bits
    p = -0.22085472079438018 + f * (0.21796225155754365 + f * (-0.21273084751159907 + f * 0.11691342670179275))
    p = -0.4000033927588508 + f * (0.3334076730475459 + f * (-0.28567596790540506 + f * (0.24821771331922843 + f * p)))
    p = f * (
        -2.000000000096024 + f * (1.0000000061691077 + f * (-0.6666666169256104 + f * (0.49999873171629633 + f * p)))
    )
    radius = np.sqrt(p - 1.3862943611198906 * power)
    bits = np.float64(radius).view(np.uint64) | ((w & np.uint64(0x800000)) << np.uint64(40))
    return np.uint64(bits).view(np.float64)


def normal_pair(r, w):  # type: ignore[no-untyped-def]
    """Two independent standard normal numbers from a word and its signed radius. Box & Muller (1958).

    The direction takes the last 24 bits, its sign included: a corner of a regular polygon, whose moments below the
    order 2²⁴ are those of the circle. With p = √2 sin(πt/2) and q = √2 cos(πt/2), cos πt = 1 - p² and sin πt = pq;
    both are polynomials for |t| < ½ (Chebyshev interpolation), good to 1e-10.
    """
    bits = ((w & np.uint64(0x7FFFFF)) << np.uint64(29)) | np.uint64(0x3FF0000010000000)
    t = np.uint64(bits).view(np.float64) - 1.5
    z = t * t
    p = 0.11270233131112666 + z * (-0.006620310229341788 + z * 0.00022373750014248505)
    p = t * (2.221441469069571 + z * (-0.913531185576876 + z * p))
    q = 0.35874242816544416 + z * (-0.02950059319931881 + z * 0.0012779230668159257)
    q = 1.414213562305905 + z * (-1.7447160364704377 + z * q)
    return r * (1.0 - p * p), r * (p * q)


def _threefry_text() -> str:
    """Threefry-2x64-13: two words of 64 random bits from a key and a counter. Salmon, Moraes, Dror & Shaw (2011).

    Thirteen rounds of add, rotate and exclusive or, written out, with the key added after every fourth.
    """
    keys = ("k0", "k1", "k2")
    lines = ["def threefry(k0, k1, c0, c1):", f"    k2 = np.uint64({GOLDEN}) ^ k0 ^ k1", "    a = c0 + k0"]
    lines.append("    b = c1 + k1")
    for r in range(ROUNDS):
        by = ROTATIONS[r % 8]
        lines += ["    a = a + b", f"    b = ((b << np.uint64({by})) | (b >> np.uint64({64 - by}))) ^ a"]
        if r % 4 == 3:
            k = r // 4 + 1
            lines += [f"    a = a + {keys[k % 3]}", f"    b = b + {keys[(k + 1) % 3]} + np.uint64({k})"]
    return "\n".join([*lines, "    return a, b", ""])


def text(decorator: str) -> str:
    """The functions as text for a kernel, each after the decorator."""
    functions = [_threefry_text(), *(inspect.getsource(f) for f in (unit, signed_radius, normal_pair))]
    return "\n".join(f"{decorator}\n{f}" for f in functions)


_namespace: dict[str, Any] = {"np": np}
exec(_threefry_text(), _namespace)  # generated above
threefry: Callable[..., tuple[Any, Any]] = _namespace["threefry"]


def seed_of(rng: Any) -> np.uint64:
    """The key of a run of streams: from a NumPy `Generator`, which moves on, or a whole number ≥ 0."""
    if isinstance(rng, np.random.Generator):
        return rng.integers(0, 2**64, dtype=np.uint64, endpoint=False)
    if isinstance(rng, bool) or not isinstance(rng, int | np.integer) or not 0 <= int(rng) < 2**64:
        raise InputError(f"rng is {shown(rng)}; give a whole number from 0 to 2**64 - 1, or a NumPy Generator")
    return np.uint64(rng)
