"""Lyapunov exponents: how fast directions grow along an orbit of a flow, or of an update on its full state."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from analysis.batch_means import batch_means
from analysis.lyapunov_spectra import LyapunovSpectrum, verdict_of
from analysis.resting_points import fixed_point_at, zero_at
from analysis.spectra import sorted_eigenvalues
from analysis.updates import multipliers
from dynsys.array_field import AnyField, check_field
from dynsys.errors import InputError
from dynsys.expressions import finite
from dynsys.field import as_points
from integrators.adaptive.embedded import DOP853
from integrators.adaptive.method import AdaptiveMethod, check_adaptive
from integrators.adaptive.solutions import solve
from integrators.checks import check_count, check_positive, check_step
from integrators.driver import Progress
from integrators.method import Method
from integrators.status import Status
from integrators.tangents import TangentRuns, check_tangent, state_size, tangent_runs

ROWS = 256  # batches that the errors start from; the growth curve has as many points
STEPS, TIME = 100_000, 1000.0  # by default
RESTS = "the orbit rests at a fixed point, whose exponents these are"
TRIALS = 8  # of the step size with which a flow's error is within the tolerances


def lyapunov_spectrum(
    field: AnyField,
    x0: Any,
    method: Method | None = None,
    h: float | None = None,
    steps: int | None = None,
    time: float | None = None,
    transient: float | None = None,
    k: int | None = None,
    rtol: float = 1e-9,
    atol: float = 1e-12,
    progress: Progress | None = None,
) -> LyapunovSpectrum:
    """The k largest Lyapunov exponents of the orbit from x0, shape (n,): of the flow, or of the update if h is given.

    .. math:: \\lambda_j = \\lim_{t\\to\\infty} \\tfrac1t \\ln R_{jj}(t), \\qquad \\Phi'_t(x_0)\\,Q_0 = Q_t R(t)

    Of an update `steps` (100 000) are taken after `transient` (a tenth of them), on its full state, memory included;
    the exponents are per unit of time, that is per step divided by h. Of a flow, x and Q are solved by an adaptive
    `method` (DOP853) for a `time` (1000) after a `transient` time, all steps of one size, so small that the error of
    each is within `rtol` and `atol`. k defaults to all, up to 16. A field's own time counts as one more variable, of
    exponent 0.

    Raises `InputError` for a method whose update has no derivative, with the reason, and arguments that do not fit.
    Benettin et al. (1980); Shimada & Nagashima (1979); Eckmann & Ruelle (1985).
    """
    field = check_field(field)
    start = as_points(x0, field.variables, "x0")
    if start.ndim != 1 or not np.isfinite(start).all():
        raise InputError(f"x0 is {str(x0)[:60]}; give one finite point of {field.n} numbers")
    if h is None:
        if steps is not None:
            raise InputError("steps is given but no h; give h for an update, or time for the flow")
        solver = DOP853() if method is None else check_adaptive(method)
        return _of_flow(field, start, solver, time, transient, k, rtol, atol, progress)
    if method is None:
        raise InputError("h is given but no method; give method=Euler() for a map or a gradient step")
    length = check_step(h)
    if steps is not None and time is not None:
        raise InputError("steps and time are given; give one of them")
    if time is not None:
        steps = math.ceil(check_positive(time, "time") / length)
    count = check_count(STEPS if steps is None else steps, "steps", 1)
    skipped = count // 10 if transient is None else check_count(transient, "transient")
    return _of_update(field, start, method, length, count, skipped, k, progress)


def _of_update(
    field: AnyField, x: np.ndarray, method: Method, h: float, steps: int, skipped: int, k: int | None, progress: Any
) -> LyapunovSpectrum:
    checked, count = check_tangent(field, method, k)
    every = max(1, steps // ROWS)
    before = -(-skipped // every)  # rows that are not looked at
    total = every * (before + max(1, steps // every))

    def resting(y: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        point = None if field.time is not None else fixed_point_at(field, y, checked, h)
        if point is None:
            return None
        sizes = np.abs(multipliers(field, point, checked, h))
        with np.errstate(divide="ignore"):
            return point, np.log(np.where(sizes < 1e-15 * (1 + sizes.max()), 0.0, sizes)) / h  # below rounding: 0

    size = state_size(field, checked)
    at_once = resting(x)
    if at_once is not None:
        return _at_rest(field, *at_once, h * np.linspace(0, total - every * before, 2), checked.label, h, count)
    runs = tangent_runs(field, x[None], checked, h, total, every, count, progress=progress)
    rest = resting(runs.x[0]) if runs.status[0] <= Status.STATIONARY else None
    return _result(field, runs, before, h, rest, checked.label, size, flow=False)


def _of_flow(
    field: AnyField, x: np.ndarray, method: AdaptiveMethod, time: float | None, transient: float | None,
    k: int | None, rtol: float, atol: float, progress: Any,
) -> LyapunovSpectrum:  # fmt: skip
    n = field.n + (field.time is not None)
    span = TIME if time is None else check_positive(time, "time")
    skipped = span / 10 if transient is None else finite(transient, "transient")
    if skipped < 0:
        raise InputError(f"transient is {skipped:g}; it must not be negative")
    count = check_tangent(field, method, k)[1]

    def resting(y: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        point = None if field.time is not None else zero_at(field, y)
        return None if point is None else (point, sorted_eigenvalues(np.linalg.eigvals(field.jacobian(point))).real)

    at_once = resting(x)
    if at_once is not None:
        return _at_rest(field, *at_once, np.linspace(0, span, 2), "", math.nan, count)
    pilot = solve(field, x, (0.0, max(skipped, span / 100)), method, rtol, atol)
    if not pilot.success:
        return _unsolved(field, pilot, count)
    # the second half of the transient turns the directions; a short one begins at the start
    half = 0 if skipped == 0 else min(int(np.searchsorted(pilot.t, skipped / 2)), len(pilot.t) - 2)
    first, t0 = pilot.x[half], float(pilot.t[half])
    lengths = np.diff(pilot.t[half:])
    h = float(lengths[:-1].min() if len(lengths) > 1 else lengths.min())
    wait = max(skipped - t0, 0.0)
    for _ in range(TRIALS):
        every = max(1, math.ceil(span / h / ROWS))
        h = span / (every * ROWS)
        before = math.ceil(wait / (every * h) - 1e-9)
        total = every * (before + ROWS)
        runs = tangent_runs(field, first[None], method, h, total, every, count, None, rtol, atol, t0, progress=progress)
        worst = float(runs.worst[0])
        if worst <= 1:
            break
        h *= max(0.2, 0.9 * worst ** (-1 / method.error_order)) if math.isfinite(worst) else 0.2
    else:
        raise InputError(
            f"the flow needs steps below {h:.2g}, for an error within rtol = {rtol:g}; loosen it, or take Rosenbrock()"
        )
    rest = resting(runs.x[0]) if runs.status[0] == Status.FINISHED else None
    return _result(field, runs, before, h, rest, "", n, flow=True, slack=rtol * worst / h)


def _unsolved(field: AnyField, pilot: Any, count: int) -> LyapunovSpectrum:
    """The answer for a flow that ends before the transient does."""
    nothing = np.full(count, np.nan)
    return LyapunovSpectrum(
        nothing, nothing, nothing, np.zeros(1), np.zeros((1, count)), None, pilot.status.message, None, pilot.x[-1],
        pilot.status, pilot.steps, "", math.nan, 0, field.n, field.variables,
    )  # fmt: skip


def _resting_words(exponents: np.ndarray) -> str:
    return RESTS + (", and which repels" if exponents[0] > 0 else "")


def _at_rest(
    field: AnyField, point: np.ndarray, exact: np.ndarray, time: np.ndarray, label: str, h: float, k: int
) -> LyapunovSpectrum:
    """The answer for an orbit that begins at a fixed point."""
    zero = np.zeros(k)
    with np.errstate(invalid="ignore"):
        growth = np.where(time[:, None] == 0, 0.0, exact[:k] * time[:, None])
    return LyapunovSpectrum(
        exact[:k], zero, zero, time, growth, False, _resting_words(exact), point, point, Status.STATIONARY, 0, label, h,
        0, len(exact), field.variables,
    )  # fmt: skip


def _result(
    field: AnyField, runs: TangentRuns, before: int, h: float, rest: tuple[np.ndarray, np.ndarray] | None, label: str,
    size: int, flow: bool, slack: float = 0.0,
) -> LyapunovSpectrum:  # fmt: skip
    """From the logs of one run to its exponents; those of an orbit that ends at a fixed point are exact.

    `slack` is what the steps' own errors may add to the rates: a relative error a step, over its length.
    """
    status, reached = Status(int(runs.status[0])), int((runs.steps_kept <= runs.steps[0]).sum())
    kept = slice(min(before, reached - 1), reached)
    time, logs = h * runs.steps_kept[kept], runs.logs[kept, 0]
    with np.errstate(invalid="ignore"):
        growth = np.where(np.isneginf(logs), -np.inf, logs - logs[0])
    k, point = growth.shape[1], None
    zero, unknown = np.zeros(k), np.full(k, np.nan)
    if rest is not None:
        point, (found, spread, error, batches) = rest[0], (rest[1][:k], zero, zero, 0)
        verdict: tuple[bool | None, str] = (False, _resting_words(rest[1]))
    elif status != Status.FINISHED or len(time) < 2:
        found, spread, error, batches, verdict = unknown, unknown, unknown, 0, (None, status.message)
    else:
        means = batch_means(growth, time)
        order = np.argsort(-means.mean, kind="stable")
        found, spread, error = means.mean[order], means.standard_error[order], means.error[order] + slack
        growth, batches = growth[:, order], means.batches
        verdict = verdict_of(found, error, float(growth[-1, 0]), int(runs.steps[0]), flow, size)
    return LyapunovSpectrum(
        found, error, spread, time, growth, *verdict, point, runs.x[0], status, int(runs.steps[0]), label, h, batches,
        size, field.variables,
    )  # fmt: skip
