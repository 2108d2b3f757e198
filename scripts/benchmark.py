#!/usr/bin/env python
"""How fast is it, and against whom? Ensembles, adaptive runs, latency, maps, networks, and how the costs scale.

Contenders run interleaved in one go and are checked against each other; tables show medians and ratios, which do not
depend on the machine as seconds do. Libraries that are not installed are left out: `pip install -e .[benchmark]`.
`--quick` runs those that are always there once, for correctness.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parent))

PARTS = ("ensembles", "adaptive", "many", "scaling", "latency", "maps", "networks", "basins")
DRAWN = ("ensembles", "adaptive", "many", "scaling")


def draw(data: dict[str, Any], path: Path) -> None:
    """A panel a part that has a picture."""
    from matplotlib.figure import Figure

    parts = [part for part in DRAWN if part in data]
    if not parts:
        return
    columns = min(2, len(parts))
    rows = -(-len(parts) // columns)
    figure = Figure(figsize=(7.5 * columns, 5.2 * rows), layout="constrained")
    for part, ax in zip(parts, figure.subplots(rows, columns, squeeze=False).flat):
        importlib.import_module(f"benchmarks.{part}").draw(data[part], ax)
    for ax in figure.axes[len(parts) :]:
        ax.remove()
    figure.suptitle(f"medians of {data['clock']}")
    figure.savefig(path, dpi=120)


def main(
    quick: Annotated[bool, typer.Option(help="The contenders that are always there, once.")] = False,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each contender.")] = 7,
    only: Annotated[list[str], typer.Option(help=f"One of {', '.join(PARTS)}; may be repeated.")] = [],  # noqa: B006
    everything: Annotated[bool, typer.Option("--all", help="torch.compile too, which compiles for minutes.")] = False,
    cpu: Annotated[bool, typer.Option("--cpu", help="Processor time of all threads: for a busy machine.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for benchmark.json and benchmark.png.")] = Path("out"),
) -> None:
    """Measure and compare; write benchmark.json and benchmark.png."""
    wrong = [name for name in only if name not in PARTS]
    if wrong:
        raise typer.BadParameter(f"--only is {wrong[0]!r}; give one of {', '.join(PARTS)}")
    from benchmarks import clock

    clock.processor_time = cpu
    console = Console()
    data: dict[str, Any] = {"clock": "processor time of all threads" if cpu else "wall time"}
    for part in only or PARTS:
        module = importlib.import_module(f"benchmarks.{part}")
        data[part] = module.run(quick, 1 if quick else repeats, everything)
        for table in module.tables(data[part]):
            console.print(table)
    if absent := clock.missing():
        console.print(f"not installed, so left out: {', '.join(absent)}")
    out.mkdir(parents=True, exist_ok=True)
    (out / "benchmark.json").write_text(json.dumps(data, indent=1) + "\n")
    draw(data, out / "benchmark.png")


if __name__ == "__main__":
    typer.run(main)
