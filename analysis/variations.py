"""A field together with its variational equation: the flow and the matrix that carries small differences along it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from analysis.places import periods, wrapped_near
from analysis.spectra import sorted_eigenvalues
from dynsys.array_field import AnyField, check_symbolic
from dynsys.errors import InputError
from dynsys.expressions import symbol
from dynsys.field import VectorField
from integrators.adaptive.dense_output import DenseOutput
from integrators.adaptive.embedded import DOP853
from integrators.adaptive.method import AdaptiveMethod
from integrators.adaptive.solutions import Solution, solve
from integrators.adaptive.taylor import Taylor
from integrators.kernel import WHOLE

EXPANSION = 1e12  # of M: beyond it no digit of a small difference is left
ACCURACY = 1e-12  # of the multipliers that M tells, relative to the largest


def variational_field(field: AnyField) -> VectorField:
    r"""The field of n + n² variables that moves x and, row by row, the matrix M of its small differences.

    .. math:: \dot x = v(x), \qquad \dot M = v'(x) M

    Raises `InputError` for a field without formulas.
    """
    v = check_symbolic(field, "a variational equation")
    names = [f"{v.variables[i]}_by_{v.variables[j]}" for i in range(v.n) for j in range(v.n)]
    taken = {*v.variables, *v.parameters, v.time}
    while taken & set(names):
        names = [name + "_" for name in names]
    M = [[symbol(names[i * v.n + j]) for j in range(v.n)] for i in range(v.n)]
    J = v.jacobian_expressions
    rows = [sp.Add(*(J[i][k] * M[k][j] for k in range(v.n))) for i in range(v.n) for j in range(v.n)]
    return VectorField((*v.expressions, *rows), (*v.variables, *names), v.parameters, time=v.time, name=v.name)


class Variation:
    """Solutions of a field at high accuracy, alone and with the matrix M(t), M(0) = I.

    They are not wrapped: of a variable with a `period` (0: none) they count the whole turns.
    """

    def __init__(self, field: AnyField, rtol: float = 1e-13):
        checked = check_symbolic(field, "a variational equation")
        if checked.time is not None:
            raise InputError("the field depends on time: its periodic orbits are cycles of strobe(); fix the time here")
        self.field, self.period = replace(checked, period=None), periods(checked)
        self.both = variational_field(self.field)
        self.rtol = rtol

    def solution(self, x: Any, t: float, rtol: float | None = None, **options: Any) -> Solution:
        """The flow from x over (0, t), t of either sign."""
        tolerance = self.rtol if rtol is None else rtol
        return solve(
            self.field, x, (0.0, t), method=_method(self.field), rtol=tolerance, atol=1e-2 * tolerance,
            stiff_after=None, compiled=False, **options,
        )  # fmt: skip

    def difference(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """a - b, in variables with a period the nearest way round."""
        return wrapped_near(a - b, 0.0, self.period)

    def extent(self, run: Solution) -> float:
        """The diagonal of what a solution visits, of a variable with a period at most a turn."""
        spread = np.ptp(run.x, axis=0)
        return float(np.linalg.norm(np.where(self.period > 0, np.minimum(spread, self.period), spread)))

    @cached_property
    def volumes(self) -> VectorField:
        """The field with log det M as one more variable, of the speed div v. Liouville (1838)."""
        v, J = self.field, self.field.jacobian_expressions
        name = "log_det"
        while name in {*v.variables, *v.parameters}:
            name += "_"
        divergence = sp.Add(*(J[i][i] for i in range(v.n)))
        return VectorField((*v.expressions, divergence), (*v.variables, name), v.parameters)

    def log_det(self, x: np.ndarray, t: float) -> float:
        """log det M(t) = ∫ div v along the solution from x, exact where det M itself is below rounding."""
        return float(self._tight(self.volumes, np.append(x, 0.0), t).x[-1, -1])

    def carried(self, x: np.ndarray, t: float, **options: Any) -> tuple[np.ndarray, np.ndarray] | None:
        """φ_t(x) and M(t); None where the solution does not reach t, or M outgrows `EXPANSION`."""
        n = self.field.n
        start = np.concatenate([x, np.eye(n).ravel()])
        found = self._tight(self.both, start, t, divergence_bound=EXPANSION, **options)
        if not found.success:
            return None
        return found.x[-1, :n], found.x[-1, n:].reshape(n, n)

    def _tight(self, field: VectorField, x: np.ndarray, t: float, **options: Any) -> Solution:
        return solve(
            field, x, (0.0, t), method=_method(field), rtol=self.rtol, atol=1e-2 * self.rtol,
            stiff_after=None, compiled=False, **options,
        )  # fmt: skip


def _method(field: VectorField) -> AdaptiveMethod:
    # uncompiled, since orbits are short: Taylor's steps are ten times as long, and a kernel takes half a second
    return Taylor() if field.n <= WHOLE else DOP853()


def transversal_multipliers(M: np.ndarray, direction: np.ndarray) -> tuple[np.ndarray, float]:
    """Floquet multipliers beside the trivial one, largest modulus first, and how far Mv = v fails, relative.

    With Q orthonormal and orthogonal to v they are the eigenvalues of QᵀMQ, since M is block triangular in the basis
    (v, Q): so a Jordan block at 1, as of a centre whose period depends on the amplitude, costs no digits.
    """
    unit = direction / np.linalg.norm(direction)
    Q = np.linalg.svd(unit[None])[2][1:].T
    values = sorted_eigenvalues(np.linalg.eigvals(Q.T @ M @ Q)) if len(unit) > 1 else np.empty(0, complex)
    values = values[np.argsort(-np.abs(values).round(12), kind="stable")]
    return values, float(np.linalg.norm(M @ unit - unit))


@dataclass(frozen=True, eq=False)
class Floquet:
    """Multipliers beside the trivial one (n - 1,), largest modulus first, their log |ζ|, and the trivial one's defect.

    A multiplier below what M tells is 0, with the logarithm -inf; `least` is the modulus from which on it is told.
    """

    values: np.ndarray
    logs: np.ndarray
    trivial: float
    least: float

    @property
    def backwards(self) -> Floquet:
        """Those of the same orbit followed the other way."""
        with np.errstate(all="ignore"):
            return replace(self, values=1 / self.values[::-1], logs=-self.logs[::-1])


def floquet(flow: Variation, x: np.ndarray, T: float, M: np.ndarray) -> Floquet:
    """The multipliers of a periodic orbit from M(T).

    Since their product is det M(T) = exp ∫ div v dt, one that is below the accuracy of M follows from the others; in
    the plane there are no others. Liouville (1838).
    """
    values, trivial = transversal_multipliers(M, flow.field(x))
    least = ACCURACY * float(np.abs(values).max(initial=1.0))
    with np.errstate(all="ignore"):
        logs = np.log(np.abs(values))
        small = np.abs(values) < least
        if len(values) == 1 or small.sum() == 1:
            logs[-1] = flow.log_det(x, T) - logs[:-1].sum()
            values[-1] = np.sign(np.prod(values[:-1]).real) * np.exp(logs[-1])
        else:
            values[small], logs[small] = 0, -np.inf
    return Floquet(values, logs, trivial, least)


def evenly(output: DenseOutput, period: float, count: int) -> np.ndarray:
    """Points (count, n) of a periodic solution, evenly in time."""
    return output(np.linspace(0.0, period, count, endpoint=False))
