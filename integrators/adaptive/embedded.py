"""Embedded explicit Runge-Kutta methods: two orders from the same stages, and a polynomial through them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from dynsys.vector import axpy, scale, weighted_sum
from integrators.adaptive import dop853_coefficients
from integrators.adaptive.method import AdaptiveMethod, Attempt, Size

Row = tuple[Fraction, ...]


def rows(*texts: str) -> tuple[Row, ...]:
    """Rows of exact numbers from texts such as "3/40 9/40"."""
    return tuple(tuple(map(Fraction, text.split())) for text in texts)


def sparse(text: str, length: int) -> Row:
    """A row from its entries that are not 0: "0: 0.1; 3: -2"."""
    pairs = dict(entry.split(":") for entry in text.split(";") if entry)
    entries = {int(column): Fraction(value.strip()) for column, value in pairs.items()}
    return tuple(entries.get(i, Fraction(0)) for i in range(length))


@dataclass(frozen=True)
class _Embedded(AdaptiveMethod):
    """x⁺ = x + h Σ bᵢ kᵢ with the last stage at x⁺, so that its slope is the next step's first.

    `stages` holds the rows of the tableau, b the last of them; `estimate` weights of all slopes.
    """

    stages: ClassVar[tuple[Row, ...]]
    estimate: ClassVar[tuple[Row, ...]]

    @property
    def evaluations(self) -> int:  # type: ignore[override]
        """One a stage; the last serves the next step."""
        return len(self.stages)

    def attempt(self, v: Any, x: Any, p: Any, carried: Any, h: Any, size: Size | None = None) -> Attempt:
        """All stages, the last one at the new point."""
        slopes: tuple[Any, ...] = (carried,)
        y, before = x, x
        for row in self.stages:
            before, y = y, axpy(h, weighted_sum(row, slopes), x)
            slopes += (v(y, p),)
        errors = tuple(scale(h, weighted_sum(row, slopes)) for row in self.estimate)
        bends = (axpy(-1.0, slopes[-2], slopes[-1]), axpy(-1.0, before, y))
        return Attempt(y, slopes[-1], errors, h, bends, slopes)


@dataclass(frozen=True)
class _FiveFour(_Embedded):
    """A pair of orders 5 and 4 whose dense output, of order 4, is x + h Σ Pᵢⱼ kᵢ θʲ."""

    order: ClassVar[int] = 5
    error_order: ClassVar[int] = 5
    memory: ClassVar[float] = 0.08
    degree: ClassVar[int] = 4
    dense: ClassVar[tuple[Row, ...]]  # P, a row a slope

    def interpolant(self, v: Any, x: Any, p: Any, h: Any, found: Attempt) -> tuple[Any, ...]:
        """h Σ Pᵢⱼ kᵢ for j = 1 to 4."""
        return tuple(scale(h, weighted_sum(column, found.stages)) for column in zip(*self.dense, strict=True))


@dataclass(frozen=True)
class DormandPrince(_FiveFour):
    r"""The Dormand-Prince pair of orders 5 and 4: seven stages, the last of which is the next step's first.

    Dense output of order 4. Dormand & Prince (1980); Shampine (1986) for the dense output.
    """

    stiffness_bound: ClassVar[float] = 2.5
    stages: ClassVar[tuple[Row, ...]] = rows(
        "1/5",
        "3/40 9/40",
        "44/45 -56/15 32/9",
        "19372/6561 -25360/2187 64448/6561 -212/729",
        "9017/3168 -355/33 46732/5247 49/176 -5103/18656",
        "35/384 0 500/1113 125/192 -2187/6784 11/84",
    )
    estimate: ClassVar[tuple[Row, ...]] = rows("71/57600 0 -71/16695 71/1920 -17253/339200 22/525 -1/40")
    dense: ClassVar[tuple[Row, ...]] = rows(
        "1 -8048581381/2820520608 8663915743/2820520608 -12715105075/11282082432",
        "0 0 0 0",
        "0 131558114200/32700410799 -68118460800/10900136933 87487479700/32700410799",
        "0 -1754552775/470086768 14199869525/1410260304 -10690763975/1880347072",
        "0 127303824393/49829197408 -318862633887/49829197408 701980252875/199316789632",
        "0 -282668133/205662961 2019193451/616988883 -1453857185/822651844",
        "0 40617522/29380423 -110615467/29380423 69997945/29380423",
    )


@dataclass(frozen=True)
class Tsitouras(_FiveFour):
    r"""The pair of orders 5 and 4 with small principal errors: seven stages, the last the next step's first.

    Dense output of order 4. Tsitouras (2011).
    """

    stiffness_bound: ClassVar[float] = 2.6
    stages: ClassVar[tuple[Row, ...]] = rows(
        "0.161",
        "-0.008480655492356989 0.335480655492356989",
        "2.8971530571054935 -6.359448489975075 4.3622954328695815",
        "5.325864828439257 -11.748883564062828 7.4955393428898365 -0.09249506636175525",
        "5.86145544294642 -12.92096931784711 8.159367898576159 -0.071584973281401 -0.028269050394068383",
        "0.09646076681806523 0.01 0.4798896504144996 1.379008574103742 -3.290069515436081 2.324710524099774",
    )
    estimate: ClassVar[tuple[Row, ...]] = rows(
        "-0.00178001105222577714 -0.0008164344596567469 0.007880878010261995 -0.1447110071732629 "
        "0.5823571654525552 -0.45808210592918697 1/66"
    )
    dense: ClassVar[tuple[Row, ...]] = rows(
        "1 -2.763706197274826 2.9132554618219126 -1.0530884977290216",
        "0 0.1317 -0.2234 0.1017",
        "0 3.9302962368947516 -5.941033872131505 2.490627285651253",
        "0 -12.411077166933676 30.33818863028232 -16.548102889244902",
        "0 37.50931341651104 -88.1789048947664 47.37952196281928",
        "0 -27.896526289197286 65.09189467479366 -34.87065786149661",
        "0 3/2 -4 5/2",
    )


@dataclass(frozen=True)
class DOP853(_Embedded):
    r"""Dormand and Prince's method of order 8 with errors of orders 5 and 3: twelve stages and the next step's first.

    The error is :math:`\|e_5\|^2 / \sqrt{\|e_5\|^2 + \|e_3\|^2/100}`. Dense output of order 7 from three more stages.
    Hairer, Nørsett & Wanner (1993).
    """

    order: ClassVar[int] = 8
    error_order: ClassVar[int] = 8
    degree: ClassVar[int] = 7
    evaluations_of_interpolant: ClassVar[int] = 3
    stiffness_bound: ClassVar[float] = 4.5
    stages: ClassVar[tuple[Row, ...]] = tuple(
        sparse(text, i) for i, text in enumerate(dop853_coefficients.STAGES[:13]) if i
    )
    estimate: ClassVar[tuple[Row, ...]] = (
        sparse(dop853_coefficients.ERRORS[0], 13),
        tuple(
            b - w for b, w in zip(sparse(dop853_coefficients.STAGES[12], 13), sparse(dop853_coefficients.THIRD[0], 13))
        ),
    )

    def squared_error(self, squares: tuple[Any, ...], h: Any) -> Any:
        """e₅⁴ / (e₅² + e₃²/100); 0 if both vanish."""
        fifth, third = squares
        return fifth * fifth / (fifth + 0.01 * third + 1e-300)

    def interpolant(self, v: Any, x: Any, p: Any, h: Any, found: Attempt) -> tuple[Any, ...]:
        """From nested powers of θ and 1 - θ to powers of θ."""
        slopes = found.stages
        for i, text in enumerate(dop853_coefficients.STAGES[13:], 13):
            slopes += (v(axpy(h, weighted_sum(sparse(text, i), slopes), x), p),)
        rise, last = axpy(-1.0, x, found.x), found.carried
        bend = axpy(-1.0, rise, scale(h, slopes[0]))
        nested = [rise, bend, axpy(-1.0, bend, axpy(-1.0, scale(h, last), rise))]
        nested += [scale(h, weighted_sum(sparse(text, 16), slopes)) for text in dop853_coefficients.DENSE]
        return tuple(weighted_sum(column, nested) for column in zip(*_nested_powers(), strict=True))


@functools.cache
def _nested_powers() -> tuple[Row, ...]:
    """The coefficients of θ, …, θ⁷ in θ, θ(1-θ), θ²(1-θ), θ²(1-θ)², …: a row each."""
    product, found = [Fraction(0), Fraction(1)], []
    for j in range(7):
        found.append(tuple(product[1:] + [Fraction(0)] * (8 - len(product))))
        shifted: Sequence[Fraction] = [Fraction(0), *product]
        product = list(shifted) if j % 2 else [a - b for a, b in zip([*product, Fraction(0)], shifted, strict=True)]
    return tuple(found)
