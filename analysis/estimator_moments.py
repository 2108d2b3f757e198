"""What estimators of ‖v‖² and its gradient expect from batches, and how much they scatter: exactly."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import sympy as sp

from analysis.quadratic_statistics import Statistic, moments
from dynsys.errors import InputError, shown
from dynsys.expressions import exact, finite, symbol
from dynsys.field import as_points
from dynsys.minibatches.distributions import exact_shares
from dynsys.minibatches.estimators import Estimator, as_estimator
from dynsys.minibatches.expected_fields import free_coefficient
from dynsys.minibatches.minibatch_field import MinibatchField
from dynsys.minibatches.populations import Noise, expectation
from dynsys.minibatches.sampled_field import SampledField

MOST_BATCHES = 20_000  # that are enumerated unless asked for more
MOST_EXACT = 200  # rows whose fields are evaluated in exact fractions


@dataclass(frozen=True)
class EstimatorBias:
    """Of an estimator T of ‖v(x)‖² and its gradient ĝ of ∇½‖v‖²: truth, expectation, bias and (co)variance.

    Numbers are exact (`Fraction` or SymPy rational) if x was given by exact numbers and the game is rational there,
    else floats. `excess` is c in E T = ‖v‖² + c tr Σ. `how`: "enumeration" of all batches, or "formula".
    """

    squared_norm: Any
    expectation: Any
    variance: Any
    gradient: np.ndarray
    gradient_expectation: np.ndarray
    gradient_covariance: np.ndarray
    excess: Fraction
    estimator: str
    how: str

    @property
    def bias(self) -> Any:
        """E T - ‖v‖²."""
        return self.expectation - self.squared_norm

    @property
    def gradient_bias(self) -> np.ndarray:
        """E ĝ - ∇½‖v‖², shape (n,)."""
        bias: np.ndarray = self.gradient_expectation - self.gradient
        return bias

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        names = ("squared_norm", "expectation", "bias", "variance", "excess")
        lists = ("gradient", "gradient_expectation", "gradient_bias", "gradient_covariance")
        return {
            "estimator": self.estimator,
            "how": self.how,
            **{name: float(getattr(self, name)) for name in names},
            **{name: np.asarray(getattr(self, name), float).tolist() for name in lists},
        }


def estimator_bias(
    game: Any, estimator: Estimator | str, x: Any, B: int, sampling: str = "iid", how: str | None = None
) -> EstimatorBias:
    """Bias and variance of an estimator of ‖v‖² and of ∇½‖v‖² at x from batches of B samples, exactly.

    `game` is a `StochasticGame`, `FiniteSumGame` or `SampledField`; `sampling` is "iid", "without replacement" or
    "reshuffled" (a batch of which is one without replacement). With `how=None` all batches are enumerated if they are
    at most `MOST_BATCHES`, else population moments give the same numbers by formula; `how` chooses one of the two.
    Give x as whole numbers, fractions or SymPy rationals for exact results; parameters and data count as the decimals
    they are written as.

    Raises `InputError` for a batch that the estimator or the way of sampling does not allow.
    """
    field = MinibatchField(game, B, 1.0, estimator, sampling, name=free_coefficient(game))
    source, chosen = field.source, as_estimator(estimator)
    if how not in (None, "enumeration", "formula"):
        raise InputError(f"how is {shown(how)}; give 'enumeration', 'formula' or None")
    samples = _samples(source, x)
    count = batch_count(field) if samples.rows else math.inf
    if how == "enumeration" and not samples.rows:
        raise InputError("how is 'enumeration', but the noise has infinitely many values; take 'formula'")
    if how == "enumeration" or (how is None and count <= MOST_BATCHES):
        mean, covariance = _enumerated(field, samples)
        found = "enumeration"
    else:
        N = None if sampling == "iid" else source.population.size
        mean, covariance = moments(estimator_statistic(chosen, samples, field), samples.mean, field.batch, N)
        found = "formula"
    v, J = samples.mean(samples.v), samples.mean(samples.J)
    return EstimatorBias(
        squared_norm=(v * v).sum(),
        expectation=mean[0],
        variance=covariance[0, 0],
        gradient=J.T @ v,
        gradient_expectation=mean[1:],
        gradient_covariance=covariance[1:, 1:],
        excess=field.excess,
        estimator=chosen.name,
        how=found,
    )


@dataclass(frozen=True)
class Samples:
    """v (samples, n) and J (samples, n, n) of the samples of a population at a point, and means over samples.

    Noise with a density has one sample, whose entries are polynomials in it.

    `rows`: they are all there are, so that batches can be enumerated with their `weights`.
    """

    v: np.ndarray
    J: np.ndarray
    mean: Callable[[Any], Any]
    rows: bool
    weights: Any


def estimator_statistic(estimator: Estimator, samples: Samples, field: MinibatchField) -> Statistic:
    """T and the n entries of ĝ as statistics of the features (v, J in a row)."""
    n, B = samples.v.shape[-1], field.batch
    cross, diagonal = field.weights
    exactly = samples.v.dtype == object
    half = sp.Rational(1, 2) if exactly else 0.5
    S = np.full((1 + n, n + n * n, n + n * n), 0 * half)
    for i in range(n):
        S[0, i, i] = 2 * half
        for k in range(n):  # ĝₖ = Σᵢ Jᵢₖ vᵢ
            S[1 + k, i, n + i * n + k] = S[1 + k, n + i * n + k, i] = half
    phi = np.concatenate([samples.v, samples.J.reshape(*samples.J.shape[:-2], n * n)], -1)
    own = np.concatenate(
        [(samples.v * samples.v).sum(-1)[..., None], (samples.J * samples.v[..., None]).sum(-2)], -1
    )  # of one sample: ‖vᵢ‖² and Jᵢᵀvᵢ
    if estimator.parts != "whole":
        return Statistic(0 * own, phi, S, estimator.parts)
    w, d = cross.get((0, 0), Fraction(0)), diagonal.get(0, Fraction(0))
    alone, pairs = (_like(e, exactly) for e in (w / B + d, w * (B - 1) / B))
    return Statistic(alone * own, phi, pairs * S, "whole")


def _like(weight: Fraction, exactly: bool) -> Any:
    return sp.Rational(weight.numerator, weight.denominator) if exactly else float(weight)


def numeric_samples(source: SampledField, x: np.ndarray) -> Samples:
    """The samples, all rows or quadrature nodes, in floats."""
    v, J = source.per_sample(x)
    if not (np.isfinite(v).all() and np.isfinite(J).all()):
        raise InputError(f"x is {shown(np.round(x, 6).tolist())}, where the field of a sample is not finite")
    weights = source.rows[1]
    return Samples(v, J, lambda a: np.tensordot(weights, a, 1), source.population.is_finite, weights)


def _samples(source: SampledField, x: Any) -> Samples:
    """In exact numbers if x and all that follows is rational, else in floats."""
    point = as_points([finite(c, "x") for c in x] if np.ndim(x) == 1 else x, source.sample.variables)
    if point.ndim != 1:
        raise InputError(f"x has shape {point.shape}; give one point of {source.sample.n} numbers")
    if all(isinstance(c, int | np.integer | Fraction | sp.Rational) for c in x):
        found = _exact_samples(source, [sp.Rational(c) if isinstance(c, Fraction) else sp.sympify(c) for c in x])
        if found is not None:
            return found
    return numeric_samples(source, point)


def _exact_samples(source: SampledField, x: list[sp.Rational]) -> Samples | None:
    """The samples in SymPy's rationals or, for noise with a density, as polynomials in it; None if they are neither."""
    sample, population, n = source.sample, source.population, source.sample.n
    own = {symbol(k): exact(value) for k, value in source.own_parameters.items()}
    values = {**own, **dict(zip(sample.symbols, x, strict=True))}
    expressions = [sp.sympify(e).xreplace(values) for k in ("v", "J") for e in source.statistics[k]]
    symbols = [symbol(k) for k in population.names]
    if not all(e.is_polynomial(*symbols) for e in expressions):
        return None
    if isinstance(population, Noise) and not population.is_finite:
        row = np.array(expressions, dtype=object)[None]
        over = np.vectorize(lambda e: expectation(sp.sympify(e), population), otypes=[object])
        return Samples(row[:, :n], row[:, n:].reshape(1, n, n), lambda a: over(a[0]), False, ())
    rows = source.rows[0]
    if len(rows) > MOST_EXACT:
        return None
    weights = _exact_weights(population)
    table = [[e.xreplace(dict(zip(symbols, map(exact, row), strict=True))) for e in expressions] for row in rows]
    if not all(e.is_Rational for row in table for e in row):
        return None
    array = np.array(table, dtype=object)
    mean = lambda a: (a * weights.reshape(-1, *[1] * (a.ndim - 1))).sum(0)  # noqa: E731
    return Samples(array[:, :n], array[:, n:].reshape(-1, n, n), mean, True, list(weights))


def _exact_weights(population: Any) -> np.ndarray:
    """In the order of `rows`: products of the probabilities as they are given, not of their floats."""
    if population.size is not None:
        return np.array([sp.Rational(1, population.size)] * population.size, dtype=object)
    each = [exact_shares(d) for d in population.distributions.values()]
    return np.array([math.prod(shares) for shares in itertools.product(*each)], dtype=object)


# --- all batches ----------------------------------------------------------------------------------


def batch_count(field: MinibatchField) -> int:
    """How many batches, or pairs of batches, there are in order."""
    k, B = len(field.source.rows[0]), field.batch
    each = k**B if field.sampling == "iid" else math.perm(k, B)
    return int(each) ** field.parts[2]


def _enumerated(field: MinibatchField, samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of (T, ĝ) over all batches, from the estimator's own definition."""
    total: Any = 0
    mean: Any = 0
    square: Any = 0
    for indices, weight in all_batches(field, samples.weights):
        value = estimated(field, samples, indices)
        total, mean = total + weight, mean + weight * value
        square = square + weight * np.multiply.outer(value, value)
    mean, square = mean / total, square / total
    return mean, square - np.multiply.outer(mean, mean)


def all_batches(field: MinibatchField, weights: Any) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Sample numbers of every batch, or pair of batches, and its weight."""
    rows, B = range(len(weights)), field.batch
    one = list(itertools.product(rows, repeat=B) if field.sampling == "iid" else itertools.permutations(rows, B))
    for parts in itertools.product(one, repeat=field.parts[2]):
        chosen = tuple(i for part in parts for i in part)
        if field.sampling == "iid":
            yield chosen, math.prod(weights[i] for i in chosen)
        else:
            yield chosen, 1


def estimated(field: MinibatchField, samples: Samples, indices: Sequence[int]) -> np.ndarray:
    """T and ĝ from the samples with these numbers, by the estimator's own arithmetic: (1 + n,)."""
    totals, means = {}, []
    for first, count in field.parts[1]:
        chosen = list(indices[first : first + count])
        v, J = samples.v[chosen], samples.J[chosen]
        totals[first, count] = [*v.sum(0), (v * v).sum()]
        own = (J * v[..., None]).sum((0, 1))
        over = SimpleNamespace(v=tuple(v.sum(0) / count), J=tuple(map(tuple, J.sum(0) / count)), g=tuple(own / count))
        means.append(over)
    return np.array([field.squared_norm(totals), *field.gradient(means)], dtype=samples.v.dtype)
