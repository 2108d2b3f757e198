r"""The best reconstruction of a point from its noisy copy, exactly, for data that are points.

For x̃ = x + σ·N(0, I) with x drawn from the data, the reconstruction of least expected squared error is the mean of x
given x̃, and it shows the score of the density p_σ of x̃:

.. math:: r^*(x) - x = σ^2\,∇\log p_σ(x), \qquad r^{*\prime}(x) = \mathrm{Cov}(x \mid \tilde x)/σ^2

Its field is conservative, since the Jacobian is symmetric. Robbins (1956), Miyasawa (1961); Alain & Bengio (2014).
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynsys.array_field import ArrayField
from dynsys.autoencoders.data import check_points, number
from dynsys.autoencoders.gaussian_sums import GaussianSums
from dynsys.errors import InputError
from dynsys.field import as_points

SMALLEST, LARGEST = 1e-70, 1e70  # products of the squares of others overflow or vanish


class ExactDenoiser(ABC):
    """What r* and the covariance of what it reconstructs give: the field, its Jacobian, and the score."""

    sigma: float

    @property
    @abstractmethod
    def n(self) -> int:
        """The dimension."""

    @property
    @abstractmethod
    def variables(self) -> tuple[str, ...]:
        """Names of the coordinates."""

    @property
    @abstractmethod
    def box(self) -> tuple[tuple[float, float], ...]:
        """Where the density is, with 3σ around it."""

    @abstractmethod
    def _shifts(self, x: np.ndarray) -> np.ndarray:
        """r*(x) − x, shape (m, n) -> (m, n)."""

    @abstractmethod
    def _covariances(self, x: np.ndarray) -> np.ndarray:
        """Cov(x | x̃)/σ², shape (m, n) -> (m, n, n)."""

    @abstractmethod
    def _log_densities(self, x: np.ndarray) -> np.ndarray:
        """log p_σ, shape (m, n) -> (m,)."""

    def reconstruction(self, x: Any) -> np.ndarray:
        """r*(x), shape (…, n) -> (…, n)."""
        return self._on(lambda rows: rows + self._shifts(rows), x)

    def log_density(self, x: Any) -> np.ndarray:
        """log p_σ(x) of the data with the noise, shape (…, n) -> (…)."""
        return self._on(self._log_densities, x)

    def score(self, x: Any) -> np.ndarray:
        """∇log p_σ(x) = (r*(x) − x)/σ², shape (…, n) -> (…, n)."""
        return self._on(self._shifts, x) / self.sigma**2

    def field(self) -> ArrayField:
        """The field r*(x) − x with its Jacobian Cov/σ² − I."""

        def derivative(rows: np.ndarray) -> np.ndarray:
            return self._covariances(rows) - np.eye(self.n)

        name = f"exact score, sigma = {self.sigma:g}"
        return ArrayField(self._shifts, derivative, self.variables, name, self.box)

    def _on(self, function: Any, x: Any) -> np.ndarray:
        points = as_points(x, self.variables)
        found = function(points.reshape(-1, self.n))
        return found.reshape((*points.shape[:-1], *found.shape[1:]))


@dataclass(frozen=True, eq=False)
class Denoiser(ExactDenoiser):
    r"""The optimal denoiser of `points` (N, n), equally likely, at noise `sigma`.

    .. math:: r^*(x) = \sum_i w_i x_i, \qquad w = \mathrm{softmax}(-‖x - x_i‖^2/2σ^2)

    `truncation` is the largest share of the weight that may be left out of the sums, 0 for the full sums: far points
    are left out by a k-d tree, see `gaussian_sums`. With D the diagonal of the points' box the errors are at most
    truncation·D for r*, `error_bound`, 5/4·truncation·D²/σ² for its Jacobian and `truncation` for the log-density,
    besides rounding. `check` measures the first. Raises `InputError` for points that are not finite or not (N, n), for
    σ ≤ 0 and a truncation outside [0, ½].
    """

    points: np.ndarray
    sigma: float
    truncation: float = 1e-12

    def __post_init__(self) -> None:
        fix = functools.partial(object.__setattr__, self)
        fix("points", check_points(self.points))
        fix("sigma", check_sigma(self.sigma))
        fix("truncation", number(self.truncation, "truncation", positive=False))
        if self.truncation > 0.5:
            raise InputError(f"truncation is {self.truncation:g}; give a share of the weight, at most 0.5")

    @property
    def n(self) -> int:
        """The dimension."""
        return self.points.shape[1]

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the coordinates."""
        return coordinate_names(self.n)

    @functools.cached_property
    def box(self) -> tuple[tuple[float, float], ...]:
        """The points' box with 3σ around it."""
        return box_around(self.points, self.points, 3 * self.sigma)

    @property
    def error_bound(self) -> float:
        """A bound of ‖r − r*‖ for the truncated r: what is left out has at most that share, and lies in the box."""
        return self.truncation * float(np.linalg.norm(np.ptp(self.points, axis=0)))

    def check(self, sample: Any) -> float:
        """The largest ‖r − r*‖ over the points x of `sample` (…, n), r* by the full sum with distances as they are."""
        rows = as_points(sample, self.variables, "sample").reshape(-1, self.n)
        errors = [np.linalg.norm(self.reconstruction(x) - _full_sum(self.points, self.sigma, x)) for x in rows]
        return float(max(errors, default=0.0))

    @functools.cached_property
    def _sums(self) -> GaussianSums:
        return GaussianSums.over(self.points, self.sigma, self.truncation)

    def _shifts(self, x: np.ndarray) -> np.ndarray:
        return self._sums.means(x) - x

    def _covariances(self, x: np.ndarray) -> np.ndarray:
        return self._sums.covariances(x) / self.sigma**2

    def _log_densities(self, x: np.ndarray) -> np.ndarray:
        return self._sums.log_masses(x) - np.log(len(self.points)) - self.n * np.log(2 * np.pi * self.sigma**2) / 2


def _full_sum(points: np.ndarray, sigma: float, x: np.ndarray) -> np.ndarray:
    """r*(x) at one point as the formula has it, the oracle of all that is faster."""
    exponents = -np.square((x - points) / sigma).sum(1) / 2
    weights = np.exp(exponents - exponents.max())
    return weights @ points / weights.sum()


def check_sigma(sigma: Any) -> float:
    """A noise whose square is a double."""
    checked = number(sigma, "sigma")
    if not SMALLEST <= checked <= LARGEST:
        raise InputError(f"sigma is {checked:g}; give one between 1e-70 and 1e70, or scale the data")
    return checked


def coordinate_names(n: int) -> tuple[str, ...]:
    """x; x, y; or x1 … xn."""
    return ("x", "y")[:n] if n <= 2 else tuple(f"x{i + 1}" for i in range(n))


def box_around(low: np.ndarray, high: np.ndarray, margin: float) -> tuple[tuple[float, float], ...]:
    """The box of points from `low` to `high`, with the margin."""
    ends = zip(low.min(0) - margin, high.max(0) + margin, strict=True)
    return tuple((float(a), float(b)) for a, b in ends)
