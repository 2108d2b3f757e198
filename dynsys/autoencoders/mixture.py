"""The best reconstruction of a point from its noisy copy for Gaussian mixtures, in closed form."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dynsys.autoencoders.data import check_points
from dynsys.autoencoders.denoiser import ExactDenoiser, box_around, check_sigma, coordinate_names
from dynsys.errors import InputError, shown


@dataclass(frozen=True, eq=False)
class MixtureDenoiser(ExactDenoiser):
    r"""The optimal denoiser of the density :math:`\sum_k w_k N(μ_k, C_k)` at noise `sigma`, in closed form.

    .. math:: r^*(x) - x = -σ^2 \sum_k γ_k(x)\,(C_k + σ^2)^{-1}(x - μ_k), \qquad
              γ_k \propto w_k\,N(x; μ_k, C_k + σ^2)

    One Gaussian N(0, C) has the linear r* = C(C + σ²)⁻¹x. `weights` (k,) are positive with sum 1, `means` (k, n),
    `covariances` (k, n, n) symmetric without negative eigenvalues; they may be singular. Raises `InputError` otherwise.
    """

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    sigma: float
    _values: np.ndarray = field(init=False, repr=False)  # eigenvalues of Cₖ, (k, n)
    _axes: np.ndarray = field(init=False, repr=False)  # and eigenvectors in columns, (k, n, n)

    def __post_init__(self) -> None:
        fix = functools.partial(object.__setattr__, self)
        means = check_points(self.means, "means")
        fix("means", means)
        fix("sigma", check_sigma(self.sigma))
        fix("weights", _check_weights(self.weights, len(means)))
        fix("covariances", _check_covariances(self.covariances, means.shape))
        values, axes = np.linalg.eigh(self.covariances)
        fix("_values", np.maximum(values, 0))
        fix("_axes", axes)

    @property
    def n(self) -> int:
        """The dimension."""
        return self.means.shape[1]

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the coordinates."""
        return coordinate_names(self.n)

    @property
    def box(self) -> tuple[tuple[float, float], ...]:
        """Three standard deviations of every component, with the noise, around its mean."""
        reach = 3 * np.sqrt(np.diagonal(self.covariances, axis1=1, axis2=2) + self.sigma**2)
        return box_around(self.means - reach, self.means + reach, 0.0)

    def _parts(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """log wₖN(x; μₖ, Cₖ + σ²), shape (m, k), and each component's rₖ(x) − x, shape (m, k, n)."""
        noisy = self._values + self.sigma**2
        along = np.einsum("kij,mki->mkj", self._axes, x[:, None] - self.means)
        logs = np.log(self.weights) - (np.square(along) / noisy + np.log(2 * np.pi * noisy)).sum(-1) / 2
        return logs, -np.einsum("kij,mkj->mki", self._axes, along * (self.sigma**2 / noisy))

    def _shares(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The components' probabilities γₖ(x), shape (m, k), and their shifts."""
        logs, shifts = self._parts(x)
        shares = np.exp(logs - logs.max(1, keepdims=True))
        return shares / shares.sum(1, keepdims=True), shifts

    def _shifts(self, x: np.ndarray) -> np.ndarray:
        shares, shifts = self._shares(x)
        return np.einsum("mk,mki->mi", shares, shifts)

    def _covariances(self, x: np.ndarray) -> np.ndarray:
        shares, shifts = self._shares(x)
        apart = (shifts - np.einsum("mk,mki->mi", shares, shifts)[:, None]) / self.sigma
        gains = self._values / (self._values + self.sigma**2)
        within = np.einsum("mk,kij,kj,klj->mil", shares, self._axes, gains, self._axes, optimize=True)
        found = within + np.einsum("mk,mki,mkj->mij", shares, apart, apart)
        return (found + found.swapaxes(1, 2)) / 2

    def _log_densities(self, x: np.ndarray) -> np.ndarray:
        logs, _ = self._parts(x)
        largest = logs.max(1)
        return largest + np.log(np.exp(logs - largest[:, None]).sum(1))


def _check_weights(weights: Any, k: int) -> np.ndarray:
    try:
        checked = np.array(weights, dtype=float)
    except (TypeError, ValueError):
        checked = np.empty(0)
    if checked.shape != (k,) or not (checked > 0).all() or not abs(checked.sum() - 1) < 1e-9:
        raise InputError(f"weights is {shown(weights)}; give {k} positive numbers with sum 1, one a mean")
    return checked / checked.sum()


def _check_covariances(covariances: Any, shape: tuple[int, ...]) -> np.ndarray:
    k, n = shape
    try:
        checked = np.array(covariances, dtype=float)
    except (TypeError, ValueError):
        checked = np.empty(0)
    if checked.shape != (k, n, n) or not np.isfinite(checked).all():
        raise InputError(f"covariances has shape {checked.shape}; give finite ones of shape {(k, n, n)}")
    scale = np.abs(checked).max(initial=0.0)
    symmetric = (np.abs(checked - checked.swapaxes(1, 2)) <= 1e-12 * scale).all()
    checked = (checked + checked.swapaxes(1, 2)) / 2
    if not symmetric or np.linalg.eigvalsh(checked).min() < -1e-12 * scale:
        raise InputError("covariances has one that is not symmetric without negative eigenvalues; give A @ A.T")
    return checked
