"""Points to train on: noisy curves and mixtures in the plane, or the user's own file.

The made sets spread over some ten units, since a tied network r = Wᵀs(Wx + b) + c scales its hidden units' height
with their steepness: on data of unit size it can only make steps as wide as the data. `standardised` brings other
data to that size.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dynsys.errors import InputError, nearest, shown
from dynsys.tables import NAMED_ROWS, check_rows, is_number, read_lines

SPREAD = 6.0  # root mean square distance from the mean, as the made sets have it
LARGEST = 1e70  # products of the squares of larger coordinates overflow


def spiral(count: int = 500, noise: float = 0.3, seed: int = 0) -> np.ndarray:
    """Points of an Archimedean spiral of 1½ turns and radius 10, evenly dense along it up to a few per cent.

    .. math:: x = 10u\\,(\\cos 3πu, \\sin 3πu) + \\text{noise}\\cdot N(0, I), \\qquad u^2 \\sim U(1/16, 1)

    Shape (count, 2). Raises `InputError` for a count below 1 or a negative noise, as all makers do.
    """
    draw = _generator(count, noise, seed)
    u = np.sqrt(draw.uniform(1 / 16, 1, count))
    return 10 * u[:, None] * _on_circle(3 * np.pi * u) + noise * draw.normal(size=(count, 2))


def circle(count: int = 500, noise: float = 0.3, seed: int = 0) -> np.ndarray:
    """Points of the circle of radius 6 round the origin, plus noise·N(0, I), shape (count, 2)."""
    draw = _generator(count, noise, seed)
    return 6 * _on_circle(draw.uniform(0, 2 * np.pi, count)) + noise * draw.normal(size=(count, 2))


def two_moons(count: int = 500, noise: float = 0.3, seed: int = 0) -> np.ndarray:
    """Points of two half circles of radius 5 that reach into each other, plus noise·N(0, I), shape (count, 2)."""
    draw = _generator(count, noise, seed)
    lower = draw.uniform(size=count) < 0.5
    points = 5 * _on_circle(draw.uniform(0, np.pi, count))
    points[lower] = np.array([5.0, 2.5]) - points[lower]
    return points - [2.5, 1.25] + noise * draw.normal(size=(count, 2))


MIXTURE_WEIGHTS = (0.5, 0.3, 0.2)
MIXTURE_MEANS = ((0.0, 6.0), (-5.0, -3.0), (6.0, -4.0))


def gaussian_mixture(count: int = 500, noise: float = 1.0, seed: int = 0) -> np.ndarray:
    """Points of Σ wₖN(μₖ, noise²·I) with three modes, `MIXTURE_WEIGHTS` and `MIXTURE_MEANS`, shape (count, 2)."""
    draw = _generator(count, noise, seed)
    chosen = draw.choice(len(MIXTURE_WEIGHTS), size=count, p=MIXTURE_WEIGHTS)
    return np.array(MIXTURE_MEANS)[chosen] + noise * draw.normal(size=(count, 2))


DATA: dict[str, Callable[..., np.ndarray]] = {
    "spiral": spiral,
    "circle": circle,
    "moons": two_moons,
    "mixture": gaussian_mixture,
}


def named(name: str) -> Callable[..., np.ndarray]:
    """The maker of this name; `InputError` that offers the nearest one."""
    if name not in DATA:
        raise InputError(f"there is no data set {shown(name)}; {nearest(name, DATA)}, or give a file NAME.csv")
    return DATA[name]


def _on_circle(angle: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(angle), np.sin(angle)], -1)


def _generator(count: Any, noise: Any, seed: Any) -> np.random.Generator:
    """The generator of a maker whose other arguments have been checked."""
    whole(count, "count", 1)
    number(noise, "noise", positive=False)
    return np.random.default_rng(whole(seed, "seed", 0))


def whole(value: Any, argument: str, least: int) -> int:
    """A whole number from `least` on."""
    try:
        checked = operator.index(value)
    except TypeError:
        checked = least - 1
    if checked < least or isinstance(value, bool):
        raise InputError(f"{argument} is {shown(value)}; give a whole number, at least {least}")
    return checked


def number(value: Any, argument: str, positive: bool = True) -> float:
    """A finite number that is positive, or not negative."""
    try:
        checked = float(value)
    except (TypeError, ValueError):
        checked = np.nan
    if not np.isfinite(checked) or checked < 0 or (positive and not checked):
        raise InputError(f"{argument} is {shown(value)}; give a {'positive' if positive else 'non-negative'} number")
    return checked


def check_points(points: Any, argument: str = "points", needed: int = 1) -> np.ndarray:
    """The points as a read-only float array (N, n) with N ≥ `needed`, all of them finite."""
    try:
        checked = np.array(points, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"{argument} is no array of real numbers; give one row a point, shape (N, n)") from None
    if checked.ndim != 2 or not checked.shape[1]:
        raise InputError(f"{argument} has shape {checked.shape}; give one row a point, shape (N, n)")
    if len(checked) < needed:
        raise InputError(f"{argument} holds {len(checked)} points; give at least {needed}")
    bad = np.flatnonzero(~(np.abs(checked) <= LARGEST).all(1))
    if len(bad):
        rows = ", ".join(map(str, bad[:NAMED_ROWS])) + (f" and {len(bad) - NAMED_ROWS} more" * (len(bad) > NAMED_ROWS))
        raise InputError(f"{argument} has entries that are NaN, infinite or beyond 1e70 in row {rows}; remove them")
    checked.flags.writeable = False
    return checked


def standardised(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """The points moved and scaled to mean 0 and `SPREAD`; and the centre and unit with points = centre + unit·new."""
    centre = points.mean(0)
    unit = float(np.sqrt(((points - centre) ** 2).sum(1).mean())) / SPREAD
    if not unit:
        raise InputError(f"points are {len(points)} times the same point {shown(centre.tolist())}; give different ones")
    return (points - centre) / unit, centre, unit


def read_csv(path: str | Path, needed: int = 2) -> np.ndarray:
    """The points of a file of comma-separated numbers, a point a line, shape (N, n) with n ≥ 2.

    A first line without any number is a header; empty lines do not count. Raises `InputError` that names, by line
    number, the rows with text, NaN or another number of columns, so that none is dropped in silence; and for one
    column or fewer than `needed` points.
    """
    path = Path(path)
    lines = read_lines(path)
    if lines and not any(map(is_number, lines[0][1])):
        lines = lines[1:]
    if not lines:
        raise InputError(f"{path.name} holds no points; give at least {needed} lines of numbers")
    columns = max(sizes := [len(row) for _, row in lines], key=sizes.count)
    if columns < 2:
        raise InputError(f"{path.name} has one column; give two or more, separated by commas")
    check_rows(path.name, lines, columns, largest=LARGEST)
    return check_points([[float(cell) for cell in row] for _, row in lines], path.name, needed)
