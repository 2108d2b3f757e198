"""`scripts/autoencoder_field.py` as its users run it, and the readings that it prints."""

from __future__ import annotations

import csv
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from numpy.testing import assert_allclose

from analysis.autoencoder_fields import Region, closer_box, fields_over_data
from dynsys.array_field import ArrayField
from dynsys.autoencoders import Denoiser, load, spiral

SCRIPT = Path(__file__).parents[2] / "scripts" / "autoencoder_field.py"
SMALL = ["--hidden", "16", "--iterations", "30", "--corruptions", "4", "--resolution", "21"]


def loaded():
    spec = importlib.util.spec_from_file_location("script_autoencoder_field", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


draw = loaded()


@pytest.fixture(scope="module")
def moons(tmp_path_factory):
    out = tmp_path_factory.mktemp("moons")
    assert draw(["--data", "moons", "--count", "90", "--out", str(out), *SMALL]) == 0
    return out


def report_of(folder):
    return json.loads((folder / "autoencoder_field.json").read_text(encoding="utf-8"))


def test_the_report_tells_the_conservative_fields_from_the_other(moons):
    exact, tied, untied = report_of(moons)["fields"]
    assert [f["title"] for f in (exact, tied, untied)] == ["exact score", "tied network", "untied network"]
    assert exact["cosine"] == pytest.approx(1) and 0.5 < tied["cosine"] < 1 and 0.5 < untied["cosine"] < 1
    assert tied["asymmetry"] < 1e-15 and exact["asymmetry"] < 1e-15 and untied["asymmetry"] > 1e-3
    assert abs(tied["circulation"]) < 1e-6 and abs(exact["circulation"]) < 1e-6 and abs(untied["circulation"]) > 1e-3
    assert exact["error"] < min(tied["error"], untied["error"])
    assert {p["kind"] for p in exact["fixed_points"]} <= {"mode", "saddle", "source"}


def test_losses_and_the_measured_truncation_are_in_the_report(moons):
    report = report_of(moons)
    for training in report["training"].values():
        assert len(training["losses"]) == 31 and training["losses"][-1] < training["losses"][0]
    assert report["truncation"]["measured"] <= report["truncation"]["bound"] + 1e-12
    assert report["points"] == report["trained_on"] == 90 and report["sigma"] == 1


def test_the_table_of_the_grid_holds_the_networks_fields(moons):
    with (moons / "autoencoder_field.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 21 * 21
    x = np.array([[float(row["x"]), float(row["y"])] for row in rows])
    for name in ("tied", "untied"):
        v = load(moons / f"{name}.npz").field()
        columns = [f"{name}_network_{part}" for part in ("vx", "vy", "curl")]
        found = np.array([[float(row[c]) for c in columns] for row in rows])
        J = v.jacobian(x)
        assert_allclose(found[:, :2], v(x), rtol=1e-7, atol=1e-7)
        assert_allclose(found[:, 2], J[:, 1, 0] - J[:, 0, 1], rtol=1e-7, atol=1e-7)
    assert all(abs(float(row["tied_network_curl"])) < 1e-14 for row in rows)


def test_the_picture_is_not_blank(moons):
    picture = imread(moons / "autoencoder_field.png")
    assert picture.shape[0] > 800 and picture[..., :3].std() > 0.1


def test_a_file_is_scaled_and_its_columns_chosen(tmp_path, capsys):
    points = spiral(60) * 1e-3 + [7.0, -1.0]
    lines = ["id,a,b", *(f"{i},{a!r},{b!r}" for i, (a, b) in enumerate(points.tolist()))]
    (tmp_path / "mine.csv").write_text("\n".join(lines))
    data = ["--data", str(tmp_path / "mine.csv")]
    assert draw([*data, "--out", str(tmp_path / "out"), *SMALL]) == 2
    assert "mine.csv has 3 columns; name two of them" in capsys.readouterr().err
    assert draw([*data, "--columns", "2,3", "--learn", "40", "--out", str(tmp_path / "out"), *SMALL]) == 0
    report = report_of(tmp_path / "out")
    assert_allclose(report["centre"], points.mean(0), rtol=1e-12)
    assert (
        report["circle_radius"] == pytest.approx(6, rel=0.2) and report["trained_on"] == 40 and report["points"] == 60
    )
    assert report["unit"] * 6 == pytest.approx(np.sqrt(np.square(points - points.mean(0)).sum(1).mean()))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "sprial"], "did you mean 'spiral'"),
        (["--data", "none.csv"], "none.csv cannot be read"),
        (["--columns", "1,2"], "spiral is no file"),
        (["--sigma", "0"], "sigma is 0"),
        (["--count", "1"], "points holds 1 points"),
        (["--hidden", "0"], "hidden is 0"),
        (["--resolution", "3"], "--resolution is 3"),
        (["--format", "gif"], "--format is 'gif'"),
        (["--truncation", "2"], "truncation is 2"),
    ],
)
def test_a_bad_argument_gives_one_line_and_exit_code_2(arguments, message, tmp_path, capsys):
    assert draw([*arguments, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert message in error[-1] and error[-1].startswith("error: ")
    assert not list(tmp_path.iterdir())


def test_bad_rows_of_a_file_are_named(tmp_path, capsys):
    (tmp_path / "bad.csv").write_text("1,2\n3,x\n4,nan\n5,6\n")
    assert draw(["--data", str(tmp_path / "bad.csv"), "--out", str(tmp_path / "out")]) == 2
    assert "line 2 has 'x' in column 2; line 3 has nan in column 2" in capsys.readouterr().err


def test_the_readings_of_a_field_made_to_be_wrong():
    """The exact field with a rotation added, and moved aside: every reading is known."""
    denoiser = Denoiser([[1.0, 0.0], [-1.0, 0.0]], 0.5)
    v = denoiser.field()
    turn = np.array([[0.0, -0.3], [0.3, 0.0]])
    turned = ArrayField(lambda x: v(x) + x @ turn.T, lambda x: v.jacobian(x) + turn, v.variables)
    moved = ArrayField(lambda x: v(x - [2.0, 0]), lambda x: v.jacobian(x - [2.0, 0]), v.variables)
    region = Region.around(denoiser.points, 0.5, 0, margin=1.5)
    fields = [("exact", v), ("turned", turned), ("moved", moved)]
    exact, wrong, shifted = fields_over_data(fields, region, 11)
    assert_allclose(exact.curl, 0, atol=1e-14)
    assert_allclose(wrong.curl, 0.6, atol=1e-12)
    assert wrong.circulation == pytest.approx(2 * np.pi * region.radius**2 * 0.3, rel=1e-8)
    assert [kind for _, kind in exact.points] == ["mode", "saddle", "mode"]
    # moved by 2, the sink at -1 comes to the place of the other mode, and the one at 1 to where no data are
    assert [kind for _, kind in shifted.points] == ["mode", "saddle", "spurious sink"]
    J = turned.jacobian(region.noisy)
    share = 0.3 * np.sqrt(2) / np.linalg.norm(J, axis=(1, 2))
    assert wrong.asymmetry == pytest.approx(share.mean())
    (low, high), _ = closer_box([exact, wrong], region)
    assert high - low == pytest.approx(0.3 * 8) and exact.cosine == pytest.approx(1)


def test_the_script_runs_as_a_program(tmp_path):
    command = [sys.executable, str(SCRIPT), "--data", "mixture", "--count", "50", "--out", str(tmp_path), *SMALL]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "spurious sinks" in done.stdout and "truncation of the exact score" in done.stdout
    assert "autoencoder_field.json" in done.stdout
