"""Drawings of the geometry of fields: arrows, closed walks and their staircases, parts of a field, path angles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from analysis.plots import BLUE, GREEN, ORANGE, SPEED, VERMILLION, marker_style, new_axes, variable_text
from analysis.portraits import Portrait
from analysis.rotation import PathAngle
from analysis.walks import ClosedWalk

if TYPE_CHECKING:
    from analysis.hodge import Helmholtz


def plot_arrows(portrait: Portrait, ax: Axes | None = None, every: int = 0) -> Axes:
    """Arrows of one length coloured by speed, on every `every`-th point of the grid (default: about 19 a side)."""
    axes = new_axes() if ax is None else ax
    step = every or max(1, len(portrait.grid[0]) // 19)
    inner = slice(step // 2, None, step)
    x, y = (g[inner] for g in portrait.grid)
    v, speed = portrait.velocity[inner, inner], portrait.speed[inner, inner]
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = np.where(speed[..., None] > 0, v / speed[..., None], 0.0)
        shade = np.log10(np.where(speed > 0, speed, np.nan))
    low, high = (float(b) for b in np.nanpercentile(shade, [5, 100])) if np.isfinite(shade).any() else (0.0, 1.0)
    axes.quiver(
        x,
        y,
        unit[..., 0],
        unit[..., 1],
        np.nan_to_num(shade, nan=low),
        cmap=SPEED,
        clim=(low, high + 1e-9),
        pivot="mid",
        scale=22,
        width=0.0045,
        zorder=2,
    )
    for position, kind in portrait.points:
        axes.plot(position[0], position[1], zorder=6, **marker_style(kind))
    axes.set(xlim=portrait.box[0], ylim=portrait.box[1], xlabel=variable_text(portrait.axes[0]))
    axes.set_ylabel(variable_text(portrait.axes[1]), rotation=0, labelpad=10)
    axes.set_title(portrait.title, fontsize=11)
    return axes


def plot_walk(walk: ClosedWalk, ax: Axes | None = None) -> Axes:
    """The walk in the plane over the field's arrows; steps downhill green, uphill red, the first point a square."""
    axes = plot_arrows(walk.portrait, ax)
    for k, gain in enumerate(walk.work):
        a, b = walk.points[k], walk.points[k + 1]
        arrow = {"arrowstyle": "-|>", "color": _step_color(walk, gain), "lw": 2.2, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", b[:2], a[:2], arrowprops=arrow, zorder=5)
    axes.plot(*walk.points[0][:2], "s", color="black", ms=6, zorder=7)
    axes.set_title(walk.title, fontsize=11)
    axes.set_aspect("equal")
    return axes


def plot_staircase(walk: ClosedWalk, ax: Axes | None = None) -> Axes:
    """Height after each step of the walk; a gap between both ends says that the field has no potential."""
    axes = new_axes() if ax is None else ax
    height = walk.height
    for k, gain in enumerate(walk.work):
        axes.fill_between([k, k + 1], height[k + 1], 0, color=_step_color(walk, gain), alpha=0.25, lw=0)
        axes.plot([k, k, k + 1], [height[k], height[k + 1], height[k + 1]], color=_step_color(walk, gain), lw=2)
    last = len(walk.work)
    size = max(float(np.ptp(height)), 100 * walk.level)
    axes.plot([0], [0], "s", color="black", ms=6, zorder=5)
    axes.plot([last], [height[-1]], "s", color="black", mfc="white", ms=6, zorder=5)
    if abs(height[-1]) > last * walk.level:
        axes.annotate("", (last, height[-1]), (last, 0), arrowprops={"arrowstyle": "<->", "color": "black"})
        text = f"the same place,\n{abs(height[-1]):.4g} lower" if height[-1] < 0 else f"{height[-1]:.4g} higher"
        axes.annotate(text, (last, height[-1] / 2), (-6, 0), textcoords="offset points", ha="right", va="center")
    axes.axhline(0, color="0.6", lw=0.8, zorder=0.5)
    axes.set(xlabel="step of the walk", ylabel="height = - work so far", xlim=(-0.5, last + 0.8))
    axes.set_ylim(min(0.0, float(height.min())) - 0.08 * size, max(0.0, float(height.max())) + 0.08 * size)
    return axes


def _step_color(walk: ClosedWalk, gain: float) -> str:
    return GREEN if gain > walk.level else VERMILLION if gain < -walk.level else "0.5"


def plot_helmholtz(parts: Helmholtz, axes: Any = None) -> Any:
    """Four panels: the field, and its parts with their shares of the energy; arrows as long as the root of the speed.

    `axes`, four of them, are made if not given; returns them.
    """
    import matplotlib.pyplot as plt

    four = plt.figure(figsize=(13, 3.6), layout="constrained").subplots(1, 4) if axes is None else axes
    some = slice(len(parts.grid.centres[0]) % 16 // 2, None, max(1, len(parts.grid.centres[0]) // 16))
    x, y = (along[some] for along in parts.grid.centres)
    top = float(np.abs(parts.velocity.at_centres).max())
    for ax, name in zip(four, ("velocity", "gradient", "solenoidal", "harmonic"), strict=True):
        v = getattr(parts, name).at_centres[some, some].swapaxes(0, 1)
        v = v / np.maximum(np.sqrt(np.linalg.norm(v, axis=-1, keepdims=True)), 1e-150)
        ax.quiver(x, y, v[..., 0], v[..., 1], color=BLUE, scale=14 * np.sqrt(top), pivot="mid", width=0.006)
        share = "" if name == "velocity" else f", {100 * parts.energy[name]:.3g} %"
        ax.set_title(("field" if name == "velocity" else name) + share, fontsize=11)
        ax.set(xlim=parts.box[0], ylim=parts.box[1])
        ax.set_xlabel(variable_text(parts.variables[0]))
    four[0].set_ylabel(variable_text(parts.variables[1]), rotation=0, labelpad=10)
    return four


def plot_path_angle(angle: PathAngle, ax: Axes | None = None) -> Axes:
    """Cosine of the angle between field and line over the share of the way, with the speed behind it."""
    axes = new_axes() if ax is None else ax
    axes.plot(angle.share, angle.cosine, color=BLUE, lw=1.8, label="cosine")
    axes.axvline(1, color="0.6", lw=0.8)
    axes.axhline(0, color="0.6", lw=0.8)
    axes.set(xlabel="share of the way from x0 to x1", ylabel="cosine of the angle with the line", ylim=(-1.05, 1.05))
    speed = axes.twinx()
    speed.plot(angle.share, angle.speed, color=ORANGE, lw=1.2, ls="--", label="speed")
    speed.set_ylabel("speed (dashed)")
    axes.set_title(f"attraction {angle.attraction:.2f}, rotation {angle.rotation:.2f}", fontsize=11)
    return axes
