"""What moves: games, vector fields, their transformations, and a catalogue.

Names load when first used, so that `import dynsys` costs nothing (SymPy takes a third of a second).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynsys import games, transforms
    from dynsys.array_field import ArrayField
    from dynsys.errors import InputError
    from dynsys.field import VectorField
    from dynsys.game import Game
    from dynsys.minibatches.sampled_games import FiniteSumGame, StochasticGame

__all__ = ["ArrayField", "FiniteSumGame", "Game", "InputError", "StochasticGame", "VectorField", "games", "transforms"]
__version__ = "0.1.0"

_HOME = {
    "ArrayField": "dynsys.array_field",
    "FiniteSumGame": "dynsys.minibatches.sampled_games",
    "Game": "dynsys.game",
    "InputError": "dynsys.errors",
    "StochasticGame": "dynsys.minibatches.sampled_games",
    "VectorField": "dynsys.field",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if name in ("games", "transforms"):
        return import_module(f"dynsys.{name}")
    raise AttributeError(f"module 'dynsys' has no attribute {name!r}")
