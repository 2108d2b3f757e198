"""Functions of a generated text go to LLVM without Numba: by one walk through Python's syntax tree.

Numba spends 0.5 to 1.1 ms on typing and lowering an operation and 50 to 100 ms on a function; here an operation takes
some 0.02 ms. `emitted` stands where `jit` would: a function that it cannot write goes to `jit`.
"""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import linecache
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.core.extending import _Intrinsic, overload

from dynsys import vector
from dynsys.compiled import jit, precise
from dynsys.elimination import BY_CRAMER, solution_text
from dynsys.machine_numbers import (
    DOUBLES,
    KINDS,
    LLVM,
    LLVM_MATH,
    MATH,
    Arithmetic,
    Number,
    UnknownError,
    flat,
    kinds_of,
    shaped,
)
from dynsys.walk import KNOWN, Walk


def emitted(function: Any = None, *, exact: bool = False, apart: bool = False) -> Any:
    """A function for compiled code, written by us if it keeps to the part of Python that `Walk` knows, else by Numba.

    An `exact` one rounds after every operation; others may fuse a product and a sum. One that stands `apart` is called,
    others are inlined.
    """
    if function is None:
        return functools.partial(emitted, exact=exact, apart=apart)
    name, names = function.__name__, function.__globals__
    try:
        return Procedure(name, _definition(function.__code__.co_filename, name), names, exact, apart).intrinsic
    except UnknownError:
        return (precise if exact else jit)(function)


@functools.lru_cache(maxsize=8)
def _definitions(text: str) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}


def _definition(file: str, name: str) -> ast.FunctionDef:
    found = _definitions("".join(linecache.getlines(file))).get(name)
    if found is None:
        raise UnknownError(f"no text of {name}")
    return found


class Written:
    """A function that writes its own instructions: of the arithmetic and the values of its arguments."""

    def __init__(self, function: Callable[..., Any]):
        self.written, self.__doc__ = function, function.__doc__


def written(function: Callable[..., Any]) -> Written:
    """A function f(arithmetic, *values) as one that procedures call."""
    return Written(function)


class Procedure:
    """A function of a text: its syntax tree, what names mean outside it, and its LLVM function for given arguments."""

    def __init__(
        self, name: str, tree: ast.FunctionDef, names: Mapping[str, Any], exact: bool = False, apart: bool = False
    ):
        self.name, self.names, self.exact, self.apart = name, names, exact, apart
        self.arguments = [argument.arg for argument in tree.args.args]
        self.statements = tree.body
        self._results: dict[Any, Any] = {}
        self._check(tree)

    # --- what can be written ----------------------------------------------------------------------

    def _check(self, tree: ast.FunctionDef) -> None:
        """Raise `UnknownError` for syntax that is not known, and calls of functions that are not."""
        a = tree.args
        if a.vararg or a.kwarg or a.kwonlyargs or a.defaults:
            raise UnknownError("arguments with defaults or stars")
        for node in (node for statement in tree.body for node in ast.walk(statement)):
            if not isinstance(node, KNOWN) or getattr(node, "keywords", []):
                raise UnknownError(type(node).__name__)
            if isinstance(node, ast.For | ast.While) and node.orelse:
                raise UnknownError("a loop with else")
            if isinstance(node, ast.For):
                range_ = isinstance(node.iter, ast.Call) and self.named(node.iter.func) is range
                if not range_ or len(node.iter.args) > 2:  # type: ignore[attr-defined]
                    raise UnknownError("a loop over no range")
            if isinstance(node, ast.Call):
                self._check_call(node)

    def _check_call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute) and node.func.attr == "view":
            return
        function = self.named(node.func)
        plain = (abs, min, max, range, vector.solve, *MATH, *LLVM_MATH, *KINDS)
        if not hasattr(function, "procedure") and not isinstance(function, Written) and function not in plain:
            raise UnknownError(f"call of {function!r}")

    def named(self, node: ast.AST) -> Any:
        """What a name, or a name in a module, means outside the function."""
        if isinstance(node, ast.Attribute):
            module = self.named(node.value)
            if not isinstance(module, ModuleType):
                raise UnknownError(f"attribute {node.attr}")
            return getattr(module, node.attr)
        if isinstance(node, ast.Name):
            return self.names[node.id] if node.id in self.names else getattr(builtins, node.id, None)
        raise UnknownError("call of a value")

    def procedure(self, function: Any, values: Sequence[Any]) -> Procedure | None:
        """The procedure that a called function stands for, if it does."""
        if function is vector.solve:
            return solution(len(values[1]))
        return getattr(function, "procedure", None)

    # --- for Numba --------------------------------------------------------------------------------

    @functools.cached_property
    def intrinsic(self) -> Any:
        """The function as Numba calls it."""

        def typed(typing_context: Any, *arguments: Any) -> Any:
            try:
                kinds = tuple(map(_kinds, arguments))
                result = self.result(kinds)
            except UnknownError as error:
                raise TypingError(f"{self.name} is not written for {arguments}: {error}") from None

            def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
                given = tuple(_taken(builder, k, value) for k, value in zip(kinds, values, strict=True))
                return _packed(context, builder, self.call(context, builder, given))

            return _numba_type(result)(*arguments), generate

        parameters = ["typing_context", *self.arguments]
        signature = inspect.Signature([inspect.Parameter(p, inspect.Parameter.POSITIONAL_ONLY) for p in parameters])
        vars(typed).update(__signature__=signature, __qualname__=self.name)
        made = _Intrinsic(self.name, typed)
        vars(made)["procedure"] = self
        made._register()
        return made

    # --- for LLVM ---------------------------------------------------------------------------------

    def result(self, kinds: Any) -> Any:
        """What kinds of numbers the function returns."""
        if kinds not in self._results:
            self._results[kinds] = Walk(self, Arithmetic(None), self._given(kinds)).run()
        return self._results[kinds]

    def _given(self, values: Sequence[Any]) -> dict[str, Any]:
        if len(values) != len(self.arguments):
            raise UnknownError(f"{self.name} takes {len(self.arguments)} arguments")
        return dict(zip(self.arguments, values))

    def call(self, context: Any, builder: Any, given: Any) -> Any:
        """The function's value, by a call of its LLVM function; its kinds only, without a builder."""
        kinds = kinds_of(given)
        result = self.result(kinds)
        if builder is None:
            return result
        returned = builder.call(self._function(context, builder.module, kinds), [x.value for x in flat(given)])
        return shaped((Number(k.kind, builder.extract_value(returned, i)) for i, k in enumerate(flat(result))), result)

    def returned(self, result: Any) -> Any:
        """An undefined value of the LLVM type that holds these kinds."""
        return ir.Constant(ir.LiteralStructType([_llvm(number) for number in flat(result)]), ir.Undefined)

    def _function(self, context: Any, module: Any, kinds: Any) -> Any:
        """The LLVM function in a module; inlined by LLVM, so that a copy costs no second walk."""
        name = f"{self.name}.{id(self)}.{_mangled(kinds)}"
        if name in module.globals:
            return module.globals[name]
        returned = self.returned(self.result(kinds)).type
        function = ir.Function(module, ir.FunctionType(returned, [_llvm(number) for number in flat(kinds)]), name)
        function.linkage = "internal"
        function.attributes.add("noinline" if self.apart else "alwaysinline")
        builder = ir.IRBuilder(function.append_basic_block())
        arguments = iter(function.args)
        given = shaped((Number(number.kind, next(arguments)) for number in flat(kinds)), kinds)
        Walk(self, Arithmetic(context, builder, self.exact), self._given(given)).run()
        return function


# --- equations ------------------------------------------------------------------------------------


@functools.cache
def solution(n: int) -> Procedure:
    """A⁻¹ b for n equations: by Cramer's rule for a few, else by elimination."""
    texts = _definitions(solution_text(n))
    if n <= BY_CRAMER:
        return Procedure("solve", texts["unrolled"], {})
    room = written(lambda arithmetic: Number(DOUBLES, arithmetic.memory(types.float64, n * (n + 1), 64)))
    eliminate = Procedure("eliminate", texts["eliminate"], {}, apart=True)
    return Procedure("solve", texts["unrolled"], {"eliminate": eliminate.intrinsic, "room": room})


@overload(vector.solve)
def _solve(A: Any, b: Any) -> Any:
    unrolled = solution(len(b)).intrinsic
    return lambda A, b: unrolled(A, b)


# --- Numba's values -------------------------------------------------------------------------------


def _mangled(kinds: Any) -> str:
    if isinstance(kinds, tuple):
        return "(" + "".join(map(_mangled, kinds)) + ")"
    return f"p{kinds.kind.dtype}"[:2] if isinstance(kinds.kind, types.CPointer) else f"{kinds.kind}"[0]


def _llvm(number: Number) -> Any:
    return LLVM[number.kind.dtype].as_pointer() if isinstance(number.kind, types.CPointer) else LLVM[number.kind]


def _kinds(numba_type: Any) -> Any:
    """What an argument of this type is: a nested tuple of numbers."""
    kind: Any = types.unliteral(numba_type)
    nested = isinstance(kind, types.BaseTuple)
    if nested:
        return tuple(map(_kinds, kind))
    if isinstance(kind, types.CPointer) and kind.dtype in LLVM:
        return Number(kind)
    for known in LLVM:
        if kind == known:
            return Number(known)
    raise UnknownError(f"an argument of type {kind}")


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
    return context.make_tuple(builder, _numba_type(kinds_of(result)), entries)
