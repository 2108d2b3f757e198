#!/usr/bin/env python
"""Which training methods let a small GAN learn eight Gaussians on a ring, and where are the eigenvalues of v' and w'?

Simultaneous, alternating and consensus training with RMSProp, for one or several losses, from several seeds: pages of
samples, eigenvalue clouds and path angles, a table, eight_gaussians.json and eight_gaussians.npz. A second call with
the same --out goes on from where the first was.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis.arguments import check_format, check_out, json_text, new_app, run_command, wide_console, write

sys.path.insert(0, str(Path(__file__).parent))

if TYPE_CHECKING:
    from gans.runs import Problem, Run

app = new_app()
SAMPLES, SHOWN = 2000, 256  # samples that are counted, that are drawn
REACH = 1.6  # of the panels of samples

EPILOG = """Examples:

\b
  python scripts/eight_gaussians.py --quick
  python scripts/eight_gaussians.py --out out/ring
  python scripts/eight_gaussians.py --loss js --loss wasserstein --seeds 0,1,2 --out out/ring
"""


@app.command(epilog=EPILOG)
def eight_gaussians(
    loss: Annotated[list[str] | None, typer.Option(help="non-saturating, js, wasserstein; may be repeated.")] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each run.")] = 50_000,
    every: Annotated[int, typer.Option(min=1, help="Steps between the points kept of a run.")] = 2000,
    seeds: Annotated[str, typer.Option(help="Of the first weights, separated by commas.")] = "0,1,2",
    batch: Annotated[int, typer.Option(min=1, help="Samples a step.")] = 512,
    gamma: Annotated[float, typer.Option(help="Consensus coefficient γ.")] = 10.0,
    rows: Annotated[int, typer.Option(min=1, help="Samples of the batch that v, v' and w' are taken on.")] = 512,
    quick: Annotated[bool, typer.Option(help="Narrow networks and a few steps, to see that it works.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for pages, data and checkpoints.")] = Path("out/eight-gaussians"),
    format_: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
) -> None:
    """Train on eight Gaussians and look at samples, eigenvalues and angles."""
    check_format(format_)
    check_out(out)
    from gans.command import check_losses, check_seeds, needed

    needed("torch")
    losses, chosen = check_losses(loss), check_seeds(seeds)
    from gans import ring
    from gans.command import trained_all, watched

    if quick:
        steps, every, batch, chosen = min(steps, 12), 3, min(batch, 32), chosen[:2]
    problem = ring.problem(batch, gamma, *((1, 2) if quick else ()))
    figures: dict[str, Any] = {}
    entries, arrays = [], {}
    with watched() as progress:
        for name in losses:
            runs = trained_all(problem, name, chosen, steps, every, out / "runs", progress)
            measured = [measures(problem, run, rows, run.seed == chosen[0], out / "runs", progress) for run in runs]
            figures[f"eight-gaussians-{name}.{format_}"] = page(name, runs, measured, steps)
            entries += [entry for entry, _ in measured]
            for run, (_, data) in zip(runs, measured, strict=True):
                arrays |= {f"{run.loss} {run.method} {run.seed} {key}": value for key, value in data.items()}
    data = {
        "parameters": dict(problem.game(losses[0]).players),
        "batch": batch,
        "gamma": gamma,
        "h": problem.h,
        "samples": SAMPLES,
        "rows": rows,
        "near": ring.NEAR,
        "fine": ring.FINE,
        "share": ring.SHARE,
        "runs": entries,
        "command": ["eight_gaussians", *sys.argv[1:]],
    }
    from integrators.checkpoints import save_whole

    files = write(figures, {"eight_gaussians.json": json_text(data)}, out, dpi=95)
    files.append(save_whole(out / "eight_gaussians.npz", arrays, compressed=True))
    show(entries)
    for file in files:
        typer.echo(f"wrote {file}")


def measures(
    problem: Problem, run: Run, size: int, first: bool, folder: Path, progress: Any
) -> tuple[dict[str, Any], Any]:
    """The numbers of a run, as plain ones, and the arrays that its row on the page shows."""
    import numpy as np
    from gans import ring
    from gans.measures import SEED, columns, generated, on_the_way
    from gans.spectra import clouds

    from analysis import path_angle

    game = problem.game(run.loss, run.seed).to("float64")
    rows = game.batch(size, SEED)
    samples = [generated(game, x, SAMPLES) for x in run.x]
    covered = [ring.coverage(each) for each in samples]
    arrays = {"steps": run.steps, "x": run.x}
    arrays["samples"] = np.array([samples[i][:SHOWN].numpy() for i in columns(run, 5)], dtype=np.float32)
    spectra = {}
    for place, k in {"middle": len(run.steps) // 2, "end": len(run.steps) - 1}.items():
        if place == "middle" and not first:
            continue
        at = int(run.steps[k])
        task = progress.add_task(f"eigenvalues: {run.loss}, {run.method}, seed {run.seed}, step {at}", total=None)
        found = clouds(game, rows, run.x[k].astype(np.float64), problem.gamma, folder / f"{run.name}-{at}.npz")
        progress.remove_task(task)
        spectra[place] = {"step": at} | {name: cloud.to_dict() for name, cloud in found.items()}
        arrays |= {f"{name} {place}": cloud.eigenvalues for name, cloud in found.items()}
    path = path_angle(game.on_batch(rows), run.x[0], run.x[-1], beyond=0.5, resolution=121)
    arrays |= {"share": path.share, "cosine": path.cosine, "speed": path.speed}
    entry = {"loss": run.loss, "method": run.method, "seed": run.seed, "ended": run.message}
    entry |= {"steps": run.steps.tolist(), **{key: [each[key] for each in covered] for key in covered[0]}}
    entry |= {**on_the_way(game, run, rows), "spectra": spectra}
    return entry | {"attraction": path.attraction, "rotation": path.rotation}, arrays


def page(loss: str, runs: list[Run], measured: list[tuple[dict[str, Any], Any]], steps: int) -> Any:
    """A row a method, of its first seed, and below it all seeds over the steps."""
    from gans.figures import plot_angle, plot_cloud, plot_over_steps
    from gans.measures import columns
    from gans.runs import METHODS
    from matplotlib.figure import Figure

    from analysis.rotation import PathAngle

    figure = Figure(figsize=(20, 9), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=[3, 1.05])
    axes = upper.subplots(len(METHODS), 10)
    seed = runs[0].seed
    for row, method in zip(axes, METHODS, strict=True):
        run, (entry, arrays) = next(
            (r, m) for r, m in zip(runs, measured, strict=True) if r.method == method and r.seed == seed
        )
        chosen = columns(run, 5)
        for ax, k, points in zip(row, chosen, arrays["samples"]):
            draw_samples(points, ax)
            ax.set_title(f"step {run.steps[k]:,}: {entry['modes'][k]} modes", fontsize=8)
        for ax in row[len(chosen) : 5]:
            ax.set_axis_off()
        row[0].set_ylabel(method, fontsize=12)
        places = [(name, place) for name in ("v", "w") for place in ("middle", "end")]
        for ax, (name, place) in zip(row[5:9], places, strict=True):
            about = entry["spectra"][place]
            plot_cloud(arrays[f"{name} {place}"], ax, f"{name}' at {about['step']:,}: {about[name]['right']} right")
        plot_angle(PathAngle(arrays["share"], arrays["cosine"], arrays["speed"]), row[9])
        row[9].set_title("v along start → end", fontsize=8)
    axes[-1][9].set_xlabel("share of the way", fontsize=7)
    grouped = {
        method: [(entry["steps"], entry) for entry, _ in measured if entry["method"] == method] for method in METHODS
    }
    below = lower.subplots(1, 4)
    labels = {
        "modes": "modes covered",
        "fine": "share within 3σ of a mode",
        "norm": "‖v‖",
        "critic_loss": "critic's loss",
    }
    for ax, (name, label) in zip(below, labels.items(), strict=True):
        plot_over_steps(grouped, ax, name, label)
    below[2].set_yscale("log")
    below[0].set_ylim(-0.3, 8.3)
    below[3].legend(fontsize=8)
    figure.suptitle(f"eight Gaussians, {loss} loss, RMSProp, seed {seed}; below: all seeds", fontsize=12)
    return figure


def draw_samples(points: Any, ax: Any) -> None:
    """Samples, and circles of 10 σ round the modes."""
    from gans.ring import CENTRES, NEAR
    from matplotlib.patches import Circle

    for centre in CENTRES.tolist():
        ax.add_patch(Circle(centre, NEAR, fill=False, lw=0.6, color="0.6"))
    ax.plot(points[:, 0], points[:, 1], ".", ms=3, color="#1f6fb4", alpha=0.5, mew=0)
    outside = (abs(points) > REACH).any(axis=1).mean()
    if outside > 0.005:
        ax.text(0, 0, f"{100 * outside:.0f} % outside", ha="center", va="center", fontsize=7, color="0.3")
    ax.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal", xticks=[], yticks=[])


def show(entries: list[dict[str, Any]]) -> None:
    """A row a run, at its end."""
    from gans.command import spectrum_cells
    from rich.table import Table

    heads = ("loss", "method", "seed", "steps", "modes", "near", "fine", "‖v‖", "v' left/on/right", "max Re v'")
    table = Table(*heads, "w' left/on/right", "max Re w'")
    for entry in entries:
        table.add_row(
            entry["loss"],
            entry["method"],
            str(entry["seed"]),
            f"{entry['steps'][-1]:,}",
            str(entry["modes"][-1]),
            *(f"{entry[name][-1]:.3f}" for name in ("near", "fine")),
            f"{entry['norm'][-1]:.3g}",
            *spectrum_cells(entry["spectra"]["end"]["v"]),
            *spectrum_cells(entry["spectra"]["end"]["w"]),
        )
    wide_console().print(table)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if it worked, 2 with one line on standard error if an argument cannot be used."""
    return run_command(app, "eight_gaussians", arguments)


if __name__ == "__main__":
    sys.exit(main())
