"""What the ensemble kernel asks of the machine: stack memory and wide vectors.

Measured on 512-bit hardware against hand-written C: lane buffers on the stack in functions that prefer 512-bit
vectors run at .94-1.06 of its speed, `np.empty` buffers at .27-.79.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import RequireLiteralValue
from numba.core.extending import intrinsic

from integrators.status import LANES

__all__ = ["LANES", "column", "gathered", "pointer", "put_column", "put_row", "scatter", "stack", "stacks", "wide_vectors"]


DOUBLES = types.CPointer(types.float64)


def _literal(n):
    if not isinstance(n, types.IntegerLiteral):
        raise RequireLiteralValue("n")
    return n.literal_value


def _memory(builder, count):
    """`count` doubles in the frame of the function that is being written."""
    with builder.goto_entry_block():
        memory = builder.alloca(ir.ArrayType(ir.DoubleType(), count))
        memory.align = 64
    return builder.bitcast(memory, ir.DoubleType().as_pointer())


@intrinsic
def stack(typing_context, n):
    """n doubles in the caller's frame: LLVM keeps what fits in vector registers."""
    count = _literal(n)

    def generate(context, builder, signature, args):
        return _memory(builder, count)

    return DOUBLES(n), generate


@intrinsic
def stacks(typing_context, n):
    """A tuple of n buffers of `LANES` doubles: entry i of a state or of parameters, a lane each."""
    count = _literal(n)

    def generate(context, builder, signature, args):
        return context.make_tuple(builder, signature.return_type, [_memory(builder, LANES) for _ in range(count)])

    return types.UniTuple(DOUBLES, count)(n), generate


@intrinsic
def gathered(typing_context, buffers, lane):
    """The entries of a lane, a tuple. One operation for Numba, however many entries."""

    def generate(context, builder, signature, args):
        places = [builder.gep(pointer, [args[1]]) for pointer in cgutils.unpack_tuple(builder, args[0])]
        return context.make_tuple(builder, signature.return_type, [builder.load(place) for place in places])

    return types.UniTuple(types.float64, len(buffers))(buffers, types.intp), generate


@intrinsic
def scatter(typing_context, buffers, lane, values):
    """Set the entries of a lane."""

    def generate(context, builder, signature, args):
        for pointer, value in zip(*(cgutils.unpack_tuple(builder, arg) for arg in (args[0], args[2])), strict=True):
            builder.store(value, builder.gep(pointer, [args[1]]))
        return context.get_dummy_value()

    return types.void(buffers, types.intp, values), generate


def _places(context, builder, array_type, array, row, column, count, along):
    """The addresses of `count` items of a matrix from (row, column) on, along an axis."""
    matrix = context.make_array(array_type)(context, builder, array)
    shape, strides = (cgutils.unpack_tuple(builder, part) for part in (matrix.shape, matrix.strides))
    one = context.get_constant(types.intp, 1)
    for _ in range(count):
        yield cgutils.get_item_pointer2(
            context, builder, matrix.data, shape, strides, array_type.layout, (row, column), wraparound=False
        )
        row, column = (builder.add(row, one), column) if along == 0 else (row, builder.add(column, one))


@intrinsic
def column(typing_context, X, j, n):
    """The first n entries of column j of X, a tuple."""
    count = _literal(n)

    def generate(context, builder, signature, args):
        row = context.get_constant(types.intp, 0)
        places = _places(context, builder, X, args[0], row, args[1], count, 0)
        return context.make_tuple(builder, signature.return_type, [builder.load(place) for place in places])

    return types.UniTuple(types.float64, count)(X, types.intp, n), generate


@intrinsic
def put_column(typing_context, X, j, values):
    """Set the first entries of column j of X."""

    def generate(context, builder, signature, args):
        row = context.get_constant(types.intp, 0)
        places = _places(context, builder, X, args[0], row, args[1], len(values), 0)
        for value, place in zip(cgutils.unpack_tuple(builder, args[2]), places, strict=True):
            builder.store(value, place)
        return context.get_dummy_value()

    return types.void(X, types.intp, values), generate


@intrinsic
def put_row(typing_context, out, i, values):
    """Set the first entries of row i of `out`."""

    def generate(context, builder, signature, args):
        column = context.get_constant(types.intp, 0)
        places = _places(context, builder, out, args[0], args[1], column, len(values), 1)
        for value, place in zip(cgutils.unpack_tuple(builder, args[2]), places, strict=True):
            builder.store(value, place)
        return context.get_dummy_value()

    return types.void(out, types.intp, values), generate


@intrinsic
def wide_vectors(typing_context):
    """Ask for 512-bit vectors in the calling function, and keep it from being inlined (the attribute would be lost)."""

    def generate(context, builder, signature, args):
        attributes = builder.function.attributes
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
