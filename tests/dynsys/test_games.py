"""The catalogue: every entry is documented and has the equilibrium, eigenvalues and class that its source says."""

import cmath
import inspect
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dynsys import Game, InputError, games

ROOT21 = math.sqrt(21) / 2


def pair(real, imaginary):
    return [complex(real, imaginary), complex(real, -imaginary)]


def roots(trace, determinant):
    """The roots of λ² - trace·λ + determinant."""
    split = cmath.sqrt(trace**2 / 4 - determinant)
    return [trace / 2 + split, trace / 2 - split]


# Dirac-GANs at 0: J = [[0, -a], [a, -q]] with a = F'(0) and q what regularises, by hand: F = -(f*∘g)(-t)
SIGMA = (2.25 + math.sqrt(0.25**2 + 1)) / 2, (2.25 - math.sqrt(0.25**2 + 1)) / 2  # of Σ = [[1, ½], [½, 5/4]]
Q1, Q2 = 14 / 3.75, 11.5 / 3.75  # (2(10 - 1) - ½(10 - 2))/(4 - ¼), and with the costs exchanged
EIGENVALUES = {
    "curl": [((0, 0), [1j, -1j])],
    "spiral-saddle": [((0, 0), [-0.5 + 1j, -0.5 - 1j]), ((1, -2), [2 + ROOT21, 2 - ROOT21])],
    "sine": [((0, 0), [1j, -1j]), ((math.pi / 2, math.pi / 2), [1, -1])],
    "quadratic": [((0, 0), [-1 + 2j, -1 - 2j])],
    "cubic-bilinear": [((0, 0), [0.5 + 1j, 0.5 - 1j])],
    "dirac-gan": [((0, 0), [0.5j, -0.5j])],
    "wgan-dirac": [((0, 0), [1j, -1j])],
    "dirac-kl": [((0, 0), pair(0, math.exp(-1)))],
    "dirac-reverse-kl": [((0, 0), pair(0, 1))],
    "dirac-pearson": [((0, 0), pair(0, 1)), ((4, 0.5), [0, -(16 - 0.25) / 2])],  # F' = 1 - t/2 vanishes at θψ = 2
    "dirac-hellinger": [((0, 0), pair(0, 1))],
    "dirac-jensen-shannon": [((0, 0), pair(0, 0.5))],
    "dirac-total-variation": [((0, 0), pair(0, 0.5))],
    "dirac-non-saturating": [((0, 0), pair(0, 0.5))],
    "dirac-gradient-penalty": [],  # no zero where it is continuous, tested below
    "dirac-instance-noise": [((0, 0), roots(-0.5, 0.25))],  # 2f''(0)s² = -½ at s = 1
    "dirac-r1": [((0, 0), roots(-0.5, 0.25))],  # κ = ½
    "dirac-r2": [((0, 0), roots(-0.5, 0.25))],
    "dirac-nagarajan-kolter": [((0, 0), roots(-0.25, 0.25))],  # -2ηa² = -¼ at η = ½
    "dirac-consensus": [((0, 0), pair(-0.125, 0.5))],  # γ = ½
    "dirac-label-smoothing": [
        ((0, 0), pair(0, 0.4)),
        ((2 * math.log(9), 0.5), [0, -0.09 * ((2 * math.log(9)) ** 2 - 0.25)]),  # F''(t*) = -β(1 - β)
    ],
    "dirac-feature-matching": [((0, 0), [0, 0]), ((0, 1.5), [0, -4.5])],
    "linear-wgan": [((3, 4, 0, 0), pair(0, 1) * 2)],
    "covariance-wgan": [
        (
            (1, 0, 0.5, 1, 0, 0, 0, 0),
            [*pair(0, 2 * math.sqrt(SIGMA[0])), *pair(0, 2 * math.sqrt(SIGMA[1])), *pair(0, math.sqrt(4.5)), 0, 0],
        ),
        (
            (0, 1, 1, 0.5, 0, 1, -1, 0),  # V turned and mirrored, W antisymmetric
            [*pair(0, 2 * math.sqrt(SIGMA[0])), *pair(0, 2 * math.sqrt(SIGMA[1])), *pair(0, math.sqrt(4.5)), 0, 0],
        ),
    ],
    "variance-gan": [((1, 0), pair(0, 2)), ((-1, 0), pair(0, 2))],
    "two-gaussians": [((2, -2, 0, 0), pair(0, math.sqrt(0.5)) + pair(0, math.sqrt(8)))],
    "hidden-bilinear": [((-math.log(3), 0), pair(0, 3 / 64))],
    "matching-pennies": [((0, 0), pair(0, 0.25))],
    "prisoners-dilemma": [],  # no zero but at infinity
    "torus": [],  # below, where its zeros have a closed form
    "duopoly": [((Q1, Q2), [-1.5, -2.5])],
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
    "dirac-kl",
    "dirac-reverse-kl",
    "dirac-pearson",
    "dirac-hellinger",
    "dirac-jensen-shannon",
    "dirac-total-variation",
    "dirac-instance-noise",
    "dirac-label-smoothing",
    "linear-wgan",
    "covariance-wgan",
    "variance-gan",
    "two-gaussians",
    "hidden-bilinear",
    "matching-pennies",
    "hidden-minimax",
    "hidden-maximin",
}
POTENTIAL = {"shared-bilinear-loss", "worst-point", "duopoly"}


def field_of(name):
    made = games.named(name)
    return made.field() if isinstance(made, Game) else made


def test_the_table_of_this_test_covers_the_catalogue():
    assert set(EIGENVALUES) == set(games.CATALOGUE)


@pytest.mark.parametrize("name", EIGENVALUES)
def test_equilibria_have_the_eigenvalues_of_their_source(name):
    field = field_of(name)
    for x, expected in EIGENVALUES[name]:
        assert_allclose(field(x), 0, atol=2e-15)
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
