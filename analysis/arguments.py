"""What the commands and scripts share: reading arguments, writing files whole, and errors in one line."""

from __future__ import annotations

import csv
import gc
import io
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from dynsys.errors import InputError, nearest
from dynsys.expressions import finite

if TYPE_CHECKING:
    from analysis.chunks import Chunks
    from dynsys.field import VectorField

FORMATS = ("png", "svg", "pdf")


def new_app() -> typer.Typer:
    """A command line without colours and completion files."""
    settings = {"help_option_names": ["-h", "--help"]}
    return typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=settings)


def load_subject(game: str, settings: list[str], data: str | Path | None = None) -> Any:
    """The game of this name or file, with `name=value` parameters set; `data` is the CSV file of its samples."""
    from dynsys import games

    path = Path(game)
    if path.suffix == ".toml" or (os.sep in game and path.exists()):
        from dynsys.game_file import read_game

        subject: Any = read_game(path, None if data is None else Path(data))
    elif data is not None:
        raise InputError(f"--data goes with a TOML file, and {game!r} is none; write its payoffs to one (docs/toml.md)")
    else:
        subject = games.named(game)
    values = parse_settings(settings)
    return subject.with_parameters(**values) if values else subject


def parse_settings(settings: list[str]) -> dict[str, float]:
    """The parameters of `--set name=value`, as often as it is given."""
    values = {}
    for setting in settings:
        name, sign, text = setting.partition("=")
        try:
            values[name.strip()] = float(text)
        except ValueError:
            sign = ""
        if not sign:
            raise InputError(f"--set is {setting!r}; write name=value with a number")
    return values


def on_average(subject: Any) -> Any:
    """The mean game of a game with random samples, which its name says; any other game or field as it is.

    Raises `InputError` where the mean is no formula.
    """
    from dataclasses import replace

    if not hasattr(subject, "mean_game"):
        return subject
    if subject.mean_game is None:
        raise InputError(
            f"the mean of {subject.name} over its samples has no formula short enough to analyse; "
            "take scripts/minibatch_consensus.py"
        )
    return replace(subject.mean_game, name=f"mean of {subject.name or 'the game'}")


def with_samples(subject: Any) -> Any:
    """A game with random samples as it is; `InputError` for any other game or field."""
    if not hasattr(subject, "mean_game"):
        raise InputError(
            f"{subject.name or 'the game'} has no random samples; give a TOML file with [noise] or data, or --data "
            "(docs/toml.md)"
        )
    return subject


def field_of(subject: Any) -> VectorField:
    """The simultaneous gradient of a game, of its mean if it has random samples; a field as it is."""
    subject = on_average(subject)
    field: VectorField = subject.field() if hasattr(subject, "field") else subject
    return field


def free_name(v: VectorField) -> str:
    """A name for the consensus coefficient that the field does not use yet."""
    return next(n for n in ("gamma", "gamma_consensus", "gamma_") if n not in (*v.parameters, *v.variables))


def under_consensus(v: VectorField, gamma: float) -> VectorField:
    """v - γ∇L, which has a parameter γ more; for γ = 0 v itself."""
    from dynsys.transforms import consensus

    return consensus(v, gamma, name=free_name(v)) if finite(gamma, "--gamma") else v


def heading(name: str, gamma: float = 0.0) -> str:
    """What a picture is of: a subject, under consensus."""
    return name.replace("-", " ") + (f", γ = {gamma:g}" if gamma else "")


def family_of(v: VectorField, parameter: str, value: float) -> VectorField:
    """The field that has the parameter: the game's own, or consensus with this coefficient."""
    from dynsys.transforms import consensus

    if parameter in v.parameters:
        return v
    if parameter != "gamma":
        raise InputError(f"--parameter is {parameter!r}; give one of {', '.join(('gamma', *v.parameters))}")
    return consensus(v, value)


def kept_chunks(folder: Path, resume: bool) -> Chunks:
    """The chunks that a run keeps in a folder until its result is written; says so if those of another are dropped."""
    from analysis.chunks import Chunks

    chunks = Chunks(folder, {})
    if chunks.finished and not resume:
        said = f"{chunks.finished} finished chunks of a run that was stopped"
        typer.echo(f"starting anew, without --resume: {said} are dropped", err=True)
    return chunks


def parse_span(text: str, argument: str) -> tuple[float, float]:
    """Two numbers lo:hi."""
    try:
        low, high = (float(part) for part in text.split(":"))
    except ValueError:
        raise InputError(f"{argument} is {text!r}; write lo:hi with two numbers") from None
    return low, high


def parse_box(text: str, variables: Sequence[str]) -> Any:
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


def parse_point(text: str, variables: Sequence[str], argument: str) -> list[float]:
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


def off_middle(field: VectorField) -> list[float]:
    """A point of the field's box in general position: an equilibrium is often in the middle."""
    return [low + (0.55 + 0.1 * (i % 3)) * (high - low) for i, (low, high) in enumerate(field.region())]


def check_out(out: Path) -> None:
    """Refuse an output folder that cannot be one, before any work."""
    existing = out
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise InputError(f"--out is {str(out)!r}, where no folder can be written; choose another")


def check_format(text: str) -> str:
    """A format that pictures can have."""
    if text not in FORMATS:
        raise InputError(f"--format is {text!r}; {nearest(text, FORMATS)}")
    return text


def write(figures: Mapping[str, Any], texts: Mapping[str, str], out: Path, dpi: int = 180) -> list[Path]:
    """Write figures and texts, file name -> content; each file appears whole or not at all."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out, prefix=".aside-") as aside:
            for name, figure in figures.items():
                figure.savefig(Path(aside) / name, dpi=dpi, metadata=None)
            for name, text in texts.items():
                (Path(aside) / name).write_text(text + "\n", encoding="utf-8")
            for name in (*figures, *texts):
                (Path(aside) / name).replace(out / name)
    except OSError as error:
        raise InputError(f"--out is {str(out)!r}: {error.strerror}; choose another folder") from None
    return [out / name for name in (*figures, *texts)]


def json_text(data: Any) -> str:
    """JSON that every reader takes: no NaN."""
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False)


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table as comma-separated values, every number with all its digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([float(c) if isinstance(c, np.floating) else c for c in row] for row in rows)
    return text.getvalue().removesuffix("\n")


def wide_console() -> Any:
    """A console for a table of many columns: where output goes to no terminal, 140 characters wide."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=140)


def run_command(app: typer.Typer, name: str, arguments: list[str] | None = None) -> int:
    """Run a command; 0 if it worked, 2 with one line on standard error if an argument cannot be used."""
    collecting = gc.isenabled()
    gc.disable()  # a run of seconds leaves nothing worth collecting, and the collector would take a seventh of it
    try:
        result = typer.main.get_command(app).main(arguments, prog_name=name, standalone_mode=False)
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
