#!/usr/bin/env python
"""Where does consensus with minibatches converge, and how much does each estimator of ‖v‖² scatter?

For a game with declared noise or data: a table of biases, the equilibrium that each estimator leads to, iterates under
each, variance over the batch size; a picture and minibatch_consensus.json.
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
    load_subject,
    new_app,
    parse_box,
    parse_point,
    run_command,
    wide_console,
    with_samples,
    write,
)

if TYPE_CHECKING:
    from analysis.minibatch_studies import MinibatchStudy

app = new_app()
EXAMPLE = Path(__file__).parent / "examples" / "variance-gan.toml"

EPILOG = """Examples:

\b
  python scripts/minibatch_consensus.py --batch 4 --gamma 0.2
  python scripts/minibatch_consensus.py my_game.toml --data my_data.csv --batch 8 --sampling "without replacement"
"""


@app.command(epilog=EPILOG)
def minibatch_consensus(
    game: Annotated[str, typer.Argument(help="A TOML file with [noise] or data (docs/toml.md).")] = str(EXAMPLE),
    data: Annotated[str, typer.Option(help="CSV file with named columns, instead of the game's own.")] = "",
    batch: Annotated[int, typer.Option(help="Batch size B.")] = 4,
    gamma: Annotated[float, typer.Option(help="Consensus coefficient γ.")] = 0.2,
    h: Annotated[float, typer.Option("--h", help="Step size.")] = 0.01,
    method: Annotated[str, typer.Option(help="A method, or name:key=value.")] = "euler",
    sampling: Annotated[str, typer.Option(help="iid or 'without replacement'.")] = "iid",
    estimators: Annotated[str, typer.Option(help="Names separated by commas. Default: all that fit.")] = "",
    box: Annotated[str, typer.Option(help="Where to look: lo:hi per variable. Default: the game's own.")] = "",
    at: Annotated[str, typer.Option(help="The equilibrium nearest to this point. Default: a Nash equilibrium.")] = "",
    iterates: Annotated[int, typer.Option(help="Iterates under each estimator.")] = 400_000,
    seed: Annotated[int, typer.Option(help="Of the random streams.")] = 0,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Parameter value, name=value.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the picture and its data.")] = Path("out"),
    format_: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
) -> None:
    """Compare estimators of ‖v‖² under consensus optimisation with minibatches."""
    check_format(format_)
    subject = with_samples(load_subject(game, set_ or [], data or None))
    check_out(out)
    from rich.console import Console

    from analysis.minibatch_figures import minibatch_figure
    from analysis.minibatch_studies import minibatch_study
    from dynsys.minibatches.estimators import ESTIMATORS
    from dynsys.minibatches.sampled_field import sampled
    from integrators.method import method_named

    variables = sampled(subject).sample.variables
    chosen = [name.strip() for name in estimators.split(",")] if estimators else list(ESTIMATORS)
    with Console(stderr=True).status("") as status:
        study = minibatch_study(
            subject,
            batch,
            gamma,
            method_named(method),
            h,
            chosen,
            parse_box(box, variables) if box else None,
            parse_point(at, variables, "--at") if at else None,
            sampling,
            iterates,
            seed,
            status.update,
        )
    name = (subject.name or "game").replace("-", " ")
    title = f"{name}: consensus with $\\gamma={gamma:g}$, $B={batch}$ ({sampling}), {study.method}, $h={h:g}$"
    texts = {
        "minibatch_consensus.json": json_text(study.to_dict() | {"command": ["minibatch_consensus", *sys.argv[1:]]}),
        "minibatch_consensus.csv": csv_text(
            ["estimator", "B", "gradient_variance", "gradient_bias"], over_batches(study)
        ),
    }
    files = write({f"minibatch_consensus.{format_}": minibatch_figure(study, title)}, texts, out, dpi=150)
    show(study)
    for file in files:
        typer.echo(f"wrote {file}")


def over_batches(study: MinibatchStudy) -> list[list[object]]:
    """The curves of the picture, row by row."""
    return [
        [one.estimator, int(B), float(variance), float(bias) ** 0.5]
        for one in study.studies
        for B, variance, bias in zip(one.batches, one.variance, one.squared_bias, strict=True)
    ]


def show(study: MinibatchStudy) -> None:
    """The biases and the equilibria as tables, then what is left out and why."""
    from rich.table import Table

    shown = lambda x: "(" + ", ".join(f"{c:.5g}" for c in x) + ")"  # noqa: E731
    true = shown(study.true)
    table = Table("estimator", "excess c", "E T", "sd of T", "bias of ĝ", "sd of ĝ", title_justify="left")
    table.title = f"estimates of ‖v‖² (T) and ∇½‖v‖² (ĝ) at {true}, B = {study.B}, {study.sampling}"
    for one in study.studies:
        b = one.bias
        spread = (max(float(v), 0.0) ** 0.5 for v in b.gradient_covariance.diagonal())
        table.add_row(
            one.estimator,
            str(b.excess),
            f"{float(b.expectation):.5g}",
            f"{max(float(b.variance), 0.0) ** 0.5:.5g}",
            shown(b.gradient_bias + 0.0),
            shown(spread),
        )
    console = wide_console()
    console.print(table)
    table = Table(
        "estimator", "converges to", "first order", "what it is", "mean of iterates", "sd", title_justify="left"
    )
    table.title = f"where the equilibrium {true} goes, γ = {study.gamma:g}, {study.method}, h = {study.h:g}"
    for one in study.studies:
        p, floor = one.point, one.floor
        label = "lost" if p.after is None else ", ".join(p.after.labels[:2])
        means = one.reason if floor is None else _with_error(floor.mean, floor.mean_error)
        spread_text = "" if floor is None else shown(floor.covariance.diagonal() ** 0.5)
        end = p.end if p.shifted is None else shown(p.shifted)
        table.add_row(one.estimator, end, shown(p.true + p.first_order), label, means, spread_text)
    console.print(table)
    for one in study.studies:
        for point, label in one.shift.appeared:
            kind = "attracts" if label.attracts else "does not attract"
            typer.echo(f"{one.estimator}: a new zero of the expected field at {shown(point.x)}, which {kind}")
    for name, reason in study.left_out.items():
        typer.echo(f"left out: {name}: {reason}")


def _with_error(mean: object, error: object) -> str:
    return ", ".join(f"{m:.5g} ± {1.96 * e:.2g}" for m, e in zip(mean, error, strict=True))  # type: ignore[call-overload]


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if it worked, 2 with one line on standard error if an argument cannot be used."""
    return run_command(app, "minibatch_consensus", arguments)


if __name__ == "__main__":
    sys.exit(main())
