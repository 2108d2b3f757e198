#!/usr/bin/env python
"""Which step sizes h and coefficients make training reach an equilibrium, and nothing else?

The window over h and one parameter with the reason of every border, and where sampled starts end inside; windows.json.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from analysis.windows import ConvergenceWindows

app = new_app()

EPILOG = """Examples:

\b
  python scripts/windows.py spiral-saddle
  python scripts/windows.py spiral-saddle --search -4:4,-8:8 --method runge-kutta4
"""


@app.command(epilog=EPILOG)
def windows(
    game: Annotated[str, typer.Argument(help="A name from `analyse --list`, or a TOML file.")] = "spiral-saddle",
    method: Annotated[str, typer.Option(help="A method, or name:key=value.")] = "euler",
    parameter: Annotated[str, typer.Option(help="gamma: of consensus; or a parameter of the game.")] = "gamma",
    range_: Annotated[str, typer.Option("--range", help="Values of the parameter, lo:hi.")] = "0:3",
    h: Annotated[str, typer.Option("--h", help="Step sizes, lo:hi.")] = "0:2",
    starts: Annotated[str, typer.Option(help="Box that training begins in. Default: the game's own.")] = "",
    search: Annotated[str, typer.Option(help="Larger box in which competitors count. Default: twice as wide.")] = "",
    target: Annotated[str, typer.Option(help="nash or minimax.")] = "nash",
    samples: Annotated[int, typer.Option(help="Starts followed in every component.")] = 400,
    seed: Annotated[int, typer.Option(help="Which starts.")] = 0,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Parameter value, name=value.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the picture and its data.")] = Path("out"),
    format_: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
) -> None:
    """Find where a training algorithm reaches equilibria and nothing else."""
    check_format(format_)
    subject = load_subject(game, set_ or [])
    check_out(out)
    from rich.console import Console

    from analysis.recommendations import recommend
    from analysis.window_plots import window_figure
    from analysis.windows import convergence_windows
    from integrators.method import method_named

    low, high = parse_span(range_, "--range")
    field = family_of(field_of(subject), parameter, (low + high) / 2)
    box = field.region(parse_box(starts, field.variables) if starts else None)
    wide = parse_box(search, field.variables) if search else [((3 * a - b) / 2, (3 * b - a) / 2) for a, b in box]
    ranges = {"h": parse_span(h, "--h"), parameter: (low, high)}
    console = Console(stderr=True)
    with console.status("") as status:
        found = convergence_windows(
            field, method_named(method), box, wide, ranges, target, samples, seed, report=status.update
        )
        advice = recommend(found, samples, seed) if found.components and samples else None
    rows = [
        [number, value, lo, hi]
        for number, part in enumerate(found.components, 1)
        for value, lo, hi in zip(part.values, part.low, part.high, strict=True)
    ]
    chosen = {"recommended": advice and advice.to_dict(), "game": subject.name}
    data = found.to_dict() | chosen | {"command": ["windows", *sys.argv[1:]]}
    texts = {
        "windows.json": json_text(data),
        "windows.csv": csv_text(["component", parameter, "h_low", "h_high"], [[float(c) for c in row] for row in rows]),
    }
    title = f"{subject.name.replace('-', ' ')}, {method}: where only {target} equilibria attract"
    files = write({f"windows.{format_}": window_figure(found, title)}, texts, out, dpi=150)
    show(found)
    if advice is not None:
        typer.echo(f"recommended: {advice.text}")
    for file in files:
        typer.echo(f"wrote {file}")


def show(found: ConvergenceWindows) -> None:
    """The components as a table, then the answer in words."""
    from rich.table import Table

    table = Table("component", found.parameter, "h", "bounded by", "reach a target")
    for number, part in enumerate(found.components, 1):
        spans = [
            f"({a:.8g}, {b:.8g})" for a, b in ((part.values[0], part.values[-1]), (part.low.min(), part.high.max()))
        ]
        share = "-" if part.reached is None else f"{100 * part.reached:.1f} %"
        table.add_row(str(number), *spans, "\n".join(part.witnesses), share)
    if found.components:
        wide_console().print(table)
    typer.echo(found.text)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if it worked, 2 with one line on standard error if an argument cannot be used."""
    return run_command(app, "windows", arguments)


if __name__ == "__main__":
    sys.exit(main())
