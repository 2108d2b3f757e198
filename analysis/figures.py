"""The two figures of a report: three portraits side by side, and the spectra over the stability region."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from analysis.classification import Classification
from analysis.method_figures import APART
from analysis.plots import legend_handles, plot_portrait, plot_spectrum
from analysis.portraits import portrait, spectrum_over_region
from analysis.report import coordinates

if TYPE_CHECKING:
    from analysis.report import Report


def portrait_figure(
    report: Report,
    axes: list[str] | None = None,
    through: list[float] | None = None,
    start: list[float] | None = None,
    separatrices: bool = False,
) -> Figure:
    """v, -∇L and v - γ∇L over one box; a run of the method from one start in each; the saddles' manifolds if wanted."""
    v = report.panels[0]
    low, high = np.array(report.box).T
    centre = (low + high) / 2
    anchors = [label.x for label in v.labels if label.is_nash] or [label.x for label in v.labels] or [centre]
    anchor = min(anchors, key=lambda x: float(np.linalg.norm((x - centre) / (high - low))))
    if through is None and v.field.n > 2:
        through = list(anchor)
    beside = np.clip(anchor + np.array([-0.12, 0.08])[np.arange(len(low)) % 2] * (high - low), low, high)
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
            separatrices=separatrices,
        )
        for panel in report.panels
    ]
    figure = Figure(figsize=(10.8, 4.5))
    # fixed margins: measuring every label for a constrained layout takes a tenth of the whole command's time
    figure.subplots_adjust(left=0.055, right=0.99, bottom=0.23, top=0.86, wspace=0.2)
    for ax, drawn in zip(figure.subplots(1, 3), portraits, strict=True):
        plot_portrait(replace(drawn, slice=""), ax, legend=False)
    title = report.subject.name.replace("-", " ")
    figure.suptitle(f"{title}: {portraits[0].slice}" if portraits[0].slice else title, fontsize=13)
    figure.legend(handles=legend_handles(portraits), loc="lower center", ncols=5, fontsize=9, frameon=False)
    return figure


def spectrum_figure(report: Report) -> Figure:
    """Eigenvalues of v and of w, times h, over the stability region of the method."""
    figure = Figure(figsize=(8.4, 5.0))
    figure.subplots_adjust(left=0.08, right=0.98, bottom=0.28, top=0.87)
    panels = (report.panels[0], report.panels[2])
    for ax, panel in zip(figure.subplots(1, 2), panels, strict=True):
        plot_spectrum(spectrum_over_region(_alike(panel.labels), report.method, report.h, panel.title), ax)
    name = report.subject.name.replace("-", " ")
    figure.suptitle(
        rf"{name}: $h\lambda$ over the stability region of {report.method.label}, $h={report.h:g}$", fontsize=13
    )
    if not report.method.joint:
        figure.text(
            0.5, 0.01, f"{report.method.label} {APART}; for other Jacobians the table decides", ha="center", fontsize=8
        )
    return figure


def _alike(labels: tuple[Classification, ...]) -> list[tuple[str, np.ndarray]]:
    """One entry for all points with the same eigenvalues, named after the first; ten entries at most."""
    groups: dict[tuple[complex, ...], list[Classification]] = {}
    for label in labels:
        groups.setdefault(tuple(label.flow.eigenvalues.round(8) + 0), []).append(label)
    entries = [(group[0], len(group) - 1) for group in groups.values()]
    named = [(coordinates(a) + (f" and {n} more" if n else ""), a.flow.eigenvalues) for a, n in entries]
    return named[:10]
