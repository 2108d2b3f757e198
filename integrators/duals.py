"""Dual numbers: one more kind of number that methods run on, which carries the derivatives along k directions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from dynsys import vector
from dynsys.errors import InputError
from dynsys.vector import dot, where
from integrators.states import flat, shaped


class Dual:
    r"""a + Σ aⱼ εⱼ with εᵢ εⱼ = 0: a value and its derivatives along k directions.

    .. math:: F(x + \textstyle\sum_j u_j\,\epsilon_j) = F(x) + \sum_j F'(x)\,u_j\,\epsilon_j

    exact to rounding, whatever the numbers are: floats, arrays, terms of a traced kernel. Clifford (1873); forward
    differentiation: Wengert (1964).
    """

    __array_ufunc__ = None  # NumPy's scalars leave arithmetic with a dual number to the dual number
    wraps_terms = True  # and so do the terms of a traced kernel

    def __init__(self, value: Any, parts: Sequence[Any]):
        self.value, self.parts = value, tuple(parts)

    def along(self, value: Any, slope: Any) -> Dual:
        """f(self) for a function of one number with this value and this derivative."""
        return Dual(value, [slope * d for d in self.parts])

    def __add__(self, other: Any) -> Dual:
        if isinstance(other, Dual):
            return Dual(self.value + other.value, [a + b for a, b in zip(self.parts, other.parts, strict=True)])
        return Dual(self.value + other, self.parts)

    __radd__ = __add__

    def __neg__(self) -> Dual:
        return Dual(-self.value, [-d for d in self.parts])

    def __sub__(self, other: Any) -> Dual:
        if isinstance(other, Dual):
            return Dual(self.value - other.value, [a - b for a, b in zip(self.parts, other.parts, strict=True)])
        return Dual(self.value - other, self.parts)

    def __rsub__(self, other: Any) -> Dual:
        return Dual(other - self.value, [-d for d in self.parts])

    def __mul__(self, other: Any) -> Dual:
        if isinstance(other, Dual):
            pairs = zip(self.parts, other.parts, strict=True)
            return Dual(self.value * other.value, [a * other.value + self.value * b for a, b in pairs])
        return self.along(self.value * other, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Dual:
        if isinstance(other, Dual):
            quotient = self.value / other.value
            pairs = zip(self.parts, other.parts, strict=True)
            return Dual(quotient, [(a - quotient * b) / other.value for a, b in pairs])
        return Dual(self.value / other, [d / other for d in self.parts])

    def __rtruediv__(self, other: Any) -> Dual:
        quotient = other / self.value
        return self.along(quotient, -quotient / self.value)

    def __pow__(self, exponent: Any) -> Dual:
        return self.along(self.value**exponent, exponent * self.value ** (exponent - 1))

    def __rpow__(self, base: float) -> Dual:
        power = base**self.value
        return self.along(power, math.log(base) * power)

    def __abs__(self) -> Dual:
        return self.along(abs(self.value), where(self.value < 0, -1.0, 1.0))

    def __lt__(self, other: Any) -> Choice:
        return Choice(self.value < value_of(other))

    def __le__(self, other: Any) -> Choice:
        return Choice(self.value <= value_of(other))

    def __gt__(self, other: Any) -> Choice:
        return Choice(self.value > value_of(other))

    def __ge__(self, other: Any) -> Choice:
        return Choice(self.value >= value_of(other))

    def sqrt(self) -> Dual:
        """√self."""
        root = vector.sqrt(self.value)
        return self.along(root, 0.5 / root)

    def solve(self, A: Any, b: Any) -> tuple[Dual, ...]:
        """y = A⁻¹ b, whose derivative is A⁻¹(b' - A' y)."""
        matrix, n = values_of(A), len(b)
        y = vector.solve(matrix, values_of(b))
        columns = []
        for j in range(len(self.parts)):
            right = tuple(part_of(b[i], j) - dot(tuple(part_of(a, j) for a in A[i]), y) for i in range(n))
            columns.append(vector.solve(matrix, right))
        return tuple(map(Dual, y, zip(*columns, strict=True)))

    def solution(self, equation: Callable[[Any], tuple[Any, Any]], guess: Any) -> tuple[Dual, ...]:
        """The zero y of F that Newton's method reaches; its derivative is -(∂F/∂y)⁻¹ times F's at fixed y."""
        y = vector.solution(lambda z: values_of(equation(z)), values_of(guess))
        F, J = equation(y)
        rows = values_of(J)
        columns = [vector.solve(rows, tuple(-part_of(f, j) for f in F)) for j in range(len(self.parts))]
        return tuple(map(Dual, y, zip(*columns, strict=True)))

    def repeat(self, f: Callable[[Any], Any], count: int, state: Any) -> Any:
        """f applied `count` times to a state of dual numbers."""
        k = len(self.parts)

        def packed(dual: Any) -> tuple[Any, ...]:
            entries = [lifted(entry, k) for entry in flat(dual)]
            return tuple(number for entry in entries for number in (entry.value, *entry.parts))

        def unpacked(numbers: tuple[Any, ...]) -> Any:
            rows = [numbers[i : i + k + 1] for i in range(0, len(numbers), k + 1)]
            return shaped([Dual(row[0], row[1:]) for row in rows], state)

        return unpacked(vector.repeat(lambda numbers: packed(f(unpacked(numbers))), count, packed(state)))


class Choice:
    """What a comparison of dual numbers finds: it chooses among them by their values."""

    wraps_terms = True

    def __init__(self, holds: Any):
        self.holds = holds

    def __and__(self, other: Any) -> Choice:
        return Choice(self.holds & _holds(other))

    def __or__(self, other: Any) -> Choice:
        return Choice(self.holds | _holds(other))

    __rand__, __ror__ = __and__, __or__

    def where(self, a: Any, b: Any) -> Any:
        """a if it holds, else b."""
        k = next((len(e.parts) for e in (a, b) if isinstance(e, Dual)), None)
        if k is None:
            return where(self.holds, a, b)
        first, second = lifted(a, k), lifted(b, k)
        pairs = zip(first.parts, second.parts, strict=True)
        return Dual(where(self.holds, first.value, second.value), [where(self.holds, c, d) for c, d in pairs])


def _holds(condition: Any) -> Any:
    return condition.holds if isinstance(condition, Choice) else condition


def lifted(number: Any, k: int) -> Dual:
    """A number as a dual one along k directions."""
    return number if isinstance(number, Dual) else Dual(number, (0.0,) * k)


def value_of(number: Any) -> Any:
    """The value of a dual number; any other number itself."""
    return number.value if isinstance(number, Dual) else number


def part_of(number: Any, j: int) -> Any:
    """The derivative along direction j."""
    return number.parts[j] if isinstance(number, Dual) else 0.0


def values_of(numbers: Any) -> Any:
    """The values of nested tuples of dual numbers."""
    return tuple(map(values_of, numbers)) if isinstance(numbers, tuple | list) else value_of(numbers)


class DualField:
    """A field as methods see it on points of dual numbers: v(x) + Σ J(x) xⱼ εⱼ, and so on for its Jacobian."""

    def __init__(self, v: Any, k: int):
        self.v, self.k, self.blocks = v, k, v.blocks

    def __call__(self, x: Any, p: Any) -> Any:
        """v(x, p)."""
        point = values_of(x)
        return self._lifted(self.v(point, p), lambda: self.v.jacobian(point, p), x)

    def jacobian(self, x: Any, p: Any) -> Any:
        """J(x, p), with the second derivatives of v."""
        return self._rows("curvature", self.v.jacobian, x, p)

    def gradients(self, x: Any, p: Any) -> Any:
        """∇fᵢ(x, p), a row a player, with the second derivatives of f."""
        return self._rows("payoff_curvature", self.v.gradients, x, p)

    def series(self, x: Any, p: Any, order: int) -> Any:
        """Not to be had: a Taylor coefficient's derivative has no formula here."""
        raise InputError("Taylor's method has no tangent map here; take DOP853()")

    def _rows(self, derivative: str, function: Callable[[Any, Any], Any], x: Any, p: Any) -> Any:
        point, n = values_of(x), len(x)
        rows = function(point, p)
        if not any(isinstance(e, Dual) for e in x):
            return rows
        if getattr(self.v, "derived", None) is None:
            raise InputError("the method takes the field's Jacobian, whose derivative needs a VectorField's formulas")
        slopes = self.v.derived(derivative, point, p)
        entries = [e for row in rows for e in row]
        found = self._lifted(entries, lambda: slopes, x)
        return tuple(found[i : i + n] for i in range(0, len(found), n))

    def _lifted(self, entries: Sequence[Any], slopes: Callable[[], Any], x: Any) -> tuple[Any, ...]:
        """Dual numbers of these values; their derivatives are the slopes, a row an entry, times those of x."""
        if not any(isinstance(e, Dual) for e in x):
            return tuple(entries)
        columns = [tuple(part_of(e, j) for e in x) for j in range(self.k)]
        return tuple(
            Dual(entry, [dot(tuple(row), column) for column in columns])
            for entry, row in zip(entries, slopes(), strict=True)
        )


def dual_state(state: Any, columns: Sequence[Sequence[Any]]) -> Any:
    """A state with the columns, each as long as its numbers in a row, as derivatives."""
    numbers = flat(state)
    duals = [Dual(number, [column[i] for column in columns]) for i, number in enumerate(numbers)]
    return shaped(duals, state)


def columns_of(state: Any, k: int) -> tuple[Any, tuple[tuple[Any, ...], ...]]:
    """The values of a state of dual numbers, and the derivatives, a column a direction."""
    duals = [lifted(number, k) for number in flat(state)]
    columns = tuple(tuple(d.parts[j] for d in duals) for j in range(k))
    return shaped([d.value for d in duals], state), columns
