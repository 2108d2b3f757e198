"""A rare case that only the C library knows, repaired without a branch in the loop over lanes.

LLVM keeps a loop with a branch to a library call scalar. A call to a function that has vector variants does not: it
becomes one call for each vector of lanes, and that call looks once whether any of them needs the library. LLVM finds
the variants by an attribute, in the names of its vector function ABI; a machine with other widths runs scalar loops.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from dynsys.emission import written
from dynsys.machine_numbers import Arithmetic, Number

LARGE = 1e5
WIDTHS = (2, 4, 8)
DOUBLE = ir.DoubleType()


def _repaired(which: str) -> Any:
    def plain(x: Any, y: Any) -> Any:
        return getattr(np, which)(x) if abs(x) > LARGE else y

    def write(arithmetic: Arithmetic, x: Any, y: Any) -> Number:
        if arithmetic.builder is None:
            return Number(types.float64)
        operands = [arithmetic.floating(z).value for z in (x, y)]
        return Number(types.float64, arithmetic.builder.call(_scalar(arithmetic.builder.module, which), operands))

    return written(write, plain)


repaired_sin = _repaired("sin")  # of x and y: y, or the library's sin(x) where |x| > 1e5
repaired_cos = _repaired("cos")


def _scalar(module: ir.Module, which: str) -> ir.Function:
    """The repair of one number, in the module together with its variants for vectors."""
    name = f"dynsys.repaired_{which}"
    if name in module.globals:
        return module.globals[name]
    variants = ",".join(f"_ZGV_LLVM_N{n}vv_{name}({name}.{n})" for n in WIDTHS)
    function, builder = _begun(module, name, DOUBLE)
    set.add(function.attributes, f'"vector-function-abi-variant"="{variants}"')
    x, y = function.args
    library = module.declare_intrinsic(f"llvm.{which}", [DOUBLE])
    with builder.if_then(_is_large(builder, x), likely=False):
        builder.ret(builder.call(library, [x]))
    builder.ret(y)
    for n in WIDTHS:
        _variant(module, function, n)
    return function


def _variant(module: ir.Module, scalar: ir.Function, n: int) -> None:
    """The repair of a vector of n numbers: all as they are, or each by itself."""
    vector, builder = _begun(module, f"{scalar.name}.{n}", ir.VectorType(DOUBLE, n))
    x, y = vector.args
    any_large = builder.bitcast(_is_large(builder, x), ir.IntType(n))
    with builder.if_then(builder.icmp_unsigned("!=", any_large, any_large.type(0)), likely=False):
        result = y
        for k in map(ir.IntType(32), range(n)):
            one = builder.call(scalar, [builder.extract_element(x, k), builder.extract_element(y, k)])
            result = builder.insert_element(result, one, k)
        builder.ret(result)
    builder.ret(y)


def _begun(module: ir.Module, name: str, kind: ir.Type) -> tuple[ir.Function, ir.IRBuilder]:
    function = ir.Function(module, ir.FunctionType(kind, [kind, kind]), name)
    function.linkage = "weak_odr"  # what is linkonce is dropped before the loop over lanes becomes vectors and needs it
    for attribute in ("noinline", "nounwind", "readnone", "willreturn"):
        set.add(function.attributes, attribute)
    return function, ir.IRBuilder(function.append_basic_block())


def _is_large(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    above, below = (
        ir.Constant(x.type, limit if x.type == DOUBLE else [ir.Constant(DOUBLE, limit)] * x.type.count)
        for limit in (LARGE, -LARGE)
    )
    return builder.or_(builder.fcmp_ordered(">", x, above), builder.fcmp_ordered("<", x, below))
