"""Orbit diagrams: where an update's orbits settle as its step size or a parameter changes, with their exponents."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis.chunks import Arrays, Chunks
from dynsys.array_field import AnyField, check_field
from dynsys.errors import InputError, nearest, shown
from dynsys.field import as_points
from integrators.checkpoints import lasting
from integrators.checks import check_count, check_memory, check_step
from integrators.ensembles import ensemble
from integrators.method import Method, check_method
from integrators.status import Status
from integrators.tangents import tangent_runs

CHUNK = 32  # values in a chunk: a block of lanes
CLOSE = 1e-6  # points of a cycle, seen a period apart, agree to this, in units of 1 + |x|
FOLLOWING = ("", "up", "down")


@dataclass(frozen=True)
class OrbitDiagram:
    """The last points (m, s, r, n) of the orbits from s starts at m values of a parameter, with λ₁ (m, s) of each.

    λ₁ is per unit of time, taken over the second half of the transient and the points shown; NaN where the orbit did
    not last, as `status` (m, s) says, and for all if the update has no derivative: `reason` says why. `critical` are
    the values at which the fixed point `at` gains or loses its stability. `following`, "up" or "down", says that each
    value started where the one before ended.
    """

    parameter: str
    values: np.ndarray
    points: np.ndarray
    exponent: np.ndarray
    status: np.ndarray
    variables: Sequence[str]
    method: str
    h: float | None
    critical: tuple[float, ...]
    at: tuple[float, ...] | None
    following: str
    reason: str

    @property
    def period(self) -> np.ndarray:
        """The period of each orbit's last points (m, s), 0 if they show none of up to half their number."""
        found = np.zeros(self.status.shape, np.int64)
        size = CLOSE * (1 + np.abs(self.points).max((2, 3), initial=0.0))
        for p in range(self.points.shape[2] // 2, 0, -1):
            apart = np.abs(self.points[:, :, p:] - self.points[:, :, :-p]).max((2, 3), initial=0.0)
            found[apart <= size] = p
        return np.where(self.status <= Status.STATIONARY, found, 0)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, the points left out; an exponent that is not finite is None."""
        return {
            "parameter": self.parameter,
            "values": self.values.tolist(),
            "exponent": [[float(e) if np.isfinite(e) else None for e in row] for row in self.exponent],
            "period": self.period.tolist(),
            "status": [[Status(int(e)).name.lower() for e in row] for row in self.status],
            "variables": list(self.variables),
            "method": self.method,
            "h": self.h,
            "critical": list(self.critical),
            "at": None if self.at is None else list(self.at),
            "following": self.following,
            "reason": self.reason,
        }


def orbit_diagram(
    field: AnyField,
    starts: Any,
    method: Method,
    parameter: str,
    values: Any,
    h: float | None = None,
    transient: int = 1000,
    keep: int = 200,
    at: Any = None,
    following: str = "",
    folder: str | Path | None = None,
    resume: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> OrbitDiagram:
    """Where the orbits of `method` from the starts, shape (s, n), go for each of the values (m,) of a parameter.

    `parameter` is "h", the step size, or a parameter of the field, with the step size `h`. After `transient` steps the
    next `keep` points are kept. By default every value begins at the starts; `following` "up" or "down" the values,
    each begins where the one before ended, so that an attractor is followed through its hysteresis. Given a zero `at`,
    the critical values are those at which it gains or loses stability.

    With a `folder`, finished chunks of 32 values go to disk; with `resume` those that are there are not computed again,
    and the result is the same, bit for bit. `progress(done, all)` counts values.

    Raises `InputError` for arguments that do not fit, and for chunks of another sweep, naming the settings that differ.
    """
    sweep = _Sweep.checked(field, starts, method, parameter, values, h, transient, keep, following)
    critical, point = _critical(sweep, at)
    kept = Chunks(None if folder is None else Path(folder), sweep.settings)
    kept.begin(resume)
    pieces: list[Arrays] = []
    order = np.arange(len(sweep.values))[:: -1 if following == "down" else 1]
    cuts = [order[i : i + CHUNK] for i in range(0, len(order), CHUNK)]
    for number, cut in enumerate(cuts):
        before = pieces[-1]["points"][-1, :, -1] if following and pieces else None
        compute = lambda cut=cut, before=before: sweep.chunk(cut, before)  # noqa: E731
        pieces.append(kept.take(f"{number:06d}", compute))
        if progress is not None:
            progress(min((number + 1) * CHUNK, len(order)), len(order))
    back = np.argsort(order)
    points, exponent, status = (np.concatenate([p[name] for p in pieces])[back] for name in sweep.NAMES)
    return OrbitDiagram(
        parameter, sweep.values, points, exponent, status, field.variables, sweep.method.label, sweep.h, critical,
        point, following, sweep.reason,
    )  # fmt: skip


@dataclass(frozen=True)
class _Sweep:
    """The arguments of an orbit diagram, checked."""

    field: AnyField
    starts: np.ndarray
    method: Method
    parameter: str
    values: np.ndarray
    h: float | None
    transient: int
    keep: int
    following: str
    NAMES = ("points", "exponent", "status")

    @classmethod
    def checked(
        cls, field: Any, starts: Any, method: Any, parameter: str, values: Any, h: Any, transient: Any, keep: Any,
        following: str,
    ) -> _Sweep:  # fmt: skip
        checked = check_field(field)
        points = np.atleast_2d(as_points(starts, checked.variables, "starts"))
        if points.ndim != 2 or not len(points) or not np.isfinite(points).all():
            raise InputError(f"starts has shape {points.shape}; give finite points (s, {checked.n})")
        try:
            axis = np.asarray(values, dtype=float)
        except (TypeError, ValueError):
            axis = np.empty(0)
        if axis.ndim != 1 or not len(axis) or not np.isfinite(axis).all() or not (np.diff(axis) > 0).all():
            raise InputError(f"values is {shown(values)}; give rising finite numbers")
        if following not in FOLLOWING:
            raise InputError(
                f"following is {following!r}; give 'up' or 'down', or '' for the same starts at each value"
            )
        if parameter == "h":
            if h is not None:
                raise InputError(f"h is {h!r} and the parameter is h; leave one out")
            check_step(axis[0], "the least of the values of h")
        else:
            if parameter not in checked.parameters:
                raise InputError(f"the field has no parameter {parameter!r}; {nearest(parameter, checked.parameters)}")
            if h is None:
                raise InputError(f"h is missing; give the step size at which {parameter} is swept, 1 for a map")
            h = check_step(h)
        if checked.time is not None:
            raise InputError("the field depends on time, so its update has no diagram; make it autonomous")
        transient, keep = check_count(transient, "transient"), check_count(keep, "keep", 1)
        check_memory(8 * len(axis) * len(points) * keep * checked.n, "keep=, fewer values or fewer starts")
        return cls(checked, points, check_method(method, checked), parameter, axis, h, transient, keep, following)

    @property
    def reason(self) -> str:
        """Why the update has no exponents."""
        return self.method.differentiable or self.field.piecewise

    @property
    def settings(self) -> dict[str, str]:
        """What the result depends on, by name."""
        field = self.field
        content = field.with_parameters(**{self.parameter: 0.0}) if self.parameter in field.parameters else field  # type: ignore[union-attr]
        return {
            "field": _marked(lasting(content), getattr(content, "digest", "").encode()),
            "method": lasting(self.method),
            "parameter": self.parameter,
            "values": _marked(
                f"{len(self.values)} from {self.values[0]:.6g} to {self.values[-1]:.6g}", self.values.tobytes()
            ),
            "starts": _marked(shown(self.starts.tolist()), self.starts.tobytes()),
            "h": repr(self.h),
            "transient": str(self.transient),
            "keep": str(self.keep),
            "following": self.following or "no",
            "chunk": str(CHUNK),
        }

    def chunk(self, cut: np.ndarray, before: np.ndarray | None) -> Arrays:
        """The orbits at the values with these indices, in order; `before` are the points from which to follow."""
        if not self.following:
            return self._together(self.values[cut], self.starts)
        pieces: list[Arrays] = []
        starts = self.starts if before is None else before
        for value in self.values[cut]:
            pieces.append(self._together(np.array([value]), np.where(np.isfinite(starts), starts, self.starts)))
            starts = pieces[-1]["points"][0, :, -1]
            lost = (pieces[-1]["status"][0] > Status.STATIONARY)[:, None]
            starts = np.where(lost, self.starts, starts)
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in self.NAMES}

    def _together(self, values: np.ndarray, starts: np.ndarray) -> Arrays:
        """The orbits from the starts at each of some values."""
        m, s, n = len(values), len(starts), self.field.n
        lanes, each = np.tile(starts, (m, 1)), np.repeat(values, s)
        h: Any = each if self.parameter == "h" else self.h
        parameters: Mapping[str, Any] = {} if self.parameter == "h" else {self.parameter: each}
        steps = self.transient + self.keep
        if self.reason:
            run = ensemble(self.field, lanes, self.method, h, steps, parameters, every=1)
            path, status, rates = run.complete().path, run.status, np.full(m * s, np.nan)
            points = path.x[-self.keep :]  # type: ignore[union-attr]
        else:
            runs = tangent_runs(self.field, lanes, self.method, h, steps, 1, 1, parameters)
            points, status, half = runs.points[-self.keep :], runs.status, self.transient // 2
            with np.errstate(invalid="ignore"):
                rates = (runs.logs[-1, :, 0] - runs.logs[half, :, 0]) / ((steps - half) * np.asarray(h))
            rates = np.where(np.isneginf(runs.logs[-1, :, 0]), -np.inf, rates)
        lost = status > Status.STATIONARY
        points = np.where(lost[None, :, None], np.nan, points)
        shaped = np.moveaxis(points, 0, 1).reshape(m, s, self.keep, n)
        return {
            "points": shaped,
            "exponent": np.where(lost, np.nan, rates).reshape(m, s),
            "status": status.reshape(m, s).astype(np.int64),
        }


def _marked(text: str, content: bytes) -> str:
    """A text that may be short of digits, with a hash of all of them."""
    return f"{text} [{hashlib.sha256(content).hexdigest()[:8]}]"


def _critical(sweep: _Sweep, at: Any) -> tuple[tuple[float, ...], tuple[float, ...] | None]:
    """The values at which the zero `at` changes its stability, inside the range, and the zero."""
    if at is None:
        return (), None
    lo, hi = float(sweep.values[0]), float(sweep.values[-1])
    if sweep.parameter == "h":
        from analysis.stability import critical_step

        spans: Any = critical_step(sweep.field, at, sweep.method, (lo, hi))
    else:
        from analysis.critical_parameters import critical_parameter

        spans = critical_parameter(sweep.field, at, sweep.parameter, (lo, hi), sweep.method, sweep.h)
    ends = {float(end) for span in spans.stable for end in span if lo < end < hi}
    return tuple(sorted(ends)), tuple(float(c) for c in np.asarray(at, dtype=float))
