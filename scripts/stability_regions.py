#!/usr/bin/env python
"""Where does each training algorithm contract, and where in that region lies a game's spectrum?

The stability regions of all methods with hλ on top, and their exact intervals on both axes; stability_regions.json.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis.arguments import (
    check_format,
    check_out,
    field_of,
    free_name,
    json_text,
    load_subject,
    new_app,
    parse_point,
    run_command,
    wide_console,
    write,
)
from dynsys.errors import InputError

if TYPE_CHECKING:
    from analysis.regions import StabilityRegion

app = new_app()

EPILOG = """Examples:

\b
  python scripts/stability_regions.py
  python scripts/stability_regions.py spiral-saddle --gamma 0.5 --h 0.5
  python scripts/stability_regions.py curl --method euler --method extragradient:extrapolation=2
"""


@app.command(epilog=EPILOG)
def stability_regions(
    game: Annotated[str, typer.Argument(help="A name from `analyse --list`, or a TOML file.")] = "curl",
    method: Annotated[
        list[str] | None, typer.Option(help="A method, or name:key=value; may be repeated. Default: all.")
    ] = None,
    gamma: Annotated[float, typer.Option(help="Consensus coefficient γ of the second spectrum; 0: none.")] = 0.5,
    h: Annotated[float, typer.Option("--h", help="Step size that scales the spectra.")] = 0.5,
    at: Annotated[str, typer.Option(help="The zero whose spectrum is shown. Default: the origin.")] = "",
    set_: Annotated[list[str] | None, typer.Option("--set", help="Parameter value, name=value.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the picture and stability_regions.json.")] = Path("out"),
    format_: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
) -> None:
    """Draw the stability regions of training algorithms with a game's spectrum on top."""
    check_format(format_)
    subject = load_subject(game, set_ or [])
    check_out(out)
    from analysis.method_figures import region_page
    from integrators.checks import check_step

    check_step(h, "--h")
    spectra = spectra_of(subject, gamma, at)

    from rich.console import Console

    with Console(stderr=True).status("tracing methods"):
        regions, refused = regions_of(method)
    name = subject.name.replace("-", " ")
    figure = region_page(regions, spectra, h, rf"Stability regions; {name}, $h={h:g}$")
    data = {
        "game": subject.name,
        "h": h,
        "spectra": {label: [[float(z.real), float(z.imag)] for z in values] for label, values in spectra},
        "methods": [region.to_dict() for region in regions],
        "refused": refused,
        "command": ["stability_regions", *sys.argv[1:]],
    }
    files = write({f"stability_regions.{format_}": figure}, {"stability_regions.json": json_text(data)}, out, dpi=120)
    show(regions, refused)
    for file in files:
        typer.echo(f"wrote {file}")


def spectra_of(subject: Any, gamma: float, at: str) -> list[tuple[str, Any]]:
    """Labelled eigenvalues of the game's field at the point, and of its consensus field."""
    from analysis.spectra import spectrum
    from dynsys.expressions import finite
    from dynsys.transforms import consensus

    v = field_of(subject)
    x = parse_point(at, v.variables, "--at") if at else [0.0] * v.n
    spectra = [(r"$h\lambda$ of $v$", spectrum(v, x).eigenvalues)]
    if finite(gamma, "--gamma"):
        label = rf"$h\lambda$ of $v - \gamma\nabla L$, $\gamma={gamma:g}$"
        spectra.append((label, spectrum(consensus(v, gamma, name=free_name(v)), x).eigenvalues))
    return spectra


def regions_of(names: list[str] | None) -> tuple[list[StabilityRegion], dict[str, str]]:
    """The regions of these methods, or of all; and why a method has none."""
    from analysis.regions import stability_region
    from integrators.method import method_named, methods

    regions, refused = [], {}
    for name in names or methods():
        chosen = method_named(name)
        try:
            regions.append(stability_region(chosen))
        except InputError as error:
            refused[name] = str(error)
    if not regions:
        raise InputError("; ".join(refused.values()))
    return regions, refused


def show(regions: list[StabilityRegion], refused: dict[str, str]) -> None:
    """The table on the terminal."""
    from rich.table import Table

    console = wide_console()
    table = Table(title="z = hλ: stable on (-r, 0), and on (0, is) or neutral there", title_justify="left")
    for column in ("method", "real: r", "imaginary: s", "A-stable", "L-stable", "best s", "rate there"):
        table.add_column(column)
    words = {True: "yes", False: "no", None: "-"}
    for region in regions:
        best, rate = (f"{value:.7g}" if math.isfinite(value) else number(value) for value in region.best_imaginary)
        neutral = " (neutral)" if region.imaginary_neutral and not region.imaginary else ""
        limits = [number(region.real_limit), number(region.imaginary_limit) + neutral]
        table.add_row(region.method.label, *limits, words[region.a_stable], words[region.l_stable], best, rate)
    console.print(table)
    for reason in refused.values():
        console.print(f"• {reason}", markup=False, highlight=False)


def number(value: float) -> str:
    """Thirteen digits, or a word."""
    return "-" if math.isnan(value) else "∞" if math.isinf(value) else f"{value:.13g}"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if it worked, 2 with one line on standard error if an argument cannot be used."""
    return run_command(app, "stability_regions", arguments)


if __name__ == "__main__":
    sys.exit(main())
