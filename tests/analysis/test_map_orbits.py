"""What orbits settle on: closed forms of cycles and rotation numbers, one orbit however it is sampled, bad input."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis import multipliers, recurrent_orbit, recurrent_orbits
from analysis.iterations import Iteration
from dynsys import Game, InputError, VectorField, games
from integrators import Alternating, Euler, HeavyBall, SignGradient

CURL = games.curl().field()
R1 = Game(
    players={"theta": ["theta"], "psi": ["psi"]},
    payoffs={"theta": "softplus(-theta*psi)", "psi": "-softplus(-theta*psi) - kappa/2*psi**2"},
    parameters={"kappa": 0.5},
).field()
LOGISTIC = VectorField.from_map(["r*x*(1 - x)"], ["x"], {"r": 3.2})
HENON = VectorField.from_map(["1 - a*x**2 + y", "b*x"], ["x", "y"], {"a": 1.4, "b": 0.3})
KICKED = ["x + p + k/(2*pi)*sin(2*pi*x)", "p + k/(2*pi)*sin(2*pi*x)"]
STANDARD = VectorField.from_map(KICKED, ["x", "p"], {"k": 0.5}, period=[1, 1])
few = settings(max_examples=8)
short = {"transient": 256, "steps": 2048}


def test_alternating_gradient_on_the_curl_field_turns_by_its_closed_form_to_1e_8():
    """ζ² - (2 - s²)ζ + 1 = 0 has |ζ| = 1 and cos 2πρ = 1 - s²/2; θ² + φ² - hθφ is conserved."""
    found = recurrent_orbit(CURL, [1, 0], Alternating(), 1.2)
    assert found.kind == "invariant curve" and found.pieces == 1
    assert abs(found.rotation.value - math.acos(1 - 1.2**2 / 2) / (2 * math.pi)) < 1e-12
    assert found.attracts is None and found.continuum  # an ellipse through every start: no attractor
    theta, phi = found.points.T
    assert_allclose(theta**2 + phi**2 - 1.2 * theta * phi, 1, rtol=1e-10)
    assert_allclose(found.centre, 0, atol=1e-9)
    assert "neutral, one of a continuum" in found.text


def test_a_rational_rotation_is_a_continuum_of_cycles_not_many():
    """s = 1: cos 2πρ = ½, so that the sixth iterate is the identity."""
    found = recurrent_orbits(CURL, [[1, 0], [0.5, 0.3], [2, 1]], Alternating(), 1.0, transient=0)
    assert len(found) == 1 and found[0].continuum and found[0].period == 6
    assert_allclose(found[0].multipliers, 1, atol=1e-6)


def test_a_small_curve_is_not_taken_for_the_fixed_point_in_its_middle():
    found = recurrent_orbit(CURL, [0.01, 0], Alternating(), 1.2, transient=0, steps=4096)
    assert found.kind == "invariant curve" and found.radius < 0.02


def test_the_two_cycle_of_the_logistic_map_has_its_closed_form():
    """x = (r + 1 ± √((r - 3)(r + 1)))/2r, multiplier 4 + 2r - r²."""
    found = recurrent_orbit(LOGISTIC, [0.3], Euler(), 1.0)
    r, root = 3.2, math.sqrt(0.2 * 4.2)
    assert (found.kind, found.period, found.attracts) == ("cycle", 2, True)
    assert_allclose(found.points[:, 0], [(r + 1 - root) / (2 * r), (r + 1 + root) / (2 * r)], rtol=1e-14)
    assert_allclose(found.multipliers, 4 + 2 * r - r * r, rtol=1e-12)
    assert_allclose(found.radius, root / (2 * r), rtol=1e-12)


@few
@given(x=st.floats(0.05, 0.95).filter(lambda x: abs(x - 1 + 1 / 3.5) > 1e-3), skipped=st.integers(300, 340))
def test_a_cycle_is_the_same_from_every_start_and_whatever_the_transient(x, skipped):
    """The period is the least one for transients of 300 to 340 steps, multiples of the period or not."""
    v = LOGISTIC.with_parameters(r=3.5)
    known = recurrent_orbit(v, [0.4], Euler(), 1.0, **short)
    found = recurrent_orbit(v, [x], Euler(), 1.0, transient=skipped, steps=2048)
    assert (found.kind, found.period) == ("cycle", 4) and found.same_as(known)
    assert_allclose(found.points, known.points, atol=1e-12)


def test_a_cycle_is_found_once_from_many_starts():
    v = LOGISTIC.with_parameters(r=3.83)
    found = recurrent_orbits(v, np.linspace(0.1, 0.9, 5)[:, None], Euler(), 1.0, transient=1024)
    assert [(o.kind, o.period) for o in found] == [("cycle", 3)]


def test_multipliers_are_those_of_the_iterated_update_and_fixed_points_have_period_one():
    found = recurrent_orbit(R1, [0.3, 0.2], Euler(), 1.0, transient=200, steps=1024)
    assert (found.kind, found.period, found.attracts) == ("fixed point", 1, True)
    assert_allclose(found.multipliers, multipliers(R1, [0, 0], Euler(), 1.0), atol=1e-12)
    assert_allclose(found.points, 0, atol=1e-12)


def test_at_its_border_an_orbit_that_creeps_to_its_fixed_point_is_no_cycle():
    for v, x, h in ((LOGISTIC.with_parameters(r=3.0), [0.4], 1.0), (R1, [0.3, 0.2], 2.0)):
        found = recurrent_orbit(v, x, Euler(), h)
        assert found.kind == "fixed point" and found.attracts is None and not found.continuum


def test_beyond_the_border_r1_ends_on_an_attracting_curve_which_its_update_keeps():
    found = recurrent_orbit(R1, [0.3, 0.2], Euler(), 2.1)
    assert found.kind == "invariant curve" and found.attracts and found.exponent.value < 0
    iteration = Iteration(R1, Euler(), 2.1)
    image = iteration.image(found.states[::32].T).T
    gaps = np.linalg.norm(image[:, None] - found.states[None], axis=2).min(1)
    assert gaps.max() < 2e-3 * found.radius
    other = recurrent_orbit(R1, [-0.5, 0.4], Euler(), 2.1, transient=5000)
    assert found.same_as(other)
    assert_allclose(other.rotation.value, found.rotation.value, atol=1e-9)


def test_a_circle_of_an_island_of_the_standard_map_is_neutral_among_others():
    v = VectorField.from_map(
        ["x + y + k*sin(x)", "y + k*sin(x)"], ["x", "y"], {"k": -0.9}, period=[2 * math.pi, 2 * math.pi]
    )
    around = recurrent_orbit(v, [0.1, 0.0], Euler(), 1.0, transient=0)
    assert around.kind == "invariant curve" and around.pieces == 1 and around.attracts is None and around.continuum


@pytest.mark.parametrize(("start", "period"), [((0.45, 0.0), 35), ((0.5, 0.02), 61), ((0.1, 0.4), 58)])
def test_a_curve_beside_a_neutral_cycle_is_not_taken_for_it_and_the_cycle_is(start, period):
    """The curve's rotation number is the mean angle of a long orbit; Newton's method gives the cycle beside it."""
    iteration = Iteration(STANDARD, Euler(), 1.0)
    around = recurrent_orbit(STANDARD, start, Euler(), 1.0)
    rows = iteration.orbit(np.array(start), 50_000)
    assert np.abs(iteration.difference(rows[period], rows[0])).max() > 1e-6  # it does not close
    x, p = iteration.difference(rows.T, np.array([[0.5], [0.0]]))
    angle = np.unwrap(np.arctan2(p, x)) / (2 * np.pi) if start[1] < 0.1 else np.unwrap(x, period=1.0)
    assert around.kind == "invariant curve" and around.attracts is None
    assert_allclose(around.rotation.value, (angle[-1] - angle[0]) / 50_000 % 1, atol=5e-5)
    on_it = recurrent_orbit(STANDARD, iteration.closed(np.array(start), period, 0.1), Euler(), 1.0, transient=0)
    assert (on_it.kind, on_it.period, on_it.attracts) == ("cycle", period, None)


def test_an_orbit_that_drifts_to_infinity_is_not_at_a_fixed_point_far_from_it():
    unbounded = VectorField.from_map(KICKED, ["x", "p"], {"k": 0.5})
    assert recurrent_orbit(unbounded, [0.1, 0.4], Euler(), 1.0).kind == "irregular"


@pytest.mark.parametrize("pull", [2e-3, 1e-5, 1e-6])
def test_a_cycle_of_a_hundred_steps_on_a_circle_is_a_cycle_whatever_longest(pull):
    """The hundredth of a turn and pull sin 100a, 0 at the 100 points 2πk/100 + π/100: (1 - 100 pull)¹⁰⁰ on them."""
    update = ["r + 0.3*r*(1 - r)", "a + 2*pi/100 + pull*sin(100*a)"]
    v = VectorField.from_map(update, ["r", "a"], {"pull": pull}, period=[None, 2 * math.pi])
    for longest in (64, 128):
        found = recurrent_orbit(v, [0.6, 0.3], Euler(), 1.0, longest=longest)
        assert (found.kind, found.period, found.attracts) == ("cycle", 100, True)
        assert_allclose(found.multipliers, [(1 - 100 * pull) ** 100, 0.7**100], atol=1e-12)
        assert_allclose(np.sort(found.points[:, 1]), np.pi / 100 * (2 * np.arange(100) + 1), atol=1e-9)


def test_an_orbit_of_a_rational_turn_closes_after_its_denominator():
    """2 - 2 cos 2πρ = h² for alternating gradient on the curl field: at ρ = 31/201 each orbit is a cycle of 201."""
    h = 2 * math.sin(math.pi * 31 / 201)
    found = recurrent_orbit(CURL, [1, 0], Alternating(), h, transient=0)
    assert (found.kind, found.period, found.continuum) == ("cycle", 201, True)


def test_chaos_is_neither_cycle_nor_curve_and_escape_is_escape():
    found = recurrent_orbit(HENON, [0.1, 0.1], Euler(), 1.0, steps=8192)
    assert found.kind == "irregular" and found.attracts is None and "uncertain" in found.text
    assert recurrent_orbit(CURL, [1, 0], Euler(), 1.0).kind == "escape"
    assert recurrent_orbit(HENON, [9, 9], Euler(), 1.0).text == "escape"


def test_an_irregular_orbit_is_not_said_to_turn_uncertainly_by_nothing():
    """x -> 4x(1 - x) beside a turn that is certain: chaos in x, a rotation by 0.7 of a in [0, 2π)."""
    v = VectorField.from_map(["4*x*(1 - x)", "a + 0.7"], ["x", "a"], period=[None, 2 * math.pi])
    found = recurrent_orbit(v, [0.3, 0.1], Euler(), 1.0, transient=64, steps=4096)
    assert found.kind == "irregular" and found.rotation.error < 1e-12 and "uncertain" not in found.text


def test_the_words_give_places_below_rounding_as_zero_and_the_repr_is_short():
    found = recurrent_orbit(VectorField(("-x", "1 - y"), ("x", "y")), [0.3, 0.4], Euler(), 0.5)
    assert 0 <= abs(found.points[0, 0]) < 1e-15
    assert found.text == "fixed point at (0, 1), attracts" and repr(found) == f"RecurrentOrbit({found.text})"
    tiny = replace(found, points=np.array([[5e-324, 1.0]]))
    assert tiny.text == found.text


def test_rest_on_a_plateau_is_no_fixed_point():
    """Saturated, the Dirac-GAN's step is below rounding where its field has no zero (THEORY §3)."""
    found = recurrent_orbit(games.dirac_gan().field(), [5.7, 14.5], Alternating(), 3.0, transient=16, steps=512)
    assert found.kind == "stalled"


def test_a_state_that_returns_by_a_whole_turn_is_a_fixed_point():
    turn = VectorField.from_map(["r + 0.3*r*(1 - r)", "a + 1 + 0.1*sin(2*pi*a)"], ["r", "a"], period=[None, 1.0])
    found = recurrent_orbit(turn, [0.6, 0.3], Euler(), 1.0)
    assert found.kind == "fixed point" and found.attracts
    assert_allclose(found.multipliers, [0.7, 1 - 0.2 * math.pi], atol=1e-9)


def test_a_method_with_memory_cycles_in_its_whole_state():
    """x -> -x needs h(x³ - x)… with heavy ball: x² = 2(1 + β)/h + 1 beyond the flip of x = ±1 is a cycle of two."""
    v = VectorField(("-x - x**3",), ("x",))
    beta, h = 0.3, 2.2
    exact = math.sqrt(2 * (1 + beta) / h - 1)
    found = Iteration(v, HeavyBall(beta), h).closed(np.array([exact * 1.001, -2 * exact]), 2)
    assert_allclose(abs(found[0]), exact, rtol=1e-12)


def test_methods_without_a_derivative_have_cycles_that_close_exactly():
    v = VectorField(("-x",), ("x",))
    found = recurrent_orbit(v, [0.25], SignGradient(), 0.5, transient=16, steps=512)
    assert (found.kind, found.period, found.multipliers) == ("cycle", 2, None)
    assert_allclose(np.sort(found.points[:, 0]), [-0.25, 0.25])


def test_inverse_images_and_derivatives_of_the_henon_map_are_those_of_its_formulas():
    iteration = Iteration(HENON, Euler(), 1.0)
    x, y = 0.4, -0.2
    assert_allclose(iteration.jacobian(np.array([x, y]), 2), _henon(1 - 1.4 * x * x + y) @ _henon(x), rtol=1e-13)
    target = np.array([0.3, 0.1])
    exact = np.array([target[1] / 0.3, target[0] - 1 + 1.4 * (target[1] / 0.3) ** 2])
    targets, guesses = np.column_stack([target, target]), np.column_stack([exact + 0.1, exact - 0.2])
    assert_allclose(iteration.preimages(targets, guesses), np.column_stack([exact, exact]), rtol=1e-12)


def _henon(x):
    return np.array([[-2.8 * x, 1.0], [0.3, 0.0]])


def test_results_are_plain_numbers():
    for start, method in (([1, 0], Alternating()), ([0.3, 0.2], Euler())):
        found = recurrent_orbit(CURL, start, method, 1.2, transient=0, steps=2048)
        assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["kind"] == found.kind


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2, 3], Euler(), 0.1), "variables"),
        (([np.nan, 0], Euler(), 0.1), "x0 is"),
        (([1, 0], Euler(), -1), "h is -1"),
        (([1, 0], Euler, 0.1), r"write Euler\(\)"),
        (([1, 0], Euler(), 0.1, -4), "transient is -4"),
        (([1, 0], Euler(), 0.1, 4, 10), "steps is 10"),
        (([1, 0], Euler(), 0.1, 4, 4096, 5000), "longest is 5000; at most 2048"),
    ],
)
def test_bad_input_is_refused_with_its_remedy(arguments, message):
    with pytest.raises(InputError, match=message):
        recurrent_orbit(CURL, *arguments)


def test_fields_in_time_and_single_starts_are_refused():
    with pytest.raises(InputError, match="depends on time"):
        recurrent_orbit(VectorField(("sin(t)",), ("x",), time="t"), [0.1], Euler(), 0.1)
    with pytest.raises(InputError, match="starts has shape"):
        recurrent_orbits(CURL, [1, 0], Euler(), 0.1)
