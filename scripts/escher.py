#!/usr/bin/env python
"""Can a closed walk go downhill at every step? In a field that is no gradient it can, as on Escher's staircase.

The same walk in the field of a game and in its conservative relaxation, with the height lost along the way;
escher.json and escher.csv.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from analysis.arguments import (
    check_format,
    check_out,
    csv_text,
    field_of,
    json_text,
    load_subject,
    new_app,
    parse_point,
    run_command,
    write,
)
from dynsys.errors import InputError

if TYPE_CHECKING:
    from analysis.walks import ClosedWalk

app = new_app()

EPILOG = """Examples:

\b
  python scripts/escher.py
  python scripts/escher.py spiral-saddle --centre 0.2,-0.1 --radius 0.5
"""


@app.command(epilog=EPILOG)
def escher(
    game: Annotated[str, typer.Argument(help="A name from `analyse --list`, or a TOML file; two variables.")] = "curl",
    centre: Annotated[str, typer.Option(help="Centre of the circular walk.")] = "0.4,0.2",
    radius: Annotated[float, typer.Option(help="Radius of the walk.")] = 1.0,
    steps: Annotated[int, typer.Option(help="Steps of the walk.")] = 24,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Parameter value, name=value.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the picture and the data.")] = Path("out"),
    format_: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
) -> None:
    """Walk round a circle and ask each step whether it goes downhill."""
    check_format(format_)
    subject = load_subject(game, set_ or [])
    check_out(out)
    walks = walks_of(field_of(subject), centre, radius, steps)
    data = {
        "game": subject.name,
        "centre": parse_point(centre, ("x", "y"), "--centre"),
        "radius": radius,
        "walks": [walk.to_dict() for walk in walks],
        "command": ["escher", *sys.argv[1:]],
    }
    rows = [
        [name, k, *walk.points[k], height]
        for name, walk in zip(("field", "relaxation"), walks, strict=True)
        for k, height in enumerate(walk.height)
    ]
    texts = {"escher.json": json_text(data), "escher.csv": csv_text(["walk", "step", "x", "y", "height"], rows)}
    files = write({f"escher.{format_}": picture(walks, subject.name)}, texts, out)
    for walk in walks:
        plain = walk.title.replace("$", "").replace(r"\nabla\frac{1}{2}|v|^2", "∇½|v|²")
        share = f"{100 * walk.downhill:.0f} % of the steps go downhill"
        typer.echo(f"{plain}: circulation {walk.circulation:.9g} (± {walk.error:.1g}); {share}")
    for file in files:
        typer.echo(f"wrote {file}")


def walks_of(v: Any, centre: str, radius: float, steps: int) -> list[ClosedWalk]:
    """The walk with the rotation of v, in v and in -∇L."""
    from analysis.line_integrals import circulation
    from analysis.walks import closed_walk
    from dynsys.transforms import conservative_relaxation
    from integrators.checks import check_positive

    if v.n != 2:
        raise InputError(f"the game has {v.n} variables; a walk is drawn in the plane of two")
    middle = np.array(parse_point(centre, v.variables, "--centre"))
    size = check_positive(radius, "--radius")
    turn = 1.0
    circle = lambda t: middle + size * np.array([np.cos(2 * np.pi * t), turn * np.sin(2 * np.pi * t)])  # noqa: E731
    turn = 1.0 if circulation(v, circle) >= 0 else -1.0
    box = [(c - 1.6 * size, c + 1.6 * size) for c in middle]
    relaxed = conservative_relaxation(v)
    return [
        closed_walk(v, circle, steps, box, "the field $v$"),
        closed_walk(relaxed, circle, steps, box, r"a gradient field, $-\nabla\frac{1}{2}|v|^2$"),
    ]


def picture(walks: list[ClosedWalk], name: str) -> Any:
    """Two columns, a walk each: in the plane above, as a staircase below."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from analysis.geometry_plots import plot_staircase, plot_walk
    from analysis.plots import GREEN, VERMILLION

    figure = Figure(figsize=(9.6, 8.6), layout="constrained")
    axes = figure.subplots(2, 2, height_ratios=[1.5, 1])
    for column, walk in enumerate(walks):
        plot_walk(walk, axes[0, column])
        plot_staircase(walk, axes[1, column])
    handles = [
        Line2D([], [], color=GREEN, lw=2.2, label="a step downhill (with the field)"),
        Line2D([], [], color=VERMILLION, lw=2.2, label="a step uphill (against the field)"),
        Line2D([], [], color="black", marker="s", ls="none", label="start"),
        Line2D([], [], color="black", mfc="white", marker="s", ls="none", label="end, the same place"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=9, frameon=False)
    figure.suptitle(f"A closed walk in {name.replace('-', ' ')}: whose height comes back?", fontsize=13)
    return figure


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if it worked, 2 with one line on standard error if an argument cannot be used."""
    return run_command(app, "escher", arguments)


if __name__ == "__main__":
    sys.exit(main())
