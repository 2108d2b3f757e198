"""The census: closed forms of every branch, exchange of stability, and the update's borders."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from analysis.census import equilibria_over
from dynsys import InputError, VectorField, games
from dynsys.transforms import consensus
from integrators import Euler

CUBIC = consensus(VectorField(("x - x**3",), ("x",)), 2.0)
BORDER = 1 / (2 + np.sqrt(21) / 2)


@pytest.fixture(scope="module")
def spiral():
    field = consensus(games.spiral_saddle().field(), 0.5)
    return equilibria_over(field, "gamma", (0.05, 1), [(-1, 6), (-14, 3)], Euler(), 1.0, samples=3)


def test_spiral_and_saddle_has_two_inherited_branches_and_one_spurious(spiral):
    assert len(spiral.inherited) == 2 and len(spiral.spurious) == 1
    branch = spiral.spurious[0].branch
    g = branch.values
    assert_allclose(branch.x[:, 0], 0.1 + (1 + g**2 / (1 + g / 2)) / (5 * g), atol=1e-10)
    assert all(c.complete for _, c in spiral.completeness) and len(spiral.completeness) == 3


def test_the_spurious_zero_hands_its_stability_to_the_saddle(spiral):
    (point,) = spiral.points
    assert point.kind == "transcritical" and abs(point.value - BORDER) < 1e-10
    assert_allclose(spiral.spurious[0].attracts, [(0.05, BORDER)], atol=1e-10)
    saddle = next(b for b in spiral.inherited if abs(b.branch.x[0, 0] - 1) < 1e-9)
    assert_allclose(saddle.attracts, [(BORDER, 1)], atol=1e-10)
    assert saddle.labels[0].is_nash is False and saddle.labels[0].attracts is False
    assert saddle.labels[-1].attracts is True


def test_at_h_1_euler_at_the_origin_is_never_stable(spiral):
    """h < 2c/(c² + 1) ≤ 1 with c = ½ + 5γ/4, though the flow attracts at every γ."""
    origin = next(b for b in spiral.inherited if abs(b.branch.x[0, 0]) < 1e-9)
    assert_allclose(origin.attracts, [(0.05, 1)])
    assert origin.update == ()


def test_borders_of_the_update_are_refined():
    field = consensus(games.curl().field(), 0.5)
    found = equilibria_over(field, "gamma", (0.01, 3), [(-1, 1)] * 2, Euler(), 0.5, samples=1)
    (branch,) = found.branches  # h < 2γ/(1 + γ²) at h = ½: γ between 2 ∓ √3
    assert_allclose(branch.update, [(2 - np.sqrt(3), 3)], atol=1e-10)


@pytest.fixture(scope="module")
def dirac():
    return equilibria_over(consensus(games.dirac_gan().field(), 1.0), "gamma", (0.5, 3), [(-8, 8)] * 2, samples=2)


def test_the_dirac_gan_has_exactly_one_pair_of_spurious_saddles(dirac):
    assert len(dirac.inherited) == 1 and len(dirac.spurious) == 2 and dirac.points == ()
    for found in dirac.spurious:
        theta, psi = found.branch.x.T
        assert_allclose(theta * psi, 0.7388350311316, atol=1e-10)
        assert_allclose(psi**2 - theta**2, 1 / (found.branch.values * 0.2187625987309), rtol=1e-9)
        assert found.attracts == () and {label.kind for label in found.labels} == {"saddle"}
    assert_allclose(dirac.inherited[0].attracts, [(0.5, 3)])


def test_the_pitchfork_of_the_cubic_is_one_point_with_arms_as_one_branch():
    found = equilibria_over(CUBIC, "gamma", (0.2, 3), [(-3, 3)], samples=2)
    assert [(p.kind, round(p.value, 10)) for p in found.points] == [("pitchfork", 1.0)]
    assert len(found.inherited) == 3 and len(found.spurious) == 1
    middle = next(b for b in found.inherited if abs(b.branch.x[0, 0]) < 0.5)
    assert_allclose(middle.attracts, [(1, 3)], atol=1e-10)
    again = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert again["range"] == [0.2, 3] and len(again["branches"]) == 4
    assert "pitchfork at gamma = 1" in found.text


def test_a_branch_that_no_sample_meets_is_found_by_switching():
    found = equilibria_over(CUBIC, "gamma", (0.2, 1.7), [(-3, 3)], samples=1)  # at 0.95, before the pitchfork
    (side,) = found.spurious
    assert_allclose(side.branch.x[:, 0] ** 2, (side.branch.values - 1) / (3 * side.branch.values), atol=1e-10)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"parameter": "gama"}, "did you mean 'gamma'"),
        ({"range": (1, 1)}, "the lower end must be below the upper"),
        ({"method": Euler()}, "give both method and h"),
        ({"samples": 0}, "samples"),
        ({"box": [(1, 0)]}, "box"),
    ],
)
def test_bad_input_is_refused(change, words):
    arguments = {"field": CUBIC, "parameter": "gamma", "range": (0.2, 3), "box": [(-3, 3)]} | change
    with pytest.raises(InputError, match=words):
        equilibria_over(**arguments)
