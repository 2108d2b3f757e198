"""The Jacobian at a zero that stays where it is, as an exact function of a parameter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp

from analysis.borders import as_rational
from analysis.precision import DIGITS, Point, precise_function
from dynsys.array_field import check_symbolic
from dynsys.errors import InputError, nearest
from dynsys.expressions import symbol
from dynsys.field import VectorField

MOVED = mp.mpf(10) ** -35  # relative: what a zero known to 1e-40 leaves of a coefficient that is 0


def check_parameter(field: Any, parameter: str, wanted: str) -> VectorField:
    """The field, if it has formulas and the parameter; `InputError` with the nearest name otherwise."""
    checked = check_symbolic(field, wanted)
    if parameter not in checked.parameters:
        raise InputError(f"the field has no parameter {parameter!r}; {nearest(str(parameter), checked.parameters)}")
    return checked


def jacobian_family(field: VectorField, x: Point, parameter: str) -> tuple[tuple[sp.Expr, ...], ...]:
    """J(x; p) as rational functions of the parameter's symbol with rational coefficients, row by row.

    x is a zero to fifty digits, for every value of the parameter. Raises `InputError` for one that moves with it, and
    for a field that is no quotient of polynomials in it.
    """
    p = symbol(parameter)
    fixed = {s: value for s, value in field.exact_values.items() if s != p}
    for name, e in zip(field.variables, field.expressions, strict=True):
        numerator, _ = _fraction(e.xreplace(fixed), p, parameter)
        values = _at(numerator, field, x)
        size = max((abs(value) for value in _at([size_of(c) for c in numerator], field, x)), default=mp.mpf(1))
        if any(abs(value) > MOVED * max(size, 1) for value in values):
            raise InputError(
                f"the zero moves with {parameter}: component {name} does not vanish there at other values; "
                "follow it with continue_equilibrium"
            )
    return tuple(
        tuple(_entry(e.xreplace(fixed), field, x, p, parameter) for e in row) for row in field.jacobian_expressions
    )


def size_of(e: sp.Expr) -> sp.Expr:
    """The sum of the sizes of an expression's terms: what rounding is relative to."""
    return sp.Add(*[sp.Abs(term) for term in sp.Add.make_args(sp.expand(e))])


def _entry(e: sp.Expr, field: VectorField, x: Point, p: sp.Symbol, parameter: str) -> sp.Expr:
    numerator, denominator = (
        sum((as_rational(value) * p**k for k, value in enumerate(_at(part, field, x))), sp.Integer(0))
        for part in _fraction(e, p, parameter)
    )
    return sp.cancel(numerator / denominator)


def _fraction(e: sp.Expr, p: sp.Symbol, parameter: str) -> tuple[list[sp.Expr], list[sp.Expr]]:
    """Coefficients of numerator and denominator as polynomials in p, lowest power first."""
    try:
        parts = [sp.Poly(part, p).all_coeffs()[::-1] for part in sp.fraction(sp.together(e))]
    except sp.PolynomialError:
        parts = []
    if not parts or any(c.has(p) for part in parts for c in part):
        raise InputError(f"the field is no quotient of polynomials in {parameter}; borders in it are not exact")
    return parts[0], parts[1]


def _at(coefficients: Sequence[sp.Expr], field: VectorField, x: Point) -> list[Any]:
    with mp.workdps(DIGITS):
        return [mp.re(mp.mpmathify(value)) for value in precise_function(coefficients, field.symbols)(*x)]


def _beside(d: float) -> Callable[[Any], Sequence[Any]]:
    return lambda c: (c, d)


class Followed:
    """A zero followed over parameters, from the field's own values of them, by Newton's method in double precision.

    `names` are one or two parameters. Where the zero is lost, places and Jacobians are NaN.
    """

    def __init__(self, field: VectorField, x: Point, names: Sequence[str]):
        self.field, self.names = field, list(names)
        self.start = np.array([float(c) for c in x])
        self.own = [float(field.parameters[name]) for name in names]

    def over(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places (k, n) and Jacobians (k, n, n) at values of the one parameter."""
        places = self._line(np.asarray(values, float), self.start, self.own[0], lambda c: (c,))
        return places, self._jacobians(places, (values,))

    def from_place(self, x: np.ndarray, value: float) -> tuple[np.ndarray, np.ndarray]:
        """The zero at one value, and the Jacobian there, from its place (n,) at a value nearby."""
        place = self._newton(x, (value,))
        return place, self._jacobians(place[None], (np.array([value]),))[0]

    def over_two(self, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places (len(second), len(first), n) and Jacobians over both parameters."""
        column = self._line(second, self.start, self.own[1], lambda d: (self.own[0], d))
        rows = [self._line(first, x, self.own[0], _beside(d)) for x, d in zip(column, second, strict=True)]
        places = np.stack(rows)
        return places, self._jacobians(places, (first[None, :], second[:, None]))

    def _p(self, values: Sequence[Any]) -> tuple[Any, ...]:
        given = dict(zip(self.names, values, strict=True))
        return tuple(given.get(name, value) for name, value in self.field.parameters.items())

    def _jacobians(self, places: np.ndarray, values: Sequence[Any]) -> np.ndarray:
        with np.errstate(all="ignore"):
            rows = self.field.on_tuples.jacobian(tuple(np.moveaxis(places, -1, 0)), self._p(values))
        entries = np.broadcast_arrays(*[e for row in rows for e in row], places[..., 0])[:-1]
        found = np.stack(entries, -1).reshape((*places.shape[:-1], self.field.n, self.field.n))
        return np.where(np.isfinite(places).all(-1)[..., None, None], found, np.nan)

    def _line(self, values: np.ndarray, x: np.ndarray, own: float, put: Callable[[Any], Sequence[Any]]) -> np.ndarray:
        """The zero at each of the values, in both directions from the field's own one."""
        if self._stays(values, x, put):
            return np.broadcast_to(x, (len(values), len(x))).copy()
        places = np.full((len(values), len(x)), np.nan)
        if not np.isfinite(x).all():
            return places
        first = int(np.argmin(np.abs(values - own)))
        here = x
        for c in np.linspace(own, values[first], 33)[1:]:
            here = self._newton(here, put(float(c)))
        for order in (range(first, len(values)), range(first - 1, -1, -1)):
            near, before = here, here
            for k in order:
                # along the secant: where two branches cross, the zero stays on its own
                place = self._newton(2 * near - before if k != order[0] else near, put(float(values[k])))
                near, before = place, near
                places[k] = place
        return places

    def _stays(self, values: np.ndarray, x: np.ndarray, put: Callable[[Any], Sequence[Any]]) -> bool:
        """Whether x is a zero at all of the values: its Newton step is rounding."""
        places = np.broadcast_to(x, (len(values), len(x)))
        with np.errstate(all="ignore"):
            v = np.stack(
                np.broadcast_arrays(*self.field.on_tuples(tuple(places.T), self._p(put(values))), values)[:-1], -1
            )
        sizes = np.linalg.norm(self._jacobians(places, put(values)), axis=(1, 2)) * (1 + np.linalg.norm(x))
        return bool((np.linalg.norm(v, axis=1) <= 1e-14 * sizes).all())

    def _newton(self, x: np.ndarray, values: Sequence[float]) -> np.ndarray:
        """The zero that Newton's method reaches in a few short steps, else NaN."""
        start, lost = x, np.full(len(x), np.nan)
        for _ in range(12):
            J = self._jacobians(x[None], values)[0]
            with np.errstate(all="ignore"):
                v = np.array([float(c) for c in self.field.on_tuples(tuple(x), self._p(values))])
            if not (np.isfinite(J).all() and np.isfinite(v).all()):
                return lost
            step = np.linalg.lstsq(J, v, rcond=1e-14)[0]
            x = x - step
            if np.linalg.norm(x - start) > 0.2 * (1 + np.linalg.norm(start)):
                return lost
            if np.linalg.norm(step) <= 1e-13 * (1 + np.linalg.norm(x)):
                return x
        return lost

    def text(self, values: np.ndarray, places: np.ndarray) -> str:
        """Where the branch of the zero ends on its way over the values, in words; "" if it does not."""
        there = np.isfinite(places).all(-1)
        if there.all():
            return ""
        if not there.any():
            return f"the zero is lost at every value of {self.names[-1]}"
        k = np.flatnonzero(there)
        ends = [values[i] for i, border in ((k[0], 0), (k[-1], len(values) - 1)) if i != border]
        return f"the branch of the zero ends at {self.names[-1]} near " + " and ".join(f"{c:.6g}" for c in ends)
