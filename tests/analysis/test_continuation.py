"""Continuation: special points against closed forms and outside cases, and an end for every trouble."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis.branches import End
from analysis.continuation import branches_from, continue_equilibrium
from analysis.zeros import fixed_points
from dynsys import InputError, VectorField, games
from dynsys.transforms import consensus

CUBIC = consensus(VectorField(("x - x**3",), ("x",)), 2.0)
SPIRAL = consensus(games.spiral_saddle().field(), 0.5)
CIRCLE = VectorField(("x**2 + p**2 - r**2",), ("x",), {"p": 0.0, "r": 1.0})
PREY = VectorField(("3*u*(1-u) - u*w - p*(1-exp(-5*u))", "-w + 3*u*w"), ("u", "w"), {"p": 0.1})
PREY_BOX = [(-0.5, 1.5), (-1, 2)]
BORDER = 1 / (2 + np.sqrt(21) / 2)


def kinds(branch):
    return [point.kind for point in branch.points]


def test_the_spurious_branch_of_spiral_and_saddle_is_the_closed_form():
    box = [(-1, 6), (-14, 3)]
    start = next(p.x for p in fixed_points(SPIRAL, box) if p.spurious)
    branch = continue_equilibrium(SPIRAL, start, "gamma", (0.05, 1), box)
    g = branch.values
    theta = 0.1 + (1 + g**2 / (1 + g / 2)) / (5 * g)
    phi = -(theta + 2.5 * g * theta**2) / (0.5 + 1.25 * g)
    assert_allclose(branch.x, np.stack([theta, phi], 1), atol=1e-10)
    assert (g.min(), g.max()) == (0.05, 1) and branch.ends == (End.RANGE, End.RANGE)
    (point,) = branch.points
    assert point.kind == "transcritical" and abs(point.value - BORDER) < 1e-10
    assert_allclose(point.x, [1, -2], atol=1e-10)
    assert point.residual < 1e-40 and 1 < point.condition < 1e4


def test_the_pitchfork_is_found_from_the_trunk_and_from_a_side_branch():
    trunk = continue_equilibrium(CUBIC, [0], "gamma", (0.2, 3), [(-3, 3)])
    side = continue_equilibrium(CUBIC, [np.sqrt(1 / 6)], "gamma", (0.2, 3), [(-3, 3)])
    for branch in (trunk, side):
        assert kinds(branch) == ["pitchfork"] and abs(branch.points[0].value - 1) < 1e-10
    assert_allclose(side.x[:, 0] ** 2, (side.values - 1) / (3 * side.values), atol=1e-10)
    assert side.x.min() < -0.4 and side.x.max() > 0.4  # through the pitchfork to the other arm
    found = branches_from(CUBIC, trunk.points[0], "gamma", (0.2, 3), [(-3, 3)])
    assert len(found) == 2


def test_lorenz_has_its_pitchfork_at_1_and_hopf_points_at_24_7368421053():
    field = games.lorenz(rho=0.5)
    box = [(-30, 30), (-30, 30), (-5, 50)]
    trunk = continue_equilibrium(field, [0, 0, 0], "rho", (0.2, 30), box)
    assert kinds(trunk) == ["pitchfork"] and abs(trunk.points[0].value - 1) < 1e-8
    arms = max(branches_from(field, trunk.points[0], "rho", (0.2, 30), box), key=lambda b: len(b.points))
    assert kinds(arms) == ["Hopf", "pitchfork", "Hopf"]
    for point in (arms.points[0], arms.points[2]):
        assert_allclose(point.value, 470 / 19, atol=1e-8)  # σ(σ + β + 3)/(σ - β - 1)
        assert_allclose(np.sort(np.abs(point.eigenvalues.imag))[1:], point.frequency, atol=1e-8)


def test_the_predator_prey_branches_have_their_known_points():
    trunk = continue_equilibrium(PREY, [0, 0], "p", (0, 1), PREY_BOX)
    assert kinds(trunk) == ["transcritical"] and abs(trunk.points[0].value - 0.6) < 1e-8
    prey = max(branches_from(PREY, trunk.points[0], "p", (0, 1), PREY_BOX), key=lambda b: len(b.points))
    values = {(point.kind, round(point.value, 8)) for point in prey.points}
    assert values == {("transcritical", 0.6), ("transcritical", 0.82190435), ("fold", 0.83292932)}
    crossing = next(p for p in prey.points if p.kind == "transcritical" and p.value > 0.7)
    both = branches_from(PREY, crossing, "p", (0, 1), PREY_BOX)
    (hopf,) = [p for b in both for p in b.points if p.kind == "Hopf"]
    assert abs(hopf.value - 0.6715938475) < 1e-8


def test_the_fold_of_the_henon_map_is_at_minus_0_1225():
    henon = VectorField.from_map(["1 - a*x**2 + y", "b*x"], ["x", "y"], {"a": 0.2, "b": 0.3})
    start = fixed_points(henon, [(-10, 10)] * 2)[1].x
    branch = continue_equilibrium(henon, start, "a", (-1, 1), [(-10, 10)] * 2)
    assert "fold" in kinds(branch)
    assert abs(branch.points[kinds(branch).index("fold")].value + 0.1225) < 1e-10


@given(a=st.integers(-90, 90).map(lambda k: k / 100))
def test_a_neutral_saddle_is_never_a_hopf_point_and_a_rotation_always_is(a):
    for sign, expected in ((1, []), (-1, ["Hopf"])):  # eigenvalues p - a ± √sign
        field = VectorField(("(p-a)*x + y", "s*x + (p-a)*y"), ("x", "y"), {"p": -0.987, "a": a, "s": sign})
        branch = continue_equilibrium(field, [0, 0], "p", (-0.99, 0.995), [(-1, 1)] * 2)
        assert [k for k in kinds(branch) if k == "Hopf"] == expected
    assert abs(branch.points[0].value - a) < 1e-10


def test_a_saddle_whose_trace_passes_zero_has_no_special_point():
    field = VectorField(("x", "(m - 1)*y"), ("x", "y"), {"m": -0.5})
    assert kinds(continue_equilibrium(field, [0, 0], "m", (-1, 0.9))) == []


@given(r=st.integers(20, 150).map(lambda k: k / 100))
def test_a_circle_closes_on_itself_with_two_folds(r):
    branch = continue_equilibrium(CIRCLE.with_parameters(r=r), [r], "p", (-2, 2))
    assert branch.ends == (End.CLOSED, End.CLOSED)
    assert sorted(p.value for p in branch.points) == pytest.approx([-r, r], abs=1e-10)
    assert kinds(branch) == ["fold", "fold"]
    assert_allclose(branch.x[:, 0] ** 2 + branch.values**2, r**2, atol=1e-12)


def test_a_branch_stops_at_the_wall_of_the_box_exactly():
    branch = continue_equilibrium(VectorField(("x - 2*p",), ("x",), {"p": 0.1}), [0.2], "p", (-1, 1), [(-0.5, 0.7)])
    assert branch.ends == (End.BOX, End.BOX)
    assert_allclose(sorted([branch.values[0], branch.values[-1]]), [-0.25, 0.35], atol=1e-14)


def test_what_goes_wrong_is_a_status_and_what_there_is_is_kept():
    short = continue_equilibrium(CIRCLE, [1.0], "p", (-2, 2), points=5)
    assert short.ends == (End.LIMIT, End.LIMIT) and len(short) == 11 and "raise points=" in short.text
    stuck = continue_equilibrium(CUBIC.with_parameters(gamma=1), [0], "gamma", (0.2, 3), [(-3, 3)])
    assert stuck.ends == (End.NO_START, End.NO_START) and len(stuck) == 1
    assert stuck.to_dict()["ends"][0]["message"].startswith("the start is singular")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"x": [0.5]}, "not a zero"),
        ({"parameter": "gama"}, "did you mean 'gamma'"),
        ({"range": (3, 0.2)}, "the lower end must be below the upper"),
        ({"range": 3}, "range is 3"),
        ({"range": (0.2, 1.5)}, "outside the box or the range"),
        ({"box": [(1, 2)]}, "outside the box or the range"),
        ({"points": 0}, "points"),
    ],
)
def test_bad_input_is_refused(change, words):
    arguments = {"field": CUBIC, "x": [0], "parameter": "gamma", "range": (0.2, 3)} | change
    with pytest.raises(InputError, match=words):
        continue_equilibrium(**arguments)
