"""One algebra, every number: the same operation on floats, complex numbers, arrays and symbols."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from dynsys import vector
from dynsys.emission import jit

SIZES = [1, 2, 3, 4, 5, 6]
every_size = pytest.mark.parametrize("n", SIZES)


@jit
def solve(A, b):
    return vector.solve(A, b)


def drawn(seed, *shape, dtype=float):
    rng = np.random.default_rng(seed)
    return rng.integers(-8, 9, shape) / 8 + (1j * rng.integers(-8, 9, shape) / 8 if dtype is complex else 0)


def rows(A):
    return tuple(map(tuple, A.tolist()))


def rational(x):
    return tuple(map(rational, x)) if isinstance(x, tuple) else sp.nsimplify(x, rational=True)


def close(got, wanted):
    np.testing.assert_allclose(np.array(got, dtype=complex), wanted, rtol=1e-13, atol=1e-14)


# --- sums and products ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [float, complex])
@every_size
def test_tuples_agree_with_linear_algebra(n, dtype):
    x, y, A, a = drawn(1, n, dtype=dtype), drawn(2, n, dtype=dtype), drawn(3, n, n, dtype=dtype), 0.375
    tx, ty, tA = tuple(x.tolist()), tuple(y.tolist()), rows(A)
    close(vector.axpy(a, tx, ty), a * x + y)
    close(vector.scale(a, tx), a * x)
    close(vector.dot(tx, ty), sum(x * y))  # no conjugation
    close(vector.matvec(tA, tx), A @ x)
    close(vector.vecmat(tx, tA), A.T @ x)


@every_size
@pytest.mark.parametrize("points", [(), (4,), (2, 3)])
def test_arrays_of_points_agree_with_tuples_of_components(n, points):
    x, y, A = drawn(1, *points, n), drawn(2, *points, n), drawn(3, *points, n, n)
    tx, ty = tuple(np.moveaxis(x, -1, 0)), tuple(np.moveaxis(y, -1, 0))
    tA = tuple(map(tuple, np.moveaxis(A, (-2, -1), (0, 1))))
    stacked = lambda parts: np.stack(parts, -1)  # noqa: E731
    close(vector.axpy(0.375, x, y), stacked(vector.axpy(0.375, tx, ty)))
    close(vector.scale(0.375, x), stacked(vector.scale(0.375, tx)))
    close(vector.dot(x, y), vector.dot(tx, ty))
    close(vector.matvec(A, x), stacked(vector.matvec(tA, tx)))
    close(vector.vecmat(x, A), stacked(vector.vecmat(tx, tA)))
    close(vector.matvec(A, x), np.einsum("...ij,...j->...i", A, x))
    close(vector.vecmat(x, A), np.einsum("...ji,...j->...i", A, x))


@every_size
def test_symbols_are_computed_exactly(n):
    tx, ty, tA = (rational(t) for t in (tuple(drawn(1, n).tolist()), tuple(drawn(2, n).tolist()), rows(drawn(3, n, n))))
    a, X, Y, A = sp.Symbol("a"), sp.Matrix(tx), sp.Matrix(ty), sp.Matrix(tA)
    assert sp.expand(sp.Matrix(vector.axpy(a, tx, ty)) - (a * X + Y)).is_zero_matrix
    assert sp.Matrix(vector.scale(a, tx)) == a * X
    assert vector.dot(tx, ty) == X.dot(Y)
    assert sp.Matrix(vector.matvec(tA, tx)) == A * X
    assert sp.Matrix(vector.vecmat(tx, tA)) == A.T * X


@pytest.mark.parametrize(
    "call",
    [
        lambda: vector.axpy(1.0, (1.0, 2.0), (1.0,)),
        lambda: vector.dot((1.0, 2.0), (1.0,)),
        lambda: vector.matvec(((1.0, 2.0),), (1.0,)),
    ],
)
def test_sizes_that_do_not_fit_raise(call):
    with pytest.raises(ValueError):
        call()


# --- linear systems -------------------------------------------------------------------------------


@every_size
@pytest.mark.parametrize("of", [solve, vector.solve], ids=["compiled", "plain"])
@given(seed=st.integers(0, 10**6))
def test_solve_agrees_with_lapack_to_the_condition_of_the_matrix(of, n, seed):
    rng = np.random.default_rng(seed)
    A, b = rng.standard_normal((n, n)), rng.standard_normal(n)
    x = np.array(of(rows(A), tuple(b.tolist())))
    reference = np.linalg.solve(A, b)
    assert np.linalg.norm(x - reference) <= 1e-14 * np.linalg.cond(A) ** (2 if n == 3 else 1) * np.linalg.norm(
        reference
    )


@every_size
@pytest.mark.parametrize("of", [solve, vector.solve], ids=["compiled", "plain"])
def test_solve_pivots_where_the_diagonal_is_zero(of, n):
    A = np.roll(np.diag(np.arange(1.0, n + 1)), 1, axis=0)
    b = np.arange(1.0, n + 1)
    close(of(rows(A), tuple(b.tolist())), np.linalg.solve(A, b))


@every_size
def test_solve_is_exact_on_rational_and_right_on_complex_numbers(n):
    A, b = drawn(5, n, n) + 2 * np.eye(n), drawn(6, n)
    x = vector.solve(rational(rows(A)), rational(tuple(b.tolist())))
    assert sp.Matrix(rational(rows(A))) * sp.Matrix(x) == sp.Matrix(rational(tuple(b.tolist())))
    C, c = A + 1j * drawn(7, n, n), drawn(8, n, dtype=complex)
    close(vector.solve(rows(C), tuple(c.tolist())), np.linalg.solve(C, c))


@every_size
def test_solve_takes_the_components_of_many_points_and_pivots_each_for_itself(n):
    A, b = drawn(9, 7, n, n) + 0.3 * np.eye(n)[::-1], drawn(10, 7, n)
    A[0] = np.eye(n)[::-1]
    parts = vector.solve(tuple(map(tuple, np.moveaxis(A, 0, -1))), tuple(b.T))
    np.testing.assert_allclose(np.stack(parts, -1), np.linalg.solve(A, b[..., None])[..., 0], rtol=1e-11, atol=1e-12)


@every_size
@pytest.mark.parametrize("of", [solve, vector.solve], ids=["compiled", "plain"])
@pytest.mark.parametrize("kind", ["zero", "equal rows", "rank one", "nan"])
def test_a_singular_matrix_gives_numbers_that_are_not_finite_and_no_exception(of, n, kind):
    A = np.triu(np.ones((n, n)))
    if kind == "equal rows":
        A[-1] = 2 * A[0] if n > 1 else 0
    else:
        A = {"zero": np.zeros((n, n)), "rank one": np.ones((n, n)) * (n > 1), "nan": np.full((n, n), np.nan)}[kind]
    as_numpy = tuple(tuple(np.float64(e) for e in row) for row in A)
    with np.errstate(all="ignore"):
        x = of(as_numpy, tuple(np.float64(e) for e in range(1, n + 1)))
    assert not np.isfinite(x).all()
