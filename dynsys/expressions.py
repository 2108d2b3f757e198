"""Text from users becomes SymPy expressions by a whitelist: numbers, names, + - * / ** and known functions.

The text is data. Names are replaced before Python's grammar sees it, so that `lambda` is a fine variable; the
syntax tree is walked against a whitelist, and nothing is ever evaluated as Python. Sizes are bounded, so that
neither nesting nor powers can hang the parser.
"""

from __future__ import annotations

import ast
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from dynsys.errors import InputError, nearest
from dynsys.functions import FLOAT, SYMPY

TEXT_LIMIT = 5000  # characters
TOKEN_LIMIT = 1500
DEPTH_LIMIT = 60  # levels of nesting in the syntax tree
DEGREE_LIMIT = 60  # of an expression in its variables, counted through products and powers
DIGIT_LIMIT = 300  # decimal digits of an exact number

NAME = re.compile(r"[^\W\d]\w*")
TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[^\W\d]\w*)|(?P<mark>\*\*|[-+*/(),^]))"
)
CONSTANTS = {"pi": sp.pi, "E": sp.E}


def symbol(name: str) -> sp.Symbol:
    """The one real symbol that stands for a variable, parameter or time of this name."""
    return sp.Symbol(name, real=True)


def check_name(name: Any, argument: str) -> str:
    """A name of a variable, parameter or player: letters, digits and underscores, not starting with a digit."""
    if not isinstance(name, str) or not NAME.fullmatch(name) or len(name) > 80:
        shown = repr(name) if len(repr(name)) <= 80 else repr(name)[:77] + "..."
        raise InputError(f"{argument}: {shown} is no name; use letters, digits and underscores, a letter first")
    return unicodedata.normalize("NFC", name)


def finite(value: Any, argument: str) -> float:
    """A finite real number, or an error that names the argument."""
    if isinstance(value, bool) or (not isinstance(value, int | float) and not hasattr(value, "__float__")):
        raise InputError(f"{argument} is {value!r}; it must be a real number")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{argument} is {str(value)[:60]}; it must be a real number") from None
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
        return parse(source, known, argument)
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
                f"{argument} uses {name!r}, which is neither a variable nor a parameter; {nearest(name, known)}"
            )
        renamed[free] = known[name]
    result = source.xreplace(renamed)
    for atom in result.atoms(sp.Function):
        if atom.func not in SYMPY.values():
            raise InputError(f"{argument} uses the function {atom.func}; {nearest(str(atom.func), SYMPY)}")
    if not result.is_finite and result.has(sp.zoo, sp.nan, sp.oo, -sp.oo, sp.I):
        raise InputError(f"{argument} is {str(result)[:60]}: not a finite real expression")
    if result.has(sp.Piecewise, sp.Derivative, sp.Integral):
        raise InputError(f"{argument} must be made of + - * / ** and {', '.join(SYMPY)}")
    return result


def parse(text: str, known: Mapping[str, sp.Symbol], argument: str) -> sp.Expr:
    """Parse `text` over the symbols `known`, by name.

    Decimal numbers become exact rationals. Raises `InputError` naming `argument`, what is wrong and the remedy.
    """
    safe, names = _tokens(text, argument)
    try:
        tree = ast.parse(safe, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise InputError(
            f"{argument}: cannot read {_shown(text)} as a formula; check operators and parentheses"
        ) from None
    return _Reader(names, known, argument).read(tree.body, 0).value


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _tokens(text: str, argument: str) -> tuple[str, list[str]]:
    """The text with every name replaced by a harmless one, and the names replaced, in order."""
    if len(text) > TEXT_LIMIT:
        raise InputError(f"{argument} has {len(text)} characters; the limit is {TEXT_LIMIT}")
    names: list[str] = []
    safe: list[str] = []
    position = 0
    text = unicodedata.normalize("NFC", text.rstrip())
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            raise InputError(
                f"{argument}: {text[position:].strip()[:1]!r} cannot stand in a formula; use numbers, names, + - * / ** ( ) and functions"
            )
        position = match.end()
        if match["name"]:
            if match["name"] not in names:
                names.append(match["name"])
            safe.append(f"n_{names.index(match['name'])}")
        elif match["number"]:
            safe.append(_number_text(match["number"], argument))
        else:
            safe.append("**" if match["mark"] == "^" else match["mark"])
        if len(safe) > TOKEN_LIMIT:
            raise InputError(f"{argument} has more than {TOKEN_LIMIT} numbers, names and operators; shorten it")
    if not safe:
        raise InputError(f"{argument} is empty; write a formula")
    return " ".join(safe), names


def _number_text(text: str, argument: str) -> str:
    """A number as `r(numerator, denominator)` would be too clever: kept as text in a string constant."""
    value = float(text)
    if (
        len(text) > 60
        or not math.isfinite(value)
        or abs(value) > 1e300
        or (value == 0) != (not text.lower().split("e")[0].strip("0."))
    ):
        raise InputError(f"{argument}: the number {text[:40]} is out of range (magnitude 1e-300 to 1e300, 60 digits)")
    return repr(text)


@dataclass(frozen=True)
class _Term:
    """An expression, its float value if it is a constant, and a bound on its degree in the variables."""

    value: sp.Expr
    constant: float | None
    degree: float


class _Reader(ast.NodeVisitor):
    def __init__(self, names: list[str], known: Mapping[str, sp.Symbol], argument: str):
        self.names, self.known, self.argument = names, known, argument

    def refuse(self, reason: str) -> InputError:
        return InputError(f"{self.argument}: {reason}")

    def read(self, node: ast.AST, depth: int) -> _Term:
        if depth > DEPTH_LIMIT:
            raise self.refuse(f"nested more than {DEPTH_LIMIT} levels deep; name parts as parameters or simplify")
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return _Term(sp.Rational(node.value), float(node.value), 0)
        if isinstance(node, ast.Name):
            return self.name(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd | ast.USub):
            inner = self.read(node.operand, depth + 1)
            if isinstance(node.op, ast.UAdd):
                return inner
            return _Term(-inner.value, None if inner.constant is None else -inner.constant, inner.degree)
        if isinstance(node, ast.BinOp):
            return self.operation(node, depth)
        if isinstance(node, ast.Call):
            return self.call(node, depth)
        raise self.refuse("only numbers, names, + - * / ** and function calls can stand in a formula")

    def name(self, node: ast.Name) -> _Term:
        name = self.names[int(node.id[2:])]
        if name in self.known:
            return _Term(self.known[name], None, 1)
        if name in CONSTANTS:
            return _Term(CONSTANTS[name], float(CONSTANTS[name]), 0)
        if name in SYMPY:
            raise self.refuse(f"the function {name} needs an argument: {name}(...)")
        raise self.refuse(f"{name!r} is neither a variable nor a parameter; {nearest(name, self.known)}")

    def operation(self, node: ast.BinOp, depth: int) -> _Term:
        # Python nests a + b + c to the left: a long sum is not deep, so its spine costs no depth.
        left = self.read_spine(node, depth)
        return left

    def read_spine(self, node: ast.BinOp, depth: int) -> _Term:
        spine: list[ast.BinOp] = []
        inner: ast.AST = node
        while isinstance(inner, ast.BinOp) and not isinstance(inner.op, ast.Pow):
            spine.append(inner)
            inner = inner.left
        if not spine:
            assert isinstance(inner, ast.BinOp)
            return self.power(self.read(inner.left, depth + 1), self.read(inner.right, depth + 1))
        left = self.read(inner, depth + 1)
        for part in reversed(spine):
            left = self.combine(part.op, left, self.read(part.right, depth + 1))
        return left

    def combine(self, op: ast.operator, a: _Term, b: _Term) -> _Term:
        both = a.constant is not None and b.constant is not None
        x, y = a.constant or 0.0, b.constant or 0.0
        if isinstance(op, ast.Add):
            return self.checked(a.value + b.value, x + y if both else None, max(a.degree, b.degree))
        if isinstance(op, ast.Sub):
            return self.checked(a.value - b.value, x - y if both else None, max(a.degree, b.degree))
        if isinstance(op, ast.Mult):
            return self.checked(a.value * b.value, x * y if both else None, a.degree + b.degree)
        if isinstance(op, ast.Div):
            if b.constant == 0 or b.value.is_zero:
                raise self.refuse("division by zero")
            return self.checked(a.value / b.value, x / y if both else None, a.degree + b.degree)
        raise self.refuse("only + - * / ** can join terms")

    def power(self, a: _Term, b: _Term) -> _Term:
        if b.constant is None:
            degree = a.degree + b.degree
            if a.constant is not None and a.constant <= 0:
                raise self.refuse("a power with a variable exponent needs a positive base")
            return self.checked(a.value**b.value, None, degree)
        if abs(b.constant) > DEGREE_LIMIT:
            raise self.refuse(f"the exponent {b.constant:g} is larger than {DEGREE_LIMIT}")
        if a.constant is None:
            return self.checked(a.value**b.value, None, a.degree * max(1.0, abs(b.constant)))
        if a.constant == 0 and b.constant < 0:
            raise self.refuse("division by zero")
        if a.constant < 0 and not b.value.is_integer:
            raise self.refuse(f"{a.constant:g} to the power {b.constant:g} is not real")
        return self.checked_power(a, b)

    def checked_power(self, a: _Term, b: _Term) -> _Term:
        assert a.constant is not None and b.constant is not None
        try:
            value = math.pow(a.constant, b.constant)
        except (OverflowError, ValueError):
            raise self.refuse("a power of numbers overflows") from None
        return self.checked(a.value**b.value, value, 0)

    def call(self, node: ast.Call, depth: int) -> _Term:
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise self.refuse("only a known function can be called")
        name = self.names[int(node.func.id[2:])]
        if name not in SYMPY:
            raise self.refuse(f"unknown function {name!r}; {nearest(name, SYMPY)}")
        if len(node.args) != 1:
            raise self.refuse(f"{name} takes one argument, not {len(node.args)}")
        inner = self.read(node.args[0], depth + 1)
        if inner.constant is None:
            return self.checked(SYMPY[name](inner.value), None, 1 + inner.degree / 10)
        try:
            value = FLOAT[name](inner.constant)
        except (OverflowError, ValueError):
            raise self.refuse(f"{name}({inner.constant:g}) is not a finite real number") from None
        return self.checked(SYMPY[name](inner.value), value, 0)

    def checked(self, value: sp.Expr, constant: float | None, degree: float) -> _Term:
        if constant is not None and not abs(constant) <= 1e300:
            raise self.refuse("a constant in it is not a finite real number")
        if value.is_Rational and max(abs(value.p), value.q).bit_length() > DIGIT_LIMIT * 3.3:
            raise self.refuse(f"a number in it has more than {DIGIT_LIMIT} digits")
        if degree > DEGREE_LIMIT:
            raise self.refuse(f"its degree may exceed {DEGREE_LIMIT}; lower the powers")
        if value.has(sp.zoo, sp.nan, sp.oo, -sp.oo, sp.I):
            raise self.refuse("it is not a finite real expression")
        return _Term(value, constant, degree)
