"""Closed walks, and particles carried by fields."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis.particles import particles
from analysis.walks import closed_walk
from dynsys import InputError, VectorField, games
from dynsys.transforms import conservative_relaxation

CURL = games.curl().field()


def circle(centre, radius):
    return lambda t: np.array(centre) + radius * np.array([np.cos(2 * np.pi * t), np.sin(2 * np.pi * t)])


@given(x=st.floats(-0.6, 0.6), y=st.floats(-0.6, 0.6), steps=st.integers(3, 40))
def test_round_the_centre_of_the_curl_field_every_step_goes_downhill(x, y, steps):
    walk = closed_walk(CURL, circle((x, y), 1), steps)
    assert walk.downhill == 1 and (np.diff(walk.height) < 0).all()
    assert_allclose(walk.height[-1], -2 * np.pi, rtol=1e-10)
    assert_allclose(walk.circulation, 2 * np.pi, rtol=1e-11)
    assert (walk.points[0] == walk.points[-1]).all() and walk.points.shape == (steps + 1, 2)


@given(x=st.floats(-0.6, 0.6), y=st.floats(-0.6, 0.6))
def test_in_a_gradient_field_the_height_comes_back_and_is_the_potentials(x, y):
    relaxed = conservative_relaxation(CURL)  # -x
    walk = closed_walk(relaxed, circle((x, y), 1), 24)
    height = (walk.points**2).sum(1) / 2
    assert_allclose(walk.height, height - height[0], atol=1e-12)
    assert walk.downhill <= 0.5
    assert abs(walk.circulation) <= walk.error + 1e-14


def test_a_level_walk_goes_neither_up_nor_down():
    walk = closed_walk(conservative_relaxation(CURL), circle((0, 0), 1), 12)
    assert walk.downhill == 0 and (np.abs(walk.work) < walk.level).all()


def test_only_closed_curves_are_walked():
    with pytest.raises(InputError, match="open"):
        closed_walk(CURL, lambda t: (t, 0.0))
    with pytest.raises(InputError, match="function of t"):
        closed_walk(CURL, [[0, 0], [1, 0], [0, 0]])
    with pytest.raises(InputError, match="steps is 2"):
        closed_walk(CURL, circle((0, 0), 1), steps=2)


def test_particles_follow_the_flow():
    cloud = particles(CURL, count=5, frames=7, time=3.0, seed=1)
    angle = cloud.t[:, None]
    x, y = cloud.x[0].T
    assert_allclose(cloud.x[..., 0], np.cos(angle) * x - np.sin(angle) * y, atol=1e-5)
    assert_allclose(cloud.x[..., 1], np.sin(angle) * x + np.cos(angle) * y, atol=1e-5)


def test_a_particle_that_escapes_is_gone():
    growing = VectorField(("5*x", "0"), ("x", "y"), box=[(-1, 1), (-1, 1)])
    cloud = particles(growing, count=4, frames=9, time=4.0)
    assert np.isfinite(cloud.x[0]).all() and np.isnan(cloud.x[-1]).all()
    gone = np.isnan(cloud.x[..., 0])
    assert (gone[1:] >= gone[:-1]).all()
    with pytest.raises(InputError, match="time is 0"):
        particles(growing, time=0)
