"""Spectra: their order, the norms of both parts of J, and the condition of each eigenvalue."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis import spectrum
from analysis.spectra import distance_to, matrix_spectrum
from dynsys import InputError, VectorField, games

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 5)


def random_matrix(seed, n):
    return np.random.default_rng(seed).standard_normal((n, n))


@given(seed=seeds, n=sizes)
def test_eigenvalues_are_those_of_the_jacobian_by_falling_real_part(seed, n):
    J = random_matrix(seed, n)
    found = matrix_spectrum(np.zeros(n), J).eigenvalues
    assert (np.diff(found.real) <= 1e-12).all()
    expected = list(scipy.linalg.eigvals(J))
    for z in found:
        expected.pop(int(np.argmin(np.abs(np.array(expected) - z))))
    assert not expected
    # two polynomials with the same roots: the pairing above cannot hide a repeated eigenvalue
    assert_allclose(np.poly(found), np.poly(J), atol=1e-10)


def test_of_a_conjugate_pair_the_eigenvalue_with_positive_imaginary_part_comes_first():
    found = matrix_spectrum(np.zeros(3), np.array([[-1, -2, 0], [2, -1, 0], [0, 0, -3.0]])).eigenvalues
    assert_allclose(found, [-1 + 2j, -1 - 2j, -3])


@given(seed=seeds, n=sizes)
def test_the_norms_are_those_of_the_symmetric_and_the_antisymmetric_part(seed, n):
    J = random_matrix(seed, n)
    found = matrix_spectrum(np.zeros(n), J)
    S = sum(((J[i, j] + J[j, i]) / 2) ** 2 for i in range(n) for j in range(n)) ** 0.5
    assert_allclose(found.symmetric_norm, S, rtol=1e-13)
    assert_allclose(found.symmetric_norm**2 + found.antisymmetric_norm**2, np.sum(J**2), rtol=1e-13)  # S ⟂ A


@given(seed=seeds, n=sizes)
def test_the_condition_of_an_eigenvalue_is_one_over_the_cosine_between_its_eigenvectors(seed, n):
    J = random_matrix(seed, n)
    found = matrix_spectrum(np.zeros(n), J)
    values, left, right = scipy.linalg.eig(J, left=True, right=True)
    cosines = np.abs(np.sum(left.conj() * right, axis=0))
    for z, condition in zip(found.eigenvalues, found.condition, strict=True):
        assert_allclose(condition, 1 / cosines[np.argmin(np.abs(values - z))], rtol=1e-6)


@pytest.mark.parametrize("m", [0.0, 1.0, 50.0])
def test_two_eigenvalues_one_apart_with_coupling_m_have_condition_sqrt_1_plus_m2(m):
    assert_allclose(matrix_spectrum(np.zeros(2), np.array([[1, m], [0, 2]])).condition, np.sqrt(1 + m**2))


def test_a_defective_eigenvalue_is_ill_conditioned():
    assert (matrix_spectrum(np.zeros(2), np.array([[-1.0, 1], [0, -1]])).condition > 1e7).all()


@given(seed=seeds, n=sizes, re=st.floats(-3, 3), im=st.floats(-3, 3))
def test_the_distance_to_an_eigenvalue_is_attained_and_no_smaller_change_suffices(seed, n, re, im):
    J, z = random_matrix(seed, n), complex(re, im)
    distance = distance_to(J, z)
    U, s, V = scipy.linalg.svd(J - z * np.eye(n))
    nearest = J - s[-1] * np.outer(U[:, -1], V[-1])
    assert np.abs(scipy.linalg.eigvals(nearest) - z).min() <= 1e-6 * (1 + abs(z))
    assert_allclose(np.linalg.norm(nearest - J, 2), distance, atol=1e-12)
    normal = J + J.T  # of a normal matrix it is the distance to the spectrum
    assert_allclose(distance_to(normal, z), np.abs(scipy.linalg.eigvalsh(normal) - z).min(), atol=1e-10)


def test_the_curl_field_is_all_rotation():
    found = spectrum(games.curl().field(), [0.3, -0.7])
    assert_allclose(found.eigenvalues, [1j, -1j])
    assert found.symmetric_norm == 0
    assert_allclose(found.antisymmetric_norm, np.sqrt(2))
    assert found.spectral_abscissa == 0
    assert found.to_dict()["eigenvalues"] == [[0, 1], [0, -1]]


def test_the_spectrum_is_taken_at_the_point_given():
    lorenz = games.lorenz()
    c = np.sqrt(72)
    J = [[-10, 10, 0], [1, -1, -c], [c, c, -8 / 3]]  # Lorenz (1963), at the right equilibrium
    found = spectrum(lorenz, [c, c, 27])
    assert_allclose(found.jacobian, J, atol=1e-13)
    assert_allclose(found.spectral_abscissa, np.linalg.eigvals(J).real.max())


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ([[0.0, 0], [1, 1]], "one point"),
        ([0.0, 0, 0], "3 entries"),
        (1.0, "single number"),
        ("ab", "numbers"),
    ],
)
def test_what_is_no_point_is_refused(x, words):
    with pytest.raises(InputError, match=words):
        spectrum(games.curl().field(), x)


def test_a_point_without_a_finite_jacobian_is_refused():
    with pytest.raises(InputError, match="not finite"):
        spectrum(VectorField(("log(x)",), ("x",)), [0.0])
