r"""Autoencoders with one hidden layer, as fields: r(x) = V s(Wx + b) + c, and their files.

.. math:: r'(x) = V\,\mathrm{diag}(s'(Wx + b))\,W

is symmetric everywhere if V = Wᵀ (tied): the field r(x) − x is then the gradient of Σ S(wₖ·x + bₖ) + c·x − ‖x‖²/2 with
S' = s. With a free V it is in general not conservative. Alain & Bengio (2014).
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dynsys.array_field import ArrayField
from dynsys.autoencoders.denoiser import coordinate_names
from dynsys.errors import InputError, nearest, shown
from dynsys.field import as_points

FORMAT = "dynsys autoencoder 1"


@dataclass(frozen=True)
class Activation:
    """s, and s' and s'' as functions of s."""

    value: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    bend: Callable[[np.ndarray], np.ndarray]


ACTIVATIONS = {
    "tanh": Activation(np.tanh, lambda s: 1 - s * s, lambda s: -2 * s * (1 - s * s)),
    "logistic": Activation(
        lambda u: (1 + np.tanh(u / 2)) / 2,  # no overflow
        lambda s: s * (1 - s),
        lambda s: s * (1 - s) * (1 - 2 * s),
    ),
}


@dataclass(frozen=True, eq=False)
class Autoencoder:
    """r(x) = V s(Wx + b) + c with W (h, n), b (h,), V (n, h), c (n,) and s "tanh" or "logistic".

    Raises `InputError` for shapes that do not fit, entries that are not finite, or another activation.
    """

    W: np.ndarray
    b: np.ndarray
    V: np.ndarray
    c: np.ndarray
    activation: str = "tanh"

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise InputError(f"activation is {shown(self.activation)}; {nearest(self.activation, ACTIVATIONS)}")
        shape = np.shape(self.W)
        if len(shape) != 2 or 0 in shape:
            raise InputError(f"W has shape {shape}; give a row a hidden unit and a column a variable")
        h, n = shape
        for name, expected in (("W", (h, n)), ("b", (h,)), ("V", (n, h)), ("c", (n,))):
            object.__setattr__(self, name, _entries(getattr(self, name), name, expected))

    @property
    def n(self) -> int:
        """The dimension."""
        return self.W.shape[1]

    @property
    def hidden(self) -> int:
        """The number of hidden units."""
        return len(self.W)

    @property
    def tied(self) -> bool:
        """Whether V = Wᵀ to the last digit."""
        return bool((self.V == self.W.T).all())

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the coordinates."""
        return coordinate_names(self.n)

    def code(self, x: np.ndarray) -> np.ndarray:
        """s(Wx + b), shape (…, n) -> (…, h)."""
        return ACTIVATIONS[self.activation].value(as_points(x, self.variables) @ self.W.T + self.b)

    def reconstruction(self, x: Any) -> np.ndarray:
        """r(x), shape (…, n) -> (…, n)."""
        return self.code(x) @ self.V.T + self.c

    def jacobian(self, x: Any) -> np.ndarray:
        """r'(x) = V diag(s') W, shape (…, n) -> (…, n, n)."""
        slopes = ACTIVATIONS[self.activation].slope(self.code(x))
        # a product of numbers for each pair: V[i, k] W[k, j] is that of (j, i) to the last digit if V = Wᵀ
        products = (self.V[:, None, :] * self.W.T[None]).reshape(self.n * self.n, self.hidden)
        return (slopes @ products.T).reshape((*slopes.shape[:-1], self.n, self.n))

    def field(self, box: Sequence[Sequence[float]] | None = None) -> ArrayField:
        """The field r(x) − x with its Jacobian, looked at in `box`."""
        name = f"{'tied' if self.tied else 'untied'} autoencoder, {self.hidden} hidden units"
        return ArrayField(
            lambda x: self.reconstruction(x) - x, lambda x: self.jacobian(x) - np.eye(self.n), self.variables, name, box
        )


def _entries(values: Any, name: str, shape: tuple[int, ...]) -> np.ndarray:
    try:
        checked = np.array(values, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"{name} is no array of real numbers; give one of shape {shape}") from None
    if checked.shape != shape:
        raise InputError(f"{name} has shape {checked.shape}; with W of shape (h, n) it must be {shape}")
    if not np.isfinite(checked).all():
        raise InputError(f"{name} has entries that are not finite; train again, or give others")
    checked.flags.writeable = False
    return checked


def save(network: Autoencoder, path: str | Path) -> Path:
    """Write the network's arrays to a file of NumPy's .npz format, which holds no code; `load` reads it."""
    path = Path(path)
    arrays = {name: getattr(network, name) for name in ("W", "b", "V", "c")}
    try:
        with path.open("wb") as file:
            np.savez(file, format=np.array(FORMAT), activation=np.array(network.activation), **arrays)
    except OSError as error:
        raise InputError(f"{path.name} cannot be written: {error.strerror}; choose another path") from None
    return path


def load(path: str | Path) -> Autoencoder:
    """The network of a file that `save` wrote, bit for bit; `InputError` for any other file."""
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            content = {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise InputError(f"{path.name} does not exist; give a file written by dynsys.autoencoders.save") from None
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile):
        # what NumPy raises for files that are no archive, are cut short or changed, or hold pickled objects
        raise _foreign(path) from None
    missing = [name for name in ("format", "activation", "W", "b", "V", "c") if name not in content]
    if missing or str(content["format"]) != FORMAT:
        raise _foreign(path)
    arrays = {name: content[name] for name in ("W", "b", "V", "c")}
    try:
        return Autoencoder(**arrays, activation=str(content["activation"]))
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from None


def _foreign(path: Path) -> InputError:
    return InputError(f"{path.name} is broken or holds no network; give a file written by dynsys.autoencoders.save")
