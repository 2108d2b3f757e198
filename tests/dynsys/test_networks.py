"""Autoencoders with one hidden layer: what tying means, exact gradients, training by seed, and files."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dynsys import InputError
from dynsys.autoencoders import Autoencoder, Denoiser, Ending, load, save, spiral, train
from dynsys.autoencoders.training import DenoisingLoss, corrupted

few = settings(max_examples=max(8, settings.default.max_examples // 2))
seeds = st.integers(0, 2**32 - 1)
activations = st.sampled_from(["tanh", "logistic"])
ARRAYS = ("W", "b", "V", "c")


def network_of(seed, n=2, hidden=9, tied=False, activation="tanh"):
    draw = np.random.default_rng(seed)
    W, b, c = draw.normal(size=(hidden, n)), draw.normal(size=hidden), draw.normal(size=n)
    return Autoencoder(W, b, W.T if tied else draw.normal(size=(n, hidden)), c, activation)


def antisymmetric(J):
    return (J - np.swapaxes(J, -1, -2)) / 2


@few
@given(seed=seeds, n=st.integers(1, 4), activation=activations)
def test_the_jacobian_is_that_of_complex_steps(seed, n, activation):
    net = network_of(seed, n, activation=activation)
    x = np.random.default_rng(seed + 1).normal(size=n)
    z = (x[:, None] + 1e-30j * np.eye(n)).T
    s = {"tanh": np.tanh, "logistic": lambda u: 1 / (1 + np.exp(-u))}[activation]
    values = s(z @ net.W.T + net.b) @ net.V.T + net.c
    assert_allclose(net.reconstruction(x), values[0].real, rtol=1e-12, atol=1e-12)
    assert_allclose(net.field()(x), values[0].real - x, rtol=1e-12, atol=1e-12)
    assert_allclose(net.field().jacobian(x), (values.imag / 1e-30).T - np.eye(n), rtol=1e-11, atol=1e-12)


@few
@given(seed=seeds, n=st.integers(2, 4), activation=activations)
def test_the_antisymmetric_part_is_linear_in_what_unties_the_network(seed, n, activation):
    tied = network_of(seed, n, tied=True, activation=activation)
    draw = np.random.default_rng(seed + 1)
    K, x = draw.normal(size=tied.V.shape), draw.normal(size=(6, n))
    parts = [
        antisymmetric(Autoencoder(tied.W, tied.b, tied.V + eps * K, tied.c, activation).field().jacobian(x))
        for eps in (0.0, 0.25, 0.5, 1.0)
    ]
    assert np.abs(parts[0]).max() == 0  # the same products, added in the same order
    assert np.abs(parts[3]).max() > 1e-4
    for eps, part in zip((0.25, 0.5), parts[1:3], strict=True):
        assert_allclose(part, eps * parts[3], rtol=1e-9, atol=1e-12)


def test_the_tied_field_is_the_gradient_of_its_potential():
    net = network_of(4, tied=True)
    potential = lambda x: np.log(np.cosh(net.W @ x + net.b)).sum() + net.c @ x - x @ x / 2  # noqa: E731
    x = np.array([0.3, -0.8])
    slopes = [(potential(x + 1e-5 * e) - potential(x - 1e-5 * e)) / 2e-5 for e in np.eye(2)]
    assert_allclose(net.field()(x), slopes, rtol=1e-8)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("activation", ["tanh", "logistic"])
@pytest.mark.parametrize("contractive", [0.0, 0.3])
def test_the_gradient_of_the_loss_is_that_of_complex_steps(tied, activation, contractive):
    draw = np.random.default_rng(5)
    targets = draw.normal(size=(12, 3))
    loss = DenoisingLoss(targets + 0.3 * draw.normal(size=(12, 3)), targets, 4, tied, contractive, activation)
    p = draw.normal(size=4 * 3 + 4 + 3 + (0 if tied else 12))
    value, gradient = loss(p)
    steps = [loss(p + 1e-30j * e)[0].imag / 1e-30 for e in np.eye(len(p))]
    assert_allclose(gradient, steps, rtol=1e-11, atol=1e-13)
    net = loss.network(p)
    assert net.tied == tied
    error = np.square(net.reconstruction(loss.inputs) - targets).sum(1).mean()
    s = net.code(loss.inputs)
    slopes = 1 - s**2 if activation == "tanh" else s * (1 - s)
    penalty = np.mean([np.linalg.norm(np.diag(d) @ net.W) ** 2 for d in slopes])
    assert_allclose(value, error + contractive * penalty, rtol=1e-12)


def test_the_corruption_has_variance_sigma_squared_and_comes_in_opposite_pairs():
    points = np.arange(2000.0).reshape(1000, 2)
    inputs, targets = corrupted(points, 0.5, 6, np.random.default_rng(0))
    assert_array_equal(targets, np.tile(points, (6, 1)))
    noise = (inputs - targets).reshape(6, 1000, 2)
    assert_allclose(noise.sum(0), 0, atol=1e-9)
    assert_allclose(noise.std(), 0.5, rtol=0.03)
    assert corrupted(points, 0.5, 3, np.random.default_rng(0))[0].shape == (3000, 2)


SPIRAL = spiral()
SIGMA = 1.0


@pytest.fixture(scope="module")
def trained():
    return {tied: train(SPIRAL, SIGMA, tied=tied, iterations=200) for tied in (True, False)}


@pytest.fixture
def region():
    """Data with noise: where the network was trained, though not the copies that it saw."""
    return SPIRAL + SIGMA * np.random.default_rng(99).normal(size=SPIRAL.shape)


@pytest.mark.parametrize("tied", [True, False])
def test_the_trained_field_points_along_the_exact_score(trained, region, tied):
    learnt, exact = trained[tied].network.field()(region), Denoiser(SPIRAL, SIGMA).score(region)
    cosines = (learnt * exact).sum(1) / np.linalg.norm(learnt, axis=1) / np.linalg.norm(exact, axis=1)
    assert cosines.mean() > 0.9
    shift = SIGMA**2 * exact
    assert np.square(learnt - shift).mean() < 0.1 * np.square(shift).mean()


def test_a_trained_tied_network_is_conservative_and_an_untied_one_is_not(trained, region):
    J = {tied: trained[tied].network.field().jacobian(region) for tied in (True, False)}
    share = {
        tied: np.linalg.norm(antisymmetric(J[tied]), axis=(1, 2)) / np.linalg.norm(J[tied], axis=(1, 2)) for tied in J
    }
    assert trained[True].network.tied and share[True].max() < 1e-15
    assert not trained[False].network.tied and share[False].mean() > 0.01


@pytest.mark.parametrize("tied", [True, False])
def test_the_loss_falls_and_is_that_of_the_network(trained, tied):
    losses = np.array(trained[tied].losses)
    assert (np.diff(losses) <= 0).all() and losses[-1] < losses[0] and trained[tied].ending is Ending.LIMIT
    inputs, targets = corrupted(SPIRAL, SIGMA, 20, np.random.default_rng(0))
    error = np.square(trained[tied].network.reconstruction(inputs) - targets).sum(1).mean()
    assert_allclose(error, trained[tied].loss, rtol=1e-12)
    best = np.square(Denoiser(SPIRAL, SIGMA).reconstruction(inputs) - targets).sum(1).mean()
    assert 0.95 * best < trained[tied].loss < 1.15 * best


def test_the_same_seed_gives_the_same_network_bit_for_bit():
    points = SPIRAL[:60]
    one, two, other = (train(points, hidden=8, iterations=15, corruptions=4, seed=seed) for seed in (1, 1, 2))
    for name in ARRAYS:
        assert_array_equal(getattr(one.network, name), getattr(two.network, name))
    assert one.losses == two.losses and one.losses[0] != other.losses[0]


def test_a_linear_problem_is_learnt_to_convergence():
    points = np.random.default_rng(0).normal(size=(50, 1))
    found = train(points, sigma=0.5, hidden=1, tied=True, iterations=3000)
    assert found.ending is Ending.CONVERGED
    loss = DenoisingLoss(*corrupted(points, 0.5, 20, np.random.default_rng(0)), 1, True)
    p = np.concatenate([found.network.W.ravel(), found.network.b, found.network.c])
    assert np.abs(loss(p)[1]).max() < 1e-5


def test_the_contractive_penalty_makes_the_encoder_flatter():
    points = SPIRAL[:80]
    plain, flat = (train(points, hidden=12, iterations=60, contractive=weight) for weight in (0.0, 1.0))

    def encoder(net):
        slopes = 1 - net.code(points) ** 2
        return (slopes**2 @ np.square(net.W).sum(1)).mean()

    assert encoder(flat.network) < 0.5 * encoder(plain.network)


def test_an_interrupt_keeps_the_best_network_so_far():
    seen = []

    def report(iteration, loss):
        seen.append((iteration, loss))
        if iteration == 7:
            raise KeyboardInterrupt

    found = train(SPIRAL[:50], hidden=6, corruptions=4, report=report)
    assert found.ending is Ending.INTERRUPTED and len(found.losses) == 8
    assert [i for i, _ in seen] == list(range(1, 8)) and seen[-1][1] == found.loss
    same = train(SPIRAL[:50], hidden=6, corruptions=4, iterations=7)
    assert_array_equal(found.network.W, same.network.W)


@given(seed=seeds, n=st.integers(1, 3), tied=st.booleans(), activation=activations)
def test_a_saved_network_comes_back_bit_for_bit(tmp_path_factory, seed, n, tied, activation):
    net = network_of(seed, n, tied=tied, activation=activation)
    path = save(net, tmp_path_factory.mktemp("saved") / "net.file")
    back = load(path)
    assert back.activation == activation and back.tied == net.tied
    for name in ARRAYS:
        assert_array_equal(getattr(back, name).view(np.int64), getattr(net, name).view(np.int64))


def test_a_broken_or_foreign_file_is_refused(tmp_path):
    good = save(network_of(0), tmp_path / "good.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(good[: len(good) // 2])
    (tmp_path / "changed.npz").write_bytes(good[:200] + b"\xff" * 8 + good[208:])
    (tmp_path / "text.npz").write_text("W = 3")
    (tmp_path / "empty.npz").write_bytes(b"")
    np.savez(tmp_path / "other.npz", W=np.eye(2))
    np.savez(tmp_path / "pickled.npz", format=np.array([{}], object), W=np.array([print], object))
    np.save(tmp_path / "array.npy", np.eye(2))
    for name in ("cut.npz", "changed.npz", "text.npz", "empty.npz", "other.npz", "pickled.npz", "array.npy"):
        with pytest.raises(InputError, match=f"{name} is broken or holds no network"):
            load(tmp_path / name)
    with pytest.raises(InputError, match=r"none\.npz does not exist"):
        load(tmp_path / "none.npz")
    with pytest.raises(InputError, match=r"net\.npz cannot be written"):
        save(network_of(0), tmp_path / "no" / "net.npz")


def test_a_file_with_arrays_that_do_not_fit_is_refused(tmp_path):
    path = save(network_of(0), tmp_path / "net.npz")
    with np.load(path) as file:
        content = dict(file)
    np.savez(path, **(content | {"b": np.zeros(3)}))
    with pytest.raises(InputError, match=r"net\.npz: b has shape \(3,\)"):
        load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"W": np.ones(3)}, r"W has shape \(3,\)"),
        ({"b": np.ones(3)}, r"b has shape \(3,\); .* must be \(4,\)"),
        ({"V": np.ones((4, 2))}, r"V has shape \(4, 2\); .* must be \(2, 4\)"),
        ({"c": [0, np.nan]}, "c has entries that are not finite"),
        ({"c": ["a", "b"]}, "c is no array of real numbers"),
        ({"activation": "tan"}, "did you mean 'tanh'"),
    ],
)
def test_a_network_of_parts_that_do_not_fit_is_refused(change, message):
    good = {"W": np.ones((4, 2)), "b": np.zeros(4), "V": np.ones((2, 4)), "c": np.zeros(2)}
    with pytest.raises(InputError, match=message):
        Autoencoder(**(good | change))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"points": [[0.0, 1.0]]}, "points holds 1 points; give at least 2"),
        ({"points": [[0.0, np.nan], [1, 1]]}, "points has entries that are NaN"),
        ({"points": [0.0, 1.0]}, "points has shape"),
        ({"sigma": 0}, "sigma is 0"),
        ({"sigma": -1}, "sigma is -1"),
        ({"hidden": 0}, "hidden is 0"),
        ({"corruptions": 0}, "corruptions is 0"),
        ({"iterations": 0}, "iterations is 0"),
        ({"contractive": -1}, "contractive is -1"),
        ({"activation": "logistics"}, "did you mean 'logistic'"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_arguments_of_a_training_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        train(**({"points": SPIRAL[:5], "iterations": 1} | arguments))
