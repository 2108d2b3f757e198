"""Distributions of one real number, declared: exact moments, Gauss quadrature, and draws from random streams.

A draw is arithmetic on the stream's numbers, uniform ones in [0, 1) and standard normal ones: the same lines serve
arrays and compiled kernels.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import sympy as sp

from dynsys.errors import InputError, shown
from dynsys.expressions import exact, finite
from dynsys.vector import where


@dataclass(frozen=True)
class Normal:
    """N(mean, deviation²)."""

    mean: float = 0.0
    deviation: float = 1.0
    sources: ClassVar[tuple[str, ...]] = ("normal",)

    def __post_init__(self) -> None:
        _fix_numbers(self, "mean", "deviation")
        if self.deviation <= 0:
            raise InputError(f"deviation is {self.deviation}; it must be positive")

    def moment(self, k: int) -> sp.Expr:
        """E zᵏ: Σ over even j of binom(k, j) mean^(k-j) deviation^j (j-1)!!."""
        m, s = exact(self.mean), exact(self.deviation)
        return sp.Add(*(sp.binomial(k, j) * m ** (k - j) * s**j * sp.factorial2(j - 1) for j in range(0, k + 1, 2)))

    def nodes(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Gauss-Hermite nodes and weights, exact for polynomials of degree 2 count - 1."""
        x, w = _hermite(count)
        return self.mean + self.deviation * x, w

    def draw(self, z: Any) -> Any:
        """mean + deviation z, without what changes nothing: a draw is the dearest part of a small step."""
        scaled = z if self.deviation == 1 else self.deviation * z
        return scaled if self.mean == 0 else self.mean + scaled


@dataclass(frozen=True)
class Uniform:
    """Uniform on [low, high)."""

    low: float = 0.0
    high: float = 1.0
    sources: ClassVar[tuple[str, ...]] = ("uniform",)

    def __post_init__(self) -> None:
        _fix_numbers(self, "low", "high")
        if not self.low < self.high:
            raise InputError(f"low is {self.low} and high is {self.high}; the interval needs low < high")

    def moment(self, k: int) -> sp.Expr:
        """(high^(k+1) - low^(k+1)) / ((k+1)(high - low))."""
        a, b = exact(self.low), exact(self.high)
        return (b ** (k + 1) - a ** (k + 1)) / ((k + 1) * (b - a))

    def nodes(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Gauss-Legendre nodes and weights, exact for polynomials of degree 2 count - 1."""
        x, w = _legendre(count)
        return self.low + (self.high - self.low) * (x + 1) / 2, w / 2

    def draw(self, u: Any) -> Any:
        """low + (high - low) u."""
        return self.low + (self.high - self.low) * u


@dataclass(frozen=True)
class Discrete:
    """The numbers `values`, with these probabilities; equal ones by default."""

    values: Sequence[float]
    probabilities: Sequence[float] | None = None
    sources: ClassVar[tuple[str, ...]] = ("uniform",)

    def __post_init__(self) -> None:
        _fix_weights(self, "values", "probabilities")
        object.__setattr__(self, "values", tuple(finite(x, "values") for x in self.values))

    def moment(self, k: int) -> sp.Expr:
        """Σ pᵢ xᵢᵏ, with the exact probabilities."""
        return sp.Add(*(p * exact(x) ** k for p, x in zip(_exact_weights(self.probabilities), self.values)))

    def nodes(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The values and their probabilities, whatever the count."""
        return np.array(self.values), np.array(self.probabilities, float)

    def draw(self, u: Any) -> Any:
        """The value whose share of [0, 1) holds u."""
        return _chosen(u, self.probabilities, self.values)


@dataclass(frozen=True)
class Mixture:
    """One of `components`, chosen with the probabilities `weights`; equal ones by default."""

    components: Sequence[Any]
    weights: Sequence[float] | None = None

    def __post_init__(self) -> None:
        _fix_weights(self, "components", "weights")
        components = tuple(as_distribution(c, "components") for c in self.components)
        if any(isinstance(c, Mixture) for c in components):
            raise InputError("components holds a mixture; multiply the weights out and give its components")
        object.__setattr__(self, "components", components)

    @property
    def sources(self) -> tuple[str, ...]:
        """A uniform number that chooses, and what the components need; they share it, since only one is chosen."""
        return ("uniform", *sorted({s for c in self.components for s in c.sources}))

    def moment(self, k: int) -> sp.Expr:
        """The weighted mean of the components' moments."""
        return sp.Add(*(w * c.moment(k) for w, c in zip(_exact_weights(self.weights), self.components)))

    def nodes(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """All components' nodes, their weights scaled."""
        parts = [c.nodes(count) for c in self.components]
        weights = [float(w) * part[1] for w, part in zip(self.weights or (), parts)]
        return np.concatenate([part[0] for part in parts]), np.concatenate(weights)

    def draw(self, choice: Any, *numbers: Any) -> Any:
        """The chosen component's draw."""
        given = dict(zip(self.sources[1:], numbers, strict=True))
        return _chosen(choice, self.weights, [c.draw(given[c.sources[0]]) for c in self.components])


Distribution = Normal | Uniform | Discrete | Mixture


def normal(mean: float = 0.0, deviation: float = 1.0) -> Normal:
    """N(mean, deviation²); `InputError` unless deviation > 0."""
    return Normal(mean, deviation)


def uniform(low: float = 0.0, high: float = 1.0) -> Uniform:
    """Uniform on [low, high); `InputError` unless low < high."""
    return Uniform(low, high)


def discrete(values: Sequence[float], probabilities: Sequence[float] | None = None) -> Discrete:
    """One of `values`; `InputError` unless the probabilities, equal by default, are positive and add up to 1."""
    return Discrete(values, probabilities)


def mixture(components: Sequence[Any], weights: Sequence[float] | None = None) -> Mixture:
    """One of the components with the probabilities `weights`; `InputError` as for `discrete`."""
    return Mixture(components, weights)


KINDS: dict[str, Callable[..., Distribution]] = {
    "normal": normal,
    "uniform": uniform,
    "discrete": discrete,
    "mixture": mixture,
}


def as_distribution(given: Any, argument: str) -> Distribution:
    """A distribution as it is, or one of the functions of this module, such as `normal`, at its defaults."""
    if given is normal or given is uniform:
        return given()
    if not isinstance(given, Distribution):
        raise InputError(f"{argument} is {shown(given)}; give {', '.join(KINDS)}, e.g. normal(0, 1)")
    return given


def exact_shares(distribution: Discrete | Mixture) -> list[sp.Rational]:
    """The exact probabilities of what takes finitely many values, in the order of its `nodes`."""
    if isinstance(distribution, Discrete):
        return _exact_weights(distribution.probabilities)
    weighted = zip(_exact_weights(distribution.weights), distribution.components)
    return [w * share for w, component in weighted for share in exact_shares(component)]


def _fix_numbers(owner: Any, *names: str) -> None:
    """Finite floats, so that a draw of arrays is one of floats: a `Fraction` would make objects of them."""
    for name in names:
        object.__setattr__(owner, name, finite(getattr(owner, name), name))


def _fix_weights(owner: Any, items: str, weights: str) -> None:
    """Check that there are items, and weights for them: positive, and 1 together to rounding."""
    have, given = getattr(owner, items), getattr(owner, weights)
    if isinstance(have, str) or not isinstance(have, Sequence | np.ndarray) or not len(have):
        raise InputError(f"{items} is {shown(have)}; give a list, not empty")
    object.__setattr__(owner, items, tuple(have))
    if given is None:
        object.__setattr__(owner, weights, (Fraction(1, len(have)),) * len(have))
        return
    if isinstance(given, str) or not isinstance(given, Sequence | np.ndarray) or len(given) != len(have):
        raise InputError(f"{weights} is {shown(given)}; give one for each of the {len(have)} {items}")
    checked = tuple(p if isinstance(p, Fraction) else finite(p, weights) for p in given)
    if min(map(float, checked)) <= 0 or abs(sum(map(float, checked)) - 1) > 1e-9:
        raise InputError(f"{weights} is {shown(list(given))}; they must be positive and add up to 1")
    object.__setattr__(owner, weights, checked)


def _exact_weights(weights: Any) -> list[sp.Rational]:
    """The weights as exact numbers that add up to exactly 1: decimals such as 0.3 as written, then normalised."""
    numbers = [sp.Rational(w.numerator, w.denominator) if isinstance(w, Fraction) else exact(w) for w in weights]
    return [w / sum(numbers) for w in numbers]


def _chosen(u: Any, weights: Any, options: Sequence[Any]) -> Any:
    """The option whose share of [0, 1) holds u."""
    result, below = options[0], 0.0
    for weight, option in zip(weights[:-1], options[1:], strict=True):
        below += float(weight)
        result = where(u >= below, option, result)
    return result


@functools.cache
def _hermite(count: int) -> tuple[np.ndarray, np.ndarray]:
    from scipy.special import roots_hermitenorm

    x, w = roots_hermitenorm(count)
    return x, w / w.sum()


@functools.cache
def _legendre(count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(count)
