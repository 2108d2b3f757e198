"""`scripts/lyapunov.py` and `scripts/bifurcation.py` as their users run them."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from numpy.testing import assert_allclose

from dynsys import games

ROOT = Path(__file__).parents[2]


def script(name):
    spec = importlib.util.spec_from_file_location(f"script_{name}", ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


lyapunov, bifurcation = script("lyapunov"), script("bifurcation")
FLOW = ["lorenz", "--time", "2", "--transient", "1", "--rtol", "1e-5"]
SWEEP = [
    "spiral-saddle",
    "--gamma",
    "0.5",
    "--range",
    "0.9:1.1",
    "--start",
    "0.1,0.1",
    "--transient",
    "60",
    "--keep",
    "10",
]


def test_the_exponents_of_a_flow_are_written_and_drawn(tmp_path, capsys):
    assert lyapunov([*FLOW, "--out", str(tmp_path)]) == 0
    assert "sum -13.66" in capsys.readouterr().out
    data = json.loads((tmp_path / "lyapunov.json").read_text(encoding="utf-8"))
    assert data["game"] == "lorenz" and data["method"] == "" and abs(data["sum"] + 41 / 3) < 1e-3
    with (tmp_path / "lyapunov.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["time", "lambda_1", "lambda_2", "lambda_3"] and len(rows) == 258
    assert imread(tmp_path / "lyapunov.png").std() > 0.05


def test_an_update_at_rest_is_regular(tmp_path, capsys):
    arguments = ["spiral-saddle", "--method", "euler", "--h", "0.5", "--start", "0.05,0.05", "--steps", "800"]
    assert lyapunov([*arguments, "--gamma", "0.2", "--out", str(tmp_path)]) == 0
    assert "regular: the orbit rests" in capsys.readouterr().out
    data = json.loads((tmp_path / "lyapunov.json").read_text(encoding="utf-8"))
    c = 0.5 + 1.25 * 0.2
    assert_allclose(data["exponents"], np.log(np.hypot(1 - 0.5 * c, 0.5)) / 0.5, rtol=1e-12)


def test_a_sweep_is_written_and_drawn(tmp_path, capsys):
    assert bifurcation([*SWEEP, "--values", "30", "--at", "0,0", "--out", str(tmp_path)]) == 0
    words = capsys.readouterr().out
    assert "gains or loses stability at h = 0.99310" in words
    with np.load(tmp_path / "bifurcation.npz") as stored:
        assert stored["points"].shape == (30, 1, 10, 2) and stored["exponent"].shape == (30, 1)
        exponent = stored["exponent"]
    with (tmp_path / "bifurcation.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert_allclose([float(row["lyapunov"]) for row in rows], exponent[:, 0], equal_nan=True)
    assert json.loads((tmp_path / "bifurcation.json").read_text(encoding="utf-8"))["variables"] == ["theta", "phi"]
    assert imread(tmp_path / "bifurcation.png").std() > 0.05
    assert not (tmp_path / "bifurcation-chunks").exists()


def test_a_sweep_over_gamma_follows_an_attractor(tmp_path, capsys):
    arguments = [
        "spiral-saddle",
        "--parameter",
        "gamma",
        "--range",
        "0.2:0.4",
        "--h",
        "0.3",
        "--follow",
        "up",
        "--values",
        "5",
    ]
    assert (
        bifurcation([*arguments, "--start", "0.1,0.1", "--transient", "60", "--keep", "4", "--out", str(tmp_path)]) == 0
    )
    assert "100.0 % are periodic" in capsys.readouterr().out


def test_a_sweep_over_a_parameter_of_the_game_keeps_the_consensus_that_was_asked_for(tmp_path):
    # at the equilibrium ln|ζ|/h, ζ the eigenvalues of I + h(J - γJᵀJ); over 200 steps, in which they turn
    common = ["dirac-r1", "--parameter", "kappa", "--range", "0.2:0.6", "--values", "3", "--h", "0.3", "--gamma", "0.5"]
    assert bifurcation([*common, "--start", "0.01,0.01", "--transient", "3000", "--out", str(tmp_path)]) == 0
    with np.load(tmp_path / "bifurcation.npz") as stored:
        for value, exponent in zip(stored["values"], stored["exponent"][:, 0], strict=True):
            J = games.dirac_r1(kappa=value).field().jacobian([0, 0])
            M = np.eye(2) + 0.3 * (J - 0.5 * J.T @ J)
            assert exponent == pytest.approx(np.log(np.abs(np.linalg.eigvals(M)).max()) / 0.3, abs=5e-3)
    assert json.loads((tmp_path / "bifurcation.json").read_text(encoding="utf-8"))["gamma"] == 0.5


def test_a_sweep_that_is_killed_loses_a_chunk_at_most_and_ends_the_same(tmp_path):
    arguments = [*SWEEP, "--values", "160", "--transient", "60"]
    assert bifurcation([*arguments, "--out", str(tmp_path / "whole")]) == 0
    killed = tmp_path / "killed"
    chunks = killed / "bifurcation-chunks"
    program = (
        "import runpy, sys, time\n"
        "from analysis.chunks import Chunks\n"
        "take = Chunks.take\n"
        "Chunks.take = lambda self, name, compute: (take(self, name, compute), time.sleep(0.3))[0]\n"
        f"sys.argv = ['bifurcation', *{[*arguments, '--out', str(killed)]!r}]\n"
        f"runpy.run_path({str(ROOT / 'scripts' / 'bifurcation.py')!r}, run_name='__main__')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list(chunks.glob("chunk-*.npz"))) < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    process.wait()
    done = {path.name: path.stat().st_mtime_ns for path in chunks.glob("chunk-*.npz")}
    assert 2 <= len(done) < 5
    assert bifurcation([*arguments, "--keep", "11", "--resume", "--out", str(killed)]) == 2
    assert {path.name: path.stat().st_mtime_ns for path in chunks.glob("chunk-*.npz")} == done
    assert bifurcation([*arguments, "--resume", "--out", str(killed)]) == 0
    with np.load(killed / "bifurcation.npz") as after, np.load(tmp_path / "whole" / "bifurcation.npz") as whole:
        for name in whole.files:
            assert after[name].tobytes() == whole[name].tobytes()
    assert (killed / "bifurcation.csv").read_bytes() == (tmp_path / "whole" / "bifurcation.csv").read_bytes()


@pytest.mark.parametrize(
    ("main", "arguments", "words"),
    [
        (lyapunov, ["lorenz", "--method", "euler"], "give --method and --h together"),
        (lyapunov, ["curl", "--method", "adam", "--h", "0.1"], "adam has no tangent map"),
        (lyapunov, ["lorenz", "--start", "1,2"], "--start is '1,2'"),
        (lyapunov, ["lorens"], "did you mean 'lorenz'"),
        (bifurcation, ["curl", "--range", "2:1"], "--range is '2:1'"),
        (bifurcation, ["curl", "--parameter", "kappa", "--h", "1"], "--parameter is 'kappa'"),
        (bifurcation, ["curl", "--parameter", "gamma"], "h is missing"),
        (bifurcation, ["curl", "--parameter", "gamma", "--gamma", "1"], "the sweep is over gamma itself"),
        (bifurcation, ["curl", "--values", "1"], "--values is 1"),
        (bifurcation, ["curl", "--variable", "x"], "--variable is 'x'"),
        (bifurcation, ["curl", "--format", "gif"], "--format is 'gif'"),
    ],
)
def test_it_says_what_is_wrong(main, arguments, words, tmp_path, capsys):
    assert main([*arguments, "--out", str(tmp_path)]) == 2
    assert words in capsys.readouterr().err
