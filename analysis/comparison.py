"""Many methods on one field from one start: what each does at the same zero, with the same step size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.best_steps import BestStep, best_step
from analysis.stability import CriticalStep, critical_step
from analysis.updates import multipliers
from analysis.zeros import exact_or_precise
from dynsys.errors import InputError
from dynsys.field import VectorField, as_points
from integrators.checks import check_step
from integrators.method import Method, check_method
from integrators.status import Status
from integrators.trajectories import trajectory

ON_THE_CIRCLE = 1e-9  # |ρ - 1| below which a double-precision radius says neither stable nor unstable


@dataclass(frozen=True)
class Entry:
    """One method at the zero.

    `verdict` on the update at the common h: stable, neutral, on a border or unstable, exact, or "-" with the `reason`
    why there is none; multipliers (k,), stable steps and best step, if there are. `run` holds the points of the run
    from the common start, shape (steps + 1, n), and `status` how it ended.
    """

    method: Method
    verdict: str
    reason: str
    multipliers: np.ndarray
    steps: CriticalStep | None
    best: BestStep | None
    run: np.ndarray
    status: Status

    def to_dict(self, x: np.ndarray) -> dict[str, Any]:
        """Plain numbers and texts."""
        return {
            "method": self.method.label,
            "verdict": self.verdict,
            "reason": self.reason,
            "multipliers": [[float(z.real), float(z.imag)] for z in self.multipliers],
            "critical_step": None if self.steps is None else self.steps.to_dict(),
            "best_step": None if self.best is None else self.best.to_dict(),
            "evaluations": self.method.evaluations,
            "status": self.status.name.lower(),
            "last_distance": distance(self.run[-1], x),
        }


@dataclass(frozen=True)
class Comparison:
    """The entries of all methods, for one field at one zero x with one step h, and their common start."""

    field: VectorField
    x: np.ndarray
    h: float
    start: np.ndarray
    entries: tuple[Entry, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts."""
        return {
            "field": self.field.name,
            "digest": self.field.digest,
            "x": self.x.tolist(),
            "eigenvalues": [[float(z.real), float(z.imag)] for z in np.linalg.eigvals(self.field.jacobian(self.x))],
            "h": self.h,
            "start": self.start.tolist(),
            "methods": [entry.to_dict(self.x) for entry in self.entries],
        }


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """‖a - b‖."""
    return float(np.linalg.norm(a - b))


def compare(
    field: VectorField, x: Any, methods: Sequence[Method], h: float, start: Any, steps: int = 200
) -> Comparison:
    """Every method at the zero x of the field, with step size h, and a run of `steps` steps from `start`.

    Raises `InputError` if x is not a zero, or a method does not fit the field.
    """
    zero, first, h = as_points(x, field.variables), as_points(start, field.variables, "start"), check_step(h)
    exact_or_precise(field, zero)  # refuses what is no zero, once for all
    entries = tuple(_entry(field, zero, check_method(method, field), h, first, steps) for method in methods)
    return Comparison(field, zero, h, first, entries)


def _entry(field: VectorField, x: np.ndarray, method: Method, h: float, start: np.ndarray, steps: int) -> Entry:
    # a few hundred steps: compiling a kernel for each method would take longer
    run = trajectory(field, start, method, h=h, steps=steps, compiled=False)
    try:
        critical = critical_step(field, x, method)
        zeta = multipliers(field, x, method, h)
    except InputError as error:
        return Entry(method, "-", str(error), np.zeros(0), None, None, run.x, run.status)
    best = best_step(field, x, method)
    return Entry(method, verdict_at(critical, h, zeta), "", zeta, critical, best, run.x, run.status)


def verdict_at(critical: CriticalStep, h: float, zeta: np.ndarray) -> str:
    """The verdict at h: from the exact intervals, and at a border from the multipliers."""
    for name in ("stable", "neutral"):
        if any(lo < h < hi for lo, hi in getattr(critical, name)):
            return name
    return "on a border" if abs(np.abs(zeta).max() - 1) < ON_THE_CIRCLE else "unstable"
