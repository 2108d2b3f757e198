"""The players' modules as one flat vector, and losses evaluated at any such vector."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from dynsys.errors import InputError, nearest, shown
from dynsys.expressions import check_name

TYPES = {torch.float32: np.float32, torch.float64: np.float64}


@dataclass(frozen=True)
class Layout:
    """Which entries of a flat vector are which parameter of which player's module."""

    modules: Mapping[str, nn.Module]
    parameters: Mapping[str, Mapping[str, nn.Parameter]]
    dtype: torch.dtype

    @classmethod
    def of(cls, modules: Any) -> Layout:
        """The layout of a mapping, player to module; `InputError` for what makes no game."""
        if not isinstance(modules, Mapping) or not modules:
            raise InputError(f"modules is {shown(modules)}; give a mapping, player to torch.nn.Module")
        parameters: dict[str, dict[str, nn.Parameter]] = {}
        owner: dict[int, str] = {}
        for player, module in modules.items():
            if check_name(player, "modules") != player:
                raise InputError(f"modules: {shown(player)} is not in composed form (Unicode NFC); write it so")
            if not isinstance(module, nn.Module):
                raise InputError(f"modules[{player!r}] is {shown(module)}; give a torch.nn.Module")
            own = {name: p for name, p in module.named_parameters() if p.requires_grad}
            if not own:
                raise InputError(f"modules[{player!r}] has no parameter that requires a gradient; it cannot play")
            for name, parameter in own.items():
                if owner.setdefault(id(parameter), player) != player:
                    raise InputError(
                        f"the parameter {name!r} of {player!r} is shared with {owner[id(parameter)]!r}; "
                        "each parameter belongs to one player: copy the module that holds it"
                    )
                if parameter.device.type != "cpu":
                    raise InputError(f"{player}.{name} is on {parameter.device}; move the module with .cpu()")
            parameters[player] = own
        return cls(dict(modules), parameters, _common_type(parameters))

    @property
    def sizes(self) -> dict[str, int]:
        """player -> the number of its parameters."""
        return {player: sum(p.numel() for p in own.values()) for player, own in self.parameters.items()}

    @property
    def x(self) -> np.ndarray:
        """The parameters as they are now, shape (n,)."""
        flat = [p.detach().reshape(-1) for own in self.parameters.values() for p in own.values()]
        return torch.cat(flat).numpy()

    def named(self, x: Sequence[Tensor]) -> dict[str, Tensor]:
        """The players' flat tensors as parameters with their names and shapes."""
        found = {}
        for i, (own, flat) in enumerate(zip(self.parameters.values(), x, strict=True)):
            pieces = flat.split([p.numel() for p in own.values()])
            for (name, p), piece in zip(own.items(), pieces, strict=True):
                found[f"players.{i}.{name}"] = piece.view(p.shape)
        return found

    def state_dict(self, x: np.ndarray) -> dict[str, dict[str, Tensor]]:
        """player -> its module's state_dict with the parameters at x; tensors of its own."""
        named = self.named(torch.from_numpy(np.array(x)).split(list(self.sizes.values())))
        states = {}
        for i, (player, module) in enumerate(self.modules.items()):
            values = {id(p): named[f"players.{i}.{name}"] for name, p in self.parameters[player].items()}
            states[player] = copy.deepcopy(dict(module.state_dict()))
            for name, p in module.named_parameters(remove_duplicate=False):  # tied ones have several names
                if id(p) in values:
                    states[player][name] = values[id(p)].clone()
        return states

    def load(self, x: np.ndarray) -> None:
        """Put x into the parameters, and touch nothing else of the modules."""
        named = self.named(torch.from_numpy(np.array(x)).split(list(self.sizes.values())))
        with torch.no_grad():
            for i, own in enumerate(self.parameters.values()):
                for name, p in own.items():
                    p.copy_(named[f"players.{i}.{name}"])

    def point(self, states: Mapping[str, Mapping[str, Tensor]]) -> np.ndarray:
        """The flat vector of the parameters in these state_dicts, one a player."""
        pieces = []
        for player, own in self.parameters.items():
            if player not in states:
                raise InputError(f"states has none for the player {player!r}; {nearest(player, states)}")
            for name, p in own.items():
                value = states[player].get(name)
                if value is None or value.shape != p.shape:
                    has = "is missing" if value is None else f"has shape {tuple(value.shape)}"
                    raise InputError(f"{name!r} in the state of {player!r} {has}; it must have shape {tuple(p.shape)}")
                pieces.append(value.detach().reshape(-1).to(self.dtype))
        return torch.cat(pieces).numpy()


def _common_type(parameters: Mapping[str, Mapping[str, nn.Parameter]]) -> torch.dtype:
    found: dict[torch.dtype, str] = {}
    for player, own in parameters.items():
        for name, p in own.items():
            found.setdefault(p.dtype, f"{player}.{name}")
    for dtype, name in found.items():
        if dtype not in TYPES:
            raise InputError(f"{name} has the type {dtype}; convert the module with .float() or .double()")
    if len(found) > 1:
        kinds = " and ".join(f"{name} has {dtype}" for dtype, name in found.items())
        raise InputError(f"modules are of different types: {kinds}; convert all with .float() or all with .double()")
    return next(iter(found))


class Evaluated(nn.Module):
    """All modules in one, so that parameters and buffers can be put in for the time of one evaluation of losses."""

    def __init__(self, layout: Layout):
        super().__init__()
        self.players = nn.ModuleList(layout.modules.values())  # by number: names such as "type" are a ModuleDict's own
        self.layout = layout
        self.guarded = any(True for _ in self.buffers())

    def name_of(self, buffer: str) -> str:
        """The name of one of the buffers as players know it: critic.0.running_mean."""
        _, i, rest = buffer.split(".", 2)
        return f"{list(self.layout.modules)[int(i)]}.{rest}"

    def forward(self, losses: Callable[..., Any], batch: tuple[Any, ...]) -> Any:
        """The losses of the modules as they are now, on a batch or, with (), on none."""
        return losses(*self.players, *batch)

    def at(self, x: Sequence[Tensor], losses: Callable[..., Any], batch: tuple[Any, ...]) -> Any:
        """The losses at the players' flat tensors x; buffers stay as they are."""
        given = self.layout.named(x)
        if self.guarded:
            given |= {name: buffer.clone() for name, buffer in self.named_buffers()}
        return functional_call(self, given, (losses, batch))
