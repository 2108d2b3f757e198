"""Entropies of images that can be counted by hand; exponents of borders that are known."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from analysis import BasinEntropy, basin_entropy, basins, plot_basins, uncertainty_exponent
from analysis.basin_measures import shares_of
from analysis.basin_plots import basin_figure
from dynsys import InputError, VectorField
from integrators import Euler

TWINS = VectorField(["x - x**3", "-y"], ["x", "y"], box=[(-2, 2), (-1, 1)])


def test_the_entropy_of_two_halves_is_that_of_the_squares_on_the_border():
    image = np.zeros((20, 20), int)
    image[:, 12:] = 3  # the third column of squares of five is mixed: two fifths and three
    told = basin_entropy(image)
    mixed = -(0.4 * np.log(0.4) + 0.6 * np.log(0.6))
    assert_allclose([told.entropy, told.boundary], [mixed / 4, mixed])
    assert (told.squares, told.mixed, told.fractal) == (16, 4, False)


def test_labels_at_random_have_the_entropy_of_their_number_and_one_label_none():
    image = np.arange(400 * 400).reshape(400, 400) % 7
    told = basin_entropy(image, 7)
    assert_allclose([told.entropy, told.boundary], np.log(7))
    assert told.fractal
    assert basin_entropy(np.ones((9, 9))) == BasinEntropy(0.0, 0.0, 1, 0, 5)


def test_shares_have_clopper_and_pearsons_intervals():
    one, none = shares_of(np.array([4] * 30), {4: "all", 5: "none"})
    assert_allclose([one.low, one.high], [0.025 ** (1 / 30), 1])
    assert_allclose([none.low, none.high], [0, 1 - 0.025 ** (1 / 30)])


def test_a_straight_border_has_exponent_one_and_the_share_of_a_strip():
    found = basins(TWINS, Euler(), resolution=10, h=0.1)
    told = uncertainty_exponent(found, [0.02, 0.05, 0.1, 0.2], pairs=4000)
    assert abs(told.alpha - 1) < 4 * told.error
    expected = told.epsilons / 2  # 2ε of the width 4
    assert (np.abs(told.uncertain - expected) < 5 * np.sqrt(expected / 4000)).all()


def test_bad_questions_are_refused():
    found = basins(TWINS, Euler(), resolution=10, h=0.1)
    with pytest.raises(InputError, match="two or more positive"):
        uncertainty_exponent(found, [1e-3])
    with pytest.raises(InputError, match="none is uncertain"):
        uncertainty_exponent(found, [1e-12, 1e-11], pairs=50)
    with pytest.raises(InputError, match="at least 5 x 5"):
        basin_entropy(np.zeros((3, 9)))
    with pytest.raises(InputError, match="inside has shape"):
        found.shares_within(np.zeros((10, 10)))


def test_the_picture_shows_the_labels_in_their_colours_and_the_attractors():
    found = basins(TWINS, Euler(), resolution=(30, 20), h=0.1)
    ax = plot_basins(found)
    (image,) = ax.get_images()
    pixels = np.asarray(image.get_array())
    assert pixels.shape == (20, 30, 3) and image.get_extent() == [-2, 2, -1, 1]
    assert (pixels[0, 0] != pixels[0, -1]).any()
    assert_allclose(sorted(line.get_xdata()[0] for line in ax.lines), [-1, 1])
    legend = [h.get_label() for h in basin_figure(found, "twins").legends[0].legend_handles]
    assert len(legend) == 2 and all("50.00 %" in text for text in legend)
