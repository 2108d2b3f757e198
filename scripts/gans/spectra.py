"""The eigenvalues of v' and of w' at a point, all or the leading ones, and where they lie beside the imaginary axis."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis import leading_eigenvalues
from dynsys.networks import NetworkGame
from dynsys.transforms import consensus
from integrators.checkpoints import save_whole

ON_AXIS = 1e-7  # real parts of at most this share of the spectral radius are 0: rounding moves them about so far
ROTATING = 0.01  # imaginary parts from here on turn the flow once in a time of 600 or less
LEADING, BASIS = 6, 40


@dataclass(frozen=True)
class Cloud:
    """All eigenvalues of a Jacobian, shape (n,)."""

    eigenvalues: np.ndarray

    def to_dict(self) -> dict[str, Any]:
        """How many lie right of the imaginary axis, on it and left of it, and how far the cloud reaches.

        `turning` is the share, of those off the origin, with a larger imaginary than real part; `rotating` counts
        imaginary parts of at least `ROTATING`, `rotating_right` how many of these lie right of the axis, and
        `rotating_slant` the median of their Re λ/|Im λ|, None without any.
        """
        real, size = self.eigenvalues.real, np.abs(self.eigenvalues)
        zero = ON_AXIS * size.max(initial=0)
        off, turns = size > zero, np.abs(self.eigenvalues.imag) >= ROTATING
        slants = real[turns] / np.abs(self.eigenvalues.imag[turns])
        return {
            "right": int((real > zero).sum()),
            "on_axis": int((np.abs(real) <= zero).sum()),
            "left": int((real < -zero).sum()),
            "largest_real": float(real.max()),
            "smallest_real": float(real.min()),
            "largest_imaginary": float(self.eigenvalues.imag.max()),
            "turning": float((np.abs(self.eigenvalues.imag) > np.abs(real))[off].mean()) if off.any() else 0.0,
            "rotating": int(turns.sum()),
            "rotating_right": int((real[turns] > zero).sum()),
            "rotating_slant": float(np.median(slants)) if len(slants) else None,
        }


@dataclass(frozen=True)
class Leading:
    """The rightmost Ritz values (k,) of a Jacobian, their residuals (k,), and which have converged (k,)."""

    values: np.ndarray
    residuals: np.ndarray
    converged: np.ndarray

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers: of the values, and of the rightmost alone."""
        return {
            "real": self.values.real.tolist(),
            "imaginary": self.values.imag.tolist(),
            "residuals": self.residuals.tolist(),
            "converged": self.converged.tolist(),
            "largest_real": float(self.values[0].real),
            "residual": float(self.residuals[0]),
        }


def clouds(game: NetworkGame, batch: Any, x: np.ndarray, gamma: float, file: Path) -> dict[str, Cloud]:
    """The eigenvalues of v', and of w' under consensus, second derivatives and all; kept in the file.

    The game is one in float64: in float32 the eigenvalues near 0 drown in rounding.
    """

    def found() -> dict[str, np.ndarray]:
        return {name: np.linalg.eigvals(field.jacobian(x)) for name, field in _fields(game, batch, gamma).items()}

    kept = _kept(file, _digest(x, batch, gamma), found)
    return {name: Cloud(kept[name]) for name in ("v", "w")}


def leading(
    game: NetworkGame, batch: Any, x: np.ndarray, gamma: float, products: int, file: Path
) -> dict[str, Leading]:
    """The rightmost eigenvalues of v' and of w', by at most `products` products with each; kept in the file."""

    def found() -> dict[str, np.ndarray]:
        arrays = {}
        for name, field in _fields(game, batch, gamma).items():
            ritz = leading_eigenvalues(field, x, "real", LEADING, basis=min(BASIS, products // 2), products=products)
            arrays |= {f"{name} {key}": getattr(ritz, key) for key in Leading.__annotations__}
        return arrays

    kept = _kept(file, _digest(x, batch, gamma, products), found)
    return {name: Leading(*(kept[f"{name} {key}"] for key in Leading.__annotations__)) for name in ("v", "w")}


def _fields(game: NetworkGame, batch: Any, gamma: float) -> dict[str, Any]:
    v = game.on_batch(batch)
    return {"v": v, "w": consensus(v, gamma)}


def _digest(x: np.ndarray, batch: Any, *numbers: float) -> str:
    data = x.tobytes() + b"".join(part.numpy().tobytes() for part in batch)
    return " ".join([hashlib.sha256(data).hexdigest(), *map(str, numbers)])


def _kept(file: Path, about: str, found: Callable[[], Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """What the file holds if it is about this, else what is found now, which it holds from then on."""
    if file.exists():
        with np.load(file) as kept:
            if str(kept["about"]) == about:
                return {name: kept[name] for name in kept.files}
    arrays = dict(found())
    save_whole(file, {"about": np.array(about), **arrays})
    return arrays
