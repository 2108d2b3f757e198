"""A field in the plane as gradient + rotation + harmonic rest: the Helmholtz decomposition on a staggered grid.

This is not the split of the Jacobian J = S + A at each point: that one knows no boundary, and S is no gradient's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.fft import dstn, idstn

from dynsys.array_field import AnyField, check_field
from dynsys.errors import InputError, shown
from dynsys.field import Box

SMALLEST, LARGEST = 5, 2049  # nodes along an axis
HUGE = 1e150  # the square of what is larger overflows
BOUNDARY = (
    "potential 0 on the boundary, so the gradient has no tangential part there; stream function 0 on the boundary, "
    "so the solenoidal part has no normal part there; the harmonic rest, free of divergence and curl, takes up what "
    "v has on the boundary; the three are orthogonal in L2"
)


@dataclass(frozen=True)
class Staggered:
    """A field on the edges of a grid: along x on the edges (i+½, j), shape (N-1, N), along y on (i, j+½), (N, N-1).

    `widths` are those of the grid's cells.
    """

    along_x: np.ndarray
    along_y: np.ndarray
    widths: tuple[float, float]

    def dot(self, other: Staggered) -> float:
        """∫ a·b over the box: an edge on the boundary counts half, as half of its dual cell is inside."""
        products = self.along_x * other.along_x, (self.along_y * other.along_y).T
        return float(self.widths[0] * self.widths[1] * sum(_trapezoid(rows) for rows in products))

    def __sub__(self, other: Staggered) -> Staggered:
        return Staggered(self.along_x - other.along_x, self.along_y - other.along_y, self.widths)

    @property
    def at_centres(self) -> np.ndarray:
        """Averages at the centres of the cells, shape (N-1, N-1, 2): for pictures."""
        across = (self.along_x[:, 1:] + self.along_x[:, :-1]) / 2
        return np.stack([across, (self.along_y[1:] + self.along_y[:-1]) / 2], -1)


@dataclass(frozen=True)
class Grid:
    """N×N nodes over a box: `nodes` and `centres` (of the cells) hold the coordinates along x and along y."""

    nodes: tuple[np.ndarray, np.ndarray]

    @property
    def centres(self) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates of the cells' centres, shape (N-1,) each."""
        x, y = self.nodes
        return (x[1:] + x[:-1]) / 2, (y[1:] + y[:-1]) / 2

    @property
    def widths(self) -> tuple[float, float]:
        """The cells' extents along x and y."""
        x, y = self.nodes
        return float(x[-1] - x[0]) / (len(x) - 1), float(y[-1] - y[0]) / (len(y) - 1)


@dataclass(frozen=True)
class Helmholtz:
    """v = ∇φ + rot ψ + harmonic, rot ψ = (∂ψ/∂y, -∂ψ/∂x), over a box.

    `velocity` = `gradient` + `solenoidal` + `harmonic` are `Staggered` fields (`.at_centres` for pictures), the three
    parts orthogonal to rounding. `potential` φ is at the nodes, shape (N, N), `stream` ψ at the centres, (N-1, N-1),
    indexed [x, y]. `total` is ∫|v|² over the box, `energy` the fraction of it that each part has, by name: they add
    up to 1 (NaN for a field that vanishes). `boundary` says in words what makes the decomposition unique.
    """

    grid: Grid
    velocity: Staggered
    potential: np.ndarray
    stream: np.ndarray
    gradient: Staggered
    solenoidal: Staggered
    harmonic: Staggered
    total: float
    energy: dict[str, float]
    box: Box
    variables: Sequence[str]
    boundary: str = BOUNDARY

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, without the arrays."""
        return {
            "energy": {name: share if np.isfinite(share) else None for name, share in self.energy.items()},
            "total": self.total,
            "boundary": self.boundary,
            "box": [list(pair) for pair in self.box],
            "resolution": len(self.grid.nodes[0]),
            "potential_range": [float(self.potential.min()), float(self.potential.max())],
            "stream_range": [float(self.stream.min()), float(self.stream.max())],
        }


def helmholtz(field: AnyField, box: Any = None, resolution: int = 65) -> Helmholtz:
    r"""The Helmholtz decomposition of a planar field over the box, on `resolution` nodes along each axis.

    .. math:: v = \nabla\varphi + (\partial_y\psi, -\partial_x\psi) + w, \qquad
              \Delta\varphi = \mathrm{div}\,v, \quad -\Delta\psi = \mathrm{curl}\,v, \quad \varphi = \psi = 0
              \text{ on the boundary}

    w is harmonic: free of divergence and of curl inside. It holds what the boundary conditions keep out of the other
    two; the gradient of x² - y² is all harmonic. v is taken at the midpoints of the grid's edges; gradient and
    rotation are a discrete complex (div rot = 0, curl grad = 0 exactly), so the parts are orthogonal to rounding,
    and φ and ψ, by sine transforms, are in error by O(spacing²) where v is smooth. Not the pointwise split of J into
    symmetric and antisymmetric part. Chorin & Marsden (1993), Desbrun, Kanso & Tong (2008).

    Raises `InputError` for fields that are not planar or depend on time, too coarse or fine a grid, and a field that
    is not finite in the box, with the place.
    """
    _check(field, resolution)
    region = field.region(box)
    x, y = (np.linspace(low, high, resolution) for low, high in region)
    grid = Grid((x, y))
    velocity = _sampled(field, grid)
    potential, stream = _potential(velocity), _stream(velocity)
    gradient, solenoidal = _grad(potential, grid.widths), _rot(stream, grid.widths)
    parts = gradient, solenoidal, velocity - gradient - solenoidal
    total = velocity.dot(velocity)
    shares = [part.dot(part) / total if total else float("nan") for part in parts]
    energy = dict(zip(("gradient", "solenoidal", "harmonic"), shares, strict=True))
    return Helmholtz(grid, velocity, potential, stream, *parts, total, energy, region, tuple(field.variables))


def _check(field: AnyField, resolution: Any) -> None:
    if check_field(field).n != 2:
        raise InputError(
            f"the field has {field.n} variables ({', '.join(field.variables)}); the decomposition into potential and "
            "stream function is one of the plane: give a field of two variables"
        )
    if field.time is not None:
        raise InputError("the field depends on time; it has no one decomposition. Fix the time")
    whole = isinstance(resolution, int | np.integer) and not isinstance(resolution, bool)
    if not whole or not SMALLEST <= resolution <= LARGEST:
        raise InputError(
            f"resolution is {shown(resolution)}; give a whole number of nodes per axis, {SMALLEST} to {LARGEST}"
        )


def _sampled(field: AnyField, grid: Grid) -> Staggered:
    """The field's components at the midpoints of the edges along them."""
    (x, y), (x_mid, y_mid) = grid.nodes, grid.centres
    parts = []
    for k, axes in enumerate([(x_mid, y), (x, y_mid)]):
        points = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
        values = field(points)[..., k]
        usable = np.abs(values) < HUGE
        if not usable.all():
            worst = tuple(np.argwhere(~usable)[0])
            at = ", ".join(f"{name} = {c:.6g}" for name, c in zip(field.variables, points[worst], strict=True))
            raise InputError(
                f"the field has the component {values[worst]:g} at {at}, inside the box; give one where it is finite"
            )
        parts.append(values)
    return Staggered(parts[0], parts[1], grid.widths)


def _potential(v: Staggered) -> np.ndarray:
    """φ at the nodes: the 5-point Laplacian of φ is the divergence of v at each inner node; 0 on the boundary."""
    h, k = v.widths
    divergence = np.diff(v.along_x, axis=0)[:, 1:-1] / h + np.diff(v.along_y, axis=1)[1:-1] / k
    potential = np.zeros((len(v.along_y), v.along_x.shape[1]))
    potential[1:-1, 1:-1] = -_solved(divergence, v.widths, kind=1)
    return potential


def _stream(v: Staggered) -> np.ndarray:
    """ψ at the centres: minus its 5-point Laplacian, with 0 half a cell outside, is the curl of v in each cell."""
    h, k = v.widths
    return _solved(np.diff(v.along_y, axis=0) / h - np.diff(v.along_x, axis=1) / k, v.widths, kind=2)


def _solved(right: np.ndarray, widths: tuple[float, float], kind: int) -> np.ndarray:
    """u with -Δu = right, by the sine transform that diagonalises -Δ: kind 1 on inner nodes, 2 on centres."""
    cells = right.shape[0] + (kind == 1)
    angles = np.pi * np.arange(1, len(right) + 1) / (2 * cells)
    first, second = ((2 * np.sin(angles) / width) ** 2 for width in widths)
    return idstn(dstn(right, type=kind) / (first[:, None] + second), type=kind)


def _grad(potential: np.ndarray, widths: tuple[float, float]) -> Staggered:
    return Staggered(np.diff(potential, axis=0) / widths[0], np.diff(potential, axis=1) / widths[1], widths)


def _rot(stream: np.ndarray, widths: tuple[float, float]) -> Staggered:
    """(∂ψ/∂y, -∂ψ/∂x) on the edges; on the boundary, half a cell from the centres, where ψ = 0."""
    h, k = widths
    along_x = np.diff(_mirrored(stream), axis=1) / k
    along_y = -np.diff(_mirrored(stream.T).T, axis=0) / h
    return Staggered(along_x, along_y, widths)


def _mirrored(stream: np.ndarray) -> np.ndarray:
    """One more column on either side with the sign changed: 0 on the boundary between."""
    return np.hstack([-stream[:, :1], stream, -stream[:, -1:]])


def _trapezoid(rows: np.ndarray) -> float:
    """The sum of all entries, those of the first and last column halved."""
    return float(rows.sum() - (rows[:, 0].sum() + rows[:, -1].sum()) / 2)
