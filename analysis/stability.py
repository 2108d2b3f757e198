"""For which step sizes an update is stable: every border is a root of a polynomial, and none is sampled."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp
from sympy.polys.matrices import DomainMatrix

from analysis.precision import DIGITS, precise_jacobian
from analysis.zeros import exact_or_precise
from dynsys.errors import InputError
from dynsys.expressions import finite
from dynsys.field import VectorField
from integrators.method import Method, check_method, linear_update

STATE_LIMIT = 8  # state components: the bialternate product of 8 has 28 rows of polynomials
NEGLIGIBLE = mp.mpf(10) ** -25  # relative size of a coefficient that a fifty-digit zero leaves of an exact 0
SAME_BORDER = mp.mpf(10) ** -14  # relative: a triple root is good to a third of the fifty digits
Intervals = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class CriticalStep:
    """All intervals of step sizes on which the update is stable, and on which it is neutral, within `range`."""

    x: np.ndarray
    stable: Intervals
    neutral: Intervals
    range: tuple[float, float]

    @property
    def text(self) -> str:
        """In words."""
        parts = [f"stable for {_words(self.stable, self.range)}"] if self.stable else []
        parts += [f"neutral for {_words(self.neutral, self.range)}"] if self.neutral else []
        return "; ".join(parts) if parts else f"unstable at every h in ({self.range[0]:g}, {_limit(self.range[1])})"

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; an unbounded end is None."""
        plain = lambda pairs: [[lo, None if math.isinf(hi) else hi] for lo, hi in pairs]  # noqa: E731
        return {"stable": plain(self.stable), "neutral": plain(self.neutral), "range": plain([self.range])[0]}


def _limit(value: float) -> str:
    return "∞" if math.isinf(value) else f"{value:.10g}"


def _words(intervals: Intervals, whole: tuple[float, float]) -> str:
    if intervals == (whole,):
        return "every h" if math.isinf(whole[1]) and whole[0] == 0 else f"every h in ({whole[0]:g}, {_limit(whole[1])})"
    return " and ".join(
        f"h < {_limit(hi)}" if lo == whole[0] else f"{lo:.10g} < h < {_limit(hi)}" for lo, hi in intervals
    )


def critical_step(field: VectorField, x: Any, method: Method, h: tuple[float, float] = (0.0, math.inf)) -> CriticalStep:
    """All intervals of h in the open range `h` on which `method`'s update is stable, or neutral, at the zero x.

    A multiplier leaves the unit circle through +1, -1 or as a pair, where det(M - I), det(M + I) or the bialternate
    det(M ⊙ M - I) vanishes: polynomials in h, whose real roots are all found at fifty digits. Between two roots one
    value of h decides. Guckenheimer, Myers & Sturmfels (1997) for the bialternate product.

    Raises `InputError` if x is not a zero of the field, the range is empty, or the method has no stability theory.
    """
    check_method(method)
    if method.differentiable:
        raise InputError(f"{method.label} has no critical step: {method.differentiable}")
    lo, hi = _range(h)
    point = exact_or_precise(field, x)
    with mp.workdps(DIGITS):
        J = precise_jacobian(field, point)
        unit = _unit(J)
        size, low, high = _as_mp(unit), lo / _as_mp(unit), hi / _as_mp(unit)
        M = [update_polynomials(method, block, unit) for block in _blocks(method, J)]
        borders = sorted({root for part in M for p in border_polynomials(part) for root in _roots(p, low, high)})
        borders = [b for i, b in enumerate(borders) if i == 0 or b - borders[i - 1] > SAME_BORDER * b]
        verdicts = [(a, b, _verdict(M, _between(a, b))) for a, b in itertools.pairwise([low, *borders, high])]
        verdicts = [(a * size, b * size, verdict) for a, b, verdict in _joined(verdicts, M)]
    kept = lambda name: tuple((float(a), float(b)) for a, b, verdict in verdicts if verdict == name)  # noqa: E731
    return CriticalStep(np.array([float(c) for c in point]), kept("stable"), kept("neutral"), (lo, hi))


def _range(h: Any) -> tuple[float, float]:
    try:
        lo, hi = h
    except (TypeError, ValueError):
        raise InputError(f"h is {h!r}; give a range (lo, hi)") from None
    low = finite(lo, "lower end of h")
    high = math.inf if hi == math.inf else finite(hi, "upper end of h")
    if not 0 <= low < high:
        raise InputError(f"h is the range ({low:g}, {high:g}); it must satisfy 0 ≤ lower end < upper end")
    return low, high


def _blocks(method: Method, J: Any) -> list[Any]:
    """Matrices whose updates together have the multipliers of J's: J itself, or its eigenvalues one by one.

    A method that treats all components alike commutes with a change of coordinates, so the update splits along the
    eigenvalues of J, a complex pair a ± bi giving [[a, -b], [b, a]]: small polynomials whatever n. For n ≤ 2 J is kept
    as it is, since its entries are often exact.
    """
    if J.rows <= 2 or not method.joint:
        return [J]
    values = mp.eig(J, left=False, right=False)
    negligible = mp.mpf(10) ** -20 * max(abs(entry) for entry in J)  # left of an exact 0, at a double eigenvalue, too
    parts = [[0 if abs(part) <= negligible else part for part in (mp.re(z), mp.im(z))] for z in values]
    return [mp.matrix([[a, -b], [b, a]]) if b else mp.matrix([[a]]) for a, b in parts if b >= 0]


def _unit(J: Any) -> sp.Rational:
    """A power of two near 1/‖J‖: with h in this unit all coefficients are of size one, whatever the size of J."""
    size = max(abs(entry) for entry in J)
    return sp.Integer(2) ** -int(mp.nint(mp.log(size, 2))) if size else sp.Integer(1)


def update_polynomials(method: Method, J: Any, unit: sp.Rational) -> sp.Matrix:
    """M, the update's Jacobian at a zero with Jacobian J, as a matrix of polynomials in h/unit, coefficients exact.

    Near a zero a method sees the linear field Jx; its one definition is traced with the symbol h.
    """
    h = sp.Symbol("h")
    rational = tuple(tuple(_rational(J[i, j]) for j in range(J.cols)) for i in range(J.rows))
    rows = linear_update(method, rational, unit * h, sp.Integer(0), sp.Integer(1))
    if len(rows) > STATE_LIMIT:
        raise InputError(f"the state has {len(rows)} components; critical_step handles {STATE_LIMIT}; use multipliers")
    return sp.Matrix([[sp.expand(e) for e in row] for row in rows])


def _rational(value: Any) -> sp.Rational:
    """The exact dyadic value of an mpmath number, or the small rational it stands for."""
    for q in range(1, 61):
        if abs(value * q - mp.nint(value * q)) < mp.mpf(10) ** -30:
            return sp.Rational(int(mp.nint(value * q)), q)
    sign, man, exp, _ = value._mpf_
    return sp.Rational((-1) ** sign * int(man)) * sp.Rational(2) ** exp


def border_polynomials(M: sp.Matrix) -> list[list[Any]]:
    """Coefficients, highest power first, of det(M - I), det(M + I) and det(M ⊙ M - I) in h, if not identically zero."""
    h, n = sp.Symbol("h"), M.rows
    matrices = [M - sp.eye(n), M + sp.eye(n)]
    pairs = list(itertools.combinations(range(n), 2))
    if pairs:
        matrices.append(
            sp.Matrix(len(pairs), len(pairs), lambda a, b: _minor(M, pairs[a], pairs[b])) - sp.eye(len(pairs))
        )
    polynomials = []
    for matrix in matrices:
        domain = DomainMatrix.from_Matrix(matrix).convert_to(sp.QQ[h])
        determinant = sp.Poly(domain.domain.to_sympy(domain.charpoly()[-1]), h).sqf_part()
        coefficients = [mp.mpf(c.p) / mp.mpf(c.q) for c in determinant.all_coeffs()]
        largest = max(abs(c) for c in coefficients)
        size = max(abs(_as_mp(e)) for p in matrix for e in sp.Poly(p, h).all_coeffs()) if n else mp.mpf(1)
        if largest > NEGLIGIBLE * max(size, 1):
            polynomials.append(coefficients)
    return polynomials


def _as_mp(value: Any) -> Any:
    return mp.mpf(value.p) / mp.mpf(value.q)


def _minor(M: sp.Matrix, rows: tuple[int, int], columns: tuple[int, int]) -> sp.Expr:
    (i, j), (k, m) = rows, columns
    return sp.expand(M[i, k] * M[j, m] - M[i, m] * M[j, k])


def _roots(coefficients: Sequence[Any], lo: Any, hi: Any) -> list[Any]:
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


def _verdict(M: list[sp.Matrix], h: Any) -> str:
    """ "stable", "neutral" or "unstable" at one h that is no border."""
    radius = _radius(M, h)
    if abs(radius - 1) <= mp.mpf(10) ** -18:
        return "neutral"
    return "stable" if radius < 1 else "unstable"


def _radius(M: list[sp.Matrix], h: Any) -> Any:
    """The largest modulus of a multiplier."""
    return max(_block_radius(part, h) for part in M)


def _block_radius(M: sp.Matrix, h: Any) -> Any:
    symbol = sp.Symbol("h")
    coefficients = [[[_as_mp(c) for c in sp.Poly(e, symbol).all_coeffs()] for e in row] for row in M.tolist()]
    numbers = mp.matrix([[mp.polyval(c, h) for c in row] for row in coefficients])
    values = mp.eig(numbers, left=False, right=False) if numbers.rows > 1 else [numbers[0, 0]]
    return max(abs(value) for value in values)


def _joined(verdicts: list[tuple[Any, Any, str]], M: list[sp.Matrix]) -> list[tuple[Any, Any, str]]:
    """Neighbours of one verdict become one interval, unless the border between them interrupts stability."""
    joined = [verdicts[0]]
    for a, b, verdict in verdicts[1:]:
        before = joined[-1]
        if before[2] == verdict and (verdict != "stable" or _radius(M, a) < 1 - mp.mpf(10) ** -15):
            joined[-1] = (before[0], b, verdict)
        else:
            joined.append((a, b, verdict))
    return joined
