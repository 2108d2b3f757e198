"""Taylor coefficients of a field's solutions, to any order: automatic differentiation written out as pure arithmetic.

The expressions of a field, common parts named once, become a graph of nodes (`dynsys.taylor_nodes`). All
coefficients of order k come before those of order k + 1, and a variable's coefficient k + 1 is its component's
coefficient k over k + 1. The text is straight-line code on numbers: it inlines into a loop over lanes and vectorises.
"""

from __future__ import annotations

import ast
import functools
from typing import Any

import numpy as np
import sympy as sp

from dynsys.codegen import numpy_functions, tuple_text
from dynsys.errors import InputError, shown
from dynsys.field import VectorField, as_points
from dynsys.taylor_graph import Graph, tidied

ORDER_LIMIT = 100  # a step at double precision gains nothing beyond order 20 or so: Jorba & Zou (2005)


def series_text(field: VectorField, order: int, decorator: str = "") -> str:
    """The text of a pure function `series(x, p)`: the Taylor coefficients of the solution through x.

    Returns ((x₀⁽⁰⁾, …, x₀⁽ᵒʳᵈᵉʳ⁾), (x₁⁽⁰⁾, …), …), each coefficient the derivative over k!. As in `VectorField.source`
    the last of p is the time if the field has one. Sums of products cost k multiplications at order k, squares half.
    """
    if not isinstance(field, VectorField):
        raise InputError(f"field is {shown(field)}; Taylor series need a VectorField, given by expressions")
    order = _checked_order(order)
    body = _body(field.expressions, field.symbols, field.parameter_symbols, field.time is not None, order)
    return (f"{decorator}\n" if decorator else "") + body


def taylor_coefficients(field: VectorField, x: Any, order: int, t: float | None = None) -> np.ndarray:
    """Normalised Taylor coefficients x⁽ᵏ⁾/k!, k = 0 … order, of the solutions through points x at time t.

    x has shape (…, n), the result (…, n, order + 1): a polynomial in s whose value at s approximates the solution a
    time s later, with an error of order s^(order + 1). Where the field is not analytic (at a pole, outside the domain
    of a logarithm) entries are infinite or NaN; `switch` counts as constant. Raises `InputError` for an order below 1
    or above 100, for a field not given by expressions, and for points of another dimension. Jorba & Zou (2005).
    """
    text = series_text(field, order)
    points = as_points(x, field.variables)
    with np.errstate(all="ignore"):
        rows = numpy_functions(text)["series"](tuple(np.moveaxis(points, -1, 0)), np.array(field.values(t)))
    entries = np.broadcast_arrays(*[entry for row in rows for entry in row], points[..., 0])[:-1]
    return np.stack(entries, -1).reshape((*points.shape[:-1], field.n, order + 1))


def operations(text: str) -> int:
    """How many arithmetic operations and function calls a text of `series_text` holds.

    Numba takes about a millisecond each: 1.4 s for the 1438 of a planar cubic field at order 20.
    """
    statements = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Assign)]
    parts = [part for statement in statements for part in ast.walk(statement)]
    return sum(isinstance(part, ast.BinOp | ast.UnaryOp | ast.Call) for part in parts)


def _checked_order(order: Any) -> int:
    if isinstance(order, bool) or not isinstance(order, int | np.integer) or not 1 <= order <= ORDER_LIMIT:
        raise InputError(f"order is {shown(order)}; give a whole number from 1 to {ORDER_LIMIT}")
    return int(order)


@functools.lru_cache(maxsize=128)
def _body(
    expressions: tuple[sp.Expr, ...],
    variables: tuple[sp.Symbol, ...],
    parameters: tuple[sp.Symbol, ...],
    timed: bool,
    order: int,
) -> str:
    graph = Graph(expressions, variables, parameters, timed)
    for k in range(order):
        for node in graph.nodes:
            node.advance(k, graph.write)
    for variable in graph.variables:
        variable.advance(order, graph.write)
    rows = [[entry or "0.0" for entry in variable.value] for variable in graph.variables]
    lines = [f"    {name} = {text}" for name, text in tidied(graph.written, {e for row in rows for e in row})]
    return "\n".join(["def series(x, p):", *lines, f"    return {tuple_text([tuple_text(row) for row in rows])}\n"])
