"""Pages that compare methods: a portrait, the multipliers and the stability region of each, or the regions alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from analysis.comparison import Comparison, Entry
from analysis.plots import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    VERMILLION,
    legend_handles,
    plot_multipliers,
    plot_portrait,
    plot_stability_region,
)
from analysis.portraits import Portrait
from analysis.regions import StabilityRegion

VERDICT_COLOR = {"stable": GREEN, "neutral": ORANGE, "on a border": ORANGE, "unstable": VERMILLION, "-": "0.35"}
MARKERS = (("o", GREEN), ("^", VERMILLION), ("s", PURPLE), ("D", ORANGE))
APART = "treats the players apart: its plane is that of λ = a + bi as [[a, −b], [b, a]]"


def method_page(
    comparison: Comparison,
    entries: Sequence[Entry],
    background: Portrait,
    regions: Mapping[str, StabilityRegion],
    title: str,
    columns: int = 3,
) -> Figure:
    """A panel an entry: the run over the field's portrait; beside it the multipliers, and hλ over the region."""
    columns = min(columns, len(entries))
    rows = -(-len(entries) // columns)
    figure = Figure(figsize=(6.4 * columns, 4.1 * rows + 1.1), layout="constrained")
    figure.suptitle(title, fontsize=15)
    top, bottom = np.asarray(figure.subfigures(2, 1, height_ratios=(4.1 * rows, 0.7)))
    _draw_legend(background, entries, bottom)
    cells = np.asarray(top.subfigures(rows, columns, squeeze=False)).ravel()
    for cell, entry in zip(cells, entries, strict=False):
        grid = cell.add_gridspec(2, 2, width_ratios=(2.1, 1))
        _draw_run(entry, background, comparison, cell.add_subplot(grid[:, 0]))
        beside, below = cell.add_subplot(grid[0, 1]), cell.add_subplot(grid[1, 1])
        if entry.reason:
            _say(beside, "no multipliers:\n" + _wrapped(entry.reason.partition(": ")[2] or entry.reason))
        else:
            plot_multipliers(entry.multipliers, beside)
            beside.set_title(rf"multipliers, $\rho={np.abs(entry.multipliers).max():.3g}$", fontsize=9)
        _draw_region(entry, comparison, regions, below)
        for axes in (beside, below):
            axes.tick_params(labelsize=7)
            axes.xaxis.label.set_size(8)
            axes.yaxis.label.set_size(8)
    return figure


def _draw_run(entry: Entry, background: Portrait, comparison: Comparison, axes: Axes) -> None:
    shown = [comparison.field.variables.index(name) for name in background.axes]
    plot_portrait(replace(background, iterates=(entry.run[:, shown],)), axes, legend=False, bar=False)
    axes.set_title("")
    axes.set_title(entry.method.label, fontsize=11, loc="left", fontweight="bold")
    verdict = "no linear theory" if entry.verdict == "-" else entry.verdict
    axes.set_title(verdict, fontsize=11, loc="right", color=VERDICT_COLOR[entry.verdict])


def _draw_region(entry: Entry, comparison: Comparison, regions: Mapping[str, StabilityRegion], axes: Axes) -> None:
    region = regions.get(entry.method.label)
    if region is None:
        _say(axes, "no stability region")
        return
    plot_stability_region(region, axes)
    z = comparison.h * np.linalg.eigvals(comparison.field.jacobian(comparison.x))
    axes.plot(z.real, z.imag, "o", color=GREEN, mec="black", mew=0.6, ms=5, clip_on=False)
    axes.set_title("region and $h\\lambda$" + ("" if entry.method.joint else " †"), fontsize=9)


def _draw_legend(background: Portrait, entries: Sequence[Entry], where: SubFigure) -> None:
    def point(label: str, marker: str, **style: Any) -> Line2D:
        return Line2D([], [], marker=marker, ls="none", label=label, **style)

    handles = legend_handles([background])
    handles.append(point("iterates, from ▸", ".", color=BLUE))
    handles.append(point(r"$\zeta$ inside the circle; $h\lambda$", "o", color=GREEN, mec="black", mew=0.6))
    handles.append(point(r"$\zeta$ outside the circle", "D", color="white", mec=VERMILLION, mew=1.4))
    if any(not entry.method.joint for entry in entries):
        handles.append(Line2D([], [], ls="none", marker="$†$", color="black", label=APART))
    where.legend(handles=handles, loc="center", ncols=4, fontsize=10, frameon=False)


def _say(axes: Axes, text: str) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", va="center", fontsize=8, color="0.35", transform=axes.transAxes)


def _wrapped(text: str, width: int = 26) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, width))


def region_page(
    regions: Sequence[StabilityRegion], spectra: Sequence[tuple[str, np.ndarray]], h: float, title: str
) -> Figure:
    """The stability regions of many methods, each with hλ of the labelled spectra (complex (n,)) on top."""
    columns = min(6, len(regions))
    rows = -(-len(regions) // columns)
    figure = Figure(figsize=(2.9 * columns + 0.4, 3.0 * rows + 1.4), layout="constrained")
    axes = np.asarray(figure.subplots(rows, columns, squeeze=False)).ravel()
    for ax, region in zip(axes, regions, strict=False):
        plot_stability_region(region, ax)
        for (marker, color), (_, values) in zip(MARKERS, spectra, strict=False):
            z = h * np.asarray(values)
            ax.plot(z.real, z.imag, marker, color=color, mec="black", mew=0.6, ms=6, ls="none", zorder=4)
        ax.set_title(region.method.label + ("" if region.method.joint else " †"), fontsize=10)
        ax.tick_params(labelsize=7)
        _widen(ax, [h * np.asarray(values) for _, values in spectra])
    for ax in axes[len(regions) :]:
        ax.set_axis_off()
    figure.suptitle(title, fontsize=14)
    handles = [
        Line2D([], [], marker=marker, color=color, mec="black", mew=0.6, ls="none", label=label)
        for (marker, color), (label, _) in zip(MARKERS, spectra, strict=False)
    ]
    if any(not region.method.joint for region in regions):
        handles.append(Line2D([], [], ls="none", marker="$†$", color="black", label=APART))
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure


def _widen(axes: Axes, points: Sequence[np.ndarray]) -> None:
    """Show all points, if they are not absurdly far out."""
    z = np.concatenate([*points, np.zeros(1)])
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    size = max(right - left, high - low)
    near = z[np.abs(z) < 4 * size]
    margin = 0.05 * size
    axes.set_xlim(min(left, float(near.real.min()) - margin), max(right, float(near.real.max()) + margin))
    axes.set_ylim(min(low, float(near.imag.min()) - margin), max(high, float(near.imag.max()) + margin))
