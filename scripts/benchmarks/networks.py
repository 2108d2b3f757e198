"""What products with a network's Jacobian cost, in gradients of both players, and what `diagnose` takes."""

import importlib.util
import resource
import time
import warnings
from itertools import pairwise
from typing import Any

import numpy as np
from benchmarks.clock import interleaved, medians
from rich.table import Table

WIDTHS = {"1e5": 128, "1e6": 400}  # of the hidden layers: about 10⁵ and 10⁶ parameters
LAYERS, BATCH, NOISE, DATA = 4, 128, 32, 16
OURS = {
    "gradient": "v(x), both players",
    "jvp": "J u",
    "vjp": "Jᵀ u",
    "consensus": "v - γJᵀv",
    "first jvp": "v(x) and one J u at a new point",
}
THEIRS = {"torch linearize": "J u by torch.func.linearize", "torch jvp": "J u by torch.func.jvp"}


def game(width: int) -> Any:
    """A GAN of two fully connected networks with softplus, in float32."""
    import torch
    from torch.nn.functional import softplus

    from dynsys.networks import NetworkGame

    def network(inputs: int, outputs: int) -> Any:
        sizes = [inputs, *[width] * LAYERS, outputs]
        layers = [part for a, b in pairwise(sizes) for part in (torch.nn.Linear(a, b), torch.nn.Softplus())]
        return torch.nn.Sequential(*layers[:-1])

    def losses(G: Any, D: Any, batch: Any) -> Any:
        real, noise = batch
        fake = D(G(noise))
        return {"generator": softplus(-fake).mean(), "critic": (softplus(-D(real)) + softplus(fake)).mean()}

    torch.manual_seed(0)
    modules = {"generator": network(NOISE, DATA), "critic": network(DATA, 1)}
    return NetworkGame(modules, losses, (torch.randn(BATCH, DATA), torch.randn(BATCH, NOISE)))


def products(width: int, repeats: int) -> dict[str, Any]:
    """Medians for one size of networks, every product checked against PyTorch's own."""
    import torch

    from dynsys.networks.linearisation import DIRECT
    from dynsys.transforms import consensus

    v = game(width)
    x, u = v.x, np.random.default_rng(0).normal(size=v.n).astype(np.float32)
    w, near = consensus(v, gamma=0.1), v.linearised(x)
    for _ in range(DIRECT):
        near.jvp(u)
    point, direction = torch.from_numpy(x), torch.from_numpy(u)

    def functional(flat: Any) -> Any:
        """The same field for torch.func, which differentiates functions."""
        parts = flat.split(list(v.players.values()))
        slopes = [
            torch.func.grad(lambda own, i=i: v.loss_values((*parts[:i], own, *parts[i + 1 :]), v.data)[i])(parts[i])
            for i in range(len(parts))
        ]
        return -torch.cat(slopes)

    with warnings.catch_warnings():  # about how it folds its own constants
        warnings.simplefilter("ignore")
        _, linear = torch.func.linearize(functional, point)
    calls = {
        "gradient": lambda: v(x),
        "jvp": lambda: near.jvp(u),
        "vjp": lambda: near.vjp(u),
        "consensus": lambda: w(x),
        "first jvp": lambda: v.near(x).jvp(u),
        "torch linearize": lambda: linear(direction),
        "torch jvp": lambda: torch.func.jvp(functional, (point,), (direction,)),
    }
    theirs = linear(direction).numpy()
    if np.abs(near.jvp(u) - theirs).max() > 1e-3 * np.abs(theirs).max():
        raise SystemExit("products with the Jacobian disagree with torch.func.linearize")
    return {"parameters": v.n, "medians": medians(interleaved(calls, repeats, 0.0))}


def diagnosis(width: int) -> dict[str, Any]:
    """Seconds of one `diagnose`, and how far the most memory this process held rose."""
    from analysis import diagnose

    v = game(width)
    before, begin = _most_memory(), time.perf_counter()
    diagnose(v)
    return {"parameters": v.n, "seconds": time.perf_counter() - begin, "bytes": _most_memory() - before}


def _most_memory() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def run(quick: bool, repeats: int, everything: bool) -> dict[str, Any]:
    """Products at two sizes and a diagnosis at the larger; nothing without PyTorch."""
    if importlib.util.find_spec("torch") is None:
        return {}
    widths = {"1e5": 24} if quick else WIDTHS
    found: dict[str, Any] = {name: products(width, repeats) for name, width in widths.items()}
    return found | {"diagnose": diagnosis(list(widths.values())[-1])}


def tables(data: dict[str, Any]) -> list[Table]:
    """Costs in gradients, and the diagnosis."""
    if not data:
        return []
    sizes = [name for name in data if name != "diagnose"]
    table = Table(title="products with the Jacobian of a network's field (v(x), both players' gradients, = 1)")
    table.add_column("product")
    for name in sizes:
        table.add_column(f"{data[name]['parameters']} parameters", justify="right")
    for key, what in (OURS | THEIRS).items():
        cells = [data[name]["medians"][key] / data[name]["medians"]["gradient"] for name in sizes]
        table.add_row(what, *(f"{cell:.2f}" for cell in cells))
    last = data["diagnose"]
    table.caption = (
        f"diagnose, {last['parameters']} parameters: {last['seconds']:.1f} s, "
        f"{last['bytes'] / 8 / last['parameters']:.0f} numbers a parameter more memory at most"
    )
    return [table]
