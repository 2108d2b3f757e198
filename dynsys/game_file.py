"""Games from TOML files, with random samples or without. The format is described in docs/toml.md."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from dynsys.errors import InputError, nearest, shown
from dynsys.game import Game
from dynsys.minibatches.distributions import KINDS, Distribution
from dynsys.minibatches.sampled_games import FiniteSumGame, StochasticGame
from dynsys.tables import read_table

SIZE_LIMIT = 200_000  # bytes
TABLES: dict[str, type] = {
    "name": str,
    "source": str,
    "players": dict,
    "payoffs": dict,
    "zero_sum": dict,
    "parameters": dict,
    "box": dict,
    "noise": dict,
    "order": int,
    "data": str,
}
ZERO_SUM = ("payoff", "maximiser", "minimiser")
NUMBERS = {"normal": "mean and deviation", "uniform": "low and high"}
ENTRIES = {"discrete": ("values", "probabilities"), "mixture": ("components", "weights")}  # the second is optional
EXAMPLES = {
    "normal": "{ normal = [0, 1] }",
    "uniform": "{ uniform = [0, 1] }",
    "discrete": "{ discrete = { values = [-1, 1] } }",
    "mixture": "{ mixture = { components = [{ normal = [0, 1] }, { uniform = [1, 2] }] } }",
}
AnyGame = Game | StochasticGame | FiniteSumGame


def read_game(path: Path, data: Path | None = None) -> AnyGame:
    """Read a game; every error names the file and the key. Nothing in the file is executed.

    With a table [noise] it is a `StochasticGame`; with `data`, the key or the argument, which wins, a `FiniteSumGame`.
    """
    table = _parsed(path)
    if data is None and isinstance(table.get("data"), str):
        data = path.parent / table["data"]
    try:
        return game_from_table(table, path.stem, data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _parsed(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {getattr(error, 'strerror', error)}") from None
    if len(content) > SIZE_LIMIT:
        raise InputError(f"{path} is larger than {SIZE_LIMIT} bytes; a game is a page of text")
    try:
        return tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, or a number of too many digits
        raise InputError(f"{path} is not TOML: {' '.join(str(error).split())[:100]}") from None


def game_from_table(table: dict[str, Any], name: str, data: Path | None = None) -> AnyGame:
    """The game of a parsed TOML table, called `name` unless it names itself, with the rows of the CSV file `data`."""
    for key, value in table.items():
        if key not in TABLES:
            raise InputError(f"unknown key {shown(key)}; {nearest(key, TABLES)}")
        if not isinstance(value, TABLES[key]) or isinstance(value, bool):
            wanted = {str: "a text", int: "a whole number", dict: f"a table [{key}]"}[TABLES[key]]
            raise InputError(f"{key} is a {type(value).__name__}; it must be {wanted}")
    more = {"name": table.get("name", name), "source": table.get("source", ""), "box": table.get("box")}
    more["parameters"] = _numbers(table.get("parameters", {}))
    kind, samples = _samples(table, data)
    if "zero_sum" in table:
        if "players" in table or "payoffs" in table:
            raise InputError("[zero_sum] replaces [players] and [payoffs]; keep one or the other")
        game = table["zero_sum"]
        for key in game:
            if key not in ZERO_SUM:
                raise InputError(f"unknown key {shown(key)} in [zero_sum]; {nearest(key, ZERO_SUM)}")
        for key in ZERO_SUM:
            if key not in game:
                raise InputError(f"[zero_sum] has no {key}; it needs {', '.join(ZERO_SUM)}")
        payoff = _text(game["payoff"], "payoff")
        duel: AnyGame = kind.zero_sum(payoff, game["maximiser"], game["minimiser"], **samples, **more)
        return duel
    for key in ("players", "payoffs"):
        if key not in table:
            raise InputError(f"[{key}] is missing; a game needs [players] and [payoffs], or [zero_sum]")
    payoffs = {player: _text(f, f"payoff of {shown(player)}") for player, f in table["payoffs"].items()}
    result: AnyGame = kind(table["players"], payoffs, **samples, **more)
    return result


def _samples(table: dict[str, Any], data: Path | None) -> tuple[Any, dict[str, Any]]:
    """The kind of game, and its arguments that say where samples come from."""
    if "order" in table and "noise" not in table:
        raise InputError("order is of the quadrature over [noise], which is missing; remove order")
    if data is not None:
        if "noise" in table:
            raise InputError("data and [noise] exclude each other; keep one or the other")
        return FiniteSumGame, {"data": _columns(data)}
    if "noise" not in table:
        return Game, {}
    if not table["noise"]:
        raise InputError(f"[noise] is empty; write name = {EXAMPLES['normal']} there, or remove it")
    order = {"order": table["order"]} if "order" in table else {}
    return StochasticGame, {"noise": {k: _noise(k, value) for k, value in table["noise"].items()}, **order}


def _columns(path: Path) -> dict[str, Any]:
    try:
        if path.is_file():  # a device may have no end
            return read_table(path)
    except InputError as error:
        raise InputError(f"data: {error}") from None
    except OSError:  # a name of too many characters
        pass
    where = f"{shown(path.name)} in {shown(str(path.parent))}"
    raise InputError(f"data: there is no file {where}; give a CSV file, its path relative to the game's")


def _noise(name: str, value: Any) -> Distribution:
    try:
        return _distribution(value)
    except InputError as error:
        raise InputError(f"noise {shown(name)}: {error}") from None


def _distribution(value: Any) -> Distribution:
    """The distribution of `{ normal = [0, 1] }` and the like; "normal" alone has its defaults."""
    if not isinstance(value, str | dict) or (isinstance(value, dict) and len(value) != 1):
        raise InputError(f"{shown(value)} is no distribution; write for instance {EXAMPLES['normal']}")
    name, given = (value, None) if isinstance(value, str) else next(iter(value.items()))
    if name not in KINDS:
        raise InputError(f"no distribution is called {shown(name)}; {nearest(name, KINDS)}")
    if name in NUMBERS:
        if given is not None and not (isinstance(given, list) and len(given) == 2):
            raise InputError(f"{name} is {shown(given)}; write {EXAMPLES[name]}: {NUMBERS[name]}")
        return KINDS[name](*(given or ()))
    if not isinstance(given, dict) or ENTRIES[name][0] not in given:
        raise InputError(f"{name} has no {ENTRIES[name][0]}; write {EXAMPLES[name]}")
    for key in given:
        if key not in ENTRIES[name]:
            raise InputError(f"unknown key {shown(key)} of {name}; {nearest(key, ENTRIES[name])}")
    if name == "mixture" and isinstance(given["components"], list):
        given = {**given, "components": [_distribution(part) for part in given["components"]]}
    return KINDS[name](**given)


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{key} is a {type(value).__name__}; write the formula as a text in quotes")
    return value


def _numbers(table: dict[str, Any]) -> dict[str, float]:
    for key, value in table.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"parameter {shown(key)} is a {type(value).__name__}; it must be a number")
    return table
