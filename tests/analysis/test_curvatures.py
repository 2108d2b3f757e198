"""Own curvatures refute and never prove; the share of rotation comes with an error that is one; the path angle."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis import own_curvatures, path_angle, rotation_share
from dynsys import InputError, games
from dynsys.matrix_free import MatrixFreeField, Products

few = settings(max_examples=max(8, settings.default.max_examples // 4))
seeds = st.integers(0, 2**32 - 1)


def game_matrix(sizes, seed):
    """The Jacobian of a quadratic game: symmetric blocks on the diagonal, anything beside."""
    rng = np.random.default_rng(seed)
    J = rng.standard_normal((sum(sizes),) * 2)
    ends = np.cumsum([0, *sizes])
    blocks = [J[a:b, a:b] for a, b in itertools.pairwise(ends)]
    for H in blocks:
        H[:] = (H + H.T) / 2
    return J, blocks


@given(sizes=st.lists(st.integers(1, 12), min_size=1, max_size=3), seed=seeds)
def test_of_few_variables_the_largest_curvature_is_the_largest_eigenvalue_of_the_own_block(sizes, seed, matrix_free):
    J, blocks = game_matrix(sizes, seed)
    found = own_curvatures(matrix_free(J, sizes), np.zeros(sum(sizes)))
    for curvature, H in zip(found.values(), blocks, strict=True):
        assert curvature.complete and curvature.symmetric
        assert_allclose(curvature.largest, np.linalg.eigvalsh(H)[-1], atol=1e-10)
        assert curvature.refuted == (np.linalg.eigvalsh(H)[-1] > 1e-9)


@few
@given(seed=seeds, products=st.integers(3, 25))
def test_a_refutation_is_a_direction_along_which_the_payoff_curves_upwards(seed, products, matrix_free):
    J, blocks = game_matrix((60, 40), seed)
    for curvature, H in zip(own_curvatures(matrix_free(J, (60, 40)), np.zeros(100), products).values(), blocks):
        y = curvature.direction
        assert np.linalg.norm(y) == pytest.approx(1)
        assert_allclose(y @ H @ y, curvature.largest, rtol=1e-10)
        assert_allclose(np.linalg.norm(H @ y - curvature.largest * y), curvature.residual, rtol=1e-6, atol=1e-10)
        assert np.abs(np.linalg.eigvalsh(H) - curvature.largest).min() <= curvature.residual + 1e-10
        assert curvature.products <= products and not curvature.complete


@few
@given(seed=seeds, products=st.integers(2, 30))
def test_a_negative_definite_block_is_never_refuted_nor_called_a_maximum_before_it_is_spanned(
    seed, products, matrix_free
):
    rng = np.random.default_rng(seed)
    B = rng.standard_normal((40, 40))
    found = own_curvatures(matrix_free(-B @ B.T), np.zeros(40), products)["p0"]
    assert not found.refuted and found.verdict.startswith(f"not refuted after {found.products} products")
    whole = own_curvatures(matrix_free(-B @ B.T - np.eye(40)), np.zeros(40), 41)["p0"]
    assert whole.complete and whole.verdict.startswith("strict local maximum to second order")


def test_rounding_refutes_nothing(matrix_free):
    """Own Hessians are 0 at the equilibria of bilinear games; in single precision they are 0 to rounding only."""
    assert not own_curvatures(matrix_free([[0, -1], [1, 0]], (1, 1)), [0, 0])["p0"].refuted
    found = []
    for seed in range(10):
        Q = np.linalg.qr(np.random.default_rng(seed).standard_normal((30, 30)))[0]
        H = Q @ np.diag([*np.zeros(10), *-np.linspace(1, 2, 20)]) @ Q.T  # its largest eigenvalue is 0
        found.append(own_curvatures(matrix_free((H + H.T) / 2, dtype=np.float32), np.zeros(30))["p0"])
    assert any(c.largest > 0 for c in found) and not any(c.refuted for c in found)


def test_a_block_that_is_no_hessian_gives_no_verdict(matrix_free):
    J = np.random.default_rng(0).standard_normal((30, 30))
    found = own_curvatures(matrix_free(J), np.zeros(30))["p0"]
    assert not found.symmetric and not found.refuted and "no Hessian" in found.verdict
    assert found.to_dict()["verdict"] == found.verdict


def test_of_a_transformed_field_the_curvatures_are_those_of_the_game(matrix_free):
    game = matrix_free(np.diag([1.0, -1.0]), (1, 1))
    consensus = matrix_free(np.diag([-1.0, -3.0]), (1, 1), base=game)
    assert own_curvatures(consensus, [0, 0])["p0"].refuted


def test_a_curvature_of_every_sign_is_found_where_a_krylov_space_ends_early(matrix_free):
    """-I but for one direction: the space of two dimensions that the first vector spans holds it."""
    H = -np.eye(200)
    H[7, 7] = 3
    found = own_curvatures(matrix_free(H), np.zeros(200))["p0"]
    assert found.largest == pytest.approx(3) and found.products <= 4


@pytest.mark.parametrize(
    ("arguments", "words"), [({"products": 1}, "products is 1"), ({"tolerance": -1.0}, "tolerance is -1")]
)
def test_curvatures_say_what_is_wrong(arguments, words, matrix_free):
    with pytest.raises(InputError, match=words):
        own_curvatures(matrix_free(np.eye(3)), np.zeros(3), **arguments)


# --- the share of rotation ------------------------------------------------------------------------


def exact_share(J):
    return np.linalg.norm(J - J.T) / 2 / np.linalg.norm(J)


@given(n=st.integers(1, 16), seed=seeds)
def test_of_few_variables_the_share_is_exact(n, seed, matrix_free):
    J = np.random.default_rng(seed).standard_normal((n, n))
    found = rotation_share(matrix_free(J), np.zeros(n))
    assert found.exact and found.error == 0
    assert_allclose([found.share, found.norm], [exact_share(J), np.linalg.norm(J)], atol=1e-12)


@few
@given(seed=seeds)
def test_a_gradient_has_no_rotation_and_a_rotation_nothing_else(seed, matrix_free):
    B = np.random.default_rng(seed).standard_normal((50, 50))
    assert rotation_share(matrix_free(B + B.T), np.zeros(50)).share < 1e-14
    assert rotation_share(matrix_free(B - B.T), np.zeros(50)).share == 1


def test_the_error_is_the_spread_of_the_estimate_and_covers_the_truth(matrix_free):
    """Two standard errors from 24 probes cover 95 % of a normal estimate, a little less of a t-distributed one."""
    rng = np.random.default_rng(1)
    J = rng.standard_normal((40, 40)) + 2 * np.diag(rng.standard_normal(40)) + np.triu(rng.standard_normal((40, 40)))
    field, exact = matrix_free(J), exact_share(J)
    found = [rotation_share(field, np.zeros(40), 24, rng=seed) for seed in range(400)]
    shares, errors = np.array([[f.share, f.error] for f in found]).T
    assert 0.88 <= np.mean(np.abs(shares - exact) <= 2 * errors) <= 0.985
    assert abs(shares.mean() - exact) < 0.1 * errors.mean()
    assert errors.mean() == pytest.approx(shares.std(), rel=0.1)


def test_the_share_of_a_constant_field_is_undefined(matrix_free):
    found = rotation_share(matrix_free(np.zeros((30, 30))), np.zeros(30))
    assert np.isnan(found.share) and found.text == "undefined: J = 0" and found.to_dict()["share"] is None


# --- the path angle -------------------------------------------------------------------------------


def test_the_path_angle_of_a_matrix_free_field_is_that_of_the_field_it_is(products_of):
    v = games.spiral_saddle().field()
    line = ([0.5, 0.4], [0.01, -0.02])
    found, known = path_angle(products_of(v), *line), path_angle(v, *line, resolution=61)
    assert_allclose([found.cosine, found.speed], [known.cosine, known.speed], atol=1e-12)
    assert len(path_angle(v, *line).share) == 400


def test_the_path_angle_names_points_of_the_wrong_length():
    field = MatrixFreeField(lambda x: Products(x, np.copy, np.copy), {"a": 3})
    with pytest.raises(InputError, match="x1 has shape"):
        path_angle(field, [0, 0, 1], [0, 0])
