"""`Game`: players, the variables they own, and the payoffs they maximise."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy as sp

from dynsys import kernels
from dynsys.codegen import functions_text, numpy_functions
from dynsys.errors import InputError, nearest, shown
from dynsys.expressions import check_name, check_parameters, exact, expression, finite, symbol
from dynsys.field import VectorField, as_points, check_box
from dynsys.identities import all_zero


@dataclass(frozen=True, eq=False, repr=False)
class Game:
    """A differentiable game: each player maximises its payoff over the variables it owns.

    Parameters
    ----------
    players
        player -> names of its variables.
    payoffs
        player -> payoff, as text or SymPy expression in all players' variables and the parameters.
    parameters
        name -> value.
    name, box, source
        what to call it, where to look at it ((lo, hi) per variable), and where it comes from.

    Raises `InputError` for a payoff that names something unknown, uses an unknown function, or is not a finite
    real expression, and for players that do not match the payoffs.
    """

    players: Mapping[str, Sequence[str]]
    payoffs: Mapping[str, Any]
    parameters: Mapping[str, float] = field(default_factory=dict)
    name: str = ""
    box: Mapping[str, Sequence[float]] | Sequence[Sequence[float]] | None = None
    source: str = ""

    def __post_init__(self) -> None:
        fix = functools.partial(object.__setattr__, self)
        for argument in ("players", "payoffs", "parameters"):
            if not isinstance(getattr(self, argument), Mapping):
                raise InputError(f"{argument} is a {type(getattr(self, argument)).__name__}; give a mapping by name")
        players = {check_name(p, "players"): _owned(p, own) for p, own in self.players.items()}
        if not players:
            raise InputError("players is empty; a game needs at least one player")
        for player in self.payoffs:
            if player not in players:
                raise InputError(f"payoffs has {shown(player)}, which is no player; {nearest(player, players)}")
        for player in players:
            if player not in self.payoffs:
                raise InputError(f"payoffs has none for player {player!r}; give each of {', '.join(players)} one")
        variables = tuple(v for own in players.values() for v in own)
        if len(set(variables)) < len(variables):
            twice = next(v for v in variables if variables.count(v) > 1)
            raise InputError(f"the variable {twice!r} is owned twice; each variable belongs to one player")
        parameters = {check_name(k, "parameters"): finite(x, f"parameter {k}") for k, x in self.parameters.items()}
        for shared in set(variables) & set(parameters):
            raise InputError(f"{shared!r} is a variable and a parameter; rename one")
        names = [*variables, *parameters]
        payoffs = {p: expression(self.payoffs[p], names, f"payoff of {p}") for p in players}
        fix("players", MappingProxyType(players))
        fix("payoffs", MappingProxyType(payoffs))
        fix("parameters", MappingProxyType(parameters))
        fix("box", None if self.box is None else check_box(self.box, variables))

    @classmethod
    def zero_sum(
        cls,
        payoff: Any,
        maximiser: Sequence[str],
        minimiser: Sequence[str],
        parameters: Mapping[str, float] | None = None,
        **more: Any,
    ) -> Game:
        """The two-player game in which one player maximises `payoff` and the other minimises it.

        Each player is named after its variables, joined with "_", or `maximiser` and `minimiser` where that gets long.
        """
        players, payoffs = opponents(payoff, maximiser, minimiser, parameters or {})
        return cls(players, payoffs, parameters or {}, **more)

    @classmethod
    def from_toml(cls, path: str | Path) -> Game:
        """The game written in a TOML file without random samples; docs/toml.md describes the format."""
        from dynsys.game_file import read_game

        game = read_game(Path(path))
        if not isinstance(game, Game):
            kind = type(game).__name__
            raise InputError(f"{path} holds a game with random samples; read it with {kind}.from_toml")
        return game

    def with_parameters(self, /, **values: float) -> Game:
        """The same game at other parameter values."""
        check_parameters(values, self.parameters, "game")
        return replace(self, parameters={**self.parameters, **values})

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of all variables, player by player."""
        return tuple(v for own in self.players.values() for v in own)

    @functools.cached_property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """The variables' symbols, in order."""
        return tuple(symbol(v) for v in self.variables)

    def own_symbols(self, player: str) -> tuple[sp.Symbol, ...]:
        """The symbols of the variables that `player` owns."""
        if player not in self.players:
            raise InputError(f"the game has no player {player!r}; {nearest(player, self.players)}")
        return tuple(symbol(v) for v in self.players[player])

    def field(self) -> VectorField:
        """v(x) = (∂fᵢ/∂xᵢ)ᵢ, the simultaneous gradient field. Mescheder, Nowozin & Geiger (2017)."""
        components = [sp.diff(self.payoffs[p], s) for p in self.players for s in self.own_symbols(p)]
        return VectorField(
            tuple(components), self.variables, self.parameters, self.players, game=self, name=self.name, box=self.box
        )

    def own_hessian(self, player: str) -> sp.Matrix:
        """∂²fᵢ/∂xᵢ², the Hessian of a player's payoff in its own variables, as expressions."""
        symbols = self.own_symbols(player)
        return sp.hessian(self.payoffs[player], symbols)

    def own_hessians(self, x: Any) -> dict[str, np.ndarray]:
        """The own Hessians at points x, shape (…, n): player -> (…, nᵢ, nᵢ)."""
        points = as_points(x, self.variables)
        entries = {f"own_{i}": list(self.own_hessian(p)) for i, p in enumerate(self.players)}
        text = functions_text(entries, self.symbols, tuple(symbol(p) for p in self.parameters))
        functions = numpy_functions(text)
        result = {}
        for i, (player, own) in enumerate(self.players.items()):
            with np.errstate(all="ignore"):
                parts = functions[f"own_{i}"](tuple(np.moveaxis(points, -1, 0)), tuple(self.parameters.values()))
            stacked = np.stack(np.broadcast_arrays(*parts, points[..., 0])[:-1], -1)
            result[player] = stacked.reshape((*points.shape[:-1], len(own), len(own)))
        return result

    def values(self, x: Any) -> np.ndarray:
        """All payoffs at points x, shape (…, n) -> (…, players); NaN where one has no real value."""
        points = as_points(x, self.variables)
        parameters = tuple(symbol(p) for p in self.parameters)
        text = functions_text({"values": list(self.payoffs.values())}, self.symbols, parameters)
        with np.errstate(all="ignore"):
            parts = numpy_functions(text)["values"](tuple(np.moveaxis(points, -1, 0)), tuple(self.parameters.values()))
        return np.stack(np.broadcast_arrays(*parts, points[..., 0])[:-1], -1)

    @property
    def exact_payoffs(self) -> dict[str, sp.Expr]:
        """The payoffs with the parameters' values put in, exactly."""
        values = {symbol(p): exact(x) for p, x in self.parameters.items()}
        return {player: f.xreplace(values) for player, f in self.payoffs.items()}

    @functools.cached_property
    def is_zero_sum(self) -> bool | None:
        """True if the payoffs add up to a constant, False if not, None if SymPy cannot tell."""
        total = sp.Add(*self.exact_payoffs.values())
        return all_zero(sp.diff(total, s) for s in self.symbols)

    @functools.cached_property
    def is_potential(self) -> bool | None:
        """True if one function's gradient is the field: ∂²fᵢ/∂xᵢ∂xⱼ = ∂²fⱼ/∂xⱼ∂xᵢ. Monderer & Shapley (1996)."""
        payoffs = self.exact_payoffs
        differences = (
            sp.diff(payoffs[one] - payoffs[two], a, b)
            for one, two in itertools.combinations(self.players, 2)
            for a in self.own_symbols(one)
            for b in self.own_symbols(two)
        )
        return all_zero(differences)

    @functools.cached_property
    def digest(self) -> str:
        """A hash of the game's content: players, payoffs, parameter values."""
        payoffs = {p: sp.srepr(f) for p, f in self.payoffs.items()}
        return kernels.digest(repr(dict(self.players)), repr(payoffs), repr(dict(self.parameters)))

    def __repr__(self) -> str:
        parts = "; ".join(f"{p} maximises {self.payoffs[p]} over {', '.join(own)}" for p, own in self.players.items())
        values = "".join(f", {k}={x:g}" for k, x in self.parameters.items())
        return f"Game({self.name + ': ' if self.name else ''}{parts}{values})"

    def __reduce__(self) -> Any:
        state = (dict(self.players), dict(self.payoffs), dict(self.parameters), self.name, self.box, self.source)
        return Game, state


def opponents(
    payoff: Any, maximiser: Sequence[str], minimiser: Sequence[str], names: Iterable[str]
) -> tuple[dict[str, tuple[str, ...]], dict[str, sp.Expr]]:
    """Players and payoffs of a zero-sum game, whose payoff may use `names` besides the variables.

    Each player is named after its variables, joined with "_", or `maximiser` and `minimiser` where that gets long.
    """
    first, second = _owned("maximiser", maximiser), _owned("minimiser", minimiser)
    f = expression(payoff, [*first, *second, *(check_name(n, "parameters") for n in names)], "payoff")
    one, two = "_".join(first), "_".join(second)
    if one == two or max(len(one), len(two)) > 40:
        one, two = "maximiser", "minimiser"
    return {one: first, two: second}, {one: f, two: -f}


def _owned(player: str, own: Any) -> tuple[str, ...]:
    if isinstance(own, str) or not isinstance(own, Sequence) or not own:
        raise InputError(f"{player} owns {shown(own)}; give a list of variable names, at least one")
    return tuple(check_name(v, f"variables of {player}") for v in own)
