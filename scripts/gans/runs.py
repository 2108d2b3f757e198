"""A GAN trained by one method from several seeds at once: paths of parameters, on disk and gone on with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gans.copies import copies, copy_of
from gans.losses import apart, together
from torch import Tensor, nn

from dynsys.networks import NetworkBatches, NetworkGame
from integrators import Alternating, RMSProp, train

METHODS = ("simultaneous", "alternating", "consensus")


@dataclass(frozen=True)
class Problem:
    """A GAN and how it is trained: `modules()` are new networks, `data` draws real samples and as many z."""

    name: str
    modules: Callable[[], Mapping[str, nn.Sequential]]
    data: Callable[[torch.Generator, int], tuple[Tensor, Tensor]]
    batch: int = 512
    h: float = 1e-4
    gamma: float = 10.0

    def networks(self, seed: int) -> Mapping[str, nn.Sequential]:
        """The networks with the weights that belong to this seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.modules()

    def game(self, loss: str, seed: int = 0) -> NetworkGame:
        """The game of one generator and one critic."""
        return NetworkGame(self.networks(seed), together(loss), self.data, f"{self.name}, {loss}")

    def games(self, loss: str, seeds: Sequence[int], in_turn: bool) -> NetworkGame:
        """One game of the networks of all seeds, each with batches of its own."""
        networks = [self.networks(seed) for seed in seeds]
        modules = {player: copies([each[player] for each in networks]) for player in networks[0]}

        def data(generator: torch.Generator, size: int) -> tuple[Tensor, ...]:
            drawn = self.data(generator, size * len(seeds))
            return tuple(part.unflatten(0, (size, len(seeds))) for part in drawn)

        name = f"{self.name}, {loss}, seeds {' '.join(map(str, seeds))}"
        return NetworkGame(modules, apart(loss) if in_turn else together(loss), data, name)


@dataclass(frozen=True)
class Run:
    """Parameters x, shape (k, n), after `steps`, shape (k,), of a run, and how it ended."""

    loss: str
    method: str
    seed: int
    steps: np.ndarray
    x: np.ndarray
    message: str

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"{self.loss}-{self.method}-{self.seed}"


def trained(
    problem: Problem,
    loss: str,
    method: str,
    seeds: Sequence[int],
    steps: int,
    every: int,
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
) -> list[Run]:
    """Train with RMSProp, a run a seed, keeping x every `every` steps; goes on from the checkpoint in the folder."""
    in_turn = method == "alternating"
    game = problem.games(loss, seeds, in_turn)
    field = NetworkBatches(game, problem.batch, problem.gamma if method == "consensus" else None, "plug-in")
    rule: Any = Alternating(RMSProp()) if in_turn else RMSProp()
    run = train(
        field,
        field.x,
        rule,
        problem.h,
        steps,
        rng=seeds[0],
        every=every,
        observe=lambda k, x: {"x": x.tolist()},
        checkpoint=folder / f"{loss}-{method}.npz",
        progress=progress,
    )
    path = np.array([record["x"] for record in run.records], dtype=field.dtype)
    at = np.array([record["step"] for record in run.records])
    sizes = [p.numel() for module in problem.networks(0).values() for p in module.parameters()]
    return [
        Run(loss, method, seed, at, copy_of(path, i, len(seeds), sizes), run.message) for i, seed in enumerate(seeds)
    ]
