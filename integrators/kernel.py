"""The text of a kernel: a field and a method become compiled loops, one for a trajectory and one for many.

Both loops ask after every step whether a component left the cube of half-width `bound` (NaN and infinity do), and
whether the step changed nothing. A kernel never raises.
"""

from __future__ import annotations

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
from math import floor, inf, nan
from dynsys.compiled import OPTIONS, apart, jit
from dynsys.vector import solve
from integrators.lanes import LANES, stack, wide_vectors

exported = numba.njit(nogil=True, **OPTIONS)
"""

PLAIN_HEADER = f"""
from dynsys.vector import solve
from numpy import floor, inf, nan, sqrt, zeros as stack

LANES = {LANES}

def jit(function):
    return function

apart = exported = jit

def wide_vectors():
    pass
"""

GLUE = """
@jit
def start(x, p):
{start}

@jit
def unwrapped(s, p, h):
{step}

@jit
def step(s, p, h):
    s = unwrapped(s, p, h)
    return {wrapped}

@jit
def shown(s):
    # the position, and the average beside it if the method keeps one
{shown}

@jit
def solved(s, p, h):
{solved}

@jit
def ending(s, new, p, h, bound):
    # 0 while the run goes on, else the status of a run whose step led from s to new
    y = shown(new)
    if not ({inside}):
        if not solved(s, p, h)[0]:
            return 4
        return 2 if {finite} else 3
    return 1 if {same} else 0
"""

TRAJECTORY = """
@exported
def trajectory(x, p, h, steps, every, bound, out):
    # status, steps taken, rows of `out` written; each argument a tuple or a number
    s = start({point}, {parameters})
    rows = 0
    for k in range(steps):
        new = step(s, {parameters}, h)
        end = ending(s, new, {parameters}, h, bound)
        if end != 0:
            return end, k, rows
        s = new
        if (k + 1) % every == 0:
            y = shown(s)
            {store}
            rows += 1
    return 0, steps, rows

EXPORTS = [trajectory]
"""

ENSEMBLE = """
@apart
def block(X, S, P, H, status, taken, out, begin, end, more, every, bound, first, place, check):
    # steps begin .. end - 1 of columns first .. first + LANES - 1. X, what a run shows, in place; S, its whole state
    # from column `place` on, read if begin > 0, written if there will be more steps; every `every`-th X into `out`
    wide_vectors()
{buffers}
    h, live, event = stack({lanes}), stack({lanes}), stack({lanes})
    left = 0
    for lane in range(LANES):
        h[lane] = H[first + lane]
        live[lane] = 1.0 if status[first + lane] == 0 else 0.0
        left += 1 if status[first + lane] == 0 else 0
{load}
    if begin > 0:
        for lane in range(LANES):
{resume}
    done = begin
    row = begin // every
    rest = every - begin % every
    look = 8
    while done < end and left > 0:
        look = min(2 * look, check)
        chunk = min(look, end - done, rest)
        for lane in range(LANES):
            event[lane] = 0.0
{save}
        for part in range(2):  # all steps but the last, then the last: did it change anything?
            for lane in range(LANES):
{remember}
            for i in range(1 if part else chunk - 1):
                for lane in range(LANES):  # independent lanes: this loop vectorises
                    s = step({lane_state}, {lane_parameters}, h[lane])
                    y = shown(s)
                    event[lane] = event[lane] if {inside} else 1.0
{advance}
        events = 0
        for lane in range(LANES):
            event[lane] = live[lane] if event[lane] != 0.0 or ({still}) else 0.0
            events += 1 if event[lane] != 0.0 else 0
        if events > 0:
            for lane in range(LANES):
                if event[lane] != 0.0:
                    # take the chunk again, alone, to know the step
                    s = {saved_state}
                    for k in range(chunk):
                        new = step(s, {lane_parameters}, h[lane])
                        end_of_run = ending(s, new, {lane_parameters}, h[lane], bound)
                        if end_of_run != 0:
                            y = shown(s)
{finish}
                            taken[first + lane] = done + k
                            status[first + lane] = end_of_run
                            live[lane] = 0.0
                            left -= 1
                            break
                        s = new
        done += chunk
        rest -= chunk
        if rest == 0:
            rest = every
            row += 1
            for lane in range(LANES):
                y = shown({lane_state})
{store}
    for lane in range(LANES):
        if live[lane] != 0.0:
            y = shown({lane_state})
{finish_live}
            taken[first + lane] = done
        if more:
{keep}
    for later in range(row + 1, end // every + 1):  # all runs have ended: their last points, again
        for lane in range(LANES):
{store_ended}

@exported
def ensemble(X, S, P, H, status, taken, out, begin, end, more, every, bound, first, last, check):
    # the blocks first .. last - 1; without the GIL, so that threads share the work
    for b in range(first, last):
        block(X, S, P, H, status, taken, out, begin, end, more, every, bound, b * LANES, (b - first) * LANES, check)

EXPORTS = [ensemble]
"""


def first_state(field: AnyField, method: Method) -> Any:
    """Some state of the method on the field: how many numbers it holds, and how they are nested."""
    with np.errstate(all="ignore"):  # 1 may be a pole of the field, and Python's floats would raise there
        return method.initial(field.on_tuples, (np.float64(1),) * field.n, field.values())


def kernel(field: AnyField, method: Method, which: str, compiled: bool = True) -> Any:
    """The module that holds the loop `which` ("trajectory" or "ensemble") for a field and a method.

    Compiled, it comes from the cache if it is there; not compiled, and for a field given by arrays, the same text runs
    as plain Python. The time of a field that depends on it is one more variable, but none that can leave the cube. A
    kernel is text alone, whoever wrote the method: its definition is traced.
    """
    compiled = compiled and isinstance(field, VectorField) and kernels.compiling()
    moving = field.autonomous()
    like = first_state(moving, method)
    size, width = len(flat(like)), len(flat(method.average(like)))
    bodies, seen = traced(method, lambda program: TracedField(program, moving.n, moving.blocks), like)
    called = seen["start"].called | seen["step"].called
    asked = tests(field.n, size)
    glue = GLUE.format(wrapped=_wrapped(moving, size), **{"solved": "    return (True,)", **bodies}, **asked)
    loop = _trajectory(moving, width) if which == "trajectory" else _ensemble(moving, size, width, asked["inside"])
    if isinstance(moving, ArrayField):
        functions = {"field": moving.on_tuples.field, "jacobian": moving.on_tuples.jacobian}
        single = kernels.load("\n".join([PLAIN_HEADER, NUMPY_HEADER, glue, loop]), (), False, functions)
        return single if which == "trajectory" else array_ensemble(moving, method, like, single)
    header = COMPILED_HEADER + NUMBA_HEADER if compiled else PLAIN_HEADER + NUMPY_HEADER
    text = "\n".join([header, moving.source(sorted(called), "@jit"), glue, loop])
    return kernels.load(text, (import_module("integrators.lanes"),) if compiled else (), compiled)


def _wrapped(field: AnyField, size: int) -> str:
    """The state s with the variables that have a period wrapped into [0, period], its end reached by rounding only."""
    periods = [*(field.period or [None] * field.n), *[None] * (size - field.n)]
    return tuple_text(
        [f"s[{i}]" if w is None else f"s[{i}] - {w!r} * floor(s[{i}] / {w!r})" for i, w in enumerate(periods)]
    )


def tests(n: int, size: int) -> dict[str, str]:
    """Texts that ask whether the point y is inside the cube, whether it is finite, whether the state stays."""
    return {
        "inside": " & ".join(f"(abs(y[{i}]) <= bound)" for i in range(n)),
        "finite": " and ".join(f"y[{i}] - y[{i}] == 0.0" for i in range(n)),
        "same": " and ".join(f"new[{i}] == s[{i}]" for i in range(size)),
    }


def assign(targets: list[str], values: list[str], indent: int) -> str:
    """Statements, one a line."""
    return "\n".join(f"{' ' * indent}{t} = {v}" for t, v in zip(targets, values, strict=True))


def _trajectory(field: AnyField, width: int) -> str:
    n, q = field.n, len(field.values())
    return TRAJECTORY.format(
        point=tuple_text([f"x[{i}]" for i in range(n)]),
        parameters=tuple_text([f"p[{i}]" for i in range(q)]),
        store="; ".join(f"out[rows, {i}] = y[{i}]" for i in range(n + width)),
    )


def _ensemble(field: AnyField, size: int, width: int, inside: str) -> str:
    n, q = field.n, len(field.values())
    state, saved, before = ([f"{letter}{i}_[lane]" for i in range(size)] for letter in "sab")
    parameters = [f"p{j}_[lane]" for j in range(q)]

    columns = [f"X[{i}, first + lane]" for i in range(n + width)]  # the averages below the points
    result, image = [f"y[{i}]" for i in range(n + width)], [f"s[{i}]" for i in range(size)]
    kept = [f"S[{i}, place + lane]" for i in range(size)]
    rows = [f"out[row, {i}, first + lane]" for i in range(n + width)]
    begin = f"{' ' * 8}s = start({tuple_text(columns[:n])}, {tuple_text(parameters)})"
    given = [f"P[{j}, first + lane]" for j in range(q)]
    return ENSEMBLE.format(
        lanes=LANES,
        buffers="\n".join(
            f"    {name.removesuffix('[lane]')} = stack({LANES})" for name in [*state, *saved, *before, *parameters]
        ),
        load="\n".join([assign(parameters, given, 8), begin, assign(state, image, 8)]),
        save=assign(saved, state, 12),
        remember=assign(before, state, 16),
        advance=assign(state, image, 20),
        lane_state=tuple_text(state),
        saved_state=tuple_text(saved),
        lane_parameters=tuple_text(parameters),
        inside=inside,
        resume=assign(state, kept, 12),
        keep=assign(kept, state, 12),
        store=assign(rows, [f"{y} if live[lane] != 0.0 else {x}" for x, y in zip(columns, result, strict=True)], 16),
        store_ended=assign([row.replace("row", "later", 1) for row in rows], columns, 12),
        still=" & ".join(f"({x} == {y})" for x, y in zip(state, before, strict=True)),
        finish=assign(columns, result, 28),
        finish_live=assign(columns, result, 12),
    )
