"""Transients of matrices against closed forms of Jordan blocks, against normal matrices, and Kreiss's theorem."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.linalg import expm

from analysis import pseudospectrum, transient_growth, transients
from analysis.nonnormality import numerical_radius
from dynsys import InputError, games
from dynsys.transforms import consensus
from integrators import Euler, HeavyBall

few = settings(max_examples=max(8, settings.default.max_examples // 5))
seeds = st.integers(0, 2**32 - 1)


def jordan(a, c):
    return np.array([[a, c], [0.0, a]])


def norm_of_jordan(power, shear):
    """‖a^k [[1, s], [0, 1]]‖ = a^k (s + √(s² + 4))/2."""
    return power * (shear + np.sqrt(shear**2 + 4)) / 2


def kreiss_of_jordan(r):
    """(r² + 4)/(4r) for r = c/gap > 2, else 1: x/σ_min at the zero x = gap (r² + 4)/(r² - 4) of its derivative."""
    return (r * r + 4) / (4 * r) if r > 2 else 1.0


@few
@given(a=st.floats(0.05, 0.98), c=st.floats(0.01, 5.0))
def test_the_powers_of_a_jordan_block(a, c):
    found = transients(jordan(a, c))
    k = np.arange(3000.0)
    norms = norm_of_jordan(a**k, k * c / a)
    assert_allclose(found.peak, norms.max(), rtol=1e-12)
    assert norms[int(found.peak_at)] >= norms.max() * (1 - 1e-11) and found.complete
    assert_allclose(found.norms, norms[: len(found.norms)], rtol=1e-10)
    assert_allclose([found.spectral, found.numerical], [a, a + c / 2], rtol=1e-7)
    assert_allclose(found.numerical, a + c / 2, rtol=1e-12)
    assert_allclose(found.kreiss, kreiss_of_jordan(c / (1 - a)), rtol=1e-9)


@few
@given(a=st.floats(0.05, 2.0), c=st.floats(0.01, 8.0))
def test_the_exponential_of_a_jordan_block(a, c):
    found = transients(jordan(-a, c), flow=True)
    at = math.sqrt(max(0.0, 1 / a**2 - 4 / c**2))
    assert_allclose(found.numerical, c / 2 - a, atol=1e-13 * (a + c))
    assert_allclose(found.peak, norm_of_jordan(math.exp(-a * at), c * at), rtol=1e-9)
    assert_allclose(found.peak_at, at, rtol=1e-6, atol=1e-6 / a)
    assert_allclose(found.kreiss, kreiss_of_jordan(c / a), rtol=1e-9)
    assert found.complete


def test_a_second_hump_is_found_after_the_first_has_passed():
    M = np.zeros((4, 4))
    M[:2, :2], M[2:, 2:] = jordan(0.3, 1.5), jordan(0.97, 0.2)
    found = transients(M)
    k = np.arange(200.0)
    norms = norm_of_jordan(0.97**k, k * 0.2 / 0.97)
    assert_allclose([found.peak, found.peak_at], [norms.max(), norms.argmax()], rtol=1e-12)
    assert found.norms[2] < found.norms[1] < found.peak
    A = np.zeros((4, 4))
    A[:2, :2], A[2:, 2:] = jordan(-3.0, 8.0), jordan(-0.05, 0.4)
    flow = transients(A, flow=True)
    assert_allclose(flow.peak, norm_of_jordan(math.exp(-0.05 * flow.peak_at), 0.4 * flow.peak_at), rtol=1e-12)


def normal_matrix(seed, radius):
    """Rotations and reflections in an orthonormal basis: eigenvalues within the radius."""
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    size, angle = rng.uniform(0.2, radius), rng.uniform(0, math.pi)
    D = np.zeros((4, 4))
    D[:2, :2] = size * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    D[2, 2], D[3, 3] = rng.uniform(-radius, radius, 2)
    return Q @ D @ Q.T


@few
@given(seed=seeds)
def test_a_normal_matrix_has_no_transients(seed):
    M = normal_matrix(seed, 0.95)
    found = transients(M)
    assert found.peak == 1 and found.peak_at == 0 and found.complete
    assert abs(found.kreiss - 1) < 1e-9 and found.departure < 1e-14
    assert_allclose(found.numerical, found.spectral, rtol=1e-12)
    assert_allclose(found.norms, found.spectral**found.time, rtol=1e-10)
    flow = transients(M - np.eye(4), flow=True)
    assert flow.peak == 1 and flow.peak_at == 0 and abs(flow.kreiss - 1) < 1e-9
    assert_allclose(flow.numerical, flow.spectral, atol=1e-13)


@few
@given(seed=seeds, n=st.integers(2, 4), radius=st.floats(0.3, 0.97))
def test_kreiss_theorem_and_what_bounds_the_start_hold(seed, n, radius):
    B = np.random.default_rng(seed).normal(size=(n, n))
    M = B * radius / np.abs(np.linalg.eigvals(B)).max()
    found = transients(M)
    assert found.complete and found.kreiss <= found.peak * (1 + 1e-9) and found.bounds[0] == found.kreiss
    powers, P = [], np.eye(n)
    for _ in range(300):
        powers.append(np.linalg.norm(P, 2))
        P = P @ M
    assert_allclose(found.peak, max(powers), rtol=1e-9)
    assert found.spectral <= found.numerical * (1 + 1e-12) <= np.linalg.norm(M, 2) * (1 + 1e-11)


@few
@given(seed=seeds, n=st.integers(2, 3), gap=st.floats(0.05, 1.0))
def test_the_peak_of_the_exponential_is_above_every_sample(seed, n, gap):
    B = np.random.default_rng(seed).normal(size=(n, n))
    A = B - (np.linalg.eigvals(B).real.max() + gap) * np.eye(n)
    found = transients(A, flow=True)
    times = np.linspace(0, 6 / gap, 1500)
    norms = np.linalg.norm(expm(times[:, None, None] * A), 2, axis=(1, 2))
    assert found.peak >= norms.max() * (1 - 1e-9) and found.kreiss <= found.peak * (1 + 1e-9)
    assert_allclose(np.linalg.norm(expm(found.peak_at * A), 2), found.peak, rtol=1e-9)


@few
@given(seed=seeds, n=st.integers(1, 5))
def test_the_numerical_radius_is_above_every_quotient_and_attained(seed, n):
    rng = np.random.default_rng(seed)
    M = rng.normal(size=(n, n))
    w = numerical_radius(M)
    x = rng.normal(size=(n, 200)) + 1j * rng.normal(size=(n, 200))
    x /= np.linalg.norm(x, axis=0)
    assert (np.abs((x.conj() * (M @ x)).sum(0)) <= w * (1 + 1e-12)).all()
    assert np.linalg.norm(M, 2) / 2 <= w * (1 + 1e-12) and np.abs(np.linalg.eigvals(M)).max() <= w * (1 + 1e-12)


def test_a_rotation_is_neutral_and_an_unstable_matrix_has_no_peak():
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    found = transients(turn)
    assert found.complete and abs(found.peak - 1) < 1e-12 and abs(found.kreiss - 1) < 1e-6
    for unstable in (transients([[1.1, 1.0], [0.0, 0.2]]), transients([[0.1, 1.0], [0.0, -2.0]], flow=True)):
        assert unstable.peak == math.inf and unstable.kreiss == math.inf and math.isnan(unstable.peak_at)
        assert unstable.to_dict()["peak"] is None
    shear = transients([[1.0, 1.0], [0.0, 1.0]], most=2000)
    assert not shear.complete and shear.peak > 1000
    assert not transients([[0.0, 1.0], [0.0, 0.0]], flow=True).complete


def test_transients_at_a_point_are_those_of_its_matrices():
    w = consensus(games.spiral_saddle().field(), 0.3)
    flow = transient_growth(w, [0.0, 0.0])
    assert flow.flow and np.allclose(flow.matrix, w.jacobian([0.0, 0.0]), rtol=1e-13)
    ball = transient_growth(w, [0.0, 0.0], HeavyBall(0.5), h=0.3)
    assert ball.matrix.shape == (4, 4) and not ball.flow and ball.peak > 1
    euler = transient_growth(w, [0.0, 0.0], Euler(), h=0.3)
    assert euler.peak == 1  # J - γJᵀJ of this game is normal


@few
@given(seed=seeds, n=st.integers(2, 4))
def test_a_pseudospectrum_bounds_the_distance_to_eigenvalues_and_is_it_for_normal_matrices(seed, n):
    rng = np.random.default_rng(seed)
    M = rng.normal(size=(n, n))
    for matrix, exact in ((M, False), (M + M.T, True)):
        found = pseudospectrum(matrix, resolution=9)
        z = found.re[None, :] + 1j * found.im[:, None]
        nearest = np.abs(z[..., None] - found.eigenvalues).min(-1)
        assert (found.distance <= nearest + 1e-10).all()
        if exact:
            assert_allclose(found.distance, nearest, atol=1e-10)
        assert found.distance.shape == (9, 9)


def test_the_default_box_of_a_pseudospectrum_holds_the_eigenvalues_and_the_border():
    found = pseudospectrum(jordan(0.5, 1.0), resolution=5)
    assert found.re[0] <= -1 and found.re[-1] >= 1.0 and found.im[-1] >= 1
    flow = pseudospectrum(jordan(-0.5, 0.2), resolution=5, flow=True)
    assert flow.re[0] < -0.6 and flow.re[-1] > 0 and flow.to_dict()["flow"] is True


@pytest.mark.parametrize(("matrix", "flow"), [([[1, 1], [0, 1]], False), ([[0, 1, 0], [0, 0, 1], [0, 0, 0]], True)])
def test_norms_of_a_jordan_block_on_the_border_grow_without_bound(matrix, flow):
    found = transients(matrix, flow, most=1000)
    assert found.kreiss == math.inf and not found.complete


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: transients([[1.0, 2.0]]), "square array"),
        (lambda: transients("no"), "square array of real numbers"),
        (lambda: transients([[math.nan]]), "finite numbers"),
        (lambda: transients(np.array([[0.5j]])), "square array of real numbers"),
        (lambda: pseudospectrum(np.array([[0.5j]])), "square array of real numbers"),
        (lambda: transients([[0.5]], most=0), "most is 0"),
        (lambda: pseudospectrum([[1.0]], box=[(0, 1)]), "box is"),
        (lambda: pseudospectrum([[1.0]], resolution=1), "resolution is 1"),
        (lambda: transient_growth(games.curl().field(), [0, 0], Euler()), "give method and h together"),
        (lambda: transient_growth(games.curl().field(), [[0, 0]]), "one point"),
    ],
)
def test_it_says_what_is_wrong(call, words):
    with pytest.raises(InputError, match=words):
        call()


@few
@given(a=st.floats(0.05, 0.9), c=st.floats(0.0, 3.0))
def test_a_transient_needs_a_matrix_that_is_not_normal(a, c):
    assume(c > 2 * (1 - a) + 1e-6)
    found = transients(jordan(a, c))
    assert found.peak > 1 and found.kreiss > 1 and found.departure > 0
