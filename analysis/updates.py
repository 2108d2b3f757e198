"""The update map of a method on a field, linearised exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

from analysis.spectra import sorted_eigenvalues
from dynsys.errors import InputError
from dynsys.field import VectorField, as_points
from integrators.method import Method, check_method
from integrators.trajectories import check_step

STEP = 1e-30  # of the complex step: its square vanishes beside 1, so the derivative is exact to rounding


def update_jacobian(field: VectorField, x: Any, method: Method, h: float) -> np.ndarray:
    """∂(next state)/∂(state) at the state that starts in x, shape (k, k), by complex step. Squire & Trapp (1998)."""
    check_method(method)
    if method.differentiable:
        raise InputError(f"{method.label} has no multipliers: {method.differentiable}")
    if field.time is not None:
        raise InputError("the field depends on time, so its update has no multipliers at one point; fix the time")
    point, h = as_points(x, field.variables), check_step(h)
    if point.ndim != 1:
        raise InputError(f"x has shape {point.shape}; give one point of {field.n} numbers")
    v, p = field.on_tuples, field.values()
    with np.errstate(all="ignore"):
        state = np.array(method.initial(v, tuple(point), p))
        here = np.array(method.step(v, tuple(state), p, h))  # off the real axis log(-1) has a value
        moved = state[:, None] + 1j * STEP * np.eye(len(state))
        image = method.step(v, tuple(moved), p, h)
    rows = np.stack(np.broadcast_arrays(*image, moved[0])[:-1]).imag / STEP
    if not np.isfinite(here).all() or not np.isfinite(rows).all():
        raise InputError(f"the update at {np.round(point, 6).tolist()} has no finite Jacobian; choose another point")
    return rows


def multipliers(field: VectorField, x: Any, method: Method, h: float) -> np.ndarray:
    """The eigenvalues ζ of the update's Jacobian at x, complex (k,), largest modulus first.

    All |ζ| < 1: the update attracts; one |ζ| > 1: it repels. Raises `InputError` for a method whose update has no
    Jacobian there, with the reason.
    """
    values = sorted_eigenvalues(np.linalg.eigvals(update_jacobian(field, x, method, h)))
    return values[np.argsort(-np.abs(values).round(12), kind="stable")]
