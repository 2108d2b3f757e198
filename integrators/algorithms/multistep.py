"""Methods that use the last gradient beside the present one."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from dynsys.vector import axpy, combination, scale
from integrators.method import Method


class _TwoStep(Method):
    """The state is the point and the last gradient."""

    def initial(self, v: Any, x: Any, p: Any) -> Any:
        """As if the last gradient had been the present one."""
        return x, v(x, p)


@dataclass(frozen=True)
class OptimisticGradient(_TwoStep):
    r"""Optimistic gradient (OGDA): twice the present gradient less the last one.

    .. math:: x^+ = x + 2h\,v(x) - h\,v(x^-), \qquad \zeta^2 - (1 + 2z)\zeta + z = 0

    starting from v(x⁻) = v(x), a single gradient step. The points at which Popov's method (1980) evaluates the field.
    Order 1. Contracts a bilinear game for hσ < 1/√3. Daskalakis et al. (2018).
    """

    order: ClassVar[int | None] = 1

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """From the present and the last gradient."""
        x, last = state
        slope = v(x, p)
        return axpy(h, axpy(-1, last, scale(2, slope)), x), slope


@dataclass(frozen=True)
class AdamsBashforth2(_TwoStep):
    r"""The two-step Adams-Bashforth method.

    .. math:: x^+ = x + h(\tfrac32 v(x) - \tfrac12 v(x^-)), \qquad \zeta^2 - (1 + \tfrac32 z)\zeta + \tfrac12 z = 0

    starting from v(x⁻) = v(x), a gradient step, which keeps order 2. Unstable on every bilinear game.
    Bashforth & Adams (1883).
    """

    order: ClassVar[int | None] = 2

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """From the present and the last gradient."""
        x, last = state
        slope = v(x, p)
        return combination(h, (Fraction(3, 2), Fraction(-1, 2)), (slope, last), x), slope
