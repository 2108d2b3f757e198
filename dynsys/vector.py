"""Vector algebra for one definition: on tuples of floats, complex numbers, SymPy or mpmath numbers, or on arrays.

A method or a transformation written with these functions runs unchanged in every interpretation. Numba's
versions, unrolled over tuples, are in `dynsys.compiled`. A tuple may hold arrays: component i of many points.
"""

from __future__ import annotations

from typing import Any

import numpy as np


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


def dot(x: Any, y: Any) -> Any:
    """Σ xᵢ yᵢ, without conjugation."""
    if isinstance(x, tuple):
        total = x[0] * y[0]
        for xi, yi in zip(x[1:], y[1:], strict=True):
            total = total + xi * yi
        return total
    return (x * y).sum(-1)


def matvec(A: Any, x: Any) -> Any:
    """A x, with A a tuple of rows."""
    if isinstance(x, tuple):
        return tuple(dot(row, x) for row in A)
    return (A @ x[..., None])[..., 0]


def vecmat(x: Any, A: Any) -> Any:
    """Aᵀ x, with A a tuple of rows."""
    if isinstance(x, tuple):
        return tuple(dot(column, x) for column in zip(*A, strict=True))
    return (x[..., None, :] @ A)[..., 0, :]


def solve(A: Any, b: Any) -> Any:
    """A⁻¹ b by Gaussian elimination with partial pivoting.

    On tuples; components must be numbers with an order of magnitude (`abs`), or arrays of such. A singular A gives
    inf or NaN, compiled or not, never an exception.
    """
    n = len(b)
    M = [[_numpys(entry) for entry in (*row, bi)] for row, bi in zip(A, b, strict=True)]
    with np.errstate(all="ignore"):
        return _eliminated(M, n)


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
