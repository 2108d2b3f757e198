"""Batches of a network's game: what estimators are, what they are on average, and which rows a step sees."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'dynsys-games[networks]'")

from torch import nn  # noqa: E402

from dynsys import InputError  # noqa: E402
from dynsys.minibatches import ESTIMATORS, FiniteSumGame, MinibatchField  # noqa: E402
from dynsys.networks import NetworkBatches, NetworkGame, estimated_consensus  # noqa: E402
from dynsys.transforms import consensus, symplectic_gradient_adjustment  # noqa: E402
from integrators import trajectory  # noqa: E402
from integrators.algorithms.extragradient import Extragradient  # noqa: E402
from integrators.algorithms.runge_kutta import Euler  # noqa: E402

# One game twice: by formulas and by modules. Nothing in it is linear in the variables.
ROWS = np.array([[0.5, -1.0], [1.5, 0.25], [-1.0, 2.0], [2.0, 0.75]])
N, GAMMA = len(ROWS), 0.5
FORMULA = FiniteSumGame(
    players={"one": ("x", "y"), "two": ("z",)},
    payoff_of_sample={
        "one": "a*x*z - x**2*y/2 + sin(b*y)*z - a**2*y**2",
        "two": "-a*x*z + b*exp(y/2)*z + tanh(a*z)*x - z**2",
    },
    data=dict(zip("ab", ROWS.T)),
)
X = np.array([0.3, -0.7, 0.9])
SIZE = {"per-sample": 2, "plug-in": 2, "u-statistic": 2, "finite-population": 2, "split": 2, "independent": 2}


class Numbers(nn.Module):
    """A player whose strategy is its parameters."""

    def __init__(self, *values):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(values, dtype=torch.float64))


def losses(one, two, batch):
    (x, y), (z,), (a, b) = one.w, two.w, batch.T
    first = a * x * z - x**2 * y / 2 + torch.sin(b * y) * z - a**2 * y**2
    second = -a * x * z + b * torch.exp(y / 2) * z + torch.tanh(a * z) * x - z**2
    return -first.mean(), -second.mean()


def made(rows=ROWS):
    return NetworkGame({"one": Numbers(0.3, -0.7), "two": Numbers(0.9)}, losses, torch.from_numpy(rows.copy()))


GAME = made()
every_estimator = pytest.mark.parametrize("name", ESTIMATORS)
shared_or_not = pytest.mark.parametrize("shared", [True, False], ids=["shared", "own batch"])


def gradient(name, v, J, w, M):
    """ĝ from the batch (v, J), with the second batch (w, M) of "independent": the definitions, written out."""
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


def rows_of(batch):
    """The numbers of the rows in a batch."""
    return [int(np.flatnonzero((row == ROWS).all(1))[0]) for row in batch.numpy()]


def close(found, wanted):
    assert_allclose(found, wanted, rtol=0, atol=1e-12 * (1 + np.abs(wanted).max()))


# --- what a step sees -----------------------------------------------------------------------------


def test_both_games_have_one_field():
    close(GAME(X), FORMULA.field()(X))
    close(GAME.jacobian(X), FORMULA.field().jacobian(X))
    v, J = FORMULA.sampled.per_sample(X)
    for i in range(N):
        close(GAME.on_batch(GAME.rows([i]))(X), v[i])
        close(GAME.on_batch(GAME.rows([i])).vjp(X, X), J[i].T @ X)


@shared_or_not
@every_estimator
@pytest.mark.parametrize("B", [2, 4])
def test_the_field_of_a_step_is_its_mean_less_gamma_times_the_estimate_of_the_gradient(name, shared, B):
    batches = NetworkBatches(GAME, B, GAMMA, name, shared=shared)
    twin = MinibatchField(FORMULA, B, GAMMA, name, shared=shared)
    v, J = FORMULA.sampled.per_sample(X)
    for k in range(3):
        field = batches.at_step(7, k)
        drawn = rows_of(field.draw())
        assert len(drawn) == B * ((1 if shared else 2) + (name == "independent"))
        first = 0 if shared else B
        own, second = drawn[first : first + B], drawn[first + B : first + 2 * B]
        wanted = v[drawn[:B]].mean(0) - GAMMA * gradient(name, v[own], J[own], v[second], J[second])
        close(field(X), wanted)
        close(field(X), twin.on_samples("field", tuple(X), ROWS[drawn]))


@pytest.mark.parametrize("sampling", ["iid", "without replacement"])
@every_estimator
def test_over_all_batches_the_estimate_is_the_gradient_with_the_declared_excess(name, sampling):
    B = SIZE[name]
    batches = NetworkBatches(GAME, B, GAMMA, name, sampling)
    every = list(product(range(N), repeat=B) if sampling == "iid" else permutations(range(N), B))
    if name == "independent":
        every = [a + b for a, b in product(every, every)]
    mean = np.mean([batches._on(lambda rows=rows: GAME.rows(rows))(X) for rows in map(np.array, every)], 0)
    v, J = FORMULA.sampled.per_sample(X)
    c = {  # E T = ‖v‖² + c tr Σ
        "per-sample": (1, 1), "plug-in": (1 / B, (N - B) / (B * (N - 1))), "u-statistic": (0, -1 / (N - 1)),
        "finite-population": (1 / N, 0), "split": (0, -1 / (N - 1)), "independent": (0, 0),
    }[name][sampling != "iid"]  # fmt: skip
    full = J.mean(0).T @ v.mean(0)
    noise = sum(J[i].T @ v[i] for i in range(N)) / N - full  # ∇½ tr Σ
    close(mean, v.mean(0) - GAMMA * (full + c * noise))


def test_plug_in_is_consensus_on_the_batch():
    batches = NetworkBatches(GAME, 3, GAMMA, "plug-in")
    field = batches.at_step(0, 5)
    close(field(X), consensus(GAME.on_batch(field.draw()), GAMMA)(X))
    turned = symplectic_gradient_adjustment(GAME, 0.25)
    field = NetworkBatches(turned, 3, GAMMA, "plug-in").at_step(0, 5)
    on_batch = symplectic_gradient_adjustment(GAME.on_batch(field.draw()), 0.25)
    close(field(X), consensus(on_batch, GAMMA)(X))


def test_without_a_consensus_term_a_step_sees_the_mean_of_its_batch():
    field = NetworkBatches(GAME, 3).at_step(0, 2)
    v, J = FORMULA.sampled.per_sample(X)
    own = rows_of(field.draw())
    close(field(X), v[own].mean(0))
    close(field.vjp(X, X), J[own].mean(0).T @ X)


def test_samples_own_gradients_are_taken_in_pieces_of_any_size(monkeypatch):
    wanted = NetworkBatches(GAME, 4, GAMMA, "per-sample").at_step(0, 0)(X)
    monkeypatch.setattr(estimated_consensus, "MOST_NUMBERS", GAME.n * 3)  # three samples, then one
    close(NetworkBatches(GAME, 4, GAMMA, "per-sample").at_step(0, 0)(X), wanted)


def test_a_step_with_an_estimate_refuses_products_with_a_jacobian():
    for name in ESTIMATORS:
        field = NetworkBatches(GAME, 4, GAMMA, name).at_step(0, 0)
        for product_with_jacobian in (field.vjp, field.jvp):
            with pytest.raises(InputError, match="a field that each batch makes anew has no Jacobian"):
                product_with_jacobian(X, X)


# --- which rows -----------------------------------------------------------------------------------

MANY = np.random.default_rng(0).normal(size=(11, 2))
LARGE = made(MANY)


def numbers(batch):
    return [int(np.flatnonzero((row == MANY).all(1))[0]) for row in batch.numpy()]


def test_a_batch_depends_on_the_seed_and_the_step_alone():
    batches = NetworkBatches(LARGE, 4)
    first = [numbers(batches.at_step(3, k).draw()) for k in range(6)]
    again = [numbers(NetworkBatches(LARGE, 4).at_step(np.int64(3), k).draw()) for k in reversed(range(6))]
    assert first == again[::-1]
    assert len({tuple(rows) for rows in first}) == 6
    assert first != [numbers(batches.at_step(4, k).draw()) for k in range(6)]
    state = torch.get_rng_state()
    batches.at_step(3, 0)
    assert torch.equal(state, torch.get_rng_state())


def test_iid_rows_may_return_and_all_come():
    rows = [row for k in range(200) for row in numbers(NetworkBatches(LARGE, 4).at_step(0, k).draw())]
    counts = np.bincount(rows, minlength=11)
    # 800 draws, 1/11 each: mean 72.7, standard deviation 8.1; five of them
    assert (np.abs(counts - 800 / 11) < 5 * np.sqrt(800 * 10) / 11).all()
    assert any(len(set(numbers(NetworkBatches(LARGE, 4).at_step(0, k).draw()))) < 4 for k in range(20))


def test_without_replacement_no_row_returns_in_a_batch():
    batches = NetworkBatches(LARGE, 11, sampling="without replacement")
    for k in range(5):
        assert sorted(numbers(batches.at_step(0, k).draw())) == list(range(11))


@pytest.mark.parametrize("name", ["plug-in", "independent"])
def test_an_epoch_goes_once_through_the_rows_in_an_order_of_its_own(name):
    batches = NetworkBatches(LARGE, 5, GAMMA, name, "reshuffled", shared=False)
    epochs = []
    for epoch in range(4):
        drawn = [numbers(batches.at_step(1, 2 * epoch + place).draw()) for place in range(2)]
        count = len(drawn[0]) // 5
        assert count == (3 if name == "independent" else 2)
        for i in range(count):  # each batch of a step has its own order; the eleventh row is left out
            rows = [row for step in drawn for row in step[5 * i : 5 * i + 5]]
            assert len(set(rows)) == 10
            epochs.append(tuple(rows))
    assert len(set(epochs)) == len(epochs)


def test_all_evaluations_of_a_step_see_one_batch_or_each_its_own():
    step, stage = (NetworkBatches(LARGE, 3, batch_per=per).at_step(0, 4) for per in ("step", "stage"))
    assert_array_equal(step(X), step(X))
    first, second = stage(X), stage(X)
    assert (first != second).any()
    again = NetworkBatches(LARGE, 3, batch_per="stage").at_step(0, 4)
    assert_array_equal([again(X), again(X)], [first, second])


def test_in_an_epoch_each_stage_goes_through_the_rows_in_its_own_order():
    batches = NetworkBatches(LARGE, 5, sampling="reshuffled", batch_per="stage")
    orders = []
    for stage in range(2):
        rows = []
        for k in range(2):
            field = batches.at_step(0, k)
            drawn = [field.draw() for _ in range(2)]
            rows += numbers(drawn[stage])
        assert len(set(rows)) == 10
        orders.append(rows)
    assert orders[0] != orders[1]


def test_a_method_of_two_stages_meets_the_batches_it_is_said_to():
    v = [FORMULA.sampled.per_sample]
    batches = NetworkBatches(GAME, 2, batch_per="stage")
    field = batches.at_step(5, 0)
    first, second = rows_of(field.draw()), rows_of(field.draw())
    run = trajectory(batches, X, Extragradient(), h=0.1, steps=1, rng=5)
    mean = lambda x, rows: v[0](x)[0][rows].mean(0)  # noqa: E731
    close(run.x[-1], X + 0.1 * mean(X + 0.1 * mean(X, first), second))
    run = trajectory(NetworkBatches(GAME, 2), X, Extragradient(), h=0.1, steps=1, rng=5)
    close(run.x[-1], X + 0.1 * mean(X + 0.1 * mean(X, first), first))


def test_new_coefficients_leave_batches_as_they_are():
    turned = symplectic_gradient_adjustment(GAME, 0.25)
    batches = NetworkBatches(turned, 3, GAMMA, "plug-in")
    other = batches.with_parameters(gamma=0.75, lam=0.5)
    assert dict(other.parameters) == {"lam": 0.5, "gamma": 0.75} and dict(batches.parameters) == {
        "lam": 0.25,
        "gamma": 0.5,
    }
    wanted = NetworkBatches(symplectic_gradient_adjustment(GAME, 0.5), 3, 0.75, "plug-in")
    assert_array_equal(other.at_step(0, 1)(X), wanted.at_step(0, 1)(X))
    with pytest.raises(InputError, match="no parameter 'gama'; did you mean 'gamma'"):
        batches.with_parameters(gama=1)
    with pytest.raises(InputError, match="no parameter 'gamma'"):
        NetworkBatches(GAME, 3).with_parameters(gamma=1.0)


def test_a_description_tells_settings_apart():
    kinds = [
        NetworkBatches(GAME, 2), NetworkBatches(GAME, 4), NetworkBatches(GAME, 2, 0.5),
        NetworkBatches(GAME, 2, 0.5, "split"),
        NetworkBatches(GAME, 2, 0.5, shared=False), NetworkBatches(GAME, 2, sampling="reshuffled"),
        NetworkBatches(GAME, 2, batch_per="stage"),
    ]  # fmt: skip
    assert len({repr(kind) for kind in kinds}) == len(kinds)


# --- streams --------------------------------------------------------------------------------------


def stream(generator, size):
    return torch.randn(size, 2, generator=generator, dtype=torch.float64)


def product_with(one, z):
    return (one.w * z).mean()


STREAM = NetworkGame({"one": Numbers(0.3, -0.7), "two": Numbers(0.9)}, losses, stream)


def test_a_stream_gives_each_step_samples_of_its_own():
    batches = NetworkBatches(STREAM, 4, GAMMA, "split")
    drawn = [batches.at_step(2, k).draw() for k in range(3)]
    assert [batch.shape for batch in drawn] == [(4, 2)] * 3 and not torch.equal(drawn[0], drawn[1])
    assert torch.equal(drawn[1], batches.at_step(2, 1).draw())
    assert not torch.equal(drawn[1], batches.at_step(3, 1).draw())
    assert NetworkBatches(STREAM, 4, GAMMA, "independent", shared=False).at_step(0, 0).draw().shape == (12, 2)


def test_a_batch_of_a_stream_may_be_fixed():
    batch = STREAM.batch(6, 1)
    assert torch.equal(STREAM.batch(6, np.random.default_rng(1)), STREAM.batch(6, np.random.default_rng(1)))
    assert torch.equal(batch, STREAM.batch(6, 1)) and not torch.equal(batch, STREAM.batch(6, 2))
    field, twin = STREAM.on_batch(batch), made(batch.numpy())
    assert_array_equal(field(X), twin(X))
    assert_array_equal(consensus(field, 0.5)(X), consensus(twin, 0.5)(X))
    assert sorted(rows_of(GAME.batch(3))) == sorted(rows_of(GAME.batch(3, 0))) and STREAM.samples is None
    small = STREAM.to("float32")
    assert small.on_batch(small.batch(5))(X).dtype == np.float32


# --- refusals -------------------------------------------------------------------------------------

PLAIN = NetworkGame({"one": Numbers(1.0)}, {"one": lambda a: (a.w**2).sum()})
NO_MEAN = NetworkGame({"one": Numbers(1.0, 2.0)}, {"one": lambda a, z: (z @ a.w).sum() ** 2}, torch.from_numpy(ROWS))
BRANCHING = NetworkGame(
    {"one": Numbers(1.0, 2.0)},
    {"one": lambda a, z: ((z @ a.w) ** 2).mean() * (1 if z.sum().item() > 0 else 2)},
    torch.from_numpy(ROWS),
)
WRONG = {
    "no data": (lambda: NetworkBatches(PLAIN, 2), "give a NetworkGame with data to draw batches from"),
    "no game": (lambda: NetworkBatches(FORMULA, 2), "give a NetworkGame with data to draw batches from"),
    "batch 0": (lambda: NetworkBatches(GAME, 0), "batch is 0; give a whole number of samples, at least 1"),
    "batch half": (lambda: NetworkBatches(GAME, 1.5), "batch is 1.5; give a whole number"),
    "batch too large": (lambda: NetworkBatches(GAME, 5, sampling="reshuffled"), "batch is 5, but the data has 4 rows"),
    "sampling": (lambda: NetworkBatches(GAME, 2, sampling="idd"), "sampling is 'idd'; did you mean 'iid'?"),
    "stream reshuffled": (lambda: NetworkBatches(STREAM, 2, sampling="reshuffled"), "which needs a data set"),
    "batch_per": (lambda: NetworkBatches(GAME, 2, batch_per="epoch"), "batch_per is 'epoch'; give 'step' or 'stage'"),
    "estimator": (lambda: NetworkBatches(GAME, 2, 0.5, "plugin"), "did you mean 'plug-in'?"),
    "u-statistic of one": (lambda: NetworkBatches(GAME, 1, 0.5), "'u-statistic' needs at least 2 samples"),
    "odd halves": (lambda: NetworkBatches(GAME, 3, 0.5, "split"), "'split' halves it: take 2 or 4"),
    "population of a stream": (lambda: NetworkBatches(STREAM, 2, 0.5, "finite-population"), "needs a data set"),
    "gamma": (lambda: NetworkBatches(GAME, 2, "much"), "gamma is 'much'; it must be a real number"),
    "name taken": (lambda: NetworkBatches(consensus(GAME, 1), 2, 0.5, "plug-in"), "already uses the name 'gamma'"),
    "name of a player": (lambda: NetworkBatches(GAME, 2, 0.5, name="one"), "already uses the name 'one'"),
    "transformed": (
        lambda: NetworkBatches(symplectic_gradient_adjustment(GAME), 2, 0.5),
        "is transformed; estimators with samples' own gradients take the game itself",
    ),
    "no mean": (lambda: NetworkBatches(NO_MEAN, 2, 0.5), "the loss of 'one' is no mean over the samples"),
    "no single samples": (lambda: NetworkBatches(BRANCHING, 2, 0.5), "losses cannot be evaluated sample by sample"),
    "full batch of a stream": (lambda: STREAM(X), "fix one with on_batch(game.batch(512)), or train on NetworkBatches"),
    "rows of a stream": (lambda: STREAM.rows([0]), "has no rows of data to choose from"),
    "stream of another size": (
        lambda: NetworkGame({"one": Numbers(1.0)}, {"one": product_with}, lambda g, n: torch.ones(3)),
        "data returns a batch of 3 samples where 8 are asked for",
    ),
    "stream in another precision": (
        lambda: NetworkGame({"one": Numbers(1.0)}, {"one": product_with}, lambda g, size: torch.ones(size)),
        "the batch that data returns holds torch.float32 but the modules hold torch.float64",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_batches_that_cannot_be_are_refused_with_a_remedy(case):
    act, message = WRONG[case]
    with pytest.raises(InputError) as caught:
        act()
    assert message in str(caught.value)


def test_losses_that_are_no_means_have_the_estimators_that_need_none():
    for game in (NO_MEAN, BRANCHING):
        for name in ("plug-in", "split", "independent"):
            assert np.isfinite(NetworkBatches(game, 2, 0.5, name).at_step(0, 0)([1, 2])).all()
    assert trajectory(NetworkBatches(NO_MEAN, 2), [1, 2], Euler(), h=1e-3, steps=3).steps == 3
