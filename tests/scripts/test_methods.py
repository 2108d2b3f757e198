"""`scripts/methods.py` and `scripts/stability_regions.py` as their users run them."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from numpy.testing import assert_allclose

from integrators import methods

SCRIPTS = Path(__file__).parents[2] / "scripts"


def script(name):
    spec = importlib.util.spec_from_file_location(f"script_{name}", SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


compare, draw = script("methods"), script("stability_regions")


def read(folder, name):
    return json.loads((folder / name).read_text(encoding="utf-8"))


CHOSEN = ["euler", "heavy-ball:beta=-0.25", "alternating", "optimistic-gradient", "implicit-midpoint", "adam"]


@pytest.fixture(scope="module")
def curl(tmp_path_factory):
    out = tmp_path_factory.mktemp("curl")
    arguments = ["curl", "--out", str(out), "--h", "0.25", "--steps", "40", "--start", "1,0"]
    assert compare(arguments + [part for name in CHOSEN for part in ("--method", name)]) == 0
    return out


def test_every_method_starts_at_the_same_point_and_has_its_verdict(curl):
    data = read(curl, "methods.json")
    assert data["start"] == [1.0, 0.0] and data["x"] == [0.0, 0.0] and data["h"] == 0.25
    verdicts = {entry["method"]: entry["verdict"] for entry in data["methods"]}
    assert verdicts == {
        "euler": "unstable", "heavy-ball": "unstable", "alternating": "neutral",
        "optimistic-gradient": "stable", "implicit-midpoint": "neutral", "adam": "-",
    }  # fmt: skip


def test_numbers_of_the_table_are_those_of_the_theory(curl):
    entries = {entry["method"]: entry for entry in read(curl, "methods.json")["methods"]}
    assert_allclose(entries["euler"]["last_distance"], (1 + 0.25**2) ** 20, rtol=1e-12)
    assert_allclose(entries["implicit-midpoint"]["last_distance"], 1, rtol=1e-12)
    ((lo, hi),) = entries["optimistic-gradient"]["critical_step"]["stable"]
    assert lo == 0 and hi == pytest.approx(3**-0.5, abs=1e-12)
    assert_allclose(entries["optimistic-gradient"]["best_step"]["h"], 0.5, atol=1e-6)
    assert_allclose(entries["optimistic-gradient"]["best_step"]["rate"], 2**-0.5, atol=1e-6)
    assert entries["euler"]["best_step"]["h"] is None and "nowhere" in entries["euler"]["best_step"]["note"]
    zeta = [complex(*z) for z in entries["euler"]["multipliers"]]
    assert_allclose(sorted(zeta, key=lambda z: z.imag), [1 - 0.25j, 1 + 0.25j], rtol=1e-14)
    assert "squared gradients" in entries["adam"]["reason"] and entries["adam"]["multipliers"] == []


def test_the_page_is_a_picture_that_is_not_blank(curl):
    picture = imread(curl / "methods-1.png")
    assert picture.shape[0] > 400 and picture[..., :3].std() > 0.05
    assert sorted(path.name for path in curl.iterdir()) == ["methods-1.png", "methods.json"]


def test_by_default_every_method_is_there_and_one_that_does_not_fit_is_left_out_with_the_reason(tmp_path, capsys):
    (tmp_path / "one.toml").write_text('[players]\nx = ["x"]\n[payoffs]\nx = "-x**2"\n')
    out = tmp_path / "out"
    assert compare([str(tmp_path / "one.toml"), "--box=-1:1", "--steps", "5", "--out", str(out)]) == 0
    data = read(out, "methods.json")
    named = {entry["method"] for entry in data["methods"]}
    assert named | set(data["left_out"]) == set(methods())
    assert {"alternating", "competitive-gradient", "stormer-verlet", "lola", "sos"} <= set(data["left_out"])
    assert "needs players" in capsys.readouterr().out


def test_consensus_makes_euler_stable_on_the_curl_field(tmp_path):
    assert compare(["curl", "--gamma", "0.5", "--method", "euler", "--out", str(tmp_path)]) == 0
    (entry,) = read(tmp_path, "methods.json")["methods"]
    ((_, hi),) = entry["critical_step"]["stable"]
    assert entry["verdict"] == "stable" and hi == pytest.approx(2 * 0.5 / 1.25, abs=1e-12)


@pytest.fixture(scope="module")
def regions(tmp_path_factory):
    out = tmp_path_factory.mktemp("regions")
    names = ["runge-kutta4", "implicit-midpoint", "extragradient:extrapolation=2", "alternating", "adam"]
    assert draw(["curl", "--out", str(out), *[part for name in names for part in ("--method", name)]]) == 0
    return out


def test_regions_come_with_exact_intervals_and_refusals_with_reasons(regions):
    data = read(regions, "stability_regions.json")
    found = {entry["method"]: entry for entry in data["methods"]}
    assert found["runge-kutta4"]["real"][0][0] == pytest.approx(-2.785293563405, abs=1e-12)
    assert found["runge-kutta4"]["imaginary"] == [[0, pytest.approx(8**0.5, abs=1e-12)]]
    assert found["implicit-midpoint"]["imaginary_neutral"] == [[0, None]]
    assert found["implicit-midpoint"]["a_stable"] is True and found["implicit-midpoint"]["l_stable"] is False
    # a(1 + g²s²) < 2g with a = 1, g = 2
    assert found["extragradient"]["imaginary"] == [[0, pytest.approx(3**0.5 / 2, abs=1e-12)]]
    assert list(data["refused"]) == ["adam"]
    assert_allclose(np.array(data["spectra"][r"$h\lambda$ of $v$"]), [[0, 1], [0, -1]], atol=1e-15)
    assert imread(regions / "stability_regions.png")[..., :3].std() > 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["curl", "--method", "heavy-bal"], "did you mean 'heavy-ball'"),
        (["curl", "--method", "heavy-ball:beta=1.5"], "beta is 1.5; it must be in (-1, 1)"),
        (["curl", "--method", "heavy-ball:gamma=1"], "no hyper-parameter 'gamma'"),
        (["curl", "--h", "0"], "--h is 0; a step size must be positive"),
        (["curl", "--at", "1,1", "--method", "euler"], "not a zero"),
        (["curl", "--start", "1", "--method", "euler"], "--start is '1'"),
        (["curl", "--steps", "0", "--method", "euler"], "--steps is 0"),
        (["lorenz", "--method", "alternating"], "alternating needs players"),
        (["crul"], "curl"),
    ],
)
def test_a_bad_argument_gives_one_line_and_exit_code_2(arguments, message, tmp_path, capsys):
    assert compare([*arguments, "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "adam"], "has no stability region"),
        (["--format", "gif"], "--format is 'gif'"),
        (["--at", "1"], "--at is '1'"),
    ],
)
def test_bad_arguments_of_the_regions_script(arguments, message, tmp_path, capsys):
    assert draw(["curl", *arguments, "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


@pytest.mark.parametrize("name", ["methods", "stability_regions"])
def test_the_scripts_run_as_programs(name, tmp_path):
    command = [sys.executable, str(SCRIPTS / f"{name}.py"), "curl", "--method", "euler", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "euler" in done.stdout and f"{name}.json" in done.stdout
