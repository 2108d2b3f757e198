#!/usr/bin/env python
"""Which equilibria does a field have as a parameter grows, which of them are spurious, and where do they attract?

The bifurcation diagram of a game under consensus, or over a parameter of its own; census.json and census.csv.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    parse_box,
    parse_span,
    run_command,
    wide_console,
    write,
)
from dynsys.errors import InputError, nearest

if TYPE_CHECKING:
    from analysis.census import Equilibria

app = new_app()

EPILOG = """Examples:

\b
  python scripts/census.py
  python scripts/census.py lorenz --parameter rho --range 0.5:30 --box=-20:20,-20:20,-1:40
"""


@app.command(epilog=EPILOG)
def census(
    game: Annotated[str, typer.Argument(help="A name from `analyse --list`, or a TOML file.")] = "spiral-saddle",
    parameter: Annotated[str, typer.Option(help="gamma: of consensus; or a parameter of the game.")] = "gamma",
    range_: Annotated[str, typer.Option("--range", help="Values of the parameter, lo:hi.")] = "0.05:1",
    box: Annotated[str, typer.Option(help="Where to look: lo:hi per variable. Default: the game's own.")] = "",
    variable: Annotated[str, typer.Option(help="The variable drawn. Default: the first.")] = "",
    method: Annotated[str, typer.Option(help="A method, to ask where its update attracts; with --h.")] = "",
    h: Annotated[float, typer.Option("--h", help="Step size of the method; 0: none.")] = 0.0,
    samples: Annotated[int, typer.Option(help="Values at which all zeros are searched for.")] = 5,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Parameter value, name=value.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the picture and its data.")] = Path("out"),
    format_: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
) -> None:
    """Follow all equilibria in a box over a parameter."""
    check_format(format_)
    subject = load_subject(game, set_ or [])
    check_out(out)
    from rich.console import Console

    from analysis.census import equilibria_over
    from analysis.census_plots import kind_of_branch
    from integrators.method import method_named

    span = parse_span(range_, "--range")
    field = family_of(field_of(subject), parameter, sum(span) / 2)
    if variable and variable not in field.variables:
        raise InputError(f"--variable is {variable!r}; {nearest(variable, field.variables)}")
    region = parse_box(box, field.variables) if box else None
    chosen = method_named(method) if method else None
    with Console(stderr=True).status("following branches"):
        found = equilibria_over(field, parameter, span, region, chosen, h or None, samples)
    index = field.variables.index(variable) if variable else 0
    rows = [
        [number, kind_of_branch(b), *map(float, z), float(e.real.max())]
        for number, b in enumerate(found.branches, 1)
        for z, e in zip(b.branch.z, b.branch.eigenvalues, strict=True)
    ]
    columns = ["branch", "kind", *field.variables, parameter, "spectral_abscissa"]
    data = found.to_dict() | {"game": subject.name, "command": ["census", *sys.argv[1:]]}
    texts = {"census.json": json_text(data), "census.csv": csv_text(columns, rows)}
    title = f"{subject.name.replace('-', ' ')}: zeros over {parameter}"
    files = write({f"census.{format_}": picture(found, field.variables, index, title)}, texts, out, dpi=150)
    show(found)
    for file in files:
        typer.echo(f"wrote {file}")


def picture(found: Equilibria, variables: Any, index: int, title: str) -> Any:
    """The diagram with its legend below."""
    from matplotlib.figure import Figure

    from analysis.census_plots import census_legend, plot_census

    figure = Figure(figsize=(7.4, 5.6), layout="constrained")
    plot_census(found, variables, index, figure.add_subplot()).set_title(title, fontsize=12)
    figure.legend(handles=census_legend(found), loc="outside lower center", ncols=4, fontsize=9, frameon=False)
    return figure


def show(found: Equilibria) -> None:
    """The branches as a table, then the special points and what is known of completeness."""
    from rich.table import Table

    from analysis.census_plots import kind_of_branch

    console = wide_console()
    words = lambda pairs: ", ".join(f"({lo:.8g}, {hi:.8g})" for lo, hi in pairs) or "nowhere"  # noqa: E731
    update = any(b.update is not None for b in found.branches)
    table = Table("branch", "kind", f"over {found.parameter}", "flow attracted", *["update attracted"] * update, "ends")
    for number, b in enumerate(found.branches, 1):
        over = words([(float(b.branch.values.min()), float(b.branch.values.max()))])
        row = [str(number), kind_of_branch(b), over, words(b.attracts)]
        table.add_row(*row, *[words(b.update or ())] * update, " | ".join(end.value for end in b.branch.ends))
    console.print(table)
    for p in found.points:
        place = ", ".join(f"{c:.10g}" for c in p.x + 0.0)
        typer.echo(f"{p.kind} at {found.parameter} = {p.value:.12g}, ({place}); condition {p.condition:.2g}")
    for value, complete in found.completeness:
        typer.echo(f"{found.parameter} = {value:g}: {complete.text}")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if it worked, 2 with one line on standard error if an argument cannot be used."""
    return run_command(app, "census", arguments)


if __name__ == "__main__":
    sys.exit(main())
