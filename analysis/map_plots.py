"""Drawings of stability maps: the radius in colours, neutral areas as neutral, borders by what crosses."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, TwoSlopeNorm
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis.plots import BLUE, ORANGE, PURPLE, VERMILLION, new_axes, variable_text
from analysis.stability_maps import StabilityMap

KINDS = {"+1": (PURPLE, "-."), "flip": (VERMILLION, "--"), "Neimark-Sacker": (BLUE, "-")}
NEUTRAL = "#f0c75e"
STABLE = "#8fc85a"  # of the scale below 1


def plot_stability_map(found: StabilityMap, ax: Axes | None = None, bar: bool = True) -> Axes:
    """The spectral radius, stable green and unstable grey, with critical borders thick and other crossings thin.

    Strong resonances are dots with their names; where the branch of the zero has ended the map is white.
    """
    axes = new_axes() if ax is None else ax
    (first, x), (second, y) = found.axes
    shown = np.ma.masked_invalid(np.clip(found.radius, 0, 2))
    norm = TwoSlopeNorm(vmin=0, vcenter=1, vmax=2)
    mesh = axes.pcolormesh(x, y, shown, cmap="PiYG_r", norm=norm, shading="nearest", rasterized=True)
    if (found.verdict == 0).mean() > 0.01:
        neutral = np.ma.masked_where(found.verdict != 0, np.ones_like(found.radius))
        axes.pcolormesh(x, y, neutral, cmap=ListedColormap([NEUTRAL]), shading="nearest", rasterized=True)
    if bar:
        scale = axes.figure.colorbar(mesh, ax=axes, shrink=0.85, pad=0.02, extend="max")
        scale.set_label("spectral radius of the update")
    for border in found.borders:
        color, style = KINDS[border.kind]
        along, across = (border.h, border.value) if first == "h" else (border.value, border.h)
        width = 2.4 if border.critical else 0.9
        axes.plot(along, across, color=color, ls=style, lw=width, zorder=3)
    for point in found.resonances:
        place = (point.h, point.value) if first == "h" else (point.value, point.h)
        axes.plot(*place, "o", color="black", mfc=ORANGE, ms=6, zorder=5)
        axes.annotate(point.name, place, (6, 6), textcoords="offset points", fontsize=9, zorder=6)
    axes.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    axes.set_xlabel("step size $h$" if first == "h" else variable_text(first))
    axes.set_ylabel("step size $h$" if second == "h" else variable_text(second))
    return axes


def map_legend(found: StabilityMap) -> list[Line2D | Patch]:
    """An entry for every kind of border and area that the map shows."""
    names = {"+1": "+1: fold, transcritical, pitchfork", "flip": "-1: flip", "Neimark-Sacker": "pair: Neimark–Sacker"}
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=KINDS[kind][0], ls=KINDS[kind][1], lw=2.4, label=names[kind])
        for kind in KINDS
        if any(border.kind == kind for border in found.borders)
    ]
    if found.borders and not all(border.critical for border in found.borders):
        handles.append(Line2D([], [], color="0.3", lw=0.9, label="thin: another multiplier is outside"))
    if found.resonances:
        handles.append(Line2D([], [], color="black", mfc=ORANGE, marker="o", ls="none", label="strong resonance"))
    if (found.verdict == -1).any():
        handles.append(Patch(color=STABLE, label="stable"))
    if (found.verdict == 0).mean() > 0.01:
        handles.append(Patch(color=NEUTRAL, label="neutral"))
    return handles
