"""The tangent map of an update, one more method: it carries k directions, kept orthonormal, and the logs of growth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dynsys.array_field import AnyField
from dynsys.errors import InputError
from dynsys.kernels import compiling
from dynsys.vector import axpy, dot, maximum, scale, sqrt, where
from integrators.adaptive.method import AdaptiveMethod, Attempt
from integrators.blocks import check_threads, parameter_rows, starting_points, step_sizes
from integrators.checks import check_count, check_memory, check_positive
from integrators.columns import Columns, Plan
from integrators.driver import Progress
from integrators.duals import DualField, columns_of, dual_state, values_of
from integrators.kernel import first_state, is_whole, kernel
from integrators.method import Method, check_method
from integrators.states import flat
from integrators.status import DIVERGENCE_BOUND, Status
from integrators.wrapping import Wrapper

ZERO = 1e-15  # what rounding leaves of a direction that the tangent map annihilates, as a share of its length before


@dataclass(frozen=True)
class Tangent(Wrapper):
    r"""`method` and the tangent map of its update on the full state, along k orthonormal directions.

    .. math:: s^+ = \Phi_h(s), \qquad Q^+ R = \Phi_h'(s)\,Q, \qquad \ell^+ = \ell + \ln \mathrm{diag}\,R

    Φ' is exact to rounding: the step runs on dual numbers. R has a positive diagonal, by modified Gram-Schmidt; of as
    many directions as the state has numbers, the sum of ℓ is Σ ln|det Φ'|. A direction that Φ' annihilates has
    ℓ = -∞ from then on. The logs are what runs report beside the point; their sum is compensated. With `rtol` and
    `atol`, of an adaptive method, the largest error of a step in units of these tolerances stands behind them.

    Benettin, Galgani, Giorgilli & Strelcyn (1980); Shimada & Nagashima (1979).
    """

    method: Method
    k: int
    rtol: float = 0.0
    atol: float = 0.0
    moves: ClassVar[str] = "its directions turn at zeros, too"

    def initial(self, v: Any, x: Any, p: Any) -> Any:
        """The method's first state, a fixed frame in general position, no growth."""
        state = self.method.initial(v, x, p)
        zero, nothing = 0 * x[0], 0 * flat(state)[0]
        frame = tuple(tuple(nothing + float(e) for e in column) for column in frame_of(len(flat(state)), self.k))
        return state, frame, ((nothing,) * self.k,) * 2, (zero,)

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """The step on dual numbers, then the directions made orthonormal again."""
        before, frame, (logs, rests), (worst,) = state
        field, start = DualField(v, self.k), dual_state(before, frame)
        if self.rtol > 0:
            found = self._attempt(field, start, p, h)
            end, worst = found.x, maximum(worst, self._error(found, before, h))
        else:
            end = self.method.step(field, start, p, h)
        after, columns = columns_of(end, self.k)
        frame, lengths = orthonormal(columns)
        pairs = [compensated(*triple) for triple in zip(logs, rests, lengths, strict=True)]
        return after, frame, tuple(zip(*pairs, strict=True)), (worst,)

    def _attempt(self, v: Any, x: Any, p: Any, h: Any) -> Attempt:
        method: Any = self.method
        found: Attempt = method.attempt(v, x, p, method.carry(v, x, p), h)
        return found

    def _error(self, found: Attempt, before: Any, h: Any) -> Any:
        """ε² of the step, by the larger end of every component."""
        method: Any = self.method
        units = [
            self.atol + self.rtol * maximum(abs(a), abs(b)) for a, b in zip(before, values_of(found.x), strict=True)
        ]
        squares = []
        for error in found.errors:
            parts = tuple(e / u for e, u in zip(values_of(error), units, strict=True))
            squares.append(dot(parts, parts) / len(parts))
        return method.squared_error(tuple(squares), h)

    def position(self, state: Any) -> Any:
        """The method's point."""
        return self.method.position(state[0])

    def average(self, state: Any) -> Any:
        """The logs of growth; with tolerances, the largest squared error of a step behind them."""
        return (*state[2][0], *(state[3] if self.rtol > 0 else ()))


def frame_of(size: int, k: int) -> np.ndarray:
    """k orthonormal rows of `size` numbers in general position, always the same: no symmetry of a field keeps them."""
    square = np.random.default_rng(1980).normal(size=(size, size))
    return np.asarray(np.linalg.qr(square)[0].T[:k])


def orthonormal(columns: Any) -> tuple[Any, tuple[Any, ...]]:
    """Q and the diagonal of R of the QR decomposition of some columns; 0 for both where rounding is all that is left.

    Modified Gram-Schmidt: Björck (1967).
    """
    done: list[Any] = []
    lengths = []
    for column in columns:
        whole = sqrt(dot(column, column))
        for q in done:
            column = axpy(-dot(q, column), q, column)
        length = sqrt(dot(column, column)) if done else whole
        good = length > ZERO * whole
        lengths.append(where(good, length, 0.0))
        done.append(scale(where(good, 1.0 / where(good, length, 1.0), 0.0), column))
    return tuple(done), tuple(lengths)


def compensated(total: Any, rest: Any, length: Any) -> tuple[Any, Any]:
    """total + ln(length) and the rounding error of the sum; -∞ and 0 for a length of 0. Kahan (1965)."""
    good = length > 0
    term = logarithm(where(good, length, 1.0)) - rest
    new = total + term
    return where(good, new, -np.inf), where(good, (new - total) - term, 0.0)


def logarithm(x: Any) -> Any:
    """ln x of a number of any kind."""
    return x.log() if hasattr(x, "log") else np.log(x)


# --- runs -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TangentRuns:
    """m runs with their tangent maps: logs of growth (r, m, k) and points (r, m, n) after `steps_kept` (r,) steps.

    `x` (m, n) holds the last points, `worst` (m,) the largest error of a step in units of the tolerances, 0 without.
    """

    steps_kept: np.ndarray
    logs: np.ndarray
    points: np.ndarray
    x: np.ndarray
    status: np.ndarray
    steps: np.ndarray
    worst: np.ndarray


def check_tangent(field: AnyField, method: Any, k: int | None, argument: str = "k") -> tuple[Method, int]:
    """The method, and how many directions its tangent map is to carry: all of its full state, or k of them."""
    checked = check_method(method, field)
    reason = checked.differentiable or field.piecewise
    if reason:
        raise InputError(f"{checked.label} has no tangent map: {reason}")
    size = state_size(field, checked)
    count = min(size, MOST) if k is None else check_count(k, argument, 1)
    if count > size:
        raise InputError(f"{argument} is {count}, but the state of {checked.label} on this field holds {size} numbers")
    return checked, count


def state_size(field: AnyField, method: Method) -> int:
    """How many numbers the method's full state on the field holds, a time variable included."""
    return len(flat(first_state(field.autonomous(), method)))


MOST = 16  # directions by default: the work grows with their square


def tangent_runs(
    field: AnyField, starts: Any, method: Method, h: Any, steps: int, every: int, k: int | None = None,
    parameters: Mapping[str, Any] | None = None, rtol: float = 0.0, atol: float = 0.0, t0: float = 0.0,
    divergence_bound: float = DIVERGENCE_BOUND, threads: int | None = None, progress: Progress | None = None,
) -> TangentRuns:  # fmt: skip
    """Run `method` and its tangent map from each of the starts, shape (m, n); keep the logs at every `every`-th step.

    `h` and each entry of `parameters` may be one number or m of them; a run depends on no other, bit for bit. Raises
    `InputError` as `ensemble` does, and for a method whose update has no derivative, with the reason;
    `KeyboardInterrupt` if Ctrl-C came before the end.
    """
    checked, count = check_tangent(field, method, k)
    if rtol > 0 and not isinstance(checked, AdaptiveMethod):
        raise InputError(f"{checked.label} estimates no error; give DOP853() or another adaptive method")
    tangent = Tangent(checked, count, rtol, atol)
    points = starting_points(starts, field)
    m = len(points)
    if field.time is not None:
        points = np.column_stack([points, np.full(m, float(t0))])
    plan = Plan(
        field, tangent, check_count(steps, "steps"), check_count(every, "every", 1),
        check_positive(divergence_bound, "divergence_bound"),
    )  # fmt: skip
    check_memory(plan.memory(m), "every=, or fewer starts")
    width = count + (1 if rtol > 0 else 0)
    X = np.vstack([points.T, np.zeros((width, m))])
    P, H = parameter_rows(field, parameters, m), step_sizes(h, m)
    if m == 1 and progress is None and not is_whole(field):
        runs = _single(plan, X, P, H)
    else:
        runs = plan.take(X, P, H, 0, check_threads(threads, compiling() or is_whole(field)), progress)
    if (runs.status == Status.INTERRUPTED).any():
        raise KeyboardInterrupt
    n = len(points.T)
    logs, shown = runs.kept[:, n : n + count], runs.kept[:, : field.n]
    worst = np.sqrt(runs.x[n + count]) if rtol > 0 else np.zeros(m)
    kept = plan.every * np.arange(plan.rows)
    return TangentRuns(
        kept, np.moveaxis(logs, 1, 2), np.moveaxis(shown, 1, 2), runs.x[: field.n].T, runs.status, runs.steps, worst
    )


def _single(plan: Plan, X: np.ndarray, P: np.ndarray, H: np.ndarray) -> Columns:
    """One run by the kernel of a trajectory: a fifth of the time that a block of lanes takes."""
    runs = plan.begun(X)
    if runs.status[0]:
        return runs
    n = plan.sizes[1]
    out = np.empty((plan.rows, len(X)))
    numbers = lambda column: tuple(map(np.float64, column))  # noqa: E731
    start, p, h = numbers(X[:n, 0]), numbers(P[:, 0]), np.float64(H[0])
    run = kernel(plan.field, plan.method, "trajectory").trajectory  # type: ignore[arg-type]
    with np.errstate(all="ignore"):
        status, taken, kept = run(start, p, h, plan.steps, plan.every, plan.bound, out)
    runs.kept[1 : kept + 1, :, 0] = out[:kept]
    runs.x[:, 0] = runs.kept[kept, :, 0]
    if kept * plan.every < taken:  # the last point is between two that are kept: go there once more
        last = np.empty((1, len(X)))
        with np.errstate(all="ignore"):
            if run(start, p, h, int(taken), int(taken), plan.bound, last)[2]:
                runs.x[:, 0] = last[0]
    runs.kept[kept + 1 :, :, 0] = runs.x[:, 0]
    runs.status[0], runs.steps[0] = Status(status), taken
    return runs
