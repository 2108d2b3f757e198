"""`scripts/stability_map.py` as its users run it."""

from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from numpy.testing import assert_allclose

SCRIPT = Path(__file__).parents[2] / "scripts" / "stability_map.py"
spec = importlib.util.spec_from_file_location("script_stability_map", SCRIPT)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
draw = module.main


def test_the_border_of_the_curl_field_is_written_and_drawn(tmp_path, capsys):
    assert draw(["--out", str(tmp_path), "--resolution", "60"]) == 0
    words = capsys.readouterr().out
    assert "Neimark-Sacker" in words and "resonance 1:4: h = 1, gamma = 1" in words
    with (tmp_path / "borders.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    h, gamma = (np.array([float(row[name]) for row in rows]) for name in ("h", "gamma"))
    assert len(rows) > 100
    assert_allclose(h, 2 * gamma / (1 + gamma**2), rtol=1e-10)
    data = json.loads((tmp_path / "stability_map.json").read_text(encoding="utf-8"))
    assert data["method"] == "euler" and data["game"] == "curl" and 0.3 < data["stable_share"] < 0.5
    assert imread(tmp_path / "stability_map.png").std() > 0.05


def test_a_parameter_of_the_game_and_another_method(tmp_path, capsys):
    arguments = ["lorenz", "--parameter", "rho", "--range", "0.5:2", "--at", "0,0,0", "--resolution", "20"]
    assert draw([*arguments, "--method", "runge-kutta4", "--h", "0.01:0.5", "--out", str(tmp_path)]) == 0
    assert "h = 0.01, rho = 1 " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--parameter", "kappa"], "--parameter is 'kappa'; give one of gamma"),
        (["--h", "1"], "--h is '1'; write lo:hi"),
        (["--range", "3:1"], "rising order"),
        (["--method", "eulr"], "did you mean 'euler'"),
        (["--at", "1,1"], "not a zero"),
        (["--resolution", "1"], "--resolution is 1"),
        (["--method", "adam"], "no stability map"),
    ],
)
def test_it_says_what_is_wrong(arguments, words, tmp_path, capsys):
    assert draw([*arguments, "--out", str(tmp_path)]) == 2
    assert words in capsys.readouterr().err
