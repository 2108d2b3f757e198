"""A bifurcation diagram: solid where a branch attracts, dashed elsewhere, special points at their places."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose

from analysis import equilibria_over
from analysis.census_plots import census_legend, kind_of_branch, plot_census
from dynsys import VectorField, games
from dynsys.transforms import consensus


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def test_a_pitchfork_is_drawn_with_its_stable_arms():
    field = VectorField(("p*x - x**3",), ("x",), {"p": 0.5})
    found = equilibria_over(field, "p", (-1, 1), [(-2, 2)], samples=2)
    ax = plot_census(found, field.variables)
    for line in ax.lines:
        p, x = (np.asarray(c) for c in line.get_data())
        if line.get_linestyle() not in ("-", "--") or len(p) < 3:
            continue
        slope = (p - 3 * x**2)[1:-1]
        assert (slope < 1e-6).all() if line.get_linestyle() == "-" else (slope > -1e-6).all()
    marks = [line.get_data() for line in ax.lines if line.get_marker() == "P"]
    assert_allclose(np.ravel(marks), [0, 0], atol=1e-9)
    labels = [handle.get_label() for handle in census_legend(found)]
    assert labels == ["zero of the field", "attracts the flow", "does not", "P: pitchfork"]


def test_kinds_of_branches_under_consensus():
    found = equilibria_over(
        consensus(games.spiral_saddle().field(), 0.5), "gamma", (0.3, 0.6), [(-1, 3), (-5, 1)], samples=1
    )
    assert sorted(kind_of_branch(branch) for branch in found.branches) == ["Nash", "not Nash", "spurious"]
