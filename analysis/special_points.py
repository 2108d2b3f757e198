"""Where a curve of zeros changes: folds, branch points and Hopf points, each by its own system of equations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
from numpy.linalg import norm

from analysis.curves import Curve
from analysis.precision import DIGITS, as_array, precise_jacobian, precise_value

FLAT = 1e-7  # a share of the whole below which a tangent's parameter, or a second-order form, counts as zero
System = Callable[[Any], list[Any]]


@dataclass(frozen=True)
class SpecialPoint:
    """A point where a branch changes: `kind` is fold, transcritical, pitchfork, branch point (neither) or Hopf.

    `value` is the parameter's, x has shape (n,). `residual` is what is left of the defining system there, and
    `condition` the 2-norm condition number of that system's Jacobian. `tangents` holds unit directions in
    (x, p) of the branches through the point, shape (1 or 2, n+1); `frequency` is that of a Hopf point, else 0.
    """

    kind: str
    value: float
    x: np.ndarray
    residual: float
    condition: float
    eigenvalues: np.ndarray
    tangents: np.ndarray
    frequency: float = 0.0

    @property
    def z(self) -> np.ndarray:
        """(x, p) in one row."""
        return np.append(self.x, self.value)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "kind": self.kind,
            "value": self.value,
            "x": [float(c) for c in self.x],
            "residual": self.residual,
            "condition": self.condition if np.isfinite(self.condition) else None,
            "eigenvalues": [[float(e.real), float(e.imag)] for e in self.eigenvalues],
            "frequency": self.frequency,
        }


def fold(curve: Curve, near: np.ndarray) -> SpecialPoint | None:
    """The fold near z: v = 0, ∂v/∂x φ = 0, |φ| = 1, with ∂v/∂p out of the range of ∂v/∂x. Moore & Spence (1980)."""
    n = curve.n
    phi = np.linalg.svd(curve.jacobian(near))[2][-1]

    def system(y: Any) -> list[Any]:
        z, f = y[: n + 1], y[n + 1 :]
        A = precise_jacobian(curve.extended, z)
        return [*_value(curve, z), *(_dot(A[i, :n], f) for i in range(n)), _dot(f, f) - 1]

    return _solved(curve, system, near, phi, "fold")


def branch_point(curve: Curve, near: np.ndarray) -> SpecialPoint | None:
    """The branch point near z: v + bψ = 0, [∂v/∂x, ∂v/∂p]ᵀψ = 0, |ψ| = 1, where b comes out as 0.

    The second-order form of ψᵀv on the kernel gives the two tangents: along one of a *pitchfork* the parameter stands
    still, along neither of a *transcritical* point. Govaerts (2000), chapter 8.
    """
    n = curve.n
    psi = np.linalg.svd(curve.slopes(near) * curve.scale)[0][:, -1]

    def system(y: Any) -> list[Any]:
        z, b, s = y[: n + 1], y[n + 1], y[n + 2 :]
        A = precise_jacobian(curve.extended, z)
        unfolded = [v + b * e for v, e in zip(_value(curve, z), s, strict=True)]
        return [*unfolded, *(_dot([A[i, j] for i in range(n)], s) for j in range(n + 1)), _dot(s, s) - 1]

    found = _newton(system, [*near, 0.0, *psi])
    if found is None or abs(found[0][n + 1]) > mp.mpf(10) ** -20:
        return None
    y, residual, condition = found
    kind, tangents = _directions(curve, y[: n + 1], y[n + 2 :])
    return _point(curve, kind, y[: n + 1], residual, condition, tangents)


def hopf(curve: Curve, near: np.ndarray) -> SpecialPoint | None:
    """The Hopf point near z: v = 0, J²φ + κφ = 0, |φ| = 1, c·φ = 0, with κ = ω² > 0.

    κ < 0 is a neutral saddle, ±√-κ being real: no Hopf point, and None. Roose & Hlaváček (1985).
    """
    n = curve.n
    values, vectors = np.linalg.eig(curve.jacobian(near))
    pairs = [(abs(values[i] + values[j]), i, j) for i in range(n) for j in range(i)]
    _, i, j = min(pairs)
    if abs(values[i].imag) <= FLAT * float(norm(values)):
        return None
    basis = np.linalg.qr(np.stack([vectors[:, i].real, vectors[:, i].imag], 1))[0]
    c = [mp.mpf(float(e)) for e in basis[:, 1]]

    def system(y: Any) -> list[Any]:
        z, kappa, f = y[: n + 1], y[n + 1], y[n + 2 :]
        A = precise_jacobian(curve.extended, z)
        once = [_dot(A[k, :n], f) for k in range(n)]
        twice = [_dot(A[k, :n], once) + kappa * f[k] for k in range(n)]
        return [*_value(curve, z), *twice, _dot(f, f) - 1, _dot(c, f)]

    found = _newton(system, [*near, float((values[i] * values[j]).real), *basis[:, 0]])
    if found is None or found[0][n + 1] <= FLAT**2 * float(norm(values)) ** 2:
        return None
    y, residual, condition = found
    z = np.array([float(e) for e in y[: n + 1]])
    tangent = curve.tangent(z)[0] * curve.scale
    frequency = float(mp.sqrt(y[n + 1]))
    return _point(curve, "Hopf", y[: n + 1], residual, condition, tangent[None] / norm(tangent), frequency)


def _solved(curve: Curve, system: System, near: np.ndarray, vector: np.ndarray, kind: str) -> SpecialPoint | None:
    found = _newton(system, [*near, *vector])
    if found is None:
        return None
    y, residual, condition = found
    z = np.array([float(e) for e in y[: curve.n + 1]])
    tangent, regular = curve.tangent(z)
    if regular < FLAT or abs(tangent[-1]) > FLAT:  # ∂v/∂p is in the range of ∂v/∂x: a branch point
        return None
    tangent = tangent * curve.scale
    return _point(curve, kind, y[: curve.n + 1], residual, condition, tangent[None] / norm(tangent))


def _point(
    curve: Curve, kind: str, z: Any, residual: float, condition: float, tangents: np.ndarray, frequency: float = 0.0
) -> SpecialPoint:
    at = np.array([float(e) for e in z]) + 0.0
    at[np.abs(at) < 1e-30] = 0.0  # what Newton leaves of a zero
    return SpecialPoint(kind, float(at[-1]), at[:-1], residual, condition, curve.eigenvalues(at), tangents, frequency)


def _value(curve: Curve, z: Any) -> list[Any]:
    return list(precise_value(curve.extended, z))[:-1]


def _dot(a: Any, b: Any) -> Any:
    return mp.fsum(x * y for x, y in zip(a, b, strict=True))


def _newton(system: System, start: Sequence[float]) -> tuple[list[Any], float, float] | None:
    """Newton at fifty digits: the solution, what is left of the system, and its condition number; None if it fails."""
    with mp.workdps(DIGITS):
        y = [mp.mpf(float(e)) for e in start]
        try:
            for _ in range(30):
                F, matrix = _linearised(system, y)
                change = mp.lu_solve(matrix, mp.matrix(F))
                y = [e - d for e, d in zip(y, change, strict=True)]
                size = mp.norm(change)
                if not mp.isfinite(size) or size > 1e6:
                    return None
                if size < mp.mpf(10) ** -30 * (1 + mp.norm(mp.matrix(y))):
                    F, matrix = _linearised(system, y)
                    return y, float(mp.norm(mp.matrix(F))), float(np.linalg.cond(as_array(matrix)))
        except (ValueError, ZeroDivisionError, OverflowError):
            return None
    return None


def _linearised(system: System, y: list[Any]) -> tuple[list[Any], Any]:
    """The system at y and its Jacobian, by differences at fifty digits: good to twenty-four of them."""
    F = system(y)
    columns = []
    for k in range(len(y)):
        step = mp.mpf(10) ** -24 * (1 + abs(y[k]))
        moved = system([e + step if i == k else e for i, e in enumerate(y)])
        columns.append([(b - a) / step for a, b in zip(F, moved, strict=True)])
    return F, mp.matrix(columns).T


def _directions(curve: Curve, z: Any, psi: Any) -> tuple[str, np.ndarray]:
    """The kind of a branch point, and the unit tangents of its branches: zeros of the second-order form ψᵀv''(k, k)."""
    kernel = np.linalg.svd(curve.slopes(np.array([float(e) for e in z])) * curve.scale)[2][-2:]
    form = np.array([[_second(curve, z, psi, a * curve.scale, b * curve.scale) for b in kernel] for a in kernel])
    a, b, c = form[0, 0], (form[0, 1] + form[1, 0]) / 2, form[1, 1]
    size = float(norm(form))
    root = b * b - a * c
    if size < 1e-12 or root <= (FLAT * size) ** 2:
        return "branch point", np.zeros((0, curve.n + 1))
    big = -(b + np.copysign(np.sqrt(root), b))  # a s² + 2 b s t + c t² = 0 without cancellation
    pairs = np.array([[big, a], [c, big]])
    units = (pairs / norm(pairs, axis=1)[:, None]) @ kernel
    still = np.abs(units[:, -1]) < FLAT
    units[still, -1] = 0.0
    tangents = units * curve.scale
    return "pitchfork" if still.sum() == 1 else "transcritical", tangents / norm(tangents, axis=1)[:, None]


def _second(curve: Curve, z: Any, psi: Any, a: np.ndarray, b: np.ndarray) -> float:
    """ψᵀ v''(a, b), by a central difference of the exact slopes at fifty digits."""
    with mp.workdps(DIGITS):
        n, step = curve.n, mp.mpf(10) ** -16
        b_ = [mp.mpf(float(e)) for e in b]
        total = mp.mpf(0)
        for sign in (1, -1):
            A = precise_jacobian(
                curve.extended, [e + sign * step * mp.mpf(float(d)) for e, d in zip(z, a, strict=True)]
            )
            total += sign * mp.fsum(psi[i] * _dot(A[i, :], b_) for i in range(n))
        return float(total / (2 * step))
