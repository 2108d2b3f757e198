"""The `analyse` command: a game goes in; its fixed points come out named, with their stability and their portrait."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis.arguments import (
    check_format,
    check_out,
    field_of,
    json_text,
    load_subject,
    new_app,
    on_average,
    parse_box,
    parse_point,
    run_command,
    write,
)
from dynsys.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.report import Panel, Report
    from analysis.windows import ConvergenceWindows

app = new_app()

EPILOG = """Examples:

\b
  analyse spiral-saddle --gamma 0.5
  analyse curl --h 0.1
  analyse dirac-gan --gamma 1 --out figures --format pdf
  analyse my_game.toml --box theta=-2:2,phi=-3:3 --set a=0.5
  analyse lorenz --vars x,z --method runge-kutta4 --h 0.01
"""


@app.command(epilog=EPILOG)
def analyse(
    game: Annotated[str, typer.Argument(help="A name from --list, or a TOML file (docs/toml.md).")] = "",
    gamma: Annotated[float, typer.Option(help="Consensus coefficient γ of w = v - γ∇½‖v‖².")] = 0.5,
    h: Annotated[float, typer.Option("--h", help="Step size.")] = 0.1,
    method: Annotated[str, typer.Option(help="Training algorithm: a method of integrators.")] = "euler",
    box: Annotated[
        str, typer.Option(help="Where to look: lo:hi per variable, or name=lo:hi. Default: the game's own.")
    ] = "",
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Parameter value, name=value; may be repeated.")
    ] = None,
    vars_: Annotated[str, typer.Option("--vars", help="Two variables to show, e.g. x,z. Default: the first two.")] = "",
    through: Annotated[
        str, typer.Option(help="Point that the shown plane passes through. Default: a fixed point.")
    ] = "",
    start: Annotated[str, typer.Option(help="Where the drawn run starts, e.g. 1,0. Default: inside the box.")] = "",
    separatrices: Annotated[
        bool, typer.Option("--separatrices", help="Draw the manifolds of the saddles, which bound the basins.")
    ] = False,
    windows: Annotated[bool, typer.Option("--windows", help="Also: which (h, γ) reach Nash equilibria alone?")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the search's starts.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for the pictures and report.json.")] = Path("out"),
    format_: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
    list_: Annotated[bool, typer.Option("--list", help="List the catalogue and stop.")] = False,
) -> None:
    """Find and name the fixed points of a game in a box, and say whether training reaches its Nash equilibria.

    Writes three portraits (v, -∇L, v - γ∇L), the spectra over the method's stability region, and report.json.
    """
    if list_:
        show_catalogue()
        return
    if not game:
        raise InputError("GAME is missing; give a name from --list or a TOML file")
    check_format(format_)
    given = load_subject(game, set_ or [])
    subject = on_average(given)
    from dynsys.expressions import finite
    from integrators.checks import check_count, check_step
    from integrators.method import method_named

    finite(gamma, "--gamma")
    check_count(seed, "--seed")
    check_step(h, "--h")
    chosen = method_named(method)
    field = field_of(subject)
    region = parse_box(box, field.variables) if box else None
    axes = [name.strip() for name in vars_.split(",")] if vars_ else None
    where = parse_point(through, field.variables, "--through") if through else None
    first = parse_point(start, field.variables, "--start") if start else None
    check_out(out)
    if axes is not None:
        from analysis.portraits import _axes

        _axes(field, axes)

    from rich.console import Console

    from analysis.report import analyse as analyse_game

    console = Console(stderr=True)
    with console.status("reading the game") as status:
        report = analyse_game(subject, gamma, h, chosen, region, seed, lambda text: status.update(text))
        status.update("drawing")
        files = save(report, out, format_, axes, where, first, separatrices)
        found = windows_of(report, seed, lambda text: status.update(text)) if windows else None
        if found is not None:
            files += save_windows(found, report, out, format_)
    if subject is not given:
        typer.echo(f"{given.name} has random samples; this is the game of its mean payoffs.")
    show(report)
    if found is not None:
        typer.echo(found.text)
    for file in files:
        typer.echo(f"wrote {file}")


def save(
    report: Report,
    out: Path,
    format_: str,
    axes: list[str] | None,
    through: list[float] | None,
    start: list[float] | None,
    separatrices: bool = False,
) -> list[Path]:
    """Write the pictures and report.json; each appears whole or not at all."""
    from analysis.figures import portrait_figure, spectrum_figure

    figures = {
        f"portrait.{format_}": portrait_figure(report, axes, through, start, separatrices),
        f"spectra.{format_}": spectrum_figure(report),
    }
    data = report.to_dict() | {"command": ["analyse", *sys.argv[1:]]}
    return write(figures, {"report.json": json_text(data)}, out)


def windows_of(report: Report, seed: int, say: Callable[[str], Any]) -> ConvergenceWindows:
    """The windows of the method over γ and h, around the values asked for; the search box is twice the training box."""
    from analysis.windows import convergence_windows

    w = report.panels[2].field
    (parameter,) = set(w.parameters) - set(report.panels[0].field.parameters)
    wide = [((3 * a - b) / 2, (3 * b - a) / 2) for a, b in report.box]
    ranges = {"h": (0.0, max(2.0, 2 * report.h)), parameter: (min(0.0, 2 * report.gamma), max(3.0, 2 * report.gamma))}
    return convergence_windows(w, report.method, report.box, wide, ranges, seed=seed, report=say)


def save_windows(found: ConvergenceWindows, report: Report, out: Path, format_: str) -> list[Path]:
    """Write the picture of the windows and windows.json."""
    from analysis.window_plots import window_figure

    title = f"{report.subject.name.replace('-', ' ')}, {report.method.label}: where only Nash equilibria attract"
    data = found.to_dict() | {"command": ["analyse", *sys.argv[1:]]}
    return write({f"windows.{format_}": window_figure(found, title)}, {"windows.json": json_text(data)}, out)


def show(report: Report) -> None:
    """The tables and the verdict on the terminal."""
    from rich.console import Console

    console = Console()
    for panel in (report.panels[0], report.panels[2]):
        console.print(table_of(panel, report))
    for sentence in report.words:
        console.print(f"• {sentence}", markup=False, highlight=False)


def table_of(panel: Panel, report: Report) -> Any:
    """The fixed points of one field as a Rich table."""
    from rich.table import Table
    from rich.text import Text

    from analysis.report import coordinates, eigenvalue_text, step_text

    name = report.subject.name or "game"
    heading = {"v": f"{name}: fixed points of v", "w": f"{name}: fixed points of w = v - γ∇L, γ = {report.gamma:g}"}[
        panel.symbol
    ]
    table = Table(title=Text(heading), title_justify="left", show_lines=True)
    for column in (
        ", ".join(panel.field.variables),
        "eigenvalues, flow",
        "labels",
        f"{report.method.label}, h = {report.h:g}",
    ):
        table.add_column(column, overflow="fold")
    for label, step in zip(panel.labels, panel.steps, strict=True):
        assert label.update is not None
        names = [n for n in label.labels if not n.endswith((" flow", " update"))]
        flow = f"{eigenvalue_text(label.flow.eigenvalues)}\n{label.kind}"
        table.add_row(coordinates(label), flow, "\n".join(names), f"{label.update.verdict}\n{step_text(step)}")
    for continuum in panel.fixed_points.continua:
        table.add_row(continuum.text, "", "continuum", "")
    return table


def show_catalogue() -> None:
    """Every game with one line."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from dynsys import games

    table = Table("name", "what it is")
    for name, line in games.catalogue().items():
        table.add_row(name, Text(line))
    Console().print(table)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if it worked, 2 with one line on standard error if an argument cannot be used."""
    return run_command(app, "analyse", arguments)
