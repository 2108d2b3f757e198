"""Drawings of windows: components shaded by the share of starts that reach a target, borders by their witness."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from analysis.plots import BLUE, ORANGE, PURPLE, VERMILLION, new_axes, variable_text
from analysis.windows import ConvergenceWindows

LABEL = {"fc": "white", "ec": "none", "alpha": 0.8, "pad": 1.5}
STYLES = ((BLUE, "-"), (VERMILLION, "--"), (PURPLE, "-."), (ORANGE, ":"), ("black", "-"))


def window_figure(found: ConvergenceWindows, title: str) -> Figure:
    """The windows on a page of their own, the witnesses in a legend below."""
    figure = Figure(figsize=(7.8, 5.6), layout="constrained")
    ax = plot_windows(found, figure.add_subplot())
    ax.set(xlim=found.ranges[found.parameter], ylim=found.ranges["h"])
    ax.set_title(title, fontsize=12)
    if ax.get_legend_handles_labels()[0]:
        figure.legend(loc="outside lower center", ncols=2, fontsize=9, frameon=False)
    return figure


def plot_windows(found: ConvergenceWindows, ax: Axes | None = None) -> Axes:
    """Every component between its borders; each border in the style of its witness; the sampled point marked."""
    axes = new_axes() if ax is None else ax
    scale = ScalarMappable(Normalize(0, 100), colormaps["Greens"])
    styles: dict[str, tuple[str, str]] = {}
    for number, part in enumerate(found.components, 1):
        share = 50.0 if part.reached is None else 100 * part.reached
        for values, low, high, _ in part.pieces:
            axes.fill_between(values, low, high, color=colormaps["Greens"](share / 100), lw=0)
        for values, low, high, witnesses in part.pieces:
            for border, witness in ((low, witnesses[0]), (high, witnesses[1])):
                if witness != "the range":
                    styles.setdefault(witness, STYLES[len(styles) % len(STYLES)])
                    color, style = styles[witness]
                    axes.plot(values, border, color=color, ls=style, lw=2)
        axes.plot(part.middle[1], part.middle[0], "o", color="black", ms=4)
        text = str(number) if part.fates is None else f"{number}: {share:.0f} % of starts"
        axes.annotate(
            text, (part.middle[1], part.middle[0]), (7, 5), textcoords="offset points", fontsize=9, bbox=LABEL
        )
    for witness, (color, style) in styles.items():
        axes.plot(np.nan, np.nan, color=color, ls=style, lw=2, label=witness)
    if any(part.fates is not None for part in found.components):
        bar = axes.figure.colorbar(scale, ax=axes, shrink=0.85, pad=0.02)
        bar.set_label("% of sampled starts that reach a target")
    axes.set_xlabel(variable_text(found.parameter))
    axes.set_ylabel("step size $h$")
    return axes
