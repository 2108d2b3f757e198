"""Butcher tableaux, exact: what a Runge-Kutta method is, and the order that follows from it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from dynsys.errors import InputError, shown

Tree = tuple[Any, ...]  # a rooted tree is the tuple of the subtrees at its root
HIGHEST = 8  # order conditions are tested up to this order: 200 trees


@dataclass(frozen=True)
class Tableau:
    """An explicit Butcher tableau: A (s rows of s), weights b and, if given, nodes c, as exact fractions.

    Raises `InputError` for entries that are not exact, rows of the wrong length, an entry on or above the diagonal,
    weights that do not sum to 1, and nodes that are not the row sums.
    """

    A: Sequence[Sequence[Any]]
    b: Sequence[Any]
    c: Sequence[Any] | None = None

    def __post_init__(self) -> None:
        A = tuple(tuple(_fraction(a, f"A[{i}][{j}]") for j, a in enumerate(row)) for i, row in enumerate(self.A))
        b = tuple(_fraction(w, f"b[{i}]") for i, w in enumerate(self.b))
        if not b or len(A) != len(b) or any(len(row) != len(b) for row in A):
            raise InputError(f"A has rows of {[len(row) for row in A]} entries and b has {len(b)}; give s rows of s")
        for i, row in enumerate(A):
            if any(row[i:]):
                raise InputError(
                    f"row {i} of A is not 0 from the diagonal on; an explicit method needs a_ij = 0, j ≥ i"
                )
        if sum(b) != 1:
            raise InputError(f"the weights b sum to {sum(b)}; a consistent method needs 1")
        sums = tuple(sum(row, Fraction(0)) for row in A)
        if self.c is not None and tuple(_fraction(w, f"c[{i}]") for i, w in enumerate(self.c)) != sums:
            raise InputError(f"c is {shown(self.c)} but the rows of A sum to {', '.join(map(str, sums))}; leave c out")
        for name, value in (("A", A), ("b", b), ("c", sums)):
            object.__setattr__(self, name, value)

    @functools.cached_property
    def order(self) -> int:
        """The largest p for which every rooted tree t of up to p nodes has Σ bᵢ Φᵢ(t) = 1/γ(t). Butcher (1963)."""
        for p in range(2, HIGHEST + 1):
            if any(self._weight(tree) != 1 / density(tree) for tree in trees(p)):
                return p - 1
        return HIGHEST

    def _weight(self, tree: Tree) -> Fraction:
        return sum((w * e for w, e in zip(self.b, self._elementary(tree), strict=True)), Fraction(0))

    def _elementary(self, tree: Tree) -> tuple[Fraction, ...]:
        """Φᵢ(t): the product over the subtrees u at the root of Σⱼ aᵢⱼ Φⱼ(u)."""
        below = [self._elementary(subtree) for subtree in tree]
        products = []
        for row in self.A:
            value = Fraction(1)
            for phi in below:
                value *= sum((a * f for a, f in zip(row, phi, strict=True)), Fraction(0))
            products.append(value)
        return tuple(products)


def size(tree: Tree) -> int:
    """The number of nodes."""
    return 1 + sum(map(size, tree))


def density(tree: Tree) -> Fraction:
    """γ(t): the product over all nodes of the sizes of the trees below them."""
    value = Fraction(size(tree))
    for subtree in tree:
        value *= density(subtree)
    return value


@functools.cache
def trees(nodes: int) -> tuple[Tree, ...]:
    """All rooted trees with this many nodes: 1, 1, 2, 4, 9, 20, 48, 115 of them."""
    if nodes == 1:
        return ((),)
    found = {tuple(sorted((*tree, ()))) for tree in trees(nodes - 1)}
    found |= {grown for tree in trees(nodes - 1) for grown in _grown(tree)}
    return tuple(sorted(found))


def _grown(tree: Tree) -> set[Tree]:
    """The trees with one leaf more than this one."""
    grown = {tuple(sorted((*tree, ())))}
    for i, subtree in enumerate(tree):
        grown |= {tuple(sorted((*tree[:i], larger, *tree[i + 1 :]))) for larger in _grown(subtree)}
    return grown


def _fraction(value: Any, argument: str) -> Fraction:
    if isinstance(value, int | Fraction | str) and not isinstance(value, bool):
        try:
            return Fraction(value)
        except (ValueError, ZeroDivisionError):
            pass
    elif hasattr(value, "p") and hasattr(value, "q"):  # a rational of SymPy's
        return Fraction(int(value.p), int(value.q))
    raise InputError(f"{argument} is {shown(value)}; give an integer, a Fraction or a text such as '1/3'")
