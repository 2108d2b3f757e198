"""Basins: what their attractors are, how large they are, and what is none."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis import basins, plot_basins, uncertainty_exponent
from analysis.attractors import attracting_cycle, cycle_near, swallowed_radius
from analysis.basin_examples import EXAMPLES
from analysis.recurrences import Search
from analysis.state_maps import PeriodMap, UpdateMap
from dynsys import ArrayField, InputError, VectorField, games
from dynsys.kernels import compiling
from integrators import DormandPrince, Euler, RungeKutta4, method_named
from integrators.arrivals import ESCAPE, UNDECIDED

NEWTON, NEWTONS = EXAMPLES["newton"]()
WELLS = VectorField(["y", "x - x**3 - 0.5*y"], ["x", "y"], box=[(-2, 2), (-2, 2)])
TWINS = VectorField(["x - x**3", "-y"], ["x", "y"], box=[(-2, 2), (-1, 1)])
compiled = pytest.mark.skipif(not compiling(), reason="takes minutes without compilation")


def share(found, x, tolerance=1e-3):
    """That of the attractor through the point x."""
    near = [np.abs(a.points - x).max(1).min() < tolerance for a in found.attractors]
    return found.shares[near.index(True)]


# --- what is known ------------------------------------------------------------------------------------


def test_newtons_map_shares_a_disk_in_thirds():
    found = basins(NEWTON, resolution=300 if compiling() else 100, **NEWTONS)
    thirds = found.shares_within(np.hypot(*np.meshgrid(found.x, found.y)) < 1)
    assert [a.kind for a in found.attractors] == ["fixed point"] * 3
    assert all(s.low <= 1 / 3 <= s.high for s in thirds[:3]) and sum(s.count for s in thirds[3:]) == 0
    roots = sorted(np.angle([complex(*a.points[0]) for a in found.attractors]))
    assert_allclose(roots, [-2 * np.pi / 3, 0, 2 * np.pi / 3], atol=1e-9)
    assert all(abs(a.multipliers).max() < 1e-7 for a in found.attractors)  # Newton's method: double zeros


def test_the_border_of_newtons_basins_has_the_known_uncertainty_exponent():
    found = basins(NEWTON, resolution=20, **NEWTONS)
    pairs, most = (40_000, 0.02) if compiling() else (4_000, 0.06)  # a tenth of the pairs, thrice the error
    told = uncertainty_exponent(found, pairs=pairs)
    assert abs(told.alpha - 0.555) < most
    assert told.error < most and told.dimension == 2 - told.alpha
    assert told.epsilons[0] == pytest.approx(1e-5) and told.epsilons[-1] == pytest.approx(1e-2)


@compiled
def test_henons_map_diverges_from_the_known_share_of_starts():
    field, chosen = EXAMPLES["henon"]()
    found = basins(field, resolution=2000, **chosen)
    (attractor,) = found.attractors
    assert attractor.kind == "recurrent set" and attractor.contraction == pytest.approx(np.log(0.3))
    (escape,) = (s for s in found.shares if s.label == ESCAPE)
    assert abs(escape.share - 0.56750) < 2e-4 and found.shares[0].share == pytest.approx(1 - escape.share, abs=1e-5)


@compiled
def test_the_magnetic_pendulum_treats_its_mirrored_magnets_alike():
    field, chosen = EXAMPLES["magnetic-pendulum"]()
    found = basins(field, box=[(-2, 2), (-2, 2)], resolution=40, **chosen | {"tolerance": 1e-6})
    assert len(found.attractors) == 3 and {s.count for s in found.shares[3:]} == {0}
    for a in found.attractors:  # it rests beside a magnet, so the magnets attract
        assert min(abs(complex(*a.points[0, :2]) - np.exp(2j * np.pi * k / 3)) for k in range(3)) < 0.02
    first = next(i for i, a in enumerate(found.attractors) if a.points[0, 0] > 0)
    one, other = (s for i, s in enumerate(found.shares[:3]) if i != first)
    assert abs(one.count - other.count) <= 8
    assert abs(found.shares[first].share - 0.335) < 0.03


@compiled
def test_duffings_wells_share_the_strobed_plane():
    field, chosen = EXAMPLES["duffing"]()
    found = basins(field, resolution=30, **chosen | {"tolerance": 1e-6})
    assert [a.period for a in found.attractors] == [1, 1]
    determinant = np.exp(-0.15 * 2 * np.pi)  # Liouville's formula
    for a in found.attractors:
        assert_allclose(np.prod(a.multipliers).real, determinant, rtol=1e-5)
    assert all(s.low < 0.5 < s.high for s in found.shares[:2])


# --- theorems -----------------------------------------------------------------------------------------


@given(st.integers(-90, 90), st.integers(-90, 90), st.integers(-200, 200))
@settings(max_examples=6)
def test_a_linear_contraction_takes_every_start_to_its_zero(i, j, k):
    a, b, c = i / 100, j / 100, k / 100
    field = VectorField.from_map([f"{a!r}*x + {c!r}*y", f"{b!r}*y"], ["x", "y"])
    found = basins(ArrayField(field, field.jacobian, field.variables), Euler(), [(-1, 1)] * 2, 9, h=1.0)
    assert found.shares[0].share == 1
    assert_allclose(np.sort(np.abs(found.attractors[0].multipliers)), np.sort(np.abs([a, b])), atol=1e-7)


def test_twins_are_kept_apart_and_share_alike():
    found = basins(TWINS, Euler(), resolution=(60, 31), h=0.1)
    assert_allclose(sorted(a.points[0, 0] for a in found.attractors), [-1, 1])
    assert [s.count for s in found.shares] == [930, 930, 0, 0]
    assert (found.labels == found.labels[:1]).all() and len(set(found.labels[0, :30])) == 1
    odd = basins(WELLS, RungeKutta4(), resolution=40, h=0.2)
    assert (odd.labels == 1 - odd.labels[::-1, ::-1]).all()  # v(-x) = -v(x)


def test_a_cycle_is_counted_once_with_its_multiplier():
    """The logistic map at r has a cycle of two with multiplier 4 + 2r - r²."""
    field = VectorField.from_map(["3.2*x*(1 - x)", "y/2"], ["x", "y"])
    found = basins(field, Euler(), [(0.01, 0.99), (-1, 1)], 40, h=1.0)
    (cycle,) = found.attractors
    assert (cycle.kind, cycle.period, found.shares[0].share) == ("cycle", 2, 1.0)
    assert_allclose(cycle.multipliers, [0.25, 0.16], atol=1e-9)
    assert cycle.points[0, 0] < cycle.points[1, 0]
    given = basins(field, Euler(), [(0.01, 0.99), (-1, 1)], 40, h=1.0, attractors=[[[0.8, 0], [0.51, 0]]])
    assert (given.labels == found.labels).all() and (given.times == found.times).all()


def test_newtons_method_for_a_multiple_of_the_period_finds_the_cycle_of_least_period():
    field = VectorField.from_map(["3.2*x*(1 - x)", "y/2"], ["x", "y"])
    f = UpdateMap(field, Euler(), 1.0, 1e8)
    for period, found in ((2, 2), (4, 2), (6, 2)):
        assert len(cycle_near(f, np.array([0.51, 0.0]), period, 0.5)) == found
    assert len(cycle_near(f, np.array([0.69, 0.0]), 4, 0.5)) == 1  # the fixed point, which repels


def test_a_limit_cycle_in_small_steps_is_a_recurrent_set():
    field = VectorField(["y", "(1 - x**2)*y - x"], ["x", "y"])
    found = basins(field, Euler(), [(-3, 3)] * 2, 16, h=0.1, steps=4000)
    (curve,) = found.attractors
    assert curve.kind == "recurrent set" and curve.period is None and curve.contraction < 0
    assert found.shares[0].share > 0.99 and 1.9 < curve.points[:, 0].max() < 2.3


@compiled
def test_a_limit_cycle_of_a_flow_is_found_whatever_the_time_between_looks():
    field = VectorField(["y", "(1 - x**2)*y - x"], ["x", "y"])
    found = basins(field, DormandPrince(), [(-3, 3)] * 2, 8, period=1.0)
    (curve,) = found.attractors
    assert curve.kind == "recurrent set" and found.shares[0].share > 0.99
    assert_allclose(np.abs(curve.points[:, 0]).max(), 2.00861986, atol=1e-3)


@compiled
def test_the_chaos_of_a_driven_oscillator_is_one_attractor():
    field = VectorField(["v", "B*cos(t) - x**3 - k*v"], ["x", "v"], {"B": 7.5, "k": 0.05}, time="t")  # Ueda (1979)
    found = basins(field, DormandPrince(), [(-3, 3)] * 2, 4, period=2 * math.pi, steps=200)
    (chaos,) = found.attractors
    assert chaos.kind == "recurrent set" and found.shares[0].share == 1
    assert chaos.contraction == pytest.approx(-0.05 * 2 * math.pi, abs=1e-6)  # the divergence of the flow is -k


@compiled
def test_attractors_of_an_angle_lie_in_its_period_and_are_drawn_in_the_box():
    field = VectorField(["w", "0.8 - sin(a) - c*w"], ["a", "w"], {"c": 0.5}, period=[2 * math.pi, None])
    given = [[math.asin(0.8) + 2 * math.pi, 0]]  # the same point, a turn later
    question = {"period": 1.0, "attractors": given, "steps": 50}
    found = basins(field, DormandPrince(), [(-math.pi, math.pi), (-3, 3)], 9, **question)
    (resting,) = found.attractors
    assert_allclose(resting.points, [[math.asin(0.8), 0]], atol=1e-6)
    assert 0.2 < found.shares[0].share < 0.5  # the others turn for ever
    for line in plot_basins(found).get_lines():
        assert (np.abs(line.get_xdata()) <= math.pi).all()


@given(st.integers(2, 20), st.integers(1, 10))
@settings(max_examples=8)
def test_everything_in_the_ball_goes_to_the_attractor(i, j):
    h, damping = i / 100, j / 10
    field = VectorField(["y", f"x - x**3 - {damping!r}*y"], ["x", "y"])
    f = UpdateMap(field, RungeKutta4(), h, 1e8)
    radius = swallowed_radius(f, np.array([1.0, 0.0]), 1, 1.0)
    assert 1e-3 < radius < 2
    angle = np.linspace(0, 2 * np.pi, 40)
    x = np.array([1.0, 0.0])[:, None] + radius * np.array([np.cos(angle), np.sin(angle)])
    slow = np.abs(np.linalg.eigvals(f.linearised(np.array([[1.0], [0.0]]), 1)[1][0])).max()
    for _ in range(1 + int(3 / -np.log(slow)) // 8):
        x = f._look(x)
    assert np.hypot(x[0] - 1, x[1]).max() < radius / 2


# --- what is no attractor -----------------------------------------------------------------------------


def test_a_slow_passage_of_a_saddle_is_none():
    field = VectorField(["0.02*x - x**3", "-y"], ["x", "y"])
    found = basins(field, Euler(), [(-1e-3, 1e-3), (-1, 1)], (40, 5), h=0.1, steps=400, attractors=[])
    assert (found.labels == UNDECIDED).all() and not found.attractors
    later = basins(field, Euler(), [(-1e-3, 1e-3), (-1, 1)], (40, 5), h=0.1)
    assert_allclose(sorted(a.points[0, 0] for a in later.attractors), [-(0.02**0.5), 0.02**0.5])
    assert (later.labels == later.labels[:1]).all() and later.shares[0].count == later.shares[1].count == 100


def test_a_start_on_the_stable_manifold_is_undecided_and_the_saddle_refused():
    found = basins(TWINS, Euler(), [(-1, 1), (-1, 1)], (9, 3), h=0.1)
    assert (found.labels[:, 4] == UNDECIDED).all() and (found.labels[:, [0, 8]] >= 0).all()
    assert any(r.modulus == pytest.approx(1.1) and np.abs(r.x).max() < 1e-9 for r in found.refused)


def test_a_heteroclinic_cycle_is_none():
    """Runs of Euler's method on sin(x) sin(y) come ever nearer to the saddles at the corners of a square."""
    with pytest.raises(InputError, match="no attractor is reached") as told:
        basins(games.sine().field(), Euler(), [(0.3, 1.2)] * 2, 3, h=0.2, steps=600)
    assert "repels" in str(told.value) or "saddle" in str(told.value)


def test_a_run_that_passes_within_rounding_of_a_saddle_is_told_from_one_that_does_not():
    f = UpdateMap(TWINS, Euler(), 0.1, 1e8)
    for start, beside in ((1e-12, True), (1e-2, False)):
        search = Search(f, 4.0, 1000)
        orbit = f.orbit(np.array([[start], [0.0]]), 40)[:, :, 0]  # slowest where it begins
        assert search._passes_a_saddle(orbit) is beside
        assert [r.reason for r in search.refused[1:]] == ["a run that passes within rounding of a saddle"] * beside


def test_a_family_of_curves_is_none():
    """A rotation: volumes do not shrink, so no circle attracts."""
    c, s = float(np.cos(1.0)), float(np.sin(1.0))
    turn = VectorField.from_map([f"{c!r}*x - {s!r}*y", f"{s!r}*x + {c!r}*y"], ["x", "y"])
    with pytest.raises(InputError, match=r"no attractor is reached.*neutral|no attractor.*do not shrink"):
        basins(turn, Euler(), [(0.5, 1)] * 2, 5, h=1.0, steps=2000)


def test_a_repelling_zero_is_no_attracting_cycle():
    f = UpdateMap(TWINS, Euler(), 0.1, 1e8)
    assert attracting_cycle(f, np.array([[0.0, 0.0]]), 1.0) is None
    assert attracting_cycle(f, np.array([[1.0, 0.0]]), 1.0).radius > 0.01


# --- arguments ----------------------------------------------------------------------------------------


def test_methods_with_memory_planes_of_larger_games_and_any_starts():
    field = VectorField(["x - x**3", "-y", "-2*z + x"], ["x", "y", "z"])
    found = basins(
        field, method_named("heavy-ball:beta=0.3"), [(-1, 1), (-1, 1)], 10, h=0.1, variables=["z", "x"], at={"y": 0.5}
    )
    assert found.axes == ("z", "x") and found.base.tolist() == [0, 0.5, 0]
    assert (found.labels == found.labels[:, :1]).all() and set(found.labels[:, 0]) == {0, 1}
    assert (found.at([[0.3, 0.9], [0.3, -0.9]]) == found.at([[0.9, 0.5, 0.3], [-0.9, 0.5, 0.3]])).all()
    assert json.loads(json.dumps(found.to_dict()))["resolution"] == [10, 10]
    assert "fixed point at (" in found.text and found.names[UNDECIDED] == "undecided"


BAD = [
    ({"h": None}, "give h, the step size"),
    ({"period": 1.0}, "give h, the step size"),
    ({"h": None, "period": 1.0}, "euler does not adapt"),
    ({"h": -1}, "h is -1"),
    ({"resolution": 10**6}, "keep less with a lower resolution"),
    ({"resolution": (3, 3, 3)}, "one number of starts a side"),
    ({"variables": ["x", "w"]}, "names 'w'"),
    ({"variables": ["x", "x"]}, "name two different"),
    ({"at": {"z": 1}}, "at names 'z'"),
    ({"at": [np.nan, 0]}, "one finite point"),
    ({"steps": 0}, "steps is 0"),
    ({"variables": "xy"}, "variables is 'xy'; give the names of two in a list"),
    ({"variables": 3}, "variables is 3"),
    ({"rng": "a"}, "rng is 'a'"),
    ({"resume": True}, "resume takes up the chunks in a folder"),
    ({"attractors": [[0, 0]]}, "does not attract: its largest multiplier has modulus 1.1"),
    ({"attractors": [[0.7, 0.7]]}, "is near no fixed point"),
    ({"attractors": [[1, 0], [1.001, 0]]}, r"attractors\[1\] is attractors\[0\] again"),
    ({"method": method_named("adam")}, "adam has no multipliers, and only they tell"),
]


@pytest.mark.parametrize(("changed", "message"), BAD)
def test_bad_questions_are_refused(changed, message):
    question = {"method": Euler(), "resolution": 5, "h": 0.1}
    with pytest.raises(InputError, match=message):
        basins(TWINS, **question | changed)


def test_a_box_without_an_attractor_is_told_with_what_was_found_instead():
    saddle = VectorField(["x", "-y"], ["x", "y"])
    with pytest.raises(InputError, match=r"no attractor is reached from box .*100.0 % of the starts escape"):
        basins(saddle, Euler(), [(0.1, 1), (-1, 1)], 4, h=0.5)


def test_a_field_that_depends_on_time_needs_its_period():
    driven = VectorField(["-x + cos(t)", "-y"], ["x", "y"], time="t")
    with pytest.raises(InputError, match="the field depends on time"):
        basins(driven, Euler(), [(-1, 1)] * 2, 4, h=0.1)
    with pytest.raises(InputError, match="period is 6, but the field differs at t = 0 and 6"):
        basins(driven, DormandPrince(), [(-1, 1)] * 2, 4, period=6.0)


def test_the_strobe_of_a_linear_flow_contracts_by_its_exponential():
    driven = VectorField(["-x + cos(t)", "-2*y"], ["x", "y"], time="t")
    f = PeriodMap(driven, DormandPrince(), 2 * np.pi, 1e8)
    image, J = f.linearised(np.array([[0.5], [0.0]]), 1)
    assert_allclose(image[:, 0], [0.5, 0], atol=1e-7)  # x = (cos t + sin t)/2 has period 2π
    assert_allclose(J[0], np.diag(np.exp([-2 * np.pi, -4 * np.pi])), atol=1e-7)
