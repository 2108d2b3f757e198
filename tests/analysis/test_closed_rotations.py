"""Periodic orbits that close by whole turns of variables with a period."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp
from scipy.special import ellipk

from analysis import periodic_orbit, periodic_orbits
from dynsys import VectorField

PENDULUM = VectorField(("w", "-sin(a) - c*w + t0"), ("a", "w"), {"c": 0.5, "t0": 1.2}, period=[2 * math.pi, None])


def test_a_torqued_pendulum_rotates_with_the_period_of_scipy_and_the_multiplier_of_its_friction():
    """div v = -c: the multiplier is e^{-cT}. The period by SciPy's solution of dt/da = 1/w(a) over a whole turn."""

    def slope(a, y):
        return [(-math.sin(a) - 0.5 * y[0] + 1.2) / y[0], 1 / y[0]]

    w = 2.0
    for _ in range(60):
        end = solve_ivp(slope, (0, 2 * math.pi), [w, 0], method="DOP853", rtol=1e-12, atol=1e-12).y[:, -1]
        w = end[0]
    found = periodic_orbit(PENDULUM, [0, 1])
    assert found.kind == "limit cycle" and found.turns == (1, 0) and found.attracts
    assert_allclose(found.period, end[1], rtol=1e-9)
    assert_allclose(found.multipliers, math.exp(-0.5 * end[1]), rtol=1e-9)
    assert "turns (1, 0)" in found.text and found.to_dict()["turns"] == [1, 0]
    assert 0 <= found.x[0] < 2 * math.pi
    assert_allclose(found.loop[-1] - found.loop[0], [2 * math.pi, 0], atol=1e-12)


def test_a_rotation_is_one_orbit_wherever_it_is_met():
    starts = [[0, 1], [3, 2.5], [5, 2], [20, 3]]
    assert len(periodic_orbits(PENDULUM, starts)) == 1
    one, other = (periodic_orbit(PENDULUM, x, transient=60 + i) for i, x in enumerate(starts[:2]))
    assert one.same_as(other) and other.same_as(one)


@pytest.mark.parametrize(("speed", "turns"), [(3.0, 1), (-2.1, -1), (1.0, 0)])
def test_a_pendulum_without_friction_has_the_periods_of_its_elliptic_integral(speed, turns):
    """k² = (w/2)² at a = 0: T = 4K(k) below the separatrix, 2K(1/k)/k beyond it, a continuum each."""
    found = periodic_orbit(PENDULUM.with_parameters(c=0.0, t0=0.0), [0, speed], transient=7)
    m = (speed / 2) ** 2
    assert_allclose(found.period, 4 * ellipk(m) if m < 1 else 2 * ellipk(1 / m) / math.sqrt(m), rtol=1e-9)
    assert found.kind == "centre" and found.attracts is None and found.turns == (turns, 0)


def test_a_flow_of_the_torus_is_periodic_where_its_slope_is_rational_only():
    torus = lambda slope: VectorField(  # noqa: E731
        ("1 + 0*a", f"{slope} + 0*a"), ("a", "b"), period=[2 * math.pi] * 2
    )
    closes = periodic_orbit(torus("3/2"), [0.3, 1.0])
    assert closes.kind == "centre" and closes.turns == (2, 3)
    assert_allclose(closes.period, 4 * math.pi, rtol=1e-12)
    for slope in ("sqrt(2)", "(1 + sqrt(5))/2", "pi"):
        assert periodic_orbit(torus(slope), [0.3, 1.0]).text == "no periodic orbit found"


def test_a_rotation_that_repels_is_followed_backwards_in_the_order_of_the_flow():
    """a' = 1 + sin(a)/2 turns in 2π/√(3/4), and r' = r + cos a expands by e^T in it."""
    v = VectorField(("1 + sin(a)/2", "r + cos(a)"), ("a", "r"), period=[2 * math.pi, None])
    found = periodic_orbit(v, [0.3, 0], backward=True)
    assert_allclose(found.period, 2 * math.pi / math.sqrt(0.75), rtol=1e-12)
    assert_allclose(found.multipliers, math.exp(found.period), rtol=1e-9)
    assert found.turns == (1, 0) and found.attracts is False and (np.diff(found.loop[:, 0]) > 0).all()


@pytest.mark.filterwarnings("error")
def test_a_neutral_rotation_whose_neighbours_do_not_close_is_no_continuum():
    found = periodic_orbit(VectorField(("1 + 0*a", "-r**3"), ("a", "r"), period=[1, None]), [0, 0], period=1.1)
    assert found.kind == "neutral" and found.text.count("neutral") == 1
