#!/usr/bin/env python
"""Does the field r(x) − x of a trained autoencoder follow the score of its data, and where does it rotate instead?

The exact score beside a tied and an untied network: arrows, rotation map and fixed points, as picture, JSON and CSV.
A *spurious sink* is an attracting fixed point of a network farther than σ from every mode of the exact density.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis.arguments import check_format, check_out, json_text, new_app, run_command, wide_console, write
from dynsys.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from analysis.autoencoder_fields import FieldOverData
    from dynsys.autoencoders import Denoiser, Training

app = new_app()
SAMPLE = 25  # points at which the truncation is checked against the full sum

EPILOG = """Examples:

\b
  python scripts/autoencoder_field.py
  python scripts/autoencoder_field.py --data moons --sigma 0.7 --hidden 100
  python scripts/autoencoder_field.py --data points.csv --columns 2,3
"""


@app.command(epilog=EPILOG)
def autoencoder_field(
    data: Annotated[str, typer.Option(help="spiral, circle, moons, mixture, or a file NAME.csv.")] = "spiral",
    count: Annotated[int, typer.Option(help="Points of a made data set.")] = 500,
    noise: Annotated[float, typer.Option(help="Noise of a made data set; negative: its own.")] = -1.0,
    columns: Annotated[str, typer.Option(help="Two columns of the file, counted from 1, with a comma.")] = "",
    sigma: Annotated[
        float, typer.Option(help="Corruption σ; a file's points are first scaled to a spread of 6.")
    ] = 1.0,
    hidden: Annotated[int, typer.Option(help="Hidden units.")] = 64,
    activation: Annotated[str, typer.Option(help="tanh or logistic.")] = "tanh",
    contractive: Annotated[float, typer.Option(help="Weight λ of the contractive penalty.")] = 0.0,
    corruptions: Annotated[int, typer.Option(help="Noisy copies of each point.")] = 20,
    iterations: Annotated[int, typer.Option(help="Most iterations of L-BFGS.")] = 300,
    learn: Annotated[int, typer.Option(help="Train on at most so many of the points, drawn by the seed.")] = 1000,
    truncation: Annotated[float, typer.Option(help="Share of weight that exact sums may leave out.")] = 1e-12,
    seed: Annotated[int, typer.Option(help="Of the data, the corruption and the first network.")] = 0,
    resolution: Annotated[int, typer.Option(help="Grid points a side.")] = 121,
    out: Annotated[Path, typer.Option(help="Folder for the picture, its data and the networks.")] = Path("out"),
    format_: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
) -> None:
    """Draw the fields of the exact score and of trained autoencoders over data."""
    check_format(format_)
    check_out(out)
    from analysis.autoencoder_fields import Region, closer_box, fields_over_data
    from analysis.autoencoder_figures import autoencoder_figure
    from dynsys.autoencoders import Denoiser, save
    from dynsys.autoencoders.data import whole

    whole(resolution, "--resolution", 11)
    points, origin = points_of(data, count, noise, columns, seed)
    exact = Denoiser(points, sigma, truncation)
    settings = {"hidden": hidden, "activation": activation, "contractive": contractive, "corruptions": corruptions}
    chosen = subset(points, whole(learn, "--learn", 2), seed)
    trained = trainings(chosen, exact.sigma, iterations, seed, settings)
    region = Region.around(chosen, exact.sigma, seed)
    named = [("exact score", exact.field())]
    named += [(f"{name} network", t.network.field(region.box)) for name, t in trained.items()]

    from rich.console import Console

    with Console(stderr=True).status("reading the fields"):
        fields = fields_over_data(named, region, resolution)
        figure = autoencoder_figure(fields, region, closer_box(fields, region), title_of(data, exact, hidden))
        measured = exact.check(region.noisy[:SAMPLE])
    report = {
        "data": data, "points": len(points), "trained_on": len(chosen), **origin, "sigma": exact.sigma, **settings,
        "seed": seed, "circle_radius": region.radius, "box": region.box,
        "truncation": {"share": truncation, "bound": exact.error_bound, "measured": measured, "sample": SAMPLE},
        "fields": [f.to_dict() for f in fields],
        "training": {k: {"ending": t.ending.value, "losses": t.losses} for k, t in trained.items()},
        "command": ["autoencoder_field", *sys.argv[1:]],
    }  # fmt: skip
    texts = {"autoencoder_field.json": json_text(report), "autoencoder_field.csv": grid_text(fields)}
    files = write({f"autoencoder_field.{format_}": figure}, texts, out, dpi=130)
    files += [save(t.network, out / f"{name}.npz") for name, t in trained.items()]
    show(fields, trained, exact, measured, region.radius)
    for file in files:
        typer.echo(f"wrote {file}")


def points_of(data: str, count: int, noise: float, columns: str, seed: int) -> tuple[np.ndarray, dict[str, Any]]:
    """The points, and how a file's were moved and scaled."""
    from dynsys.autoencoders import named, read_csv
    from dynsys.autoencoders.data import standardised

    if not data.endswith(".csv"):
        if columns:
            raise InputError(f"--columns is {columns!r}, but {data} is no file; leave it out")
        given = {} if noise < 0 else {"noise": noise}
        return named(data)(count=count, seed=seed, **given), {}
    points = read_csv(data, needed=3)
    wanted = columns or "1,2"
    picked = [int(c) - 1 for c in wanted.split(",") if c.strip().isdecimal()]
    if len(set(picked)) != 2 or wanted.count(",") != 1 or not all(0 <= c < points.shape[1] for c in picked):
        raise InputError(f"--columns is {columns!r}; give two of 1 to {points.shape[1]}, as in 1,2")
    if not columns and points.shape[1] > 2:
        raise InputError(f"{Path(data).name} has {points.shape[1]} columns; name two of them, as in --columns 1,2")
    points, centre, unit = standardised(points[:, picked])
    return points, {"centre": centre.tolist(), "unit": unit}


def subset(points: np.ndarray, most: int, seed: int) -> np.ndarray:
    """All points, or as many as asked for, drawn without replacement."""
    import numpy as np

    if len(points) <= most:
        return points
    return points[np.sort(np.random.default_rng(seed).choice(len(points), most, replace=False))]


def trainings(
    points: np.ndarray, sigma: float, iterations: int, seed: int, settings: dict[str, Any]
) -> dict[str, Training]:
    """The tied and the untied network, with their progress on the terminal; Ctrl-C goes on with the best so far."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from dynsys.autoencoders import train

    found = {}
    parts = (TextColumn("{task.description}"), BarColumn(), TextColumn("loss {task.fields[loss]}"), TimeElapsedColumn())
    with Progress(*parts, console=Console(stderr=True)) as progress:
        for name in ("tied", "untied"):
            task = progress.add_task(f"training the {name} network", total=iterations, loss="-")

            def report(done: int, loss: float, task: Any = task) -> None:
                progress.update(task, completed=done, loss=f"{loss:.6g}")

            tied = name == "tied"
            found[name] = train(points, sigma, tied=tied, iterations=iterations, seed=seed, report=report, **settings)
    return found


def title_of(data: str, exact: Denoiser, hidden: int) -> str:
    """What the picture shows."""
    name = Path(data).name.replace("$", r"\$")
    data_text = rf"{name}, {len(exact.points)} points, $\sigma={exact.sigma:g}$"
    return f"Autoencoders' fields $r(x) - x$: {data_text}, {hidden} hidden units"


def grid_text(fields: tuple[FieldOverData, ...]) -> str:
    """The grid as CSV: x, y, and per field both components and the curl."""
    import numpy as np

    names = [f.title.replace(" ", "_") for f in fields]
    head = ["x", "y", *(f"{name}_{part}" for name in names for part in ("vx", "vy", "curl"))]
    columns = [fields[0].grid, *(part for f in fields for part in (f.velocity, f.curl[..., None]))]
    rows = np.concatenate(columns, -1).reshape(-1, len(head))
    return "\n".join([",".join(head), *(",".join(f"{value:.9g}" for value in row) for row in rows)])


def show(
    fields: tuple[FieldOverData, ...], trained: dict[str, Training], exact: Denoiser, measured: float, radius: float
) -> None:
    """The table on the terminal."""
    from rich.table import Table

    console = wide_console()
    table = Table(title="over the training data with new noise", title_justify="left")
    losses = {f"{name} network": f"{t.loss:.6g}" for name, t in trained.items()}
    for column in ("field", "final loss", "error", "cosine to score", "‖A‖/‖J‖", f"circulation, r = {radius:.3g}"):
        table.add_column(column)
    for column in ("modes", "spurious sinks", "saddles", "sources"):
        table.add_column(column, justify="right")
    for f in fields:
        numbers = [f"{f.error:.6g}", f"{f.cosine:.4f}", f"{f.asymmetry:.2e}", f"{f.circulation:.3g}"]
        kinds = [str(f.number_of(kind)) for kind in ("mode", "spurious sink", "saddle", "source")]
        table.add_row(f.title, losses.get(f.title, "-"), *numbers, *kinds)
    console.print(table)
    for name, t in trained.items():
        console.print(f"• {name}: {t.ending.value} ({len(t.losses) - 1} iterations)", markup=False, highlight=False)
    bound = f"{exact.error_bound:.2g}; {measured:.2g} measured against the full sum at {SAMPLE} points"
    console.print(f"• truncation of the exact score: error at most {bound}", markup=False, highlight=False)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if it worked, 2 with one line on standard error if an argument cannot be used."""
    return run_command(app, "autoencoder_field", arguments)


if __name__ == "__main__":
    sys.exit(main())
