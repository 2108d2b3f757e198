"""The script writes what it prints; what cannot be asked is one line."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from analysis.chunks import Chunks

PATH = Path(__file__).parents[2] / "scripts" / "basins.py"
spec = importlib.util.spec_from_file_location("basins_script", PATH)
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)


def test_a_game_under_consensus_is_drawn_and_told(tmp_path, capsys):
    arguments = ["spiral-saddle", "--gamma", "0.1", "--h", "0.05", "--box=-4:4,-8:8", "--resolution", "24"]
    assert script.main([*arguments, "--steps", "3000", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    data = json.loads((tmp_path / "basins.json").read_text(encoding="utf-8"))
    places = [a["points"][0] for a in data["attractors"]]
    assert any(np.allclose(p, [2.1190, -5.1866], atol=1e-3) for p in places)  # spurious
    assert any(np.allclose(p, 0, atol=1e-6) for p in places)
    with np.load(tmp_path / "basins.npz") as image:
        counts = [s["count"] for s in data["shares"] if s["label"] >= 0]
        assert [int((image["labels"] == i).sum()) for i in range(len(counts))] == counts
        assert image["labels"].shape == (24, 24) == image["times"].shape
    rows = (tmp_path / "basins.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0] == "label,name,count,share,low,high" and len(rows) == 1 + len(data["shares"])
    assert (tmp_path / "basins.png").stat().st_size > 10_000
    assert "basin entropy" in printed and "wrote" in printed


def test_separatrices_bound_the_basins_and_attractors_are_named_as_players_see_them(tmp_path, capsys):
    arguments = ["spiral-saddle", "--gamma", "0.5", "--h", "0.1", "--box=-0.5:1.5,-3:1", "--resolution", "80"]
    assert script.main([*arguments, "--separatrices", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "saddle (0.58, -0.889333)" in printed and "warning" in printed
    data = json.loads((tmp_path / "basins.json").read_text(encoding="utf-8"))
    names = [share["name"] for share in data["shares"] if share["label"] >= 0]
    assert names == ["fixed point at (0, 0), strict Nash", "fixed point at (1, -2), not Nash"]
    (saddle,) = data["manifolds"]
    with np.load(tmp_path / "basins.npz") as image:
        labels, x, y = image["labels"], image["x"], image["y"]
    at = lambda p: labels[np.abs(y - p[1]).argmin(), np.abs(x - p[0]).argmin()]  # noqa: E731
    for side in saddle["sides"]:
        points = np.array(side["points"])[5:-5:5]
        if side["stable"]:
            across = np.array([2.5 * (x[1] - x[0]), 0])
            low = points[(y[0] < points[:, 1]) & (points[:, 1] < -0.7)]
            pairs = [{at(p - across), at(p + across)} for p in low]
            assert all(pair == {0, 1} for pair in pairs) and (pairs or side["side"] == 1)
        else:
            assert len({at(p) for p in points[4:]}) == 1
    assert (tmp_path / "basins.png").stat().st_size > 10_000


def test_an_example_resumes_from_the_chunks_that_were_kept(tmp_path, capsys, monkeypatch):
    arguments = ["newton", "--resolution", "12", "--out", str(tmp_path), "--exponent", "--format", "svg"]
    with monkeypatch.context() as stopped:
        stopped.setattr(Chunks, "clear", lambda self: None)  # as if it had been killed before it cleared up
        assert script.main(arguments) == 0
    first = capsys.readouterr().out
    assert script.main([*arguments, "--resume", "--resolution", "13"]) == 2
    assert "resolution was (12, 12), now (13, 13)" in capsys.readouterr().err
    with monkeypatch.context() as stopped:
        stopped.setattr(Chunks, "clear", lambda self: None)
        assert script.main(arguments) == 0
    assert "1 finished chunks of a run that was stopped are dropped" in capsys.readouterr().err
    kept = sorted((tmp_path / "basins-chunks").glob("chunk-*.npz"))
    with np.load(kept[0]) as chunk:
        changed = {name: chunk[name] for name in chunk.files}
    changed["labels"][0] = -2  # shows that it is taken from there
    np.savez(kept[0], **changed)
    assert script.main([*arguments, "--resume"]) == 0
    assert capsys.readouterr().out != first and "uncertainty exponent 0.5" in first
    assert not (tmp_path / "basins-chunks").exists()
    assert script.main(arguments) == 0
    assert capsys.readouterr().out == first


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["newtn"], "did you mean 'newton'"),
        (["newton", "--gamma", "1"], "is no game"),
        (["duffing", "--separatrices"], "--separatrices is given, but duffing has time"),
        (["lorenz", "--separatrices"], "but lorenz has 3 variables"),
        (["henon", "--set", "a"], "write name=value"),
        (["henon", "--set", "c=1"], "no parameter 'c'"),
        (["spiral-saddle", "--period", "1", "--method", "euler"], "with --period"),
        (["spiral-saddle", "--box", "1"], "box must hold a pair"),
        (["spiral-saddle", "--format", "bmp"], "--format is 'bmp'"),
    ],
)
def test_bad_arguments_are_one_line(arguments, message, tmp_path, capsys):
    assert script.main([*arguments, "--out", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert message in told and told.count("\n") == 1
