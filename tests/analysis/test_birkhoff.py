"""Weighted Birkhoff averages and rotation numbers: closed forms, and convergence faster than any power."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis.birkhoff import birkhoff_weights, orbit_average, rotation_number

GOLDEN = (math.sqrt(5) - 1) / 2
turns = st.floats(0.02, 0.98).filter(lambda t: min(abs(t * q - round(t * q)) for q in range(1, 30)) > 0.02)


def test_weights_sum_to_one_and_are_symmetric():
    weights = birkhoff_weights(101)
    assert_allclose(weights.sum(), 1, rtol=1e-14)
    assert_allclose(weights, weights[::-1], rtol=1e-10)


@given(turn=turns, phase=st.floats(0, 1))
def test_the_rotation_number_of_a_rotation_seen_through_an_ellipse_is_its_angle(turn, phase):
    """The increments of the angle vary along the ellipse; their average is the turn all the same."""
    angle = 2 * np.pi * (turn * np.arange(4096) + phase)
    found = rotation_number(np.cos(angle) + 0.4j * np.sin(angle))
    assert abs(found.value - turn) < 1e-8
    assert abs(found.value - turn) <= 100 * found.error + 1e-14


def test_the_average_converges_faster_than_the_eighth_power_where_the_plain_one_is_of_first_order():
    """∫ exp(cos 2πφ) dφ = I₀(1) along the golden rotation."""
    exact = float(np.i0(1.0))
    values = np.exp(np.cos(2 * np.pi * GOLDEN * np.arange(1600)))
    errors = [abs(orbit_average(values[:m]).value - exact) for m in (100, 400)]
    assert errors[1] < errors[0] * 4.0**-8
    assert abs(values[:1600].mean() - exact) > 1e3 * abs(orbit_average(values).value - exact)


@given(turn=turns)
def test_the_rotation_number_of_the_mirror_image_is_one_minus_it(turn):
    angle = 2 * np.pi * turn * np.arange(2048)
    z = np.cos(angle) + 0.5j * np.sin(angle)
    assert abs(rotation_number(z).value + rotation_number(z.conj()).value - 1) < 1e-6


def test_an_orbit_through_the_centre_has_no_rotation_number():
    assert math.isnan(rotation_number(np.array([1, 0, 1j, 0, -1.0])).value)


def test_an_angle_that_goes_back_and_forth_is_averaged_across_the_branch_at_zero():
    """arg z = α + 1.5 sin α falls on part of the circle, so that its increments have both signs."""
    alpha = 2 * np.pi * (GOLDEN / 30) * np.arange(4096)
    assert abs(rotation_number(np.exp(1j * (alpha + 1.5 * np.sin(alpha)))).value - GOLDEN / 30) < 1e-8
