"""Best steps, real eigenvalues, fast foci and players at two rates: THEORY's numbers, each derived again."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis import best_step, critical_step, multipliers
from dynsys import Game, InputError, VectorField, games
from dynsys.transforms import consensus
from integrators import (
    Alternating,
    CompetitiveGradient,
    Euler,
    Extragradient,
    HeavyBall,
    Heun,
    ImplicitEuler,
    OptimisticGradient,
    Rates,
    RungeKutta3,
    RungeKutta4,
)

few = settings(max_examples=max(8, settings.default.max_examples // 5))
positive = st.floats(0.05, 4).map(lambda x: round(x, 3))
CURL = games.curl().field()
by_label = lambda value: getattr(value, "label", None)  # noqa: E731


def bilinear(sigma):
    return games.quadratic(0, sigma, 0).field()  # v = (-σφ, σθ) up to a sign


def focus(a, b):
    return games.quadratic(-a, b, a).field()  # J = [[-a, b], [-b, -a]]


def only(intervals):
    ((lo, hi),) = intervals
    assert lo == 0
    return hi


@pytest.mark.parametrize(
    ("method", "s", "rate"),
    [
        (Extragradient(), math.sqrt(0.5), math.sqrt(0.75)),
        (OptimisticGradient(), 0.5, math.sqrt(0.5)),
    ],
    ids=by_label,
)
def test_the_best_step_on_a_bilinear_game_is_that_of_theory(method, s, rate):
    found = best_step(bilinear(1.25), [0, 0], method)
    assert_allclose(found.h, s / 1.25, rtol=2e-7)
    assert_allclose(found.rate, rate, rtol=1e-7)


@few
@given(gamma=positive)
def test_g_the_best_step_of_consensus_is_gamma_over_1_plus_gamma2(gamma):
    found = best_step(consensus(CURL, gamma), [0, 0], Euler())
    assert_allclose((found.h, found.rate), (gamma / (1 + gamma**2), (1 + gamma**2) ** -0.5), rtol=3e-7)


@pytest.mark.parametrize("method", [RungeKutta3(), RungeKutta4(), Alternating(HeavyBall(-0.4))], ids=by_label)
def test_the_best_step_is_no_worse_than_any_of_a_fine_grid(method):
    v = focus(0.3, 1.1)
    found = best_step(v, [0, 0], method)
    grid = np.linspace(*critical_step(v, [0, 0], method).stable[0], 402)[1:-1]
    radius = [np.abs(multipliers(v, [0, 0], method, h)).max() for h in grid]
    assert found.rate <= min(radius) + 1e-9
    assert abs(found.h - grid[np.argmin(radius)]) <= 2 * (grid[1] - grid[0])
    assert_allclose(np.abs(multipliers(v, [0, 0], method, found.h)).max(), found.rate, rtol=1e-9)


@pytest.mark.parametrize("values", list(itertools.permutations((-1, -2, -4))))
def test_the_best_step_over_several_eigenvalues_is_that_of_the_worst(linear, values):
    found = best_step(linear(np.diag(values)), [0, 0, 0], Euler())
    assert_allclose((found.h, found.rate), (2 / 5, 3 / 5), rtol=2e-7)


def test_the_best_step_of_implicit_euler_is_infinite_and_of_euler_on_a_bilinear_game_there_is_none():
    found = best_step(bilinear(1), [0, 0], ImplicitEuler())
    assert found.h == math.inf and found.rate < 1e-9
    assert math.isnan(best_step(bilinear(1), [0, 0], Euler()).h)
    assert best_step(bilinear(1), [0, 0], Euler()).to_dict() == {
        "h": None,
        "rate": None,
        "note": "the update contracts nowhere in the range",
    }


RK4_REAL = 2.785293563405


@pytest.mark.parametrize(
    ("method", "border"),
    [(Euler(), 2), (Heun(), 2), (Extragradient(), 1), (OptimisticGradient(), 2 / 3), (RungeKutta4(), RK4_REAL)],
    ids=by_label,
)
@few
@given(a=positive)
def test_a_real_eigenvalue_minus_a_is_contracted_below_the_border_over_a(linear, method, border, a):
    assert_allclose(only(critical_step(linear([[-a]]), [0], method).stable), border / a, rtol=1e-12)


@few
@given(a=positive, b=positive)
def test_alternating_steps_contract_a_normal_focus_below_2_over_a_plus_b(a, b):
    for method in (Alternating(), Alternating(players=(1, 0))):
        assert_allclose(only(critical_step(focus(a, b), [0, 0], method).stable), 2 / (a + b), rtol=1e-12)


@pytest.mark.parametrize(
    ("method", "border"),
    [
        (Euler(), 0.01980198),
        (OptimisticGradient(), 0.05998327),
        (Heun(), 0.10424614),
        (Extragradient(), 0.11617657),
        (Alternating(), 2 / 11),
        (RungeKutta4(), 0.29359703),
    ],
    ids=by_label,
)
def test_a_fast_focus_is_contracted_up_to_the_step_of_theory(method, border):
    assert_allclose(only(critical_step(focus(1, 10), [0, 0], method).stable), border, atol=5.1e-9)


def test_j_the_largest_euler_step_under_consensus_at_the_fast_focus_is_a_tenth():
    border = lambda gamma: only(critical_step(consensus(focus(1, 10), gamma), [0, 0], Euler()).stable)  # noqa: E731
    assert_allclose(border(9 / 101), 0.1, rtol=1e-12)
    assert max(border(9 / 101 + 1e-3), border(9 / 101 - 1e-3)) < 0.1 - 1e-7


@few
@given(a=positive, b=positive)
def test_the_largest_euler_step_under_consensus_at_a_normal_focus_is_1_over_b(a, b):
    assume(b > a + 0.01)
    m = a * a + b * b
    border = lambda gamma: only(critical_step(consensus(focus(a, b), gamma), [0, 0], Euler()).stable)  # noqa: E731
    at = (b - a) / m
    assert_allclose(border(at), 1 / b, rtol=1e-9)
    for gamma in (0.9 * at, 1.1 * at):
        assert_allclose(border(gamma), 2 * (a + gamma * m) / ((a + gamma * m) ** 2 + b * b), rtol=1e-12)
        assert border(gamma) < 1 / b


TAU = Game.zero_sum("-3*x**2 - y**2 + 4*x*y", ["y"], ["x"])


@pytest.mark.parametrize(("tau", "stable"), [(0.5, False), (2.99, False), (3.01, True), (20, True)])
def test_tau_gda_is_stable_at_small_steps_iff_tau_exceeds_3(tau, stable):
    rates = [tau if own == ("y",) else 1 for own in TAU.players.values()]
    found = critical_step(TAU.field(), [0, 0], Rates(Euler(), rates))
    assert bool(found.stable) is stable
    if stable:  # trace 6 - 2τ and determinant 4τ of diag(1, τ) J, whose border is a pair on the circle or a flip
        roots = np.roots([1, 2 * tau - 6, 4 * tau])
        assert_allclose(only(found.stable), (-2 * roots.real / np.abs(roots) ** 2).min(), rtol=1e-12)


@few
@given(a=positive)
def test_competitive_gradient_contracts_the_bilinear_game_a_x_y_by_the_factor_of_theory(a):
    v = Game.zero_sum(f"{a}*x*y", ["x"], ["y"]).field()
    factor = np.abs(multipliers(v, [0, 0], CompetitiveGradient(), 0.2))
    assert_allclose(factor, 1 / math.sqrt(1 + 0.04 * a**2), rtol=1e-12)


def test_the_best_step_says_where_it_is():
    """Normal J, λ = -a ± ib: ρ² = (1 - ha)² + h²b² is least at a/(a² + b²), where ρ = b/√(a² + b²)."""
    field = VectorField(("-x - 2*y", "2*x - y"), ("x", "y"))
    inside = best_step(field, [0, 0], Euler())
    assert_allclose([inside.h, inside.rate], [1 / 5, 2 / np.sqrt(5)], rtol=1e-7)
    assert inside.note == ""
    border = best_step(field, [0, 0], Euler(), h=(0, 0.1))
    assert (border.h, border.note) == (0.1, "on the border of the range")
    far = best_step(field, [0, 0], ImplicitEuler())
    assert math.isinf(far.h) and "not attained" in far.note
    never = best_step(CURL, [0, 0], Euler())
    assert math.isnan(never.rate) and "nowhere" in never.note


def test_over_h_and_a_parameter_together_the_minimum_may_sit_in_a_kink():
    field = VectorField(("-x", "p*y"), ("x", "y"), {"p": -2.0})
    found = best_step(field, [0, 0], Euler(), h=(0, 3), parameter="p", range=(-4, -0.2))
    assert_allclose([found.h, found.value, found.rate], [1, -1, 0], atol=1e-6)
    assert found.note == ""


def test_over_h_and_gamma_the_curl_field_contracts_fastest_at_the_largest_gamma():
    found = best_step(consensus(CURL, 0.5), [0, 0], Euler(), h=(0, 2), parameter="gamma", range=(0.1, 3))
    assert_allclose([found.h, found.value, found.rate], [0.3, 3, 1 / np.sqrt(10)], rtol=1e-5)
    assert found.note == "on the border of the range"


def test_ranges_searched_together_must_be_finite_and_complete():
    w = consensus(CURL, 0.5)
    with pytest.raises(InputError, match="both ranges must be finite"):
        best_step(w, [0, 0], Euler(), parameter="gamma", range=(0, 1))
    with pytest.raises(InputError, match="together"):
        best_step(w, [0, 0], Euler(), parameter="gamma")
    with pytest.raises(InputError, match="did you mean 'gamma'"):
        best_step(w, [0, 0], Euler(), h=(0, 1), parameter="gama", range=(0, 1))
    nowhere = best_step(w, [0, 0], Euler(), h=(3, 4), parameter="gamma", range=(0, 1))
    assert math.isnan(nowhere.h) and "nowhere" in nowhere.note
