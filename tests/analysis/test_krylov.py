"""Ritz values: against dense eigenvalues and SciPy's ARPACK, with residuals that are what they claim to be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.linalg import eigvals, norm
from numpy.testing import assert_allclose
from scipy.sparse.linalg import eigs

from analysis import ritz_values
from analysis.krylov import TARGETS, dense_values, orthogonalised
from dynsys import InputError

few = settings(max_examples=max(8, settings.default.max_examples // 4))
seeds = st.integers(0, 2**32 - 1)
targets = st.sampled_from(sorted(TARGETS))


def random_matrix(n, seed):
    """Entries independent and normal; the circular law has all eigenvalues in a disc of radius about 1."""
    return np.random.default_rng(seed).standard_normal((n, n)) / np.sqrt(n)


def spread(n, seed):
    """A matrix whose six leading eigenvalues by real part and by modulus stand apart; not normal."""
    rng = np.random.default_rng(seed)
    J = np.diag(-rng.uniform(0.2, 1, n))
    J[:2, :2] = [[0.9, 2.5], [-2.5, 0.9]]
    J[2:4, 2:4] = [[0.5, 1], [-1, 0.5]]
    J[4, 4], J[5, 5], J[6, 6] = 0.2, -4, -3
    return J + np.triu(rng.standard_normal((n, n)), 7) / n


def by_score(values, which, k):
    return np.sort(TARGETS[which](values))[::-1][:k]


@given(n=st.integers(1, 30), seed=seeds, which=targets, k=st.integers(1, 6))
def test_a_basis_of_the_whole_space_finds_the_leading_eigenvalues_to_rounding(n, seed, which, k):
    M = random_matrix(n, seed)
    found = ritz_values(lambda u: M @ u, n, which, k, basis=max(40, n))
    exact = eigvals(M)
    assert found.complete and found.converged.all()
    assert_allclose(
        by_score(found.values, which, len(found.values)), by_score(exact, which, len(found.values)), atol=1e-8
    )


@few
@given(seed=seeds, which=st.sampled_from(["real", "modulus"]))
def test_restarts_find_what_dense_eigenvalues_say(seed, which):
    M = spread(120, seed)
    found = ritz_values(lambda u: M @ u, 120, which, 4, basis=9, products=800, rng=seed)
    assert found.converged.all() and found.products > 14  # it has restarted
    assert_allclose(by_score(found.values, which, 4), by_score(eigvals(M), which, 4), atol=1e-4)


@pytest.mark.parametrize(("which", "arpack"), [("real", "LR"), ("modulus", "LM"), ("imaginary", "LI")])
def test_arpack_finds_the_same(which, arpack):
    M = spread(200, 3)
    found = ritz_values(lambda u: M @ u, 200, which, 2, products=2000, tolerance=1e-10)
    known = eigs(M, 2, which=arpack, v0=np.ones(200), return_eigenvectors=False)
    assert found.converged.all()
    assert_allclose(np.sort_complex(found.values[:2]), np.sort_complex(known), atol=1e-7)


@given(n=st.integers(60, 100), seed=seeds, which=targets)
def test_residuals_are_those_of_the_vectors_whether_converged_or_not(n, seed, which):
    M = random_matrix(n, seed)
    found = ritz_values(lambda u: M @ u, n, which, 5, basis=12, products=40, vectors=True)
    Y = found.vectors
    assert_allclose(norm(Y, axis=1), 1, rtol=1e-12)
    assert_allclose(norm(Y @ M.T - found.values[:, None] * Y, axis=1), found.residuals, rtol=1e-6, atol=1e-12)
    assert found.products <= 40 and found.norm <= norm(M, 2) * (1 + 1e-12)
    assert list(found.converged) == [r <= 1e-6 * found.norm for r in found.residuals]


@given(n=st.integers(60, 100), seed=seeds, which=targets)
def test_ritz_values_are_in_the_field_of_values(n, seed, which):
    M = random_matrix(n, seed)
    found = ritz_values(lambda u: M @ u, n, which, 4, basis=10, products=60)
    assert (found.values.real <= np.linalg.eigvalsh((M + M.T) / 2)[-1] + 1e-9).all()


@few
@given(n=st.integers(45, 80), seed=seeds)
def test_the_kept_basis_stays_orthonormal_through_restarts_on_a_matrix_of_large_condition(n, seed):
    """Gram–Schmidt in one pass loses what it should keep on a graded matrix; its Ritz values go astray."""
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.standard_normal((n, n)))[0]
    M = Q @ np.diag(np.logspace(0, -12, n)) @ Q.T
    found = ritz_values(lambda u: M @ u, n, "modulus", 3, basis=15, products=400, tolerance=1e-13, vectors=True)
    assert_allclose(found.values.real, np.logspace(0, -12, n)[:3], rtol=1e-10)
    assert_allclose(np.abs(found.vectors @ found.vectors.conj().T), np.eye(3), atol=1e-9)


@given(seed=seeds)
def test_orthogonalised_leaves_nothing_along_the_rows_even_of_a_vector_almost_in_their_span(seed):
    rng = np.random.default_rng(seed)
    V = np.linalg.qr(rng.standard_normal((50, 10)))[0].T
    w = rng.standard_normal(10) @ V + 1e-9 * rng.standard_normal(50)
    coefficients, left_over, left = orthogonalised(w, V)
    assert np.abs(V @ left_over).max() <= 1e-14 * left * 10
    assert_allclose(coefficients @ V + left_over, w, atol=1e-14)


@pytest.mark.parametrize("scale", [0.0, 1.0, -3.0])
def test_a_breakdown_is_no_end_a_multiple_of_the_identity_has_its_eigenvalue_k_times(scale):
    found = ritz_values(lambda u: scale * u, 60, k=4, basis=10, products=30)
    assert_allclose(found.values, [scale] * 4, atol=1e-14)
    assert found.converged.all() and not found.complete


def test_a_block_the_first_vector_does_not_feel_is_found_after_the_breakdown():
    M = np.zeros((60, 60))
    M[:3, :3], M[3:, 3:] = [[0, 2, 0], [-2, 0, 0], [0, 0, 1]], np.diag(np.linspace(-1, 4, 57))
    start = np.zeros(60)
    start[:3] = 1
    found = ritz_values(lambda u: M @ u, 60, "real", 2, start=start, products=400)
    assert_allclose(found.values, [4, np.linspace(-1, 4, 57)[-2]], atol=1e-6)


def test_a_residual_is_a_backward_error_a_jordan_block_has_no_eigenvalue_near_its_ritz_values():
    N = np.diag(np.ones(99), 1)
    found = ritz_values(lambda u: N @ u, 100, products=1000, vectors=True)
    assert found.converged.all() and np.abs(found.values[0]) > 0.5  # the only eigenvalue is 0
    y, mu = found.vectors[0], found.values[0]
    E = np.outer(mu * y - N @ y, y.conj())  # the change to N that makes μ an eigenvalue
    assert norm(E, 2) <= 1e-6 * found.norm and np.abs(eigvals(N + E) - mu).min() < 1e-8


@given(seed=seeds)
def test_conjugates_come_in_pairs_with_one_residual(seed):
    M = random_matrix(70, seed)
    found = ritz_values(lambda u: M @ u, 70, "modulus", 3, basis=12, products=60)
    for z, residual in zip(found.values, found.residuals, strict=True):
        twin = np.abs(found.values - z.conjugate()).argmin()
        assert found.values[twin] == z.conjugate() and found.residuals[twin] == residual


@few
@given(seed=seeds)
def test_single_precision_claims_no_more_than_it_has(seed):
    M = spread(100, seed).astype(np.float32)
    found = ritz_values(lambda u: M @ u, 100, "real", 3, products=600, dtype=np.float32)
    assert found.tolerance == pytest.approx(np.sqrt(np.finfo(np.float32).eps)) and found.converged.all()
    assert_allclose(found.values.real[:2], 0.9, atol=5e-3)


def test_a_shift_keeps_the_digits_of_what_is_near_the_identity():
    M = 1e-9 * spread(80, 0)
    found = ritz_values(lambda u: M @ u, 80, "modulus", 2, shift=1.0, products=600)
    assert found.residuals.max() <= 1e-6 * found.norm and found.norm < 1e-7
    assert_allclose(found.values[:2].real - 1, 0.9e-9, rtol=1e-5)


@given(n=st.integers(1, 25), seed=seeds, which=targets)
def test_a_matrix_held_whole_says_the_same(n, seed, which):
    M = random_matrix(n, seed)
    whole, found = dense_values(M, which, 3), ritz_values(lambda u: M @ u, n, which, 3)
    assert_allclose(by_score(whole.values, which, 1), by_score(found.values, which, 1), atol=1e-8)
    assert whole.complete and whole.products == 0 and whole.residuals.max() < 1e-12


def test_sides_and_what_is_decided():
    M = np.diag([2.0, 1e-9, -1.0])
    M[1:, 1:] = [[1e-9, 1], [-1, 1e-9]]
    found = dense_values(M, "real", 3)
    assert found.sides == ("right", "axis", "axis") and found.decided.all()
    assert dense_values(np.zeros((2, 2)), "real", 2).sides == ("zero", "zero")
    assert dense_values(-np.eye(2), "real", 2).to_dict()["values"] == [[-1.0, 0.0], [-1.0, 0.0]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"which": "reel"}, "did you mean 'real'"),
        ({"k": 0}, "k is 0"),
        ({"basis": 4, "k": 3}, "basis is 4; for k = 3 give at least 6"),
        ({"products": 10}, "products is 10"),
    ],
)
def test_it_says_what_is_wrong(arguments, words):
    with pytest.raises(InputError, match=words):
        ritz_values(lambda u: u, 50, **arguments)


@pytest.mark.parametrize(("answer", "words"), [(np.full(50, np.nan), "not finite"), (np.zeros(3), r"shape \(3,\)")])
def test_products_are_checked(answer, words):
    with pytest.raises(InputError, match=words):
        ritz_values(lambda u: answer, 50)
