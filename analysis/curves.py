"""Curves of zeros in the space of a field's variables and one parameter: points, tangents, corrections."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import sympy as sp
from numpy.linalg import LinAlgError, norm

from analysis.families import check_parameter
from dynsys.array_field import check_symbolic
from dynsys.errors import InputError
from dynsys.expressions import finite
from dynsys.field import Box, VectorField, check_box

ACCURATE = 1e-12  # Newton step, in units of the curve, that ends a correction


@dataclass(frozen=True, eq=False)
class Curve:
    """The curve v(x; p) = 0 in z = (x, p) ∈ Rⁿ⁺¹, measured in units `scale` (n+1,), between `low` and `high` (n+1,).

    The parameter is one more variable of an extended field whose last component is 0, so v, ∂v/∂x and ∂v/∂p are exact
    from the one definition of the field, in double precision and at fifty digits.
    """

    field: VectorField
    parameter: str
    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @functools.cached_property
    def extended(self) -> VectorField:
        """The field (v, 0) of the variables (x, p)."""
        others = {name: value for name, value in self.field.parameters.items() if name != self.parameter}
        names = (*self.field.variables, self.parameter)
        return VectorField((*self.field.expressions, sp.Integer(0)), names, others)

    @property
    def n(self) -> int:
        """The number of variables, without the parameter."""
        return self.field.n

    def value(self, z: np.ndarray) -> np.ndarray:
        """v at z, shape (n,)."""
        return self.extended(z)[:-1]

    def slopes(self, z: np.ndarray) -> np.ndarray:
        """[∂v/∂x, ∂v/∂p] at z, shape (n, n+1)."""
        return self.extended.jacobian(z)[:-1]

    def equations(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Slopes in the curve's units and v, each row divided by its largest slope: a plateau must not look flat."""
        A, v = self.slopes(z) * self.scale, self.value(z)
        size = np.abs(A).max(1)
        size[~(size > 0)] = 1.0
        return A / size[:, None], v / size

    def tangent(self, z: np.ndarray, along: np.ndarray | None = None) -> tuple[np.ndarray, float]:
        """The unit tangent at z in the curve's units, turned towards `along`, and how regular z is: σₙ/σ₁."""
        A, _ = self.equations(z)
        if not np.isfinite(A).all():
            return np.zeros(self.n + 1), 0.0
        _, s, rows = np.linalg.svd(A)
        t = rows[-1]
        turned = -t if along is not None and t @ along < 0 else t
        return turned, float(s[-1] / s[0]) if s[0] > 0 else 0.0

    def corrected(self, guess: np.ndarray, row: np.ndarray, reach: float) -> np.ndarray | None:
        """The point of the curve in the plane through `guess` across `row`, by Newton; None if none within `reach`."""
        z, last = guess.copy(), np.inf
        for _ in range(12):
            A, v = self.equations(z)
            drift = row @ ((z - guess) / self.scale)
            try:
                change = np.linalg.solve(np.vstack([A, row]), np.append(v, drift))
            except LinAlgError:
                return None
            size = float(norm(change))
            z = z - change * self.scale
            if not np.isfinite(z).all() or self.distance(z, guess) > reach:
                return None
            if size < ACCURATE or (size < 1e-9 and size > last / 4):  # rounding stops it
                return z
            last = size
        return None

    def between(self, a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray | None:
        """The point of the curve beside the given share of the chord from a to b."""
        chord = (b - a) / self.scale
        length = float(norm(chord))
        return self.corrected(a + share * (b - a), chord / length, length) if length > 0 else a

    def distance(self, a: np.ndarray, b: np.ndarray) -> float:
        """Euclidean, in the curve's units."""
        return float(norm((a - b) / self.scale))

    def inside(self, z: np.ndarray, slack: float = 1e-9) -> bool:
        """Whether z is within range and box, but for rounding."""
        room = slack * self.scale
        return bool(((z >= self.low - room) & (z <= self.high + room)).all())

    def jacobian(self, z: np.ndarray) -> np.ndarray:
        """∂v/∂x, shape (n, n)."""
        return self.slopes(z)[:, :-1]

    def eigenvalues(self, z: np.ndarray) -> np.ndarray:
        """Of ∂v/∂x, by falling real part, complex (n,)."""
        values = np.linalg.eigvals(self.jacobian(z)).astype(complex)
        return values[np.lexsort((-values.imag, -values.real.round(12)))]

    def at(self, p: float) -> VectorField:
        """The field at the value p of the parameter."""
        return self.field.with_parameters(**{self.parameter: float(p)})


def curve_of(field: VectorField, parameter: str, range: tuple[float, float], box: Box | None, x: np.ndarray) -> Curve:
    """The curve through x, checked; units are the widths of range and box, or the size of x where there is no box.

    Raises `InputError` for a field without formulas or without this parameter, an empty range, a box that is none.
    """
    checked = check_symbolic(field, "continuation")
    if checked.time is not None:
        raise InputError("the field depends on time; it has no fixed points to follow. Fix the time")
    check_parameter(checked, parameter, "continuation")
    lo, hi = check_parameter_range(range, parameter)
    if box is None:
        units, low, high = np.maximum(1.0, np.abs(x)), np.full(field.n, -np.inf), np.full(field.n, np.inf)
    else:
        low, high = np.array(check_box(box, checked.variables)).T
        units = high - low
    return Curve(checked, parameter, np.append(units, hi - lo), np.append(low, lo), np.append(high, hi))


def check_parameter_range(range: tuple[float, float], parameter: str) -> tuple[float, float]:
    """A range (lo, hi) of a parameter's values, finite and not empty."""
    try:
        lo, hi = range
    except (TypeError, ValueError):
        raise InputError(f"range is {range!r}; give (lo, hi) for {parameter}") from None
    low, high = finite(lo, f"lower end of {parameter}"), finite(hi, f"upper end of {parameter}")
    if not low < high:
        raise InputError(f"the range of {parameter} is ({low:g}, {high:g}); the lower end must be below the upper")
    return low, high
