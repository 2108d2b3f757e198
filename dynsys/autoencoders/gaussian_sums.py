r"""Sums over many points with Gaussian weights: whole, or without the points that provably do not matter.

At a query x with nearest point p the weights are :math:`e_i = \exp((‖x-p‖^2 - ‖x-x_i‖^2)/2σ^2) \le 1`, with
:math:`\sum e_i \ge 1`. Leaving out points with :math:`‖x-x_i‖^2 > ‖x-p‖^2 + 2σ^2\log(N/τ)` leaves out at most the
share τ of the weight. Queries and points are both cut into the leaves of k-d trees; a leaf of queries meets the leaves
of points that reach into its radius, as one dense product of matrices.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree
from threadpoolctl import threadpool_limits

from dynsys.autoencoders.data import LARGEST

QUERIES, POINTS = 128, 128  # to a leaf; measured on 10⁵ points and a 200 × 200 grid
CELLS = 2**17  # entries of a matrix of weights at a time: a megabyte, which stays in a core's cache
ALONE = 2**22  # weights that one thread computes before a second has started


@dataclass(frozen=True)
class Leaves:
    """Points put in the order of a k-d tree's leaves: `order`, slices, and each leaf's box (leaves, n)."""

    points: np.ndarray
    order: np.ndarray
    slices: tuple[slice, ...]
    low: np.ndarray
    high: np.ndarray


def leaves_of(tree: cKDTree) -> Leaves:
    """The leaves of a tree, in order."""
    slices, waiting = [], [tree.tree]
    while waiting:
        node = waiting.pop()
        if node.lesser is None:
            slices.append(slice(node.start_idx, node.end_idx))
        else:
            waiting += [node.greater, node.lesser]
    points = np.asarray(tree.data)[tree.indices]
    starts = [s.start for s in slices]
    low, high = np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)
    return Leaves(points, tree.indices, tuple(slices), low, high)


@dataclass(frozen=True)
class GaussianSums:
    """Weighted means over `points` (N, n) at scale σ, leaving out at most the share τ of the weight (0: none)."""

    tree: cKDTree
    leaves: Leaves
    sigma: float
    share: float

    @property
    def points(self) -> np.ndarray:
        """The points in their own order."""
        return np.asarray(self.tree.data)

    @classmethod
    def over(cls, points: np.ndarray, sigma: float, share: float) -> GaussianSums:
        """Sums over these points."""
        tree = cKDTree(points, leafsize=POINTS)
        return cls(tree, leaves_of(tree), sigma, share)

    def means(self, x: np.ndarray) -> np.ndarray:
        """Σ wᵢxᵢ at x, shape (m, n) -> (m, n)."""

        def mean(x: np.ndarray, near: Near) -> np.ndarray:
            return near.totals(x)[2] + near.origin

        return self._at(x, mean, x.shape[1:])

    def covariances(self, x: np.ndarray) -> np.ndarray:
        """Σ wᵢ(xᵢ − m)(xᵢ − m)ᵀ about the mean m, shape (m, n) -> (m, n, n), symmetric to the last digit."""
        return self._at(x, lambda x, near: near.covariances(x), (x.shape[1], x.shape[1]))

    def log_masses(self, x: np.ndarray) -> np.ndarray:
        """log Σ exp(−‖x − xᵢ‖²/2σ²), shape (m, n) -> (m,)."""
        distance = np.full(len(x), np.nan)
        usable = (np.abs(x) <= LARGEST).all(1)
        distance[usable] = self.tree.query(x[usable])[0]
        masses = self._at(x, lambda x, near: near.totals(x)[1], ())
        return np.log(masses) - (distance / self.sigma) ** 2 / 2

    def _at(self, x: np.ndarray, function: Callable[[np.ndarray, Near], np.ndarray], shape: tuple[int, ...]) -> Any:
        """`function(queries, points)` for the queries x, a leaf at a time; NaN where x is infinite or too far."""
        found = np.full((len(x), *shape), np.nan)
        rows = np.flatnonzero((np.abs(x) <= LARGEST).all(1))
        if not len(rows):
            return found
        queries = leaves_of(cKDTree(x[rows], leafsize=QUERIES))
        distance, nearest = self.tree.query(queries.points)

        def work(i: int) -> None:
            own = queries.slices[i]
            origin = self.points[nearest[own.start]]
            near = Near(self._reached(queries.low[i], queries.high[i], distance[own].max()), origin, self.sigma)
            found[rows[queries.order[own]]] = function(queries.points[own] - origin, near)

        leaves = range(len(queries.slices))
        if len(rows) * len(self.points) < ALONE or len(leaves) == 1:
            for i in leaves:
                work(i)
        else:
            with threadpool_limits(1), ThreadPoolExecutor(min(os.cpu_count() or 1, 16)) as pool:
                list(pool.map(work, leaves))
        return found

    def _reached(self, low: np.ndarray, high: np.ndarray, distance: float) -> np.ndarray:
        """The points of all leaves within √(d² + 2σ² log(N/τ)) of a box of queries, all nearer than d to a point."""
        leaves = self.leaves
        if not self.share:
            return leaves.points
        reach = np.square(distance) + 2 * self.sigma**2 * np.log(len(leaves.points) / self.share)
        gaps = np.maximum(0, np.maximum(leaves.low - high, low - leaves.high))
        # rounding must not lose the nearest point itself
        kept = np.flatnonzero(np.square(gaps).sum(1) <= reach * (1 + 1e-12))
        return np.concatenate([leaves.points[leaves.slices[j]] for j in kept])


class Near:
    """The points (M, n) that a leaf of queries meets, about a common origin near by; queries likewise."""

    def __init__(self, points: np.ndarray, origin: np.ndarray, sigma: float) -> None:
        self.points, self.origin = points - origin, origin
        # exponents are (x·xᵢ − ‖xᵢ‖²/2)/σ² but for what does not depend on i: the product of (x, −1) with
        self._factors = np.vstack([self.points.T, np.square(self.points).sum(1) / 2]) / sigma**2
        self._columns = np.column_stack([self.points, np.ones(len(points))])

    def _parts(self, x: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        step = max(1, CELLS // len(x))
        rows = np.column_stack([x, -np.ones(len(x))])
        for first in range(0, len(self.points), step):
            part = slice(first, first + step)
            yield part, rows @ self._factors[:, part]

    def totals(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The largest exponent, the sum of weights relative to it, and the mean; all of them about the origin."""
        top, sums = np.full(len(x), -np.inf), np.zeros((len(x), x.shape[1] + 1))
        for part, exponents in self._parts(x):
            higher = np.maximum(top, exponents.max(1))
            exponents -= higher[:, None]
            sums *= np.exp(top - higher)[:, None]
            sums += np.exp(exponents, out=exponents) @ self._columns[part]
            top = higher
        return top, sums[:, -1], sums[:, :-1] / sums[:, -1:]

    def covariances(self, x: np.ndarray) -> np.ndarray:
        """About each query's own mean: products of sums would cancel where the points lie far apart."""
        top, mass, mean = self.totals(x)
        n = x.shape[1]
        found = np.zeros((len(x), n, n))
        for part, exponents in self._parts(x):
            exponents -= top[:, None]
            weights = np.exp(exponents, out=exponents)
            apart = [self.points[part, j] - mean[:, j, None] for j in range(n)]
            for j in range(n):
                scaled = weights * apart[j]
                for k in range(j, n):
                    found[:, j, k] += np.einsum("mi,mi->m", scaled, apart[k])
        upper = np.triu(np.ones((n, n), bool), 1)
        found.swapaxes(1, 2)[:, upper] = found[:, upper]
        return found / mass[:, None, None]
