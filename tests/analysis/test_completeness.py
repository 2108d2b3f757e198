"""What is claimed of the zeros not found: exact counts, degrees, estimates; and continua in place of lists."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis import fixed_points
from analysis.completeness import boundary_degree, completeness, real_zero_count
from dynsys import Game, VectorField, games

BOX = ((-2.0, 2.0), (-2.0, 2.0))
x, y = sp.symbols("x y", real=True)


def plane(*components):
    return VectorField(components, ("x", "y"))


def complex_field(polynomial):
    """The field (Re p, Im p) of a complex polynomial in z = x + iy."""
    expanded = sp.expand(polynomial(x + sp.I * y))
    return plane(str(sp.re(expanded)), str(sp.im(expanded)))


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_the_degree_of_z_to_the_k_is_k_and_that_of_its_mirror_image_minus_k(k):
    field = complex_field(lambda z: z**k)
    mirror = plane(field.expressions[0], -field.expressions[1])
    assert boundary_degree(field, BOX) == k
    assert boundary_degree(mirror, BOX) == -k
    assert boundary_degree(field, ((0.5, 2.0), (-2.0, 2.0))) == 0  # no zero inside


@given(roots=st.lists(st.tuples(st.integers(-39, 39), st.integers(-39, 39)), min_size=1, max_size=4, unique=True))
def test_the_degree_of_a_complex_polynomial_is_the_number_of_its_roots_in_the_box(roots):
    """The argument principle."""
    inside = [r for r in roots if max(abs(r[0]), abs(r[1])) < 20]
    nearest = min(abs(max(abs(a), abs(b)) - 20) for a, b in roots)
    field = complex_field(lambda z: sp.prod([z - sp.Rational(a, 10) - sp.I * sp.Rational(b, 10) for a, b in roots]))
    degree = boundary_degree(field, BOX)
    assert degree == len(inside) or (nearest == 0 and degree is None)


@pytest.mark.parametrize(
    ("component", "degree"), [("x", 1), ("-x", -1), ("x**2", 0), ("x - 2", None), ("log(x)", None)]
)
def test_in_one_variable_the_degree_compares_the_signs_at_both_ends(component, degree):
    assert boundary_degree(VectorField((component,), ("x",)), ((-2.0, 2.0),)) == degree


def test_there_is_no_degree_if_the_field_vanishes_on_the_boundary_or_is_not_finite_there():
    assert boundary_degree(plane("x - 2", "y"), BOX) is None
    assert boundary_degree(plane("log(x)", "y"), BOX) is None


@given(
    roots=st.lists(st.integers(-20, 20), min_size=1, max_size=5),
    pairs=st.lists(st.tuples(st.integers(-5, 5), st.integers(1, 5)), max_size=2),
)
def test_the_exact_count_in_one_variable_is_that_of_distinct_real_roots(roots, pairs):
    factors = [f"(x - ({r})/7)" for r in roots] + [f"((x - ({a}))**2 + {b})" for a, b in pairs]
    field = VectorField(("*".join(factors),), ("x",))
    with mp.workdps(50):
        some = [(mp.mpf(r) / 7,) for r in sorted(set(roots))[1:]]
    count = real_zero_count(field, some)
    assert (count.total, count.accounted) == (len(set(roots)), len(some))
    assert_allclose([float(z[0]) for z in count.missing], [min(roots) / 7], atol=1e-25)


@pytest.mark.parametrize(
    ("components", "total"),
    [
        (("x**2 + y**2 - 1", "x - y"), 2),
        (("x**2 + y**2 - 1", "x - 3"), 0),  # only complex solutions
        (("x**2 + y**2 - 1", "x - 1"), 1),  # a tangent
        (("x**3 - 3*x*y**2 - 1", "3*x**2*y - y**3"), 3),  # z³ = 1
        (("x**2 + y**2", "x*y"), 1),
        (("1", "2"), 0),
        (("x*y", "x + y - 1"), 2),
        (("y - x**3", "y"), 1),
    ],
)
def test_the_exact_count_in_two_variables_is_that_of_real_solutions(components, total):
    assert real_zero_count(plane(*components), []).total == total


def test_there_is_no_exact_count_for_what_is_no_polynomial_or_of_too_high_degree():
    assert real_zero_count(plane("sin(x)", "y"), []) is None
    assert real_zero_count(plane("x**9 - y", "y**9 - x"), []) is None
    assert real_zero_count(games.dirac_gan().field(), []) is None


def known_zeros(points):
    with mp.workdps(50):
        return [tuple(mp.mpf(c) for c in p) for p in points]


def test_a_polynomial_zero_left_out_on_purpose_is_located():
    field = plane("x*(x - 1)*(x + 1)", "y*(y - 1)")
    zeros = known_zeros([(0, 0), (1, 0), (-1, 0), (1, 1), (-1, 1)])
    found = completeness(field, BOX, zeros, [1] * 5, [])
    assert found.complete is None
    assert (found.real_zeros, found.accounted) == (6, 5)
    assert_allclose([[float(c) for c in z] for z in found.missing], [[0, 1]], atol=1e-25)


def test_a_zero_left_out_of_a_field_that_is_no_polynomial_shows_in_the_degree():
    field = games.sine().field()
    with mp.workdps(50):
        zeros = [(mp.pi * k, mp.pi * m) for k in (-1, 0, 1) for m in (-1, 0, 1)]
    found = completeness(field, ((-4.0, 4.0), (-4.0, 4.0)), zeros, [3] * 9, [])
    assert found.complete is False
    assert (found.degree, found.index_sum) == (5, 9)
    assert found.text.startswith("zeros are missing")


def test_the_chance_of_an_unseen_zero_is_the_share_of_starts_whose_zero_nobody_else_hit():
    zeros = known_zeros([(-1, 0), (0, 0), (1, 0)])  # Good (1953)
    found = completeness(plane("sin(pi*x)", "y"), BOX, zeros, [1, 6, 1], [])
    assert found.unseen == 2 / 8


def test_a_zero_that_is_degenerate_contributes_no_index_and_is_no_proof_that_others_are_missing():
    field = VectorField(("1 - cos(x)",), ("x",))
    found = fixed_points(field, [(-1, 2)])
    assert [p.x.tolist() for p in found] == [[0]]
    assert found[0].degenerate
    assert found[0].kantorovich == np.inf
    assert (found.completeness.degree, found.completeness.index_sum) == (0, None)
    assert found.completeness.complete is None
    assert "zeros are missing" not in found.completeness.text


@pytest.mark.parametrize("components", [("y", "x**2"), ("x**3", "y"), ("-x**3", "-y**3")])
def test_an_isolated_singular_zero_is_listed_once_as_degenerate(components):
    found = fixed_points(plane(*components), BOX, starts=48)
    assert [p.x.tolist() for p in found] == [[0, 0]]
    assert found[0].degenerate
    assert found.continua == ()
    assert found.completeness.complete is True


def test_a_circle_of_zeros_is_a_continuum_beside_the_isolated_zero_inside_it():
    found = fixed_points(plane("x*(x**2 + y**2 - 1)", "y*(x**2 + y**2 - 1)"), BOX)
    assert [p.x.tolist() for p in found] == [[0, 0]]
    (circle,) = found.continua
    assert circle.dimension == 1
    assert_allclose(np.linalg.norm(circle.points, axis=1), 1, atol=1e-9)
    angles = np.sort(np.arctan2(circle.points[:, 1], circle.points[:, 0]))
    assert np.diff(angles).max() < 0.2  # all the way round
    assert found.completeness.complete is None


def test_a_line_of_zeros_is_one_continuum():
    found = fixed_points(plane("x", "x*y"), BOX)
    assert len(found) == 0
    (line,) = found.continua
    assert_allclose(line.points[:, 0], 0, atol=1e-9)
    assert np.ptp(line.points[:, 1]) > 3.5


@pytest.mark.parametrize("payoffs", [("x**2*y**2", "-x**2*y**2"), ("x**2*y/2", "x*y**2/2")])
def test_crossing_lines_of_zeros_are_continua_with_no_point_listed(payoffs):
    game = Game({"p": ["x"], "q": ["y"]}, dict(zip("pq", payoffs, strict=True)))
    found = fixed_points(game.field(), BOX)
    assert len(found) == 0
    points = np.vstack([c.points for c in found.continua])
    assert_allclose(points.prod(1), 0, atol=1e-9)
    assert np.ptp(points[:, 0]) > 0  # both axes
    assert np.ptp(points[:, 1]) > 0


def test_a_common_factor_without_real_zeros_is_no_continuum():
    found = fixed_points(plane("x*(x**2 + y**2 + 1)", "y*(x**2 + y**2 + 1)"), BOX)
    assert [p.x.tolist() for p in found] == [[0, 0]]
    assert found.continua == ()
    assert "include a continuum" not in found.completeness.text
    assert found.completeness.complete is None


def test_a_sphere_of_zeros_is_a_surface():
    r2 = "(x**2 + y**2 + z**2 - 1)"
    found = fixed_points(VectorField((f"x*{r2}", f"y*{r2}", f"z*{r2}"), ("x", "y", "z")), [(-2, 2)] * 3)
    assert [p.x.tolist() for p in found] == [[0, 0, 0]]
    (sphere,) = found.continua
    assert sphere.dimension == 2
    assert_allclose(np.linalg.norm(sphere.points, axis=1), 1, atol=1e-9)


def test_a_field_that_vanishes_everywhere_has_no_points_to_list():
    found = fixed_points(plane("0*x", "0*y"), BOX)
    assert len(found) == 0
    assert found.continua[0].dimension == 2
    assert "continuum" in found.completeness.text
