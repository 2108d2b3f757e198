"""Rosenbrock methods: for stiff fields, with the exact Jacobian and no iteration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from dynsys.vector import axpy, scale, solve, weighted_sum
from integrators.adaptive.method import AdaptiveMethod, Attempt, Size

GAMMA = 0.25
# Points of the stages, in the uᵢ; the weights of x⁺ are the last row with 1 for u₅, and 1 more for u₆.
STAGES = (
    (1.544,),
    (0.9466785280815826, 0.2557011698983284),
    (3.314825187068521, 2.896124015972201, 0.9986419139977817),
    (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950),
    (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 1.0),
)
COUPLINGS = (
    (-5.6688,),
    (-2.430093356833875, -0.2063599157091915),
    (-0.1073529058151375, -9.594562251023355, -20.47028614809616),
    (7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160),
    (8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054),
)
DENSE = (
    (10.12623508344586, -7.487995877610167, -34.80091861555747, -7.992771707568823, 1.025137723295662),
    (-0.6762803392801253, 6.087714651680015, 16.43084320892478, 24.76722511418386, -6.594389125716872),
)


@dataclass(frozen=True)
class Rosenbrock(AdaptiveMethod):
    r"""RODAS, a stiffly accurate Rosenbrock method of order 4 with an error of order 3, for stiff fields.

    .. math:: \Bigl(\tfrac1\gamma I - hJ\Bigr) u_i = h\,v\Bigl(x + \sum_{j<i} a_{ij} u_j\Bigr)
        + \sum_{j<i} c_{ij} u_j, \qquad x^+ = x + \sum_i m_i u_i

    Six stages with γ = ¼ and the exact Jacobian at x, L-stable: R(z) → 0 as z → -∞. Of a field with time, time is one
    more variable. Dense output of order 3. Hairer & Wanner (1996), IV.7.
    """

    order: ClassVar[int] = 4
    evaluations: ClassVar[int] = 6
    error_order: ClassVar[int] = 4
    memory: ClassVar[float] = 0.0
    degree: ClassVar[int] = 3

    def carry(self, v: Any, x: Any, p: Any) -> Any:
        """Nothing: the Jacobian is that of the point."""
        return ()

    def attempt(self, v: Any, x: Any, p: Any, carried: Any, h: Any, size: Size | None = None) -> Attempt:
        """Six linear systems with one matrix; the last u is the error."""
        J = v.jacobian(x, p)
        matrix = tuple(
            tuple(1 / GAMMA - h * e if i == j else -h * e for j, e in enumerate(row)) for i, row in enumerate(J)
        )
        u: tuple[Any, ...] = (solve(matrix, scale(h, v(x, p))),)
        for weights, couplings in zip(STAGES, COUPLINGS, strict=True):
            y = axpy(1.0, weighted_sum(weights, u), x)
            u += (solve(matrix, axpy(h, v(y, p), weighted_sum(couplings, u))),)
        return Attempt(axpy(1.0, u[-1], y), (), (u[-1],), h, None, u)

    def interpolant(self, v: Any, x: Any, p: Any, h: Any, found: Attempt) -> tuple[Any, ...]:
        """x(1-θ) + θ(x⁺ + (1-θ)(k₁ + θ k₂)) in powers of θ."""
        first, second = (weighted_sum(row, found.stages) for row in DENSE)
        rise = axpy(-1.0, x, found.x)
        return axpy(1.0, first, rise), axpy(-1.0, first, second), scale(-1.0, second)
