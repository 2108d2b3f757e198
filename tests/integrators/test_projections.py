"""Projections: the point of the set that is nearest, for each player its own."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from dynsys import VectorField
from integrators import trajectory
from integrators.algorithms.averaging import Box, Projected, Simplex
from integrators.algorithms.momentum import HeavyBall

coordinates = st.floats(-3, 3)
BLOCKS = ((0, 3, 4, 5), (2,), (1, 6))


@given(x=st.tuples(*[coordinates] * 7))
def test_the_simplex_gets_each_players_nearest_probability_vector(x):
    y = np.array(Simplex()(x, BLOCKS))
    for block in map(list, BLOCKS):
        own = np.array(x)[block]
        excess = lambda t, own=own: np.maximum(own - t, 0).sum() - 1  # noqa: E731
        threshold = brentq(excess, own.min() - 2, own.max(), xtol=1e-15)
        np.testing.assert_allclose(y[block], np.maximum(own - threshold, 0), atol=1e-12)


@given(x=st.tuples(*[coordinates] * 7), low=st.floats(-2, 0), width=st.floats(0.1, 2))
def test_a_box_clips_every_variable_or_those_of_one_player_only(x, low, width):
    np.testing.assert_array_equal(Box(low, low + width)(x, BLOCKS), np.clip(x, low, low + width))
    wanted = np.array(x)
    wanted[[1, 6]] = np.clip(wanted[[1, 6]], low, low + width)
    np.testing.assert_array_equal(Box(low, low + width, player=2)(x, BLOCKS), wanted)


def test_every_step_ends_in_the_set_and_the_momentum_goes_on():
    field = VectorField(("1", "-y"), ("x", "y"))
    run = trajectory(field, [0.0, 0.5], Projected(HeavyBall(0.5), Box(-0.3, 0.3)), h=0.125, steps=6)
    assert run.x[1:].max() <= 0.3 and run.x[1:].min() >= -0.3
    x, y, m, n = 0.0, 0.5, 0.0, 0.0
    for here in run.x[1:]:
        m, n = 0.5 * m + 0.125, 0.5 * n - 0.125 * y
        x, y = np.clip([x + m, y + n], -0.3, 0.3)
        np.testing.assert_allclose(here, [x, y], rtol=1e-13)
