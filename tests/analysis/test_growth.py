"""Cycles grow beyond borders as their normal forms predict; where these are degenerate, as closed forms say."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from analysis import cycle_growth
from dynsys import Game, InputError, VectorField, games
from dynsys.kernels import compiling
from integrators import Euler, HeavyBall

LOGISTIC = VectorField.from_map(["r*x*(1 - x)"], ["x"], {"r": 3.0})
R1 = Game(
    players={"theta": ["theta"], "psi": ["psi"]},
    payoffs={"theta": "softplus(-theta*psi)", "psi": "-softplus(-theta*psi) - kappa/2*psi**2"},
    parameters={"kappa": 0.5},
).field()


def test_the_two_cycle_of_the_logistic_map_grows_as_the_root_with_the_predicted_constant():
    """Its half width is √((r - 3)(r + 1))/2r: √ε/3 at first, root mean square of the distances from x* = 1 - 1/r."""
    found = cycle_growth(LOGISTIC, [2 / 3], "r", 3.0, Euler(), 1.0)
    r = 3 + found.distances
    half, middle = np.sqrt((r - 3) * (r + 1)) / (2 * r), (r + 1) / (2 * r)
    assert_allclose(found.sizes, np.sqrt(half**2 + (middle - 1 + 1 / r) ** 2), rtol=1e-5)
    assert_allclose(found.predicted, 1 / 3, rtol=1e-4)
    assert_allclose(found.root_constant, found.predicted, rtol=0.05)
    assert abs(found.exponent - 0.5) < 0.01 and found.error < 0.01 and found.side == 1
    assert found.form.kind == "flip" and "predicted 0.3333" in found.text


@pytest.mark.skipif(not compiling(), reason="takes half a minute without compilation")
def test_the_invariant_curve_of_r1_grows_beyond_h_4_kappa_with_the_predicted_constant():
    found = cycle_growth(R1, [0, 0], "h", 4 * 0.5, Euler())
    assert found.form.kind == "Neimark-Sacker" and found.form.verdict == "supercritical"
    assert_allclose(found.root_constant, found.predicted, rtol=0.05)
    assert_allclose(found.sizes[0] / math.sqrt(found.distances[0]), found.predicted, rtol=0.05)
    assert abs(found.exponent - 0.5) < 0.01


@pytest.mark.skipif(not compiling(), reason="takes half a minute without compilation")
def test_the_limit_cycle_of_a_game_grows_beyond_its_hopf_point():
    """v = (y + μx - x³, -x): the radius is 2√(μ/3), the amplitude equation's; its root mean square is that."""
    game = Game({"a": ["x"], "b": ["y"]}, {"a": "x*y + mu*x**2/2 - x**4/4", "b": "-x*y"}, {"mu": 0.0})
    found = cycle_growth(game.field(), [0, 0], "mu", 0.0, offsets=(0.02, 0.04, 0.08, 0.16))
    assert found.form.kind == "Hopf" and found.side == 1
    assert_allclose(found.predicted, 2 / math.sqrt(3), rtol=1e-4)
    assert_allclose(found.root_constant, found.predicted, rtol=0.05)
    assert abs(found.exponent - 0.5) < 0.01


def test_at_a_degenerate_border_the_measured_exponent_stands_alone():
    """x⁺ = -(1 + μ)x + x⁵ has the cycle x⁴ = μ."""
    field = VectorField.from_map(["-(1 + mu)*x + x**5"], ["x"], {"mu": 0.0})
    found = cycle_growth(field, [0], "mu", 0.0, Euler(), 1.0, kick=0.3)
    assert found.predicted is None and found.form.verdict == "degenerate"
    assert_allclose([found.exponent, found.constant], [0.25, 1], atol=1e-3)
    assert "predicts none" in found.text


def test_beyond_a_subcritical_border_no_cycle_is_reached():
    field = VectorField.from_map(["-(1 + mu)*x - x**3"], ["x"], {"mu": 0.0})
    found = cycle_growth(field, [0], "mu", 0.0, Euler(), 1.0)
    assert np.isnan(found.sizes).all() and found.predicted is None and "no cycle" in found.text
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["exponent"] is None


def test_the_cycle_of_a_method_with_memory_grows_in_the_position_as_its_closed_form():
    """Heavy ball flips x -> -x where h(1 - x²) = 2(1 + β): x² = 1 - 2(1 + β)/h beyond the border."""
    field, beta = VectorField(("-x + x**3",), ("x",)), 0.3
    found = cycle_growth(field, [0], "h", 2 * (1 + beta), HeavyBall(beta), offsets=(0.01, 0.02, 0.04))
    assert_allclose(found.sizes, np.sqrt(1 - 2.6 / (2.6 + found.distances)), rtol=1e-4)
    assert_allclose(found.root_constant, found.predicted, rtol=0.05)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cycle_growth(LOGISTIC, [2 / 3], "s", 3.0, Euler(), 1.0), "no parameter 's'"),
        (lambda: cycle_growth(LOGISTIC, [2 / 3], "r", 3.0, Euler()), "give both for the update"),
        (lambda: cycle_growth(LOGISTIC, [0.5], "r", 3.0, Euler(), 1.0), "not a zero"),
        (lambda: cycle_growth(LOGISTIC, [1 - 1 / 2.9], "r", 2.9, Euler(), 1.0), "at no border"),
        (lambda: cycle_growth(LOGISTIC, [2 / 3], "r", 3.0, Euler(), 1.0, offsets=(0.1, 0.1, 0.2)), "offsets is"),
        (lambda: cycle_growth(LOGISTIC, [2 / 3], "r", 3.0, Euler(), 1.0, offsets=0.1), "offsets is 0.1; give three"),
        (lambda: cycle_growth(LOGISTIC, [2 / 3], "r", 3.0, Euler(), 1.0, kick=-1), "kick is -1"),
        (lambda: cycle_growth(R1, [0, 0], "h", 2.0), "give a method, and leave out h"),
        (lambda: cycle_growth(VectorField(("a*x + x**2",), ("x",), {"a": 0.0}), [0], "a", 0.0), "no cycle is born"),
        (lambda: cycle_growth(games.curl(), [0, 0], "h", 2.0, Euler()), "field"),
    ],
)
def test_bad_input_is_refused_with_its_remedy(call, message):
    with pytest.raises(InputError, match=message):
        call()
