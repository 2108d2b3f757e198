"""Where a network's batches come from: rows of tensors, or a stream that a function draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dynsys.errors import InputError, shown


def tensors(batch: Any, argument: str = "data") -> Iterator[Tensor]:
    """The tensors of a batch: a tensor, or tuples, lists and mappings of such."""
    if isinstance(batch, Tensor):
        yield batch
    elif isinstance(batch, Mapping | tuple | list):
        for part in batch.values() if isinstance(batch, Mapping) else batch:
            yield from tensors(part, argument)
    else:
        raise InputError(f"{argument} holds {shown(batch)}; give tensors, or tuples, lists and mappings of tensors")


def mapped(function: Callable[[Tensor], Any], batch: Any) -> Any:
    """The batch with a function applied to each tensor."""
    if isinstance(batch, Tensor):
        return function(batch)
    if isinstance(batch, Mapping):
        return {key: mapped(function, part) for key, part in batch.items()}
    parts = [mapped(function, part) for part in batch]
    return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)


def rows(batch: Any, which: Any) -> Any:
    """The samples with these indices."""
    return mapped(lambda tensor: tensor[which], batch)


def count(batch: Any, argument: str = "data") -> int:
    """The number of samples, which all tensors of a batch share."""
    sizes = {len(tensor) if tensor.ndim else None for tensor in tensors(batch, argument)}
    if not sizes:
        raise InputError(f"{argument} holds no tensor; give tensors with one row a sample, or None for no data")
    if len(sizes) != 1 or None in sizes:
        raise InputError(
            f"{argument} holds tensors of {sorted(map(str, sizes))} rows; all need the same number of rows"
        )
    size = int(sizes.pop() or 0)
    if size == 0:
        raise InputError(f"{argument} has no rows; give at least one sample")
    return size


def check_types(batch: Any, dtype: torch.dtype, argument: str = "data") -> None:
    """Raise `InputError` for tensors on another device or of another floating-point type than the modules'."""
    for tensor in tensors(batch, argument):
        if tensor.device.type != "cpu":
            raise InputError(f"{argument} is on {tensor.device}; move it with .cpu()")
        if tensor.is_floating_point() and tensor.dtype != dtype:
            raise InputError(
                f"{argument} holds {tensor.dtype} but the modules hold {dtype}; convert one with .to({dtype})"
            )


def stream(seed: int, *counters: int) -> np.random.Generator:
    """The random numbers that belong to a seed and to counters, such as a step's: they depend on nothing else."""
    words = [*counters, 0, 0, 0][:3]
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, *words]))


def drawn(draw: Callable[[torch.Generator, int], Any], size: int, random: np.random.Generator) -> Any:
    """A batch of `size` samples from a stream."""
    generator = torch.Generator().manual_seed(int(random.integers(2**63)))
    batch = draw(generator, size)
    found = count(batch, "the batch that data returns")
    if found != size:
        raise InputError(f"data returns a batch of {found} samples where {size} are asked for")
    return batch
