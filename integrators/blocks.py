"""Runs side by side in blocks of lanes: their columns, their step sizes, their parameters."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from dynsys.array_field import AnyField
from dynsys.errors import InputError
from dynsys.expressions import check_parameters
from dynsys.field import as_points
from integrators.checks import check_count
from integrators.status import LANES


def starting_points(starts: Any, field: Any) -> np.ndarray:
    """The starts as an array (m, n)."""
    points = as_points(starts, field.variables, "starts")
    if points.ndim != 2:
        raise InputError(f"starts has shape {points.shape}; give (m, {field.n})")
    return points


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_threads(threads: int | None, several: bool) -> int:
    """How many threads to take: those asked for, else one a processor where several can run at a time."""
    if threads is not None:
        return check_count(threads, "threads", 1)
    return processors() if several else 1


def padded(rows: np.ndarray, blocks: int) -> np.ndarray:
    """A copy with columns up to a whole number of blocks, the last one repeated."""
    extra = blocks * LANES - rows.shape[1]
    return np.array(np.pad(rows, ((0, 0), (0, extra)), mode="edge") if extra else rows, dtype=float, order="C")


def _each(values: Any, argument: str, m: int) -> np.ndarray:
    """One finite number or m of them, as m."""
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"{argument} is {str(values)[:60]!r}; give one number or {m} of them") from None
    if array.shape not in ((), (m,)):
        raise InputError(f"{argument} has shape {array.shape}; give one number or {m} of them")
    if not np.isfinite(array).all():
        raise InputError(f"{argument} holds {array[~np.isfinite(array)][0]}; every value must be finite")
    return np.broadcast_to(array, (m,))


def step_sizes(h: Any, m: int) -> np.ndarray:
    """One step size for each of m runs."""
    values = _each(h, "h", m)
    if not (values > 0).all():
        raise InputError(f"h holds {values[values <= 0][0]}; a step size must be positive")
    return values


def parameter_rows(field: AnyField, given: Mapping[str, Any] | None, m: int) -> np.ndarray:
    """The parameters' values for each of m runs, a row a parameter."""
    rows = np.repeat(np.array(field.values(), dtype=float)[:, None], m, axis=1)
    check_parameters(given or {}, field.parameters)
    for name, values in (given or {}).items():
        rows[list(field.parameters).index(name)] = _each(values, f"parameter {name}", m)
    return rows
