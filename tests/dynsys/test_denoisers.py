"""The optimal denoiser: closed forms, its Jacobian and density, and sums that leave out what does not matter."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from dynsys import InputError
from dynsys.autoencoders import Denoiser, MixtureDenoiser, spiral

few = settings(max_examples=max(8, settings.default.max_examples // 2))
seeds = st.integers(0, 2**32 - 1)
sigmas = st.floats(0.05, 3).map(lambda x: round(x, 3))
SPIRAL = spiral(300, 0.3, 1)


def mixture_of(seed, n=2, k=3, sigma=0.7):
    draw = np.random.default_rng(seed)
    roots = draw.normal(size=(k, n, n))
    return MixtureDenoiser(draw.dirichlet(np.ones(k)), 2 * draw.normal(size=(k, n)), roots @ roots.mT, sigma)


def differences(function, x, eps=1e-5):
    """Central differences with an error of fourth order, derivative last."""
    steps = eps * np.eye(len(x))
    one, two = ([function(x + k * e) - function(x - k * e) for e in steps] for k in (1, 2))
    return np.stack([(8 * a - b) / (12 * eps) for a, b in zip(one, two, strict=True)], -1)


@given(x=st.floats(-5, 5), sigma=sigmas)
def test_two_points_are_reconstructed_by_tanh(x, sigma):
    denoiser = Denoiser([[1.0], [-1.0]], sigma)
    assert_allclose(denoiser.reconstruction([x]), [np.tanh(x / sigma**2)], rtol=1e-12, atol=1e-14)
    slope = 1 / np.cosh(np.clip(x / sigma**2, -300, 300)) ** 2 / sigma**2 - 1
    assert_allclose(denoiser.field().jacobian([x]), [[slope]], rtol=1e-11, atol=1e-12)


def test_between_two_points_a_sink_becomes_a_source_at_sigma_1():
    slope = lambda sigma: Denoiser([[1.0], [-1.0]], sigma).field().jacobian([0.0])[0, 0]  # noqa: E731
    assert slope(1.001) < 0 < slope(0.999)
    assert abs(slope(1.0)) < 1e-14
    v = Denoiser([[1.0], [-1.0]], 0.9).field()
    x = float(mp.findroot(lambda x: mp.tanh(x / 0.81) - x, 0.8))
    assert_allclose(v(np.array([[x], [-x], [0.0]])), 0, atol=1e-15)
    assert v.jacobian([x])[0, 0] < 0


@few
@given(seed=seeds, n=st.integers(1, 4), sigma=sigmas)
def test_the_jacobian_is_that_of_central_differences_and_symmetric(seed, n, sigma):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=n)
    for denoiser in (Denoiser(draw.normal(size=(40, n)), sigma), mixture_of(seed, n, sigma=sigma)):
        v = denoiser.field()
        J = v.jacobian(x)
        assert_allclose(J, differences(v, x, 1e-3 * sigma), rtol=1e-5, atol=1e-5)
        assert np.abs(J - J.T).max() < 1e-10
        assert np.linalg.eigvalsh(J).min() >= -1 - 1e-12  # a covariance has no negative eigenvalue


@few
@given(seed=seeds, n=st.integers(1, 3), sigma=sigmas)
def test_the_shift_over_sigma_squared_is_the_gradient_of_the_log_density(seed, n, sigma):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=n)
    for denoiser in (Denoiser(draw.normal(size=(40, n)), sigma), mixture_of(seed, n, sigma=sigma)):
        expected = differences(denoiser.log_density, x, 1e-3 * sigma)
        assert_allclose(denoiser.score(x), expected, rtol=1e-6, atol=1e-6 / sigma)
        assert_allclose(sigma**2 * denoiser.score(x), denoiser.field()(x), rtol=1e-13)
        assert_allclose(denoiser.reconstruction(x) - x, denoiser.field()(x), atol=1e-13)


def test_the_density_integrates_to_one():
    points = np.array([[-1.0], [0.5], [2.0]])
    x = np.linspace(-9, 10, 4001)
    one = MixtureDenoiser([0.3, 0.7], [[-1.0], [2.0]], [[[0.5]], [[0.0]]], 0.6)
    for denoiser in (Denoiser(points, 0.6), one):
        assert_allclose(np.trapezoid(np.exp(denoiser.log_density(x[:, None])), x), 1, rtol=1e-12)


@few
@given(seed=seeds, n=st.integers(1, 4), sigma=sigmas)
def test_one_gaussian_is_reconstructed_linearly(seed, n, sigma):
    draw = np.random.default_rng(seed)
    root, mean, x = draw.normal(size=(n, n)), draw.normal(size=n), draw.normal(size=(5, n))
    C = root @ root.T
    denoiser = MixtureDenoiser([1.0], [mean], [C], sigma)
    gain = C @ np.linalg.inv(C + sigma**2 * np.eye(n))
    assert_allclose(denoiser.reconstruction(x), mean + (x - mean) @ gain.T, rtol=1e-8, atol=1e-9)
    assert_allclose(denoiser.field().jacobian(x), np.broadcast_to(gain - np.eye(n), (5, n, n)), rtol=1e-8, atol=1e-9)


@few
@given(seed=seeds, sigma=sigmas)
def test_a_mixture_of_points_is_the_denoiser_of_the_points(seed, sigma):
    draw = np.random.default_rng(seed)
    points, x = draw.normal(size=(7, 2)), 2 * draw.normal(size=(9, 2))
    mixture = MixtureDenoiser(np.full(7, 1 / 7), points, np.zeros((7, 2, 2)), sigma)
    exact = Denoiser(points, sigma)
    assert_allclose(mixture.reconstruction(x), exact.reconstruction(x), rtol=1e-9, atol=1e-11)
    assert_allclose(mixture.log_density(x), exact.log_density(x), rtol=1e-12, atol=1e-11)
    assert_allclose(mixture.field().jacobian(x), exact.field().jacobian(x), rtol=1e-8, atol=1e-9)


def test_the_closed_form_of_a_mixture_is_the_quotient_of_integrals():
    w, m, C, sigma = (0.4, 0.6), (-1.0, 1.5), (0.3, 1.2), 0.8
    denoiser = MixtureDenoiser(w, [[a] for a in m], [[[c]] for c in C], sigma)
    grid = np.linspace(-14, 14, 20001)
    prior = sum(a * np.exp(-((grid - b) ** 2) / 2 / c) / np.sqrt(c) for a, b, c in zip(w, m, C, strict=True))
    for x in (-3.0, 0.2, 2.5):
        joint = prior * np.exp(-((x - grid) ** 2) / 2 / sigma**2)
        mean = (joint * grid).sum() / joint.sum()
        assert_allclose(denoiser.reconstruction([x]), [mean], rtol=1e-10)
        slope = (joint * (grid - mean) ** 2).sum() / joint.sum() / sigma**2 - 1
        assert_allclose(denoiser.field().jacobian([x]), [[slope]], rtol=1e-9)


@few
@given(seed=seeds, sigma=st.floats(0.02, 2).map(lambda x: round(x, 3)), share=st.sampled_from([1e-2, 1e-5, 1e-12]))
def test_truncated_sums_keep_their_bound_and_full_ones_are_exact(seed, sigma, share):
    draw = np.random.default_rng(seed)
    points = draw.normal(size=(1500, 2)) * draw.choice([0.3, 1, 3], size=(1500, 1)) + draw.integers(-2, 3, (1500, 2))
    x = draw.uniform(-9, 9, (40, 2))
    truncated, full = Denoiser(points, sigma, share), Denoiser(points, sigma, 0)
    rounding = 1e-12 * (1 + 1 / sigma**2)
    assert truncated.check(x) <= truncated.error_bound + rounding
    assert full.error_bound == 0 and full.check(x) <= rounding
    assert_allclose(truncated.log_density(x), full.log_density(x), rtol=1e-12, atol=share + rounding)
    D = truncated.error_bound / share
    assert_allclose(
        truncated.field().jacobian(x), full.field().jacobian(x), atol=(1.25 * share * D**2 + rounding) / sigma**2
    )


def test_a_truncation_leaves_out_what_it_may():
    """Else the bound would hold for nothing but full sums."""
    points = np.random.default_rng(0).uniform(-5, 5, (3000, 2))
    x = np.random.default_rng(1).uniform(-5, 5, (50, 2))
    coarse, fine = Denoiser(points, 0.5, 0.01), Denoiser(points, 0.5, 1e-10)
    assert 1e-9 < coarse.check(x) < coarse.error_bound
    assert fine.check(x) < 1e-3 * coarse.check(x)


def test_the_bound_is_the_worst_case_up_to_the_points_that_are_kept():
    """200 points at 0, and 2000 just out of reach of a query there: they hold 2000/2200 of the share, over 200."""
    share, count = 1e-3, 2200
    far = np.sqrt(2 * np.log(count / share)) * 1.001
    denoiser = Denoiser(np.repeat([[0.0], [far]], [200, 2000], axis=0), 1.0, share)
    left_out = 2000 * np.exp(-(far**2) / 2)
    expected = far * left_out / (200 + left_out)
    assert_allclose(denoiser.check([[0.0]]), expected, rtol=1e-9)
    assert expected < denoiser.error_bound < 300 * expected


def test_ten_thousand_points_on_a_grid_are_the_full_sum_of_a_sample():
    """The path by leaves and threads; a tenth of the full size, and every result in its own place."""
    denoiser = Denoiser(spiral(10_000, 0.3, 2), 0.5)
    grid = np.stack(np.meshgrid(np.linspace(-14, 14, 30), np.linspace(-14, 14, 30)), -1)
    values = denoiser.reconstruction(grid)
    assert values.shape == (30, 30, 2)
    for i, j in [(0, 0), (3, 17), (15, 15), (22, 4), (29, 29)]:
        assert_allclose(values[i, j], denoiser.reconstruction(grid[i, j]), atol=1e-10)
    assert denoiser.check(grid[::6, ::6]) <= denoiser.error_bound + 1e-12


@pytest.mark.parametrize("truncation", [0.0, 1e-12])
def test_far_points_go_to_the_vertex_ahead(truncation):
    corners = np.array([[0.0, 0], [1, 0], [0, 1]])
    denoiser = Denoiser(corners, 0.1, truncation)
    for far in (1e3, 1e8, 1e12):
        x = np.array([[-far, -2 * far], [far, 0.5 * far], [0.4 * far, far]])
        assert_allclose(denoiser.reconstruction(x), corners, atol=1e-15 * far)
        assert_allclose(denoiser.log_density(x), -np.square(x).sum(1) / 0.02, rtol=1e-2)
        assert_allclose(denoiser.field().jacobian(x), np.broadcast_to(-np.eye(2), (3, 2, 2)), atol=1e-6)
    mixture = MixtureDenoiser([0.5, 0.5], [[0.0, 0], [1, 0]], np.stack([np.eye(2)] * 2), 1.0)
    assert_allclose(mixture.reconstruction([1e8, 0.0]), [1 + (1e8 - 1) / 2, 0], rtol=1e-12)
    assert np.isfinite(mixture.log_density([1e8, 1e8]))


@pytest.mark.parametrize("sigma", [1e-60, 1e-9, 1e-3, 1e3, 1e9, 1e60])
def test_at_any_sigma_the_reconstruction_lies_between_the_nearest_point_and_the_mean(sigma):
    x = np.array([[3.0, 4.0], [-7.0, 1.0], [0.1, -0.2]])
    denoiser = Denoiser(SPIRAL, sigma)
    found = denoiser.reconstruction(x)
    nearest = SPIRAL[np.linalg.norm(x[:, None] - SPIRAL, axis=-1).argmin(1)]
    assert_allclose(found, nearest if sigma < 1 else np.broadcast_to(SPIRAL.mean(0), x.shape), atol=1e-3)
    assert np.isfinite(denoiser.log_density(x)).all() and np.isfinite(denoiser.score(x)).all()
    assert np.isfinite(denoiser.field().jacobian(x)).all()


def test_points_that_are_not_finite_give_nan_and_leave_the_others_alone():
    denoiser = Denoiser(SPIRAL, 1.0)
    x = np.array([[1.0, 2], [np.nan, 0], [3, 4], [np.inf, 1]])
    found = denoiser.reconstruction(x)
    assert_allclose(found[[0, 2]], denoiser.reconstruction(x[[0, 2]]))
    assert np.isnan(found[[1, 3]]).all() and np.isnan(denoiser.log_density(x)[[1, 3]]).all()
    assert denoiser.reconstruction(np.empty((0, 2))).shape == (0, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0.0, np.nan]], 1.0), "points has entries"),
        (([0.0, 1.0], 1.0), "points has shape"),
        ((SPIRAL, 0.0), "sigma is 0.0; give a positive number"),
        ((SPIRAL, -1.0), "sigma is -1.0"),
        ((SPIRAL, np.inf), "sigma is inf"),
        ((SPIRAL, 1e-200), "between 1e-70 and 1e70, or scale the data"),
        ((SPIRAL, 1.0, -1e-3), "truncation is -0.001"),
        ((SPIRAL, 1.0, 0.9), "truncation is 0.9"),
    ],
)
def test_bad_arguments_of_the_denoiser_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        Denoiser(*arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": [0.5, 0.6]}, "weights is .*give 2 positive numbers with sum 1"),
        ({"weights": [1.0]}, "give 2 positive numbers"),
        ({"weights": [1.0, 0.0]}, "give 2 positive numbers"),
        ({"means": [[0.0, np.nan], [1, 1]]}, "means has entries"),
        ({"covariances": np.eye(2)}, r"covariances has shape \(2, 2\)"),
        ({"covariances": [[[1, 2], [0, 1]]] * 2}, "not symmetric without negative"),
        ({"covariances": [-np.eye(2)] * 2}, "not symmetric without negative"),
        ({"sigma": 0}, "sigma is 0"),
    ],
)
def test_bad_arguments_of_a_mixture_are_refused(change, message):
    good = {"weights": [0.5, 0.5], "means": [[0.0, 0], [1, 1]], "covariances": [np.eye(2)] * 2, "sigma": 1.0}
    MixtureDenoiser(**good)
    with pytest.raises(InputError, match=message):
        MixtureDenoiser(**(good | change))


def test_a_point_with_the_wrong_number_of_coordinates_is_refused():
    with pytest.raises(InputError, match=r"x has 3 entries but the field has variables \(x, y\)"):
        Denoiser(SPIRAL, 1.0).reconstruction([1, 2, 3])
