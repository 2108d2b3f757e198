"""`SampledField`: a vector field v(x, ξ) with a random sample ξ, and what it is on average."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import sympy as sp

from dynsys.array_field import AnyField, ArrayField
from dynsys.codegen import functions_text, numpy_functions
from dynsys.errors import InputError, shown
from dynsys.expressions import check_parameters, symbol
from dynsys.field import VectorField, as_points
from dynsys.game import Game
from dynsys.minibatches.populations import NotClosedError, Population, expectation
from dynsys.rebuilding import Rebuilt
from dynsys.vector import vecmat

MOST_NUMBERS = 2_000_000  # points times rows that are averaged at a time
# What a batch is averaged over, in the order in which a sample's statistics stand.
NEEDS = {"field": ("v",), "jacobian": ("J",), "gradients": ("F",)}
CONSENSUS_NEEDS = {"field": ("v", "J", "g"), "jacobian": ("v", "J", "H", "dg")}


@dataclass(frozen=True, eq=False)
class SampledField(Rebuilt):
    """A field v(x, ξ): `sample` is a `VectorField` whose last parameters are the entries of ξ, named by `population`.

    `game` is the game whose field it is on average, if there is one with formulas.
    """

    sample: VectorField
    population: Population
    game: Game | None = None

    def __post_init__(self) -> None:
        names = self.population.names
        if tuple(self.sample.parameters)[-len(names) :] != names:
            raise InputError(f"the last parameters of sample are not {', '.join(names)}, the entries of a sample")
        if self.sample.time is not None:
            raise InputError("sample depends on time; a sampled field must not")

    @property
    def own_parameters(self) -> dict[str, float]:
        """The parameters that are not entries of the sample."""
        return {k: x for k, x in self.sample.parameters.items() if k not in self.population.names}

    def with_parameters(self, /, **values: float) -> SampledField:
        """The same field at other values of its own parameters."""
        check_parameters(values, self.own_parameters)
        game = None if self.game is None else self.game.with_parameters(**values)
        return SampledField(self.sample.with_parameters(**values), self.population, game)

    @functools.cached_property
    def statistics(self) -> dict[str, tuple[sp.Expr, ...]]:
        """Of one sample, as expressions in a row: v; J; g = Jᵀv; H, ∂²vᵢ/∂xⱼ∂xₖ; dg = g'."""
        s = self.sample
        v, J = s.expressions, s.jacobian_expressions
        g = vecmat(tuple(v), J)
        return {
            "v": tuple(v),
            "J": tuple(e for row in J for e in row),
            "g": g,
            "H": tuple(sp.diff(e, x) for row in J for e in row for x in s.symbols),
            "dg": tuple(sp.diff(e, x) for e in g for x in s.symbols),
        }

    def statistics_of(self, name: str) -> tuple[sp.Expr, ...]:
        """As `statistics`, and "F": the players' payoff gradients of one sample."""
        if name == "F":
            return tuple(e for row in self.sample.payoff_gradients for e in row)
        return self.statistics[name]

    @functools.cached_property
    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Samples (k, entries) and weights (k,) that stand for the population: all rows, or quadrature nodes.

        Where v is a polynomial of degree g in a noise there are 2g + 1 nodes in it: fourth moments of v are exact.
        """
        orders = {}
        for name in self.population.names:
            degrees = [_degree(e, symbol(name)) for e in self.sample.expressions]
            if None not in degrees:
                orders[name] = 2 * max(d for d in degrees if d is not None) + 1
        return self.population.rows(orders)

    def source(self, names: tuple[str, ...], decorator: str = "") -> str:
        """Generated text of `statistics(x, p)`: those of these names, in a row."""
        if names not in self._sources:
            wanted = [e for name in names for e in self.statistics_of(name)]
            symbols = self.sample.symbols, self.sample.parameter_symbols
            self._sources[names] = functions_text({"statistics": wanted}, *symbols)
        return f"{decorator}\n{self._sources[names]}"

    @functools.cached_property
    def _sources(self) -> dict[tuple[str, ...], str]:
        return {}

    def on_samples(self, names: tuple[str, ...]) -> Callable[[Any, Any], tuple[Any, ...]]:
        """The statistics of these names, in a row, as a function (x, p) of tuples of numbers or arrays."""
        found: Callable[[Any, Any], tuple[Any, ...]] = numpy_functions(self.source(names))["statistics"]
        return found

    def means(self, x: np.ndarray, names: tuple[str, ...], values: Sequence[float] = ()) -> np.ndarray:
        """The means over the population's rows or nodes at points x (m, n): (m, total number of statistics)."""
        rows, weights = self.rows
        f = self.on_samples(names)
        p = tuple(values or self.own_parameters.values())
        chunk = max(1, MOST_NUMBERS // len(rows))
        found = []
        for first in range(0, max(len(x), 1), chunk):
            part = x[first : first + chunk]
            with np.errstate(all="ignore"):
                stats = f(tuple(part.T[:, :, None]), (*p, *rows.T[:, None, :]))
            shape = (len(part), len(rows))
            found.append(np.stack([np.broadcast_to(e, shape) @ weights for e in stats], -1))
        return np.concatenate(found)

    def per_sample(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        """v (k, n) and J (k, n, n) at the point x of each row of the data, or of each quadrature node of the noise."""
        point, n = as_points(x, self.sample.variables), self.sample.n
        if point.ndim != 1:
            raise InputError(f"x has shape {point.shape}; give one point of {n} numbers")
        rows = self.rows[0]
        with np.errstate(all="ignore"):
            found = self.on_samples(("v", "J"))(tuple(point), (*self.own_parameters.values(), *rows.T))
        values = np.stack([np.broadcast_to(e, len(rows)) for e in found], -1)
        return values[:, :n], values[:, n:].reshape(-1, n, n)

    # --- on average -----------------------------------------------------------------------------

    @functools.cached_property
    def mean_expressions(self) -> tuple[sp.Expr, ...]:
        """v = E v(x, ξ) as expressions; `NotClosedError` where that takes too many terms."""
        return tuple(expectation(e, self.population) for e in self.sample.expressions)

    @functools.cached_property
    def mean_square(self) -> sp.Expr:
        """E‖v(x, ξ)‖² as an expression; `NotClosedError` where that takes too many terms."""
        return expectation(sp.Add(*(e**2 for e in self.sample.expressions)), self.population)

    @functools.cached_property
    def mean(self) -> AnyField:
        """The average field v: with formulas where the expectation has some, else an `ArrayField`."""
        s = self.sample
        if self.game is not None:
            return self.game.field()
        try:
            return VectorField(
                self.mean_expressions, s.variables, self.own_parameters, s.players, name=s.name, box=s.box
            )
        except NotClosedError:
            n = s.n
            return ArrayField(
                lambda x: self.means(x, ("v",)),
                lambda x: self.means(x, ("J",)).reshape(-1, n, n),
                s.variables,
                s.name,
                s.box,
                s.players,
            )


def _degree(e: sp.Expr, s: sp.Symbol) -> int | None:
    """The degree of a polynomial in s, None for anything else."""
    polynomial = sp.sympify(e).as_poly(s)
    return None if polynomial is None else int(max(polynomial.degree(), 0))


def sampled(subject: Any) -> SampledField:
    """The sampled field of a stochastic or finite-sum game, or the field itself; `InputError` for anything else."""
    if isinstance(subject, SampledField):
        return subject
    found = getattr(subject, "sampled", None)
    if not isinstance(found, SampledField):
        raise InputError(f"game is {shown(subject)}; give a StochasticGame or a FiniteSumGame")
    return found


def shaped_means(row: Sequence[Any], names: Sequence[str], n: int, players: int) -> SimpleNamespace:
    """Statistics in a row as v (n), J (n, n), g (n), H (n, n, n), dg (n, n), F (players, n): nested tuples."""
    lengths = {"v": (n,), "J": (n, n), "g": (n,), "H": (n, n, n), "dg": (n, n), "F": (players, n)}
    items = iter(row)

    def build(shape: tuple[int, ...]) -> Any:
        return tuple(build(shape[1:]) for _ in range(shape[0])) if shape else next(items)

    return SimpleNamespace(**{name: build(lengths[name]) for name in names})
