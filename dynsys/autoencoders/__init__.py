"""Autoencoders' fields r(x) − x: the exact optimal denoiser, trained networks, and data to try them on.

Names load when first used, as in `dynsys`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynsys.autoencoders.data import DATA, circle, gaussian_mixture, named, read_csv, spiral, two_moons
    from dynsys.autoencoders.denoiser import Denoiser
    from dynsys.autoencoders.mixture import MixtureDenoiser
    from dynsys.autoencoders.network import Autoencoder, load, save
    from dynsys.autoencoders.training import Ending, Training, train

__all__ = [
    "DATA",
    "Autoencoder",
    "Denoiser",
    "Ending",
    "MixtureDenoiser",
    "Training",
    "circle",
    "gaussian_mixture",
    "load",
    "named",
    "read_csv",
    "save",
    "spiral",
    "train",
    "two_moons",
]

_HOME = {
    "Autoencoder": "network",
    "Denoiser": "denoiser",
    "Ending": "training",
    "MixtureDenoiser": "mixture",
    "Training": "training",
    "load": "network",
    "save": "network",
    "train": "training",
}


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(f"dynsys.autoencoders.{_HOME.get(name, 'data')}"), name)
    raise AttributeError(f"module 'dynsys.autoencoders' has no attribute {name!r}")
