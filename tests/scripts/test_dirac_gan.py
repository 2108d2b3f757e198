"""`scripts/dirac_gan.py` as its users run it."""

from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path

import pytest
from matplotlib.image import imread

SCRIPT = Path(__file__).parents[2] / "scripts" / "dirac_gan.py"
spec = importlib.util.spec_from_file_location("script_dirac_gan", SCRIPT)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
draw = module.main

CHOSEN = ("dirac-gan", "wgan-dirac-clipped", "dirac-gradient-penalty", "dirac-r1", "dirac-feature-matching")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    out = tmp_path_factory.mktemp("dirac")
    arguments = ["--quick", "--steps", "400", "--h", "0.5", "--out", str(out)]
    assert draw(arguments + [part for name in CHOSEN for part in ("--variant", name)]) == 0
    return out


def test_the_data_hold_verdicts_and_critical_steps_of_every_pair(page):
    data = json.loads((page / "dirac_gan.json").read_text(encoding="utf-8"))
    assert [variant["name"] for variant in data["variants"]] == list(CHOSEN)
    by_pair = {(one["variant"], one["method"]): one for one in data["outcomes"]}
    assert {pair: one["verdict"] for pair, one in by_pair.items()} == {
        ("dirac-gan", "euler"): "diverges", ("dirac-gan", "extragradient"): "stable",
        ("wgan-dirac-clipped", "euler"): "cycles", ("wgan-dirac-clipped", "extragradient"): "stable",
        ("dirac-gradient-penalty", "euler"): "cycles", ("dirac-gradient-penalty", "extragradient"): "cycles",
        ("dirac-r1", "euler"): "stable", ("dirac-r1", "extragradient"): "stable",
        ("dirac-feature-matching", "euler"): "neutral", ("dirac-feature-matching", "extragradient"): "neutral",
    }  # fmt: skip
    assert by_pair["dirac-r1", "euler"]["critical_step"]["stable"] == [[0, pytest.approx(2)]]  # 4κ
    assert by_pair["dirac-gan", "extragradient"]["critical_step"]["stable"] == [[0, pytest.approx(2)]]
    assert by_pair["dirac-gradient-penalty", "euler"]["critical_step"] is None
    eigenvalues = {variant["name"]: variant["eigenvalues"] for variant in data["variants"]}
    assert eigenvalues["dirac-gradient-penalty"] == []
    assert sorted(eigenvalues["dirac-gan"]) == [[0, pytest.approx(-0.5)], [0, pytest.approx(0.5)]]


def test_the_table_is_a_csv_file_and_the_page_a_picture(page):
    with (page / "dirac_gan.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10 and list(rows[0]) == ["variant", "method", "h", "verdict", "critical h"]
    assert [row["critical h"] for row in rows if row["variant"] == "dirac-gan"][1] == "stable for h < 2"
    assert imread(page / "dirac_gan.png").std() > 0.05


def test_the_terminal_shows_the_table_and_why_there_is_no_theory(tmp_path, capsys):
    arguments = ["--variant", "dirac-r1", "--variant", "dirac-gradient-penalty", "--method", "heavy-ball:beta=-0.5"]
    arguments += ["--steps", "400"]
    assert draw([*arguments, "--out", str(tmp_path), "--format", "svg"]) == 0
    words = capsys.readouterr().out
    assert "heavy-ball beta=-0.5" in words and "stable" in words and "h < 3" in words
    assert "• WGAN-GP, κ = 1, g₀ = 1: not differentiable at ψ = 0" in words
    assert (tmp_path / "dirac_gan.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--variant", "dirac-r3"], "did you mean 'dirac-r"),
        (["--method", "eular"], "did you mean 'euler'"),
        (["--h", "0"], "--h is 0"),
        (["--steps", "3"], "--steps is 3"),
        (["--format", "gif"], "gif"),
    ],
)
def test_it_says_what_is_wrong(arguments, words, tmp_path, capsys):
    assert draw([*arguments, "--out", str(tmp_path)]) == 2
    assert words in capsys.readouterr().err
