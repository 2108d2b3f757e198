"""Panels of a page on training runs: eigenvalue clouds, path angles, curves over the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.rotation import PathAngle

BLUE, ORANGE, GREY = "#1f6fb4", "#d9701e", "0.55"
COLOURS = {"simultaneous": "#d9701e", "alternating": "#2c8c4b", "consensus": "#1f6fb4"}


def plot_cloud(eigenvalues: np.ndarray, ax: Axes, title: str) -> None:
    """Eigenvalues in the complex plane, on scales that are linear near 0 and logarithmic beyond, and the axis."""
    size = max(float(np.abs(eigenvalues).max()), 1e-12)
    linear = size * 1e-3
    right = eigenvalues.real > 1e-7 * size
    for which, colour in ((~right, BLUE), (right, ORANGE)):
        ax.plot(eigenvalues.real[which], eigenvalues.imag[which], ".", ms=3, color=colour, alpha=0.6, mew=0)
    ax.axvline(0, color="k", lw=0.7)
    for scale in (ax.set_xscale, ax.set_yscale):
        scale("symlog", linthresh=linear)
    reach = 2.5 * size
    ticks = [-size, -np.sqrt(size * linear), 0, np.sqrt(size * linear), size]
    texts = [f"{t:.0e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e") if t else "0" for t in ticks]
    ax.set_xticks(ticks, [text if i % 2 == 0 else "" for i, text in enumerate(texts)])
    ax.set_yticks(ticks, texts)
    ax.minorticks_off()
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach))
    ax.tick_params(labelsize=6)
    ax.set_title(title, fontsize=8)


def plot_ritz(found: Mapping[str, Any], ax: Axes, title: str) -> None:
    """Ritz values in the complex plane, those that have converged filled, and the imaginary axis."""
    for real, imaginary, converged in zip(found["real"], found["imaginary"], found["converged"], strict=True):
        colour = ORANGE if real > 0 else BLUE
        ax.plot(real, imaginary, "o", ms=4, mec=colour, mfc=colour if converged else "none", mew=0.7)
    low, high = min(0, *found["real"]), max(0, *found["real"])
    edge, reach = 0.15 * (high - low), 1.2 * max(map(abs, found["imaginary"])) or 1
    ax.axvline(0, color="k", lw=0.7)
    ax.set(xlim=(low - edge, high + edge), ylim=(-reach, reach))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(3))
    ax.tick_params(labelsize=6)
    ax.set_title(title, fontsize=8)


def sheet(images: np.ndarray, ax: Axes, title: str) -> None:
    """Images, shape (16, 1, 8, 8) in [-1, 1], as a sheet of four by four."""
    padded = np.pad(images[:16, 0], ((0, 0), (0, 1), (0, 1)), constant_values=0)
    rows = padded.reshape(4, 4, 9, 9).swapaxes(1, 2).reshape(36, 36)
    ax.imshow(rows[:-1, :-1], cmap="gray_r", vmin=-1, vmax=1, interpolation="nearest")
    ax.set_title(title, fontsize=8)


def plot_angle(angle: PathAngle, ax: Axes) -> None:
    """The cosine of v with the line over the share of the way, and the speed on a logarithmic scale."""
    ax.plot(angle.share, angle.cosine, color=BLUE, lw=1.2)
    for line in (ax.axhline, ax.axvline):
        line(0 if line == ax.axhline else 1, color=GREY, lw=0.7)
    ax.set(ylim=(-1.05, 1.05), xlim=(0, angle.share[-1]))
    ax.set_ylabel("cosine", fontsize=7, color=BLUE, labelpad=0)
    speed = ax.twinx()
    speed.semilogy(angle.share, angle.speed, color=ORANGE, lw=0.9, ls="--")
    speed.set_ylabel("‖v‖", fontsize=7, color=ORANGE, labelpad=0)
    for axes in (ax, speed):
        axes.tick_params(labelsize=6)


def plot_over_steps(runs: Mapping[str, Sequence[Any]], ax: Axes, name: str, label: str) -> None:
    """A measure over the steps, a line a run, a colour a method; entries have `steps` and `measures`."""
    for method, entries in runs.items():
        for i, (steps, measures) in enumerate(entries):
            ax.plot(steps, measures[name], color=COLOURS[method], lw=1.1, alpha=0.8, label=method if i == 0 else None)
    ax.set_xlabel("steps", fontsize=8)
    ax.set_ylabel(label, fontsize=8)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.tick_params(labelsize=7)
