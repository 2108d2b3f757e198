"""Maps of the spectral radius against C and LAPACK, minibatch runs against a NumPy loop."""

import ctypes
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from benchmarks.clock import agree, clocked, contender, medians
from rich.table import Table


def run(quick: bool, repeats: int, everything: bool) -> dict[str, Any]:
    """Seconds of maps, nanoseconds a step and run of minibatch runs."""
    return {"maps": maps(repeats), "minibatches": stochastic(repeats, quick)}


def maps(repeats: int) -> dict[str, list[float]]:
    """A 2000×2000 map of the spectral radius: n = 2 against a C loop, if there is a compiler, n = 10 against LAPACK."""
    from analysis.stability_maps import radii
    from integrators import Euler

    size = 2000
    h, gamma = np.linspace(0.001, 2, size), np.linspace(0.01, 3, size)
    planar = np.stack([np.array([[-g, -1.0], [1.0, -g]]) for g in gamma])
    large = np.random.default_rng(0).normal(size=(size, 10, 10))
    blocks = ((0, 1),)
    times: dict[str, list[float]] = {"map, n = 2": [], "C loop": [], "map, n = 10": [], "eigenvalues, n = 10": []}
    in_c, out = closed_form(), np.zeros((size, size))
    radii(Euler(), planar, h, blocks)  # compiles
    for _ in range(repeats):
        times["map, n = 2"].append(clocked(lambda: radii(Euler(), planar, h, blocks)))
        if in_c is not None:
            times["C loop"].append(clocked(lambda: in_c(h, size, gamma, size, out)))
        times["map, n = 10"].append(clocked(lambda: radii(Euler(), large, h, blocks)))
        times["eigenvalues, n = 10"].append(clocked(lambda: np.linalg.eigvals(large)))
    if in_c is not None:
        agree("the map", {"ours": radii(Euler(), planar, h, blocks), "the C loop": out}, 1e-14)
    return times


def closed_form() -> Callable[..., None] | None:
    """The C loop, compiled; None without a compiler."""
    c = contender("c")
    if c is None:
        return None
    function = c.library("closed_form.c", ()).fill
    array = np.ctypeslib.ndpointer(float, flags="C")
    function.argtypes, function.restype = [array, ctypes.c_int, array, ctypes.c_int, array], None
    return function


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
        if (abs(ends[0].mean(0) - ends[1].mean(0)) > 5 * error).any() or not np.allclose(
            spread[0], spread[1], rtol=5 / m**0.5
        ):
            raise SystemExit(f"the compiled runs and the NumPy loop disagree: {ends[0].mean(0)}, {ends[1].mean(0)}")
        few = max(1, steps // 20)
        for _ in range(repeats):
            for who, call, count in ((f"lanes, {name}", ours, steps), (f"NumPy, {name}", theirs, few)):
                times.setdefault(who, []).append(1e9 * clocked(partial(call, count)) / (m * count))
    return times


def tables(data: dict[str, Any]) -> list[Table]:
    """Medians and ratios."""
    seconds, noisy = medians(data["maps"]), medians(data["minibatches"])
    table = Table("2000×2000 map", "seconds", "ratio")
    for ours, other in (("map, n = 2", "C loop"), ("map, n = 10", "eigenvalues, n = 10")):
        if other in seconds:
            table.add_row(ours, f"{seconds[ours]:.4f}", f"{seconds[ours] / seconds[other]:.2f}")
            table.add_row(other, f"{seconds[other]:.4f}", "1.00")
    runs = Table("variance GAN, B = 16", "ns a step and run", "ratio")
    for name in ("SGD", "consensus"):
        ratio = noisy[f"NumPy, {name}"] / noisy[f"lanes, {name}"]
        runs.add_row(f"{name}: lanes", f"{noisy[f'lanes, {name}']:.1f}", "1.00")
        runs.add_row(f"{name}: NumPy loop", f"{noisy[f'NumPy, {name}']:.1f}", f"{ratio:.1f}")
    return [table, runs]
