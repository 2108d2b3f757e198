"""Backward error analysis: the differential equation that the iterates of a method really follow."""

from __future__ import annotations

from math import comb
from typing import Any

import sympy as sp

from analysis.power_series import Series, evaluated, on_series
from analysis.stability_functions import exact_method
from dynsys.array_field import check_symbolic
from dynsys.errors import InputError
from dynsys.expressions import check_name, symbol
from dynsys.field import VectorField
from integrators.checks import check_count
from integrators.method import Method, check_method, linear_update
from integrators.states import flat, shaped

HIGHEST = 6


def modified_field(field: VectorField, method: Method, order: int, h: float = 0.1, name: str = "h") -> VectorField:
    r"""The modified field ṽ of a method, truncated so that its flow over h differs from a step by O(h^{order+1}).

    .. math:: \Phi_h = \exp(h\,\tilde v), \qquad
              h\,\tilde v(x) = \sum_{k \ge 1} \frac{(-1)^{k-1}}{k} \bigl((\Phi_h^* - 1)^k\,\mathrm{id}\bigr)(x)

    With order 1 it is what the iterates follow to first order: diag(c) v, c the method's clock (rates, inner steps,
    1/(1 - β)); each further order adds a power of h. All players share the one clock: x_k is the flow at time k h. The
    step h is the parameter `name` of the result, whose `base` is `field`. The method's one definition runs on power
    series in h.

    A method with memory is followed on the invariant manifold on which its memory is a function of x: that is its
    underlying one-step method, which attracts the states nearby where the memory is forgotten.

    Raises `InputError` for an order outside 1 to 6 and, with the reason, for a method that is not smooth, whose memory
    is not forgotten at the speed of a power, or depends on the step number. Hairer, Lubich & Wanner (2006), IX and XV.
    """
    check_method(method, field)
    reason = method.differentiable or field.piecewise
    if reason:
        raise InputError(f"{method.label} has no modified field: {reason}")
    terms = check_count(order, "order", 1)
    if terms > HIGHEST:
        raise InputError(f"order is {terms}; modified fields are computed up to {HIGHEST}")
    check_name(name, "name")
    v = check_symbolic(field, "a modified field").autonomous()
    images = _iterated(v, exact_method(method), terms)
    logarithm = [_logarithm([image[i] for image in images]) for i in range(v.n)]
    step = symbol(name)
    components = [sp.Add(*[c * step**k for k, c in enumerate(series.coefficients[1:])]) for series in logarithm]
    label = f"modified field of {field.name} under {method.label}" if field.name else f"modified field, {method.label}"
    return v.transformed([sp.expand(e) for e in components], {name: h}, label)


def _logarithm(iterates: list[Series]) -> Series:
    """log Φ* applied to a coordinate, from that coordinate of x, Φ(x), Φ²(x), …."""
    total = iterates[0] * 0
    for k in range(1, len(iterates)):
        difference = iterates[0] * 0
        for j in range(k + 1):
            difference = difference + iterates[j] * ((-1) ** (k - j) * comb(k, j))
        total = total + difference * sp.Rational((-1) ** (k - 1), k)
    return Series([sp.expand(c) for c in total.coefficients])


def _iterated(v: VectorField, method: Method, terms: int) -> list[tuple[Series, ...]]:
    """x, Φ(x), Φ²(x), … to the power `terms` of h, as many as the logarithm needs."""
    constant = lambda e: Series((e, *(sp.Integer(0),) * terms))  # noqa: E731
    h = Series((sp.Integer(0), sp.Integer(1), *(sp.Integer(0),) * (terms - 1)))
    on, p = on_series(v), v.parameter_symbols
    x = tuple(constant(s) for s in v.symbols)
    like = method.initial(on, x, p)
    memory = _memory(v, method, like, h)
    points = [x]
    for _ in range(terms):
        state = shaped((*points[-1], *_at(memory, v, points[-1])), like)
        points.append(_series(flat(method.step(on, state, p, h))[: v.n], h))
    return points


def _series(values: Any, h: Series) -> tuple[Series, ...]:
    return tuple(value if isinstance(value, Series) else h * 0 + value for value in values)


def _at(memory: list[list[sp.Expr]], v: VectorField, x: tuple[Series, ...]) -> tuple[Series, ...]:
    """Σ Mₖ(x) hᵏ, entry by entry, at a point x that is a series itself."""
    zero, h = x[0] * 0, Series([sp.Integer(k == 1) for k in range(x[0].order + 1)])
    values = dict(zip(v.symbols, x, strict=True))
    totals = []
    for entry in memory:
        total, power = zero, zero + 1
        for coefficient in entry:
            total, power = total + power * evaluated(coefficient, values), power * h
        totals.append(total)
    return tuple(totals)


def _memory(v: VectorField, method: Method, like: Any, h: Series) -> list[list[sp.Expr]]:
    """The coefficients Mₖ(x) of the memory on the invariant manifold: a step from (x, M(x)) leads to (x⁺, M(x⁺)).

    At each power of h the unknown Mₖ enters linearly, through what the memory keeps of itself at h = 0.
    """
    on, p, x = on_series(v), v.parameter_symbols, tuple(h * 0 + s for s in v.symbols)
    size = len(flat(like)) - v.n
    if size == 0:
        return []
    zero = tuple((sp.Integer(0),) * v.n for _ in range(v.n))
    kept = sp.Matrix(linear_update(method, zero, sp.Integer(0), sp.Integer(0), sp.Integer(1), v.blocks))[v.n :, v.n :]
    forgetting = sp.eye(size) - kept
    if forgetting.det() == 0:
        raise InputError(f"{method.label} has no modified field: part of its memory is never forgotten")
    memory: list[list[sp.Expr]] = [[] for _ in range(size)]
    for k in range(h.order + 1):
        residual = sp.Matrix(_residual(v, method, like, memory, (on, x, p, h), k))
        for entry, coefficient in zip(memory, forgetting.LUsolve(residual), strict=True):
            entry.append(sp.expand(coefficient))
        if any(sp.simplify(e) != 0 for e in _residual(v, method, like, memory, (on, x, p, h), k)):
            raise InputError(f"{method.label} has no modified field: its memory is no power series in h")
    return memory


def _residual(v: VectorField, method: Method, like: Any, memory: Any, given: Any, k: int) -> list[sp.Expr]:
    """The coefficient of hᵏ of what the memory becomes less what it should be at the new point."""
    on, x, p, h = given
    new = _series(flat(method.step(on, shaped((*x, *_at(memory, v, x)), like), p, h)), h)
    expected = _at(memory, v, new[: v.n])
    return [sp.expand(a.coefficients[k] - b.coefficients[k]) for a, b in zip(new[v.n :], expected, strict=True)]
