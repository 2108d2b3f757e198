"""What each estimator of ‖v‖² expects from a batch: the table, in exact fractions, over every batch there is."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis.estimator_moments import estimated, estimator_bias, numeric_samples
from analysis.quadratic_statistics import Statistic, moments
from dynsys import InputError
from dynsys.expressions import symbol
from dynsys.minibatches import (
    ESTIMATORS,
    FiniteSumGame,
    MinibatchField,
    SampledField,
    StochasticGame,
    discrete,
    mixture,
    normal,
    uniform,
)
from dynsys.minibatches.estimators import Estimator, as_estimator

X, Y, A, B_ = (symbol(name) for name in "xyab")
PLAYERS = {"one": ("x",), "two": ("y",)}
SAMPLINGS = ("iid", "without replacement")

# --- random rational games ------------------------------------------------------------------------

MONOMIALS = [A * X, B_ * X**2, A * X * Y, B_ * Y, X * Y, A * B_ * Y**2, A**2 * X * Y**2, X**2 * Y, B_**2 * X**3]
EXAMPLES = max(2, settings.default.max_examples // 20)  # enumerations are dear, and those of a game are kept
SEEDS = st.integers(0, EXAMPLES - 1)  # of random games: even the simplest draw is no trivial one
few = settings(max_examples=EXAMPLES)


class Rows:
    """A game of N rows, and what the table needs of it: vᵢ and Jᵢ row by row, by differentiation of the payoffs."""

    def __init__(self, f, g, rows, x):
        self.rows, self.x = rows, x
        columns = {"a": [float(a) for a, _ in rows], "b": [float(b) for _, b in rows]}
        self.game = FiniteSumGame(PLAYERS, {"one": f, "two": g}, columns)
        values = [{A: sp.Rational(str(a)), B_: sp.Rational(str(b))} for a, b in rows]
        self.fields = [(sp.diff(f, X).subs(row), sp.diff(g, Y).subs(row)) for row in values]

    @property
    def N(self):
        return len(self.rows)

    def squared_norm(self):
        """‖v‖² as an expression."""
        return sum((sum(column) / self.N) ** 2 for column in zip(*self.fields))

    def spread(self):
        """tr Σ as an expression."""
        means = [sum(column) / self.N for column in zip(*self.fields)]
        return sum((e - m) ** 2 for row in self.fields for e, m in zip(row, means)) / self.N

    def at(self, e):
        """The value of an expression at the point x, as a fraction."""
        return fraction(sp.sympify(e).subs({X: sp.Rational(str(self.x[0])), Y: sp.Rational(str(self.x[1]))}))

    def gradient(self, e):
        """∇½e."""
        return [self.at(sp.diff(e, s) / 2) for s in (X, Y)]

    @functools.cached_property
    def v(self):
        """vᵢ (N, 2)."""
        return np.array([[self.at(e) for e in row] for row in self.fields], dtype=object)

    @functools.cached_property
    def J(self):
        """Jᵢ (N, 2, 2)."""
        return np.array([[[self.at(sp.diff(e, s)) for s in (X, Y)] for e in row] for row in self.fields], dtype=object)


@functools.cache
def random_rows(seed, count=5):
    """Payoffs of four monomials with coefficients in halves, rows in quarters, a point in fifths: all not 0."""
    random = np.random.default_rng(seed)
    some = lambda limit, size: random.choice([k for k in range(-limit, limit + 1) if k], size)  # noqa: E731
    payoffs = [
        sp.Add(*(sp.Rational(int(c), 2) * MONOMIALS[k] for c, k in zip(some(3, 4), random.permutation(9))))
        for _ in range(2)
    ]
    rows = [tuple(Fraction(int(c), 4) for c in pair) for pair in some(6, (count, 2))]
    return Rows(*payoffs, rows, [Fraction(int(c), 5) for c in some(8, 2)])


def fraction(number):
    rational = sp.Rational(number)
    return Fraction(int(rational.p), int(rational.q))


def fractions(array):
    return np.vectorize(fraction, otypes=[object])(array)


# --- the table ------------------------------------------------------------------------------------

# c in E T = ‖v‖² + c tr Σ, written out from the theory: {estimator: {sampling: c(B, N)}}
TABLE = {
    "per-sample": {"iid": lambda B, N: 1, "without replacement": lambda B, N: 1},
    "plug-in": {
        "iid": lambda B, N: Fraction(1, B),
        "without replacement": lambda B, N: Fraction(1, B) * Fraction(N - B, N - 1),
    },
    "u-statistic": {"iid": lambda B, N: 0, "without replacement": lambda B, N: -Fraction(1, N - 1)},
    "finite-population": {"iid": lambda B, N: Fraction(1, N), "without replacement": lambda B, N: 0},
    "split": {"iid": lambda B, N: 0, "without replacement": lambda B, N: -Fraction(1, N - 1)},
    "independent": {"iid": lambda B, N: 0, "without replacement": lambda B, N: 0},
}
SIZES = {"u-statistic": (2, 3, 4), "finite-population": (2, 3, 4), "split": (2, 4)}
CASES = [
    (estimator, sampling, B)
    for estimator in TABLE
    for sampling in SAMPLINGS
    for B in SIZES.get(estimator, (1, 2, 3, 4))
]
every_case = pytest.mark.parametrize(("estimator", "sampling", "B"), CASES)


@functools.cache
def enumerated(seed, estimator, sampling, B):
    """A random game, and the estimator on all its batches; five rows, or so few that all pairs of batches are few."""
    count = 5
    if estimator == "independent" and B > 2:
        count = {3: 3, 4: 4}[B] if sampling != "iid" else {3: 3, 4: 2}[B]
    rows = random_rows(seed, count)
    return rows, estimator_bias(rows.game, estimator, rows.x, B, sampling, how="enumeration")


@every_case
@few
@given(seed=SEEDS)
def test_enumeration_gives_the_tables_entries_exactly(seed, estimator, sampling, B):
    rows, found = enumerated(seed, estimator, sampling, B)
    c = TABLE[estimator][sampling](B, rows.N)
    norm, spread = rows.squared_norm(), rows.spread()
    assert found.excess == c and rows.at(spread) > 0
    assert found.squared_norm == rows.at(norm)
    assert found.expectation == rows.at(norm) + c * rows.at(spread)
    assert found.bias == c * rows.at(spread)
    more = sp.Rational(str(Fraction(c))) * spread
    assert fractions(found.gradient).tolist() == rows.gradient(norm)
    assert fractions(found.gradient_expectation).tolist() == rows.gradient(norm + more)
    assert fractions(found.gradient_bias).tolist() == rows.gradient(more)


@every_case
@few
@given(seed=SEEDS)
def test_the_formula_is_the_enumeration_exactly(seed, estimator, sampling, B):
    rows, one = enumerated(seed, estimator, sampling, B)
    two = estimator_bias(rows.game, estimator, rows.x, B, sampling, how="formula")
    assert (one.how, two.how) == ("enumeration", "formula")
    assert one.expectation == two.expectation and one.variance == two.variance
    for name in ("gradient_expectation", "gradient_covariance"):
        assert fractions(getattr(one, name)).tolist() == fractions(getattr(two, name)).tolist()


@every_case
@few
@given(seed=SEEDS)
def test_floats_agree_with_fractions_to_rounding(seed, estimator, sampling, B):
    rows, exact = enumerated(seed, estimator, sampling, B)
    squares = (rows.v * rows.v).sum(1)
    mean_square, mean_fourth = float(squares.mean()), float((squares * squares).mean())
    slope = np.sqrt(mean_square * float((rows.J * rows.J).sum((1, 2)).mean()))
    for how in ("enumeration", "formula"):
        found = estimator_bias(rows.game, estimator, [float(c) for c in rows.x], B, sampling, how)
        assert isinstance(found.expectation, float) and isinstance(found.variance, float)
        assert abs(found.expectation - float(exact.expectation)) <= 1e-12 * mean_square
        assert abs(found.squared_norm - float(exact.squared_norm)) <= 1e-12 * mean_square
        assert abs(found.variance - float(exact.variance)) <= 1e-12 * mean_fourth
        for name, tolerance in (("gradient_expectation", slope), ("gradient_covariance", slope**2)):
            wanted = getattr(exact, name).astype(float)
            assert_allclose(getattr(found, name), wanted, rtol=1e-12, atol=1e-12 * tolerance)


# --- variances that the classes state -------------------------------------------------------------


def stated_variance(estimator, v, B, sampling):
    """Var T in the docstrings' words, from the rows' vᵢ."""
    N = len(v)
    mean = v.sum(0) / Fraction(N)
    squares = (v * v).sum(1)
    covariance = sum(np.outer(vi - mean, vi - mean) for vi in v) / Fraction(N)
    zeta = mean @ covariance @ mean
    tau = (covariance * covariance).sum()
    of_squares = (squares * squares).sum() / Fraction(N) - (squares.sum() / Fraction(N)) ** 2
    along = v @ mean
    mixed = (squares * along).sum() / Fraction(N) - squares.sum() / Fraction(N) * along.sum() / Fraction(N)
    f = Fraction(1) if sampling == "iid" else Fraction(N - B, N - 1)
    u = (4 * zeta / B + 2 * tau / (B * (B - 1))) if B > 1 else 0 * zeta
    if estimator == "plug-in":
        return Fraction(B - 1, B) ** 2 * u + of_squares / B / B**2 + 4 * mixed * Fraction(B - 1, B**3)
    if estimator == "finite-population":
        return Fraction(N - 1, N) ** 2 * u + of_squares / B / N**2 + 4 * mixed * Fraction(N - 1, N**2 * B)
    return {
        "per-sample": f * of_squares / B,
        "u-statistic": u,
        "split": 4 * zeta / B + 4 * tau / B**2,
        "independent": f * 2 * zeta / B + f**2 * tau / B**2,
    }[estimator]


STATED = [case for case in CASES if case[1] == "iid" or case[0] in ("per-sample", "independent")]


@pytest.mark.parametrize(("estimator", "sampling", "B"), STATED)
@few
@given(seed=SEEDS)
def test_variances_are_those_that_the_estimators_state(seed, estimator, sampling, B):
    rows, found = enumerated(seed, estimator, sampling, B)
    assert found.variance == stated_variance(estimator, rows.v, B, sampling)


@few
@given(seed=SEEDS)
def test_a_batch_of_all_rows_leaves_no_variance(seed):
    rows = random_rows(seed)
    for estimator in ("finite-population", "plug-in"):
        for how in ("enumeration", "formula"):
            found = estimator_bias(rows.game, estimator, rows.x, rows.N, "without replacement", how)
            assert found.variance == 0 and not fractions(found.gradient_covariance).any()
            assert found.bias == 0 and not fractions(found.gradient_bias).any()


@few
@given(seed=SEEDS)
def test_a_reshuffled_batch_is_one_without_replacement(seed):
    rows, wanted = enumerated(seed, "u-statistic", "without replacement", 3)
    for how in ("enumeration", "formula"):
        found = estimator_bias(rows.game, "u-statistic", rows.x, 3, "reshuffled", how)
        assert (found.expectation, found.variance, found.excess) == (wanted.expectation, wanted.variance, wanted.excess)


# --- oracles that use nothing of the package ------------------------------------------------------


def u_statistic(v, J):
    """The mean over ordered pairs of ⟨vᵢ, vⱼ⟩ and of Jᵢᵀvⱼ."""
    pairs = list(itertools.permutations(range(len(v)), 2))
    return sum(np.array([v[i] @ v[j], *(J[i].T @ v[j])]) for i, j in pairs) / Fraction(len(pairs))


def split(v, J):
    half = Fraction(len(v) // 2)
    v1, v2, J1, J2 = (sum(part) / half for part in (*halves(v), *halves(J)))
    return [v1 @ v2, *((J1.T @ v2 + J2.T @ v1) / 2)]


def halves(items):
    return items[: len(items) // 2], items[len(items) // 2 :]


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize(("estimator", "define", "B"), [("u-statistic", u_statistic, 3), ("split", split, 4)])
@few
@given(seed=SEEDS)
def test_mean_and_covariance_are_those_of_the_definition_over_itertools_batches(seed, estimator, define, B, sampling):
    rows, found = enumerated(seed, estimator, sampling, B)
    batches = itertools.product(range(5), repeat=B) if sampling == "iid" else itertools.permutations(range(5), B)
    each = np.array([define([rows.v[i] for i in batch], [rows.J[i] for i in batch]) for batch in batches], dtype=object)
    count = Fraction(len(each))
    mean = each.sum(0) / count
    covariance = each.T @ each / count - np.outer(mean, mean)
    assert [found.expectation, *found.gradient_expectation] == mean.tolist()
    assert found.variance == covariance[0, 0]
    assert fractions(found.gradient_covariance).tolist() == covariance[1:, 1:].tolist()


def pairs_of_means(v, J, w, M):
    """⟨v̄, w̄⟩ and the gradient of its half, of two parts."""
    v, J, w, M = (sum(part) / Fraction(len(part)) for part in (v, J, w, M))
    return np.array([v @ w, *((J.T @ w + M.T @ v) / 2)])


def per_sample(v, J):
    return sum(np.array([vi @ vi, *(Ji.T @ vi)]) for vi, Ji in zip(v, J)) / Fraction(len(v))


def less_the_variance(v, J, N):
    """mean‖vᵢ‖² - S² (N-1)/N and the gradient of its half."""
    B = Fraction(len(v))
    m, M = sum(v) / B, sum(J) / B
    S = sum(np.array([(vi - m) @ (vi - m), *((Ji - M).T @ (vi - m))]) for vi, Ji in zip(v, J)) / (B - 1)
    return per_sample(v, J) - S * Fraction(N - 1, N)


DEFINITIONS = {
    "per-sample": lambda v, J, N: per_sample(v, J),
    "plug-in": lambda v, J, N: pairs_of_means(v, J, v, J),
    "u-statistic": lambda v, J, N: u_statistic(v, J),
    "finite-population": less_the_variance,
    "split": lambda v, J, N: split(v, J),
    "independent": lambda v, J, N: split(v, J),  # of two batches one behind the other
}


FEW_ROWS = [  # fewer, too, than a batch has samples; at most 1000 batches, or pairs of them
    (estimator, sampling, B, N)
    for estimator, sampling, B in CASES
    for N in (1, 2, 3, 4)
    if (B <= N or sampling == "iid") and (estimator != "independent" or N**B < 28)
]


@pytest.mark.parametrize(("estimator", "sampling", "B", "N"), FEW_ROWS)
def test_mean_and_covariance_by_formula_are_those_of_the_definition_for_any_number_of_rows(estimator, sampling, B, N):
    rows = random_rows(7, N)
    one = itertools.product(range(N), repeat=B) if sampling == "iid" else itertools.permutations(range(N), B)
    batches = [a + b for a, b in itertools.product(list(one), repeat=2)] if estimator == "independent" else one
    each = np.array(
        [DEFINITIONS[estimator]([rows.v[i] for i in batch], [rows.J[i] for i in batch], N) for batch in batches]
    )
    count = Fraction(len(each))
    mean = each.sum(0) / count
    covariance = each.T @ each / count - np.outer(mean, mean)
    for how in ("formula", "enumeration"):
        found = estimator_bias(rows.game, estimator, rows.x, B, sampling, how=how)
        assert [found.expectation, *found.gradient_expectation] == mean.tolist()
        assert found.variance == covariance[0, 0]
        assert fractions(found.gradient_covariance).tolist() == covariance[1:, 1:].tolist()


@given(seed=SEEDS, batch=st.lists(st.integers(0, 4), min_size=2, max_size=4))
def test_a_u_statistic_is_the_mean_square_less_the_sample_variance(seed, batch):
    rows, B = random_rows(seed), Fraction(len(batch))
    v = rows.v[batch]
    variance, mean_square = ((v - v.sum(0) / B) ** 2).sum() / (B - 1), (v * v).sum() / B
    field = MinibatchField(rows.game, len(batch), 1.0, "u-statistic")
    samples = numeric_samples(rows.game.sampled, np.array(rows.x, float))
    found = estimated(field, samples, batch)[0]
    assert_allclose(found, float(mean_square - variance), rtol=1e-12, atol=1e-12 * float(mean_square))
    totals = {(0, len(batch)): [*samples.v[batch].sum(0), (samples.v[batch] ** 2).sum()]}
    assert_allclose(field.squared_norm(totals), found, rtol=1e-12, atol=1e-12 * float(mean_square))


@pytest.mark.parametrize("estimator", ["u-statistic", "split"])
@pytest.mark.parametrize("B", [2, 4])
@few
@given(seed=SEEDS)
def test_at_an_equilibrium_rows_without_replacement_make_the_estimate_negative_on_average(seed, estimator, B):
    rows = random_rows(seed)
    m = [sp.Rational(str(e)) for e in rows.v.sum(0) / Fraction(rows.N)]
    payoffs = {
        player: f - m[k] * s for k, ((player, f), s) in enumerate(zip(rows.game.payoff_of_sample.items(), (X, Y)))
    }
    game = FiniteSumGame(PLAYERS, payoffs, rows.game.data)  # its mean field is 0 at x
    found = estimator_bias(game, estimator, rows.x, B, "without replacement")
    assert found.squared_norm == 0
    assert found.expectation == -rows.at(rows.spread()) / (rows.N - 1) < 0


def test_unbiased_estimates_may_be_negative_and_are_not_clipped():
    game = FiniteSumGame({"one": ("x",)}, {"one": "a*x"}, {"a": [3, -3, 1]})
    samples = numeric_samples(game.sampled, np.array([0.0]))
    for estimator in ("u-statistic", "split", "independent"):
        field = MinibatchField(game, 2 if estimator != "independent" else 1, 1.0, estimator)
        assert estimated(field, samples, [0, 1])[0] == -9.0
    for estimator in ("plug-in", "per-sample"):
        assert estimated(MinibatchField(game, 2, 1.0, estimator), samples, [0, 1])[0] >= 0


# --- statistics of any kind, as sums over batches -------------------------------------------------


@pytest.mark.parametrize(("N", "B"), [(None, 2), (3, 2), (4, 2), (4, 4)])
@pytest.mark.parametrize("kind", ["whole", "halves", "batches"])
def test_moments_of_any_quadratic_statistic_are_sums_over_all_batches(kind, N, B):
    """With a mean of f over the batch, of two over the first, which no estimator of halves or two batches has."""
    rows = N or 3
    draw = lambda *shape: np.vectorize(Fraction, otypes=[object])(  # noqa: E731
        np.random.default_rng(5).integers(-3, 4, shape)
    )
    f, phi, S = draw(rows, 2), draw(rows, 3), draw(2, 3, 3)
    S = S + np.swapaxes(S, 1, 2)
    K = np.einsum("id,qde,je->ijq", phi, S, phi)
    one = list(itertools.product(range(rows), repeat=B) if N is None else itertools.permutations(range(rows), B))
    values = []
    for batch in itertools.product(one, repeat=2) if kind == "batches" else one:
        first, second = batch if kind == "batches" else halves(batch)
        pairs = itertools.permutations(batch, 2) if kind == "whole" else itertools.product(first, second)
        each = [K[i, j] for i, j in pairs]
        values.append(f[list(first if kind == "batches" else batch)].sum(0) / B + sum(each) / Fraction(len(each)))
    values, count = np.array(values), Fraction(len(values))
    mean = values.sum(0) / count
    found = moments(Statistic(f, phi, S, kind), lambda a: a.sum(0) / Fraction(rows), B, N)
    assert found[0].tolist() == mean.tolist()
    assert found[1].tolist() == (values.T @ values / count - np.outer(mean, mean)).tolist()


# --- the field of a batch -------------------------------------------------------------------------


def all_batches(field, rows):
    """Every draw of the samples that one evaluation takes, in columns: (samples, entries, batches)."""
    B = field.batch
    one = itertools.product(rows, repeat=B) if field.sampling == "iid" else itertools.permutations(rows, B)
    draws = [sum(parts, ()) for parts in itertools.product(list(one), repeat=field.parts[2])]
    return np.moveaxis(np.array(draws, float), 0, -1)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("estimator", TABLE)
@few
@given(seed=SEEDS)
def test_the_mean_over_all_batches_of_the_consensus_field_is_the_expected_field(seed, estimator, sampling, shared):
    rows = random_rows(seed, 3)
    x = np.array(rows.x, float)
    field = MinibatchField(rows.game, 2, 0.75, estimator, sampling, shared=shared)
    samples = all_batches(field, rows.rows)
    point = tuple(np.full(samples.shape[-1], c) for c in x)
    mean = np.array(field.on_samples("field", point, samples)).mean(-1)
    assert_allclose(mean, field.expected()(x), rtol=1e-11, atol=1e-11)
    slope = np.array(field.on_samples("jacobian", point, samples)).mean(-1)
    assert_allclose(slope, field.expected().jacobian(x), rtol=1e-11, atol=1e-11)
    assert_allclose(field.on_tuples(tuple(x), field.values()), mean, rtol=1e-11, atol=1e-11)
    assert_allclose(field.on_tuples.jacobian(tuple(x), field.values()), slope, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("estimator", TABLE)
@few
@given(seed=SEEDS, gamma=st.floats(0.25, 2))
def test_a_batchs_field_is_v_less_gamma_times_the_estimate_and_its_jacobian_the_derivative(
    estimator, shared, seed, gamma
):
    rows = random_rows(seed)
    field, x = MinibatchField(rows.game, 2, 1.0, estimator, shared=shared), np.array(rows.x, float)
    chosen = [0, 3, 1, 2, 4, 3][: 2 * field.parts[2]]
    assert len(chosen) == 2 * ((estimator == "independent") + 1 + (not shared))
    given_, samples = np.array(rows.rows, float)[chosen], numeric_samples(rows.game.sampled, x)
    of_term = dataclasses.replace(field, shared=True)  # the estimate is that of a batch, whichever it is
    term = estimated(of_term, samples, chosen if shared else chosen[2:])[1:]
    wanted = samples.v[chosen[:2]].mean(0) - gamma * term
    assert_allclose(field.on_samples("field", tuple(x), given_, (gamma,)), wanted, rtol=1e-11, atol=1e-11)
    J = np.array(field.on_samples("jacobian", tuple(x), given_, (gamma,)))
    for k in range(2):  # a complex step
        moved = tuple(x + 1e-30j * np.eye(2)[k])
        slope = np.imag(field.on_samples("field", moved, given_, (gamma,))) / 1e-30
        assert_allclose(J[:, k], slope, rtol=1e-11, atol=1e-11)


# --- declared noise -------------------------------------------------------------------------------

VARIANCE_GAN = StochasticGame.zero_sum(
    "phi*(x**2 - theta**2*z**2)", ["phi"], ["theta"], {"x": normal(), "z": normal()}, name="variance GAN"
)  # variables (phi, theta)


@pytest.mark.parametrize("B", [1, 2, 3, 4, 8, 17])
def test_the_plug_in_gradient_of_the_variance_gan_is_biased_by_four_over_B(B):
    found = estimator_bias(VARIANCE_GAN, "plug-in", [0, 1], B)
    assert found.how == "formula" and found.squared_norm == 0
    assert found.gradient_bias.tolist() == [0, sp.Rational(4, B)]
    assert found.bias == sp.Rational(4, B) and found.excess == Fraction(1, B)  # tr Σ = 2 + 2θ⁴ + 8φ²θ²


RATIONALS = st.fractions(-2, 2, max_denominator=3)


@given(phi=RATIONALS, theta=RATIONALS, B=st.integers(1, 9))
@settings(max_examples=15)
def test_the_same_batchs_gradient_is_biased_by_the_slope_of_the_noise_level_over_2B(phi, theta, B):
    found = estimator_bias(VARIANCE_GAN, "plug-in", [phi, theta], B)
    assert found.gradient_bias.tolist() == [8 * phi * theta**2 / B, (4 * theta**3 + 8 * phi**2 * theta) / B]


@given(v=RATIONALS, deviation=st.sampled_from([0.5, 1.0, 2.5]), B=st.integers(2, 12))
@settings(max_examples=15)
def test_the_u_statistic_of_a_normal_field_has_the_textbooks_variance(v, deviation, B):
    game = StochasticGame({"one": ("x",)}, {"one": "x*e - x**2/2"}, {"e": normal(0, deviation)})
    found = estimator_bias(game, "u-statistic", [-v], B)  # vᵢ = v + e, Jᵢ = -1
    square = Fraction(deviation) ** 2
    assert found.expectation == v**2
    assert found.variance == 4 * v**2 * square / B + 2 * square**2 / (B * (B - 1))
    assert found.gradient_covariance.tolist() == [[square / B]]  # ĝ = -v̄


@pytest.mark.parametrize("estimator", ["u-statistic", "split", "independent"])
@pytest.mark.parametrize("B", [2, 4, 10])
def test_unbiased_estimators_have_no_bias_on_the_variance_gan(estimator, B):
    found = estimator_bias(VARIANCE_GAN, estimator, [sp.Rational(1, 3), Fraction(3, 2)], B)
    assert found.bias == 0 and found.gradient_bias.tolist() == [0, 0] and found.variance > 0


def test_the_per_sample_gradient_has_the_bias_of_batches_of_one():
    found = estimator_bias(VARIANCE_GAN, "per-sample", [0, 1], 4)
    assert found.gradient_bias.tolist() == [0, 4] and found.excess == 1


@pytest.mark.parametrize("estimator", [e for e in TABLE if e != "finite-population"])
def test_quadrature_moments_of_polynomial_noise_agree_with_the_exact_ones(estimator):
    exact = estimator_bias(VARIANCE_GAN, estimator, [Fraction(1, 2), Fraction(5, 4)], 4)
    floats = estimator_bias(VARIANCE_GAN, estimator, [0.5, 1.25], 4)
    for name in ("expectation", "variance", "gradient_expectation", "gradient_covariance", "squared_norm", "gradient"):
        assert_allclose(getattr(floats, name), np.array(getattr(exact, name), float), rtol=1e-11, atol=1e-11)


def test_batches_of_discrete_noise_are_enumerated_with_the_probabilities_given():
    coin = discrete([0, 1], [Fraction(1, 7), Fraction(6, 7)])
    die = mixture(
        [discrete([-1, 2], [Fraction(1, 3), Fraction(2, 3)]), discrete([5])], [Fraction(1, 11), Fraction(10, 11)]
    )
    game = StochasticGame(PLAYERS, {"one": "x*y*a - b*x**2", "two": "-x*y*b + a*y"}, {"a": coin, "b": die})
    a, b = Fraction(6, 7), Fraction(1, 11) + Fraction(50, 11)
    x = (Fraction(1, 2), Fraction(1, 3))
    v = np.array([a / 3 - b, -b / 2 + a])
    for estimator in ("u-statistic", "independent"):
        found = estimator_bias(game, estimator, x, 2, how="enumeration")
        assert found.squared_norm == found.expectation == v @ v
        by_formula = estimator_bias(game, estimator, x, 2, how="formula")
        assert found.variance == by_formula.variance
        assert (found.gradient_covariance == by_formula.gradient_covariance).all()


@pytest.mark.parametrize("estimator", [e for e in TABLE if e != "finite-population"])
def test_discrete_noise_is_data_in_which_a_value_stands_as_often_as_it_is_likely(estimator):
    payoffs = random_rows(1).game.payoff_of_sample
    noise = {"a": discrete([0.5, -1, 2], [Fraction(1, 6), Fraction(1, 3), Fraction(1, 2)]), "b": discrete([0.1])}
    noisy = StochasticGame(PLAYERS, payoffs, noise)
    data = FiniteSumGame(PLAYERS, payoffs, {"a": [0.5, -1, -1, 2, 2, 2], "b": [0.1] * 6})
    x = (Fraction(1, 3), Fraction(-3, 2))
    wanted = estimator_bias(data, estimator, x, 2, how="formula")
    for how in ("enumeration", "formula"):
        found = estimator_bias(noisy, estimator, x, 2, how=how)
        assert (found.squared_norm, found.expectation) == (wanted.squared_norm, wanted.expectation)
        assert found.variance == wanted.variance
        for name in ("gradient", "gradient_expectation", "gradient_covariance"):
            assert fractions(getattr(found, name)).tolist() == fractions(getattr(wanted, name)).tolist()


def test_too_many_batches_are_not_enumerated_unless_asked():
    game = FiniteSumGame({"one": ("x",)}, {"one": "a*x**2"}, {"a": range(1, 7)})
    assert estimator_bias(game, "plug-in", [1], 4).how == "enumeration"  # 1296 batches
    assert estimator_bias(game, "plug-in", [1], 6).how == "formula"  # 46656
    assert estimator_bias(game, "plug-in", [1], 6, "without replacement").how == "enumeration"  # 720
    assert estimator_bias(game, "independent", [1], 3).how == "formula"  # 216²


def test_a_game_that_is_not_rational_is_measured_in_floats():
    game = FiniteSumGame(PLAYERS, {"one": "sin(a*x)*y", "two": "b*x*y - y**2"}, {"a": [1, 2, 3], "b": [0.5, 1, -1]})
    found = estimator_bias(game, "plug-in", [1, 2], 2)
    assert isinstance(found.expectation, float) and found.how == "enumeration"
    formula = estimator_bias(game, "plug-in", [1, 2], 2, how="formula")
    assert_allclose(formula.gradient_covariance, found.gradient_covariance, rtol=1e-12)
    assert found.to_dict()["bias"] == pytest.approx(found.bias) and found.to_dict()["estimator"] == "plug-in"
    assert set(map(type, found.to_dict().values())) == {str, float, list}


def test_parameters_count_as_the_decimals_they_are_written_as():
    game = FiniteSumGame({"one": ("x",)}, {"one": "k*a*x"}, {"a": [0.1, 0.2]}, {"k": 0.3})
    found = estimator_bias(game, "plug-in", [0], 1)
    assert found.squared_norm == sp.Rational(45, 1000) ** 2
    assert found.bias == sp.Rational(15, 1000) ** 2


def test_a_parameter_called_gamma_is_no_obstacle():
    game = FiniteSumGame({"gamma": ("x",)}, {"gamma": "gamma*a*x"}, {"a": [1, 2]}, {"gamma": 2.0})
    assert estimator_bias(game, "u-statistic", [0], 2).expectation == 9


# --- what is refused ------------------------------------------------------------------------------

GAME = FiniteSumGame(PLAYERS, {"one": "a*x*y", "two": "b*x*y"}, {"a": [1, 2, 3], "b": [2, 0, 1]})
NOISY = StochasticGame(PLAYERS, {"one": "a*x*y", "two": "b*x*y"}, {"a": normal(), "b": uniform()})


@pytest.mark.parametrize(
    ("arguments", "more", "words"),
    [
        ((GAME, "u-statistic", [1, 2], 1), {}, "batch is 1; the estimator 'u-statistic' needs at least 2"),
        ((GAME, "finite-population", [1, 2], 1), {}, "'finite-population' needs at least 2"),
        ((GAME, "split", [1, 2], 3), {}, "batch is 3; the estimator 'split' halves it: take 2 or 4"),
        ((GAME, "split", [1, 2], 1), {}, "'split' needs at least 2"),
        ((NOISY, "finite-population", [1, 2], 2), {}, "needs a data set; for declared noise take 'u-statistic'"),
        ((GAME, "plug-in", [1, 2], 4, "without replacement"), {}, "batch is 4, but the data has 3 rows"),
        ((NOISY, "plug-in", [1, 2], 2, "without replacement"), {}, "which needs a data set; declared noise is 'iid'"),
        ((GAME, "u-statistc", [1, 2], 2), {}, "no estimator is called 'u-statistc'; did you mean 'u-statistic'"),
        ((GAME, 3, [1, 2], 2), {}, "estimator is 3; give one of per-sample, plug-in"),
        ((GAME, "plug-in", [1, 2], 2, "with replacement"), {}, "sampling is 'with replacement'; did you mean"),
        ((GAME, "plug-in", [1, 2], 2, None), {}, "sampling is None"),
        ((GAME, "plug-in", [1, 2], 2), {"how": "guess"}, "how is 'guess'; give 'enumeration', 'formula' or None"),
        ((NOISY, "plug-in", [1, 2], 2), {"how": "enumeration"}, "infinitely many values; take 'formula'"),
        ((GAME, "plug-in", [1, 2, 3], 2), {}, "x has 3 entries"),
        ((GAME, "plug-in", ["a", 2], 2), {}, "x is 'a'; it must be a real number"),
        ((GAME, "plug-in", [True, 2], 2), {}, "x is True; it must be a real number"),
        ((GAME, "plug-in", [np.nan, 2], 2), {}, "x is nan; it must be finite"),
        ((GAME, "plug-in", [[1, 2]], 2), {}, r"x has shape \(1, 2\); give one point"),
        ((GAME, "plug-in", [1, 2], 0), {}, "batch is 0"),
        ((GAME.field(), "plug-in", [1, 2], 2), {}, "give a StochasticGame or a FiniteSumGame"),
    ],
)
def test_what_has_no_estimate_is_refused_by_name(arguments, more, words):
    with pytest.raises(InputError, match=words):
        estimator_bias(*arguments, **more)


def test_estimators_are_found_by_their_names():
    assert list(ESTIMATORS) == list(TABLE)
    for name, estimator in ESTIMATORS.items():
        assert as_estimator(name) is estimator and as_estimator(estimator) is estimator
    with pytest.raises(TypeError, match="defines no weights"):
        Estimator().weights(2, 3)


@pytest.mark.parametrize(("estimator", "sampling", "B"), CASES)
def test_excess_of_one_row_or_of_noise_is_the_tables(estimator, sampling, B):
    if sampling == "iid" and estimator != "finite-population":
        assert ESTIMATORS[estimator].excess(B, None, "iid") == TABLE[estimator]["iid"](B, None)
    source = SampledField(GAME.sampled.sample, GAME.sampled.population)
    assert MinibatchField(source, B, 1.0, estimator).excess == TABLE[estimator]["iid"](B, 3)


def test_where_a_samples_field_is_not_finite_nothing_is_estimated():
    pole = FiniteSumGame({"one": ["x"]}, {"one": "c*log(x) - x"}, {"c": [1.0, 2.0]})
    with pytest.raises(InputError, match="not finite"):
        estimator_bias(pole, "plug-in", [0.0], 2)
