"""The fields that batches make, near a zero: what stands for all batches of a step when updates are averaged."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from analysis.estimator_moments import all_batches, batch_count, numeric_samples
from dynsys.minibatches.minibatch_field import MinibatchField
from integrators.draws import Draws
from integrators.random_streams import seed_of

MOST_COMBINATIONS = 20_000  # of batches in a step, whose updates are averaged one by one
DRAWN = 100_000  # batches drawn where they cannot be enumerated


def batch_fields(
    field: MinibatchField, zero: np.ndarray, stages: int, once: bool, Q: np.ndarray, rng: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Weights (b,), values (b, stages, n) and Jacobians (b, stages, n, n) that stand for all batches of a step.

    `once`: each batch is evaluated at one point, so that the update is affine in its field and two moments suffice.
    """
    if field.source.population.is_finite and batch_count(field) ** stages <= MOST_COMBINATIONS:
        weights, v, J = _all_batches(field, zero)
        return (*_combined(weights, v, J, stages), "enumeration")
    if field.gamma is None and once:
        weights, v, J = _moment_points(field, zero)
        if len(weights) ** stages <= MOST_COMBINATIONS:
            return (*_combined(weights, v, J, stages), "moments")
    v, J = _drawn(field, zero, stages, Q, rng)
    return np.full(DRAWN, 1 / DRAWN), v, J, "drawn batches"


def _combined(weights: np.ndarray, v: np.ndarray, J: np.ndarray, stages: int) -> tuple[Any, Any, Any]:
    """All combinations of independent batches, one a stage."""
    index = np.array(list(itertools.product(range(len(weights)), repeat=stages)))
    return weights[index].prod(1), v[index], J[index]


def _all_batches(field: MinibatchField, zero: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, weights = field.source.rows
    chosen, likely = (np.array(part) for part in zip(*all_batches(field, weights), strict=True))
    return likely / likely.sum(), *_at(field, zero, np.moveaxis(rows[chosen], 0, -1))


def _at(field: MinibatchField, zero: np.ndarray, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (b, n) and Jacobians (b, n, n) at the zero, from samples (samples, entries, b)."""
    count = samples.shape[-1]
    x = tuple(np.full(count, c) for c in zero)
    v = np.stack([np.broadcast_to(e, count) for e in field.on_samples("field", x, samples)], -1)
    rows = field.on_samples("jacobian", x, samples)
    return v, np.stack([np.stack([np.broadcast_to(e, count) for e in row], -1) for row in rows], -2)


def _moment_points(field: MinibatchField, zero: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points with the mean and the covariance that v and J have over batches: two along each axis of the covariance."""
    s, n = numeric_samples(field.source, zero), field.n
    phi = np.concatenate([s.v, s.J.reshape(-1, n * n)], 1)
    mean = s.mean(phi)
    N = field.source.population.size
    f = 1.0 if field.sampling == "iid" or N is None else (N - field.batch) / max(N - 1, 1)
    covariance = f / field.batch * s.mean((phi - mean)[:, :, None] * (phi - mean)[:, None, :])
    values, axes = np.linalg.eigh(covariance)
    kept = values > 1e-14 * max(float(values.max()), 1e-300)
    if not kept.any():
        points = mean[None]
    else:
        legs = (axes[:, kept] * np.sqrt(values[kept] * kept.sum())).T
        points = np.concatenate([mean + legs, mean - legs])
    return np.full(len(points), 1 / len(points)), points[:, :n], points[:, n:].reshape(-1, n, n)


def _drawn(
    field: MinibatchField, zero: np.ndarray, stages: int, Q: np.ndarray, rng: int
) -> tuple[np.ndarray, np.ndarray]:
    """Random batches, moved so that their mean field and the covariance Q of its value are exact."""
    samples = Draws(field, stages).stream(seed_of(rng), np.arange(DRAWN))(0)
    found = [_at(field, zero, samples[s]) for s in range(stages)]
    v, J = np.stack([v for v, _ in found], 1), np.stack([J for _, J in found], 1)
    J += field.expected().jacobian(zero) - J.mean(0)
    v -= v.mean(0)
    for s in range(stages):
        v[:, s] = v[:, s] @ _root(np.cov(v[:, s].T, bias=True).reshape(Q.shape), -0.5) @ _root(Q, 0.5)
    return v, J


def _root(A: np.ndarray, power: float) -> np.ndarray:
    """A symmetric matrix to a power, on its range."""
    values, axes = np.linalg.eigh(A)
    kept = values > 1e-12 * max(float(values.max()), 1e-300)
    return (axes[:, kept] * values[kept] ** power) @ axes[:, kept].T
