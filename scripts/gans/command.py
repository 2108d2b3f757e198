"""What the two scripts share: arguments, progress, runs of all methods, and files."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynsys.errors import InputError, nearest

if TYPE_CHECKING:
    from gans.runs import Problem, Run
    from rich.progress import Progress


def needed(*modules: str) -> None:
    """Raise `InputError` unless these libraries are installed."""
    for module in modules:
        if find_spec(module) is None:
            raise InputError(f"{module} is not installed; pip install 'dynsys-games[networks]' brings it")


def check_losses(losses: Sequence[str] | None) -> list[str]:
    """Losses of these names, the non-saturating one if there are none."""
    from gans.losses import LOSSES

    for name in losses or ():
        if name not in LOSSES:
            raise InputError(f"--loss is {name!r}; {nearest(name, LOSSES)}")
    return list(dict.fromkeys(losses or ["non-saturating"]))


def check_seeds(text: str) -> list[int]:
    """Whole numbers separated by commas, each once."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts) or len(set(parts)) < len(parts):
        raise InputError(f"--seeds is {text!r}; give different whole numbers, separated by commas")
    return [int(part) for part in parts]


def watched() -> Progress:
    """A progress bar on standard error, with the time that is left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    parts = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*parts, console=Console(stderr=True), transient=True)


def trained_all(
    problem: Problem, loss: str, seeds: Sequence[int], steps: int, every: int, folder: Path, progress: Progress
) -> list[Run]:
    """The runs of all methods, a method after the other, all seeds of one at once."""
    from gans.runs import METHODS, trained

    runs = []
    for method in METHODS:
        task = progress.add_task(f"{loss}, {method}", total=steps)
        runs += trained(
            problem, loss, method, seeds, steps, every, folder, lambda k, n, t=task: progress.update(t, completed=k)
        )
        progress.remove_task(task)
        if "interrupted" in runs[-1].message:
            raise KeyboardInterrupt
    return runs


def spectrum_cells(cloud: dict[str, Any]) -> tuple[str, str]:
    """How many eigenvalues lie left of the imaginary axis, on it, right of it; and the largest real part."""
    return "/".join(str(cloud[side]) for side in ("left", "on_axis", "right")), f"{cloud['largest_real']:.3g}"
