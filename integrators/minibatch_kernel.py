"""The loop for fields that each batch makes anew: as a compiled kernel, and on arrays.

A step draws its samples for all lanes first, then every lane steps; both loops are over lanes, so both vectorise.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from dynsys import kernels
from dynsys.codegen import tuple_text
from dynsys.errors import InputError
from dynsys.functions import NUMBA_HEADER
from dynsys.minibatches.minibatch_field import MinibatchField
from integrators import random_streams
from integrators.draws import Draws
from integrators.kernel import assign, first_state, tests
from integrators.method import Method
from integrators.states import flat, shaped
from integrators.status import LANES, Status
from integrators.tracing import Program, TracedField, traced

UNROLLED_SAMPLES = 64  # samples whose sum a kernel's text spells out, so that lanes vectorise; more become a loop

HEADER = """
import numba
import numpy as np
from math import floor, inf, nan
from dynsys.compiled import OPTIONS
from dynsys.emission import emitted
from dynsys.vector import solve
from integrators.lanes import LANES, column, pointer, put, stack, wide_vectors

apart = emitted(apart=True)

exported = numba.njit(nogil=True, **OPTIONS)
"""

TOTAL = """
@emitted
def {name}(x, p, z, at):
    # the sum of {count} samples' statistics
    q = {statistics}(x, {sample})
{others}
    return q
"""

LOOP = """
@emitted
def start(x, p, z, at):
{start}

@emitted
def step(s, p, h, z, at):
{step}

@emitted
def shown(s):
{shown}

@emitted
def solved(s, p, h, z, at):
{solved}

@emitted
def is_finite(y):
    return {finite}

@apart
def block(X, P, H, status, taken, out, width, steps, every, bound, first, seed, table, z, w, r, order):
    # runs first .. first + LANES - 1 from the columns of X; every `every`-th position into `out`
    wide_vectors()
{buffers}
    h, live, event = stack({lanes}), stack({lanes}), stack({lanes})
    left = 0
    for lane in range(LANES):
        h[lane] = H[first + lane]
        live[lane] = 1.0 if status[first + lane] == 0 else 0.0
        left += 1 if status[first + lane] == 0 else 0
{first_draw}
    for lane in range(LANES):
{load}
    rows = 0
    for k in range(steps):
        if left > 0:
            draw(z, w, r, order, table, seed, first, k)
            for lane in range(LANES):  # independent lanes: this loop vectorises
                s = step({lane_state}, {lane_parameters}, h[lane], z, lane)
                y = shown(s)
                good = live[lane] if {inside} else 0.0
                event[lane] = live[lane] - good
                live[lane] = good
{advance}
            events = 0
            for lane in range(LANES):
                events += 1 if event[lane] != 0.0 else 0
            if events > 0:
                for lane in range(LANES):
                    if event[lane] != 0.0:
                        left -= 1
                        taken[first + lane] = k
                        y = shown(step({lane_state}, {lane_parameters}, h[lane], z, lane))
                        if not solved({lane_state}, {lane_parameters}, h[lane], z, lane)[0]:
                            status[first + lane] = {unsolved}
                        else:
                            status[first + lane] = {diverged} if is_finite(y) else {not_finite}
        if (k + 1) % every == 0:
            for lane in range(LANES):
                put(out, rows * {shown_size} * width + first + lane, width, shown({lane_state}))
            rows += 1
    for lane in range(LANES):
        if live[lane] != 0.0:
            taken[first + lane] = steps

@exported
def ensemble(X, P, H, status, taken, out, steps, every, bound, first, last, seed, table):
    # the blocks first .. last - 1; without the GIL, so that threads share the work
    Z, W, R, O = np.empty({doubles}), np.empty({words}, np.uint64), np.empty({words}), np.empty({indices}, np.int64)
    for b in range(first, last):
        block(pointer(X), pointer(P), pointer(H), pointer(status), pointer(taken), pointer(out), X.shape[1], steps,
              every, bound, b * LANES, seed, pointer(table), pointer(Z), pointer(W), pointer(R), pointer(O))

EXPORTS = [ensemble]
"""


class TracedBatches(TracedField):
    """A minibatch field as a traced method sees it: each point that is evaluated is a stage of its own."""

    def __init__(self, program: Program, field: MinibatchField, stride: int):
        super().__init__(program, field.n, field.blocks)
        self.per_stage, self.stride = field.batch_per == "stage", stride
        self.stages: dict[tuple[int, ...], tuple[int, Any]] = {}  # ids stay those of x, which is kept beside them
        program.unrolled = self.per_stage

    def _called(self, function: str, x: Any, p: Any, like: Any) -> Any:
        self.called.add(function)
        program = self.program.current
        if self.per_stage and program.outer is not None:
            raise InputError(
                "batch_per is 'stage', but the method solves an equation, whose iterations need one batch; take 'step'"
            )
        at = f"at + {self.stride * stage_of(self.stages, x)}" if self.per_stage else "at"
        slots = tuple_text(["{}"] * self.n)
        return program.call(f"{function}({slots}, {{}}, z, {at})", [*x, p], like)

    @property
    def evaluations(self) -> int:
        """How many batches of the field a step takes."""
        return len(self.stages) if self.per_stage else int(bool(self.called))


def stage_of(stages: dict[tuple[int, ...], tuple[int, Any]], x: Any) -> int:
    """The number of the point x, a tuple, among those met so far: the same numbers are the same point."""
    return stages.setdefault(tuple(map(id, x)), (len(stages), x))[0]


class MinibatchLoop:
    """The loop for a field and a method: `run` in compiled lanes, or on arrays where nothing compiles."""

    def __init__(self, field: MinibatchField, method: Method):
        any_field: Any = field
        self.field, self.method, self.like = field, method, first_state(any_field, method)
        self.size = len(flat(self.like))
        self.width = len(flat(method.average(self.like)))
        stride = Draws(field, 1).stride
        found: Any = traced(method, lambda program: TracedBatches(program, field, stride), self.like)
        self.bodies, self.seen = found
        evaluations = max(1, *(view.evaluations for view in self.seen.values()))
        self.draws = Draws(field, evaluations)

    @functools.cached_property
    def kernel(self) -> Any:
        """The compiled module."""
        return kernels.load(self.text(), (import_module("integrators.lanes"),))

    def text(self) -> str:
        """The kernel's text."""
        field, size, q = self.field, self.size, len(self.field.parameters)
        called = sorted(self.seen["start"].called | self.seen["step"].called)
        state = [f"s{i}_[lane]" for i in range(size)]
        parameters = [f"p{j}_[lane]" for j in range(q)]
        image = [f"s[{i}]" for i in range(size)]
        kept = [f"s[{i}] if good != 0.0 else s{i}_[lane]" for i in range(size)]
        given = [f"P[{j} * width + first + lane]" for j in range(q)]
        point = f"column(X, first + lane, width, {field.n})"
        begin = f"{' ' * 8}s = start({point}, {tuple_text(parameters)}, z, lane)"
        buffers = [f"    {name.removesuffix('[lane]')} = stack({LANES})" for name in [*state, *parameters]]
        loop = LOOP.format(
            **{"solved": "    return (True,)", **self.bodies, **tests(field.n, size)},
            lanes=LANES,
            buffers="\n".join(buffers),
            first_draw="    draw(z, w, r, order, table, seed, first, -1)" if self._draws_first else "",
            load="\n".join([assign(parameters, given, 8), begin, assign(state, image, 8)]),
            lane_state=tuple_text(state),
            lane_parameters=tuple_text(parameters),
            advance=assign(state, kept, 16),
            shown_size=field.n + self.width,
            doubles=self.draws.size,
            words=self.draws.words,
            indices=self.draws.indices,
            unsolved=int(Status.UNSOLVED),
            diverged=int(Status.DIVERGED),
            not_finite=int(Status.NOT_FINITE),
        )
        functions = [self._function_text(which) for which in called]
        streams = random_streams.text("@emitted")
        return "\n".join([HEADER, NUMBA_HEADER, streams, *functions, self.draws.text(), loop])

    @property
    def _draws_first(self) -> bool:
        """Whether a run needs samples before its first step: shuffled rows must be put in order, too."""
        return bool(self.seen["start"].called) or self.draws.shuffles

    def _function_text(self, which: str) -> str:
        """`which`(x, p, z, at): the field, its Jacobian or the payoffs' gradients on the samples at z[at]."""
        field, names = self.field, self.field.needs(which)
        length = sum(len(field.source.statistics_of(name)) for name in names)
        own, estimated, _ = field.parts
        texts = [field.source.source(names, "@emitted").replace("def statistics(", f"def statistics_{which}(")]
        pluses = tuple_text([f"a[{i}] + b[{i}]" for i in range(length)])
        texts.append(f"@emitted\ndef plus_{which}(a, b):\n    return {pluses}\n")
        texts += [self._total_text(which, count) for count in sorted({count for _, count in (*own, *estimated)})]
        program = Program()
        totals = {}
        for part in sorted({*own, *estimated}):
            call = f"total_{which}_{part[1]}(x, p, z, at + {self.draws.offset(part[0])})"
            totals[part] = program.call(call, [], (None,) * length)
        value = field.combined(which, totals, program.atom(f"p[{len(field.parameters) - 1}]"))
        row_length = {"field": None, "jacobian": field.n, "gradients": field.n}[which]
        body = program.text(flat(value))
        if row_length is not None:  # back from a row to rows
            *lines, last = body.split("\n")
            count = len(flat(value))
            rows = [tuple_text([f"r[{i}]" for i in range(k, k + row_length)]) for k in range(0, count, row_length)]
            body = "\n".join([*lines, last.replace("return", "r =", 1), f"    return {tuple_text(rows)}"])
        texts.append(f"@emitted\ndef {which}(x, p, z, at):\n{body}\n")
        return "\n".join(texts)

    def _total_text(self, which: str, count: int) -> str:
        D = self.draws.D
        own = [f"p[{j}]" for j in range(len(self.field.source.own_parameters))]

        def sample(at: str) -> str:
            return tuple_text([*own, *(f"z[{at} + {j * LANES}]" for j in range(D))])

        call = f"plus_{which}(q, statistics_{which}(x, {{}}))"
        if count <= UNROLLED_SAMPLES:
            lines = [f"    q = {call.format(sample(f'at + {b * D * LANES}'))}" for b in range(1, count)]
        else:
            lines = [f"    for b in range(1, {count}):", f"        here = at + b * {D * LANES}"]
            lines.append(f"        q = {call.format(sample('here'))}")
        return TOTAL.format(
            name=f"total_{which}_{count}",
            count=count,
            statistics=f"statistics_{which}",
            sample=sample("at"),
            others="\n".join(lines),
        )

    def run(self, X: Any, P: Any, H: Any, status: Any, taken: Any, out: Any, steps: int, every: int, bound: float,
            first: int, last: int, seed: np.uint64) -> None:  # fmt: skip
        """The runs of the blocks first .. last - 1 from the columns of X; every `every`-th position into `out`."""
        if kernels.compiling():
            self.kernel.ensemble(X, P, H, status, taken, out, steps, every, bound, first, last, seed, self.draws.table)
        else:
            self.run_arrays(X, P, H, status, taken, out, steps, every, bound, first, last, seed)

    def run_arrays(self, X: Any, P: Any, H: Any, status: Any, taken: Any, out: Any, steps: int, every: int,
                   bound: float, first: int, last: int, seed: np.uint64) -> None:  # fmt: skip
        """The same by NumPy: the method's own definition on arrays of runs, an oracle of the kernel."""
        lanes = np.arange(first * LANES, last * LANES)
        n, method, p = self.field.n, self.method, tuple(P[:, lanes])
        samples = self.draws.stream(seed, lanes)
        live = status[lanes] == 0
        zero = np.zeros(len(lanes))

        def rows(state: Any) -> np.ndarray:
            return np.stack([zero + entry for entry in flat(state)])

        def shown(state: np.ndarray) -> np.ndarray:
            nested = shaped(state, self.like)
            return np.stack([*flat(method.position(nested)), *flat(method.average(nested))])

        begin = samples(-1) if self._draws_first else np.zeros((1, 1, self.draws.D, len(lanes)))
        state = rows(method.initial(_Batches(self.field, begin), tuple(X[:n, lanes]), p))
        for k in range(steps):
            if live.any():
                view = _Batches(self.field, samples(k))
                new = rows(method.step(view, shaped(state, self.like), p, H[lanes]))
                y = shown(new)[:n]
                good = live & (np.abs(y) <= bound).all(0)
                ended = live & ~good
                if ended.any():
                    lost = Status.UNSOLVED if "solved" in self.bodies else Status.NOT_FINITE
                    kind = np.where(np.isfinite(y).all(0), Status.DIVERGED, lost)
                    status[lanes[ended]], taken[lanes[ended]] = kind[ended], k
                state, live = np.where(good, new, state), good
            if (k + 1) % every == 0:
                out[(k + 1) // every - 1][:, lanes] = shown(state)
        taken[lanes[live]] = steps


class _Batches:
    """A minibatch field as a method sees it on arrays, in one step."""

    def __init__(self, field: MinibatchField, samples: np.ndarray):
        self.field, self.samples, self.blocks = field, samples, field.blocks
        self.stages: dict[tuple[int, ...], tuple[int, Any]] = {}

    def __call__(self, x: Any, p: Any) -> Any:
        return self._called("field", x, p)

    def jacobian(self, x: Any, p: Any) -> Any:
        return self._called("jacobian", x, p)

    def gradients(self, x: Any, p: Any) -> Any:
        return self._called("gradients", x, p)

    def _called(self, which: str, x: Any, p: Sequence[Any]) -> Any:
        stage = stage_of(self.stages, x) if self.field.batch_per == "stage" else 0
        return self.field.on_samples(which, x, self.samples[stage], p)
