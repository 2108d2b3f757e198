"""Enclosures: no value escapes its interval, and no maximum its bounds."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import iv
from numpy.testing import assert_allclose

from analysis.enclosures import FUNCTIONS, enclosed, maximum
from analysis.precision import precise_function
from dynsys.expressions import expression, symbol
from dynsys.functions import SYMPY

few = settings(max_examples=max(8, settings.default.max_examples // 5))
seeds = st.integers(0, 2**32 - 1)
ends = st.floats(-3, 3).map(lambda c: round(c, 3))
x, y = symbol("x"), symbol("y")
POWERS = ["x**2", "x**3", "1/x", "1/x**2", "x**(1/3)", "x**x", "x**(-1/2)", "pi*x - x/3"]
PARTS = {text: expression(text, ["x"], "e") for text in [*(f"{name}(x)" for name in SYMPY), *POWERS]}
PRECISE = {text: precise_function([e], [x]) for text, e in PARTS.items()}


@pytest.mark.parametrize("text", PARTS)
@few
@given(one=ends, other=ends, shares=st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_every_value_is_in_the_interval_of_values(text, one, other, shares):
    low, high = sorted((one, other))
    interval = enclosed(PARTS[text], {x: iv.mpf([low, high])})
    for share in (0, 1, *shares):
        point = min(max(low + share * (high - low), low), high)
        with mp.workdps(40):
            try:
                value = PRECISE[text](mp.mpf(point))[0]
            except (ValueError, ZeroDivisionError):
                continue
            if isinstance(value, mp.mpf):
                assert not value < mp.mpf(float(interval.a))
                assert not value > mp.mpf(float(interval.b))


def test_every_function_that_a_payoff_may_use_has_an_enclosure_at_a_point_good_to_rounding():
    assert set(FUNCTIONS) | {sp.sqrt} == set(SYMPY.values())
    for name in SYMPY:
        e = expression(f"{name}(x)", ["x"], "e")
        interval = enclosed(e, {x: iv.mpf(0.3)})
        assert_allclose([float(interval.a), float(interval.b)], float(e.subs(x, sp.Rational(0.3))), rtol=1e-15)


def random_function(seed):
    draw = np.random.default_rng(seed)
    c = [sp.Rational(int(k), 5) for k in draw.integers(-9, 10, 8)]
    wave = sp.sin(c[0] * x + c[1] * y + c[2]) + c[3] * sp.cos(2 * x - y)
    return wave + c[4] * sp.tanh(x * y) - x**4 / 9 + c[5] * x * y + c[6] * y / (1 + x**2) + c[7] * sp.exp(-(y**2))


BOX = ((-1.0, 2.0), (-2.0, 1.5))


@few
@given(seed=seeds)
def test_the_bounds_meet_at_the_maximum_that_a_dense_grid_shows(seed):
    u = random_function(seed)
    found = maximum(u, [x, y], BOX, [(0.0, 0.0)], 3000)
    axes = [np.linspace(lo, hi, 301) for lo, hi in BOX]
    heights = sp.lambdify((x, y), u, "numpy")(*np.meshgrid(*axes, indexing="ij"))
    assert found.is_tight
    assert heights.max() <= found.upper + 1e-12
    assert found.lower >= heights.max() - 1e-8
    assert found.upper - heights.max() < 0.02  # what the grid may miss
    value = float(u.subs(dict(zip((x, y), found.place, strict=True))))
    assert value == pytest.approx(found.lower, abs=1e-13)
    assert all(lo <= c <= hi for c, (lo, hi) in zip(found.place, BOX, strict=True))


@few
@given(seed=seeds, budget=st.integers(1, 30))
def test_bounds_hold_however_early_the_search_ends(seed, budget):
    u = random_function(seed)
    early, late = (maximum(u, [x, y], BOX, [(0.0, 0.0)], b) for b in (budget, 1000))
    assert early.lower <= late.upper
    assert early.upper >= late.lower
    assert early.upper >= late.upper - 1e-8 * (1 + abs(late.upper))


@few
@given(seed=seeds, degree=st.integers(1, 6))
def test_a_polynomial_has_its_maximum_at_an_end_or_a_root_of_its_derivative(seed, degree):
    c = np.random.default_rng(seed).integers(-9, 10, degree + 1)
    found = maximum(sum(int(a) * x**k for k, a in enumerate(c[::-1])) + 0 * x, [x], [(-1.5, 2.0)], [(0.0,)], 10)
    roots = np.roots(np.polyder(c)) if degree > 1 else np.array([])
    inside = [z.real for z in roots if abs(z.imag) < 1e-6 and -1.5 < z.real < 2]
    expected = np.polyval(c, np.array([-1.5, 2.0, *inside])).max()
    assert_allclose([found.lower, found.upper], expected, rtol=1e-9, atol=1e-9)
    assert found.upper - found.lower < 1e-12 * (1 + abs(expected))


def test_a_concave_parabola_has_its_maximum_inside_and_a_saddle_of_two_variables_at_a_corner():
    hill = maximum(x - x**2, [x], [(0.0, 2.0)], [(0.0,)], 10)
    assert_allclose([hill.lower, hill.upper, *hill.place], [0.25, 0.25, 0.5], rtol=1e-14)
    saddle = maximum(x * y - x, [x, y], [(-1.0, 2.0), (-3.0, 1.5)], [(0.0, 0.0)], 10)
    assert_allclose([saddle.lower, saddle.upper, *saddle.place], [4, 4, -1, -3], rtol=1e-14)


def test_a_double_root_of_the_derivative_and_one_at_an_end_are_not_missed():
    double = maximum(x**3 - 3 * x**4 / 4, [x], [(-1.0, 1.0)], [(0.0,)], 10)
    assert_allclose([double.lower, double.upper, *double.place], [0.25, 0.25, 1.0], rtol=1e-14)
    flat = maximum(-((x - 1) ** 4), [x], [(0.0, 3.0)], [(0.0,)], 10)
    assert_allclose([flat.lower, flat.upper, *flat.place], [0, 0, 1.0], atol=1e-15)


def test_where_the_function_may_be_undefined_there_is_no_bound():
    pole = maximum(1 / (x - sp.Rational(1, 7)), [x], [(-1.0, 1.0)], [(0.5,)], 50)
    assert pole.upper == math.inf
    assert not pole.is_tight
    assert "halved 50 times" in pole.reason
