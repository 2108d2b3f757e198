"""Linear relations among functions, guessed from many digits at random points: candidates for a proof."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import mpmath as mp
import sympy as sp

from analysis.precision import precise_function
from dynsys.errors import InputError
from dynsys.field import VectorField

DIGITS = 120  # of the values that candidates come from
SAME = mp.mpf(10) ** -60  # what is left of an entry that vanishes, relative
FLOOR = mp.mpf(10) ** -30  # what is smaller everywhere by a further factor SAME is rounding of a sum that vanishes
LARGEST_DENOMINATOR = 10**20


def random_values(v: VectorField, expressions: Sequence[sp.Expr], count: int) -> list[list[Any]]:
    """The expressions at `count` random rational points where all of them are real and finite, a row a point."""
    evaluate, draw, rows = precise_function(expressions, v.symbols), random.Random(0), []
    ranges = [[(-2.0, 2.0)] * v.n, [(0.125, 2.0)] * v.n, *([v.region()] if v.box else [])]
    with mp.workdps(DIGITS):
        for box in ranges:
            for _ in range(2 * count):
                point = [mp.mpf(round(draw.uniform(*pair) * 997)) / 997 for pair in box]
                try:
                    row = [mp.mpmathify(value) for value in evaluate(*point)]
                except (ValueError, ZeroDivisionError, OverflowError):
                    continue
                if all(isinstance(value, mp.mpf) and mp.isfinite(value) for value in row):
                    rows.append(row)
                if len(rows) == count:
                    return rows
    raise InputError("field and functions are real and finite together at too few points; give the field a box of such")


def relations(rows: list[list[Any]]) -> list[list[Any]]:
    """The null space of a matrix in reduced form: each vector has a last entry 1 where the others have 0."""
    with mp.workdps(DIGITS):
        sizes = [max(FLOOR, *map(abs, row)) for row in rows]
        work = [[value / size for value in row] for row, size in zip(rows, sizes, strict=True)]
        scales = [max(FLOOR, *(abs(row[k]) for row in work)) for k in range(len(work[0]))]
        pivots: list[int] = []
        for k, scale in enumerate(scales):
            best = max(range(len(pivots), len(work)), key=lambda i: abs(work[i][k]))
            if abs(work[best][k]) > SAME * scale:
                _eliminate(work, len(pivots), best, k)
                pivots.append(k)
        free = [k for k in range(len(scales)) if k not in pivots]
        found = [[mp.mpf(k == f) for k in range(len(scales))] for f in free]
        for f, relation in zip(free, found, strict=True):
            for i, k in enumerate(pivots):
                relation[k] = -work[i][f]
        return found


def _eliminate(work: list[list[Any]], place: int, best: int, k: int) -> None:
    """One step of Gauss-Jordan elimination: row `best` moves to `place` and clears column k."""
    work[place], work[best] = work[best], work[place]
    pivot = work[place] = [value / work[place][k] for value in work[place]]
    for i, row in enumerate(work):
        if i != place and row[k]:
            factor = row[k]
            work[i] = [a - factor * b if b else a for a, b in zip(row, pivot, strict=True)]


def rationalised(relation: list[Any]) -> list[Fraction] | None:
    """The relation with the simple rationals that its entries are, or None."""
    found = []
    with mp.workdps(DIGITS):
        for value in relation:
            fraction = Fraction(int(mp.nint(mp.ldexp(value, 380))), 2**380)
            simple = fraction.limit_denominator(LARGEST_DENOMINATOR)
            if abs(simple - fraction) > (1 + abs(simple)) * Fraction(1, 10**50):
                return None
            found.append(simple)
    return found
