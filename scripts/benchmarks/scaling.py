"""How the cost of an ensemble's step goes with the number of runs, of variables, and of threads."""

from typing import Any

import numpy as np
from benchmarks.clock import contenders, interleaved, medians
from rich.table import Table

WORK = 1 << 25  # steps of all runs together


def run(quick: bool, repeats: int, everything: bool) -> dict[str, Any]:
    """ "runs": count -> contender -> nanoseconds a step and run; "variables" likewise, and a variable; "threads"."""
    from contenders.fields import fields, ring

    there = contenders(("our", "c", "numpy"), quick)
    cubic, work = fields()["cubic"], WORK >> 6 if quick else WORK
    found: dict[str, Any] = {"runs": {}, "variables": {}, "threads": {}}

    def nanoseconds(runs: dict[str, Any], m: int, n: int) -> dict[str, list[float]]:
        starts = np.random.default_rng(0).uniform(-1, 1, (m, n))
        steps = max(20, min(2000, work // (m * n)))
        slow = {name: max(20, steps // 20) if name == "numpy" else steps for name in runs}
        calls = {name: lambda r=r, k=slow[name]: r(starts, 0.01, k) for name, r in runs.items()}
        for call in calls.values():
            call()  # compiles
        return {k: [1e9 * s / (m * slow[k]) for s in v] for k, v in interleaved(calls, repeats).items()}

    made = {name: module.ensemble(cubic, "runge_kutta4") for name, module in there.items()}
    for m in (1, 1000) if quick else (1, 10, 100, 1000, 10_000, 100_000, 1_000_000):
        found["runs"][str(m)] = nanoseconds(made, m, 2)
    for n in (2,) if quick else (2, 4, 8, 16, 32):
        field = cubic if quick else ring(n)
        made = {name: module.ensemble(field, "runge_kutta4") for name, module in there.items() if name != "numpy"}
        times = nanoseconds(made, 1 << (10 if quick else 14), n)
        found["variables"][str(n)] = {name: [t / n for t in samples] for name, samples in times.items()}
    for threads in (1, 2):
        made = {k: there[k].ensemble(cubic, "runge_kutta4", threads) for k in ("our", "c") if k in there}
        found["threads"][str(threads)] = nanoseconds(made, 1 << (12 if quick else 16), 2)
    return found


NAMES = {"our": "ours", "c": "C", "numpy": "NumPy"}
HEADS = {"runs": "runs, n = 2", "variables": "variables, also divided by n", "threads": "threads"}


def tables(data: dict[str, Any]) -> list[Table]:
    """A table a quantity: nanoseconds a step and run of every contender."""
    found = []
    for what, rows in data.items():
        names = list(next(iter(rows.values())))
        table = Table(HEADS[what], *(NAMES[n] for n in names), title="cubic, Runge-Kutta 4, ns a step")
        for count, times in rows.items():
            table.add_row(count, *(f"{medians(times)[n]:.3f}" for n in names))
        found.append(table)
    return found


def draw(data: dict[str, Any], ax: Any) -> None:
    """Nanoseconds a step and run against the number of runs."""
    counts = [int(m) for m in data["runs"]]
    for name in next(iter(data["runs"].values())):
        ax.loglog(counts, [medians(t)[name] for t in data["runs"].values()], "o-", ms=4, label=NAMES[name])
    ax.set(xlabel="runs", ylabel="ns a step and run", title="Runge-Kutta 4, cubic field, two threads")
    ax.legend(fontsize=8)
    ax.grid(alpha=0.3)
