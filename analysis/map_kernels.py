"""The compiled loops that fill a map of |R(hλ)|, R the update of a one-step method.

Where R is of degree one, |R(hλ)|² = c² + h(2cda + d²|λ|²h): the largest over the eigenvalues λ is on the upper envelope
of lines in h, and each stretch of a row needs one eigenvalue.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from dynsys import kernels

TEXT = """
import numba
import numpy as np
from dynsys.compiled import OPTIONS

compiled = numba.njit(nogil=True, **OPTIONS)

@compiled
def lines(top, below, re, im, h, out):
    # |c + d h λ| with c = top[1], d = top[0], h in rising order: from one crossing of the envelope to the next
    c, d = top[1] / below[0], top[0] / below[0]
    for i in range(out.shape[0]):
        k = 0
        while k < len(h):
            best, slope = 0, 0.0
            for j in range(re.shape[1]):
                size = d * d * (re[i, j] * re[i, j] + im[i, j] * im[i, j])
                lead = 2.0 * c * d * (re[i, j] - re[i, best]) + h[k] * (size - slope)
                if j == 0 or lead > 0.0 or (lead == 0.0 and size > slope):
                    best, slope = j, size
            until = np.inf
            for j in range(re.shape[1]):
                size = d * d * (re[i, j] * re[i, j] + im[i, j] * im[i, j])
                if size > slope:
                    until = min(until, 2.0 * c * d * (re[i, best] - re[i, j]) / (size - slope))
            last = len(h) if until == np.inf else max(k + 1, min(len(h), np.searchsorted(h, until)))
            a, b = d * re[i, best], d * im[i, best]
            for m in range(k, last):
                u, v = c + h[m] * a, h[m] * b
                out[i, m] = np.sqrt(u * u + v * v)
            k = last

@compiled
def general(top, below, re, im, h, out):
    # max_j |N(h_k λ_ij)/D(h_k λ_ij)|, coefficients highest power first
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[i, k] = 0.0
        for j in range(re.shape[1]):
            if im[i, j] < 0.0:
                continue  # its conjugate has the same modulus
            for k in range(out.shape[1]):
                a, b = h[k] * re[i, j], h[k] * im[i, j]
                u, v = top[0], 0.0
                for c in range(1, len(top)):
                    u, v = u * a - v * b + top[c], u * b + v * a
                size = u * u + v * v
                u, v = below[0], 0.0
                for c in range(1, len(below)):
                    u, v = u * a - v * b + below[c], u * b + v * a
                size = size / (u * u + v * v)
                out[i, k] = max(out[i, k], size)
        for k in range(out.shape[1]):
            out[i, k] = np.sqrt(out[i, k])

EXPORTS = [lines, general]
"""


def fill(top: np.ndarray, below: np.ndarray, values: np.ndarray, h: np.ndarray) -> np.ndarray:
    """max over j of |R(h λ_j)|, eigenvalues (m, n), steps (k,) in rising order -> (m, k), on two threads.

    R = top/below with real coefficients, highest power first; a pole gives inf.
    """
    module = kernels.load(TEXT, compiled=kernels.compiling())
    loop: Callable[..., None] = module.lines if len(top) == 2 and len(below) == 1 else module.general
    out = np.empty((len(values), len(h)))
    parts: tuple[Any, ...] = (np.ascontiguousarray(values.real), np.ascontiguousarray(values.imag))
    coefficients, steps = (np.array(top, float), np.array(below, float)), np.array(h, float)

    def work(rows: slice) -> None:
        with np.errstate(all="ignore"):
            loop(*coefficients, *(part[rows] for part in parts), steps, out[rows])

    if out.size < 100_000:
        work(slice(None))
    else:
        half = len(values) // 2
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(work, (slice(0, half), slice(half, None))))
    return out
