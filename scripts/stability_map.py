#!/usr/bin/env python
"""For which step sizes h and coefficients does a training algorithm contract to an equilibrium?

The spectral radius of the update over h and one parameter with its exact borders: stability_map.json and borders.csv.
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
    family_of,
    field_of,
    json_text,
    load_subject,
    new_app,
    parse_point,
    parse_span,
    run_command,
    wide_console,
    write,
)

if TYPE_CHECKING:
    from analysis.stability_maps import StabilityMap

app = new_app()

EPILOG = """Examples:

\b
  python scripts/stability_map.py
  python scripts/stability_map.py spiral-saddle --at 1,-2 --h 0.01:2 --range 0.05:3
  python scripts/stability_map.py lorenz --parameter rho --range 0.5:2 --at 0,0,0 --method runge-kutta4
"""


@app.command(epilog=EPILOG)
def stability_map(
    game: Annotated[str, typer.Argument(help="A name from `analyse --list`, or a TOML file.")] = "curl",
    method: Annotated[str, typer.Option(help="A method, or name:key=value.")] = "euler",
    parameter: Annotated[str, typer.Option(help="gamma: of consensus; or a parameter of the game.")] = "gamma",
    range_: Annotated[str, typer.Option("--range", help="Values of the parameter, lo:hi.")] = "0.01:3",
    h: Annotated[str, typer.Option("--h", help="Step sizes, lo:hi.")] = "0.01:2",
    at: Annotated[str, typer.Option(help="The zero. Default: the origin.")] = "",
    resolution: Annotated[int, typer.Option(help="Values along each axis.")] = 400,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Parameter value, name=value.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the picture and its data.")] = Path("out"),
    format_: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
) -> None:
    """Map the stability of an update over step size and a parameter."""
    check_format(format_)
    subject = load_subject(game, set_ or [])
    check_out(out)
    from rich.console import Console

    from analysis.stability_maps import stability_map as mapped
    from integrators.checks import check_count
    from integrators.method import method_named

    count = check_count(resolution, "--resolution", 2)
    field = family_of(field_of(subject), parameter, parse_span(range_, "--range")[0])
    zero = parse_point(at, field.variables, "--at") if at else [0.0] * field.n
    ranges = {
        "h": np.linspace(*parse_span(h, "--h"), count),
        parameter: np.linspace(*parse_span(range_, "--range"), count),
    }
    with Console(stderr=True).status("following borders"):
        found = mapped(field, zero, method_named(method), ranges)
    rows = [
        [number, border.kind, border.critical, *map(float, point)]
        for number, border in enumerate(found.borders)
        for point in zip(border.h, border.value, border.rotation, strict=True)
    ]
    columns = ["border", "kind", "critical", "h", parameter, "rotation"]
    data = found.to_dict() | {"game": subject.name, "at": zero, "command": ["stability_map", *sys.argv[1:]]}
    texts = {"stability_map.json": json_text(data), "borders.csv": csv_text(columns, rows)}
    title = f"{subject.name.replace('-', ' ')} at ({', '.join(f'{c:g}' for c in zero)}), {method}"
    files = write({f"stability_map.{format_}": picture(found, title)}, texts, out, dpi=150)
    show(found, parameter)
    for file in files:
        typer.echo(f"wrote {file}")


def picture(found: StabilityMap, title: str) -> Any:
    """The map with its legend below."""
    from matplotlib.figure import Figure

    from analysis.map_plots import map_legend, plot_stability_map

    figure = Figure(figsize=(7.6, 6.0), layout="constrained")
    plot_stability_map(found, figure.add_subplot()).set_title(title, fontsize=12)
    figure.legend(handles=map_legend(found), loc="outside lower center", ncols=3, fontsize=9, frameon=False)
    return figure


def show(found: StabilityMap, parameter: str) -> None:
    """The borders as a table, resonances in words."""
    from rich.table import Table

    table = Table("border", "what crosses", "from", "to", "bounds the stable region")
    for number, border in enumerate(found.borders, 1):
        ends = (f"h = {border.h[k]:.8g}, {parameter} = {border.value[k]:.8g}" for k in (0, -1))
        table.add_row(str(number), border.kind, *ends, "yes" if border.critical else "no")
    if found.borders:
        wide_console().print(table)
    for point in found.resonances:
        typer.echo(f"resonance {point.name}: h = {point.h:.10g}, {parameter} = {point.value:.10g}")
    if found.ended:
        typer.echo(found.ended)
    shares = [100 * float(np.mean(found.verdict == verdict)) for verdict in (-1, 0)]
    typer.echo(f"stable on {shares[0]:.1f} % of the map, neutral on {shares[1]:.1f} %")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if it worked, 2 with one line on standard error if an argument cannot be used."""
    return run_command(app, "stability_map", arguments)


if __name__ == "__main__":
    sys.exit(main())
