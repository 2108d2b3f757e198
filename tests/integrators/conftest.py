"""The oracle of every run, a loop that shares nothing with the kernels; every method; and the fields they meet."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from dynsys import Game, games
from dynsys.vector import axpy, matvec, scale
from integrators import Euler, Method, Newton, RungeKutta4, Status, method_named, methods
from integrators.algorithms.adaptive_moments import Adam
from integrators.algorithms.averaging import (
    Box,
    ExponentialAverage,
    ExponentialDecay,
    Lookahead,
    PolynomialDecay,
    Projected,
    Scheduled,
    Simplex,
    UniformAverage,
)
from integrators.algorithms.competitive import CompetitiveGradient
from integrators.algorithms.extragradient import Extragradient
from integrators.algorithms.implicit import ImplicitMidpoint
from integrators.algorithms.momentum import ComplexMomentum, HeavyBall, Nesterov
from integrators.algorithms.multistep import OptimisticGradient
from integrators.algorithms.players import Alternating, Rates
from integrators.algorithms.runge_kutta import ExplicitRungeKutta

# --- the oracle -----------------------------------------------------------------------------------


def entries(state):
    """The numbers of a nested tuple, in order."""
    return [number for part in state for number in entries(part)] if isinstance(state, tuple) else [state]


def refilled(state, numbers):
    """The nested tuple with its numbers replaced by those of the list, which is used up."""
    return tuple(refilled(part, numbers) for part in state) if isinstance(state, tuple) else numbers.pop(0)


def naive_run(field, start, method, h, steps, bound=1e10, t0=0.0):
    """Every point of a run, its status and the steps it took; one Python statement for each rule."""
    period = field.period or (None,) * field.n
    moving, point = field.autonomous(), tuple(np.float64(c) for c in start)
    if field.time is not None:
        point = (*point, np.float64(t0))
    v, p = moving.on_tuples, tuple(map(np.float64, moving.values()))
    with np.errstate(all="ignore"):
        state = method.initial(v, point, p)
        points, status = [method.position(state)[: field.n]], Status.FINISHED
        averages = [method.average(state)[: field.n]]
        for _ in range(steps):
            new = method.step(v, state, p, np.float64(h))
            numbers = entries(new)
            for i, w in enumerate(period):
                numbers[i] = numbers[i] if w is None else numbers[i] % w
            after, new = numbers[:], refilled(new, numbers)
            y = method.position(new)[: field.n]
            if not np.isfinite(y).all():
                status = Status.NOT_FINITE
            elif np.abs(y).max() > bound:
                status = Status.DIVERGED
            elif after == entries(state):
                status = Status.STATIONARY
            if status != Status.FINISHED:
                break
            state = new
            points.append(y)
            averages.append(method.average(new)[: field.n])
    return SimpleNamespace(
        x=np.array(points), status=status, steps=len(points) - 1, average=np.array(averages) if averages[0] else None
    )


@pytest.fixture(scope="session")
def naive():
    return naive_run


# --- methods of a user ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Ahead(Method):
    """Extragradient with its own extrapolation step."""

    reach: float = 1.0
    order: ClassVar[int | None] = 1
    evaluations: ClassVar[int] = 2

    def step(self, v, state, p, h):
        return axpy(h, v(axpy(self.reach * h, v(state, p), state), p), state)


@dataclass(frozen=True)
class Taylor2(Method):
    """The Taylor method x + h v + h²/2 J v: one that needs the Jacobian."""

    order: ClassVar[int | None] = 2

    def step(self, v, state, p, h):
        slope = v(state, p)
        return axpy(h, axpy(h / 2, matvec(v.jacobian(state, p), slope), slope), state)


@dataclass(frozen=True)
class Reflected(Method):
    """The projected reflected gradient method of Malitsky (2015) without constraint: x⁺ = x + h v(2x - x⁻)."""

    order: ClassVar[int | None] = 1

    def initial(self, v, x, p):
        return x, x

    def step(self, v, state, p, h):
        x, last = state
        return axpy(h, v(axpy(-1, last, scale(2, x)), p), x), x


# --- every method ---------------------------------------------------------------------------------

RALSTON3 = ExplicitRungeKutta(((0, 0, 0), ("1/2", 0, 0), (0, Fraction(3, 4), 0)), ("2/9", "1/3", "4/9"))
CASES = {
    **{name: method_named(name) for name in methods()},
    "newton": Newton(),
    "users-ahead": Ahead(0.75),
    "users-taylor": Taylor2(),
    "users-reflected": Reflected(),
    "negative-momentum": HeavyBall(-0.3),
    "nesterov-negative": Nesterov(-0.4),
    "complex-momentum-0.3+0.6j": ComplexMomentum(0.3 + 0.6j),
    "extragradient-two-steps": Extragradient(extrapolation=0.5, update=0.25),
    "tableau": RALSTON3,
    "alternating-heavy-ball": Alternating(HeavyBall()),
    "alternating-ogda": Alternating(OptimisticGradient()),
    "alternating-rk4": Alternating(RungeKutta4()),
    "alternating-two-momenta": Alternating((HeavyBall(-0.5), HeavyBall(0.25))),
    "alternating-second-first-twice": Alternating(players=(1, 0), steps=(2, 1)),
    "rates-euler": Rates(Euler(), (0.5, 2.0)),
    "rates-extragradient": Rates(Extragradient(), (0.5, 2.0)),
    "rates-heavy-ball": Rates(HeavyBall(), (0.5, 2.0)),
    "rates-adam": Rates(Adam(), (0.5, 2.0)),
    "rates-implicit-midpoint": Rates(ImplicitMidpoint(), (0.5, 2.0)),
    "rates-cgd": Rates(CompetitiveGradient(), (0.5, 2.0)),
    "lookahead-heavy-ball": Lookahead(HeavyBall()),
    "lookahead-rk4": Lookahead(RungeKutta4(), k=3, alpha=1.0),
    "lookahead-loop": Lookahead(k=12),
    "uniform-average-extragradient": UniformAverage(Extragradient()),
    "exponential-average-extragradient": ExponentialAverage(Extragradient(), decay=0.75),
    "scheduled-polynomial": Scheduled(HeavyBall(), PolynomialDecay(power=0.75, offset=2.0)),
    "scheduled-exponential": Scheduled(Euler(), ExponentialDecay(0.875)),
    "projected-box": Projected(Euler(), Box(-0.25, 0.25)),
    "projected-box-of-player": Projected(Extragradient(), Box(-0.125, 0.125, player=1)),
    "projected-simplex": Projected(HeavyBall(), Simplex()),
}  # fmt: skip


@pytest.fixture(params=CASES.values(), ids=list(CASES), scope="session")
def any_method(request):
    return request.param


@pytest.fixture(scope="session")
def cases():
    return CASES


# Two players, one variable each: the nonlinear game of the reference figure, with the zeros (0, 0) and (1, -2).
SADDLE = games.spiral_saddle().field()
# Blocks of different lengths, a parameter, and every player's payoff feels every variable.
WIDE = Game(
    players={"a": ("x",), "b": ("y", "z")},
    payoffs={"a": "k*x*y - x**2 + x*z + x**3/2 + x", "b": "-x*y - y**2 - y*z/2 - z**2/2 + x*y*z/2 - z + y/2"},
    parameters={"k": 1.5},
    name="wide",
).field()
FIELDS = {"saddle": SADDLE, "wide": WIDE}


@pytest.fixture(scope="session")
def wide():
    return WIDE


@pytest.fixture(params=FIELDS.values(), ids=list(FIELDS), scope="session")
def any_field(request):
    return request.param
