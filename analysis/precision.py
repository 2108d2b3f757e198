"""Fields at fifty digits: what decides a verdict must not drown in rounding.

A field given by arrays has double precision and no more; its zeros are as good as that.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp

from dynsys.array_field import AnyField, ArrayField
from dynsys.functions import logistic, softplus

DIGITS = 50
Point = tuple[Any, ...]


def precise_function(expressions: Sequence[sp.Expr], symbols: Sequence[sp.Symbol]) -> Callable[..., list[Any]]:
    """The expressions as a function of `symbols` on mpmath numbers, one list of values."""
    plain = [sp.sympify(e).rewrite([logistic, softplus], sp.exp) for e in expressions]
    return sp.lambdify(list(symbols), plain, modules="mpmath", cse=True)


def shortest(field: AnyField) -> tuple[Any, Any]:
    """How short a Newton step gets, relative: at a regular zero of the field, and at a singular one."""
    exponents = (-13, -8) if isinstance(field, ArrayField) else (8 - DIGITS, -30)
    return mp.mpf(10) ** exponents[0], mp.mpf(10) ** exponents[1]


@functools.lru_cache(maxsize=256)
def _functions(field: AnyField) -> tuple[Callable[..., Any], Callable[..., Any]]:
    if isinstance(field, ArrayField):
        array = field  # mypy forgets in a closure what it knows here
        doubles = lambda x: np.array([float(c) for c in x])  # noqa: E731
        return lambda *x: array(doubles(x)).tolist(), lambda *x: array.jacobian(doubles(x)).ravel().tolist()
    value = precise_function([field.at_values(e) for e in field.expressions], field.symbols)
    jacobian = [field.at_values(e) for row in field.jacobian_expressions for e in row]
    return value, precise_function(jacobian, field.symbols)


def precise_value(field: AnyField, x: Sequence[Any]) -> Any:
    """v(x) as an mpmath column; raises ValueError or ZeroDivisionError where v has no real value."""
    with mp.workdps(DIGITS):
        return mp.matrix([_real(value) for value in _functions(field)[0](*x)])


def precise_jacobian(field: AnyField, x: Sequence[Any]) -> Any:
    """J(x) as an mpmath matrix."""
    with mp.workdps(DIGITS):
        entries = [_real(value) for value in _functions(field)[1](*x)]
        return mp.matrix([entries[i * field.n : (i + 1) * field.n] for i in range(field.n)])


def _real(value: Any) -> Any:
    value = mp.mpmathify(value)
    if isinstance(value, mp.mpc):
        if value.imag != 0:
            raise ValueError("not real")
        value = value.real
    if not mp.isfinite(value):
        raise ValueError("not finite")
    return value


def norm(x: Any) -> Any:
    """Euclidean norm of an mpmath column or a sequence."""
    return mp.sqrt(mp.fsum(value * value for value in x))


def as_array(matrix: Any) -> np.ndarray:
    """An mpmath matrix in double precision; a column gives shape (n,)."""
    array = np.array([[float(matrix[i, j]) for j in range(matrix.cols)] for i in range(matrix.rows)])
    return array[:, 0] if matrix.cols == 1 else array


def polish(field: AnyField, x: Sequence[float], reach: float) -> Point | None:
    """The zero of the field that Newton's method reaches from x at fifty digits, or None.

    The iteration may wander no further than `reach` from x. At a singular zero the steps shrink only linearly; they
    are followed until they are below 1e-30 relative, or 1e-8 for a field given by arrays.
    """
    with mp.workdps(DIGITS):
        regular, singular = shortest(field)
        point = mp.matrix([mp.mpf(float(value)) for value in x])
        start, best, stalled = point.copy(), mp.inf, 0
        for _ in range(400):
            try:
                value = precise_value(field, point)
                step = newton_step(precise_jacobian(field, point), value)
            except (ValueError, ZeroDivisionError, OverflowError):
                return None
            length = norm(step)
            point = point - step
            if norm(point - start) > reach or not mp.isfinite(length):
                return None
            if length <= regular * (1 + norm(point)):
                return tuple(point)
            stalled = stalled + 1 if length > best * mp.mpf("0.9") else 0
            best = min(best, length)
            if stalled > 25:
                break
        return tuple(point) if best <= singular * (1 + norm(point)) else None


def newton_step(J: Any, v: Any) -> Any:
    """J⁻¹v at fifty digits; where J is exactly singular, the least-norm step of least squares.

    Rows are scaled first: on a plateau a whole row is tiny, which must not look like a singular matrix.
    """
    with mp.workdps(DIGITS):
        if norm(v) == 0:
            return v
        J, v = scaled_rows(J, v)
        try:
            return mp.lu_solve(J, v)
        except (ZeroDivisionError, TypeError):  # TypeError is mpmath's for a column of zeros: it finds no pivot
            U, s, V = mp.svd_r(J)
            if s[0] == 0:
                raise
            kept = [i for i in range(len(s)) if s[i] > s[0] * mp.mpf(10) ** -20]
            step = mp.zeros(len(v), 1)
            for i in kept:
                weight = mp.fsum(U[k, i] * v[k] for k in range(len(v))) / s[i]
                step += mp.matrix([weight * V[i, k] for k in range(len(v))])
            return step


def scaled_rows(J: Any, v: Any) -> tuple[Any, Any]:
    """Each row of J, and the entry of v beside it, divided by the row's largest entry; rows of zeros stay."""
    J, v = J.copy(), v.copy()
    for i in range(J.rows):
        largest = max(abs(J[i, j]) for j in range(J.cols))
        if largest > 0:
            v[i] /= largest
            for j in range(J.cols):
                J[i, j] /= largest
    return J, v


def recognise(field: AnyField, x: Point) -> tuple[sp.Expr, ...] | None:
    """The exact coordinates of a zero, if they are small rationals or such multiples of π, verified by SymPy."""
    if isinstance(field, ArrayField):
        return None
    with mp.workdps(DIGITS):
        candidates = [_nice(value) for value in x]
    exact = [c for c in candidates if c is not None]
    if len(exact) < len(x):
        return None
    put = dict(zip(field.symbols, exact, strict=True))
    return tuple(exact) if all(field.at_values(e).subs(put) == 0 for e in field.expressions) else None


def _nice(value: Any) -> sp.Expr | None:
    for unit, symbol in ((mp.mpf(1), sp.Integer(1)), (mp.pi, sp.pi)):
        ratio = value / unit
        denominator = next((q for q in range(1, 61) if abs(ratio * q - mp.nint(ratio * q)) < mp.mpf(10) ** -24), None)
        if denominator is not None:
            return sp.Rational(int(mp.nint(ratio * denominator)), denominator) * symbol
    return None
