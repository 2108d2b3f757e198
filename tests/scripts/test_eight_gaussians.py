"""`scripts/eight_gaussians.py` and the GANs it trains: copies, modes, eigenvalues, runs that go on."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from numpy.testing import assert_allclose, assert_array_equal

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'dynsys-games[networks]'")

SCRIPTS = Path(__file__).parents[2] / "scripts"
METHODS = ("simultaneous", "alternating", "consensus")
LOSSES = ("non-saturating", "js", "wasserstein")


@pytest.fixture(scope="module", autouse=True)
def scripts_on_the_path():
    sys.path.insert(0, str(SCRIPTS))
    yield
    sys.path.remove(str(SCRIPTS))


def module(name):
    return importlib.import_module(name)


def sizes(problem):
    return [p.numel() for network in problem.networks(0).values() for p in network.parameters()]


def test_the_networks_have_2003_parameters():
    game = module("gans.ring").problem().game("js")
    assert dict(game.players) == {"generator": 1122, "critic": 881} and game.n == 2003


def test_an_exact_ring_covers_eight_modes_and_a_collapsed_one_covers_one():
    ring = module("gans.ring")
    exact = ring.real(torch.Generator().manual_seed(0), 2000)
    found = ring.coverage(exact)
    assert found["modes"] == 8 and found["near"] == 1
    assert found["fine"] == pytest.approx(1 - np.exp(-4.5), abs=4 * (np.exp(-4.5) / 2000) ** 0.5)  # Rayleigh beyond 3σ
    assert ring.coverage(ring.CENTRES[:1].repeat(2000, 1)) == {"modes": 1, "near": 1.0, "fine": 1.0}
    assert ring.coverage(torch.zeros(2000, 2)) == {"modes": 0, "near": 0.0, "fine": 0.0}
    few = torch.cat([ring.CENTRES[:1].repeat(1981, 1), ring.CENTRES[1:2].repeat(19, 1)])  # one short of a hundredth
    assert ring.coverage(few)["modes"] == 1
    assert ring.coverage(torch.cat([few[1:], ring.CENTRES[1:2]]))["modes"] == 2


@pytest.mark.parametrize("loss", LOSSES)
def test_the_losses_are_their_formulas_and_the_same_together_as_apart(loss):
    losses, problem = module("gans.losses"), module("gans.ring").problem()
    game = problem.game(loss, 3).to("float64")
    G, D = game.modules_at(game.x).values()
    x, z = game.batch(50, 1)
    real, fake = D(x), D(G(z))
    p, q = torch.sigmoid(real), torch.sigmoid(fake)
    generator, critic = {
        "non-saturating": (-q.log().mean(), -(p.log() + (1 - q).log()).mean()),
        "js": ((1 - q).log().mean(), -(p.log() + (1 - q).log()).mean()),
        "wasserstein": (-fake.mean(), (fake - real).mean()),
    }[loss]
    found = losses.together(loss)(G, D, (x, z))
    assert_allclose([found["generator"].item(), found["critic"].item()], [generator.item(), critic.item()], rtol=1e-12)
    for player, own in losses.apart(loss).items():
        assert own(G, D, (x, z)).item() == pytest.approx(found[player].item(), rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_two_seeds_in_one_game_are_trained_as_each_alone(method):
    from dynsys.transforms import consensus
    from integrators import Alternating, RMSProp, train

    runs, problem = module("gans.runs"), module("gans.ring").problem()
    both = problem.games("non-saturating", (4, 7), method == "alternating").to("float64")
    batch = both.batch(24, 0)
    field = lambda game, part: consensus(game.on_batch(part), 10) if method == "consensus" else game.on_batch(part)  # noqa: E731
    rule = Alternating(RMSProp()) if method == "alternating" else RMSProp()
    end = train(field(both, batch), both.x, rule, 1e-3, 12).x
    for i, seed in enumerate((4, 7)):
        one = problem.game("non-saturating", seed).to("float64")
        alone = train(field(one, tuple(part[:, i] for part in batch)), one.x, rule, 1e-3, 12).x
        assert np.abs(alone - one.x).max() > 5e-3
        assert_allclose(runs.copy_of(end, i, 2, sizes(problem)), alone, rtol=1e-7, atol=1e-9)


def test_a_run_that_goes_on_is_the_run_that_never_stopped(tmp_path):
    runs, problem = module("gans.runs"), module("gans.ring").problem(16)
    for name, stops in (("once", (10,)), ("resumed", (4, 10))):
        for steps in stops:
            last = runs.trained(problem, "js", "consensus", (0, 1), steps, 2, tmp_path / name)
        assert [run.seed for run in last] == [0, 1] and last[0].steps.tolist() == [0, 2, 4, 6, 8, 10]
    first, second = (
        runs.trained(problem, "js", "consensus", (0, 1), 10, 2, tmp_path / name) for name in ("once", "resumed")
    )
    for a, b in zip(first, second, strict=True):
        assert_array_equal(a.x, b.x)
    assert np.abs(first[0].x - first[1].x).max() > 0.01


def test_eigenvalues_are_those_of_jacobians_by_pytorch_itself(tmp_path):
    spectra, problem = module("gans.spectra"), module("gans.ring").problem(16, 10.0, 1, 2)
    game = problem.game("non-saturating", 5).to("float64")
    batch, n = game.batch(40, 2), game.players["generator"]

    def network(player, flat):
        shapes = {name: p.shape for name, p in game.layout.modules[player].named_parameters()}
        pieces = flat.split([shape.numel() for shape in shapes.values()])
        given = {name: piece.view(shape) for piece, (name, shape) in zip(pieces, shapes.items(), strict=True)}
        return lambda u: torch.func.functional_call(game.layout.modules[player], given, (u,))

    def v(x):
        G, D = network("generator", x[:n]), network("critic", x[n:])
        real, fake = D(batch[0]), D(G(batch[1]))
        losses = (
            -torch.sigmoid(fake).log().mean(),
            -(torch.sigmoid(real).log() + (1 - torch.sigmoid(fake)).log()).mean(),
        )
        slopes = [torch.autograd.grad(loss, x, create_graph=True)[0] for loss in losses]
        return -torch.cat([slopes[0][:n], slopes[1][n:]])

    x = torch.from_numpy(game.x + 0.1).requires_grad_(True)
    J = torch.autograd.functional.jacobian(v, x).numpy()

    def half_squared_norm_gradient(x):
        return torch.autograd.grad((v(x) ** 2).sum() / 2, x, create_graph=True)[0]

    second = torch.autograd.functional.jacobian(half_squared_norm_gradient, x).numpy()
    file = tmp_path / "clouds.npz"
    found = spectra.clouds(game, batch, x.detach().numpy(), 10.0, file)
    for name, expected in (("v", J), ("w", J - 10 * second)):
        eigenvalues = np.linalg.eigvals(expected)
        # traces of powers: symmetric functions of all eigenvalues, whatever their order
        for k in (1, 2, 3):
            power = (found[name].eigenvalues ** k).sum()
            assert_allclose(power, (eigenvalues**k).sum(), rtol=1e-9, atol=1e-9 * (np.abs(eigenvalues) ** k).sum())
        counts = found[name].to_dict()
        assert counts["largest_real"] == pytest.approx(eigenvalues.real.max(), rel=1e-7, abs=1e-9)
        assert counts["right"] + counts["on_axis"] + counts["left"] == game.n == 49
    again = spectra.clouds(game, batch, x.detach().numpy(), 10.0, file)
    assert_array_equal(again["w"].eigenvalues, found["w"].eigenvalues)
    moved = spectra.clouds(game, batch, x.detach().numpy() + 0.1, 10.0, file)  # the file of another point is not taken
    assert not np.array_equal(moved["v"].eigenvalues, found["v"].eigenvalues)


def test_eigenvalues_are_counted_by_their_side_of_the_imaginary_axis():
    cloud = module("gans.spectra").Cloud(np.array([-2, 1e-9j, 1 + 3j, 1 - 3j, 1e-12, -1e-3]))
    assert cloud.to_dict() == {
        "right": 2,
        "on_axis": 2,
        "left": 2,
        "largest_real": 1,
        "smallest_real": -2,
        "largest_imaginary": 3,
        "turning": 0.5,
        "rotating": 2,
        "rotating_right": 2,
        "rotating_slant": pytest.approx(1 / 3),
    }


def test_the_script_trains_measures_and_goes_on(tmp_path, capsys):
    main = module("eight_gaussians").main
    assert main(["--quick", "--loss", "js", "--steps", "6", "--out", str(tmp_path)]) == 0
    words = capsys.readouterr().out
    assert main(["--quick", "--loss", "js", "--out", str(tmp_path)]) == 0
    assert "consensus" in words and imread(tmp_path / "eight-gaussians-js.png").std() > 0.05
    data = json.loads((tmp_path / "eight_gaussians.json").read_text(encoding="utf-8"))
    assert data["parameters"] == {"generator": 40, "critic": 9}
    assert [(run["method"], run["seed"]) for run in data["runs"]] == [(m, s) for m in METHODS for s in (0, 1)]
    for run in data["runs"]:
        assert run["steps"] == [0, 3, 6, 9, 12] and len(run["modes"]) == len(run["norm"]) == 5
        assert sum(run["spectra"]["end"]["v"][side] for side in ("left", "on_axis", "right")) == 49
        assert ("middle" in run["spectra"]) == (run["seed"] == 0)
    with np.load(tmp_path / "eight_gaussians.npz") as arrays:
        assert arrays["js consensus 1 x"].shape == (5, 49)
        assert len(arrays["js alternating 0 w end"]) == 49 and arrays["js consensus 0 samples"].shape == (5, 256, 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--loss", "jensen"], "--loss is 'jensen'"),
        (["--seeds", "0,0"], "--seeds is '0,0'; give different whole numbers"),
        (["--seeds", "0,x"], "--seeds is '0,x'"),
        (["--format", "gif"], "--format is 'gif'"),
    ],
)
def test_it_says_what_is_wrong(arguments, words, tmp_path, capsys):
    out = tmp_path / "out"
    assert module("eight_gaussians").main([*arguments, "--out", str(out)]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: ") and said.err.count("\n") == 1 and words in said.err
    assert not said.out and not out.exists()
