"""Blocks of a Jacobian: one player against all others, and linear systems solved exactly by cofactors."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import sympy as sp

from dynsys.errors import InputError, nearest, shown
from dynsys.field import VectorField
from dynsys.identities import is_zero
from dynsys.vector import matvec, scale

LARGEST_BLOCK = 4  # a determinant of order n has n! terms and an exact Jacobian differentiates each: 5 take minutes


def sides(v: Any, player: str, argument: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The indices of the variables of `player`, and of those of all other players."""
    if len(v.players) < 2:
        raise InputError(f"{argument} is {shown(player)}, but the field is one block; give a field with players")
    if not isinstance(player, str) or player not in v.players:
        raise InputError(f"{argument} is {shown(player)}, which is no player; {nearest(player, v.players)}")
    own = v.blocks[list(v.players).index(player)]
    return own, tuple(i for block in v.blocks for i in block if i not in own)


def solved(A: Sequence[Sequence[Any]], b: Sequence[Any], what: str) -> tuple[sp.Expr, ...]:
    """A⁻¹ b: by Cramer's rule, whose expressions stay as small as the entries are, or by the inverse of a constant A.

    `InputError` that names the matrix as `what` if it varies and has more than `LARGEST_BLOCK` rows.
    """
    n = len(b)
    if _is_rational(A):
        return matvec(tuple(map(tuple, sp.Matrix(A).inv().tolist())), tuple(b))
    if n > LARGEST_BLOCK:
        raise InputError(f"{what} varies and has {n} rows; its exact inverse is formed for at most {LARGEST_BLOCK}")
    bar = 1 / determinant(A)
    replaced = [[[*row[:k], bi, *row[k + 1 :]] for row, bi in zip(A, b, strict=True)] for k in range(n)]
    return scale(bar, tuple(map(determinant, replaced)))


def determinant(A: Sequence[Sequence[Any]]) -> sp.Expr:
    """The determinant by its first row, each minor formed once; of a constant matrix by elimination."""
    if _is_rational(A):
        return sp.Matrix(A).det()

    @functools.cache
    def minor(columns: tuple[int, ...]) -> Any:
        if not columns:
            return sp.Integer(1)
        row = A[len(A) - len(columns)]
        return sp.Add(*((-1) ** k * row[j] * minor((*columns[:k], *columns[k + 1 :])) for k, j in enumerate(columns)))

    return minor(tuple(range(len(A))))


def _is_rational(A: Sequence[Sequence[Any]]) -> bool:
    return all(e.is_Rational for row in A for e in row)


def check_invertible(v: VectorField, A: Sequence[Sequence[Any]], values: dict[Any, Any], remedy: str) -> None:
    """Raise `InputError` where A is singular at every point, with the parameters of v and these values put in."""
    if is_zero(determinant([[v.at_values(e.xreplace(values)) for e in row] for row in A])):
        raise InputError(f"the followers' block of the Jacobian is singular at every point; {remedy}")
