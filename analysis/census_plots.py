"""Bifurcation diagrams: branches of zeros over a parameter, solid where they attract, special points named."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from analysis.census import CensusBranch, Equilibria
from analysis.plots import BLUE, GREEN, ORANGE, PURPLE, VERMILLION, new_axes, variable_text

KINDS = {"Nash": GREEN, "not Nash": VERMILLION, "spurious": PURPLE, "zero": BLUE}
MARKS = {"fold": ("s", "F"), "transcritical": ("X", "T"), "pitchfork": ("P", "P"), "Hopf": ("D", "H")}


def kind_of_branch(branch: CensusBranch) -> str:
    """What a branch is drawn as: Nash if all its labels are, spurious if it is; "zero" without a game."""
    if not branch.inherited:
        return "spurious"
    verdicts = [label.is_nash for label in branch.labels if label.players]
    return "zero" if not verdicts else "Nash" if all(verdict is True for verdict in verdicts) else "not Nash"


def plot_census(found: Equilibria, variables: tuple[str, ...], index: int = 0, ax: Axes | None = None) -> Axes:
    """One coordinate of every branch over the parameter; solid where the flow is attracted, dashed elsewhere."""
    axes = new_axes() if ax is None else ax
    for branch in found.branches:
        p, x = branch.branch.values, branch.branch.x[:, index]
        stable = branch.branch.eigenvalues.real.max(1) < 0
        color = KINDS[kind_of_branch(branch)]
        edges = [0, *(np.flatnonzero(np.diff(stable)) + 1), len(p) - 1]
        for a, b in pairwise(edges):
            solid = bool(stable[(a + b) // 2])
            axes.plot(p[a : b + 1], x[a : b + 1], color=color, ls="-" if solid else "--", lw=2.2 if solid else 1.3)
    for point in found.points:
        marker, letter = MARKS.get(point.kind, ("o", "B"))
        axes.plot(point.value, point.x[index], marker, color="black", mfc=ORANGE, ms=7, zorder=5)
        axes.annotate(letter, (point.value, point.x[index]), (7, 6), textcoords="offset points", fontsize=9)
    axes.set(xlim=found.range, ylim=found.box[index], xlabel=variable_text(found.parameter))
    axes.set_ylabel(variable_text(variables[index]), rotation=0, labelpad=10)
    return axes


def census_legend(found: Equilibria) -> list[Line2D]:
    """An entry for every kind of branch and special point that the diagram shows."""
    words = {"zero": "zero of the field", "Nash": "Nash", "not Nash": "not Nash", "spurious": "spurious"}
    kinds = {kind_of_branch(branch) for branch in found.branches}
    handles = [Line2D([], [], color=KINDS[kind], lw=2.2, label=words[kind]) for kind in KINDS if kind in kinds]
    handles += [
        Line2D([], [], color="0.3", lw=2.2, label="attracts the flow"),
        Line2D([], [], color="0.3", lw=1.3, ls="--", label="does not"),
    ]
    for kind in dict.fromkeys(point.kind for point in found.points):
        marker, letter = MARKS.get(kind, ("o", "B"))
        handles.append(Line2D([], [], color="black", mfc=ORANGE, marker=marker, ls="none", label=f"{letter}: {kind}"))
    return handles
