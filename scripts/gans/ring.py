"""Eight Gaussians on a ring, networks that learn them, and how many modes their samples cover."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from gans.runs import Problem
from torch import Tensor, nn

MODES, SIGMA, LATENT = 8, 0.01, 16
NEAR = 0.1  # 10 σ: a sample within it belongs to the mode
FINE = 0.03  # 3 σ: where 98.9 % of a mode's real samples lie
SHARE = 0.01  # of all samples, that a mode must get to count as covered

angles = torch.arange(MODES) * (2 * math.pi / MODES)
CENTRES = torch.stack([angles.cos(), angles.sin()], dim=1)


def layers(inputs: int, outputs: int, hidden: int = 4, width: int = 16) -> nn.Sequential:
    """A network with `hidden` layers of ReLU."""
    sizes = [inputs] + hidden * [width]
    inner = [part for pair in pairwise(sizes) for part in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(*inner, nn.Linear(width, outputs))


def real(generator: torch.Generator, size: int) -> Tensor:
    """Samples of the mixture."""
    which = torch.randint(MODES, (size,), generator=generator)
    return CENTRES[which] + SIGMA * torch.randn(size, 2, generator=generator)


def batch(generator: torch.Generator, size: int) -> tuple[Tensor, Tensor]:
    """Real samples, and z of as many generated ones."""
    return real(generator, size), torch.randn(size, LATENT, generator=generator)


def problem(size: int = 512, gamma: float = 10.0, hidden: int = 4, width: int = 16) -> Problem:
    """With 4 layers of 16 neurons, 1,122 parameters against 881."""
    modules = lambda: {  # noqa: E731
        "generator": layers(LATENT, 2, hidden, width),
        "critic": layers(2, 1, hidden, width),
    }
    return Problem("eight Gaussians", modules, batch, size, gamma=gamma)


def coverage(samples: Tensor) -> dict[str, float]:
    """`modes` that get at least `SHARE` of the samples within `NEAR`; shares of samples `near` and `fine` to any."""
    distance, which = torch.cdist(samples, CENTRES.to(samples.dtype)).min(dim=1)
    counts = torch.bincount(which[distance <= NEAR], minlength=MODES)
    return {
        "modes": int((counts >= SHARE * len(samples)).sum()),
        "near": float((distance <= NEAR).double().mean()),
        "fine": float((distance <= FINE).double().mean()),
    }
