"""Portraits: the data are the field's, and the drawing shows all of them."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from analysis import classify, plot_portrait, plot_spectrum, portrait, spectrum
from analysis.plots import MARKERS, legend_handles
from analysis.portraits import KINDS, kind_of, spectrum_over_region
from dynsys import Game, InputError, VectorField, games
from dynsys.transforms import consensus
from integrators import Euler, RungeKutta4

matplotlib.use("Agg")
V = games.spiral_saddle().field()
W = consensus(V, gamma=0.2)
ZEROS = ([0.0, 0.0], [1.0, -2.0], [1.1363636363636362, -2.3760330578512394])


@pytest.fixture(scope="module")
def drawn():
    labels = [classify(W, x, Euler(), 0.1) for x in ZEROS]
    return portrait(W, points=labels, starts=[[-0.5, 0.5]], method=Euler(), h=0.1, steps=50, resolution=21, title="w")


def test_the_grid_holds_the_field(drawn):
    for i, j in ((0, 0), (3, 17), (20, 20)):
        assert_allclose(drawn.velocity[i, j], W([drawn.grid[0][j], drawn.grid[1][i]]), rtol=1e-13)
    assert drawn.box == games.spiral_saddle().box
    assert drawn.finite_share == 1


def test_points_are_drawn_as_what_they_are(drawn):
    assert [kind for _, kind in drawn.points] == ["strict Nash", "not Nash", "spurious, attracts"]
    assert kind_of(classify(games.curl().field(), [0.0, 0.0])) == "weak Nash"
    assert kind_of(classify(consensus(V, 0.5), [1.0, -2.0])) == "not Nash, attracts"
    assert kind_of(classify(games.lorenz(), [0.0, 0.0, 0.0])) == "does not attract"
    assert set(MARKERS) == set(KINDS)


def test_no_two_kinds_share_marker_colour_and_fill():
    looks = [(style["marker"], style["color"], style["fill"]) for style in MARKERS.values()]
    assert len(set(looks)) == len(looks)


def test_iterates_follow_the_map_and_the_flow_line_the_flow(drawn):
    (run,), (flow,) = drawn.iterates, drawn.flows
    assert_allclose(run[1], run[0] + 0.1 * W(run[0]), rtol=1e-13)
    fine = (len(flow) - 1) // (len(run) - 1)
    slope = (flow[1] - flow[0]) / (0.1 / fine)
    assert_allclose(slope, W((flow[0] + flow[1]) / 2), atol=0.005)
    assert np.linalg.norm(run[-1] - flow[-1]) < 0.05  # both near the Nash equilibrium


def test_separatrices_are_curves_of_the_flow_through_its_saddles_and_the_legend_names_them(drawn):
    assert drawn.manifolds == ()
    labels = [classify(V, x, Euler(), 0.1) for x in ([0.0, 0.0], [1.0, -2.0])]
    picture = portrait(V, points=labels, resolution=21, separatrices=True)
    assert sorted(stable for _, stable in picture.manifolds) == [False, False, True, True]
    for points, _ in picture.manifolds:
        assert_allclose(points[0], [1, -2], atol=1e-9)
        middles = (points[1:] + points[:-1]) / 2
        apart = (
            np.linalg.norm(middles[:, None] - [[0, 0], [1, -2]], axis=2).min(1) > 0.2
        )  # there chords tell directions
        ahead, there = np.diff(points, axis=0)[apart], V(middles[apart])
        assert len(ahead) > 10
        across = ahead[:, 0] * there[:, 1] - ahead[:, 1] * there[:, 0]
        assert np.abs(across / np.linalg.norm(ahead, axis=1) / np.linalg.norm(there, axis=1)).max() < 0.01
    nearest = {stable: [] for stable in (False, True)}
    for points, stable in picture.manifolds:
        nearest[stable].append(np.linalg.norm(points, axis=1).min())
    assert min(nearest[False]) < 1e-3 < 0.1 < min(nearest[True])  # an unstable side ends at the Nash equilibrium
    drawn_curves = plot_portrait(picture, Figure().add_subplot()).get_lines()
    for points, _ in picture.manifolds:
        assert any(np.array_equal(line.get_xydata(), points) for line in drawn_curves)
    texts = [handle.get_label() for handle in legend_handles([picture])]
    assert "stable manifold" in texts and "unstable manifold" in texts
    assert not any("manifold" in handle.get_label() for handle in legend_handles([drawn]))


def test_a_payoff_without_a_real_value_leaves_its_part_blank_and_the_drawing_says_so():
    field = Game({"x": ["x"], "y": ["y"]}, {"x": "log(x) - x*y", "y": "x*y - y**2"}).field()
    picture = portrait(field, box=[(-1, 1), (0, 1)], resolution=21)
    left = picture.grid[0] <= 0
    assert np.isnan(picture.velocity[:, left]).all()
    assert np.isfinite(picture.velocity[:, ~left]).all()
    axes = plot_portrait(picture, Figure().add_subplot())
    assert any("not finite" in text.get_text() for text in axes.texts)


def test_one_variable_is_a_line_field_and_three_a_plane_through_a_stated_point():
    line = portrait(VectorField(("x - x**3",), ("x",)), box=[(-2, 2)], resolution=41)
    assert line.velocity.shape == (41, 1)
    assert_allclose(line.velocity[:, 0], line.grid[0] - line.grid[0] ** 3, atol=1e-14)
    plane = portrait(games.lorenz(), variables=("x", "z"), through=[0, 2.5, 0], resolution=11)
    assert plane.axes == ("x", "z") and "y = 2.5" in plane.slice
    x, z = plane.grid[0][4], plane.grid[1][7]
    assert_allclose(plane.velocity[7, 4], games.lorenz()([x, 2.5, z])[[0, 2]], rtol=1e-13)


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"variables": ("x", "q")}, "'q'"),
        ({"variables": ("x",)}, "variables"),
        ({"box": [(0, 1)]}, "box"),
        ({"box": [(0, 1), (1, 1), (0, 1)]}, "y"),
        ({"through": [0, 1]}, "through"),
        ({"resolution": 1}, "resolution"),
    ],
)
def test_what_cannot_be_shown_is_refused(more, named):
    with pytest.raises(InputError, match=named):
        portrait(games.lorenz(), **more)


def test_a_field_without_a_box_needs_one():
    with pytest.raises(InputError, match="box is missing"):
        portrait(VectorField(("y", "-x"), ("x", "y")))


def test_the_drawing_holds_every_point_and_names_every_kind(drawn):
    axes = Figure().add_subplot()
    assert plot_portrait(drawn, axes) is axes
    positions = [tuple(line.get_xydata()[0]) for line in axes.lines if len(line.get_xydata()) == 1]
    for x in ZEROS:
        assert any(np.allclose(position, x) for position in positions)
    named = [handle.get_label() for handle in legend_handles([drawn])]
    assert {"strict Nash", "not Nash", "spurious, attracts", "flow", "euler, h = 0.1, from ▸"} <= set(named)
    assert any(r"\theta" in label for label in named)
    assert axes.get_title() == "w" and axes.get_xlabel() == r"$\theta$"


def test_without_axes_a_figure_is_made(drawn):
    assert plot_portrait(drawn).figure is not None
    assert plot_spectrum(spectrum(V, [0.0, 0.0])).figure is not None
    plt.close("all")


def test_a_field_that_vanishes_everywhere_has_no_streamlines():
    still = portrait(VectorField(("0*x", "0*y"), ("x", "y")), box=[(0, 1), (0, 1)], resolution=11)
    assert (still.speed == 0).all()
    assert not plot_portrait(still, Figure().add_subplot()).collections


@pytest.mark.parametrize("method", [Euler(), RungeKutta4()])
def test_the_stability_region_behind_a_spectrum_is_the_methods(method):
    eigenvalues = np.array([-0.5 + 1j, -0.5 - 1j])
    picture = spectrum_over_region([("(0, 0)", eigenvalues)], method, h=0.5, title="v", resolution=31)
    z = picture.re[5] + 1j * picture.im[20]
    polynomial = {1: 1 + z, 4: 1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24}[method.order]
    assert_allclose(picture.amplification[20, 5], abs(polynomial), rtol=1e-13)
    axes = plot_spectrum(picture, Figure().add_subplot())
    shown = np.concatenate([line.get_xydata() for line in axes.lines])
    assert any(np.allclose(point, [-0.25, 0.5]) for point in shown)
    assert axes.get_legend().get_texts()[0].get_text() == "(0, 0)"
