"""`scripts/windows.py` as its users run it."""

from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from numpy.testing import assert_allclose

SCRIPT = Path(__file__).parents[2] / "scripts" / "windows.py"
spec = importlib.util.spec_from_file_location("script_windows", SCRIPT)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
draw = module.main


def test_the_windows_of_spiral_and_saddle(tmp_path, capsys):
    box = ["--starts=-2:2,-3:3", "--search=-2:2,-3:3"]
    assert draw(["spiral-saddle", *box, "--samples", "30", "--out", str(tmp_path)]) == 0
    words = capsys.readouterr().out
    assert "enters the box through phi = -3" in words and "component 2: gamma in (0.27307338, 3)" in words
    data = json.loads((tmp_path / "windows.json").read_text(encoding="utf-8"))
    assert [part["values"][0] for part in data["components"]] == [0, pytest.approx(0.27307338, abs=1e-8)]
    with (tmp_path / "windows.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    first = np.array(
        [[float(row[name]) for name in ("gamma", "h_high")] for row in rows if float(row["component"]) == 1]
    )
    c = 0.5 + 1.25 * first[:, 0]
    assert_allclose(first[:, 1], 2 * c / (c * c + 1), rtol=1e-6)  # THEORY §3
    assert imread(tmp_path / "windows.png").std() > 0.05


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--target", "nahs"], "did you mean 'nash'"),
        (["--h", "1:0"], "lo < hi"),
        (["--parameter", "kappa"], "--parameter is 'kappa'"),
        (["--range", "1"], "--range is '1'"),
    ],
)
def test_it_says_what_is_wrong(arguments, words, tmp_path, capsys):
    assert draw([*arguments, "--out", str(tmp_path)]) == 2
    assert words in capsys.readouterr().err
