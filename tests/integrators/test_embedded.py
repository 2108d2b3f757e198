"""Adaptive methods: their orders, from the exact conditions; their dense output; RODAS on stiff fields."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from dynsys import games
from integrators import DOP853, DormandPrince, Euler, Rosenbrock, Tsitouras, trajectory
from integrators.adaptive.method import check_adaptive
from integrators.method import LinearField, amplification
from integrators.tableaux import density, trees

PAIRS = [DormandPrince(), Tsitouras(), DOP853()]
each_pair = pytest.mark.parametrize("method", PAIRS, ids=lambda m: m.label)
every = pytest.mark.parametrize("method", [*PAIRS, Rosenbrock()], ids=lambda m: m.label)


def elementary(rows, tree):
    """Φᵢ(t) of all stages, the first one at the point itself."""
    below = [elementary(rows, subtree) for subtree in tree]
    found = []
    for row in ((), *rows):
        value = Fraction(1)
        for phi in below:
            value *= sum((a * f for a, f in zip(row, phi)), Fraction(0))
        found.append(value)
    return found


def residuals(method, weights, order):
    """Σ wᵢ Φᵢ(t) - 1/γ(t) over all trees of this many nodes."""
    phi = {tree: elementary(method.stages[: len(weights) - 1], tree) for tree in trees(order)}
    return [abs(float(sum(w * f for w, f in zip(weights, phi[t])) - 1 / density(t))) for t in trees(order)]


@each_pair
def test_the_weights_satisfy_the_conditions_of_their_order_and_no_more(method):
    weights = (*method.stages[-1], Fraction(0))
    for order in range(1, method.order + 1):
        assert max(residuals(method, weights, order)) < 1e-13
    if method.order < 8:
        assert max(residuals(method, weights, method.order + 1)) > 1e-5


@each_pair
def test_the_error_is_that_of_a_method_of_lower_order(method):
    weights = (*method.stages[-1], Fraction(0))
    for estimate, order in zip(method.estimate, (5, 3) if method.order == 8 else (4,)):
        full = (*estimate, *[Fraction(0)] * (len(weights) - len(estimate)))
        lower = [b - e for b, e in zip(weights, full)]
        for p in range(1, order + 1):
            assert max(residuals(method, lower, p)) < 1e-13
        assert max(residuals(method, lower, order + 1)) > 1e-6


def local_errors(method, h):
    """Errors after one step of ẋ = iωx-like rotation with growth: of the point, and of the dense output within."""
    A = ((0.3, 1.0), (-1.0, -0.2))
    v, x = LinearField(A), (1.0, 0.3)
    found = method.attempt(v, x, (), method.carry(v, x, ()), h)
    q = np.array(method.interpolant(v, x, (), h, found))
    values, vectors = np.linalg.eig(np.array(A))
    exact = lambda t: (vectors @ (np.exp(values * t) * np.linalg.solve(vectors, np.array(x)))).real  # noqa: E731
    theta = np.linspace(0.1, 1, 7)
    within = [np.array(x) + sum(qj * s ** (j + 1) for j, qj in enumerate(q)) for s in theta]
    return np.abs(np.array(found.x) - exact(h)).max(), max(
        np.abs(u - exact(s * h)).max() for u, s in zip(within, theta)
    )


@every
def test_local_errors_have_the_order_of_the_point_and_of_the_dense_output(method):
    h = {8: 0.8, 5: 0.1, 4: 0.1}[method.order]
    (point, dense), (finer, denser) = local_errors(method, h), local_errors(method, h / 2)
    assert np.log2(point / finer) == pytest.approx(method.order + 1, abs=0.5)
    assert np.log2(dense / denser) == pytest.approx(method.degree + 1, abs=0.35)


@every
def test_the_dense_output_ends_at_the_new_point_with_its_slope(method):
    v, x = games.cubic_bilinear().field().on_tuples, (0.5, -0.7)
    p = games.cubic_bilinear().field().values()
    found = method.attempt(v, x, p, method.carry(v, x, p), 0.1)
    q = np.array(method.interpolant(v, x, p, 0.1, found))
    np.testing.assert_allclose(x + q.sum(0), found.x, rtol=0, atol=1e-15)
    if method.label != "rosenbrock":
        np.testing.assert_allclose(q[0] / 0.1, v(x, p), rtol=1e-12)
        slope = (np.arange(1, len(q) + 1)[:, None] * q).sum(0) / 0.1
        np.testing.assert_allclose(slope, v(found.x, p), rtol=1e-12)


def test_the_rosenbrock_method_damps_stiff_modes_completely():
    z = -np.logspace(2, 8, 7)
    radius = amplification(Rosenbrock(), z)
    assert (radius < 10 / abs(z)).all()
    assert (amplification(Rosenbrock(), 1j * np.linspace(0.1, 50, 200)) <= 1 + 1e-12).all()  # A-stable


@every
def test_with_a_fixed_step_it_is_a_method_like_any_other(method):
    v = games.spiral_saddle().field()
    run = trajectory(v, [0.3, 0.2], method, h=0.05, steps=20, compiled=False)
    finer = trajectory(v, [0.3, 0.2], method, h=0.0125, steps=80, compiled=False)
    assert np.abs(run.x[-1] - finer.x[-1]).max() < 1e-6


def test_a_method_without_an_error_is_refused_by_name():
    with pytest.raises(Exception, match=r"Euler\(\), which estimates no error; give DormandPrince\(\)"):
        check_adaptive(Euler())
    with pytest.raises(Exception, match=r"write DOP853\(\)"):
        check_adaptive(DOP853)
