"""The two figures of a report: three portraits side by side, and the spectra over the stability region."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from analysis.plots import legend_handles, plot_portrait, plot_spectrum
from analysis.portraits import portrait, spectrum_over_region
from analysis.report import coordinates

if TYPE_CHECKING:
    from analysis.report import Report


def portrait_figure(
    report: Report, axes: list[str] | None = None, through: list[float] | None = None, start: list[float] | None = None
) -> Figure:
    """v, -∇L and v - γ∇L over one box; a run of the method from one start in each."""
    v = report.panels[0]
    low, high = np.array(report.box).T
    anchors = [label.x for label in v.labels if label.is_nash] or [label.x for label in v.labels] or [(low + high) / 2]
    if through is None and v.field.n > 2:
        through = list(anchors[0])
    beside = np.clip(anchors[0] + np.array([-0.18, 0.12])[np.arange(len(low)) % 2] * (high - low), low, high)
    first = beside if start is None else np.array(start)
    portraits = [
        portrait(
            panel.field,
            report.box,
            panel.labels,
            starts=[first],
            method=report.method,
            h=report.h,
            variables=axes,
            through=through,
            title=panel.title,
        )
        for panel in report.panels
    ]
    figure = Figure(figsize=(13.5, 5.1), layout="constrained")
    for ax, drawn in zip(figure.subplots(1, 3), portraits, strict=True):
        plot_portrait(drawn, ax, legend=False)
    figure.suptitle(report.subject.name.replace("-", " "), fontsize=13)
    figure.legend(handles=legend_handles(portraits), loc="outside lower center", ncols=5, fontsize=9, frameon=False)
    return figure


def spectrum_figure(report: Report) -> Figure:
    """Eigenvalues of v and of w, times h, over the stability region of the method."""
    figure = Figure(figsize=(9.6, 5.2), layout="constrained")
    panels = (report.panels[0], report.panels[2])
    for ax, panel in zip(figure.subplots(1, 2), panels, strict=True):
        entries = [(coordinates(label), label.flow.eigenvalues) for label in panel.labels][:10]
        plot_spectrum(spectrum_over_region(entries, report.method, report.h, panel.title), ax)
    name = report.subject.name.replace("-", " ")
    figure.suptitle(rf"{name}: $h\lambda$ over the stability region of {report.method.label}, $h={report.h:g}$", fontsize=13)
    return figure
