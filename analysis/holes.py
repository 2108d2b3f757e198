"""Where a formula may fail to be smooth: the holes of a field's domain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import mpmath as mp
import numpy as np
import sympy as sp

from analysis.enclosures import enclosed
from dynsys.field import Box
from dynsys.functions import logistic, softplus

BOXES = 4000  # most parts of a box that interval arithmetic looks at

# smooth on the whole line, or such that `holes_of` says where not
KNOWN = (
    *(sp.exp, sp.sin, sp.cos, sp.atan, sp.sinh, sp.cosh, sp.tanh, sp.erf, sp.erfi, logistic, softplus),
    *(sp.log, sp.tan, sp.asin, sp.acos),
)


def holes_of(expressions: Iterable[sp.Expr]) -> set[sp.Expr]:
    """Expressions without whose zeros (and, of roots and logarithms, changes of sign) the given ones are smooth."""
    holes: set[sp.Expr] = set()
    for e in expressions:
        for node in sp.preorder_traversal(e):
            if node.is_Pow and not (node.exp.is_Integer and node.exp > 0) and not node.base.is_positive:
                holes.add(node.base)
            elif isinstance(node, sp.log) and not node.args[0].is_positive:
                holes.add(node.args[0])
            elif isinstance(node, sp.tan):
                holes.add(sp.cos(node.args[0]))
            elif isinstance(node, sp.asin | sp.acos):
                holes.add(1 - node.args[0] ** 2)
            elif node.is_Function and not isinstance(node, KNOWN):
                holes.add(node)  # of an unknown kind: never known to be without zeros
    return {h for h in holes if not h.is_positive and not _nowhere_zero(h)}


def factors_of(holes: Iterable[sp.Expr]) -> set[sp.Expr]:
    """The irreducible factors of the holes, up to constants."""
    factors = {factor for hole in holes for factor, _ in sp.factor_list(sp.together(hole))[1]}
    return {sp.expand(-f) if f.could_extract_minus_sign() else sp.expand(f) for f in factors}


def without_zeros(holes: Iterable[sp.Expr], symbols: Sequence[sp.Symbol], box: Box) -> bool:
    """Whether interval arithmetic proves that no hole vanishes on the box, bisecting it where it cannot tell."""
    return all(_without_zeros(hole, symbols, box) for hole in holes)


def _without_zeros(hole: sp.Expr, symbols: Sequence[sp.Symbol], box: Box) -> bool:
    parts, looked = [list(box)], 0
    while parts:
        part, looked = parts.pop(), looked + 1
        if _clear(hole, symbols, part):
            continue
        if looked > BOXES:
            return False
        k = int(np.argmax([hi - lo for lo, hi in part]))
        lo, hi = part[k]
        for half in ((lo, (lo + hi) / 2), ((lo + hi) / 2, hi)):
            parts.append([*part[:k], half, *part[k + 1 :]])
    return True


def _nowhere_zero(hole: sp.Expr) -> bool:
    """Whether one look at the whole space proves it, as it does for 2 + cos x."""
    symbols = tuple(hole.free_symbols)
    return _clear(hole, symbols, [(-np.inf, np.inf)] * len(symbols))


def _clear(hole: sp.Expr, symbols: Sequence[sp.Symbol], box: Sequence[tuple[float, float]]) -> bool:
    """Whether interval arithmetic on the whole box proves that the expression does not vanish there."""
    value = enclosed(hole, {s: mp.iv.mpf(list(pair)) for s, pair in zip(symbols, box, strict=True)})
    return bool(value.a > 0 or value.b < 0)
