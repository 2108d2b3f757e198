"""The derivatives of a field, or of a method's update, as multilinear forms at a point, at fifty digits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath as mp

from analysis.hyper_dual import HyperDual, lifted, on_hyper_duals
from analysis.precision import DIGITS
from analysis.stability_functions import numeric_method
from dynsys.array_field import AnyField, check_symbolic
from dynsys.errors import InputError
from dynsys.expressions import exact
from dynsys.field import VectorField
from integrators.checks import check_step
from integrators.method import Method, check_method
from integrators.states import flat, shaped

Vector = Sequence[Any]


class MultilinearForms:
    r"""A smooth map F: Rᵏ -> Rᵏ at a point, by its Taylor expansion to third degree.

    .. math:: F(x + u) = F(x) + A u + \tfrac12 B(u, u) + \tfrac16 C(u, u, u) + O(u^4)

    A(u), B(u, v) and C(u, v, w) are mpmath columns, shape (k, 1); the directions may be complex, and the forms are
    linear over ℂ in each. Kuznetsov (2004), 5.4.
    """

    def __init__(self, image: Callable[[tuple[Any, ...]], Sequence[Any]], point: Vector):
        self.image, self.point = image, tuple(point)

    @property
    def size(self) -> int:
        """k."""
        return len(self.point)

    def value(self) -> Any:
        """F(x)."""
        return self._derivative([])

    def first(self, u: Vector) -> Any:
        """A u."""
        return self._derivative([u])

    def second(self, u: Vector, v: Vector) -> Any:
        """B(u, v) = F''(x)(u, v)."""
        return self._derivative([u, v])

    def third(self, u: Vector, v: Vector, w: Vector) -> Any:
        """C(u, v, w) = F'''(x)(u, v, w)."""
        return self._derivative([u, v, w])

    def matrix(self) -> Any:
        """A, shape (k, k)."""
        units = mp.eye(self.size)
        columns = [self.first([units[i, j] for i in range(self.size)]) for j in range(self.size)]
        return mp.matrix([[column[i] for column in columns] for i in range(self.size)])

    def _derivative(self, directions: Sequence[Vector]) -> Any:
        """The coefficient of ε₁ε₂… of F(x + ε₁u + ε₂v + …)."""
        with mp.workdps(DIGITS):
            moved = [{0: value} for value in self.point]
            for bit, direction in enumerate(directions):
                for entry, component in zip(moved, direction, strict=True):
                    if component != 0:
                        entry[1 << bit] = mp.mpmathify(component)
            image = self.image(tuple(HyperDual(entry) for entry in moved))
            mask = (1 << len(directions)) - 1
            return mp.matrix([lifted(value).coefficients.get(mask, mp.mpf(0)) for value in image])


def field_forms(field: AnyField, x: Vector) -> MultilinearForms:
    """The forms of the field v at x, n numbers of any kind: A is its Jacobian.

    Raises `InputError`, with the reason, for a field given by numbers or smooth in pieces only.
    """
    v = _smooth(field, "the field")
    return MultilinearForms(lambda point: on_hyper_duals(v)(point, ()), _precise(x))


def update_forms(field: AnyField, x: Vector, method: Method, h: float) -> MultilinearForms:
    """The forms of one step of a method from the state that starts at x; k counts all numbers of the state.

    The method's one definition runs on hyper-dual numbers. Raises `InputError`, with the reason, for a method or a
    field that is not smooth.
    """
    v = _smooth(field, f"the update of {check_method(method).label}")
    check_method(method, v)
    if method.differentiable:
        raise InputError(f"the update of {method.label} has no multilinear forms: {method.differentiable}")
    numeric, step, on = numeric_method(method), exact(check_step(h)), on_hyper_duals(v)
    with mp.workdps(DIGITS):
        like = numeric.initial(on, tuple(map(lifted, _precise(x))), ())
        start = [lifted(value).constant for value in flat(like)]
        size = mp.mpf(step.p) / step.q
    return MultilinearForms(lambda state: flat(numeric.step(on, shaped(state, like), (), size)), start)


def _smooth(field: Any, wanted: str) -> VectorField:
    """The field, if it has formulas that are smooth and autonomous."""
    v = check_symbolic(field, "a multilinear form")
    if v.piecewise:
        raise InputError(f"{wanted} has no multilinear forms: {v.piecewise}")
    if v.time is not None:
        raise InputError("the field depends on time; it has no multilinear forms at a point. Fix the time")
    return v


def _precise(x: Vector) -> tuple[Any, ...]:
    with mp.workdps(DIGITS):
        return tuple(mp.mpmathify(value) for value in x)
