"""Identities between methods, and the equations that implicit ones solve."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import root

from dynsys import Game, games
from integrators import Euler, RungeKutta4, trajectory
from integrators.algorithms.averaging import ExponentialAverage, Lookahead, UniformAverage
from integrators.algorithms.competitive import CompetitiveGradient
from integrators.algorithms.extragradient import Extragradient
from integrators.algorithms.implicit import AverageVectorField, Gauss2, ImplicitEuler, ImplicitMidpoint, Trapezoidal
from integrators.algorithms.momentum import ComplexMomentum, HeavyBall, Nesterov
from integrators.algorithms.multistep import OptimisticGradient
from integrators.algorithms.players import Alternating, Rates
from integrators.algorithms.runge_kutta import ExplicitRungeKutta

SADDLE = games.spiral_saddle().field()
points = st.tuples(st.floats(0.05, 0.4), st.floats(-0.4, -0.05)).map(list)  # not at rest
step_sizes = st.floats(1e-3, 0.2)
INNER = [Euler(), HeavyBall(), OptimisticGradient(), RungeKutta4(), Alternating(HeavyBall(-0.5))]


def plain(field, x, method, h, steps):
    return trajectory(field, x, method, h, steps, compiled=False)


def same(a, b, rtol=1e-12):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-14)


# --- two names of one method ----------------------------------------------------------------------


@given(x=points, h=step_sizes)
def test_optimistic_gradient_visits_popovs_evaluation_points(x, h):
    base, ahead, visited = np.array(x), np.array(x), []
    for k in range(12):  # y_k = x_k + h v(y_{k-1}), x_{k+1} = x_k + h v(y_k); the first y is the start
        ahead = base + h * SADDLE(ahead) if k else base
        visited.append(ahead)
        base = base + h * SADDLE(ahead)
    run = plain(SADDLE, x, OptimisticGradient(), h, 11).x
    # y_1 = x_0 + h v(y_0) + h v(y_0) would be a doubled first step; the method's first step is one gradient step
    same(run[1], np.array(x) + h * SADDLE(x))
    base, ahead, visited = np.array(x) - h * SADDLE(x), np.array(x), [np.array(x)]
    for _ in range(11):
        base = base + h * SADDLE(ahead)
        ahead = base + h * SADDLE(ahead)
        visited.append(ahead)
    same(run, visited)


@given(x=points, h=step_sizes)
def test_extragradient_is_the_runge_kutta_method_of_its_tableau(x, h):
    tableau = ExplicitRungeKutta(((0, 0), (1, 0)), (0, 1))
    same(plain(SADDLE, x, tableau, h, 5).x, plain(SADDLE, x, Extragradient(), h, 5).x)


@given(x=points, h=step_sizes)
@pytest.mark.parametrize("method", [HeavyBall(0.0), Nesterov(0.0), ComplexMomentum(0j)], ids=lambda m: m.label)
def test_momentum_zero_is_the_gradient_step(method, x, h):
    same(plain(SADDLE, x, method, h, 5).x, plain(SADDLE, x, Euler(), h, 5).x)


@given(x=points, h=step_sizes, beta=st.floats(-0.9, 0.9))
def test_complex_momentum_with_a_real_coefficient_is_the_heavy_ball(x, h, beta):
    same(plain(SADDLE, x, ComplexMomentum(complex(beta)), h, 6).x, plain(SADDLE, x, HeavyBall(beta), h, 6).x, 1e-11)


@given(x=points, h=step_sizes, a=st.floats(0.1, 5), eta=st.floats(0.1, 1))
def test_competitive_gradient_descent_is_implicit_euler_on_bilinear_games(x, h, a, eta):
    field = Game.zero_sum("a*x*y", ["y"], ["x"], {"a": a}).field()
    same(plain(field, x, CompetitiveGradient(), h, 4).x, plain(field, x, ImplicitEuler(), h, 4).x)
    J = np.array([[0.0, a], [-a, 0.0]])  # variables in the players' order: y, x
    one = np.array(x) + h * np.linalg.solve(np.eye(2) - eta * h * J, J @ x)
    same(plain(field, x, CompetitiveGradient(eta), h, 1).x[-1], one)


@pytest.mark.parametrize("method", INNER, ids=lambda m: m.label)
@given(x=points, h=step_sizes)
def test_lookahead_of_one_step_all_the_way_is_the_method_inside(method, x, h):
    same(plain(SADDLE, x, Lookahead(method, k=1, alpha=1.0), h, 5).x, plain(SADDLE, x, method, h, 5).x)
    same(plain(SADDLE, x, Lookahead(method, k=3, alpha=1.0), h, 4).x, plain(SADDLE, x, method, h, 12).x[::3])


@pytest.mark.parametrize("k", [5, 12])
@given(x=points, h=step_sizes, alpha=st.floats(0.1, 1.0))
def test_lookahead_returns_to_a_point_between_start_and_end_of_a_cycle(k, x, h, alpha):
    here = np.array(x)
    for end in plain(SADDLE, x, Lookahead(k=k, alpha=alpha), h, 3).x[1:]:
        fast = here
        for _ in range(k):
            fast = fast + h * SADDLE(fast)
        here = here + alpha * (fast - here)
        same(end, here)


@pytest.mark.parametrize("k", [5, 12])
@given(x=points)
def test_the_momentum_inside_lookahead_goes_on_from_cycle_to_cycle(k, x):
    slow, m = np.array(x), np.zeros(2)
    for end in plain(SADDLE, x, Lookahead(HeavyBall(0.5), k=k), 0.05, 3).x[1:]:
        fast = slow
        for _ in range(k):
            m = 0.5 * m + 0.05 * SADDLE(fast)
            fast = fast + m
        slow = (slow + fast) / 2
        same(end, slow)


@pytest.mark.parametrize("method", [*INNER, Extragradient()], ids=lambda m: m.label)
@settings(max_examples=10)
@given(x=points, h=step_sizes)
def test_averages_leave_the_iterates_alone_bit_for_bit(method, x, h):
    alone = plain(SADDLE, x, method, h, 15).x
    uniform, fading = (
        plain(SADDLE, x, UniformAverage(method), h, 15),
        plain(SADDLE, x, ExponentialAverage(method, 0.75), h, 15),
    )
    np.testing.assert_array_equal(uniform.x, alone)
    np.testing.assert_array_equal(fading.x, alone)
    same(uniform.average, [alone[: k + 1].mean(0) for k in range(16)])
    weights = lambda k: np.array([0.75**k, *(0.25 * 0.75 ** (k - i) for i in range(1, k + 1))])  # noqa: E731
    same(fading.average, [weights(k) @ alone[: k + 1] for k in range(16)])


# --- players ---------------------------------------------------------------------------------------


@given(x=points, h=step_sizes, b1=st.floats(-0.9, 0.9), b2=st.floats(-0.9, 0.9))
def test_alternating_heavy_balls_keep_each_players_memory(x, h, b1, b2):
    (theta, phi), m1, m2, visited = x, 0.0, 0.0, [list(x)]
    for _ in range(8):
        m1 = b1 * m1 + h * SADDLE([theta, phi])[0]
        theta += m1
        m2 = b2 * m2 + h * SADDLE([theta, phi])[1]
        phi += m2
        visited.append([theta, phi])
    same(plain(SADDLE, x, Alternating((HeavyBall(b1), HeavyBall(b2))), h, 8).x, visited, 1e-11)


@given(x=points, h=step_sizes)
def test_alternating_optimistic_players_remember_the_gradient_of_their_own_last_turn(x, h):
    (theta, phi), (last1, last2), visited = x, SADDLE(x), [list(x)]
    for _ in range(8):
        slope1 = SADDLE([theta, phi])[0]
        theta, last1 = theta + h * (2 * slope1 - last1), slope1
        slope2 = SADDLE([theta, phi])[1]
        phi, last2 = phi + h * (2 * slope2 - last2), slope2
        visited.append([theta, phi])
    same(plain(SADDLE, x, Alternating(OptimisticGradient()), h, 8).x, visited, 1e-11)


@given(x=points, h=step_sizes)
def test_turns_follow_the_order_and_the_counts_given(x, h):
    (theta, phi), visited = x, [list(x)]
    for _ in range(5):
        phi += h * SADDLE([theta, phi])[1]
        for _ in range(3):
            theta += h * SADDLE([theta, phi])[0]
        visited.append([theta, phi])
    with_counts = Alternating(players=(1, 0), steps=(3, 1))  # steps are listed by player, turns by `players`
    same(plain(SADDLE, x, with_counts, h, 5).x, visited)
    assert with_counts.clock(2) == (3.0, 1.0)


@given(x=points, h=step_sizes, rates=st.tuples(st.floats(0.1, 4), st.floats(0.1, 4)))
def test_rates_scale_the_field_in_every_stage(x, h, rates):
    scaled = lambda y: np.array(rates) * SADDLE(y)  # noqa: E731
    here = np.array(x)
    for end in plain(SADDLE, x, Rates(Extragradient(), rates), h, 3).x[1:]:
        here = here + h * scaled(here + h * scaled(here))
        same(end, here)


# --- implicit methods solve their equations --------------------------------------------------------


@pytest.mark.parametrize("method", [ImplicitEuler(), ImplicitMidpoint(), Trapezoidal(), AverageVectorField(), Gauss2()])
@given(x=points, h=step_sizes)
def test_an_implicit_step_solves_its_equation(method, x, h):
    x = np.array(x)
    y = plain(SADDLE, x, method, h, 1).x[-1]
    if isinstance(method, Gauss2):
        r = np.sqrt(3) / 6
        A = np.array([[1 / 4, 1 / 4 - r], [1 / 4 + r, 1 / 4]])
        equations = lambda k: (k.reshape(2, 2) - SADDLE(x + h * A @ k.reshape(2, 2))).ravel()  # noqa: E731
        slopes = root(equations, np.tile(SADDLE(x), 2), tol=1e-14).x.reshape(2, 2)
        return same(y, x + h * slopes.mean(0), 1e-11)
    nodes, weights = np.polynomial.legendre.leggauss(8)
    mean = sum(w / 2 * SADDLE(x + (1 + s) / 2 * (y - x)) for s, w in zip(nodes, weights, strict=True))
    slope = {
        "ImplicitEuler": SADDLE(y),
        "ImplicitMidpoint": SADDLE((x + y) / 2),
        "Trapezoidal": (SADDLE(x) + SADDLE(y)) / 2,
        "AverageVectorField": mean,
    }[type(method).__name__]
    same(y - x, h * slope)


def test_booles_rule_is_exact_up_to_degree_five_and_not_six():
    from integrators.algorithms.implicit import BOOLE

    sums = [sum(w * sp.Rational(k, 4) ** d for k, w in enumerate(map(sp.Rational, BOOLE))) for d in range(7)]
    assert [s == sp.Rational(1, d + 1) for d, s in enumerate(sums)] == [True] * 6 + [False]
