"""What discretisations conserve: norms, energies, areas, and who does not."""

from __future__ import annotations

import os

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.updates import update_jacobian
from dynsys import Game, VectorField, games
from integrators import Euler, RungeKutta4, trajectory
from integrators.algorithms.averaging import UniformAverage
from integrators.algorithms.extragradient import Extragradient
from integrators.algorithms.implicit import AverageVectorField, Gauss2, ImplicitEuler, ImplicitMidpoint, Trapezoidal
from integrators.algorithms.players import Alternating, StormerVerlet

CURL = games.curl().field()
MANY, LONG = (10**4, 200) if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0") else (10**6, 10**4)
OMEGA = np.array([[0.0, 1.0], [-1.0, 0.0]])


def hamiltonian(H, players=None):
    """v = Ω∇H in the variables q, p."""
    q, p = sp.symbols("q p", real=True)
    H = sp.sympify(H, {"q": q, "p": p})
    return VectorField((str(sp.diff(H, p)), str(-sp.diff(H, q))), ("q", "p"), players=players or {"q": "q", "p": "p"})


SEPARABLE = hamiltonian("p**2/2 + p**4/5 + q**4/4 - q**2/3")
COUPLED = hamiltonian("p**2/2 + q**2/2 + q**2*p**2/3 + q*p/2")


@settings(max_examples=3)
@given(h=st.floats(0.01, 1.9), angle=st.floats(0, 6.3))
def test_alternating_steps_conserve_the_skewed_norm_of_the_curl_field(h, angle):
    run = trajectory(CURL, [np.cos(angle), np.sin(angle)], Alternating(), h, steps=MANY, every=MANY // 100)
    theta, phi = run.x.T
    invariant = theta**2 + phi**2 - h * theta * phi
    # a million steps of rounding, each of half a unit, magnified by the skewness of the ellipse
    assert np.abs(invariant / invariant[0] - 1).max() < 1e-10 / (2 - h)
    assert np.abs(np.hypot(theta, phi) - 1).max() > h / 20  # the norm itself is not conserved


@given(h=st.floats(0.01, 10), angle=st.floats(0, 6.3))
@pytest.mark.parametrize("method", [ImplicitMidpoint(), Trapezoidal(), Gauss2(), AverageVectorField()])
def test_symmetric_implicit_methods_conserve_the_norm_of_the_curl_field(method, h, angle):
    run = trajectory(CURL, [np.cos(angle), np.sin(angle)], method, h, steps=40)
    np.testing.assert_allclose(np.hypot(*run.x.T), 1.0, rtol=1e-12)


@given(h=st.floats(0.01, 10), angle=st.floats(0, 6.3))
def test_implicit_euler_contracts_the_curl_field_by_exactly_one_over_sqrt_1_plus_h2(h, angle):
    run = trajectory(CURL, [np.cos(angle), np.sin(angle)], ImplicitEuler(), h, steps=5)
    growth = np.hypot(*run.x[1:].T) / np.hypot(*run.x[:-1].T)
    np.testing.assert_allclose(growth, 1 / np.sqrt(1 + h**2), rtol=1e-12)


@pytest.mark.parametrize(
    ("H", "start"),
    [
        ("p**2/2 + q**4/4 - q**2/2", [0.5, 0.6]),
        ("p**4/4 + q**4/4 + q*p**2/3", [0.5, 0.6]),
        ("p**2/2 + q**2/2 + q**6/6 + q**3*p**3/10", [0.5, 0.6]),
    ],
    ids=["quartic", "mixed quartic", "sextic"],
)
def test_the_average_vector_field_conserves_polynomial_energies_and_the_midpoint_does_not(H, start):
    q, p = sp.symbols("q p")
    energy = sp.lambdify((q, p), sp.sympify(H))
    field = hamiltonian(H)
    drift = {}
    for method in (AverageVectorField(), ImplicitMidpoint()):
        run = trajectory(field, start, method, h=0.2, steps=LONG, every=10)
        assert run.steps == LONG
        drift[type(method)] = np.abs(energy(*run.x.T) - energy(*start)).max()
    assert drift[AverageVectorField] < 1e-12
    assert drift[ImplicitMidpoint] > 1e-6


points = st.tuples(st.floats(-0.8, 0.8), st.floats(-0.8, 0.8)).map(list)
steps_of = st.floats(0.05, 0.4)


def defect(field, x, method, h):
    M = update_jacobian(field, x, method, h)
    return np.abs(M.T @ OMEGA @ M - OMEGA).max()


@pytest.mark.parametrize(
    ("field", "method"),
    [
        (SEPARABLE, Alternating()),
        (SEPARABLE, Alternating(players=(1, 0))),
        (SEPARABLE, StormerVerlet()),
        (SEPARABLE, ImplicitMidpoint()),
        (SEPARABLE, Gauss2()),
        (COUPLED, ImplicitMidpoint()),
        (COUPLED, Gauss2()),
    ],
)
@settings(max_examples=15)
@given(x=points, h=steps_of)
def test_symplectic_methods_keep_areas_at_every_point(field, method, x, h):
    assert defect(field, x, method, h) < 1e-13


@pytest.mark.parametrize(
    ("field", "method"),
    [
        (SEPARABLE, Euler()),
        (SEPARABLE, RungeKutta4()),
        (SEPARABLE, Extragradient()),
        (SEPARABLE, ImplicitEuler()),
        (COUPLED, Alternating()),
        (COUPLED, StormerVerlet()),
        (COUPLED, Trapezoidal()),
        (COUPLED, AverageVectorField()),
    ],
)
def test_other_methods_do_not(field, method):
    assert max(defect(field, x, method, 0.4) for x in ([0.5, 0.6], [0.3, -0.7], [-0.8, 0.2])) > 1e-5


@settings(max_examples=15)
@given(x=points, h=st.floats(0.01, 0.3))
@pytest.mark.parametrize(
    "method", [StormerVerlet(), ImplicitMidpoint(), Trapezoidal(), Gauss2()], ids=lambda m: m.label
)
def test_symmetric_methods_return_when_the_field_is_reversed(method, x, h):
    back = VectorField(tuple(f"-({e})" for e in SEPARABLE.expressions), SEPARABLE.variables, players=SEPARABLE.players)
    there = trajectory(SEPARABLE, x, method, h, steps=1, compiled=False).x[-1]
    again = trajectory(back, there, method, h, steps=1, compiled=False).x[-1]
    np.testing.assert_allclose(again, x, atol=1e-13)


# --- bilinear games: spirals and averages ------------------------------------------------------------


@given(s=st.floats(0.1, 1.9), angle=st.floats(0, 6.3))
def test_runge_kutta_stages_feel_the_joint_field(s, angle):
    """With the opponent frozen in the stages, every method would be Euler on a bilinear game."""
    start = [np.cos(angle), np.sin(angle)]
    euler, rk4 = (trajectory(CURL, start, m, s, steps=1).x[-1] for m in (Euler(), RungeKutta4()))
    assert np.linalg.norm(euler) > 1 > np.linalg.norm(rk4)
    np.testing.assert_allclose(np.linalg.norm(rk4) ** 2, 1 - s**6 / 72 + s**8 / 576, rtol=1e-12)


def test_the_average_of_alternating_steps_on_a_bilinear_game_nears_the_equilibrium_like_1_over_k():
    counts = np.array([1000, 10000, 100000])
    runs = [trajectory(CURL, [1.0, 0.5], UniformAverage(Alternating()), 0.3, steps=k, every=k) for k in counts]
    for run in runs:
        assert np.linalg.norm(run.x[-1]) > 0.7  # the iterates circle
    bounded = [k * np.linalg.norm(run.average[-1]) for k, run in zip(counts, runs, strict=True)]
    assert 0.01 < max(bounded) < 30


def test_the_average_of_extragradient_on_a_bilinear_game_converges_to_the_equilibrium():
    shifted = Game.zero_sum("(x - 1)*(y + 2)", ["y"], ["x"]).field()  # variables in the players' order: y, x
    run = trajectory(shifted, [0.0, 0.0], UniformAverage(Extragradient()), 0.3, steps=20000, every=10000)
    np.testing.assert_allclose(run.x[-1], [-2.0, 1.0], atol=1e-12)
    # the iterates converge geometrically, so that the mean's error is a constant over k
    ratio = np.linalg.norm(run.average[1] - [-2, 1]) / np.linalg.norm(run.average[2] - [-2, 1])
    assert ratio == pytest.approx(2.0, rel=1e-3)
    assert np.linalg.norm(run.average[2] - [-2, 1]) < 1e-3


@pytest.mark.parametrize("h", [1.9, 1.99, 2.01, 2.1])
def test_stormer_verlet_and_alternating_steps_are_neutral_on_the_curl_field_below_2_only(h):
    for method in (StormerVerlet(), Alternating()):
        radius = np.abs(np.linalg.eigvals(update_jacobian(CURL, [0.0, 0.0], method, h))).max()
        assert (abs(radius - 1) < 1e-12) == (h < 2)
