"""The text of compiled `dynsys.vector.solve`: `unrolled(A, b)`, tuples in and a tuple out, for a given size."""

from __future__ import annotations

from dynsys.codegen import tuple_text

BY_CRAMER = 3  # most equations solved without a branch, so that lanes vectorise

ELIMINATE = """
def eliminate(M):
    # solve in place the system whose augmented matrix is M, {n} rows of {width}
    for k in range({n}):
        pivot = k
        for i in range(k + 1, {n}):
            if abs(M[i * {width} + k]) > abs(M[pivot * {width} + k]):
                pivot = i
        for j in range({width}):
            M[k * {width} + j], M[pivot * {width} + j] = M[pivot * {width} + j], M[k * {width} + j]
        for i in range(k + 1, {n}):
            factor = M[i * {width} + k] / M[k * {width} + k]
            for j in range(k, {width}):
                M[i * {width} + j] -= factor * M[k * {width} + j]
    for i in range({n}):
        k = {n} - 1 - i
        for j in range(k + 1, {n}):
            M[k * {width} + {n}] -= M[k * {width} + j] * M[j * {width} + {n}]
        M[k * {width} + {n}] /= M[k * {width} + k]
"""


def solution_text(n: int) -> str:
    """The text for n equations, of both functions if two."""
    return _cramer_text(n) if n <= BY_CRAMER else _elimination_text(n)


def _elimination_text(n: int) -> str:
    """Gaussian elimination with partial pivoting, in a `room()` of n (n + 1) doubles."""
    width = n + 1
    fill = [f"    M[{i * width + j}] = A[{i}][{j}]" for i in range(n) for j in range(n)]
    fill += [f"    M[{i * width + n}] = b[{i}]" for i in range(n)]
    lines = ["def unrolled(A, b):", "    M = room()", *fill, "    eliminate(M)"]
    lines.append("    return " + tuple_text([f"M[{i * width + n}]" for i in range(n)]))
    return ELIMINATE.format(n=n, width=width) + "\n" + "\n".join(lines)


def _cramer_text(n: int) -> str:
    """A quotient of determinants."""
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
