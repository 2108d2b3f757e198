"""`scripts/minibatch_consensus.py` as its users run it."""

from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from numpy.testing import assert_allclose

SCRIPT = Path(__file__).parents[2] / "scripts" / "minibatch_consensus.py"
REGRESSION = str(SCRIPT.parent / "examples" / "regression.toml")
spec = importlib.util.spec_from_file_location("script_minibatch_consensus", SCRIPT)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
compare = module.main

FEW = ["--estimators", "plug-in,u-statistic"]  # fewer kernels to compile


def compared(folder, *arguments):
    """What the script writes: minibatch_consensus.json, and the rows of its table."""
    assert compare([*arguments, *FEW, "--out", str(folder)]) == 0
    assert imread(folder / "minibatch_consensus.png").std() > 0.05
    with (folder / "minibatch_consensus.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return json.loads((folder / "minibatch_consensus.json").read_text(encoding="utf-8")), rows


def test_the_plug_in_estimator_moves_the_variance_gans_equilibrium_and_the_u_statistic_does_not(tmp_path, capsys):
    data, rows = compared(tmp_path, "--batch", "4", "--gamma", "0.2", "--h", "0.02", "--iterates", "60000")
    assert data["true_equilibrium"] == pytest.approx([1, 0], abs=1e-12) and data["variables"] == ["theta", "phi"]
    plug_in, u_statistic = data["estimators"]["plug-in"], data["estimators"]["u-statistic"]
    assert plug_in["bias"]["excess"] == 1 / 4 and u_statistic["bias"]["excess"] == 0
    assert plug_in["bias"]["expectation"] == pytest.approx(1)  # tr Σ = Var(x² - z²) = 4, over B
    assert u_statistic["bias"]["expectation"] == pytest.approx(0, abs=1e-12)
    for estimator, zero in ((plug_in, [0.95626, 0.077978]), (u_statistic, [1, 0])):
        (point,) = estimator["shift"]["points"]
        assert_allclose(point["shifted"], zero, atol=5e-6)
        assert_allclose(estimator["noise_floor"]["mean"], zero, atol=0.02)  # and a shift of order h by curvature
    words = capsys.readouterr().out
    assert "(0.95626, 0.077978)" in words and "wrote" in words
    variance = {(r["estimator"], int(r["B"])): float(r["gradient_variance"]) for r in rows}
    bias = {(r["estimator"], int(r["B"])): float(r["gradient_bias"]) for r in rows}
    assert_allclose([bias["plug-in", B] * B for B in (1, 4, 64)], 4, rtol=1e-12)  # ∇½ tr Σ = (4, 0) over B
    assert_allclose([bias["u-statistic", B] for B in (2, 4, 64)], 0, atol=1e-12)
    assert variance["u-statistic", 4] < variance["plug-in", 4]


def test_the_regression_goes_without_replacement_up_to_all_its_rows(tmp_path):
    arguments = [
        "--sampling",
        "without replacement",
        "--batch",
        "8",
        "--gamma",
        "0.5",
        "--h",
        "0.1",
        "--iterates",
        "60000",
    ]
    data, rows = compared(tmp_path, REGRESSION, *arguments)
    with Path(REGRESSION).with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        x, y, sigma = np.array([[float(c) for c in row.values()] for row in csv.DictReader(file)]).T
    k, m, N, B, gamma = 0.5, 1.2, 40, 8, 0.5
    slopes = np.array(
        [[sigma * sigma - m, -sigma * x], [sigma * x, -x * x - k]]
    )  # of a row: v = slopes (a, w) + offset
    offset = np.array([sigma * y, x * y])
    J = slopes.mean(-1)
    nash = -np.linalg.solve(J, offset.mean(-1))
    assert_allclose(data["true_equilibrium"], nash, rtol=1e-9)
    centred_slopes, centred_offset = slopes - J[..., None], offset - offset.mean(-1)[:, None]
    P = np.einsum("ijr,ikr->jk", centred_slopes, centred_slopes) / N  # ∇½ tr Σ = P (a, w) + q
    q = np.einsum("ijr,ir->j", centred_slopes, centred_offset) / N
    for name, c in {"plug-in": (N - B) / (B * (N - 1)), "u-statistic": -1 / (N - 1)}.items():
        found = data["estimators"][name]
        assert found["bias"]["excess"] == pytest.approx(c, rel=1e-12)
        (point,) = found["shift"]["points"]
        zero = np.linalg.solve(
            J - gamma * (J.T @ J + c * P), -offset.mean(-1) + gamma * (J.T @ offset.mean(-1) + c * q)
        )
        assert_allclose(point["shifted"], zero, rtol=1e-8)
        floor = found["noise_floor"]
        apart = np.abs(floor["mean"] - zero) / floor["mean_error"]
        assert (apart < 5).all()  # the field is linear: iterates are on average at its zero, whatever h
        assert np.linalg.norm(zero - nash) > 5 * np.linalg.norm(floor["mean_error"]) or name == "u-statistic"
    assert max(int(row["B"]) for row in rows) == 32


def written(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_csv_file_of_the_users_replaces_the_games_own(tmp_path):
    rows = written(tmp_path, "mine.csv", "sigma,y,x\n0.5,2,1\n0.5,-2,-1\n1,1,0\n")
    data, _ = compared(
        tmp_path / "out", REGRESSION, "--data", rows, "--batch", "2", "--set", "k=0.2", "--iterates", "1000"
    )
    slopes = [[0.5 - 1.2, 0], [0, -2 / 3 - 0.2]]  # mean sigma² = 1/2, sigma x = 0, x² = 2/3
    assert_allclose(data["true_equilibrium"], -np.linalg.solve(slopes, [1 / 3, 4 / 3]), rtol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--batch", "1", "--estimators", "u-statistic"], "no estimator fits: batch is 1; the estimator 'u-statistic'"),
        (["--batch", "0"], "batch is 0"),
        ([REGRESSION, "--batch", "41", "--sampling", "without replacement"], "batch is 41, but the data has 40 rows"),
        (["--sampling", "without replacement"], "needs a data set; declared noise is 'iid'"),
        (["--sampling", "without"], "sampling is 'without'; did you mean 'without replacement'?"),
        (["spiral-saddle"], "spiral-saddle has no random samples; give a TOML file with [noise] or data, or --data"),
        ([str(SCRIPT.parent / "examples" / "cournot.toml")], "cournot has no random samples"),
        (["--estimators", "plugin"], "no estimator is called 'plugin'; did you mean 'plug-in'?"),
        ([REGRESSION, "--data", "none.csv"], "regression.toml: data: there is no file 'none.csv'"),
        (["spiral-saddle", "--data", REGRESSION], "--data goes with a TOML file, and 'spiral-saddle' is none"),
        (["--data", str(Path(REGRESSION).with_suffix(".csv"))], "data and [noise] exclude each other"),
        (["--box", "0:1"], "box"),
        (["--at", "1"], "--at is '1'; give a finite number for each of theta, phi"),
        (["--set", "k=1"], "the game has no parameter 'k'"),
    ],
)
def test_it_says_what_is_wrong(arguments, words, tmp_path, capsys):
    out = tmp_path / "out"
    assert compare([*arguments, "--out", str(out)]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: ") and said.err.count("\n") == 1 and words in said.err
    assert not said.out and not out.exists()
