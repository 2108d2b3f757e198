"""Games from TOML files. The format is described in docs/toml.md."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from dynsys.errors import InputError, nearest, shown
from dynsys.game import Game

SIZE_LIMIT = 200_000  # bytes
TABLES: dict[str, type] = {
    "name": str,
    "source": str,
    "players": dict,
    "payoffs": dict,
    "zero_sum": dict,
    "parameters": dict,
    "box": dict,
}
ZERO_SUM = ("payoff", "maximiser", "minimiser")


def read_game(path: Path) -> Game:
    """Read a game; every error names the file and the key. Nothing in the file is executed."""
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_LIMIT + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {getattr(error, 'strerror', error)}") from None
    if len(data) > SIZE_LIMIT:
        raise InputError(f"{path} is larger than {SIZE_LIMIT} bytes; a game is a page of text")
    try:
        table = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, or a number of too many digits
        raise InputError(f"{path} is not TOML: {' '.join(str(error).split())[:100]}") from None
    try:
        return game_from_table(table, path.stem)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def game_from_table(table: dict[str, Any], name: str) -> Game:
    """The game of a parsed TOML table, called `name` unless it names itself."""
    for key, value in table.items():
        if key not in TABLES:
            raise InputError(f"unknown key {shown(key)}; {nearest(key, TABLES)}")
        if not isinstance(value, TABLES[key]):
            wanted = "a text" if TABLES[key] is str else f"a table [{key}]"
            raise InputError(f"{key} is a {type(value).__name__}; it must be {wanted}")
    more = {"name": table.get("name", name), "source": table.get("source", ""), "box": table.get("box")}
    parameters = _numbers(table.get("parameters", {}))
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
        return Game.zero_sum(_text(game["payoff"], "payoff"), game["maximiser"], game["minimiser"], parameters, **more)
    for key in ("players", "payoffs"):
        if key not in table:
            raise InputError(f"[{key}] is missing; a game needs [players] and [payoffs], or [zero_sum]")
    payoffs = {player: _text(f, f"payoff of {shown(player)}") for player, f in table["payoffs"].items()}
    return Game(table["players"], payoffs, parameters, **more)


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{key} is a {type(value).__name__}; write the formula as a text in quotes")
    return value


def _numbers(table: dict[str, Any]) -> dict[str, float]:
    for key, value in table.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"parameter {shown(key)} is a {type(value).__name__}; it must be a number")
    return table
