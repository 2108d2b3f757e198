"""The consensus term of a network, its gradient ∇½T estimated from parts of a batch as by `dynsys.minibatches`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from dynsys.errors import InputError
from dynsys.minibatches.estimators import Weights
from dynsys.networks.network_field import NetworkField, Parts, inner
from dynsys.networks.samples import count, mapped, rows

if TYPE_CHECKING:
    from dynsys.networks.network_game import NetworkGame

MOST_NUMBERS = 2**24  # entries of single samples' gradients that are held at a time: 64 MB of them in float32
Part = tuple[int, int]  # first sample, number of samples


@dataclass(frozen=True)
class EstimatedConsensus:
    """The slopes v̄ - γ∇½T of a field, with T = Σ w_ab ⟨v̄ₐ, v̄_b⟩ + Σ dₐ mean‖vᵢ‖² over parts of the samples."""

    field: NetworkField
    weights: Weights
    parts: tuple[tuple[Part, ...], tuple[Part, ...]]

    def __call__(self, x: Parts, batch: Any, p: Sequence[float], graph: bool, only: Sequence[int] = ()) -> Parts:
        """The components of w, one tensor a player."""
        if graph or forward_ad._current_level >= 0:  # a derivative travels along, which the estimate would lose
            raise InputError("a field that each batch makes anew has no Jacobian; linearise the field on all data")
        means, estimated = self.parts
        with torch.enable_grad():
            v = {part: self.field.slopes(x, _part(batch, part), p[:-1], True) for part in {*means, *estimated}}
            gradient = self._gradient(x, batch, v)
        mean = [sum(components) / len(means) for components in zip(*(v[part] for part in means), strict=True)]
        return tuple((a - p[-1] * g).detach() for a, g in zip(mean, gradient, strict=True))

    def _gradient(self, x: Parts, batch: Any, v: dict[Part, Parts]) -> list[Tensor]:
        """∇½T."""
        cross, diagonal = self.weights
        estimated = self.parts[1]
        total = [torch.zeros_like(part) for part in x]
        if cross:
            products = (float(w) * inner(v[estimated[a]], v[estimated[b]]) for (a, b), w in cross.items())
            half = sum(products, torch.zeros((), dtype=x[0].dtype)) / 2
            total = list(torch.autograd.grad(half, x, retain_graph=True, materialize_grads=True))
        for a, d in diagonal.items():
            own = half_mean_square_gradient(self.field.game, x, _part(batch, estimated[a]))
            total = [g + float(d) * s for g, s in zip(total, own, strict=True)]
        return total


def _part(batch: Any, part: Part) -> Any:
    return rows(batch, slice(part[0], part[0] + part[1]))


def half_mean_square_gradient(game: NetworkGame, x: Parts, batch: Any) -> list[Tensor]:
    """∇½ mean‖vᵢ‖² = mean Jᵢᵀvᵢ over the samples of a batch."""
    B, total = count(batch), [torch.zeros_like(part) for part in x]
    size = max(1, MOST_NUMBERS // game.n)
    for first in range(0, B, size):
        v = sample_slopes(game, x, rows(batch, slice(first, first + size)))
        half = inner([part.flatten() for part in v], [part.flatten() for part in v]) / (2 * B)
        own = torch.autograd.grad(half, x, materialize_grads=True)
        total = [a + b for a, b in zip(total, own, strict=True)]
    return total


def sample_slopes(game: NetworkGame, x: Parts, batch: Any) -> list[Tensor]:
    """The fields vᵢ of single samples, a row a sample and a tensor a player, of which derivatives can be taken."""
    with torch.enable_grad():
        losses = sample_losses(game, x, batch)
        basis = torch.eye(count(batch), dtype=x[0].dtype)
        found = [
            torch.autograd.grad(
                loss, x[i], basis, is_grads_batched=True, create_graph=True, retain_graph=True, materialize_grads=True
            )
            for i, loss in enumerate(losses)
        ]
    return [-slopes for (slopes,) in found]


def sample_losses(game: NetworkGame, x: Parts, batch: Any) -> list[Tensor]:
    """The losses on single samples, a tensor (B,) a player."""

    def one(sample: Any) -> tuple[Tensor, ...]:
        losses = game.loss_values(x, mapped(lambda tensor: tensor[None], sample))
        return tuple(losses[i] for i in range(len(x)))

    leaves: list[Tensor] = []
    places = mapped(lambda tensor: (leaves.append(tensor), len(leaves) - 1)[1], batch)  # type: ignore[func-returns-value]
    try:
        found = torch.vmap(lambda *tensors: one(_put(places, tensors)))(*leaves)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"losses cannot be evaluated sample by sample ({reason}); take the estimator 'split' or 'independent'"
        ) from error
    return list(found)


def _put(places: Any, tensors: Sequence[Tensor]) -> Any:
    """The batch with tensors for the numbers of their places."""
    if isinstance(places, int):
        return tensors[places]
    if isinstance(places, dict):
        return {key: _put(part, tensors) for key, part in places.items()}
    parts = [_put(part, tensors) for part in places]
    return type(places)(*parts) if hasattr(places, "_fields") else type(places)(parts)


def check_means(field: NetworkField) -> None:
    """Raise `InputError` unless the losses of a batch are the means of its samples' losses."""
    game = field.game
    if field is not game:
        raise InputError(f"{field!r} is transformed; estimators with samples' own gradients take the game itself")
    batch, x = game._trial(), game.tensors_at(game.x)
    with torch.no_grad():
        whole, single = game.loss_values(x, batch), sample_losses(game, x, batch)
    for i, player in enumerate(game.players):
        if not torch.allclose(whole[i], single[i].mean(), rtol=1e-3, atol=1e-6):
            raise InputError(
                f"the loss of {player!r} is no mean over the samples: {float(whole[i]):.6g} for a batch, "
                f"{float(single[i].mean()):.6g} for its samples on average (a batch norm?); take the estimator "
                "'plug-in', 'split' or 'independent'"
            )
