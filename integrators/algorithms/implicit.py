"""Implicit methods: each step solves an equation by Newton's method with the exact Jacobian.

A step whose equation is not solved gives a state that is not a number, and the run the status UNSOLVED.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from dynsys.vector import axpy, combination, scale, solution, times
from integrators.method import Method


def _identity_minus(weights: Sequence[Any], jacobians: Sequence[Any]) -> Any:
    """I - Σ wₖ Jₖ."""
    n, pairs = len(jacobians[0]), list(zip(weights, jacobians, strict=True))
    return tuple(tuple((1 if i == j else 0) - sum(w * J[i][j] for w, J in pairs) for j in range(n)) for i in range(n))


@dataclass(frozen=True)
class ImplicitEuler(Method):
    r"""The implicit Euler method, the proximal point method of games.

    .. math:: x^+ = x + h\,v(x^+), \qquad R(z) = \frac1{1 - z}

    Order 1, L-stable. Contracts every bilinear game: ρ = 1/√(1 + h²σ²). Rockafellar (1976).
    """

    order: ClassVar[int | None] = 1
    evaluations: ClassVar[int] = 4

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """The solution of y = x + h v(y)."""
        equation = lambda y: (  # noqa: E731
            axpy(-h, v(y, p), axpy(-1, state, y)),
            _identity_minus((h,), (v.jacobian(y, p),)),
        )
        return solution(equation, axpy(h, v(state, p), state))


@dataclass(frozen=True)
class ImplicitMidpoint(Method):
    r"""The implicit midpoint method.

    .. math:: x^+ = x + h\,v\bigl(\tfrac12(x + x^+)\bigr), \qquad R(z) = \frac{1 + z/2}{1 - z/2}

    Order 2, A-stable, neutral on every bilinear game: it conserves quadratic invariants of the flow, and is symplectic
    where the flow is. Hairer, Lubich & Wanner (2006), IV.2.
    """

    order: ClassVar[int | None] = 2
    evaluations: ClassVar[int] = 4

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """x⁺ = 2y - x for the midpoint y = x + (h/2) v(y)."""
        equation = lambda y: (  # noqa: E731
            axpy(-h / 2, v(y, p), axpy(-1, state, y)),
            _identity_minus((h / 2,), (v.jacobian(y, p),)),
        )
        middle = solution(equation, axpy(h / 2, v(state, p), state))
        return axpy(-1, state, scale(2, middle))


@dataclass(frozen=True)
class Trapezoidal(Method):
    r"""The trapezoidal method.

    .. math:: x^+ = x + \tfrac h2 (v(x) + v(x^+)), \qquad R(z) = \frac{1 + z/2}{1 - z/2}

    Order 2, A-stable, neutral on every bilinear game. Conjugate to the implicit midpoint method by half an Euler step.
    Dahlquist (1963).
    """

    order: ClassVar[int | None] = 2
    evaluations: ClassVar[int] = 5

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """The solution of y = x + (h/2)(v(x) + v(y))."""
        slope = v(state, p)
        half = axpy(h / 2, slope, state)
        equation = lambda y: (  # noqa: E731
            axpy(-h / 2, v(y, p), axpy(-1, half, y)),
            _identity_minus((h / 2,), (v.jacobian(y, p),)),
        )
        return solution(equation, axpy(h, slope, state))


@dataclass(frozen=True)
class Gauss2(Method):
    r"""The Gauss method of two stages.

    .. math:: R(z) = \frac{1 + z/2 + z^2/12}{1 - z/2 + z^2/12}, \qquad c = \tfrac12 \mp \tfrac{\sqrt3}6

    Order 4, A-stable, neutral on every bilinear game: it conserves quadratic invariants, and is symplectic where the
    flow is. Kuntzmann (1961); Butcher (1964).
    """

    order: ClassVar[int | None] = 4
    evaluations: ClassVar[int] = 8

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """x + h(k₁ + k₂)/2 with both slopes from one equation for both stages."""
        import sympy as sp

        n, root = len(state), sp.sqrt(3) / 6
        own = Fraction(1, 4)
        cross = (sp.Rational(1, 4) - root, sp.Rational(1, 4) + root)

        def equation(y: Any) -> tuple[Any, Any]:
            stages = y[:n], y[n:]
            slopes = [v(stage, p) for stage in stages]
            jacobians = [v.jacobian(stage, p) for stage in stages]
            residual: tuple[Any, ...] = ()
            rows: tuple[Any, ...] = ()
            for i in (0, 1):
                other = 1 - i
                ahead = axpy(times(cross[i], h), slopes[other], axpy(times(own, h), slopes[i], state))
                residual += axpy(-1, ahead, stages[i])
                diagonal = _identity_minus((times(own, h),), (jacobians[i],))
                beside = tuple(scale(-times(cross[i], h), row) for row in jacobians[other])
                pairs = zip(diagonal, beside, strict=True)
                rows += tuple((*a, *b) if i == 0 else (*b, *a) for a, b in pairs)
            return residual, rows

        slope = v(state, p)
        guess = (
            *axpy(times(sp.Rational(1, 2) - root, h), slope, state),
            *axpy(times(sp.Rational(1, 2) + root, h), slope, state),
        )
        y = solution(equation, guess)
        return combination(h, (Fraction(1, 2),) * 2, (v(y[:n], p), v(y[n:], p)), state)


BOOLE = tuple(Fraction(k, 90) for k in (7, 32, 12, 32, 7))  # at 0, 1/4, …, 1: exact for polynomials of degree 5


@dataclass(frozen=True)
class AverageVectorField(Method):
    r"""The average vector field method: the mean of v along the chord from x to x⁺.

    .. math:: x^+ = x + h \int_0^1 v((1 - s)x + s x^+)\,ds, \qquad R(z) = \frac{1 + z/2}{1 - z/2}

    Order 2, A-stable. Conserves the energy H of v = Ω∇H, Ω antisymmetric and constant. The integral is Boole's rule:
    exact for polynomial fields of degree up to 5. Quispel & McLaren (2008).
    """

    order: ClassVar[int | None] = 2
    evaluations: ClassVar[int] = 16

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """The solution of y = x + h Σ wₖ v(x + cₖ(y - x))."""

        def equation(y: Any) -> tuple[Any, Any]:
            quarter = tuple(e / 4 for e in axpy(-1, state, y))
            points = [axpy(k, quarter, state) for k in range(5)]
            mean = combination(h, BOOLE, [v(point, p) for point in points], state)
            weights = [times(w * Fraction(k, 4), h) for k, w in enumerate(BOOLE)][1:]
            return axpy(-1, mean, y), _identity_minus(weights, [v.jacobian(point, p) for point in points[1:]])

        return solution(equation, axpy(h, v(state, p), state))
