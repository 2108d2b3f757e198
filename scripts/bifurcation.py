#!/usr/bin/env python
"""Where do training runs go as the step size h or a coefficient grows: to a point, a cycle, or into chaos?

The orbit diagram of a method's update over h or a parameter with the largest Lyapunov exponent below it:
bifurcation.png, bifurcation.npz with all points, bifurcation.csv with the exponents, bifurcation.json. Finished chunks
of a long sweep are kept on disk: --resume goes on where it stopped.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from analysis.arguments import (
    check_format,
    check_out,
    csv_text,
    family_of,
    field_of,
    heading,
    json_text,
    kept_chunks,
    load_subject,
    new_app,
    off_middle,
    parse_point,
    parse_span,
    run_command,
    under_consensus,
    write,
)
from dynsys.errors import InputError

if TYPE_CHECKING:
    from analysis.orbit_diagrams import OrbitDiagram

app = new_app()

EPILOG = """Examples:

\b
  python scripts/bifurcation.py spiral-saddle --gamma 0.5 --parameter h --range 0.05:2 --start 0.1,0.1 --at 0,0
  python scripts/bifurcation.py spiral-saddle --parameter gamma --range 0:3 --h 0.8 --start 0.1,0.1 --follow up
  python scripts/bifurcation.py van-der-pol --parameter h --range 0.02:0.33 --values 2000 --resume
"""


@app.command(epilog=EPILOG)
def bifurcation(
    game: Annotated[str, typer.Argument(help="A name from `analyse --list`, or a TOML file.")] = "van-der-pol",
    method: Annotated[str, typer.Option(help="A method, or name:key=value.")] = "euler",
    parameter: Annotated[str, typer.Option(help="h; gamma of consensus; or a parameter of the game.")] = "h",
    range_: Annotated[str, typer.Option("--range", help="Its values, lo:hi.")] = "0.02:0.33",
    values: Annotated[int, typer.Option(help="How many values.")] = 600,
    h: Annotated[float | None, typer.Option("--h", help="Step size, of a sweep over a parameter.")] = None,
    gamma: Annotated[float, typer.Option(help="Consensus coefficient γ of a sweep over something else.")] = 0.0,
    start: Annotated[list[str] | None, typer.Option(help="A start; may be repeated. Default: off the middle.")] = None,
    transient: Annotated[int, typer.Option(help="Steps before the points shown.")] = 1000,
    keep: Annotated[int, typer.Option(help="Points shown of every orbit.")] = 200,
    follow: Annotated[str, typer.Option(help="up or down: each value starts where the one before ended.")] = "",
    at: Annotated[str, typer.Option(help="A zero whose critical values are marked.")] = "",
    variable: Annotated[str, typer.Option(help="The variable drawn. Default: the first.")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Keep the chunks that are there.")] = False,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Parameter value, name=value.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the picture and its data.")] = Path("out"),
    format_: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
) -> None:
    """Draw where orbits settle over the step size or a parameter."""
    check_format(format_)
    subject = load_subject(game, set_ or [])
    check_out(out)
    from analysis.orbit_diagrams import orbit_diagram
    from dynsys.errors import nearest
    from integrators.checks import check_count
    from integrators.method import method_named

    low, high = parse_span(range_, "--range")
    if not low < high:
        raise InputError(f"--range is {range_!r}; the lower end must be below the upper")
    own = field_of(subject)
    if gamma and parameter == "gamma" and parameter not in own.parameters:
        raise InputError(f"--gamma is {gamma:g}, but the sweep is over gamma itself; leave one of them out")
    field = under_consensus(own, gamma)
    if parameter != "h":
        field = family_of(field, parameter, (low + high) / 2)
    drawn = variable or field.variables[0]
    if drawn not in field.variables:
        raise InputError(f"--variable is {drawn!r}; {nearest(drawn, field.variables)}")
    starts = [parse_point(text, field.variables, "--start") for text in start or []] or [off_middle(field)]
    zero = parse_point(at, field.variables, "--at") if at else None
    axis = np.linspace(low, high, check_count(values, "--values", 2))
    kept = kept_chunks(out / "bifurcation-chunks", resume)
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"orbits over {parameter}", total=len(axis))
        found = orbit_diagram(
            field, starts, method_named(method), parameter, axis, h, transient, keep, zero, follow, kept.folder, resume,
            progress=lambda done, _: bar.update(task, completed=done),
        )  # fmt: skip
    asked = {"game": subject.name, "gamma": gamma, "command": ["bifurcation", *sys.argv[1:]]}
    files = save(found, f"{heading(subject.name, gamma)}: {method}", asked, drawn, out, format_)
    kept.clear()  # what they were kept for is written
    show(found)
    for file in files:
        typer.echo(f"wrote {file}")


def save(
    found: OrbitDiagram, title: str, asked: dict[str, object], variable: str, out: Path, format_: str
) -> list[Path]:
    """The picture, its data as JSON and CSV, and all points as NPZ."""
    from analysis.chaos_plots import orbit_figure
    from integrators.checkpoints import save_whole
    from integrators.status import Status

    period = found.period
    rows = [
        [
            float(value),
            s,
            float(found.exponent[i, s]),
            int(period[i, s]),
            Status(int(found.status[i, s])).name.lower(),
        ]
        for i, value in enumerate(found.values)
        for s in range(found.status.shape[1])
    ]
    data = found.to_dict() | asked
    texts = {
        "bifurcation.json": json_text(data),
        "bifurcation.csv": csv_text([found.parameter, "start", "lyapunov", "period", "status"], rows),
    }
    files = write({f"bifurcation.{format_}": orbit_figure(found, title, variable)}, texts, out, dpi=150)
    arrays = {
        "values": found.values, "points": found.points, "exponent": found.exponent, "status": found.status,
        "variables": np.array(found.variables),
    }  # fmt: skip
    return [*files, save_whole(out / "bifurcation.npz", arrays, compressed=True)]


def show(found: OrbitDiagram) -> None:
    """What was found, in words."""
    settled, period = found.status <= 1, found.period
    chaotic = settled & (found.exponent > 0) & (period == 0)
    shares = [100 * float(np.mean(part)) for part in (settled & (period > 0), chaotic, ~settled)]
    typer.echo(
        f"of {settled.size} orbits {shares[0]:.1f} % are periodic, {shares[1]:.1f} % have a positive exponent, "
        f"{shares[2]:.1f} % do not last"
    )
    for value in found.critical:
        typer.echo(f"the fixed point gains or loses stability at {found.parameter} = {value:.10g}")
    if found.reason:
        typer.echo(f"no exponents: {found.reason}")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if it worked, 2 with one line on standard error if an argument cannot be used."""
    return run_command(app, "bifurcation", arguments)


if __name__ == "__main__":
    sys.exit(main())
