"""Solutions with a leader: local minimax points of zero-sum games, differential Stackelberg equilibria of others."""

from __future__ import annotations

from dataclasses import dataclass

import mpmath as mp
import numpy as np
import sympy as sp

from analysis.nash import Zero, size_around
from analysis.precision import DIGITS, precise_function
from analysis.spectra import ROUNDING
from dynsys.game import Game


@dataclass(frozen=True)
class LeaderVerdict:
    """Whether the point is a strict local solution when `leader` moves first, with the numbers that decide."""

    leader: str
    holds: bool | None
    reason: str


def leader_verdict(game: Game, leader: str, zero: Zero) -> LeaderVerdict:
    """Two players: is the zero a strict local Stackelberg solution with this leader (zero-sum: a strict minimax)?

    The follower's own Hessian must be negative definite, so that its best response r exists; the leader's payoff
    along r must have a vanishing derivative and a negative definite second derivative, in zero-sum games the Schur
    complement. Jin, Netrapalli & Jordan (2020); Fiez, Chasnov & Ratliff (2020).
    """
    follower = next(p for p in game.players if p != leader)
    x, y = game.own_symbols(leader), game.own_symbols(follower)
    f, g = game.exact_payoffs[leader], game.exact_payoffs[follower]
    G = _values(game, zero, [sp.diff(g, a, b) for a in y for b in y], (len(y), len(y)))
    size = max(1e-300, size_around(game, _all_second(f, game) + _all_second(g, game), zero))
    worst = float(np.linalg.eigvalsh(G)[-1])
    if worst > ROUNDING * size:
        return LeaderVerdict(
            leader, False, f"own Hessian of the follower {follower} has the eigenvalue {worst:.6g} > 0"
        )
    if worst > -ROUNDING * size:
        return LeaderVerdict(leader, None, f"own Hessian of the follower {follower} is singular: no smooth response")
    response = -np.linalg.solve(G, _values(game, zero, [sp.diff(g, b, a) for b in y for a in x], (len(y), len(x))))
    slope = _values(game, zero, [sp.diff(f, b) for b in y], (len(y),))
    total = slope @ response
    if np.abs(total).max() > 1e-9 * size:
        return LeaderVerdict(
            leader, False, f"the payoff of {leader} along the response of {follower} has slope {total[0]:.6g}"
        )
    second = _second_along_response(game, zero, (x, y), (f, g), response, np.linalg.inv(G), slope)
    top = float(np.linalg.eigvalsh((second + second.T) / 2)[-1])
    name = "Schur complement" if game.is_zero_sum else "second derivative along the response"
    if abs(top) <= ROUNDING * size * (1 + float(np.abs(response).max()) ** 2):
        return LeaderVerdict(leader, None, f"{name} of {leader} is singular")
    return LeaderVerdict(leader, top < 0, f"{name} of {leader} has the largest eigenvalue {top:.6g}")


def _second_along_response(game, zero, variables, payoffs, R, inverse, slope) -> np.ndarray:  # type: ignore[no-untyped-def]
    """d²/dx² f(x, r(x)): Hessian terms, and f_y · r'' where f_y does not vanish."""
    (x, y), (f, g) = variables, payoffs
    n, m = len(x), len(y)
    xx = _values(game, zero, [sp.diff(f, a, b) for a in x for b in x], (n, n))
    xy = _values(game, zero, [sp.diff(f, a, b) for a in x for b in y], (n, m))
    yy = _values(game, zero, [sp.diff(f, a, b) for a in y for b in y], (m, m))
    second = xx + xy @ R + (xy @ R).T + R.T @ yy @ R
    if np.abs(slope).max() == 0:
        return second
    along = np.vstack([np.eye(n), R])  # derivative of (x, r(x))
    z = [*x, *y]
    third = _values(game, zero, [sp.diff(g, b, p, q) for b in y for p in z for q in z], (m, n + m, n + m))
    curvature = -np.einsum("ab,bpq,pi,qj->aij", inverse, third, along, along)  # r''
    return second + np.einsum("a,aij->ij", slope, curvature)


def _all_second(f: sp.Expr, game: Game) -> list[sp.Expr]:
    return list(sp.hessian(f, game.symbols))


def _values(game: Game, zero: Zero, expressions: list[sp.Expr], shape: tuple[int, ...]) -> np.ndarray:
    with mp.workdps(DIGITS):
        values = precise_function(expressions, game.symbols)(*zero.precise)
        return np.array([float(v) for v in values]).reshape(shape)
