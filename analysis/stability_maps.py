"""The spectral radius of the update over two parameters, the step size included, and the exact borders between."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.border_curves import Border, Resonance, borders_over, one_step_function
from analysis.families import Followed, check_parameter
from analysis.map_kernels import fill
from analysis.stability_functions import check_linear, numeric_method
from analysis.zeros import zero_near
from dynsys.errors import InputError, shown
from integrators.checks import check_memory, check_step
from integrators.method import Method, amplification, linear_update

CHUNK = 2**20  # matrices whose eigenvalues are taken at a time


@dataclass(frozen=True, eq=False)
class StabilityMap:
    """The spectral radius of a method's update over two parameters, shape (len(second), len(first)).

    `axes` are the names of the first and second parameter with their values. `x`, shape (len(moving), n), is the zero
    followed over the values of the parameter that is not h (the second, if neither is), NaN where its branch has
    ended; `ended` says so in words. `borders` are the curves on which a multiplier crosses the unit circle, and
    `resonances` the points on them where its rotation number is 1, 1/2, 1/3 or 1/4; only for maps over h.
    """

    axes: tuple[tuple[str, np.ndarray], tuple[str, np.ndarray]]
    radius: np.ndarray
    x: np.ndarray
    ended: str
    borders: tuple[Border, ...]
    resonances: tuple[Resonance, ...]
    method: str
    h: float | None
    _multipliers: Callable[[], np.ndarray] = field(repr=False)

    @functools.cached_property
    def dominant(self) -> np.ndarray:
        """The multiplier of largest modulus, of a pair the one with Im ≥ 0, complex, shape of `radius`."""
        return self._multipliers()

    @property
    def verdict(self) -> np.ndarray:
        """-1 stable, 0 neutral (within 1e-12 of the unit circle), 1 unstable, 2 where the branch has ended."""
        near = np.abs(self.radius - 1) <= 1e-12
        found = np.where(near, 0, np.where(self.radius < 1, -1, 1))
        return np.where(np.isnan(self.radius), 2, found)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, without the grid."""
        return {
            "axes": {name: [float(values[0]), float(values[-1]), len(values)] for name, values in self.axes},
            "method": self.method,
            "h": self.h,
            "stable_share": float(np.mean(self.verdict == -1)),
            "ended": self.ended,
            "borders": [border.to_dict() for border in self.borders],
            "resonances": [point.to_dict() for point in self.resonances],
        }


def stability_map(
    field: Any, x: Any, method: Method, ranges: Mapping[str, Sequence[float]], h: float | None = None
) -> StabilityMap:
    """The spectral radius of `method`'s update at the zero x over the values of two parameters in `ranges`.

    A name in `ranges` is "h" or a parameter of the field, first the one along the columns: `radius` has shape
    (len(second), len(first)). Without "h" among them the step is `h`. Where the zero moves with a parameter it is
    followed from the field's own value of it. A method that treats all components alike has multipliers that depend on
    hλ only, so one decomposition serves all step sizes. Raises `InputError` for a point that is no zero, parameters
    the field does not have (with the nearest), values not in rising order, and a grid larger than memory.
    """
    axes = _axes(field, ranges, h)
    check_linear(method, "stability map", field)
    (first, columns), (second, rows) = axes
    check_memory(8 * 8 * len(columns) * len(rows), "fewer values in ranges=")
    followed = Followed(field, zero_near(field, x), [name for name, _ in axes if name != "h"])
    if "h" not in (first, second):
        places, jacobians = followed.over_two(columns, rows)
        flat, step = jacobians.reshape(-1, field.n, field.n), np.array([check_step(h)])
        shaped = radii(method, flat, step, field.blocks).reshape(len(rows), len(columns))
        ended = followed.text(rows, places[:, 0])
        largest = lambda: dominant_multipliers(method, flat, step, field.blocks).reshape(shaped.shape)  # noqa: E731
        return StabilityMap(axes, shaped, places, ended, (), (), method.label, h, largest)
    steps, values = (columns, rows) if first == "h" else (rows, columns)
    places, jacobians = followed.over(values)
    radius = radii(method, jacobians, steps, field.blocks)
    ends, h_ends = ((float(part[0]), float(part[-1])) for part in (values, steps))
    borders, resonances = borders_over(method, lambda c: followed.over(c)[1], ends, h_ends, field.blocks)
    shaped, ended = radius if first == "h" else radius.T, followed.text(values, places)

    def over_steps() -> np.ndarray:
        found = dominant_multipliers(method, jacobians, steps, field.blocks)
        return found if first == "h" else found.T

    return StabilityMap(axes, shaped, places, ended, tuple(borders), tuple(resonances), method.label, h, over_steps)


def _axes(field: Any, ranges: Any, h: float | None) -> Any:
    """The two names and their values, checked."""
    if not isinstance(ranges, Mapping) or len(ranges) != 2:
        raise InputError(f"ranges is {shown(ranges)}; give values of two parameters, as in {{'h': …, 'gamma': …}}")
    if ("h" in ranges) == (h is not None):
        raise InputError("give h either in ranges= or as h=, the step of the whole map")
    axes = []
    for name, given in ranges.items():
        if name != "h":
            check_parameter(field, name, "a stability map")
        values = np.asarray(given, dtype=float)
        if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all() or not (np.diff(values) > 0).all():
            raise InputError(f"ranges[{name!r}] is {shown(given)}; give two or more finite numbers in rising order")
        if name == "h" and values[0] <= 0:
            raise InputError(f"ranges['h'] begins at {values[0]:g}; a step size must be positive")
        axes.append((name, values))
    return tuple(axes)


def radii(method: Method, J: np.ndarray, h: np.ndarray, blocks: Any) -> np.ndarray:
    """The spectral radius of the update for every Jacobian J, shape (m, n, n), and every step h: shape (m, len(h))."""
    usable = np.isfinite(J).all((1, 2))
    if not usable.all():
        found = np.full((len(J), len(h)), np.nan)
        if usable.any():
            found[usable] = radii(method, J[usable], h, blocks)
        return found
    if not method.joint:
        return _of_matrices(method, J, h, blocks)
    values = np.linalg.eigvals(J).astype(complex)  # (m, n)
    rational = one_step_function(method)
    return _of_eigenvalues(method, values, h) if rational is None else fill(*rational, values, h)


def _of_eigenvalues(method: Method, values: np.ndarray, h: np.ndarray) -> np.ndarray:
    """By eigenvalues of the update of ẋ = λx, rows of J's at a time."""
    rows = max(1, CHUNK // (len(h) * values.shape[1]))
    parts = [
        amplification(method, values[i : i + rows, None, :] * h[:, None]).max(-1) for i in range(0, len(values), rows)
    ]
    return np.concatenate(parts)


def _of_matrices(method: Method, J: np.ndarray, h: np.ndarray, blocks: Any) -> np.ndarray:
    """By eigenvalues of the whole matrix of a method that treats players apart."""
    return np.abs(dominant_multipliers(method, J, h, blocks))


def dominant_multipliers(method: Method, J: np.ndarray, h: np.ndarray, blocks: Any) -> np.ndarray:
    """The multiplier of largest modulus, of a pair the one with Im ≥ 0, for Jacobians (m, n, n) and steps (k,): (m, k).

    NaN where J is not finite, inf at a pole of the update.
    """
    n, rows, parts = J.shape[-1], max(1, CHUNK // len(h)), []
    for i in range(0, len(J), rows):
        A = tuple(tuple(J[i : i + rows, r, c, None] + 0 * h for c in range(n)) for r in range(n))
        zeros = np.zeros(A[0][0].shape)
        with np.errstate(all="ignore"):
            update = linear_update(numeric_method(method), A, h + zeros, zeros, zeros + 1, blocks)
            M = np.stack([np.stack(np.broadcast_arrays(*row), -1) for row in update], -2)
        finite = np.isfinite(M).all((-1, -2))
        values = np.linalg.eigvals(np.where(finite[..., None, None], M, 0)).astype(complex)
        values = np.where(values.imag < 0, values.conj(), values)
        largest = np.take_along_axis(values, np.abs(values).argmax(-1)[..., None], -1)[..., 0]
        known = np.isfinite(J[i : i + rows]).all((1, 2))[:, None]
        parts.append(np.where(finite, largest, np.where(known, np.inf, np.nan)))
    return np.concatenate(parts)
