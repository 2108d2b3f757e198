#!/usr/bin/env python
"""Which remedy makes the Dirac-GAN converge, under which method, and up to which step size?

A page of portraits with eigenvalues and verdicts; a table method × variant; dirac_gan.json and dirac_gan.csv.
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
    json_text,
    new_app,
    run_command,
    wide_console,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.gan_variants import Outcome

app = new_app()
METHODS = ("euler", "alternating", "heavy-ball:beta=-0.5", "extragradient", "optimistic-gradient", "runge-kutta4")
QUICK = ("euler", "extragradient")
STYLE = {"stable": "green", "neutral": "yellow", "cycles": "blue", "diverges": "red", "stalls": "magenta"}

EPILOG = """Examples:

\b
  python scripts/dirac_gan.py
  python scripts/dirac_gan.py --variant dirac-r1 --variant dirac-gan --method euler --method alternating --h 0.5
  python scripts/dirac_gan.py --quick
"""


@app.command(epilog=EPILOG)
def dirac_gan(
    variant: Annotated[list[str] | None, typer.Option(help="A variant; may be repeated. Default: all.")] = None,
    method: Annotated[
        list[str] | None, typer.Option(help="A method, or name:key=value; may be repeated. The first one is drawn.")
    ] = None,
    h: Annotated[float, typer.Option("--h", help="Step size of the verdicts and of the runs drawn.")] = 0.2,
    steps: Annotated[
        int | None, typer.Option(help="Steps of the runs that decide where multipliers do not. Default: 20000.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Two methods only, and runs of 4000 steps.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for the page and its data.")] = Path("out"),
    format_: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
) -> None:
    """Compare the variants of the Dirac-GAN: stable, neutral, cycles, or diverges?"""
    check_format(format_)
    check_out(out)
    from rich.console import Console
    from rich.progress import Progress

    from analysis.gan_figures import variant_page
    from analysis.gan_variants import STEPS, by_variant, outcomes, portrait_of, variant_named, variants
    from integrators.checks import check_count, check_step
    from integrators.method import method_named

    check_step(h, "--h")
    count = (4000 if quick else STEPS) if steps is None else check_count(steps, "--steps", 100)
    family = [variant_named(name) for name in dict.fromkeys(variant)] if variant else list(variants())
    names = method or (QUICK if quick else METHODS)
    methods = [method_named(name) for name in names]
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("methods × variants", total=None)
        report = lambda done, total: bar.update(task, completed=done, total=total)  # noqa: E731
        found = outcomes(family, methods, h, count, report)
        task = bar.add_task("portraits", total=len(family))
        portraits = []
        for one in family:
            portraits.append(portrait_of(one, methods[0], h))
            bar.advance(task)
        drawn = [own[0] for _, own in by_variant(found)]
        figure = variant_page(portraits, drawn)
    rows = [[one.variant.name, one.method.label, one.h, one.verdict, one.text] for one in found]
    data = {
        "h": h,
        "variants": [own.to_dict() for own in family],
        "outcomes": [one.to_dict() for one in found],
        "command": ["dirac_gan", *sys.argv[1:]],
    }
    texts = {
        "dirac_gan.json": json_text(data),
        "dirac_gan.csv": csv_text(["variant", "method", "h", "verdict", "critical h"], rows),
    }
    files = write({f"dirac_gan.{format_}": figure}, texts, out, dpi=110)
    show(found, names, h)
    for file in files:
        typer.echo(f"wrote {file}")


def show(found: Sequence[Outcome], names: Sequence[str], h: float) -> None:
    """The table on the terminal: a row a variant, a column a method."""
    from rich.table import Table
    from rich.text import Text

    from analysis.gan_variants import by_variant

    rows = list(by_variant(found))
    table = Table(title=Text(f"Dirac-GANs, h = {h:g}"), title_justify="left")
    table.add_column("variant")
    for name in names:
        table.add_column(Text(name.replace(":", " ")))
    for variant, own in rows:
        cells = [Text(one.verdict, STYLE[one.verdict]).append(f"\n{one.short}", "default") for one in own]
        table.add_row(Text(variant.title), *cells, end_section=True)
    wide_console().print(table)
    for variant, _ in rows:
        if variant.note:
            typer.echo(f"• {variant.title}: {variant.note}")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if it worked, 2 with one line on standard error if an argument cannot be used."""
    return run_command(app, "dirac_gan", arguments)


if __name__ == "__main__":
    sys.exit(main())
