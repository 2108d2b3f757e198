"""A first evaluation of a network's losses: are they scalars, differentiable, and functions of x and the batch?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.overrides import TorchFunctionMode, resolve_name

from dynsys.errors import InputError, shown
from dynsys.networks.layout import Evaluated

# functions that are smooth in pieces only, by the names PyTorch's own functions have
PIECEWISE = (
    "abs", "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "amax", "amin", "aminmax", "cdist",
    "ceil", "celu", "clamp", "clamp_max", "clamp_min", "clip", "cummax", "cummin", "dist", "elu", "floor", "fmax",
    "fmin", "fmod", "frac", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "heaviside", "hinge_embedding_loss",
    "huber_loss", "kthvalue", "l1_loss", "leaky_relu", "margin_ranking_loss", "max", "max_pool1d", "max_pool2d",
    "max_pool3d", "maximum", "median", "min", "minimum", "mode", "msort", "multi_margin_loss", "norm", "pdist", "prelu",
    "quantile", "relu", "relu6", "remainder", "round", "rrelu", "selu", "sgn", "sign", "smooth_l1_loss", "softshrink",
    "sort", "threshold", "topk", "triplet_margin_loss", "trunc", "vector_norm", "where",
)  # fmt: skip


class _Watch(TorchFunctionMode):
    """Takes note of piecewise smooth functions, and of those at which a derivative ends."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: dict[str, None] = {}
        self.ends: dict[str, None] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        name = (resolve_name(func) or getattr(func, "__name__", "")).split(".")[-1].rstrip("_")
        if name in PIECEWISE or name.removesuffix("_with_indices") in PIECEWISE:
            self.pieces[name.removesuffix("_with_indices")] = None
        inputs = [a for a in [*args, *(kwargs or {}).values()] if isinstance(a, Tensor)]
        outputs = [a for a in (found if isinstance(found, tuple | list) else [found]) if isinstance(a, Tensor)]
        if any(a.requires_grad for a in inputs) and outputs and not any(a.requires_grad for a in outputs):
            self.ends[name] = None
        return found


def tried(
    evaluated: Evaluated, values: Callable[[Any, Any], dict[int, Tensor]], x: tuple[Tensor, ...], batch: Any
) -> list[str]:
    """The names of the piecewise smooth functions that the losses use; `InputError` for losses that make no field."""
    before = {name: buffer.clone() for name, buffer in evaluated.named_buffers()}
    players = list(evaluated.layout.modules)
    watch = _Watch()
    with torch.enable_grad(), watch:
        losses = _evaluated(values, x, batch)
    for i, loss in losses.items():
        if not isinstance(loss, Tensor) or loss.shape != ():
            has = f"has shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"is {shown(loss)}"
            raise InputError(f"the loss of {players[i]!r} {has}; it must be a scalar tensor: take .mean()")
        if loss.dtype != x[i].dtype:
            raise InputError(f"the loss of {players[i]!r} is {loss.dtype} but the modules hold {x[i].dtype}")
        _check_dependence(loss, x[i], players[i], list(watch.ends))
        _check_second_derivatives(loss, players[i])
    for (name, old), new in zip(before.items(), _changed(evaluated, values, x, batch), strict=True):
        if not torch.equal(old, new):
            raise InputError(
                f"evaluating the losses changes the buffer {evaluated.name_of(name)!r}, so that the field would "
                "depend on its own past; put the module in eval mode, or give a batch norm track_running_stats=False"
            )
    random = torch.get_rng_state()
    again = values(x, batch)
    draws = not torch.equal(random, torch.get_rng_state())
    for i, loss in losses.items():
        if draws or (not torch.equal(loss, again[i]) and not (loss.isnan() | again[i].isnan())):
            how = "draws random numbers of its own" if draws else "differs between two evaluations at one point"
            raise InputError(
                f"the loss of {players[i]!r} {how} (dropout?); draw them in data, or put the module in eval mode"
            )
    return list(watch.pieces)


def _evaluated(values: Callable[[Any, Any], dict[int, Tensor]], x: Any, batch: Any) -> dict[int, Tensor]:
    """The losses; what the user's own code raises is shown as it is, with where it comes from."""
    try:
        return values(x, batch)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"losses cannot be evaluated: {type(error).__name__}: {error}; each is a function of all modules in order"
            + ("" if batch is None else " and of the batch")
        ) from error


def _changed(evaluated: Evaluated, values: Any, x: Any, batch: Any) -> list[Tensor]:
    """The buffers after one evaluation that may change them."""
    kept = {name: buffer.clone() for name, buffer in evaluated.named_buffers()}
    guarded, evaluated.guarded = evaluated.guarded, False
    try:
        with torch.no_grad():
            values(x, batch)
        return [buffer.clone() for buffer in evaluated.buffers()]
    finally:
        evaluated.guarded = guarded
        for name, buffer in evaluated.named_buffers():
            buffer.copy_(kept[name])


# what the wrapper that PyTorch puts around such a derivative runs
ONCE = once_differentiable(lambda _: None).__code__


def _check_second_derivatives(loss: Tensor, player: str) -> None:
    """Raise `InputError` for operations whose derivative is a constant to PyTorch where it is none: J would lack it."""
    seen, waiting = set(), [loss.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        waiting += [before for before, _ in node.next_functions]
        operation = getattr(node, "_forward_cls", None)
        if operation is not None and getattr(operation.backward, "__code__", None) is ONCE:
            raise InputError(
                f"the loss of {player!r} uses {operation.__name__}, which is marked with @once_differentiable, so that "
                "the field would have a wrong Jacobian; replace the operation"
            )


def _check_dependence(loss: Tensor, x: Tensor, player: str, ends: list[str]) -> None:
    """Raise `InputError` if the loss has no derivative by x, and name what ended it."""
    found = None
    if loss.requires_grad:
        (found,) = torch.autograd.grad(loss, x, retain_graph=True, allow_unused=True)
    if found is None:
        why = f": the derivative ends at {', '.join(ends)}" if ends else ""
        raise InputError(f"the loss of {player!r} has no derivative by its own parameters{why}")
