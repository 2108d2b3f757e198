"""Taylor's method: for high accuracy, of any order, from the field's own expressions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from dynsys.array_field import AnyField
from dynsys.errors import InputError, shown
from dynsys.field import VectorField
from dynsys.vector import axpy, minimum, rough_power, scale, where
from integrators.adaptive.method import AdaptiveMethod, Attempt, Size
from integrators.kernel import WHOLE


@dataclass(frozen=True)
class Taylor(AdaptiveMethod):
    r"""Taylor's method of any order: the first terms of the solution's own series.

    .. math:: x^+ = \sum_{k=0}^{N} x^{[k]} h^k, \qquad x^{[k]} = \tfrac1{k!}\,\tfrac{d^k x}{dt^k}

    The coefficients come from automatic differentiation of the field's expressions. A step is 0.9 times the largest
    in which each of the last two terms is within the tolerance, so none is rejected. `order` None is
    1 - ½ log rtol rounded up, with which the terms fall by e² from one to the next. The series is the dense output.

    Fields given by expressions, with up to 32 variables. Moore (1966); Jorba & Zou (2005).
    """

    order: int | None = None  # type: ignore[assignment, misc]
    evaluations: ClassVar[int] = 1
    controlled: ClassVar[bool] = False
    memory: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        order = self.order
        if order is not None and (isinstance(order, bool) or not isinstance(order, int) or not 2 <= order <= 60):
            raise InputError(f"order is {shown(order)}; give a whole number from 2 to 60, or None to fit the tolerance")

    @property
    def degree(self) -> int:  # type: ignore[override]
        """That of the series."""
        return self._order

    @property
    def _order(self) -> int:
        return 20 if self.order is None else self.order

    def fitted(self, rtol: float) -> Taylor:
        """The order that serves this tolerance best, if none was chosen."""
        return self if self.order is not None else Taylor(max(4, math.ceil(1 - 0.5 * math.log(rtol))))

    def check(self, field: AnyField) -> None:
        """Refuse fields without expressions, and those with too many variables."""
        if not isinstance(field, VectorField):
            raise InputError("Taylor's method differentiates expressions, and this field has none; take DOP853()")
        if field.n > WHOLE:
            raise InputError(
                f"Taylor's method takes up to {WHOLE} variables, and the field has {field.n}; take DOP853()"
            )

    def carry(self, v: Any, x: Any, p: Any) -> Any:
        """Nothing."""
        return ()

    def attempt(self, v: Any, x: Any, p: Any, carried: Any, h: Any, size: Size | None = None) -> Attempt:
        """The series at x, and its value at the step's end."""
        rows = v.series(x, p, self._order)
        terms = tuple(zip(*rows, strict=True))
        last, before = terms[-1], terms[-2]
        if size is not None:
            longest = minimum(
                rough_power(size(last), -0.5 / self._order), rough_power(size(before), -0.5 / (self._order - 1))
            )
            longest = 0.9 * longest
            h = where(longest < abs(h), where(h > 0, longest, -longest), h)
        total = last
        for term in terms[-2:0:-1]:
            total = axpy(h, total, term)
        failed = scale(0.0, axpy(1.0, last, before))  # NaN, so refused, where the series is not finite
        return Attempt(axpy(h, total, x), (), (failed,), h, None, terms)

    def interpolant(self, v: Any, x: Any, p: Any, h: Any, found: Attempt) -> tuple[Any, ...]:
        """The terms x⁽ᵏ⁾ hᵏ."""
        scaled, power = [], h
        for term in found.stages[1:]:
            scaled.append(scale(power, term))
            power = power * h
        return tuple(scaled)
