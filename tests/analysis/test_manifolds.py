"""Manifolds of saddles: closed forms, invariance, both sides, what they bound, and what is refused."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp

from analysis import fixed_points, invariant_manifolds
from analysis.iterations import Iteration
from dynsys import ArrayField, InputError, VectorField, games
from integrators import DOP853, Euler, HeavyBall, RungeKutta4, SignGradient, solve

few = settings(max_examples=3)
BOX = [(-2, 2), (-2, 2)]
BENT = VectorField(("x", "-y + x**2"), ("x", "y"), box=BOX)
SPIRAL = games.spiral_saddle().field()
HENON = VectorField.from_map(["1 - a*x**2 + y", "b*x"], ["x", "y"], {"a": 1.4, "b": 0.3}, box=BOX)
HENON_SADDLE = (-0.7 + math.sqrt(0.49 + 5.6)) / 2.8 * np.array([1, 0.3])


def away(points, curve):
    """Distances of points from a polyline."""
    found = np.full(len(points), np.inf)
    for a, b in itertools.pairwise(curve):
        share = np.clip((points - a) @ (b - a) / max((b - a) @ (b - a), 1e-300), 0, 1)
        found = np.minimum(found, np.linalg.norm(points - a - share[:, None] * (b - a), axis=1))
    return found


def spans(curve):
    return np.linalg.norm(np.diff(curve, axis=0), axis=1)


@few
@given(angle=st.floats(0.3, 1.2), turn=st.floats(0.1, 3.1), up=st.floats(0.3, 3), down=st.floats(0.3, 3))
def test_the_manifolds_of_a_linear_saddle_are_its_eigenlines(angle, turn, up, down):
    P = np.array([[math.cos(turn), math.cos(turn + angle)], [math.sin(turn), math.sin(turn + angle)]])
    J = P @ np.diag([up, -down]) @ np.linalg.inv(P)
    v = VectorField([f"({a!r})*x + ({b!r})*y" for a, b in J.tolist()], ["x", "y"], box=BOX)
    found = invariant_manifolds(v, [0, 0])
    assert found.dimensions == (1, 1) and len(found.stable) == len(found.unstable) == 2
    for side in found.sides:
        across = np.array([-P[1, int(side.stable)], P[0, int(side.stable)]])
        assert_allclose(side.points @ across, 0, atol=1e-9)
        assert side.end == "box" and spans(side.points).max() <= 4 * math.sqrt(2) / 200 * 1.001
        assert_allclose(np.abs(side.points[-1]).max(), 2, rtol=1e-6)
    for pair in (found.stable, found.unstable):
        assert pair[0].side == 1 and pair[0].points[-1] @ pair[1].points[-1] < 0


def test_a_flows_manifolds_have_their_closed_forms():
    """ẋ = x, ẏ = -y + x²: unstable y = x²/3, stable x = 0."""
    found = invariant_manifolds(BENT, [0, 0])
    for side in found.unstable:
        assert_allclose(side.points[:, 1], side.points[:, 0] ** 2 / 3, atol=1e-10)
        x = abs(side.points[-1, 0])
        assert_allclose(x, 2, rtol=1e-9)
        exact = x / 2 * math.sqrt(1 + 4 * x * x / 9) + 0.75 * math.asinh(2 * x / 3)
        assert_allclose(side.length, exact, rtol=1e-4)
        assert np.ptp(spans(side.points)) < 1e-2 * side.length / len(side.points)  # equal arclengths
    for side in found.stable:
        assert_allclose(side.points[:, 0], 0, atol=1e-12)


@pytest.mark.parametrize("rate", ["2", "-2", "7", "-1.3"])
def test_a_maps_manifolds_have_their_closed_forms_on_both_sides(rate):
    """x⁺ = μx, y⁺ = y/2 + x²: y = x²/(μ² - ½), for a negative μ too, whose sides are exchanged; stable x = 0."""
    v = VectorField.from_map([f"({rate})*x", "y/2 + x**2"], ["x", "y"], box=BOX)
    found = invariant_manifolds(v, [0, 0], Euler(), 1.0)
    for side in found.unstable:
        assert_allclose(side.points[:, 1], side.points[:, 0] ** 2 / (float(rate) ** 2 - 0.5), atol=1e-8)
        assert (side.points[1:, 0] * side.side > 0).all() and side.end == "box"
        assert spans(side.points).max() <= 4 * math.sqrt(2) / 200 * 1.001
    for side in found.stable:
        assert_allclose(side.points[:, 0], 0, atol=1e-9)
        assert abs(side.points[-1, 1]) >= 2 and side.end == "box"
    assert not found.warnings


def test_the_stable_manifold_of_a_map_is_the_unstable_one_of_its_inverse():
    """The inverse of Hénon's map is (y/b, x - 1 + a y²/b²)."""
    inverse = VectorField.from_map(["y/b", "x - 1 + a*y**2/b**2"], ["x", "y"], {"a": 1.4, "b": 0.3}, box=BOX)
    one = invariant_manifolds(HENON, HENON_SADDLE, Euler(), 1.0, length=3)
    other = invariant_manifolds(inverse, HENON_SADDLE, Euler(), 1.0, length=3)
    for side, twin in zip(one.stable, other.unstable, strict=True):
        shorter = min(len(side.points), len(twin.points)) // 2
        assert away(side.points[:shorter], twin.points).max() < 4e-4  # of chords 0.03 long


def test_henons_unstable_manifold_is_invariant_and_bends_back_on_itself():
    found = invariant_manifolds(HENON, HENON_SADDLE, Euler(), 1.0, length=8, spacing=0.015)
    sides = [side.points for side in found.unstable]
    iteration = Iteration(HENON, Euler(), 1.0)
    for points, other in ((sides[0], sides[1]), (sides[1], sides[0])):  # the multiplier is negative: sides alternate
        near = points[: len(points) // 3]
        assert away(iteration.image(near.T).T, other).max() < 0.3 * 0.015 / 8  # of chords that turn by 0.3
    assert found.unstable[0].end == "length" and abs(found.unstable[0].length - 8) < 0.1
    assert not found.warnings  # det F' = -b everywhere


def test_the_separatrix_of_spiral_and_saddle_bounds_the_basin_of_its_equilibrium():
    found = invariant_manifolds(SPIRAL, [1, -2], box=[(-2, 2), (-4, 4)])
    ends = {side.side: side for side in found.unstable}
    assert {side.end for side in found.unstable} == {"equilibrium", "box"}
    assert_allclose(next(s.limit for s in found.unstable if s.limit is not None), 0, atol=1e-9)
    assert ends[1].points[-1, 0] > 1.5
    side = found.stable[0].points
    for k in range(5, len(side) - 5, len(side) // 6):
        tangent = side[k + 1] - side[k - 1]
        normal = np.array([-tangent[1], tangent[0]]) / np.linalg.norm(tangent)
        fates = []
        for sign in (1, -1):
            run = solve(SPIRAL, side[k] + sign * 1e-3 * normal, (0, 60), DOP853(), compiled=False, divergence_bound=50)
            fates.append(bool(np.linalg.norm(run.x[-1]) < 1e-3))
        assert sorted(fates) == [False, True]


def test_an_accurate_methods_manifold_is_the_flows():
    flow = invariant_manifolds(SPIRAL, [1, -2], box=[(0, 2), (-3, -1)])
    update = invariant_manifolds(SPIRAL, [1, -2], RungeKutta4(), 0.25, box=[(0, 2), (-3, -1)])
    for a, b in zip(flow.sides, update.sides, strict=True):
        assert (a.stable, a.side) == (b.stable, b.side)
        assert away(b.points[:-2], a.points).max() < 2e-3


def test_eulers_update_is_warned_to_fold_the_plane():
    """det(I + hJ) changes sign in the box, and the saddle has a second inverse image there."""
    found = invariant_manifolds(SPIRAL, [1, -2], Euler(), 0.5, box=[(-2, 2), (-4, 4)], length=4)
    assert len(found.warnings) == 2 and "not invertible" in found.warnings[0]
    near = np.array([float(c) for c in found.warnings[1].split("(")[1].split(")")[0].split(",")])
    exact = Iteration(SPIRAL, Euler(), 0.5).image(near[:, None])[:, 0]
    assert_allclose(exact, [1, -2], atol=2e-2)
    assert "warning: " in found.text


def test_the_whole_state_of_a_method_with_memory_moves_on_its_manifold():
    found = invariant_manifolds(SPIRAL, [1, -2], HeavyBall(0.1), 0.3, box=[(-1, 2), (-3, 1)], length=2)
    assert found.dimensions == (3, 1) and len(found.sides) == 2 and not found.stable
    assert all(spans(side.points).max() < 0.06 for side in found.sides)


def test_in_space_the_manifold_that_is_a_curve_is_followed():
    v = VectorField(("10*(y - x)", "x*(10 - z) - y", "x*y - 8*z/3"), ("x", "y", "z"))
    found = invariant_manifolds(v, [0, 0, 0], box=[(-30, 30), (-30, 30), (-10, 40)])
    assert found.dimensions == (2, 1) and len(found.unstable) == 2
    assert all(side.end in ("equilibrium", "length") for side in found.unstable)


def test_a_saddle_connection_ends_at_the_next_saddle():
    """f = sin θ sin φ: the square of saddles round the centre is joined by straight lines."""
    half = math.pi / 2
    found = invariant_manifolds(games.sine().field(), [half, half], box=[(-3, 3), (-3, 3)])
    limits = [side.limit for side in found.sides if side.end == "equilibrium"]
    assert len(limits) == 2
    for limit in limits:
        assert_allclose(np.abs(limit), half, rtol=1e-9)


def test_a_field_of_arrays_has_the_manifolds_of_the_formula():
    v = ArrayField(
        lambda x: np.stack([x[:, 0], -x[:, 1] + x[:, 0] ** 2], 1),
        lambda x: np.array([[[1, 0], [2 * a, -1]] for a in x[:, 0]]),
        ["x", "y"],
        box=BOX,
    )
    for side in invariant_manifolds(v, [0, 0]).unstable:
        assert_allclose(side.points[:, 1], side.points[:, 0] ** 2 / 3, atol=1e-8)


def test_results_are_plain_numbers_and_words():
    found = invariant_manifolds(BENT, [0, 0])
    assert len(json.loads(json.dumps(found.to_dict(), allow_nan=False))["sides"]) == 4
    assert found.text.splitlines()[0] == "saddle (0, 0)" and "ends at the box" in found.text


TURN = 2 * math.pi
PENDULUM = VectorField(("w", "-sin(a) - w/5"), ("a", "w"), period=[TURN, None], box=[(-math.pi, math.pi), (-4, 4)])


@pytest.mark.parametrize("box", [[(-math.pi, math.pi), (-4, 4)], [(0, TURN), (-4, 4)], [(3, 3 + TURN), (-4, 4)]])
def test_a_manifold_of_a_variable_with_a_period_goes_on_beyond_the_edge_and_is_shown_in_the_box(box):
    """The damped pendulum falls from the top to the bottom, by SciPy; in every box the same curve, modulo turns."""
    found = invariant_manifolds(PENDULUM, [math.pi, 0], box=box)
    low, high = np.array(box).T
    for side in found.sides:
        assert ((side.points >= low - 1e-9) & (side.points <= high + 1e-9)).all()
    for side in found.unstable:
        assert side.end == "equilibrium" and abs(math.remainder(side.limit[0], TURN)) < 1e-9
        rate = (-0.2 + math.sqrt(0.04 + 4)) / 2
        start = [math.pi + side.side * 1e-6, side.side * 1e-6 * rate]
        run = solve_ivp(lambda t, y: [y[1], -math.sin(y[0]) - y[1] / 5], (0, 120), start, rtol=1e-11, dense_output=True)
        fine = run.sol(np.linspace(0, 120, 60_001)).T
        gap = np.abs(np.exp(1j * side.points[5:-5:40, None, 0]) - np.exp(1j * fine[None, :, 0]))
        assert np.hypot(gap, side.points[5:-5:40, None, 1] - fine[None, :, 1]).min(1).max() < 5e-3
        assert_allclose(
            side.length, np.linalg.norm(np.diff(fine, axis=0), axis=1).sum(), rtol=2e-2
        )  # chords of the spiral


def test_every_saddle_of_the_torus_game_is_joined_to_equilibria_on_all_sides():
    """A potential game on a compact torus without saddle connections: flow and update end at sinks and sources."""
    field = games.torus()
    for zero in fixed_points(field, field.box):
        if np.linalg.det(field.jacobian(zero.x)) < 0:
            for found in (invariant_manifolds(field, zero.x), invariant_manifolds(field, zero.x + TURN, Euler(), 0.3)):
                assert {side.end for side in found.sides} <= {"equilibrium", "fixed point"}
                for side in found.sides:
                    values = np.linalg.eigvals(field.jacobian(side.limit))
                    assert (values > 0).all() if side.stable else (values < 0).all()
                    assert (np.abs(side.points) <= math.pi * (1 + 1e-9)).all()


def test_a_box_narrower_than_a_turn_still_ends_a_manifold():
    found = invariant_manifolds(PENDULUM, [-math.pi, 0], box=[(2, 4), (-4, 4)])
    assert all(side.end == "box" for side in found.sides)
    assert_allclose(found.x, [math.pi, 0], atol=1e-12)


def test_a_result_is_short_in_words():
    field = VectorField(("x - 1e-40", "-y"), ("x", "y"), box=BOX)
    found = invariant_manifolds(field, [1e-40, 0])
    assert found.text.startswith("saddle (0, 0)") and len(repr(found)) < 1000


NEUTRAL = VectorField(("x**2", "-y"), ("x", "y"), box=BOX)
FOUR = VectorField(("x", "y", "-z", "-w"), ("x", "y", "z", "w"), box=BOX * 2)
FLIP = VectorField(("-4*x", "y"), ("x", "y"), box=BOX)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: invariant_manifolds(NEUTRAL, [0, 0]),
            r"eigenvalue 0 at saddle is on the imaginary axis.*move a param",
        ),
        (lambda: invariant_manifolds(games.curl().field(), [0, 0], box=BOX), "eigenvalue 0[+]1j"),
        (lambda: invariant_manifolds(FLIP, [0, 0], Euler(), 0.5), "multiplier -1 at saddle is on the unit circle"),
        (lambda: invariant_manifolds(SPIRAL, [0, 0]), "attracts in all directions.*no saddle"),
        (lambda: invariant_manifolds(BENT, [1, 0]), "saddle = .* is not a zero"),
        (lambda: invariant_manifolds(BENT, [0, 0], Euler()), "give both for the update"),
        (lambda: invariant_manifolds(BENT, [0, 0], SignGradient(), 0.1), "no derivative"),
        (lambda: invariant_manifolds(BENT, [0, 0], length=-1), "length is -1"),
        (lambda: invariant_manifolds(BENT, [0, 0], spacing=0), "spacing is 0"),
        (lambda: invariant_manifolds(BENT, [0, 0], spacing=1e-12), "give a spacing of at least"),
        (lambda: invariant_manifolds(BENT, [0, 0], Euler(), 0.5, spacing=1e-12), "give a spacing of at least"),
        (lambda: invariant_manifolds(BENT, [0, 0], box=[(1, 2), (1, 2)]), r"outside the box.*contains it"),
        (lambda: invariant_manifolds(VectorField(("x", "-y"), ("x", "y")), [0, 0]), "box is missing"),
        (lambda: invariant_manifolds(FOUR, [0] * 4), r"dimensions 2 \(stable\) and 2"),
    ],
)
def test_what_has_no_manifolds_is_refused_with_the_reason(call, message):
    with pytest.raises(InputError, match=message):
        call()
