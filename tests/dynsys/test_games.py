"""The catalogue: every entry is documented and has the equilibrium, eigenvalues and class that its source says."""

import inspect
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dynsys import Game, InputError, games

ROOT21 = math.sqrt(21) / 2
EIGENVALUES = {
    "curl": [((0, 0), [1j, -1j])],
    "spiral-saddle": [((0, 0), [-0.5 + 1j, -0.5 - 1j]), ((1, -2), [2 + ROOT21, 2 - ROOT21])],
    "sine": [((0, 0), [1j, -1j]), ((math.pi / 2, math.pi / 2), [1, -1])],
    "quadratic": [((0, 0), [-1 + 2j, -1 - 2j])],
    "cubic-bilinear": [((0, 0), [0.5 + 1j, 0.5 - 1j])],
    "dirac-gan": [((0, 0), [0.5j, -0.5j])],
    "wgan-dirac": [((0, 0), [1j, -1j])],
    "hidden-minimax": [((0, 0), [-1, -1])],
    "hidden-maximin": [((0, 0), [-1, -1])],
    "shared-bilinear-loss": [((0, 0), [1, -1])],
    "odd-order": [((0, 0), [1j, -1j])],
    "worst-point": [((0, 0), [1, 1])],
    "lorenz": [((0, 0, 0), [(-11 + math.sqrt(1201)) / 2, (-11 - math.sqrt(1201)) / 2, -8 / 3])],
    "van-der-pol": [((0, 0), [0.5 + math.sqrt(3) / 2 * 1j, 0.5 - math.sqrt(3) / 2 * 1j])],
    "lotka-volterra": [((1, 1), [1j, -1j]), ((0, 0), [1, -1])],
}
ZERO_SUM = {
    "curl",
    "spiral-saddle",
    "sine",
    "quadratic",
    "cubic-bilinear",
    "dirac-gan",
    "wgan-dirac",
    "hidden-minimax",
    "hidden-maximin",
}
POTENTIAL = {"shared-bilinear-loss", "worst-point"}


def field_of(name):
    made = games.named(name)
    return made.field() if isinstance(made, Game) else made


def test_the_table_of_this_test_covers_the_catalogue():
    assert set(EIGENVALUES) == set(games.CATALOGUE)


@pytest.mark.parametrize("name", EIGENVALUES)
def test_equilibria_have_the_eigenvalues_of_their_source(name):
    field = field_of(name)
    for x, expected in EIGENVALUES[name]:
        assert_allclose(field(x), 0, atol=1e-15)
        trace, determinant = np.trace(field.jacobian(x)), np.linalg.det(field.jacobian(x))
        assert_allclose([trace, determinant], [np.sum(expected).real, np.prod(expected).real], atol=1e-12)
        found = np.linalg.eigvals(field.jacobian(x)).astype(complex)
        for z in expected:
            assert np.abs(found - z).min() < 1e-7  # double eigenvalues are good to half the digits


@pytest.mark.parametrize("name", EIGENVALUES)
def test_every_entry_has_a_line_a_name_and_a_box_of_its_own(name):
    made = games.named(name)
    assert made.name == name
    assert len(made.box) == len(made.variables)
    assert len(games.catalogue()[name]) > 20
    assert inspect.getdoc(games.CATALOGUE[name]).startswith(games.catalogue()[name])


@pytest.mark.parametrize("name", sorted(EIGENVALUES))
def test_zero_sum_and_potential_games_are_recognised(name):
    made = games.named(name)
    if isinstance(made, Game):
        assert made.is_zero_sum is (name in ZERO_SUM)
        assert made.is_potential is (name in POTENTIAL)


def test_the_dirac_gan_lists_the_generator_first_and_follows_its_formula():
    field = games.dirac_gan().field()
    assert field.variables == ("theta", "psi")
    theta, psi = 0.7, 1.3
    slope = 1 / (1 + math.exp(theta * psi))
    assert_allclose(field([theta, psi]), [-psi * slope, theta * slope], rtol=1e-14)


def test_an_unknown_name_offers_the_nearest():
    with pytest.raises(InputError, match="spiral-saddle"):
        games.named("spiral-sadle")
