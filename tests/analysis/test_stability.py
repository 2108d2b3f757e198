"""Critical steps: every interval of stable h against closed forms, brute force, and each other."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis import critical_step
from dynsys import InputError, VectorField, games
from dynsys.transforms import consensus
from integrators import Euler, RungeKutta4

RK4_REAL = 2.785293563405
few = settings(max_examples=max(10, settings.default.max_examples // 4))
seeds = st.integers(0, 2**32 - 1)
positive = st.floats(0.02, 4).map(lambda x: round(x, 4))
signed = st.floats(-4, 4).map(lambda x: round(x, 4))
CURL, SPIRAL, DIRAC = (make().field() for make in (games.curl, games.spiral_saddle, games.dirac_gan))
CURL_CONSENSUS, SPIRAL_CONSENSUS, DIRAC_CONSENSUS = (consensus(v, 1.0) for v in (CURL, SPIRAL, DIRAC))


def rk4(z):
    return 1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24


def only(intervals):
    """The end of the one interval of stability there is, which begins at 0."""
    ((lo, hi),) = intervals
    assert lo == 0
    return hi


@pytest.mark.parametrize(("method", "end"), [(Euler(), 0.01980198), (RungeKutta4(), 0.29359703)])
def test_a_fast_focus_is_stable_up_to_the_known_step(linear, method, end):
    assert_allclose(only(critical_step(linear([[-1, 10], [-10, -1]]), [0, 0], method).stable), end, atol=5e-9)


@given(a=positive)
def test_a_real_eigenvalue_minus_a_is_stable_up_to_the_real_axis_limit_over_a(linear, a):
    v = linear([[-a]])
    assert_allclose(only(critical_step(v, [0], Euler()).stable), 2 / a, rtol=1e-12)
    assert_allclose(only(critical_step(v, [0], RungeKutta4()).stable), RK4_REAL / a, rtol=1e-12)


def test_on_the_curl_field_euler_is_never_stable_and_rk4_up_to_2_sqrt_2():
    found = critical_step(CURL, [0, 0], Euler())
    assert found.stable == found.neutral == ()
    assert_allclose(only(critical_step(CURL, [0, 0], RungeKutta4()).stable), math.sqrt(8), rtol=1e-12)


@given(gamma=positive)
def test_consensus_on_the_curl_field_is_stable_up_to_2_gamma_over_1_plus_gamma2(gamma):
    found = critical_step(CURL_CONSENSUS.with_parameters(gamma=gamma), [0, 0], Euler())
    assert_allclose(only(found.stable), 2 * gamma / (1 + gamma**2), rtol=1e-12)


@given(gamma=positive)
def test_consensus_at_the_spiral_is_stable_up_to_2c_over_1_plus_c2(gamma):
    c = 0.5 + 1.25 * gamma
    found = critical_step(SPIRAL_CONSENSUS.with_parameters(gamma=gamma), [0, 0], Euler())
    assert_allclose(only(found.stable), 2 * c / (c**2 + 1), rtol=1e-12)


@few
@given(gamma=positive)
def test_consensus_at_the_dirac_gan_equilibrium_is_stable_up_to_8_gamma_over_4_plus_gamma2(gamma):
    found = critical_step(DIRAC_CONSENSUS.with_parameters(gamma=gamma), [0, 0], Euler())
    assert_allclose(only(found.stable), 8 * gamma / (gamma**2 + 4), rtol=1e-12)


@given(a=positive, b=positive, gamma=positive)
def test_consensus_at_a_normal_focus_has_the_closed_form_of_theory(a, b, gamma):
    v = games.quadratic(-a, b, a).field()  # J = [[-a, b], [-b, -a]]
    m = a * a + b * b
    expected = 2 * (a + gamma * m) / ((a + gamma * m) ** 2 + b * b)
    assert_allclose(only(critical_step(consensus(v, gamma), [0, 0], Euler()).stable), expected, rtol=1e-12)


@given(seed=seeds, n=st.integers(2, 4))
def test_g_euler_is_stable_below_the_least_2_re_over_modulus_squared(linear, seed, n):
    J = (np.random.default_rng(seed).standard_normal((n, n)) - 1.5 * np.eye(n)).round(3)
    values, vectors = np.linalg.eig(J)
    assume((values.real < -0.02).all() and np.linalg.cond(vectors) < 50)
    bound = (2 * np.abs(values.real) / np.abs(values) ** 2).min()
    assert_allclose(only(critical_step(linear(J), np.zeros(n), Euler()).stable), bound, rtol=1e-12)


@few
@given(seed=seeds, n=st.integers(1, 4), method=st.sampled_from([Euler(), RungeKutta4()]))
def test_the_intervals_agree_with_the_spectral_radius_at_every_sampled_step(linear, seed, n, method):
    J = (np.random.default_rng(seed).standard_normal((n, n)) - 0.7 * np.eye(n)).round(3)
    found = critical_step(linear(J), np.zeros(n), method)
    h = np.linspace(0.001, 8, 4001)
    z = h[:, None] * np.linalg.eigvals(J)
    radius = np.abs(1 + z if method == Euler() else rk4(z)).max(1)
    inside = np.any([(lo < h) & (h < hi) for lo, hi in found.stable] or [np.zeros(len(h), bool)], 0)
    clear = np.abs(radius - 1) > 1e-9
    assert (inside == (radius < 1))[clear].all()
    assert found.neutral == ()


@few
@given(re=st.floats(1e-4, 0.02), im=st.floats(0.5, 2))
def test_rk4_stabilises_a_slightly_unstable_focus_on_an_interval_away_from_zero(linear, re, im):
    re, im = round(re, 5), round(im, 3)
    found = critical_step(linear([[re, -im], [im, re]]), [0, 0], RungeKutta4())
    R = np.poly1d([1 / 24, 1 / 6, 1 / 2, 1, 1])  # of z = hλ; |R|² - 1 as a polynomial in h, its root 0 divided out
    powers = np.array([complex(re, im) ** k for k in (4, 3, 2, 1, 0)])
    along = np.poly1d(R.coeffs * powers)
    modulus = np.polymul(along, np.poly1d(along.coeffs.conj())) - np.poly1d([1.0])
    roots = np.roots(modulus.coeffs.real[:-1])
    borders = sorted(r.real for r in roots if abs(r.imag) < 1e-9 and r.real > 0)
    expected = [(a, b) for a, b in itertools.pairwise(borders) if abs(along((a + b) / 2)) < 1]
    assert len(expected) == len(found.stable) <= 1
    assert_allclose(found.stable, np.array(expected).reshape(-1, 2), rtol=1e-8)
    assert not found.stable or found.stable[0][0] > 1e-3


def test_rk4_stabilises_the_unstable_equilibria_of_lorenz_on_one_interval():
    c = math.sqrt(72)
    for x in ([c, c, 27], [-c, -c, 27]):
        assert critical_step(games.lorenz(), x, Euler()).stable == ()
        found = critical_step(games.lorenz(), x, RungeKutta4())
        assert_allclose(found.stable, [(0.10638, 0.20104)], atol=5e-6)
        J = np.array([[-10, 10, 0], [1, -1, -x[0]], [x[0], x[0], -8 / 3]])
        radius = [np.abs(rk4(h * np.linalg.eigvals(J))).max() for h in found.stable[0]]
        assert_allclose(radius, 1, atol=1e-12)


@few
@given(seed=seeds, exponent=st.integers(-12, 12), method=st.sampled_from([Euler(), RungeKutta4()]))
def test_a_field_c_times_as_fast_has_steps_c_times_as_short(linear, seed, exponent, method):
    J = (np.random.default_rng(seed).standard_normal((2, 2)) - 1.5 * np.eye(2)).round(3)
    c = float(f"1e{exponent}")
    times_c = [[f"{a!r}e{exponent}" for a in row] for row in J.tolist()]
    slow, fast = (critical_step(linear(A), [0, 0], method) for A in (J, times_c))
    assert_allclose(np.array(fast.stable) * c, slow.stable, rtol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_equal_eigenvalues_have_one_border_however_many_there_are(linear, n):
    assert critical_step(linear(-np.eye(n)), np.zeros(n), Euler()).stable == ((0, 2),)
    assert_allclose(only(critical_step(linear(-np.eye(n)), np.zeros(n), RungeKutta4()).stable), RK4_REAL, rtol=1e-12)


@pytest.mark.parametrize(
    "components",
    [("-x + y", "-y"), ("y", "-x - 2*y"), ("-x + y", "-y + z", "-z"), ("y", "z", "-x - 3*y - 3*z")],
)
def test_a_defective_eigenvalue_minus_1_is_stable_for_exactly_h_below_2(components):
    v = VectorField(components, ("x", "y", "z")[: len(components)])
    found = critical_step(v, np.zeros(v.n), Euler())
    assert found.stable == ((0, 2),)
    assert found.neutral == ()


def test_an_irrational_defective_eigenvalue_has_one_border(linear):
    v = VectorField(("-sqrt(2)*x + y", "-sqrt(2)*y + z", "-sqrt(2)*z"), ("x", "y", "z"))
    assert_allclose(only(critical_step(v, [0, 0, 0], Euler()).stable), math.sqrt(2), rtol=1e-12)
    assert_allclose(only(critical_step(v, [0, 0, 0], RungeKutta4()).stable), RK4_REAL / math.sqrt(2), rtol=1e-12)


@pytest.mark.parametrize("components", [("0*x", "-y"), ("0*x", "-2*x - y")])
def test_a_zero_eigenvalue_is_neutral_while_the_others_are_stable(components):
    found = critical_step(VectorField(components, ("x", "y")), [0, 0], Euler())
    assert (found.stable, found.neutral) == ((), ((0, 2),))


@pytest.mark.parametrize("components", [("0*x", "0*y"), ("y", "0*x"), ("y", "z", "0*x")])
def test_a_nilpotent_jacobian_is_neutral_for_every_step(components):
    found = critical_step(VectorField(components, ("x", "y", "z")[: len(components)]), [0] * len(components), Euler())
    assert (found.stable, found.neutral) == ((), ((0, math.inf),))
    assert found.text == "neutral for every h"


def test_the_range_clips_the_intervals_and_the_words_follow(linear):
    v = linear([[-1]])
    inside = critical_step(v, [0], Euler(), h=(0.5, 1.5))
    assert (inside.stable, inside.text) == (((0.5, 1.5),), "stable for every h in (0.5, 1.5)")
    across = critical_step(v, [0], Euler(), h=(1, 10))
    assert (across.stable, across.text) == (((1, 2),), "stable for h < 2")
    beyond = critical_step(v, [0], Euler(), h=(3, math.inf))
    assert (beyond.stable, beyond.text) == ((), "unstable at every h in (3, ∞)")
    assert critical_step(v, [0], Euler()).to_dict() == {"stable": [[0, 2]], "neutral": [], "range": [0, None]}


@pytest.mark.parametrize(
    "h", [(1, 0), (1, 1), (-1, 1), (0, math.nan), (math.inf, math.inf), 5, (1, 2, 3), ("a", 2), None]
)
def test_a_range_that_is_none_is_refused(h):
    with pytest.raises(InputError, match=r"^(h|lower end of h|upper end of h) is"):
        critical_step(CURL, [0, 0], Euler(), h=h)


@pytest.mark.parametrize("x", [[1.0, 0], [1e-3, 0], [math.nan, 0], [0.0], [[0.0, 0]]])
def test_a_point_that_is_no_zero_is_refused(x):
    with pytest.raises(InputError, match=r"^x "):
        critical_step(CURL, x, Euler())


def test_a_field_that_depends_on_time_has_no_critical_step():
    with pytest.raises(InputError, match="time"):
        critical_step(VectorField(("t*x",), ("x",), time="t"), [0.0], Euler())
