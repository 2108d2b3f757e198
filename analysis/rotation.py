"""How far a field is from a gradient at a point and along a line: curl, divergence, S + A, and the path angle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.linalg import norm

from dynsys.array_field import AnyField, check_field
from dynsys.errors import InputError, shown
from dynsys.field import as_points
from dynsys.matrix_free import MatrixFreeField
from integrators.checks import check_count


def divergence(field: AnyField, x: Any) -> np.ndarray:
    """Σ ∂vᵢ/∂xᵢ = tr J at points x, shape (…, n) -> (…,)."""
    return np.trace(check_field(field).jacobian(x), axis1=-2, axis2=-1)


def curl(field: AnyField, x: Any) -> np.ndarray:
    r"""The curl at points x, shape (…, n); 0 wherever the field is locally a gradient.

    For n = 2 the scalar :math:`\partial v_2/\partial x_1 - \partial v_1/\partial x_2`, shape (…,); for n = 3 the
    vector (…, 3); otherwise the antisymmetric part A = (J - Jᵀ)/2 of the Jacobian, shape (…, n, n).
    """
    J = check_field(field).jacobian(x)
    twice = J - np.swapaxes(J, -1, -2)
    if field.n == 2:
        return twice[..., 1, 0]
    if field.n == 3:
        return np.stack([twice[..., 2, 1], twice[..., 0, 2], twice[..., 1, 0]], -1)
    return twice / 2


@dataclass(frozen=True)
class JacobianParts:
    """J = S + A at points, shapes (…, n, n), with Frobenius norms (…,) of both and of J.

    S, the symmetric part, belongs to a gradient near the point, A to a rotation. This split is made point by point;
    it is not the Helmholtz decomposition of the field, whose parts are fields.
    """

    symmetric: np.ndarray
    antisymmetric: np.ndarray
    symmetric_norm: np.ndarray
    antisymmetric_norm: np.ndarray
    norm: np.ndarray

    @property
    def rotation(self) -> np.ndarray:
        """‖A‖_F/‖J‖_F, from 0 (locally a gradient) to 1 (no symmetric part); NaN where J = 0."""
        with np.errstate(invalid="ignore"):
            return self.antisymmetric_norm / self.norm

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        names = ("symmetric", "antisymmetric", "symmetric_norm", "antisymmetric_norm", "norm")
        return {name: np.asarray(getattr(self, name)).tolist() for name in names}


def decompose_jacobian(field: AnyField, x: Any) -> JacobianParts:
    """The Jacobian's symmetric and antisymmetric parts at points x, shape (…, n). Balduzzi et al. (2018)."""
    J = check_field(field).jacobian(x)
    S, A = (J + np.swapaxes(J, -1, -2)) / 2, (J - np.swapaxes(J, -1, -2)) / 2
    sizes = (norm(M, axis=(-2, -1)) for M in (S, A, J))
    return JacobianParts(S, A, *(np.asarray(size) for size in sizes))


@dataclass(frozen=True)
class PathAngle:
    """The field seen along the line through x0 and x1: cosine (k,) of its angle with x1 - x0, speed (k,), share (k,).

    Point i of the line is x0 + shareᵢ (x1 - x0). The cosine is NaN where the field vanishes.
    """

    share: np.ndarray
    cosine: np.ndarray
    speed: np.ndarray

    @property
    def around(self) -> tuple[float, float, float]:
        """Cosines before, at and behind the point of least speed: the outer ones where it is ten times that speed."""
        k = int(np.argmin(self.speed))
        fast = self.speed >= 10 * self.speed[k]
        before, behind = np.flatnonzero(fast[:k]), np.flatnonzero(fast[k + 1 :])
        first, last = before[-1] if len(before) else 0, k + 1 + behind[0] if len(behind) else -1
        return float(self.cosine[first]), float(self.cosine[k]), float(self.cosine[last])

    @property
    def attraction(self) -> float:
        """(c₋ - c₊)/2 of the cosines around the least speed: 1 where the field points to it, -1 where away from it."""
        before, _, behind = self.around
        return (before - behind) / 2

    @property
    def rotation(self) -> float:
        """The bump |c - (c₋ + c₊)/2| of the cosine there: 1 for a rotation about a point beside the line.

        NaN if the field vanishes on the line, where the cosine is not defined.
        """
        before, middle, behind = self.around
        return abs(middle - (before + behind) / 2)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        cosine = [float(c) if np.isfinite(c) else None for c in self.cosine]
        rotation = self.rotation if np.isfinite(self.rotation) else None
        values = {"attraction": self.attraction, "rotation": rotation}
        return {"share": self.share.tolist(), "cosine": cosine, "speed": self.speed.tolist(), **values}


def path_angle(
    field: AnyField | MatrixFreeField, x0: Any, x1: Any, beyond: float = 1.0, resolution: int | None = None
) -> PathAngle:
    r"""The angle between the field and the line from x0 to x1, from x0 to `beyond` of its length behind x1.

    .. math:: c(\alpha) = \frac{\langle x_1 - x_0,\, v(x_\alpha)\rangle}{\|x_1 - x_0\|\,\|v(x_\alpha)\|},
              \qquad x_\alpha = x_0 + \alpha (x_1 - x_0), \quad 0 \le \alpha \le 1 + \text{beyond}

    With x1 the end of a run, near an attracting zero the cosine switches sign at α = 1, near a centre it has a bump
    there, at a spiral both. The line is looked at in `resolution` points, by default 400, of a `MatrixFreeField`, whose
    values take time, 61. Berard et al. (2020). Raises `InputError` for points that coincide or are not finite.
    """
    matrix_free = isinstance(field, MatrixFreeField)
    pairs = ((x0, "x0"), (x1, "x1"))
    if isinstance(field, MatrixFreeField):
        start, end = (field.point(x, name) for x, name in pairs)
    else:
        start, end = (as_points(x, check_field(field).variables, name) for x, name in pairs)
    for point, name in ((start, "x0"), (end, "x1")):
        if point.ndim != 1 or not np.isfinite(point).all():
            raise InputError(f"{name} is {shown(point.tolist())}; give one finite point")
    length = float(norm(end - start))
    if length == 0:
        raise InputError(f"x0 and x1 are both {shown(start.tolist())}; give two different points")
    if not 0 <= beyond < np.inf:
        raise InputError(f"beyond is {beyond:g}; give a number from 0 on")
    chosen = (61 if matrix_free else 400) if resolution is None else resolution
    share = np.linspace(0, 1 + beyond, check_count(chosen, "resolution", 3))
    line = end - start
    if matrix_free:  # point by point: many values of a large field would fill the memory
        along, speed = np.array([_along(field(start + s * line), line) for s in share.astype(start.dtype)]).T
    else:
        v = field(start + share[:, None] * line)
        along, speed = v @ line, norm(v, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = along / (length * speed)
    return PathAngle(share, cosine, speed)


def _along(v: np.ndarray, line: np.ndarray) -> tuple[float, float]:
    return float(v @ line), float(norm(v))
