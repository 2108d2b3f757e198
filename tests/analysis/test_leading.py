"""Leading eigenvalues of J, of J - γJᵀJ and of updates: against the small-field tools that form them whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis import leading_eigenvalues, leading_multipliers, multipliers, spectrum, stable_steps
from dynsys import Game, InputError, VectorField, games
from dynsys.matrix_free import LARGEST_DENSE, MatrixFreeField, Products
from integrators import (
    Adam,
    AdamsBashforth2,
    Alternating,
    Euler,
    Extragradient,
    HeavyBall,
    ImplicitEuler,
    Nesterov,
    OptimisticGradient,
    Rates,
    RungeKutta4,
    StormerVerlet,
)

few = settings(max_examples=max(8, settings.default.max_examples // 4))
seeds = st.integers(0, 2**32 - 1)
METHODS = [
    Euler(),
    RungeKutta4(),
    Extragradient(),
    OptimisticGradient(),
    AdamsBashforth2(),
    HeavyBall(0.6),
    Nesterov(-0.4),
    Alternating(),
    Alternating(HeavyBall()),
    Alternating(OptimisticGradient()),
    Alternating(steps=(2, 1), players=(1, 0)),
    StormerVerlet(),
    Rates(Extragradient(), (0.5, 2.0)),
]
WIDE = Game(
    players={"a": ["x"], "b": ["y", "z"]},
    payoffs={"a": "2*x*y - x**2 + x*z + x**3", "b": "-x*y - y**2 - y*z/2 - z**2 + x*y*z"},
).field()


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.label)
@pytest.mark.parametrize("x", [[0.0, 0.0, 0.0], [0.3, -0.2, 0.1]], ids=["zero", "elsewhere"])
def test_the_multipliers_are_those_of_the_update_that_is_formed_whole(method, x, products_of):
    field = products_of(WIDE)
    found = leading_multipliers(field, x, method, 0.17, k=20)
    exact = multipliers(WIDE, x, method, 0.17)
    assert found.complete and len(found.values) == len(exact)
    assert_allclose(np.sort(np.abs(found.values)), np.sort(np.abs(exact)), atol=2e-7)


@few
@given(seed=seeds, h=st.floats(0.05, 0.5))
def test_the_multipliers_of_euler_are_1_plus_h_lambda(seed, h, matrix_free):
    J = np.random.default_rng(seed).standard_normal((30, 30)) / 5
    found = leading_multipliers(matrix_free(J, (10, 20)), np.zeros(30), Euler(), h, k=3)
    expected = np.sort(np.abs(1 + h * np.linalg.eigvals(J)))[::-1][: len(found.values)]
    assert_allclose(np.abs(found.values), expected, atol=1e-9)
    assert found.norm <= h * np.linalg.norm(J, 2) * (1 + 1e-9)  # of M - I


@pytest.mark.parametrize(
    ("method", "words"), [(Adam(), "adam has no multipliers"), (ImplicitEuler(), "not its entries")]
)
def test_a_method_without_multipliers_says_why(method, words, matrix_free):
    with pytest.raises(InputError, match=words):
        leading_multipliers(matrix_free(-np.eye(4)), np.zeros(4), method, 0.1)


@given(seed=seeds, gamma=st.floats(0, 3))
def test_with_gamma_they_are_the_eigenvalues_of_J_minus_gamma_JtJ(seed, gamma, matrix_free):
    J = np.random.default_rng(seed).standard_normal((12, 12))
    found = leading_eigenvalues(matrix_free(J), np.zeros(12), "real", 4, gamma=gamma)
    exact = np.sort(np.linalg.eigvals(J - gamma * J.T @ J).real)[::-1]
    assert_allclose(found.values.real, exact[: len(found.values)], atol=1e-8)


def test_consensus_at_a_zero_of_v_has_that_jacobian(products_of):
    from dynsys.transforms import consensus

    v = games.spiral_saddle().field()
    w = consensus(v, 0.3)
    here = leading_eigenvalues(products_of(v), [1.0, -2.0], gamma=0.3).values
    assert_allclose(here, leading_eigenvalues(products_of(w), [1.0, -2.0]).values, atol=1e-12)
    elsewhere = leading_eigenvalues(products_of(v), [0.5, 0.5], gamma=0.3).values
    assert np.abs(elsewhere - leading_eigenvalues(products_of(w), [0.5, 0.5]).values).max() > 0.1  # second derivatives


def test_the_spectrum_of_a_matrix_free_field_is_that_of_its_jacobian(products_of):
    x = [0.3, -0.2, 0.1]
    found, exact = spectrum(products_of(WIDE), x), spectrum(WIDE, x)
    assert_allclose(found.eigenvalues, exact.eigenvalues, atol=1e-12)
    assert found.antisymmetric_norm == pytest.approx(exact.antisymmetric_norm)
    single = spectrum(MatrixFreeField(lambda x: Products(x, np.copy, np.copy), {"a": 3}, dtype=np.float32), x)
    assert single.tolerance > 1e6 * spectrum(VectorField(("x", "y", "z"), ["x", "y", "z"]), x).tolerance


def test_a_spectrum_of_too_many_variables_names_the_way_out():
    n = LARGEST_DENSE + 1
    with pytest.raises(InputError, match="take leading_eigenvalues"):
        spectrum(MatrixFreeField(lambda x: Products(x, np.copy, np.copy), {"a": n}), np.zeros(n))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda f: leading_eigenvalues(f), "x is missing"),
        (lambda f: leading_eigenvalues(f, [0.0]), "the field has 4 variables"),
        (lambda f: leading_eigenvalues(f, [np.nan] * 4), "not finite"),
        (lambda f: leading_eigenvalues(f, [0.0] * 4, gamma=-1), "gamma is -1"),
        (lambda f: leading_eigenvalues(WIDE, [0.0] * 3), "give a NetworkGame"),
        (lambda f: leading_multipliers(f, [0.0] * 4, Euler(), 0), "step size must be positive"),
        (lambda f: leading_multipliers(f, [0.0] * 4, Euler, 0.1), r"write Euler\(\)"),
        (lambda f: leading_multipliers(f, [0.0] * 4, Alternating(), 0.1), "needs players"),
        (lambda f: stable_steps([], Euler()), "at least one"),
        (lambda f: stable_steps([-1], Alternating()), "take leading_multipliers"),
        (lambda f: stable_steps([-1], Adam()), "adam has no stable steps"),
    ],
)
def test_it_says_what_is_wrong(call, words, matrix_free):
    with pytest.raises(InputError, match=words):
        call(matrix_free(-np.eye(4)))


# --- stable steps ---------------------------------------------------------------------------------

lambdas = st.builds(complex, st.floats(-3, -0.05), st.floats(-5, 5)).map(
    lambda z: complex(round(z.real, 3), round(z.imag, 3))
)


@few
@given(values=st.lists(lambdas, min_size=1, max_size=5))
def test_euler_is_stable_below_the_least_of_2_re_over_modulus_squared(values):
    found = stable_steps(values, Euler())
    assert_allclose(found.largest, min(2 * -z.real / abs(z) ** 2 for z in values), rtol=1e-10)
    assert found.stable == ((0.0, found.largest),)


@pytest.mark.parametrize(
    ("method", "largest"),
    [
        (Euler(), 0.01980198),
        (OptimisticGradient(), 0.05998327),
        (Extragradient(), 0.11617657),
        (RungeKutta4(), 0.29359703),
    ],
)
def test_the_largest_steps_at_minus_1_plus_minus_10i(method, largest):
    """The table of THEORY §2."""
    assert stable_steps([-1 + 10j, -1], method).largest == pytest.approx(largest, abs=1e-8)


def test_values_right_of_the_axis_leave_no_stable_step_and_those_on_it_some_to_extragradient():
    assert stable_steps([0.1, -1 + 1j], Euler()).text == "unstable at every h in (0, ∞)"
    assert stable_steps([1j], Euler()).largest == 0
    assert stable_steps([2j], Extragradient()).largest == pytest.approx(0.5)
    assert stable_steps([-1.0], Euler(), (0, 1)).to_dict()["largest"] == 1


def test_what_forms_the_jacobian_of_an_update_says_what_to_take_instead():
    field = MatrixFreeField(lambda x: Products(-x, np.negative, np.negative), {"all": 2})
    with pytest.raises(InputError, match="take leading_multipliers"):
        multipliers(field, [0.0, 0.0], Euler(), h=0.1)
