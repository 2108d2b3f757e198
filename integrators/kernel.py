"""The text of a kernel: a field and a method become compiled loops, one for a trajectory and one for many.

Both loops ask after every step whether a component left the cube of half-width `bound` (NaN and infinity do), and
whether the step changed nothing. A kernel never raises.
"""

from __future__ import annotations

import functools
from importlib import import_module
from typing import Any

import numpy as np

from dynsys import kernels
from dynsys.array_field import AnyField, ArrayField
from dynsys.codegen import tuple_text
from dynsys.field import VectorField
from dynsys.functions import NUMBA_HEADER, NUMPY_HEADER
from integrators.array_kernel import array_ensemble
from integrators.method import Method
from integrators.states import flat
from integrators.status import LANES
from integrators.tracing import TracedField, traced

COMPILED_HEADER = """
import numba
from math import inf, nan
from numpy import floor
from dynsys.compiled import OPTIONS
from dynsys.emission import emitted
from dynsys.vector import solve
from integrators.lanes import LANES, column, gathered, pointer, put, scatter, stack, stacks, twofold, wide_vectors

apart = emitted(apart=True)
exported = numba.njit(nogil=True, **OPTIONS)
"""

PLAIN_HEADER = f"""
from dynsys.vector import solve
from numpy import floor, inf, nan, ravel as pointer, sqrt, zeros as stack

LANES = {LANES}

def emitted(function):
    return function

apart = exported = emitted

def wide_vectors():
    pass

twofold = wide_vectors

def stacks(count):
    return tuple(stack(LANES) for _ in range(count))

def gathered(buffers, lane):
    return tuple([buffer[lane] for buffer in buffers])

def scatter(buffers, lane, values):
    for buffer, value in zip(buffers, values):
        buffer[lane] = value

def column(X, place, width, count):
    return tuple(X[place : place + count * width : width])

def put(X, place, width, values):
    X[place : place + len(values) * width : width] = values
"""

GLUE = """
@emitted
def start(x, p):
{start}

@emitted
def unwrapped(s, p, h):
{step}

@emitted
def step(s, p, h):
    s = unwrapped(s, p, h)
    return {wrapped}

@emitted
def shown(s):
    # the position, and the average beside it if the method keeps one
{shown}

@emitted
def solved(s, p, h):
{solved}

@emitted
def inside(y, bound):
    return {inside}

@emitted
def same(s, new):
    return {same}

@emitted
def verdict(s, new, bound):
    # 0 while the run goes on, else the status of a run whose step led from s to new, its equations taken as solved
    y = shown(new)
    return (1 if same(s, new) else 0) if inside(y, bound) else (2 if {finite} else 3)
"""

TRAJECTORY = """
@apart
def run(x, p, h, steps, every, bound, out):
    s = start(x, p)
    rows = 0
    for k in range(steps):
        new = step(s, p, h)
        end = verdict(s, new, bound)
        if end != 0:
            if end > 1:
                if not solved(s, p, h)[0]:
                    end = 4
            return end, k, rows
        s = new
        if (k + 1) % every == 0:
            put(out, {width} * rows, 1, shown(s))
            rows += 1
    return 0, steps, rows

@exported
def trajectory(x, p, h, steps, every, bound, out):
    # status, steps taken, rows of `out` written; x and p are tuples, the others numbers
    return run(x, p, h, steps, every, bound, pointer(out))

EXPORTS = [trajectory]
"""

ENSEMBLE = """
@emitted
def outside(y, bound, before):
    return before if inside(y, bound) else 1.0

@emitted
def over(event, live, s, before):
    return live if (event != 0.0) | same(s, before) else 0.0

@apart
def blocks(
    X, S, P, H, status, taken, out, width, room, row, rest, begin, end, rows, more, every, bound, first, last, check
):
    # steps begin .. end - 1 of each LANES columns of X, what a run shows, in place; S, its whole state, read if
    # begin > 0 and written if there will be more steps; every `every`-th X into `out` from row + 1 on, up to `rows`
    wide_vectors()
    s_, saved_, before_, p_ = stacks({size}), stacks({size}), stacks({size}), stacks({parameters})
    h, live, event = stack(LANES), stack(LANES), stack(LANES)
    for b in range(first, last):
        at, place = b * LANES, (b - first) * LANES
        left = 0
        for lane in range(LANES):
            h[lane] = H[at + lane]
            going = 1 if status[at + lane] == 0 else 0
            live[lane] = 1.0 if going == 1 else 0.0
            left += going
            p = column(P, at + lane, width, {parameters})
            scatter(p_, lane, p)
            scatter(s_, lane, start(column(X, at + lane, width, {n}), p))
        if begin > 0:
            for lane in range(LANES):
                scatter(s_, lane, column(S, place + lane, room, {size}))
        done, kept, coming, look = begin, row, rest, 8
        while (done < end) & (left > 0):
            look = min(2 * look, check)
            chunk = min(look, end - done, coming)
            for lane in range(LANES):
                event[lane] = 0.0
                scatter(saved_, lane, gathered(s_, lane))
            for part in range(2):  # all steps but the last, then the last: did it change anything?
                for lane in range(LANES):
                    scatter(before_, lane, gathered(s_, lane))
                for i in range(1 if part == 1 else chunk - 1):
                    for lane in range(LANES):  # independent lanes: this loop vectorises
                        twofold()
                        s = step(gathered(s_, lane), gathered(p_, lane), h[lane])
                        event[lane] = outside(shown(s), bound, event[lane])
                        scatter(s_, lane, s)
            events = 0
            for lane in range(LANES):
                event[lane] = over(event[lane], live[lane], gathered(s_, lane), gathered(before_, lane))
                events += 1 if event[lane] != 0.0 else 0
            if events > 0:
                for lane in range(LANES):
                    if event[lane] != 0.0:
                        # take the chunk again, alone, to know the step
                        s = gathered(saved_, lane)
                        p = gathered(p_, lane)
                        for k in range(chunk):
                            new = step(s, p, h[lane])
                            verdict_ = verdict(s, new, bound)
                            if verdict_ != 0:
                                if verdict_ > 1:
                                    if not solved(s, p, h[lane])[0]:
                                        verdict_ = 4
                                put(X, at + lane, width, shown(s))
                                taken[at + lane] = done + k
                                status[at + lane] = verdict_
                                live[lane] = 0.0
                                left -= 1
                                break
                            s = new
            done += chunk
            coming -= chunk
            if coming == 0:
                coming = every
                kept += 1
                for lane in range(LANES):
                    y = shown(gathered(s_, lane))
                    y = y if live[lane] != 0.0 else column(X, at + lane, width, {width})
                    put(out, kept * {width} * width + at + lane, width, y)
        for lane in range(LANES):
            if live[lane] != 0.0:
                put(X, at + lane, width, shown(gathered(s_, lane)))
                taken[at + lane] = done
            if more != 0:
                put(S, place + lane, room, gathered(s_, lane))
        for later in range(kept + 1, rows + 1):  # all runs have ended: their last points, again
            for lane in range(LANES):
                put(out, later * {width} * width + at + lane, width, column(X, at + lane, width, {width}))

@exported
def ensemble(X, S, P, H, status, taken, out, begin, end, more, every, bound, first, last, check):
    # the blocks first .. last - 1; without the GIL, so that threads share the work
    blocks(pointer(X), pointer(S), pointer(P), pointer(H), pointer(status), pointer(taken), pointer(out), X.shape[1],
           S.shape[1], begin // every, every - begin % every, begin, end, end // every, 1 if more else 0, every, bound,
           first, last, check)

EXPORTS = [ensemble]
"""


WHOLE = 32  # most variables whose arithmetic a kernel's text spells out; larger points are arrays


def is_whole(field: AnyField) -> bool:
    """Whether runs of this field take points, or many at once, as arrays: it has no formulas, or too many variables."""
    return not isinstance(field, VectorField) or field.n > WHOLE


def first_state(field: AnyField, method: Method) -> Any:
    """Some state of the method on the field: how many numbers it holds, and how they are nested."""
    with np.errstate(all="ignore"):  # 1 may be a pole of the field, and Python's floats would raise there
        return method.initial(field.on_tuples, (np.float64(1),) * field.n, field.values())


def kernel(field: AnyField, method: Method, which: str, compiled: bool = True) -> Any:
    """The module that holds the loop `which` ("trajectory" or "ensemble") for a field and a method.

    Compiled, it comes from the cache if it is there; not compiled, and for a field given by arrays or of more than
    `WHOLE` variables, the same text runs as plain Python. The time of a field that depends on it is one more variable,
    but none that can leave the cube. A kernel is text alone, whoever wrote the method: its definition is traced.
    """
    compiled = compiled and not is_whole(field) and kernels.compiling()
    made = _made if is_hashable(method) else _made.__wrapped__
    return made(field, method, which, compiled)


def is_hashable(method: Method) -> bool:
    """Whether a method's hyper-parameters let it be looked up; a list among them does not."""
    try:
        return isinstance(hash(method), int)
    except TypeError:
        return False


@functools.lru_cache(maxsize=256)  # tracing and writing the text takes a millisecond, a short run much less
def _made(field: AnyField, method: Method, which: str, compiled: bool) -> Any:
    moving = field.autonomous()
    like = first_state(moving, method)
    size, width = len(flat(like)), moving.n + len(flat(method.average(like)))
    bodies, seen = traced(method, lambda program: TracedField(program, moving.n, moving.blocks), like)
    called = seen["start"].called | seen["step"].called
    answers = tests(field.n, size)
    glue = GLUE.format(wrapped=wrapped(moving, size), **{"solved": "    return (True,)", **bodies}, **answers)
    counts = {"n": moving.n, "size": size, "parameters": len(moving.values()), "width": width}
    loop = (TRAJECTORY if which == "trajectory" else ENSEMBLE).format(**counts)
    header = COMPILED_HEADER + NUMBA_HEADER if compiled else PLAIN_HEADER + NUMPY_HEADER
    own, given = "", None
    if isinstance(moving, ArrayField):
        given = {"field": moving.on_tuples.field, "jacobian": moving.on_tuples.jacobian}
    else:
        own = moving.source(sorted(called), "@emitted")
    inlined = (import_module("integrators.lanes"),) if compiled else ()
    module = kernels.load("\n".join([header, own, glue, loop]), inlined, compiled, given)
    return array_ensemble(field, method, like, module) if is_whole(field) and which == "ensemble" else module


def wrapped(field: AnyField, size: int) -> str:
    """The state s with the variables that have a period wrapped into [0, period], its end reached by rounding only."""
    periods = [*(field.period or [None] * field.n), *[None] * (size - field.n)]
    return tuple_text(
        [f"s[{i}]" if w is None else f"s[{i}] - {w!r} * floor(s[{i}] / {w!r})" for i, w in enumerate(periods)]
    )


def tests(n: int, size: int) -> dict[str, str]:
    """Texts that ask whether the point y is inside the cube, whether it is finite, whether the state stays."""
    return {
        "inside": " & ".join(f"(abs(y[{i}]) <= bound)" for i in range(n)),
        "finite": " & ".join(f"(y[{i}] - y[{i}] == 0.0)" for i in range(n)),
        "same": " & ".join(f"(new[{i}] == s[{i}])" for i in range(size)),
    }


def assign(targets: list[str], values: list[str], indent: int) -> str:
    """Statements, one a line."""
    return "\n".join(f"{' ' * indent}{t} = {v}" for t, v in zip(targets, values, strict=True))
