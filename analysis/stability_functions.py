"""What a method does to a linear field, exactly: R(z), or the characteristic polynomial in (ζ, z).

The method's one definition is traced on ẋ = λx with z = hλ, or on a matrix if it treats the players apart.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from dynsys.array_field import AnyField
from dynsys.errors import InputError
from dynsys.expressions import exact
from integrators.method import Method, check_method, linear_update

Z, ZETA, S, H = sp.symbols("z zeta s h")
ENTRIES = sp.symbols("a b c d")


@dataclass(frozen=True)
class StabilityFunction:
    """The exact linear theory of a method.

    `function` is R(z) for a one-step method, None for one with memory or one that treats the players apart.
    `polynomial` is π(ζ, z), whose roots ζ are the multipliers at z = hλ; for a method that treats the players apart it
    is that of the matrix [[a, b], [c, d]] with one variable a player, in ζ, h, a, b, c, d. `bilinear` is the polynomial
    in ζ and s = hσ of a bilinear game with singular value σ, v = (-σφ, σθ). `matrix` is the update that it all is of.
    """

    method: Method
    function: sp.Expr | None
    polynomial: sp.Expr
    bilinear: sp.Expr
    matrix: sp.Matrix

    @property
    def text(self) -> str:
        """R(z), or the polynomial by falling powers of ζ, as text."""
        if self.function is not None:
            return f"R(z) = {self.function}"
        text = ""
        for (k,), c in sp.Poly(self.polynomial, ZETA).terms():
            power = "1" if k == 0 else "zeta" if k == 1 else f"zeta**{k}"
            sign, size = ("-", -c) if text and c.could_extract_minus_sign() else ("+", c)
            shown = f"({size})" if size.is_Add and k else str(size)
            shown = power if size == 1 else shown if k == 0 else f"{shown}*{power}"
            text += f" {sign} ({shown})" if sign == "-" and size.is_Add and k == 0 else f" {sign} {shown}"
        return text.removeprefix(" + ") + " = 0"


def stability_function(method: Method) -> StabilityFunction:
    """R(z), or the characteristic polynomial in (ζ, z), of a method, exact.

    Hyper-parameters may be exact numbers or SymPy symbols; a float stands for the decimal it prints as. Raises
    `InputError`, with the reason, for a method whose update has no derivative at a zero or moves the zeros.
    """
    check_linear(method, "stability function")
    taken = _symbols(method) & {ZETA, S, *((Z,) if method.joint else (H, *ENTRIES))}
    if taken:
        name = min(map(str, taken))
        raise InputError(
            f"a hyper-parameter of {method.label} is the symbol {name}, one of the answer; use another name"
        )
    return _stability_function(exact_method(method))


def _symbols(value: Any) -> set[sp.Symbol]:
    """The symbols among the hyper-parameters of a method."""
    if isinstance(value, Method):
        return _symbols(tuple(value.hyperparameters.values()))
    if isinstance(value, tuple | list):
        return set().union(*map(_symbols, value))
    return set(getattr(value, "free_symbols", ()))


def check_linear(method: Method, what: str, field: AnyField | None = None) -> Method:
    """The method, if it fits the field and its update at a zero follows from the Jacobian alone; else `InputError`."""
    check_method(method, field)
    for reason in (method.differentiable, method.moves, field.piecewise if field else ""):
        if reason:
            raise InputError(f"{method.label} has no {what}: {reason}")
    return method


@functools.lru_cache(maxsize=256)
def _stability_function(method: Method) -> StabilityFunction:
    if method.joint:
        matrix = scalar_update(method)
        polynomial = _characteristic(matrix)
        bilinear = sp.expand(polynomial.subs(Z, sp.I * S) * polynomial.subs(Z, -sp.I * S))
        function = _fraction(matrix[0, 0]) if matrix.rows == 1 else None
        return StabilityFunction(method, function, polynomial, bilinear, matrix)
    a, b, c, d = ENTRIES
    matrix = _matrix_update(method, ((a, b), (c, d)), H)
    polynomial = _characteristic(matrix)
    zero = sp.Integer(0)
    bilinear = _characteristic(_matrix_update(method, ((zero, -S), (S, zero)), sp.Integer(1)))
    return StabilityFunction(method, None, polynomial, bilinear, matrix)


@functools.lru_cache(maxsize=256)
def scalar_update(method: Method) -> sp.Matrix:
    """The matrix T(z) of one step on ẋ = λx, entries in lowest terms; the method must treat all components alike."""
    rows = linear_update(method, ((Z,),), sp.Integer(1), sp.Integer(0), sp.Integer(1))
    return sp.Matrix([[lowest_terms(e) for e in row] for row in rows])


def _matrix_update(method: Method, A: Any, h: Any) -> sp.Matrix:
    rows = linear_update(method, A, h, sp.Integer(0), sp.Integer(1), blocks=((0,), (1,)))
    return sp.Matrix([[lowest_terms(e) for e in row] for row in rows])


def lowest_terms(expression: Any) -> sp.Expr:
    """A rational function in lowest terms; roots of rationals that cancel are gone."""
    e = sp.sympify(expression)
    roots = [p for p in e.atoms(sp.Pow) if p.is_number and not p.is_rational]
    return sp.cancel(sp.cancel(e, extension=roots) if roots else e)


def _characteristic(matrix: sp.Matrix) -> sp.Expr:
    """det(ζI - M) without denominators; the coefficient of the highest power of ζ is positive at z = 0."""
    n = matrix.rows
    polynomial = sp.expand(sp.numer(sp.cancel((ZETA * sp.eye(n) - matrix).det(method="berkowitz"))))
    leading = sp.Poly(polynomial, ZETA).LC()
    return -polynomial if leading.subs(dict.fromkeys((Z, S, H, *ENTRIES), 0)).is_negative else polynomial


def _fraction(function: sp.Expr) -> sp.Expr:
    """A rational function of z as text shows it best: expanded, with a denominator that is positive at 0."""
    numerator, denominator = sp.fraction(function)
    if not denominator.has(Z):
        return sp.expand(function)
    return -numerator / sp.expand(-denominator) if denominator.subs(Z, 0).is_negative else numerator / denominator


def exact_method(method: Method) -> Method:
    """The method with every float among its hyper-parameters replaced by the decimal that it prints as."""
    return with_numbers(method, _exact)


def with_numbers(method: Method, number: Callable[[Any], Any]) -> Method:
    """The method with every hyper-parameter, also of methods inside, replaced by `number` of it; tableaux stay."""
    if hasattr(method, "tableau"):
        return method
    return replace(method, **{name: _replaced(value, number) for name, value in method.hyperparameters.items()})


def _replaced(value: Any, number: Callable[[Any], Any]) -> Any:
    if isinstance(value, Method):
        return with_numbers(value, number)
    if isinstance(value, tuple | list):
        return tuple(_replaced(entry, number) for entry in value)
    return number(value)


def _exact(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return exact(float(value))
    if isinstance(value, complex | np.complexfloating):
        return exact(float(value.real)) + sp.I * exact(float(value.imag))
    return value


def rational_method(method: Method) -> Method:
    """As `exact_method`, with irrational numbers to sixty digits; `InputError` for symbols."""
    return with_numbers(exact_method(method), lambda value: _rational(_known(value, method)))


def numeric_method(method: Method) -> Method:
    """The method with exact numbers among its hyper-parameters as floats; `InputError` for symbols."""
    return with_numbers(method, lambda value: _numeric(_known(value, method)))


def _known(value: Any, method: Method) -> Any:
    if getattr(value, "free_symbols", None):
        raise InputError(f"a hyper-parameter of {method.label} is {value}; give a number")
    return value


def _rational(value: Any) -> Any:
    if not isinstance(value, sp.Expr):
        return value
    re, im = (part if part.is_Rational else sp.Rational(str(part.evalf(60))) for part in value.as_real_imag())
    return re + sp.I * im


def _numeric(value: Any) -> Any:
    if not isinstance(value, sp.Expr | Fraction):
        return value
    return complex(value) if getattr(value, "is_real", True) is False else float(value)


def polynomials_in(rows: Sequence[Sequence[sp.Expr]], symbol: sp.Symbol) -> tuple[list[list[Any]], Any]:
    """Rational functions of one symbol as polynomials over one common denominator: elements of QQ[symbol]."""
    field = sp.QQ.frac_field(symbol)
    entries = [[field.from_sympy(sp.sympify(e)) for e in row] for row in rows]
    ring = sp.QQ[symbol]
    denominator = ring.one
    for e in (e for row in entries for e in row):
        denominator = ring.lcm(denominator, ring.convert(e.denom))
    over = [[ring.convert(e.numer) * ring.exquo(denominator, ring.convert(e.denom)) for e in row] for row in entries]
    return over, denominator
