"""From a field's expressions to the nodes of its Taylor series, and to the statements that evaluate them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp

from dynsys.codegen import expression_text
from dynsys.functions import logistic, softplus, switch
from dynsys.taylor_nodes import (
    Constant,
    InversePrimitive,
    Jump,
    Linear,
    Mirrored,
    Node,
    Power,
    Primitive,
    Product,
    Quotient,
    Root,
    Square,
    Time,
    Variable,
)

INLINED = 120  # characters: the longest text of a name used once that is written where it is used
ATOM = re.compile(r"\w+|[\d.]+(e[+-]?\d+)?|\(-[\d.e+-]+\)")
NAME = re.compile(r"\b[a-z]\w*")
CIRCULAR, HYPERBOLIC = ("sin", "cos", "-"), ("sinh", "cosh", "")  # y, z with y' = z u' and z' = ∓ y u'
PAIRED = {sp.sin: CIRCULAR, sp.cos: CIRCULAR, sp.sinh: HYPERBOLIC, sp.cosh: HYPERBOLIC}


def _is_below(exponent: sp.Expr) -> bool:
    """True if a power with this exponent is a quotient by a product of roots and whole powers."""
    return bool(exponent.is_number and exponent.is_negative and (2 * exponent).is_Integer)


class Graph:
    """The nodes of a field's expressions, in an order of evaluation, and the statements written so far."""

    def __init__(self, expressions: Sequence[Any], variables: Sequence[Any], parameters: Sequence[Any], timed: bool):
        self.nodes: list[Node] = []
        self.made: dict[Any, Node] = {}
        self.written: dict[str, str] = {}
        self.known: dict[str, str] = {}  # text -> the name that has this value
        own = {s: sp.Symbol(f"x{i}") for i, s in enumerate(variables)}
        own |= {s: sp.Symbol(f"p{i}") for i, s in enumerate(parameters)}
        for j in range(len(parameters)):
            self.write(f"p{j}", f"p[{j}]")
        self.variables = [Variable(f"x[{i}]") for i in range(len(variables))]
        for i, variable in enumerate(self.variables):
            self.made[sp.Symbol(f"x{i}")] = self.added(variable, f"x{i}")
        if timed:
            self.made[own[parameters[-1]]] = self.added(Time(f"p{len(parameters) - 1}"))
        self.varying = set(self.made)
        parts, flat = sp.cse([e.xreplace(own) for e in expressions], symbols=sp.numbered_symbols("c"))
        for name, value in parts:
            if self.is_constant(value):
                self.write(name.name, expression_text(value))
            else:
                self.made[name] = self.node(value)
                self.varying.add(name)
        for variable, e in zip(self.variables, flat, strict=True):
            variable.component = self.node(e)

    def write(self, name: str, text: str) -> str:
        """Assign a text to a name, unless it is a name, a literal or zero, or another name has that value."""
        if not text or ATOM.fullmatch(text):
            return text
        if text not in self.known:
            self.written[name] = text
        return self.known.setdefault(text, name)

    def added(self, node: Node, name: str = "") -> Node:
        """The node with a name of its own, next in the order of evaluation."""
        node.name = name or f"n{len(self.nodes)}"
        self.nodes.append(node)
        return node

    def make(self, kind: Callable[..., Node], *parts: Any) -> Node:
        """The one node of a kind with these parts."""
        key = (kind, *parts)
        if key not in self.made:
            self.made[key] = self.added(kind(*parts))
        return self.made[key]

    # --- reading expressions --------------------------------------------------------------------

    def is_constant(self, e: sp.Expr) -> bool:
        """Whether no variable nor the time stands in it."""
        return not e.free_symbols & self.varying

    def constant(self, e: sp.Expr) -> str:
        """Text of a constant: a literal, or a name assigned before the first order."""
        if e.free_symbols:
            return self.write(f"k{len(self.written)}", expression_text(e))
        value = float(e)
        return repr(value) if value >= 0 else f"({value!r})"

    def node(self, e: sp.Expr) -> Node:
        """The node of an expression."""
        if e not in self.made:
            self.made[e] = self.read(e)
        return self.made[e]

    def read(self, e: sp.Expr) -> Node:
        """The node of an expression met for the first time."""
        if self.is_constant(e):
            return self.make(Constant, self.constant(e) if e != 0 else "")
        if e.is_Add:
            fixed, moving = self.split(e.args)
            terms = [self.term(part) for part in moving]
            return self.make(Linear, self.constant(sp.Add(*fixed)) if fixed else "", *terms)
        if e.is_Mul:
            sign, coefficient, node = self.term(e)
            return node if (sign, coefficient) == ("", "1.0") else self.make(Linear, "", (sign, coefficient, node))
        if e.is_Pow:
            return self.raised(*e.as_base_exp())
        if e.func is logistic and e.args[0].could_extract_minus_sign():
            u = self.node(-e.args[0])
            return self.make(Mirrored, u, self.applied(logistic, u))
        return self.applied(e.func, self.node(e.args[0]))

    def split(self, parts: Sequence[sp.Expr]) -> tuple[list[sp.Expr], list[sp.Expr]]:
        """The constant parts and the moving ones."""
        return [a for a in parts if self.is_constant(a)], [a for a in parts if not self.is_constant(a)]

    def term(self, e: sp.Expr) -> tuple[str, str, Node]:
        """Sign, constant factor and moving factor of a product."""
        fixed, moving = self.split(sp.Mul.make_args(e))
        factor = sp.Mul(*fixed)
        sign = "-" if factor.as_coeff_Mul()[0].is_negative else ""
        return sign, self.constant(-factor if sign else factor), self.product(moving)

    def product(self, factors: Sequence[sp.Expr]) -> Node:
        """Numerators multiplied one by one, over the product of all denominators."""
        powers = [f.as_base_exp() if f.is_Pow else (f, sp.S.One) for f in factors]
        below = [self.node(b**-n) for b, n in powers if _is_below(n)]
        above = [self.node(f) for f, (b, n) in zip(factors, powers, strict=True) if not _is_below(n)]
        numerator = functools.reduce(self.times, above) if above else self.make(Constant, "1.0")
        return self.make(Quotient, numerator, functools.reduce(self.times, below)) if below else numerator

    def times(self, u: Node, w: Node) -> Node:
        """The node of u·w."""
        return self.make(Square, u) if u is w else self.make(Product, u, w)

    def raised(self, base: sp.Expr, exponent: sp.Expr) -> Node:
        """A power: by squarings, by a root, by its differential equation, or as an exponential."""
        if _is_below(exponent):
            return self.product([base**exponent])
        if exponent.is_Integer:
            return self.whole(self.node(base), int(exponent))
        if (2 * exponent).is_Integer:
            u = self.node(base)
            root, n = self.make(Root, u), int(exponent - sp.S.Half)
            return self.times(self.whole(u, n), root) if n else root
        if self.is_constant(exponent):
            start = lambda u: expression_text(sp.Symbol(u) ** exponent)  # noqa: E731
            return self.added(Power(start, self.node(base), self.constant(exponent)))
        a, b = self.node(base), self.node(exponent)
        start = lambda _: f"{a.value[0]}**{b.value[0]}"  # noqa: E731
        return self.added(Primitive(start, self.node(exponent * sp.log(base))))

    def whole(self, u: Node, n: int) -> Node:
        """uⁿ, n ≥ 1: finite at u = 0, where the differential equation is not."""
        if n == 1:
            return u
        half = self.whole(u, n // 2)
        return self.times(u, self.whole(u, n - 1)) if n % 2 else self.times(half, half)

    def applied(self, function: Any, u: Node) -> Node:
        """A function of a node; functions that need each other, as sine and cosine do, are made together."""
        if (function, u) not in self.made:
            self.made[function, u] = self.function(function, u)
        return self.made[function, u]

    def function(self, function: Any, u: Node) -> Node:
        """The node of a known function of u, by the differential equation it satisfies."""
        name = function.__name__
        start = lambda u0: f"{name}({u0})"  # noqa: E731
        if function is switch:
            return self.added(Jump(u))
        if function is sp.log:
            return self.added(InversePrimitive(start, u, u))
        if function in PAIRED:
            return self.pair(function, u)
        if function in (sp.atan, sp.asin, sp.acos):
            square = self.make(Square, u)
            g = self.make(Linear, "1.0", ("" if function is sp.atan else "-", "1.0", square))
            g = g if function is sp.atan else self.make(Root, g)
            return self.added(InversePrimitive(start, u, g, "-" if function is sp.acos else ""))
        if function is softplus:
            rate = self.applied(logistic, u)
        y = Primitive(start, u)
        self.added(y)
        if function is softplus:
            y.g = rate
        elif function in (sp.tan, sp.tanh):
            y.g = self.make(Linear, "1.0", ("" if function is sp.tan else "-", "1.0", self.make(Square, y)))
        elif function is logistic:
            y.g = self.make(Linear, "", ("", "1.0", y), ("-", "1.0", self.make(Square, y)))
        return y

    def pair(self, function: Any, u: Node) -> Node:
        """Sine and cosine of u, or the hyperbolic ones; the one asked for."""
        odd, even, sign = PAIRED[function]
        sine, cosine = Primitive(lambda u0: f"{odd}({u0})", u), Primitive(lambda u0: f"{even}({u0})", u, sign)
        sine.g, cosine.g = self.added(cosine), self.added(sine)
        self.made[getattr(sp, odd), u], self.made[getattr(sp, even), u] = sine, cosine
        return self.made[function, u]


def tidied(written: dict[str, str], kept: set[str]) -> list[tuple[str, str]]:
    """The statements that `kept` needs; a short text whose name is used once stands where it is used.

    Numba's compile time follows the number of statements as well as of operations.
    """
    uses: dict[str, int] = dict.fromkeys(kept, 2)
    for name, text in reversed(written.items()):
        if name in uses:
            for part in NAME.findall(text):
                uses[part] = uses.get(part, 0) + 1
    inlined: dict[str, str] = {}
    lines = []
    for name, text in written.items():
        if name not in uses:
            continue
        text = NAME.sub(lambda match: inlined.get(match[0], match[0]), text)
        if uses[name] == 1 and len(text) <= INLINED and not text.endswith("]"):
            inlined[name] = f"({text})"
        else:
            lines.append((name, text))
    return lines
