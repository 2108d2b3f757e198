#!/usr/bin/env python
"""Is training regular or chaotic from here, and how fast do small differences grow?

The Lyapunov exponents of a game's flow, or of a method's update, with their errors; the transients that eigenvalues at
a fixed point do not show. lyapunov.png, lyapunov.json, lyapunov.csv.
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
    field_of,
    heading,
    json_text,
    load_subject,
    new_app,
    off_middle,
    parse_point,
    run_command,
    under_consensus,
    wide_console,
    write,
)
from dynsys.errors import InputError

if TYPE_CHECKING:
    from analysis.lyapunov_spectra import LyapunovSpectrum

app = new_app()

EPILOG = """Examples:

\b
  python scripts/lyapunov.py lorenz --time 5000
  python scripts/lyapunov.py lorenz --set rho=20 --start 10,10,10
  python scripts/lyapunov.py spiral-saddle --gamma 0.5 --method euler --h 0.9 --start 0.1,0.1
"""


@app.command(epilog=EPILOG)
def lyapunov(
    game: Annotated[str, typer.Argument(help="A name from `analyse --list`, or a TOML file.")] = "lorenz",
    method: Annotated[str, typer.Option(help="A method, or name:key=value. Default: the flow.")] = "",
    h: Annotated[float | None, typer.Option("--h", help="Step size of the method.")] = None,
    start: Annotated[str, typer.Option(help="Where the orbit starts. Default: off the middle of the box.")] = "",
    gamma: Annotated[float, typer.Option(help="Consensus coefficient γ; 0 is the game's own field.")] = 0.0,
    steps: Annotated[int | None, typer.Option(help="Steps of an update. Default: 100000.")] = None,
    time: Annotated[float | None, typer.Option(help="Time to follow the orbit for. Default, of a flow: 1000.")] = None,
    transient: Annotated[
        float | None, typer.Option(help="Time, or steps of an update, before. Default: a tenth.")
    ] = None,
    exponents: Annotated[int | None, typer.Option(help="How many. Default: all, up to 16.")] = None,
    rtol: Annotated[float, typer.Option(help="Relative error of a flow's step.")] = 1e-9,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Parameter value, name=value.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the picture and its data.")] = Path("out"),
    format_: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
) -> None:
    """Find the Lyapunov exponents along an orbit."""
    check_format(format_)
    subject = load_subject(game, set_ or [])
    check_out(out)
    from analysis.exponents import lyapunov_spectrum
    from integrators.method import method_named

    if bool(method) != (h is not None):
        raise InputError("give --method and --h together, or neither: then the flow is followed")
    field = under_consensus(field_of(subject), gamma)
    x0 = parse_point(start, field.variables, "--start") if start else off_middle(field)
    chosen = method_named(method) if method else None
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("following the orbit", total=1.0)
        found = lyapunov_spectrum(
            field, x0, chosen, h, steps, time, transient, exponents, rtol,
            progress=lambda done, of: bar.update(task, completed=done / max(of, 1)),
        )  # fmt: skip
    title = f"{heading(subject.name, gamma)}: {f'{method}, h = {h:g}' if method else 'flow'}"
    names = [f"lambda_{j + 1}" for j in range(len(found.exponents))]
    rows = [[float(t), *map(float, row)] for t, row in zip(found.time, found.growth, strict=True)]
    data = found.to_dict() | {"game": subject.name, "gamma": gamma, "start": x0, "command": ["lyapunov", *sys.argv[1:]]}
    texts = {"lyapunov.json": json_text(data), "lyapunov.csv": csv_text(["time", *names], rows)}
    files = write({f"lyapunov.{format_}": picture(found, title)}, texts, out, dpi=140)
    show(found)
    for file in files:
        typer.echo(f"wrote {file}")


def picture(found: LyapunovSpectrum, title: str) -> Any:
    """The exponents as they settle, and the stretching."""
    from matplotlib.figure import Figure

    from analysis.chaos_plots import plot_exponents, plot_growth

    figure = Figure(figsize=(9.6, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    plot_exponents(found, left)
    plot_growth(found, right)
    figure.suptitle(title, fontsize=12)
    return figure


def show(found: LyapunovSpectrum) -> None:
    """The exponents as a table, then the verdict in words."""
    from rich.table import Table

    table = Table("exponent", "per unit of time", "±  (95 %)", "per step")
    for j, (value, error, step) in enumerate(zip(found.exponents, found.error, found.per_step, strict=True), 1):
        table.add_row(f"λ{j}", f"{value:.10g}", f"{error:.2g}", f"{step:.10g}" if found.method else "-")
    wide_console().print(table)
    verdict = {True: "chaotic", False: "regular", None: "undecided"}[found.chaotic]
    typer.echo(f"{verdict}: {found.reason}")
    typer.echo(f"sum {found.total:.10g}, Kaplan-Yorke dimension {found.dimension:.5g}")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if it worked, 2 with one line on standard error if an argument cannot be used."""
    return run_command(app, "lyapunov", arguments)


if __name__ == "__main__":
    sys.exit(main())
