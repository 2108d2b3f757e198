"""Hyper-dual numbers: one more kind of number that methods run on, which carries mixed derivatives exactly."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mpmath as mp
import sympy as sp

from analysis.precision import DIGITS, precise_function
from dynsys.field import OnTuples, VectorField
from dynsys.functions import SYMPY, logistic, softplus
from dynsys.vector import axpy

DEGREE = 3  # generators ε₁, ε₂, ε₃
TURNS = 200  # of Newton's method for an implicit step: from a good guess seven are taken


class HyperDual:
    r"""c₀ + Σ c_S ∏_{i∈S} εᵢ over the subsets S of {1, 2, 3}, with εᵢ² = 0; coefficients mpmath numbers.

    .. math:: F(x + \epsilon_1 u + \epsilon_2 v + \epsilon_3 w) = \dots + \epsilon_1 \epsilon_2\,B(u, v)
              + \dots + \epsilon_1 \epsilon_2 \epsilon_3\,C(u, v, w)

    at a point x where B and C vanish in no other way; in general the last coefficient is F'''(x)(u, v, w), exactly.
    Subsets are bit masks; those missing have coefficient 0. Directions may be complex. Fike & Alonso (2011).
    """

    def __init__(self, coefficients: Mapping[int, Any]):
        self.coefficients = dict(coefficients)

    @property
    def constant(self) -> Any:
        """c₀."""
        return self.coefficients.get(0, mp.mpf(0))

    def __add__(self, other: Any) -> HyperDual:
        total = dict(self.coefficients)
        for mask, c in lifted(other).coefficients.items():
            total[mask] = total[mask] + c if mask in total else c
        return HyperDual(total)

    __radd__ = __add__

    def __neg__(self) -> HyperDual:
        return HyperDual({mask: -c for mask, c in self.coefficients.items()})

    def __sub__(self, other: Any) -> HyperDual:
        return self + (-lifted(other))

    def __rsub__(self, other: Any) -> HyperDual:
        return lifted(other) - self

    def __mul__(self, other: Any) -> HyperDual:
        product: dict[int, Any] = {}
        right = lifted(other).coefficients
        for a, c in self.coefficients.items():
            for b, d in right.items():
                if not a & b:
                    product[a | b] = product.get(a | b, 0) + c * d
        return HyperDual(product)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> HyperDual:
        return self * lifted(other) ** -1

    def __rtruediv__(self, other: Any) -> HyperDual:
        return lifted(other) * self**-1

    def __pow__(self, exponent: Any) -> HyperDual:
        if isinstance(exponent, HyperDual):
            return (exponent * self.under(sp.log)).under(sp.exp)
        power = mp.mpmathify(exponent)
        if mp.isint(power) and power >= 0:
            return functools.reduce(lambda total, _: total * self, range(int(power)), lifted(1))
        a, derivatives, factor = self.constant, [], mp.mpf(1)
        for k in range(DEGREE + 1):
            derivatives.append(factor * a ** (power - k))
            factor *= power - k
        return self._taylor(derivatives)

    def __rpow__(self, base: Any) -> HyperDual:
        return (self * mp.log(mp.mpmathify(base))).under(sp.exp)

    def sqrt(self) -> HyperDual:
        """√self."""
        return self ** mp.mpf("0.5")

    def under(self, function: Any) -> HyperDual:
        """f(self) by Taylor's formula, which ends after the third derivative."""
        return self._taylor(_derivatives(function)(self.constant))

    def _taylor(self, derivatives: Sequence[Any]) -> HyperDual:
        delta = HyperDual({mask: c for mask, c in self.coefficients.items() if mask})
        total, power = lifted(derivatives[0]), lifted(1)
        for k in range(1, DEGREE + 1):
            power = power * delta
            total = total + power * (derivatives[k] / mp.factorial(k))
        return total

    def solve(self, A: Any, b: Any) -> tuple[HyperDual, ...]:
        """A⁻¹b = A₀⁻¹(b - (A - A₀)x): each turn settles one more degree. ZeroDivisionError for a singular A₀."""
        rows, right = [[lifted(e) for e in row] for row in A], [lifted(e) for e in b]
        inverse = mp.inverse(mp.matrix([[e.constant for e in row] for row in rows]))
        nilpotent = [[HyperDual({m: c for m, c in e.coefficients.items() if m}) for e in row] for row in rows]
        n = len(right)
        x = [lifted(0)] * n
        for _ in range(DEGREE + 1):
            rest = [bi - _sum(e * xi for e, xi in zip(row, x, strict=True)) for row, bi in zip(nilpotent, right)]
            x = [_sum(rest[j] * inverse[i, j] for j in range(n)) for i in range(n)]
        return tuple(x)

    def solution(self, equation: Callable[[Any], tuple[Any, Any]], guess: Any) -> tuple[Any, ...]:
        """The zero of F that Newton's method reaches, all coefficients at once; ValueError where it reaches none."""
        y = tuple(lifted(e) for e in guess)
        for _ in range(TURNS):
            F, J = equation(y)
            step = self.solve(J, F)
            y = axpy(-1, step, y)
            if _size(step) <= mp.mpf(10) ** (6 - DIGITS) * (1 + _size(y)):
                return y
        raise ValueError("the equation of an implicit step is not solved")


def lifted(value: Any) -> HyperDual:
    """A number as a hyper-dual one."""
    return value if isinstance(value, HyperDual) else HyperDual({0: mp.mpmathify(value)})


def _sum(terms: Any) -> HyperDual:
    return functools.reduce(lambda a, b: a + b, terms, lifted(0))


def _size(x: Sequence[HyperDual]) -> Any:
    return max(abs(c) for xi in x for c in (0, *xi.coefficients.values()))


@functools.cache
def _derivatives(function: Any) -> Callable[[Any], Sequence[Any]]:
    """t -> f(t), f'(t), f''(t), f'''(t), by SymPy."""
    t = sp.Dummy("t", real=True)
    return precise_function([sp.diff(function(t), t, k) for k in range(DEGREE + 1)], [t])


def _on_numbers(name: str) -> Callable[[Any], Any]:
    return lambda t: t.under(SYMPY[name]) if isinstance(t, HyperDual) else getattr(mp, name)(t)


def _sqrt(t: Any) -> Any:
    return t.sqrt() if isinstance(t, HyperDual) else mp.sqrt(t)


FUNCTIONS = {name: _on_numbers(name) for name in SYMPY if name not in ("logistic", "softplus")} | {"sqrt": _sqrt}


@functools.lru_cache(maxsize=64)
def on_hyper_duals(field: VectorField) -> OnTuples:
    """A field as methods see it when points are hyper-dual; its parameters have their exact values, whatever p."""

    def function(name: str) -> Callable[[Any, Any], Any]:
        @functools.cache
        def compiled() -> Callable[..., Any]:
            return sp.lambdify(field.symbols, _prepared(getattr(field, name), field), [FUNCTIONS, "mpmath"], cse=True)

        return lambda x, p: compiled()(*x)

    return OnTuples(
        function("expressions"), function("jacobian_expressions"), function("payoff_gradients"), field.blocks
    )


def _prepared(expressions: Any, field: VectorField) -> Any:
    """Expressions, nested as they are, with the parameters' values and in functions that mpmath knows."""
    if isinstance(expressions, tuple):
        return tuple(_prepared(e, field) for e in expressions)
    return field.at_values(expressions).rewrite([logistic, softplus], sp.exp)
