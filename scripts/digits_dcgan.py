#!/usr/bin/env python
"""Which training methods let a small convolutional GAN without batch normalisation learn handwritten digits?

Simultaneous, alternating and consensus training on scikit-learn's 8×8 digits, from several seeds: a page of sample
sheets, of Ritz values of v' and w' along training and of a classifier's score; a table, digits_dcgan.json and
digits_dcgan.npz. A second call with the same --out goes on from where the first was.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis.arguments import check_format, check_out, json_text, new_app, run_command, wide_console, write

sys.path.insert(0, str(Path(__file__).parent))

if TYPE_CHECKING:
    from gans.digits import Judge
    from gans.runs import Problem, Run

app = new_app()
SAMPLES, SHOWN, ROWS = 1000, 16, 64  # samples that are judged, that are drawn; rows of the batch that v is taken on

EPILOG = """Examples:

\b
  python scripts/digits_dcgan.py --quick
  python scripts/digits_dcgan.py --out out/digits
"""


@app.command(epilog=EPILOG)
def digits_dcgan(
    loss: Annotated[list[str] | None, typer.Option(help="non-saturating, js, wasserstein; may be repeated.")] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each run.")] = 10_000,
    every: Annotated[int, typer.Option(min=1, help="Steps between the points kept of a run.")] = 500,
    seeds: Annotated[str, typer.Option(help="Of the first weights, separated by commas.")] = "0,1,2",
    batch: Annotated[int, typer.Option(min=1, help="Samples a step.")] = 64,
    h: Annotated[float, typer.Option("--h", help="Step size of RMSProp.")] = 5e-4,
    gamma: Annotated[float, typer.Option(help="Consensus coefficient γ.")] = 10.0,
    products: Annotated[int, typer.Option(min=22, help="Products with each Jacobian for its Ritz values.")] = 100,
    quick: Annotated[bool, typer.Option(help="Two channels and a few steps, to see that it works.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for pages, data and checkpoints.")] = Path("out/digits"),
    format_: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
) -> None:
    """Train on handwritten digits and look at samples, scores and Ritz values."""
    check_format(format_)
    check_out(out)
    from gans.command import check_losses, check_seeds, needed, trained_all, watched

    needed("torch", "sklearn")
    losses, chosen = check_losses(loss), check_seeds(seeds)
    from gans import digits

    if quick:
        steps, every, batch, chosen, products = min(steps, 4), 4, min(batch, 8), chosen[:2], min(products, 22)
    problem = digits.problem(batch, gamma, h, channels=2 if quick else 8)
    judge = digits.judge()
    references = digits.references(judge, SAMPLES)
    figures: dict[str, Any] = {}
    entries, arrays = [], {}
    with watched() as progress:
        for name in losses:
            runs = trained_all(problem, name, chosen, steps, every, out / "runs", progress)
            task = progress.add_task(f"{name}: scores and Ritz values", total=len(runs))
            measured = []
            for run in runs:
                measured.append(measures(problem, run, judge, products, out / "runs"))
                progress.advance(task)
            progress.remove_task(task)
            figures[f"digits-{name}.{format_}"] = page(name, runs, measured, judge)
            entries += [entry for entry, _ in measured]
            for run, (_, data) in zip(runs, measured, strict=True):
                arrays |= {f"{run.loss} {run.method} {run.seed} {key}": value for key, value in data.items()}
    data = {
        "parameters": dict(problem.game(losses[0]).players),
        "batch": batch,
        "gamma": gamma,
        "h": h,
        "samples": SAMPLES,
        "rows": ROWS,
        "products": products,
        "held_out_accuracy": judge.accuracy,
        "references": references,
        "runs": entries,
        "command": ["digits_dcgan", *sys.argv[1:]],
    }
    from integrators.checkpoints import save_whole

    files = write(figures, {"digits_dcgan.json": json_text(data)}, out, dpi=95)
    files.append(save_whole(out / "digits_dcgan.npz", arrays, compressed=True))
    show(entries, references, judge.accuracy)
    for file in files:
        typer.echo(f"wrote {file}")


def measures(problem: Problem, run: Run, judge: Judge, products: int, folder: Path) -> tuple[dict[str, Any], Any]:
    """The numbers of a run, as plain ones, and the arrays that the page shows."""
    import numpy as np
    from gans.measures import SEED, columns, generated, on_the_way
    from gans.spectra import leading

    game = problem.game(run.loss, run.seed).to("float64")
    rows = game.batch(ROWS, SEED)
    samples = [generated(game, x, SAMPLES).numpy().astype(np.float32) for x in run.x]
    scores = [judge.score(each) for each in samples]
    shown = columns(run, 5)
    arrays = {"steps": run.steps, "x": run.x, "samples": np.array([samples[k][:SHOWN] for k in shown])}
    ritz = []
    for k in columns(run, 3):
        x, at = run.x[k].astype(np.float64), int(run.steps[k])
        found = leading(game, rows, x, problem.gamma, products, folder / f"{run.name}-{at}.npz")
        ritz.append({"step": at, **{name: one.to_dict() for name, one in found.items()}})
    entry = {"loss": run.loss, "method": run.method, "seed": run.seed, "ended": run.message}
    entry |= {"steps": run.steps.tolist(), **{key: [each[key] for each in scores] for key in scores[0]}}
    return entry | {**on_the_way(game, run, rows), "ritz": ritz}, arrays


def page(loss: str, runs: list[Run], measured: list[tuple[dict[str, Any], Any]], judge: Judge) -> Any:
    """A row a method, its first seed along training and all seeds' ends; below, all seeds over the steps."""
    from gans.figures import plot_over_steps, plot_ritz, sheet
    from gans.measures import columns
    from gans.runs import METHODS
    from matplotlib.figure import Figure

    seeds = sorted({run.seed for run in runs}, key=[run.seed for run in runs].index)
    across = 4 + len(seeds) + 2
    figure = Figure(figsize=(2.1 * across, 10), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=[3, 1.1])
    axes = upper.subplots(len(METHODS), across)
    for row, method in zip(axes, METHODS, strict=True):
        own = [(r, m) for r, m in zip(runs, measured, strict=True) if r.method == method]
        run, (entry, arrays) = own[0]
        row[0].text(-0.2, 0.5, method, rotation=90, va="center", transform=row[0].transAxes, fontsize=12)
        for ax in row[:-2]:
            ax.set_axis_off()
        for ax, k, images in zip(row[:4], columns(run, 5), arrays["samples"]):
            sheet(images, ax, f"seed {run.seed}, step {run.steps[k]:,}")
        for ax, (one, (about, data)) in zip(row[4:-2], own, strict=True):
            title = (
                f"seed {one.seed}, step {one.steps[-1]:,}\n{about['digits'][-1]} digits, near {about['near'][-1]:.2f}"
            )
            sheet(data["samples"][-1], ax, title)
        for ax, name in zip(row[-2:], ("v", "w"), strict=True):
            plot_ritz(entry["ritz"][-1][name], ax, f"rightmost of {name}', seed {run.seed}, end")
    below = lower.subplots(1, 6)
    sheet(judge.held_out[:SHOWN].reshape(-1, 1, 8, 8), below[0], "real, held out")
    below[0].set_axis_off()
    grouped = {
        method: [(entry["steps"], entry) for entry, _ in measured if entry["method"] == method] for method in METHODS
    }
    labels = {
        "confident": "share of sure answers",
        "entropy": "entropy of classes (nats)",
        "near": "share near real images",
    }
    for ax, (name, label) in zip(below[1:4], labels.items(), strict=True):
        plot_over_steps(grouped, ax, name, label)
    for ax, name in zip(below[4:], ("v", "w"), strict=True):
        rightmost = {
            method: [
                ([r["step"] for r in e["ritz"]], {"re": [r[name]["largest_real"] for r in e["ritz"]]})
                for e, _ in measured
                if e["method"] == method
            ]
            for method in METHODS
        }
        plot_over_steps(rightmost, ax, "re", f"rightmost Ritz value of {name}'")
    below[1].legend(fontsize=7)
    figure.suptitle(f"8×8 digits, {loss} loss, RMSProp", fontsize=12)
    return figure


def show(entries: list[dict[str, Any]], references: dict[str, dict[str, float]], accuracy: float) -> None:
    """A row a run, at its end, below what the same scores are for real images, one image and noise."""
    from rich.table import Table

    heads = ("loss", "method", "seed", "steps", "sure", "entropy", "digits", "near", "‖v‖")
    table = Table(*heads, "v': max Re", "residual", "w': max Re", "residual")
    names = ("confident", "entropy", "digits", "near")
    for name, score in references.items():
        table.add_row(name, "", "", "", *(f"{score[key]:.3g}" for key in names))
    for entry in entries:
        cells = [f"{entry[key][-1]:.3g}" for key in (*names, "norm")]
        last = entry["ritz"][-1]
        for field in ("v", "w"):
            cells += [f"{last[field]['largest_real']:.3g}", f"{last[field]['residual']:.1g}"]
        table.add_row(entry["loss"], entry["method"], str(entry["seed"]), f"{entry['steps'][-1]:,}", *cells)
    wide_console().print(table)
    typer.echo(f"the classifier is right on {accuracy:.1%} of the real images that it has not seen")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if it worked, 2 with one line on standard error if an argument cannot be used."""
    return run_command(app, "digits_dcgan", arguments)


if __name__ == "__main__":
    sys.exit(main())
