"""How complete a list of zeros is: an exact count, a degree on the boundary, or an estimate of what is unseen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp

from analysis.continua import Continuum, is_singular
from analysis.precision import DIGITS, Point, as_array, precise_jacobian
from dynsys.array_field import AnyField, ArrayField
from dynsys.field import Box, VectorField

BEZOUT_LIMIT = 36  # product of degrees up to which the resultant is computed


@dataclass(frozen=True)
class Completeness:
    """What is known of the zeros not in the list.

    `real_zeros`: the number of real zeros in the whole space by an exact count (polynomial fields, n ≤ 2), and
    `accounted` how many of them are known, inside the box or out. `degree`: the Brouwer degree on the boundary of
    the box, and `index_sum` the sum of sign det J over the zeros inside: unequal ones prove that zeros are missing.
    `unseen`: the Good-Turing estimate of the chance that another start finds a new zero.
    """

    complete: bool | None
    text: str
    real_zeros: int | None
    accounted: int | None
    degree: int | None
    index_sum: int | None
    unseen: float | None
    missing: tuple[Point, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        names = ("complete", "text", "real_zeros", "accounted", "degree", "index_sum", "unseen")
        return {name: getattr(self, name) for name in names}


def completeness(
    field: AnyField, box: Box, zeros: Sequence[Point], hits: Sequence[int], continua: Sequence[Continuum]
) -> Completeness:
    """The strongest statement that holds about the zeros of `field` in `box`, given those found.

    `hits` counts the starts that led to each zero. Good (1953) for the estimate.
    """
    inside = [z for z in zeros if all(lo <= float(c) <= hi for c, (lo, hi) in zip(z, box, strict=True))]
    widths = np.array([hi - lo for lo, hi in box])
    indices = [index(field, z, widths) for z in inside]
    total = None if None in indices or continua else sum(i for i in indices if i is not None)
    degree = boundary_degree(field, box) if field.n <= 2 and not field.piecewise else None  # of continuous fields
    within = [h for h, z in zip(hits, zeros, strict=False) if z in inside]
    unseen = within.count(1) / sum(within) if sum(within) else None
    count = real_zero_count(field, zeros) if field.n <= 2 else None
    values: dict[str, Any] = {"degree": degree, "index_sum": total, "unseen": unseen}
    if count is not None:
        return _by_count(count, len(inside), bool(continua), values)
    if continua:
        return Completeness(None, "the zeros form a continuum; others beside it may be missing", None, None, **values)
    if degree is not None and total is not None:
        if degree != total:
            text = f"zeros are missing: the degree on the boundary is {degree}, the indices add up to {total}"
            return Completeness(False, text, None, None, **values)
        text = f"the degree on the boundary ({degree}) equals the sum of the indices: only pairs of opposite index can"
        return Completeness(None, f"{text} be missing{_estimate(unseen)}", None, None, **values)
    return Completeness(None, "not certified" + _estimate(unseen), None, None, **values)


def _estimate(unseen: float | None) -> str:
    return "" if unseen is None else f"; another start finds a new zero with estimated chance {unseen:.2g}"


def _by_count(count: _Count, inside: int, found: bool, values: dict[str, Any]) -> Completeness:
    if count.continuum:  # a factor such as x² + y² + 1 may have no real zeros, or isolated ones
        zeros = "the zeros include a continuum" if found else "a continuum of zeros outside the box is possible"
        text = f"the components have a common factor (exact): {zeros}; others may be missing"
        return Completeness(None, text, None, None, **values)
    if count.accounted == count.total:
        text = f"complete: an exact count gives {_zeros(count.total)} in the whole space, {inside} of them in the box"
        return Completeness(True, text, count.total, count.accounted, **values)
    missing = count.total - count.accounted
    text = f"an exact count gives {_zeros(count.total)} in the whole space; {missing} could not be located"
    return Completeness(None, text, count.total, count.accounted, missing=tuple(count.missing), **values)


def _zeros(count: int) -> str:
    return f"{count} real zero" + ("" if count == 1 else "s")


def index(field: AnyField, zero: Point, widths: np.ndarray) -> int | None:
    """sign det J, the index of a regular zero; None where J is singular."""
    if is_singular(field, zero, widths):
        return None
    return int(np.sign(np.linalg.det(as_array(precise_jacobian(field, zero)).reshape(field.n, field.n))))


def boundary_degree(field: AnyField, box: Box) -> int | None:
    """The Brouwer degree of the field on the boundary of a box, n ≤ 2: a winding number, sampled adaptively.

    None if the field nearly vanishes, or is not finite, somewhere on the boundary.
    """
    if field.n == 1:
        ends = field(np.array(box).T)[:, 0]
        if not np.isfinite(ends).all() or (ends == 0).any():
            return None
        return int(np.sign(ends[1]) - np.sign(ends[0])) // 2
    (a, b), (c, d) = box
    corners = np.array([[a, c], [b, c], [b, d], [a, d], [a, c]])
    t = np.linspace(0, 4, 4 * 128 + 1)
    for _ in range(24):
        k = np.minimum(t.astype(int), 3)
        points = corners[k] + (t - k)[:, None] * (corners[k + 1] - corners[k])
        v = field(points)
        size = np.linalg.norm(v, axis=1)
        if not np.isfinite(v).all() or (size == 0).any():
            return None
        angle = np.arctan2(v[:, 1], v[:, 0])
        turn = (np.diff(angle) + np.pi) % (2 * np.pi) - np.pi
        coarse = np.abs(turn) > 0.5
        if not coarse.any():
            return round(float(turn.sum()) / (2 * np.pi))
        t = np.sort(np.concatenate([t, (t[:-1] + t[1:])[coarse] / 2]))
    return None


@dataclass(frozen=True)
class _Count:
    total: int
    accounted: int
    continuum: bool
    missing: list[Point]


def real_zero_count(field: AnyField, zeros: Sequence[Point]) -> _Count | None:
    """The exact number of real zeros of a polynomial field, n ≤ 2, and how many of them `zeros` holds.

    In two variables the resultant of the sheared components, u = x + ky, has one real root for each real zero, if k
    is generic; a root that no known zero explains is lifted to a candidate. None if the field is no polynomial or its
    degree is too high. Cox, Little & O'Shea (2015), chapter 3.
    """
    if isinstance(field, ArrayField):
        return None
    components = [field.at_values(e) for e in field.expressions]
    try:
        polynomials = [sp.Poly(e, *field.symbols, domain=sp.QQ) for e in components]
    except (sp.PolynomialError, sp.CoercionFailed):
        return None
    degrees = [p.total_degree() for p in polynomials]
    if any(p.is_zero for p in polynomials) or int(np.prod([max(d, 1) for d in degrees])) > BEZOUT_LIMIT:
        return None
    if field.n == 1:
        return _matched(polynomials[0], zeros, lambda z: z[0], lambda u: [(u,)])
    for shear in (sp.Rational(37, 101), sp.Rational(-53, 89), sp.Rational(71, 67)):
        count = _sheared_count(polynomials, field, zeros, shear)
        if count is not None:
            return count
    return None


def _sheared_count(
    polynomials: list[sp.Poly], field: VectorField, zeros: Sequence[Point], k: sp.Rational
) -> _Count | None:
    x, y = field.symbols
    u = sp.Dummy("u")
    first, second = (sp.Poly(p.as_expr().subs(x, u - k * y), u, y, domain=sp.QQ) for p in polynomials)
    if sp.gcd(first, second).total_degree() > 0:
        return _Count(0, 0, True, [])
    if first.degree(y) < first.total_degree() or second.degree(y) < second.total_degree():
        return None  # a leading coefficient vanishes: not generic
    eliminated = sp.Poly(_resultant(first, second, u, y), u, domain=sp.QQ)

    def lift(value: Any) -> list[Point]:
        rows = [
            [sp.Poly(c, u).eval(sp.Rational(*_fraction(value))) for c in sp.Poly(p.as_expr(), y).all_coeffs()]
            for p in (first, second)
        ]
        coefficients = [[mp.mpf(c.p) / c.q for c in row] for row in rows]
        if len(coefficients[0]) < 2:
            return []
        roots = mp.polyroots(coefficients[0], maxsteps=300, extraprec=300, error=False)
        real = [mp.re(r) for r in roots if abs(mp.im(r)) < mp.mpf(10) ** -10 * (1 + abs(r))]
        best = sorted(real, key=lambda r: abs(mp.polyval(coefficients[1], r)))[:1]
        return [(value - mp.mpf(k.p) / k.q * r, r) for r in best]

    with mp.workdps(DIGITS):
        shear = mp.mpf(k.p) / k.q
        return _matched(eliminated, zeros, lambda z: z[0] + shear * z[1], lift)


def _fraction(value: Any) -> tuple[int, int]:
    sign, man, exp, _ = value._mpf_
    return ((-1) ** sign * int(man) * 2 ** max(exp, 0), 2 ** max(-exp, 0))


def _resultant(first: sp.Poly, second: sp.Poly, u: sp.Symbol, y: sp.Symbol) -> sp.Expr:
    """Res_y, by values of the Sylvester determinant and interpolation: much faster than remainder sequences."""
    from sympy.polys.matrices import DomainMatrix

    degree = first.total_degree() * second.total_degree()
    rows = [[sp.Poly(c, u, domain=sp.QQ) for c in sp.Poly(p.as_expr(), y).all_coeffs()] for p in (first, second)]
    m, n = (len(row) - 1 for row in rows)
    values = []
    for point in range(-(degree // 2), degree - degree // 2 + 1):
        at = [[c.eval(point) for c in row] for row in rows]
        sylvester = [[0] * i + at[0] + [0] * (n - 1 - i) for i in range(n)]
        sylvester += [[0] * i + at[1] + [0] * (m - 1 - i) for i in range(m)]
        matrix = DomainMatrix.from_list_sympy(m + n, m + n, [[sp.sympify(e) for e in row] for row in sylvester])
        values.append((sp.Integer(point), sp.sympify(matrix.convert_to(sp.QQ).det())))
    return sp.interpolate(values, u)


def _matched(polynomial: sp.Poly, zeros: Sequence[Point], project: Any, lift: Any) -> _Count:
    """Count the distinct real roots and match them with the known zeros; lift those that none explains."""
    if polynomial.total_degree() < 1:
        return _Count(0, 0, False, [])
    intervals = [pair for pair, _ in sp.Poly(polynomial).sqf_part().intervals(eps=sp.Rational(1, 10**30))]
    accounted, missing = 0, []
    with mp.workdps(DIGITS):
        known = [project(z) for z in zeros]
        for lo, hi in intervals:
            middle = (mp.mpf(lo.p) / lo.q + mp.mpf(hi.p) / hi.q) / 2
            if any(abs(u - middle) <= mp.mpf(10) ** -12 * (1 + abs(middle)) for u in known):
                accounted += 1
            else:
                missing += lift(middle)
    return _Count(len(intervals), accounted, False, missing)
