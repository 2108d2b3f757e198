"""A GAN small enough to diagnose in seconds: points on a ring, two hidden layers of 8 tanh units each."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn.functional import softplus

from dynsys.networks import NetworkGame


def network(inputs: int, outputs: int) -> nn.Module:
    """Two hidden layers; tanh is smooth, so that every derivative is one."""
    layers = [nn.Linear(inputs, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, outputs)]
    return nn.Sequential(*layers)


def make() -> NetworkGame:
    """The non-saturating GAN of Goodfellow et al. (2014) on 256 points, at its initial parameters."""
    torch.manual_seed(0)
    angle = torch.linspace(0, 2 * math.pi, 257)[:-1]
    real = torch.stack([torch.cos(angle), torch.sin(angle)], 1)
    noise = torch.randn(256, 2)

    def generator_loss(G, D, batch):
        return softplus(-D(G(batch[1]))).mean()

    def critic_loss(G, D, batch):
        return (softplus(-D(batch[0])) + softplus(D(G(batch[1])))).mean()

    return NetworkGame(
        modules={"generator": network(2, 2), "critic": network(2, 1)},
        losses={"generator": generator_loss, "critic": critic_loss},
        data=(real, noise),
    )
