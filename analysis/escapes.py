"""Escape: how long minibatch noise takes to carry training out of a basin of attraction, or out of a box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2

from analysis.stationary import attracting_update
from dynsys.errors import InputError
from dynsys.field import check_box
from dynsys.minibatches.minibatch_field import MinibatchField
from integrators.checks import check_count, check_step
from integrators.ensembles import ensemble
from integrators.method import Method
from integrators.status import Status
from integrators.stochastic_runs import sample_paths

HOME = 1e-3  # of its start's distance: a run of the expected update that comes so near the equilibrium is back
MOST_LOOKS = 4000  # points of each run that are looked at


@dataclass(frozen=True)
class EscapeTimes:
    """Steps (m,) after which each run was first seen outside, inf for those still inside after `steps` steps.

    Runs are looked at every `every` steps, so a time is late by less than that. `mean`, with its 95 % interval
    (low, high), is the maximum-likelihood mean of an exponential law, as escapes from deep basins have, given the runs
    that did not escape.
    """

    times: np.ndarray
    mean: float
    low: float
    high: float
    steps: int
    every: int
    from_basin: bool
    B: int
    method: str
    h: float

    @property
    def escaped(self) -> int:
        """How many runs were seen outside."""
        return int(np.isfinite(self.times).sum())

    @property
    def text(self) -> str:
        """In words."""
        place = "its basin" if self.from_basin else "the box"
        return (
            f"{self.escaped} of {len(self.times)} runs left {place} within {self.steps} steps "
            f"(B = {self.B}, {self.method}, h = {self.h:g}): mean escape time {self.mean:.6g} steps "
            f"[{self.low:.6g}, {self.high:.6g}]"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; None for infinite ones."""
        finite = lambda t: float(t) if np.isfinite(t) else None  # noqa: E731
        return {
            "times": [finite(t) for t in self.times],
            **{name: finite(getattr(self, name)) for name in ("mean", "low", "high")},
            **{name: getattr(self, name) for name in ("escaped", "steps", "every", "from_basin", "B", "method", "h")},
        }


def escape_times(
    field: MinibatchField,
    x: Any,
    method: Method,
    h: float,
    steps: int,
    runs: int = 256,
    box: Any = None,
    every: int | None = None,
    rng: Any = 0,
) -> EscapeTimes:
    """When runs that start at the zero x of the expected field leave its basin of attraction, or `box` if given.

    A point is in the basin if the expected update with the same method and step size leads from it back to x. Runs are
    looked at every `every` steps (default: at most 4000 times). A run that diverges has escaped. The mean is fitted as
    times of a Poisson process with censoring; its interval is exact for that law (Epstein & Sobel 1953).

    Raises `InputError` if x is no zero that attracts under the update, or is outside the box.
    """
    h, steps, runs = check_step(h), check_count(steps, "steps", 1), check_count(runs, "runs", 1)
    every = -(-steps // MOST_LOOKS) if every is None else check_count(every, "every", 1)
    if every > steps:
        raise InputError(f"every is {every}, more than the {steps} steps; look at least once")
    zero, _, radius = attracting_update(field, x, method, h)
    w = field.expected()
    path = sample_paths(field, np.tile(zero, (runs, 1)), method, h, steps, every, rng).complete()
    gone = np.where(path.status != Status.FINISHED, path.steps, np.inf)
    if box is None:
        back = int(min(20_000, max(50, 12 / max(1 - radius, 1e-9))))
        outside = lambda points: ~_comes_back(w, points, zero, method, h, back)  # noqa: E731
    else:
        low, high = np.array(check_box(box, field.variables)).T
        if not ((zero >= low) & (zero <= high)).all():
            raise InputError(f"box does not hold x = {zero.round(6).tolist()}; choose one around it")
        outside = lambda points: ((points < low) | (points > high)).any(1)  # noqa: E731
    times = _first_outside(path.x, path.k, outside, gone)
    mean, least, most = _exponential(times, steps)
    return EscapeTimes(times, mean, least, most, steps, every, box is None, field.batch, method.label, h)


def _first_outside(x: np.ndarray, k: np.ndarray, outside: Any, gone: np.ndarray) -> np.ndarray:
    """The first step of each run that is outside, among those kept, or that at which it was gone."""
    times = gone.copy()
    inside = np.ones(x.shape[1], dtype=bool)
    for row, step in zip(x[1:], k[1:], strict=True):
        live = np.flatnonzero(inside)
        if not len(live):
            break
        out = live[outside(row[live])]
        times[out], inside[out] = np.minimum(times[out], step), False
    return times


def _comes_back(w: Any, points: np.ndarray, zero: np.ndarray, method: Method, h: float, steps: int) -> np.ndarray:
    """Whether the expected update leads from each point to the zero."""
    far = np.linalg.norm(points - zero, axis=1)
    run = ensemble(w, points, method, h, steps).complete()
    near = np.linalg.norm(run.x - zero, axis=1) <= HOME * np.maximum(far, 1e-9)
    ended = (run.status == Status.DIVERGED) | (run.status == Status.NOT_FINITE) | (run.status == Status.UNSOLVED)
    found: np.ndarray = near & ~ended
    return found


def _exponential(times: np.ndarray, steps: int) -> tuple[float, float, float]:
    """The mean of an exponential law from times censored at `steps`, and its exact 95 % interval."""
    count = int(np.isfinite(times).sum())
    total = float(np.minimum(times, steps).sum())
    low = 2 * total / float(chi2.ppf(0.975, 2 * count + 2))
    if count == 0:
        return np.inf, low, np.inf
    return total / count, low, 2 * total / float(chi2.ppf(0.025, 2 * count))
