"""`scripts/cycles.py` as its users run it, and the drawings."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.image import imread
from numpy.testing import assert_allclose

from analysis import invariant_manifolds, periodic_orbit, recurrent_orbit
from analysis.orbit_plots import plot_manifolds, plot_orbit
from dynsys import VectorField
from integrators import Euler

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("script_cycles", ROOT / "scripts" / "cycles.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
draw = module.main


def test_the_curve_and_the_separatrix_of_spiral_and_saddle(tmp_path, capsys):
    assert draw(["spiral-saddle", "--h", "1", "--start", "0.1,0.1", "--out", str(tmp_path)]) == 0
    words = capsys.readouterr().out
    assert "saddle (1, -2)" in words and "the flow: equilibrium at (0, 0)" in words
    data = json.loads((tmp_path / "cycles.json").read_text(encoding="utf-8"))
    assert data["iterates"]["kind"] in words and len(data["manifolds"][0]["sides"]) == 4
    assert imread(tmp_path / "cycles.png").std() > 0.05


def test_consensus_puts_a_saddle_where_the_game_has_none(tmp_path, capsys):
    assert draw(["spiral-saddle", "--gamma", "0.5", "--h", "0.1", "--start", "0.1,0.1", "--out", str(tmp_path)]) == 0
    assert "saddle (0.58, -0.889333)" in capsys.readouterr().out


def test_points_and_curves_of_the_torus_are_in_its_box_and_the_saddle_is_in_the_legend(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(module, "write", lambda drawn, *rest, **options: figures.extend(drawn.values()) or [])
    assert draw(["torus", "--h", "0.3", "--out", str(tmp_path)]) == 0
    (figure,) = figures
    places = [line.get_xydata() for line in figure.axes[0].lines if line.get_marker() in ("s", "o")]
    assert len(places) == 4 and (np.abs(np.vstack(places)) <= np.pi).all()
    assert {"saddle", "fixed point"} <= {text.get_text() for text in figure.legends[0].get_texts()}


def test_a_rotation_is_drawn_wrapped_without_a_line_across():
    v = VectorField(("w", "-sin(a) - w/2 + 1.2"), ("a", "w"), period=[2 * np.pi, None])
    orbit = periodic_orbit(v, [0, 1])
    for box, low in ((None, 0.0), ([(-np.pi, np.pi), (0, 4)], -np.pi)):
        (line,) = plot_orbit(orbit, box=box).lines
        x = line.get_xdata()
        assert np.nanmin(x) >= low and np.nanmax(x) <= low + 2 * np.pi
        assert np.nanmax(np.abs(np.diff(x))) < 0.2 and np.isnan(x).sum() == 1
    plt.close("all")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--start", "1"], "--start is '1'"), (["--method", "eler"], "did you mean"), (["--h", "-1"], "h is -1")],
)
def test_it_says_what_is_wrong(arguments, words, tmp_path, capsys):
    assert draw([*arguments, "--out", str(tmp_path)]) == 2
    assert words in capsys.readouterr().err


def test_a_drawing_holds_the_points_of_its_result():
    v = VectorField(("x", "-y + x**2"), ("x", "y"), box=[(-1, 1), (-1, 1)])
    found = invariant_manifolds(v, [0, 0])
    ax = plot_manifolds(found)
    for line, side in zip(ax.lines, found.sides, strict=False):
        assert_allclose(np.column_stack(line.get_data()), side.points)
    assert len(ax.lines) == 5 and [ax.lines[k].get_linestyle() for k in (0, 2)] == ["-", "--"]
    ring = VectorField(("x*(1 - x**2 - y**2) - y", "y*(1 - x**2 - y**2) + x"), ("x", "y"))
    orbit = periodic_orbit(ring, [1, 0.1], period=6.3)
    (line,) = plot_orbit(orbit).lines
    assert len(line.get_xdata()) == 257 and line.get_xdata()[0] == line.get_xdata()[-1]
    cycle = recurrent_orbit(VectorField.from_map(["-x", "y/2"], ["x", "y"]), [0.3, 0], Euler(), 1, 64, 512)
    (line,) = plot_orbit(cycle).lines
    assert sorted(np.round(line.get_xdata(), 9)) == [-0.3, 0.3]
    plt.close("all")
