"""Is an expression identically zero? True, False, or None when SymPy cannot tell."""

from __future__ import annotations

import random
from collections.abc import Iterable

import sympy as sp

from dynsys.functions import logistic, softplus
from dynsys.watch import OvertimeError, Watch

TIME_LIMIT = 5.0  # seconds of processor time for SymPy's algebra; what takes longer is undecided


def is_zero(expression: sp.Expr) -> bool | None:
    """Three-valued: False is proved by a value, True by algebra, None is undecided.

    A value at a point is evaluated to 30 digits with SymPy's error control, so a non-zero one is a proof.
    """
    expression = sp.sympify(expression).rewrite([logistic, softplus], sp.exp)
    if expression.is_zero:
        return True
    if any(_is_nonzero_at(expression, seed) for seed in range(8)):
        return False
    return _by_algebra(expression)


def _by_algebra(expression: sp.Expr) -> bool | None:
    """True if expanding or simplifying gives 0; None if not, or not within `TIME_LIMIT`."""
    try:
        with Watch(TIME_LIMIT) as watch:
            watch.arm()
            return True if any(simpler(expression) == 0 for simpler in (sp.expand, sp.simplify)) else None
    except OvertimeError:
        return None


def all_zero(expressions: Iterable[sp.Expr]) -> bool | None:
    """True if all are identically zero, False if one is not, else None; the first that is not ends the search."""
    undecided = False
    for e in expressions:
        verdict = is_zero(e)
        if verdict is False:
            return False
        undecided = undecided or verdict is None
    return None if undecided else True


def _is_nonzero_at(expression: sp.Expr, seed: int) -> bool:
    """True if the expression has a provably non-zero finite value at the seed-th point of a fixed random sequence."""
    draw = random.Random(seed)
    low = -1000 if seed < 4 else 1  # logarithms and roots are real where all is positive
    point = {s: sp.Rational(draw.randint(low, 1000), 457) for s in sorted(expression.free_symbols, key=str)}
    try:
        value = expression.subs(point).evalf(30, maxn=200)
    except (ValueError, ZeroDivisionError, OverflowError):
        return False
    if not value.is_number or not value.is_finite:
        return False
    return bool(value.is_comparable and abs(value) > sp.Float("1e-20"))
