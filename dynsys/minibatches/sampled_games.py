"""Games whose payoffs depend on a random sample: the rows of a data set, or declared noise."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import sympy as sp

from dynsys.array_field import AnyField
from dynsys.errors import InputError
from dynsys.expressions import check_name, check_parameters
from dynsys.game import Game, opponents
from dynsys.minibatches.populations import Data, Noise, NotClosedError, Population, expectation
from dynsys.minibatches.sampled_field import SampledField
from dynsys.rebuilding import Rebuilt
from dynsys.tables import read_table

COLUMNS, NOISE = "columns of the data", "noise"


class SampledGame(Rebuilt):
    """What `StochasticGame` and `FiniteSumGame` share: every player maximises the mean of a payoff over samples."""

    players: Mapping[str, Sequence[str]]
    parameters: Mapping[str, float]
    name: str
    box: Any
    source: str
    population: Population
    sample_game: Game

    def _build(self, payoffs: Mapping[str, Any], population: Population, what: str) -> None:
        """Fix the population and the game of one sample, whose entries are parameters after the game's own."""
        own = {check_name(k, "parameters"): value for k, value in self.parameters.items()}
        for name in population.names:
            if name in own:
                raise InputError(f"the name {name!r} stands for a parameter and for {what}; rename one")
        entries = {**own, **dict.fromkeys(population.names, 0.0)}
        with _listing(population, what):
            game = Game(self.players, payoffs, entries, self.name, self.box, self.source)
        kept = {k: game.parameters[k] for k in own}
        fixed = {"players": game.players, "parameters": MappingProxyType(kept), "box": game.box}
        for name, value in {**fixed, "population": population, "sample_game": game}.items():
            object.__setattr__(self, name, value)

    def with_parameters(self, /, **values: float) -> Any:
        """The same game at other parameter values."""
        check_parameters(values, self.parameters, "game")
        return replace(self, parameters={**self.parameters, **values})  # type: ignore[type-var]

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of all variables, player by player."""
        return self.sample_game.variables

    @functools.cached_property
    def mean_game(self) -> Game | None:
        """The game of the mean payoffs: None where those would be sums of too many terms."""
        payoffs = {}
        try:
            for player, f in self.sample_game.payoffs.items():
                payoffs[player] = expectation(f, self.population)
        except NotClosedError:
            return None
        return Game(self.players, payoffs, self.parameters, self.name, self.box, self.source)

    @functools.cached_property
    def sampled(self) -> SampledField:
        """The field v(x, ξ) of one sample, and where samples come from."""
        return SampledField(self.sample_game.field(), self.population, self.mean_game)

    def field(self) -> AnyField:
        """v(x) = E v(x, ξ), the simultaneous gradient of the mean payoffs.

        With formulas and a game, unless the mean takes too many terms: then an `ArrayField`, without labels of game
        theory.
        """
        return self.sampled.mean

    def expectation(self, e: sp.Expr) -> sp.Expr:
        """The mean over samples of an expression in the game's symbols."""
        return expectation(e, self.population)

    def __repr__(self) -> str:
        size = self.population.size
        kind = f"{size} rows of" if size is not None else "noise"
        return f"{type(self).__name__}({self.name or 'unnamed'}; {kind} {', '.join(self.population.names)})"


@dataclass(frozen=True, eq=False, repr=False)
class FiniteSumGame(SampledGame):
    """A game whose payoffs are means over the rows of a data set.

    Parameters
    ----------
    players
        player -> names of its variables.
    payoff_of_sample
        player -> its payoff on one row, in all variables, the parameters and the names of the columns.
    data
        column name -> N numbers.
    parameters, name, source, box
        as for `Game`.

    Raises `InputError` for columns of different lengths or with missing values, and for payoffs that name no column,
    variable or parameter.
    """

    players: Mapping[str, Sequence[str]]
    payoff_of_sample: Mapping[str, Any]
    data: Mapping[str, Any]
    parameters: Mapping[str, float] = field(default_factory=dict)
    name: str = ""
    box: Any = None
    source: str = ""

    def __post_init__(self) -> None:
        self._build(self.payoff_of_sample, Data(self.data), COLUMNS)

    @classmethod
    def zero_sum(
        cls, payoff: Any, maximiser: Sequence[str], minimiser: Sequence[str], data: Mapping[str, Any], **more: Any
    ) -> FiniteSumGame:
        """The game in which one player maximises the mean of `payoff` and the other minimises it.

        The players are named as by `Game.zero_sum`.
        """
        with _listing(Data(data), COLUMNS) as columns:
            players, payoffs = opponents(payoff, maximiser, minimiser, [*(more.get("parameters") or {}), *columns])
        return cls(players, payoffs, data, **more)

    @classmethod
    def from_toml(cls, path: str | Path, data: str | Path | None = None) -> FiniteSumGame:
        """The game of a TOML file, with the CSV file of its key `data`, or the one given here; see docs/toml.md."""
        from dynsys.game_file import read_game

        game = read_game(Path(path), None if data is None else Path(data))
        if isinstance(game, StochasticGame):
            raise InputError(f"{path} declares [noise]; read it with StochasticGame.from_toml")
        if not isinstance(game, cls):
            raise InputError(f"{path} names no data; give data=, a CSV file")
        return game

    @classmethod
    def from_csv(cls, path: str | Path, players: Any, payoff_of_sample: Any, **more: Any) -> FiniteSumGame:
        """The game with the columns of a CSV file, whose first line names them."""
        return cls(players, payoff_of_sample, read_table(path), **more)


@dataclass(frozen=True, eq=False, repr=False)
class StochasticGame(SampledGame):
    """A game whose payoffs are expectations over declared noise.

    Parameters
    ----------
    players
        player -> names of its variables.
    payoffs
        player -> its payoff for one sample of the noise, in all variables, the parameters and the noises' names.
    noise
        name -> distribution of `dynsys.minibatches`, such as normal(0, 1); the noises are independent.
    parameters, name, source, box
        as for `Game`.
    order
        how many nodes Gauss quadrature takes a variable where a payoff is no polynomial in the noise.

    Raises `InputError` for unknown names, what is no distribution, and an order that is no whole number from 1 on.
    """

    players: Mapping[str, Sequence[str]]
    payoffs: Mapping[str, Any]
    noise: Mapping[str, Any]
    parameters: Mapping[str, float] = field(default_factory=dict)
    name: str = ""
    box: Any = None
    source: str = ""
    order: int = 40

    def __post_init__(self) -> None:
        self._build(self.payoffs, Noise(self.noise, self.order), NOISE)

    @classmethod
    def zero_sum(
        cls, payoff: Any, maximiser: Sequence[str], minimiser: Sequence[str], noise: Mapping[str, Any], **more: Any
    ) -> StochasticGame:
        """The game in which one player maximises the mean of `payoff` and the other minimises it.

        The players are named as by `Game.zero_sum`.
        """
        with _listing(Noise(noise), NOISE) as noises:
            players, payoffs = opponents(payoff, maximiser, minimiser, [*(more.get("parameters") or {}), *noises])
        return cls(players, payoffs, noise, **more)

    @classmethod
    def from_toml(cls, path: str | Path) -> StochasticGame:
        """The game of a TOML file with a table [noise]; docs/toml.md describes it."""
        from dynsys.game_file import read_game

        game = read_game(Path(path))
        if isinstance(game, FiniteSumGame):
            raise InputError(f"{path} names data; read it with FiniteSumGame.from_toml")
        if not isinstance(game, cls):
            raise InputError(f"{path} declares no [noise]; write name = {{ normal = [0, 1] }} there")
        return game


@contextlib.contextmanager
def _listing(population: Population, what: str) -> Iterator[tuple[str, ...]]:
    """The names of a sample's entries, which an error about a payoff's names will list."""
    try:
        yield population.names
    except InputError as error:
        if not re.search(r"neither a variable nor a parameter|is a variable and a parameter", str(error)):
            raise
        names = ", ".join(population.names)
        raise InputError(f"{error} ({what}: {names if len(names) < 60 else names[:57] + '...'})") from None
