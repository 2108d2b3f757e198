"""A formula is data: its text is read by a whitelist of numbers, names, + - * / ** and known functions.

Names are replaced before Python's grammar sees them, so that `lambda` is a fine variable; the syntax tree is walked
against a whitelist, and nothing is ever evaluated as Python. SymPy simplifies as it builds and may take for ever over a
short formula: sizes are bounded before it sees them, and its time is.
"""

from __future__ import annotations

import ast
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace

import sympy as sp

from dynsys.errors import InputError, nearest, shown
from dynsys.functions import FLOAT, SYMPY
from dynsys.watch import OvertimeError, Watch

TEXT_LIMIT = 5000  # characters
TOKEN_LIMIT = 1500
DEPTH_LIMIT = 40  # levels of nesting in the syntax tree
NESTING_LIMIT = 8  # levels around what SymPy cannot sign at once: it signs exp(-exp(… (-exp(1)))) in exponential time
DEGREE_LIMIT = 60  # of an expression in its variables, counted through products and powers
DIGIT_LIMIT = 300  # decimal digits of an exact number
TIME_LIMIT = 0.6  # seconds of processor time for SymPy to build one formula; a page of text takes a tenth

TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|(?P<name>[^\W\d]\w*)|(?P<mark>\*\*|[-+*/(),^]))"
)
ALWAYS_REAL = frozenset({"exp", "sin", "cos", "sinh", "cosh", "tanh", "atan", "logistic", "softplus"})  # and finite
CONSTANTS = {"pi": sp.pi, "E": sp.E}
NOT_REAL = frozenset({sp.zoo, sp.nan, sp.oo, -sp.oo, sp.I})


def parse(text: str, known: Mapping[str, sp.Symbol], argument: str) -> sp.Expr:
    """Parse `text` over the symbols `known`, by name.

    Decimal numbers become exact rationals. Raises `InputError` naming `argument`, what is wrong and the remedy.
    """
    safe, names = _tokens(text, argument)
    try:
        tree = ast.parse(safe, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise InputError(
            f"{argument}: cannot read {shown(text)} as a formula; check operators and parentheses"
        ) from None
    try:
        with Watch(TIME_LIMIT) as watch:
            value = _Reader(names, known, argument, watch).read(tree.body, 0).value
            return value.replace(sp.cot, lambda t: 1 / sp.tan(t))  # SymPy's own reading of tan(t + pi/2)
    except InputError:
        raise
    except (OvertimeError, ArithmeticError, AttributeError, NotImplementedError, RecursionError, TypeError, ValueError):
        raise InputError(f"{argument}: SymPy cannot simplify {shown(text)}; write it another way") from None


def has_too_many_digits(number: sp.Rational) -> bool:
    """True beyond `DIGIT_LIMIT` decimal digits, above or below the bar."""
    return max(abs(number.p), number.q).bit_length() > DIGIT_LIMIT * 3.33


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
                f"{argument}: {text[position:].strip()[:1]!r} cannot stand in a formula; "
                "use numbers, names, + - * / ** ( ) and functions"
            )
        position = match.end()
        if match["name"]:
            if match["name"] not in names:
                names.append(match["name"])
            safe.append(f"n_{names.index(match['name'])}")
        elif match["number"]:
            if safe and safe[-1].startswith("'"):  # Python would join the two texts
                raise InputError(f"{argument}: two numbers side by side in {shown(text)}; write an operator between")
            safe.append(_number_text(match["number"], argument))
        else:
            safe.append("**" if match["mark"] == "^" else match["mark"])
        if len(safe) > TOKEN_LIMIT:
            raise InputError(f"{argument} has more than {TOKEN_LIMIT} numbers, names and operators; shorten it")
    if not safe:
        raise InputError(f"{argument} is empty; write a formula")
    return " ".join(safe), names


def _number_text(text: str, argument: str) -> str:
    """A number stays text, in a string constant: the reader makes it exact."""
    value = float(text)
    is_zero = not text.lower().split("e")[0].strip("0.")
    if len(text) > 60 or not abs(value) <= 1e300 or (value == 0) != is_zero:
        raise InputError(f"{argument}: the number {text[:40]} is out of range (magnitude 1e-300 to 1e300, 60 digits)")
    return "'0'" if is_zero else repr(text)  # SymPy works on 0e999999999 for hours


@dataclass(frozen=True)
class _Term:
    """An expression, its float value if it is a constant, and bounds on what it may cost.

    `degree` is that in the variables; `nesting` counts the functions and powers around the innermost one that is a
    constant or may fail to be real, for there SymPy's questions about signs branch at every level.
    """

    value: sp.Expr
    constant: float | None = None
    degree: float = 0
    nesting: int = 0

    @property
    def negative(self) -> _Term:
        return replace(self, value=-self.value, constant=None if self.constant is None else -self.constant)


class _Reader:
    """Reads a syntax tree from the leaves up, and checks every step before SymPy takes it further."""

    def __init__(self, names: list[str], known: Mapping[str, sp.Symbol], argument: str, watch: Watch):
        self.names, self.known, self.argument, self.watch = names, known, argument, watch

    def refuse(self, reason: str) -> InputError:
        return InputError(f"{self.argument}: {reason}")

    def read(self, node: ast.AST, depth: int) -> _Term:
        if depth > DEPTH_LIMIT:
            raise self.refuse(f"nested more than {DEPTH_LIMIT} levels deep; name parts as parameters or simplify")
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return _Term(sp.Rational(node.value), float(node.value))
        if isinstance(node, ast.Name):
            return self.name(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd | ast.USub):
            inner = self.read(node.operand, depth + 1)
            return inner if isinstance(node.op, ast.UAdd) else inner.negative
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            return self.power(self.read(node.left, depth + 1), self.read(node.right, depth + 1))
        if isinstance(node, ast.BinOp):
            return self.chain(node, depth)
        if isinstance(node, ast.Call):
            return self.call(node, depth)
        raise self.refuse("only numbers, names, + - * / ** and function calls can stand in a formula")

    def name(self, node: ast.Name) -> _Term:
        name = self.names[int(node.id[2:])]
        if name in self.known:
            return _Term(self.known[name], degree=1)
        if name in CONSTANTS:
            return _Term(CONSTANTS[name], float(CONSTANTS[name]))
        if name in SYMPY:
            raise self.refuse(f"the function {name} needs an argument: {name}(...)")
        hint = nearest(name, {*self.known, *CONSTANTS})
        raise self.refuse(f"{shown(name)} is neither a variable nor a parameter; {hint}")

    def chain(self, node: ast.BinOp, depth: int) -> _Term:
        """A sum or product of many terms, which Python nests to the left: it costs one level, however long.

        Each run of + and -, or of * and /, is joined at once: term by term takes SymPy quadratic time.
        """
        spine: list[ast.BinOp] = []
        inner: ast.AST = node
        while isinstance(inner, ast.BinOp) and not isinstance(inner.op, ast.Pow):
            spine.append(inner)
            inner = inner.left
        run, additive = [self.read(inner, depth + 1)], True
        for part in reversed(spine):
            term = self.read(part.right, depth + 1)
            if isinstance(part.op, ast.Add | ast.Sub) != additive:
                run, additive = [self.joined(run, additive)], not additive
            if isinstance(part.op, ast.Sub):
                term = term.negative
            elif isinstance(part.op, ast.Div):
                term = self.inverse(term)
            elif not isinstance(part.op, ast.Add | ast.Mult):
                raise self.refuse("only + - * / ** can join terms")
            run.append(term)
        return self.joined(run, additive)

    def around(self, a: _Term, always_real: bool) -> int:
        """The nesting of a function or power of this term, refused before SymPy meets it."""
        if always_real and a.nesting == 0 and a.constant is None:
            return 0
        if a.nesting == NESTING_LIMIT:
            raise self.refuse(f"roots, quotients or constants nest more than {NESTING_LIMIT} levels deep; simplify it")
        if a.nesting == 1:
            self.watch.arm()
        return a.nesting + 1

    def joined(self, terms: list[_Term], additive: bool) -> _Term:
        if len(terms) == 1:
            return terms[0]
        known = [term.constant for term in terms if term.constant is not None]
        degrees, values = [term.degree for term in terms], [term.value for term in terms]
        nesting = max(term.nesting for term in terms)
        constant = None if len(known) < len(terms) else sum(known) if additive else math.prod(known)
        if additive:
            return self.checked(_Term(sp.Add(*values), constant, max(degrees), nesting))
        return self.checked(_Term(sp.Mul(*values), constant, sum(degrees), nesting))

    def inverse(self, a: _Term) -> _Term:
        if a.constant == 0:
            raise self.refuse("division by zero")
        constant = None if a.constant is None else 1 / a.constant
        return self.checked(_Term(1 / a.value, constant, a.degree, self.around(a, always_real=False)))

    def power(self, a: _Term, b: _Term) -> _Term:
        nesting = self.around(a, always_real=bool(b.value.is_Integer and b.value >= 0))
        nesting = max(nesting, b.nesting and self.around(b, always_real=True))
        if b.constant is None:
            if a.constant is not None and a.constant <= 0:
                raise self.refuse("a power with a variable exponent needs a positive base")
            return self.checked(_Term(a.value**b.value, None, a.degree + b.degree, nesting))
        if abs(b.constant) > DEGREE_LIMIT:
            raise self.refuse(f"the exponent {b.constant:g} is larger than {DEGREE_LIMIT}")
        if a.constant is None:
            return self.checked(_Term(a.value**b.value, None, a.degree * max(1.0, abs(b.constant)), nesting))
        if a.constant == 0 and b.constant < 0:
            raise self.refuse("division by zero")
        if a.constant < 0 and not b.value.is_integer:
            raise self.refuse(f"{a.constant:g} to the power {b.constant:g} is not real")
        try:
            constant = math.pow(a.constant, b.constant)
        except (OverflowError, ValueError):
            raise self.refuse("a power of numbers overflows") from None
        if constant == 0 != a.constant:
            raise self.refuse("a power of numbers underflows")
        return self.checked(_Term(a.value**b.value, constant, 0, nesting))

    def call(self, node: ast.Call, depth: int) -> _Term:
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise self.refuse("only a known function can be called")
        name = self.names[int(node.func.id[2:])]
        if name not in SYMPY:
            raise self.refuse(f"unknown function {shown(name)}; {nearest(name, SYMPY)}")
        if len(node.args) != 1:
            raise self.refuse(f"{name} takes one argument, not {len(node.args)}")
        inner = self.read(node.args[0], depth + 1)
        nesting = self.around(inner, name in ALWAYS_REAL)
        if inner.constant is None:
            return self.checked(_Term(SYMPY[name](inner.value), None, 1 + inner.degree / 10, nesting))
        try:
            constant = FLOAT[name](inner.constant)
        except (OverflowError, ValueError):
            raise self.refuse(f"{name}({inner.constant:g}) is not a finite real number") from None
        if constant == 0 and name in ("exp", "logistic", "softplus"):
            raise self.refuse(f"{name}({inner.constant:g}) underflows")
        return self.checked(_Term(SYMPY[name](inner.value), constant, 0, nesting))

    def checked(self, term: _Term) -> _Term:
        if term.degree > DEGREE_LIMIT:
            raise self.refuse(f"its degree may exceed {DEGREE_LIMIT}; lower the powers")
        atoms = term.value.atoms()
        if atoms & NOT_REAL:
            raise self.refuse("it is not a finite real expression")
        if any(atom.is_Rational and has_too_many_digits(atom) for atom in atoms):
            raise self.refuse(f"a number in it has more than {DIGIT_LIMIT} digits")
        if term.value.is_Rational:
            term = replace(term, nesting=0)
        if term.constant is None and not any(atom.is_Symbol for atom in atoms):
            term = replace(term, constant=self.number(term.value))
        if term.constant is not None and not abs(term.constant) <= 1e300:
            raise self.refuse("a constant in it is not a finite real number")
        return term

    def number(self, value: sp.Expr) -> float:
        """The value of an expression whose variables have cancelled, such as x - x - 8."""
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):
            raise self.refuse("it is not a finite real expression") from None
