"""Lyapunov exponents against closed forms, determinants, divergences, eigenvalues, and what is known of chaos."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis import lyapunov_spectrum, multipliers
from analysis.batch_means import batch_means, correlation_of
from analysis.lyapunov_spectra import verdict_of
from analysis.resting_points import fixed_point_at, zero_at
from dynsys import InputError, VectorField, games
from dynsys.kernels import compiling
from dynsys.transforms import consensus
from integrators import (
    DOP853,
    LOLA,
    Adam,
    Euler,
    HeavyBall,
    OptimisticGradient,
    Rosenbrock,
    RungeKutta4,
    Status,
    Taylor,
)
from integrators.tangents import tangent_runs

few = settings(max_examples=max(6, settings.default.max_examples // 5))
HENON = VectorField.from_map(["1 - a*x**2 + y", "b*x"], ["x", "y"], {"a": 1.4, "b": 0.3})
LOGISTIC = VectorField.from_map(["r*x*(1 - x)"], ["x"], {"r": 4.0})
CAT = VectorField.from_map(["2*x + y", "x + y"], ["x", "y"], period=[1, 1])
GOLDEN = math.log((3 + math.sqrt(5)) / 2)
LORENZ = games.lorenz()
SPIRAL = games.spiral_saddle().field()
long = pytest.mark.skipif(not compiling(), reason="hundreds of thousands of steps take minutes without compilation")


# --- maps -----------------------------------------------------------------------------------------


@few
@given(steps=st.integers(1, 60), x=st.floats(-0.3, 0.3), y=st.floats(-0.1, 0.1), b=st.floats(0.05, 0.3))
def test_the_exponents_of_the_henon_map_have_the_sum_ln_b_at_any_time(steps, x, y, b):
    found = lyapunov_spectrum(HENON.with_parameters(b=b), [x, y], Euler(), h=1, steps=steps, transient=0)
    assert_allclose(found.total, math.log(b), rtol=4e-15)
    assert_allclose(found.growth.sum(1), found.time * math.log(b), rtol=0, atol=4e-15 * steps)


@long
def test_the_henon_map_is_chaotic_with_the_known_exponent_and_dimension():
    found = lyapunov_spectrum(HENON, [0.1, 0.1], Euler(), h=1, steps=200_000)
    assert abs(found.total - math.log(0.3)) < 1e-14
    assert abs(found.exponents[0] - 0.41922) < found.error[0] < 0.005
    assert found.chaotic is True and abs(found.dimension - 1.2582) < 0.003


def test_the_logistic_map_at_4_has_exponent_ln_2_within_its_error():
    found = lyapunov_spectrum(LOGISTIC, [0.3], Euler(), h=1, steps=60_000 if compiling() else 6_000)
    assert abs(found.exponents[0] - math.log(2)) < found.error[0] < 0.01
    assert found.chaotic is True and found.dimension == 1 and found.size == 1


@few
@given(x=st.floats(0.01, 0.99), y=st.floats(0.01, 0.99))
def test_the_cat_map_has_the_logs_of_its_matrix_eigenvalues(x, y):
    found = lyapunov_spectrum(CAT, [x, y], Euler(), h=1, steps=300, transient=60)
    assert_allclose(found.exponents, [GOLDEN, -GOLDEN], atol=1e-13)
    assert abs(found.exponents[0] - 0.9624236501) < 1e-10 and (found.error < 1e-12).all()
    assert found.chaotic is True and abs(found.dimension - 2) < 1e-12


@few
@given(x=st.floats(0.05, 0.95), b=st.floats(1e-3, 1.9), seed=st.integers(0, 99))
def test_a_skew_product_with_a_linear_fibre_has_the_log_of_the_fibre(x, b, seed):
    skew = VectorField.from_map(["4*x*(1 - x)", "b*y + x"], ["x", "y"], {"b": b}, period=[None, 1.0])
    found = lyapunov_spectrum(skew, [x, 0.1], Euler(), h=1, steps=200, transient=0)
    one = lyapunov_spectrum(LOGISTIC, [x], Euler(), h=1, steps=200, transient=0)
    assert_allclose(found.total, one.total + math.log(b), rtol=1e-10, atol=1e-12)


def test_a_singular_map_has_an_exponent_minus_infinity_and_the_other_of_its_image():
    delayed = VectorField.from_map(["4*x*(1 - x)", "x"], ["x", "y"])
    found = lyapunov_spectrum(delayed, [0.3, 0.1], Euler(), h=1, steps=5000)
    assert abs(found.exponents[0] - math.log(2)) < found.error[0] < 0.02
    assert found.exponents[1] == -math.inf and found.error[1] == 0 and found.dimension == 1
    assert found.to_dict()["exponents"][1] is None


@pytest.mark.parametrize(
    ("image", "rest"), [(["2*x*(1 - x)"], [0.5]), (["0.25 + 0*x"], [0.25]), (["y", "0*x"], [0, 0])]
)
def test_an_orbit_that_comes_to_a_superstable_point_has_exponents_minus_infinity(image, rest):
    n = len(rest)
    found = lyapunov_spectrum(VectorField.from_map(image, ["x", "y"][:n]), [0.3, 0.2][:n], Euler(), h=1, steps=1000)
    assert (found.exponents == -math.inf).all() and not found.error.any() and found.chaotic is False
    assert_allclose(found.rest, rest, atol=1e-15)


def test_a_shear_grows_as_time_and_is_not_called_chaotic():
    shear = VectorField.from_map(["x + y", "y"], ["x", "y"], period=[1, None])
    found = lyapunov_spectrum(shear, [0.3, 0.1], Euler(), h=1, steps=3000, transient=0)
    assert found.chaotic is None and 0 < found.exponents[0] < 2 * math.log(3000) / 3000
    assert_allclose(found.total, 0, atol=1e-15)


def test_the_four_exponents_of_heavy_ball_have_the_sum_2_ln_beta_a_step():
    found = lyapunov_spectrum(SPIRAL, [0.2, 0.1], HeavyBall(0.3), h=0.3, steps=40, transient=0)
    assert found.size == len(found.exponents) == 4
    assert_allclose(found.per_step.sum(), 2 * math.log(0.3), rtol=1e-13)


# --- at rest --------------------------------------------------------------------------------------

RESTS = [Euler(), RungeKutta4(), HeavyBall(-0.2), OptimisticGradient()]


@pytest.mark.parametrize("method", RESTS, ids=lambda m: m.label)
def test_an_orbit_that_comes_to_rest_has_the_logs_of_its_multipliers_exactly(method):
    w = consensus(SPIRAL, 0.2)
    found = lyapunov_spectrum(w, [0.05, -0.05], method, h=0.2, steps=1000)
    expected = np.log(np.abs(multipliers(w, [0.0, 0.0], method, 0.2)))
    assert_allclose(found.per_step, expected, rtol=0, atol=1e-12)
    assert (found.error == 0).all() and found.chaotic is False and np.abs(found.rest).max() < 1e-12
    assert found.dimension == 0 and "rests" in found.reason


def test_an_orbit_on_its_way_to_rest_has_nearly_those_exponents():
    found = lyapunov_spectrum(SPIRAL, [0.05, -0.05], Euler(), h=0.2, steps=100, transient=20)
    exact = math.log(math.hypot(0.9, 0.2)) / 0.2
    assert found.rest is None and found.chaotic is False
    assert_allclose(found.exponents, [exact, exact], atol=0.02)
    assert_allclose(found.total, 2 * exact, atol=0.01)


def test_a_start_at_an_unstable_fixed_point_stays_there():
    found = lyapunov_spectrum(CAT, [0.0, 0.0], Euler(), h=1)
    assert_allclose(found.exponents, [GOLDEN, -GOLDEN], rtol=1e-14)
    assert found.chaotic is False and found.status == Status.STATIONARY
    flow = lyapunov_spectrum(LORENZ, [0.0, 0.0, 0.0])
    root = math.sqrt(11**2 - 4 * 10 * (1 - 28))
    assert_allclose(flow.exponents, [(-11 + root) / 2, -8 / 3, (-11 - root) / 2], rtol=1e-14)
    assert_allclose(flow.growth[-1], flow.exponents * flow.time[-1], rtol=1e-14)


@few
@given(a=st.floats(-0.9, 0.9), b=st.floats(-0.9, 0.9), c=st.floats(-2, 2))
def test_a_linear_map_from_anywhere_has_the_logs_of_its_eigenvalues(a, b, c):
    if min(abs(a), abs(b)) < 0.05:
        return
    linear = VectorField.from_map([f"{a!r}*x + {c!r}*y", f"{b!r}*y"], ["x", "y"])
    found = lyapunov_spectrum(linear, [0.3, 0.4], Euler(), h=1, steps=2000)
    assert_allclose(found.exponents, sorted(np.log(np.abs([a, b])))[::-1], atol=1e-12)


def test_a_plateau_is_no_fixed_point():
    v = VectorField(("1e-12*exp(-x)", "-y"), ("x", "y"))
    assert zero_at(v, np.array([3.0, 0.0])) is None
    assert fixed_point_at(v, np.array([3.0, 0.0]), Euler(), 0.1) is None
    assert_allclose(zero_at(LORENZ, np.full(3, 1e-12)), 0, atol=1e-25)
    assert zero_at(LORENZ, np.full(3, 1e-6)) is None and zero_at(LORENZ, np.full(3, 1e-8)) is None


def test_a_method_that_moves_fixed_points_rests_where_it_rests():
    from dynsys import Game

    tandem = Game(
        {"p": ["x"], "q": ["y"]}, {"p": "-((x + y)**2 - 2*x) - 0.1*x**2", "q": "-((x + y)**2 - 2*y) - 0.1*y**2"}
    ).field()
    found = lyapunov_spectrum(tandem, [0.5, 0.4], LOLA(), h=0.1, steps=3000, k=1)
    assert found.rest is not None and np.abs(tandem(found.rest)).max() > 1e-3
    assert_allclose(found.per_step[0], np.log(np.abs(multipliers(tandem, found.rest, LOLA(), 0.1)[0])), atol=1e-10)


# --- flows ----------------------------------------------------------------------------------------


@long
def test_the_lorenz_attractor_has_the_known_exponents_within_their_errors():
    found = lyapunov_spectrum(LORENZ, [1.0, 2.0, 20.0], time=10_000)
    assert abs(found.exponents[0] - 0.9056) < found.error[0] < 0.01
    assert abs(found.exponents[1]) < found.error[1] < 0.01
    assert abs(found.total + 41 / 3) < 1e-8
    assert found.chaotic is True and abs(found.dimension - 2.062) < 0.001


@long
def test_the_lorenz_flow_that_spirals_into_rest_has_its_real_parts():
    found = lyapunov_spectrum(games.lorenz(rho=20.0), [10.0, 10.0, 10.0], time=300)
    z = 19.0
    x = math.sqrt(8 / 3 * z)
    J = np.array([[-10, 10, 0], [20 - z, -1, -x], [x, x, -8 / 3]])
    assert_allclose(found.exponents, np.sort(np.linalg.eigvals(J).real)[::-1], rtol=1e-9)
    assert abs(found.exponents[0] + 0.15479) < 5e-6 and found.rest is not None and found.chaotic is False


@long
def test_a_limit_cycle_has_an_exponent_0_and_that_of_its_mean_divergence():
    found = lyapunov_spectrum(games.van_der_pol(), [1.0, 1.0], time=400, rtol=1e-7)
    assert abs(found.exponents[0]) < found.error[0] < 0.1 and abs(found.exponents[1] + 1.0594) < 0.02
    assert found.chaotic is False
    rossler = VectorField(("-y - z", "x + a*y", "b + z*(x - c)"), ("x", "y", "z"), {"a": 0.1, "b": 0.1, "c": 4.0})
    cycle = lyapunov_spectrum(rossler, [1.0, 1.0, 0.0], time=500, rtol=1e-7)
    assert cycle.chaotic is False and "cycle of a flow" in cycle.reason


@pytest.mark.parametrize("method", [None, Rosenbrock()], ids=["dop853", "rosenbrock"])
def test_a_flow_with_constant_divergence_has_it_as_its_sum(method):
    found = lyapunov_spectrum(LORENZ, [1.0, 2.0, 20.0], method, time=2.0, transient=0.5, rtol=1e-6, atol=1e-6)
    assert abs(found.total + 41 / 3) < 1e-4 and found.method == "" and found.h < 0.1


def test_a_driven_field_has_its_time_as_a_variable_of_exponent_0():
    driven = VectorField(("y", "-0.25*y + x - x**3 + 0.4*cos(t)"), ("x", "y"), time="t")
    found = lyapunov_spectrum(driven, [0.3, 0.1], time=20.0 if not compiling() else 200.0, transient=2.0, rtol=1e-7)
    assert found.size == 3 and abs(found.total + 0.25) < 1e-6
    assert np.abs(found.exponents).min() < 0.1


def test_the_step_of_a_flow_is_reduced_until_no_step_exceeds_the_tolerances():
    stiffer = games.van_der_pol(4.0)
    found = lyapunov_spectrum(stiffer, [2.0, -0.2], time=60.0, transient=0.0, rtol=1e-7, atol=1e-9)
    steps = round(60.0 / found.h)
    runs = tangent_runs(stiffer, [[2.0, -0.2]], DOP853(), found.h, steps, steps, 1, rtol=1e-7, atol=1e-9)
    assert 0.001 < runs.worst[0] <= 1
    longer = tangent_runs(stiffer, [[2.0, -0.2]], DOP853(), 60 / 256, 256, 256, 1, rtol=1e-7, atol=1e-9)
    assert longer.worst[0] > 1


def test_linear_flows_have_their_real_parts_at_any_step():
    J = np.array([[-0.3, 2.0, 0.1], [-2.0, -0.3, 0.4], [0.0, 0.0, -1.0]])
    names = ["x", "y", "z"]
    v = VectorField([" + ".join(f"{a}*{n}" for a, n in zip(row, names, strict=True)) for row in J], names)
    found = lyapunov_spectrum(v, [1.0, 1.0, 1.0], time=6.0, transient=1.0)
    assert_allclose(found.total, np.trace(J), atol=1e-8)


# --- errors and verdicts --------------------------------------------------------------------------


@given(seed=st.integers(0, 2**32 - 1))
def test_the_mean_of_independent_batches_has_the_error_of_students_t(seed):
    from scipy.stats import t as student

    rates = np.random.default_rng(seed).normal(0.5, 2.0, (64, 1))
    growth = np.concatenate([np.zeros((1, 1)), np.cumsum(rates, 0)])
    found = batch_means(growth, np.arange(65.0))
    if found.batches == 64 and found.correlation[0] <= 0:
        assert_allclose(found.error, student.ppf(0.975, 63) * rates.std(0, ddof=1) / 8, rtol=1e-9)
    assert_allclose(found.mean, rates.mean(0), rtol=1e-12)


@pytest.mark.parametrize(("memory", "white"), [(0.9, 0.0), (0.95, 6.0)], ids=["coloured", "coloured under white"])
def test_the_interval_of_batch_means_holds_the_truth_as_often_as_it_says(memory, white):
    from scipy.signal import lfilter

    rng = np.random.default_rng(5)
    noise = lfilter([1.0], [1.0, -memory], rng.normal(size=(400, 4096)), axis=1) + white * rng.normal(size=(400, 4096))
    growth = np.concatenate([np.zeros((400, 1)), np.cumsum(noise, 1)], 1)
    inside = 0
    for row in growth[:, :: 4096 // 256] if not white else growth[:, :2049:4]:
        found = batch_means(row[:, None], np.arange(float(len(row))))
        inside += bool(abs(found.mean[0]) < found.error[0])
    assert 0.90 < inside / 400 < 0.99


def test_rates_that_differ_by_rounding_have_no_correlation():
    assert correlation_of(1.0 + 1e-16 * np.arange(40.0)[:, None]) == 0
    assert correlation_of(np.sin(np.arange(40.0))[:, None])[0] > 0.3


@pytest.mark.parametrize(
    ("exponents", "error", "growth", "flow", "size", "verdict"),
    [
        ([0.5, -1.0], [0.1, 0.1], 500.0, False, 2, True),
        ([0.5, -1.0], [0.6, 0.1], 500.0, False, 2, None),
        ([0.5, -1.0], [0.1, 0.1], 5.0, False, 2, None),
        ([-0.5, -1.0], [0.1, 0.1], -500.0, False, 2, False),
        ([0.01, -1.0], [0.1, 0.1], 10.0, False, 2, None),
        ([0.01, -1.0, -2.0], [0.1, 0.1, 0.1], 10.0, True, 3, False),
        ([0.01, 0.02, -2.0], [0.1, 0.1, 0.1], 10.0, True, 3, None),
        ([0.5, 0.0, -2.0], [0.1, 0.1, 0.1], 500.0, True, 3, True),
        ([0.5, 0.0], [0.1, 0.1], 500.0, True, 2, False),
        ([0.5, 0.0], [math.nan, math.nan], 500.0, False, 2, None),
    ],
)
def test_the_verdict_follows_the_exponents_and_their_errors(exponents, error, growth, flow, size, verdict):
    found, reason = verdict_of(np.array(exponents), np.array(error), growth, 1000, flow, size)
    assert found is verdict and reason


def test_orbits_that_do_not_last_have_a_status_and_no_exponents():
    found = lyapunov_spectrum(HENON, [50.0, 0.0], Euler(), h=1, steps=500)
    assert found.status == Status.DIVERGED and np.isnan(found.exponents).all() and found.chaotic is None
    assert math.isnan(found.dimension) and found.to_dict()["exponents"] == [None, None]
    escaping = VectorField(("x**2", "y"), ("x", "y"))
    flow = lyapunov_spectrum(escaping, [1.0, 1.0], time=100)
    assert flow.status != Status.FINISHED and np.isnan(flow.exponents).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"x0": [0.1]}, "x0 has 1 entries"),
        ({"x0": [0.1, math.nan]}, "one finite point"),
        ({"h": 0.1}, "h is given but no method"),
        ({"steps": 10}, "give h for an update, or time for the flow"),
        ({"method": Euler()}, "estimates no error"),
        ({"method": Euler(), "h": -1.0}, "must be positive"),
        ({"method": Euler(), "h": 0.1, "steps": 10, "time": 1.0}, "give one of them"),
        ({"method": Euler(), "h": 0.1, "steps": 0}, "steps is 0"),
        ({"method": Adam(), "h": 0.1}, "adam has no tangent map"),
        ({"method": Euler(), "h": 0.1, "k": 3}, "holds 2 numbers"),
        ({"time": -1.0}, "time is -1"),
        ({"transient": -1.0}, "must not be negative"),
        ({"method": Taylor()}, r"take DOP853\(\)"),
    ],
)
def test_it_says_what_is_wrong(arguments, words):
    with pytest.raises(InputError, match=words):
        lyapunov_spectrum(SPIRAL, **({"x0": [0.1, 0.1], "time": None} | arguments))
