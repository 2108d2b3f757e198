"""Arithmetic on numbers of the machine: each operation writes one LLVM instruction, the one that Numba writes for it.

A number is a constant of Python's or a `Number`; a tuple is a tuple of Python's. Without a builder the same operations
only find out of what kind the result is.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import typing

BOOLEAN, DOUBLES = types.boolean, types.CPointer(types.float64)
KINDS = {np.float64: types.float64, np.int64: types.int64, np.uint64: types.uint64, float: types.float64}
LLVM = {
    types.float64: ir.DoubleType(),
    types.int64: ir.IntType(64),
    types.uint64: ir.IntType(64),
    types.boolean: ir.IntType(1),
}
FLOATS = {"+": "fadd", "-": "fsub", "*": "fmul", "/": "fdiv"}
INTEGERS = {"+": "add", "-": "sub", "*": "mul", "&": "and_", "|": "or_", "^": "xor", "<<": "shl", ">>": "ashr"}
FOLDED: dict[str, Callable[[int, int], int]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}
MATH = {math.exp, math.log, math.log1p, math.sin, math.cos, math.tan, math.sinh, math.cosh, math.tanh}
MATH |= {math.asin, math.acos, math.atan}
LLVM_MATH = {math.sqrt: "llvm.sqrt", np.sqrt: "llvm.sqrt", np.floor: "llvm.floor"}  # vectorised, results exact


class UnknownError(Exception):
    """A construct that only Numba compiles."""


@dataclass(frozen=True)
class Number:
    """A number that the machine will know, and of what kind it is; no value where only kinds are asked for."""

    kind: Any
    value: Any = None


class Arithmetic:
    """Operations on numbers, written by `builder`; `exact` ones are never fused."""

    def __init__(self, context: Any, builder: Any = None, exact: bool = False):
        self.context, self.builder = context, builder
        # An operation without a flag gets those of the function that Numba compiles, so each has one; approximate
        # functions concern calls only.
        self.flags = ("afn",) if exact else ("contract",)
        self.twofold = False  # whether the loop being written asked for two vectors a turn

    def _made(self, kind: Any, operation: str, *operands: Any, **options: Any) -> Number:
        if self.builder is None:
            return Number(kind)
        return Number(kind, getattr(self.builder, operation)(*(x.value for x in operands), **options))

    def constant(self, x: Any, kind: Any) -> Number:
        """A constant of this kind."""
        if self.builder is None:
            return Number(kind)
        x = float(x) if kind is types.float64 else int(x) & (2**64 - 1) if kind is types.uint64 else int(x)
        return Number(kind, ir.Constant(LLVM[kind], x))

    def number(self, x: Any) -> Number:
        """A constant as Numba takes it; a number as it is."""
        if isinstance(x, Number):
            return x
        if isinstance(x, bool | np.bool_):
            return self.constant(x, types.boolean)
        if isinstance(x, float | int | np.int64 | np.uint64):
            return self.constant(x, KINDS.get(type(x), types.int64))
        raise UnknownError(f"{x!r} is no number")

    def floating(self, x: Any) -> Number:
        """As a float."""
        if not isinstance(x, Number):
            return self.constant(x, types.float64)
        if x.kind is types.float64:
            return x
        if x.kind not in (types.int64, types.uint64):
            raise UnknownError(f"{x.kind} in arithmetic of floats")
        if self.builder is None:
            return Number(types.float64)
        convert = self.builder.sitofp if x.kind is types.int64 else self.builder.uitofp
        return Number(types.float64, convert(x.value, LLVM[types.float64]))

    def alike(self, a: Any, b: Any) -> tuple[Number, Number]:
        """Two numbers in the kind that Numba gives their sum."""
        a, b = self.number(a), self.number(b)
        if a.kind is b.kind:
            return a, b
        if types.float64 in (a.kind, b.kind):
            return self.floating(a), self.floating(b)
        raise UnknownError(f"{a.kind} with {b.kind}")  # of int64 and uint64 Numba makes a float

    def binary(self, sign: str, a: Any, b: Any) -> Any:
        """a + b and the like; of two constants only whole numbers are folded, the rest is LLVM's."""
        if sign in FOLDED and type(a) is int and type(b) is int:
            return FOLDED[sign](a, b)
        if sign == "**":
            return self.power(a, b)
        a, b = (self.floating(a), self.floating(b)) if sign == "/" else self.alike(a, b)
        if a.kind is types.float64:
            if sign not in FLOATS:
                raise UnknownError(f"{sign} of floats")
            return self._made(a.kind, FLOATS[sign], a, b, flags=self.flags)
        if sign == "%":
            return self._remainder(a, b)
        if sign == "//":
            return self._made(a.kind, "sdiv", self.binary("-", a, self._remainder(a, b)), b)
        if sign not in ("&|^" if a.kind is types.boolean else INTEGERS):
            raise UnknownError(f"{sign} of {a.kind}")
        operation = "lshr" if (sign, a.kind) == (">>", types.uint64) else INTEGERS[sign]
        return self._made(a.kind, operation, a, b)

    def _remainder(self, a: Number, b: Number) -> Number:
        """a mod b with the sign of b, of whole numbers."""
        if a.kind is not types.int64:
            raise UnknownError(f"% of {a.kind}")
        left = self._made(a.kind, "srem", a, b)
        other = self.binary("&", self.compare("!=", left, 0), self.compare("<", self.binary("^", left, b), 0))
        return self.select(other, self.binary("+", left, b), left)

    def power(self, a: Any, b: Any) -> Any:
        """aᵇ: products by squaring for a whole constant b, else LLVM's function."""
        if type(b) is not int:
            return self._intrinsic("llvm.pow", self.floating(a), self.floating(b))
        if abs(b) > 0x10000 or (isinstance(a, Number) and a.kind is not types.float64) or type(a) is int:
            raise UnknownError(f"power {b}")
        square, result, left = self.floating(a), self.constant(1.0, types.float64), abs(b)
        while left:
            if left & 1:
                result = self.binary("*", result, square)
            left >>= 1
            if left:
                square = self.binary("*", square, square)
        return self.binary("/", 1.0, result) if b < 0 else result

    def negative(self, x: Any) -> Any:
        """-x."""
        if not isinstance(x, Number):
            return -x
        return self._made(x.kind, "fneg" if x.kind is types.float64 else "neg", x)

    def inverse(self, x: Any) -> Number:
        """Not x."""
        return self._made(types.boolean, "not_", self.condition(x))

    def condition(self, x: Any) -> Number:
        """x, which must be a truth value."""
        x = self.number(x)
        if x.kind is not types.boolean:
            raise UnknownError(f"the truth of {x.kind}")
        return x

    def compare(self, sign: str, a: Any, b: Any) -> Number:
        """a < b and the like: with NaN false, but != true."""
        a, b = self.alike(a, b)
        if self.builder is None:
            return Number(types.boolean)
        if a.kind is types.float64:
            compare = self.builder.fcmp_unordered if sign == "!=" else self.builder.fcmp_ordered
        else:
            compare = self.builder.icmp_signed if a.kind is types.int64 else self.builder.icmp_unsigned
        return Number(types.boolean, compare(sign, a.value, b.value))

    def select(self, condition: Number, a: Any, b: Any) -> Any:
        """a where the condition holds, else b; entry by entry of tuples."""
        if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
            return tuple(self.select(condition, *pair) for pair in zip(a, b))
        a, b = self.alike(a, b)
        return self._made(a.kind, "select", condition, a, b)

    def absolute(self, x: Any) -> Any:
        """The size of x."""
        x = self.number(x)
        if x.kind is types.float64:
            return self._intrinsic("llvm.fabs", x)
        return self.select(self.compare("<", x, 0), self.negative(x), x)

    def extreme(self, sign: str, *xs: Any) -> Any:
        """The largest (>) or the smallest (<) as Python finds it: the first, unless a later one compares so."""
        most = xs[0]
        for x in xs[1:]:
            x, most = self.alike(x, most)
            most = self.select(self.compare(sign, x, most), x, most)
        return most

    def call(self, function: Any, *xs: Any) -> Number:
        """A function of one float, as Numba has it."""
        (x,) = map(self.floating, xs)
        if function in LLVM_MATH:
            return self._intrinsic(LLVM_MATH[function], x)
        if self.builder is None:
            return Number(types.float64)
        write = self.context.get_function(function, typing.signature(types.float64, types.float64))
        return Number(types.float64, write(self.builder, (x.value,)))

    def _intrinsic(self, name: str, *xs: Number) -> Number:
        if self.builder is None:
            return Number(types.float64)
        function = self.builder.module.declare_intrinsic(name, [LLVM[types.float64]])
        return Number(types.float64, self.builder.call(function, [x.value for x in xs]))

    def converted(self, kind: Any, x: Any) -> Number:
        """kind(x): the same value."""
        x = self.number(x) if isinstance(x, Number | float) else self.constant(x, kind)
        if kind is types.float64:
            return self.floating(x)
        if x.kind is not types.float64:
            return Number(kind, x.value)
        return self._cast(kind, "fptosi" if kind is types.int64 else "fptoui", x)

    def viewed(self, kind: Any, x: Any) -> Number:
        """x.view(kind): the same bits."""
        x = self.number(x)
        return self._cast(kind, "bitcast", x) if LLVM[kind] is not LLVM[x.kind] else Number(kind, x.value)

    def _cast(self, kind: Any, operation: str, x: Number) -> Number:
        if self.builder is None:
            return Number(kind)
        return Number(kind, getattr(self.builder, operation)(x.value, LLVM[kind]))

    def interleave(self, back: Any) -> None:
        """Ask LLVM, at the last branch of a loop, to take two vectors a turn if it makes vectors at all."""
        self.twofold = False
        module = self.builder.module
        two = ir.Constant(ir.IntType(32), 2)
        hint = module.add_metadata([ir.MetaDataString(module, "llvm.loop.interleave.count"), two])
        node = module.add_metadata([hint, ir.MetaDataString(module, f"loop {len(module.metadata)}")])
        node.operands = (node, hint)  # a loop's node begins with itself
        back.set_metadata("llvm.loop", node)

    # --- memory -----------------------------------------------------------------------------------

    def memory(self, kind: Any, count: int, align: int | None = None) -> Any:
        """The address of `count` numbers in the frame of the function; None where only kinds are asked for."""
        if self.builder is None:
            return None
        with self.builder.goto_entry_block():
            place = self.builder.alloca(LLVM[kind], count)
            place.align = align
        return place

    def _place(self, pointer: Number, index: Any) -> Any:
        return self.builder.gep(pointer.value, [self.number(index).value])

    def entry(self, pointer: Number, index: Any) -> Number:
        """pointer[index]."""
        kind = pointer.kind.dtype
        return Number(kind) if self.builder is None else Number(kind, self.builder.load(self._place(pointer, index)))

    def put(self, pointer: Number, index: Any, x: Any) -> None:
        """pointer[index] = x."""
        kind = pointer.kind.dtype
        x = self.number(x) if isinstance(x, Number) else self.constant(x, kind)
        if x.kind is not kind:
            raise UnknownError(f"{x.kind} among {kind}")
        if self.builder is not None:
            self.builder.store(x.value, self._place(pointer, index))


# --- nested tuples of numbers ---------------------------------------------------------------------


def settled(value: Any, arithmetic: Arithmetic) -> Any:
    """With numbers in place of constants."""
    return tuple(settled(v, arithmetic) for v in value) if isinstance(value, tuple) else arithmetic.number(value)


def flat(value: Any) -> list[Number]:
    """All numbers, in order."""
    return [number for v in value for number in flat(v)] if isinstance(value, tuple | list) else [value]


def shaped(entries: Any, like: Any) -> Any:
    """The entries of an iterator, nested as `like`."""
    return tuple(shaped(entries, inner) for inner in like) if isinstance(like, tuple) else next(entries)


def kinds_of(value: Any) -> Any:
    """The same without values."""
    return tuple(map(kinds_of, value)) if isinstance(value, tuple) else Number(value.kind)
