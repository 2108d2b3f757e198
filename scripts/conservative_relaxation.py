#!/usr/bin/env python
"""What does mixing in the gradient field -∇L do to a game's field? The three panels of the source, for a paper.

v, -∇L and v - γ∇L of any game with two variables as arrows with their fixed points; with --animate also particles
that follow the gradient field and the game's field, as a GIF (and an MP4 where ffmpeg is); the data as JSON and CSV.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from analysis.arguments import (
    check_format,
    check_out,
    csv_text,
    field_of,
    free_name,
    json_text,
    load_subject,
    new_app,
    parse_box,
    run_command,
    write,
)
from dynsys.errors import InputError

app = new_app()

EPILOG = """Examples:

\b
  python scripts/conservative_relaxation.py curl --animate
  python scripts/conservative_relaxation.py spiral-saddle --gamma 0.3 --format pdf
"""


@app.command(epilog=EPILOG)
def conservative_relaxation(
    game: Annotated[str, typer.Argument(help="A name from `analyse --list`, or a TOML file; two variables.")] = "curl",
    gamma: Annotated[float, typer.Option(help="Consensus coefficient γ of the third panel.")] = 0.5,
    box: Annotated[str, typer.Option(help="Where to look: lo:hi per variable. Default: the game's own.")] = "",
    animate: Annotated[bool, typer.Option("--animate", help="Also draw particles that follow -∇L and v.")] = False,
    particles: Annotated[int, typer.Option(help="Particles of the animation.")] = 150,
    frames: Annotated[int, typer.Option(help="Frames of the animation.")] = 90,
    time: Annotated[float, typer.Option(help="How long the particles follow the flow.")] = 6.0,
    seed: Annotated[int, typer.Option(help="Where the particles start.")] = 0,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Parameter value, name=value.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the pictures and the data.")] = Path("out"),
    format_: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
) -> None:
    """Draw a game's field, its conservative relaxation and their mixture side by side."""
    check_format(format_)
    subject = load_subject(game, set_ or [])
    check_out(out)
    fields = fields_of(field_of(subject), gamma)
    v = fields[0]
    where = v.region(parse_box(box, v.variables) if box else None)

    from rich.console import Console

    console = Console(stderr=True)
    with console.status("classifying fixed points"):
        panels = [panel(field, where, title) for field, title in zip(fields, titles(gamma), strict=True)]
        figure = picture(panels, subject.name)
    clouds = []
    if animate:
        with console.status("following particles"):
            clouds = clouds_of(fields, where, particles, frames, time, seed)
    texts = data_of(subject.name, gamma, panels, clouds)
    files = write({f"conservative_relaxation.{format_}": figure}, texts, out, dpi=300)
    if clouds:
        from analysis.particles import animation, save_animation

        with console.status("drawing the animation"):
            files += save_animation(animation(clouds), out, "conservative_relaxation")
    for shown in panels:
        kinds = ", ".join(f"{kind} at ({x[0]:.4g}, {x[1]:.4g})" for x, kind in shown.points) or "no fixed points"
        typer.echo(f"{shown.title.replace('$', '')}: {kinds}".replace("\\nabla", "∇").replace("\\gamma", "γ"))
    for file in files:
        typer.echo(f"wrote {file}")


def fields_of(v: Any, gamma: float) -> list[Any]:
    """v, -∇L and v - γ∇L."""
    from dynsys.expressions import finite
    from dynsys.transforms import consensus
    from dynsys.transforms import conservative_relaxation as relaxation

    if v.n != 2:
        raise InputError(f"the game has {v.n} variables; the panels show the plane of two. Try analyse for more")
    return [v, relaxation(v), consensus(v, finite(gamma, "--gamma"), name=free_name(v))]


def titles(gamma: float) -> list[str]:
    """What the panels are called."""
    return ["$v$", r"$-\nabla L$", rf"$v-\gamma\nabla L,\ \gamma={gamma:g}$"]


def panel(field: Any, box: Any, title: str) -> Any:
    """The portrait of one field with its classified fixed points."""
    from analysis.classification import classify
    from analysis.portraits import portrait
    from analysis.zeros import fixed_points

    return portrait(
        field, box, [classify(field, p.x) for p in fixed_points(field, box) if not p.degenerate], title=title
    )


def picture(panels: list[Any], name: str) -> Any:
    """The three panels, lettered."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from analysis.geometry_plots import plot_arrows
    from analysis.plots import legend_handles

    figure = Figure(figsize=(10.8, 4.3), layout="constrained")
    for letter, ax, shown in zip("abc", figure.subplots(1, 3), panels, strict=True):
        plot_arrows(shown, ax)
        ax.set_title(f"({letter})  {shown.title}", fontsize=12)
    handles = [handle for handle in legend_handles(panels) if "nullcline" not in str(handle.get_label())]
    handles.append(
        Line2D([], [], marker="$\\rightarrow$", ls="none", ms=11, color="#1f3a6e", label="field; dark: slow")
    )
    figure.legend(handles=handles, loc="outside lower center", ncols=6, fontsize=9, frameon=False)
    figure.suptitle(name.replace("-", " "), fontsize=13)
    return figure


def clouds_of(fields: list[Any], box: Any, count: int, frames: int, time: float, seed: int) -> list[Any]:
    """Particles in -∇L and in v, from the same starts."""
    from analysis.particles import particles

    names = (r"follows the gradient field $-\nabla L$", "follows the game's field $v$")
    return [
        particles(field, box, count, frames, time, seed, title)
        for field, title in zip((fields[1], fields[0]), names, strict=True)
    ]


def data_of(name: str, gamma: float, panels: list[Any], clouds: list[Any]) -> dict[str, str]:
    """The fields on the grid and the particles as CSV, everything else as JSON."""
    x, y = panels[0].grid
    mesh = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    values = np.hstack([mesh, *(p.velocity.reshape(-1, 2) for p in panels)])
    columns = ["x", "y", "v_x", "v_y", "relaxation_x", "relaxation_y", "consensus_x", "consensus_y"]
    data = {
        "game": name,
        "gamma": gamma,
        "box": [list(pair) for pair in panels[0].box],
        "panels": [
            {"title": p.title, "points": [{"x": [float(c) for c in at], "kind": kind} for at, kind in p.points]}
            for p in panels
        ],
        "command": ["conservative_relaxation", *sys.argv[1:]],
    }
    texts = {"conservative_relaxation.json": json_text(data), "fields.csv": csv_text(columns, values.tolist())}
    if clouds:
        rows = [
            [which, float(t), i, *map(float, at)]
            for which, cloud in zip(("relaxation", "field"), clouds, strict=True)
            for t, frame in zip(cloud.t, cloud.x, strict=True)
            for i, at in enumerate(frame)
        ]
        texts["particles.csv"] = csv_text(["field", "t", "particle", "x", "y"], rows)
    return texts


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if it worked, 2 with one line on standard error if an argument cannot be used."""
    return run_command(app, "conservative_relaxation", arguments)


if __name__ == "__main__":
    sys.exit(main())
