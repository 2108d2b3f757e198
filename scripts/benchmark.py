#!/usr/bin/env python
"""How long does the main job take, against a script that only draws; what do kernels, maps and minibatch runs cost?

Contenders run interleaved in one go, each in a process of its own; the table shows medians and ratios, which do not
depend on the machine as seconds do. `--quick` runs each once, for correctness.
"""

import ctypes
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
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
import dynsys.emission, integrators.lanes
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


def maps(repeats: int, folder: Path) -> dict[str, list[float]]:
    """A 2000×2000 map of the spectral radius: n = 2 against a C loop, if there is a compiler, n = 10 against LAPACK."""
    from analysis.stability_maps import radii
    from integrators import Euler

    size = 2000
    h, gamma = np.linspace(0.001, 2, size), np.linspace(0.01, 3, size)
    planar = np.stack([np.array([[-g, -1.0], [1.0, -g]]) for g in gamma])
    large = np.random.default_rng(0).normal(size=(size, 10, 10))
    blocks = ((0, 1),)
    times: dict[str, list[float]] = {"map, n = 2": [], "C loop": [], "map, n = 10": [], "eigenvalues, n = 10": []}
    in_c, out = closed_form(folder), np.zeros((size, size))
    radii(Euler(), planar, h, blocks)  # compiles
    for _ in range(repeats):
        times["map, n = 2"].append(clocked(lambda: radii(Euler(), planar, h, blocks)))
        if in_c is not None:
            times["C loop"].append(clocked(lambda: in_c(h, size, gamma, size, out)))
        times["map, n = 10"].append(clocked(lambda: radii(Euler(), large, h, blocks)))
        times["eigenvalues, n = 10"].append(clocked(lambda: np.linalg.eigvals(large)))
    if in_c is not None and np.abs(out - radii(Euler(), planar, h, blocks)).max() > 1e-13:
        raise SystemExit("the map and the C loop disagree")
    return times


def stochastic(repeats: int, quick: bool) -> dict[str, list[float]]:
    """Nanoseconds a step and run on the variance GAN, B = 16, with 10⁴ runs (512 if quick): lanes, and a NumPy loop."""
    from contenders.minibatch_loop import variance_gan

    from dynsys.minibatches import StochasticGame, normal
    from dynsys.minibatches.minibatch_field import MinibatchField
    from integrators import Euler, sample_paths

    payoff = "phi*(x**2 - theta**2*z**2)"
    noise = {"x": normal, "z": normal}
    game = StochasticGame({"one": ["theta"], "two": ["phi"]}, {"one": f"-({payoff})", "two": payoff}, noise)
    m, B, h, steps = (512, 16, 0.01, 40) if quick else (10_000, 16, 0.01, 1000)
    starts = np.tile([1.0, 0.0], (m, 1))
    times: dict[str, list[float]] = {}
    for gamma, name in ((None, "SGD"), (0.2, "consensus")):
        field = MinibatchField(game, B, gamma, "u-statistic")
        ours = lambda count, f=field: sample_paths(f, starts, Euler(), h, count, count).x[-1]  # noqa: E731
        theirs = lambda count, g=gamma: variance_gan(starts, h, count, B, g or 0.0)  # noqa: E731
        ends = ours(steps), theirs(steps)  # compiles
        error = np.hypot(*(e.std(0) / m**0.5 for e in ends))
        spread = [e.std(0) for e in ends]
        if (abs(ends[0].mean(0) - ends[1].mean(0)) > 5 * error).any() or not np.allclose(*spread, rtol=5 / m**0.5):
            raise SystemExit(f"the compiled runs and the NumPy loop disagree: {ends[0].mean(0)}, {ends[1].mean(0)}")
        few = max(1, steps // 20)
        for _ in range(repeats):
            for who, call, count in ((f"lanes, {name}", ours, steps), (f"NumPy, {name}", theirs, few)):
                times.setdefault(who, []).append(1e9 * clocked(lambda c=call, k=count: c(k)) / (m * count))
    return times


def clocked(call: Callable[[], object]) -> float:
    """Wall time of a call."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def closed_form(folder: Path) -> Callable[..., None] | None:
    """The C loop, compiled; None without a compiler."""
    if shutil.which("cc") is None:
        return None
    library = folder / "closed_form.so"
    source = PLAIN.with_name("closed_form.c")
    flags = ["-O3", "-march=native", "-shared", "-fPIC", "-fno-math-errno"]
    subprocess.run(["cc", *flags, str(source), "-o", str(library), "-lm"], check=True)
    function = ctypes.CDLL(str(library)).fill
    array = np.ctypeslib.ndpointer(float, flags="C")
    function.argtypes, function.restype = [array, ctypes.c_int, array, ctypes.c_int, array], None
    return function


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
        filled = maps(count, Path(name))
        runs = stochastic(count, quick)
    medians = {key: statistics.median(values) for key, values in (drawn | compiled | filled).items() if values}
    ratio = medians["analyse.py"] / medians["NumPy + Matplotlib"]
    table = Table("what", "median of seconds", "ratio")
    table.add_row("shell to PNG, warm: analyse.py", f"{medians['analyse.py']:.2f}", f"{ratio:.2f}")
    table.add_row("shell to PNG: NumPy + Matplotlib", f"{medians['NumPy + Matplotlib']:.2f}", "1.00")
    table.add_row("first result of a new game's kernel", f"{medians['new game']:.2f}", "")
    table.add_row("the same in a second process", f"{medians['second process']:.2f}", "")
    for ours, other in (("map, n = 2", "C loop"), ("map, n = 10", "eigenvalues, n = 10")):
        if other in medians:
            table.add_row(f"2000×2000 {ours}", f"{medians[ours]:.4f}", f"{medians[ours] / medians[other]:.2f}")
            table.add_row(f"2000×2000: {other}", f"{medians[other]:.4f}", "1.00")
    noisy = {key: statistics.median(values) for key, values in runs.items()}
    for name in ("SGD", "consensus"):
        ratio_of = noisy[f"NumPy, {name}"] / noisy[f"lanes, {name}"]
        what = f"ns a step and run, variance GAN, B = 16, {name}"
        table.add_row(f"{what}: lanes", f"{noisy[f'lanes, {name}']:.1f}", "1.00")
        table.add_row(f"{what}: NumPy loop", f"{noisy[f'NumPy, {name}']:.1f}", f"{ratio_of:.1f}")
    Console().print(table)
    out.mkdir(parents=True, exist_ok=True)
    data = {"seconds": drawn | compiled | filled, "medians": medians, "shell_to_png_ratio": ratio}
    data |= {"nanoseconds_a_step": runs, "nanoseconds_medians": noisy}
    (out / "benchmark.json").write_text(json.dumps(data, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
