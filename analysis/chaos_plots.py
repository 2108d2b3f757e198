"""Drawings of exponents, orbit diagrams and transients: each takes its result and draws it, computing nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.lyapunov_spectra import LyapunovSpectrum
from analysis.nonnormality import Transients
from analysis.orbit_diagrams import OrbitDiagram
from analysis.plots import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION, new_axes, variable_text
from analysis.pseudospectra import Pseudospectrum
from integrators.status import Status

COLOURS = (VERMILLION, BLUE, GREEN, PURPLE, ORANGE, SKY)
FEWEST = 8  # points of a curve, so early that they are not shown: the first batches say little


def plot_growth(spectrum: LyapunovSpectrum, ax: Axes | None = None) -> Axes:
    """The logs of the stretching of every direction over time."""
    axes = new_axes() if ax is None else ax
    time = spectrum.time - spectrum.time[0]
    for j in range(spectrum.growth.shape[1]):
        axes.plot(time, _finite(spectrum.growth[:, j]), color=COLOURS[j % len(COLOURS)], lw=1.4)
    axes.axhline(0, color="0.6", lw=0.6, zorder=0.5)
    axes.set(xlabel="time after the transient", ylabel="ln of the stretching")
    return axes


def plot_exponents(spectrum: LyapunovSpectrum, ax: Axes | None = None) -> Axes:
    """The exponents as they settle, less their values at the end, with the 95 % intervals of those."""
    axes = new_axes() if ax is None else ax
    time = spectrum.time - spectrum.time[0]
    first = min(FEWEST, len(time) - 1)
    for j, (value, error) in enumerate(zip(spectrum.exponents, spectrum.error, strict=True)):
        colour = COLOURS[j % len(COLOURS)]
        label = f"$\\lambda_{{{j + 1}}} = {_number(value, error)}$"
        away = _finite(spectrum.finite_time[first:, j]) - (value if np.isfinite(value) else np.nan)
        axes.plot(time[first:], away, color=colour, lw=1.4, label=label)
        if np.isfinite(value) and error > 0:
            axes.axhspan(-error, error, color=colour, alpha=0.15, lw=0)
    axes.axhline(0, color="0.4", lw=0.6, zorder=0.5)
    axes.set(xlabel="time after the transient", ylabel="exponent so far, less its value")
    axes.legend(fontsize=9, loc="best")
    return axes


def _number(value: float, error: float) -> str:
    """A value with its error, as mathematics."""
    if np.isneginf(value):
        return r"-\infty"
    if not np.isfinite(value):
        return r"\mathrm{unknown}"
    if not error > 0 or error < 1e-9 * abs(value):
        return f"{value:.8g}"
    digits = max(0, 1 - int(np.floor(np.log10(error))))
    return f"{value:.{digits}f} \\pm {error:.{digits}f}"


def _finite(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, np.nan)


def plot_orbit_diagram(diagram: OrbitDiagram, ax: Axes | None = None, variable: int | str = 0) -> Axes:
    """The last points of every orbit over the parameter, a colour a start; critical values dashed."""
    axes = new_axes() if ax is None else ax
    i = list(diagram.variables).index(variable) if isinstance(variable, str) else variable
    count = diagram.points.shape[2]
    for s in range(diagram.points.shape[1]):
        y = diagram.points[:, s, :, i]
        x = np.repeat(diagram.values, count)
        colour = "black" if diagram.points.shape[1] == 1 else COLOURS[s % len(COLOURS)]
        axes.plot(x, y.ravel(), ".", color=colour, ms=0.9, mew=0, alpha=0.7, rasterized=True, zorder=2)
    _mark_lost(diagram, axes)
    _mark_critical(diagram, axes)
    axes.set_xlim(diagram.values[0], diagram.values[-1] if len(diagram.values) > 1 else None)
    axes.set_ylabel(variable_text(diagram.variables[i]), rotation=0, labelpad=10)
    axes.set_xlabel(_parameter_text(diagram))
    return axes


def plot_largest_exponent(diagram: OrbitDiagram, ax: Axes | None = None) -> Axes:
    """λ₁ over the parameter, a colour a start: above 0 filled, where orbits are chaotic."""
    axes = new_axes() if ax is None else ax
    for s in range(diagram.exponent.shape[1]):
        rates = _finite(diagram.exponent[:, s])
        colour = BLUE if diagram.exponent.shape[1] == 1 else COLOURS[s % len(COLOURS)]
        axes.plot(diagram.values, rates, color=colour, lw=0.9)
        axes.fill_between(diagram.values, 0, rates, where=rates > 0, color=VERMILLION, alpha=0.35, lw=0)
    axes.axhline(0, color="0.3", lw=0.7)
    _mark_lost(diagram, axes)
    _mark_critical(diagram, axes)
    kept = diagram.exponent[np.isfinite(diagram.exponent)]
    if len(kept):
        top = max(float(kept.max()), 0.0)
        low = min(float(np.quantile(kept, 0.02)), -top / 4)
        axes.set_ylim(low - 0.08 * (top - low), top + 0.12 * (top - low) + 1e-12)
    axes.set_xlim(diagram.values[0], diagram.values[-1] if len(diagram.values) > 1 else None)
    unit = "per step" if diagram.h == 1 else "per unit of time"
    axes.set(xlabel=_parameter_text(diagram), ylabel=f"$\\lambda_1$ {unit}")
    axes.yaxis.set_major_locator(MaxNLocator(6))
    return axes


def _mark_critical(diagram: OrbitDiagram, axes: Axes) -> None:
    for value in diagram.critical:
        axes.axvline(value, color=GREEN, lw=1.1, ls="--", zorder=3)


def _mark_lost(diagram: OrbitDiagram, axes: Axes) -> None:
    """Grey where no orbit lasts."""
    lost = (diagram.status > Status.STATIONARY).all(1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], lost, [False]]).astype(int)))
    half = (diagram.values[-1] - diagram.values[0]) / max(2 * (len(diagram.values) - 1), 1)
    for first, end in edges.reshape(-1, 2):
        axes.axvspan(diagram.values[first] - half, diagram.values[end - 1] + half, color="0.9", lw=0, zorder=0)


def _parameter_text(diagram: OrbitDiagram) -> str:
    return "step size $h$" if diagram.parameter == "h" else variable_text(diagram.parameter)


def orbit_figure(diagram: OrbitDiagram, title: str, variable: int | str = 0) -> Figure:
    """The orbit diagram with the exponents below it on the same axis."""
    figure = Figure(figsize=(8.0, 6.4), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.4))
    plot_orbit_diagram(diagram, upper, variable).set(title=title, xlabel="")
    plot_largest_exponent(diagram, lower)
    notes = []
    if diagram.critical and diagram.at is not None:
        place = ", ".join(f"{c:.4g}" for c in diagram.at)
        where = ", ".join(f"{value:.6g}" for value in diagram.critical)
        name = _parameter_text(diagram).removeprefix("step size ")
        notes.append(f"dashed: the fixed point ({place}) gains or loses stability at {name} = {where}")
    if (diagram.status > Status.STATIONARY).all(1).any():
        notes.append("grey: no orbit lasts")
    if notes:
        lower.set_xlabel(_parameter_text(diagram) + "\n" + ";  ".join(notes), fontsize=10)
    if diagram.reason:
        lower.text(0.5, 0.5, "no exponents: " + diagram.reason, transform=lower.transAxes, ha="center", fontsize=8)
    return figure


def plot_transients(transients: Transients, ax: Axes | None = None) -> Axes:
    """The norms of the powers, or of the exponential, with the peak, the slope at the start and the decay."""
    axes = new_axes() if ax is None else ax
    time, norms = transients.time, transients.norms
    axes.plot(time, norms, "-" if transients.flow else ".-", color=BLUE, lw=1.4, label="norm")
    if np.isfinite(transients.peak_at):
        label = f"peak {transients.peak:.4g} at {transients.peak_at:.4g}"
        axes.plot(transients.peak_at, transients.peak, "o", color=VERMILLION, mec="black", label=label)
        axes.axhline(transients.kreiss, color=GREEN, lw=1, ls="--", label=f"Kreiss bound {transients.kreiss:.4g}")
    decay = np.exp(transients.spectral * time) if transients.flow else np.abs(transients.spectral) ** time
    axes.plot(time, decay, color="0.5", lw=1, ls=":", label="what the eigenvalues say")
    axes.set_yscale("log")
    low, high = float(norms[norms > 0].min(initial=1.0)), float(norms.max(initial=1.0))
    axes.set_ylim(max(low, 1e-4 * high) / 1.5, high * 1.5)
    axes.set(
        xlabel="time" if transients.flow else "step $k$", ylabel=r"$\|e^{tA}\|$" if transients.flow else r"$\|M^k\|$"
    )
    axes.legend(fontsize=9)
    return axes


def plot_pseudospectrum(pseudospectrum: Pseudospectrum, ax: Axes | None = None) -> Axes:
    """Contours of the distance to singularity, two lines a power of ten; eigenvalues, and the border of stability."""
    axes = new_axes() if ax is None else ax
    logs: Any = np.log10(np.maximum(pseudospectrum.distance, 1e-16))
    low, high = int(np.floor(np.quantile(logs, 0.001))), int(np.ceil(logs.max()))
    levels = (
        np.arange(max(low, high - 6), high + 0.1, 0.5) if high - low > 0 else np.linspace(logs.min(), logs.max(), 5)
    )
    lines = axes.contour(pseudospectrum.re, pseudospectrum.im, logs, levels=levels, cmap="cividis", linewidths=1.2)
    axes.clabel(lines, fmt=lambda value: f"$10^{{{value:.2g}}}$", fontsize=8)
    if pseudospectrum.flow:
        axes.axvline(0, color="0.3", lw=1)
    else:
        angle = np.linspace(0, 2 * np.pi, 361)
        axes.plot(np.cos(angle), np.sin(angle), color="0.3", lw=1)
    values = pseudospectrum.eigenvalues
    axes.plot(values.real, values.imag, "o", color=VERMILLION, mec="black", ms=6, zorder=4)
    axes.set(xlim=pseudospectrum.re[[0, -1]], ylim=pseudospectrum.im[[0, -1]], xlabel=r"Re $z$", ylabel=r"Im $z$")
    axes.set_aspect("equal")
    return axes
