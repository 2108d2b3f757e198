"""Curl, divergence, S + A and the path angle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose

from analysis import curl, decompose_jacobian, divergence, path_angle
from dynsys import InputError, VectorField, games
from dynsys.transforms import consensus

entries = st.floats(-3, 3).filter(lambda a: a == 0 or abs(a) > 1e-30)


def linear(A, centre=None):
    names = [f"x{i}" for i in range(len(A))]
    centre = [0.0] * len(A) if centre is None else centre.tolist()
    moved = [f"({n} - ({c!r}))" for n, c in zip(names, centre, strict=True)]
    rows = [" + ".join(f"({a!r})*{m}" for a, m in zip(row, moved, strict=True)) for row in A.tolist()]
    return VectorField(tuple(rows), tuple(names))


@settings(max_examples=20)
@given(arrays(float, (3, 3), elements=entries, fill=st.nothing()), arrays(float, 3, elements=entries))
def test_of_a_linear_field_they_are_those_of_its_matrix(A, p):
    v = linear(A)
    assert_allclose(divergence(v, p), np.trace(A), atol=1e-14)
    w = curl(v, p)
    assert_allclose(np.cross(w, p) / 2, (A - A.T) / 2 @ p, atol=1e-13)  # A x = ω × x / 2
    parts = decompose_jacobian(v, p)
    assert_allclose(parts.symmetric + parts.antisymmetric, A, atol=1e-15)
    assert_allclose(parts.symmetric, parts.symmetric.T)
    assert_allclose(parts.antisymmetric, -parts.antisymmetric.T)
    assert_allclose(parts.symmetric_norm**2 + parts.antisymmetric_norm**2, parts.norm**2, atol=1e-12)


def test_shapes_in_two_three_and_more_dimensions():
    points = np.zeros((4, 5, 2))
    field = games.curl().field()
    assert curl(field, points).shape == divergence(field, points).shape == (4, 5)
    assert (curl(field, points) == 2).all()
    four = linear(np.arange(16.0).reshape(4, 4))
    assert curl(four, np.zeros((7, 4))).shape == (7, 4, 4)
    assert_allclose(curl(four, np.zeros(4))[0, 1], (1 - 4) / 2)
    assert decompose_jacobian(field, points).rotation.shape == (4, 5)


@given(gamma=st.floats(0, 5), p=arrays(float, 2, elements=entries))
def test_consensus_leaves_the_antisymmetric_part_as_it_is(gamma, p):
    v = games.spiral_saddle().field()
    before, after = decompose_jacobian(v, p), decompose_jacobian(consensus(v, gamma), p)
    assert_allclose(after.antisymmetric, before.antisymmetric, atol=1e-12 * (1 + gamma) * (1 + before.norm**2))


def test_rotation_is_1_for_the_curl_field_and_0_for_a_gradient():
    assert decompose_jacobian(games.curl().field(), [1, 2]).rotation == 1
    assert decompose_jacobian(VectorField(("2*x*y", "x**2"), ("x", "y")), [1, 2]).rotation == 0


@given(angle=st.floats(0.1, 3), a=st.floats(0.1, 2), offset=st.floats(1e-3, 1e-2))
def test_attraction_switches_sign_and_rotation_has_a_bump(angle, a, offset):
    x0 = np.array([np.cos(angle), np.sin(angle)])
    beside = offset * np.array([-x0[1], x0[0]])  # the line passes the zero at this distance
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    pull = path_angle(linear(-a * np.eye(2), beside), x0, np.zeros(2), resolution=801)
    assert pull.attraction > 0.99 and pull.rotation < 1e-6
    push = path_angle(linear(a * np.eye(2), beside), x0, np.zeros(2), resolution=801)
    assert push.attraction < -0.99
    spin = path_angle(linear(a * turn, beside), x0, np.zeros(2), resolution=801)
    assert abs(spin.attraction) < 0.02 and spin.rotation > 0.9
    both = path_angle(linear(a * (turn - np.eye(2)), beside), x0, np.zeros(2), resolution=801)
    assert both.attraction > 0.6 and both.rotation > 0.6


def test_the_cosine_is_that_of_the_definition():
    v = games.spiral_saddle().field()
    found = path_angle(v, [1, 0], [0.1, 0.2], beyond=0.5, resolution=7)
    assert_allclose(found.share, np.linspace(0, 1.5, 7))
    at = np.array([1, 0]) + found.share[3] * np.array([-0.9, 0.2])
    line, value = np.array([-0.9, 0.2]), v(at)
    assert_allclose(found.cosine[3], line @ value / np.linalg.norm(line) / np.linalg.norm(value))
    assert_allclose(found.speed[3], np.linalg.norm(value))
    exact = path_angle(v, [1, 0], [0, 0], resolution=3)
    assert np.isnan(exact.cosine[1]) and exact.to_dict()["cosine"][1] is None
    assert np.isnan(exact.rotation) and exact.to_dict()["rotation"] is None


def test_near_a_spiral_both_measures_are_those_of_its_jacobian():
    """J = -½ ± i: for a line that passes beside it, a/√(a² + b²) and nearly b/√(a² + b²)."""
    v = games.spiral_saddle().field()
    found = path_angle(v, [0.3, 0], [0, 0.001], resolution=4001)
    assert_allclose(found.attraction, 0.5 / np.sqrt(1.25), atol=0.02)
    # at ten times the least speed a tenth of the bump is left
    assert_allclose(found.rotation, 0.9 / np.sqrt(1.25), atol=0.03)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([0, 0], [0, 0]), "two different points"),
        (([0, np.nan], [0, 0]), "x0 is"),
        (([0, 0], [[1, 1]]), "x1 is"),
        (([0, 0], [1, 1], -1), "beyond is -1"),
        (([0, 0], [1, 1], 1, 2), "resolution is 2"),
    ],
)
def test_bad_lines_are_refused(arguments, words):
    with pytest.raises(InputError, match=words):
        path_angle(games.curl().field(), *arguments)
