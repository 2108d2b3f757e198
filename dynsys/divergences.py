r"""f-divergences: what a GAN of Nowozin, Cseke & Tomioka (2016) needs of each, in one table.

The critic's output v becomes the dual variable t = g(v), and its payoff is

.. math:: E_{data}\,g(V(x)) - E_{generator}\,f^*(g(V(x))), \qquad f^*(t) = \sup_{u \ge 0}\,(ut - f(u))

>>> DIVERGENCES["kl"].of_ratio(2.0).round(6)
np.float64(1.386294)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from dynsys.errors import InputError, nearest, shown
from dynsys.expressions import symbol
from dynsys.functions import softplus

U, T, V = symbol("u"), symbol("t"), symbol("v")
_NUMERIC = [
    {"logistic": lambda t: 1 / (1 + np.exp(-t)), "softplus": lambda t: np.logaddexp(0, t)},
    "numpy",
]


@dataclass(frozen=True)
class Divergence:
    """D_f(P ‖ Q) = E_Q f(dP/dQ), with its conjugate and its output activation.

    Parameters
    ----------
    name, title
        as arguments and as prose call it.
    f
        the convex function of u, the ratio of densities.
    conjugate
        f*, a function of t, on `domain`: the open interval of slopes of f.
    activation
        g, which takes a critic's output v, any real number, to t.
    composed
        f*(g(v)), in a form that does not overflow.
    domain
        where `conjugate` is the formula. Above it f* = ∞; below it the supremum is at u = 0, so that f* = -f(0).
    curvature
        f''(1): D_f is this times half the χ² distance for P near Q; None where f has a kink.
    """

    name: str
    title: str
    f: sp.Expr
    conjugate: sp.Expr
    activation: sp.Expr
    composed: sp.Expr
    domain: tuple[float, float]
    curvature: float | None
    source: str = "Nowozin, Cseke & Tomioka (2016)"

    def of_ratio(self, u: Any) -> np.ndarray:
        """f(u), of ratios u > 0 of any shape; `InputError` for others."""
        ratios = _numbers(u, "u")
        if (ratios <= 0).any():
            raise InputError(f"u is {shown(float(ratios.min()))}; a ratio of densities is positive")
        return _evaluated(self._functions["f"], ratios)

    def dual(self, t: Any) -> np.ndarray:
        """f*(t), of any shape: the supremum over u ≥ 0 of ut - f(u), ∞ above the domain."""
        slopes = _numbers(t, "t")
        low, high = self.domain
        inside = (slopes > low) & (slopes < high)
        middle = np.where(inside, slopes, 0.0 if low < 0 < high else high - 1)
        at_zero = float(-sp.limit(self.f, U, 0, "+"))
        edge = at_zero if np.isfinite(at_zero) else np.inf
        closed = self._at_upper_end
        outer = np.where(slopes <= low, edge, np.where(slopes > high, np.inf, closed))
        return np.where(inside, _evaluated(self._functions["conjugate"], middle), outer)

    def output(self, v: Any) -> np.ndarray:
        """g(v), of any shape."""
        return _evaluated(self._functions["activation"], _numbers(v, "v"))

    def composition(self, v: Any) -> np.ndarray:
        """f*(g(v)), of any shape."""
        return _evaluated(self._functions["composed"], _numbers(v, "v"))

    @cached_property
    def slope(self) -> sp.Expr:
        """(f*∘g)'(0): the Dirac-GAN turns about its equilibrium at this rate."""
        return sp.nsimplify(sp.simplify(sp.diff(self.composed, V).subs(V, 0)))

    @cached_property
    def bend(self) -> sp.Expr:
        """(f*∘g)''(0) - g''(0): what noise on samples of both distributions bends the critic's payoff down by."""
        bent = sp.diff(self.composed, V, 2) - sp.diff(self.activation, V, 2)
        return sp.nsimplify(sp.simplify(bent.subs(V, 0)))

    @cached_property
    def _functions(self) -> dict[str, Callable[..., Any]]:
        arguments = {"f": U, "conjugate": T, "activation": V, "composed": V}
        return {part: sp.lambdify(s, getattr(self, part), _NUMERIC) for part, s in arguments.items()}

    @cached_property
    def _at_upper_end(self) -> float:
        high = self.domain[1]
        return np.inf if np.isinf(high) else float(sp.limit(self.conjugate, T, sp.nsimplify(high), "-"))


def _numbers(x: Any, argument: str) -> np.ndarray:
    try:
        numbers = np.asarray(x, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"{argument} is {shown(x)}; give real numbers") from None
    if np.isnan(numbers).any():
        raise InputError(f"{argument} holds NaN; give real numbers")
    return numbers


def _evaluated(function: Callable[..., Any], x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(function(x), dtype=float) + np.zeros_like(x)[()]


_INFINITY = float("inf")
_LOG2, _ROOT = sp.log(2), sp.sqrt(U)
DIVERGENCES: dict[str, Divergence] = {
    divergence.name: divergence
    for divergence in (
        Divergence("kl", "KL", U * sp.log(U), sp.exp(T - 1), V, sp.exp(V - 1), (-_INFINITY, _INFINITY), 1),
        Divergence("reverse-kl", "reverse KL", -sp.log(U), -1 - sp.log(-T), -sp.exp(-V), V - 1, (-_INFINITY, 0), 1),
        # the activation reaches below -2, where the payoff goes on with the parabola: f on the whole line
        Divergence("pearson", "Pearson χ²", (U - 1) ** 2, T**2 / 4 + T, V, V**2 / 4 + V, (-2, _INFINITY), 2),
        Divergence(
            "hellinger", "squared Hellinger", (_ROOT - 1) ** 2, T / (1 - T), 1 - sp.exp(-V), sp.exp(V) - 1,
            (-_INFINITY, 1), 0.5,
        ),
        Divergence(
            "jensen-shannon", "Jensen-Shannon", U * sp.log(U) - (U + 1) * sp.log((U + 1) / 2), -sp.log(2 - sp.exp(T)),
            _LOG2 - softplus(-V), softplus(V) - _LOG2, (-_INFINITY, float(sp.log(2))), 0.5,
        ),
        Divergence(
            "gan", "GAN", U * sp.log(U) - (U + 1) * sp.log(U + 1), -sp.log(1 - sp.exp(T)), -softplus(-V), softplus(V),
            (-_INFINITY, 0), 0.5,
        ),
        Divergence(
            "total-variation", "total variation", sp.Abs(U - 1) / 2, T, sp.tanh(V) / 2, sp.tanh(V) / 2, (-0.5, 0.5),
            None,
        ),
    )
}  # fmt: skip


def divergence_named(name: Any) -> Divergence:
    """The divergence of this name; `InputError` offers the nearest."""
    if not isinstance(name, str) or name not in DIVERGENCES:
        raise InputError(f"divergence is {shown(name)}; {nearest(name, DIVERGENCES)}")
    return DIVERGENCES[name]
