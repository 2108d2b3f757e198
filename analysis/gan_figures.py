"""The page of the Dirac-GAN's variants: a portrait each, with a run, the eigenvalues and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.gan_variants import Outcome
from analysis.plots import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION, legend_handles, plot_portrait
from analysis.portraits import Portrait

EIGENVALUE: dict[str, Any] = {"marker": "o", "color": VERMILLION, "mec": "black", "mew": 0.5}
COLOR = {"stable": GREEN, "neutral": ORANGE, "cycles": BLUE, "diverges": VERMILLION, "stalls": PURPLE}


def variant_page(portraits: Sequence[Portrait], found: Sequence[Outcome], columns: int = 6) -> Figure:
    """A panel a variant, given its portrait and what one method does to it; eigenvalues at the zero in the corner."""
    columns = min(columns, len(found))
    rows = -(-len(found) // columns)
    figure = Figure(figsize=(2.9 * columns, 3.15 * rows + 1.0), layout="constrained")
    panels = np.asarray(figure.subplots(rows, columns, squeeze=False)).ravel()
    for ax, drawn, one in zip(panels, portraits, found, strict=False):
        plot_portrait(drawn, ax, legend=False, bar=False)
        ax.set_title(f"{one.variant.title}\n", fontsize=10, fontweight="bold")
        style: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": 10, "color": COLOR[one.verdict]}
        ax.text(0.5, 1.02, one.verdict, transform=ax.transAxes, **style)
        ax.tick_params(labelsize=7)
        ax.set_aspect("equal")
        if one.variant.clip is not None:
            for edge in (-one.variant.clip, one.variant.clip):
                ax.axhline(edge, color="black", lw=1.2)
        _draw_eigenvalues(one, ax)
    for ax in panels[len(found) :]:
        ax.set_axis_off()
    first = found[0]
    figure.suptitle(f"Dirac-GANs: {first.method.label} with $h={first.h:g}$, and the flow", fontsize=14)
    handles = legend_handles(list(portraits))
    handles += [
        Line2D([], [], color="black", lw=1.2, label="clipping"),
        Line2D([], [], label=r"eigenvalues $\lambda$ at the zero, Re < 0 shaded", ls="none", **EIGENVALUE),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(4, 2 * columns), frameon=False, fontsize=9)
    return figure


def _draw_eigenvalues(one: Outcome, ax: Axes) -> None:
    """The eigenvalues of the Jacobian at the zero, or that there are none."""
    inset = ax.inset_axes((0.68, 0.68, 0.31, 0.31))
    inset.set(xlim=(-2.3, 1.1), ylim=(-1.7, 1.7), xticks=[-2, -1, 0, 1], yticks=[-1, 0, 1])
    inset.tick_params(labelsize=5, length=1.5, pad=0.8)
    inset.patch.set_alpha(0.9)
    if one.critical is None:
        inset.text(-0.6, 0, "no\nzero", ha="center", va="center", fontsize=7, color="0.3")
        return
    inset.axvspan(-2.3, 0, color=SKY, alpha=0.3, lw=0)
    inset.axhline(0, color="0.6", lw=0.5)
    values = np.linalg.eigvals(one.variant.field.jacobian(one.variant.x)).astype(complex)
    inset.plot(values.real, values.imag, ls="none", ms=4, **EIGENVALUE)
