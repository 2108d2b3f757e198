"""`NetworkGame`: players that are PyTorch modules, with losses as PyTorch users write them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dynsys.errors import InputError, nearest, shown
from dynsys.networks.layout import TYPES, Evaluated, Layout
from dynsys.networks.network_field import NetworkField, Parts
from dynsys.networks.samples import check_types, count, drawn, mapped, rows, stream
from dynsys.networks.trial import tried

TRIAL = 8  # samples on which a game is tried when it is made


class NetworkGame(NetworkField):
    """A game between PyTorch modules, and its simultaneous gradient field on the flat vector of their parameters.

    Parameters
    ----------
    modules
        player -> `torch.nn.Module`. A player owns the parameters that require a gradient; others stay as they are.
    losses
        what players minimise: a mapping, player to a function of all modules in order and the batch, each returning a
        scalar tensor; or one such function that returns all players' losses, a mapping or a sequence, and so shares
        what they have in common. A payoff is -loss: v = -(∂lossᵢ/∂xᵢ)ᵢ.
    data
        None: losses take no batch. Tensors with one row a sample, or tuples, lists and mappings of them: the full
        batch. A function (generator, size) -> batch: a stream, of which `on_batch` fixes a batch and
        `NetworkBatches` draws one a step.
    name
        what to call it.

    In float32 or float64, on the CPU. Modules are read, never changed, but by `load`; their train or eval mode counts.
    The field must be a function of x and the batch: losses that change buffers (running statistics of a batch norm in
    training mode) or draw random numbers of their own (dropout) are refused. Networks with ReLU and the like are
    smooth in pieces: their derivatives hold almost everywhere, and `almost_everywhere` names the functions.

    Raises `InputError` for modules that share parameters or differ in type, and for losses that are not scalar, that
    do not depend on their player, or that depend on more than x and the batch.
    """

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        losses: Mapping[str, Callable[..., Tensor]] | Callable[..., Any],
        data: Any = None,
        name: str = "",
    ):
        layout = Layout.of(modules)
        fix = lambda key, value: object.__setattr__(self, key, value)  # noqa: E731
        fix("layout", layout)
        fix("losses", _checked_losses(losses, layout.modules))
        fix("data", data)
        fix("_evaluated", Evaluated(layout))
        if data is not None and not callable(data):
            count(data)
            check_types(data, layout.dtype)
        super().__init__(
            players=layout.sizes, name=name, dtype=TYPES[layout.dtype], slopes=self._slopes, draw=self._full_batch
        )
        pieces = tried(self._evaluated, self.loss_values, self.tensors_at(self.x), self._trial())
        fix("almost_everywhere", f"{', '.join(pieces)}: derivatives hold almost everywhere" if pieces else "")

    layout: Layout
    losses: Mapping[str, Callable[..., Tensor]] | Callable[..., Any]
    data: Any
    _evaluated: Evaluated

    # --- the parameters -------------------------------------------------------------------------

    @property
    def x(self) -> np.ndarray:
        """The modules' parameters as they are now, shape (n,): the players' one after the other."""
        return self.layout.x

    def state_dict(self, x: Any) -> dict[str, dict[str, Tensor]]:
        """player -> the `state_dict` of its module with the parameters at x."""
        return self.layout.state_dict(self.point(x))

    def point_of(self, states: Mapping[str, Mapping[str, Tensor]]) -> np.ndarray:
        """The point x of `state_dict`s, one a player; `InputError` for missing entries and wrong shapes."""
        return self.layout.point(states)

    def load(self, x: Any) -> None:
        """Put the parameters x into the modules themselves."""
        self.layout.load(self.point(x))

    def modules_at(self, x: Any) -> dict[str, nn.Module]:
        """player -> a copy of its module with the parameters at x."""
        found = {player: copy.deepcopy(module) for player, module in self.layout.modules.items()}
        for player, state in self.state_dict(x).items():
            found[player].load_state_dict(state)
        return found

    def to(self, dtype: Any) -> NetworkGame:
        """The game in float32 or float64: copies of its modules and data, the same losses."""
        wanted = next(
            (kind for kind, of in TYPES.items() if dtype in (kind, of, np.dtype(of), np.dtype(of).name)), None
        )
        if wanted is None:
            raise InputError(f"dtype is {shown(dtype)}; give 'float32' or 'float64'")
        modules = {player: copy.deepcopy(module).to(wanted) for player, module in self.layout.modules.items()}
        convert = lambda tensor: tensor.to(wanted) if tensor.is_floating_point() else tensor  # noqa: E731
        draw = self.data
        if callable(draw):
            data: Any = lambda generator, size: mapped(convert, draw(generator, size))  # noqa: E731
        else:
            data = None if draw is None else mapped(convert, draw)
        return NetworkGame(modules, self.losses, data, self.name)

    # --- batches --------------------------------------------------------------------------------

    @property
    def is_stream(self) -> bool:
        """Whether samples are drawn by a function, without end."""
        return callable(self.data)

    @property
    def samples(self) -> int | None:
        """The number of rows of the data; None for a stream or without data."""
        return None if self.data is None or self.is_stream else count(self.data)

    def batch(self, size: int, random: np.random.Generator | int = 0) -> Any:
        """`size` samples from the stream, or rows of the data drawn with replacement."""
        generator = random if isinstance(random, np.random.Generator) else stream(random)
        if self.is_stream:
            return drawn(self.data, size, generator)
        return self.rows(generator.integers(self.samples or 0, size=size))

    def rows(self, which: np.ndarray) -> Any:
        """The rows of the data with these indices."""
        if self.samples is None:
            raise InputError(f"{self!r} has no rows of data to choose from")
        return rows(self.data, torch.from_numpy(np.asarray(which)))

    def on_batch(self, batch: Any) -> NetworkField:
        """The field on one batch, as it is."""
        if self.data is None:
            raise InputError(f"{self!r} has no data, and its losses take no batch; give data=")
        count(batch, "batch")
        check_types(batch, self.layout.dtype, "batch")
        return self.made(draw=lambda: batch)

    def _full_batch(self) -> Any:
        if self.is_stream:
            raise InputError(
                f"{self!r} has a stream for data, so that its field needs a batch: fix one with "
                "on_batch(game.batch(512)), or train on NetworkBatches(game, 512)"
            )
        return self.data

    def _trial(self) -> Any:
        if self.data is None:
            return None
        if self.is_stream:
            batch = drawn(self.data, TRIAL, stream(0))
            check_types(batch, self.layout.dtype, "the batch that data returns")
            return batch
        return rows(self.data, slice(TRIAL))

    # --- losses and slopes ----------------------------------------------------------------------

    def loss_values(self, x: Parts, batch: Any, only: Sequence[int] = ()) -> dict[int, Tensor]:
        """The losses of these players, or of all, by their numbers."""
        given = () if batch is None else (batch,)
        if not callable(self.losses):
            chosen = {i: self.losses[p] for i, p in enumerate(self.players) if not only or i in only}
            return {i: self._evaluated.at(x, loss, given) for i, loss in chosen.items()}
        found = self._evaluated.at(x, self.losses, given)
        if isinstance(found, Mapping):
            missing = [player for player in self.players if player not in found]
            if missing:
                raise InputError(f"losses returns none for {missing[0]!r}; it returns {', '.join(map(str, found))}")
            found = [found[player] for player in self.players]
        if not isinstance(found, Sequence) or len(found) != len(self.players):
            raise InputError(f"losses returns {shown(found)}; give one scalar for each of {', '.join(self.players)}")
        return {i: loss for i, loss in enumerate(found) if not only or i in only}

    def _slopes(self, x: Parts, batch: Any, p: Sequence[float], graph: bool, only: Sequence[int] = ()) -> Parts:
        """v = -(∂lossᵢ/∂xᵢ)ᵢ."""
        with torch.enable_grad():
            losses = self.loss_values(x, batch, only)
        found = [torch.zeros_like(part) if only else part for part in x]
        last = max(losses)
        for i, loss in losses.items():
            kept = graph or (callable(self.losses) and i != last)
            slope = torch.autograd.grad(loss, x[i], retain_graph=kept, create_graph=graph, materialize_grads=True)
            found[i] = -slope[0]
        return tuple(found)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{player}: {size}" for player, size in self.players.items())
        return f"NetworkGame({self.name + ' ' if self.name else ''}{sizes})"


def _checked_losses(losses: Any, players: Mapping[str, Any]) -> Any:
    if callable(losses):
        return losses
    if not isinstance(losses, Mapping):
        raise InputError(f"losses is {shown(losses)}; give a mapping, player to function, or one function for all")
    for player in losses:
        if player not in players:
            raise InputError(f"losses has {shown(player)}, which is no player; {nearest(player, players)}")
    for player in players:
        if not callable(losses.get(player)):
            raise InputError(f"losses has no function for {player!r}; each player minimises one")
    return dict(losses)
