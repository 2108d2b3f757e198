"""One solution of ẋ = v(x, t) to given tolerances: its steps, its dense output, and where events happen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynsys.array_field import AnyField, check_field
from dynsys.errors import InputError, shown
from dynsys.expressions import finite
from dynsys.field import as_points
from integrators.adaptive.crossings import Crossings, check_events
from integrators.adaptive.dense_output import DenseOutput
from integrators.adaptive.embedded import DormandPrince
from integrators.adaptive.kernel import adaptive_kernel
from integrators.adaptive.method import AdaptiveMethod, beginning, check_adaptive
from integrators.checks import check_count, check_memory, check_positive
from integrators.kernel import is_whole
from integrators.status import DIVERGENCE_BOUND, Status

CHUNKS = (64, 16_384)  # steps that a kernel takes at a time: first, and at most
RTOL, ATOL = 1e-6, 1e-9  # by default
LEAST_RTOL = 2.3e-14  # a hundred units in the last place: what rounding leaves of a step's error


@dataclass(frozen=True)
class Solution:
    """A solution: times t (k,), points x (k, n), and how it ended.

    `events` holds the crossings of each event. `steps` counts the accepted steps, `attempts` all, `evaluations` those
    of the field. `sol` is the dense output if it was asked for: a function of time.
    """

    t: np.ndarray
    x: np.ndarray
    status: Status
    events: tuple[Crossings, ...]
    variables: Sequence[str]
    steps: int
    attempts: int
    evaluations: int
    sol: DenseOutput | None = None

    @property
    def success(self) -> bool:
        """Whether it reached the end of the interval or a terminal event."""
        return self.status in (Status.FINISHED, Status.EVENT)

    @property
    def message(self) -> str:
        """How it ended, in words."""
        name = self.status.name.lower().replace("_", " ")
        return f"{name} after {self.steps} steps: {self.status.message}"

    @property
    def t_events(self) -> list[np.ndarray]:
        """The times of each event's crossings, as in SciPy."""
        return [event.t for event in self.events]

    @property
    def x_events(self) -> list[np.ndarray]:
        """The points of each event's crossings."""
        return [event.x for event in self.events]


def solve(
    field: AnyField,
    x0: Any,
    t: Any,
    method: AdaptiveMethod | None = None,
    rtol: Any = RTOL,
    atol: Any = ATOL,
    events: Any = None,
    dense: bool = False,
    times: Any = None,
    first_step: float | None = None,
    max_step: float = math.inf,
    max_steps: int = 10_000_000,
    divergence_bound: float = DIVERGENCE_BOUND,
    stiff_after: int | None = 1000,
    compiled: bool = True,
) -> Solution:
    """Solve ẋ = v(x, t) from x0, shape (n,), over t = (t0, t1); t1 < t0 goes backwards.

    `method` is `DormandPrince()` by default; `DOP853()` and `Taylor()` serve small tolerances, `Rosenbrock()` stiff
    fields. The error of a step, a root mean square in units of atol + rtol |x|, is kept below 1; each tolerance may be
    one number or n.

    `.t` and `.x` hold the ends of all steps, or the points at `times`. `events` is one event or a list of them: an
    `Event`, an expression such as "x - y", or a function g(t, x) with SciPy's attributes `terminal` and `direction`.
    Every change of sign that the dense output has in (t0, t1] is found. `dense=True` keeps the dense output as `.sol`.

    A run ends early as *diverged* when a coordinate exceeds `divergence_bound`, as *step underflow* or *not finite* at
    a singularity, as *exhausted* after `max_steps` attempts, and as *stiff* if, `stiff_after` steps or more from the
    start (None: never), stability and not accuracy has set the length of fifteen steps; it holds all steps up to there.

    Raises `InputError` for wrong shapes, tolerances or times, and an empty interval. Hairer, Nørsett & Wanner (1993).
    """
    field = check_field(field)
    method = DormandPrince() if method is None else check_adaptive(method)
    method.check(field)
    start = as_points(x0, field.variables, "x0")
    if start.ndim != 1 or not np.isfinite(start).all():
        raise InputError(f"x0 is {shown(x0)}; give one finite point of {field.n} numbers")
    t0, t1 = check_interval(t)
    sign = math.copysign(1.0, t1 - t0)
    at = None if times is None else check_times(times, t0, t1)
    longest = sign * min(check_positive(max_step, "max_step"), abs(t1 - t0))
    first = 0.0 if first_step is None else sign * min(check_positive(first_step, "first_step"), abs(longest))
    bound, budget = check_positive(divergence_bound, "divergence_bound"), check_count(max_steps, "max_steps", 1)
    patience = math.inf if stiff_after is None else float(check_count(stiff_after, "stiff_after"))
    tolerance = tolerances(rtol, atol, field.variables)
    method = method.fitted(float(tolerance[0].min()))
    watches = check_events(events, field)
    keeps = dense or at is not None or bool(watches)
    run = Run(field, method, start, (t0, t1), tolerance, first, longest, keeps, compiled)
    status, stop, room = -1, None, CHUNKS[0]
    while status == -1 and stop is None:
        before = run.steps
        status = run.advance(room, bound, budget, patience)
        room = min(4 * room, CHUNKS[1])
        if watches and run.steps > before:
            newest = run.dense(run.rows[-2][-1:], run.rows[-1])
            stops = [s for w in watches if (s := w.follow(newest)) is not None]
            stop = min(stops, key=lambda s: sign * s) if stops else None
    output = run.dense(*run.rows) if keeps else None
    ts, xs = run.points
    last = float(ts[-1])
    if stop is not None and output is not None:
        status, last = Status.EVENT, stop
        whole = int(np.searchsorted(sign * ts, sign * stop, side="left"))
        ts, xs = np.append(ts[:whole], stop), np.vstack([xs[:whole], output(stop)])
    if at is not None and output is not None:
        ts = at[sign * at <= sign * last]
        xs = output(ts)
    found = tuple(w.until(last, sign > 0) for w in watches)
    counts = run.steps, run.attempts, run.evaluations
    return Solution(ts, xs, Status(status), found, field.variables, *counts, output if dense else None)


class Run:
    """A solution under way: the kernel's state and the rows it has filled."""

    def __init__(
        self,
        field: AnyField,
        method: AdaptiveMethod,
        start: np.ndarray,
        t: tuple[float, float],
        tolerance: tuple[np.ndarray, np.ndarray],
        first: float,
        longest: float,
        keeps: bool,
        compiled: bool,
    ):
        moving = field.autonomous()
        self.n, self.t, self.steps, self.attempts = field.n, t, 0, 0
        self.module = adaptive_kernel(field, method, "single", keeps, compiled)
        full = start if field.time is None else np.append(start, t[0])
        parameters = np.array(moving.values()).reshape(-1, 1)
        carried, steps = beginning(field, method, full[:, None], parameters, longest, tolerance)
        self.started = (2 if method.controlled else 0) + (1 if len(carried) else 0)
        self.each = method.evaluations + (method.evaluations_of_interpolant if keeps else 0)
        self.state = np.concatenate([[t[0], 0.0, first or steps[0], 1.0, 0.0, 0.0], start, carried[:, 0]])
        self.longest = longest
        extra = np.inf if field.time is not None else None  # no tolerance for the time
        columns = [v if extra is None else np.append(v, extra) for v in tolerance]
        self.tolerance = [(c,) if is_whole(field) else tuple(map(np.float64, c)) for c in columns]
        self.values = tuple(map(np.float64, moving.values()))
        self.degree = method.degree if keeps else 0
        self.rows = [np.concatenate([[t[0]], start, np.zeros(self.width - 1 - self.n)])[None]]

    @property
    def width(self) -> int:
        """Numbers a row: time and point, and the step's length and polynomial if they are kept."""
        return 1 + self.n + (1 + self.degree * self.n if self.degree else 0)

    @property
    def evaluations(self) -> int:
        """Of the field, so far."""
        return self.started + self.each * self.attempts

    def advance(self, room: int, bound: float, budget: int, patience: float) -> int:
        """Up to `room` steps more; the status, -1 if the run goes on."""
        check_memory(8 * self.width * (self.steps + room), "times=, or a larger rtol")
        out = np.empty((room, self.width))
        with np.errstate(all="ignore"):
            status, rows, tried = self.module.advance(
                self.state,
                self.values,
                self.t[1],
                *self.tolerance,
                bound,
                self.longest,
                budget - self.attempts,
                patience,
                out,
            )
        if rows:
            self.rows.append(out[:rows])
        self.steps, self.attempts = self.steps + rows, self.attempts + tried
        if status != -1:
            return int(status)
        if self.state[0] == self.t[1]:
            return Status.FINISHED
        return Status.EXHAUSTED if self.attempts >= budget else -1

    @property
    def points(self) -> tuple[np.ndarray, np.ndarray]:
        """All times and points."""
        rows = np.concatenate(self.rows)
        return rows[:, 0].copy(), rows[:, 1 : 1 + self.n].copy()

    def dense(self, *rows: np.ndarray) -> DenseOutput:
        """The dense output of these rows, the first of which is where its first step starts."""
        kept, n = np.concatenate(rows), self.n
        polynomials = kept[1:, 2 + n :].reshape(-1, self.degree, n)
        return DenseOutput(kept[:, 0], kept[:, 1 : 1 + n], kept[1:, 1 + n], polynomials)


def check_interval(t: Any) -> tuple[float, float]:
    """(t0, t1), finite and different."""
    try:
        t0, t1 = t
    except (TypeError, ValueError):
        raise InputError(f"t is {shown(t)}; give the interval (t0, t1), and other times as times=") from None
    start, end = finite(t0, "t0"), finite(t1, "t1")
    if start == end:
        raise InputError(f"t is ({start:g}, {end:g}); the end must differ from the start")
    return start, end


def check_times(times: Any, t0: float, t1: float) -> np.ndarray:
    """Times in (t0, t1), in the order of the run."""
    at = np.asarray(times, dtype=float)
    sign = math.copysign(1.0, t1 - t0)
    inside = (sign * at >= sign * t0) & (sign * at <= sign * t1)
    if at.ndim != 1 or not inside.all():
        raise InputError(f"times is {shown(times)}; give a list of numbers between {t0:g} and {t1:g}")
    if (sign * np.diff(at) <= 0).any():
        raise InputError("times must go from t0 to t1, each only once; sort them")
    return at


def tolerances(rtol: Any, atol: Any, variables: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Relative and absolute tolerances, one a variable each."""
    found = []
    for name, given, least in (("rtol", rtol, LEAST_RTOL), ("atol", atol, 0.0)):
        try:
            values = np.asarray(given, dtype=float)
        except (TypeError, ValueError):
            raise InputError(f"{name} is {shown(given)}; give one number or {len(variables)}") from None
        if values.shape not in ((), (len(variables),)) or not np.isfinite(values).all():
            raise InputError(f"{name} is {shown(given)}; give one finite number or {len(variables)}")
        if (values < least).any() or (name == "atol" and (values <= 0).any()):
            raise InputError(f"{name} is {values.min():g}; it must be {'at least 2.3e-14' if least else 'positive'}")
        found.append(np.broadcast_to(values, (len(variables),)).astype(float))
    return found[0], found[1]
