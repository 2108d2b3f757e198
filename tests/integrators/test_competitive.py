"""Methods that reckon with the others' next step: where they go, and that their terms are the published ones."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from dynsys import Game
from integrators import Euler, Status, ensemble, trajectory
from integrators.algorithms.competitive import LOLA, SOS, CompetitiveGradient, LookAhead

# losses (x + y)² - 2x and (x + y)² - 2y: every point of the line x + y = 1 is an equilibrium. Letcher et al. (2019)
TANDEM = Game(
    players={"x": ["x"], "y": ["y"]}, payoffs={"x": "2*x - (x + y)**2", "y": "2*y - (x + y)**2"}, name="tandem"
).field()
STARTS = np.random.default_rng(11).uniform(-3, 3, (40, 2))


@pytest.mark.parametrize(
    ("method", "goal"), [(LOLA(), 4 / 3), (SOS(), 1.0), (LookAhead(), 1.0)], ids=["lola", "sos", "lookahead"]
)
def test_on_the_tandem_game_lola_leaves_the_equilibria_and_its_corrections_stay(method, goal):
    many = ensemble(TANDEM, STARTS, method, h=0.1, steps=2000)
    assert not set(many.status) & {Status.DIVERGED, Status.NOT_FINITE}
    np.testing.assert_allclose(many.x.sum(1), goal, atol=1e-6)


@pytest.mark.parametrize("h", [0.05, 0.1, 0.2])
def test_lolas_fixed_line_of_the_tandem_game_moves_with_the_step(h):
    # with s = x + y: v = 2(1 - s) each, J_o v = -2 v, χ = -2·(-2s) = 4s
    #     0 = 2(1 - s)(1 - 2h) + 4hs
    s = sp.Symbol("s")
    (goal,) = sp.solve(2 * (1 - s) * (1 - 2 * sp.nsimplify(h)) + 4 * sp.nsimplify(h) * s, s)
    run = trajectory(TANDEM, [0.5, -0.25], LOLA(), h=h, steps=4000)
    assert run.x[-1].sum() == pytest.approx(float(goal), rel=1e-9)


@given(a=st.floats(0.1, 10), angle=st.floats(0, 6.3))
def test_cgd_contracts_the_bilinear_game_by_exactly_one_over_sqrt_1_plus_h2a2(a, angle):
    field = Game.zero_sum("a*x*y", ["y"], ["x"], {"a": a}).field()
    run = trajectory(field, [np.cos(angle), np.sin(angle)], CompetitiveGradient(), h=0.2, steps=3, compiled=False)
    growth = np.linalg.norm(run.x[1:], axis=1) / np.linalg.norm(run.x[:-1], axis=1)
    np.testing.assert_allclose(growth, 1 / np.sqrt(1 + 0.04 * a**2), rtol=1e-12)


# --- against the published formulas, term by term --------------------------------------------------

PAYOFFS = {"a": "x*y - x**2 + x*z**2 + w*x*y", "b": "-x*y**2 - y*z + w*y - z**2 + x*z", "c": "w*x - w**2 + y*z*w"}
GAME = Game(players={"a": ("x",), "b": ("y", "z"), "c": ("w",)}, payoffs=PAYOFFS)
OWNER = np.array([0, 1, 1, 2])


def pieces(x):
    """v, J_o and χ at x, from SymPy's derivatives of the losses: L = -payoffs, ξ = -v, χᵢ = Σⱼ (∂ξⱼ/∂xᵢ)ᵀ ∂Lᵢ/∂xⱼ."""
    names = sp.symbols("x y z w")
    losses = [-sp.sympify(PAYOFFS[p]) for p in "abc"]
    xi = [sp.diff(losses[OWNER[i]], s) for i, s in enumerate(names)]
    at = dict(zip(names, x, strict=True))
    number = lambda e: float(e.subs(at))  # noqa: E731
    H = np.array([[number(sp.diff(e, s)) for s in names] for e in xi])
    gradients = np.array([[number(sp.diff(loss, s)) for s in names] for loss in losses])
    others = OWNER[:, None] != OWNER
    chi = np.array([sum(H[j, i] * gradients[OWNER[i], j] for j in range(4) if others[i, j]) for i in range(4)])
    return np.array([number(e) for e in xi]), H * others, chi


@pytest.mark.parametrize("x", [(0.3, -0.4, 0.2, 0.5), (-0.6, 0.1, 0.7, -0.2)])
@pytest.mark.parametrize("alpha", [0.05, 0.3])
def test_steps_are_the_formulas_of_letcher_et_al_in_losses(x, alpha):
    field, x = GAME.field(), np.array(x)
    xi, H_o, chi = pieces(x)
    step = lambda method: trajectory(field, x, method, alpha, steps=1, compiled=False).x[-1]  # noqa: E731
    ahead = (np.eye(4) - alpha * H_o) @ xi
    np.testing.assert_allclose(step(LookAhead()), x - alpha * ahead, rtol=1e-12)
    np.testing.assert_allclose(step(LOLA()), x - alpha * (ahead - alpha * chi), rtol=1e-12)
    solved = np.linalg.solve(np.eye(4) + alpha * H_o, xi)
    np.testing.assert_allclose(step(CompetitiveGradient()), x - alpha * solved, rtol=1e-12)
    for a, b in ((0.5, 0.1), (0.01, 0.1), (0.5, 0.9)):
        along = -alpha * chi @ ahead
        p1 = 1.0 if along > 0 else min(1.0, -a * (ahead @ ahead) / along)
        p2 = xi @ xi if np.linalg.norm(xi) < b else 1.0
        wanted = x - alpha * (ahead - min(p1, p2) * alpha * chi)
        np.testing.assert_allclose(step(SOS(a, b)), wanted, rtol=1e-12)


def test_the_share_of_shaping_takes_every_branch_of_its_definition():
    """Near equilibria of the tandem game p = ‖v‖²; shaping against the step is cut to a‖ξ₀‖²/|⟨hχ, ξ₀⟩|."""
    h, shares = 0.1, set()
    for s in (0.2, 0.99, 1.01, 3.0, 1.3):
        x = np.array([s / 3, 2 * s / 3])
        v, chi = np.full(2, 2 * (1 - s)), np.full(2, 4 * s)
        ahead = v * (1 - 2 * h)
        along = h * chi @ ahead
        p1 = 1.0 if along >= 0 else min(1.0, -0.5 * ahead @ ahead / along)
        p2 = v @ v if np.linalg.norm(v) < 0.1 else 1.0
        shares.add("full" if p1 == p2 == 1 else "near" if p2 < p1 else "cut")
        run = trajectory(TANDEM, x, SOS(), h, steps=1)
        np.testing.assert_allclose(run.x[-1], x + h * (ahead + min(p1, p2) * h * chi), rtol=1e-12)
    assert shares == {"full", "near", "cut"}


@given(eta=st.floats(0.1, 2))
def test_looking_no_step_ahead_would_be_the_gradient_step(eta):
    x, h = [0.3, -0.4, 0.2, 0.5], 0.1
    gradient = trajectory(GAME.field(), x, Euler(), h, steps=1, compiled=False).x[-1]
    xi, H_o, chi = pieces(np.array(x))
    step = lambda method: trajectory(GAME.field(), x, method, h, steps=1, compiled=False).x[-1]  # noqa: E731
    np.testing.assert_allclose(step(LookAhead(eta)) - gradient, eta * h**2 * H_o @ xi, atol=1e-13)
    np.testing.assert_allclose(step(LOLA(eta)) - step(LookAhead(eta)), eta * h**2 * chi, atol=1e-13)
