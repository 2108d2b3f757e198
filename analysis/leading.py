"""Leading eigenvalues of a matrix-free field's Jacobian, of the consensus field's, and of a method's update."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from analysis.krylov import Product, RitzValues, dense_values, ritz_values
from analysis.stability_functions import numeric_method
from dynsys.errors import InputError
from dynsys.expressions import finite
from dynsys.matrix_free import MatrixFreeField, Products, check_matrix_free
from integrators.checks import check_step
from integrators.method import Method, check_method
from integrators.states import flat, shaped

STEP = 1e-15  # of the complex step: ε² vanishes beside 1, and ε times a small entry is still a normal float32


class JacobianAt:
    """J at a point of a matrix-free field: by products, or whole where there are at most `dense` variables."""

    def __init__(self, field: MatrixFreeField, x: Any, dense: int = 0):
        self.field, self.x = field, point_of(field, x)
        self.near = field.linearised(self.x)
        self.matrix = np.asarray(field.jacobian(self.x), float) if field.n <= dense else None
        if self.matrix is not None and not np.isfinite(self.matrix).all():
            raise InputError("the Jacobian at x is not finite; choose another point")

    @property
    def products(self) -> int:
        """What it has cost so far."""
        return 0 if self.matrix is None else self.field.n

    @property
    def linear(self) -> MatrixFreeField:
        """A field with this Jacobian: itself, or J(y - x) by the matrix where that is held, which costs no products."""
        if self.matrix is None:
            return self.field
        J = self.matrix.astype(self.field.dtype)
        return MatrixFreeField(
            lambda y: Products(J @ (y - self.x), J.__matmul__, J.T.__matmul__), self.field.players, dtype=J.dtype
        )

    def leading(self, which: str, k: int, gamma: float = 0.0, **limits: Any) -> RitzValues:
        """The leading eigenvalues of J - γJᵀJ; all are looked at if J is held whole."""
        if self.matrix is not None:
            J = self.matrix
            keep = limits.get("vectors", False)
            found = dense_values(J - gamma * J.T @ J if gamma else J, which, k, self.field.dtype)
            return found if keep else replace(found, vectors=None)
        product = self.near.jvp if gamma == 0 else partial(self._consensus, gamma)
        found = ritz_values(product, self.field.n, which, k, dtype=self.field.dtype, **limits)
        return replace(found, products=found.products * 2) if gamma else found

    def _consensus(self, gamma: float, u: np.ndarray) -> np.ndarray:
        w = self.near.jvp(u)
        return w - gamma * self.near.vjp(w)


def leading_eigenvalues(
    field: MatrixFreeField, x: Any = None, which: str = "real", k: int = 6, *, gamma: float = 0.0, **limits: Any
) -> RitzValues:
    """The k eigenvalues of J(x) that lead by real part, modulus or imaginary part, as Ritz values with residuals.

    `x` is by default where the field stands. With γ they are those of J - γJᵀJ, the Jacobian of the consensus field
    v - γ∇½‖v‖² at a zero of v; elsewhere second derivatives of v enter, which `consensus(field, gamma)` has. The
    `limits` are those of the Arnoldi process: `basis` vectors, `tolerance`, `products`, `rng`, `start`, `vectors`. What
    it cannot say: that an eigenvalue it has not found does not lead. Raises `InputError` for wrong arguments and for
    products that are not finite. Stewart (2001).
    """
    if finite(gamma, "gamma") < 0:
        raise InputError(f"gamma is {gamma:g}; consensus takes a coefficient of at least 0")
    return JacobianAt(field, x).leading(which, k, float(gamma), **limits)


def leading_multipliers(
    field: MatrixFreeField, x: Any, method: Method, h: float, k: int = 6, **limits: Any
) -> RitzValues:
    """The k largest multipliers of the update of `method` with step h at x, on the full state of the method.

    The update's Jacobian at the state that starts at x, times a vector, is a step of the method's own definition whose
    derivative travels in the imaginary part: exact to rounding, one product with J a stage. One |ζ| > 1 by more than
    its residual: the update repels. Residuals are measured by ‖M - I‖, which is of the size of h. Raises `InputError`,
    with the reason, for a method whose update has no derivative at a zero. Squire & Trapp (1998); Stewart (2001).
    """
    point = point_of(field, x)
    product, size = update_product(field, point, method, h)
    return ritz_values(lambda u: product(u) - u, size, "modulus", min(k, size), dtype=field.dtype, shift=1.0, **limits)


def update_product(field: MatrixFreeField, x: np.ndarray, method: Method, h: float) -> tuple[Product, int]:
    """u -> ∂(next state)/∂(state) u at the state that starts at x, and the number of entries of that state."""
    v = field.on_players
    check_method(method, v)  # type: ignore[arg-type]
    if method.differentiable:
        raise InputError(f"{method.label} has no multipliers: {method.differentiable}")
    method, h = numeric_method(method), check_step(h)
    p = field.values()
    state = method.initial(v, field.parts(x), p)
    leaves = [np.asarray(leaf) for leaf in flat(state)]
    ends = np.cumsum([0, *(leaf.size for leaf in leaves)])

    def product(u: np.ndarray) -> np.ndarray:
        parts = [u[a:b].reshape(leaf.shape) for leaf, a, b in zip(leaves, ends, ends[1:])]
        moved = [leaf + 1j * STEP * part for leaf, part in zip(leaves, parts, strict=True)]
        with np.errstate(all="ignore"):
            new = flat(method.step(v, shaped(moved, state), p, h))
        return np.concatenate([np.ravel(np.imag(leaf)) for leaf in new]) / STEP

    return product, int(ends[-1])


def point_of(field: MatrixFreeField, x: Any) -> np.ndarray:
    """x as a point of the field; where the field stands if x is None, for one that stands somewhere."""
    check_matrix_free(field)
    if x is None and getattr(field, "x", None) is None:
        raise InputError("x is missing, and the field stands nowhere of its own; give a point")
    point = field.point(getattr(field, "x", None) if x is None else x)
    if not np.isfinite(point).all():
        raise InputError("x has entries that are not finite; give a point where training has not overflowed")
    return point
