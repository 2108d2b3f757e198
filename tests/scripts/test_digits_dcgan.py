"""`scripts/digits_dcgan.py`: its networks, the score by a classifier of real digits, Ritz values, runs that go on."""

from __future__ import annotations

import importlib
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from numpy.testing import assert_allclose

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'dynsys-games[networks]'")
pytest.importorskip("sklearn", reason="needs scikit-learn: pip install 'dynsys-games[networks]'")

SCRIPTS = Path(__file__).parents[2] / "scripts"
METHODS = ("simultaneous", "alternating", "consensus")


@pytest.fixture(scope="module", autouse=True)
def scripts_on_the_path():
    sys.path.insert(0, str(SCRIPTS))
    yield
    sys.path.remove(str(SCRIPTS))


def module(name):
    return importlib.import_module(name)


@pytest.fixture(scope="module")
def judge(scripts_on_the_path):
    return module("gans.digits").judge()


def test_the_networks_make_and_read_digits_and_have_no_batch_normalisation():
    problem = module("gans.digits").problem()
    game = problem.game("js")
    real, z = game.batch(5, 0)
    assert real.shape == (5, 1, 8, 8) and -1 <= real.min() < -0.9 < 0.9 < real.max() <= 1
    G, D = game.modules_at(game.x).values()
    assert G(z).shape == (5, 1, 8, 8) and D(G(z)).shape == (5, 1) and G(z).abs().max() < 1
    assert dict(game.players) == {"generator": 3273, "critic": 2265} and not list(G.buffers()) + list(D.buffers())


def test_convolutions_of_two_seeds_in_one_game_are_those_of_each_alone():
    from dynsys.transforms import consensus

    runs, problem = module("gans.runs"), module("gans.digits").problem()
    both = problem.games("non-saturating", (4, 7), False).to("float64")
    batch = both.batch(12, 0)
    w = consensus(both.on_batch(batch), 10)(both.x)
    sizes = [p.numel() for network in problem.networks(0).values() for p in network.parameters()]
    for i, seed in enumerate((4, 7)):
        one = problem.game("non-saturating", seed).to("float64")
        assert_allclose(runs.copy_of(both.x, i, 2, sizes), one.x, rtol=0)
        alone = consensus(one.on_batch(tuple(part[:, i] for part in batch)), 10)(one.x)
        assert_allclose(runs.copy_of(w, i, 2, sizes), alone, rtol=1e-9, atol=1e-12)


def test_real_digits_score_high_and_one_image_or_noise_does_not(judge):
    references = module("gans.digits").references(judge, 300)
    real, one, noise = (references[name] for name in ("real", "one image", "noise"))
    assert judge.accuracy > 0.97
    assert real["confident"] > 0.8 and real["digits"] == 10 and real["near"] == pytest.approx(0.95, abs=0.01)
    assert math.log(10) - 0.01 < real["entropy"] <= math.log(10)
    assert one["entropy"] == 0 and one["digits"] <= 1
    assert noise["near"] == 0  # which the classifier alone would not tell: it is sure of what it has never seen


def test_the_score_counts_answers():
    sure, doubtful = np.full((3, 4), 0.02), np.full((1, 4), 0.25)
    sure[[0, 1, 2], [0, 0, 2]] = 0.94
    found = module("gans.digits").scored(np.vstack([sure, doubtful]))  # the doubtful one is of the first class
    assert found["confident"] == 0.75 and found["digits"] == 2
    assert found["entropy"] == pytest.approx(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))


def test_leading_values_of_both_fields_are_those_of_their_dense_jacobians(tmp_path):
    from dynsys.transforms import consensus

    game = module("gans.digits").problem(channels=1).game("non-saturating", 3).to("float64")
    batch, x = game.batch(20, 1), game.x + 0.05
    found = module("gans.spectra").leading(game, batch, x, 10.0, 200, tmp_path / "ritz.npz")
    v = game.on_batch(batch)
    for name, field in (("v", v), ("w", consensus(v, 10))):
        eigenvalues = np.linalg.eigvals(field.jacobian(x))
        rightmost = eigenvalues[np.argmax(eigenvalues.real)]
        assert found[name].converged[0]
        assert found[name].to_dict()["largest_real"] == pytest.approx(rightmost.real, rel=1e-3)


def test_the_script_trains_scores_and_goes_on(tmp_path, capsys):
    main = module("digits_dcgan").main
    assert main(["--quick", "--out", str(tmp_path)]) == 0
    words = capsys.readouterr().out
    assert "real images that it has not seen" in words
    assert imread(tmp_path / "digits-non-saturating.png").std() > 0.05
    data = json.loads((tmp_path / "digits_dcgan.json").read_text(encoding="utf-8"))
    assert [(run["method"], run["seed"]) for run in data["runs"]] == [(m, s) for m in METHODS for s in (0, 1)]
    for run in data["runs"]:
        assert run["steps"] == [0, 4] and len(run["confident"]) == len(run["near"]) == 2
        assert [row["step"] for row in run["ritz"]] == [0, 4]
    with np.load(tmp_path / "digits_dcgan.npz") as arrays:
        assert arrays["non-saturating consensus 1 samples"].shape == (2, 16, 1, 8, 8)
    assert main(["--quick", "--h", "0.01", "--out", str(tmp_path)]) == 2  # the checkpoints there are of another h
    assert "checkpoint of another run" in capsys.readouterr().err
