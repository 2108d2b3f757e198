"""What is measured along a run: the losses and ‖v‖ on one batch for all runs, and samples from one z."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gans.runs import Run
from torch import Tensor

from dynsys.networks import NetworkGame

SEED = 12345  # of what all runs are measured on, which none was trained on


def generated(game: NetworkGame, x: np.ndarray, size: int) -> Tensor:
    """Samples of the generator at x, from the same z for every run."""
    z = game.batch(size, SEED)[1]
    with torch.no_grad():
        found: Tensor = game.modules_at(x)["generator"](z)
    return found


def on_the_way(game: NetworkGame, run: Run, batch: Any) -> dict[str, list[float]]:
    """‖v‖ and both losses at the points kept of a run."""
    field = game.on_batch(batch)
    found: dict[str, list[float]] = {"norm": [], "generator_loss": [], "critic_loss": []}
    for x in run.x:
        found["norm"].append(float(np.linalg.norm(field(x))))
        losses = game.loss_values(game.tensors_at(game.point(x)), batch)
        for i, player in enumerate(("generator", "critic")):
            found[f"{player}_loss"].append(float(losses[i].detach()))
    return found


def columns(run: Run, count: int) -> Sequence[int]:
    """Which of the points kept are shown: about `count`, the first and the last among them."""
    return sorted({round(i) for i in np.linspace(0, len(run.steps) - 1, count)})
