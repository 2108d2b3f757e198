"""Critical values of a parameter: closed forms of the theory for flow and update, and what is refused."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis import critical_parameter, critical_step, multipliers
from dynsys import InputError, VectorField, games
from dynsys.transforms import consensus
from integrators import Euler
from integrators.method import method_named

entries = st.integers(-30, 30).map(lambda k: k / 8)


def linear(J, gamma=1.0):
    rows = [f"({a!r})*x + ({b!r})*y" for a, b in J]
    return consensus(VectorField(tuple(rows), ("x", "y")), gamma)


def flows(J, gamma):
    return np.linalg.eigvals(J - gamma * J.T @ J).real.max()


@settings(max_examples=25)
@given(st.tuples(*[entries] * 4))
def test_consensus_stabilises_a_planar_zero_where_the_theory_says(matrix):
    """THEORY §1 j: saddle γ > 1/λ₊; unstable focus γ > tr J/‖J‖²; unstable node γ > 1/l₁ and (tr J/‖J‖², 1/l₂)."""
    J = np.array(matrix).reshape(2, 2)
    determinant, trace, size = np.linalg.det(J), np.trace(J), float((J**2).sum())
    discriminant = trace**2 - 4 * determinant
    assume(abs(determinant) > 1e-2 and abs(trace) > 1e-2 and abs(discriminant) > 1e-2)
    if discriminant < 0:
        stable = [(max(trace / size, 0), np.inf)]
    else:
        small, large = sorted([(trace - np.sqrt(discriminant)) / 2, (trace + np.sqrt(discriminant)) / 2])
        if large < 0:
            stable = [(0, np.inf)]
        elif small < 0:
            stable = [(1 / large, np.inf)]
        else:
            stable = [(1 / small, np.inf)]
            if size > large * (large + small) * (1 + 1e-9):
                stable.insert(0, (trace / size, 1 / large))
    found = critical_parameter(linear(J.tolist()), [0, 0], "gamma", (0, np.inf))
    assert_allclose(found.stable, stable, rtol=1e-10, atol=1e-12)
    assert found.neutral == ()


def test_the_borders_of_the_theory_hold_on_ten_thousand_random_matrices():
    """The same borders beside the eigenvalues of J - γJᵀJ a millionth before and behind each, none failing."""
    J = np.random.default_rng(0).normal(size=(10_000, 2, 2))
    determinant, trace, size = np.linalg.det(J), np.trace(J, axis1=1, axis2=2), (J**2).sum((1, 2))
    root = np.sqrt(np.maximum(trace**2 - 4 * determinant, 0))
    focus = trace**2 < 4 * determinant
    small, large = (trace - root) / 2, (trace + root) / 2
    saddle, node = ~focus & (small < 0) & (large > 0), ~focus & (small > 0)
    again = node & (size > large * (large + small))

    def abscissa(gamma):
        w = J - gamma[:, None, None] * np.swapaxes(J, 1, 2) @ J
        return np.linalg.eigvals(w).real.max(1)

    for cases, border, before in (
        (focus & (trace > 0), trace / size, 1),
        (saddle, 1 / large, 1),
        (node, 1 / small, 1),
        (again, trace / size, 1),  # attracts from here …
        (again, 1 / large, -1),  # … to here, and again from 1/l₁ on
    ):
        assert cases.sum() > 300
        side = np.where(cases, border, 1.0)
        clear = cases & (np.abs(small - large) > 1e-3) & (np.abs(size / (large * (large + small)) - 1) > 1e-3)
        assert (np.sign(abscissa(side * (1 - 1e-6)))[clear] == before).all()
        assert (np.sign(abscissa(side * (1 + 1e-6)))[clear] == -before).all()


@given(h=st.floats(0.01, 0.99))
def test_of_the_curl_field_under_euler_it_is_an_interval_in_closed_form(h):
    w = consensus(games.curl().field(), 0.5)
    found = critical_parameter(w, [0, 0], "gamma", (0, 1000), Euler(), h)
    root = np.sqrt(1 - h * h)
    assert_allclose(found.stable, [((1 - root) / h, (1 + root) / h)], rtol=1e-12)
    assert found.method == "euler" and found.h == h


def test_the_saddle_of_spiral_and_saddle_attracts_from_one_over_its_positive_eigenvalue():
    w = consensus(games.spiral_saddle().field(), 0.5)
    found = critical_parameter(w, [1, -2], "gamma", (0, 5))
    assert_allclose(found.stable, [(1 / (2 + np.sqrt(21) / 2), 5)], rtol=1e-14)
    assert found.text == "stable for 0.233030278 < gamma < 5"


@pytest.mark.parametrize("name", ["euler", "heavy-ball", "alternating", "extragradient", "implicit-euler"])
def test_it_agrees_with_the_multipliers_and_with_the_critical_step(name):
    v, method, h = games.spiral_saddle().field(), method_named(name), 0.4
    found = critical_parameter(consensus(v, 0.5), [1, -2], "gamma", (0, 5), method, h)
    edges = [0.0, *sorted({c for pair in found.stable for c in pair} - {0.0, 5.0}), 5.0]
    for lo, hi in pairwise(edges):
        middle = (lo + hi) / 2
        inside = any(a < middle < b for a, b in found.stable)
        w = consensus(v, middle)
        assert (np.abs(multipliers(w, [1, -2], method, h)).max() < 1) == inside
        assert any(a < h < b for a, b in critical_step(w, [1, -2], method).stable) == inside


def test_a_neutral_flow_is_neutral_and_a_parameter_may_stand_in_a_denominator():
    turning = VectorField(("-y*p", "x*p"), ("x", "y"), {"p": 1.0})
    found = critical_parameter(turning, [0, 0], "p", (-1, 2))
    assert found.neutral == ((-1.0, 0.0), (0.0, 2.0)) or found.neutral == ((-1.0, 2.0),)
    assert found.stable == ()
    quotient = VectorField(("x*(1/p - 2)",), ("x",), {"p": 1.0})
    assert_allclose(critical_parameter(quotient, [0], "p", (0.1, 3)).stable, [(0.5, 3)], rtol=1e-14)


def test_a_range_across_zero_finds_the_border_at_zero():
    v = VectorField(("p*x",), ("x",), {"p": 1.0})
    found = critical_parameter(v, [0], "p", (-1, 1))
    assert_allclose(found.stable, [(-1, 0)], atol=1e-15)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda w: critical_parameter(w, [1, -2], "gama", (0, 5)), "did you mean 'gamma'"),
        (lambda w: critical_parameter(w, [1, -2], "gamma", (5, 0)), "lower end must be below"),
        (lambda w: critical_parameter(w, [1, -2], "gamma", 5), r"give \(lo, hi\)"),
        (lambda w: critical_parameter(w, [1, -2.5], "gamma", (0, 5)), "not a zero"),
        (lambda w: critical_parameter(w, [1, -2], "gamma", (0, 5), Euler()), "method and h together"),
        (lambda w: critical_parameter(w, [1, -2], "gamma", (0, 5), method_named("adam"), 0.1), "no critical parameter"),
        (lambda w: critical_parameter(VectorField(("p - x",), ("x",), {"p": 1.0}), [1], "p", (0, 5)), "moves with p"),
        (lambda w: critical_parameter(VectorField(("exp(p)*x",), ("x",), {"p": 1.0}), [0], "p", (0, 5)), "quotient"),
    ],
)
def test_bad_questions_are_refused(call, words):
    with pytest.raises(InputError, match=words):
        call(consensus(games.spiral_saddle().field(), 0.5))
