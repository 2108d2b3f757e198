"""The update of a method at a zero as exact polynomials in h, and every border of its stability as their roots."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp
from sympy.polys.matrices import DomainMatrix

from analysis.stability_functions import lowest_terms, polynomials_in, rational_method, scalar_update
from dynsys.errors import InputError
from integrators.method import Method, linear_update

STATE_LIMIT = 8  # state components: the bialternate product of 8 has 28 rows of polynomials
NEGLIGIBLE = mp.mpf(10) ** -25  # relative size of a coefficient that a fifty-digit zero leaves of an exact 0
DENOMINATORS = (*range(1, 61), *(10**k for k in range(2, 7)))  # exact decimals keep the polynomials short
SAME_BORDER = mp.mpf(10) ** -14  # relative: a triple root is good to a third of the fifty digits
Verdict = tuple[Any, Any, str]


def verdicts_between(M: Sequence[Update], low: Any, high: Any) -> list[Verdict]:
    """Neighbouring intervals from low to high, with the verdict on each, of updates that act side by side."""
    borders = sorted({root for part in M for p in border_polynomials(part) for root in positive_roots(p, low, high)})
    borders = [b for i, b in enumerate(borders) if i == 0 or b - borders[i - 1] > SAME_BORDER * b]
    ends = itertools.pairwise([low, *borders, high])
    return _joined([(a, b, _verdict(M, _between(a, b))) for a, b in ends], M)


def _split(J: Any) -> list[Any]:
    """Matrices whose updates together have the multipliers of J's: J itself, or its eigenvalues one by one.

    A method that treats all components alike commutes with a change of coordinates, so the update splits along the
    eigenvalues of J, a complex pair a ± bi giving [[a, -b], [b, a]]: small polynomials whatever n. For n ≤ 2 J is kept
    as it is, since its entries are often exact.
    """
    if J.rows <= 2:
        return [J]
    values = mp.eig(J, left=False, right=False)
    negligible = mp.mpf(10) ** -20 * max(abs(entry) for entry in J)  # left of an exact 0, at a double eigenvalue, too
    parts = [[0 if abs(part) <= negligible else part for part in (mp.re(z), mp.im(z))] for z in values]
    return [mp.matrix([[a, -b], [b, a]]) if b else mp.matrix([[a]]) for a, b in parts if b >= 0]


def unit_of(J: Any) -> sp.Rational:
    """A power of two near 1/‖J‖: with h in this unit all coefficients are of size one, whatever the size of J."""
    size = max(abs(entry) for entry in J)
    return sp.Integer(2) ** -int(mp.nint(mp.log(size, 2))) if size else sp.Integer(1)


@dataclass(frozen=True)
class Update:
    """M(h) = N(h)/q(h), the update's Jacobian at a zero: N, rows of elements of the ring QQ[h], and q, one element."""

    numerator: list[list[Any]]
    denominator: Any

    def at(self, h: Any) -> Any:
        """M(h) as an mpmath matrix; inf at a pole."""
        q = mp.polyval(_coefficients(self.denominator), h)
        rows = [[mp.polyval(_coefficients(e), h) for e in row] for row in self.numerator]
        return mp.matrix([[e / q if q else mp.inf for e in row] for row in rows])


def updates(method: Method, J: Any, unit: sp.Rational, blocks: Sequence[Sequence[int]]) -> list[Update]:
    """The updates, in h/unit and exact, that together have the multipliers of the method at a zero with Jacobian J.

    Near a zero a method sees the linear field Jx. One that treats all components alike has an update T(z) of ẋ = λx,
    and T(hJ) is its update here; of one that does not, the definition is traced with J and the players' blocks.
    """
    exact = rational_method(method)
    if method.joint:
        return [_of_scalar_update(exact, _rationals(block, unit)) for block in _split(J)]
    h = sp.Symbol("h")
    rows = linear_update(exact, _rationals(J, unit), h, sp.Integer(0), sp.Integer(1), blocks)
    if len(rows) > STATE_LIMIT:
        raise InputError(f"the state has {len(rows)} components; critical_step handles {STATE_LIMIT}; use multipliers")
    return [Update(*polynomials_in([[lowest_terms(e) for e in row] for row in rows], h))]


def _rationals(J: Any, unit: sp.Rational) -> tuple[tuple[sp.Rational, ...], ...]:
    return tuple(tuple(unit * as_rational(J[i, j]) for j in range(J.cols)) for i in range(J.rows))


def _of_scalar_update(method: Method, J: tuple[tuple[sp.Rational, ...], ...]) -> Update:
    """T(hJ) = N(hJ) q(hJ)⁻¹ for a matrix J of one or two rows."""
    z = sp.Symbol("z")
    T, q = polynomials_in(scalar_update(method).tolist(), z)
    ring = sp.QQ[sp.Symbol("h")]
    powers = _powers(J, max(_degree(e) for row in [*T, [q]] for e in row), ring)
    below = _of_matrix(q, powers, ring)
    if len(J) == 1:
        adjugate, denominator = DomainMatrix.eye(1, ring), below[0, 0].element
    else:
        (a, b), (c, d) = below.to_list()
        adjugate, denominator = DomainMatrix([[d, -b], [-c, a]], (2, 2), ring), a * d - b * c
    k, n = len(T), len(J)
    parts = [[(_of_matrix(e, powers, ring) * adjugate).to_list() for e in row] for row in T]
    return Update(
        [[parts[i][j][r][s] for j in range(k) for s in range(n)] for i in range(k) for r in range(n)], denominator
    )


def _powers(J: tuple[tuple[sp.Rational, ...], ...], highest: int, ring: Any) -> list[Any]:
    """I, hJ, (hJ)², … over QQ[h]."""
    n, h = len(J), ring.gens[0]
    hJ = DomainMatrix([[ring.convert(sp.QQ.from_sympy(e)) * h for e in row] for row in J], (n, n), ring)
    powers = [DomainMatrix.eye(n, ring).to_dense()]
    for _ in range(highest):
        powers.append(powers[-1] * hJ)
    return powers


def _degree(polynomial: Any) -> int:
    return int(polynomial.degree()) if polynomial else 0


def _of_matrix(polynomial: Any, powers: list[Any], ring: Any) -> Any:
    """A polynomial in z at the matrix hJ."""
    total = DomainMatrix.zeros(powers[0].shape, ring).to_dense()
    for (power,), coefficient in polynomial.terms():
        total += powers[power] * ring.convert(coefficient)
    return total


def as_rational(value: Any) -> sp.Rational:
    """The exact dyadic value of an mpmath number, or the small rational it stands for."""
    for q in DENOMINATORS:
        if abs(value * q - mp.nint(value * q)) < mp.mpf(10) ** -30:
            return sp.Rational(int(mp.nint(value * q)), q)
    sign, man, exp, _ = value._mpf_
    return sp.Rational((-1) ** sign * int(man)) * sp.Rational(2) ** exp


def border_polynomials(M: Update) -> list[list[Any]]:
    """Coefficients, highest power first, of det(M - I), det(M + I) and det(M ⊙ M - I) in h, if not identically zero.

    Of a rational M the numerators: det(N - qI), det(N + qI) and det(N ⊙ N - q²I).
    """
    N, q = M.numerator, M.denominator
    n, ring = len(N), q.ring.to_domain()
    pairs = list(itertools.combinations(range(n), 2))
    matrices = [_minus(N, q), _minus(N, -q)]
    if pairs:
        matrices.append(_minus([[_minor(N, a, b) for b in pairs] for a in pairs], q * q))
    polynomials = []
    for matrix in matrices:
        k = len(matrix)
        determinant = DomainMatrix(matrix, (k, k), ring).charpoly()[-1]
        if not determinant:
            continue
        coefficients = _coefficients(determinant.sqf_part())
        largest = max(abs(c) for c in _coefficients(determinant))
        size = max(abs(c) for row in matrix for e in row for c in _coefficients(e))
        if largest > NEGLIGIBLE * max(size, 1):
            polynomials.append(coefficients)
    return polynomials


def _minus(N: list[list[Any]], q: Any) -> list[list[Any]]:
    """N - qI."""
    return [[e - q if i == j else e for j, e in enumerate(row)] for i, row in enumerate(N)]


def _coefficients(polynomial: Any) -> list[Any]:
    """mpmath numbers, highest power first; of the zero polynomial [0]."""
    found = {power: coefficient for (power,), coefficient in polynomial.terms()}
    return [as_mp(found.get(k, sp.QQ.zero)) for k in range(_degree(polynomial), -1, -1)]


def as_mp(value: Any) -> Any:
    """A rational of SymPy's, or of its domain QQ, as an mpmath number."""
    if isinstance(value, sp.Rational):
        return mp.mpf(value.p) / mp.mpf(value.q)
    return mp.mpf(int(value.numerator)) / mp.mpf(int(value.denominator))


def _minor(M: list[list[Any]], rows: tuple[int, int], columns: tuple[int, int]) -> Any:
    (i, j), (k, m) = rows, columns
    return M[i][k] * M[j][m] - M[i][m] * M[j][k]


def positive_roots(coefficients: Sequence[Any], lo: Any, hi: Any) -> list[Any]:
    """Real roots in the open interval (lo, hi); a multiple root counts once."""
    trimmed = list(coefficients)
    largest = max(abs(c) for c in trimmed)
    while trimmed and abs(trimmed[0]) <= NEGLIGIBLE * largest:
        trimmed.pop(0)
    while trimmed and abs(trimmed[-1]) <= NEGLIGIBLE * largest:
        trimmed.pop()  # roots at h = 0, where M = I
    if len(trimmed) < 2:
        return []
    found = mp.polyroots(trimmed, maxsteps=500, extraprec=400)
    # a double root is good to half the digits: 1e-12 of them tell a real one from a pair
    real = [mp.re(root) for root in found if abs(mp.im(root)) <= mp.mpf(10) ** -14 * abs(root)]
    return [root for root in real if lo < root < hi]


def _between(a: Any, b: Any) -> Any:
    return (a + b) / 2 if mp.isfinite(b) else 2 * a + 1


def _verdict(M: Sequence[Update], h: Any) -> str:
    """ "stable", "neutral" or "unstable" at one h that is no border."""
    radius = radius_at(M, h)
    if abs(radius - 1) <= mp.mpf(10) ** -18:
        return "neutral"
    return "stable" if radius < 1 else "unstable"


def radius_at(M: Sequence[Update], h: Any) -> Any:
    """The largest modulus of a multiplier of updates that act side by side."""
    return max(_radius(part.at(h)) for part in M)


def numeric_radius(M: Sequence[Update]) -> Callable[[Any], np.ndarray]:
    """The largest modulus of a multiplier as a function of an array of h, in double precision; inf at a pole."""
    plain = lambda e: np.array([float(c) for c in _coefficients(e)])  # noqa: E731
    parts = [([[plain(e) for e in row] for row in part.numerator], plain(part.denominator)) for part in M]

    def radius(h: Any) -> np.ndarray:
        h = np.asarray(h, dtype=float)
        largest = np.zeros(h.shape)
        with np.errstate(all="ignore"):
            for rows, q in parts:
                entries = [[np.polyval(e, h) / np.polyval(q, h) for e in row] for row in rows]
                matrix = np.stack([np.stack(row, -1) for row in entries], -2)
                finite = np.asarray(np.isfinite(matrix).all((-1, -2)))
                values = np.abs(np.linalg.eigvals(np.where(finite[..., None, None], matrix, 0))).max(-1)
                largest = np.maximum(largest, np.where(finite, values, np.inf))
        return largest

    return radius


def _radius(M: Any) -> Any:
    if not all(map(mp.isfinite, M)):
        return mp.inf
    values = mp.eig(M, left=False, right=False) if M.rows > 1 else [M[0, 0]]
    return max(abs(value) for value in values)


def _joined(verdicts: list[Verdict], M: Sequence[Update]) -> list[Verdict]:
    """Neighbours of one verdict become one interval, unless the border between them interrupts stability."""
    joined = [verdicts[0]]
    for a, b, verdict in verdicts[1:]:
        before = joined[-1]
        if before[2] == verdict and (verdict != "stable" or radius_at(M, a) < 1 - mp.mpf(10) ** -15):
            joined[-1] = (before[0], b, verdict)
        else:
            joined.append((a, b, verdict))
    return joined
