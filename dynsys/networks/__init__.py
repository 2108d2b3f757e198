"""Games between neural networks: PyTorch modules whose losses make a vector field on a flat vector of parameters.

Needs PyTorch, the optional extra `networks`. Names load when first used.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynsys.networks.network_batches import NetworkBatches
    from dynsys.networks.network_field import NetworkField
    from dynsys.networks.network_game import NetworkGame

__all__ = ["NetworkBatches", "NetworkField", "NetworkGame"]

_HOME = {"NetworkBatches": "network_batches", "NetworkField": "network_field", "NetworkGame": "network_game"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'dynsys.networks' has no attribute {name!r}")
    if find_spec("torch") is None:
        raise ImportError(f"{name} needs PyTorch; install it with pip install 'dynsys-games[networks]'")
    return getattr(import_module(f"dynsys.networks.{_HOME[name]}"), name)
