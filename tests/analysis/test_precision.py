"""Fields at fifty digits: values, Newton's last steps, and the exact numbers a zero stands for."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis.precision import DIGITS, as_array, newton_step, polish, precise_jacobian, precise_value, recognise
from analysis.zeros import exact_or_precise, zero_near
from dynsys import InputError, VectorField, games

seeds = st.integers(0, 2**32 - 1)


def line(component, **more):
    return VectorField((component,), ("x",), **more)


def agree(found, expected, digits):
    with mp.workdps(DIGITS + 10):
        return abs(found - expected) < mp.mpf(10) ** -digits


def test_values_and_jacobians_have_fifty_digits():
    v = games.dirac_gan().field()
    with mp.workdps(DIGITS):
        a, b = mp.mpf(7) / 10, mp.mpf(-13) / 10
        slope = 1 / (1 + mp.exp(a * b))  # f'(t) of f = -log(1 + e^-t)
        value, J = precise_value(v, (a, b)), precise_jacobian(v, (a, b))
        assert agree(value[0], -b * slope, 45)
        assert agree(value[1], a * slope, 45)
        assert agree(J[0, 0], b * b * slope * (1 - slope), 45)
    assert_allclose(as_array(J), v.jacobian([0.7, -1.3]), rtol=1e-14)


def test_parameters_mean_the_decimals_they_are_written_with():
    value = precise_value(line("a*x", parameters={"a": 0.1}), (mp.mpf(1),))
    with mp.workdps(DIGITS):
        assert value[0] == mp.mpf(1) / 10  # and not the double nearest to it


@pytest.mark.parametrize(("component", "x"), [("log(x)", -1), ("sqrt(x)", -1), ("1/x", 0), ("log(x)", 0)])
def test_where_a_field_has_no_real_value_there_is_an_error_to_catch(component, x):
    with pytest.raises((ValueError, ZeroDivisionError)):
        precise_value(line(component), (mp.mpf(x),))


@given(c=st.integers(1, 1000), offset=st.floats(-0.04, 0.04))
def test_newton_reaches_a_square_root_to_forty_digits(c, offset):
    root = polish(line(f"x**2 - {c}"), [np.sqrt(c) * (1 + offset)], reach=0.1 * np.sqrt(c))[0]
    with mp.workdps(DIGITS):
        assert agree(root / mp.sqrt(c), 1, 40)


@pytest.mark.parametrize("power", [2, 3, 5])
def test_a_multiple_zero_is_reached_to_25_digits_although_convergence_is_linear(power):
    assert agree(polish(line(f"(x - sqrt(2))**{power}"), [1.41], reach=0.1)[0], mp.sqrt(2), 15)
    assert agree(polish(line(f"x**{power}"), [0.01], reach=0.1)[0], 0, 25)


@pytest.mark.parametrize(
    ("component", "start"),
    [
        ("x**2 + 1", 0.3),  # no zero
        ("x - 5", 0.0),  # beyond reach
        ("exp(-x)", 1.0),  # a plateau
        ("log(x)", -1.0),  # not real
        ("1 + 0*x", 0.0),  # a Jacobian of zeros
    ],
)
def test_where_no_zero_is_near_there_is_none(component, start):
    assert polish(line(component), [start], reach=2.0) is None


@given(seed=seeds, n=st.integers(1, 4))
def test_a_newton_step_solves_the_linear_system(seed, n):
    rng = np.random.default_rng(seed)
    J, v = rng.standard_normal((n, n)), rng.standard_normal(n)
    assert_allclose(J @ as_array(newton_step(mp.matrix(J.tolist()), mp.matrix(v.tolist()))), v, atol=1e-9)


@given(a=st.integers(1, 9), b=st.integers(-9, 9), v=st.integers(-9, 9))
def test_a_newton_step_at_a_singular_jacobian_is_the_one_of_least_norm(a, b, v):
    J = np.array([[a, b], [2 * a, 2 * b]])  # consistent, rank one
    value = np.array([v, 2 * v])
    step = newton_step(mp.matrix(J.tolist()), mp.matrix(value.tolist()))
    assert_allclose(as_array(step), np.linalg.pinv(J) @ value, atol=1e-12)


@pytest.mark.parametrize("coordinate", ["1/3", "-17/60", "pi/6", "-3*pi", "0", "12345"])
def test_small_rationals_and_multiples_of_pi_are_recognised(coordinate):
    exact = sp.sympify(coordinate)
    field = line(f"sin(x - ({coordinate}))")
    with mp.workdps(DIGITS):
        assert recognise(field, (mp.mpf(str(exact.evalf(DIGITS + 5))),)) == (exact,)


def test_what_only_looks_like_a_rational_is_not_called_one():
    with mp.workdps(DIGITS):
        assert recognise(line("x**2 - 2"), (mp.sqrt(2),)) is None
        assert recognise(line("x - sqrt(2)*10^(-40)"), (mp.sqrt(2) * mp.mpf(10) ** -40,)) is None  # SymPy refutes 0


def test_a_zero_given_to_six_digits_is_found_and_one_given_to_five_refused():
    field = line("x**2 - 2")
    with mp.workdps(DIGITS):
        assert agree(zero_near(field, [1.414213])[0], mp.sqrt(2), 40)
    with pytest.raises(InputError, match=r"x = .* is not a zero of the field"):
        zero_near(field, [1.41420])


def test_coordinates_of_a_recognised_zero_are_exact_to_fifty_digits():
    with mp.workdps(DIGITS):
        assert agree(exact_or_precise(games.sine().field(), [np.pi, 0])[0], mp.pi, 48)
        assert exact_or_precise(line("3*x - 1"), [1 / 3]) == (mp.mpf(1) / 3,)


def test_a_newton_step_where_v_does_not_depend_on_a_variable_is_the_shortest_that_solves():
    """mpmath's elimination finds no pivot in a column of zeros; the column alone is what makes J singular."""
    step = newton_step(mp.matrix([[0, 1, 0], [0, 1, 1], [0, 2, 5]]), mp.matrix([1, 1, 2]))
    assert_allclose([float(c) for c in step], [0, 1, 0], atol=1e-25)
