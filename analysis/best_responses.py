"""How far from a global Nash equilibrium: what the players could gain by their best responses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from scipy.optimize import minimize

from analysis.enclosures import enclosed, maximum
from dynsys.codegen import functions_text, numpy_functions
from dynsys.errors import InputError, shown
from dynsys.expressions import exact
from dynsys.field import Box, as_points
from dynsys.game import Game
from integrators.checks import check_count

STARTS, POLISHED = 256, 6  # random responses looked at, and those that L-BFGS-B starts from
Function = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class PlayerGain:
    """What one player can gain by a response of its own: between `lower`, had at `best_response`, and `upper`."""

    player: str
    lower: float
    upper: float
    best_response: np.ndarray
    exhaustive: bool
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; an infinite bound is None."""
        return {
            "player": self.player,
            "lower": self.lower,
            "upper": self.upper if np.isfinite(self.upper) else None,
            "best_response": [float(c) for c in self.best_response],
            "exhaustive": self.exhaustive,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Exploitability:
    """The exploitability of x, the sum of the players' gains, proved to be between `lower` and `upper`.

    It is 0 at the global Nash equilibria of the game on the box and nowhere else; no player gains more than `upper`
    at x. `exhaustive`: the bounds agree to 2e-9 of the payoffs; otherwise responses may have been missed.
    """

    x: np.ndarray
    gains: tuple[PlayerGain, ...]
    box: Box

    @property
    def lower(self) -> float:
        """What the responses found gain together."""
        return sum(gain.lower for gain in self.gains)

    @property
    def upper(self) -> float:
        """What all players can gain together at most; inf where there is no bound."""
        return sum(gain.upper for gain in self.gains)

    @property
    def exhaustive(self) -> bool:
        """Whether no player has a response that is better by more than rounding than the one found."""
        return all(gain.exhaustive for gain in self.gains)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; an infinite bound is None."""
        return {
            "x": [float(c) for c in self.x],
            "lower": self.lower,
            "upper": self.upper if np.isfinite(self.upper) else None,
            "exhaustive": self.exhaustive,
            "gains": [gain.to_dict() for gain in self.gains],
            "box": [list(pair) for pair in self.box],
        }


def exploitability(game: Game, x: Any, box: Any = None, budget: int = 1000) -> Exploitability:
    r"""The exploitability (duality gap, Nikaido-Isoda function) of the point x, shape (n,), on the box.

    .. math:: \sum_i \Bigl( \max_{x_i' \in B_i} f_i(x_i', x_{-i}) - f_i(x) \Bigr) \ge 0

    It is 0 where every player's own variables are its best response on all of its part B_i of the box, not only
    nearby: at *global* Nash equilibria, unlike anything that derivatives at x can tell. In a zero-sum game it is
    max f(·, φ) - min f(θ, ·). Best responses are sought from many starts with exact gradients; the upper bounds come
    from corners (payoffs affine in each own variable), from critical points (polynomials in one own variable), or
    from interval arithmetic that halves parts of each player's box at most `budget` times. Box, x and parameters mean
    the decimal numbers their floats are shown as. Nikaido & Isoda (1955).

    Raises `InputError` for a point outside the box, a box that is missing, and a payoff that is not finite there.
    """
    if not isinstance(game, Game):
        raise InputError(f"game is {shown(game)}; give a Game, whose payoffs are to be compared")
    field = game.field()
    region, count = field.region(box), check_count(budget, "budget", 1)
    point = _point_inside(x, region, game.variables)
    gains = [_gain(game, player, point, region, count) for player in game.players]
    return Exploitability(point, tuple(gains), region)


def _point_inside(x: Any, box: Box, variables: Sequence[str]) -> np.ndarray:
    point = as_points(x, variables)
    if point.ndim != 1 or not np.isfinite(point).all():
        raise InputError(f"x is {shown(x)}; give one finite point of {len(variables)} numbers")
    for c, name, (lo, hi) in zip(point, variables, box, strict=True):
        if not lo <= c <= hi:
            raise InputError(f"x has {name} = {c:g}, outside the box's [{lo:g}, {hi:g}]; widen the box or move x")
    return point


def _gain(game: Game, player: str, x: np.ndarray, box: Box, budget: int) -> PlayerGain:
    """One player's best response, the others fixed at x."""
    own, exactly = game.own_symbols(player), dict(zip(game.symbols, map(exact, x), strict=True))
    places = [game.symbols.index(s) for s in own]
    part = [box[k] for k in places]
    payoff = game.exact_payoffs[player].subs({s: c for s, c in exactly.items() if s not in own})
    found = _responses(payoff, own, x[places], part, player)
    here = enclosed(payoff, {s: enclosed(exactly[s], {}) for s in own})
    best = maximum(payoff, own, part, found, budget)
    lower = max(0.0, best.lower - float(here.b))
    response = np.array(best.place) if lower > 0 else x[places]
    upper = max(lower, best.upper - float(here.a))
    return PlayerGain(player, lower, upper, response, best.is_tight, best.reason)


def _responses(
    payoff: sp.Expr, own: Sequence[sp.Symbol], here: np.ndarray, box: Sequence[Sequence[float]], player: str
) -> list[np.ndarray]:
    """The best responses found: local maxima reached from the best of many starts in the player's part of the box."""
    value, slopes = _function([payoff], own), _function([sp.diff(payoff, s) for s in own], own)
    low, high = np.array(box).T
    starts = low + (high - low) * np.random.default_rng(0).random((STARTS, len(own)))
    starts = np.vstack([here, low, high, (low + high) / 2, starts])
    heights = value(starts)[:, 0]
    if not np.isfinite(heights).all():
        place = starts[np.flatnonzero(~np.isfinite(heights))[0]]
        at = ", ".join(f"{s} = {c:.6g}" for s, c in zip(own, place, strict=True))
        raise InputError(f"the payoff of {player} is not finite at {at}, the others as in x; give a box where it is")
    found = [here]
    for start in starts[np.argsort(-heights)[:POLISHED]]:
        slope = lambda y: -np.nan_to_num(slopes(y))  # noqa: E731  # infinite where a root touches the box's end
        run = minimize(lambda y: -value(y)[0], start, jac=slope, bounds=box, method="L-BFGS-B")
        found += [start, np.clip(run.x, low, high)]
    return found


def _function(expressions: Sequence[sp.Expr], own: Sequence[sp.Symbol]) -> Function:
    """The expressions as a NumPy function of points (…, own) -> (…, expressions)."""
    compiled = numpy_functions(functions_text({"values": list(expressions)}, own, ()))["values"]

    def on_points(y: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            parts = compiled(tuple(np.moveaxis(y, -1, 0)), ())
        return np.stack(np.broadcast_arrays(*parts, y[..., 0])[:-1], -1)

    return on_points
