"""Drawings of orbits and manifolds, for Axes of their own or over a portrait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from analysis.closed_orbits import PeriodicOrbit
from analysis.manifolds import InvariantManifolds
from analysis.map_orbits import RecurrentOrbit
from analysis.places import periods, whole_turns, wrapped_near
from analysis.plots import GREEN, MANIFOLDS, ORANGE, VERMILLION, broken, new_axes, variable_text

STYLES: dict[str, dict[str, Any]] = {
    **MANIFOLDS,
    "saddle": {"ls": "none", "marker": "o", "mfc": "white", "mec": VERMILLION, "mew": 1.8, "ms": 7},
    "periodic orbit, attracts": {"color": GREEN, "ls": "-", "lw": 2.4},
    "periodic orbit, repels": {"color": GREEN, "ls": "--", "lw": 1.8},
    "periodic orbit, neutral": {"color": GREEN, "ls": ":", "lw": 2.0},
    "fixed point": {"color": ORANGE, "ls": "none", "marker": "s", "ms": 6, "mec": "black", "mew": 0.7},
    "cycle": {"color": ORANGE, "ls": "none", "marker": "o", "ms": 6, "mec": "black", "mew": 0.7},
    "invariant curve": {"color": ORANGE, "ls": "none", "marker": ".", "ms": 3},
    "irregular orbit": {"color": ORANGE, "ls": "none", "marker": ",", "ms": 1},
}


def plot_manifolds(found: InvariantManifolds, ax: Axes | None = None, variables: Sequence[str] | None = None) -> Axes:
    """Both sides of the stable manifold as lines, of the unstable one dashed, the saddle between them."""
    axes = new_axes() if ax is None else ax
    i, j = _shown(found.variables, variables, axes, ax is None)
    for side in found.sides:
        style = STYLES["stable manifold" if side.stable else "unstable manifold"]
        axes.plot(*broken(side.points[:, [i, j]]).T, zorder=3.5, **style)
    axes.plot(found.x[i], found.x[j], zorder=6, **STYLES["saddle"])
    return axes


def plot_orbit(
    found: RecurrentOrbit | PeriodicOrbit,
    ax: Axes | None = None,
    variables: Sequence[str] | None = None,
    box: Any = None,
) -> Axes:
    """A periodic orbit of a flow as a closed line; points of a cycle, or of the curve, of an update.

    Variables with a period are wrapped into the box ((lo, hi) per variable; default: from 0 to the period).
    """
    axes = new_axes() if ax is None else ax
    names: Sequence[str]
    if isinstance(found, PeriodicOrbit):
        names, period, points = found.variables, found.widths, found.loop
    else:
        names, period, points = found.iteration.field.variables, periods(found.iteration.field), found.points
    i, j = _shown(names, variables, axes, ax is None)
    style = orbit_style(found)
    if style and len(points):
        middle = period / 2 if box is None else np.mean(box, axis=1)
        turns, shown = whole_turns(points - middle, period), wrapped_near(points, middle, period)
        if isinstance(found, PeriodicOrbit):
            shown = np.insert(shown, 1 + np.flatnonzero(np.diff(turns, axis=0).any(1)), np.nan, axis=0)
        axes.plot(shown[:, i], shown[:, j], zorder=4.5, **STYLES[style])
    return axes


def orbit_style(found: RecurrentOrbit | PeriodicOrbit) -> str:
    """The key of `STYLES` by which an orbit is drawn; "" for none."""
    if isinstance(found, PeriodicOrbit):
        stays = {True: "attracts", False: "repels", None: "neutral"}[found.attracts]
        return f"periodic orbit, {stays}" if found.found else ""
    kind = "irregular orbit" if found.kind == "irregular" else found.kind
    return kind if kind in STYLES else ""


def orbit_handles(styles: Sequence[str]) -> list[Line2D]:
    """Legend entries for these keys of `STYLES`, each once."""
    handles = [Line2D([], [], label=name, **STYLES[name]) for name in STYLES if name in styles]
    for handle in handles:
        if handle.get_marker() in (".", ","):
            handle.set(marker=".", markersize=8)
    return handles


def _shown(names: Sequence[str], variables: Sequence[str] | None, axes: Axes, labels: bool) -> tuple[int, int]:
    """The numbers of the two variables shown; of one variable against itself."""
    chosen = list(names[:2]) if variables is None else list(variables)
    i, j = names.index(chosen[0]), names.index(chosen[-1])
    if labels:
        axes.set_xlabel(variable_text(names[i]))
        axes.set_ylabel(variable_text(names[j]), rotation=0, labelpad=10)
    return i, j
