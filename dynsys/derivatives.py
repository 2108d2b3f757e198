"""Exact partial derivatives of expressions; of many by SymEngine, where it is installed."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import sympy as sp

from dynsys.functions import SYMPY, logistic, softplus

FEW = 64  # entries of a Jacobian that SymPy derives before SymEngine is loaded: a tenth of a second
KNOWN = {*SYMPY.values()} - {logistic, softplus}  # the functions whose derivatives SymEngine knows, too


def partial_derivatives(
    expressions: Sequence[sp.Expr], symbols: Sequence[sp.Symbol]
) -> tuple[tuple[sp.Expr, ...], ...]:
    """∂eᵢ/∂sⱼ, a row an expression.

    Sixteen expressions of a consensus field take SymPy 1.4 s and SymEngine .1 s, thirty-two 7.7 s and .4 s.
    """
    engine = _engine() if len(expressions) * len(symbols) > FEW else None
    functions = {part.func for e in expressions for part in sp.sympify(e).atoms(sp.Function)} if engine else set()
    if engine is None or functions - KNOWN:
        return tuple(tuple(sp.diff(e, s) for s in symbols) for e in expressions)
    names = {sp.Symbol(s.name): s for e in expressions for s in e.free_symbols}  # SymEngine's symbols assume nothing
    variables = [engine.sympify(s) for s in symbols]
    rows = [[engine.sympify(e).diff(s) for s in variables] for e in expressions]
    return tuple(tuple(sp.sympify(entry).xreplace(names) for entry in row) for row in rows)


@functools.cache
def _engine() -> Any:
    """SymEngine, or None."""
    try:
        import symengine
    except ImportError:
        return None
    return symengine
