"""Runs on batches: the kernel is the array loop, both are the naive loop, and a run is its own, bit for bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from dynsys import kernels
from dynsys.errors import InputError
from dynsys.minibatches import (
    FiniteSumGame,
    MinibatchField,
    StochasticGame,
    discrete,
    mixture,
    normal,
    uniform,
)
from integrators import Euler, Method, RungeKutta4, Status, draws, ensemble, sample_paths, trajectory
from integrators.algorithms.adaptive_moments import Adam
from integrators.algorithms.averaging import ExponentialAverage, Lookahead
from integrators.algorithms.competitive import LOLA, CompetitiveGradient
from integrators.algorithms.extragradient import Extragradient
from integrators.algorithms.implicit import ImplicitMidpoint
from integrators.algorithms.momentum import HeavyBall
from integrators.algorithms.multistep import OptimisticGradient
from integrators.algorithms.players import Alternating
from integrators.draws import Draws
from integrators.random_streams import seed_of
from integrators.status import LANES

# --- games ----------------------------------------------------------------------------------------

NOISY = StochasticGame(  # every kind of noise
    {"first": ("x",), "second": ("y",)},
    {"first": "k*a*x*y - x**2/2 + b*x**3/3", "second": "-k*a*x*y + c*y - d*y**2/2"},
    {
        "a": normal(1, 0.5),
        "b": uniform(-1, 0.5),
        "c": discrete([-1, 0, 2], [0.25, 0.5, 0.25]),
        "d": mixture([normal(0.5, 0.1), uniform(0, 2)], [0.25, 0.75]),
    },
    {"k": 1.5},
)
SMALL = StochasticGame(  # two of them: its kernels compile in half the time
    {"first": ("x",), "second": ("y",)},
    {"first": "k*a*x*y - x**2/2 + x**3*b/3", "second": "-k*a*x*y + b*y - y**2/2"},
    {"a": normal(1, 0.5), "b": uniform(-1, 0.5)},
    {"k": 1.5},
)
WIDE = StochasticGame(  # blocks of different lengths, every player's payoff feels every variable
    {"first": ("x",), "second": ("y", "z")},
    {"first": "a*x*y - x**2 + x*z + b*x", "second": "-a*x*y - y**2 - y*z/2 - z**2/2 + b*x*y*z/2 - z"},
    {"a": normal(1, 0.5), "b": uniform(-1, 1)},
)
N = 13
RANDOM = np.random.default_rng(20)
TABLE = FiniteSumGame(
    {"first": ("x",), "second": ("y",)},
    {"first": "u*x*y - s*x**2/2 + sin(x)*u/4", "second": "-u*x*y - y**2/2 + s*y"},
    {"u": RANDOM.normal(1, 1, N), "s": RANDOM.uniform(0, 1, N)},
)
B = 4
COUNTING = FiniteSumGame(  # with h = B, each step adds how often each row was drawn, in octal: exactly
    {"first": ("x",), "second": ("y",)},
    {"first": "u*x", "second": "s*y"},
    {"u": 8.0 ** np.arange(N), "s": 8.0 ** np.arange(N)[::-1]},
)


@dataclass(frozen=True)
class Case:
    field: MinibatchField
    method: Method
    first_is_euler: bool = False  # the first step is x + h w on average


def case(method, game, B, estimator=None, first_is_euler=False, **more):
    chosen = {} if estimator is None else {"gamma": 0.2, "estimator": estimator}
    return Case(MinibatchField(game, B, **chosen, **more), method, first_is_euler)


OWN, ROWS, EPOCHS = {"shared": False}, {"sampling": "without replacement"}, {"sampling": "reshuffled"}
STAGE = {"batch_per": "stage"}
CASES = {
    "plug-in": case(Euler(), NOISY, 5, "plug-in", True),
    "u-statistic": case(Extragradient(), NOISY, 6, "u-statistic", **OWN, **STAGE),
    "split": case(OptimisticGradient(), SMALL, 6, "split", True),
    "independent": case(CompetitiveGradient(), WIDE, 3, "independent", **STAGE),
    "implicit": case(ImplicitMidpoint(), SMALL, 2, "u-statistic"),
    "lola": case(LOLA(), WIDE, 2, **STAGE),
    "averaged": case(ExponentialAverage(Euler(), decay=0.75), WIDE, 5, "u-statistic", True),
    "runge-kutta": case(RungeKutta4(), TABLE, 1, "plug-in", **OWN, **STAGE),
    "per-sample": case(HeavyBall(), TABLE, 3, "per-sample", True, **OWN),
    "finite-population": case(Euler(), TABLE, 4, "finite-population", True, **ROWS),
    "epochs": case(Euler(), TABLE, 4, "independent", True, **EPOCHS, **OWN),
    "epochs-split": case(OptimisticGradient(), TABLE, 2, "split", True, **EPOCHS, **OWN, **STAGE),
    "many-samples": case(Adam(), TABLE, 66),
    "inner-steps": case(Lookahead(k=12), COUNTING, 1, **STAGE),
    "alternating": case(Alternating(), COUNTING, B, **ROWS, **STAGE),
    "counting-rows": case(Euler(), COUNTING, B, **ROWS),
    "counting-epochs": case(Euler(), COUNTING, B, **EPOCHS),
}  # fmt: skip
every_case = pytest.mark.parametrize("name", CASES)
WILD = {  # some runs diverge, some do not
    "plug-in": {"h": 0.5, "steps": 25, "divergence_bound": 1.0},
    "averaged": {"h": 0.3, "steps": 25, "divergence_bound": 1.285},
}
compiled = pytest.mark.skipif(not kernels.compiling(), reason="nothing compiles")
M = LANES + 8  # a whole block and a part of one
STARTS = np.random.default_rng(1).uniform(-1, 1, (300, 3))


def starts_of(name, m=M):
    return STARTS[:m, : CASES[name].field.n]


def paths(name, starts=None, h=0.05, steps=10, **more):
    """Sample paths of a case."""
    field, method = CASES[name].field, CASES[name].method
    return sample_paths(field, starts_of(name) if starts is None else starts, method, h, steps, **more)


def on_arrays(monkeypatch, name, *args, **more):
    """The same by `MinibatchLoop.run_arrays`."""
    with monkeypatch.context() as patched:
        patched.setattr(kernels, "compiling", lambda: False)
        return paths(name, *args, **more)


def same(a, b, runs=slice(None), rows=slice(None)):
    """Equal bit for bit, NaN included."""
    averages = a.average is None or a.average[rows, runs].tobytes() == b.average.tobytes()
    numbers = a.x[rows, runs].tobytes() == b.x.tobytes()
    return (
        numbers
        and averages
        and all(getattr(a, k)[runs].tobytes() == getattr(b, k).tobytes() for k in ("status", "steps"))
    )


# --- the kernel is the array loop -----------------------------------------------------------------


def of_each_run(field):
    """Step sizes and parameters, others in every run."""
    values = {name: np.linspace(0.5, 1.5, M) * value for name, value in field.parameters.items()}
    return {"h": np.linspace(0.02, 0.06, M), "parameters": values}


@compiled
@every_case
def test_the_kernel_makes_the_runs_that_arrays_make(monkeypatch, name):
    given = {"every": 3, "rng": 2**64 - 5, "divergence_bound": 1e300, **of_each_run(CASES[name].field)}
    kernel, arrays = paths(name, **given), on_arrays(monkeypatch, name, **given)
    assert_array_equal(kernel.k, [0, 3, 6, 9])
    assert kernel.x.shape == (4, M, CASES[name].field.n)
    scale = np.abs(arrays.x).max() if CASES[name].field.game is COUNTING else 1.0
    assert_allclose(kernel.x, arrays.x, rtol=1e-12, atol=1e-13 * scale)
    assert_array_equal(kernel.status, arrays.status)
    assert_array_equal(kernel.steps, arrays.steps)
    assert (kernel.average is None) == (arrays.average is None) == (name != "averaged")
    if name == "averaged":
        assert_allclose(kernel.average, arrays.average, rtol=1e-12, atol=1e-13)
        assert not np.allclose(kernel.average[-1], kernel.x[-1])


@compiled
@pytest.mark.parametrize("name", ["plug-in", "implicit"])
def test_the_kernel_ends_the_runs_that_arrays_end(monkeypatch, name):
    starts = STARTS[:M, :2] * np.logspace(0, 200, M)[:, None]
    given = {"starts": starts, "h": 0.7, "steps": 12, "divergence_bound": 1e60}
    kernel, arrays = paths(name, **given), on_arrays(monkeypatch, name, **given)
    assert_array_equal(kernel.status, arrays.status)
    assert_array_equal(kernel.steps, arrays.steps)
    lost = {Status.UNSOLVED} if name == "implicit" else {Status.DIVERGED, Status.NOT_FINITE}
    assert set(kernel.status) == {Status.FINISHED, *lost}


# --- both are the naive loop ----------------------------------------------------------------------


def v(x, y, k, a, b, c, d):
    """The field of `NOISY` for one sample, by hand."""
    return np.array([k * a * y - x + b * x**2, -k * a * x + c - d * y])


def J(x, y, k, a, b, c, d):
    """Its Jacobian, by hand."""
    return np.array([[-1 + 2 * b * x, k * a], [-k * a, -d]])


def plug_in(z, k, gamma, samples):
    """v̄ - γ J̄ᵀ v̄ on all samples, sample by sample."""
    mean_v = sum(v(*z, k, *sample) for sample in samples) / len(samples)
    mean_J = sum(J(*z, k, *sample) for sample in samples) / len(samples)
    return mean_v - gamma * mean_J.T @ mean_v


def u_statistic(z, k, gamma, samples):
    """v̄ on the first half of the samples, less γ times the mean of Jᵢᵀ vⱼ over pairs i ≠ j of the second half."""
    first, second = samples[: len(samples) // 2], samples[len(samples) // 2 :]
    mean_v = sum(v(*z, k, *sample) for sample in first) / len(first)
    pairs = [(s, r) for i, s in enumerate(second) for j, r in enumerate(second) if i != j]
    return mean_v - gamma * sum(J(*z, k, *s).T @ v(*z, k, *r) for s, r in pairs) / len(pairs)


def naive_euler(z, h, k, gamma, samples):
    return z + h * plug_in(z, k, gamma, samples[0])


def naive_extragradient(z, h, k, gamma, samples):
    return z + h * u_statistic(z + h * u_statistic(z, k, gamma, samples[0]), k, gamma, samples[1])


NAIVE = {"plug-in": (naive_euler, 1), "u-statistic": (naive_extragradient, 2)}


def naive_path(name, run, z, h, steps, k=1.5, gamma=0.2, rng=0, bound=np.inf):
    """Every point of a run, and the status in which it ends."""
    step, evaluations = NAIVE[name]
    stream = Draws(CASES[name].field, evaluations).stream(seed_of(rng), np.array([run]))
    path = [np.array(z)]
    with np.errstate(all="ignore"):
        for number in range(steps):
            new = step(path[-1], h, k, gamma, stream(number)[..., 0])
            if not np.isfinite(new).all():
                return path, Status.NOT_FINITE
            if np.abs(new).max() > bound:
                return path, Status.DIVERGED
            path.append(new)
    return path, Status.FINISHED


@pytest.mark.parametrize("name", NAIVE)
def test_a_run_is_that_of_a_loop_over_its_samples(name):
    given = of_each_run(CASES[name].field)
    found = paths(name, rng=77, **given)
    h, k, gamma = given["h"], given["parameters"]["k"], given["parameters"]["gamma"]
    for i in (0, 1, 7, LANES - 1, LANES, M - 1):
        path, _ = naive_path(name, i, starts_of(name)[i], h[i], 10, k[i], gamma[i], 77)
        assert_allclose(found.x[:, i], path, rtol=1e-12, atol=1e-13)


def test_a_run_that_leaves_the_cube_has_diverged_after_its_last_step_inside_and_stays_there():
    starts = STARTS[:M, :2]
    found = paths("plug-in", starts, **WILD["plug-in"])
    assert {Status.FINISHED, Status.DIVERGED} == set(found.status)
    assert len(set(found.steps)) > 5
    for i in range(0, M, 2):
        path, status = naive_path("plug-in", i, starts[i], 0.5, 25, bound=1.0)
        assert (found.status[i], found.steps[i]) == (status, len(path) - 1)
        path += [path[-1]] * (26 - len(path))
        assert_allclose(found.x[:, i], path, rtol=1e-10, atol=1e-12)


def test_a_run_whose_numbers_overflow_is_not_finite_and_keeps_its_last_point():
    starts = STARTS[:M, :2].copy()
    starts[3], starts[35] = (1e100, 1.0), (-1e160, 0.0)
    found = paths("plug-in", starts, divergence_bound=np.inf)
    for i in (3, 35):
        path, status = naive_path("plug-in", i, starts[i], 0.05, 10)
        assert (found.status[i], found.steps[i]) == (status, len(path) - 1) == (Status.NOT_FINITE, len(path) - 1)
        assert_allclose(found.x[-1, i], path[-1], rtol=1e-9)
    others = np.delete(np.arange(M), [3, 35])
    assert (found.status[others] == Status.FINISHED).all() and (found.steps[others] == 10).all()


# --- on average -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, c in CASES.items() if c.first_is_euler])
def test_a_step_is_on_average_one_along_the_expected_field(name):
    m, h, field = 20_000, 0.1, CASES[name].field
    start = np.array([0.7, -0.9, 0.4])[: field.n]
    found = paths(name, np.tile(start, (m, 1)), h, 1, rng=5)
    wanted = start + h * field.expected()(start)
    assert (np.abs(found.mean[1] - wanted) < 4 * found.standard_error[1]).all()
    assert (np.abs(wanted - start) > 100 * found.standard_error[1]).any()  # the test can see that much


# --- a run is its own -----------------------------------------------------------------------------

OTHERS = ["u-statistic", "averaged", "finite-population", "epochs-split"]


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("threads", [2, 7])
def test_a_run_does_not_depend_on_threads(name, threads):
    starts = starts_of(name, 7 * LANES + 5)
    assert same(paths(name, starts, threads=1), paths(name, starts, threads=threads))


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("m", [1, 5, LANES, LANES + 1])
def test_a_run_does_not_depend_on_how_many_there_are(name, m):
    assert same(paths(name, starts_of(name, 70)), paths(name, starts_of(name, m)), slice(m))


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("every", [2, 3, 10, 11])
def test_a_run_does_not_depend_on_which_points_are_kept(name, every):
    all_, some = paths(name), paths(name, every=every)
    assert same(all_, some, rows=slice(None, None, every))
    assert_array_equal(some.k, np.arange(0, 11, every))


@pytest.mark.parametrize("name", OTHERS)
def test_a_longer_run_begins_as_the_shorter_one(name):
    assert paths(name, steps=17).x[:11].tobytes() == paths(name, steps=10).x.tobytes()


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("bad", [np.nan, -np.inf, 1e300])
def test_a_run_does_not_depend_on_its_neighbours(name, bad):
    starts = starts_of(name).copy()
    starts[7, 1] = bad
    calm, disturbed = paths(name), paths(name, starts)
    others = np.delete(np.arange(M), 7)
    assert calm.x[:, others].tobytes() == disturbed.x[:, others].tobytes()
    assert (calm.status[others] == disturbed.status[others]).all() and (disturbed.steps[others] == 10).all()
    started = np.isfinite(bad)
    assert disturbed.status[7] != Status.FINISHED if started else disturbed.status[7] == Status.NOT_FINITE
    assert disturbed.steps[7] == 0
    assert_array_equal(disturbed.x[:, 7], np.tile(starts[7], (11, 1)))


def test_a_start_that_is_not_finite_is_no_unsolved_equation():
    starts = starts_of("implicit").copy()
    starts[7, 1], starts[9, 0] = np.nan, np.inf
    found = paths("implicit", starts)
    assert found.status.nonzero()[0].tolist() == [7, 9]
    assert (found.status[[7, 9]] == Status.NOT_FINITE).all() and (found.steps[[7, 9]] == 0).all()


def test_runs_from_one_start_differ_and_so_do_those_of_another_seed():
    starts = np.tile(STARTS[0, :2], (M, 1))
    one, two = paths("plug-in", starts, rng=0), paths("plug-in", starts, rng=1)
    assert len(np.unique(np.concatenate([one.x[1], two.x[1]]), axis=0)) == 2 * M


def test_a_generator_gives_new_runs_each_time():
    rng = np.random.default_rng(3)
    one, two = paths("plug-in", rng=rng), paths("plug-in", rng=rng)
    assert not (one.x[1:] == two.x[1:]).any()
    assert same(one, paths("plug-in", rng=np.random.default_rng(3)))


def test_steps_and_parameters_of_each_run_are_those_of_separate_runs():
    given = of_each_run(CASES["plug-in"].field)
    many = paths("plug-in", **given)
    for i in (0, 1, 20, M - 1):
        alone = {name: values[i] for name, values in given["parameters"].items()}
        part = paths("plug-in", h=given["h"][i], parameters=alone)
        assert part.x[:, i].tobytes() == many.x[:, i].tobytes()


def test_the_values_of_a_field_are_its_parameters():
    field = CASES["plug-in"].field
    changed = sample_paths(field.with_parameters(gamma=0.5, k=0.75), STARTS[:5, :2], Euler(), 0.05, 10)
    assert same(changed, paths("plug-in", STARTS[:5, :2], parameters={"gamma": 0.5, "k": 0.75}))


# --- what a run sees ------------------------------------------------------------------------------


def counts_of_rows(name, m, steps):
    """How often each step of each run draws each row of `COUNTING`: (steps, m, N), read off from both variables."""
    found = paths(name, np.zeros((m, 2)), float(B), steps, rng=8, divergence_bound=1e300)
    moves = np.diff(found.x, axis=0).astype(np.int64)
    digits = moves[..., None] >> (3 * np.arange(N)) & 7
    assert (digits[:, :, 0] == digits[:, :, 1, ::-1]).all()  # the entries of a sample are of one row
    assert (digits.sum(-1) == B).all()
    return digits[:, :, 0]


def assert_equally_likely(counts):
    """B of N rows drawn without repetition, independently in each line of counts: a χ² test of the rows' totals."""
    expected = len(counts) * B / N
    square = np.sum((counts.sum(0) - expected) ** 2) / (expected * (1 - B / N)) * (N - 1) / N
    assert 1e-3 < stats.chi2(N - 1).sf(square) < 1 - 1e-3


def assert_independent(one, two):
    """Batches of one line of counts say nothing of those of the other: N² indicator products, each like chance."""
    p, m = B / N, len(one)
    z = ((one - p).T @ (two - p)) / (np.sqrt(m) * p * (1 - p)) * (N - 1) / N
    assert 1e-3 < stats.chi2((N - 1) ** 2).sf(np.sum(z**2)) < 1 - 1e-3


@pytest.mark.parametrize("name", ["counting-rows", "counting-epochs"])
def test_a_batch_without_replacement_repeats_no_row_and_all_rows_are_equally_likely(name):
    counts = counts_of_rows(name, 2000, 9)
    assert counts.max() == 1
    for batch in counts:
        assert_equally_likely(batch)
    assert_equally_likely(counts_of_rows(name, 2000, 1)[0])
    lags = range(1, 6) if name == "counting-rows" else (3, 4, 5)  # of another epoch
    for lag in lags:
        for k in (0, 1, 2):
            assert_independent(counts[k], counts[k + lag] if name == "counting-rows" else counts[3 * (k // 3) + lag])


def test_an_epoch_goes_once_through_rows_in_a_new_order_and_leaves_out_what_makes_no_batch():
    per_epoch = N // B
    counts = counts_of_rows("counting-epochs", 300, 5 * per_epoch)
    epochs = counts.reshape(5, per_epoch, 300, N)
    seen = epochs.sum(1)
    assert seen.max() == 1 and (seen.sum(-1) == per_epoch * B).all()
    left_out = seen.argmin(-1)
    assert stats.chisquare(np.bincount(left_out.ravel(), minlength=N)).pvalue > 1e-3
    orders = epochs.transpose(0, 2, 1, 3).reshape(5 * 300, -1)
    assert len(np.unique(orders, axis=0)) > 0.99 * 5 * 300


def test_the_order_of_rows_in_a_batch_is_random_too():
    stream = Draws(CASES["counting-rows"].field, 1).stream(seed_of(4), np.arange(20_000))
    stream(-1)
    rows = np.rint(np.log2(stream(0)[0, :, 0]) / 3).astype(int)
    pairs = np.bincount(N * rows[0] + rows[1], minlength=N * N).reshape(N, N)
    assert (np.diag(pairs) == 0).all()
    assert stats.chisquare(pairs[~np.eye(N, dtype=bool)]).pvalue > 1e-3
    assert stats.chisquare(np.bincount(rows[-1], minlength=N)).pvalue > 1e-3


@pytest.mark.parametrize("field", [CASES["independent"].field, CASES["u-statistic"].field], ids=["wide", "noisy"])
def test_no_number_is_drawn_twice(field):
    """Neither in one batch nor in another, of another source, stage, step or run."""
    stream = Draws(field, 3).stream(seed_of(9), np.arange(M))
    drawn = np.stack([stream(k) for k in range(-1, 9)])
    samples = field.parts[2] * field.batch
    assert drawn.shape == (10, 3, samples, len(field.source.population.names), M)
    continuous = drawn[:, :, :, :2]
    assert len(np.unique(continuous)) == continuous.size


@every_case
def test_each_number_of_a_step_has_a_place_of_its_own(monkeypatch, name):
    """That of its batch, source and pair, also where one batch takes many more numbers than it has samples."""
    asked, places, words, threefry = set(), set(), Draws._words, draws.threefry

    def recorded(self, seed, runs, k, *number):
        asked.add((k, *number))
        return words(self, seed, runs, k, *number)

    def counted(key, run, step, place):
        places.add((int(step), int(place[0])))
        return threefry(key, run, step, place)

    monkeypatch.setattr(Draws, "_words", recorded)
    monkeypatch.setattr(draws, "threefry", counted)
    stream = Draws(CASES[name].field, 3).stream(seed_of(1), np.arange(1))
    for k in range(-1, 4):
        stream(k)
    assert len(asked) == len(places) > 0


def test_samples_have_the_declared_distributions_and_say_nothing_of_each_other():
    field = CASES["u-statistic"].field
    drawn = Draws(field, 2).stream(seed_of(6), np.arange(3000))(4)  # (2, 12, 4, 3000)
    a, b, c, d = np.moveaxis(drawn, 2, 0).reshape(4, -1)
    assert stats.kstest(a, stats.norm(1, 0.5).cdf).pvalue > 1e-3
    assert stats.kstest(b, stats.uniform(-1, 1.5).cdf).pvalue > 1e-3
    kinds, counts = np.unique(c, return_counts=True)
    assert kinds.tolist() == [-1, 0, 2]
    assert stats.chisquare(counts, len(c) * np.array([0.25, 0.5, 0.25])).pvalue > 1e-3
    mixed = lambda x: 0.25 * stats.norm(0.5, 0.1).cdf(x) + 0.75 * stats.uniform(0, 2).cdf(x)  # noqa: E731
    assert stats.kstest(d, mixed).pvalue > 1e-3
    columns = drawn.reshape(-1, 3000)  # every batch, sample and entry
    correlations = np.corrcoef(columns)[~np.eye(len(columns), dtype=bool)] * np.sqrt(3000)
    assert abs(np.mean(correlations**2) - 1) < 0.05 and np.abs(correlations).max() < 5


def test_rows_drawn_with_replacement_are_equally_likely_and_independent():
    field = MinibatchField(COUNTING, 5)
    drawn = Draws(field, 1).stream(seed_of(2), np.arange(5000))(0)[0]
    rows = np.rint(np.log2(drawn[:, 0]) / 3).astype(int)
    assert_array_equal(drawn[:, 1], 8.0 ** (N - 1 - rows))
    for i in range(5):
        assert stats.chisquare(np.bincount(rows[i], minlength=N)).pvalue > 1e-3
        for j in range(i):
            assert stats.chisquare(np.bincount(N * rows[i] + rows[j], minlength=N * N)).pvalue > 1e-3


# --- as ensembles, as trajectories, and what is asked of them -------------------------------------


@pytest.mark.parametrize("name", WILD)
def test_an_ensemble_holds_the_last_points_of_the_paths(name):
    field, method = CASES[name].field, CASES[name].method
    given = {**WILD[name], "rng": 6, "threads": 2}
    many, path = ensemble(field, starts_of(name), method, **given), paths(name, **given)
    assert len(set(path.status)) == 2
    assert many.x.tobytes() == path.x[-1].tobytes() and many.variables == field.variables
    assert_array_equal(many.status, path.status)
    assert_array_equal(many.steps, path.steps)
    assert many.average is None if path.average is None else many.average.tobytes() == path.average[-1].tobytes()
    none = ensemble(field, starts_of(name), method, **{**given, "steps": 0})
    assert none.x.tobytes() == starts_of(name).tobytes() and (none.steps == 0).all()


@pytest.mark.parametrize("every", [1, 4, 26])
@pytest.mark.parametrize("name", WILD)
def test_a_trajectory_is_the_first_path_up_to_its_end(name, every):
    field, method = CASES[name].field, CASES[name].method
    ends = set()
    for rng, start in enumerate(starts_of(name, 6)):
        given = {**WILD[name], "every": every, "rng": rng}
        path, run = paths(name, start[None], **given), trajectory(field, start, method, t0=2.0, **given)
        kept = 1 + run.steps // every
        assert run.x.tobytes() == path.x[:kept, 0].tobytes() and len(run.x) == kept
        assert (run.status, run.steps, run.variables) == (path.status[0], path.steps[0], field.variables)
        assert_allclose(run.t, 2.0 + given["h"] * every * np.arange(kept), rtol=1e-15)
        average = None if path.average is None else path.average[:kept, 0].tobytes()
        assert average == (None if run.average is None else run.average.tobytes())
        ends.add(run.status)
    assert ends == {Status.FINISHED, Status.DIVERGED}


def test_mean_standard_error_and_times_are_those_of_the_runs():
    found = paths("plug-in", every=5)
    assert_allclose(found.mean, [[np.mean(c) for c in row.T] for row in found.x], rtol=1e-14)
    errors = [[stats.sem(c) for c in row.T] for row in found.x]
    assert_allclose(found.standard_error, errors, rtol=1e-12)
    assert_allclose(found.t, [0, 0.25, 0.5], rtol=1e-15)
    assert_array_equal(found.h, np.full(M, 0.05))
    assert found.variables == ("x", "y")
    assert np.isnan(paths("plug-in", STARTS[:1, :2]).standard_error).all()
    with pytest.raises(InputError, match="the runs have different step sizes"):
        paths("plug-in", h=np.linspace(0.1, 0.2, M)).t  # noqa: B018


def test_no_runs_and_no_steps_are_runs_too():
    none = paths("plug-in", np.zeros((0, 2)))
    assert none.x.shape == (11, 0, 2) and none.status.shape == none.steps.shape == (0,)
    still = paths("averaged", steps=0)
    assert still.x.tobytes() == still.average.tobytes() == starts_of("averaged").tobytes()
    assert (still.status == Status.FINISHED).all() and (still.steps == 0).all()


@pytest.mark.parametrize("estimator", [None, "u-statistic"])
def test_an_implicit_method_refuses_a_batch_a_stage_with_the_reason(estimator):
    field = case(ImplicitMidpoint(), SMALL, 2, estimator, **STAGE).field
    with pytest.raises(InputError, match="the method solves an equation, whose iterations need one batch; take 'step'"):
        sample_paths(field, STARTS[:2, :2], ImplicitMidpoint(), 0.1, 3)


FIELD: Any = CASES["plug-in"].field


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"field": NOISY.field()}, "field is .*; give a MinibatchField"),
        ({"field": NOISY}, "field is .*; give a MinibatchField"),
        ({"method": Euler}, r"method is the class Euler; write Euler\(\)"),
        ({"method": LOLA()}, "lola needs payoffs"),
        ({"starts": [0.1, 0.2]}, r"starts has shape \(2,\); give \(m, 2\)"),
        ({"starts": np.zeros((3, 3))}, "starts"),
        ({"starts": "somewhere"}, "starts"),
        ({"h": 0.0}, "h holds 0.0; a step size must be positive"),
        ({"h": [0.1, -0.1]}, "h holds -0.1"),
        ({"h": [0.1, 0.1, 0.1]}, r"h has shape \(3,\); give one number or 2 of them"),
        ({"h": np.nan}, "h holds nan"),
        ({"steps": -1}, "steps is -1"),
        ({"steps": 1.5}, "steps is 1.5"),
        ({"every": 0}, "every is 0"),
        ({"rng": -1}, "rng is -1"),
        ({"rng": True}, "rng is True"),
        ({"rng": np.random}, "rng is .*NumPy Generator"),
        ({"threads": 0}, "threads is 0"),
        ({"divergence_bound": 0}, "divergence_bound is 0"),
        ({"parameters": {"gama": 0.1}}, "no parameter 'gama'; .*gamma"),
        ({"parameters": {"a": 0.1}}, "no parameter 'a'"),
        ({"parameters": {"gamma": [0.1] * 3}}, r"gamma has shape \(3,\)"),
        ({"parameters": {"gamma": np.inf}}, "gamma holds inf"),
        ({"steps": 10**10}, "the result would take .* GiB"),
    ],
)
def test_what_makes_no_runs_is_refused_by_name(changed, message):
    given = {"field": FIELD, "starts": STARTS[:2, :2], "method": Euler(), "h": 0.1, "steps": 3, **changed}
    with pytest.raises(InputError, match=message):
        sample_paths(**given)


def test_a_consensus_field_has_no_payoffs_but_its_plain_field_does():
    with pytest.raises(InputError, match="lola needs payoffs"):
        trajectory(FIELD, [0.1, 0.2], LOLA(), 0.1, 2)
    assert trajectory(CASES["lola"].field, [0.1, 0.2, 0.3], LOLA(), 0.1, 2).status == Status.FINISHED


@pytest.mark.parametrize("x0", [[0.1, np.nan], [[0.1, 0.2]], [0.1]])
def test_a_trajectory_needs_one_finite_point(x0):
    with pytest.raises(InputError, match="x0"):
        trajectory(FIELD, x0, Euler(), 0.1, 2)


def test_no_runs_have_no_time_and_no_mean():
    path = sample_paths(CASES["plug-in"].field, np.empty((0, 2)), Euler(), 0.1, 3)
    assert np.isnan(path.mean).all() and path.mean.shape == (4, 2)
    with pytest.raises(InputError, match="or are none"):
        assert path.t is None
