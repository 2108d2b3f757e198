"""Is a zero of v a local Nash equilibrium? Three-valued, player by player, with the numbers that decide."""

from __future__ import annotations

from dataclasses import dataclass

import mpmath as mp
import numpy as np
import sympy as sp

from analysis.precision import DIGITS, Point, precise_function
from analysis.spectra import ROUNDING
from dynsys.game import Game
from dynsys.identities import is_zero

HIGHEST_ORDER = 8  # of the derivatives looked at along the kernel of an own Hessian


@dataclass(frozen=True)
class PlayerVerdict:
    """One player at a zero: eigenvalues of its own Hessian, and whether it is at a local maximum of its payoff.

    `maximum`: "strict", "weak" (own Hessian singular, yet a local maximum), "no" or "undecided", with the reason.
    Eigenvalues within `tolerance` of 0 count as 0.
    """

    player: str
    own_eigenvalues: np.ndarray
    maximum: str
    reason: str
    tolerance: float

    @property
    def is_worst(self) -> bool:
        """Own Hessian positive definite: a strict local minimum of its payoff."""
        return bool((self.own_eigenvalues > self.tolerance).all())


@dataclass(frozen=True)
class Zero:
    """A zero at fifty digits, and as exact numbers if it was recognised."""

    precise: Point
    exact: tuple[sp.Expr, ...] | None


def player_verdict(game: Game, player: str, zero: Zero) -> PlayerVerdict:
    """Decide whether `player` is at a local maximum of its payoff in its own variables, all others fixed.

    A negative definite own Hessian says yes, one with a positive eigenvalue no. If it is semidefinite, the payoff
    along its kernel decides: constant, or concave, or (one own variable) the first derivative that does not vanish.
    """
    hessian = _own_hessian(game, player, zero)
    values, vectors = np.linalg.eigh(hessian)
    tolerance = ROUNDING * max(_hessian_scale(game, player, zero), float(np.abs(values).max()))
    shown = ", ".join(f"{v:.6g}" for v in values)
    if (values < -tolerance).all():
        return PlayerVerdict(
            player, values, "strict", f"own Hessian of {player} has eigenvalues {shown} < 0", tolerance
        )
    if values[-1] > tolerance:
        reason = f"own Hessian of {player} has the eigenvalue {values[-1]:.6g} > 0"
        return PlayerVerdict(player, values, "no", reason, tolerance)
    verdict, reason = _along_kernel(game, player, zero, vectors[:, values >= -tolerance])
    return PlayerVerdict(player, values, verdict, reason, tolerance)


def _own_hessian(game: Game, player: str, zero: Zero) -> np.ndarray:
    own = game.own_symbols(player)
    entries = list(sp.hessian(game.exact_payoffs[player], own))
    with mp.workdps(DIGITS):
        values = precise_function(entries, game.symbols)(*zero.precise)
        return np.array([float(v) for v in values]).reshape(len(own), len(own))


def _hessian_scale(game: Game, player: str, zero: Zero) -> float:
    """The size of the player's full row of second derivatives: what an own eigenvalue is compared with."""
    f = game.exact_payoffs[player]
    return size_around(game, [sp.diff(f, a, b) for a in game.own_symbols(player) for b in game.symbols], zero)


def size_around(game: Game, expressions: list[sp.Expr], zero: Zero) -> float:
    """The largest |value| of the expressions at the zero and a thousandth beside it.

    Where all of them vanish, the zero's own error is all that is left of them there.
    """
    evaluate, sizes = precise_function(expressions, game.symbols), []
    with mp.workdps(DIGITS):
        for shift in ("0", "1e-3", "-1e-3"):
            try:
                values = evaluate(*[c + mp.mpf(shift) * (1 + abs(c)) for c in zero.precise])
                sizes += [abs(float(v)) for v in values]
            except (ValueError, TypeError, ZeroDivisionError, OverflowError):  # no real value beside the zero
                continue
    return max(sizes)


def _along_kernel(game: Game, player: str, zero: Zero, kernel: np.ndarray) -> tuple[str, str]:
    own, f = game.own_symbols(player), game.exact_payoffs[player]
    others = [s for s in game.symbols if s not in own]
    place = dict(zip(game.symbols, zero.exact or (), strict=False))
    if zero.exact is not None:
        alone = f.subs({s: place[s] for s in others}, simultaneous=True)
        if all(is_zero(sp.diff(alone, s)) for s in own):
            return "weak", f"the payoff of {player} does not depend on its own variables here (SymPy)"
    hessian = sp.hessian(f, own)
    if hessian.is_zero_matrix:
        return "weak", f"the payoff of {player} is affine in its own variables, with slope 0 here"
    if not (hessian.free_symbols & set(own)) and len(own) > 1:
        return "weak", f"the payoff of {player} is quadratic in its own variables, with a semidefinite Hessian: concave"
    decided = _by_derivatives(game, player, zero, kernel)
    if decided is None:
        return "undecided", f"own Hessian of {player} is singular and derivatives up to order {HIGHEST_ORDER} vanish"
    order, value = decided
    term = f"derivative of order {order} of the payoff of {player} along the kernel of its own Hessian is {value:.6g}"
    if order % 2 == 1:
        return "no", f"the {term}: odd order, so it can gain"
    if value > 0:
        return "no", f"the {term} > 0: it can gain"
    if len(own) == 1:
        return "weak", f"the {term} < 0: a maximum of higher order"
    return "undecided", f"the {term} < 0, but along a line only: curved paths are not excluded"


def _by_derivatives(game: Game, player: str, zero: Zero, kernel: np.ndarray) -> tuple[int, float] | None:
    """Order and value of the first non-vanishing derivative along a kernel direction; one that refutes goes first."""
    own, f = game.own_symbols(player), game.exact_payoffs[player]
    found: list[tuple[int, float]] = []
    directions = [kernel[:, k] for k in range(kernel.shape[1])]
    for direction in directions:
        nice = [sp.nsimplify(round(float(c), 14), rational=True) for c in direction]
        along = f
        for order in range(1, HIGHEST_ORDER + 1):
            along = sp.Add(*[c * sp.diff(along, s) for c, s in zip(nice, own, strict=True)])
            with mp.workdps(DIGITS):
                value = precise_function([along], game.symbols)(*zero.precise)[0]
                vanishes = abs(value) < (mp.mpf(10) ** -20 if len(own) == 1 else mp.mpf(10) ** -9)
            if order > 2 and not vanishes:
                found.append((order, float(value)))
                break
    refuting = [(k, v) for k, v in found if k % 2 == 1 or v > 0]
    if refuting:
        return refuting[0]
    return found[0] if found and len(found) == len(directions) else None


def is_nash(verdicts: tuple[PlayerVerdict, ...]) -> bool | None:
    """True if every player is at a local maximum, False if one is not, None if one is undecided."""
    if any(v.maximum == "no" for v in verdicts):
        return False
    return None if any(v.maximum == "undecided" for v in verdicts) else True
