"""Explicit Runge-Kutta methods; their stages evaluate the joint field, all players at the stage's point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from dynsys.vector import axpy
from integrators.method import Method


@dataclass(frozen=True)
class Euler(Method):
    r"""Simultaneous gradient steps: the explicit Euler method.

    .. math:: x^+ = x + h\,v(x), \qquad R(z) = 1 + z

    Unstable on every bilinear game: ρ = √(1 + h²σ²). Euler (1768).
    """

    order: ClassVar[int | None] = 1

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """x + h v(x)."""
        return axpy(h, v(state, p), state)


@dataclass(frozen=True)
class RungeKutta4(Method):
    r"""The classical Runge-Kutta method.

    .. math:: x^+ = x + \tfrac h6 (k_1 + 2k_2 + 2k_3 + k_4), \qquad R(z) = 1 + z + z^2/2 + z^3/6 + z^4/24

    Contracts a bilinear game for hσ < 2√2. Kutta (1901).
    """

    order: ClassVar[int | None] = 4
    evaluations: ClassVar[int] = 4

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """The weighted mean of four slopes."""
        x = state
        k1 = v(x, p)
        k2 = v(axpy(h / 2, k1, x), p)
        k3 = v(axpy(h / 2, k2, x), p)
        k4 = v(axpy(h, k3, x), p)
        return axpy(h / 6, axpy(2, axpy(1, k2, k3), axpy(1, k1, k4)), x)
