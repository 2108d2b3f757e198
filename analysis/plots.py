"""A drawing per result type: takes the result and `ax=None`, returns the Axes, computes nothing.

Colours are Okabe & Ito's, told apart by colour-blind readers; every kind has a marker of its own besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from analysis.krylov import RitzValues
from analysis.portraits import KINDS, Portrait, SpectrumOverRegion
from analysis.regions import StabilityRegion
from analysis.spectra import Spectrum

BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
MARKERS: dict[str, dict[str, Any]] = {
    "strict Nash": {"marker": "*", "color": GREEN, "fill": True, "size": 15},
    "weak Nash": {"marker": "*", "color": GREEN, "fill": False, "size": 15},
    "Nash undecided": {"marker": "D", "color": PURPLE, "fill": False, "size": 8},
    "not Nash, attracts": {"marker": "s", "color": VERMILLION, "fill": True, "size": 9},
    "not Nash": {"marker": "s", "color": VERMILLION, "fill": False, "size": 9},
    "spurious, attracts": {"marker": "X", "color": PURPLE, "fill": True, "size": 11},
    "spurious": {"marker": "X", "color": PURPLE, "fill": False, "size": 11},
    "attracts": {"marker": "o", "color": BLUE, "fill": True, "size": 9},
    "does not attract": {"marker": "o", "color": BLUE, "fill": False, "size": 9},
    "degenerate": {"marker": "P", "color": ORANGE, "fill": True, "size": 10},
}
MANIFOLDS: dict[str, dict[str, Any]] = {
    "stable manifold": {"color": VERMILLION, "ls": "-", "lw": 2.0},
    "unstable manifold": {"color": BLUE, "ls": "--", "lw": 1.6},
}
SPEED = ListedColormap(colormaps["cividis"](np.linspace(0.05, 0.82, 128)), name="speed")  # no pale end on white
GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu",
    "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega",
}  # fmt: skip


def variable_text(name: str) -> str:
    """A variable's name as mathematics: theta becomes θ, x_1 a subscript."""
    stem, _, index = name.partition("_")
    head = f"\\{stem}" if stem in GREEK else stem if len(stem) == 1 else f"\\mathrm{{{stem}}}"
    if not name.isascii():
        return name
    return f"${head}_{{{index}}}$".replace("_{}", "") if "_" not in index else name.replace("_", " ")


def new_axes() -> Axes:
    """Axes of a new figure."""
    import matplotlib.pyplot as plt  # a fifth of a second that a drawing into given axes need not pay

    return plt.figure(figsize=(5.2, 5.0), layout="constrained").add_subplot()


def plot_portrait(portrait: Portrait, ax: Axes | None = None, legend: bool = True, bar: bool = True) -> Axes:
    """Streamlines coloured by speed, nullclines, fixed points by kind, iterates as dots and the flow as lines.

    `bar` draws the scale of speeds beside it.
    """
    axes = new_axes() if ax is None else ax
    if len(portrait.axes) == 1:
        _draw_line(portrait, axes)
    else:
        _draw_plane(portrait, axes, bar)
    title = portrait.title + (f"\n{portrait.slice}" if portrait.slice else "")
    axes.set_title(title, fontsize=11)
    if portrait.finite_share < 1:
        note = f"not finite on {100 * (1 - portrait.finite_share):.0f} % of the box (left blank)"
        axes.text(
            0.5, 0.015, note, transform=axes.transAxes, ha="center", fontsize=8, bbox={"fc": "white", "ec": "none"}
        )
    if legend:
        axes.legend(
            handles=legend_handles([portrait]), fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2
        )
    return axes


def _draw_plane(portrait: Portrait, axes: Axes, scale: bool) -> None:
    x, y = portrait.grid
    u, v = (np.ma.masked_invalid(portrait.velocity[..., k]) for k in (0, 1))
    speed = np.ma.masked_invalid(portrait.speed)
    top = float(speed.max()) if speed.count() else 1.0
    if top > 0 and speed.count():
        low, high = max(top * 1e-3, float(np.percentile(speed.compressed(), 5)), 1e-300), max(top, 1e-299)
        norm = LogNorm(low, high, clip=True)
        lines = axes.streamplot(
            x, y, u, v, color=speed, norm=norm, cmap=SPEED, density=1.1, linewidth=0.8, arrowsize=0.8, zorder=1
        )
        if scale:
            _draw_scale(lines.lines, axes, low, high)
    for component, style in ((u, "--"), (v, ":")):
        if component.count() and component.min() < 0 < component.max():
            axes.contour(x, y, component, levels=[0.0], colors="0.25", linestyles=style, linewidths=1.0, zorder=2)
    for points, stable in portrait.manifolds:
        axes.plot(*broken(points).T, zorder=2.5, **MANIFOLDS["stable manifold" if stable else "unstable manifold"])
    for run in portrait.flows:
        axes.plot(run[:, 0], run[:, 1], "-", color=SKY, lw=1.6, zorder=3)
    for run in portrait.iterates:
        axes.plot(run[:, 0], run[:, 1], ".", color=BLUE, ms=3.5, zorder=4)
        axes.plot(run[0, 0], run[0, 1], ">", color=BLUE, mec="white", ms=7, zorder=5)
    for position, kind in portrait.points:
        axes.plot(position[0], position[1], zorder=6, **marker_style(kind))
    axes.set(xlim=portrait.box[0], ylim=portrait.box[1])
    axes.set_xlabel(variable_text(portrait.axes[0]))
    axes.set_ylabel(variable_text(portrait.axes[1]), rotation=0, labelpad=10)


def broken(points: np.ndarray) -> np.ndarray:
    """The points, with a gap where a variable with a period jumps."""
    jumps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    far = np.flatnonzero(jumps > 20 * max(float(np.median(jumps)), 1e-300)) if len(jumps) else np.empty(0, int)
    far = far[jumps[far] > 0.3 * max(float(np.ptp(points)), 1e-300)]
    return np.insert(points, far + 1, np.nan, axis=0)


def _draw_scale(lines: Any, axes: Axes, low: float, high: float) -> None:
    ticks = [low, (low * high) ** 0.5, high]
    bar = axes.figure.colorbar(lines, ax=axes, shrink=0.8, pad=0.02, aspect=30)
    bar.set_ticks(ticks, labels=[f"{t:.2g}" for t in ticks])
    bar.minorticks_off()
    bar.ax.tick_params(labelsize=7)
    bar.ax.set_title("speed", fontsize=8, loc="left")


def _draw_line(portrait: Portrait, axes: Axes) -> None:
    """The line field: v over x, arrows on the axis, fixed points where v vanishes."""
    x, v = portrait.grid[0], portrait.velocity[:, 0]
    axes.axhline(0, color="0.6", lw=0.8)
    axes.plot(x, v, color=BLUE, lw=1.6)
    at = x[4::10]
    length = (x[1] - x[0]) * 4.4
    direction = np.sign(v[4::10])
    axes.quiver(
        at, 0 * at, direction * length, 0 * at, angles="xy", scale_units="xy", scale=1, color="0.25", width=0.004
    )
    for run in portrait.iterates:
        axes.plot(run[:, 0], 0 * run[:, 0], ".", color=BLUE, ms=3.5)
        axes.plot(run[0, 0], 0, ">", color=BLUE, mec="white", ms=7)
    for position, kind in portrait.points:
        axes.plot(position[0], 0, zorder=6, **marker_style(kind))
    name = variable_text(portrait.axes[0])
    axes.set(xlim=portrait.box[0], xlabel=name, ylabel="velocity")
    sizes = np.abs(v[np.isfinite(v)])
    if len(sizes) and sizes.max() > 20 * np.median(sizes) > 0:
        axes.set_yscale("symlog", linthresh=float(np.median(sizes)))


def marker_style(kind: str) -> dict[str, Any]:
    """How a point of this kind is drawn."""
    style = MARKERS[kind]
    face = style["color"] if style["fill"] else "white"
    edge = "black" if style["fill"] else style["color"]
    width = 0.8 if style["fill"] else 1.8
    return {"marker": style["marker"], "ms": style["size"], "mfc": face, "mec": edge, "mew": width, "ls": "none"}


def legend_handles(portraits: list[Portrait]) -> list[Line2D]:
    """One entry for everything that the portraits show."""
    kinds = {kind for portrait in portraits for _, kind in portrait.points}
    handles = [Line2D([], [], label=kind, **marker_style(kind)) for kind in KINDS if kind in kinds]
    for handle in handles:
        handle.set_markersize(8)
    plane = [p for p in portraits if len(p.axes) == 2]
    if plane:
        for name, style in zip(plane[0].axes, ("--", ":"), strict=True):
            handles.append(Line2D([], [], color="0.25", ls=style, lw=1, label=f"nullcline of {variable_text(name)}"))
    for name, look in MANIFOLDS.items():
        if any(stable == (name == "stable manifold") for p in plane for _, stable in p.manifolds):
            handles.append(Line2D([], [], label=name, **look))
    if any(p.flows for p in plane):
        handles.append(Line2D([], [], color=SKY, lw=1.6, label="flow"))
    run = next((p for p in portraits if p.iterates), None)
    if run is not None:
        handles.append(Line2D([], [], color=BLUE, marker=".", ls="none", label=f"{run.method}, h = {run.h:g}, from ▸"))
    return handles


def plot_spectrum(spectrum: Spectrum | SpectrumOverRegion, ax: Axes | None = None) -> Axes:
    """Eigenvalues in the complex plane; over a method's stability region if the result holds one."""
    axes = new_axes() if ax is None else ax
    if isinstance(spectrum, Spectrum):
        axes.axvspan(*_negative(spectrum.eigenvalues), color=SKY, alpha=0.2, lw=0)
        axes.plot(spectrum.eigenvalues.real, spectrum.eigenvalues.imag, "o", color=VERMILLION, mec="black")
        axes.set(xlabel=r"Re $\lambda$", ylabel=r"Im $\lambda$")
    else:
        _draw_region(spectrum, axes)
    axes.axhline(0, color="0.6", lw=0.6, zorder=0.5)
    axes.axvline(0, color="0.6", lw=0.6, zorder=0.5)
    return axes


def plot_ritz_values(found: RitzValues | Sequence[RitzValues], ax: Axes | None = None) -> Axes:
    """Ritz values in the complex plane: converged ones full, others open, each with a disc as large as its residual."""
    axes = new_axes() if ax is None else ax
    parts = [found] if isinstance(found, RitzValues) else list(found)
    for part, marker, color in zip(parts, "osD", (VERMILLION, BLUE, GREEN)):
        for full in (True, False):
            z = part.values[part.converged == full]
            label = f"found by {part.which}" + ("" if full else ", not converged")
            face = color if full else "white"
            if len(z):
                axes.plot(z.real, z.imag, marker, color=face, mec="black" if full else color, ms=6, label=label)
        for z, residual in zip(part.values, part.residuals, strict=True):
            axes.add_patch(Circle((float(z.real), float(z.imag)), float(residual), color=color, alpha=0.15, lw=0))
    axes.axhline(0, color="0.6", lw=0.6, zorder=0.5)
    axes.axvline(0, color="0.6", lw=0.6, zorder=0.5)
    axes.set(xlabel=r"Re $\lambda$", ylabel=r"Im $\lambda$")
    axes.legend(fontsize=8)
    return axes


def plot_multipliers(multipliers: np.ndarray, ax: Axes | None = None) -> Axes:
    """Multipliers in the complex plane: inside the unit circle full, outside it open."""
    axes = new_axes() if ax is None else ax
    angle = np.linspace(0, 2 * np.pi, 361)
    axes.fill(np.cos(angle), np.sin(angle), color=SKY, alpha=0.35, lw=0)
    axes.plot(np.cos(angle), np.sin(angle), color=BLUE, lw=1)
    outside = np.abs(multipliers) > 1 + 1e-9
    axes.plot(multipliers[~outside].real, multipliers[~outside].imag, "o", color=GREEN, mec="black", mew=0.6, ms=5)
    axes.plot(multipliers[outside].real, multipliers[outside].imag, "D", color="white", mec=VERMILLION, mew=1.4, ms=5)
    size = 1.15 * max(1.0, float(np.abs(multipliers).max(initial=0)))
    axes.set(xlim=(-size, size), ylim=(-size, size), xlabel=r"Re $\zeta$", ylabel=r"Im $\zeta$")
    axes.set_aspect("equal")
    axes.axhline(0, color="0.6", lw=0.6, zorder=0.5)
    axes.axvline(0, color="0.6", lw=0.6, zorder=0.5)
    return axes


def plot_stability_region(region: StabilityRegion, ax: Axes | None = None) -> Axes:
    """The region where the method contracts, in the plane of z = hλ."""
    axes = new_axes() if ax is None else ax
    inside = np.clip(np.nan_to_num(region.amplification, nan=10.0), 0.0, 10.0)
    axes.contourf(region.re, region.im, inside, levels=[0, 1], colors=[SKY], alpha=0.35)
    axes.contour(region.re, region.im, inside, levels=[1], colors=[BLUE], linewidths=1)
    axes.axhline(0, color="0.6", lw=0.6, zorder=0.5)
    axes.axvline(0, color="0.6", lw=0.6, zorder=0.5)
    axes.set(xlim=(region.re[0], region.re[-1]), ylim=(region.im[0], region.im[-1]))
    axes.set(xlabel=r"Re $h\lambda$", ylabel=r"Im $h\lambda$")
    axes.set_aspect("equal")
    return axes


def _negative(values: np.ndarray) -> tuple[float, float]:
    return (1.3 * min(float(values.real.min()), -0.5), 0.0)


def _draw_region(spectrum: SpectrumOverRegion, axes: Axes) -> None:
    inside = np.where(np.isfinite(spectrum.amplification), spectrum.amplification, np.inf)
    inside = np.minimum(inside, 10.0)
    axes.contourf(spectrum.re, spectrum.im, inside, levels=[0, 1], colors=[SKY], alpha=0.35)
    axes.contour(spectrum.re, spectrum.im, inside, levels=[1], colors=[BLUE], linewidths=1)
    colors = (GREEN, VERMILLION, PURPLE, ORANGE, "black", BLUE)
    for i, (label, values) in enumerate(spectrum.entries):
        z = spectrum.h * values
        marker = "o^sDvPX<>*"[i % 10]
        axes.plot(z.real, z.imag, marker, color=colors[i % 6], mec="black", mew=0.6, ms=7, label=label, zorder=4)
    axes.set_aspect("equal")
    axes.set(xlim=(spectrum.re[0], spectrum.re[-1]), ylim=(spectrum.im[0], spectrum.im[-1]))
    axes.set(xlabel=r"Re $h\lambda$", ylabel=r"Im $h\lambda$")
    axes.set_title(spectrum.title, fontsize=11)
    if spectrum.entries:
        axes.legend(
            fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2 if len(spectrum.entries) > 4 else 1
        )
