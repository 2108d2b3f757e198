"""How the benchmark measures: contenders in turn, the best of a few calls as a sample, medians of samples."""

import importlib
import importlib.util
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

# contender -> the library it needs; those of the first row are always there
ALWAYS = {"our": "numba", "numpy": "numpy", "scipy": "scipy"}
LIBRARIES = {"jax": "jax", "torch": "torch", "heyoka": "heyoka", "diffrax": "diffrax", "cyrk": "CyRK"}

# whether to add up what all threads compute, which other programs on the machine hardly change, and not wall time
processor_time = False


def clocked(call: Callable[[], Any], at_least: float = 0.0) -> float:
    """Wall time of a call, or processor time; the shortest of several that take `at_least` seconds together."""
    clock = time.process_time if processor_time else time.perf_counter
    best, begin = float("inf"), time.perf_counter()
    while True:
        start = clock()
        call()
        best = min(best, clock() - start)
        if time.perf_counter() - begin >= at_least:
            return best


def interleaved(calls: Mapping[str, Callable[[], Any]], repeats: int, at_least: float = 0.0) -> dict[str, list[float]]:
    """Samples of every contender, one of each after the other."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            times[name].append(clocked(call, at_least))
    return times


def medians(times: Mapping[str, list[float]]) -> dict[str, float]:
    """The median of each contender's samples."""
    return {name: statistics.median(samples) for name, samples in times.items() if samples}


def contender(name: str) -> ModuleType | None:
    """The module of a contender; None if its library or compiler is missing."""
    if name == "c":
        module = importlib.import_module("contenders.c_runs")
        return module if module.available() else None
    library = (ALWAYS | LIBRARIES)[name]
    return importlib.import_module(f"contenders.{name}_runs") if importlib.util.find_spec(library) else None


def contenders(names: Iterable[str], quick: bool) -> dict[str, ModuleType]:
    """Those that are there, of these; if quick, only those that always are."""
    wanted = [n for n in names if n in ALWAYS or n == "c" or not quick]
    return {name: module for name in wanted if (module := contender(name)) is not None}


def missing() -> list[str]:
    """Libraries that are not installed."""
    found = [library for library in LIBRARIES.values() if importlib.util.find_spec(library) is None]
    return found + (["a C compiler"] if contender("c") is None else [])


def agree(what: str, results: Mapping[str, Any], tolerance: float) -> None:
    """Stop with the names of those who disagree with the first of them."""
    first, expected = next(iter(results.items()))
    scale = 1 + float(np.abs(expected).max())
    wrong = {n: float(np.abs(np.asarray(r) - expected).max()) for n, r in results.items()}
    wrong = {n: d for n, d in wrong.items() if not d <= tolerance * scale}
    if wrong:
        listed = ", ".join(f"{name} (by {d:.2g})" for name, d in wrong.items())
        raise SystemExit(f"{what}: {listed} disagree with {first}")
