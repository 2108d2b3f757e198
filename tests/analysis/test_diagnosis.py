"""The diagnosis of games whose answer is known, and the smallest consensus coefficient."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from numpy.testing import assert_allclose

from analysis import diagnose, leading_eigenvalues, plot_ritz_values, stabilising_gamma
from dynsys import InputError, games
from dynsys.matrix_free import MatrixFreeField, Products
from integrators import Adam, Alternating, Euler, Extragradient

few = settings(max_examples=max(6, settings.default.max_examples // 6))
seeds = st.integers(0, 2**32 - 1)
CURL = [[0, -1], [1, 0]]
SADDLE = [[9 / 2, 1], [-1, -1 / 2]]  # of the reference game: γ > 1/λ₊
FOCUS = [[1, 1], [-1, -1 / 2]]  # γ > tr J/‖J‖_F² = 2/13


def zero_sum(n, seed, own=(0.2, 1.0)):
    """J of a quadratic zero-sum game with 2n variables; strict Nash for `own` > 0."""
    rng = np.random.default_rng(seed)
    B = rng.standard_normal((n, n)) / math.sqrt(n)
    P, Q = (np.diag(rng.uniform(*own, n)) for _ in range(2))
    return np.block([[-P, B], [-B.T, -Q]])


# --- the smallest γ -------------------------------------------------------------------------------


@pytest.mark.parametrize("dense", [0, 10])
@pytest.mark.parametrize(("J", "border"), [(SADDLE, 1 / (2 + math.sqrt(21) / 2)), (FOCUS, 2 / 13)])
def test_the_smallest_gamma_is_bracketed_around_the_known_one(J, border, dense, matrix_free):
    found = stabilising_gamma(matrix_free(J, (1, 1)), [0, 0], dense=dense)
    assert found.below <= border <= found.gamma <= 1.06 * found.below
    at = [
        leading_eigenvalues(matrix_free(J, (1, 1)), [0, 0], gamma=g).values[0].real for g in (found.below, found.gamma)
    ]
    assert at[0] > 0 > at[1]


@few
@given(seed=seeds, factor=st.floats(0.3, 3))
def test_for_a_normal_jacobian_gamma_is_the_largest_re_over_modulus_squared(seed, factor, matrix_free):
    """Eigenvalues a ± bi of a normal J become a - γ|λ|² ± bi."""
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(-0.5, 0.5, 15) * factor, rng.uniform(0.5, 2, 15)
    Q = np.linalg.qr(rng.standard_normal((30, 30)))[0]
    J = np.kron(np.diag(a), np.eye(2)) + np.kron(np.diag(b), np.array([[0, -1], [1, 0]]))
    border = max(0, (a / (a * a + b * b)).max())
    found = stabilising_gamma(matrix_free(Q @ J @ Q.T), np.zeros(30))
    assert found.below <= border <= found.gamma <= 1.06 * found.below


@given(seed=seeds)
def test_no_gamma_is_needed_where_J_is_stable_already(seed, matrix_free):
    found = stabilising_gamma(matrix_free(zero_sum(8, seed), (8, 8)), np.zeros(16))
    assert found.gamma == 0 and found.below is None and found.text.startswith("none needed")


def test_a_bilinear_game_needs_the_smallest_gamma_that_is_told_from_0_and_its_kernel_none(matrix_free):
    J = np.zeros((5, 5))
    J[:2, :2] = CURL
    found = stabilising_gamma(matrix_free(J), np.zeros(5))
    assert 0 < found.gamma < 1e-5 and "zero" in found.ritz.sides


@given(a=st.floats(0.1, 5))
def test_a_variable_that_flees_alone_needs_gamma_above_1_over_a(a, matrix_free):
    found = stabilising_gamma(matrix_free([[a]]), [0])
    assert found.below <= 1 / a <= found.gamma


def test_products_that_do_not_suffice_leave_gamma_open(matrix_free):
    rng = np.random.default_rng(0)
    J = np.diag([3.0, 0.05, *-rng.uniform(0.1, 1, 98)])  # γ > 20 is needed
    found = stabilising_gamma(matrix_free(J), np.zeros(100), products=80)
    assert math.isnan(found.gamma) and found.text.startswith("no γ was tried") and found.products <= 80
    enough = stabilising_gamma(matrix_free(J), np.zeros(100), products=2000)
    assert enough.below <= 20 <= enough.gamma
    assert json.dumps(found.to_dict(), allow_nan=False)


# --- the diagnosis --------------------------------------------------------------------------------


def test_the_curl_field_rotates_alone_and_consensus_helps(matrix_free):
    found = diagnose(matrix_free(CURL, (1, 1), name="curl"), [0, 0], h=0.1)
    text = str(found)
    assert found.at_rest and found.complete and found.rotation.share == 1
    assert np.abs(found.multipliers.values[0]) == pytest.approx(math.sqrt(1.01))
    assert "euler at h = 0.1 repels" in text and "touches the imaginary axis at 0 ± 1i" in text
    assert found.pair.gamma == 1 and found.pair.steps.largest == pytest.approx(1)  # 2γ/(1 + γ²), the most there is
    assert "euler alone does not contract here at small steps; consensus with γ = 1 and h below 1 does" in " ".join(
        found.words
    )
    assert max(map(len, text.splitlines())) <= 110


def test_extragradient_contracts_it_without(matrix_free):
    found = diagnose(matrix_free(CURL, (1, 1)), [0, 0], method=Extragradient(), h=0.5)
    assert found.steps.largest == pytest.approx(1)
    assert any("extragradient at h = 0.5 attracts" in sentence for sentence in found.words)


@few
@given(seed=seeds)
def test_a_strict_nash_point_of_a_zero_sum_game_is_not_refuted_and_attracts_the_flow(seed, matrix_free):
    J = zero_sum(60, seed)
    found = diagnose(matrix_free(J, (60, 60)), np.zeros(120), h=0.01)
    assert found.complete and not any(c.refuted for c in found.curvatures.values())
    values = np.linalg.eigvals(J)
    assert_allclose(found.real.values[0].real, values.real.max(), atol=1e-9)
    bound = (2 * -values.real / np.abs(values) ** 2).min()
    assert found.gamma.gamma == 0 and bound <= found.steps.largest * (1 + 1e-9)  # observed values alone bound it


def test_the_same_by_products_alone_says_what_it_has_not_seen(matrix_free):
    field = matrix_free(zero_sum(150, 0), (150, 150))
    whole, found = (diagnose(field, np.zeros(300), h=0.05, dense=dense) for dense in (400, 0))
    assert whole.complete and not found.complete and found.products <= 1200
    assert_allclose(found.modulus.values[:2], whole.modulus.values[:2], atol=1e-5)
    assert_allclose(np.abs(found.multipliers.values[0]), np.abs(whole.multipliers.values[0]), atol=1e-3)
    assert "an eigenvalue not found may be unstable" in str(found)
    assert "an eigenvalue not found may be unstable" not in str(whole)


def test_a_saddle_is_refuted_and_gamma_is_a_danger(products_of):
    found = diagnose(products_of(games.spiral_saddle().field()), [1.0, -2.0])
    assert found.curvatures["theta"].refuted and not found.curvatures["phi"].refuted
    assert found.h is None and found.multipliers is None
    assert "Advice: theta is not at a local maximum: no local Nash point" in " ".join(found.words)
    assert "keep γ below 0.24: from there on consensus makes this point attract" in " ".join(found.words)


def test_away_from_a_zero_it_says_so_and_bounds_the_way_to_one(products_of):
    v = games.spiral_saddle().field()
    x = np.array([0.05, -0.02])
    found = diagnose(products_of(v), x)
    assert not found.at_rest and found.speed == pytest.approx(np.linalg.norm(v(x)))
    assert found.distance <= np.linalg.norm(x)  # the zero is at the origin
    assert found.speeds["theta"] == pytest.approx(abs(v(x)[0]))
    assert "not at an equilibrium" in found.words[0] and any("second derivatives" in limit for limit in found.limits)


def test_of_consensus_the_eigenvalues_are_its_own_and_the_rest_the_games(matrix_free):
    J = np.array(SADDLE)
    game = matrix_free(J, (1, 1))
    found = diagnose(matrix_free(J - J.T @ J, (1, 1), base=game), [0, 0])
    assert found.real.values[0].real < 0 and found.gamma.gamma > 0.23
    assert found.curvatures["p0"].largest == pytest.approx(4.5)


@pytest.mark.parametrize(
    ("method", "words"), [(Adam(), "adam has no multipliers"), (Alternating(), "treats the players apart")]
)
def test_what_cannot_be_had_is_a_limit_with_its_reason(method, words, matrix_free):
    found = diagnose(matrix_free(-np.eye(2), (1, 1)), [0, 0], method=method, h=0.1)
    assert found.steps is None and any(words in limit for limit in found.limits)


def test_single_precision_and_pieces_are_limits(matrix_free):
    found = diagnose(matrix_free(-np.eye(3), dtype=np.float32, piecewise="relu"), np.zeros(3))
    assert any("single precision" in limit for limit in found.limits)
    assert any("smooth in pieces (relu)" in limit for limit in found.limits)


def test_memory_is_linear_in_the_number_of_variables_and_products_do_not_depend_on_it():
    """No more than 100 vectors are alive at once; at 10⁶ variables those are 800 MB."""
    import tracemalloc

    def peak(n):
        d = np.linspace(-1, 0.1, n)
        field = MatrixFreeField(lambda x: Products(d * x, d.__mul__, d.__mul__), {"a": n // 2, "b": n // 2})
        tracemalloc.reset_peak()
        found = diagnose(field, np.zeros(n), h=0.1, dense=0)
        assert found.products <= 1200
        return tracemalloc.get_traced_memory()[1]

    peak(500)  # imports, and tables of SymPy's
    tracemalloc.start()
    small, large = peak(4000), peak(24000)
    tracemalloc.stop()
    assert large - small <= 100 * 20000 * 8


def test_the_constant_field_and_a_field_of_one_variable(matrix_free):
    assert "undefined" in str(diagnose(matrix_free(np.zeros((4, 4)), (2, 2)), np.zeros(4), h=1.0))
    assert diagnose(matrix_free([[-2.0]]), [0.0]).steps.largest == pytest.approx(1)


def test_everything_is_json_and_progress_is_told(matrix_free):
    told = []
    found = diagnose(matrix_free(FOCUS, (1, 1)), [0, 0], h=0.1, progress=told.append)
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["verdict"] == found.words and data["gamma"]["gamma"] == found.gamma.gamma
    assert told[0] == "v and its Jacobian" and "own curvatures" in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"products": 5}, "products is 5"),
        ({"h": -1}, "step size must be positive"),
        ({"method": Euler}, r"write Euler\(\)"),
        ({"x": None}, "x is missing"),
        ({"x": [0.0]}, "the field has 2 variables"),
    ],
)
def test_it_says_what_is_wrong(arguments, words, matrix_free):
    with pytest.raises(InputError, match=words):
        diagnose(matrix_free(CURL, (1, 1)), **{"x": [0, 0], **arguments})


def test_a_field_that_is_not_finite_is_refused():
    field = MatrixFreeField(lambda x: Products(x * np.nan, np.copy, np.copy), {"a": 2})
    with pytest.raises(InputError, match="not finite"):
        diagnose(field, [0.0, 1.0])


def test_converged_ritz_values_are_drawn_full_with_their_residuals_as_discs(matrix_free):
    found = leading_eigenvalues(matrix_free(zero_sum(40, 1)), np.zeros(80), "modulus", 4, basis=12, products=30)
    axes = plot_ritz_values(found)
    drawn = sum(len(line.get_xdata()) for line in axes.lines if line.get_marker() == "o")
    assert drawn == len(found.values) == len(axes.patches)
    faces = {to_hex(line.get_markerfacecolor()) for line in axes.lines if line.get_marker() == "o"}
    assert ("#ffffff" in faces) == (not found.converged.all())
    assert_allclose([patch.radius for patch in axes.patches], found.residuals)
