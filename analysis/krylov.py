"""Leading eigenvalues of a matrix known by its products only: Ritz values of a restarted Arnoldi process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.linalg import norm

from dynsys.errors import InputError, nearest
from dynsys.expressions import finite
from integrators.checks import check_count, check_memory

Product = Callable[[np.ndarray], np.ndarray]

TARGETS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "real": lambda z: z.real,
    "modulus": np.abs,
    "imaginary": lambda z: np.abs(z.imag),
}
COLUMNS = 4096  # of the basis that a restart turns at a time, so that it needs no second basis
LEAST_TOLERANCE = 1e-6  # relative; beyond it double precision buys no other verdict


@dataclass(frozen=True, eq=False)
class RitzValues:
    """Approximate eigenvalues μ (k,) of a matrix M, those that lead by `which` first, with what is known of them.

    `residuals` (k,) are ‖My - μy‖ for unit vectors y, from products made for the purpose. A residual is a backward
    error: μ is an eigenvalue of a matrix that far from M. For a normal M an eigenvalue is as near as that; for others
    it may be farther. `converged` (k,) says which residuals are at most `tolerance` times `norm`, the largest ‖Mu‖/‖u‖
    met, a lower bound of ‖M‖. `complete`: the values are the leading ones of the whole spectrum, to rounding;
    otherwise an eigenvalue that no vector of the process has felt may lead. `vectors` (k, n), if asked for.
    """

    which: str
    values: np.ndarray
    residuals: np.ndarray
    norm: float
    tolerance: float
    products: int
    rounding: float
    complete: bool = False
    vectors: np.ndarray | None = None

    @property
    def converged(self) -> np.ndarray:
        """Which values have a residual within the tolerance."""
        return self.residuals <= self.tolerance * self.norm

    @property
    def floor(self) -> float:
        """What rounding may make of a double eigenvalue: √ε times the norm. Less is not told from 0."""
        return self.rounding * self.norm

    @property
    def margins(self) -> np.ndarray:
        """What each value may be off, to first order for a normal matrix: its residual, at least the floor."""
        return np.maximum(self.residuals, self.floor)

    @property
    def sides(self) -> tuple[str, ...]:
        """Where each value was observed: left or right of the imaginary axis; on it or at zero, to its margin.

        One that has not converged is left or right of the axis by its sign; `decided` says what that is worth.
        """
        margins = np.where(self.converged, self.margins, self.floor)
        return tuple(
            "zero" if abs(z) <= m else "axis" if abs(z.real) <= m else "left" if z.real < 0 else "right"
            for z, m in zip(self.values, margins, strict=True)
        )

    @property
    def decided(self) -> np.ndarray:
        """Whether each value's side is farther from the axis than its residual; one on the axis is if it converged."""
        return (self.residuals < np.abs(self.values.real)) | self.converged

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, complex ones as [re, im]."""
        return {
            "which": self.which,
            "values": [[float(z.real), float(z.imag)] for z in self.values],
            "residuals": self.residuals.tolist(),
            "converged": self.converged.tolist(),
            "norm": self.norm,
            "tolerance": self.tolerance,
            "products": self.products,
            "complete": self.complete,
        }


def default_tolerance(dtype: Any) -> float:
    """The relative residual that products in this floating-point type can reach with ease: √ε, at least 1e-6."""
    return max(LEAST_TOLERANCE, half_the_digits(dtype))


def half_the_digits(dtype: Any) -> float:
    """√ε: how far rounding, relative to the norm, may move an eigenvalue that is double."""
    return float(np.sqrt(np.finfo(dtype).eps))


def ritz_values(
    product: Product,
    n: int,
    which: str = "real",
    k: int = 6,
    *,
    basis: int = 40,
    tolerance: float | None = None,
    products: int = 400,
    rng: Any = 0,
    start: np.ndarray | None = None,
    dtype: Any = np.float64,
    shift: float = 0.0,
    vectors: bool = False,
) -> RitzValues:
    """The k Ritz values of a real matrix M, u -> M u, with largest real part, modulus or imaginary part.

    The Krylov–Schur method: an Arnoldi process of at most `basis` vectors, whose Schur form keeps the wanted half at
    each restart, until k values have residuals of at most `tolerance` ‖M‖ (default: √ε of `dtype`, at least 1e-6) or
    the `products` are spent. k grows by one where it would part a conjugate pair. Memory is basis · n numbers of
    `dtype`. A breakdown, an invariant subspace found, is no end: the process goes on with a vector orthogonal to it.
    `start` (n,) is the first vector, by default a random one of `rng`. With a `shift` s the product is that of M - sI,
    whose norm then is the measure: what is near a multiple of the identity keeps its digits. Raises `InputError` for
    products that are not finite. Arnoldi (1951); Stewart (2001).
    """
    if which not in TARGETS:
        raise InputError(f"which is {which!r}; {nearest(which, TARGETS)}")
    n, k = check_count(n, "n", 1), check_count(k, "k", 1)
    k = min(k, n)
    size = min(check_count(basis, "basis", 1), n)
    if size < min(k + 3, n):
        raise InputError(f"basis is {basis}; for k = {k} give at least {k + 3} vectors")
    if check_count(products, "products", 1) < size + k + 1:
        raise InputError(f"products is {products}; a basis of {size} and {k} residuals take {size + k + 1}")
    bound = default_tolerance(dtype) if tolerance is None else finite(tolerance, "tolerance")
    check_memory((size + 1) * n * np.dtype(dtype).itemsize, "a smaller basis")
    process = _Arnoldi(product, n, size, np.random.default_rng(rng), np.dtype(dtype), start)
    while True:
        process.extend()
        values, vectors_in_basis, estimates = process.ritz()
        lead = _leading(values, which, k, shift)
        spent = process.products + k + 1  # the residuals', of which a pair may need one more
        done = bool((estimates[lead] <= bound * process.norm).all())
        keep = _leading(values, which, len(lead) + (size - len(lead)) // 2, shift)
        if done or size == n or spent + size - len(keep) > products or not process.restart(values[keep]):
            break
    return _result(process, which, values[lead], vectors_in_basis[:, lead], bound, vectors, shift)


def dense_values(matrix: np.ndarray, which: str, k: int, dtype: Any = np.float64) -> RitzValues:
    """The leading eigenvalues of a matrix given whole, as Ritz values with nothing left out."""
    values, vectors = np.linalg.eig(matrix)
    lead = _leading(values.astype(complex), which, min(k, len(values)))
    mu, Y = values[lead].astype(complex), vectors[:, lead].astype(complex)
    residuals = norm(matrix @ Y - Y * mu, axis=0)
    size, tolerance = float(norm(matrix, 2)), default_tolerance(dtype)
    return RitzValues(which, mu, residuals, size, tolerance, 0, half_the_digits(dtype), True, Y.T)


def _leading(values: np.ndarray, which: str, k: int, shift: float = 0.0) -> np.ndarray:
    """Where the k leading values stand, best first; one more where the last would part a pair."""
    score = TARGETS[which](values + shift)
    size = float(np.abs(values).max(initial=0)) or 1.0
    order = np.lexsort((-values.imag, -np.abs(values.imag), -(score / size).round(12)))
    k = min(k, len(order))
    last = values[order[k - 1]]
    if last.imag > 0 and k < len(order):
        k += 1
    return order[:k]


class _Arnoldi:
    """M V = V B + v bᵀ: orthonormal rows of V (size + 1, n), v the last; b is the last row of B (size + 1, size)."""

    def __init__(self, product: Product, n: int, size: int, rng: Any, dtype: np.dtype, start: np.ndarray | None):
        self.product, self.n, self.size, self.rng = product, n, size, rng
        self.V = np.empty((size + 1, n), dtype)
        self.B = np.zeros((size + 1, size))
        self.filled, self.products, self.norm = 0, 0, 0.0
        self.rounding = 16 * float(np.finfo(dtype).eps)
        first = rng.standard_normal(n) if start is None else np.asarray(start, float)
        length = float(norm(first))
        self.V[0] = (first / length) if length > 0 else rng.standard_normal(n) / np.sqrt(n)

    def times(self, u: np.ndarray) -> np.ndarray:
        """M u, checked and counted."""
        w = np.array(self.product(u), dtype=self.V.dtype)
        if w.shape != (self.n,):
            raise InputError(f"a product has shape {w.shape}; it must be {(self.n,)}")
        if not np.isfinite(w).all():
            raise InputError("a product with the Jacobian is not finite; choose another point, or a smaller step size")
        self.products += 1
        return w

    def extend(self) -> None:
        """Arnoldi steps until the basis is full."""
        for j in range(self.filled, self.size):
            w = self.times(self.V[j])
            self.norm = max(self.norm, float(norm(w)))
            coefficients, w, left = orthogonalised(w, self.V[: j + 1])
            self.B[: j + 1, j] = coefficients
            if left > self.rounding * self.norm:
                self.B[j + 1, j] = left
                self.V[j + 1] = w / left
            else:
                self.B[j + 1, j] = 0
                self._fresh(j + 1)
        self.filled = self.size

    def _fresh(self, j: int) -> None:
        """Row j becomes a random unit vector orthogonal to those before it, if there is one."""
        if j >= self.n:
            self.V[j] = 0
            return
        w = self.rng.standard_normal(self.n).astype(self.V.dtype)
        _, w, left = orthogonalised(w, self.V[:j])
        self.V[j] = w / left

    def ritz(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The eigenvalues of B (size,), its unit eigenvectors as columns, and the residuals that they foretell."""
        values, vectors = np.linalg.eig(self.B[: self.size])
        return values.astype(complex), vectors.astype(complex), np.abs(self.B[self.size] @ vectors)

    def restart(self, wanted: np.ndarray) -> bool:
        """Keep the invariant subspace of B for these eigenvalues, and v; False if B cannot be ordered so."""
        from scipy.linalg import lapack, schur

        m = self.size
        T, Q = schur(self.B[:m], output="real")
        select = _nearest_blocks(T, wanted)
        T, Q, *_, info = lapack.dtrsen(select, T, Q, job=b"N", liwork=m * m)
        p = int(np.count_nonzero(select))
        if info or not 0 < p < m:
            return False
        turn = Q[:, :p].T.astype(self.V.dtype)
        for a in range(0, self.n, COLUMNS):
            self.V[:p, a : a + COLUMNS] = turn @ self.V[:m, a : a + COLUMNS]
        self.V[p] = self.V[m]
        last = self.B[m] @ Q[:, :p]
        self.B[:] = 0
        self.B[:p, :p], self.B[p, :p] = T[:p, :p], last
        self.filled = p
        return True

    def combined(self, coefficients: np.ndarray) -> np.ndarray:
        """The vector with these coefficients in the basis."""
        return coefficients.astype(self.V.dtype) @ self.V[: self.size]


def orthogonalised(w: np.ndarray, V: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """w less its components along the orthonormal rows of V, those components, and what is left of its length.

    Gram–Schmidt, repeated while cancellation may have left components behind. Daniel, Gragg, Kaufman & Stewart (1976).
    """
    coefficients = np.zeros(len(V))
    left = float(norm(w))
    for _ in range(4):
        before = left
        part = V @ w
        w = w - part @ V
        coefficients += part
        left = float(norm(w))
        if left > 0.7 * before or left == 0:
            break
    return coefficients, w, left


def _nearest_blocks(T: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Which rows of the real Schur form T belong to the wanted eigenvalues; both of a 2×2 block or none."""
    m = len(T)
    values = np.diag(T).astype(complex)
    for i in range(m - 1):
        if T[i + 1, i]:
            half = np.sqrt(complex(T[i, i + 1] * T[i + 1, i]))  # LAPACK's blocks have equal diagonal entries
            values[i], values[i + 1] = T[i, i] + half, T[i, i] - half
    free = np.ones(m, bool)
    for z in wanted:
        k = int(np.where(free, np.abs(values - z), np.inf).argmin())
        free[k] = False
    select = ~free
    for i in range(m - 1):
        if T[i + 1, i]:
            select[i] = select[i + 1] = select[i] or select[i + 1]
    return select.astype(np.int32)


def _result(
    process: _Arnoldi, which: str, mu: np.ndarray, S: np.ndarray, bound: float, keep: bool, shift: float
) -> RitzValues:
    """The Ritz values with residuals from products of their own; a conjugate pair shares them."""
    residuals = np.empty(len(mu))
    vectors = np.empty((len(mu), process.n), np.result_type(process.V.dtype, np.complex64)) if keep else None
    for i, (z, s) in enumerate(zip(mu, S.T, strict=True)):
        if i and z.imag and z == mu[i - 1].conjugate():
            residuals[i] = residuals[i - 1]
            if vectors is not None:
                vectors[i] = vectors[i - 1].conj()
            continue
        a, b = process.combined(s.real), process.combined(s.imag) if z.imag else None
        Ma, Mb = process.times(a), process.times(b) if b is not None else None
        length = float(np.hypot(norm(a), norm(b) if b is not None else 0.0))
        if b is None or Mb is None:
            residuals[i] = norm(Ma - z.real * a) / length
        else:
            residuals[i] = np.hypot(norm(Ma - z.real * a + z.imag * b), norm(Mb - z.real * b - z.imag * a)) / length
        if vectors is not None:
            vectors[i] = (a if b is None else a + 1j * b) / length
    complete = process.size == process.n
    rounding = half_the_digits(process.V.dtype)
    return RitzValues(which, mu + shift, residuals, process.norm, bound, process.products, rounding, complete, vectors)
