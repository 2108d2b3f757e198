"""Fields and games from matrices, so that a theorem's hypotheses can be drawn as numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from dynsys import Game, VectorField
from dynsys.matrix_free import MatrixFreeField, Products


def linear_field(J):
    """The field Jx in variables x0, x1, …; its entries are the decimals of J, or J's own texts."""
    names = [f"x{i}" for i in range(len(J))]
    text = lambda a: a if isinstance(a, str) else repr(float(a))  # noqa: E731
    rows = tuple(" + ".join(f"({text(a)})*{x}" for a, x in zip(row, names, strict=True)) for row in J)
    return VectorField(rows, names, box=[(-1, 1)] * len(J))


def quadratic_game(hessians, sizes):
    """The game of payoffs ½xᵀHᵢx, one symmetric matrix a player; player i owns sizes[i] variables."""
    names = [f"x{k}" for k in range(sum(sizes))]
    ends = np.cumsum([0, *sizes])
    players = {f"p{i}": names[a:b] for i, (a, b) in enumerate(itertools.pairwise(ends))}
    payoffs = {}
    for player, H in zip(players, hessians, strict=True):
        terms = [f"({float(H[i, j])!r})*{a}*{b}/2" for i, a in enumerate(names) for j, b in enumerate(names)]
        payoffs[player] = " + ".join(terms)
    return Game(players, payoffs, box=[(-1, 1)] * len(names))


def matrix_free_field(J, sizes=None, dtype=float, shift=0.0, **more):
    """The field J(x - shift) by products with J alone, one player or players of these sizes."""
    J = np.asarray(J, dtype)
    players = {f"p{i}": size for i, size in enumerate(sizes or (len(J),))}
    near = lambda x: Products(J @ (x - np.asarray(shift, dtype)), J.__matmul__, J.T.__matmul__)  # noqa: E731
    return MatrixFreeField(near, players, dtype=dtype, **more)


@pytest.fixture(scope="session")
def matrix_free():
    return matrix_free_field


def by_products(field):
    """A symbolic field of a game as a matrix-free one with the same players."""

    def near(x):
        J = field.jacobian(x)
        return Products(field(x), J.__matmul__, J.T.__matmul__)

    return MatrixFreeField(near, {player: len(own) for player, own in field.players.items()})


@pytest.fixture(scope="session")
def products_of():
    return by_products


@pytest.fixture(scope="session")
def linear():
    return linear_field


@pytest.fixture(scope="session")
def quadratic():
    return quadratic_game
