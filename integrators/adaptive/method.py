"""What an adaptive method is: an attempt at a step, with its error and a polynomial through it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from dynsys.array_field import AnyField
from dynsys.errors import InputError
from dynsys.vector import axpy
from integrators.method import Method
from integrators.states import flat

Size = Callable[[Any], Any]


class Attempt(NamedTuple):
    """What an attempt finds, on tuples.

    `x` is the new point; `carried` what the next attempt starts with; `errors` vectors whose size tells the error of
    x; `h` the step in fact taken; `stiffness`, if known, two vectors whose lengths have the quotient h|λ| for the λ of
    largest modulus; `stages` whatever `interpolant` needs.
    """

    x: Any
    carried: Any
    errors: tuple[Any, ...]
    h: Any
    stiffness: tuple[Any, Any] | None
    stages: Any


@dataclass(frozen=True)
class AdaptiveMethod(Method):
    """A method that estimates the error of its step, for `solve`; with a fixed step it is a method like any other.

    `carry(v, x, p)` is what the first attempt starts with (the slope at x, of methods whose last slope is the next
    one's first), `attempt(v, x, p, carried, h, size)` one step, and `interpolant(v, x, p, h, found)` the vectors
    q₁, …, q_m of the dense output u(θ) = x + Σ qⱼ θʲ, 0 ≤ θ ≤ 1. They are traced into the kernels, as every `step`.

    A step is accepted if the error ε, a root mean square in units of the tolerances, is at most 1; the next is
    0.85 ε^(-α) ε₋₁^β times as long (PI control: Gustafsson, 1991), with ε₋₁ the error of the step accepted before.
    """

    error_order: ClassVar[int] = 1  # of the estimate: ε = O(h^error_order)
    # β, and the factor 0.85: of those tried, the fewest attempts at equal error on three oscillators at 1e-6 to 1e-12
    memory: ClassVar[float] = 0.04
    degree: ClassVar[int] = 1  # of the dense output
    evaluations_of_interpolant: ClassVar[int] = 0  # of the field, besides those of the attempt
    # h|λ| beyond which stability sets the step: three quarters of where the stability region ends on the real axis,
    # since a controlled step settles below that end; 0: never
    stiffness_bound: ClassVar[float] = 0.0
    controlled: ClassVar[bool] = True  # whether the driver chooses the step; else the method does

    def carry(self, v: Any, x: Any, p: Any) -> Any:
        """The slope at x."""
        return v(x, p)

    def attempt(self, v: Any, x: Any, p: Any, carried: Any, h: Any, size: Size | None = None) -> Attempt:
        """One step from x; of length h, or at most h for a method that chooses by `size`, if it is given.

        `size(y)` is the mean square of a vector's components in units of the tolerances.
        """
        raise TypeError(f"{type(self).__name__} defines no attempt(v, x, p, carried, h, size)")

    def fitted(self, rtol: float) -> AdaptiveMethod:
        """The method as it serves this tolerance best: itself, unless its order is open."""
        return self

    def interpolant(self, v: Any, x: Any, p: Any, h: Any, found: Attempt) -> tuple[Any, ...]:
        """The coefficients of the dense output."""
        raise TypeError(f"{type(self).__name__} defines no interpolant(v, x, p, h, found)")

    def squared_error(self, squares: tuple[Any, ...], h: Any) -> Any:
        """ε² from the mean squares of the errors' components in units of the tolerances."""
        return squares[0]

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """The step as a method with a fixed step size takes it."""
        return self.attempt(v, state, p, self.carry(v, state, p), h).x

    @property
    def exponents(self) -> tuple[float, float]:
        """α and β of the step control. Hairer & Wanner (1996), IV.2: α = 1/q - 0.75 β for an estimate of order q."""
        return 1 / self.error_order - 0.75 * self.memory, self.memory


def check_adaptive(method: Any) -> AdaptiveMethod:
    """The method itself, or an error that names those there are."""
    if isinstance(method, type) and issubclass(method, AdaptiveMethod):
        raise InputError(f"method is the class {method.__name__}; write {method.__name__}()")
    if not isinstance(method, AdaptiveMethod):
        raise InputError(
            f"method is {method!r}, which estimates no error; give DormandPrince(), Tsitouras(), DOP853(), "
            "Rosenbrock() or Taylor(), or take trajectory() with a fixed step"
        )
    return method


def beginning(
    field: AnyField,
    method: AdaptiveMethod,
    X: np.ndarray,
    P: np.ndarray,
    longest: float,
    tolerance: Sequence[np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """What the first attempts start with, rows (·, m), and first steps (m,), for points X (n, m), parameters P (·, m).

    X ends with the time if the field depends on it. A step of h₀ tells how fast the slope turns: Hairer, Nørsett &
    Wanner (1993), II.4. The steps are at most `longest` in length and have its sign.
    """
    v, x, p = field.autonomous().on_tuples, tuple(X), tuple(P)
    with np.errstate(all="ignore"):
        carried = [np.broadcast_to(np.asarray(entry, float), X.shape[1:]) for entry in flat(method.carry(v, x, p))]
        if not method.controlled:
            return np.array(carried).reshape(-1, X.shape[1]), np.full(X.shape[1], longest)
        unit = [a + r * abs(xi) for xi, r, a in zip(x[: field.n], *tolerance, strict=True)]

        def size(y: Any) -> Any:
            return np.sqrt(sum((yi / u) ** 2 for yi, u in zip(y, unit)) / field.n)

        slope, most = v(x, p), abs(longest)
        here, speed = size(x), size(slope)
        trial = np.minimum(np.where((here < 1e-5) | (speed < 1e-5), 1e-6, 0.01 * here / speed), most)
        ahead = v(axpy(trial * np.sign(longest), slope, x), p)
        bend = size(axpy(-1.0, slope, ahead)) / trial
        wanted = (0.01 / np.maximum(np.maximum(bend, speed), 1e-15)) ** (1 / method.error_order)
        first = np.fmin(np.fmin(100.0 * trial, wanted), most)
    return np.array(carried).reshape(-1, X.shape[1]), first * np.sign(longest)
