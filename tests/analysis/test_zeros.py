"""Fixed points: all of them, none twice, none on a plateau, against closed forms."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis import fixed_points
from dynsys import Game, InputError, VectorField, games
from dynsys.transforms import consensus

few = settings(max_examples=max(8, settings.default.max_examples // 4))
hundredths = st.integers(-180, 180).map(lambda k: k / 100)
apart = lambda n: st.lists(st.integers(-18, 18), min_size=n, max_size=n, unique=True)  # noqa: E731
FACTORED = VectorField(
    ("(x + s*y - a)*(x + s*y - b)*(x + s*y - c)", "(y - t*x - d)*(y - t*x - e)"),
    ("x", "y"),
    dict.fromkeys("abcdest", 0.0),
)
DIRAC = games.dirac_gan().field()
DIRAC_CONSENSUS = consensus(DIRAC, 1.0)
SPIRAL_CONSENSUS = consensus(games.spiral_saddle().field(), 0.5)
CUBIC_CONSENSUS = consensus(VectorField(("x - x**3",), ("x",)), 2.0)
SINE = games.sine().field()
WIDE = [(-8, 8)] * 2


def positions(points):
    return np.array([p.x for p in points]).reshape(len(points), -1)


@few
@given(first=apart(3), second=apart(2), s=hundredths, t=hundredths)
def test_every_zero_of_a_sheared_product_of_linear_factors_is_found(first, second, s, t):
    shear = np.array([[1, s], [-t, 1]])
    assume(abs(np.linalg.det(shear)) > 0.3)
    a, b, c = (k / 10 for k in first)
    d, e = (k / 10 for k in second)
    expected = [np.linalg.solve(shear, [u, w]) for u in (a, b, c) for w in (d, e)]
    found = fixed_points(FACTORED.with_parameters(a=a, b=b, c=c, d=d, e=e, s=s, t=t), [(-20, 20)] * 2, starts=64)
    assert len(found) == 6
    assert_allclose(positions(found), sorted(map(tuple, expected)), atol=1e-12)
    assert found.completeness.complete is True
    assert found.completeness.real_zeros == 6
    assert found.completeness.degree == found.completeness.index_sum


def test_zeros_outside_the_box_are_counted_but_not_listed():
    values = {"a": -1, "b": 0.5, "c": 9, "d": 0, "e": 1, "s": 0, "t": 0}
    found = fixed_points(FACTORED.with_parameters(**values), [(-2, 2), (-0.5, 0.5)])
    assert positions(found).tolist() == [[-1, 0], [0.5, 0]]
    assert found.completeness.real_zeros == found.completeness.accounted == 6
    assert "2 of them in the box" in found.completeness.text


@pytest.mark.parametrize("starts", [1, 300])
def test_an_exact_count_finds_what_the_search_misses(starts):
    """Thirty-one zeros a tenth apart: too many for a handful of starts."""
    v = VectorField(("*".join(f"(x - ({k})/10)" for k in range(-15, 16)),), ("x",))
    found = fixed_points(v, [(-2, 2)], starts=starts)
    assert_allclose(positions(found).ravel(), np.arange(-15, 16) / 10, atol=1e-15)
    assert found.completeness.complete is True


def test_on_the_plateaus_of_the_logistic_dirac_gan_there_is_no_zero():
    found = fixed_points(DIRAC, WIDE)
    assert positions(found).tolist() == [[0, 0]]
    assert np.linalg.norm(DIRAC([5.9, 5.9])) < 1e-13  # although v is this small there
    assert found.completeness.degree == found.completeness.index_sum == 1


@pytest.mark.parametrize("gamma", [0.1, 1.0, 20.0])
def test_consensus_on_the_logistic_dirac_gan_has_exactly_one_pair_of_spurious_zeros(gamma):
    found = fixed_points(DIRAC_CONSENSUS.with_parameters(gamma=gamma), WIDE)
    t, excess = 0.7388350311316, 1 / (gamma * 0.2187625987309)  # θψ and ψ² - θ²
    theta = np.sqrt((-excess + np.sqrt(excess**2 + 4 * t**2)) / 2)
    pair = [[-theta, -t / theta], [0, 0], [theta, t / theta]]
    assert_allclose(positions(found), pair, atol=1e-9)
    assert [p.spurious for p in found] == [True, False, True]
    for p in found:
        assert_allclose(p.base_speed, np.linalg.norm(DIRAC(p.x)), atol=1e-12)
        assert_allclose(p.eigenvalues[0].real > 0, p.spurious)  # saddles of w; the origin attracts
    J = DIRAC.jacobian(found[2].x)
    assert_allclose(np.sort(np.linalg.eigvals(J).real), [0, 1 / gamma], atol=1e-9 / gamma)


@few
@given(gamma=st.integers(80, 3000).map(lambda k: k / 1000))
def test_consensus_on_spiral_and_saddle_has_one_spurious_zero_in_closed_form(gamma):
    assume(abs(gamma - 1 / (2 + np.sqrt(21) / 2)) > 0.005)  # there it passes through the saddle
    theta = 0.1 + (1 + gamma**2 / (1 + gamma / 2)) / (5 * gamma)
    phi = -(theta + 2.5 * gamma * theta**2) / (0.5 + 1.25 * gamma)  # (1 + γ/2) v₂ = γ v₁
    found = fixed_points(SPIRAL_CONSENSUS.with_parameters(gamma=gamma), [(-1, 4), (-12, 3)])
    spurious = [p for p in found if p.spurious]
    assert len(found) == 3
    assert len(spurious) == 1
    assert_allclose(spurious[0].x, [theta, phi], atol=1e-10)
    inherited = {tuple(p.x) for p in found if not p.spurious}
    assert inherited == {(0, 0), (1, -2)}


def test_the_sine_game_has_9_centres_and_4_saddles_at_multiples_of_half_pi():
    found = fixed_points(SINE)
    centres = set(itertools.product([-1, 0, 1], repeat=2))
    saddles = set(itertools.product([-0.5, 0.5], repeat=2))
    assert {tuple((p.x / np.pi).round(9).tolist()) for p in found} == centres | saddles
    assert len(found) == 13
    assert all(p.exact is not None for p in found)
    assert found.completeness.degree == found.completeness.index_sum == 9 - 4


@pytest.mark.parametrize(("gamma", "spurious"), [(0.5, 0), (1.5, 2), (2.0, 2), (10.0, 2)])
def test_in_one_variable_spurious_zeros_are_born_in_a_pitchfork_at_gamma_1(gamma, spurious):
    found = fixed_points(CUBIC_CONSENSUS.with_parameters(gamma=gamma), [(-3, 3)])
    new = [p.x[0] for p in found if p.spurious]
    assert_allclose(new, np.array([-1, 1][:spurious]) * np.sqrt(abs(gamma - 1) / (3 * gamma)), atol=1e-12)
    assert [p.x[0] for p in found if not p.spurious] == [-1, 0, 1]
    assert found.completeness.real_zeros == 3 + spurious


def test_at_the_pitchfork_itself_there_is_one_degenerate_zero():
    found = fixed_points(CUBIC_CONSENSUS.with_parameters(gamma=1), [(-3, 3)])
    assert positions(found).ravel().tolist() == [-1, 0, 1]
    assert [p.degenerate for p in found] == [False, True, False]


def test_the_three_equilibria_of_lorenz_are_found_in_three_variables():
    c = np.sqrt(72)
    found = fixed_points(games.lorenz())
    assert_allclose(positions(found), [[-c, -c, 27], [0, 0, 0], [c, c, 27]], atol=1e-12)
    assert found.completeness.complete is None
    assert found.completeness.text.startswith("not certified")


def test_a_regular_zero_is_proved_and_its_error_estimated():
    for field, box in ((SINE, None), (DIRAC_CONSENSUS, WIDE), (games.lorenz(), None)):
        for p in fixed_points(field, box):
            J, v = field.jacobian(p.x), field(p.x)
            assert_allclose(p.jacobian, J, atol=1e-12)
            assert_allclose(p.newton_step, np.linalg.norm(np.linalg.solve(J, v)), atol=1e-14)
            assert_allclose(p.residual, np.linalg.norm(v), atol=1e-15)
            assert p.newton_step < 1e-13
            assert p.kantorovich < 1e-9
            assert not p.degenerate


def test_one_seed_gives_one_result_and_other_seeds_the_same_zeros():
    one, again, other = (fixed_points(SINE, seed=seed) for seed in (3, 3, 4))
    assert positions(one).tolist() == positions(again).tolist()
    assert one.completeness == again.completeness
    assert_allclose(positions(one), positions(other), atol=1e-12)


def test_where_a_payoff_has_no_real_value_there_is_no_fixed_point_of_the_game():
    game = Game({"x": ["x"]}, {"x": "log(x) + x"})  # v = 1/x + 1 vanishes at -1, where the logarithm is undefined
    assert len(fixed_points(game.field(), [(-3, 3)])) == 0
    assert positions(fixed_points(VectorField(("1/x + 1",), ("x",)), [(-3, 3)])).tolist() == [[-1]]


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ([(1, 1), (0, 1)], "box for theta is"),
        ([(1, -1), (0, 1)], "the lower end must be below the upper"),
        ([(0, 1)], "a pair"),
        ([(0, np.nan), (0, 1)], "finite"),
        ([(0, np.inf), (0, 1)], "finite"),
        ({"theta": (0, 1)}, "no interval for 'phi'"),
        ({"theta": (0, 1), "phy": (0, 1)}, "did you mean 'phi'"),
        (3, "box is 3"),
    ],
)
def test_a_box_that_is_none_is_refused(box, words):
    with pytest.raises(InputError, match=words):
        fixed_points(games.curl().field(), box)


def test_what_has_no_fixed_points_is_refused():
    with pytest.raises(InputError, match="time"):
        fixed_points(VectorField(("x + t",), ("x",), time="t"), [(0, 1)])
    with pytest.raises(InputError, match="box is missing"):
        fixed_points(FACTORED)
    with pytest.raises(InputError, match="starts"):
        fixed_points(FACTORED, WIDE, starts=0)
