"""What the ensemble kernel asks of the machine: stack memory and wide vectors.

Measured on 512-bit hardware against hand-written C: lane buffers on the stack in functions that prefer 512-bit
vectors run at .94-1.06 of its speed, `np.empty` buffers at .27-.79. Where there are no such vectors, LLVM's own choice,
the widest there are, is the best.
"""

from __future__ import annotations

from collections.abc import Mapping

from llvmlite import binding, ir
from numba import types
from numba.core.errors import RequireLiteralValue
from numba.core.extending import intrinsic

from integrators.status import LANES

__all__ = ["LANES", "pointer", "stack", "wide_vectors"]


@intrinsic
def stack(typing_context, n):
    """n doubles in the caller's frame: LLVM keeps what fits in vector registers."""
    if not isinstance(n, types.IntegerLiteral):
        raise RequireLiteralValue("n")
    count = n.literal_value

    def generate(context, builder, signature, args):
        with builder.goto_entry_block():
            memory = builder.alloca(ir.ArrayType(ir.DoubleType(), count))
            memory.align = 64
        return builder.bitcast(memory, ir.DoubleType().as_pointer())

    return types.CPointer(types.float64)(n), generate


def has_wide_vectors(features: Mapping[str, bool]) -> bool:
    """Whether a processor with these features computes in 512-bit vectors."""
    return features.get("avx512f", False)


@intrinsic
def wide_vectors(typing_context):
    """Ask for 512-bit vectors, where there are any, in the calling function, and keep it from being inlined.

    Inlined, it would lose the attribute.
    """

    def generate(context, builder, signature, args):
        attributes = builder.function.attributes
        if has_wide_vectors(binding.get_host_cpu_features()):
            set.add(attributes, '"prefer-vector-width"="512"')
        attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def pointer(typing_context, array):
    """The address of a contiguous array's first item: Numba wraps an array's index, which keeps loops scalar."""

    def generate(context, builder, signature, args):
        return context.make_array(signature.args[0])(context, builder, args[0]).data

    return types.CPointer(array.dtype)(array), generate
