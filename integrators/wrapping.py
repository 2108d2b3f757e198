"""Methods around methods, and the checks of hyper-parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from dynsys.array_field import AnyField
from dynsys.errors import InputError, shown
from dynsys.expressions import finite
from integrators.method import Method, check_method


@dataclass(frozen=True)
class Wrapper(Method):
    """A method around another one, `method`: what it declares is what the inner one declares, unless it says more."""

    def __post_init__(self) -> None:
        for method in self.inner:
            check_method(method)

    @property
    def inner(self) -> tuple[Method, ...]:
        """The methods around which this one is built."""
        return (self.method,)  # type: ignore[attr-defined]

    @property
    def order(self) -> int | None:  # type: ignore[override]
        """The least of the inner methods'; None where one has none."""
        orders = [m.order for m in self.inner if m.order is not None]
        return min(orders) if len(orders) == len(self.inner) else None

    @property
    def evaluations(self) -> int:  # type: ignore[override]
        """That of the inner method."""
        return max(m.evaluations for m in self.inner)

    @property
    def differentiable(self) -> str:  # type: ignore[override]
        """The inner method's reason."""
        return next((m.differentiable for m in self.inner if m.differentiable), "")

    @property
    def moves(self) -> str:  # type: ignore[override]
        """The inner method's reason."""
        return next((m.moves for m in self.inner if m.moves), "")

    @property
    def joint(self) -> bool:  # type: ignore[override]
        """As the inner method."""
        return all(m.joint for m in self.inner)

    @property
    def coordinatewise(self) -> bool:  # type: ignore[override]
        """As the inner method."""
        return any(m.coordinatewise for m in self.inner)

    def check(self, field: AnyField) -> None:
        """What the inner methods need."""
        for method in self.inner:
            method.check(field)

    def clock(self, players: int) -> tuple[float, ...]:
        """The inner method's."""
        return self.inner[0].clock(players)

    def initial(self, v: Any, x: Any, p: Any) -> Any:
        """The inner method's."""
        return self.inner[0].initial(v, x, p)

    def average(self, state: Any) -> Any:
        """The inner method's."""
        return self.inner[0].average(state)

    @property
    def label(self) -> str:
        """Its own name, with that of the inner method if it is not the default."""
        own = super().label
        names = [m.label for m in self.inner]
        return own if names == ["euler"] else f"{own}({', '.join(names)})"


def exact_or_finite(value: Any, argument: str) -> Any:
    """A finite number; exact numbers and symbols of SymPy's stay as they are, and so do fractions."""
    if type(value).__module__.startswith("sympy") or type(value).__name__ == "Fraction":
        return value
    return finite(value, argument)


def check_between(value: Any, argument: str, low: float, high: float, closed: str = "") -> Any:
    """A number in the interval from low to high, open but for the ends that `closed` names ("low", "high", "both")."""
    number = exact_or_finite(value, argument)
    if getattr(number, "free_symbols", None):
        return number
    above = number >= low if closed in ("low", "both") else number > low
    below = number <= high if closed in ("high", "both") else number < high
    if not (above and below):
        left, right = "[" if closed in ("low", "both") else "(", "]" if closed in ("high", "both") else ")"
        end = "∞" if math.isinf(high) else f"{high:g}"
        raise InputError(f"{argument} is {shown(value)}; it must be in {left}{low:g}, {end}{right}")
    return number


def check_positive_number(value: Any, argument: str) -> Any:
    """A positive number."""
    return check_between(value, argument, 0, math.inf)


def check_whole(value: Any, argument: str, least: int) -> int:
    """A whole number, at least `least`."""
    number = finite(value, argument)
    if not number.is_integer() or number < least:
        raise InputError(f"{argument} is {number:g}; it must be a whole number, at least {least}")
    return int(number)
