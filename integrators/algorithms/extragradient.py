"""Extragradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from dynsys.vector import axpy
from integrators.method import Method
from integrators.wrapping import check_positive_number


@dataclass(frozen=True)
class Extragradient(Method):
    r"""Extragradient: step from x along the field found ahead of it.

    .. math:: x^+ = x + a h\,v(x + g h\,v(x)), \qquad R(z) = 1 + a z + a g z^2

    with update a and extrapolation g, both 1 by default. Order 1 on the clock ẋ = a v. Contracts a bilinear game for
    a(1 + g²s²) < 2g, s = hσ. Korpelevich (1976); two step sizes: Hsieh et al. (2020).
    """

    extrapolation: float = 1.0
    update: float = 1.0
    order: ClassVar[int | None] = 1
    evaluations: ClassVar[int] = 2

    def __post_init__(self) -> None:
        for name in ("extrapolation", "update"):
            object.__setattr__(self, name, check_positive_number(getattr(self, name), name))

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """The gradient ahead, from here."""
        ahead = axpy(self.extrapolation * h, v(state, p), state)
        return axpy(self.update * h, v(ahead, p), state)

    def clock(self, players: int) -> tuple[float, ...]:
        """The update's multiple of h."""
        return (self.update,) * players
