"""First integrals: which combinations of given functions does the flow conserve exactly?"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath as mp
import sympy as sp
from sympy.polys.matrices import DomainMatrix

from analysis.relations import DIGITS, SAME, random_values, rationalised, relations
from dynsys.array_field import check_symbolic
from dynsys.errors import InputError, shown
from dynsys.expressions import expression
from dynsys.field import VectorField
from dynsys.functions import logistic, softplus
from dynsys.identities import TIME_LIMIT, is_zero
from dynsys.watch import OvertimeError, Watch

MOST_RATIONAL, MOST_NUMERIC = 500, 130  # functions: some 20 s of linear algebra, over ℚ and in many digits
EXPONENTIAL = [logistic, softplus, sp.sinh, sp.cosh, sp.tanh]


@dataclass(frozen=True)
class FirstIntegrals:
    """The functions I with ∇I·v ≡ 0 among the combinations of `functions`, without constants.

    `basis` spans them, of lowest degree first, with small whole coefficients where these are rational; `independent`
    are as many of it as there are functionally independent ones (powers of one integral are not). `complete`: no
    other combination is conserved; False where one seems to be that SymPy cannot verify, and which is left out.
    """

    basis: tuple[sp.Expr, ...]
    independent: tuple[sp.Expr, ...]
    functions: tuple[sp.Expr, ...]
    complete: bool
    reason: str
    variables: Sequence[str]

    def to_dict(self) -> dict[str, Any]:
        """Plain texts and truth values."""
        return {
            "basis": [str(e) for e in self.basis],
            "independent": [str(e) for e in self.independent],
            "functions": len(self.functions),
            "complete": self.complete,
            "reason": self.reason,
        }


def first_integrals(
    field: VectorField, degree: int | None = None, ansatz: Sequence[Any] | None = None
) -> FirstIntegrals:
    r"""All first integrals among the polynomials up to `degree`, the combinations of `ansatz`, or of both together.

    .. math:: I = \sum_k c_k b_k, \qquad \nabla I \cdot v = \sum_k c_k\, \nabla b_k \cdot v \equiv 0

    with b_k the monomials of degree 1 to `degree` and the functions of `ansatz`, texts or expressions such as
    `["u", "w", "log(u)", "log(w)"]`; parameters stand at their exact values. Where all ∇b_k·v are polynomials with
    rational coefficients the c_k are solved for over ℚ: none is missed. Elsewhere candidates come from 120-digit
    values at random points, and each is reported only once SymPy verifies that its derivative along v vanishes.
    After Goriely (2001).

    Raises `InputError` for a field without formulas, with time or with jumps, for neither degree nor ansatz, for
    functions that are constant or dependent, and for more functions than the algebra can take.
    """
    v = check_symbolic(field, "first_integrals")
    if v.time is not None:
        raise InputError("the field depends on time; its flow has no first integrals of x alone. Fix the time")
    if v.piecewise:
        raise InputError(f"first_integrals needs a smooth field: {v.piecewise}")
    functions = [*_monomials(v, degree, ansatz is not None), *_ansatz(v, ansatz)]
    _check_count(functions, MOST_RATIONAL if ansatz is None else MOST_NUMERIC)
    if ansatz is not None:
        _check_independent(v, functions)
    components = [v.at_values(e) for e in v.expressions]
    along = [_derivative(b, v.symbols, components) for b in functions]
    rational = _rational_relations(along, v.symbols)
    if rational is None:
        conserved, complete, reason = _verified_relations(v, along)
    else:
        conserved, complete = rational, True
        reason = "linear algebra over the rationals: every combination was looked at"
    basis = tuple(_reduced(c, functions) for c in conserved)
    return FirstIntegrals(basis, _independent(basis, v), tuple(functions), complete, reason, tuple(v.variables))


def _check_count(functions: list[sp.Expr], most: int) -> None:
    if len(functions) > most:
        what = "" if most == MOST_RATIONAL else " where field or ansatz is not polynomial"
        raise InputError(
            f"degree and ansatz make {len(functions)} functions, more than the {most} that the algebra takes{what}; "
            "lower the degree or shorten the ansatz"
        )


def _derivative(b: sp.Expr, symbols: Sequence[sp.Symbol], components: Sequence[sp.Expr]) -> sp.Expr:
    """∇b·v."""
    return sp.Add(*[sp.diff(b, s) * e for s, e in zip(symbols, components, strict=True)])


def _monomials(v: VectorField, degree: Any, optional: bool) -> list[sp.Expr]:
    """All monomials of degree 1 to `degree`, lowest first."""
    if degree is None and optional:
        return []
    if not isinstance(degree, int) or isinstance(degree, bool) or degree < 1:
        raise InputError(f"degree is {shown(degree)}; give a whole number from 1 on, or functions in ansatz")
    if math.comb(v.n + degree, v.n) - 1 > MOST_RATIONAL:
        raise InputError(
            f"degree is {shown(degree)}, which makes more than {MOST_RATIONAL} monomials in {v.n} variables; lower it"
        )
    powers = (itertools.combinations_with_replacement(v.symbols, k) for k in range(1, degree + 1))
    return [sp.Mul(*factors) for factors in itertools.chain.from_iterable(powers)]


def _ansatz(v: VectorField, ansatz: Any) -> list[sp.Expr]:
    """The functions given, at the parameters' values, expanded; each must depend on the variables."""
    if ansatz is None:
        return []
    if isinstance(ansatz, str) or not isinstance(ansatz, Sequence) or not ansatz:
        raise InputError(f"ansatz is {shown(ansatz)}; give a list of functions, such as ['x', 'log(x)']")
    names = [*v.variables, *v.parameters]
    functions = [v.at_values(expression(e, names, f"ansatz[{k}]")) for k, e in enumerate(ansatz)]
    for k, b in enumerate(functions):
        if not b.free_symbols:
            raise InputError(f"ansatz[{k}] is {b}, a constant, which every flow conserves; leave it out")
    return functions


def _rational_relations(along: list[sp.Expr], symbols: Sequence[sp.Symbol]) -> list[list[Fraction]] | None:
    """All c with Σ c_k along_k ≡ 0 if these are polynomials over ℚ, else None."""
    try:
        polynomials = [sp.Poly(e, *symbols, domain="QQ") for e in along]
    except (sp.PolynomialError, sp.CoercionFailed):
        return None
    terms = [p.as_dict() for p in polynomials]
    rows = {m: i for i, m in enumerate(sorted({m for t in terms for m in t}))}
    entries: dict[int, dict[int, Any]] = {}
    for k, t in enumerate(terms):
        for m, c in t.items():
            entries.setdefault(rows[m], {})[k] = sp.QQ.from_sympy(c)
    matrix = DomainMatrix(entries, (len(rows), len(along)), sp.QQ)
    found = matrix.nullspace().to_Matrix().tolist() if rows else sp.eye(len(along)).tolist()
    return [[Fraction(int(c.p), int(c.q)) for c in row] for row in found]


def _verified_relations(v: VectorField, along: list[sp.Expr]) -> tuple[list[list[Fraction]], bool, str]:
    """The relations that numbers suggest and SymPy proves; whether these are all; and why, in words."""
    _check_count(along, MOST_NUMERIC)
    candidates = [rationalised(c) for c in relations(random_values(v, along, len(along) + 5))]
    proved = [c for c in candidates if c is not None and _vanishes(_combined(c, along))]
    missing = len(candidates) - len(proved)
    if not missing:
        return proved, True, f"the {DIGITS}-digit values admit no other combination, and SymPy verifies each"
    irrational = candidates.count(None)
    why = (
        f"{irrational} with coefficients that are no simple rationals, {missing - irrational} that SymPy cannot verify"
    )
    return proved, False, f"left out, though the {DIGITS}-digit values admit them: {why}"


def _vanishes(e: sp.Expr) -> bool:
    """Whether SymPy proves that e is 0: as a rational function of exponentials, which is fast, or by all means."""
    try:
        with Watch(TIME_LIMIT) as watch:
            watch.arm()
            if sp.cancel(sp.together(e.rewrite(EXPONENTIAL, sp.exp))) == 0:
                return True
    except (OvertimeError, sp.PolynomialError):
        pass
    return is_zero(e) is True


def _combined(relation: Sequence[Fraction], functions: Sequence[sp.Expr]) -> sp.Expr:
    return sp.Add(*[sp.Rational(c.numerator, c.denominator) * b for c, b in zip(relation, functions, strict=True) if c])


def _reduced(relation: Sequence[Fraction], functions: Sequence[sp.Expr]) -> sp.Expr:
    """The combination with whole coefficients without common factor, most of them positive."""
    whole = [c * math.lcm(*(c.denominator for c in relation)) for c in relation]
    divisor = math.gcd(*(c.numerator for c in whole))
    sign = 1 if sum((c > 0) - (c < 0) for c in whole) >= 0 else -1
    return _combined([sign * c / divisor for c in whole], functions)


def _check_independent(v: VectorField, functions: list[sp.Expr]) -> None:
    """`InputError` if a combination of the functions is constant: every flow conserves it."""
    gradients = [random_values(v, [sp.diff(b, s) for b in functions], len(functions) + 5) for s in v.symbols]
    trivial = relations([row for rows in gradients for row in rows])
    if trivial:
        involved = [b for b, c in zip(functions, trivial[0], strict=True) if abs(c) > SAME]
        names = ", ".join(dict.fromkeys(map(str, involved)))
        raise InputError(
            f"ansatz: {involved[-1]} is one function too many, since a combination of {names} with the monomials of "
            "`degree` and each other is constant, which every flow conserves; leave it out"
        )


def _independent(basis: Sequence[sp.Expr], v: VectorField) -> tuple[sp.Expr, ...]:
    """Those whose gradient at a random point is no combination of the gradients before: none is their function."""
    if len(basis) < 2:
        return tuple(basis)
    row = random_values(v, [sp.diff(e, s) for e in basis for s in v.symbols], 1)[0]
    chosen: list[sp.Expr] = []
    directions: list[Any] = []
    with mp.workdps(DIGITS):
        for k, e in enumerate(basis):
            rest = gradient = mp.matrix(row[k * v.n : (k + 1) * v.n])
            for d in directions:
                rest = rest - d * mp.fdot(d, rest)
            if mp.norm(rest) > SAME * mp.norm(gradient):
                chosen.append(e)
                directions.append(rest / mp.norm(rest))
    return tuple(chosen)
