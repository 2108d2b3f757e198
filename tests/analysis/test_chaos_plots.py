"""Drawings show what their results hold: numbers of lines, marks, labels."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest

from analysis import (
    lyapunov_spectrum,
    orbit_diagram,
    plot_exponents,
    plot_orbit_diagram,
    plot_pseudospectrum,
    plot_transients,
    pseudospectrum,
    transients,
)
from analysis.chaos_plots import _number, orbit_figure, plot_growth, plot_largest_exponent
from dynsys import VectorField, games
from dynsys.transforms import consensus
from integrators import Adam, Euler

HENON = VectorField.from_map(["1 - a*x**2 + y", "b*x"], ["x", "y"], {"a": 1.4, "b": 0.3})
SPIRAL = consensus(games.spiral_saddle().field(), 0.5)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_exponents_are_drawn_with_their_values_and_errors():
    found = lyapunov_spectrum(HENON, [0.1, 0.1], Euler(), h=1, steps=2000)
    axes = plot_exponents(found)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert len(labels) == 2 and all("pm" in label for label in labels)
    curves = [line for line in axes.lines if len(line.get_xdata()) > 10]
    assert len(curves) == 2 and abs(curves[0].get_ydata()[-1]) < 1e-12
    stretching = plot_growth(found)
    assert np.array_equal(stretching.lines[0].get_ydata(), found.growth[:, 0])


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.41922, 0.0021, "0.4192 \\pm 0.0021"),
        (-math.inf, 0.0, r"-\infty"),
        (math.nan, math.nan, r"\mathrm{unknown}"),
        (-0.154791771, 0.0, "-0.15479177"),
        (12.0, 30.0, "12 \\pm 30"),
    ],
)
def test_a_number_has_two_digits_of_its_error(value, error, text):
    assert _number(value, error) == text


def test_the_diagram_marks_critical_values_and_where_no_orbit_lasts():
    found = orbit_diagram(SPIRAL, [[0.1, 0.1]], Euler(), "h", np.linspace(0.9, 1.5, 7), transient=50, keep=5, at=[0, 0])
    axes = plot_orbit_diagram(found, variable="phi")
    assert len(axes.lines[0].get_xdata()) == 35 and axes.lines[1].get_xdata()[0] == found.critical[0]
    assert len(axes.patches) == 1 and axes.get_xlabel() == "step size $h$" and "phi" in axes.get_ylabel()
    below = plot_largest_exponent(found)
    assert "unit of time" in below.get_ylabel()
    figure = orbit_figure(found, "title")
    assert "dashed" in figure.axes[1].get_xlabel() and "grey" in figure.axes[1].get_xlabel()
    bare = orbit_diagram(SPIRAL, [[0.1, 0.1], [0.2, 0.1]], Adam(), "h", [0.01, 0.02], transient=5, keep=3)
    words = [text.get_text() for text in orbit_figure(bare, "title").axes[1].texts]
    assert words and words[0].startswith("no exponents: ")


def test_transients_and_pseudospectra_show_peak_bound_and_border():
    M = [[0.9, 1.0], [0.0, 0.9]]
    found = transients(M)
    axes = plot_transients(found)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert any("peak 3.913" in label for label in labels) and any("Kreiss" in label for label in labels)
    assert plot_transients(transients([[-1.0, 4.0], [0.0, -1.0]], flow=True)).get_xlabel() == "time"
    for flow in (False, True):
        picture = plot_pseudospectrum(pseudospectrum(M, resolution=21, flow=flow))
        assert picture.get_aspect() == 1 and picture.get_xlabel() == "Re $z$"
        assert np.allclose(picture.lines[-1].get_xdata(), [0.9, 0.9])
