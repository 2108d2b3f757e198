"""Minibatch fields: what a batch makes of a game is the estimator's definition, and its mean is what is expected."""

from __future__ import annotations

import functools
from itertools import permutations, product

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from dynsys import InputError
from dynsys.expressions import symbol
from dynsys.minibatches import (
    ESTIMATORS,
    Estimator,
    FiniteSumGame,
    MinibatchField,
    PlugIn,
    StochasticGame,
    UStatistic,
    discrete,
    normal,
)

PLAYERS = {"one": ("x", "y"), "two": ("z",)}
PAYOFFS = {"one": "a*x*z - k*x**2*y + sin(b*y)*z - a**2*y**2", "two": "-a*x*z + b*exp(y/2)*z + tanh(a*z)*x - z**2"}
K, GAMMA = 0.75, 0.5
ROWS = np.array([[0.5, -1.0], [1.5, 0.25], [-1.0, 2.0], [2.0, 0.75], [0.25, -0.5]])
GAME = FiniteSumGame(PLAYERS, PAYOFFS, dict(zip("ab", ROWS.T)), {"k": K})
NOISY = StochasticGame(PLAYERS, PAYOFFS, {"a": normal(0.5, 1), "b": normal()}, {"k": K}, order=3)
N = len(ROWS)

SAMPLE = [symbol(name) for name in ("x", "y", "z", "k", "a", "b")]
TEXTS = {player: sp.sympify(text, locals={s.name: s for s in SAMPLE}) for player, text in PAYOFFS.items()}
FIELD = [sp.diff(TEXTS[player], s) for player, s in zip(("one", "one", "two"), SAMPLE)]
V = sp.lambdify(SAMPLE, FIELD, "numpy")
J = sp.lambdify(SAMPLE, [[sp.diff(e, s) for s in SAMPLE[:3]] for e in FIELD], "numpy")

COORDINATES = st.tuples(*[st.floats(-1.5, 1.5)] * 3)
ENTRIES = st.floats(-2, 2)
SIZES = {  # whatever each estimator allows
    "per-sample": (1, 2, 3),
    "plug-in": (1, 2, 3),
    "u-statistic": (2, 3, 4),
    "finite-population": (2, 3, 4),
    "split": (2, 4),
    "independent": (1, 2, 3),
}
every_estimator = pytest.mark.parametrize("name", ESTIMATORS)
shared_or_not = pytest.mark.parametrize("shared", [True, False], ids=["shared", "own batch"])


def batches_drawn(name, shared):
    return (1 if shared else 2) + (name == "independent")


@st.composite
def batches(draw, name, shared):
    """A batch size and that many samples, for the field and the consensus term."""
    B = draw(st.sampled_from(SIZES[name]))
    count = B * batches_drawn(name, shared)
    return B, np.array(draw(st.lists(st.tuples(ENTRIES, ENTRIES), min_size=count, max_size=count)))


# --- the definitions, written out -----------------------------------------------------------------


def of_samples(x, samples):
    """vᵢ and Jᵢ of each sample, at real or complex x."""
    return np.array([V(*x, K, *row) for row in samples]), np.array([J(*x, K, *row) for row in samples])


def gradient(name, v, J, w, M):
    """ĝ from the batch (v, J), with the second batch (w, M) of "independent"."""
    B, half = len(v), len(v) // 2
    if name == "per-sample":
        return sum(J[i].T @ v[i] for i in range(B)) / B
    if name == "plug-in":
        return J.mean(0).T @ v.mean(0)
    if name == "u-statistic":
        return sum(J[i].T @ v[j] for i, j in permutations(range(B), 2)) / (B * (B - 1))
    if name == "finite-population":
        spread = sum((J[i] - J.mean(0)).T @ (v[i] - v.mean(0)) for i in range(B)) / (B - 1)
        return gradient("per-sample", v, J, w, M) - (N - 1) / N * spread
    if name == "split":
        (v, w), (J, M) = (v[:half], v[half:]), (J[:half], J[half:])
    return (J.mean(0).T @ w.mean(0) + M.mean(0).T @ v.mean(0)) / 2


def by_definition(name, x, samples, B, shared):
    v, J = of_samples(x, samples)
    first = 0 if shared else B
    own, second = slice(first, first + B), slice(first + B, first + 2 * B)
    return v[:B].mean(0) - GAMMA * gradient(name, v[own], J[own], v[second], J[second])


def complex_step(f, x):
    """The Jacobian of an analytic f, to rounding."""
    steps = np.eye(len(x)) * 1e-30j
    return np.stack([np.imag(f(np.asarray(x) + step)) / 1e-30 for step in steps], -1)


def close(found, wanted):
    found, wanted = np.asarray(found, dtype=float), np.asarray(wanted, dtype=float)
    assert_allclose(found, wanted, rtol=1e-11, atol=1e-11 * (1 + np.abs(wanted).max()))


# --- one batch ------------------------------------------------------------------------------------


@shared_or_not
@every_estimator
@given(data=st.data(), x=COORDINATES)
@settings(max_examples=12)
def test_the_field_of_a_batch_is_its_mean_less_gamma_times_the_estimate_of_the_gradient(name, shared, data, x):
    B, samples = data.draw(batches(name, shared))
    field = MinibatchField(GAME, B, GAMMA, name, shared=shared)
    assert field.parts[2] == batches_drawn(name, shared)
    close(field.on_samples("field", x, samples), by_definition(name, x, samples, B, shared))


@shared_or_not
@every_estimator
@given(data=st.data(), x=COORDINATES)
@settings(max_examples=8)
def test_the_jacobian_is_the_derivative_of_the_field_on_the_same_samples(name, shared, data, x):
    B, samples = data.draw(batches(name, shared))
    field = MinibatchField(GAME, B, GAMMA, name, shared=shared)
    found = field.on_samples("jacobian", x, samples)
    close(found, complex_step(lambda z: np.array(field.on_samples("field", tuple(z), samples)), x))
    close(found, complex_step(lambda z: by_definition(name, z, samples, B, shared), x))


@every_estimator
@given(data=st.data(), x=COORDINATES)
@settings(max_examples=8)
def test_the_consensus_term_is_the_gradient_of_half_the_estimate_of_the_squared_norm(name, data, x):
    B, samples = data.draw(batches(name, True))
    field = MinibatchField(GAME, B, GAMMA, name)

    def estimate(z):
        v, _ = of_samples(z, samples)
        rows = np.concatenate([v, (v * v).sum(-1, keepdims=True)], -1)
        return np.array([field.squared_norm({(a, n): rows[a : a + n].sum(0) for a, n in field.parts[1]})])

    w = np.array(field.on_samples("field", x, samples), dtype=float)
    v = of_samples(x, samples[:B])[0].mean(0)
    close((v - w) / GAMMA, complex_step(estimate, x)[0] / 2)


@given(data=st.data(), x=COORDINATES)
@settings(max_examples=8)
def test_without_gamma_a_batch_is_averaged_and_nothing_else(data, x):
    B, samples = data.draw(batches("plug-in", True))
    field = MinibatchField(GAME, B)
    v, slopes = of_samples(x, samples)
    close(field.on_samples("field", x, samples), v.mean(0))
    close(field.on_samples("jacobian", x, samples), slopes.mean(0))
    payoffs = [[sp.diff(f, s) for s in SAMPLE[:3]] for f in TEXTS.values()]
    F = np.mean([sp.lambdify(SAMPLE, payoffs, "numpy")(*x, K, *row) for row in samples], axis=0)
    close(field.on_samples("gradients", x, samples), F)


@pytest.mark.parametrize("which", ["field", "jacobian"])
@every_estimator
def test_arrays_of_points_and_batches_are_taken_one_by_one(name, which):
    rng = np.random.default_rng(2)
    field = MinibatchField(GAME, 2, GAMMA, name, shared=False)
    x, samples = rng.normal(size=(3, 7)), rng.normal(size=(2 * batches_drawn(name, False), 2, 7))
    k, gamma = rng.uniform(0, 1, (2, 7))
    found = np.array(field.on_samples(which, tuple(x), samples, [k, gamma]))
    assert found.shape == ((3, 7) if which == "field" else (3, 3, 7))
    for m in range(7):
        one = field.with_parameters(k=float(k[m]), gamma=float(gamma[m]))
        close(found[..., m], one.on_samples(which, tuple(x[:, m]), samples[..., m]))


@pytest.mark.parametrize("name", ["plug-in", "finite-population"])
def test_a_batch_of_all_rows_is_full_batch_consensus(name):
    own, other = (MinibatchField(GAME, N, GAMMA, name, "without replacement", shared=s) for s in (True, False))
    expected = own.expected()
    assert own.excess == other.excess == 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        x, order = tuple(rng.normal(size=3)), rng.permutation(N)
        v, slopes = (e.mean(0) for e in of_samples(x, ROWS))
        close(own.on_samples("field", x, ROWS[order]), v - GAMMA * slopes.T @ v)
        close(other.on_samples("field", x, np.concatenate([ROWS, ROWS[order]])), v - GAMMA * slopes.T @ v)
        close(expected(x), v - GAMMA * slopes.T @ v)


# --- all batches ----------------------------------------------------------------------------------


def all_batches(field, rows):
    """(samples, entries, batches): every batch, or combination of batches, once."""
    B, numbers = field.batch, range(len(rows))
    one = list(product(numbers, repeat=B) if field.sampling == "iid" else permutations(numbers, B))
    together = [sum(parts, ()) for parts in product(one, repeat=field.parts[2])]
    return np.moveaxis(rows[np.array(together)], 0, -1)


@functools.cache
def first_rows(size):
    return FiniteSumGame(PLAYERS, PAYOFFS, dict(zip("ab", ROWS[:size].T)), {"k": K})


@pytest.mark.parametrize("sampling", ["iid", "without replacement", "reshuffled"])
@pytest.mark.parametrize(
    ("name", "B"), [(name, B) for name, sizes in SIZES.items() for B in sizes if name != "independent" or B < 3]
)
def test_the_mean_over_all_batches_is_the_expected_field(name, B, sampling):
    size = 4 if B < 3 else B  # at most some 4000 combinations
    fields = [MinibatchField(first_rows(size), B, GAMMA, name, sampling, shared=shared) for shared in (True, False)]
    x, expected = (0.4, -0.7, 0.9), fields[0].expected()
    for field in fields:
        samples = all_batches(field, ROWS[:size])
        for which, wanted in (("field", expected(x)), ("jacobian", expected.jacobian(x))):
            if which == "field" or field.shared:
                every = field.on_samples(which, tuple(np.full(samples.shape[-1], c) for c in x), samples)
                close(np.mean(every, axis=-1), wanted)


@pytest.mark.parametrize("name", ["plug-in", "split"])
def test_what_integrators_and_analyses_call_is_the_expected_field(name):
    field = MinibatchField(first_rows(2), 2, GAMMA, name)
    w, x = field.expected(), (0.4, -0.7, 0.9)
    close(field.on_tuples(x, field.values()), w(x))
    close(field.on_tuples.jacobian(x, field.values()), w.jacobian(x))
    other = field.with_parameters(k=0.25, gamma=2.0)
    close(field.on_tuples(x, (0.25, 2.0)), other.expected()(x))


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name != "finite-population"])
def test_over_declared_noise_the_mean_over_batches_is_the_expected_field(name):
    a, b = [0.5, -1.0], [1.0, 0.25, -2.0]
    noise = {"a": discrete(a, [0.25, 0.75]), "b": discrete(b)}
    field = MinibatchField(StochasticGame(PLAYERS, PAYOFFS, noise, {"k": K}), 2, GAMMA, name)
    rows = np.array([(a[i], bj) for i in (0, 1, 1, 1) for bj in b])  # a value as often as it is likely
    samples = all_batches(field, rows)
    x = (0.4, -0.7, 0.9)
    every = np.array(field.on_samples("field", tuple(np.full(samples.shape[-1], c) for c in x), samples))
    close(every.mean(-1), field.expected()(x))


# --- estimators of one's own ----------------------------------------------------------------------


class Doubled(Estimator):
    """Twice the plug-in estimate less the U-statistic."""

    name = "doubled"
    least = 2

    def weights(self, B, N):
        (w, _), (u, d) = PlugIn().weights(B, N), UStatistic().weights(B, N)
        return {(0, 0): 2 * w[0, 0] - u[0, 0]}, {0: -d[0]}


def test_an_estimator_is_its_weights():
    x, samples = (0.4, -0.7, 0.9), ROWS[:3]
    plug, pairs, own = (
        np.array(MinibatchField(GAME, 3, GAMMA, e).on_samples("field", x, samples))
        for e in ("plug-in", "u-statistic", Doubled())
    )
    close(own, 2 * plug - pairs)
    assert MinibatchField(GAME, 3, GAMMA, Doubled()).excess == 2 * MinibatchField(GAME, 3, GAMMA, "plug-in").excess
    with pytest.raises(TypeError, match="Estimator defines no weights"):
        MinibatchField(GAME, 3, GAMMA, Estimator()).excess  # noqa: B018


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: MinibatchField(GAME, 0), "batch is 0; give a whole number of samples, at least 1"),
        (lambda: MinibatchField(GAME, 2.5), "batch is 2.5"),
        (lambda: MinibatchField(GAME, 1, GAMMA), "batch is 1; the estimator 'u-statistic' needs at least 2 samples"),
        (lambda: MinibatchField(GAME, 3, GAMMA, "split"), "halves it: take 2 or 4"),
        (lambda: MinibatchField(NOISY, 2, GAMMA, "finite-population"), "needs a data set"),
        (lambda: MinibatchField(NOISY, 2, sampling="reshuffled"), "needs a data set; declared noise is 'iid'"),
        (lambda: MinibatchField(GAME, 6, sampling="without replacement"), "batch is 6, but the data has 5 rows"),
        (lambda: MinibatchField(GAME, 2, sampling="shuffled"), "sampling is 'shuffled'; did you mean 'reshuffled'"),
        (lambda: MinibatchField(GAME, 2, batch_per="epoch"), "batch_per is 'epoch'; give 'step' or 'stage'"),
        (lambda: MinibatchField(GAME, 2, float("nan")), "gamma is nan"),
        (lambda: MinibatchField(GAME, 2, GAMMA, "u statistic"), "no estimator is called 'u statistic'"),
        (lambda: MinibatchField(GAME, 2, GAMMA, name="k"), "already uses the name 'k'; choose another with name="),
        (lambda: MinibatchField(GAME, 2, GAMMA, name="2"), "name: '2' is no name"),
        (lambda: MinibatchField("game", 2), "give a StochasticGame or a FiniteSumGame"),
        (lambda: MinibatchField(GAME, 2, GAMMA).needs("gradients"), "no payoffs of its own; leave gamma out"),
        (lambda: MinibatchField(GAME, 2).with_parameters(gamma=1.0), "no parameter 'gamma'"),
        (lambda: MinibatchField(GAME, 2).with_parameters(a=1.0), "no parameter 'a'"),
    ],
)
def test_what_makes_no_minibatch_field_is_refused_with_the_reason(make, words):
    with pytest.raises(InputError, match=words):
        make()
