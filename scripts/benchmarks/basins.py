"""Basins of known attractors, early exit: nanoseconds a start, ours against C in blocks of lanes and start by start."""

from functools import partial
from typing import Any

import numpy as np
from benchmarks.clock import agree, contender, interleaved, medians
from rich.table import Table

LOOKS = 400
RADIUS = 0.1
SIDE = 2000


def questions() -> dict[str, tuple[Any, ...]]:
    """Name -> field, method, step size, half-width of the box, attractors."""
    from analysis.basin_examples import newton
    from dynsys import VectorField

    well = VectorField(["y", "x - x*x*x - 0.25*y"], ["x", "y"])
    roots = np.array([[1.0, 0.0], [-0.5, 3**0.5 / 2], [-0.5, -(3**0.5) / 2]])
    wells = np.array([[1.0, 0.0], [-1.0, 0.0]])
    return {
        "Newton's map": (newton()[0], "euler", 1.0, 1.0, roots),
        "two wells, Euler": (well, "euler", 0.1, 2.0, wells),
        "two wells, RK4": (well, "runge_kutta4", 0.1, 2.0, wells),
    }


def ours(field: Any, method: str, h: float, starts: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, ...]:
    """Labels and looks taken."""
    from contenders.our_runs import METHODS

    from integrators.arrivals import Traps, arrivals

    traps = Traps(centres, np.full(len(centres), RADIUS**2), np.arange(len(centres)))
    found = arrivals(field, starts, METHODS[method], h, traps, LOOKS, 1e10, threads=2)
    return found.label, found.looks


def run(quick: bool, repeats: int, everything: bool) -> dict[str, Any]:
    """Question -> contender -> nanoseconds a start, after all of them found the same labels."""
    c = contender("c")
    side = 100 if quick else SIDE
    found: dict[str, Any] = {}
    for name, (field, method, h, half, centres) in questions().items():
        middles = half * (2 * (np.arange(side) + 0.5) / side - 1)
        starts = np.stack(np.meshgrid(middles, middles), -1).reshape(-1, 2).T.copy()
        calls = {"our": partial(ours, field, method, h, starts, centres)}
        if c is not None:
            for width in (32, 64):
                lanes = c.basins(field, method, width=width)
                calls[f"C, {width} lanes"] = partial(lanes, starts, h, centres, RADIUS, LOOKS)
            calls["C, scalar"] = partial(c.basins(field, method, loop="scalar"), starts, h, centres, RADIUS, LOOKS)
        answers = {who: call() for who, call in calls.items()}  # compiles
        for who, answer in answers.items():  # on the border rounding may decide
            share = float(np.mean(np.asarray(answer[0]) != answers["our"][0]))
            agree(f"{name}: starts that {who} labels otherwise", {"our": np.zeros(1), who: np.array([share])}, 1e-4)
        times = interleaved(calls, repeats)
        found[name] = {who: [1e9 * t / side**2 for t in samples] for who, samples in times.items()}
    return found


def tables(data: dict[str, Any]) -> list[Table]:
    """A row a question: ours in nanoseconds a start, then how many times faster it is than each loop in C."""
    names = [name for name in next(iter(data.values())) if name != "our"]
    table = Table(
        "", "ns", *names, title=f"basins, {SIDE}×{SIDE}: nanoseconds a start; how many times faster than others"
    )
    for question, times in data.items():
        middle = medians(times)
        table.add_row(question, f"{middle['our']:.2f}", *[f"{middle[name] / middle['our']:.2f}" for name in names])
    return [table]
