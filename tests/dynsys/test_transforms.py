"""Transformations of fields: what they keep, what they change, and the numbers of theory."""

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from dynsys import Game, InputError, VectorField, games
from dynsys.transforms import consensus, conservative_relaxation

entries = st.floats(-2, 2)
points = st.tuples(entries, entries)
GAMES = [games.curl(), games.spiral_saddle(), games.sine(), games.dirac_gan(), games.odd_order()]


def lyapunov_gradient(field, x, step=1e-6):
    """∇½‖v‖² by central differences."""
    L = lambda y: 0.5 * float(field(y) @ field(y))  # noqa: E731
    shifts = step * np.eye(len(x))
    return np.array([(L(x + e) - L(x - e)) / (2 * step) for e in shifts])


@pytest.mark.parametrize("game", GAMES, ids=lambda g: g.name)
@given(x=points, gamma=st.floats(0, 3))
def test_consensus_is_v_minus_gamma_times_the_gradient_of_half_its_squared_norm(game, x, gamma):
    v, x = game.field(), np.array(x)
    gradient = lyapunov_gradient(v, x)
    assert_allclose(conservative_relaxation(v)(x), -gradient, atol=2e-6 * (1 + np.abs(gradient).max()))
    assert_allclose(consensus(v, gamma)(x), v(x) - gamma * v.jacobian(x).T @ v(x), atol=1e-10)


def test_the_gradient_of_the_logistic_dirac_gan_has_the_digits_of_theory():
    gradient = -conservative_relaxation(games.dirac_gan().field())([0.7, 1.3])
    assert_allclose(gradient, [-0.108779875515742, 0.0174590577194158], rtol=1e-13)


@pytest.mark.parametrize("game", GAMES, ids=lambda g: g.name)
def test_the_regulariser_is_a_gradient(game):
    """A stray factor in one player's part would give it a curl."""
    J = conservative_relaxation(game.field()).jacobian([0.8, 1.1])
    assert_allclose(J, J.T, atol=1e-13)


@given(x=points, gamma=st.floats(0.01, 3))
def test_at_a_zero_the_jacobian_of_consensus_is_j_minus_gamma_jtj(x, gamma):
    v = games.spiral_saddle().field()
    for zero in ([0.0, 0.0], [1.0, -2.0]):
        J = v.jacobian(zero)
        assert_allclose(consensus(v, gamma).jacobian(zero), J - gamma * J.T @ J, atol=1e-11)


@pytest.mark.parametrize(
    "game", [games.spiral_saddle(), games.hidden_minimax(), games.worst_point(k=2.0)], ids=lambda g: g.name
)
def test_every_zero_with_an_invertible_jacobian_attracts_the_relaxation(game):
    """Nash point, saddle or everybody's worst: the Hessian of L is JᵀJ ≻ 0."""
    v = game.field()
    for zero in [[0.0, 0.0], [1.0, -2.0]][: 2 if game.name == "spiral-saddle" else 1]:
        J, H = v.jacobian(zero), -conservative_relaxation(v).jacobian(zero)
        assert_allclose(H, J.T @ J, rtol=1e-14)
        assert np.linalg.eigvalsh(H).min() > 0


def test_the_relaxation_may_vanish_where_v_does_not_if_the_jacobian_is_singular():
    v = VectorField(("1 + x**2",), ("x",))
    assert conservative_relaxation(v)([0.0])[0] == 0 and v([0.0])[0] == 1


@pytest.mark.parametrize("game", GAMES, ids=lambda g: g.name)
@given(x=points, gamma=st.floats(0, 3))
def test_consensus_leaves_the_rotation_of_the_field_as_it_is(game, x, gamma):
    """A gradient was subtracted: the antisymmetric part of the Jacobian is that of v, at every point."""
    J, K = game.field().jacobian(x), consensus(game.field(), gamma).jacobian(x)
    assert_allclose(K - K.T, J - J.T, atol=1e-12 * (1 + np.abs(K).max()))


@given(x=points, gamma=st.floats(0.01, 3))
def test_gamma_zero_and_zeros_of_v_are_inherited(x, gamma):
    v = games.odd_order().field()
    assert_allclose(consensus(v, 0.0)(x), v(x), atol=0)
    assert_allclose(consensus(v, gamma)([0.0, 0.0]), 0, atol=0)


def test_gamma_is_a_parameter_of_the_result_and_of_the_result_only():
    v = games.curl().field()
    w = consensus(v, gamma=0.5)
    assert dict(w.parameters) == {"gamma": 0.5} and dict(v.parameters) == {}
    assert w.base is v and w.root is v and w.game is v.game and w.players == v.players
    assert_allclose(w.with_parameters(gamma=2.0)([1.0, 0.0]), consensus(v, 2.0)([1.0, 0.0]), atol=1e-15)


def test_a_name_the_game_uses_already_is_refused_and_another_can_be_given():
    v = Game.zero_sum("gamma*x*y", ["x"], ["y"], {"gamma": 2.0}).field()
    with pytest.raises(InputError, match="name="):
        consensus(v, gamma=0.5)
    w = consensus(v, gamma=0.5, name="c")
    assert dict(w.parameters) == {"gamma": 2.0, "c": 0.5}
    assert_allclose(w([1.0, 0.0]), [-2.0, -2.0])


@pytest.mark.parametrize("gamma", [float("nan"), float("inf"), "much", None])
def test_a_coefficient_that_is_no_finite_number_is_refused(gamma):
    with pytest.raises(InputError, match="gamma"):
        consensus(games.curl().field(), gamma=gamma)


def test_transformations_chain_and_parameters_reach_the_base():
    v = VectorField(("a*x",), ("x",), {"a": 2.0})
    w = consensus(consensus(v, 0.1, name="inner"), 0.2, name="outer")
    assert w.root is v
    changed = w.with_parameters(a=3.0)
    assert changed.root.parameters["a"] == 3.0
    inner = 3 - 0.1 * 9
    assert_allclose(changed([1.0]), inner - 0.2 * inner**2)


def test_the_relaxation_of_curl_is_minus_x_as_algebra():
    v = games.curl().field()
    assert [sp.expand(e) for e in conservative_relaxation(v).expressions] == [-s for s in v.symbols]
