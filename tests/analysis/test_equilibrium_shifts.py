"""Where biased consensus converges: against the expected field written out by hand, and against long runs."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from numpy.testing import assert_allclose

from analysis import equilibrium_shift, noise_floor
from dynsys import InputError
from dynsys.minibatches import FiniteSumGame, MinibatchField, StochasticGame, normal, populations
from integrators import Euler

GAMMA = 0.2
GAN = StochasticGame(
    {"generator": ["theta"], "critic": ["phi"]},
    {"generator": "-phi*(x**2 - theta**2*z**2)", "critic": "phi*(x**2 - theta**2*z**2)"},
    {"x": normal, "z": normal},
    box=[(0.2, 2), (-1.5, 1.5)],
)
draw = np.random.default_rng(1)
LOGISTIC = {
    "players": {"one": ["p"], "two": ["w"]},
    "payoff_of_sample": {
        "one": "softplus(w*x + p*y) - p**2*(2 + x**2)/2 - w*p/2 - w**2*x**2/10",
        "two": "-softplus(w*x + p*y) + p**2*(2 + x**2)/2 + w*p/2 + w**2*x**2/10 - w**2",
    },
    "data": {"x": draw.normal(size=4), "y": draw.normal(size=4)},
    "box": [(-3, 3), (-3, 3)],
}


def expected_by_hand(c):
    """v - γ∇½(‖v‖² + c tr Σ) of the variance GAN from E z² = 1, Var z² = 2: zero near (1, 0), solved by Newton."""
    theta, phi = sp.symbols("theta phi")
    v = sp.Matrix([2 * phi * theta, 1 - theta**2])
    trace = 2 * (2 * phi * theta) ** 2 + 2 + 2 * theta**4
    L = (v.dot(v) + c * trace) / 2
    w = v - sp.Rational(1, 5) * sp.Matrix([L.diff(theta), L.diff(phi)])
    return np.array([float(e) for e in sp.nsolve(w, (theta, phi), (0.95, 0.1), prec=30)])


@pytest.mark.parametrize(
    ("name", "B", "excess"), [("plug-in", 4, "1/4"), ("plug-in", 16, "1/16"), ("per-sample", 8, 1)]
)
def test_the_equilibrium_of_the_variance_gan_moves_to_the_zero_of_the_expected_field(name, B, excess):
    found = equilibrium_shift(GAN, name, B, GAMMA)
    (point,) = found.points
    assert found.excess == float(sp.Rational(excess))
    assert_allclose(point.true, [1, 0], atol=1e-12)
    assert point.before.is_nash and point.before.attracts
    assert_allclose(point.shifted, expected_by_hand(sp.Rational(excess)), atol=1e-11)
    assert point.after.is_nash is False and point.after.spurious and point.after.attracts
    # to first order: c γ w'⁻¹ ∇½ tr Σ with w' = J - γJᵀJ at (1, 0), J = [[0, 2], [-2, 0]] and ∇½ tr Σ = (4, 0)
    w = np.array([[-4 * GAMMA, 2], [-2, -4 * GAMMA]])
    assert_allclose(point.first_order, found.excess * GAMMA * np.linalg.solve(w, [4, 0]), atol=1e-12)


def test_the_per_sample_penalty_makes_a_new_zero_that_does_not_attract():
    found = equilibrium_shift(GAN, "per-sample", 4, GAMMA)
    assert_allclose(found.points[0].shifted, [np.sqrt(5 / 8), 0.25], atol=1e-10)
    ((new, label),) = found.appeared
    assert_allclose(new.x, [np.sqrt(1 / 3), 5 / 6], atol=1e-10)
    assert label.attracts is False and "new: spurious zero (not attracting)" in found.text


def test_the_error_of_the_first_order_falls_as_the_square_of_the_excess():
    errors = []
    for B in (32, 64, 128):
        (point,) = equilibrium_shift(GAN, "plug-in", B, GAMMA).points
        errors.append(np.linalg.norm(point.shift - point.first_order))
    assert_allclose(np.log2(np.array(errors[:-1]) / errors[1:]), 2, atol=0.1)


@pytest.mark.parametrize("name", ["u-statistic", "split", "independent"])
def test_unbiased_estimators_leave_the_equilibrium_where_it_is(name):
    found = equilibrium_shift(GAN, name, 4, GAMMA)
    (point,) = found.points
    assert found.excess == 0 and not found.appeared
    assert_allclose(point.shifted, [1, 0], atol=1e-12)
    assert point.after.is_nash and "stays" in found.text


POLYNOMIAL = FiniteSumGame(
    {"one": ["p"], "two": ["w"]},
    {"one": "w*p*x - p**2*(1 + y**2)/2 + p*y", "two": "-w*p*x - w**2*(1 + y)/2 + w*x*w/8 - w*y"},
    {"x": [1.0, 2.0, -0.5, 0.25, 1.5, 0.75], "y": [0.5, -0.25, 1.0, 0.75, 0.0, 0.25]},
    box=[(-2, 2), (-2, 2)],
)


def test_without_replacement_only_the_finite_population_correction_and_two_batches_stay():
    shifts = {
        name: equilibrium_shift(POLYNOMIAL, name, 4, 0.3, sampling="without replacement").points[0]
        for name in ("plug-in", "u-statistic", "finite-population", "split", "independent")
    }
    assert {name for name, p in shifts.items() if np.linalg.norm(p.shift) < 1e-9} == {
        "finite-population",
        "independent",
    }
    # opposite signs: + tr Σ (N - B)/(B (N - 1)) against - tr Σ/(N - 1)
    assert shifts["plug-in"].shift @ shifts["u-statistic"].shift < 0
    assert_allclose(shifts["split"].shifted, shifts["u-statistic"].shifted, atol=1e-12)


def test_a_mean_without_formulas_gives_the_same_shift(monkeypatch):
    formula = equilibrium_shift(FiniteSumGame(**LOGISTIC), "plug-in", 3, 0.3)
    monkeypatch.setattr(populations, "MOST_TERMS", 2)
    arrays = equilibrium_shift(FiniteSumGame(**LOGISTIC), "plug-in", 3, 0.3)
    assert len(formula.points) == len(arrays.points) == 1
    for name in ("true", "shifted", "first_order"):
        assert_allclose(getattr(arrays.points[0], name), getattr(formula.points[0], name), atol=1e-8)
    assert formula.points[0].before.is_nash is True and arrays.points[0].before.is_nash is None
    assert np.linalg.norm(formula.points[0].shift) > 1e-5


def test_a_zero_that_meets_another_in_a_fold_is_lost_and_the_report_says_where():
    # v = x - x³ - z(…): L = ½(v² + c tr Σ) with tr Σ growing in x pushes the zero at 1 into the one at the fold
    game = StochasticGame(
        {"one": ["x"]}, {"one": "x**2/2 - x**4/4 + s*z*x**2/2"}, {"z": normal}, {"s": 3.0}, box=[(0.3, 1.6)]
    )
    found = equilibrium_shift(game, "per-sample", 1, 0.6)
    lost = [p for p in found.points if p.shifted is None]
    assert lost and all("fold at excess" in p.end for p in lost) and "is lost" in found.text
    assert found.to_dict()["points"][0]["shifted"] is None or len(found.points) > len(lost)


@pytest.mark.parametrize("B", [4, 8])
def test_long_runs_of_sgd_settle_at_the_shifted_equilibrium(B):
    (point,) = equilibrium_shift(GAN, "plug-in", B, GAMMA).points
    field = MinibatchField(GAN, B, GAMMA, "plug-in")
    coarse, fine = (
        noise_floor(field, point.shifted, Euler(), h, iterates=400_000, runs=256, burn=600, rng=11)
        for h in (0.02, 0.01)
    )
    # the mean of the iterates is the zero + O(h): extrapolate to h = 0
    mean = 2 * fine.mean - coarse.mean
    error = np.hypot(2 * fine.mean_error, coarse.mean_error)
    assert (np.abs(mean - point.shifted) < 4 * error).all()
    assert np.abs(mean - point.true).max() > 3 * error.max()  # not where it would be without bias
    for floor in (coarse, fine):
        assert (np.abs(floor.mean - floor.predicted_mean) < 5 * floor.mean_error).all()


def test_long_runs_with_an_unbiased_estimator_settle_at_the_true_equilibrium():
    field = MinibatchField(GAN, 4, GAMMA, "u-statistic")
    coarse, fine = (
        noise_floor(field, [1, 0], Euler(), h, iterates=400_000, runs=256, burn=600, rng=5) for h in (0.02, 0.01)
    )
    error = np.hypot(2 * fine.mean_error, coarse.mean_error)
    assert (np.abs(2 * fine.mean - coarse.mean - [1, 0]) < 4 * error).all()
    assert error.max() < 0.01


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"estimator": "plugin"}, "did you mean 'plug-in'"),
        ({"B": 0}, "batch is 0"),
        ({"sampling": "without replacement"}, "needs a data set"),
        ({"h": 0.1}, "give both method and h"),
        ({"game": GAN.field()}, "give a StochasticGame or a FiniteSumGame"),
    ],
)
def test_what_cannot_be_is_refused(arguments, words):
    with pytest.raises(InputError, match=words):
        equilibrium_shift(**{"game": GAN, "estimator": "plug-in", "B": 4, "gamma": GAMMA, **arguments})
