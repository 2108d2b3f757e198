"""Vector algebra for one definition: on tuples of floats, complex numbers, SymPy or mpmath numbers, or on arrays.

A method or a transformation written with these functions runs unchanged in every interpretation. A tuple may hold
arrays: component i of many points. Kinds of numbers that bring their own rule for a choice, an equation or a root
(the terms of a traced kernel, power series) define it as a method of the same name.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

NEWTON_STEPS = 30  # most iterations for an implicit equation; from a good guess four or five are taken
NEWTON_TOLERANCE = 1e-12  # relative length of the last Newton step: the error after it is of the order of its square

UNROLLED = 8  # repetitions that a kernel's text spells out, so that lanes vectorise; more become a loop


class PerPlayer(tuple[Any, ...]):
    """A point as one array a player: "components" of different lengths."""


def unit(x: Any) -> Any:
    """1, as a number of the kind that counters beside the point x are."""
    return 1.0 if isinstance(x, PerPlayer) else 0 * x[0] + 1


def axpy(a: Any, x: Any, y: Any) -> Any:
    """y + a x."""
    if isinstance(y, tuple):
        return tuple(yi + a * xi for xi, yi in zip(x, y, strict=True))
    return y + a * x


def scale(a: Any, x: Any) -> Any:
    """a x."""
    if isinstance(x, tuple):
        return tuple(a * xi for xi in x)
    return a * x


def weighted_sum(weights: Sequence[Any], slopes: Sequence[Any]) -> Any:
    """Σ wᵢ kᵢ, with exact weights; at least one is not 0."""
    pairs = [(weight, slope) for weight, slope in zip(weights, slopes) if weight != 0]
    parts = (tuple(times(w, e) for e in k) if isinstance(k, tuple) else times(w, k) for w, k in pairs)
    return functools.reduce(plus, parts)


def combination(h: Any, weights: Sequence[Any], slopes: Sequence[Any], x: Any) -> Any:
    """x + h Σ wᵢ kᵢ, with exact weights: 1/3 is a third in exact arithmetic and the nearest double elsewhere.

    Slopes of the same weight are added first: of additions a processor does more at a time than of products.
    """
    for weight in dict.fromkeys(w for w in weights[: len(slopes)] if w != 0):
        total = functools.reduce(plus, [slope for w, slope in zip(weights, slopes) if w == weight])
        x = axpy(times(weight, h), total, x)
    return x


def plus(x: Any, y: Any) -> Any:
    """x + y."""
    return tuple(xi + yi for xi, yi in zip(x, y, strict=True)) if isinstance(x, tuple) else x + y


def times(weight: Any, h: Any) -> Any:
    """An exact weight (a Fraction, or a SymPy number such as √3/6) times h, in h's own arithmetic."""
    if hasattr(h, "times"):  # power series
        return h.times(_exactly(weight))
    if _is_symbolic(h):
        return _exactly(weight) * h
    if isinstance(weight, Fraction):
        if isinstance(h, Fraction):
            return weight * h
        exact = type(h).__module__.startswith("mpmath")
        return h * weight.numerator / weight.denominator if exact else float(weight) * h
    if type(h).__module__.startswith("mpmath"):
        return _precisely(weight) * h
    return _number(weight) * h


_number = functools.lru_cache(maxsize=1024)(float)  # SymPy evaluates √3/6 in some 100 µs


def _exactly(weight: Any) -> Any:
    import sympy as sp

    return sp.Rational(weight.numerator, weight.denominator) if isinstance(weight, Fraction) else sp.sympify(weight)


def _precisely(weight: Any) -> Any:
    import mpmath as mp
    import sympy as sp

    return mp.mpf(sp.sympify(weight).evalf(mp.mp.dps + 5))


def dot(x: Any, y: Any) -> Any:
    """Σ xᵢ yᵢ, without conjugation."""
    if isinstance(x, tuple):
        total = x[0] * y[0]
        for xi, yi in zip(x[1:], y[1:], strict=True):
            total = total + xi * yi
        return total
    return (x * y).sum(-1)


def matvec(A: Any, x: Any) -> Any:
    """A x, with A a tuple of rows, or what knows its own products."""
    if hasattr(A, "matvec"):
        return A.matvec(x)
    if isinstance(x, tuple):
        return tuple(dot(row, x) for row in A)
    return (A @ x[..., None])[..., 0]


def vecmat(x: Any, A: Any) -> Any:
    """Aᵀ x, with A a tuple of rows, or what knows its own products."""
    if hasattr(A, "vecmat"):
        return A.vecmat(x)
    if isinstance(x, tuple):
        return tuple(dot(column, x) for column in zip(*A, strict=True))
    return (x[..., None, :] @ A)[..., 0, :]


def part(x: Any, indices: Sequence[int]) -> Any:
    """The components of x with these indices."""
    return tuple(x[i] for i in indices)


def submatrix(A: Any, rows: Sequence[int], columns: Sequence[int]) -> Any:
    """The rows and columns of A with these indices."""
    if hasattr(A, "submatrix"):
        return A.submatrix(rows, columns)
    return tuple(tuple(A[i][j] for j in columns) for i in rows)


def put(x: Any, indices: Sequence[int], values: Any) -> Any:
    """x with the components of these indices replaced."""
    new = dict(zip(indices, values, strict=True))
    return tuple(new.get(i, xi) for i, xi in enumerate(x))


def repeat(f: Callable[[Any], Any], count: int, state: Any) -> Any:
    """f applied `count` times to a state."""
    entry = _first(state)
    if hasattr(entry, "repeat") and not isinstance(entry, np.ndarray | np.generic) and count > UNROLLED:
        return entry.repeat(f, count, state)
    for _ in range(count):
        state = f(state)
    return state


def _first(state: Any) -> Any:
    return _first(state[0]) if isinstance(state, tuple) else state


# --- functions of one number ------------------------------------------------------------------


def sqrt(x: Any) -> Any:
    """The square root of a number of any kind."""
    if hasattr(x, "sqrt"):  # terms, power series, mpmath's numbers
        return x.sqrt()
    if _is_symbolic(x):
        import sympy as sp

        return sp.sqrt(x)
    if type(x).__module__.startswith("mpmath"):
        return x**0.5
    return np.sqrt(x)


def rough_power(x: Any, exponent: float) -> Any:
    """A power of a number ≥ 0, to 1e-4 in kernels, where the branch-free arithmetic of a step size serves."""
    return x.rough_power(exponent) if hasattr(x, "rough_power") else x**exponent


def real(x: Any) -> Any:
    """The real part, which decides comparisons when a derivative travels in the imaginary part."""
    return x.real if isinstance(x, complex | np.ndarray | np.complexfloating) else x


def sign(x: Any) -> Any:
    """-1, 0 or 1."""
    found = where(real(x) > 0, 1.0, where(real(x) < 0, -1.0, 0.0))
    return found.astype(x.real.dtype) if isinstance(x, np.ndarray) else found


def maximum(x: Any, y: Any) -> Any:
    """The larger of two numbers; NaN if x is."""
    return where(real(x) < real(y), y, x)


def minimum(x: Any, y: Any) -> Any:
    """The smaller of two numbers; NaN if x is."""
    return where(real(x) > real(y), y, x)


def where(condition: Any, a: Any, b: Any) -> Any:
    """a where the condition holds, else b; componentwise on tuples. Methods choose with this, never with `if`."""
    if isinstance(a, tuple):
        return tuple(where(condition, ai, bi) for ai, bi in zip(a, b, strict=True))
    if hasattr(condition, "where"):  # a term
        return condition.where(a, b)
    if isinstance(condition, np.ndarray):
        return np.where(condition, a, b)
    if _is_symbolic(condition) and condition not in (True, False):
        import sympy as sp

        return sp.Piecewise((a, condition), (b, True))
    return a if condition else b


def _is_symbolic(x: Any) -> bool:
    return type(x).__module__.startswith("sympy")


# --- equations ----------------------------------------------------------------------------------


def solve(A: Any, b: Any) -> Any:
    """A⁻¹ b by Gaussian elimination with partial pivoting.

    On tuples; components must be numbers with an order of magnitude (`abs`), arrays of such, or SymPy expressions. A
    singular A gives inf or NaN, compiled or not, never an exception.
    """
    entries = [*(e for row in A for e in row), *b]
    for entry in entries:
        if hasattr(entry, "solve"):
            return entry.solve(A, b)
    if any(_is_symbolic(e) and not e.is_number for e in entries):
        return _symbolic_solution(A, b)
    n = len(b)
    M = [[_numpys(entry) for entry in (*row, bi)] for row, bi in zip(A, b, strict=True)]
    with np.errstate(all="ignore"):
        return _eliminated(M, n)


def _symbolic_solution(A: Any, b: Any) -> tuple[Any, ...]:
    """A⁻¹ b over the field of rational functions, algebraic numbers among the coefficients included."""
    import sympy as sp
    from sympy.polys.matrices import DomainMatrix

    n = len(b)
    augmented = [[sp.sympify(e) for e in (*row, bi)] for row, bi in zip(A, b, strict=True)]
    M = DomainMatrix.from_list_sympy(n, n + 1, augmented, extension=True).to_field()
    x = M[:, :n].lu_solve(M[:, n:])
    return tuple(x.to_Matrix())


def _numpys(number: Any) -> Any:
    """A float of Python's as NumPy's, which divides by 0 as compiled code does."""
    return np.float64(number) if type(number) is float else number


def _eliminated(M: list[list[Any]], n: int) -> tuple[Any, ...]:
    """The solution of the system whose augmented matrix is M, a list of n rows of n + 1."""
    for k in range(n):
        for i in range(k + 1, n):
            M[k], M[i] = _larger_first(M[k], M[i], k)
        for i in range(k + 1, n):
            factor = M[i][k] / M[k][k]
            for j in range(k, n + 1):
                M[i][j] = M[i][j] - factor * M[k][j]
    x = [row[n] for row in M]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, n):
            x[k] = x[k] - M[k][j] * x[j]
        x[k] = x[k] / M[k][k]
    return tuple(x)


def _larger_first(a: list[Any], b: list[Any], k: int) -> tuple[list[Any], list[Any]]:
    """Two rows, the one with the larger entry k first; for rows of arrays, point by point."""
    exchange = abs(b[k]) > abs(a[k])
    if getattr(exchange, "ndim", 0) == 0:
        return (b, a) if exchange else (a, b)
    return [np.where(exchange, *pair) for pair in zip(b, a)], [np.where(exchange, *pair) for pair in zip(a, b)]


def solution(equation: Callable[[Any], tuple[Any, Any]], guess: Any) -> Any:
    """The zero y of F that Newton's method reaches from `guess`, a tuple; `equation(y)` gives F(y) and F'(y).

    NaN where it is not reached in `NEWTON_STEPS` iterations. In exact arithmetic F must be affine, as it is on a
    linear field: then the first step is exact.
    """
    for entry in guess:
        if hasattr(entry, "solution"):
            return entry.solution(equation, guess)
    if any(map(_is_symbolic, guess)):
        return _exact_solution(equation, guess)
    y: Any = guess
    done: Any = False
    with np.errstate(all="ignore"):
        for _ in range(NEWTON_STEPS):
            new, now = newton_step(equation, y)
            y = where(done, y, new)  # of many, those solved stay as they are: one does not depend on the others
            done = done | now
            if np.all(done):
                break
    return tuple(where(done, yi, math.nan) for yi in y)


def newton_step(equation: Callable[[Any], tuple[Any, Any]], y: Any) -> tuple[Any, Any]:
    """One Newton step, and whether it was so short that no other is needed."""
    F, J = equation(y)
    step = solve(J, F)
    y = axpy(-1.0, step, y)
    length, size = largest(step), largest(y)
    return y, (length <= NEWTON_TOLERANCE * size + 1e-15) & (size < 1e300)  # inf is no solution


def largest(x: Any) -> Any:
    """The largest modulus of a component; NaN if one is NaN."""
    most = abs(x[0])
    for xi in x[1:]:
        most = where(most >= abs(xi), most, where(abs(xi) >= most, abs(xi), most + abs(xi)))
    return most


def _exact_solution(equation: Callable[[Any], tuple[Any, Any]], guess: Any) -> Any:
    F, J = equation(guess)
    y = axpy(-1, solve(J, F), guess)
    if equation(y)[1] != J:
        raise TypeError("an implicit method has no exact step on a field that is not affine")
    return y
