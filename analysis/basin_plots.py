"""Pictures of basins: a colour an attractor, darker where runs take longer; attractors as dots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from analysis.plots import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION, new_axes, variable_text
from integrators.arrivals import ESCAPE, UNDECIDED

if TYPE_CHECKING:
    from analysis.attraction import Basins

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
    for label, found in enumerate(basins.attractors):
        shown = found.points[:: max(1, len(found.points) // 4000)][:, indices]
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


def basin_legend(basins: Basins) -> list[Patch]:
    """An entry for every label that occurs, with its share; attractors beyond the tenth share one."""
    seen = [share for share in basins.shares if share.count]
    listed = [s for s in seen if s.label < LISTED]
    rest = [s for s in seen if s.label >= LISTED]
    handles = [
        Patch(facecolor=colour_of(s.label), edgecolor="0.4", label=f"{s.name}: {100 * s.share:.2f} %") for s in listed
    ]
    if rest:
        total = 100 * sum(s.share for s in rest)
        handles.append(Patch(facecolor="none", edgecolor="0.4", label=f"{len(rest)} more: {total:.2f} %"))
    return handles


def basin_figure(basins: Basins, title: str = "") -> Figure:
    """The image with its legend below."""
    figure = Figure(figsize=(6.4, 6.6), layout="constrained")
    plot_basins(basins, figure.add_subplot()).set_title(title, fontsize=12)
    handles = basin_legend(basins)
    figure.legend(handles=handles, loc="outside lower center", ncols=1 if len(handles) < 4 else 2, fontsize=8)
    return figure
