#!/usr/bin/env python
"""From which starts does training reach which attractor, and how much of a region is told apart at all?

A picture of the basins, their shares with intervals, entropy, and the uncertainty exponent; basins.npz, .json, .csv.
Finished chunks of a large image are kept on disk: --resume goes on where it stopped.
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
    kept_chunks,
    load_subject,
    new_app,
    parse_box,
    parse_settings,
    run_command,
    under_consensus,
    wide_console,
    write,
)
from dynsys.errors import InputError, nearest

if TYPE_CHECKING:
    from analysis.attraction import Basins
    from analysis.manifolds import InvariantManifolds

app = new_app()

EPILOG = """Examples:

\b
  python scripts/basins.py spiral-saddle --gamma 0.5 --h 0.1 --separatrices
  python scripts/basins.py spiral-saddle --gamma 0.1 --h 0.05 --box=-4:4,-8:8
  python scripts/basins.py henon --resolution 2000 --resume
  python scripts/basins.py magnetic-pendulum --box=-2:2,-2:2 --resolution 500
"""


@app.command(epilog=EPILOG)
def basins(
    game: Annotated[
        str, typer.Argument(help="A name from `analyse --list`, a TOML file, or one of the examples.")
    ] = "newton",
    method: Annotated[
        str, typer.Option(help="A method, or name:key=value. Default: euler, or the example's own.")
    ] = "",
    h: Annotated[float, typer.Option("--h", help="Step size; 0: the example's own, else 0.05.")] = 0.0,
    period: Annotated[float, typer.Option(help="Follow the flow, looked at with this period, instead.")] = 0.0,
    gamma: Annotated[float, typer.Option(help="Consensus with this coefficient; 0: none.")] = 0.0,
    box: Annotated[str, typer.Option(help="lo:hi of the two variables shown. Default: the game's own.")] = "",
    variables: Annotated[str, typer.Option(help="The two variables shown, by commas. Default: the first two.")] = "",
    resolution: Annotated[int, typer.Option(help="Starts a side.")] = 400,
    steps: Annotated[
        int, typer.Option(help="Steps, or periods, after which a start is undecided; 0: the default.")
    ] = 0,
    separatrices: Annotated[
        bool, typer.Option("--separatrices", help="Draw the manifolds of the saddles, which bound the basins.")
    ] = False,
    exponent: Annotated[bool, typer.Option("--exponent", help="The uncertainty exponent too.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Keep the chunks that are there.")] = False,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Parameter value, name=value.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the picture and its data.")] = Path("out"),
    format_: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
) -> None:
    """Find the basins of attraction of a training algorithm, a map or a flow."""
    check_format(format_)
    check_out(out)
    from analysis.attraction import basins as find
    from analysis.basin_measures import uncertainty_exponent
    from analysis.basin_plots import basin_figure
    from integrators.checkpoints import save_whole

    field, title, chosen = _question(game, set_ or [], gamma)
    if separatrices and (field.n != 2 or field.time is not None):
        raise InputError(
            f"--separatrices is given, but {game} has {'time' if field.n == 2 else f'{field.n} variables'}; curves "
            "bound the basins of two variables without time"
        )
    if period or h:
        chosen = {k: v for k, v in chosen.items() if k not in ("h", "period", "method")}
        chosen |= {"period": period} if period else {"h": h}
    chosen["method"] = (
        _method(method, bool(chosen.get("period"))) if method or "method" not in chosen else chosen["method"]
    )
    if not chosen.get("period"):
        chosen.setdefault("h", 0.05)
    names = [name.strip() for name in variables.split(",")] if variables else None
    region = parse_box(box, names or field.variables[:2]) if box else chosen.pop("box", None)
    chosen.pop("box", None)
    if steps:
        chosen["steps"] = steps
    kept = kept_chunks(out / "basins-chunks", resume)
    found = _with_progress(
        lambda progress: find(
            field, box=region, resolution=resolution, variables=names, folder=kept.folder, resume=resume,
            progress=progress, **chosen,
        )
    )  # fmt: skip
    manifolds = _separatrices(found) if separatrices else []
    told = uncertainty_exponent(found) if exponent else None
    data = found.to_dict() | {"game": game, "gamma": gamma, "uncertainty": told and told.to_dict()}
    data["manifolds"] = [curves.to_dict() for curves in manifolds]
    data["command"] = ["basins", *sys.argv[1:]]
    shares = [[s.label, s.name, s.count, s.share, s.low, s.high] for s in found.shares]
    texts = {
        "basins.json": json_text(data),
        "basins.csv": csv_text(["label", "name", "count", "share", "low", "high"], shares),
    }
    files = write(
        {f"basins.{format_}": basin_figure(found, f"{title}: {found.map.text}", manifolds)}, texts, out, dpi=150
    )
    arrays = {"labels": found.labels, "times": found.times, "x": found.x, "y": found.y}
    files = [*files, save_whole(out / "basins.npz", arrays, compressed=True)]
    kept.clear()  # what they were kept for is written
    show(found)
    for curves in manifolds:
        typer.echo(curves.text)
    if told is not None:
        typer.echo(
            f"uncertainty exponent {told.alpha:.4f} ± {told.error:.4f}: the border has dimension {told.dimension:.3f}"
        )
    for file in files:
        typer.echo(f"wrote {file}")


def _question(game: str, settings: list[str], gamma: float) -> tuple[Any, str, dict[str, Any]]:
    """The field, what to call it, and the settings that an example brings."""
    from analysis.basin_examples import EXAMPLES
    from dynsys import games

    if game in EXAMPLES:
        if gamma:
            raise InputError(f"--gamma is {gamma:g}, but {game} is no game; leave it out")
        field, chosen = EXAMPLES[game]()
        values = parse_settings(settings)
        return field.with_parameters(**values) if values else field, game.replace("-", " "), chosen
    try:
        subject = load_subject(game, settings)
    except InputError as error:
        if Path(game).suffix or game in games.CATALOGUE:
            raise
        raise InputError(f"{error}; or one of the examples: {nearest(game, EXAMPLES)}") from None
    field = field_of(subject)
    return under_consensus(field, gamma), heading(subject.name, gamma), {}


def _separatrices(found: Basins) -> list[InvariantManifolds]:
    """The manifolds of the saddles in the box, under the map whose basins these are; why others have none is said."""
    from analysis.manifolds import saddle_manifolds
    from analysis.state_maps import UpdateMap
    from analysis.zeros import fixed_points

    f = found.map
    points = [point.x for point in fixed_points(f.field, found.box)]
    update = (f.method, f.h) if isinstance(f, UpdateMap) else (None, None)
    manifolds, reasons = saddle_manifolds(f.field, points, *update, box=found.box)
    for reason in reasons:
        typer.echo(f"no manifolds: {reason}", err=True)
    return manifolds


def _method(name: str, flow: bool) -> Any:
    """The method of this name; of a flow, an adaptive one."""
    from integrators import DOP853, DormandPrince, Euler, Tsitouras
    from integrators.method import method_named

    if not flow:
        return method_named(name) if name else Euler()
    adaptive = {"dormand-prince": DormandPrince(), "tsitouras": Tsitouras(), "dop853": DOP853()}
    if name and name not in adaptive:
        raise InputError(f"--method is {name!r}; with --period {nearest(name, adaptive)}")
    return adaptive[name or "dormand-prince"]


def _with_progress(work: Any) -> Any:
    """The result of work(progress), with a bar on standard error where a person sees it."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("starts", total=None)
        return work(lambda done, total: bar.update(task, completed=done, total=total))


def show(found: Basins) -> None:
    """The shares as a table, then what was refused and the entropy."""
    from rich.table import Table

    table = Table("label", "what", "share", "95 % interval", "largest |multiplier|")
    for s in found.shares:
        if s.count or s.label >= 0:
            values = found.attractors[s.label].multipliers if s.label >= 0 else None
            largest = "-" if values is None else f"{abs(values[0]):.6g}"
            table.add_row(
                str(s.label), s.name, f"{100 * s.share:.3f} %", f"[{100 * s.low:.3f}, {100 * s.high:.3f}]", largest
            )
    wide_console().print(table)
    for r in found.refused:
        typer.echo(f"no attractor: {r.reason}, near ({', '.join(f'{c:.6g}' for c in r.x)})")
    if min(found.labels.shape) >= 5:
        e = found.entropy
        typer.echo(
            f"basin entropy {e.entropy:.4f}; of mixed squares {e.boundary:.4f}"
            + (", above log 2: a fractal border" if e.fractal else "")
        )


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if it worked, 2 with one line on standard error if an argument cannot be used."""
    return run_command(app, "basins", arguments)


if __name__ == "__main__":
    sys.exit(main())
