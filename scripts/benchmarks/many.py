"""Ten thousand adaptive trajectories of the cubic field, every one with steps of its own: time against error."""

from typing import Any

import numpy as np
from benchmarks import adaptive
from benchmarks.adaptive import Runs, decades, equal_error, work_precision
from benchmarks.clock import agree, contenders
from rich.table import Table

END, COUNT, FEW = 20.0, 10_000, 400  # contenders that go one by one run a few of the starts, and are scaled
TARGETS = (1e-6, 1e-9, 1e-12)
ORDER = ("our", "c", "cyrk", "heyoka", "diffrax")


def run(quick: bool, repeats: int, everything: bool) -> dict[str, Any]:
    """Threads -> contender -> its curve."""
    count = 256 if quick else COUNT
    wanted = (2,) if quick else (1, 2)
    return {str(k): {"runs": count, "curves": curves(quick, repeats, k, count)} for k in wanted}


def curves(quick: bool, repeats: int, threads: int, count: int) -> dict[str, Any]:
    """The curves of all contenders on this many threads; diffrax takes what it likes and comes with the two only."""
    from contenders.fields import fields

    from integrators import DOP853

    field, there = fields()["cubic"], contenders(ORDER, quick)
    starts = np.random.default_rng(0).uniform(-2, 2, (count, 2))
    runs: Runs = {}
    for who, module in there.items():
        if who == "c":
            runs["C, DOP853"] = module.many(field, DOP853(), threads)
        elif who in ("our", "heyoka"):
            runs |= module.many(field, threads)
        elif (who == "cyrk") == (threads == 1):
            runs |= module.many(field)
    reference = runs["ours, Taylor"](starts, END, adaptive.LEAST)
    agree("references", {"ours, Taylor": reference, "ours, DOP853": runs["ours, DOP853"](starts, END, 2.3e-14)}, 1e-11)
    wide = (1e-6, 1e-9) if quick else (*decades(3, 13), adaptive.LEAST)
    found: dict[str, Any] = {}
    for share, names in ((len(starts), [n for n in runs if "CyRK" not in n]), (FEW, [n for n in runs if "CyRK" in n])):
        some = {name: runs[name] for name in names}
        tolerances = {n: wide for n in names} | {n: wide[1::2] for n in names if "diffrax" in n}
        found |= work_precision(some, starts[:share], END, reference[:share], repeats, tolerances, 0.0)
        for name in names:
            scaled = [[t * len(starts) / share for t in samples] for samples in found[name]["seconds"]]
            found[name]["seconds"] = scaled
    for name, curve in found.items():
        if not curve["error"][-1] < 1e-6:
            raise SystemExit(f"many trajectories: {name} errs by {curve['error'][-1]:.2g}")
    return found


def tables(data: dict[str, Any]) -> list[Table]:
    """Milliseconds at equal error, C's DOP853 as the unit."""
    found = []
    for threads, part in data.items():
        heads = [head for e in TARGETS for head in (f"ms, {e:.0e}", "C = 1")]
        table = Table("", *heads, title=f"{part['runs']} trajectories, {threads} thread{'s' if threads != '1' else ''}")
        table.columns[0].no_wrap = True
        for row in equal_error(part["curves"], TARGETS, "C, DOP853"):
            table.add_row(*row)
        found.append(table)
    return found


def draw(data: dict[str, Any], ax: Any) -> None:
    """Time against error, on two threads; CyRK's one."""
    both = data["2"]["curves"] | {
        f"{n}, 1 thread": c for n, c in data.get("1", {"curves": {}})["curves"].items() if "CyRK" in n
    }
    adaptive.draw({"curves": both}, ax, f"{data['2']['runs']} trajectories, cubic field, two threads")
