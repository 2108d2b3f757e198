#!/usr/bin/env python
"""How long does the main job take, against a script that only draws; and what does a new kernel cost?

Contenders run interleaved in one go, each in a process of its own; the table shows medians and ratios, which do not
depend on the machine as seconds do. `--quick` runs each once, for correctness.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

ANALYSE = Path(__file__).with_name("analyse.py")
PLAIN = Path(__file__).parent / "contenders" / "plain_panels.py"  # the same panels with NumPy and Matplotlib alone

# A game nobody has seen: the salt makes its generated text new.
KERNEL = """
import sys, time
import numpy as np
from dynsys import Game
from integrators import Euler, ensemble
import dynsys.compiled, integrators.lanes
salt = float(sys.argv[1])
field = Game.zero_sum(f"theta*phi + {salt}*theta**4 - sin(phi)*theta**2", ["theta"], ["phi"]).field()
field.source()
starts = np.random.default_rng(0).normal(size=(64, 2))
begin = time.perf_counter()
run = ensemble(field, starts, Euler(), h=0.01, steps=5)
print(time.perf_counter() - begin, run.x.sum())
"""


def seconds(command: list[str], environment: dict[str, str]) -> tuple[float, str]:
    """Wall time of a command that must succeed, and what it printed."""
    begin = time.perf_counter()
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return time.perf_counter() - begin, run.stdout


def latency(repeats: int, folder: Path, environment: dict[str, str]) -> dict[str, list[float]]:
    """Shell to PNG with a warm cache, `analyse.py` and the plain script in turn."""
    ours = [sys.executable, str(ANALYSE), "spiral-saddle", "--out", str(folder / "ours")]
    plain = [sys.executable, str(PLAIN), str(folder)]
    seconds(ours, environment)  # warms the cache
    seconds(plain, environment)
    times: dict[str, list[float]] = {"analyse.py": [], "NumPy + Matplotlib": []}
    for _ in range(repeats):
        times["analyse.py"].append(seconds(ours, environment)[0])
        times["NumPy + Matplotlib"].append(seconds(plain, environment)[0])
    for picture in (folder / "ours" / "portrait.png", folder / "portrait.png"):
        if picture.stat().st_size < 50_000:
            raise SystemExit(f"{picture} is too small to be the picture")
    return times


def kernels(repeats: int, environment: dict[str, str]) -> dict[str, list[float]]:
    """Seconds until the first result of an ensemble of a new game: compiled, and by a second process."""
    times: dict[str, list[float]] = {"new game": [], "second process": []}
    for _ in range(repeats):
        salt = f"{(time.time_ns() % 10**9) / 1e9:.9f}"
        results = [seconds([sys.executable, "-c", KERNEL, salt], environment)[1].split() for _ in range(2)]
        if results[0][1] != results[1][1]:
            raise SystemExit(f"the cached kernel computes {results[1][1]}, the new one {results[0][1]}")
        times["new game"].append(float(results[0][0]))
        times["second process"].append(float(results[1][0]))
    return times


def main(
    quick: Annotated[bool, typer.Option(help="Each contender once.")] = False,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each contender.")] = 7,
    out: Annotated[Path, typer.Option(help="Folder for benchmark.json.")] = Path("out"),
) -> None:
    """Measure latency from shell to picture, and the cost of a kernel."""
    count = 1 if quick else repeats
    with tempfile.TemporaryDirectory() as name:
        environment = os.environ | {"DYNSYS_CACHE_DIR": str(Path(name) / "cache"), "MPLBACKEND": "Agg"}
        drawn, compiled = latency(count, Path(name), environment), kernels(count, environment)
    medians = {key: statistics.median(values) for key, values in (drawn | compiled).items()}
    ratio = medians["analyse.py"] / medians["NumPy + Matplotlib"]
    table = Table("what", "median of seconds", "ratio")
    table.add_row("shell to PNG, warm: analyse.py", f"{medians['analyse.py']:.2f}", f"{ratio:.2f}")
    table.add_row("shell to PNG: NumPy + Matplotlib", f"{medians['NumPy + Matplotlib']:.2f}", "1.00")
    table.add_row("first result of a new game's kernel", f"{medians['new game']:.2f}", "")
    table.add_row("the same in a second process", f"{medians['second process']:.2f}", "")
    Console().print(table)
    out.mkdir(parents=True, exist_ok=True)
    data = {"seconds": drawn | compiled, "medians": medians, "shell_to_png_ratio": ratio}
    (out / "benchmark.json").write_text(json.dumps(data, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
