"""The update map of a method on a field, linearised exactly: at fixed points, along cycles, for fields in turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.spectra import sorted_eigenvalues
from analysis.stability_functions import numeric_method
from dynsys.array_field import AnyField
from dynsys.errors import InputError, shown
from dynsys.field import as_points
from dynsys.matrix_free import MatrixFreeField
from integrators.checks import check_count, check_step
from integrators.method import Method, check_method
from integrators.states import flat, shaped

STEP = 1e-30  # of the complex step: its square vanishes beside 1, so the derivative is exact to rounding
Fields = AnyField | Sequence[AnyField]


def update_jacobian(field: Fields, x: Any, method: Method, h: float, period: int = 1) -> np.ndarray:
    """∂(state after `period` steps)/∂(state) at x, shape (k, k), by complex step. Squire & Trapp (1998).

    `x` is a point, shape (n,), from which the method starts, or a whole state of k numbers in a row, of which the
    point is the first n. A sequence of fields A₀, A₁, … acts in turn, a step each, and a period is one round.
    Raises `InputError` for a method whose update has no derivative, with the reason.
    """
    fields = _fields(field)
    for one in fields:
        check_method(method, one)
    reason = method.differentiable or next((one.piecewise for one in fields if one.piecewise), "")
    if reason:
        raise InputError(f"{method.label} has no multipliers: {reason}")
    method = numeric_method(method)
    h, rounds = check_step(h), check_count(period, "period", 1)
    with np.errstate(all="ignore"):
        like, state = _state(fields[0], x, method)
        moved: Any = tuple(state[:, None] + 1j * STEP * np.eye(len(state)))
        for step in range(rounds * len(fields)):
            v = fields[step % len(fields)]
            state = np.array(flat(method.step(v.on_tuples, shaped(state, like), v.values(), h)))
            moved = flat(method.step(v.on_tuples, shaped(moved, like), v.values(), h))
    columns = np.broadcast_arrays(*moved, np.zeros(len(state)))[:-1]
    rows = np.stack(columns).imag / STEP
    # off the real axis log(-1) has a value, so that a state which is not finite is seen on the axis only
    if not np.isfinite(state).all() or not np.isfinite(rows).all():
        raise InputError(f"the update at {shown(np.round(x, 6).tolist())} has no finite Jacobian; choose another point")
    return rows


def _fields(field: Fields) -> list[AnyField]:
    """The fields that act in turn, checked."""
    if isinstance(field, MatrixFreeField):
        raise InputError(f"{field!r} has products with its Jacobian, not its entries; take leading_multipliers")
    fields = [field] if isinstance(field, AnyField) else list(field)
    if not fields or not all(isinstance(one, AnyField) for one in fields):
        raise InputError(f"field is {shown(field)}; give a VectorField, or a sequence of them that act in turn")
    for one in fields:
        if one.variables != fields[0].variables:
            raise InputError(
                f"fields in turn have variables {fields[0].variables} and {one.variables}; they must be the same"
            )
        if one.time is not None:
            raise InputError("the field depends on time, so its update has no multipliers at one point; fix the time")
    return fields


def _state(field: AnyField, x: Any, method: Method) -> tuple[Any, np.ndarray]:
    """The first state of the point x, or the state whose numbers x holds; and its numbers in a row."""
    like = method.initial(field.on_tuples, (1.0,) * field.n, field.values())
    if np.ndim(x) == 1 and len(x) == len(flat(like)) > field.n:
        return like, as_points(x, [f"state {i}" for i in range(len(x))])
    point = as_points(x, field.variables)
    if point.ndim != 1:
        raise InputError(f"x has shape {point.shape}; give one point of {field.n} numbers")
    state = method.initial(field.on_tuples, tuple(point), field.values())
    return like, np.array(flat(state), dtype=float)


def multipliers(field: Fields, x: Any, method: Method, h: float, period: int = 1) -> np.ndarray:
    """The eigenvalues ζ of the update's Jacobian at x on the full state, complex (k,), largest modulus first.

    All |ζ| < 1: the update attracts; one |ζ| > 1: it repels. With `period` they are the multipliers of the iterated
    update at a point of a cycle of that many steps, for a method with memory given as a whole state. With a sequence
    of fields they are those of one round (Floquet multipliers). Raises `InputError` for a method whose update has no
    Jacobian there, with the reason.
    """
    values = sorted_eigenvalues(np.linalg.eigvals(update_jacobian(field, x, method, h, period)))
    return values[np.argsort(-np.abs(values).round(12), kind="stable")]
