"""What a phase portrait shows, computed: the field on a grid, named fixed points, runs of the map and of the flow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.classification import Classification
from dynsys.array_field import AnyField
from dynsys.errors import InputError, nearest
from dynsys.field import Box, as_points
from integrators.algorithms.runge_kutta import RungeKutta4
from integrators.checks import check_count
from integrators.method import Method, amplification
from integrators.trajectories import trajectory

KINDS = (  # the marker a point gets, in the order of the legend
    "strict Nash",
    "weak Nash",
    "Nash undecided",
    "not Nash, attracts",
    "not Nash",
    "spurious, attracts",
    "spurious",
    "attracts",
    "does not attract",
    "degenerate",
)


@dataclass(frozen=True)
class Portrait:
    """A field over a box of one or two variables.

    `axes` are the variables shown and `grid` their values; `velocity` holds the shown components, shape (ny, nx, 2)
    or (nx, 1); `points` pairs positions with a kind of `KINDS`; `iterates` and `flows` are lists of points of the map
    and of the flow; `manifolds` pairs curves (k, 2) with whether they are stable. `slice` states where the variables
    not shown are held; `finite_share` is the share of the grid on which the field is finite.
    """

    title: str
    axes: tuple[str, ...]
    box: Box
    grid: tuple[np.ndarray, ...]
    velocity: np.ndarray
    points: tuple[tuple[np.ndarray, str], ...]
    iterates: tuple[np.ndarray, ...]
    flows: tuple[np.ndarray, ...]
    slice: str
    method: str
    h: float | None
    manifolds: tuple[tuple[np.ndarray, bool], ...] = ()

    @property
    def speed(self) -> np.ndarray:
        """Length of the shown velocity."""
        return np.linalg.norm(self.velocity, axis=-1)

    @property
    def finite_share(self) -> float:
        """Share of the grid where the field is finite."""
        return float(np.isfinite(self.velocity).all(-1).mean())


def kind_of(label: Classification, attracts: bool | None = None) -> str:
    """The kind of `KINDS` that a classified point is drawn as; `attracts` if that is known otherwise."""
    attracts = bool(label.attracts) if attracts is None else attracts
    if label.spurious:
        return "spurious, attracts" if attracts else "spurious"
    if label.players:
        if label.is_nash:
            return "strict Nash" if "strict Nash" in label.labels else "weak Nash"
        if label.is_nash is None:
            return "Nash undecided"
        return "not Nash, attracts" if attracts else "not Nash"
    return "attracts" if attracts else "does not attract"


def portrait(
    field: AnyField,
    box: Any = None,
    points: Sequence[Classification] = (),
    starts: Any = None,
    method: Method | None = None,
    h: float | None = None,
    variables: Sequence[str] | None = None,
    through: Any = None,
    resolution: int = 121,
    steps: int = 300,
    title: str = "",
    separatrices: bool = False,
) -> Portrait:
    """The portrait of a field over `box` (default: the field's own).

    With one variable it is the line field; with three or more, `variables` names the two to show and `through` the
    point (n,) that fixes the others (default: the middle of the box). From each of `starts` (k, n) run `steps`
    iterates of `method` with step h, and the flow for the same time. With `separatrices` the stable and unstable curves
    of those `points` that are saddles of the flow are drawn, which bound its basins.

    Raises `InputError` for unknown variables, an empty box, or shapes that do not fit.
    """
    chosen = field.region(box)
    resolution = check_count(resolution, "resolution", 5)
    axes = _axes(field, variables)
    indices = [field.variables.index(a) for a in axes]
    centre = [(lo + hi) / 2 for lo, hi in chosen] if through is None else as_points(through, field.variables, "through")
    shown = tuple(chosen[i] for i in indices)
    grid = tuple(np.linspace(lo, hi, resolution) for lo, hi in shown)
    mesh = np.stack(np.meshgrid(*grid), -1)
    full = np.broadcast_to(np.asarray(centre, float), (*mesh.shape[:-1], field.n)).copy()
    full[..., indices] = mesh
    velocity = field(full)[..., indices]
    if field.game is not None:  # where a payoff has no real value there is no game, though the field may be finite
        velocity[~np.isfinite(field.game.values(full)).all(-1)] = np.nan
    held = [f"{v} = {c:.4g}" for v, c in zip(field.variables, centre, strict=True) if v not in axes]
    iterates, flows = _runs(field, starts, method, h, steps)
    curves: list[tuple[np.ndarray, bool]] = []
    if separatrices and len(axes) == 2:
        from analysis.manifolds import saddle_manifolds

        saddles, _ = saddle_manifolds(field, [label.x for label in points], box=chosen)
        curves = [(side.points[:, indices], side.stable) for found in saddles for side in found.sides]
    return Portrait(
        title=title or field.name,
        axes=axes,
        box=shown,
        grid=grid,
        velocity=velocity,
        points=tuple((label.x[indices], kind_of(label)) for label in points),
        iterates=tuple(run[:, indices] for run in iterates),
        flows=tuple(run[:, indices] for run in flows),
        slice="plane " + ", ".join(held) + "; points and runs projected" if held else "",
        method="" if method is None else method.label,
        h=h,
        manifolds=tuple(curves),
    )


def _axes(field: AnyField, variables: Sequence[str] | None) -> tuple[str, ...]:
    axes = tuple(field.variables[:2] if variables is None else variables)
    for name in axes:
        if name not in field.variables:
            raise InputError(
                f"variables names {name!r}, which the field does not have; {nearest(name, field.variables)}"
            )
    if len(axes) != min(2, field.n) or len(set(axes)) < len(axes):
        raise InputError(
            f"variables is {list(axes)}; name {min(2, field.n)} different ones of {', '.join(field.variables)}"
        )
    return axes


def _runs(
    field: AnyField, starts: Any, method: Method | None, h: float | None, steps: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Iterates of the map, and the flow for the same time in small steps of RK4, from each start."""
    if starts is None or method is None or h is None:
        return [], []
    points = as_points(starts, field.variables, "starts").reshape(-1, field.n)
    # a portrait needs a few hundred steps: compiling a kernel for them would take longer
    iterates = [trajectory(field, x, method, h=h, steps=steps, compiled=False).x for x in points]
    fine = max(1, min(8, round(h / 0.02)))
    flows = [trajectory(field, x, RungeKutta4(), h=h / fine, steps=steps * fine, compiled=False).x for x in points]
    return iterates, flows


@dataclass(frozen=True)
class SpectrumOverRegion:
    """Eigenvalues z = hλ over the region |ρ(z)| < 1 of a method: `entries` pairs a label with eigenvalues λ."""

    entries: tuple[tuple[str, np.ndarray], ...]
    method: str
    h: float
    re: np.ndarray
    im: np.ndarray
    amplification: np.ndarray
    title: str


def spectrum_over_region(
    entries: Sequence[tuple[str, np.ndarray]], method: Method, h: float, title: str = "", resolution: int = 201
) -> SpectrumOverRegion:
    """Eigenvalues of the points' Jacobians, scaled by h, with the method's stability region on a grid behind them."""
    z = h * np.concatenate([np.zeros(1), *(np.asarray(values, complex) for _, values in entries)])
    size = 1.15 * max(4.0, float(np.abs(z).max()))
    coarse = np.linspace(-size, size, 81)
    inside = coarse + 1j * coarse[:, None]
    inside = inside[amplification(method, inside) < 1]
    inside = inside[np.abs(inside) < 4.0]  # of an unbounded region, what lies around the origin
    shown = np.concatenate([z, inside])
    margin = 0.12 * max(float(np.ptp(shown.real)), float(np.ptp(shown.imag)), 0.5)
    re = np.linspace(float(shown.real.min()) - margin, float(shown.real.max()) + margin, resolution)
    half = float(np.abs(shown.imag).max()) + margin
    im = np.linspace(-half, half, resolution)
    plane = re + 1j * im[:, None]
    return SpectrumOverRegion(tuple(entries), method.label, h, re, im, amplification(method, plane), title)
