"""The limit of small steps, and escape from a basin: against closed forms of diffusions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad

from analysis import diffusion_limit, escape_times, update_covariance
from dynsys import InputError
from dynsys.minibatches import ESTIMATORS, FiniteSumGame, MinibatchField, StochasticGame, discrete, normal
from integrators import Euler, sample_paths

GAN = StochasticGame(
    {"generator": ["theta"], "critic": ["phi"]},
    {"generator": "-phi*(x**2 - theta**2*z**2)", "critic": "phi*(x**2 - theta**2*z**2)"},
    {"x": normal, "z": normal},
    box=[(0.2, 2), (-1.5, 1.5)],
)
LINEAR = StochasticGame({"one": ["x"]}, {"one": "-x**2/2 + x*e"}, {"e": normal}, box=[(-1, 1)])
WELLS = StochasticGame({"one": ["x"]}, {"one": "x**2/2 - x**4/4 + x*e"}, {"e": normal}, box=[(-2, 2)])


@pytest.mark.parametrize("name", [None, *(n for n in ESTIMATORS if n != "finite-population")])
def test_the_covariance_in_formulas_is_that_over_batches_and_the_factor_is_its_root(name):
    field = MinibatchField(GAN, 4) if name is None else MinibatchField(GAN, 4, 0.3, name, shared=name != "split")
    limit = diffusion_limit(field)
    for x in ([1.1, 0.4], [0.7, -0.3], [1.0, 0.0]):
        values = {s: value for s, value in zip(limit.drift.symbols, x, strict=True)}
        values |= dict(zip(limit.drift.parameter_symbols, limit.drift.values(), strict=True))
        C = np.array(limit.covariance.subs(values).evalf(), dtype=float)
        L = np.array(limit.factor.subs(values).evalf(), dtype=float)
        assert_allclose(C, update_covariance(field, x)[1], rtol=1e-9, atol=1e-12)
        assert_allclose(L @ L.T, C, rtol=1e-9, atol=1e-12)
        assert np.triu(L, 1).max() == 0
    assert_allclose(limit.drift([0.9, 0.2]), field.expected()([0.9, 0.2]), rtol=1e-14)


def test_a_finite_population_has_its_limit_too():
    game = FiniteSumGame({"one": ["x"]}, {"one": "-c*x**2/2 + x*d"}, {"c": [1, 2, 3], "d": [-1, 0, 2]})
    field = MinibatchField(game, 2, sampling="without replacement")
    limit = diffusion_limit(field)
    at = {limit.drift.symbols[0]: 0.5}
    assert_allclose(float(limit.covariance[0, 0].subs(at)), update_covariance(field, [0.5])[1], rtol=1e-12)
    assert_allclose(float(limit.factor[0, 0].subs(at)) ** 2, update_covariance(field, [0.5])[1], rtol=1e-12)


def test_euler_maruyama_has_the_moments_of_its_recursion():
    # X⁺ = (1 - dt) X + √(h dt / B) ξ, from 1: mean (1 - dt)ᵏ, variance h dt/B (1 - (1 - dt)²ᵏ)/(1 - (1 - dt)²)
    B, h, dt, steps, m = 4, 0.2, 0.05, 60, 4000
    path = diffusion_limit(MinibatchField(LINEAR, B)).paths(np.ones((m, 1)), h, dt, steps, every=20, rng=3)
    assert_allclose(path.t, [0, 1, 2, 3])
    k = np.array([20, 40, 60])
    square = (1 - dt) ** (2 * k)
    variance = h * dt / B * (1 - square) / (1 - (1 - dt) ** 2)
    assert (np.abs(path.mean[1:, 0] - (1 - dt) ** k) < 4.5 * np.sqrt(variance / m)).all()
    assert_allclose(path.x[1:, :, 0].var(1), variance, rtol=4.5 * math.sqrt(2 / m))


def test_minibatch_steps_and_their_limit_come_together_as_h_falls():
    field = MinibatchField(GAN, 8)
    limit, start = diffusion_limit(field), np.tile([1.2, 0.2], (4000, 1))
    gaps = []
    for h in (0.2, 0.05):
        steps = round(0.8 / h)
        sgd = sample_paths(field, start, Euler(), h, steps, steps, rng=1)
        sde = limit.paths(start, h, 0.0125, 64, 64, rng=2)
        error = np.hypot(sgd.standard_error[-1], sde.standard_error[-1])
        gaps.append(np.abs(sgd.mean[-1] - sde.mean[-1]) / error)
        assert (sde.status == 0).all()
    assert gaps[0].max() > 8  # one step of O(h) apart: seen
    assert gaps[1].max() < 0.6 * gaps[0].max()


def exit_time(B, h, low, high):
    """E first exit of dx = -x dt + √(h/B) dW from (low, high), from 0; the exact double integral, in steps of h.

    The borders of a walk with steps of size s are s·0.5826 further out (Siegmund 1979).
    """
    D, shift = h / (2 * B), 0.5826 * h / math.sqrt(B)
    a, b = low - shift, high + shift
    V = lambda x: x * x / 2  # noqa: E731
    inner = lambda y: quad(lambda z: math.exp(-V(z) / D), a, y)[0]  # noqa: E731
    scale = quad(lambda y: math.exp(V(y) / D), a, b)[0]
    below = quad(lambda y: math.exp(V(y) / D), a, 0)[0] / scale
    total = quad(lambda y: math.exp(V(y) / D) * inner(y), a, b)[0]
    part = quad(lambda y: math.exp(V(y) / D) * inner(y), a, 0)[0]
    return (below * total - part) / D / h


@pytest.mark.parametrize(("B", "h"), [(1, 0.05), (2, 0.05), (1, 0.025)])
def test_the_mean_exit_time_is_that_of_the_diffusion(B, h):
    wall = 2.1 * math.sqrt(h / (2 * B))  # in units of the stationary deviation
    found = escape_times(
        MinibatchField(LINEAR, B), [0], Euler(), h, steps=6000, runs=1024, box=[(-wall, wall)], every=1, rng=4
    )
    exact = exit_time(B, h, -wall, wall)
    assert found.escaped > 1000 and found.low < found.mean < found.high
    assert found.mean == pytest.approx(exact, rel=0.1)
    assert (found.high - found.low) / found.mean < 0.14


def test_larger_batches_and_smaller_steps_hold_training_longer():
    box, means = [(-0.45, 0.45)], {}
    for B, h in ((1, 0.1), (2, 0.1), (1, 0.05)):
        means[B, h] = escape_times(MinibatchField(LINEAR, B), [0], Euler(), h, 8000, 256, box, 4)
    assert means[2, 0.1].low > 2 * means[1, 0.1].high
    assert means[1, 0.05].low * 0.05 > 2 * means[1, 0.1].high * 0.1  # in time, too


def test_the_basin_of_a_well_ends_at_the_unstable_equilibrium():
    field = MinibatchField(WELLS, 1)
    arguments = {"method": Euler(), "h": 0.15, "steps": 3000, "runs": 96, "every": 25, "rng": 9}
    basin = escape_times(field, [1], **arguments)
    half = escape_times(field, [1], **arguments, box=[(0, 50)])
    assert basin.from_basin and not half.from_basin and basin.escaped > 60
    assert np.array_equal(basin.times, half.times)
    assert "runs left its basin" in basin.text and basin.to_dict()["escaped"] == basin.escaped


def test_runs_that_never_escape_give_a_bound_from_below_alone():
    field = MinibatchField(LINEAR, 64)
    found = escape_times(field, [0], Euler(), 0.01, steps=200, runs=64, box=[(-1, 1)])
    assert found.escaped == 0 and np.isinf(found.mean) and np.isinf(found.high)
    assert found.low == pytest.approx(200 * 64 / -math.log(0.025), rel=1e-6)
    assert found.to_dict()["mean"] is None


def test_a_run_that_diverges_has_escaped_at_its_last_step():
    game = StochasticGame({"one": ["x"]}, {"one": "-x**2/2 + x**4/4 + x*e"}, {"e": normal}, box=[(-0.9, 0.9)])
    found = escape_times(MinibatchField(game, 1), [0], Euler(), 0.4, steps=400, runs=64, every=400)
    assert found.escaped > 40 and (found.times[np.isfinite(found.times)] < 400).any()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: diffusion_limit(LINEAR.field()), "give a MinibatchField"),
        (lambda: escape_times(LINEAR.field(), [0], Euler(), 0.1, 10), "give a MinibatchField"),
        (lambda: escape_times(MinibatchField(WELLS, 1), [0], Euler(), 0.1, 10), "does not attract"),
        (lambda: escape_times(MinibatchField(WELLS, 1), [1], Euler(), 0.1, 10, box=[(2, 3)]), "does not hold x"),
        (lambda: escape_times(MinibatchField(WELLS, 1), [1], Euler(), 0.1, 10, every=11), "every is 11"),
        (lambda: diffusion_limit(MinibatchField(LINEAR, 1)).paths([[0.0]], 0.1, -1.0, 5), "dt"),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(InputError, match=words):
        call()


def test_limits_without_formula_or_with_dependent_batches_are_refused():
    rows = {"c": np.linspace(0.5, 1, 400)}
    game = FiniteSumGame({"one": ["x"]}, {"one": "-softplus(c*x) + x/3"}, rows)
    with pytest.raises(InputError, match="have no formula"):
        diffusion_limit(MinibatchField(game, 4))
    data = FiniteSumGame({"one": ["x"]}, {"one": "-c*x**2"}, {"c": [1, 2, 3, 4]})
    with pytest.raises(InputError, match="reshuffled"):
        diffusion_limit(MinibatchField(data, 2, sampling="reshuffled"))
    wide = StochasticGame({"one": list("vwxyz")}, {"one": "-(v+w+x+y+z)**2*e"}, {"e": discrete([1, 2])})
    with pytest.raises(InputError, match="at most 4"):
        diffusion_limit(MinibatchField(wide, 1))
