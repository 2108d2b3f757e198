#!/usr/bin/env python
"""Where does the training of my own GAN stand: unstable, rotating, at an equilibrium, and which steps would help?

Takes a factory in your own Python file, which returns a NetworkGame; diagnosis.json and a picture of the Ritz values.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis.arguments import check_format, check_out, json_text, new_app, run_command, write
from dynsys.errors import InputError, nearest, shown

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    from analysis.diagnosis import Diagnosis
    from dynsys.matrix_free import MatrixFreeField

app = new_app()

EPILOG = """Examples:

\b
  python scripts/diagnose.py scripts/examples/tiny_gan.py:make
  python scripts/diagnose.py my_project.training:make_gan --state checkpoint.pt --method extragradient --h 1e-4

Your file is a program, and it runs because you name it. A checkpoint is read as data: a .npz file that train keeps, a
.npy file with all parameters in a row, or what torch.save has written of a dictionary, player to state_dict().
"""


@app.command(epilog=EPILOG)
def diagnose(
    subject: Annotated[str, typer.Argument(help="path/to/file.py:factory, or package.module:factory.")],
    state: Annotated[str, typer.Option(help="Checkpoint with the parameters. Default: the factory's own.")] = "",
    method: Annotated[str, typer.Option(help="Training algorithm: a method, or name:key=value.")] = "euler",
    h: Annotated[float, typer.Option("--h", help="Step size of training; without, no multipliers.")] = 0.0,
    k: Annotated[int, typer.Option("--k", help="Ritz values of each kind.")] = 6,
    products: Annotated[int, typer.Option(help="Products with the Jacobian to spend, about.")] = 1200,
    seed: Annotated[int, typer.Option(help="Seed of the random vectors.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for the picture and diagnosis.json.")] = Path("out"),
    format_: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
) -> None:
    """Diagnose the game that FACTORY() returns, at its current parameters or at a checkpoint."""
    gc.enable()  # commands run without; here garbage in a cycle may hold vectors of a million numbers
    check_format(format_)
    check_out(out)
    from integrators.checks import check_count, check_step
    from integrators.method import method_named

    chosen = method_named(method)
    step = check_step(h, "--h") if h else None
    check_count(seed, "--seed")
    game = made_by(subject)
    x = None if not state else checkpoint(Path(state), game)
    from rich.console import Console

    from analysis.diagnosis import diagnose as diagnose_field

    with Console(stderr=True).status("") as status:
        found = diagnose_field(game, x, method=chosen, h=step, k=k, products=products, rng=seed, progress=status.update)
    data = found.to_dict() | {"command": ["diagnose", *sys.argv[1:]]}
    files = write({f"ritz-values.{format_}": picture(found)}, {"diagnosis.json": json_text(data)}, out, dpi=150)
    typer.echo(str(found))
    for file in files:
        typer.echo(f"wrote {file}")


def picture(found: Diagnosis) -> Figure:
    """The Ritz values of J, and of the update if there is one."""
    from matplotlib.figure import Figure

    from analysis.plots import plot_multipliers, plot_ritz_values

    figure = Figure(figsize=(9.4 if found.multipliers else 5.2, 4.6), layout="constrained")
    axes = figure.subplots(1, 2 if found.multipliers else 1, squeeze=False)[0]
    plot_ritz_values((found.real, found.modulus), axes[0]).set_title("eigenvalues of J that were found", fontsize=11)
    if found.multipliers:
        plot_multipliers(found.multipliers.values, axes[1])
        axes[1].set_title(f"largest multipliers, {found.method.label}, h = {found.h:g}", fontsize=11)
    figure.suptitle(found.name, fontsize=12)
    return figure


# --- the user's own code and data -----------------------------------------------------------------


def made_by(subject: str) -> MatrixFreeField:
    """The game that the named factory returns; `InputError` in one line for everything that can go wrong."""
    from dynsys.matrix_free import MatrixFreeField

    place, colon, name = subject.rpartition(":")
    if not colon or not place or not name.isidentifier():
        raise InputError(f"SUBJECT is {subject!r}; write path/to/file.py:factory or package.module:factory")
    module = loaded(place)
    known = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
    factory: Callable[[], Any] | None = getattr(module, name, None)
    if not callable(factory):
        raise InputError(f"{place} has no function {name!r}; {nearest(name, known)}")
    with blamed(f"{name}() of {place}"):
        made = factory()
    if not isinstance(made, MatrixFreeField):
        raise InputError(f"{name}() of {place} returns {shown(made)}; it must return a NetworkGame")
    return made


def loaded(place: str) -> ModuleType:
    """The module in this file, or of this dotted name; its own folder, or the current one, is searched for imports."""
    if not place.endswith(".py"):
        sys.path.insert(0, str(Path.cwd()))
        with blamed(f"importing {place}"):
            return importlib.import_module(place)
    path = Path(place)
    if not path.is_file():
        raise InputError(f"SUBJECT names the file {place!r}, which does not exist; give its path")
    sys.path.insert(0, str(path.resolve().parent))
    spec = importlib.util.spec_from_file_location(f"diagnosed_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickles of the file look themselves up there
    with blamed(f"importing {place}"):
        spec.loader.exec_module(module)
    return module


@contextmanager
def blamed(what: str) -> Iterator[None]:
    """Whatever the user's code raises, as one line that says where; `InputError` of ours passes as it is."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        last = traceback.format_exception_only(error)[-1].strip()
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__]
        own = [f for f in frames if "importlib" not in f.filename]
        where = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
        raise InputError(f"{what} raised {last}{where}; call it in Python for the whole traceback") from None


def checkpoint(path: Path, game: MatrixFreeField) -> np.ndarray:
    """The parameters of a checkpoint in a row, checked against the game."""
    import numpy as np

    if not path.is_file():
        raise InputError(f"--state is {str(path)!r}, which is no file; give a checkpoint")
    if path.suffix == ".npy":
        with blamed(f"reading {path}"):
            return game.point(np.load(path, allow_pickle=False), "--state")
    if path.suffix == ".npz":
        from integrators.checkpoints import stored_point

        with blamed(f"reading {path}"):
            return game.point(stored_point(path, len(game.players)), "--state")
    if not hasattr(game, "game"):
        raise InputError(
            f"--state is {str(path)!r}; for a field without modules give a .npz of train, or a .npy of all its numbers"
        )
    with blamed(f"reading {path}"):
        import torch

        states = torch.load(path, map_location="cpu", weights_only=True)  # data only: no code of the file's runs
        if not isinstance(states, dict) or not set(game.players) <= set(states):
            names = ", ".join(game.players)
            raise InputError(f"--state is {str(path)!r}, which holds no state_dict() of each of {names}")
        found: np.ndarray = game.game.point_of({player: states[player] for player in game.players})
        return found


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if it worked, 2 with one line on standard error if an argument cannot be used."""
    return run_command(app, "diagnose", arguments)


if __name__ == "__main__":
    sys.exit(main())
