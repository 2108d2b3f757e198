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
from integrators.kernel import COMPILED_HEADER, first_state, tests
from integrators.method import Method
from integrators.states import flat, shaped
from integrators.status import LANES, Status
from integrators.tracing import Program, TracedField, traced

UNROLLED_SAMPLES = 64  # samples whose sum a kernel's text spells out, so that lanes vectorise; more become a loop

HEADER = COMPILED_HEADER + "import numpy as np\n"

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
def inside(y, bound):
    return {inside}

@emitted
def is_finite(y):
    return {finite}

@apart
def block(
    X, S, P, H, status, taken, out, width, room, row, rest, begin, end, rows, more, every, bound, at, place, run, seed,
    table, groups, z, w, r, order
):
    # steps begin .. end - 1 of columns at .. at + LANES - 1, which are runs run .. run + LANES - 1. X, what a run
    # shows, in place; S, its whole state from column `place` on, read if begin > 0, written if there will be more
    # steps; every `every`-th X into `out` from row + 1 on, up to `rows`
    wide_vectors()
    s_, p_ = stacks({size}), stacks({parameters})
    h, live, event = stack(LANES), stack(LANES), stack(LANES)
    left = 0
    for lane in range(LANES):
        h[lane] = H[at + lane]
        going = 1 if status[at + lane] == 0 else 0
        live[lane] = 1.0 if going == 1 else 0.0
        left += going
        scatter(p_, lane, column(P, at + lane, width, {parameters}))
    if begin == 0:
{first_draw}
        for lane in range(LANES):
            scatter(s_, lane, start(column(X, at + lane, width, {n}), gathered(p_, lane), z, lane))
    else:
        for lane in range(LANES):
            scatter(s_, lane, column(S, place + lane, room, {size}))
    kept, coming = row, rest
    for k in range(begin, end):
        if left == 0:
            break
        draw(z, w, r, order, table, seed, run, groups, k)
        for lane in range(LANES):  # independent lanes: this loop vectorises
            old = gathered(s_, lane)
            new = step(old, gathered(p_, lane), h[lane], z, lane)
            good = live[lane] if inside(shown(new), bound) else 0.0
            event[lane] = live[lane] - good
            live[lane] = good
            scatter(s_, lane, new if good != 0.0 else old)
        events = 0
        for lane in range(LANES):
            events += 1 if event[lane] != 0.0 else 0
        if events > 0:
            for lane in range(LANES):
                if event[lane] != 0.0:
                    left -= 1
                    taken[at + lane] = k
                    s, p = gathered(s_, lane), gathered(p_, lane)
                    verdict = {diverged} if is_finite(shown(step(s, p, h[lane], z, lane))) else {not_finite}
                    if not solved(s, p, h[lane], z, lane)[0]:
                        verdict = {unsolved}
                    status[at + lane] = verdict
        coming -= 1
        if coming == 0:
            coming = every
            kept += 1
            for lane in range(LANES):
                put(out, kept * {width} * width + at + lane, width, shown(gathered(s_, lane)))
    for lane in range(LANES):
        put(X, at + lane, width, shown(gathered(s_, lane)))
        if live[lane] != 0.0:
            taken[at + lane] = end
        if more != 0:
            put(S, place + lane, room, gathered(s_, lane))
    for later in range(kept + 1, rows + 1):  # all runs have ended: their last points, again
        for lane in range(LANES):
            put(out, later * {width} * width + at + lane, width, column(X, at + lane, width, {width}))

@exported
def ensemble(
    X, S, P, H, status, taken, out, begin, end, more, every, bound, first, last, seed, first_run, table, groups, O
):
    # the blocks first .. last - 1; without the GIL, so that threads share the work
    Z, W, R = np.empty({doubles}), np.empty({words}, np.uint64), np.empty({words})
    for b in range(first, last):
        block(
            pointer(X), pointer(S), pointer(P), pointer(H), pointer(status), pointer(taken), pointer(out), X.shape[1],
            S.shape[1], begin // every, every - begin % every, begin, end, end // every, 1 if more else 0, every, bound,
            b * LANES, (b - first) * LANES, first_run + b * LANES, seed, pointer(table), groups, pointer(Z), pointer(W),
            pointer(R), pointer(O[b - first]),
        )

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
        loop = LOOP.format(
            **{"solved": "    return (True,)", **self.bodies, **tests(field.n, size)},
            n=field.n,
            size=size,
            width=field.n + self.width,
            parameters=q,
            first_draw=f"{' ' * 8}draw(z, w, r, order, table, seed, run, groups, -1)" if self._draws_first else "",
            doubles=self.draws.size,
            words=self.draws.words,
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

    def room(self, first: int, last: int, seed: np.uint64, first_run: int) -> tuple[Any, ...]:
        """What `run` takes besides its columns for the blocks first .. last - 1, from a run's first step to its last.

        That is the seed, the number of the first column's run, the data, and what the batches keep from step to step.
        """
        if kernels.compiling():
            return (
                seed,
                first_run,
                self.draws.table,
                self.draws.turns,
                np.empty((last - first, self.draws.indices), np.int64),
            )
        return (self.draws.stream(seed, first_run + np.arange(first * LANES, last * LANES)),)

    @property
    def run(self) -> Any:
        """The loop over the steps of a slice, over blocks of columns."""
        return self.kernel.ensemble if kernels.compiling() else self.run_arrays

    def run_arrays(self, X: Any, S: Any, P: Any, H: Any, status: Any, taken: Any, out: Any, begin: int, end: int,
                   more: bool, every: int, bound: float, first: int, last: int, samples: Any) -> None:  # fmt: skip
        """The same by NumPy: the method's own definition on arrays of runs, an oracle of the kernel."""
        lanes = np.arange(first * LANES, last * LANES)
        columns = slice(first * LANES, last * LANES)
        n, method, p = self.field.n, self.method, tuple(P[:, lanes])
        live = status[lanes] == 0
        zero = np.zeros(len(lanes))

        def rows(state: Any) -> np.ndarray:
            return np.stack([zero + entry for entry in flat(state)])

        def shown(state: np.ndarray) -> np.ndarray:
            nested = shaped(state, self.like)
            return np.stack([*flat(method.position(nested)), *flat(method.average(nested))])

        if begin:
            state = S.copy()
        else:
            drawn = samples(-1) if self._draws_first else np.zeros((1, 1, self.draws.D, len(lanes)))
            state = rows(method.initial(_Batches(self.field, drawn), tuple(X[:n, lanes]), p))
        row = begin // every
        for k in range(begin, end):
            if not live.any():
                break
            view = _Batches(self.field, samples(k))
            new = rows(method.step(view, shaped(state, self.like), p, H[lanes]))
            y = shown(new)[:n]
            good = live & (np.abs(y) <= bound).all(0)
            ended = live & ~good
            if ended.any():
                lost = Status.UNSOLVED if "solved" in self.bodies else Status.NOT_FINITE
                kind = np.where(np.isfinite(y).all(0), Status.DIVERGED, lost)
                taken[lanes[ended]], status[lanes[ended]] = k, kind[ended]
            state, live = np.where(good, new, state), good
            if (k + 1) % every == 0:
                row += 1
                out[row, :, columns] = shown(state)
        X[:, columns] = shown(state)
        taken[lanes[live]] = end
        if more:
            S[:] = state
        out[row + 1 : end // every + 1, :, columns] = X[:, columns]


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
