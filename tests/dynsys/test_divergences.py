"""The table of f-divergences: f convex, f* its conjugate, g onto the domain; by SymPy and by numbers."""

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize_scalar

from dynsys import InputError
from dynsys.divergences import DIVERGENCES, T, U, V, divergence_named

NAMES = sorted(DIVERGENCES)
SMOOTH = sorted(name for name, one in DIVERGENCES.items() if one.curvature is not None)
POSITIVE = sp.Symbol("w", positive=True)
ratios = st.floats(1e-3, 1e3)


def vanishes(e):
    return sp.simplify(sp.expand_log(sp.expand(sp.simplify(e)), force=True)) == 0


def inside(divergence, count=41):
    """Slopes t of the domain, to within 1e-3 of its ends, or as far as 4 from 0."""
    low, high = np.clip(divergence.domain, -4, 4)
    return np.linspace(low + 1e-3, high - 1e-3, count)


def supremum(divergence, t):
    """sup over u > 0 of ut - f(u), by search over log u: on a grid, then beside its best point."""
    objective = lambda s: float(divergence.of_ratio(np.exp(s)) - t * np.exp(s))  # noqa: E731
    grid = np.linspace(-40, 18, 1161)
    values = [objective(s) for s in grid]
    k = int(np.argmin(values))
    around = (grid[max(k - 1, 0)], grid[min(k + 1, len(grid) - 1)])
    found = minimize_scalar(objective, bounds=around, method="bounded", options={"xatol": 1e-12})
    return -min(found.fun, *values)


@pytest.mark.parametrize("name", SMOOTH)
def test_f_is_strictly_convex_by_sympy(name):
    second = sp.simplify(sp.diff(DIVERGENCES[name].f, U, 2).subs(U, POSITIVE))
    assert second.is_positive or sp.factor(second).is_positive


@pytest.mark.parametrize("name", SMOOTH)
def test_the_conjugate_at_the_slope_of_f_is_uf_minus_f_by_sympy(name):
    """f*(f'(u)) = uf'(u) - f(u) for all u > 0: Legendre's transform, on all of the domain, for f' reaches all of it."""
    divergence = DIVERGENCES[name]
    slope = sp.diff(divergence.f, U)
    difference = divergence.conjugate.subs(T, slope) - (U * slope - divergence.f)
    assert vanishes(difference.subs(U, POSITIVE))
    ends = [sp.limit(slope, U, end, direction) for end, direction in ((0, "+"), (sp.oo, "-"))]
    assert_allclose([float(end) for end in ends], divergence.domain, rtol=1e-15)


@pytest.mark.parametrize("name", SMOOTH)
def test_the_slope_of_the_conjugate_inverts_that_of_f_and_the_conjugate_is_convex_by_sympy(name):
    divergence = DIVERGENCES[name]
    slope = sp.diff(divergence.f, U)
    back = sp.diff(divergence.conjugate, T).subs(T, slope).subs(U, POSITIVE)
    assert vanishes(back - POSITIVE)
    curved = sp.diff(divergence.conjugate, T, 2).subs(T, slope) * sp.diff(divergence.f, U, 2)
    assert vanishes(curved.subs(U, POSITIVE) - 1)  # f*''(f'(u)) = 1/f''(u) > 0


@pytest.mark.parametrize("name", NAMES)
def test_the_conjugate_is_the_supremum_to_1e_9(name):
    divergence = DIVERGENCES[name]
    slopes = inside(divergence, 15)
    assert_allclose(divergence.dual(slopes), [supremum(divergence, t) for t in slopes], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_beyond_its_domain_the_conjugate_is_infinite_above_and_that_of_the_ratio_0_below(name):
    divergence = DIVERGENCES[name]
    low, high = divergence.domain
    if np.isfinite(high):
        assert divergence.dual(high + 1e-9) == np.inf
        t, u = high + 1, 1e6
        assert u * t - divergence.of_ratio(u) > 1e5
    if np.isfinite(low):
        assert divergence.dual(low - 1) == pytest.approx(supremum(divergence, low - 1), abs=1e-9)
        assert divergence.dual(low) == pytest.approx(supremum(divergence, low), abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_f_and_its_conjugate_are_convex_on_points(name):
    divergence = DIVERGENCES[name]
    u = np.linspace(0.01, 6, 400)
    for values in (divergence.of_ratio(u), divergence.dual(inside(divergence, 400))):
        assert np.diff(values, 2).min() > -1e-12


@given(name=st.sampled_from(NAMES), u=ratios, share=st.floats(0.001, 0.999))
def test_fenchel_young(name, u, share):
    """f(u) + f*(t) ≥ ut, with equality at t = f'(u)."""
    divergence = DIVERGENCES[name]
    low, high = np.clip(divergence.domain, -20, 20)
    t = low + share * (high - low)
    assert divergence.of_ratio(u) + divergence.dual(t) - u * t >= -1e-9 * (1 + abs(u * t))
    if divergence.curvature is not None:
        t = float(sp.diff(divergence.f, U).subs(U, u))
        assert_allclose(divergence.of_ratio(u) + divergence.dual(t), u * t, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_the_activation_rises_over_the_domain_and_composes_with_the_conjugate_to_1e_9(name):
    divergence = DIVERGENCES[name]
    v = np.linspace(-8, 8, 161)
    t = divergence.output(v)
    assert (np.diff(t) > 0).all()
    ends = [float(sp.limit(divergence.activation.subs(sp.tanh(V), 1 - 2 / (sp.exp(2 * V) + 1)).rewrite(sp.exp), V, end))
            for end in (-sp.oo, sp.oo)]  # fmt: skip
    assert_allclose(ends, (-np.inf, np.inf) if name == "pearson" else divergence.domain, rtol=1e-15)
    within = v > -2 if name == "pearson" else v == v
    assert_allclose(divergence.composition(v)[within], divergence.dual(t)[within], rtol=1e-9, atol=1e-9)


def test_far_out_the_composition_neither_overflows_nor_loses_itself():
    assert_allclose(DIVERGENCES["gan"].composition([-800.0, 800.0]), [0, 800])
    assert_allclose(DIVERGENCES["gan"].output([-800.0, 800.0]), [-800, 0])
    assert_allclose(DIVERGENCES["jensen-shannon"].composition(800.0), 800 - np.log(2))


@pytest.mark.parametrize("name", NAMES)
def test_f_vanishes_at_1_but_for_the_gan_whose_value_is_minus_log_4(name):
    assert DIVERGENCES[name].of_ratio(1.0) == pytest.approx(-np.log(4) if name == "gan" else 0, abs=1e-15)


def test_the_gan_is_jensen_shannon_less_log_4():
    u = np.linspace(0.1, 5, 50)
    gan, js = (DIVERGENCES[name].of_ratio(u) for name in ("gan", "jensen-shannon"))
    assert_allclose(gan, js - (u + 1) * np.log(2), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_the_curvature_at_1_is_that_of_f_and_total_variation_has_a_kink(name):
    f, step = DIVERGENCES[name].of_ratio, 1e-4
    second = (f(1 + step) - 2 * f(1.0) + f(1 - step)) / step**2
    if DIVERGENCES[name].curvature is None:
        assert second > 1e3
    else:
        assert second == pytest.approx(DIVERGENCES[name].curvature, abs=1e-5)


SLOPES = {"kl": np.exp(-1), "reverse-kl": 1, "pearson": 1, "hellinger": 1, "jensen-shannon": 0.5, "gan": 0.5,
          "total-variation": 0.5}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_slope_and_bend_at_0_are_those_of_conjugate_and_activation(name):
    """From `dual` and `output`, which do not know the composed form."""
    divergence, step = DIVERGENCES[name], 1e-3
    v = step * np.arange(-2, 3)
    critic, data = divergence.dual(divergence.output(v)), divergence.output(v)
    slope = np.dot([1, -8, 0, 8, -1], critic) / (12 * step)
    bend = np.dot([-1, 16, -30, 16, -1], critic - data) / (12 * step**2)
    assert float(divergence.slope) == pytest.approx(slope, abs=1e-10)
    assert float(divergence.slope) == pytest.approx(SLOPES[name], abs=1e-15)
    assert float(divergence.bend) == pytest.approx(bend, abs=1e-8)


def test_shapes_are_kept():
    assert DIVERGENCES["kl"].of_ratio(np.ones((2, 3))).shape == (2, 3)
    assert DIVERGENCES["kl"].dual([]).shape == (0,)


@pytest.mark.parametrize("bad", ["hellinge", "", None, 3])
def test_an_unknown_divergence_is_refused_with_a_hint(bad):
    with pytest.raises(InputError, match=r"divergence is .*(did you mean 'hellinger'|known: gan)"):
        divergence_named(bad)


def test_bad_numbers_name_the_argument():
    kl = DIVERGENCES["kl"]
    with pytest.raises(InputError, match=r"u is -1.0; a ratio of densities is positive"):
        kl.of_ratio([1.0, -1.0])
    with pytest.raises(InputError, match="t is 'a'; give real numbers"):
        kl.dual("a")
    with pytest.raises(InputError, match="v holds NaN"):
        kl.output([np.nan])
