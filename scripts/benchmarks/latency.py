"""How long a person waits: shell to picture, imports, first and warm calls, a second process with a warm cache."""

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.clock import medians
from rich.table import Table

SCRIPTS = Path(__file__).parents[1]
PLAIN = SCRIPTS / "contenders" / "plain_panels.py"  # the same panels with NumPy and Matplotlib alone

# A game nobody has seen: the salt makes its generated text new.
CALLS = """
import sys, time
begin = time.perf_counter()
import numpy as np
from dynsys import Game
from integrators import Euler, ensemble, solve, trajectory
import dynsys.emission, integrators.lanes
print("import", time.perf_counter() - begin)
salt = float(sys.argv[1])
field = Game.zero_sum(f"theta*phi + {salt}*theta**4 - sin(phi)*theta**2", ["theta"], ["phi"]).field()
field.source()
starts = np.random.default_rng(0).normal(size=(64, 2))
calls = {
    "ensemble": lambda: ensemble(field, starts, Euler(), h=0.01, steps=5).x.sum(),
    "trajectory": lambda: trajectory(field, starts[0], Euler(), h=0.01, steps=5).x.sum(),
    "solve": lambda: solve(field, starts[0], (0, 0.1)).x[-1].sum(),
}
for name in sys.argv[2:]:
    begin = time.perf_counter()
    found = calls[name]()
    first = time.perf_counter() - begin
    warm = []
    for _ in range(5):
        begin = time.perf_counter()
        calls[name]()
        warm.append(time.perf_counter() - begin)
    print(name, first, sorted(warm)[2], found)
"""


def seconds(command: list[str], environment: dict[str, str]) -> tuple[float, str]:
    """Wall time of a command that must succeed, and what it printed."""
    begin = time.perf_counter()
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return time.perf_counter() - begin, run.stdout


def run(quick: bool, repeats: int, everything: bool) -> dict[str, Any]:
    """Seconds of everything a person waits for, in a fresh cache folder; if quick, the pictures use the caller's."""
    with tempfile.TemporaryDirectory() as name:
        usual = os.environ | {"MPLBACKEND": "Agg"}
        environment = usual | {"DYNSYS_CACHE_DIR": str(Path(name) / "cache")}
        kinds = ("ensemble",) if quick else ("ensemble", "trajectory", "solve")
        with ThreadPoolExecutor(2 if quick else 1) as pool:  # if quick, both at the same time
            drawn = pool.submit(pictures, repeats, Path(name), usual if quick else environment, not quick)
            called = pool.submit(calls, repeats, kinds, environment)
            return {"pictures": drawn.result(), "calls": called.result()}


def pictures(repeats: int, folder: Path, environment: dict[str, str], warm: bool) -> dict[str, list[float]]:
    """Shell to PNG, `analyse.py` and the plain script in turn, with a warm cache or just as it is."""
    ours = [sys.executable, str(SCRIPTS / "analyse.py"), "spiral-saddle", "--out", str(folder / "ours")]
    plain = [sys.executable, str(PLAIN), str(folder)]
    if warm:
        seconds(ours, environment)
        seconds(plain, environment)
    times: dict[str, list[float]] = {"analyse.py": [], "NumPy + Matplotlib": []}
    for _ in range(repeats):
        times["analyse.py"].append(seconds(ours, environment)[0])
        times["NumPy + Matplotlib"].append(seconds(plain, environment)[0])
    for picture in (folder / "ours" / "portrait.png", folder / "portrait.png"):
        if picture.stat().st_size < 50_000:
            raise SystemExit(f"{picture} is too small to be the picture")
    return times


def calls(repeats: int, kinds: tuple[str, ...], environment: dict[str, str]) -> dict[str, list[float]]:
    """Imports; the first call of a new game, compiled, and by a second process; a warm call. A process a kind."""
    times: dict[str, list[float]] = {"import": []}
    for _ in range(repeats):
        for kind in kinds:
            salt = f"{(time.time_ns() % 10**9) / 1e9:.9f}"
            command = [sys.executable, "-c", CALLS, salt, kind]
            lines = [seconds(command, environment)[1].split() for _ in range(2)]
            new, second = ([float(word) for word in words if word not in ("import", kind)] for words in lines)
            if new[3] != second[3]:
                raise SystemExit(f"{kind}: the cached kernel computes {second[3]}, the new one {new[3]}")
            times["import"] += [new[0], second[0]]
            for what, value in (("new game", new[1]), ("second process", second[1]), ("warm", second[2])):
                times.setdefault(f"{kind}, {what}", []).append(value)
    return times


def tables(data: dict[str, Any]) -> list[Table]:
    """Medians of seconds."""
    drawn = medians(data["pictures"])
    table = Table("latency", "median of seconds", "ratio")
    ratio = drawn["analyse.py"] / drawn["NumPy + Matplotlib"]
    table.add_row("shell to PNG: analyse.py", f"{drawn['analyse.py']:.2f}", f"{ratio:.2f}")
    table.add_row("shell to PNG: NumPy + Matplotlib", f"{drawn['NumPy + Matplotlib']:.2f}", "1.00")
    for what, value in medians(data["calls"]).items():
        table.add_row(what, f"{value:.6f}" if what.endswith("warm") else f"{value:.2f}", "")
    return [table]
