"""The claims of Mescheder, Nowozin & Geiger (2017) and of F. Huszár's explanation, as theorems to be tried.

Claims c (momentum) and k (minibatches) wait for the methods and estimators they speak of.
"""

import numpy as np
import sympy as sp
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import quad

from analysis import classify, critical_step
from dynsys import Game, VectorField, games
from dynsys.transforms import consensus, conservative_relaxation
from integrators import Euler, RungeKutta4, trajectory

entries = st.floats(-2, 2).map(lambda x: round(x, 3))
positive = st.floats(0.05, 2).map(lambda x: round(x, 3))
angles = st.floats(0, 6.28)

CURL = games.curl().field()
NAMES = "abcd"
LINEAR = VectorField(("a*x + b*y", "c*x + d*y"), ("x", "y"), dict.fromkeys(NAMES, 0.0))
LINEAR_CONSENSUS = consensus(LINEAR, gamma=1.0)
POTENTIAL = Game({"p": ("x",), "q": ("y",)}, dict.fromkeys("pq", "sin(x)*y - x**2*y**2 + x")).field()


def work(field, path, velocity, lo, hi):
    """∫ v·dx along a path, by quadrature."""
    return quad(lambda t: float(field(path(t)) @ velocity(t)), lo, hi, epsabs=1e-12, epsrel=1e-12)[0]


@given(x=st.tuples(entries, entries), y=st.tuples(entries, entries), bend=entries)
def test_a_work_in_a_potential_game_depends_on_the_ends_only(x, y, bend):
    x, y = np.array(x), np.array(y)

    def energy(p):
        return np.sin(p[0]) * p[1] - p[0] ** 2 * p[1] ** 2 + p[0]

    def path(t):
        return x + t * (y - x) + bend * np.sin(np.pi * t) * np.array([1.0, -2.0])

    def velocity(t):
        return y - x + bend * np.pi * np.cos(np.pi * t) * np.array([1.0, -2.0])

    assert_allclose(work(POTENTIAL, path, velocity, 0, 1), energy(y) - energy(x), atol=1e-9)


@given(x=st.tuples(entries, entries))
def test_a_the_jacobian_is_symmetric_exactly_for_the_potential_game(x):
    J, K = POTENTIAL.jacobian(x), CURL.jacobian(x)
    assert_allclose(J, J.T, atol=1e-14)
    assert_allclose(K, -K.T, atol=0)


@given(r=positive)
def test_b_circulation_of_the_curl_field_round_radius_r_is_2_pi_r2(r):
    circle = work(
        CURL,
        lambda t: r * np.array([np.cos(t), np.sin(t)]),
        lambda t: r * np.array([-np.sin(t), np.cos(t)]),
        0,
        2 * np.pi,
    )
    assert_allclose(circle, 2 * np.pi * r**2, rtol=1e-12)


@given(h=st.floats(0.001, 2), angle=angles)
def test_b_euler_expands_the_curl_field_by_exactly_sqrt_1_plus_h2(h, angle):
    run = trajectory(CURL, [np.cos(angle), np.sin(angle)], Euler(), h=h, steps=1)
    assert_allclose(np.linalg.norm(run.x[-1]), np.sqrt(1 + h**2), rtol=1e-14)


@given(angle=angles)
def test_b_the_flow_of_the_curl_field_conserves_the_norm(angle):
    run = trajectory(CURL, [np.cos(angle), np.sin(angle)], RungeKutta4(), h=0.005, steps=400)
    assert_allclose(np.linalg.norm(run.x, axis=1), 1, atol=1e-10)


def test_d_the_relaxation_has_zeros_where_v_has_none_if_j_is_singular():
    singular = VectorField(("1 + 0*x", "y"), ("x", "y"))  # Jᵀv = (0, y): zero on the axis y = 0, where v = (1, 0)
    assert_allclose(conservative_relaxation(singular)([[0.3, 0.0], [-2.0, 0.0]]), 0, atol=0)
    assert_allclose(singular([0.3, 0.0]), [1, 0])


@given(values=st.tuples(entries, entries, entries, entries))
def test_e_the_relaxation_makes_every_zero_with_invertible_jacobian_attract(values):
    J = np.array(values).reshape(2, 2)
    assume(abs(np.linalg.det(J)) > 0.05)
    v = LINEAR.with_parameters(**dict(zip(NAMES, values, strict=True)))
    w = conservative_relaxation(v)
    assert_allclose(w.jacobian([0, 0]), -J.T @ J, atol=1e-12)
    assert classify(w, [0, 0]).attracts is True


def test_e_for_the_curl_field_the_relaxation_is_minus_x():
    assert [sp.expand(e) for e in conservative_relaxation(CURL).expressions] == [-s for s in CURL.symbols]


@given(x=st.tuples(entries, entries), gamma=positive)
def test_f_consensus_leaves_the_antisymmetric_part_of_the_jacobian_alone(x, gamma):
    for field in (games.spiral_saddle().field(), games.dirac_gan().field()):
        J, K = field.jacobian(x), consensus(field, gamma).jacobian(x)
        assert_allclose(K - K.T, J - J.T, atol=1e-11)


@given(values=st.tuples(entries, entries, entries, entries), margin=positive)
def test_g_euler_is_stable_iff_h_is_below_2_re_over_modulus_squared(values, margin):
    J = np.array(values).reshape(2, 2)
    J = (J - (np.linalg.eigvals(J).real.max() + margin) * np.eye(2)).round(3)
    eigenvalues = np.linalg.eigvals(J)
    assume((eigenvalues.real < -0.01).all() and abs(np.subtract(*eigenvalues)) > 1e-3)
    v = LINEAR.with_parameters(**dict(zip(NAMES, J.ravel().tolist(), strict=True)))
    bound = min(2 * abs(z.real) / abs(z) ** 2 for z in eigenvalues)
    ((lo, hi),) = critical_step(v, [0, 0], Euler()).stable
    assert lo == 0
    assert_allclose(hi, bound, rtol=1e-12)


@given(gamma=positive)
def test_g_on_the_curl_field_the_best_step_contracts_by_1_over_sqrt_1_plus_gamma2(gamma):
    w = consensus(CURL, gamma)
    ((_, hi),) = critical_step(w, [0, 0], Euler()).stable
    assert_allclose(hi, 2 * gamma / (1 + gamma**2), rtol=1e-12)
    best = classify(w, [0, 0], Euler(), gamma / (1 + gamma**2)).update.multipliers
    assert_allclose(np.abs(best), 1 / np.sqrt(1 + gamma**2), rtol=1e-12)


@given(a=positive, b=entries, c=positive, gamma=st.floats(1e-3, 100))
def test_h_consensus_stabilises_every_zero_sum_nash_point_with_any_gamma(a, b, c, gamma):
    game = games.quadratic().with_parameters(a=-a, b=b, c=c)
    label = classify(consensus(game.field(), gamma), [0, 0])
    assert "strict Nash" in label.labels
    assert label.attracts is True


def test_h_a_stable_point_of_a_general_sum_game_in_three_parameters_can_be_destroyed_by_consensus():
    """J stable, J - γJᵀJ not: found by a search over random matrices with a fixed seed."""
    draw = np.random.default_rng(1)
    for _ in range(20000):
        J = draw.normal(size=(3, 3))
        gamma = draw.uniform(0.05, 1)
        worst = np.linalg.eigvals(J - gamma * J.T @ J).real.max()
        if np.linalg.eigvals(J).real.max() < -0.02 and worst > 0.02:
            break
    else:
        raise AssertionError("no example found")
    names = ("x", "y", "z")
    rows = [" + ".join(f"({float(J[i, j])!r})*{n}" for j, n in enumerate(names)) for i in range(3)]
    v = VectorField(tuple(rows), names)
    assert classify(v, [0, 0, 0]).attracts is True
    assert classify(consensus(v, gamma), [0, 0, 0]).attracts is False


@given(values=st.tuples(entries, entries, entries, entries), gamma=positive, margin=positive)
def test_h_with_two_parameters_consensus_never_destroys_a_stable_point(values, gamma, margin):
    J = np.array(values).reshape(2, 2)
    J = J - (np.linalg.eigvals(J).real.max() + margin) * np.eye(2)
    values = dict(zip(NAMES, J.ravel().tolist(), strict=True))
    assert classify(LINEAR_CONSENSUS.with_parameters(gamma=gamma, **values), [0, 0]).attracts is True


@given(values=st.tuples(entries, entries, entries, entries), gamma=positive)
def test_j_the_determinant_of_consensus_is_det_j_times_the_product_of_1_minus_gamma_lambda(values, gamma):
    J = np.array(values).reshape(2, 2)
    w = LINEAR_CONSENSUS.with_parameters(gamma=gamma, **dict(zip(NAMES, values, strict=True)))
    expected = np.linalg.det(J) * np.prod(1 - gamma * np.linalg.eigvals(J))
    assert_allclose(np.linalg.det(w.jacobian([0, 0])), expected.real, atol=1e-10)


@given(values=st.tuples(entries, entries, entries, entries), side=st.sampled_from([0.98, 1.02]))
def test_j_a_saddle_attracts_iff_gamma_exceeds_1_over_its_positive_eigenvalue(values, side):
    J = np.array(values).reshape(2, 2)
    assume(np.linalg.det(J) < -0.05)
    top = np.linalg.eigvals(J).real.max()
    assume(top > 0.05)
    values = dict(zip(NAMES, values, strict=True))
    w = LINEAR_CONSENSUS.with_parameters(gamma=side / top, **values)
    assert classify(w, [0, 0]).attracts is (side > 1)


def sheared(block, shear, stretch):
    """A matrix similar to `block`, far from normal for a large shear."""
    P = np.array([[1.0, shear], [0.0, stretch]])
    return P @ np.array(block) @ np.linalg.inv(P)


def linear_consensus(J, gamma):
    return LINEAR_CONSENSUS.with_parameters(gamma=gamma, **dict(zip(NAMES, J.ravel(), strict=True)))


@given(a=positive, b=positive, shear=entries, stretch=positive, side=st.sampled_from([0.98, 1.02]))
def test_j_an_unstable_focus_attracts_iff_gamma_exceeds_trace_over_squared_norm(a, b, shear, stretch, side):
    J = sheared([[a, -b], [b, a]], shear, stretch)
    border = np.trace(J) / np.linalg.norm(J) ** 2
    assert classify(linear_consensus(J, side * border), [0, 0]).attracts is (side > 1)


@given(low=positive, ratio=st.floats(1.05, 20), shear=entries, stretch=positive, gamma=st.floats(0.02, 30))
def test_j_an_unstable_node_attracts_on_the_two_ranges_of_theory(low, ratio, shear, stretch, gamma):
    high = low * ratio
    J = sheared([[low, 0], [0, high]], shear, stretch)
    size = np.linalg.norm(J) ** 2
    borders = np.array([1 / low, 1 / high, np.trace(J) / size])
    assume((np.abs(gamma - borders) > 1e-3 * borders).all())
    expected = gamma > 1 / low or (size > high * (low + high) and np.trace(J) / size < gamma < 1 / high)
    assert classify(linear_consensus(J, gamma), [0, 0]).attracts is bool(expected)
