"""Windows of spiral-and-saddle and of games in closed form: borders, witnesses, and what samples say inside."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis import convergence_windows, fixed_points, multipliers, recommend
from dynsys import InputError, VectorField, games
from dynsys.transforms import consensus
from integrators import Euler
from integrators.method import method_named

SPIRAL = consensus(games.spiral_saddle().field(), 0.5)
BOX = [(-2, 2), (-3, 3)]
RANGES = {"h": (0, 2), "gamma": (0, 3)}


@pytest.fixture(scope="module")
def spiral():
    return convergence_windows(SPIRAL, Euler(), BOX, BOX, RANGES)


def test_the_component_of_small_steps_ends_where_the_spurious_zero_enters_the_box(spiral):
    """θ_s = 1/10 + (1 + γ²/(1 + γ/2))/(5γ), φ_s from (1 + γ/2)v₂ = γv₁; THEORY §3."""
    small, _ = spiral.components
    end = small.values[-1]
    assert_allclose(end, 0.1627564, atol=5e-8)
    theta = 0.1 + (1 + end**2 / (1 + end / 2)) / (5 * end)
    # (1 + γ/2)(-θ - φ/2) = γ(φ - θ/2 + 5θ²/2)
    phi = -((1 + end / 2) * theta + end * (-theta / 2 + 2.5 * theta**2)) / ((1 + end / 2) / 2 + end)
    assert_allclose(phi, -3, atol=1e-7)
    assert "enters the box through phi = -3" in small.ends[1] and small.ends[0] == "the range ends"
    assert small.low.min() == 0 and small.values[0] == 0


def test_a_second_component_opens_where_the_saddle_flips(spiral):
    _, large = spiral.components
    assert_allclose(large.values[0], 0.2730734, atol=5e-8)
    assert any("flip of point" in witness for witness in large.witnesses)
    for h, inside in ((0.4175, True), (0.4173, False), (0.9999, True), (1.0001, False)):
        assert spiral.contains(h=h, gamma=0.4) is inside
    assert not spiral.contains(h=0.3, gamma=0.2)
    assert spiral.contains(h=0.3, gamma=0.1)


def test_samples_say_that_most_starts_do_not_reach_it(spiral):
    small, large = spiral.components
    reached = [fate for fate in large.fates.fates if fate.kind == "fixed point"]
    assert_allclose(reached[0].x, [0, 0], atol=1e-9)
    assert large.fates.share("escape") > 0.5 and large.reached == reached[0].share
    assert small.reached < small.fates.share("fixed point")  # not all of them reach the equilibrium
    outside = [fate for fate in small.fates.fates if fate.kind == "fixed point" and np.linalg.norm(fate.x) > 1]
    assert outside and outside[0].x[1] < -3  # the attractor just outside of the search box is named
    assert "escape" in spiral.text and "enters the box" in spiral.text


def test_the_report_says_how_the_saddle_was_lost_and_what_replaces_it(spiral):
    _, large = spiral.components
    (loss,) = [line for line in large.losses if "lost by a flip" in line]
    assert "attracts below h = " in loss and ("subcritical" in loss or "supercritical" in loss)
    assert any("at no step size" in line for line in large.losses)  # the spurious saddle
    assert "local is not global" in spiral.text and "lost by a flip" in spiral.text
    assert "an attractor outside of the search box" in spiral.text
    (own,) = large.own_borders
    assert "itself stops attracting" in own and "by a Neimark-Sacker" in own


def test_a_larger_search_box_sees_the_attractor_outside():
    found = convergence_windows(SPIRAL, Euler(), BOX, [(-4, 4), (-8, 8)], RANGES, samples=0)
    small = found.components[0]
    assert small.values[-1] < 0.16 and not found.contains(h=0.1, gamma=0.14)
    assert any(branch.spurious for branch in found.branches)
    assert small.fates is None


@settings(max_examples=25)
@given(h=st.floats(0.02, 1.95), gamma=st.floats(0.02, 2.95))
def test_inside_the_window_exactly_the_targets_attract(spiral, h, gamma):
    w = SPIRAL.with_parameters(gamma=gamma)
    attracting = [
        bool(np.abs(p.x).max() < 1e-9)
        for p in fixed_points(w, BOX, starts=64)
        if np.abs(multipliers(w, p.x, Euler(), h)).max() < 1
    ]
    assert spiral.contains(h=h, gamma=gamma) == (attracting == [True])


def test_the_window_of_the_curl_field_is_its_critical_step():
    w = consensus(games.curl().field(), 0.5)
    found = convergence_windows(w, Euler(), [(-1, 1)] * 2, [(-2, 2)] * 2, RANGES, samples=20)
    (part,) = found.components
    inner = slice(1, -1)
    assert_allclose(part.high[inner], 2 * part.values[inner] / (1 + part.values[inner] ** 2), rtol=1e-9)
    assert part.fates.share("fixed point") == 1
    assert part.witnesses == ("the range", "Neimark-Sacker of point 1")


def test_any_parameter_any_target_and_another_method():
    """ẋ = px - x³: 0 attracts for p < 0, ±√p beyond; under alternating steps of one player it is Euler."""
    field = VectorField(("p*x - x**3",), ("x",), {"p": 0.5})
    origin = lambda label: abs(label.x[0]) < 1e-9  # noqa: E731
    found = convergence_windows(field, Euler(), [(-1, 1)], [(-3, 3)], {"h": (0, 1), "p": (-1, 1)}, origin, samples=9)
    part = found.components[0]
    assert part.values[0] == -1 and abs(part.values[-1]) < 1e-8
    assert found.contains(h=0.5, p=-0.5) and not found.contains(h=0.5, p=0.5)
    slow = convergence_windows(
        SPIRAL, method_named("runge-kutta4"), BOX, BOX, {"h": (0, 1), "gamma": (0.3, 0.5)}, samples=0
    )
    assert slow.components


def test_an_empty_window_is_said_to_be_one():
    found = convergence_windows(SPIRAL, Euler(), BOX, BOX, {"h": (1.5, 2), "gamma": (0.5, 3)}, samples=5)
    assert found.components == () and "the window is empty: no target attracts at these step sizes" in found.text
    shared = VectorField(("x - x**3 + 0*p",), ("x",), {"p": 0.5})
    right = convergence_windows(
        shared, Euler(), [(-1, 1)], [(-2, 2)], {"h": (0, 0.5), "p": (0, 1)}, lambda label: label.x[0] > 0.5, samples=0
    )
    assert right.components == () and "another point does, too" in right.text
    nobody = convergence_windows(
        shared, Euler(), [(-1, 1)], [(-2, 2)], {"h": (0, 0.5), "p": (0, 1)}, lambda label: False, samples=0
    )
    assert "no target was found" in nobody.text
    assert not found.contains(h=1.7, gamma=1)


def test_the_recommended_point_is_inside_serves_most_and_its_margins_are_those_of_the_window(spiral):
    found = recommend(spiral, samples=100)
    assert spiral.contains(h=found.h, gamma=found.value)
    assert found.low <= found.reached <= found.high
    assert found.reached >= max(part.reached for part in spiral.components) - 0.1
    for share, inside in ((0.99, True), (1.01, False)):
        assert spiral.contains(h=found.h + share * found.up, gamma=found.value) is inside
    assert spiral.contains(h=found.h, gamma=found.value + 0.99 * found.right)
    assert spiral.contains(h=found.h, gamma=found.value - 0.99 * found.left)
    assert "of the starts reach a target" in found.text
    json.dumps(found.to_dict())


def test_of_an_empty_window_nothing_is_recommended():
    empty = convergence_windows(SPIRAL, Euler(), BOX, BOX, {"h": (1.5, 2), "gamma": (0.5, 3)}, samples=0)
    with pytest.raises(InputError, match="nothing can be recommended: the window is empty"):
        recommend(empty)


def test_the_answer_is_plain_data_too(spiral):
    data = json.loads(json.dumps(spiral.to_dict()))
    assert len(data["components"]) == 2 and data["method"] == "euler"
    assert all("exact count" in line for line in data["completeness"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ranges": {"h": (0, 1)}}, "one parameter"),
        ({"ranges": {"h": (0, 1), "gama": (0, 1)}}, "did you mean 'gamma'"),
        ({"ranges": {"h": (1, 0), "gamma": (0, 1)}}, "lo < hi"),
        ({"ranges": {"h": (0, 1), "gamma": 3}}, r"give \(lo, hi\)"),
        ({"target": "nahs"}, "did you mean 'nash'"),
        ({"search": [(0, 1)]}, "search must hold a pair"),
        ({"method": method_named("adam")}, "no window"),
    ],
)
def test_bad_questions_are_refused(change, words):
    given = {"method": Euler(), "starts": BOX, "search": BOX, "ranges": RANGES} | change
    with pytest.raises(InputError, match=words):
        convergence_windows(SPIRAL, **given)


def test_a_wrong_name_is_refused_when_asking_for_a_point(spiral):
    with pytest.raises(InputError, match="give h= and gamma="):
        spiral.contains(h=0.1, kappa=1)
