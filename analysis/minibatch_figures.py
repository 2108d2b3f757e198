"""The figure of a study of estimators: clouds of iterates, and bias and variance of the gradient over batch sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse

from analysis.minibatch_studies import EstimatorStudy, MinibatchStudy
from analysis.plots import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION, new_axes, variable_text

COLORS = (VERMILLION, ORANGE, BLUE, PURPLE, GREEN, SKY)
MARKERS = ("o", "s", "^", "v", "D", "P")
EDGE = 2.4477  # radius of the ellipse that holds 95 % of a planar normal distribution: √(-2 log .05)


def minibatch_figure(study: MinibatchStudy, title: str) -> Figure:
    """A cloud an estimator, all to one scale, in the first two variables; variance and bias over B beside them."""
    count = len(study.studies)
    columns = min(3, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(3.4 * columns + 4.6, 3.2 * rows + 1.3), layout="constrained")
    figure.suptitle(title, fontsize=13)
    left, right = np.asarray(figure.subfigures(1, 2, width_ratios=(3.4 * columns, 4.6)))
    cells = left.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for k, (ax, one) in enumerate(zip(cells, study.studies, strict=False)):
        plot_cloud(one, study, ax, COLORS[k % len(COLORS)])
    for ax in cells[count:]:
        ax.set_axis_off()
    for k, ax in enumerate(cells[:count]):
        below = k + columns >= count
        ax.set_xlabel(variable_text(study.variables[0]) if below else "")
        ax.xaxis.set_tick_params(labelbottom=below)
    left.legend(handles=_legend(), loc="outside lower center", ncols=3, fontsize=9, frameon=False)
    top, bottom = right.subplots(2, 1, sharex=True)
    plot_gradient_variance(study, top)
    plot_gradient_bias(study, bottom)
    return figure


def plot_cloud(one: EstimatorStudy, study: MinibatchStudy, ax: Axes | None = None, color: str = BLUE) -> Axes:
    """Iterates under one estimator, the true equilibrium, the shifted one, and the ellipse that theory predicts."""
    axes = new_axes() if ax is None else ax
    flat = len(study.variables) > 1
    axes.set_title(one.estimator, fontsize=11, color=color)
    if one.cloud is None or one.floor is None:
        axes.text(0.5, 0.97, _wrapped(one.reason), ha="center", va="top", fontsize=8, transform=axes.transAxes)
    elif flat:
        axes.plot(*one.cloud[:, :2].T, ".", color=color, ms=2.5, alpha=0.6, zorder=1)
        axes.add_patch(_ellipse(one.floor.predicted_mean, one.floor.prediction.covariance))
        axes.plot(*one.floor.mean[:2], "+", color="black", ms=9, mew=1.5, zorder=5)
    else:
        axes.hist(one.cloud[:, 0], bins=40, density=True, color=color, alpha=0.6)
    points = [(one.point.true, "*", 13, "white")]
    if one.point.shifted is not None:
        points.append((one.point.shifted, "X", 8, color))
    for x, marker, size, face in points:
        axes.plot(x[0], x[1] if flat else 0, marker, ms=size, mfc=face, mec="black", zorder=4)
    axes.set_ylabel(variable_text(study.variables[1]) if flat else "density")
    axes.label_outer()
    return axes


def plot_gradient_variance(study: MinibatchStudy, ax: Axes | None = None) -> Axes:
    """tr Cov ĝ at the true equilibrium over the batch size."""
    axes = _plot_over_batches(study, [s.variance for s in study.studies], ax)
    axes.set_ylabel(r"$\mathrm{tr}\,\mathrm{Cov}\,\hat g$")
    axes.set_title(r"variance of $\hat g$ at the true equilibrium", fontsize=11)
    axes.legend(fontsize=8, frameon=False)
    return axes


def plot_gradient_bias(study: MinibatchStudy, ax: Axes | None = None) -> Axes:
    """‖E ĝ - ∇½‖v‖²‖ at the true equilibrium over the batch size, of the estimators that have a bias there."""
    bias = [np.sqrt(s.squared_bias) for s in study.studies]
    scale = max(float(b.max(initial=0.0)) for b in bias)
    axes = _plot_over_batches(study, [np.where(b > 1e-12 * scale, b, np.nan) for b in bias], ax)
    axes.set(xlabel="batch size $B$", ylabel=r"$\Vert E\,\hat g-\nabla\frac{1}{2}\Vert v\Vert^2\Vert$")
    axes.set_title("its bias; that of the others is 0" if scale else "its bias is 0 for all", fontsize=11)
    return axes


def _plot_over_batches(study: MinibatchStudy, values: list[np.ndarray], ax: Axes | None) -> Axes:
    axes = new_axes() if ax is None else ax
    axes.set_xscale("log", base=2)
    if any((v > 0).any() for v in values):
        axes.set_yscale("log")
    for k, (one, v) in enumerate(zip(study.studies, values, strict=True)):
        shown = np.where(v > 0, v, np.nan)
        if np.isfinite(shown).any():
            axes.plot(
                one.batches, shown, MARKERS[k % 6] + "-", color=COLORS[k % 6], ms=4.5, lw=1.2, label=one.estimator
            )
    axes.axvline(study.B, color="0.5", lw=0.9, ls=":")
    axes.grid(alpha=0.25)
    return axes


def _ellipse(mean: np.ndarray, covariance: np.ndarray) -> Ellipse:
    """Where 95 % of a normal distribution lie, in the first two variables."""
    values, axes = np.linalg.eigh(covariance[:2, :2])
    width, height = 2 * EDGE * np.sqrt(np.maximum(values, 0))
    angle = float(np.degrees(np.arctan2(axes[1, 0], axes[0, 0])))
    return Ellipse(tuple(mean[:2]), width, height, angle=angle, fill=False, ec="black", lw=1.2, zorder=3)


def _legend() -> list[Line2D]:
    dots: dict[str, Any] = {"ls": "none", "color": "black"}
    return [
        Line2D([], [], marker="*", ms=12, mfc="white", mec="black", ls="none", label="true equilibrium"),
        Line2D([], [], marker="X", ms=8, mfc="0.6", mec="black", ls="none", label="zero of the expected field"),
        Line2D([], [], marker=".", ms=6, label="iterates", **dots),
        Line2D([], [], marker="+", ms=9, mew=1.5, label="their mean", **dots),
        Line2D([], [], color="black", lw=1.2, label="95 %, predicted"),
    ]


def _wrapped(text: str) -> str:
    from textwrap import fill

    return fill(text, 36)
