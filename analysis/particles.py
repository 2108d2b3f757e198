"""Particles carried by fields, frame by frame: what an animation shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.portraits import Portrait, portrait
from dynsys.array_field import AnyField
from dynsys.errors import InputError
from integrators.algorithms.runge_kutta import RungeKutta4
from integrators.checks import check_count, check_positive
from integrators.ensembles import ensemble

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation

SUBSTEPS = 8  # steps of RK4 between two frames


@dataclass(frozen=True)
class Particles:
    """Positions x, shape (frames, m, n), at times t, shape (frames,), NaN once a particle has left for good."""

    t: np.ndarray
    x: np.ndarray
    portrait: Portrait
    title: str


def particles(
    field: AnyField,
    box: Any = None,
    count: int = 150,
    frames: int = 90,
    time: float = 6.0,
    seed: int = 0,
    title: str = "",
) -> Particles:
    """`count` particles that start anywhere in the box and follow the flow of the field for a time, by RK4.

    Raises `InputError` for counts below one or a time that is not positive.
    """
    where = field.region(box)
    m, k = check_count(count, "count", 1), check_count(frames, "frames", 2)
    t = np.linspace(0, check_positive(time, "time"), k)
    low, high = np.array(where).T
    x = np.full((k, m, field.n), np.nan)
    x[0] = np.random.default_rng(seed).uniform(low, high, (m, field.n))
    far = 50 * float(np.abs(where).max())
    for frame in range(1, k):
        there = np.flatnonzero(np.isfinite(x[frame - 1]).all(1))
        if len(there):
            h = (t[1] - t[0]) / SUBSTEPS
            run = ensemble(field, x[frame - 1, there], RungeKutta4(), h, SUBSTEPS, divergence_bound=far).complete()
            x[frame, there] = np.where((run.status <= 1)[:, None], run.x, np.nan)
    return Particles(t, x, portrait(field, where), title)


def animation(clouds: Sequence[Particles], trail: int = 12) -> FuncAnimation:
    """The clouds side by side in time, each particle with a trail of its last frames, over the field's arrows."""
    from matplotlib.animation import FuncAnimation
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from analysis.geometry_plots import plot_arrows
    from analysis.plots import BLUE

    figure = Figure(figsize=(4.6 * len(clouds), 4.9), dpi=90)
    FigureCanvasAgg(figure)
    figure.subplots_adjust(left=0.09, right=0.985, bottom=0.11, top=0.84, wspace=0.22)
    drawn = []
    for ax, cloud in zip(np.atleast_1d(figure.subplots(1, len(clouds))), clouds, strict=True):
        plot_arrows(cloud.portrait, ax).set_title(cloud.title, fontsize=11)
        for quiver in ax.collections:
            quiver.set_alpha(0.35)
        lines = [ax.plot([], [], "-", color=BLUE, lw=0.9, alpha=0.5, zorder=4)[0] for _ in range(cloud.x.shape[1])]
        drawn.append((cloud, ax.plot([], [], ".", color=BLUE, ms=5, zorder=5)[0], lines))
    clock = figure.suptitle("")

    def show(frame: int) -> list[Any]:
        for cloud, dots, lines in drawn:
            dots.set_data(*cloud.x[frame, :, :2].T)
            for i, line in enumerate(lines):
                line.set_data(*cloud.x[max(0, frame - trail) : frame + 1, i, :2].T)
        clock.set_text(f"t = {clouds[0].t[frame]:.2f}")
        return []

    return FuncAnimation(figure, show, frames=len(clouds[0].t), blit=False)


def save_animation(movie: FuncAnimation, out: Path, name: str, rate: int = 20) -> list[Path]:
    """Write NAME.gif, and NAME.mp4 where ffmpeg is installed; the files written, each whole."""
    import subprocess
    import tempfile

    from matplotlib.animation import FFMpegWriter, PillowWriter

    writers: dict[str, Any] = {f"{name}.gif": PillowWriter(fps=rate)}
    if FFMpegWriter.isAvailable():
        writers[f"{name}.mp4"] = FFMpegWriter(fps=rate)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out, prefix=".aside-") as aside:
            for file, writer in writers.items():
                movie.save(Path(aside) / file, writer=writer)
                (Path(aside) / file).replace(out / file)
    except subprocess.CalledProcessError as error:  # the GIF, written first, is there
        raise InputError(
            f"ffmpeg could not write {name}.mp4 (exit status {error.returncode}); see {out / name}.gif"
        ) from None
    except OSError as error:
        raise InputError(f"--out is {str(out)!r}: {error.strerror}; choose another folder") from None
    return [out / file for file in writers]
