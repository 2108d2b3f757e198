"""The pictures of `analyse.py spiral-saddle` with NumPy and Matplotlib alone, for the benchmark.

The fields are written out by hand and their fixed points are known: only the drawing is the same work.
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

TITLES = ("$v$", r"$-\nabla L$", r"$v-\gamma\nabla L$, $\gamma=0.5$")
POINTS = (((0, 0), (1, -2)), ((0, 0), (0.5, -0.5), (1, -2)), ((0, 0), (0.58, -0.889), (1, -2)))
EIGENVALUES = ((-0.05 + 0.1j, -0.05 - 0.1j, 0.43, -0.03), (-0.11 + 0.1j, -0.11 - 0.1j, -0.02, -0.7))


def v(x, y):
    """The field of the game."""
    return np.array([y - x / 2 + 2.5 * x**2, -x - y / 2])


def gradient(x, y):
    """∇½‖v‖²."""
    f, a = v(x, y), 5 * x - 0.5
    return np.array([a * f[0] - f[1], f[0] - f[1] / 2])


FIELDS = (v, lambda x, y: -gradient(x, y), lambda x, y: v(x, y) - 0.5 * gradient(x, y))


def portraits(path):
    """Three panels: streamlines coloured by speed, nullclines, points, a run of Euler."""
    x, y = np.linspace(-2, 2, 121), np.linspace(-4, 2, 121)
    figure = Figure(figsize=(10.8, 4.5))
    figure.subplots_adjust(left=0.055, right=0.99, bottom=0.23, top=0.86, wspace=0.2)
    for ax, field, title, points in zip(figure.subplots(1, 3), FIELDS, TITLES, POINTS, strict=True):
        first, second = field(*np.meshgrid(x, y))
        speed = np.hypot(first, second)
        norm = LogNorm(speed.max() * 1e-3, speed.max(), clip=True)
        lines = ax.streamplot(x, y, first, second, color=speed, norm=norm, cmap="cividis", density=1.1, linewidth=0.8)
        bar = figure.colorbar(lines.lines, ax=ax, shrink=0.8, pad=0.02, aspect=30)
        bar.ax.set_title("speed", fontsize=8)
        for component, style in ((first, "--"), (second, ":")):
            ax.contour(x, y, component, levels=[0], colors="0.25", linestyles=style, linewidths=1)
        run = [np.array([-0.72, 0.72])]
        for _ in range(300):
            run.append(run[-1] + 0.1 * field(*run[-1]))
        ax.plot(*np.array(run).T, ".", ms=3.5)
        for point in points:
            ax.plot(*point, "o", ms=9, mec="black")
        ax.set(title=title, xlabel=r"$\theta$", ylabel=r"$\phi$", xlim=(-2, 2), ylim=(-4, 2))
    figure.suptitle("spiral saddle")
    figure.savefig(path, dpi=180)


def spectra(path):
    """Two panels: eigenvalues over the stability region of Euler."""
    re, im = np.linspace(-2.4, 0.9, 201), np.linspace(-1.4, 1.4, 201)
    size = np.abs(1 + re + 1j * im[:, None])
    figure = Figure(figsize=(8.4, 5.0))
    figure.subplots_adjust(left=0.08, right=0.98, bottom=0.28, top=0.87)
    for ax, title, values in zip(figure.subplots(1, 2), TITLES[::2], EIGENVALUES, strict=True):
        ax.contourf(re, im, size, levels=[0, 1], alpha=0.35)
        ax.contour(re, im, size, levels=[1])
        for z in values:
            ax.plot(np.real(z), np.imag(z), "o", mec="black", label=f"{z:.3g}")
        ax.set(title=title, xlabel=r"Re $h\lambda$", ylabel=r"Im $h\lambda$", aspect="equal")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), fontsize=7)
    figure.savefig(path, dpi=180)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    portraits(folder / "portrait.png")
    spectra(folder / "spectra.png")
