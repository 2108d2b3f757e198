"""Pictures of basins: a colour an attractor, darker where runs take longer; attractors as dots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from analysis.orbit_plots import STYLES, plot_manifolds
from analysis.places import periods, wrapped_near
from analysis.plots import (
    BLUE,
    GREEN,
    MANIFOLDS,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    marker_style,
    new_axes,
    variable_text,
)
from integrators.arrivals import ESCAPE, UNDECIDED

if TYPE_CHECKING:
    from analysis.attraction import Basins
    from analysis.manifolds import InvariantManifolds

COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, "#F0E442", "#8c6d4f", "#7f7fbf", "#5f9e8f")
OTHERS = {ESCAPE: "#ffffff", UNDECIDED: "#303030"}
LISTED = 10  # attractors with an entry of their own in the legend


def colour_of(label: int) -> str:
    """The colour that a label is drawn in: white escapes, nearly black is undecided."""
    return OTHERS.get(label) or COLOURS[label % len(COLOURS)]


def plot_basins(basins: Basins, ax: Axes | None = None) -> Axes:
    """The label image; every colour darkens with the logarithm of the time until arrival."""
    axes = new_axes() if ax is None else ax
    last = len(basins.attractors)
    palette = np.array([to_rgb(colour_of(label)) for label in (*range(last), UNDECIDED, ESCAPE)])  # -1 is the last
    image = palette[basins.labels]
    slow = np.log(np.maximum(basins.times, 1))
    low, high = (np.percentile(slow[basins.labels >= 0], q) if (basins.labels >= 0).any() else 0.0 for q in (1, 99.5))
    shade = np.clip((slow - low) / (high - low), 0, 1) if high > low else np.zeros_like(slow)
    image = image * np.where(basins.labels >= 0, 1 - 0.6 * shade, 1.0)[..., None]
    (x0, x1), (y0, y1) = basins.box
    axes.imshow(image, origin="lower", extent=(x0, x1, y0, y1), aspect="auto", interpolation="nearest")
    indices = [basins.map.field.variables.index(name) for name in basins.axes]
    turn, middle = periods(basins.map.field)[indices], np.mean(basins.box, axis=1)
    for label, (found, kind) in enumerate(zip(basins.attractors, basins.kinds)):
        points = wrapped_near(found.points[:, indices], middle, turn)
        if kind:
            axes.plot(*points[0], clip_on=False, zorder=6, **marker_style(kind))
            continue
        shown = points[:: max(1, len(points) // 4000)]
        style: dict[str, Any] = (
            {"ms": 7, "mec": "white", "mew": 1.2} if found.period else {"ms": 1.0, "mec": "black", "mew": 0.2}
        )
        axes.plot(
            shown[:, 0],
            shown[:, 1],
            "o",
            clip_on=not found.period,
            color="black" if found.period else colour_of(label),
            **style,
        )
    axes.set(xlim=(x0, x1), ylim=(y0, y1))
    axes.set_xlabel(variable_text(basins.axes[0]))
    axes.set_ylabel(variable_text(basins.axes[1]), rotation=0, labelpad=10)
    return axes


def basin_legend(basins: Basins) -> list[Any]:
    """An entry for every label that occurs, with its share, one for attractors beyond the tenth; and for markers."""
    seen = [share for share in basins.shares if share.count]
    listed = [s for s in seen if s.label < LISTED]
    rest = [s for s in seen if s.label >= LISTED]
    handles = [
        Patch(facecolor=colour_of(s.label), edgecolor="0.4", label=f"{s.name}: {100 * s.share:.2f} %") for s in listed
    ]
    if rest:
        total = 100 * sum(s.share for s in rest)
        handles.append(Patch(facecolor="none", edgecolor="0.4", label=f"{len(rest)} more: {total:.2f} %"))
    return [
        *handles,
        *(Line2D([], [], label=k, **(marker_style(k) | {"ms": 8})) for k in dict.fromkeys(basins.kinds) if k),
    ]


def basin_figure(basins: Basins, title: str = "", manifolds: Sequence[InvariantManifolds] = ()) -> Figure:
    """The image, the manifolds of saddles over it, with its legend below."""
    figure = Figure(figsize=(6.4, 6.6), layout="constrained")
    axes = plot_basins(basins, figure.add_subplot())
    axes.set_title(title, fontsize=12)
    dots = len(axes.get_lines())
    for found in manifolds:
        plot_manifolds(found, axes, basins.axes)
    for curve in axes.get_lines()[dots:]:
        curve.set_path_effects([withStroke(linewidth=4, foreground="white")])  # seen on any colour
    axes.set(xlim=basins.box[0], ylim=basins.box[1])
    handles = basin_legend(basins)
    for name in (*MANIFOLDS, "saddle") if manifolds else ():
        handles.append(Line2D([], [], label=name, **STYLES[name]))
    figure.legend(handles=handles, loc="outside lower center", ncols=1 if len(handles) < 4 else 2, fontsize=8)
    return figure
