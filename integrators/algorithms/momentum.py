"""Momentum: the state carries a velocity beside the point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from dynsys.vector import axpy, scale
from integrators.method import Method
from integrators.wrapping import check_between, exact_or_finite


@dataclass(frozen=True)
class _Momentum(Method):
    """The state is the point and its last displacement, of which β goes on."""

    beta: float = 0.5
    order: ClassVar[int | None] = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "beta", check_between(self.beta, "beta", -1, 1))

    def initial(self, v: Any, x: Any, p: Any) -> Any:
        """At rest."""
        return x, scale(0, x)

    def clock(self, players: int) -> tuple[float, ...]:
        """1/(1 - β)."""
        return (1 / (1 - self.beta),) * players


@dataclass(frozen=True)
class HeavyBall(_Momentum):
    r"""Heavy ball: the last displacement goes on, times β; β may be negative.

    .. math:: m^+ = \beta m + h\,v(x), \quad x^+ = x + m^+, \qquad \zeta^2 - (1 + \beta + z)\zeta + \beta = 0

    Order 1 on the clock ẋ = v/(1 - β). Unstable on every bilinear game. Raises `InputError` unless -1 < β < 1.
    Polyak (1964); negative β: Gidel et al. (2019).
    """

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """The displacement m⁺, taken."""
        x, m = state
        m = axpy(h, v(x, p), scale(self.beta, m))
        return axpy(1, m, x), m


@dataclass(frozen=True)
class Nesterov(_Momentum):
    r"""Nesterov's momentum: the gradient is taken where the last displacement leads.

    .. math:: y = x + \beta(x - x^-), \quad x^+ = y + h\,v(y), \qquad \zeta^2 - (1 + z)((1 + \beta)\zeta - \beta) = 0

    Order 1 on the clock ẋ = v/(1 - β). Unstable on every bilinear game. Raises `InputError` unless -1 < β < 1.
    Nesterov (1983).
    """

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """The state is x and the displacement x - x⁻."""
        x, m = state
        m = scale(self.beta, m)
        m = axpy(h, v(axpy(1, m, x), p), m)
        return axpy(1, m, x), m


@dataclass(frozen=True)
class ComplexMomentum(Method):
    r"""Complex momentum: a velocity in ℂⁿ with a complex coefficient b, whose real part moves the point.

    .. math:: \mu^+ = b\mu + v(x), \quad x^+ = x + h\,\mathrm{Re}\,\mu^+, \qquad
              (\zeta - 1)(\zeta^2 - 2\,\mathrm{Re}(b)\,\zeta + |b|^2) - z\zeta(\zeta - \mathrm{Re}\,b) = 0

    Order 1 on the clock ẋ = Re(1/(1 - b)) v. On a bilinear game stable for small h iff
    (Im b)² > (1 - Re b)²(1 + Re b)/(3 - Re b). Raises `InputError` unless |b| < 1. Lorraine et al. (2022).
    """

    b: complex = 0.8j
    order: ClassVar[int | None] = 1

    def __post_init__(self) -> None:
        re, im = self._parts()
        re, im = exact_or_finite(re, "b, real part"), exact_or_finite(im, "b, imaginary part")
        check_between(re * re + im * im, "|b|²", 0, 1, "low")

    def _parts(self) -> tuple[Any, Any]:
        if type(self.b).__module__.startswith("sympy"):
            return self.b.as_real_imag()  # type: ignore[attr-defined]
        number = complex(self.b)
        return number.real, number.imag

    def initial(self, v: Any, x: Any, p: Any) -> Any:
        """At rest."""
        return x, scale(0, x), scale(0, x)

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """The state is x and the real and the imaginary part of μ."""
        x, re, im = state
        a, b = self._parts()
        re, im = axpy(1, v(x, p), axpy(-b, im, scale(a, re))), axpy(b, re, scale(a, im))
        return axpy(h, re, x), re, im

    def clock(self, players: int) -> tuple[float, ...]:
        """Re 1/(1 - b)."""
        a, b = self._parts()
        return ((1 - a) / ((1 - a) ** 2 + b**2),) * players
