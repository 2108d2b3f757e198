"""Averages of the iterates, and methods around a method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from dynsys.array_field import AnyField
from dynsys.errors import InputError
from dynsys.matrix_free import OnPlayers
from dynsys.vector import axpy, maximum, minimum, part, put, repeat, scale, unit
from integrators.algorithms.runge_kutta import Euler
from integrators.method import Method
from integrators.states import flat, shaped
from integrators.wrapping import Wrapper, check_between, check_positive_number, check_whole


@dataclass(frozen=True)
class Lookahead(Wrapper):
    r"""Lookahead: k steps of `method`, then back to a point between the start and the end of them.

    .. math:: x^+ = x + \alpha\,(\Phi_h^k(x) - x), \qquad 1 + \alpha\,(R(z)^k - 1)

    One step is one cycle; the inner method's memory goes on from cycle to cycle. Order 1 on the clock αk h.
    Raises `InputError` unless k ≥ 1 and 0 < α ≤ 1. Zhang et al. (2019); in games: Chavdarova et al. (2021).
    """

    method: Method = Euler()
    k: int = 5
    alpha: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", check_whole(self.k, "k", 1))
        object.__setattr__(self, "alpha", check_between(self.alpha, "alpha", 0, 1, "high"))
        super().__post_init__()

    @property
    def order(self) -> int | None:  # type: ignore[override]
        """1, since the chord is not the flow; the inner method's with α = 1."""
        inner = super().order
        return inner if inner is None or self.alpha == 1 else 1

    @property
    def evaluations(self) -> int:  # type: ignore[override]
        """k times the inner method's."""
        return self.k * super().evaluations

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """One cycle."""
        slow = flat(self.position(state))
        fast = repeat(lambda s: self.method.step(v, s, p, h), self.k, state)
        x = axpy(self.alpha, axpy(-1, slow, flat(self.position(fast))), slow)
        return shaped((*x, *flat(fast)[len(x) :]), fast)

    def clock(self, players: int) -> tuple[float, ...]:
        """α k times the inner method's."""
        return tuple(self.alpha * self.k * c for c in self.method.clock(players))


@dataclass(frozen=True)
class UniformAverage(Wrapper):
    r"""The mean of all iterates, start included, kept beside the iterates of `method`.

    .. math:: \bar x_k = \frac1{k + 1} \sum_{i=0}^k x_i

    Ruppert (1988), Polyak & Juditsky (1992); in games: Bruck (1977).
    """

    method: Method = Euler()

    @property
    def differentiable(self) -> str:  # type: ignore[override]
        """The mean's weights depend on the step."""
        return "a mean of all iterates has a memory of 1/k; take the multipliers of the method inside"

    def initial(self, v: Any, x: Any, p: Any) -> Any:
        """The mean of the start alone."""
        return self.method.initial(v, x, p), x, (unit(x),)

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """The state is the inner state, the mean and the number of points in it."""
        inner, mean, (count,) = state
        inner = self.method.step(v, inner, p, h)
        count = count + 1
        return inner, axpy(1 / count, axpy(-1, mean, self.method.position(inner)), mean), (count,)

    def position(self, state: Any) -> Any:
        """The last iterate."""
        return self.method.position(state[0])

    def average(self, state: Any) -> Any:
        """The mean."""
        return state[1]


@dataclass(frozen=True)
class ExponentialAverage(Wrapper):
    r"""An exponential mean of the iterates, kept beside the iterates of `method`.

    .. math:: \bar x^+ = \delta \bar x + (1 - \delta) x^+

    Raises `InputError` unless 0 ≤ δ < 1. In games: Yazıcı et al. (2019).
    """

    method: Method = Euler()
    decay: float = 0.99

    def __post_init__(self) -> None:
        object.__setattr__(self, "decay", check_between(self.decay, "decay", 0, 1, "low"))
        super().__post_init__()

    def initial(self, v: Any, x: Any, p: Any) -> Any:
        """The mean of the start alone."""
        return self.method.initial(v, x, p), x

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """The state is the inner state and the mean."""
        inner, mean = state
        inner = self.method.step(v, inner, p, h)
        return inner, axpy(1 - self.decay, self.method.position(inner), scale(self.decay, mean))

    def position(self, state: Any) -> Any:
        """The last iterate."""
        return self.method.position(state[0])

    def average(self, state: Any) -> Any:
        """The mean."""
        return state[1]


@dataclass(frozen=True)
class HistoricalAveraging(Method):
    r"""Historical averaging: every player is drawn to the mean of its own past.

    .. math:: x^+ = x + h\,(v(x) - 2c\,(x - \bar x)), \qquad \bar x \text{ the mean of all iterates so far}

    the gradient of the payoff less c‖x - x̄‖² with the past held fixed. Raises `InputError` unless c ≥ 0.
    Salimans et al. (2016), section 3.
    """

    c: float = 1.0
    differentiable: ClassVar[str] = "the mean of all iterates has a memory of 1/k"

    def __post_init__(self) -> None:
        check_between(self.c, "c", 0, float("inf"), "low")

    def initial(self, v: Any, x: Any, p: Any) -> Any:
        """The past is the start."""
        return x, x, (unit(x),)

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """The state is x, the mean and the number of points in it."""
        x, mean, (count,) = state
        x = axpy(h, axpy(-2 * self.c, axpy(-1, mean, x), v(x, p)), x)
        count = count + 1
        return x, axpy(1 / count, axpy(-1, mean, x), mean), (count,)


@dataclass(frozen=True)
class PolynomialDecay:
    """The factor (1 + k/k₀)⁻ᵖ of the k-th step: p = `power`, k₀ = `offset`. Robbins & Monro (1951)."""

    power: float = 0.5
    offset: float = 1.0

    def __post_init__(self) -> None:
        check_between(self.power, "power", 0, float("inf"), "low")
        check_positive_number(self.offset, "offset")

    def __call__(self, k: Any) -> Any:
        """The factor of step k = 0, 1, …."""
        return (1 + k / self.offset) ** (-self.power)


@dataclass(frozen=True)
class ExponentialDecay:
    """The factor rᵏ of the k-th step, r = `ratio`."""

    ratio: float = 0.999

    def __post_init__(self) -> None:
        check_between(self.ratio, "ratio", 0, 1, "high")

    def __call__(self, k: Any) -> Any:
        """The factor of step k = 0, 1, …."""
        return self.ratio**k


@dataclass(frozen=True)
class Scheduled(Wrapper):
    r"""`method` with step sizes h s(0), h s(1), …; `schedule` is s, a function of arithmetic in the step number.

    .. math:: x_{k+1} = \Phi_{h s(k)}(x_k)
    """

    method: Method = Euler()
    schedule: Callable[[Any], Any] = PolynomialDecay()

    @property
    def order(self) -> None:  # type: ignore[override]
        """Its steps have no common size."""

    @property
    def differentiable(self) -> str:  # type: ignore[override]
        """The update depends on the step number."""
        return "the step size changes from step to step; take the multipliers of the method inside at each"

    def __post_init__(self) -> None:
        if not callable(self.schedule):
            raise InputError(f"schedule is {self.schedule!r}; give a function of the step, e.g. PolynomialDecay()")
        super().__post_init__()

    def initial(self, v: Any, x: Any, p: Any) -> Any:
        """The inner method's first state, and step number 0."""
        return self.method.initial(v, x, p), (0 * unit(x),)

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """The inner method's step with this step's size."""
        inner, (k,) = state
        return self.method.step(v, inner, p, h * self.schedule(k)), (k + 1,)

    def position(self, state: Any) -> Any:
        """The inner method's point."""
        return self.method.position(state[0])

    def average(self, state: Any) -> Any:
        """The inner method's."""
        return self.method.average(state[0])


@dataclass(frozen=True)
class Box:
    """The nearest point with all coordinates, or those of one player (by number), in [low, high]: clipping."""

    low: float = -1.0
    high: float = 1.0
    player: int | None = None

    def __post_init__(self) -> None:
        low, high = check_between(self.low, "low", -float("inf"), float("inf")), self.high
        check_between(high, "high", low, float("inf"))

    def __call__(self, x: Any, blocks: Any) -> Any:
        """The nearest point to x."""
        indices = range(len(x)) if self.player is None else blocks[self.player]
        return put(x, indices, tuple(minimum(maximum(x[i], self.low), self.high) for i in indices))


@dataclass(frozen=True)
class Simplex:
    """The nearest point at which every player's variables are a probability vector.

    The threshold τ of max(xᵢ - τ, 0) is the largest (sum of the k largest - 1)/k over k. Held, Wolfe & Crowder (1974).
    """

    def __call__(self, x: Any, blocks: Any) -> Any:
        """The nearest point to x."""
        for block in blocks:
            own = part(x, block)
            falling = list(own)
            for i in range(len(own)):
                for j in range(len(own) - 1 - i):
                    a, b = falling[j], falling[j + 1]
                    falling[j], falling[j + 1] = maximum(a, b), minimum(a, b)
            total, threshold = falling[0], falling[0] - 1
            for k, value in enumerate(falling[1:], start=2):
                total = total + value
                threshold = maximum(threshold, (total - 1) / k)
            x = put(x, block, tuple(maximum(xi - threshold, 0.0) for xi in own))
        return x


@dataclass(frozen=True)
class Projected(Wrapper):
    r"""`method` followed by a projection: `onto` is `Box(low, high, player)`, `Simplex()` or such a function.

    .. math:: x^+ = P(\Phi_h(x))

    Weight clipping of the Wasserstein GAN is Box(-c, c, player of the critic). Goldstein (1964); Arjovsky, Chintala &
    Bottou (2017).
    """

    method: Method = Euler()
    onto: Callable[[Any, Any], Any] = Box()
    joint: ClassVar[bool] = False
    coordinatewise: ClassVar[bool] = True
    differentiable: ClassVar[str] = "a projection has no derivative on the boundary; take the method inside"
    moves: ClassVar[str] = "it stops at the boundary, where v need not vanish"

    def __post_init__(self) -> None:
        if not callable(self.onto):
            raise InputError(f"onto is {self.onto!r}; give Box(low, high), Simplex() or a function of x and the blocks")
        super().__post_init__()

    @property
    def order(self) -> None:  # type: ignore[override]
        """The flow leaves the set."""

    def check(self, field: AnyField) -> None:
        """Raise `InputError` if the box names a player that is not there."""
        super().check(field)
        if isinstance(self.onto, Simplex) and isinstance(field, OnPlayers):
            raise InputError("onto is Simplex(), which sorts variables one by one; give a field with formulas")
        player = getattr(self.onto, "player", None)
        if player is not None and not 0 <= player < len(field.players):
            raise InputError(f"player is {player}; the field's are numbered 0 to {len(field.players) - 1}")

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """The inner step, then the nearest point."""
        new = self.method.step(v, state, p, h)
        x = self.onto(flat(self.method.position(new)), v.blocks)
        return shaped((*x, *flat(new)[len(x) :]), new)
