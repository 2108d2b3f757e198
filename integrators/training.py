"""Long runs on fields of many variables: observed, kept on disk, and gone on with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dynsys.errors import InputError, shown
from dynsys.matrix_free import Trainable
from integrators.checkpoints import Checkpoint, read, settings_of, slopes_of
from integrators.checks import check_count, check_positive, check_step
from integrators.driver import Progress
from integrators.method import Method, check_method
from integrators.states import flat
from integrators.status import DIVERGENCE_BOUND, Status

Observer = Callable[[int, np.ndarray], Mapping[str, Any]]


@dataclass(frozen=True)
class TrainingRun:
    """A run: its last good point x, shape (n,), how it ended, after how many steps, and what was observed on the way.

    `records` is a list of mappings, `step` and what the observer returned; `average`, shape (n,), is the average that a
    method such as `ExponentialAverage` keeps, else None.
    """

    x: np.ndarray
    status: Status
    steps: int
    records: list[dict[str, Any]]
    average: np.ndarray | None = None

    @property
    def message(self) -> str:
        """How the run ended, in words."""
        return f"{self.status.name.lower().replace('_', ' ')} after {self.steps} steps: {self.status.message}"


def train(
    field: Trainable,
    x0: Any,
    method: Method,
    h: float,
    steps: int,
    *,
    rng: int = 0,
    every: int = 0,
    observe: Observer | None = None,
    checkpoint: str | Path | None = None,
    save_every: int = 1000,
    divergence_bound: float = DIVERGENCE_BOUND,
    progress: Progress | None = None,
) -> TrainingRun:
    """Iterate `method` with step size h from x0, shape (n,), on a `NetworkGame`, `NetworkBatches` or such a field.

    `observe(k, x)` is called before the first step, after every `every`-th and after the last; what it returns, numbers
    and lists of them by name, is kept in `records`. Every `save_every` steps, and at the end, the state and the records
    are written to the file `checkpoint`, in one atomic replacement: a process that is killed leaves the last one whole.
    If the file exists already the run goes on from it, up to `steps` steps in all, exactly as if it had never stopped:
    batches depend on the seed `rng` and the step alone (bit by bit where PyTorch computes on one thread). A checkpoint
    of another field, method, step size, seed or start is refused. With more `steps` than at first the records are those
    of one run: what was observed at the first end alone is left out.

    The run ends early as *diverged* when a coordinate exceeds `divergence_bound` in size, as *not finite* when one is
    inf or NaN, as *stationary* when a step that sees all data changes nothing; its point and its checkpoint are then
    those before that step. Ctrl-C ends it as *interrupted*, its state saved and nothing more observed.
    `progress(k, steps)` is called each step.

    Raises `InputError` for starts of the wrong shape, h ≤ 0, methods that do not fit, and checkpoints of other runs.
    """
    run = Stepping(field, x0, method, h, rng, divergence_bound)
    steps, every = check_count(steps, "steps"), check_count(every, "every")
    save_every = check_count(save_every, "save_every", 1)
    records: list[dict[str, Any]] = []
    file = None
    if checkpoint is not None:
        settings = settings_of(field, run.start, method, run.h, run.seed, every)
        file = Checkpoint(Path(checkpoint), settings, slopes_of(run.first, run.start))
        if (kept := read(file, run.like)) is not None:
            run.k, run.state, records = kept
            if run.k > steps:
                raise InputError(f"steps is {steps}, but {checkpoint} holds a run of {run.k}; give at least as many")
            if run.k < steps:
                records = [r for r in records if r["step"] == 0 or (every and r["step"] % every == 0)]

    def note() -> None:
        if observe is not None and (not records or records[-1]["step"] != run.k):
            records.append({"step": run.k, **_plain(observe(run.k, run.x))})

    def save() -> None:
        if file is not None:
            file.write(run.k, run.state, records)

    try:
        if not records or (every and run.k % every == 0):  # a run that was interrupted may lack the latter
            note()
        for _ in run.until(steps):
            if every and run.k % every == 0:
                note()
            if run.k % save_every == 0:
                save()
            if progress is not None:
                progress(run.k, steps)
        if run.status != Status.INTERRUPTED:
            note()
    except KeyboardInterrupt:  # outside of a step: in observe, progress or a save
        run.status = Status.INTERRUPTED
    save()
    return TrainingRun(run.x, run.status, run.k, records, run.average)


def _plain(observed: Any) -> dict[str, Any]:
    """What was observed, as it comes back from a file; `InputError` for what a file cannot hold."""
    if not isinstance(observed, Mapping) or "step" in observed:
        raise InputError(f"observe returns {shown(observed)}; give a mapping, name to number, without the name 'step'")
    try:
        found: dict[str, Any] = json.loads(json.dumps(dict(observed), default=lambda array: array.tolist()))
    except (AttributeError, TypeError, ValueError):
        raise InputError(f"observe returns {shown(observed)}; its values must be numbers or lists of them") from None
    return found


class Stepping:
    """A run in progress: its state after k steps, and how it ended."""

    def __init__(self, field: Trainable, x0: Any, method: Method, h: float, seed: Any, bound: float = DIVERGENCE_BOUND):
        self.field = check_trainable(field)
        self.method = check_method(method, field.on_players)  # type: ignore[attr-defined]
        self.start = field.point(x0, "x0")  # type: ignore[attr-defined]
        if not np.isfinite(self.start).all():
            raise InputError("x0 holds a number that is not finite; give a finite point")
        if isinstance(seed, np.random.Generator):
            raise InputError(
                f"rng is {shown(seed)}, which moves on; give a whole number, so that a run can be repeated"
            )
        self.h, self.seed = check_step(h), check_count(seed, "rng")
        self.bound = check_positive(bound, "divergence_bound")
        self.first = field.at_step(self.seed, 0)
        self.state = self.like = method.initial(self.first.on_players, self.first.parts(self.start.copy()), ())
        self.k, self.status = 0, Status.FINISHED

    @property
    def x(self) -> np.ndarray:
        """The point, shape (n,)."""
        return np.concatenate(flat(self.method.position(self.state)))

    @property
    def average(self) -> np.ndarray | None:
        """The average that the method keeps, shape (n,), or None."""
        kept = flat(self.method.average(self.state))
        return np.concatenate(kept) if kept else None

    def until(self, steps: int) -> Iterator[int]:
        """Take steps up to number `steps`, and yield k after each."""
        try:
            while self.k < steps:
                seen = self.field.at_step(self.seed, self.k)
                with np.errstate(all="ignore"):
                    new = self.method.step(seen.on_players, self.state, (), self.h)
                self.status = self._verdict(new, seen is self.field)
                if self.status != Status.FINISHED:
                    return
                self.state, self.k = new, self.k + 1
                yield self.k
        except KeyboardInterrupt:
            self.status = Status.INTERRUPTED

    def _verdict(self, new: Any, same_field: bool) -> Status:
        """FINISHED while the run goes on, else why it ends before the step to `new`."""
        parts = flat(self.method.position(new))
        if not all(np.isfinite(part).all() for part in parts):
            return Status.NOT_FINITE
        if any(np.abs(part).max() > self.bound for part in parts):
            return Status.DIVERGED
        if same_field and all(map(np.array_equal, flat(new), flat(self.state))):
            return Status.STATIONARY
        return Status.FINISHED


def check_trainable(field: Any) -> Any:
    """The field itself; `InputError` for anything that has no steps of its own."""
    if isinstance(field, Trainable):
        return field
    raise InputError(
        f"field is {shown(field)}; give a NetworkGame, NetworkBatches or another MatrixFreeField, "
        "or take trajectory for fields with formulas"
    )
