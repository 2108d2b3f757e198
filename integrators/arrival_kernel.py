"""The text of the kernel that follows many states until each has arrived: in a trap, out of sight, or nowhere in time.

Lanes step together and are looked at every `LOOK` steps. One whose run has ended takes the next state in turn, so that
no lane waits for the slowest of its block: starts beside a basin's border take many times the steps of the others.
"""

from __future__ import annotations

import functools
from importlib import import_module
from typing import Any

from dynsys import kernels
from dynsys.field import VectorField
from dynsys.functions import NUMBA_HEADER, NUMPY_HEADER
from integrators.kernel import COMPILED_HEADER, GLUE, PLAIN_HEADER, first_state, is_hashable, tests, wrapped
from integrators.method import Method
from integrators.states import flat
from integrators.tracing import TracedField, traced

LOOK = 8  # steps between two looks: the tests then cost some tenth of the steps of a map
HITS = 25  # looks in turn that must find a run in the cells of one set
ESCAPE, UNDECIDED = -1, -2

TEXT = """
@emitted
def apart_from(s, c):
    # the squared distance of two states, round a period the shorter way
{distance}

@emitted
def cell(y, low, scale, counts):
    # the number of the cell that holds the point y, -1 outside of all
{cell}

@apart
def follow(S, label, when, C, R, O, cells, low, scale, counts, p, h, width, balls, sets, looks, bound, first, last):
    # the states first .. last - 1, columns of S, in place; label and looks taken of each
    wide_vectors()
    s_ = stacks({size})
    at, age, found = stack(LANES), stack(LANES), stack(LANES)
    mark, streak = stack(LANES), stack(LANES)
    for lane in range(LANES):
        at[lane], age[lane], found[lane], mark[lane], streak[lane] = -1.0, 0.0, -1.0, -2.0, 0.0
    upcoming, busy = first, 0
    while (busy > 0) | (upcoming < last):
        for lane in range(LANES):
            if (found[lane] != -2.0) | (age[lane] >= looks):
                j = np.int64(at[lane])
                if j >= 0:
                    label[j], when[j] = np.int64(found[lane]), np.int64(age[lane])
                    put(S, j, width, gathered(s_, lane))
                    busy -= 1
                fresh = upcoming if upcoming < last else last - 1
                alive = 1 if upcoming < last else 0
                at[lane] = np.float64(fresh) if alive == 1 else -1.0
                age[lane] = 0.0 if alive == 1 else -1e300
                found[lane], mark[lane], streak[lane] = -2.0, -2.0, 0.0
                scatter(s_, lane, column(S, fresh, width, {size}))
                busy += alive
                upcoming += alive
        if busy > 0:
            for i in range({look}):
                for lane in range(LANES):  # independent lanes: this loop vectorises
                    twofold()
                    scatter(s_, lane, step(gathered(s_, lane), p, h))
            for lane in range(LANES):
                age[lane] = age[lane] + 1.0
                found[lane] = -2.0 if inside(shown(gathered(s_, lane)), bound) else -1.0
            for a in range(balls):
                c, r, owner = column(C, a * {size}, 1, {size}), R[a], O[a]
                for lane in range(LANES):
                    found[lane] = owner if apart_from(gathered(s_, lane), c) <= r else found[lane]
            if sets > 0:
                for lane in range(LANES):
                    k = cell(shown(gathered(s_, lane)), low, scale, counts)
                    now = np.float64(cells[k if k >= 0 else 0]) if k >= 0 else -2.0
                    same = (now == mark[lane]) & (now >= 0.0)
                    streak[lane] = streak[lane] + 1.0 if same else 1.0
                    mark[lane] = now
                    settled = (found[lane] == -2.0) & (now >= 0.0) & (streak[lane] >= {hits}.0)
                    found[lane] = now if settled else found[lane]

@exported
def arrivals(S, label, when, C, R, O, cells, low, scale, counts, p, h, sets, looks, bound, first, last):
    # without the GIL, so that threads share the work
    follow(pointer(S), pointer(label), pointer(when), pointer(C), pointer(R), pointer(O), pointer(cells), pointer(low),
           pointer(scale), pointer(counts), p, h, S.shape[1], len(R), sets, looks, bound, first, last)

EXPORTS = [arrivals]
"""


def arrival_kernel(field: VectorField, method: Method, compiled: bool = True) -> Any:
    """The module that holds `arrivals` for an autonomous field with formulas; not compiled, the same text as Python."""
    made = _made if is_hashable(method) else _made.__wrapped__
    return made(field, method, compiled and kernels.compiling())


@functools.lru_cache(maxsize=256)
def _made(field: VectorField, method: Method, compiled: bool) -> Any:
    like = first_state(field, method)
    size = len(flat(like))
    bodies, seen = traced(method, lambda program: TracedField(program, field.n, field.blocks), like)
    called = seen["start"].called | seen["step"].called
    glue = GLUE.format(
        wrapped=wrapped(field, size), **{"solved": "    return (True,)", **bodies}, **tests(field.n, size)
    )
    loop = TEXT.format(size=size, look=LOOK, hits=HITS, distance=_distance(field, size), cell=_cell(field.n))
    header = COMPILED_HEADER + NUMBA_HEADER if compiled else PLAIN_HEADER + NUMPY_HEADER
    text = "\n".join([header, "import numpy as np", field.source(sorted(called), "@emitted"), glue, loop])
    return kernels.load(text, (import_module("integrators.lanes"),) if compiled else (), compiled)


def _distance(field: VectorField, size: int) -> str:
    periods = [*(field.period or [None] * field.n), *[None] * (size - field.n)]
    lines = []
    for i, w in enumerate(periods):
        lines.append(f"    d{i} = s[{i}] - c[{i}]")
        if w is not None:
            lines.append(f"    d{i} = d{i} - {w!r} * floor(d{i} / {w!r} + 0.5)")
    return "\n".join([*lines, "    return " + " + ".join(f"d{i} * d{i}" for i in range(size))])


def _cell(n: int) -> str:
    """Rows of cells in every variable, the first outermost; NaN is in no cell."""
    lines = [f"    u{i} = (y[{i}] - low[{i}]) * scale[{i}]" for i in range(n)]
    lines.append("    k = 0")
    for i in range(n):
        lines.append(f"    k = k * counts[{i}] + np.int64(u{i} if (u{i} >= 0.0) & (u{i} < counts[{i}]) else 0.0)")
    inside = " & ".join(f"(u{i} >= 0.0) & (u{i} < counts[{i}])" for i in range(n))
    return "\n".join([*lines, f"    return k if {inside} else -1"])
