"""Multipliers: the update map of a method, linearised by complex step, against formulas and SymPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis import classify, multipliers, update_jacobian
from dynsys import InputError, VectorField, games
from dynsys.functions import logistic, softplus
from dynsys.transforms import consensus
from integrators import Euler, RungeKutta4, trajectory
from integrators.method import Method

seeds = st.integers(0, 2**32 - 1)
step_sizes = st.floats(1e-3, 3.0)
TAYLOR = {
    Euler(): lambda z: 1 + z,
    RungeKutta4(): lambda z: 1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24,
}


def assert_same_values(found, expected, atol=1e-10):
    """The same numbers in any order: of an expanded polynomial the coefficients would lose digits."""
    left = list(expected)
    for z in found:
        nearest = int(np.argmin(np.abs(np.array(left) - z)))
        assert abs(left.pop(nearest) - z) <= atol * (1 + abs(z))
    assert not left


@pytest.mark.parametrize("method", TAYLOR, ids=lambda m: m.label)
@given(seed=seeds, n=st.integers(1, 4), h=step_sizes)
def test_multipliers_are_the_stability_function_of_h_lambda(linear, method, seed, n, h):
    J = np.random.default_rng(seed).uniform(-2, 2, (n, n)).round(3)
    found = multipliers(linear(J), np.zeros(n), method, h)
    assert_same_values(found, TAYLOR[method](h * np.linalg.eigvals(J)), atol=1e-8)
    assert (np.diff(np.abs(found)) <= 1e-10).all()  # largest first


@given(seed=seeds, n=st.integers(1, 4), h=step_sizes)
def test_the_jacobian_of_an_euler_step_is_identity_plus_h_times_jacobian(linear, seed, n, h):
    J = np.random.default_rng(seed).uniform(-2, 2, (n, n)).round(3)
    assert_allclose(update_jacobian(linear(J), np.zeros(n), Euler(), h), np.eye(n) + h * J, rtol=1e-14, atol=1e-15)


@given(h=step_sizes)
def test_euler_on_the_curl_field_has_multipliers_of_size_sqrt_1_plus_h2(h):
    v = games.curl().field()
    assert_allclose(np.abs(multipliers(v, [0, 0], Euler(), h)), np.sqrt(1 + h**2), rtol=1e-14)
    run = trajectory(v, [0.6, -0.8], Euler(), h=h, steps=7, compiled=False)
    assert_allclose(np.linalg.norm(run.x, axis=1), (1 + h**2) ** (np.arange(8) / 2), rtol=1e-13)


@given(h=step_sizes, gamma=st.floats(0.01, 3))
def test_consensus_moves_the_multipliers_of_the_curl_field_to_1_minus_h_gamma_plus_minus_ih(h, gamma):
    found = multipliers(consensus(games.curl().field(), gamma), [0, 0], Euler(), h)
    assert_same_values(found, [1 - h * gamma + 1j * h, 1 - h * gamma - 1j * h], atol=1e-14)


FIELDS = {
    "dirac-gan": games.dirac_gan().field(),
    "consensus of dirac-gan": consensus(games.dirac_gan().field(), 0.7),
    "sine": games.sine().field(),
    "van der pol": games.van_der_pol(1.3),
}


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("method", TAYLOR, ids=lambda m: m.label)
def test_the_complex_step_is_exact_away_from_zeros_too(name, method):
    """SymPy composes the stages and differentiates the result; the point is no zero, so second derivatives enter."""
    field = FIELDS[name]
    x, h = sp.Matrix([sp.Rational(7, 10), sp.Rational(-13, 10)]), sp.Rational(1, 4)
    v = lambda at: _at_thirty_digits(field, field.expressions, at)  # noqa: E731
    D = lambda at: _at_thirty_digits(field, [sp.diff(e, s) for e in field.expressions for s in field.symbols], at)  # noqa: E731
    if method == Euler():
        exact = sp.eye(2) + h * D(x)
    else:  # Kutta (1901): the chain rule through the stages
        k1 = v(x)
        d1 = D(x)
        k2, d2 = v(x + h / 2 * k1), D(x + h / 2 * k1) * (sp.eye(2) + h / 2 * d1)
        k3, d3 = v(x + h / 2 * k2), D(x + h / 2 * k2) * (sp.eye(2) + h / 2 * d2)
        d4 = D(x + h * k3) * (sp.eye(2) + h * d3)
        exact = sp.eye(2) + h / 6 * (d1 + 2 * d2 + 2 * d3 + d4)
    found = update_jacobian(field, [0.7, -1.3], method, 0.25)
    assert_allclose(found, np.array(exact.tolist(), float), rtol=2e-14, atol=1e-15)


def _at_thirty_digits(field, expressions, at):
    put = dict(zip(field.symbols, at, strict=True)) | field.exact_values
    values = [e.rewrite([logistic, softplus], sp.exp).subs(put).evalf(30) for e in expressions]
    return sp.Matrix(values).reshape(2, len(values) // 2)


@pytest.mark.parametrize(
    ("method", "h", "gamma", "verdict"),
    [
        (Euler(), 0.1, None, "unstable"),
        (Euler(), 1e-6, None, "unstable"),  # |ζ| = 1 + 5e-13 is beyond rounding
        (Euler(), 0.79, 0.5, "stable"),
        (Euler(), 0.8, 0.5, "neutral"),  # h = 2γ/(1 + γ²)
        (Euler(), 0.81, 0.5, "unstable"),
        (RungeKutta4(), 2.8, None, "stable"),
        (RungeKutta4(), np.sqrt(8), None, "neutral"),
        (RungeKutta4(), 2.9, None, "unstable"),
    ],
)
def test_the_verdict_on_the_curl_field_is_that_of_theory(method, h, gamma, verdict):
    v = games.curl().field()
    label = classify(v if gamma is None else consensus(v, gamma), [0, 0], method, h)
    assert label.update.verdict == verdict
    assert label.attracts is {"stable": True, "neutral": None, "unstable": False}[verdict]
    assert f"{verdict} update" in label.labels


@dataclass(frozen=True)
class SignGradient(Method):
    """Steps of fixed length along each coordinate's sign: no Jacobian where v = 0."""

    differentiable: ClassVar[str] = "the sign jumps where v = 0"

    def step(self, v, state, p, h):
        return tuple(s + h * np.sign(u) for s, u in zip(state, v(state, p), strict=True))


def test_a_method_without_a_jacobian_is_refused_with_its_reason():
    with pytest.raises(InputError, match=r"sign-gradient .* the sign jumps where v = 0"):
        multipliers(games.curl().field(), [0, 0], SignGradient(), 0.1)
    with pytest.raises(InputError, match="the sign jumps where v = 0"):
        classify(games.curl().field(), [0, 0], SignGradient(), 0.1)


@pytest.mark.parametrize("h", [0, -0.1, np.nan, np.inf, "a"])
def test_a_step_size_that_is_not_positive_is_refused(h):
    with pytest.raises(InputError, match="h is"):
        multipliers(games.curl().field(), [0, 0], Euler(), h)


@pytest.mark.parametrize("x", [[0.0], [0.0, 0, 0], [[0.0, 0], [1, 1]], 3.0])
def test_what_is_no_single_point_is_refused(x):
    with pytest.raises(InputError, match=r"^x "):
        multipliers(games.curl().field(), x, Euler(), 0.1)


@pytest.mark.parametrize(("component", "x"), [("log(x)", 0.0), ("log(x)", -1.0), ("sqrt(x)", -4.0), ("1/x", 0.0)])
def test_an_update_without_a_real_value_is_refused_although_it_has_a_complex_one(component, x):
    with pytest.raises(InputError, match="no finite Jacobian"):
        multipliers(VectorField((component,), ("x",)), [x], Euler(), 0.1)


def test_a_field_that_depends_on_time_has_no_multipliers_at_a_point():
    with pytest.raises(InputError, match="time"):
        multipliers(VectorField(("t*x",), ("x",), time="t"), [0.0], Euler(), 0.1)


def test_a_class_in_place_of_a_method_is_refused_with_the_remedy():
    with pytest.raises(InputError, match=r"write Euler\(\)"):
        multipliers(games.curl().field(), [0, 0], Euler, 0.1)
