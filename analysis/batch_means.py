"""The error of a time average, from the means of its batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FEWEST = 8  # batches, below which they are joined no further
CONFIDENCE = 0.95


@dataclass(frozen=True)
class BatchMeans:
    """Means (k,) of k rates; their standard errors (k,) and the half-widths of their 95 % intervals (k,).

    `batches` is how many batches the errors come from, `correlation` (k,) that of neighbouring batches.
    """

    mean: np.ndarray
    standard_error: np.ndarray
    error: np.ndarray
    batches: int
    correlation: np.ndarray


def batch_means(growth: np.ndarray, time: np.ndarray) -> BatchMeans:
    """The mean rates of quantities that grow, (r, k) at times (r,) of equal distance, with errors.

    The rates of b batches have standard deviation s: the standard error is s/√b, the interval Student's t with b - 1
    degrees of freedom. Batches are joined in pairs while neighbours are correlated (lag one, beyond 2/√b) and at least
    eight remain; what correlation ρ > 0 is left then widens the errors by √((1 + ρ)/(1 - ρ)), as of a first-order
    autoregression. Negative correlation, which would narrow them, is not used. Rounding is part of the error. Schmeiser
    (1982); Flegal & Jones (2010).
    """
    from scipy.stats import t as student

    vanished = np.isneginf(growth[-1])  # a direction that is annihilated: no doubt about that
    growth, span = np.where(vanished, 0.0, growth), len(time) - 1
    count = 1 << max(0, span.bit_length() - 1)  # a power of two, the last batches of it
    rates = np.diff(growth[span - count :], axis=0) / np.diff(time[span - count :])[:, None]
    with np.errstate(invalid="ignore"):
        while len(rates) >= 2 * FEWEST and (correlation_of(rates) > 2 / np.sqrt(len(rates))).any():
            rates = (rates[::2] + rates[1::2]) / 2
        rho = correlation_of(rates)
        b = len(rates)
        mean = np.where(vanished, -np.inf, (growth[-1] - growth[0]) / (time[-1] - time[0]))
        if b < 2:
            return BatchMeans(mean, np.full(len(mean), np.nan), np.full(len(mean), np.nan), b, rho)
        kept = np.clip(rho, 0.0, 0.99)
        standard = rates.std(0, ddof=1) / np.sqrt(b) * np.sqrt((1 + kept) / (1 - kept))
        rounding = 16 * np.finfo(float).eps * (1 + np.abs(mean))  # of the steps; that of their sum is compensated
        error = student.ppf((1 + CONFIDENCE) / 2, b - 1) * standard + rounding
    standard, error = np.where(vanished, 0.0, standard), np.where(vanished, 0.0, error)
    return BatchMeans(mean, standard, error, b, rho)


def correlation_of(rates: np.ndarray) -> np.ndarray:
    """The correlation of neighbouring rates, (b, k) -> (k,); 0 for rates that differ by rounding only."""
    away = rates - rates.mean(0)
    square = (away**2).sum(0)
    floor = len(rates) * (1e-13 * (1 + np.abs(rates).max(0, initial=0.0))) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (away[1:] * away[:-1]).sum(0) / square
    return np.asarray(np.where(square > floor, found, 0.0))
