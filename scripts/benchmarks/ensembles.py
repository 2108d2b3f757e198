"""Ensembles with a fixed step: nanoseconds a step and run, ours against each contender."""

import itertools
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from benchmarks.clock import agree, clocked, contenders, interleaved, medians
from rich.table import Table

NAMES = {"our": "ours", "c": "C", "jax": "JAX", "torch": "torch", "heyoka": "heyoka", "diffrax": "diffrax"}
NAMES |= {"numpy": "NumPy"}
ORDER = tuple(NAMES)
METHODS = ("euler", "runge_kutta4")
QUICK = (("cubic", "runge_kutta4"), ("logistic", "euler"), ("consensus", "euler"))
BLOCK = 20  # steps: torch unrolls as many
COMPILING = 900  # seconds after which torch, which compiles for a minute or three, is left out
SPAN = 0.3  # seconds that a call should take; slow contenders take fewer steps


def points(answer: Any) -> np.ndarray:
    """The last points of a contender's answer."""
    return answer[0] if isinstance(answer, tuple) else answer


def measured(
    runs: dict[str, Callable[..., Any]], what: str, m: int, steps: int, repeats: int
) -> dict[str, list[float]]:
    """Nanoseconds a step and run of each contender, after they computed the same."""
    starts, h = np.random.default_rng(0).uniform(-2, 2, (m, 2)), 0.01
    answers = {name: run(starts, h, BLOCK) for name, run in runs.items()}  # compiles
    agree(what, {name: points(answer) for name, answer in answers.items()}, 1e-12)
    if "c" in answers:
        agree(f"{what}, statuses and steps", {n: np.array(answers[n][1:]) for n in ("our", "c")}, 0)
    counts = {}
    for name, run in runs.items():
        rate = clocked(partial(run, starts, h, BLOCK)) / BLOCK
        counts[name] = int(min(steps, max(1, SPAN / rate / BLOCK) * BLOCK)) // BLOCK * BLOCK or BLOCK
    calls = {name: partial(run, starts, h, counts[name]) for name, run in runs.items()}
    times = interleaved(calls, repeats, 0.0 if repeats == 1 else 0.05)
    return {name: [1e9 * t / (m * counts[name]) for t in samples] for name, samples in times.items()}


def run(quick: bool, repeats: int, everything: bool) -> dict[str, Any]:
    """Field and method -> contender -> samples."""
    from contenders.fields import fields

    there = contenders(ORDER, quick)
    if not everything:
        there.pop("torch", None)  # compiles for minutes
    m, steps = (1 << 12, 100) if quick else (1 << 16, 1000)
    found: dict[str, Any] = {}
    begin = time.perf_counter()
    for name, method in QUICK if quick else itertools.product(fields(), METHODS):
        if time.perf_counter() - begin > COMPILING:
            there.pop("torch", None)
        made = {who: module.ensemble(fields()[name], method) for who, module in there.items()}
        runs = {who: f for who, f in made.items() if f is not None}
        found[f"{name}, {method}"] = measured(runs, f"{name}, {method}", m, steps, repeats)
    return found


def tables(data: dict[str, Any]) -> list[Table]:
    """A row a field and method: ours in nanoseconds, then how many times faster it is than each contender."""
    names = [n for n in ORDER if any(n in row for row in data.values())]
    title = "ensembles: nanoseconds a step and run; how many times faster than others"
    table = Table("", "ns", *(NAMES[n] for n in names[1:]), title=title)
    for what, times in data.items():
        middle = medians(times)
        cells = [f"{middle[n] / middle['our']:.2f}" if n in middle else "-" for n in names[1:]]
        table.add_row(what.replace("runge_kutta4", "RK4"), f"{middle['our']:.3f}", *cells)
    return [table]


def draw(data: dict[str, Any], ax: Any) -> None:
    """Bars: nanoseconds a step and run, a group a field and method."""
    names = [n for n in ORDER if any(n in row for row in data.values())]
    width = 0.8 / len(names)
    for i, name in enumerate(names):
        rows = [k for k, times in enumerate(data.values()) if name in times]
        heights = [medians(times)[name] for times in data.values() if name in times]
        ax.bar(np.array(rows) + (i - (len(names) - 1) / 2) * width, heights, width, label=NAMES[name])
    labels = [what.replace(", runge_kutta4", "\nRK4").replace(", euler", "\nEuler") for what in data]
    ax.set_xticks(range(len(data)), labels, fontsize=8)
    ax.set(yscale="log", ylabel="ns a step and run", title="Ensembles with a fixed step, two threads")
    ax.legend(fontsize=8, ncols=4, loc="upper left")
    ax.margins(y=0.35)
