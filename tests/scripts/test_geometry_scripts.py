"""`scripts/escher.py` and `scripts/conservative_relaxation.py` as their users run them."""

from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.animation import FFMpegWriter
from matplotlib.image import imread
from numpy.testing import assert_allclose
from PIL import Image

SCRIPTS = Path(__file__).parents[2] / "scripts"


def script(name):
    spec = importlib.util.spec_from_file_location(f"script_{name}", SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


escher, relaxation = script("escher"), script("conservative_relaxation")


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_walk_goes_down_in_the_curl_field_and_comes_back_in_the_gradient(tmp_path, capsys):
    assert escher(["--out", str(tmp_path), "--steps", "16", "--radius", "2"]) == 0
    words = capsys.readouterr().out
    assert "circulation 25.1327412" in words and "100 % of the steps go downhill" in words
    data = json.loads((tmp_path / "escher.json").read_text(encoding="utf-8"))
    around, back = data["walks"]
    assert_allclose([around["circulation"], back["circulation"]], [8 * np.pi, 0], atol=1e-10)
    rows = table(tmp_path / "escher.csv")
    assert len(rows) == 2 * 17
    assert_allclose([float(r["height"]) for r in rows], around["height"] + back["height"])
    assert imread(tmp_path / "escher.png").std() > 0.05


def test_the_walk_follows_the_rotation_of_a_field_that_turns_clockwise(tmp_path):
    assert escher(["spiral-saddle", "--centre", "0,0", "--radius", "0.3", "--out", str(tmp_path)]) == 0
    data = json.loads((tmp_path / "escher.json").read_text(encoding="utf-8"))
    assert data["walks"][0]["circulation"] > 0.1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lotka"], "did you mean 'lotka-volterra'"),
        (["--radius", "0"], "--radius is 0"),
        (["--centre", "1"], "--centre is '1'"),
        (["--steps", "1"], "steps is 1"),
        (["--format", "gif"], "--format is 'gif'"),
    ],
)
def test_escher_says_what_is_wrong(arguments, words, capsys):
    assert escher(arguments) == 2
    assert words in capsys.readouterr().err


def test_the_three_panels_and_their_data(tmp_path, capsys):
    assert relaxation(["spiral-saddle", "--gamma", "0.3", "--out", str(tmp_path)]) == 0
    assert "not Nash, attracts at (1, -2)" in capsys.readouterr().out
    data = json.loads((tmp_path / "conservative_relaxation.json").read_text(encoding="utf-8"))
    kinds = [[point["kind"] for point in panel["points"]] for panel in data["panels"]]
    assert kinds[0] == ["strict Nash", "not Nash"]
    assert "not Nash, attracts" in kinds[1] and "not Nash, attracts" in kinds[2] and "spurious" in kinds[2]
    row = table(tmp_path / "fields.csv")[1234]
    x, y = float(row["x"]), float(row["y"])
    v = np.array([y - x / 2 + 2.5 * x**2, -x - y / 2])
    J = np.array([[-0.5 + 5 * x, 1], [-1, -0.5]])
    assert_allclose([float(row["v_x"]), float(row["v_y"])], v, atol=1e-12)
    assert_allclose([float(row["relaxation_x"]), float(row["relaxation_y"])], -J.T @ v, atol=1e-12)
    assert_allclose([float(row["consensus_x"]), float(row["consensus_y"])], v - 0.3 * J.T @ v, atol=1e-12)
    assert imread(tmp_path / "conservative_relaxation.png").shape[1] == 3240


def test_the_animation_moves(tmp_path):
    arguments = ["curl", "--animate", "--frames", "4", "--particles", "6", "--time", "1", "--out", str(tmp_path)]
    assert relaxation(arguments) == 0
    with Image.open(tmp_path / "conservative_relaxation.gif") as movie:
        assert movie.n_frames == 4
        pictures = []
        for frame in range(4):
            movie.seek(frame)
            pictures.append(np.asarray(movie.convert("L"), float))
    assert np.abs(pictures[3] - pictures[0]).mean() > 0.1
    rows = table(tmp_path / "particles.csv")
    assert len(rows) == 2 * 4 * 6
    first, last = rows[0], rows[18]  # particle 0 of -∇L at t = 0 and 1: x falls by e
    assert_allclose(float(last["x"]) / float(first["x"]), np.exp(-1), rtol=1e-5)
    assert (tmp_path / "conservative_relaxation.mp4").exists() == FFMpegWriter.isAvailable()


def test_panels_are_for_two_variables(tmp_path, capsys):
    game = tmp_path / "three.toml"
    game.write_text('[players]\na = ["x", "y"]\nb = ["z"]\n[payoffs]\na = "x*z - y**2"\nb = "-x*z"\n', encoding="utf-8")
    for run in (escher, relaxation):
        assert run([str(game), "--out", str(tmp_path)]) == 2
        assert "the game has 3 variables" in capsys.readouterr().err
