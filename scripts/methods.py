#!/usr/bin/env python
"""What do training algorithms do on one game from the same start, and which step sizes does each allow?

A page of portraits, one panel a method, with the multipliers beside the stability region; a table; methods.json.
"""

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
    parse_box,
    parse_point,
    run_command,
    wide_console,
    write,
)
from dynsys.errors import InputError

if TYPE_CHECKING:
    from analysis.comparison import Comparison, Entry
    from dynsys.field import VectorField

app = new_app()
PER_PAGE = 12

EPILOG = """Examples:

\b
  python scripts/methods.py curl
  python scripts/methods.py spiral-saddle --method euler --method heavy-ball:beta=-0.5 --method adam
  python scripts/methods.py dirac-gan --gamma 0.5 --h 0.4
"""


@app.command(epilog=EPILOG)
def methods(
    game: Annotated[str, typer.Argument(help="A name from `analyse --list`, or a TOML file (docs/toml.md).")],
    method: Annotated[
        list[str] | None, typer.Option(help="A method, or name:key=value; may be repeated. Default: all that fit.")
    ] = None,
    gamma: Annotated[float, typer.Option(help="Consensus coefficient γ; 0 is the game's own field.")] = 0.0,
    h: Annotated[float, typer.Option("--h", help="Step size, the same for all.")] = 0.1,
    at: Annotated[str, typer.Option(help="The zero to look at. Default: a Nash equilibrium in the box.")] = "",
    start: Annotated[str, typer.Option(help="Where the runs start. Default: beside the zero.")] = "",
    steps: Annotated[int, typer.Option(help="Steps of each run.")] = 200,
    box: Annotated[str, typer.Option(help="Where to look: lo:hi per variable. Default: the game's own.")] = "",
    set_: Annotated[list[str] | None, typer.Option("--set", help="Parameter value, name=value.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the pictures and methods.json.")] = Path("out"),
    format_: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
) -> None:
    """Compare training algorithms on one game, from the same start, at the same zero."""
    check_format(format_)
    subject = load_subject(game, set_ or [])
    check_out(out)
    from analysis.comparison import compare
    from dynsys.expressions import finite
    from dynsys.transforms import consensus
    from integrators.checks import check_count, check_step

    check_step(h, "--h")
    check_count(steps, "--steps", 1)
    field = field_of(subject)
    if finite(gamma, "--gamma"):
        field = consensus(field, gamma)
    region = field.region(parse_box(box, field.variables) if box else None)
    chosen, left_out = choose(field, method)
    zero = parse_point(at, field.variables, "--at") if at else equilibrium(field, region)
    first = parse_point(start, field.variables, "--start") if start else beside(zero, region)

    from rich.console import Console

    with Console(stderr=True).status(f"comparing {len(chosen)} methods"):
        comparison = compare(field, zero, chosen, h, first, steps)
        figures = pages(comparison, region, h, format_)
    data = comparison.to_dict() | {"left_out": left_out, "command": ["methods", *sys.argv[1:]]}
    files = write(figures, {"methods.json": json_text(data)}, out, dpi=110)
    show(comparison, steps)
    for name, reason in left_out.items():
        typer.echo(f"left out: {name}: {reason}")
    for file in files:
        typer.echo(f"wrote {file}")


def choose(field: VectorField, names: list[str] | None) -> tuple[list[Any], dict[str, str]]:
    """The methods of these names, or all that fit the field, and why the others do not."""
    from integrators.method import check_method, method_named
    from integrators.method import methods as registered

    if names:
        return [check_method(method_named(name), field) for name in names], {}
    chosen, left_out = [], {}
    for name in registered():
        try:
            chosen.append(check_method(method_named(name), field))
        except InputError as error:
            left_out[name] = str(error)
    return chosen, left_out


def equilibrium(field: VectorField, box: Any) -> Any:
    """The zero to look at: a Nash equilibrium if the box holds one, the nearest to its middle."""
    import numpy as np

    from analysis.classification import classify
    from analysis.zeros import fixed_points

    points = [point.x for point in fixed_points(field, box=box)]
    if not points:
        raise InputError("the field has no zero in the box; name one with --at, or give another --box")
    nash = [x for x in points if field.game is not None and classify(field, x).is_nash]
    middle = np.mean(np.array(box), axis=1)
    return min(nash or points, key=lambda x: float(np.linalg.norm(x - middle)))


def beside(zero: Any, box: Any) -> Any:
    """A start inside the box, near the zero."""
    import numpy as np

    low, high = np.array(box).T
    away = np.where(np.arange(len(low)) % 2, 0.04, -0.06) * (high - low)
    return np.clip(np.asarray(zero) + away, low, high)


def pages(comparison: Comparison, box: Any, h: float, format_: str) -> dict[str, Any]:
    """File name -> figure, twelve methods a page."""
    from analysis.classification import classify
    from analysis.method_figures import method_page
    from analysis.portraits import portrait
    from analysis.regions import stability_region

    field = comparison.field
    label = classify(field, comparison.x)
    background = portrait(field, box, [label], through=comparison.x, title=field.name)
    regions = {}
    for entry in comparison.entries:
        if not (entry.method.differentiable or entry.method.moves):
            regions[entry.method.label] = stability_region(entry.method, resolution=121)
    groups = [comparison.entries[i : i + PER_PAGE] for i in range(0, len(comparison.entries), PER_PAGE)]
    title = f"{field.name.replace('-', ' ')}, $h={h:g}$"
    return {
        f"methods-{number}.{format_}": method_page(comparison, group, background, regions, title)
        for number, group in enumerate(groups, start=1)
    }


def show(comparison: Comparison, steps: int) -> None:
    """The table on the terminal."""
    from rich.table import Table
    from rich.text import Text

    console = wide_console()
    place = ", ".join(f"{c:.4g}" for c in comparison.x)
    table = Table(title=Text(f"{comparison.field.name} at ({place}), h = {comparison.h:g}"), title_justify="left")
    columns = ("method", "at this h", "critical h", "best h", "rate", "evaluations a step", f"distance, {steps} steps")
    for column in columns:
        table.add_column(column)
    for entry in comparison.entries:
        table.add_row(*row(entry, comparison))
    console.print(table)
    for entry in comparison.entries:
        if entry.reason:
            console.print(f"• {entry.reason}", markup=False, highlight=False)


def row(entry: Entry, comparison: Comparison) -> list[str]:
    """The cells of one method."""
    import math

    from analysis.comparison import distance

    end = f"{distance(entry.run[-1], comparison.x):.3g}"
    if entry.status.name not in ("FINISHED", "STATIONARY"):
        end = entry.status.name.lower().replace("_", " ")
    if entry.steps is None or entry.best is None:
        return [entry.method.label, "-", "-", "-", "-", str(entry.method.evaluations), end]
    best = "-" if math.isnan(entry.best.h) else "∞" if math.isinf(entry.best.h) else f"{entry.best.h:.4g}"
    rate = "-" if math.isnan(entry.best.rate) else f"{entry.best.rate:.4g}"
    return [entry.method.label, entry.verdict, entry.steps.text, best, rate, str(entry.method.evaluations), end]


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if it worked, 2 with one line on standard error if an argument cannot be used."""
    return run_command(app, "methods", arguments)


if __name__ == "__main__":
    sys.exit(main())
