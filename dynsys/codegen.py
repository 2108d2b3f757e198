"""From SymPy expressions to the text of pure functions on tuples: common subexpressions named once.

Variables, parameters and time become x0, x1, …, p0, p1, …; so no user's name ever stands in generated text, and
two games that differ only in names share one kernel.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.str import StrPrinter

from dynsys.functions import NUMPY_HEADER

CHUNK = 20  # a literal tuple of more than 30 items trips a Numba peephole: longer ones are joined with +


def tuple_text(items: Sequence[str]) -> str:
    """Python text of a tuple, safe for Numba at any length."""
    chunks = [items[i : i + CHUNK] for i in range(0, len(items), CHUNK)]
    return " + ".join("(" + ", ".join(chunk) + ",)" for chunk in chunks) or "()"


def _divides(exponent: sp.Expr) -> bool:
    """True if a power with this exponent is written below the bar; never for both an exponent and its negative."""
    return exponent.is_negative or (exponent.is_positive is None and exponent.could_extract_minus_sign())


class _Printer(StrPrinter):
    """Exact rationals as quotients, floats with all their digits, small powers of a name as products."""

    def _print_Float(self, expr: Any) -> str:
        return repr(float(expr))

    def _print_NumberSymbol(self, expr: Any) -> str:
        return repr(float(expr))

    _print_Exp1 = _print_Pi = _print_EulerGamma = _print_NumberSymbol  # noqa: N815  (SymPy's names)
    _print_GoldenRatio = _print_TribonacciConstant = _print_Catalan = _print_NumberSymbol  # noqa: N815

    def _print_Integer(self, expr: Any) -> str:
        return f"{expr.p}.0"  # a bare integer beyond 64 bits would not compile

    def _print_Rational(self, expr: Any) -> str:
        return repr(float(expr))

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        base, exponent = expr.as_base_exp()
        if exponent.is_Integer and 2 <= exponent <= 8 and base.is_Symbol:
            return "(" + "*".join([base.name] * int(exponent)) + ")"  # NumPy's x**3 is twenty times slower than x*x*x
        if exponent.is_Integer and exponent > 0:
            return f"{self.parenthesize(base, PRECEDENCE['Pow'])}**{int(exponent)}"
        if _divides(exponent):
            return f"1.0/{self.parenthesize(base**-exponent, PRECEDENCE['Pow'])}"
        if exponent == sp.S.Half:
            return f"sqrt({self._print(base)})"
        return f"{self.parenthesize(base, PRECEDENCE['Pow'])}**{self.parenthesize(exponent, PRECEDENCE['Pow'])}"

    def _print_Mul(self, expr: Any) -> str:
        numerator, denominator = [], []
        coefficient, factors = expr.as_coeff_mul()
        for factor in factors:
            base, exponent = factor.as_base_exp()
            if base != sp.E and _divides(exponent):
                denominator.append(base**-exponent)
            else:
                numerator.append(factor)
        sign = "-" if coefficient.is_negative else ""
        coefficient = abs(coefficient)
        if coefficient != 1 or not numerator:
            numerator.insert(0, coefficient)
        top = "*".join(self.parenthesize(f, PRECEDENCE["Mul"]) for f in numerator)
        bottom = "*".join(self.parenthesize(f, PRECEDENCE["Mul"]) for f in denominator)
        if len(denominator) > 1 or (denominator and denominator[0].is_Mul):
            bottom = f"({bottom})"
        return sign + (f"{top}/{bottom}" if denominator else top)

    def _print_exp(self, expr: Any) -> str:
        return f"exp({self._print(expr.args[0])})"


def expression_text(e: sp.Expr) -> str:
    """Python text of one expression, its symbols' names as they are."""
    return _Printer().doprint(e)


def functions_text(
    functions: Mapping[str, Any], variables: Sequence[sp.Symbol], parameters: Sequence[sp.Symbol], decorator: str = ""
) -> str:
    """The text of pure functions `name(x, p)` of tuples, one for each entry of `functions`.

    An entry is a sequence of expressions, or of rows of expressions, and the function returns it as (nested) tuples.
    """
    return "\n".join(_function(name, body, variables, parameters, decorator) for name, body in functions.items())


def _function(
    name: str, body: Any, variables: Sequence[sp.Symbol], parameters: Sequence[sp.Symbol], decorator: str
) -> str:
    rows = [list(row) if isinstance(row, Sequence | sp.MatrixBase) else row for row in body]
    flat = [e for row in rows for e in (row if isinstance(row, list) else [row])]
    names = {s: sp.Symbol(f"x{i}") for i, s in enumerate(variables)}
    names |= {s: sp.Symbol(f"p{i}") for i, s in enumerate(parameters)}
    temporaries, flat = sp.cse([sp.sympify(e).xreplace(names) for e in flat], symbols=sp.numbered_symbols("c"))
    used = {s.name for e in [*flat, *(value for _, value in temporaries)] for s in e.free_symbols}
    lines = [decorator] if decorator else []
    lines.append(f"def {name}(x, p):")
    lines += [f"    x{i} = x[{i}]" for i in range(len(variables)) if f"x{i}" in used]
    lines += [f"    p{i} = p[{i}]" for i in range(len(parameters)) if f"p{i}" in used]
    lines += [f"    {target} = {expression_text(value)}" for target, value in temporaries]
    entries = iter([expression_text(e) for e in flat])
    items = [tuple_text([next(entries) for _ in row]) if isinstance(row, list) else next(entries) for row in rows]
    lines.append(f"    return {tuple_text(items)}")
    return "\n".join(lines) + "\n"


@functools.lru_cache(maxsize=512)
def numpy_functions(text: str) -> dict[str, Any]:
    """The functions of a generated text under NumPy: on floats, complex numbers and arrays."""
    namespace: dict[str, Any] = {}
    exec(NUMPY_HEADER + text, namespace)  # text generated above from whitelisted expressions
    return namespace
