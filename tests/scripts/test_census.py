"""`scripts/census.py` as its users run it, and the bifurcation diagram."""

from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from numpy.testing import assert_allclose

SCRIPT = Path(__file__).parents[2] / "scripts" / "census.py"
spec = importlib.util.spec_from_file_location("script_census", SCRIPT)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
draw = module.main


def test_the_census_of_spiral_and_saddle(tmp_path, capsys):
    arguments = ["--box=-1:3,-5:1", "--method", "euler", "--h", "0.1", "--samples", "2", "--out", str(tmp_path)]
    assert draw(arguments) == 0
    words = capsys.readouterr().out
    assert "transcritical at gamma = 0.233030277982, (1, -2)" in words and "update attracted" in words
    with (tmp_path / "census.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "spurious"]
    gamma, theta = (np.array([float(row[name]) for row in rows]) for name in ("gamma", "theta"))
    assert len(rows) > 20
    assert_allclose(theta, 0.1 + (1 + gamma**2 / (1 + gamma / 2)) / (5 * gamma), atol=1e-9)  # THEORY §3
    data = json.loads((tmp_path / "census.json").read_text(encoding="utf-8"))
    assert [point["kind"] for point in data["points"]] == ["transcritical"]
    assert imread(tmp_path / "census.png").std() > 0.05


def test_a_parameter_of_the_game_and_another_variable(tmp_path, capsys):
    arguments = ["lorenz", "--parameter", "rho", "--range", "0.5:5", "--box=-6:6,-6:6,-1:6", "--samples", "1"]
    assert draw([*arguments, "--variable", "z", "--out", str(tmp_path)]) == 0
    assert "pitchfork at rho = 1, (0, 0, 0)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--variable", "thet"], "did you mean 'theta'"),
        (["--range", "1"], "--range is '1'"),
        (["--range", "1:0"], "range"),
        (["--parameter", "kappa"], "--parameter is 'kappa'"),
        (["--method", "euler"], "method and h"),
        (["--samples", "0"], "samples is 0"),
    ],
)
def test_it_says_what_is_wrong(arguments, words, tmp_path, capsys):
    assert draw([*arguments, "--out", str(tmp_path)]) == 2
    assert words in capsys.readouterr().err
