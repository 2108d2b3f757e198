"""The `analyse` command: a game goes in; its fixed points come out named, with their stability and their portrait."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dynsys.errors import InputError, nearest

if TYPE_CHECKING:
    from analysis.report import Panel, Report

FORMATS = ("png", "svg", "pdf")
app = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})

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
    if format_ not in FORMATS:
        raise InputError(f"--format is {format_!r}; {nearest(format_, FORMATS)}")
    subject = load_subject(game, set_ or [])
    from dynsys.expressions import finite
    from integrators.method import method_named
    from integrators.trajectories import check_count, check_step

    finite(gamma, "--gamma")
    check_count(seed, "--seed")
    check_step(h, "--h")
    chosen = method_named(method)
    field = subject.field() if hasattr(subject, "field") else subject
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
        files = save(report, out, format_, axes, where, first)
    show(report)
    for file in files:
        typer.echo(f"wrote {file}")


def load_subject(game: str, settings: list[str]) -> Any:
    """The game of this name or file, with `name=value` parameters set."""
    from dynsys import Game, games

    path = Path(game)
    if path.suffix == ".toml" or (os.sep in game and path.exists()):
        subject: Any = Game.from_toml(path)
    else:
        subject = games.named(game)
    values = {}
    for setting in settings:
        name, sign, text = setting.partition("=")
        try:
            values[name.strip()] = float(text)
        except ValueError:
            sign = ""
        if not sign:
            raise InputError(f"--set is {setting!r}; write name=value with a number")
    return subject.with_parameters(**values) if values else subject


def parse_box(text: str, variables: tuple[str, ...]) -> Any:
    """lo:hi per variable, separated by commas, in order or each with name=."""
    parts = [part.strip() for part in text.split(",")]
    named = [part.partition("=") for part in parts]
    try:
        if all(sign for _, sign, _ in named):
            return {name.strip(): [float(end) for end in pair.split(":")] for name, _, pair in named}
        pairs = [tuple(float(end) for end in part.split(":")) for part in parts]
    except ValueError:
        pairs = []
    if not pairs:
        raise InputError(f"--box is {text!r}; write lo:hi for each of {', '.join(variables)}, separated by commas")
    return pairs


def parse_point(text: str, variables: tuple[str, ...], argument: str) -> list[float]:
    """Finite numbers separated by commas, one per variable."""
    import math

    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != len(variables) or not all(map(math.isfinite, values)):
        raise InputError(
            f"{argument} is {text!r}; give a finite number for each of {', '.join(variables)}, separated by commas"
        )
    return values


def check_out(out: Path) -> None:
    """Refuse an output folder that cannot be one, before any work."""
    existing = out
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise InputError(f"--out is {str(out)!r}, where no folder can be written; choose another")


def save(
    report: Report,
    out: Path,
    format_: str,
    axes: list[str] | None,
    through: list[float] | None,
    start: list[float] | None,
) -> list[Path]:
    """Write the pictures and report.json; each appears whole or not at all."""
    from analysis.figures import portrait_figure, spectrum_figure

    figures = {
        f"portrait.{format_}": portrait_figure(report, axes, through, start),
        f"spectra.{format_}": spectrum_figure(report),
    }
    data = report.to_dict() | {"command": ["analyse", *sys.argv[1:]]}
    try:
        return _write(figures, data, out)
    except OSError as error:
        raise InputError(f"--out is {str(out)!r}: {error.strerror}; choose another folder") from None


def _write(figures: dict[str, Any], data: dict[str, Any], out: Path) -> list[Path]:
    import json

    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".aside-") as aside:
        for name, figure in figures.items():
            figure.savefig(Path(aside) / name, dpi=180, metadata=None)
        text = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False)
        (Path(aside) / "report.json").write_text(text + "\n", encoding="utf-8")
        names = [*figures, "report.json"]
        for name in names:
            (Path(aside) / name).replace(out / name)
    return [out / name for name in names]


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
    collecting = gc.isenabled()
    gc.disable()  # a run of seconds leaves nothing worth collecting, and the collector would take a seventh of it
    try:
        result = typer.main.get_command(app).main(arguments, prog_name="analyse", standalone_mode=False)
        return int(result or 0)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
    except (typer.Abort, KeyboardInterrupt):
        print("stopped", file=sys.stderr)
        return 130
    except Exception as error:  # Typer's own usage errors; its click is bundled in newer versions, separate in older
        if not hasattr(error, "format_message"):
            raise
        print(f"error: {error.format_message()} (see --help)", file=sys.stderr)
    finally:
        if collecting:
            gc.enable()
    return 2
