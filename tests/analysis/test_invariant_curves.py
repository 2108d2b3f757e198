"""Invariant curves: their rotation numbers, senses and neighbours by closed forms and the mean angle of long runs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis import recurrent_orbit, recurrent_orbits
from dynsys import VectorField, games
from integrators import Alternating, Euler, HeavyBall, Nesterov, OptimisticGradient, trajectory

CURL = games.curl().field()
KICKED = ["x + p + k/(2*pi)*sin(2*pi*x)", "p + k/(2*pi)*sin(2*pi*x)"]
STANDARD = VectorField.from_map(KICKED, ["x", "p"], {"k": 0.5}, period=[1, 1])
few = settings(max_examples=8)


@few
@given(s=st.floats(0.1, 1.9).filter(lambda s: abs(math.sin(31 * math.acos(1 - s * s / 2))) > 0.2))
def test_the_rotation_number_follows_cos_theta_for_every_step(s):
    found = recurrent_orbit(CURL, [0.5, 0.2], Alternating(), s, transient=0, steps=4096, longest=12)
    if found.kind == "cycle":  # a rational rotation of small denominator
        return
    assert abs(found.rotation.value - math.acos(1 - s * s / 2) / (2 * math.pi)) < 1e-8


def test_different_ellipses_of_a_continuum_are_one_entry():
    found = recurrent_orbits(CURL, [[1, 0], [0.5, 0.3]], Alternating(), 1.2, transient=0, steps=4096)
    assert len(found) == 1 and found[0].continuum


def test_curves_that_the_update_permutes_are_counted():
    """A circle about (z, 0) that turns and attracts, and z -> -z at z = ±3: two circles in turn."""
    z, r = "(-z - z*(9 - z**2)/16)", "(1.2 - 0.2*((x - z)**2 + y**2))"
    v = VectorField.from_map(
        [f"{z} + {r}*(0.6*(x - z) - 0.8*y)", f"{r}*(0.8*(x - z) + 0.6*y)", z], ["x", "y", "z"], name="two circles"
    )
    found = recurrent_orbit(v, [3.5, 0.2, 2.5], Euler(), 1.0, transient=1000, steps=8192)
    assert_allclose(found.rotation.value, 2 * math.atan2(0.8, 0.6) / (2 * math.pi), atol=1e-8)
    assert_allclose(found.radius, 1, rtol=1e-6)
    assert found.kind == "invariant curve" and found.pieces == 2


@pytest.mark.parametrize(
    ("method", "h"), [(Euler(), 0.1), (HeavyBall(0.1), 0.1), (Nesterov(0.2), 0.1), (OptimisticGradient(), 0.1)]
)
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_sense_of_the_rotation_is_that_of_the_positions_with_every_method(method, h, mirrored):
    """The angle of the position, followed along a run, falls as v = (y, -x) turns clockwise, and rises in a mirror."""
    sign = -1 if mirrored else 1
    v = VectorField((f"{sign}*y + x*(1 - x**2 - y**2)", f"{-sign}*x + y*(1 - x**2 - y**2)"), ("x", "y"))
    found = recurrent_orbit(v, [0.9, 0.1], method, h, transient=2000, steps=4096)
    x, y = trajectory(v, [0.9, 0.1], method, h, 20_000, compiled=False).x[4000:].T
    angle = np.unwrap(np.arctan2(y, x)) / (2 * np.pi)
    assert_allclose(found.rotation.value, (angle[-1] - angle[0]) / 16_000 % 1, atol=1e-4)
    assert (found.rotation.value < 0.5) == mirrored


def test_a_curve_that_winds_round_a_period_has_the_drift_of_the_rotation():
    v = VectorField.from_map(["x + 0.7 + 0.2*sin(x)", "y/2"], ["x", "y"], period=[2 * math.pi, None])
    found = recurrent_orbit(v, [0.3, 0.4], Euler(), 1.0)
    run = trajectory(VectorField.from_map(["x + 0.7 + 0.2*sin(x)"], ["x"]), [0.3], Euler(), 1.0, 20_000, compiled=False)
    assert found.kind == "invariant curve" and found.attracts
    assert_allclose(found.rotation.value, run.x[-1, 0] / 20_000 / (2 * math.pi), atol=1e-4)


def test_a_translation_of_the_circle_is_a_curve_and_no_cycle_where_it_nearly_closes():
    """Its derivative is 1, so that Newton's method sees a singular equation, and nothing to do."""
    om = 1 / 3 + 1e-3 * math.sqrt(2)
    found = recurrent_orbit(VectorField.from_map(["x + om"], ["x"], {"om": om}, period=[1]), [0.2], Euler(), 1.0)
    assert found.kind == "invariant curve"
    assert_allclose(found.rotation.value, om, atol=1e-12)


def test_neighbours_of_a_curve_that_winds_are_looked_for_across_it():
    """Shears keep y, or z: each circle is one of many; and the standard map has curves of its own beside one (KAM)."""
    turn, period = "x + 0.7 + 0.2*sin(x)", [2 * math.pi, None, None]
    for rest, many in ((["y", "z"], True), (["y/2", "z"], True), (["y/2", "z/3"], False)):
        v = VectorField.from_map([turn, *rest], ["x", "y", "z"], period=period)
        found = recurrent_orbit(v, [0.3, 0.0, 0.0], Euler(), 1.0, transient=256, steps=4096)
        assert (
            found.kind == "invariant curve" and found.continuum == many and found.attracts == (None if many else True)
        )
    assert recurrent_orbit(STANDARD, [0.1, 0.4], Euler(), 1.0, transient=256).continuum


@few
@given(om=st.floats(0.05, 0.95), k=st.floats(0.1, 0.9), start=st.floats(0, 1))
@example(om=0.61, k=0.5, start=0.2)
@example(om=0.3, k=0.9, start=0.2)
def test_a_circle_map_that_covers_its_circle_is_neutral_and_its_number_the_mean_drift(om, k, start):
    update = ["x + om - k/(2*pi)*sin(2*pi*x)"]
    found = recurrent_orbit(VectorField.from_map(update, ["x"], {"om": om, "k": k}, period=[1]), [start], Euler(), 1.0)
    if found.kind == "invariant curve":
        lift = trajectory(VectorField.from_map(update, ["x"], {"om": om, "k": k}), [start], Euler(), 1.0, 4096)
        assert_allclose(found.rotation.value, (lift.x[-1, 0] - start) / 4096, atol=1 / 4096)
        assert found.attracts is None and not found.continuum and "whole circle, neutral" in found.text
    else:
        assert found.kind in ("fixed point", "cycle", "irregular") and (om, k) not in ((0.61, 0.5), (0.3, 0.9))
