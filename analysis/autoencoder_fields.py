"""What the field r(x) − x of an autoencoder does over its data: error, rotation, fixed points, and the exact score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.line_integrals import circulation
from analysis.zeros import FixedPoint, fixed_points
from dynsys.array_field import ArrayField
from dynsys.field import Box

KINDS = ("mode", "spurious sink", "saddle", "source")


@dataclass(frozen=True)
class FieldOverData:
    """A field in the plane over data with noise, the region where an autoencoder is trained.

    `error` is the mean of ‖r(x̃) − x‖², `cosine` the mean cosine between the field and the exact score, `asymmetry` the
    mean of ‖A‖_F/‖J‖_F with A = (J − Jᵀ)/2, all three over the noisy points x̃ of the data x; `circulation` is that
    round the circle. `points` pairs each fixed point with its kind of `KINDS`. On the `grid` (k, k, 2): the `velocity`
    (k, k, 2) and the `curl` ∂v₂/∂x₁ − ∂v₁/∂x₂ (k, k).
    """

    title: str
    field: ArrayField
    error: float
    cosine: float
    asymmetry: float
    circulation: float
    points: tuple[tuple[np.ndarray, str], ...]
    completeness: str
    grid: np.ndarray
    velocity: np.ndarray
    curl: np.ndarray

    def number_of(self, kind: str) -> int:
        """How many fixed points are of this kind."""
        return sum(other == kind for _, other in self.points)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, without the grid."""
        return {
            "title": self.title,
            "error": self.error,
            "cosine": self.cosine,
            "asymmetry": self.asymmetry,
            "circulation": self.circulation,
            "fixed_points": [{"x": [float(c) for c in x], "kind": kind} for x, kind in self.points],
            "completeness": self.completeness,
        }


@dataclass(frozen=True)
class Region:
    """Where fields are compared: data (N, 2), their noisy copies (N, 2), the noise σ, a box, and a circle in it.

    The circle has the data's mean as its centre and their root mean square distance from it as its radius.
    """

    data: np.ndarray
    noisy: np.ndarray
    sigma: float
    box: Box

    @classmethod
    def around(cls, data: np.ndarray, sigma: float, seed: int, margin: float = 0.3) -> Region:
        """The region of data (N, 2) with noise drawn by `seed`; its box is wider than the data by twice the margin."""
        noisy = data + sigma * np.random.default_rng([seed, 1]).normal(size=data.shape)  # not the training's noise
        low, high = data.min(0), data.max(0)
        middle, half = (low + high) / 2, (0.5 + margin) * float((high - low).max())
        box = tuple((float(m - half), float(m + half)) for m in middle)
        return cls(data, noisy, sigma, box)

    @property
    def radius(self) -> float:
        """Of the circle."""
        return float(np.sqrt(np.square(self.data - self.data.mean(0)).sum(1).mean()))

    def circle(self, t: Any) -> np.ndarray:
        """The point at t in [0, 1], counterclockwise, shape (…) -> (…, 2)."""
        angle = 2 * np.pi * np.asarray(t)
        return self.data.mean(0) + self.radius * np.stack([np.cos(angle), np.sin(angle)], -1)


def fields_over_data(
    fields: Sequence[tuple[str, ArrayField]], region: Region, resolution: int = 101
) -> tuple[FieldOverData, ...]:
    """Every titled field over the region; the first is the exact score's, with which the others are compared.

    A fixed point that attracts is a *mode* if it is one of the exact density's, that is of the first field, or lies
    within σ of one; if not it is a *spurious sink*: the network invents data there. The others are saddles or sources.
    """
    exact = fields[0][1]
    modes = np.array([p.x for p in fixed_points(exact, region.box) if _attracts(p)]).reshape(-1, 2)
    score = exact(region.noisy)
    return tuple(_over_data(title, v, score, modes, region, resolution) for title, v in fields)


def _over_data(
    title: str, v: ArrayField, score: np.ndarray, modes: np.ndarray, region: Region, resolution: int
) -> FieldOverData:
    found = fixed_points(v, region.box)
    moved, J = v(region.noisy), v.jacobian(region.noisy)
    norms = np.linalg.norm(moved, axis=1) * np.linalg.norm(score, axis=1)
    antisymmetric = np.linalg.norm(J - J.swapaxes(1, 2), axis=(1, 2)) / 2
    grid, velocity, curl = on_grid(v, region.box, resolution)
    return FieldOverData(
        title=title,
        field=v,
        error=float(np.square(region.noisy + moved - region.data).sum(1).mean()),
        cosine=float(((moved * score).sum(1) / np.where(norms > 0, norms, 1)).mean()),
        asymmetry=float((antisymmetric / np.linalg.norm(J, axis=(1, 2))).mean()),
        circulation=float(circulation(v, region.circle, rtol=1e-8)),
        points=tuple((p.x, _kind(p, modes, region.sigma)) for p in found),
        completeness=found.completeness.text,
        grid=grid,
        velocity=velocity,
        curl=curl,
    )


def on_grid(v: ArrayField, box: Box, resolution: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grid points (k, k, 2) of the box, the velocity (k, k, 2) and the curl (k, k)."""
    grid = np.stack(np.meshgrid(*(np.linspace(lo, hi, resolution) for lo, hi in box)), -1)
    J = v.jacobian(grid)
    return grid, v(grid), J[..., 1, 0] - J[..., 0, 1]


def _attracts(point: FixedPoint) -> bool:
    return bool((point.eigenvalues.real < 0).all())


def _kind(point: FixedPoint, modes: np.ndarray, sigma: float) -> str:
    if _attracts(point):
        near = len(modes) and np.linalg.norm(modes - point.x, axis=1).min() <= sigma
        return "mode" if near else "spurious sink"
    return "source" if (point.eigenvalues.real > 0).all() else "saddle"


def closer_box(fields: Sequence[FieldOverData], region: Region, share: float = 0.3) -> Box:
    """A box of this share of the region's width round the data point at which the fields' curl is largest."""
    sizes = [np.abs(J[:, 1, 0] - J[:, 0, 1]) for J in (f.field.jacobian(region.data) for f in fields)]
    centre = region.data[np.argmax(np.max(sizes, axis=0))]
    widths = [share * (hi - lo) / 2 for lo, hi in region.box]
    return tuple((float(c - w), float(c + w)) for c, w in zip(centre, widths, strict=True))
