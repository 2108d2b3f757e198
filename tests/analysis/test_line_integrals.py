"""Work and circulation: against closed forms, Stokes' theorem, and paths that cannot be walked."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis import circulation, work
from dynsys import InputError, VectorField, games
from integrators import RungeKutta4, trajectory

CURL = games.curl().field()
VORTEX = VectorField(("-y/(x**2 + y**2)", "x/(x**2 + y**2)"), ("x", "y"))
CUBIC = VectorField(("x**2*y - y**3/3", "x - x*y + 2"), ("x", "y"))  # curl 1 - y - x² + y²
coordinates = st.floats(-2, 2)


def circle(centre, radius, turns=1):
    return lambda t: (
        centre[0] + radius * np.cos(2 * np.pi * turns * t),
        centre[1] + radius * np.sin(2 * np.pi * turns * t),
    )


@given(radius=st.floats(1e-6, 1e6), x=coordinates, y=coordinates)
def test_the_circulation_of_the_curl_field_is_twice_the_area(radius, x, y):
    found = circulation(CURL, circle((x, y), radius))
    # the points of a small circle far from 0 are themselves rounded
    assert_allclose(found, 2 * np.pi * radius**2, rtol=1e-11, atol=1e-15 * radius * (1 + abs(x) + abs(y)))


@given(corners=st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=8))
def test_stokes_theorem_on_random_polygons(corners):
    """∮ v·dx = ∬ curl v over the polygon, its integral by moments: exact Gauss points on a fan of triangles."""
    loop = np.array([*corners, corners[0]])
    total = 0.0
    nodes, weights = np.polynomial.legendre.leggauss(4)
    s, ws = (nodes + 1) / 2, weights / 2
    for a, b in itertools.pairwise(loop):
        u, w = a - loop[0], b - loop[0]
        area2 = u[0] * w[1] - u[1] * w[0]
        for p, wp in zip(s, ws, strict=True):
            for q, wq in zip(s, ws, strict=True):
                x, y = loop[0] + p * (1 - q) * u + p * q * w
                total += area2 * p * wp * wq * (1 - y - x**2 + y**2)
    assert_allclose(circulation(CUBIC, loop), total, rtol=1e-10, atol=1e-12)


@given(x=coordinates, y=coordinates, turns=st.integers(-3, 3))
def test_a_vortex_counts_how_often_a_loop_winds_round_it(x, y, turns):
    if abs(np.hypot(x, y) - 1) < 1e-3 or turns == 0:
        return
    wanted = 2 * np.pi * turns * (np.hypot(x, y) < 1)
    assert_allclose(circulation(VORTEX, circle((x, y), 1, turns)), wanted, atol=1e-10)


@given(start=st.tuples(coordinates, coordinates), end=st.tuples(coordinates, coordinates))
def test_work_of_a_gradient_is_the_difference_of_the_potential(start, end):
    field = VectorField(("exp(x)*sin(y) + 2*x", "exp(x)*cos(y)"), ("x", "y"))
    phi = lambda x, y: np.exp(x) * np.sin(y) + x**2  # noqa: E731
    bent = lambda t: (  # noqa: E731
        start[0] + (end[0] - start[0]) * t**3,
        start[1] + (end[1] - start[1]) * t + np.sin(np.pi * t),
    )
    for path in ([start, end], bent):
        found = work(field, path)
        assert_allclose(found, phi(*end) - phi(*start), rtol=1e-10, atol=1e-12)


def test_work_does_not_depend_on_how_fast_or_with_what_kinks_the_path_is_walked():
    straight = work(CUBIC, [[0, 0], [1, 0], [1, 2]])
    kinked = work(CUBIC, lambda t: (min(2 * t, 1.0), 2 * max(2 * t - 1, 0.0)))
    shifted = work(CUBIC, lambda t: (min(3 * t, 1.0), 2 * max((3 * t - 1) / 2, 0.0)))
    rooted = work(CUBIC, lambda t: (min(2 * t, 1.0) ** 0.5, 2 * max(2 * t - 1, 0.0)))
    assert_allclose([kinked, shifted, rooted], [straight] * 3, rtol=1e-10)


def test_the_estimate_of_the_error_bounds_it():
    field = VectorField(("1/(0.001 + x**2)",), ("x",))
    exact = 2 * np.arctan(1 / np.sqrt(0.001)) / np.sqrt(0.001)
    found = work(field, [[-1], [1]], rtol=1e-6)
    assert abs(found - exact) <= found.error + 1e-13 * exact
    assert found.error <= 1e-5 * exact
    assert "±" in repr(found)


def test_a_trajectory_is_a_path_and_a_nearly_closed_one_a_loop():
    run = trajectory(CURL, [1, 0], RungeKutta4(), h=2 * np.pi / 500, steps=500, compiled=False)
    polygon = 500 * np.sin(2 * np.pi / 500)  # twice the area of the regular 500-gon
    assert_allclose(work(CURL, run), polygon, rtol=1e-8)
    with pytest.raises(InputError, match="open"):
        circulation(CURL, run, gap=1e-12)
    assert_allclose(circulation(CURL, run, gap=1e-6), polygon, rtol=1e-8)


@given(share=st.floats(0, 0.09), turn=st.floats(0, 6))
def test_a_line_closes_a_loop_that_is_open_by_less_than_the_gap(share, turn):
    angle = turn + 2 * np.pi * (1 - share) * np.linspace(0, 1, 60)
    nearly = np.stack([np.cos(angle), np.sin(angle)], 1)
    closed = np.vstack([nearly, nearly[:1]])
    assert_allclose(circulation(CUBIC, nearly, gap=0.5), circulation(CUBIC, closed), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("place", [0.1, 0.35, 0.65, 0.9])
def test_a_narrow_peak_on_the_way_is_not_missed(place):
    peak = VectorField((f"exp(-((x - {place})/0.002)**2)",), ("x",))
    assert_allclose(work(peak, lambda t: (t,)), 0.002 * np.sqrt(np.pi), rtol=1e-9)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: circulation(CURL, [[0, 0], [1, 0], [1, 1]]), r"loop is open: .*\(0, 0\).*\(1, 1\)"),
        (lambda: circulation(CURL, lambda t: (t, 0)), "loop is open"),
        (lambda: work(VORTEX, [[-1, 0], [1, 0]]), r"near \(.*, 0\).*round the singularity"),
        (lambda: work(VORTEX, [[-1, 0.2], [0, 0], [1, 1]]), "round the singularity"),
        (lambda: work(VectorField(("1/x",), ("x",)), [[0], [1]]), "round the singularity"),
        (lambda: work(VectorField(("1/(x - 1)",), ("x",)), [[0], [2]]), "round the singularity"),
        (lambda: work(CURL, lambda t: (float(t > 0.3), 0)), "path jumps near"),
        (lambda: work(CURL, [[0, 0]]), "at least two points"),
        (lambda: work(CURL, [[0, 0, 0], [1, 1, 1]]), r"3 entries but the field has variables \(theta, phi\)"),
        (lambda: work(CURL, lambda t: t), "1 entries but the field has variables"),
        (lambda: work(CURL, lambda t: (t, float("nan"))), "finite"),
        (lambda: work(CURL, [[0, 0], [np.inf, 0]]), "not finite"),
        (lambda: work(CURL, 3.0), "single number"),
        (lambda: work(CURL, [[0, 0], [1, 1]], rtol=0), "rtol is 0"),
        (lambda: work(VectorField(("t*x",), ("x",), time="t"), [[0], [1]]), "depends on time"),
    ],
)
def test_a_path_that_cannot_be_walked_is_refused_with_the_place(call, words):
    with pytest.raises(InputError, match=words):
        call()
