#!/usr/bin/env python
"""Where does training end if not at rest: on which cycle or curve, and which lines bound the basins?

What the flow and the iterates from a start settle on, the manifolds of the saddles, a portrait, and cycles.json.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analysis.arguments import (
    check_format,
    check_out,
    field_of,
    heading,
    json_text,
    load_subject,
    new_app,
    parse_box,
    parse_point,
    run_command,
    under_consensus,
    write,
)
from dynsys.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.closed_orbits import PeriodicOrbit
    from analysis.manifolds import InvariantManifolds
    from analysis.map_orbits import RecurrentOrbit
    from dynsys import VectorField
    from dynsys.field import Box

app = new_app()

EPILOG = """Examples:

\b
  python scripts/cycles.py spiral-saddle --h 0.5
  python scripts/cycles.py curl --method alternating --h 1.2 --start 1,0
  python scripts/cycles.py sine --method implicit-midpoint --h 1 --start 0.9,0.5
  python scripts/cycles.py spiral-saddle --h 0.5 --update-manifolds
"""


@app.command(epilog=EPILOG)
def cycles(
    game: Annotated[str, typer.Argument(help="A name from `analyse --list`, or a TOML file.")] = "spiral-saddle",
    method: Annotated[str, typer.Option(help="A method, or name:key=value.")] = "euler",
    h: Annotated[float, typer.Option("--h", help="Step size.")] = 0.5,
    gamma: Annotated[float, typer.Option(help="Consensus coefficient γ; 0 is the game's own field.")] = 0.0,
    start: Annotated[str, typer.Option(help="Where the runs start. Default: beside the middle of the box.")] = "",
    transient: Annotated[int, typer.Option(help="Steps, and units of time of the flow, before one looks.")] = 4096,
    box: Annotated[str, typer.Option(help="Where to look for saddles. Default: the game's own.")] = "",
    update: Annotated[
        bool, typer.Option("--update-manifolds", help="Manifolds of the update, not of the flow.")
    ] = False,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Parameter value, name=value.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the picture and its data.")] = Path("out"),
    format_: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
) -> None:
    """Say what the runs from a start settle on, and draw it with the manifolds of the saddles."""
    check_format(format_)
    subject = load_subject(game, set_ or [])
    check_out(out)
    field = under_consensus(field_of(subject), gamma)
    from analysis.closed_orbits import periodic_orbit
    from analysis.manifolds import saddle_manifolds
    from analysis.map_orbits import recurrent_orbit
    from analysis.zeros import fixed_points
    from integrators.method import method_named

    if field.n < 2:
        raise InputError(f"{subject.name} has one variable; a portrait of cycles needs two")
    region = field.region(parse_box(box, field.variables) if box else None)
    middle = [lo + (0.6, 0.45)[i % 2] * (hi - lo) for i, (lo, hi) in enumerate(region)]
    first = parse_point(start, field.variables, "--start") if start else middle
    chosen = method_named(method)
    orbit = recurrent_orbit(field, first, chosen, h, transient)
    around = periodic_orbit(field, first, transient=min(transient, 100))
    points = [point.x for point in fixed_points(field, region)]
    manifolds, reasons = saddle_manifolds(field, points, *((chosen, h) if update else (None, None)), box=region)
    for reason in reasons:
        typer.echo(f"no manifolds: {reason}", err=True)
    typer.echo(f"{method}, h = {h:g}: {orbit.text}")
    typer.echo(f"the flow: {around.text}")
    for found in manifolds:
        typer.echo(found.text)
    data = {
        "game": subject.name,
        "gamma": gamma,
        "start": list(map(float, first)),
        "method": chosen.label,
        "h": h,
        "iterates": orbit.to_dict(),
        "flow": around.to_dict(),
        "manifolds": [found.to_dict() for found in manifolds],
        "command": ["cycles", *sys.argv[1:]],
    }
    title = f"{heading(subject.name, gamma)}: {chosen.label}, $h = {h:g}$"
    figure = figure_of(field, region, orbit, around, manifolds, title)
    for file in write({f"cycles.{format_}": figure}, {"cycles.json": json_text(data)}, out, dpi=140):
        typer.echo(f"wrote {file}")


def figure_of(
    field: VectorField,
    region: Box,
    orbit: RecurrentOrbit,
    around: PeriodicOrbit,
    manifolds: list[InvariantManifolds],
    title: str,
) -> Figure:
    """The portrait of the field, the manifolds and the orbits over it."""
    from matplotlib.figure import Figure

    from analysis.orbit_plots import orbit_handles, orbit_style, plot_manifolds, plot_orbit
    from analysis.plots import plot_portrait
    from analysis.portraits import portrait

    figure = Figure(figsize=(6.4, 5.8), layout="constrained")
    ax = plot_portrait(portrait(field, region, title=title), figure.add_subplot(), legend=False)
    names = field.variables[:2]
    for found in manifolds:
        plot_manifolds(found, ax, names)
    for run in (orbit, around):
        plot_orbit(run, ax, names, region)
    styles = [orbit_style(orbit), orbit_style(around)]
    styles += ["stable manifold", "unstable manifold", "saddle"] if manifolds else []
    figure.legend(handles=orbit_handles(styles), loc="outside lower center", ncols=2, fontsize=9, frameon=False)
    return figure


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if it worked, 2 with one line on standard error if an argument cannot be used."""
    return run_command(app, "cycles", arguments)


if __name__ == "__main__":
    sys.exit(main())
