"""The text of a kernel: a field and a method become compiled loops, one for a trajectory and one for many.

Both loops ask after every step whether a component left the cube of half-width `bound` (NaN and infinity do), and
whether the step changed nothing. A kernel never raises.
"""

from __future__ import annotations

import os
from types import ModuleType
from typing import Any

from dynsys import kernels
from dynsys.codegen import tuple_text
from dynsys.field import VectorField
from dynsys.functions import NUMBA_HEADER, NUMPY_HEADER
from integrators.method import Method
from integrators.status import LANES

COMPILED_HEADER = """
import numba
from collections import namedtuple
from math import floor
from dynsys.compiled import CompiledField, jit
from integrators.lanes import LANES, stack, wide_vectors

exported = numba.njit(nogil=True, error_model="numpy", fastmath={"contract"})
"""

PLAIN_HEADER = f"""
from collections import namedtuple

from numpy import floor, zeros as stack

LANES = {LANES}

def jit(function):
    return function

exported = jit

def wide_vectors():
    pass

def CompiledField(field, jacobian):
    field.jacobian = jacobian
    return field
"""

GLUE = """
v = CompiledField(field, jacobian)
method = namedtuple("Hyperparameters", {names!r})(*{values!r})
method_step, method_initial, method_position = jit(Method.step), jit(Method.initial), jit(Method.position)

@jit
def step(s, p, h):
    s = method_step(method, v, s, p, h)
    return {wrapped}

@jit
def start(x, p):
    return method_initial(method, v, x, p)

@jit
def position(s):
    return method_position(method, s)
"""

TRAJECTORY = """
@exported
def trajectory(x, p, h, steps, every, bound, out):
    # status, steps taken, rows of `out` written; each argument a tuple or a number
    s = start({point}, {parameters})
    rows = 0
    for k in range(steps):
        new = step(s, {parameters}, h)
        y = position(new)
        if not ({inside}):
            q = {finite}
            return (2 if q else 3), k, rows
        if {same}:
            return 1, k, rows
        s = new
        if (k + 1) % every == 0:
            {store}
            rows += 1
    return 0, steps, rows

EXPORTS = [trajectory]
"""

ENSEMBLE = """
@jit
def block(X, P, H, status, taken, steps, check, bound, first):
    # columns first .. first + LANES - 1 of X, in place
    wide_vectors()
{buffers}
    h, alive, bad = stack({lanes}), stack({lanes}), stack({lanes})
    for lane in range(LANES):
        h[lane] = H[first + lane]
        alive[lane] = 1.0
{load}
    left = LANES
    done = 0
    while done < steps and left > 0:
        chunk = min(check, steps - done)
        for lane in range(LANES):
            bad[lane] = 0.0
{save}
        for i in range(chunk):
            for lane in range(LANES):  # independent lanes: this loop vectorises
                s = step({lane_state}, {lane_parameters}, h[lane])
                y = position(s)
                inside = {inside}
                bad[lane] = bad[lane] if inside else 1.0
{remember}
{advance}
        ended = 0
        for lane in range(LANES):
            still = {still}
            ended += 1 if alive[lane] != 0.0 and (bad[lane] != 0.0 or still) else 0
        if ended > 0:
            # something happened within the chunk: take it again, one lane at a time, to know the step
            for lane in range(LANES):
                still = {still}
                if alive[lane] != 0.0 and (bad[lane] != 0.0 or still):
                    s = {saved_state}
                    for k in range(chunk):
                        new = step(s, {lane_parameters}, h[lane])
                        y = position(new)
                        if not ({inside}):
                            status[first + lane] = 2 if {finite} else 3
                            alive[lane] = 0.0
                            break
                        if {same}:
                            status[first + lane] = 1
                            alive[lane] = 0.0
                            break
                        s = new
                        taken[first + lane] = done + k + 1
                    if alive[lane] == 0.0:
                        left -= 1
                        y = position(s)
{finish}
        done += chunk
        for lane in range(LANES):
            if alive[lane] != 0.0:
                taken[first + lane] = done
    for lane in range(LANES):
        if alive[lane] != 0.0:
            y = position({lane_state})
{finish_alive}

@exported
def ensemble(X, P, H, status, taken, steps, check, bound, first, last):
    # the blocks first .. last - 1; without the GIL, so that threads share the work
    for b in range(first, last):
        block(X, P, H, status, taken, steps, check, bound, b * LANES)

EXPORTS = [ensemble]
"""


def state_size(field: VectorField, method: Method) -> int:
    """How many numbers a state holds."""
    return len(method.initial(field.on_tuples, (1.0,) * field.n, field.values()))


def kernel(field: VectorField, method: Method, which: str, compiled: bool = True) -> ModuleType:
    """The module that holds the loop `which` ("trajectory" or "ensemble") for a field and a method.

    Compiled, it comes from the cache if it is there; not compiled, the same text runs as plain Python.
    """
    compiled = compiled and "NUMBA_DISABLE_JIT" not in os.environ
    cls = type(method)
    shipped = cls.__module__.partition(".")[0] == "integrators"
    header = COMPILED_HEADER + NUMBA_HEADER if compiled else PLAIN_HEADER + NUMPY_HEADER
    source = (
        f"from {cls.__module__} import {cls.__qualname__} as Method" if shipped else f"# the user's class {id(cls)}"
    )
    glue = GLUE.format(
        names=list(method.hyperparameters),
        values=tuple(method.hyperparameters.values()),
        wrapped=_wrapped(field, method),
    )
    body = (_trajectory if which == "trajectory" else _ensemble)(field, state_size(field, method))
    text = "\n".join([header, source, field.compiled_source, glue, body])
    # a user's own class may live in a notebook, where no import finds it: it travels by hand and is never cached
    return kernels.load(text, method.inlined if compiled else (), None if shipped else {"Method": cls}, compiled)


def _wrapped(field: VectorField, method: Method) -> str:
    """The state s with the variables that have a period wrapped into [0, period)."""
    periods = [*(field.period or [None] * field.n), *[None] * (state_size(field, method) - field.n)]
    return tuple_text(
        [f"s[{i}]" if w is None else f"s[{i}] - {w!r} * floor(s[{i}] / {w!r})" for i, w in enumerate(periods)]
    )


def _tests(n: int, size: int) -> dict[str, str]:
    return {
        "inside": " and ".join(f"abs(y[{i}]) <= bound" for i in range(n)),
        "finite": " and ".join(f"y[{i}] - y[{i}] == 0.0" for i in range(n)),
        "same": " and ".join(f"new[{i}] == s[{i}]" for i in range(size)),
    }


def _trajectory(field: VectorField, size: int) -> str:
    n, q = field.n, len(field.values())
    return TRAJECTORY.format(
        point=tuple_text([f"x[{i}]" for i in range(n)]),
        parameters=tuple_text([f"p[{i}]" for i in range(q)]),
        store="; ".join(f"out[rows, {i}] = y[{i}]" for i in range(n)),
        **_tests(n, size),
    )


def _ensemble(field: VectorField, size: int) -> str:
    n, q = field.n, len(field.values())
    pad = " " * 8
    each: Any = lambda line, count, indent=8: "\n".join(" " * indent + line.format(i=i) for i in range(count))  # noqa: E731
    load = [f"{pad}p{j}_[lane] = P[{j}, first + lane]" for j in range(q)]
    columns = tuple_text([f"X[{i}, first + lane]" for i in range(n)])
    load.append(f"{pad}s = start({columns}, {tuple_text([f'p{j}_[lane]' for j in range(q)])})")
    load += [f"{pad}s{i}_[lane] = s[{i}]" for i in range(size)]
    names = (
        [f"s{i}_" for i in range(size)]
        + [f"a{i}_" for i in range(size)]
        + [f"b{i}_" for i in range(size)]
        + [f"p{j}_" for j in range(q)]
    )
    return ENSEMBLE.format(
        lanes=LANES,
        buffers="\n".join(f"    {name} = stack({LANES})" for name in names),
        load="\n".join(load),
        save=each("a{i}_[lane] = s{i}_[lane]", size, 12),
        lane_state=tuple_text([f"s{i}_[lane]" for i in range(size)]),
        saved_state=tuple_text([f"a{i}_[lane]" for i in range(size)]),
        lane_parameters=tuple_text([f"p{j}_[lane]" for j in range(q)]),
        remember=each("b{i}_[lane] = s{i}_[lane]", size, 16),
        advance=each("s{i}_[lane] = s[{i}]", size, 16),
        still=" and ".join(f"s{i}_[lane] == b{i}_[lane]" for i in range(size)),
        finish=each("X[{i}, first + lane] = y[{i}]", n, 24),
        finish_alive=each("X[{i}, first + lane] = y[{i}]", n, 12),
        **_tests(n, size),
    )
