"""Straight-line functions of a generated text go to LLVM without Numba: from Python's syntax tree, one walk.

Numba spends 0.5 to 1.1 ms on typing and lowering an operation and 50 to 100 ms on a function; here an operation takes
some 0.02 ms. `emitted` stands where `jit` would: a function that it cannot write (one with loops, say) goes to `jit`.
"""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import linecache
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.core.extending import _Intrinsic

from dynsys import vector
from dynsys.compiled import cramer_text, jit, precise
from dynsys.machine_numbers import KINDS, LLVM, LLVM_MATH, MATH, Arithmetic, NotEmitted, Number

SIGNS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**", ast.BitAnd: "&", ast.BitOr: "|",
    ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>", ast.And: "&", ast.Or: "|",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip
WRITTEN = (
    ast.Constant, ast.Name, ast.Load, ast.Store, ast.BinOp, ast.UnaryOp, ast.USub, ast.UAdd, ast.Not, ast.Compare,
    ast.BoolOp, ast.IfExp, ast.Tuple, ast.Subscript, ast.Attribute, ast.Call, *SIGNS,
)  # fmt: skip
BY_CRAMER = 3  # most equations that `solve` solves without a branch


def emitted(function: Any = None, *, exact: bool = False) -> Any:
    """A function for compiled code, written by us if it is straight-line arithmetic, else by Numba.

    An `exact` one rounds after every operation; others may fuse a product and a sum.
    """
    if function is None:
        return functools.partial(emitted, exact=exact)
    name, names = function.__name__, function.__globals__
    try:
        straight = StraightLine(name, _definition(function.__code__.co_filename, name), names, exact)
    except NotEmitted:
        return (precise if exact else jit)(function)
    return straight.intrinsic


@functools.lru_cache(maxsize=8)
def _definitions(text: str) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}


def _definition(file: str, name: str) -> ast.FunctionDef:
    found = _definitions("".join(linecache.getlines(file))).get(name)
    if found is None:
        raise NotEmitted(f"no text of {name}")
    return found


class StraightLine:
    """A function without branches and loops: its syntax tree, what its names mean, and its LLVM functions."""

    def __init__(self, name: str, tree: ast.FunctionDef, names: Mapping[str, Any], exact: bool = False):
        self.name, self.names, self.exact = name, names, exact
        self.arguments = [argument.arg for argument in tree.args.args]
        self.statements = [s for s in tree.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
        self._results: dict[Any, Any] = {}
        self._check(tree)

    # --- what can be written ----------------------------------------------------------------------

    def _check(self, tree: ast.FunctionDef) -> None:
        """Raise `NotEmitted` unless the text is straight-line, and calls nothing but what is."""
        a = tree.args
        if a.vararg or a.kwarg or a.kwonlyargs or a.defaults:
            raise NotEmitted("arguments with defaults or stars")
        if not self.statements or not isinstance(self.statements[-1], ast.Return):
            raise NotEmitted("no return at the end")
        for statement in self.statements:
            last = statement is self.statements[-1]
            if not (last or isinstance(statement, ast.Assign)) or getattr(statement, "value", None) is None:
                raise NotEmitted(type(statement).__name__)
            for node in ast.walk(statement):
                if node is not statement and not isinstance(node, WRITTEN):
                    raise NotEmitted(type(node).__name__)
                if isinstance(node, ast.Call):
                    self._check_call(node)

    def _check_call(self, node: ast.Call) -> None:
        if node.keywords:
            raise NotEmitted("keywords")
        if isinstance(node.func, ast.Attribute) and node.func.attr == "view":
            return
        function = self._named(node.func)
        if function is vector.solve:
            b = node.args[1]
            if not isinstance(b, ast.Tuple) or len(b.elts) > BY_CRAMER:
                raise NotEmitted("elimination")
        elif not isinstance(function, Emitted) and not (
            function in (abs, min, max) or function in MATH or function in LLVM_MATH or function in KINDS
        ):
            raise NotEmitted(f"call of {function!r}")

    def _named(self, node: ast.AST) -> Any:
        """What a name, or a name in a module, means outside the function."""
        if isinstance(node, ast.Attribute):
            module = self._named(node.value)
            if not isinstance(module, ModuleType):
                raise NotEmitted(f"attribute {node.attr}")
            return getattr(module, node.attr)
        if isinstance(node, ast.Name):
            try:
                return self.names[node.id]
            except KeyError:
                return getattr(builtins, node.id, None)
        raise NotEmitted("call of a value")

    # --- for Numba --------------------------------------------------------------------------------

    @functools.cached_property
    def intrinsic(self) -> Emitted:
        """The function as Numba calls it."""

        def typed(typing_context: Any, *arguments: Any) -> Any:
            try:
                kinds = tuple(map(_kinds, arguments))
                result = self.result(kinds)
            except NotEmitted as error:
                raise TypingError(f"{self.name} is not written for {arguments}: {error}") from None

            def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
                given = [_taken(builder, k, value) for k, value in zip(kinds, values, strict=True)]
                return _packed(context, builder, self.call(context, builder, given))

            return _numba_type(result)(*arguments), generate

        parameters = ["typing_context", *self.arguments]
        signature = inspect.Signature([inspect.Parameter(p, inspect.Parameter.POSITIONAL_ONLY) for p in parameters])
        typed.__signature__, typed.__name__, typed.__qualname__ = signature, self.name, self.name  # type: ignore[attr-defined]
        made = Emitted(self.name, typed)
        made.straight = self
        made._register()
        return made

    def result(self, kinds: Any) -> Any:
        """What kind of numbers the function returns."""
        if kinds not in self._results:
            self._results[kinds] = _settled(self._value(Arithmetic(None, None), kinds), Arithmetic(None, None))
        return self._results[kinds]

    def call(self, context: Any, builder: Any, given: Sequence[Any]) -> Any:
        """The function's value, by a call that LLVM replaces with its instructions, once they are optimised."""
        kinds = tuple(map(_without_value, given))
        result = self.result(kinds)
        function = self._function(context, builder.module, kinds, result)
        returned = builder.call(function, [number.value for number in _flat(given)])
        entries = (Number(k.kind, builder.extract_value(returned, i)) for i, k in enumerate(_flat(result)))
        return _shaped(entries, result)

    def _function(self, context: Any, module: Any, kinds: Any, result: Any) -> Any:
        name = f"{self.name}.{id(self)}.{_mangled(kinds)}"
        if name in module.globals:
            return module.globals[name]
        returned = ir.LiteralStructType([_llvm(number) for number in _flat(result)])
        function = ir.Function(module, ir.FunctionType(returned, [_llvm(number) for number in _flat(kinds)]), name)
        function.linkage = "internal"
        function.attributes.add("alwaysinline")
        builder = ir.IRBuilder(function.append_basic_block())
        arithmetic = Arithmetic(context, builder, self.exact)
        arguments = iter(function.args)
        given = _shaped((Number(number.kind, next(arguments)) for number in _flat(kinds)), kinds)
        total = ir.Constant(returned, ir.Undefined)
        for i, number in enumerate(_flat(_settled(self._value(arithmetic, given), arithmetic))):
            total = builder.insert_value(total, number.value, i)
        builder.ret(total)
        return function

    # --- the walk ---------------------------------------------------------------------------------

    def _value(self, arithmetic: Arithmetic, given: Sequence[Any]) -> Any:
        return Walk(self, arithmetic, dict(zip(self.arguments, given, strict=True))).run()


class Emitted(_Intrinsic):
    """An intrinsic of Numba's that came from a straight-line function."""

    straight: StraightLine


class Walk:
    """One evaluation of a straight-line function."""

    def __init__(self, function: StraightLine, arithmetic: Arithmetic, local: dict[str, Any]):
        self.function, self.arithmetic, self.local = function, arithmetic, local

    def run(self) -> Any:
        """The value that the function returns."""
        for statement in self.function.statements[:-1]:
            assert isinstance(statement, ast.Assign)
            value = self.value(statement.value)
            for target in statement.targets:
                self._assign(target, value)
        return self.value(self.function.statements[-1].value)  # type: ignore[attr-defined]

    def _assign(self, target: ast.expr, value: Any) -> None:
        if isinstance(target, ast.Tuple):
            if not isinstance(value, tuple) or len(value) != len(target.elts):
                raise NotEmitted("unpacking")
            for inner, entry in zip(target.elts, value):
                self._assign(inner, entry)
        elif isinstance(target, ast.Name):
            self.local[target.id] = value
        else:
            raise NotEmitted("assignment to an item")

    def value(self, node: ast.expr) -> Any:
        """The value of an expression."""
        return getattr(self, f"_{type(node).__name__}")(node)

    def _Constant(self, node: ast.Constant) -> Any:
        return node.value

    def _Name(self, node: ast.Name) -> Any:
        return self.local[node.id] if node.id in self.local else self.function._named(node)

    def _Attribute(self, node: ast.Attribute) -> Any:
        return self.function._named(node)

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
        tests = [
            self.arithmetic.compare(SIGNS[type(op)], a, b) for op, a, b in zip(node.ops, values, values[1:])
        ]
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
            raise NotEmitted("an index that is no constant")
        return whole[index]

    def _Call(self, node: ast.Call) -> Any:
        values = [self.value(argument) for argument in node.args]
        arithmetic = self.arithmetic
        if isinstance(node.func, ast.Attribute) and node.func.attr == "view":
            return arithmetic.viewed(KINDS[self.value(node.args[0])], self.value(node.func.value))
        function = self.function._named(node.func)
        if function is abs:
            return arithmetic.absolute(*values)
        if function in (min, max):
            return arithmetic.extreme("<" if function is min else ">", *values)
        if function in KINDS:
            return arithmetic.converted(KINDS[function], *values)
        if not isinstance(function, Emitted) and function is not vector.solve:
            return arithmetic.call(function, *values)
        straight = cramer(len(values[1])) if function is vector.solve else function.straight
        given = tuple(_settled(value, arithmetic) for value in values)
        if arithmetic.builder is None:
            return straight.result(given)
        return straight.call(arithmetic.context, arithmetic.builder, given)


@functools.cache
def cramer(n: int) -> StraightLine:
    """The solution of n equations by Cramer's rule."""
    return StraightLine(f"cramer{n}", _definitions(cramer_text(n))["unrolled"], {})


# --- nested tuples of numbers ---------------------------------------------------------------------


def _settled(value: Any, arithmetic: Arithmetic) -> Any:
    """With numbers in place of constants."""
    return tuple(_settled(v, arithmetic) for v in value) if isinstance(value, tuple) else arithmetic.number(value)


def _flat(value: Any) -> list[Number]:
    return [number for v in value for number in _flat(v)] if isinstance(value, tuple | list) else [value]


def _shaped(entries: Any, like: Any) -> Any:
    return tuple(_shaped(entries, inner) for inner in like) if isinstance(like, tuple) else next(entries)


def _without_value(value: Any) -> Any:
    return tuple(map(_without_value, value)) if isinstance(value, tuple) else Number(value.kind)


def _mangled(kinds: Any) -> str:
    if isinstance(kinds, tuple):
        return "(" + "".join(map(_mangled, kinds)) + ")"
    return f"p{kinds.kind.dtype}"[:2] if isinstance(kinds.kind, types.CPointer) else f"{kinds.kind}"[0]


def _llvm(number: Number) -> Any:
    return LLVM[number.kind.dtype].as_pointer() if isinstance(number.kind, types.CPointer) else LLVM[number.kind]


def _kinds(numba_type: Any) -> Any:
    """What an argument of this type is: a nested tuple of numbers."""
    kind = types.unliteral(numba_type)
    if isinstance(kind, types.BaseTuple):
        return tuple(map(_kinds, kind.types))
    if isinstance(kind, types.CPointer) and kind.dtype in LLVM:
        return Number(kind)
    for known in LLVM:
        if kind == known:
            return Number(known)
    raise NotEmitted(f"an argument of type {kind}")


def _numba_type(result: Any) -> Any:
    return types.BaseTuple.from_types(tuple(map(_numba_type, result))) if isinstance(result, tuple) else result.kind


def _taken(builder: Any, kinds: Any, value: Any) -> Any:
    """An argument of Numba's as nested tuples of numbers."""
    if isinstance(kinds, tuple):
        return tuple(_taken(builder, k, builder.extract_value(value, i)) for i, k in enumerate(kinds))
    return Number(kinds.kind, value)


def _packed(context: Any, builder: Any, result: Any) -> Any:
    """Nested tuples of numbers as Numba has them."""
    if not isinstance(result, tuple):
        return result.value
    entries = [_packed(context, builder, entry) for entry in result]
    return context.make_tuple(builder, _numba_type(_without_value(result)), entries)
