"""The set of z = hλ at which a method contracts, with its intervals on the axes exact."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp

from analysis.best_steps import minimum_of
from analysis.borders import Verdict, numeric_radius, updates, verdicts_between
from analysis.precision import DIGITS
from analysis.stability import Intervals, intervals
from analysis.stability_functions import ZETA, StabilityFunction, Z, check_linear, stability_function
from integrators.method import Method, amplification

PLAYERS = ((0,), (1,))


@dataclass(frozen=True)
class StabilityRegion:
    """Where in the plane of z = hλ the update of ẋ = λx contracts.

    `real` holds the intervals of z < 0 with a stable update, `imaginary` and `imaginary_neutral` those of s in z = is
    with a stable and a neutral one; all complete, to 1e-12. `best_imaginary` is the s of least spectral radius there
    and that radius, or NaN. `a_stable` and `l_stable` are None for a method that treats the players apart: it sees
    λ = a + bi as [[a, -b], [b, a]] with one variable a player. `re` (k,), `im` (m,) and `amplification` (m, k) sample
    the spectral radius for drawing.
    """

    method: Method
    function: StabilityFunction
    real: Intervals
    imaginary: Intervals
    imaginary_neutral: Intervals
    best_imaginary: tuple[float, float]
    a_stable: bool | None
    l_stable: bool | None
    re: np.ndarray
    im: np.ndarray
    amplification: np.ndarray

    @property
    def real_limit(self) -> float:
        """The largest r such that every z in (-r, 0) is stable."""
        return -self.real[-1][0] if self.real and self.real[-1][1] == 0 else 0.0

    @property
    def imaginary_limit(self) -> float:
        """The largest s such that every z in (0, is) is stable or neutral."""
        joined = sorted(self.imaginary + self.imaginary_neutral)
        limit = 0.0
        for lo, hi in joined:
            if lo > limit:
                break
            limit = hi
        return limit

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; an unbounded end is None."""
        plain = lambda value: value if math.isfinite(value) else None  # noqa: E731
        pairs = lambda ends: [[plain(a), plain(b)] for a, b in ends]  # noqa: E731
        return {
            "method": self.method.label,
            "function": self.function.text,
            "real": pairs(self.real),
            "imaginary": pairs(self.imaginary),
            "imaginary_neutral": pairs(self.imaginary_neutral),
            "best_imaginary": [plain(value) for value in self.best_imaginary],
            "a_stable": self.a_stable,
            "l_stable": self.l_stable,
        }


def stability_region(
    method: Method, box: tuple[tuple[float, float], tuple[float, float]] | None = None, resolution: int = 201
) -> StabilityRegion:
    """The stability region of a method: exact intervals on the axes, A- and L-stability, and a grid for drawing.

    `box` is ((Re lo, Re hi), (Im lo, Im hi)) of the grid; by default what shows a bounded region whole. Raises
    `InputError`, with the reason, for a method without linear theory. Dahlquist (1963) for A-stability, Ehle (1969)
    for L-stability.
    """
    check_linear(method, "stability region")
    function = stability_function(method)
    one, zero = mp.mpf(1), mp.mpf(0)
    with mp.workdps(DIGITS):
        line = [[-one]] if method.joint else [[-one, zero], [zero, -one]]
        real = _verdicts(method, line)
        imaginary = _verdicts(method, [[zero, -one], [one, zero]])
    stable, neutral = intervals(imaginary, "stable"), intervals(imaginary, "neutral")
    radius = numeric_radius(updates(method, mp.matrix([[0, -1], [1, 0]]), sp.Integer(1), PLAYERS))
    rate, best = min((minimum_of(radius, lo, hi, 1.0) for lo, hi in stable), default=(math.nan, math.nan))
    mirrored = tuple((0.0 - hi, 0.0 - lo) for lo, hi in reversed(intervals(real, "stable")))
    a_stable = _is_a_stable(function, real, imaginary) if method.joint else None
    re, im = _grid(method, box, resolution)
    return StabilityRegion(
        method=method,
        function=function,
        real=mirrored,
        imaginary=stable,
        imaginary_neutral=neutral,
        best_imaginary=(best, rate),
        a_stable=a_stable,
        l_stable=None if a_stable is None else a_stable and _vanishes_at_infinity(function),
        re=re,
        im=im,
        amplification=amplification(method, re + 1j * im[:, None]),
    )


def _verdicts(method: Method, J: Any) -> list[Verdict]:
    return verdicts_between(updates(method, mp.matrix(J), sp.Integer(1), PLAYERS), mp.mpf(0), mp.inf)


def _is_a_stable(function: StabilityFunction, real: list[Verdict], imaginary: list[Verdict]) -> bool:
    """No multiplier outside the unit circle for Re z < 0: none on the imaginary axis, no pole to the left of it.

    The largest modulus of a branch of ζ(z) without poles is on the boundary.
    """
    if any(verdict == "unstable" for _, _, verdict in [*imaginary, *real]):
        return False
    leading = sp.Poly(sp.Poly(function.polynomial, ZETA).LC(), Z)
    return leading.degree() < 1 or all(complex(root).real > 0 for root in leading.nroots(n=DIGITS))


def _vanishes_at_infinity(function: StabilityFunction) -> bool:
    """All multipliers tend to 0 as z grows: of the highest power of z only ζᵏ, k the number of multipliers, is left."""
    polynomial = sp.Poly(function.polynomial, Z)
    highest = sp.Poly(polynomial.LC(), ZETA)
    return polynomial.degree() > 0 and len(highest.terms()) == 1 and highest.degree() == function.matrix.rows


def _grid(method: Method, box: Any, resolution: int) -> tuple[np.ndarray, np.ndarray]:
    if box is None:
        coarse = np.linspace(-8, 8, 161)
        plane = coarse + 1j * coarse[:, None]
        inside = plane[amplification(method, plane) < 1]
        inside = inside[np.abs(inside.imag) < 6] if inside.size else np.array([0j])
        left, right = min(float(inside.real.min()) - 0.5, -1.0), min(max(float(inside.real.max()) + 0.5, 1.0), 4.0)
        half = max(float(np.abs(inside.imag).max()) + 0.5, 1.0)
        box = ((max(left, -6.0), right), (-half, half))
    (a, b), (c, d) = box
    return np.linspace(a, b, resolution), np.linspace(c, d, resolution)
