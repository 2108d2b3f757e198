"""Whether an orbit is at rest: at a fixed point of the update, or at a zero of the field, to rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError, norm

from analysis.updates import update_jacobian
from dynsys.array_field import AnyField
from dynsys.errors import InputError
from integrators.method import Method
from integrators.states import flat

NEAR = 1e-10  # an orbit this near to a fixed point, in units of 1 + |x|, and not nearer to leaving it, is there
SETTLED = 1e-13  # length of Newton's last step
TURNS = 12


def zero_at(field: AnyField, x: np.ndarray) -> np.ndarray | None:
    """The zero of v at which x is to rounding, or None. Accepted by its Newton steps, never by ‖v‖ (Kantorovich)."""
    return _settled(x, lambda y: field(y), lambda y: field.jacobian(y))


def fixed_point_at(field: AnyField, x: np.ndarray, method: Method, h: float) -> np.ndarray | None:
    """The point at which the update leaves its state as it is, and at which x is to rounding, or None.

    The state is the one that the method starts with at the point.
    """
    v, p, n = field.on_tuples, field.values(), field.n
    wraps = np.array([w is not None for w in field.period or (None,) * n])
    periods = np.array([w or 1.0 for w in field.period or (None,) * n])

    def moved(y: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            state = method.initial(v, tuple(map(np.float64, y)), p)
            step = np.subtract(flat(method.step(v, state, p, np.float64(h))), flat(state))
        step[:n] -= np.where(wraps, periods * np.round(step[:n] / periods), 0.0)
        return step

    def jacobian(y: np.ndarray) -> np.ndarray:
        M = update_jacobian(field, y, method, h)
        return M - np.eye(len(M))

    return _settled(x, moved, jacobian)


def _settled(
    x: np.ndarray, residual: Callable[[Any], np.ndarray], jacobian: Callable[[Any], np.ndarray]
) -> np.ndarray | None:
    """Newton's method from x, whose first step must be short and whose steps must end at rounding."""
    n, y = len(x), np.array(x, dtype=float)
    scale = 1 + float(norm(x))
    for turn in range(TURNS):
        try:
            F = residual(y)
            if not F.any():
                return y
            step = np.linalg.solve(jacobian(y), F)
        except (LinAlgError, InputError):
            return None
        length = float(norm(step))
        if not length <= (NEAR if turn == 0 else 2 * NEAR) * scale:
            return None
        y = y - step[:n]
        if length <= SETTLED * scale:
            return y
    return None
