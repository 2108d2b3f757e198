"""Hyperbolic saddles of flows and updates, and the curves that leave them to second order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.iterations import Iteration
from dynsys.errors import InputError

HYPERBOLIC = 1e-6  # of Re λ relative to ‖J‖, or of |ζ| - 1: nearer to the border no manifold is told from a centre's
STEP = 1e-5  # of the differences that give second derivatives


class NoSaddleError(InputError):
    """A point that is no saddle, or not hyperbolic."""


@dataclass(frozen=True, eq=False)
class Direction:
    r"""A one-dimensional invariant manifold near a saddle: s -> x + s e + ½ s² c, with an error of third order.

    For a flow (2λ - J) c = B(e, e), for an update (ζ² - F') c = B(e, e). The parameter is that in which the motion is
    s -> e^{λt} s or s -> ζ s. `rate` is λ or ζ.
    """

    x: np.ndarray
    rate: float
    e: np.ndarray
    c: np.ndarray

    def at(self, s: Any) -> np.ndarray:
        """Points (n, …) at parameters s (…)."""
        shape = (-1, *[1] * np.ndim(s))
        x, e, c = (v.reshape(shape) for v in (self.x, self.e, self.c))
        return np.asarray(x + np.asarray(s) * e + 0.5 * np.asarray(s) ** 2 * c)


def saddle_values(J: np.ndarray, iteration: Iteration | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvalues, eigenvectors in columns, how far each is on the repelling side; `NoSaddleError` for other points."""
    values, vectors = np.linalg.eig(J)
    size = max(float(np.linalg.norm(J)), 1e-300)
    sides = values.real / size if iteration is None else np.abs(values) - 1
    what, border = ("eigenvalue", "the imaginary axis") if iteration is None else ("multiplier", "the unit circle")
    worst = int(np.argmin(np.abs(sides)))
    if abs(sides[worst]) <= HYPERBOLIC:
        raise NoSaddleError(
            f"the {what} {_text(values[worst])} at saddle is on {border} to {HYPERBOLIC:g}: a point that is not "
            "hyperbolic has no stable and unstable manifolds; move a parameter or h"
        )
    if (sides > 0).all() or (sides < 0).all():
        does = "repels in all directions" if sides[0] > 0 else "attracts in all directions"
        raise NoSaddleError(f"the point {does}, its {what}s being {_list(values)}: it is no saddle; give one that is")
    return values, vectors, sides


def directions(values: np.ndarray, sides: np.ndarray) -> dict[bool, int]:
    """Which manifolds are curves: stable? -> the index of the one eigenvalue on that side, if there is one only."""
    found = {}
    for stable in (False, True):
        own = np.flatnonzero(sides < 0 if stable else sides > 0)
        if len(own) == 1 and abs(values[own[0]]) > 0:
            found[stable] = int(own[0])
    return found


def parabola(x: np.ndarray, J: np.ndarray, rate: float, e: np.ndarray, second: np.ndarray, flow: bool) -> Direction:
    """The manifold of this eigenvector, B(e, e) being `second`."""
    shift = 2 * rate if flow else rate * rate
    return Direction(x, rate, e, np.linalg.solve(shift * np.eye(len(x)) - J, second))


def oriented(vector: np.ndarray) -> np.ndarray:
    """The unit vector whose largest component is positive, so that sides have one name on every machine."""
    e = vector.real / np.linalg.norm(vector.real)
    largest = int(np.argmax(np.abs(e).round(9)))
    return np.asarray(e * np.sign(e[largest]))


def _text(value: complex) -> str:
    return f"{value.real:.6g}" if value.imag == 0 else f"{complex(value):.6g}"


def _list(values: np.ndarray) -> str:
    return ", ".join(_text(z) for z in values)
