"""The toolkit itself, called as its users call it."""

from collections.abc import Callable
from typing import Any

import numpy as np

from dynsys import VectorField
from integrators import DOP853, DormandPrince, Euler, RungeKutta4, Taylor, Tsitouras, flow, solve
from integrators import ensemble as runs

METHODS = {"euler": Euler(), "runge_kutta4": RungeKutta4()}


def ensemble(field: VectorField, method: str, threads: int = 2) -> Callable[..., Any]:
    """(starts, h, steps) -> last points, statuses and steps."""

    def call(starts: np.ndarray, h: float, steps: int) -> tuple[np.ndarray, ...]:
        run = runs(field, starts, METHODS[method], h=h, steps=steps, threads=threads)
        return run.x, run.status, run.steps

    return call


def single(field: VectorField) -> dict[str, Callable[..., np.ndarray]]:
    """Name -> (start, end, tolerance) -> last point."""

    def call(method: Any) -> Callable[..., np.ndarray]:
        return lambda start, end, tolerance: solve(field, start, (0, end), method, tolerance, tolerance).x[-1]

    return {f"ours, {type(m).__name__}": call(m) for m in (DormandPrince(), Tsitouras(), DOP853(), Taylor())}


def many(field: VectorField, threads: int = 2) -> dict[str, Callable[..., np.ndarray]]:
    """Name -> (starts, end, tolerance) -> last points."""

    def call(method: Any) -> Callable[..., np.ndarray]:
        return lambda starts, end, tolerance: flow(
            field, starts, (0, end), method, tolerance, tolerance, threads=threads
        ).x[-1]

    return {f"ours, {type(m).__name__}": call(m) for m in (DOP853(), Taylor())}
