"""Methods that rescale each coordinate by the gradients it has seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from dynsys.vector import axpy, maximum, scale, sign, sqrt, unit
from integrators.method import Method
from integrators.wrapping import check_between

SQUARES = "the root of a mean of squared gradients has no derivative at a zero of v"


class _Coordinatewise(Method):
    """Every coordinate has a scale of its own."""

    joint: ClassVar[bool] = False
    coordinatewise: ClassVar[bool] = True


@dataclass(frozen=True)
class SignGradient(_Coordinatewise):
    r"""Sign gradient: every coordinate moves by h, whatever the size of its gradient.

    .. math:: x^+ = x + h\,\mathrm{sign}\,v(x)

    No order: its steps do not shrink with the field. Bernstein et al. (2018).
    """

    differentiable: ClassVar[str] = "the sign of the gradient jumps at a zero of v"

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """x + h sign v(x)."""
        return axpy(h, tuple(map(sign, v(state, p))), state)


@dataclass(frozen=True)
class RMSProp(_Coordinatewise):
    r"""RMSProp: gradients divided by the root of an exponential mean of their squares.

    .. math:: s^+ = \rho s + (1 - \rho) v(x)^2, \quad x^+ = x + h\,v(x)/(\sqrt{s^+} + \epsilon)

    Raises `InputError` unless 0 ≤ ρ < 1 and ε ≥ 0. Tieleman & Hinton (2012).
    """

    rho: float = 0.9
    epsilon: float = 1e-8
    differentiable: ClassVar[str] = SQUARES

    def __post_init__(self) -> None:
        check_between(self.rho, "rho", 0, 1, "low")
        check_between(self.epsilon, "epsilon", 0, float("inf"), "low")

    def initial(self, v: Any, x: Any, p: Any) -> Any:
        """No gradient seen."""
        return x, scale(0, x)

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """The state is x and the mean square."""
        x, s = state
        slope = v(x, p)
        s = tuple(self.rho * a + (1 - self.rho) * g * g for a, g in zip(s, slope, strict=True))
        return axpy(h, tuple(g / (sqrt(a) + self.epsilon) for a, g in zip(s, slope, strict=True)), x), s


@dataclass(frozen=True)
class _Moments(_Coordinatewise):
    """Exponential means of the gradients, with β₁, and of their squares, with β₂."""

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        check_between(self.beta1, "beta1", 0, 1, "low")
        check_between(self.beta2, "beta2", 0, 1, "low")
        check_between(self.epsilon, "epsilon", 0, float("inf"), "low")


@dataclass(frozen=True)
class Adam(_Moments):
    r"""Adam: RMSProp on an exponential mean of gradients, both means corrected for their start at 0.

    .. math:: m^+ = \beta_1 m + (1 - \beta_1) v, \quad s^+ = \beta_2 s + (1 - \beta_2) v^2, \quad
              x^+ = x + h\,\frac{m^+/(1 - \beta_1^t)}{\sqrt{s^+/(1 - \beta_2^t)} + \epsilon}

    Raises `InputError` unless 0 ≤ β₁, β₂ < 1 and ε ≥ 0. Kingma & Ba (2015), Algorithm 1.
    """

    differentiable: ClassVar[str] = SQUARES + ", and the bias correction depends on the step"

    def initial(self, v: Any, x: Any, p: Any) -> Any:
        """No gradient seen; the powers of β₁ and β₂ are 1."""
        one = unit(x)
        return x, scale(0, x), scale(0, x), (one,), (one,)

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """The state is x, the two means, and β₁ᵗ and β₂ᵗ."""
        x, m, s, (power1,), (power2,) = state
        slope = v(x, p)
        m = axpy(1 - self.beta1, slope, scale(self.beta1, m))
        s = tuple(self.beta2 * a + (1 - self.beta2) * g * g for a, g in zip(s, slope, strict=True))
        power1, power2 = self.beta1 * power1, self.beta2 * power2
        moves = tuple((b / (1 - power1)) / (sqrt(a / (1 - power2)) + self.epsilon) for a, b in zip(s, m, strict=True))
        return axpy(h, moves, x), m, s, (power1,), (power2,)


@dataclass(frozen=True)
class AMSGrad(_Moments):
    r"""AMSGrad: Adam without bias correction, divided by the largest mean square seen so far.

    .. math:: m^+ = \beta_1 m + (1 - \beta_1) v, \quad s^+ = \beta_2 s + (1 - \beta_2) v^2, \quad
              \hat s^+ = \max(\hat s, s^+), \quad x^+ = x + h\,m^+/(\sqrt{\hat s^+} + \epsilon)

    Raises `InputError` unless 0 ≤ β₁, β₂ < 1 and ε ≥ 0. Reddi, Kale & Kumar (2018), Algorithm 2; ε as in Adam.
    """

    differentiable: ClassVar[str] = SQUARES

    def initial(self, v: Any, x: Any, p: Any) -> Any:
        """No gradient seen."""
        return x, scale(0, x), scale(0, x), scale(0, x)

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """The state is x, the two means and the largest mean square."""
        x, m, s, most = state
        slope = v(x, p)
        m = axpy(1 - self.beta1, slope, scale(self.beta1, m))
        s = tuple(self.beta2 * a + (1 - self.beta2) * g * g for a, g in zip(s, slope, strict=True))
        most = tuple(maximum(a, b) for a, b in zip(most, s, strict=True))
        return axpy(h, tuple(b / (sqrt(a) + self.epsilon) for a, b in zip(most, m, strict=True)), x), m, s, most
