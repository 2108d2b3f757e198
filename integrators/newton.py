"""Newton's method as a method like any other: it runs in the ensemble kernel, one start a lane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dynsys.vector import axpy, solve
from integrators.method import Method


@dataclass(frozen=True)
class Newton(Method):
    r"""Newton's method for the zeros of v, damped by the step size h (h = 1: undamped).

    .. math:: x^+ = x - h\,J(x)^{-1} v(x)

    A singular Jacobian gives a state that is not finite: a status, not an exception.
    """

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """x - h J⁻¹v."""
        return axpy(-h, solve(v.jacobian(state, p), v(state, p)), state)
