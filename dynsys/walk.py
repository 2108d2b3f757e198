"""A walk through the syntax tree of a Python function: statements and expressions become instructions of the machine.

The part of Python that it knows: numbers, nested tuples, pointers; assignments, `if`, `for` over a range, `while`,
`break`, `return`; calls of functions written the same way. `and`, `or` and `a if c else b` evaluate all their parts.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Sequence
from typing import Any

from numba import types

from dynsys.machine_numbers import KINDS, Arithmetic, Number, UnknownError, flat, kinds_of, settled, shaped

SIGNS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**", ast.Mod: "%", ast.FloorDiv: "//",
    ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>", ast.And: "&", ast.Or: "|",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip
KNOWN = (
    ast.Assign, ast.AugAssign, ast.Expr, ast.If, ast.For, ast.While, ast.Break, ast.Return,
    ast.Constant, ast.Name, ast.Load, ast.Store, ast.BinOp, ast.UnaryOp, ast.USub, ast.UAdd, ast.Not, ast.Compare,
    ast.BoolOp, ast.IfExp, ast.Tuple, ast.Subscript, ast.Attribute, ast.Call, *SIGNS,
)  # fmt: skip


def changing(statements: Sequence[ast.stmt]) -> set[str]:
    """The names that are assigned to in a branch or a loop: they live in memory, until LLVM puts them in registers."""
    inside = [s for s in statements if isinstance(s, ast.If | ast.For | ast.While)]
    nodes = (node for s in inside for node in ast.walk(s))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


class Walk:
    """One evaluation of a function: of the kinds of its numbers only, or into the arithmetic's builder."""

    def __init__(self, function: Any, arithmetic: Arithmetic, given: dict[str, Any]):
        self.function, self.arithmetic, self.builder = function, arithmetic, arithmetic.builder
        self.local: dict[str, Any] = {}
        self.places: dict[str, Any] = {}  # of the names that change
        self.changing = changing(function.statements)
        self.ends: list[Any] = []  # where `break` goes, loop by loop
        self.result: Any = None
        for name, value in given.items():
            self._name(name, value)

    def run(self) -> Any:
        """The kinds of what the function returns, () if nothing; with a builder, its returns are written."""
        if not self._block(self.function.statements):
            self._returned(())
        return self.result

    # --- statements: each tells whether what follows it is out of reach ------------------------------

    def _block(self, statements: Sequence[ast.stmt]) -> bool:
        return any(getattr(self, f"_{type(statement).__name__}")(statement) for statement in statements)

    def _Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.value(node.value)

    def _Assign(self, node: ast.Assign) -> None:
        value = self.value(node.value)
        for target in node.targets:
            self._assign(target, value)

    def _AugAssign(self, node: ast.AugAssign) -> None:
        old = ast.Name(node.target.id) if isinstance(node.target, ast.Name) else node.target
        self._assign(node.target, self.arithmetic.binary(SIGNS[type(node.op)], self.value(old), self.value(node.value)))

    def _assign(self, target: ast.expr, value: Any) -> None:
        if isinstance(target, ast.Tuple):
            if not isinstance(value, tuple) or len(value) != len(target.elts):
                raise UnknownError("unpacking")
            for inner, entry in zip(target.elts, value):
                self._assign(inner, entry)
        elif isinstance(target, ast.Subscript):
            self.arithmetic.put(self.value(target.value), self.value(target.slice), value)
        elif isinstance(target, ast.Name):
            self._name(target.id, value)
        else:
            raise UnknownError("assignment to an attribute")

    def _name(self, name: str, value: Any) -> None:
        if name not in self.changing:
            self.local[name] = value
            return
        value = settled(value, self.arithmetic)
        if name not in self.places:
            numbers = (Number(x.kind, self.arithmetic.memory(x.kind, 1)) for x in flat(value))
            self.places[name] = shaped(numbers, value)
        if kinds_of(self.places[name]) != kinds_of(value):
            raise UnknownError(f"{name} becomes another kind of number")
        if self.builder is not None:
            for place, number in zip(flat(self.places[name]), flat(value)):
                self.builder.store(number.value, place.value)

    def _Return(self, node: ast.Return) -> bool:
        return self._returned(() if node.value is None else self.value(node.value))

    def _returned(self, value: Any) -> bool:
        value = settled(value, self.arithmetic)
        if self.result not in (None, kinds_of(value)):
            raise UnknownError("returns of several kinds")
        self.result = kinds_of(value)
        if self.builder is not None:
            total = self.function.returned(self.result)
            for i, number in enumerate(flat(value)):
                total = self.builder.insert_value(total, number.value, i)
            self.builder.ret(total)
        return True

    def _Break(self, node: ast.Break) -> bool:
        if self.builder is not None:
            self.builder.branch(self.ends[-1])
        return True

    def _If(self, node: ast.If) -> bool:
        condition = self.arithmetic.condition(self.value(node.test))
        if self.builder is None:
            ended = [self._block(node.body), self._block(node.orelse)]
            return all(ended)
        yes, no, after = (self.builder.append_basic_block() for _ in range(3))
        self.builder.cbranch(condition.value, yes, no)
        open_ends = 0
        for block, statements in ((yes, node.body), (no, node.orelse)):
            self.builder.position_at_end(block)
            if not self._block(statements):
                self.builder.branch(after)
                open_ends += 1
        self.builder.position_at_end(after)
        if open_ends == 0:
            self.builder.unreachable()
        return open_ends == 0

    def _While(self, node: ast.While) -> None:
        self._loop(lambda: self.arithmetic.condition(self.value(node.test)), node.body, lambda: None)

    def _For(self, node: ast.For) -> None:
        a = self.arithmetic
        bounds = [self.value(argument) for argument in node.iter.args]  # type: ignore[attr-defined]
        first, last = (settled(x, a) for x in (bounds if len(bounds) == 2 else (0, *bounds)))
        counter = Number(types.CPointer(types.int64), a.memory(types.int64, 1))
        a.put(counter, 0, first)

        def turn() -> None:
            self._assign(node.target, a.entry(counter, 0))

        def following() -> None:
            a.put(counter, 0, a.binary("+", a.entry(counter, 0), 1))

        self._loop(lambda: a.compare("<", a.entry(counter, 0), last), node.body, following, turn)

    def _loop(self, test: Any, body: Sequence[ast.stmt], following: Any, turn: Any = lambda: None) -> None:
        if self.builder is None:
            test(), turn(), self._block(body)
            return
        again, inside, next_, end = (self.builder.append_basic_block() for _ in range(4))
        self.builder.branch(again)
        self.builder.position_at_end(again)
        self.builder.cbranch(test().value, inside, end)
        self.builder.position_at_end(inside)
        self.ends.append(end)
        self.arithmetic.twofold = False
        turn()
        if not self._block(body):
            self.builder.branch(next_)
        self.ends.pop()
        self.builder.position_at_end(next_)
        following()
        back = self.builder.branch(again)
        if self.arithmetic.twofold:
            self.arithmetic.interleave(back)
        self.builder.position_at_end(end)

    # --- expressions --------------------------------------------------------------------------------

    def value(self, node: ast.expr) -> Any:
        """The value of an expression."""
        return getattr(self, f"_{type(node).__name__}")(node)

    def _Constant(self, node: ast.Constant) -> Any:
        return node.value

    def _Name(self, node: ast.Name) -> Any:
        if node.id in self.places:
            return self._loaded(self.places[node.id])
        return self.local[node.id] if node.id in self.local else self.function.named(node)

    def _loaded(self, place: Any) -> Any:
        if isinstance(place, tuple):
            return tuple(map(self._loaded, place))
        return place if self.builder is None else Number(place.kind, self.builder.load(place.value))

    def _Attribute(self, node: ast.Attribute) -> Any:
        return self.function.named(node)

    def _BinOp(self, node: ast.BinOp) -> Any:
        a, b = self.value(node.left), self.value(node.right)
        if isinstance(a, tuple) and isinstance(b, tuple) and isinstance(node.op, ast.Add):
            return a + b
        return self.arithmetic.binary(SIGNS[type(node.op)], a, b)

    def _UnaryOp(self, node: ast.UnaryOp) -> Any:
        x = self.value(node.operand)
        if isinstance(node.op, ast.Not):
            return self.arithmetic.inverse(x)
        return self.arithmetic.negative(x) if isinstance(node.op, ast.USub) else x

    def _BoolOp(self, node: ast.BoolOp) -> Any:
        values = [self.arithmetic.condition(self.value(v)) for v in node.values]
        return functools.reduce(functools.partial(self.arithmetic.binary, SIGNS[type(node.op)]), values)

    def _Compare(self, node: ast.Compare) -> Any:
        values = [self.value(v) for v in (node.left, *node.comparators)]
        tests = [self.arithmetic.compare(SIGNS[type(op)], a, b) for op, a, b in zip(node.ops, values, values[1:])]
        return functools.reduce(functools.partial(self.arithmetic.binary, "&"), tests)

    def _IfExp(self, node: ast.IfExp) -> Any:
        condition = self.arithmetic.condition(self.value(node.test))
        return self.arithmetic.select(condition, self.value(node.body), self.value(node.orelse))

    def _Tuple(self, node: ast.Tuple) -> Any:
        return tuple(map(self.value, node.elts))

    def _Subscript(self, node: ast.Subscript) -> Any:
        whole, index = self.value(node.value), self.value(node.slice)
        if isinstance(whole, Number) and isinstance(whole.kind, types.CPointer):
            return self.arithmetic.entry(whole, index)
        if not isinstance(whole, tuple) or type(index) is not int:
            raise UnknownError("an index that is no constant")
        return whole[index]

    def _Call(self, node: ast.Call) -> Any:
        values = [self.value(argument) for argument in node.args]
        arithmetic = self.arithmetic
        if isinstance(node.func, ast.Attribute) and node.func.attr == "view":
            return arithmetic.viewed(KINDS[self.value(node.args[0])], self.value(node.func.value))
        function = self.function.named(node.func)
        if function is abs:
            return arithmetic.absolute(*values)
        if function in (min, max):
            return arithmetic.extreme("<" if function is min else ">", *values)
        if function in KINDS:
            return arithmetic.converted(KINDS[function], *values)
        if hasattr(function, "written"):
            return function.written(arithmetic, *values)
        if function is range:
            raise UnknownError("a range outside `for`")
        procedure = self.function.procedure(function, values)
        if procedure is None:
            return arithmetic.call(function, *values)
        given = tuple(settled(value, arithmetic) for value in values)
        return procedure.call(arithmetic.context, self.builder, given)
