"""Games of strategy and of economics, played by gradients."""

from __future__ import annotations

import math
from dataclasses import replace

import sympy as sp

from dynsys.errors import InputError
from dynsys.expressions import finite, symbol
from dynsys.field import VectorField
from dynsys.functions import logistic
from dynsys.game import Game

BOX = ((-4.0, 4.0), (-4.0, 4.0))
HIDDEN = "Vlatakis-Gkaragkounis, Flokas & Piliouras (2019)"
STATES = ("0", "cc", "cd", "dc", "dd")  # before the first round; then what x and y did in the last


def hidden_bilinear(p: float = 0.25, q: float = 0.5) -> Game:
    """Hidden bilinear game: θ minimises and φ maximises (σ(θ) - p)(σ(φ) - q), σ the logistic function.

    The strategies σ(θ), σ(φ) play a bilinear game that their parameters hide: eigenvalues ±ip(1 - p)q(1 - q) where they
    are p and q, and the flow conserves H(θ; p) + H(φ; q), H(θ; p) = (1 - p)exp(θ) + p exp(-θ) + (1 - 2p)θ.
    Raises `InputError` unless 0 < p, q < 1. Vlatakis-Gkaragkounis, Flokas & Piliouras (2019).
    """
    for name, value in (("p", p), ("q", q)):
        if not 0 < finite(value, name) < 1:
            raise InputError(f"{name} is {value:g}; it must be between 0 and 1, where the logistic function reaches it")
    f = "(logistic(theta) - p)*(logistic(phi) - q)"
    players, values = {"theta": ("theta",), "phi": ("phi",)}, {"p": p, "q": q}
    return Game(players, {"theta": f"-{f}", "phi": f}, values, name="hidden-bilinear", box=BOX, source=HIDDEN)


def matching_pennies() -> Game:
    """Matching pennies, heads with probability σ(x) and σ(y): x wins if the pennies match, y if they differ.

    A hidden bilinear game: eigenvalues ±i/4 at 0, the mixed equilibrium. Von Neumann (1928); by gradients
    Foerster et al. (2018).
    """
    f = "(2*logistic(x) - 1)*(2*logistic(y) - 1)"
    source = "von Neumann (1928); Foerster et al. (2018)"
    return Game({"x": ("x",), "y": ("y",)}, {"x": f, "y": f"-{f}"}, name="matching-pennies", box=BOX, source=source)


def prisoners_dilemma(discount: float = 0.96) -> Game:
    r"""Iterated prisoner's dilemma between strategies that remember one round: five logits a player, exact values.

    x_0 is the logit of cooperating in the first round, x_cd of doing so after x cooperated and y did not; for y
    likewise, y_cd after y cooperated and x did not. The rewards of cc, cd, dc, dd are -1, -3, 0, -2, and the payoff is
    their discounted mean

    .. math:: (1 - \delta)\, p_0^\top (I - \delta P)^{-1} r

    with P the transition matrix of the four outcomes and p₀ their first distribution. It has no zero but at infinity:
    always to defect earns -2, tit for tat -1. Raises `InputError` unless 0 ≤ δ < 1. Foerster et al. (2018).
    """
    if not 0 <= finite(discount, "discount") < 1:
        raise InputError(f"discount is {discount:g}; it must be at least 0 and below 1, so that the sum converges")
    players = {player: tuple(f"{player}_{state}" for state in STATES) for player in "xy"}
    x, y = ([logistic(symbol(name)) for name in players[player]] for player in "xy")
    y[2], y[3] = y[3], y[2]  # outcomes as x sees them
    rewards = {"x": (-1, -3, 0, -2), "y": (-1, 0, -3, -2)}
    payoffs = {player: _discounted_mean(x, y, symbol("discount"), rewards[player]) for player in "xy"}
    box = [(-4.0, 4.0)] * 10
    source = "Foerster et al. (2018)"
    return Game(players, payoffs, {"discount": discount}, name="prisoners-dilemma", box=box, source=source)


def _discounted_mean(x: list[sp.Expr], y: list[sp.Expr], d: sp.Symbol, rewards: tuple[int, ...]) -> sp.Expr:
    """(1 - d) p₀ᵀ(I - dP)⁻¹r, from the chances x and y of cooperating at first and after each outcome.

    With w = (I - dP)⁻¹r and w_dd taken off, the values of both, x alone and y alone cooperating once more,
    (w_cc - w_cd - w_dc, w_cd, w_dc), solve N·values = r - r_dd, a system of order 3.
    """
    chances = [sp.Matrix([[a * b, a, b]]) for a, b in zip(x, y, strict=True)]
    first, *after, last = chances
    known = (sp.Matrix([[1, 1, 1]]), sp.Matrix([[0, 1, 0]]), sp.Matrix([[0, 0, 1]]))
    N = sp.Matrix.vstack(*[one - d * (row - last) for one, row in zip(known, after, strict=True)])
    gains = sp.Matrix([r - rewards[3] for r in rewards[:3]])
    total = sp.Integer(0)
    for j, chance in enumerate((1 - d) * first + d * last):
        replaced = N.copy()
        replaced[:, j] = gains
        total += chance * _determinant(replaced)
    return rewards[3] + total / _determinant(N)


def _determinant(m: sp.Matrix) -> sp.Expr:
    """Of order 3, not multiplied out."""
    minor = lambda j, k: m[1, j] * m[2, k] - m[1, k] * m[2, j]  # noqa: E731
    return m[0, 0] * minor(1, 2) - m[0, 1] * minor(0, 2) + m[0, 2] * minor(0, 1)


def torus(alpha_1: float = 1.0, alpha_2: float = 1.5, phi_1: float = 0.0, phi_2: float = math.pi / 8) -> VectorField:
    """Torus game: each player seeks a place of its own on the circle, φᵢ, and to be far from the other.

    Payoffs αᵢ cos(θᵢ - φᵢ) - cos(θ₁ - θ₂); angles are wrapped modulo 2π. A potential game; with φ₁ = φ₂ the point
    θ = φ has the Jacobian [[1 - α₁, -1], [-1, 1 - α₂]]. After Chasnov, Ratliff, Mazumdar & Burden (2019).
    """
    players = {"player_1": ("theta_1",), "player_2": ("theta_2",)}
    payoffs = {f"player_{i}": f"alpha_{i}*cos(theta_{i} - phi_{i}) - cos(theta_1 - theta_2)" for i in (1, 2)}
    values = {"alpha_1": alpha_1, "alpha_2": alpha_2, "phi_1": phi_1, "phi_2": phi_2}
    turn = (-math.pi, math.pi)
    source = "after Chasnov, Ratliff, Mazumdar & Burden (2019)"
    game = Game(players, payoffs, values, name="torus", box=(turn, turn), source=source)
    return replace(game.field(), period=(2 * math.pi, 2 * math.pi))


def duopoly(A: float = 10.0, d: float = 0.5, c_1: float = 1.0, c_2: float = 2.0) -> Game:
    """Cournot duopoly: firm i produces qᵢ at the cost cᵢ a unit and sells at the price A - qᵢ - d·qⱼ.

    A strict Nash equilibrium at qᵢ = (2(A - cᵢ) - d(A - cⱼ))/(4 - d²); eigenvalues -2 ± d. A potential game.
    Cournot (1838); differentiated products after Singh & Vives (1984).
    """
    players = {"firm_1": ("q_1",), "firm_2": ("q_2",)}
    payoffs = {f"firm_{i}": f"q_{i}*(A - q_{i} - d*q_{3 - i} - c_{i})" for i in (1, 2)}
    values = {"A": A, "d": d, "c_1": c_1, "c_2": c_2}
    source = "Cournot (1838); Singh & Vives (1984)"
    return Game(players, payoffs, values, name="duopoly", box=((0.0, 8.0), (0.0, 8.0)), source=source)
