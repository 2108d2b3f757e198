"""Names, numbers and expressions from users: each becomes the real symbol, exact number or SymPy expression it means.

Texts are read by `dynsys.parser`; SymPy expressions pass the same whitelist.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import sympy as sp

from dynsys.errors import InputError, nearest, shown
from dynsys.functions import SYMPY
from dynsys.parser import DIGIT_LIMIT, NOT_REAL, has_too_many_digits, parse

NAME = re.compile(r"[^\W\d]\w*")
PARTS = (sp.Add, sp.Mul, sp.Pow, sp.Symbol, sp.Rational, sp.Float, sp.NumberSymbol)  # besides the known functions


def symbol(name: str) -> sp.Symbol:
    """The one real symbol that stands for a variable, parameter or time of this name."""
    return sp.Symbol(name, real=True)


def check_name(name: Any, argument: str) -> str:
    """A name of a variable, parameter or player: letters, digits and underscores, not starting with a digit."""
    composed = unicodedata.normalize("NFC", name) if isinstance(name, str) else ""
    if not NAME.fullmatch(composed) or len(composed) > 80:
        raise InputError(f"{argument}: {shown(name)} is no name; use letters, digits and underscores, a letter first")
    return composed


def check_parameters(given: Iterable[str], known: Iterable[str], what: str = "field") -> None:
    """Raise `InputError` for a name that is none of the parameters of a field or game; it offers the nearest."""
    names = list(known)
    for name in given:
        if name not in names:
            raise InputError(f"the {what} has no parameter {name!r}; {nearest(name, names)}")


def finite(value: Any, argument: str) -> float:
    """A finite real number, or an error that names the argument."""
    if isinstance(value, bool) or (not isinstance(value, int | float) and not hasattr(value, "__float__")):
        raise InputError(f"{argument} is {shown(value)}; it must be a real number")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{argument} is {shown(value)}; it must be a real number") from None
    if not math.isfinite(number):
        raise InputError(f"{argument} is {number}; it must be finite")
    return number


def exact(value: float) -> sp.Rational:
    """The rational number that a float's shortest decimal text names: 0.1 becomes 1/10."""
    return sp.Rational(repr(float(value)))


def expression(source: Any, names: Iterable[str], argument: str) -> sp.Expr:
    """The SymPy expression of a text, a number or a SymPy expression, in real symbols from `names` only.

    Raises `InputError` that names `argument` for anything else.
    """
    known = {name: symbol(name) for name in names}
    if isinstance(source, str):
        return _whitelisted(parse(source, known, argument), argument)
    if isinstance(source, int | float):
        return exact(finite(source, argument))
    if not isinstance(source, sp.Expr):
        raise InputError(f"{argument} is a {type(source).__name__}; give a text or a SymPy expression")
    return _adopted(source, known, argument)


def _adopted(source: sp.Expr, known: Mapping[str, sp.Symbol], argument: str) -> sp.Expr:
    renamed = {}
    for free in source.free_symbols:
        name = getattr(free, "name", str(free))
        if name not in known:
            raise InputError(
                f"{argument} uses {shown(name)}, which is neither a variable nor a parameter; {nearest(name, known)}"
            )
        renamed[free] = known[name]
    return _whitelisted(source.xreplace(renamed), argument)


def _whitelisted(e: sp.Expr, argument: str) -> sp.Expr:
    """The expression itself if every part of it is a finite real number, a symbol, an operation or a known function."""
    for part in sp.preorder_traversal(e):
        if part in NOT_REAL or (part.is_Pow and part.base.is_Number and part.base < 0 and not part.exp.is_integer):
            raise InputError(f"{argument} contains {shown(part)}: not a finite real expression")
        if isinstance(part, sp.Rational) and has_too_many_digits(part):
            raise InputError(f"{argument}: a number in it has more than {DIGIT_LIMIT} digits")
        if isinstance(part, sp.Abs | sp.sign):
            raise InputError(f"{argument} contains {shown(part)}, which is not smooth; use for instance sqrt(x**2 + 1)")
        if not isinstance(part, PARTS) and part.func not in SYMPY.values():
            raise InputError(f"{argument} uses {part.func}; it must be made of + - * / ** and {', '.join(SYMPY)}")
    return e
