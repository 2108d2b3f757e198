"""What the kernels ask of the machine: stack memory, wide vectors, the entries of a lane.

Measured on 512-bit hardware against hand-written C: lane buffers on the stack in functions that prefer 512-bit
vectors run at .94-1.06 of its speed, `np.empty` buffers at .27-.79. Where there are no such vectors, LLVM's own choice,
the widest there are, is the best.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llvmlite import binding
from numba import types
from numba.core.errors import TypingError
from numba.core.extending import intrinsic

from dynsys.emission import written
from dynsys.machine_numbers import DOUBLES, Arithmetic, Number, UnknownError
from integrators.status import LANES

__all__ = ["LANES", "column", "gathered", "pointer", "put", "scatter", "stack", "stacks", "twofold", "wide_vectors"]


@written
def stack(arithmetic: Arithmetic, count: Any) -> Number:
    """So many doubles in the function's frame: LLVM keeps what fits in vector registers."""
    if not isinstance(count, int):
        raise UnknownError("memory of no constant size")
    return Number(DOUBLES, arithmetic.memory(types.float64, count, 64))


@written
def stacks(arithmetic: Arithmetic, count: Any) -> tuple[Number, ...]:
    """Buffers of a double a lane, one for each entry of a state."""
    return tuple(stack.written(arithmetic, LANES) for _ in range(count))


@written
def gathered(arithmetic: Arithmetic, buffers: Any, lane: Any) -> tuple[Number, ...]:
    """The entries of a lane."""
    return tuple(arithmetic.entry(buffer, lane) for buffer in buffers)


@written
def scatter(arithmetic: Arithmetic, buffers: Any, lane: Any, values: Any) -> None:
    """Set the entries of a lane."""
    for buffer, value in zip(buffers, values, strict=True):
        arithmetic.put(buffer, lane, value)


@written
def column(arithmetic: Arithmetic, X: Any, place: Any, width: Any, count: int) -> tuple[Number, ...]:
    """So many entries of X from a place on, one in every `width`: of a column of a matrix, or of a row (width 1)."""
    return tuple(arithmetic.entry(X, at) for at in _steps(arithmetic, place, width, count))


@written
def put(arithmetic: Arithmetic, X: Any, place: Any, width: Any, values: Any) -> None:
    """Set these entries."""
    for at, value in zip(_steps(arithmetic, place, width, len(values)), values, strict=True):
        arithmetic.put(X, at, value)


def _steps(arithmetic: Arithmetic, place: Any, width: Any, count: int) -> list[Any]:
    return [arithmetic.binary("+", place, arithmetic.binary("*", i, width)) for i in range(count)]


def has_wide_vectors(features: Mapping[str, bool]) -> bool:
    """Whether a processor with these features computes in 512-bit vectors."""
    return features.get("avx512f", False)


@written
def wide_vectors(arithmetic: Arithmetic) -> None:
    """Ask for 512-bit vectors, where there are any, in the function.

    It must stand apart: inlined, it would lose the attribute.
    """
    if arithmetic.builder is not None and has_wide_vectors(binding.get_host_cpu_features()):
        set.add(arithmetic.builder.function.attributes, '"prefer-vector-width"="512"')


@written
def twofold(arithmetic: Arithmetic) -> None:
    """Ask for two vectors a turn of the loop over lanes that this stands in.

    A step is a long chain of operations, each of which waits for the one before. With two chains Runge-Kutta takes .68
    of the time on a field with the logistic function, .9 on consensus fields and on sines, DOP853 with a step a lane
    .9. In short loops two chains cost more than they gain.
    """
    arithmetic.twofold = True


@intrinsic
def pointer(typing_context, array):
    """The address of a contiguous array's first item: Numba wraps an array's index, which keeps loops scalar."""
    if array.layout != "C":
        raise TypingError("an array must be contiguous to have its items one after the other")

    def generate(context, builder, signature, args):
        return context.make_array(signature.args[0])(context, builder, args[0]).data

    return types.CPointer(array.dtype)(array), generate
