"""Truncated power series in the step size, with exact coefficients: one more kind of number that methods run on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy as sp

from dynsys.expressions import exact
from dynsys.field import OnTuples, VectorField
from dynsys.vector import axpy


class Series:
    """c₀ + c₁h + … + c_N hᴺ + O(hᴺ⁺¹), coefficients SymPy expressions."""

    def __init__(self, coefficients: Sequence[Any]):
        self.coefficients = tuple(coefficients)

    @property
    def order(self) -> int:
        """N."""
        return len(self.coefficients) - 1

    def _like(self, other: Any) -> Series:
        if isinstance(other, Series):
            return other
        return Series((_exact(other), *(sp.Integer(0),) * self.order))

    def __add__(self, other: Any) -> Series:
        return Series([a + b for a, b in zip(self.coefficients, self._like(other).coefficients, strict=True)])

    __radd__ = __add__

    def __neg__(self) -> Series:
        return Series([-a for a in self.coefficients])

    def __sub__(self, other: Any) -> Series:
        return self + (-self._like(other))

    def __rsub__(self, other: Any) -> Series:
        return self._like(other) - self

    def __mul__(self, other: Any) -> Series:
        a, b = self.coefficients, self._like(other).coefficients
        return Series([sp.expand(sp.Add(*[a[i] * b[k - i] for i in range(k + 1)])) for k in range(len(a))])

    __rmul__ = __mul__

    def reciprocal(self) -> Series:
        """1/self; the constant term must not vanish."""
        a = self.coefficients
        b = [1 / a[0]]
        for k in range(1, len(a)):
            b.append(sp.expand(-sp.Add(*[a[i] * b[k - i] for i in range(1, k + 1)]) / a[0]))
        return Series(b)

    def __truediv__(self, other: Any) -> Series:
        return self * (other.reciprocal() if isinstance(other, Series) else 1 / _exact(other))

    def __rtruediv__(self, other: Any) -> Series:
        return self.reciprocal() * other

    def __pow__(self, exponent: Any) -> Series:
        if isinstance(exponent, int | sp.Integer) and exponent >= 0:
            power = self._like(1)
            for _ in range(int(exponent)):
                power = power * self
            return power
        return self.under(lambda t: t ** _exact(exponent))

    def sqrt(self) -> Series:
        """√self."""
        return self.under(sp.sqrt)

    def under(self, function: Callable[[Any], Any]) -> Series:
        """f(self) by Taylor's formula at the constant term."""
        t = sp.Dummy("t")
        derivative, delta = function(t), Series((sp.Integer(0), *self.coefficients[1:]))
        total, power, factorial = self._like(0), self._like(1), sp.Integer(1)
        for k in range(self.order + 1):
            total = total + power * (derivative.subs(t, self.coefficients[0]) / factorial)
            derivative, power, factorial = sp.diff(derivative, t), power * delta, factorial * (k + 1)
        return total

    def times(self, weight: Any) -> Series:
        """An exact weight times self."""
        return self * weight

    def solve(self, A: Any, b: Any) -> tuple[Any, ...]:
        """A⁻¹ b for A = I + O(h): elimination needs no pivots."""
        n = len(b)
        rows = [[self._like(e) for e in (*row, bi)] for row, bi in zip(A, b, strict=True)]
        for k in range(n):
            pivot = rows[k][k].reciprocal()
            rows[k] = [e * pivot for e in rows[k]]
            for i in range(n):
                if i != k:
                    factor = rows[i][k]
                    rows[i] = [e - factor * f for e, f in zip(rows[i], rows[k], strict=True)]
        return tuple(row[n] for row in rows)

    def solution(self, equation: Callable[[Any], tuple[Any, Any]], guess: Any) -> Any:
        """The zero of F with F' = I + O(h): y - F(y) gains a power of h at every turn."""
        y = guess
        for _ in range(self.order + 1):
            y = axpy(-1, equation(y)[0], y)
        return y


def _exact(value: Any) -> sp.Expr:
    return exact(value) if isinstance(value, float) else sp.sympify(value)


def evaluated(expression: sp.Expr, values: Mapping[sp.Symbol, Any]) -> Any:
    """A SymPy expression with series put in for symbols."""
    if expression.is_Symbol:
        return values.get(expression, expression)
    if not expression.args or not expression.free_symbols & set(values):
        return expression
    parts = [evaluated(argument, values) for argument in expression.args]
    if expression.is_Add or expression.is_Mul:
        total = parts[0]
        for part in parts[1:]:
            total = total + part if expression.is_Add else total * part
        return total
    if expression.is_Pow and not isinstance(parts[1], Series):
        return parts[0] ** parts[1]
    if len(parts) == 1:
        return parts[0].under(expression.func)
    base, exponent = parts  # a power with a series in the exponent: exp(exponent · log(base))
    logarithm = base.under(sp.log) if isinstance(base, Series) else sp.log(base)
    return (exponent * logarithm).under(sp.exp)


def on_series(field: VectorField) -> OnTuples:
    """A field as methods see it when points are series; its parameters stay symbols."""

    def at(name: str) -> Callable[[Any, Any], Any]:
        def function(x: Any, p: Any) -> Any:
            values = dict(zip(field.symbols, x, strict=True))
            return _put(getattr(field, name), values)

        return function

    return OnTuples(at("expressions"), at("jacobian_expressions"), at("payoff_gradients"), field.blocks)


def _put(expressions: Any, values: Mapping[sp.Symbol, Any]) -> Any:
    return (
        tuple(_put(e, values) for e in expressions)
        if isinstance(expressions, tuple)
        else evaluated(expressions, values)
    )
