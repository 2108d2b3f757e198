"""One adaptive trajectory of the cubic field: time against error at the end."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from benchmarks.clock import agree, contenders, interleaved
from rich.table import Table

START, END = np.array([1.0, 0.5]), 1000.0
TARGETS = (1e-6, 1e-9)
LEAST = 2.3e-14  # the smallest tolerance of ours and SciPy's
ORDER = ("our", "c", "cyrk", "heyoka", "diffrax", "scipy")
Runs = dict[str, Callable[..., np.ndarray]]
Curve = dict[str, list[Any]]  # "tolerance", "error", "seconds" (samples), an entry a point


def work_precision(runs: Runs, starts: Any, end: float, reference: np.ndarray, repeats: int, tolerances: dict[str, Any],
                   at_least: float = 0.02) -> dict[str, Curve]:  # fmt: skip
    """Errors and times of every contender at each of its tolerances, the contenders in turn."""
    curves: dict[str, Curve] = {name: {"tolerance": [], "error": [], "seconds": []} for name in runs}
    for tolerance in sorted({t for name in runs for t in tolerances[name]}, reverse=True):
        now = {n: partial(run, starts, end, tolerance) for n, run in runs.items() if tolerance in tolerances[n]}
        for name, call in now.items():
            error = call() - reference  # compiles, if need be
            curves[name]["tolerance"].append(tolerance)
            curves[name]["error"].append(float(np.sqrt(np.mean(error**2))))
        for name, samples in interleaved(now, repeats, at_least).items():
            curves[name]["seconds"].append(samples)
    return curves


def sound(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """Errors and median seconds, smallest tolerance first, without errors that are small by accident.

    That is those below a smaller tolerance's, and 0: the reference itself.
    """
    error, seconds = np.array(curve["error"])[::-1], np.array([np.median(s) for s in curve["seconds"]])[::-1]
    kept = (error >= np.maximum.accumulate(error)) & (error > 0)
    return error[kept], seconds[kept]


def at_error(curve: Curve, target: float) -> float | None:
    """Seconds at an error, between sound points on logarithmic axes; None outside of them."""
    error, seconds = sound(curve)
    if not len(error) or not error[0] <= target <= error[-1]:
        return None
    return float(np.exp(np.interp(np.log(target), np.log(error), np.log(seconds))))


def decades(first: int, last: int) -> tuple[float, ...]:
    """10^-first, …, 10^-last."""
    return tuple(10.0**-k for k in range(first, last + 1))


def run(quick: bool, repeats: int, everything: bool) -> dict[str, Any]:
    """Contender -> its curve, and how well the references agree."""
    from contenders.fields import fields

    from integrators import DormandPrince

    field, there = fields()["cubic"], contenders(ORDER, quick)
    runs: Runs = {}
    for who, module in there.items():
        if who == "c":
            runs["C, DormandPrince"] = module.single(field, DormandPrince())
        else:
            runs |= module.single(field)
    end = 20.0 if quick else END
    exact = {name: run(START, end, LEAST) for name, run in runs.items() if name in ("ours, Taylor", "ours, DOP853")}
    if "heyoka" in there:
        exact["heyoka Taylor"] = runs["heyoka Taylor"](START, end, 1e-16)
    reference = exact.pop("ours, Taylor")
    agree("references", {"ours, Taylor": reference, **exact}, 1e-10)
    wide = (1e-6, 1e-9) if quick else decades(4, 13)
    some = (1e-6, 1e-9) if quick else decades(6, 12)[::2]
    tolerances = {n: some if n.startswith("SciPy") else wide for n in runs}
    for name in runs:
        if name.endswith(("DormandPrince", "Tsitouras")):  # of order 5: smaller tolerances only add rounding errors
            tolerances[name] = wide[:8]
    curves = work_precision(runs, START, end, reference, repeats, tolerances, 0.0 if quick else 0.02)
    for name, curve in curves.items():
        if not curve["error"][-1] < 1e-3 * max(1.0, end / 100):
            raise SystemExit(f"one trajectory: {name} errs by {curve['error'][-1]:.2g}")
    return {"curves": curves, "references": {n: float(np.abs(x - reference).max()) for n, x in exact.items()}}


def equal_error(curves: dict[str, Curve], targets: tuple[float, ...], base: str | None) -> list[list[str]]:
    """Rows of text: a contender's milliseconds at each error, and their quotient with those of `base`."""
    rows = []
    for name, curve in curves.items():
        cells = [name]
        for target in targets:
            time, unit = at_error(curve, target), at_error(curves[base], target) if base in curves else None
            cells.append("-" if time is None else f"{1e3 * time:.3f}")
            cells.append("-" if time is None or unit is None else f"{time / unit:.2f}")
        rows.append(cells)
    return rows


def tables(data: dict[str, Any]) -> list[Table]:
    """Milliseconds at equal error, C's Dormand-Prince as the unit."""
    heads = [head for e in TARGETS for head in (f"ms at {e:.0e}", "C = 1")]
    table = Table("one trajectory", *heads)
    for row in equal_error(data["curves"], TARGETS, "C, DormandPrince"):
        table.add_row(*row)
    for target in TARGETS:
        times = {n: at_error(c, target) for n, c in data["curves"].items()}
        ours = [t for n, t in times.items() if t is not None and n.startswith("ours")]
        others = [t for n, t in times.items() if t is not None and not n.startswith(("ours", "C,"))]
        if ours and others:
            table.add_row(f"best other / our best, {target:.0e}", f"{min(others) / min(ours):.2f}")
    return [table]


def draw(data: dict[str, Any], ax: Any, title: str = "One trajectory, cubic field") -> None:
    """Time against error."""
    for i, (name, curve) in enumerate(data["curves"].items()):
        error, seconds = sound(curve)
        style = "-" if name.startswith("ours") else "--"
        ax.loglog(error, 1e3 * seconds, style, marker="osD^v<>*"[i % 8], ms=4, lw=1.2, label=name)
    ax.set(xlabel="error at the end", ylabel="milliseconds", title=title)
    ax.invert_xaxis()
    ax.legend(fontsize=7, ncols=2, loc="upper left")
    ax.margins(y=0.4)
    ax.grid(alpha=0.3)
