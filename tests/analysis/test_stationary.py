"""Stationary laws: the linear theory of stochastic updates against closed forms and against a million iterates."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis import curvature_shift, noise_floor, stationary_covariance, update_covariance
from analysis.noise_floors import batch_means
from dynsys import InputError
from dynsys.minibatches import ESTIMATORS, FiniteSumGame, MinibatchField, StochasticGame, normal, uniform
from integrators import (
    Adam,
    Alternating,
    Euler,
    Extragradient,
    HeavyBall,
    ImplicitMidpoint,
    OptimisticGradient,
    RungeKutta4,
)

NOISY = {"e": normal(0, 1), "f": uniform(-1, 1)}
ADDITIVE = StochasticGame(
    {"a": ["x"], "b": ["y"]}, {"a": "-x**2/2 + x*y + x*e", "b": "-y**2 - x*y + y*f"}, NOISY, box=[(-2, 2), (-2, 2)]
)
COEFFICIENTS = StochasticGame(
    {"a": ["x"], "b": ["y"]},
    {"a": "-(1 + u)*x**2/2 + (1 + e)*x*y + x*e", "b": "-y**2 - x*y + y*f"},
    {**NOISY, "u": normal(0, 1.2)},
    box=[(-2, 2), (-2, 2)],
)
draw = np.random.default_rng(0)
ROWS = {"c": draw.uniform(0.3, 1.7, 8), "d": draw.uniform(0, 2.4, 8), "e": draw.normal(size=8)}
SUM = FiniteSumGame(
    {"a": ["x"], "b": ["y"]},
    {"a": "-c*x**2/2 + d*x*y + x*e", "b": "-y**2 - d*x*y + y*c"},
    ROWS,
    box=[(-2, 2), (-2, 2)],
)
GAMES = {"additive noise": ADDITIVE, "random coefficients": COEFFICIENTS, "finite sum": SUM}
METHODS = {
    "euler": (Euler(), "step"),
    "extragradient, a batch a step": (Extragradient(), "step"),
    "extragradient, a batch a stage": (Extragradient(), "stage"),
    "heavy ball": (HeavyBall(0.4), "step"),
}


def zero_of(field):
    w = field.expected()
    x = np.zeros(field.n)
    for _ in range(30):
        x = x - np.linalg.solve(w.jacobian(x), w(x))
    return x


@pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))
@pytest.mark.parametrize("game", GAMES.values(), ids=list(GAMES))
def test_a_million_iterates_scatter_as_predicted(game, method):
    method, per = method
    field = MinibatchField(game, 2, batch_per=per)
    floor = noise_floor(field, zero_of(field), method, 0.15, iterates=1_000_000, runs=1000, rng=7)
    error = 4.5 * floor.covariance_error
    assert floor.iterates == 1_000_000
    assert (error < 0.06 * np.sqrt(np.outer(*[np.diag(floor.covariance)] * 2))).all()  # the comparison can fail
    assert (np.abs(floor.covariance - floor.prediction.covariance) <= error).all()
    assert (np.abs(floor.mean - floor.prediction.mean) <= 4.5 * floor.mean_error).all()
    low, high = floor.measured.interval
    assert low - (high - low) < floor.predicted < high + (high - low)
    if game is not ADDITIVE:  # noise of the Jacobian counts: without it the prediction is refuted
        assert (np.abs(floor.covariance - floor.prediction.additive) > error).any()


def kronecker(M, forcing):
    k = len(M)
    return np.linalg.solve(np.eye(k * k) - np.kron(M, M), forcing.ravel()).reshape(k, k)


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4), st.floats(0.02, 0.15), st.integers(1, 9), st.floats(0.1, 2))
def test_additive_noise_enters_each_method_as_its_definition_says(entries, h, B, deviation):
    a, b, c, d = entries
    names = {"p": -2 - abs(a), "q": b, "r": c, "s": -2 - abs(d)}
    game = StochasticGame(
        {"one": ["x"], "two": ["y"]},
        {"one": "p*x**2/2 + q*x*y + x*e", "two": "s*y**2/2 + r*x*y + y*f - y*e/3"},
        {"e": normal(0, deviation), "f": uniform(-1, 1)},
        names,
    )
    J = np.array([[names["p"], b], [c, names["s"]]])
    Q = np.array([[deviation**2, -(deviation**2) / 3], [-(deviation**2) / 3, deviation**2 / 9 + 1 / 3]]) / B
    one, J2 = np.eye(2), J @ J
    step, stage = MinibatchField(game, B), MinibatchField(game, B, batch_per="stage")
    assert_allclose(update_covariance(step, [0.3, -0.2])[1], Q, rtol=1e-12, atol=1e-15)
    ahead = h * (one + h * J)
    cases = [
        (step, Euler(), one + h * J, h * h * Q),
        (step, Extragradient(), one + h * J + h * h * J2, ahead @ Q @ ahead.T),
        (stage, Extragradient(), one + h * J + h * h * J2, h * h * Q + h**4 * J @ Q @ J.T),
    ]
    for field, method, M, forcing in cases:
        found = stationary_covariance(field, [0, 0], method, h)
        assert_allclose(found.covariance, kronecker(M, forcing), rtol=1e-7, atol=1e-14)
        assert_allclose(found.additive, found.covariance, rtol=1e-7, atol=1e-14)
        assert_allclose(found.mean, 0, atol=1e-12)
    beta = 0.3
    M = np.block([[(1 + 0 * beta) * one + h * J, beta * one], [h * J, beta * one]])
    G = np.vstack([h * one, h * one])
    memory = stationary_covariance(step, [0, 0], HeavyBall(beta), h)
    assert_allclose(memory.state_covariance, kronecker(M, G @ Q @ G.T), rtol=1e-7, atol=1e-14)
    optimistic = stationary_covariance(step, [0, 0], OptimisticGradient(), h)
    M = np.block([[one + 2 * h * J, -h * one], [J, np.zeros((2, 2))]])  # the state is the point and the last gradient
    G = np.vstack([2 * h * one, one])
    assert_allclose(optimistic.state_covariance, kronecker(M, G @ Q @ G.T), rtol=1e-7, atol=1e-14)


@given(st.floats(0.3, 2), st.floats(0.1, 1), st.floats(0.1, 1), st.floats(0.05, 0.4), st.integers(1, 6))
def test_one_variable_with_a_random_slope_has_the_variance_in_closed_form(a, u, e, h, B):
    game = StochasticGame(
        {"one": ["x"]}, {"one": "-(a + u)*x**2/2 + x*e"}, {"u": normal(0, u), "e": normal(0, e)}, {"a": a}
    )
    found = stationary_covariance(MinibatchField(game, B), [0], Euler(), h)
    growth = (1 - a * h) ** 2 + h * h * u * u / B
    assert_allclose(found.growth, growth, rtol=1e-9)
    assert_allclose(found.covariance, h * h * e * e / B / (1 - growth), rtol=1e-9)
    assert found.how == "moments"


def test_where_the_update_is_stable_on_average_only_the_covariance_is_infinite():
    game = StochasticGame({"one": ["x"]}, {"one": "-(1 + u)*x**2/2 + x*e"}, {"u": normal(0, 3), "e": normal()})
    found = stationary_covariance(MinibatchField(game, 1), [0], Euler(), 0.5)
    assert found.growth == pytest.approx(0.25 + 0.25 * 9) and np.isinf(found.covariance).all()
    assert found.to_dict()["covariance"] == [[None]]
    assert np.isfinite(stationary_covariance(MinibatchField(game, 1), [0], Euler(), 0.1).covariance).all()


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("sampling", ["iid", "without replacement"])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_noise_of_the_field_is_that_over_all_batches(name, sampling, shared):
    rows = {k: v[:4] for k, v in ROWS.items()}
    game = FiniteSumGame(SUM.players, SUM.payoff_of_sample, rows)
    B, x = 2, (0.4, -0.3)
    field = MinibatchField(game, B, 0.3, name, sampling, shared=shared)
    one = list(itertools.product(range(4), repeat=B) if sampling == "iid" else itertools.permutations(range(4), B))
    table = game.population.table
    values = []
    for parts in itertools.product(one, repeat=field.parts[2]):
        chosen = [i for part in parts for i in part]
        values.append(field.on_samples("field", x, table[chosen]))
    values = np.array(values, dtype=float)
    mean, covariance = update_covariance(field, x)
    assert_allclose(mean, values.mean(0), atol=1e-13)
    assert_allclose(covariance, np.cov(values.T, bias=True), atol=1e-13)
    assert_allclose(field.expected()(x), values.mean(0), atol=1e-13)


@settings(max_examples=10)
@given(
    st.sampled_from([Euler(), Extragradient(), HeavyBall(0.2), RungeKutta4(), Alternating()]),
    st.integers(2, 3),
    st.sampled_from(["iid", "without replacement"]),
)
def test_enumerated_moment_and_drawn_batches_agree(method, B, sampling):
    import analysis.batch_fields as module

    rows = {k: v[:4] for k, v in ROWS.items()}
    field = MinibatchField(FiniteSumGame(SUM.players, SUM.payoff_of_sample, rows), B, sampling=sampling)
    x, h = zero_of(field), 0.1
    exact = stationary_covariance(field, x, method, h)
    assert exact.how == "enumeration"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_COMBINATIONS", 9)  # too few for all batches
        drawn = stationary_covariance(field, x, method, h)
    assert drawn.how == ("moments" if method.evaluations == 1 and method != Alternating() else "drawn batches")
    tolerance = 1e-9 if drawn.how == "moments" else 0.03
    assert_allclose(drawn.covariance, exact.covariance, rtol=tolerance, atol=tolerance * exact.covariance.max())


def test_curvature_moves_the_mean_as_the_second_derivative_says():
    # v = -x - x² + e: E v = 0 gives m + m² + C = 0 at first order m = -C, C = h/2 (1 + O(h)) σ²
    game = StochasticGame({"one": ["x"]}, {"one": "-x**2/2 - x**3/3 + x*e"}, {"e": normal(0, 0.3)}, box=[(-0.4, 1)])
    at = stationary_covariance(MinibatchField(game, 1), [0], Euler(), 0.1)
    assert_allclose(curvature_shift(MinibatchField(game, 1), at), -at.covariance[0], rtol=1e-6)


def test_players_in_turn_move_all_their_own_variables_at_once():
    game = StochasticGame(
        {"one": ["x", "y"], "two": ["z"]},
        {"one": "-x**2 - y**2 + x*y + x*z + x*e - y*f", "two": "-z**2 - x*z/2 + y*z + z*f"},
        NOISY,
    )
    field, h = MinibatchField(game, 2), 0.2
    found = stationary_covariance(field, [0, 0, 0], Alternating(), h)
    # the first player's step, then the second's at the point that it leaves
    J, first = np.array([[-2, 1, 1], [1, -2, 0], [-0.5, 1, -2]]), np.diag([1.0, 1, 0])
    one, two = np.eye(3) + h * first @ J, np.eye(3) + h * (np.eye(3) - first) @ J
    M, G = two @ one, h * (two @ first + np.eye(3) - first)
    _, Q = update_covariance(field, [0, 0, 0])
    assert_allclose(found.covariance, kronecker(M, G @ Q @ G.T), rtol=1e-2)
    assert_allclose(found.additive, kronecker(M, G @ Q @ G.T), rtol=1e-9)


def test_what_is_measured_has_forgotten_its_start():
    # a run of six correlation times: from its start on, the variance would come out a twenty-fourth too small
    game = StochasticGame({"one": ["x"]}, {"one": "-x**2/2 + x*e"}, {"e": normal})
    floor = noise_floor(MinibatchField(game, 1), [0], Euler(), 0.01, iterates=4096 * 1200, runs=4096, rng=2)
    error = float(floor.covariance_error[0, 0])
    assert error < 0.02 * floor.predicted
    assert abs(float(floor.covariance[0, 0]) - floor.predicted) < 4 * error


def test_an_implicit_method_takes_its_batch_for_all_iterations():
    field = MinibatchField(ADDITIVE, 3)
    found = stationary_covariance(field, [0, 0], ImplicitMidpoint(), 0.2)
    J = np.array([[-1, 1], [-1, -2]])
    inverse = np.linalg.inv(np.eye(2) - 0.1 * J)
    M, G = inverse @ (np.eye(2) + 0.1 * J), 0.2 * inverse
    assert_allclose(found.covariance, kronecker(M, G @ np.diag([1, 1 / 3]) / 3 @ G.T), rtol=1e-6)


def test_batch_means_know_the_effective_sample_size_of_an_autoregression():
    rng, rho = np.random.default_rng(3), 0.9
    kicks = rng.normal(size=(12_000, 64))
    x = np.zeros_like(kicks)
    for k in range(1, len(x)):
        x[k] = rho * x[k - 1] + kicks[k]
    found = batch_means(x[200:])
    size = x[200:].size * (1 - rho) / (1 + rho)
    assert found.effective_sample_size == pytest.approx(size, rel=0.15)
    independent = batch_means(kicks)
    assert independent.standard_error == pytest.approx(1 / math.sqrt(kicks.size), rel=0.1)
    assert abs(found.value) < 4 * found.standard_error
    with pytest.raises(InputError, match="not longer than the correlation"):
        batch_means(x[200:260, :32])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: {"field": f.expected()}, "give a MinibatchField"),
        (lambda f: {"x": [1.0, 1.0]}, "not a zero"),
        (lambda f: {"h": 1.2}, "does not attract"),
        (lambda f: {"h": -1.0}, "step size must be positive"),
        (lambda f: {"method": Adam()}, "has no multipliers"),
        (lambda f: {"field": MinibatchField(SUM, 2, sampling="reshuffled")}, "reshuffled"),
    ],
)
def test_what_has_no_stationary_law_is_refused_with_the_reason(change, words):
    field = MinibatchField(ADDITIVE, 2)
    arguments = {"field": field, "x": [0, 0], "method": Euler(), "h": 0.1, **change(field)}
    if arguments["field"].__class__ is MinibatchField and arguments["field"].sampling == "reshuffled":
        arguments["x"] = zero_of(arguments["field"])
    with pytest.raises(InputError, match=words):
        stationary_covariance(**arguments)


def test_runs_that_diverge_have_no_noise_floor():
    game = StochasticGame({"one": ["x"]}, {"one": "-x**2/2 + x**4/4 + x*e"}, {"e": normal(0, 1)}, box=[(-0.9, 0.9)])
    with pytest.raises(InputError, match="runs diverged"):
        noise_floor(MinibatchField(game, 1), [0], Euler(), 0.5, iterates=20_000, runs=64)
