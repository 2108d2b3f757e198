"""Backward error analysis: modified fields against B-series, closed forms on the curl field, and observed orders."""

from __future__ import annotations

import pytest
import sympy as sp
from numpy.testing import assert_allclose

from analysis import modified_field
from dynsys import Game, InputError, VectorField, games
from dynsys.transforms import consensus
from integrators import (
    Alternating,
    Euler,
    ExplicitMidpoint,
    Extragradient,
    Gauss2,
    HeavyBall,
    HistoricalAveraging,
    ImplicitMidpoint,
    Rates,
    SignGradient,
)
from integrators.algorithms.adaptive_moments import Adam

H = sp.Symbol("h", real=True)
CURL = games.curl().field()
PLAIN = Game(
    {"a": ["x"], "b": ["y"]}, {"a": "x*y - x**2/8 + x**2*y/5", "b": "-x*y - y**2/9 + y**3/7 + x*y**2/6"}
).field()
CUBIC = Game(
    {"a": ["x"], "b": ["y"]},
    {"a": "p*x*y + x**3*y/3 - q*x**2/2 + x**2*y**2", "b": "-x*y + r*y**3*x - y**2/2 + x**2*y"},
    {"p": 1.0, "q": 0.5, "r": 0.2},
).field()
SMALL = Game({"a": ["x"], "b": ["y"]}, {"a": "x*y - x**2/8", "b": "-x*y + x*y**2/6"}).field()
by_label = lambda value: getattr(value, "label", None)  # noqa: E731


def power(field, k):
    """The coefficient of hᵏ, component by component."""
    return [sp.expand(sp.Poly(sp.expand(e), H).coeff_monomial(H**k)) for e in field.expressions]


def assert_equal(left, right):
    assert all(sp.expand(a - b) == 0 for a, b in zip(left, right, strict=True)), (left, right)


def elementary_differentials(v):
    """f, f'f, f''(f, f) and f'f'f."""
    f, x = sp.Matrix(v.expressions), v.symbols
    J = f.jacobian(x)
    bend = sp.Matrix([sum(sp.diff(e, a, b) * s * t for a, s in zip(x, f) for b, t in zip(x, f)) for e in f])
    return f, J * f, bend, J * J * f


def test_euler_follows_the_b_series_of_theory_on_a_cubic_game_with_symbolic_parameters():
    found = modified_field(CUBIC, Euler(), 3)
    f, slope, bend, twice = elementary_differentials(CUBIC)
    for k, expected in enumerate([f, -slope / 2, bend / 12 + twice / 3]):
        assert_equal(power(found, k), expected)


def test_players_at_two_rates_follow_the_b_series_of_the_scaled_field():
    a, b = sp.Rational(1, 2), sp.Rational(3)
    found = modified_field(CUBIC, Rates(Euler(), (0.5, 3)), 2)
    V = VectorField((a * CUBIC.expressions[0], b * CUBIC.expressions[1]), ("x", "y"), dict(CUBIC.parameters))
    f, slope, *_ = elementary_differentials(V)
    assert_equal(power(found, 0), f)
    assert_equal(power(found, 1), -slope / 2)


@pytest.mark.parametrize(
    ("method", "factor"),
    [
        (Extragradient(), sp.Rational(1, 2)),  # R - e^z = z²/2 + …
        (Extragradient(2, 1), sp.Rational(3, 2)),
        (Extragradient(0.5, 1), 0),
        (ExplicitMidpoint(), 0),
    ],
    ids=by_label,
)
def test_extragradient_turns_the_first_correction_of_euler_round(method, factor):
    f, slope, *_ = elementary_differentials(CUBIC)
    found = modified_field(CUBIC, method, 2)
    assert_equal(power(found, 0), f)
    assert_equal(power(found, 1), factor * slope)


def test_alternating_players_follow_the_field_corrected_by_the_blocks_seen_late():
    """log of the composition: ½[v_θ, v_φ] less each player's own Euler correction."""
    (f, g), (x, y) = CUBIC.expressions, CUBIC.symbols
    first = [-(f * sp.diff(f, x) + g * sp.diff(f, y)) / 2, (f * sp.diff(g, x) - g * sp.diff(g, y)) / 2]
    found = modified_field(CUBIC, Alternating(), 2)
    assert_equal(power(found, 0), (f, g))
    assert_equal(power(found, 1), first)


def test_heavy_ball_follows_v_over_1_minus_beta_with_the_correction_of_its_memory():
    """ẋ = c v - h c²(1 + β)/(2(1 - β)) v'v with c = 1/(1 - β), in the limit β = 0 Euler. Kovachki & Stuart (2021)."""
    f, slope, *_ = elementary_differentials(SMALL)
    for beta in (sp.Rational(-1, 2), sp.Rational(0), sp.Rational(4, 5)):
        found = modified_field(SMALL, HeavyBall(beta), 2)
        assert_equal(power(found, 0), f / (1 - beta))
        assert_equal(power(found, 1), -slope * (1 + beta) / (2 * (1 - beta) ** 3))


def test_the_curl_field_under_euler_grows_at_ln_1_plus_h2_over_2h_and_turns_at_atan_h_over_h():
    found, (theta, phi) = modified_field(CURL, Euler(), 6), CURL.symbols
    growth = sp.series(sp.log(1 + H**2) / (2 * H), H, 0, 6).removeO()
    turning = sp.series(sp.atan(H) / H, H, 0, 6).removeO()
    assert growth.coeff(H, 1) == sp.Rational(1, 2) and growth.coeff(H, 3) == -sp.Rational(1, 4)
    assert_equal(found.expressions, (growth * theta - turning * phi, turning * theta + growth * phi))


def test_alternating_steps_on_the_curl_field_conserve_their_quadratic_form_to_the_order_kept():
    """ṽ = c(h) Ω∇Q with c even, so that an even order keeps whole pairs of terms, and Q exactly."""
    theta, phi = CURL.symbols
    Q = theta**2 + phi**2 - H * theta * phi
    for order in (3, 5, 6):
        found = modified_field(CURL, Alternating(), order)
        change = sp.expand(sum(sp.diff(Q, s) * e for s, e in zip(CURL.symbols, found.expressions, strict=True)))
        assert all(change.coeff(H, k) == 0 for k in range(order))
        assert (change == 0) is (order == 6)


@pytest.mark.parametrize("method", [ImplicitMidpoint(), Gauss2()], ids=by_label)
def test_a_symmetric_method_has_even_powers_of_h_only(method):
    found = modified_field(CURL, method, 6)
    assert_equal(power(found, 0), CURL.expressions)
    for k in (1, 3, 5):
        assert_equal(power(found, k), (0, 0))
    assert_equal(power(found, 2), (0, 0) if method == Gauss2() else [e / -12 for e in CURL.expressions])
    assert any(power(found, 4))


def test_implicit_midpoint_on_a_cubic_game_has_no_first_and_the_second_term_of_its_b_series():
    found = modified_field(PLAIN, ImplicitMidpoint(), 3)
    f, _, bend, twice = elementary_differentials(PLAIN)
    assert_equal(power(found, 0), f)
    assert_equal(power(found, 1), (0, 0))
    assert_equal(power(found, 2), -bend / 24 + twice / 12)


def test_the_parameters_of_the_field_stay_symbols_and_the_result_is_a_field_made_from_it():
    w = consensus(CURL, 0.5)
    found = modified_field(w, Euler(), 3, h=0.2, name="step")
    gamma, step = sp.Symbol("gamma", real=True), sp.Symbol("step", real=True)
    theta, phi = CURL.symbols
    A = sp.Matrix([[-gamma, -1], [1, -gamma]])
    logarithm = A - step * A**2 / 2 + step**2 * A**3 / 3
    assert_equal(found.expressions, logarithm * sp.Matrix([theta, phi]))
    assert isinstance(found, VectorField) and found.base is w
    assert dict(found.parameters) == {"gamma": 0.5, "step": 0.2}
    assert found.variables == w.variables and found.players == w.players
    elsewhere = found.with_parameters(gamma=1.5, step=0.1)
    again = modified_field(consensus(CURL, 1.5), Euler(), 3, h=0.1)
    assert_allclose(elsewhere([0.3, -0.7]), again([0.3, -0.7]), rtol=1e-14)
    assert elsewhere.base.parameters["gamma"] == 1.5


def test_a_field_that_depends_on_time_is_followed_with_time_as_a_variable():
    v = VectorField(("t*x",), ("x",), time="t")
    found = modified_field(v, Euler(), 2)
    x, t = sp.symbols("x t", real=True)
    assert found.variables == ("x", "t")
    assert_equal(found.expressions, (t * x - H * (t**2 * x + x) / 2, 1))


@pytest.mark.parametrize("order", [0, -1, 7, 2.5, "a"])
def test_an_order_outside_1_to_6_is_refused(order):
    with pytest.raises(InputError, match="order is"):
        modified_field(CURL, Euler(), order)


@pytest.mark.parametrize("method", [Adam(), SignGradient(), HistoricalAveraging()], ids=by_label)
def test_a_method_that_is_not_smooth_has_no_modified_field_and_says_why(method):
    with pytest.raises(InputError) as error:
        modified_field(CURL, method, 2)
    assert str(error.value) == f"{method.label} has no modified field: {method.differentiable}"


def test_a_name_in_use_for_the_step_is_refused():
    v = VectorField(("-h*x",), ("x",), {"h": 1.0})
    with pytest.raises(InputError, match=r"'h'.*name="):
        modified_field(v, Euler(), 2)
    (x,), eta = v.symbols, sp.Symbol("eta", real=True)
    assert_equal(modified_field(v, Euler(), 2, name="eta").expressions, [-H * x - eta * H**2 * x / 2])
    with pytest.raises(InputError, match="name"):
        modified_field(CURL, Euler(), 2, name="2h")
