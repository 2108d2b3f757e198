"""The smallest consensus coefficient γ at which the observed eigenvalues of J - γJᵀJ have negative real parts."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.krylov import RitzValues
from analysis.leading import JacobianAt
from dynsys.matrix_free import MatrixFreeField
from integrators.checks import check_count

FACTOR = 4.0  # from one γ to the next while none is known to be enough
NARROW = 1.05  # a bracket of this ratio is left alone: residuals seldom allow more
TRIALS = 24  # values of γ, at most
SMALLEST = 1e-3  # γ‖J‖ that no smaller one is sought for
LARGEST = 1e4  # γ‖J‖ beyond which no consensus is sought: its steps would be that much smaller
STABLE_SIDES = ("left", "zero")


@dataclass(frozen=True, eq=False)
class StabilisingGamma:
    """γ at which the observed eigenvalues of J - γJᵀJ are stable, and `below`, the largest smaller one seen to fail.

    `gamma` is 0 if J itself is stable on what was observed and NaN if no γ that was tried is enough; `below` is None if
    none is needed or found. `trials` holds every γ with its Ritz values, in order of γ.
    Stable means: each observed value is left of the axis, or not told from 0; its residual says how far it can be
    trusted. Consensus moves no zero eigenvalue: Jy = 0 gives (J - γJᵀJ)y = 0. Nothing is said of other γ: in
    general-sum games larger ones can destroy what a smaller one made stable.
    """

    gamma: float
    below: float | None
    trials: tuple[tuple[float, RitzValues], ...]
    products: int

    @property
    def ritz(self) -> RitzValues:
        """The Ritz values at `gamma`, or at the largest γ tried."""
        return next((ritz for gamma, ritz in self.trials if gamma == self.gamma), self.trials[-1][1])

    @property
    def text(self) -> str:
        """In words, with what it rests on."""
        ritz = self.ritz
        rest = f"residuals up to {ritz.residuals.max():.1g}, {ritz.converged.sum()} of {len(ritz.values)} converged"
        if len(self.trials) == 1 and self.gamma != 0:
            return "no γ was tried: more products are needed"
        if math.isnan(self.gamma):
            return (
                f"no γ that was tried, up to {self.trials[-1][0]:.3g}, puts all observed Ritz values left of the axis"
            )
        if self.gamma == 0:
            return f"none needed on what was observed: the Ritz values of J are left of the axis ({rest})"
        return (
            f"at γ = {self.gamma:.3g} the observed Ritz values are left of the axis ({rest}), "
            f"at γ = {self.below:.3g} not all are"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; None where no γ was found."""
        return {
            "gamma": None if math.isnan(self.gamma) else self.gamma,
            "below": self.below,
            "trials": [{"gamma": gamma, **ritz.to_dict()} for gamma, ritz in self.trials],
            "products": self.products,
        }


def stabilising_gamma(
    field: MatrixFreeField, x: Any = None, *, products: int = 800, dense: int = 0, k: int = 6, **limits: Any
) -> StabilisingGamma:
    """The smallest γ ≥ 0, to 5 %, at which the observed leading eigenvalues of J - γJᵀJ are stable, by bisection.

    J is taken as it is, not as normal. The first trial is what a normal J would need, γ = Re λ/|λ|²; from there by
    factors of four, then by bisection of log γ, until the bracket is narrow or the `products` with J and Jᵀ are spent.
    Each trial starts from the Ritz vectors of the one before. With at most `dense` variables all eigenvalues are looked
    at. J - γJᵀJ is the Jacobian of the consensus field at zeros of v only. `limits` as in `leading_eigenvalues`.
    Mescheder, Nowozin & Geiger (2017).
    """
    check_count(products, "products", 1)
    return search(JacobianAt(field, x, dense), products, k, **limits)


def is_stable(ritz: RitzValues) -> bool:
    """Whether every observed value is left of the axis, or not told from 0."""
    return all(side in STABLE_SIDES for side in ritz.sides)


def search(
    J: JacobianAt, products: int, k: int, first: RitzValues | None = None, basis: int = 40, **limits: Any
) -> StabilisingGamma:
    """As `stabilising_gamma`, at a Jacobian whose leading Ritz values may be known already."""
    limits = {**limits, "basis": basis, "vectors": True}
    least = min(basis, J.field.n) + k + 2  # products of the shortest run
    found = first if first is not None else J.leading("real", k, **{**limits, "products": max(least, products // 4)})
    spent = found.products if first is None else 0
    size, gamma = found.norm, _guess(found)
    low, high = 0.0, 0.0 if is_stable(found) else math.nan
    trials = {0.0: replace(found, vectors=None)}
    while high != 0 and 0 < gamma * size <= LARGEST and len(trials) <= TRIALS:
        left = (products - spent) // 2  # a product with J - γJᵀJ is one with J and one with Jᵀ
        if J.matrix is None and left < least:
            break
        limit = min(left, max(least, products // 8))
        start = _mixture(found, limits.get("rng", 0))
        found = J.leading("real", k, gamma, **{**limits, "products": limit, "start": start})
        spent += found.products
        trials[gamma] = replace(found, vectors=None)
        low, high = (low, gamma) if is_stable(found) else (gamma, high)
        gamma = _next(low, high, gamma, size)
    ordered = tuple((g, trials[g]) for g in sorted(trials))
    return StabilisingGamma(high, low if high > 0 else None, ordered, spent)


def _guess(ritz: RitzValues) -> float:
    """What moves the values of a normal J left of the axis: γ|λ|² = Re λ, the tolerance and a little more."""
    needed = [
        (z.real + ritz.tolerance * ritz.norm) / abs(z) ** 2
        for z, side in zip(ritz.values, ritz.sides, strict=True)
        if side not in STABLE_SIDES
    ]
    return 1.1 * min(max(needed, default=0.0), LARGEST / (1.1 * ritz.norm) if ritz.norm else 0.0)


def _next(low: float, high: float, gamma: float, size: float) -> float:
    """The next γ to try between the largest that fails and the smallest that is enough; 0 to stop."""
    if math.isnan(high):
        return gamma * FACTOR
    if low == 0:
        return high / FACTOR if high * size > SMALLEST else 0.0
    return math.sqrt(low * high) if high > NARROW * low else 0.0


def _mixture(ritz: RitzValues, rng: Any) -> np.ndarray | None:
    """The Ritz vectors' real and imaginary parts together, and as much of a random vector, to miss nothing."""
    if ritz.vectors is None:
        return None
    together = ritz.vectors.real.sum(0, dtype=float) + ritz.vectors.imag[ritz.values.imag > 0].sum(0, dtype=float)
    noise = np.random.default_rng(rng).standard_normal(len(together))
    return together / (np.linalg.norm(together) or 1.0) + noise / np.linalg.norm(noise)
