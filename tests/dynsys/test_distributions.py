"""Declared distributions: their moments, quadratures and draws agree with the densities they name."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import factorial, prod

import numpy as np
import pytest
import scipy.stats
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dynsys.errors import InputError
from dynsys.minibatches import Noise, discrete, mixture, normal, uniform
from dynsys.minibatches.distributions import as_distribution, exact_shares

X = sp.Symbol("x", real=True)
HALVES = st.integers(-6, 6).map(lambda k: k / 2)
POSITIVE = st.integers(1, 6).map(lambda k: k / 2)
SHARES = st.lists(st.integers(1, 9), min_size=1, max_size=5)


@st.composite
def discretes(draw):
    """Values, and probabilities as fractions that share a denominator."""
    parts = draw(SHARES)
    values = draw(st.lists(HALVES, min_size=len(parts), max_size=len(parts), unique=True))
    return discrete(values, [Fraction(k, sum(parts)) for k in parts])


normals = st.builds(normal, HALVES, POSITIVE)
uniforms = st.builds(lambda low, width: uniform(low, low + width), HALVES, POSITIVE)
simple = st.one_of(normals, uniforms, discretes())


@st.composite
def mixtures(draw):
    components = draw(st.lists(simple, min_size=1, max_size=3))
    parts = [draw(st.integers(1, 5)) for _ in components]
    return mixture(components, [Fraction(k, sum(parts)) for k in parts])


def of_moment_generating_function(function, k):
    """The k-th derivative at 0, from the power series."""
    t = sp.Symbol("t")
    return sp.series(function(t), t, 0, k + 1).removeO().coeff(t, k) * sp.factorial(k)


# --- moments --------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", range(7))
@pytest.mark.parametrize(("m", "s"), [("0", "1"), ("1/2", "3/4"), ("-2", "3/2")])
def test_moments_of_a_normal_number_are_the_derivatives_of_its_generating_function(m, s, k):
    m, s = sp.Rational(m), sp.Rational(s)
    wanted = of_moment_generating_function(lambda t: sp.exp(m * t + s**2 * t**2 / 2), k)
    assert normal(float(m), float(s)).moment(k) == wanted


@pytest.mark.parametrize("k", range(7))
@pytest.mark.parametrize(("a", "b"), [("0", "1"), ("-1/2", "5/4"), ("2", "3")])
def test_moments_of_a_uniform_number_are_the_integrals_of_powers(a, b, k):
    a, b = sp.Rational(a), sp.Rational(b)
    assert uniform(float(a), float(b)).moment(k) == sp.integrate(X**k / (b - a), (X, a, b))


@given(m=HALVES, s=POSITIVE, low=HALVES, width=POSITIVE, k=st.integers(1, 6))
def test_moments_are_those_of_scipys_distributions(m, s, low, width, k):
    assert_allclose(float(normal(m, s).moment(k)), scipy.stats.norm(m, s).moment(k), rtol=1e-11, atol=1e-11)
    assert_allclose(float(uniform(low, low + width).moment(k)), scipy.stats.uniform(low, width).moment(k), atol=1e-9)


@given(d=discretes(), k=st.integers(0, 5))
def test_moments_of_a_discrete_number_are_exact_sums(d, k):
    total = sum(p * Fraction(x) ** k for p, x in zip(d.probabilities, d.values))
    assert d.moment(k) == sp.Rational(total.numerator, total.denominator)


def test_decimal_probabilities_count_as_written_and_sum_to_exactly_one():
    tenths = discrete([1, 2, 3], [0.1, 0.2, 0.7])
    assert tenths.moment(0) == 1 and tenths.moment(1) == sp.Rational(26, 10)
    third = discrete([0, 1, 5], [0.3333333333] * 3)  # add up to 1 to rounding only
    assert third.moment(0) == 1 and third.moment(1) == 2
    assert mixture([normal(), uniform()], [0.3, 0.7]).moment(1) == sp.Rational(7, 20)


@given(d=mixtures(), k=st.integers(0, 5))
def test_moments_of_a_mixture_are_the_weighted_means_of_its_components(d, k):
    assert d.moment(k) == sp.Add(*(sp.Rational(str(w)) * c.moment(k) for w, c in zip(d.weights, d.components)))
    assert d.moment(0) == 1


def test_without_probabilities_all_options_are_equally_likely():
    assert discrete([3, 4, 8]).moment(1) == 5
    assert mixture([normal(3, 1), uniform(0, 2), discrete([5])]).moment(1) == 3
    assert discrete(np.array([1.0, 2.0])) == discrete([1, 2], [Fraction(1, 2)] * 2)


# --- quadrature -----------------------------------------------------------------------------------


@given(d=st.one_of(normals, uniforms), n=st.integers(1, 6))
def test_n_nodes_are_exact_to_degree_2n_minus_1_and_miss_2n_by_the_norm_of_the_orthogonal_polynomial(d, n):
    x, w = d.nodes(n)
    assert x.shape == w.shape == (n,) and (w > 0).all()
    scale = max(1.0, np.abs(x).max()) + 1
    for k in range(2 * n):
        assert_allclose(w @ x**k, float(d.moment(k)), rtol=1e-12, atol=1e-13 * scale**k)
    if hasattr(d, "deviation"):
        norm = factorial(n) * d.deviation ** (2 * n)
    else:
        norm = (2**n * factorial(n) ** 2 / factorial(2 * n)) ** 2 / (2 * n + 1) * ((d.high - d.low) / 2) ** (2 * n)
    assert_allclose(float(d.moment(2 * n)) - w @ x ** (2 * n), norm, rtol=1e-6, atol=1e-11 * scale ** (2 * n))


@given(d=st.one_of(mixtures(), discretes()), k=st.integers(0, 7))
def test_nodes_of_mixtures_and_discrete_numbers_integrate_polynomials_exactly(d, k):
    x, w = d.nodes(4)
    assert_allclose(w @ x**k, float(d.moment(k)), rtol=1e-11, atol=1e-10)


@given(d=discretes())
def test_nodes_of_a_discrete_number_are_its_values_whatever_the_count(d):
    for count in (1, 7):
        x, w = d.nodes(count)
        assert x.tolist() == list(d.values)
        assert_allclose(w, [float(p) for p in d.probabilities])


def test_exact_shares_stand_in_the_order_of_the_nodes():
    d = mixture([discrete([4, 9], [Fraction(1, 7), Fraction(6, 7)]), discrete([-1])], [Fraction(2, 3), Fraction(1, 3)])
    assert exact_shares(d) == [sp.Rational(2, 21), sp.Rational(12, 21), sp.Rational(1, 3)]
    assert d.nodes(5)[0].tolist() == [4, 9, -1]


# --- draws ----------------------------------------------------------------------------------------

NUMBERS = np.linspace(-4, 4, 33)


@given(m=HALVES, s=POSITIVE)
def test_a_normal_draw_stretches_and_shifts(m, s):
    assert normal(m, s).sources == ("normal",)
    assert_array_equal(normal(m, s).draw(NUMBERS), m + s * NUMBERS)
    assert normal(m, s).draw(0.25) == m + 0.25 * s


@given(low=HALVES, width=POSITIVE)
def test_a_uniform_draw_maps_the_unit_interval_onto_its_own(low, width):
    d, u = uniform(low, low + width), np.arange(16) / 16
    assert d.sources == ("uniform",)
    assert_array_equal(d.draw(u), low + width * u)
    assert (d.draw(u) < d.high).all() and d.draw(0.0) == d.low


def cells(count):
    """The middles of `count` cells of [0, 1)."""
    return (np.arange(count) + 0.5) / count


@given(d=discretes())
def test_a_discrete_draw_gives_each_value_its_share_of_the_unit_interval(d):
    total = np.lcm.reduce([p.denominator for p in d.probabilities])
    drawn = np.broadcast_to(d.draw(cells(int(total))), int(total))  # a single value stays one
    for value, share in zip(d.values, d.probabilities, strict=True):
        assert (drawn == value).sum() == share * int(total)
    assert [d.draw(u) for u in cells(int(total))] == drawn.tolist()  # one number at a time


def test_the_border_of_two_shares_belongs_to_the_second():
    d = discrete([5, 7, 9], [0.25, 0.5, 0.25])
    u = np.array([0.0, np.nextafter(0.25, 0), 0.25, np.nextafter(0.75, 0), 0.75, np.nextafter(1, 0)])
    assert d.draw(u).tolist() == [5, 5, 7, 7, 9, 9]


@given(d=mixtures())
def test_a_mixture_draws_from_the_component_that_its_first_number_chooses(d):
    kinds = sorted({s for c in d.components for s in c.sources})
    assert d.sources == ("uniform", *kinds)
    numbers = {"uniform": 0.3125, "normal": -0.75}
    total = int(np.lcm.reduce([w.denominator for w in d.weights]))
    drawn = d.draw(cells(total), *(np.full(total, numbers[kind]) for kind in kinds))
    ends = np.cumsum([w * total for w in d.weights]).astype(int)
    for component, start, end in zip(d.components, [0, *ends], ends):
        wanted = component.draw(numbers[component.sources[0]])
        assert_array_equal(np.broadcast_to(drawn, total)[start:end], np.full(end - start, wanted))


@given(d=simple, k=st.integers(1, 3))
def test_the_mean_of_a_power_of_draws_is_the_moment(d, k):
    u = cells(4096)
    drawn = d.draw(scipy.stats.norm.ppf(u) if d.sources == ("normal",) else u)
    assert_allclose(np.mean(drawn**k), float(d.moment(k)), rtol=2e-2, atol=2e-2 * (1 + np.abs(drawn).max()) ** k / 10)


def test_parameters_given_as_fractions_draw_floats():
    for d in (normal(Fraction(1, 2), Fraction(1, 3)), uniform(sp.Rational(1, 3), Fraction(3, 2))):
        assert d.draw(NUMBERS).dtype == d.nodes(3)[0].dtype == float


# --- several noises -------------------------------------------------------------------------------


def test_quadrature_in_several_noises_is_the_product_of_their_quadratures():
    noise = Noise({"a": normal(1, 2), "b": discrete([0, 3], [0.25, 0.75]), "c": uniform()}, order=3)
    points, weights = noise.rows({"c": 2})
    assert points.shape == (3 * 2 * 2, 3)
    for powers in product(range(4), repeat=3):
        wanted = prod(float(d.moment(k)) for d, k in zip(noise.distributions.values(), powers))
        assert_allclose(weights @ np.prod(points**powers, axis=1), wanted, rtol=1e-12)


def test_noise_has_finitely_many_values_only_if_every_component_has():
    assert Noise({"a": discrete([1, 2]), "b": mixture([discrete([1]), discrete([2, 3])])}).is_finite
    assert not Noise({"a": discrete([1, 2]), "b": normal()}).is_finite
    assert not Noise({"a": mixture([discrete([1]), uniform()])}).is_finite
    assert Noise({"a": normal}).size is None


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: normal(0, 0), "deviation is 0.0; it must be positive"),
        (lambda: normal(0, -1), "deviation is -1.0; it must be positive"),
        (lambda: normal(np.nan), "mean is nan; it must be finite"),
        (lambda: normal("a"), "mean is 'a'; it must be a real number"),
        (lambda: uniform(1, 1), r"low is 1.0 and high is 1.0; the interval needs low < high"),
        (lambda: uniform(0, np.inf), "high is inf"),
        (lambda: discrete([]), r"values is \[\]; give a list, not empty"),
        (lambda: discrete("abc"), "values is 'abc'; give a list"),
        (lambda: discrete([1, None]), "values is None"),
        (lambda: discrete([1, 2], [1]), "probabilities is .*; give one for each of the 2 values"),
        (lambda: discrete([1, 2], [0.5, 0.4]), r"probabilities is \[0.5, 0.4\]; they must be positive and add up to 1"),
        (lambda: discrete([1, 2], [1, 0]), "must be positive"),
        (lambda: discrete([1, 2], [1.5, -0.5]), "must be positive"),
        (lambda: discrete([1, 2], ["a", 1]), "probabilities is 'a'"),
        (lambda: mixture([]), r"components is \[\]"),
        (lambda: mixture([normal(), 3]), "components is 3; give normal, uniform, discrete, mixture"),
        (lambda: mixture([normal(), mixture([normal()])]), "components holds a mixture; multiply the weights out"),
        (lambda: mixture([normal(), uniform()], [1, 1]), "weights is .*; they must be positive and add up to 1"),
        (lambda: as_distribution(np.array([1.0, 2.0]), "noise z"), "noise z is array"),
        (lambda: as_distribution("normal", "noise z"), "noise z is 'normal'; give normal"),
        (lambda: Noise({}), "noise is {}; give name -> distribution"),
        (lambda: Noise(normal()), "noise is Normal"),
        (lambda: Noise({"1z": normal()}), "noise: '1z' is no name"),
        (lambda: Noise({"z": 1.0}), "noise z is 1.0"),
        (lambda: Noise({k: normal() for k in "abcd"}).rows({}), "2560000 nodes, more than 200000; lower order="),
    ],
)
def test_what_is_no_distribution_is_refused_by_name(make, words):
    with pytest.raises(InputError, match=words):
        make()


def test_a_distribution_may_be_given_by_the_function_that_makes_it():
    assert as_distribution(normal, "noise") == normal(0, 1)
    assert as_distribution(uniform, "noise") == uniform(0, 1)
