"""Explicit Runge-Kutta methods; their stages evaluate the joint field, all players at the stage's point.

Each is its exact tableau: the step, the order and the stability polynomial are computed from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from dynsys.vector import combination
from integrators.method import Method
from integrators.tableaux import Tableau


class _Stages(Method):
    """x⁺ = x + h Σ bᵢ kᵢ with kᵢ = v(x + h Σ aᵢⱼ kⱼ), for the tableau (A, b)."""

    tableau: ClassVar[Tableau]

    @property
    def order(self) -> int:  # type: ignore[override]
        """The order that the tableau's rooted-tree conditions give."""
        return self.tableau.order

    @property
    def evaluations(self) -> int:  # type: ignore[override]
        """One a stage."""
        return len(self.tableau.b)

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """The weighted sum of the slopes at the stages."""
        slopes: tuple[Any, ...] = ()
        for row in self.tableau.A:
            slopes += (v(combination(h, row[: len(slopes)], slopes, state), p),)
        return combination(h, self.tableau.b, slopes, state)


@dataclass(frozen=True)
class Euler(_Stages):
    r"""Simultaneous gradient steps: the explicit Euler method.

    .. math:: x^+ = x + h\,v(x), \qquad R(z) = 1 + z

    Order 1. Unstable on every bilinear game: ρ = √(1 + h²σ²). Euler (1768).
    """

    tableau: ClassVar[Tableau] = Tableau(((0,),), (1,))


@dataclass(frozen=True)
class Heun(_Stages):
    r"""Heun's method: the mean of the slopes here and one Euler step ahead.

    .. math:: x^+ = x + \tfrac h2 (k_1 + v(x + h k_1)), \qquad R(z) = 1 + z + z^2/2

    Order 2. Unstable on every bilinear game: ρ = √(1 + h⁴σ⁴/4). Heun (1900).
    """

    tableau: ClassVar[Tableau] = Tableau(((0, 0), (1, 0)), ("1/2", "1/2"))


@dataclass(frozen=True)
class ExplicitMidpoint(_Stages):
    r"""The explicit midpoint method: the slope half an Euler step ahead.

    .. math:: x^+ = x + h\,v(x + \tfrac h2 v(x)), \qquad R(z) = 1 + z + z^2/2

    Order 2. Unstable on every bilinear game, as Heun's method. Runge (1895).
    """

    tableau: ClassVar[Tableau] = Tableau(((0, 0), ("1/2", 0)), (0, 1))


@dataclass(frozen=True)
class Ralston(_Stages):
    r"""Ralston's method: of all two-stage methods of order 2 the one with the least error bound.

    .. math:: x^+ = x + \tfrac h4 (k_1 + 3 v(x + \tfrac{2h}3 k_1)), \qquad R(z) = 1 + z + z^2/2

    Order 2. Ralston (1962).
    """

    tableau: ClassVar[Tableau] = Tableau(((0, 0), ("2/3", 0)), ("1/4", "3/4"))


@dataclass(frozen=True)
class RungeKutta3(_Stages):
    r"""Kutta's third-order method.

    .. math:: x^+ = x + \tfrac h6 (k_1 + 4 k_2 + k_3), \qquad R(z) = 1 + z + z^2/2 + z^3/6

    with k₂ at x + h k₁/2 and k₃ at x - h k₁ + 2h k₂. Order 3. Contracts a bilinear game for hσ < √3. Kutta (1901).
    """

    tableau: ClassVar[Tableau] = Tableau(((0, 0, 0), ("1/2", 0, 0), (-1, 2, 0)), ("1/6", "2/3", "1/6"))


@dataclass(frozen=True)
class SSPRK3(_Stages):
    r"""The strong-stability-preserving method of three stages: convex combinations of Euler steps.

    .. math:: x^+ = x + \tfrac h6 (k_1 + k_2 + 4 k_3), \qquad R(z) = 1 + z + z^2/2 + z^3/6

    with k₂ at x + h k₁ and k₃ at x + h (k₁ + k₂)/4. Order 3. Shu & Osher (1988).
    """

    tableau: ClassVar[Tableau] = Tableau(((0, 0, 0), (1, 0, 0), ("1/4", "1/4", 0)), ("1/6", "1/6", "2/3"))


@dataclass(frozen=True)
class RungeKutta4(_Stages):
    r"""The classical Runge-Kutta method.

    .. math:: x^+ = x + \tfrac h6 (k_1 + 2k_2 + 2k_3 + k_4), \qquad R(z) = 1 + z + z^2/2 + z^3/6 + z^4/24

    Order 4. Contracts a bilinear game for hσ < 2√2. Kutta (1901).
    """

    tableau: ClassVar[Tableau] = Tableau(
        ((0, 0, 0, 0), ("1/2", 0, 0, 0), (0, "1/2", 0, 0), (0, 0, 1, 0)), ("1/6", "1/3", "1/3", "1/6")
    )


@dataclass(frozen=True)
class ExplicitRungeKutta(_Stages):
    r"""Any explicit Runge-Kutta method, from its exact tableau.

    .. math:: k_i = v\Bigl(x + h \sum_{j<i} a_{ij} k_j\Bigr), \qquad x^+ = x + h \sum_i b_i k_i

    `A` holds s rows of s entries, strictly lower triangular, and `b` s weights: integers, `Fraction`s or texts such
    as "1/3", never floats. `c`, if given, must be the row sums. Its order and R(z) = 1 + z bᵀ(I - zA)⁻¹1 follow.

    Raises `InputError` for a tableau that is not explicit or not consistent. Butcher (1963).
    """

    A: Sequence[Sequence[int | str | Fraction]]
    b: Sequence[int | str | Fraction]
    c: Sequence[int | str | Fraction] | None = None

    def __post_init__(self) -> None:
        tableau = Tableau(self.A, self.b, self.c)
        for name in ("A", "b", "c"):
            object.__setattr__(self, name, getattr(tableau, name))

    @property
    def tableau(self) -> Tableau:  # type: ignore[override]
        """The tableau, exact."""
        return Tableau(self.A, self.b)
