"""Averages along orbits that converge faster than any power of their length, and the rotation numbers they give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Average:
    """A time average and the difference between the averages over the first and the second half of the orbit."""

    value: float
    error: float


def birkhoff_weights(count: int) -> np.ndarray:
    r"""Weights of the sum 1, in proportion to exp(-1/(t(1 - t))), t = k/(count + 1), k = 1, …, count.

    Of a quasi-periodic orbit with a Diophantine rotation number, the weighted mean of a smooth function differs from
    its integral by less than any power of 1/count. Das, Saiki, Sander & Yorke (2017).
    """
    t = np.arange(1, count + 1) / (count + 1)
    weights: np.ndarray = np.exp(4 - 1 / (t * (1 - t)))
    return weights / weights.sum()


def orbit_average(values: np.ndarray) -> Average:
    """The weighted Birkhoff average of values (m,) along an orbit."""
    half = len(values) // 2
    weights = birkhoff_weights(half)
    error = abs(float(weights @ values[:half]) - float(weights @ values[half : 2 * half]))
    return Average(float(birkhoff_weights(len(values)) @ values), error)


def rotation_number(z: np.ndarray) -> Average:
    """Turns a step of an orbit of complex numbers z (m,) about 0, in [0, 1), with the error of its average.

    The angle from one point to the next is a continuous function on the orbit's curve, so that its branch is cut where
    fewest of the angles are: in their widest gap. In a mirror the number is 1 - ρ.
    """
    with np.errstate(all="ignore"):
        turns = np.angle(z[1:] / z[:-1]) / (2 * np.pi) % 1
    if not np.isfinite(turns).all():
        return Average(float("nan"), float("inf"))
    ordered = np.sort(turns)
    gaps = np.append(ordered[1:], ordered[0] + 1) - ordered
    cut = ordered[(int(np.argmax(gaps)) + 1) % len(ordered)]
    found = orbit_average(cut + (turns - cut) % 1)
    return Average(found.value % 1, found.error)
