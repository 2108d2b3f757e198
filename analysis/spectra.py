"""The spectrum of a field's Jacobian, with what rounding leaves of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.linalg import norm

from dynsys.array_field import AnyField
from dynsys.errors import InputError
from dynsys.field import as_points
from dynsys.matrix_free import LARGEST_DENSE, MatrixFreeField

ROUNDING = 64 * np.finfo(float).eps  # relative backward error allowed to a Jacobian computed in double precision


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues λ, shape (n,), largest real part first; condition (n,), 1/|yᴴx| of each; norms of J = S + A."""

    x: np.ndarray
    jacobian: np.ndarray
    eigenvalues: np.ndarray
    condition: np.ndarray
    symmetric_norm: float
    antisymmetric_norm: float
    tolerance: float

    @property
    def spectral_abscissa(self) -> float:
        """max Re λ."""
        return float(self.eigenvalues.real.max())

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, complex ones as [re, im]."""
        return {
            "eigenvalues": [[float(z.real), float(z.imag)] for z in self.eigenvalues],
            "condition": [float(c) for c in self.condition],
            "symmetric_norm": self.symmetric_norm,
            "antisymmetric_norm": self.antisymmetric_norm,
        }


def spectrum(field: AnyField | MatrixFreeField, x: Any) -> Spectrum:
    """The spectrum of J(x): eigenvalues sorted by falling real part, conditioning, ‖S‖_F and ‖A‖_F.

    S and A are the symmetric and antisymmetric parts. `tolerance` bounds the backward error of the eigenvalues:
    they are those of a matrix that far from J. Of a `MatrixFreeField` the Jacobian is formed column by column. Raises
    `InputError` for a wrong shape, a Jacobian not finite, or more than `LARGEST_DENSE` variables of a matrix-free one.
    """
    if isinstance(field, MatrixFreeField):
        return _dense_spectrum(field, x)
    point = as_points(x, field.variables)
    if point.ndim != 1:
        raise InputError(f"x has shape {point.shape}; give one point of {field.n} numbers")
    return matrix_spectrum(point, field.jacobian(point))


def _dense_spectrum(field: MatrixFreeField, x: Any) -> Spectrum:
    """As `spectrum`, with the rounding of the type in which the field computes."""
    point = field.point(x)
    if field.n > LARGEST_DENSE:
        raise InputError(
            f"the field has {field.n} variables, and a whole spectrum is computed for at most {LARGEST_DENSE}; "
            "take leading_eigenvalues, its Ritz values with residuals"
        )
    found = matrix_spectrum(point, field.jacobian(point).astype(float))
    units = float(np.finfo(field.dtype).eps / np.finfo(float).eps)
    return replace(found, tolerance=found.tolerance * units)


def matrix_spectrum(x: np.ndarray, J: np.ndarray) -> Spectrum:
    """The spectrum of a matrix J that belongs to the point x."""
    if not np.isfinite(J).all():
        raise InputError(f"the Jacobian at {np.round(x, 6).tolist()} is not finite; choose another point")
    values = sorted_eigenvalues(np.linalg.eigvals(J))
    return Spectrum(
        x=x,
        jacobian=J,
        eigenvalues=values,
        condition=_condition(J, values),
        symmetric_norm=float(norm(J + J.T)) / 2,
        antisymmetric_norm=float(norm(J - J.T)) / 2,
        tolerance=float(ROUNDING * norm(J)),
    )


def sorted_eigenvalues(values: np.ndarray) -> np.ndarray:
    """By falling real part, then falling imaginary part; as complex numbers."""
    values = np.asarray(values, dtype=complex)
    return values[np.lexsort((-values.imag, -values.real.round(12)))]


def _condition(J: np.ndarray, values: np.ndarray) -> np.ndarray:
    """1/|yᴴx| for each eigenvalue; large for nearly defective ones."""
    found, right = np.linalg.eig(J)
    try:
        left = np.linalg.inv(right)
    except np.linalg.LinAlgError:
        return np.full(len(values), np.inf)
    with np.errstate(over="ignore"):  # of a defective eigenvalue: inf
        each = norm(right, axis=0) * norm(left, axis=1)
    return np.array([each[np.abs(found - z).argmin()] for z in values])


def distance_to(J: np.ndarray, z: complex) -> float:
    """The 2-norm of the smallest change to J that makes z an eigenvalue: σ_min(J - zI). Trefethen & Embree (2005)."""
    return float(np.linalg.svd(J - z * np.eye(len(J)), compute_uv=False)[-1])


def may_be_at(J: np.ndarray, z: complex, target: complex, tolerance: float) -> bool:
    """Whether a change to J no larger than `tolerance` can move its eigenvalue z to `target`.

    Necessary are: `target` is in the pseudospectrum of that size, and z is as near to it as conditioning allows, to
    first order or by Elsner's bound (2‖J‖)^(1-1/n) δ^(1/n), which holds for defective eigenvalues. Elsner (1985).
    """
    n = len(J)
    if distance_to(J, target) > tolerance:
        return False
    elsner = (2 * float(norm(J)) + tolerance) ** (1 - 1 / n) * tolerance ** (1 / n)
    first_order = 4 * tolerance * float(_condition(J, np.array([z]))[0])
    return bool(abs(z - target) <= min(elsner, first_order))
