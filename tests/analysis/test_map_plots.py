"""A stability map's drawing shows its borders, resonances and neutral areas."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose

from analysis import stability_map
from analysis.map_plots import map_legend, plot_stability_map
from dynsys import VectorField, games
from dynsys.transforms import consensus
from integrators import Euler
from integrators.method import method_named

H, GAMMA = np.linspace(0.02, 2, 30), np.linspace(0.05, 3, 20)


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("names", [("h", "gamma"), ("gamma", "h")])
def test_borders_lie_along_the_axes_asked_for(names):
    values = {"h": H, "gamma": GAMMA}
    found = stability_map(consensus(games.curl().field(), 0.5), [0, 0], Euler(), {n: values[n] for n in names})
    ax = plot_stability_map(found)
    x, y = ax.lines[0].get_data()
    h, gamma = (x, y) if names[0] == "h" else (y, x)
    assert_allclose(h, 2 * gamma / (1 + gamma**2), rtol=1e-12)
    assert {text.get_text() for text in ax.texts} == {"1:3", "1:4"}
    assert [handle.get_label() for handle in map_legend(found)] == [
        "pair: Neimark–Sacker",
        "strong resonance",
        "stable",
    ]


def test_neutral_areas_are_drawn_as_neutral():
    turning = VectorField(("-p*y", "p*x"), ("x", "y"), {"p": 1.0})
    found = stability_map(turning, [0, 0], method_named("implicit-midpoint"), {"h": H, "p": GAMMA})
    assert len(plot_stability_map(found, bar=False).collections) == 2
    assert [handle.get_label() for handle in map_legend(found)] == ["neutral"]
