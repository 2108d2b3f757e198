"""How Numba compiles: the options, and `dynsys.vector.solve` on tuples.

Importing this module imports Numba; only code that compiles does so.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.core.extending import overload

from dynsys import vector
from dynsys.codegen import tuple_text

# Only `contract` (fused multiply-add): full fastmath is no faster here and deletes NaN checks.
OPTIONS: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract"}}
# Every function a step calls is inlined: LLVM's own limit leaves a fourfold step of four terms as a call, which keeps
# the loop over lanes from being vectorised (measured on a consensus field under Runge-Kutta: six times slower).
jit = numba.njit(**OPTIONS, forceinline=True)
apart = numba.njit(**OPTIONS, forceinline=False)
precise = numba.njit(error_model="numpy", forceinline=True)  # rounds after every operation


@overload(vector.solve)
def _solve(A, b):
    n = len(b)
    if n <= 3:  # Cramer's rule: no branches, so lanes vectorise, and half the compile time of an elimination loop
        exec(cramer_text(n), cramer := dict[str, Any]())  # no user's text
        return cramer["unrolled"]
    namespace: dict[str, Any] = {"np": np, "eliminate": _eliminate}
    fill = [f"    M[{i}, {j}] = A[{i}][{j}]" for i in range(n) for j in range(n)]
    fill += [f"    M[{i}, {n}] = b[{i}]" for i in range(n)]
    lines = ["def unrolled(A, b):", f"    M = np.empty(({n}, {n + 1}))", *fill, "    eliminate(M)"]
    lines.append("    return " + tuple_text([f"M[{i}, {n}]" for i in range(n)]))
    exec("\n".join(lines), namespace)
    return namespace["unrolled"]


def cramer_text(n: int) -> str:
    """Text of `unrolled(A, b)`, the solution of n equations as a quotient of determinants."""
    entries = [[f"A[{i}][{j}]" for j in range(n)] for i in range(n)]
    replaced = [[[f"b[{i}]" if j == k else entries[i][j] for j in range(n)] for i in range(n)] for k in range(n)]
    quotients = tuple_text([f"({_determinant(M)}) / d" for M in replaced])
    return f"def unrolled(A, b):\n    d = {_determinant(entries)}\n    return {quotients}"


def _determinant(M: list[list[str]]) -> str:
    """Text of the determinant of a matrix of texts, by its first row."""
    if len(M) == 1:
        return M[0][0]
    minors = [[row[:j] + row[j + 1 :] for row in M[1:]] for j in range(len(M))]
    return " ".join(f"{'-' if j % 2 else '+'} {M[0][j]} * ({_determinant(minors[j])})" for j in range(len(M)))


@apart
def _eliminate(M):
    """Solve in place the system whose augmented matrix is M, shape (n, n + 1)."""
    n = M.shape[0]
    for k in range(n):
        pivot = k
        for i in range(k + 1, n):
            if abs(M[i, k]) > abs(M[pivot, k]):
                pivot = i
        for j in range(n + 1):
            M[k, j], M[pivot, j] = M[pivot, j], M[k, j]
        for i in range(k + 1, n):
            factor = M[i, k] / M[k, k]
            for j in range(k, n + 1):
                M[i, j] -= factor * M[k, j]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, n):
            M[k, n] -= M[k, j] * M[j, n]
        M[k, n] /= M[k, k]
