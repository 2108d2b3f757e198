"""The noise of a minibatch field: mean and covariance of w over batches at a point, exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

from analysis.estimator_moments import Samples, estimator_statistic, numeric_samples
from analysis.quadratic_statistics import Statistic, moments
from dynsys.errors import InputError
from dynsys.field import as_points
from dynsys.minibatches.estimators import as_estimator
from dynsys.minibatches.minibatch_field import MinibatchField


def update_covariance(field: MinibatchField, x: Any) -> tuple[np.ndarray, np.ndarray]:
    """E w(x) (n,) and Cov w(x) (n, n) over batches, consensus term included, from population moments.

    Without a consensus term the covariance is Σ(x)/B, times (N-B)/(N-1) without replacement. Raises `InputError` for a
    wrong shape of x.
    """
    point = as_points(x, field.variables)
    if point.ndim != 1:
        raise InputError(f"x has shape {point.shape}; give one point of {field.n} numbers")
    mean, covariance = batch_moments(field, numeric_samples(field.source, point), field.gamma or 0.0)
    return mean, covariance


def batch_moments(field: MinibatchField, samples: Samples, gamma: Any) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of w over batches, in the arithmetic of the samples."""
    B, N = field.batch, None if field.sampling == "iid" else field.source.population.size
    if field.gamma is None:
        return moments(_linear(samples), samples.mean, B, N)
    slope = estimator_statistic(as_estimator(field.estimator), samples, field)
    consensus = Statistic(-gamma * slope.f[..., 1:], slope.phi, -gamma * slope.S[1:], slope.kind)
    if field.shared:
        joint = Statistic(samples.v + consensus.f, consensus.phi, consensus.S, consensus.kind)
        return moments(joint, samples.mean, B, N)
    parts = [moments(s, samples.mean, B, N) for s in (_linear(samples), consensus)]
    return parts[0][0] + parts[1][0], parts[0][1] + parts[1][1]


def _linear(samples: Samples) -> Statistic:
    """The batch mean of v, as a statistic without pairs."""
    n = samples.v.shape[-1]
    none = np.zeros((n, n, n), dtype=int) if samples.v.dtype == object else np.zeros((n, n, n))
    return Statistic(samples.v, samples.v, none, "whole")
