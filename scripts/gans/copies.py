"""Several copies of a network in one, which share each operation: three small networks cost little more than one.

Losses that are sums over the copies make a game whose Jacobian has a block a copy, so that a method that acts on each
coordinate, and consensus optimisation, train every copy as if it were alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d


class Copies(nn.Module):
    """Layers of one kind on inputs of shape (copies, samples, …); weights have the shape (copies, …)."""

    def __init__(self, layers: Sequence[Any]):
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight.detach() for layer in layers]))
        self.bias = nn.Parameter(torch.stack([layer.bias.detach() for layer in layers]))
        self.first = [layers[0]]  # in a list: its parameters are none of this module's


class LinearCopies(Copies):
    """Linear layers."""

    def forward(self, x: Tensor) -> Tensor:
        """x Wᵀ + b for each copy."""
        return torch.baddbmm(self.bias[:, None], x, self.weight.transpose(1, 2))


class ConvolutionCopies(Copies):
    """Convolutions, or transposed ones, as groups of channels of one."""

    def forward(self, x: Tensor) -> Tensor:
        """The convolution for each copy."""
        layer, count = self.first[0], len(self.weight)
        convolution = conv_transpose2d if isinstance(layer, nn.ConvTranspose2d) else conv2d
        channels = x.transpose(0, 1).flatten(1, 2)
        weight, bias = self.weight.flatten(0, 1), self.bias.flatten()
        found = convolution(channels, weight, bias, layer.stride, layer.padding, groups=count)
        return found.unflatten(1, (count, -1)).transpose(0, 1)


class Turned(nn.Module):
    """(samples, copies, …) <-> (copies, samples, …)."""

    def forward(self, x: Tensor) -> Tensor:
        """The first two axes exchanged."""
        return x.transpose(0, 1)


def copied(layers: Sequence[Any]) -> nn.Module:
    """One layer for these of one kind."""
    first = layers[0]
    if isinstance(first, nn.Linear):
        return LinearCopies(layers)
    if isinstance(first, nn.Conv2d | nn.ConvTranspose2d):
        return ConvolutionCopies(layers)
    if isinstance(first, nn.Flatten):
        return nn.Flatten(first.start_dim + 1)
    if isinstance(first, nn.Unflatten):
        return nn.Unflatten(int(first.dim) + 1, first.unflattened_size)
    return first


def copies(networks: Sequence[nn.Sequential]) -> nn.Sequential:
    """One network on inputs of shape (samples, copies, …), whose layers hold those of all networks."""
    return nn.Sequential(Turned(), *[copied(same) for same in zip(*networks)], Turned())


def copy_of(x: np.ndarray, which: int, count: int, sizes: Sequence[int]) -> np.ndarray:
    """The parameters of one of `count` copies, of x, shape (…, n); `sizes` are those of one network's tensors."""
    found, at = [], 0
    for size in sizes:
        found.append(x[..., at + which * size : at + (which + 1) * size])
        at += count * size
    return np.concatenate(found, axis=-1)
