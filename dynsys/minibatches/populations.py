"""Where samples come from: declared noise, or the rows of a data set. Each knows expectations, exactly where it can."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy as sp

from dynsys.codegen import functions_text, numpy_functions
from dynsys.errors import InputError, shown
from dynsys.expressions import check_name, exact, finite, symbol
from dynsys.minibatches.distributions import Discrete, Distribution, Mixture, as_distribution
from dynsys.rebuilding import Rebuilt
from dynsys.watch import OvertimeError, Watch

MOST_TERMS = 256  # of a sum over rows or nodes that stands in a formula: larger ones are averaged as arrays
MOST_NODES = 200_000  # of a quadrature in several variables
MOST_ORDER = 1000  # nodes in one variable: finding them takes order³ operations, seconds here
TIME_LIMIT = 5.0  # seconds of processor time for multiplying a payoff out
EXACT_ROWS = 2000  # means of more rows are rounded once, by `math.fsum`


class NotClosedError(Exception):
    """An expectation without a formula of bearable length, a sum of more than `MOST_TERMS` terms for instance."""


@dataclass(frozen=True, eq=False)
class Noise(Rebuilt):
    """Independent random numbers, name -> distribution; `order` nodes a variable where quadrature is needed."""

    distributions: Mapping[str, Distribution]
    order: int = 40
    size: None = None  # infinitely many samples

    def __post_init__(self) -> None:
        if not isinstance(self.distributions, Mapping) or not self.distributions:
            raise InputError(f"noise is {shown(self.distributions)}; give name -> distribution, such as normal(0, 1)")
        order = finite(self.order, "order")
        if not 1 <= order <= MOST_ORDER or not order.is_integer():
            raise InputError(f"order is {shown(self.order)}; give a whole number of nodes, from 1 to {MOST_ORDER}")
        object.__setattr__(self, "order", int(order))
        checked = {check_name(k, "noise"): as_distribution(d, f"noise {k}") for k, d in self.distributions.items()}
        object.__setattr__(self, "distributions", MappingProxyType(checked))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of a sample's entries."""
        return tuple(self.distributions)

    def mean(self, factor: sp.Expr) -> sp.Expr:
        """E of a product of powers and functions of the noise: moments, exact, or quadrature."""
        parts = _components(factor, {symbol(n) for n in self.names})
        return sp.Mul(*(self._moment(part) for part in parts))

    def _moment(self, part: sp.Expr) -> sp.Expr:
        own = [n for n in self.names if symbol(n) in part.free_symbols]
        base, power = part.as_base_exp()
        if len(own) == 1 and base == symbol(own[0]) and power.is_Integer and power > 0:
            return self.distributions[own[0]].moment(int(power))
        points, weights = self.rows({}, own)
        return _weighted(part, own, points, weights)

    def rows(self, orders: Mapping[str, int], names: Sequence[str] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Nodes (k, d) and weights (k,) of the product quadrature, `orders` nodes for a continuous variable."""
        each = [
            self.distributions[n].nodes(orders.get(n, self.order)) for n in (self.names if names is None else names)
        ]
        count = math.prod(len(x) for x, _ in each)
        if count > MOST_NODES:
            raise InputError(
                f"quadrature over {len(each)} noises would take {count} nodes, more than {MOST_NODES}; lower order="
            )
        points = np.stack([g.ravel() for g in np.meshgrid(*(x for x, _ in each), indexing="ij")], -1)
        weights = functools.reduce(np.multiply.outer, [w for _, w in each]).ravel()
        return points, weights

    @property
    def is_finite(self) -> bool:
        """Whether a sample has finitely many values, so that `rows` is exact."""
        return all(
            isinstance(c, Discrete)
            for d in self.distributions.values()
            for c in (d.components if isinstance(d, Mixture) else (d,))
        )


@dataclass(frozen=True, eq=False)
class Data(Rebuilt):
    """The N rows of a data set, equally likely: column name -> N numbers."""

    columns: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        if not isinstance(self.columns, Mapping) or not self.columns:
            raise InputError(f"data is {shown(self.columns)}; give column name -> numbers")
        checked = {check_name(k, "data"): _column(k, values) for k, values in self.columns.items()}
        lengths = {k: len(c) for k, c in checked.items()}
        if len(set(lengths.values())) > 1:
            raise InputError(f"data has columns of different lengths, {lengths}; give every row a number in each")
        object.__setattr__(self, "columns", MappingProxyType(checked))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.columns)

    @property
    def size(self) -> int:
        """N."""
        return len(next(iter(self.columns.values())))

    @property
    def is_finite(self) -> bool:
        """True: `rows` is exact."""
        return True

    @functools.cached_property
    def table(self) -> np.ndarray:
        """The rows, shape (N, columns)."""
        return np.stack(list(self.columns.values()), -1)

    def rows(self, orders: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray]:
        """The rows (N, columns) and their weights 1/N."""
        return self.table, np.full(self.size, 1 / self.size)

    def mean(self, factor: sp.Expr) -> sp.Expr:
        """The mean over the rows: exact for powers of the columns, else to rounding or as a sum of terms."""
        own = [n for n in self.names if symbol(n) in factor.free_symbols]
        powers = factor.as_powers_dict()
        if all(s in map(symbol, own) and k.is_Integer and k > 0 for s, k in powers.items()):
            return self._mean_of_powers({s.name: int(k) for s, k in powers.items()})
        rows = np.stack([self.columns[n] for n in own], -1)
        return _weighted(factor, own, rows, [Fraction(1, self.size)] * self.size)

    def _mean_of_powers(self, powers: dict[str, int]) -> sp.Expr:
        key = tuple(sorted(powers.items()))
        if key not in self._means:
            if self.size <= EXACT_ROWS:
                rows = zip(*(self._exact[n] for n, _ in key))
                total = sum(math.prod(x**k for x, (_, k) in zip(row, key)) for row in rows)
                mean = Fraction(total) / self.size
                self._means[key] = sp.Rational(mean.numerator, mean.denominator)
            else:
                self._means[key] = exact(math.fsum(np.prod([self.columns[n] ** k for n, k in key], axis=0)) / self.size)
        return self._means[key]

    @functools.cached_property
    def _means(self) -> dict[Any, sp.Expr]:
        return {}

    @functools.cached_property
    def _exact(self) -> dict[str, list[Fraction]]:
        """The columns as the decimal numbers they name."""
        return {n: [Fraction(repr(float(x))) for x in c] for n, c in self.columns.items()}


Population = Noise | Data


def expectation(e: sp.Expr, population: Population) -> sp.Expr:
    """E e over the samples of a population, as an expression in what is left.

    Terms are taken apart into what depends on the sample and what does not; each power of a noise or a column has an
    exact mean. What cannot be taken apart becomes a sum over rows or quadrature nodes, of at most `MOST_TERMS` terms:
    else `NotClosedError`.
    """
    own = [symbol(n) for n in population.names]
    groups: dict[sp.Expr, list[sp.Expr]] = {}
    terms = []
    for term in sp.Add.make_args(_expanded(e)):
        if not term.free_symbols & set(own):
            terms.append(term)
            continue
        known, random = term.as_independent(*own, as_Add=False)
        groups.setdefault(random, []).append(known)
    terms += [sp.Add(*known) * population.mean(random) for random, known in groups.items()]
    return sp.Add(*terms)


def _expanded(e: sp.Expr) -> sp.Expr:
    """Products multiplied out; `NotClosedError` where that takes longer than `TIME_LIMIT`."""
    try:
        with Watch(TIME_LIMIT) as watch:
            watch.arm()
            return sp.expand(e)
    except OvertimeError:
        raise NotClosedError("a product of too many terms") from None


def _components(factor: sp.Expr, own: set[sp.Symbol]) -> list[sp.Expr]:
    """The factors of a product, those that share a noise variable together: their means multiply."""
    parts: list[tuple[set[sp.Symbol], sp.Expr]] = []
    for piece in sp.Mul.make_args(factor):
        has = piece.free_symbols & own
        joined = [p for p in parts if p[0] & has]
        parts = [p for p in parts if not p[0] & has]
        parts.append((has.union(*(p[0] for p in joined)), sp.Mul(piece, *(p[1] for p in joined))))
    return [e for _, e in parts]


def _weighted(e: sp.Expr, names: Sequence[str], points: np.ndarray, weights: Any) -> sp.Expr:
    """Σ wₖ e(pointₖ): a number if nothing but the sample is in e, else a sum of terms."""
    symbols = [symbol(n) for n in names]
    if e.free_symbols <= set(symbols):
        values = numpy_functions(functions_text({"f": [e]}, symbols, ()))["f"](tuple(points.T), ())[0]
        with np.errstate(all="ignore"):
            total = math.fsum(np.array([float(w) for w in weights]) * values)
        return exact(total)
    if len(points) > MOST_TERMS:
        raise NotClosedError(f"{len(points)} terms")
    return sp.Add(
        *(
            _number(w) * e.xreplace(dict(zip(symbols, map(exact, point), strict=True)))
            for w, point in zip(weights, points, strict=True)
        )
    )


def _number(w: Any) -> sp.Rational:
    return sp.Rational(w.numerator, w.denominator) if isinstance(w, Fraction) else exact(w)


def _column(name: str, values: Any) -> np.ndarray:
    """A column as finite floats; `InputError` that names the rows where a number is missing."""
    try:
        column = np.array(values, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"data column {name!r} is {shown(values)}; give a list of numbers") from None
    if column.ndim != 1 or not len(column):
        raise InputError(f"data column {name!r} has shape {column.shape}; give N numbers, at least one")
    bad = np.flatnonzero(~np.isfinite(column))
    if len(bad):
        more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
        where = ", ".join(map(str, bad[:5]))
        raise InputError(f"data column {name!r} has no finite number in row {where}{more}; fill in or remove the rows")
    column.flags.writeable = False
    return column
