"""Drawings of the geometry of fields show what the results hold."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.quiver import Quiver
from numpy.testing import assert_allclose

from analysis import helmholtz, path_angle, portrait
from analysis.geometry_plots import plot_arrows, plot_helmholtz, plot_path_angle, plot_staircase, plot_walk
from analysis.walks import closed_walk
from dynsys import VectorField, games

CURL = games.curl().field()
SHEAR = VectorField(("y + 3", "x/4 + y/5"), ("x", "y"), box=[(-1, 2), (0, 4)])  # no symmetry to hide a transposition


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def arrows(ax):
    (found,) = [c for c in ax.collections if isinstance(c, Quiver)]
    return found


def test_arrows_point_along_the_field():
    found = arrows(plot_arrows(portrait(SHEAR, resolution=37)))
    v = SHEAR(np.stack([found.X, found.Y], -1))
    shown = np.stack([found.U, found.V], -1)
    assert_allclose(shown, v / np.linalg.norm(v, axis=-1, keepdims=True), atol=1e-12)
    assert_allclose(10 ** found.get_array(), np.linalg.norm(v, axis=-1).ravel(), rtol=1e-9)


def test_the_parts_of_a_field_are_drawn_where_they_are():
    parts = helmholtz(SHEAR, resolution=33)
    panels = plot_helmholtz(parts)
    assert [ax.get_title().split(",")[0] for ax in panels] == ["field", "gradient", "solenoidal", "harmonic"]
    shares = [float(ax.get_title().split(",")[1].rstrip(" %")) for ax in panels[1:]]
    assert_allclose(sum(shares), 100, atol=0.2)
    found = arrows(panels[0])
    v = SHEAR(np.stack([found.X, found.Y], -1).reshape(-1, 2))
    drawn = np.stack([found.U, found.V], -1).reshape(-1, 2)
    assert_allclose(drawn * np.linalg.norm(drawn, axis=1, keepdims=True), v, rtol=1e-9, atol=1e-12)


def test_the_staircase_ends_where_the_walk_does():
    walk = closed_walk(CURL, lambda t: (np.cos(2 * np.pi * t), np.sin(2 * np.pi * t)), steps=12)
    ax = plot_staircase(walk)
    assert_allclose(ax.lines[-2].get_ydata(), [walk.height[-1]])
    assert any("6.283 lower" in text.get_text() for text in ax.texts)
    plane = plot_walk(walk)
    assert len([text for text in plane.texts if text.arrow_patch is not None]) == 12


def test_a_path_angle_is_drawn_over_the_share_of_the_way():
    found = path_angle(SHEAR, [0, 0], [1, 1])
    ax = plot_path_angle(found)
    assert_allclose(ax.lines[0].get_ydata(), found.cosine)
    assert f"attraction {found.attraction:.2f}" in ax.get_title()
