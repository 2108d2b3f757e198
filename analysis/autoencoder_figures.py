"""The picture of autoencoders' fields over their data: arrows, the rotation map, and fixed points; far and near."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.autoencoder_fields import KINDS, FieldOverData, Region, on_grid
from analysis.plots import BLUE, GREEN, ORANGE, VERMILLION
from dynsys.field import Box

ARROWS = 23  # a row
MARKERS: dict[str, dict[str, Any]] = {
    "mode": {"marker": "o", "mfc": BLUE, "mec": "white", "mew": 1.0, "ms": 8},
    "spurious sink": {"marker": "X", "mfc": VERMILLION, "mec": "white", "mew": 1.0, "ms": 11},
    "saddle": {"marker": "s", "mfc": "white", "mec": GREEN, "mew": 1.6, "ms": 6},
    "source": {"marker": "^", "mfc": "white", "mec": ORANGE, "mew": 1.6, "ms": 7},
}
LEGEND = {
    "mode": "sink at a mode of the exact density",
    "spurious sink": "spurious sink",
    "saddle": "saddle",
    "source": "source",
}


def autoencoder_figure(fields: Sequence[FieldOverData], region: Region, close: Box, title: str) -> Figure:
    """A column a field: the whole region above, with the box of the close-up below; one scale of colours."""
    near = [on_grid(f.field, close, len(f.grid)) for f in fields]
    top = max(float(np.abs(curl).max()) for curl in [f.curl for f in fields] + [curl for _, _, curl in near])
    norm = Normalize(-max(top, 1e-12), max(top, 1e-12))
    figure = Figure(figsize=(4.3 * len(fields) + 0.9, 9.6), layout="constrained")
    figure.get_layout_engine().set(hspace=0.04)  # type: ignore[union-attr, call-arg]
    axes = figure.subplots(2, len(fields), squeeze=False)
    for (above, below), f, parts in zip(axes.T, fields, near, strict=True):
        _draw(above, f, (f.grid, f.velocity, f.curl), region, norm, 2.8)
        above.set_title(f"{f.title}\ncosine to the score {f.cosine:.3f}, " + _rotation(f), fontsize=10)
        (left, right), (bottom, upper) = close
        above.plot([left, right, right, left, left], [bottom, bottom, upper, upper, bottom], color="black", lw=1.0)
        mesh = _draw(below, f, parts, region, norm, 5.0)
        below.set_xlabel("$x$")
    for row, name in zip(axes, ("region of the data", "close-up (box above)"), strict=True):
        row[0].set_ylabel(f"{name}\n$y$")
    bar = figure.colorbar(mesh, ax=axes, shrink=0.6, pad=0.01, aspect=35)
    bar.set_label(r"rotation $\partial v_2/\partial x_1 - \partial v_1/\partial x_2$")
    figure.suptitle(title, fontsize=13)
    figure.legend(handles=_handles(fields), loc="outside lower center", ncols=6, fontsize=9, frameon=False)
    return figure


def _rotation(f: FieldOverData) -> str:
    return "‖A‖/‖J‖ = " + (f"{f.asymmetry:.3f}" if f.asymmetry > 5e-4 else "0 to rounding")


def _draw(axes: Axes, f: FieldOverData, parts: Any, region: Region, norm: Normalize, dot: float) -> Any:
    """Curl as colour, data as dots, arrows of length √speed, fixed points on top."""
    grid, velocity, curl = parts
    box = [(float(grid[..., k].min()), float(grid[..., k].max())) for k in (0, 1)]
    mesh = axes.pcolormesh(
        grid[..., 0], grid[..., 1], curl, norm=norm, cmap="PuOr_r", shading="gouraud", rasterized=True
    )
    axes.plot(*region.data.T, ".", color="0.45", ms=dot, mew=0, zorder=2)
    chosen = np.linspace(0, len(grid) - 1, min(ARROWS, len(grid))).round().astype(int)[1:-1]
    at, v = grid[np.ix_(chosen, chosen)].reshape(-1, 2), velocity[np.ix_(chosen, chosen)].reshape(-1, 2)
    speed = np.linalg.norm(v, axis=1)
    longest = 1.25 * (box[0][1] - box[0][0]) / (len(chosen) + 1)
    arrows = longest * v / np.sqrt(np.where(speed > 0, speed, 1) * (speed.max() or 1))[:, None]
    axes.quiver(*at.T, *arrows.T, angles="xy", scale_units="xy", scale=1, width=0.0032, color="0.1", zorder=3)
    for kind in reversed(KINDS):
        points = [x for x, other in f.points if other == kind]
        if points:
            axes.plot(*np.array(points).T, ls="none", zorder=4, **MARKERS[kind])
    axes.set(xlim=box[0], ylim=box[1])
    axes.set_aspect("equal")
    return mesh


def _handles(fields: Sequence[FieldOverData]) -> list[Line2D]:
    shown = {kind for f in fields for _, kind in f.points}
    handles = [Line2D([], [], ls="none", label=LEGEND[kind], **MARKERS[kind]) for kind in KINDS if kind in shown]
    handles.append(Line2D([], [], ls="none", marker=".", color="0.45", label="data"))
    arrow = r"$\rightarrow$"
    handles.append(Line2D([], [], ls="none", marker=arrow, color="0.1", ms=12, label="$r(x) - x$, length as √speed"))
    return handles
