"""Expectations over data and over declared noise: exact wherever brute force is, and quadrature where nothing is."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import scipy.integrate
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dynsys.errors import InputError
from dynsys.expressions import expression, symbol
from dynsys.functions import softplus
from dynsys.minibatches import Data, Noise, discrete, mixture, normal, populations, uniform
from dynsys.minibatches.populations import NotClosedError, expectation

X, Y, A, B = (symbol(name) for name in "xyab")
SMALL = st.fractions(-3, 3, max_denominator=4).map(lambda q: sp.Rational(q.numerator, q.denominator))
TERMS = st.tuples(SMALL, *(st.integers(0, 3) for _ in range(4)))
POLYNOMIALS = st.lists(TERMS, min_size=1, max_size=6).map(
    lambda terms: sp.Add(*(c * X**i * Y**j * A**k * B**m for c, i, j, k, m in terms))
)
QUARTERS = st.integers(-8, 8).map(lambda k: k / 4)
ROWS = st.lists(st.tuples(QUARTERS, QUARTERS), min_size=1, max_size=6)


def data(rows):
    return Data({"a": [row[0] for row in rows], "b": [row[1] for row in rows]})


def brute_mean(e, rows, weights=None):
    """Row by row, in exact fractions."""
    weights = [sp.Rational(1, len(rows))] * len(rows) if weights is None else weights
    return sp.Add(
        *(w * e.subs({A: sp.Rational(str(a)), B: sp.Rational(str(b))}) for w, (a, b) in zip(weights, rows, strict=True))
    )


def same(e, f):
    return sp.expand(e - f) == 0


# --- data -----------------------------------------------------------------------------------------


@given(e=POLYNOMIALS, rows=ROWS)
def test_the_mean_of_a_polynomial_over_data_is_the_mean_of_its_rows_exactly(e, rows):
    assert same(expectation(e, data(rows)), brute_mean(e, rows))


def test_data_count_as_the_decimals_they_are_written_as():
    thirds = Data({"a": [0.1, 0.2, 0.6]})
    assert expectation(A, thirds) == sp.Rational(3, 10)
    assert expectation(A**2 * X, thirds) == sp.Rational(41, 300) * X


@given(rows=ROWS, x=st.integers(-2, 2).map(float))
def test_the_mean_over_data_of_what_is_no_polynomial_is_a_sum_over_the_rows(rows, x):
    e = sp.sin(A * X) * sp.exp(B) * Y + A**2 * sp.cos(A) - sp.sqrt(1 + A**2) / (2 + X**2)
    found = expectation(e, data(rows))
    assert not found.free_symbols & {A, B}
    wanted = np.mean([float(e.subs({A: a, B: b, X: x, Y: 1.5})) for a, b in rows])
    assert_allclose(float(found.subs({X: x, Y: 1.5})), wanted, rtol=1e-12, atol=1e-12)


def test_the_mean_over_many_rows_is_rounded_once():
    column = np.random.default_rng(3).normal(size=populations.EXACT_ROWS + 1)
    found = expectation(A**2, Data({"a": column}))
    assert float(found) == pytest.approx(math.fsum(column**2) / len(column), rel=1e-15)


def test_a_sum_of_too_many_terms_is_not_closed_but_its_numbers_are():
    many = Data({"a": np.arange(populations.MOST_TERMS + 1.0)})
    with pytest.raises(NotClosedError, match="257 terms"):
        expectation(sp.sin(A * X), many)
    assert_allclose(float(expectation(sp.sin(A) * X, many) / X), np.sin(np.arange(257.0)).mean(), rtol=1e-13)
    few = Data({"a": np.arange(1.0 * populations.MOST_TERMS)})
    assert len(expectation(sp.sin(A * X), few).args) == populations.MOST_TERMS - 1  # sin 0 is no term


# --- declared noise -------------------------------------------------------------------------------

LAWS = {  # name -> distribution, and its k-th moment by a route of its own
    "normal": (
        normal(0.5, 1.5),
        lambda k: sp.diff(sp.exp(sp.Rational(1, 2) * X + sp.Rational(9, 8) * X**2), X, k).subs(X, 0),
    ),
    "uniform": (uniform(-1, 0.5), lambda k: sp.integrate(X**k / sp.Rational(3, 2), (X, -1, sp.Rational(1, 2)))),
    "discrete": (
        discrete([-1, 0.5, 2], [Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)]),
        lambda k: sp.Rational(-1) ** k / 2 + sp.Rational(1, 2) ** k / 3 + sp.Rational(2) ** k / 6,
    ),
    "mixture": (
        mixture([uniform(0, 1), discrete([3])], [0.25, 0.75]),
        lambda k: sp.Rational(1, 4) / (k + 1) + sp.Rational(3, 4) * 3**k,
    ),
}
MOMENTS = {name: [moment(k) if k else sp.Integer(1) for k in range(4)] for name, (_, moment) in LAWS.items()}


@given(e=POLYNOMIALS, one=st.sampled_from(list(LAWS)), two=st.sampled_from(list(LAWS)))
def test_the_mean_of_a_polynomial_over_independent_noises_is_the_product_of_their_moments(e, one, two):
    found = expectation(e, Noise({"a": LAWS[one][0], "b": LAWS[two][0]}))
    wanted = sp.Integer(0)
    for (k, m), c in sp.Poly(e, A, B).terms():
        wanted += c * MOMENTS[one][k] * MOMENTS[two][m]
    assert same(found, wanted)


@given(e=POLYNOMIALS, parts=st.lists(st.integers(1, 5), min_size=2, max_size=3))
def test_the_mean_over_discrete_noise_is_the_sum_over_its_outcomes_exactly(e, parts):
    shares = [Fraction(k, sum(parts)) for k in parts]
    values = [-1.0, 0.5, 2.0][: len(parts)]
    found = expectation(e, Noise({"a": discrete(values, shares), "b": discrete([0, 1.5], [0.25, 0.75])}))
    outcomes = [(a, b) for a, b in product(values, [0.0, 1.5])]
    weights = [
        sp.Rational(p.numerator, p.denominator) * q for p in shares for q in (sp.Rational(1, 4), sp.Rational(3, 4))
    ]
    assert same(found, brute_mean(e, outcomes, weights))


def test_means_of_functions_of_noise_are_the_known_integrals():
    noise = Noise({"a": normal(), "b": uniform(0, math.pi)})
    known = {
        sp.exp(A): math.exp(0.5),
        A**2 * sp.exp(A): 2 * math.exp(0.5),
        sp.cos(A) * sp.sin(B): math.exp(-0.5) * 2 / math.pi,
        sp.cos(A + B): 0.0,
        B * sp.cos(A): math.exp(-0.5) * math.pi / 2,
        sp.sin(A + B): math.exp(-0.5) * 2 / math.pi,
        A**3 * sp.sin(A) * B**2: 2 * math.exp(-0.5) * math.pi**2 / 3,
    }
    for e, wanted in known.items():
        assert_allclose(float(expectation(e, noise)), wanted, rtol=1e-12, atol=1e-12)


@settings(max_examples=15)
@given(theta=st.floats(-1, 1), psi=st.floats(-1.2, 1.2))
def test_quadrature_of_a_softplus_agrees_with_scipys(theta, psi):
    found = expectation(softplus((X + A) * Y), Noise({"a": normal(0.25, 0.75)})).subs({X: theta, Y: psi})
    density = lambda z: math.exp(-(((z - 0.25) / 0.75) ** 2) / 2) / (0.75 * math.sqrt(2 * math.pi))  # noqa: E731
    wanted = scipy.integrate.quad(lambda z: density(z) * np.logaddexp(0, (theta + z) * psi), -12, 12, epsabs=1e-13)[0]
    assert_allclose(float(found), wanted, rtol=1e-12)


def test_negative_and_broken_powers_of_noise_are_quadratures():
    noise = Noise({"a": uniform(1, 2)})
    for e, wanted in {1 / A: math.log(2), A**-2: 0.5, X * A ** sp.Rational(1, 2): X * (2**2.5 - 2) / 3}.items():
        assert_allclose(float((expectation(e, noise) / wanted).evalf()), 1, rtol=1e-13)


def test_order_is_the_number_of_nodes_that_a_formula_holds():
    e = sp.tanh(X * A)
    for order in (2, 5, 12):
        assert len(expectation(e, Noise({"a": uniform(1, 2)}, order=order)).args) == order
    assert len(expectation(e, Noise({"a": discrete([1, 2, 3])}, order=12)).args) == 3


def test_noises_that_a_function_ties_together_take_a_product_of_nodes():
    both = Noise({"a": normal(), "b": normal()}, order=17)  # 289 nodes
    with pytest.raises(NotClosedError, match="289 terms"):
        expectation(sp.cos(A * X + B), both)
    apart = expectation(sp.cos(A * X) * sp.cos(B), both)
    assert_allclose(float(apart.subs(X, 0.5)), math.exp(-0.125 - 0.5), rtol=1e-12)


def test_what_does_not_depend_on_the_sample_is_left_alone():
    e = expression("sin(x) * y**2 + exp(y)", ["x", "y"], "e")
    assert expectation(e, Noise({"a": normal()})) == e == expectation(e, Data({"a": [1, 2]}))
    assert expectation(sp.Integer(0), Data({"a": [1]})) == 0


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Data({}), "data is {}; give column name -> numbers"),
        (lambda: Data([[1, 2]]), r"data is \[\[1, 2\]\]"),
        (lambda: Data({"a": [1, 2], "b": [1, 2, 3]}), "different lengths, {'a': 2, 'b': 3}; give every row a number"),
        (lambda: Data({"a": []}), r"column 'a' has shape \(0,\)"),
        (lambda: Data({"a": [[1, 2], [3, 4]]}), r"column 'a' has shape \(2, 2\)"),
        (lambda: Data({"a": 1.0}), r"column 'a' has shape \(\)"),
        (lambda: Data({"a": ["x", "y"]}), "column 'a' is .*; give a list of numbers"),
        (lambda: Data({"a": [1, None, 3]}), "column 'a' has no finite number in row 1; fill in or remove the rows"),
        (lambda: Data({"a": [np.nan] * 7}), "in row 0, 1, 2, 3, 4 and 2 more"),
        (lambda: Data({"a": [1, np.inf]}), "in row 1"),
        (lambda: Data({"2a": [1]}), "data: '2a' is no name"),
    ],
)
def test_bad_data_are_refused_by_column_and_row(make, words):
    with pytest.raises(InputError, match=words):
        make()


def test_data_are_kept_apart_from_the_arrays_they_came_from():
    column = np.array([1.0, 2.0])
    kept = Data({"a": column, "b": [3, 4]})
    column[0] = 9
    assert_array_equal(kept.table, [[1, 3], [2, 4]])
    assert kept.size == 2 and kept.names == ("a", "b")
    with pytest.raises(ValueError, match="read-only"):
        kept.columns["a"][0] = 5
