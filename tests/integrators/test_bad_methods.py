"""What is refused, and that each refusal names the argument, the value and the remedy."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, is_dataclass

import numpy as np
import pytest

from dynsys import VectorField, games
from dynsys.errors import InputError
from dynsys.transforms import consensus
from dynsys.vector import axpy, where
from integrators import Euler, Method, ensemble, method_named, methods, trajectory
from integrators.algorithms.adaptive_moments import Adam, AMSGrad, RMSProp
from integrators.algorithms.averaging import (
    Box,
    ExponentialAverage,
    ExponentialDecay,
    HistoricalAveraging,
    Lookahead,
    PolynomialDecay,
    Projected,
    Scheduled,
    UniformAverage,
)
from integrators.algorithms.competitive import LOLA, SOS, CompetitiveGradient, LookAhead
from integrators.algorithms.extragradient import Extragradient
from integrators.algorithms.momentum import ComplexMomentum, HeavyBall, Nesterov
from integrators.algorithms.players import Alternating, Rates, StormerVerlet
from integrators.algorithms.runge_kutta import ExplicitRungeKutta

SADDLE = games.spiral_saddle().field()
LONELY = VectorField(("y", "-x"), ("x", "y"))
HEUN = ((0, 0), (1, 0))
HALVES = ("1/2", "1/2")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ExplicitRungeKutta(HEUN, ("1/2", "1/3")), ["weights b sum to 5/6", "needs 1"]),
        (lambda: ExplicitRungeKutta(((0, 0), ("1/2", "1/2")), HALVES), ["row 1 of A", "explicit method needs"]),
        (lambda: ExplicitRungeKutta(((0, 1), (1, 0)), HALVES), ["row 0 of A", "explicit method needs"]),
        (lambda: ExplicitRungeKutta(((0, 0), (0.5, 0)), (0, 1)), ["A[1][0] is 0.5", "Fraction", "'1/3'"]),
        (lambda: ExplicitRungeKutta(HEUN, (0.5, 0.5)), ["b[0] is 0.5", "Fraction"]),
        (lambda: ExplicitRungeKutta(HEUN, ("half", "1/2")), ["b[0] is 'half'", "'1/3'"]),
        (lambda: ExplicitRungeKutta(HEUN, ("1/0", "1/2")), ["b[0] is '1/0'"]),
        (lambda: ExplicitRungeKutta(HEUN, (True, 0)), ["b[0] is True"]),
        (lambda: ExplicitRungeKutta(HEUN, HALVES, c=(0, "1/2")), ["c is", "rows of A sum to 0, 1", "leave c out"]),
        (lambda: ExplicitRungeKutta(((0,), (1, 0)), HALVES), ["[1, 2]", "b has 2", "s rows of s"]),
        (lambda: ExplicitRungeKutta((), ()), ["b has 0", "s rows of s"]),
        *((lambda b=b: HeavyBall(b), [f"beta is {b}", "(-1, 1)"]) for b in (1.0, -1.0, 1.5)),
        (lambda: HeavyBall(float("nan")), ["beta is nan"]),
        (lambda: HeavyBall("big"), ["beta is 'big'"]),
        (lambda: Nesterov(1.0), ["beta is 1", "(-1, 1)"]),
        (lambda: ComplexMomentum(0.6 + 0.8j), ["|b|", "[0, 1)"]),
        (lambda: ComplexMomentum(complex("nan")), ["b, real part", "nan"]),
        (lambda: Lookahead(k=0), ["k is 0", "whole number, at least 1"]),
        (lambda: Lookahead(k=1.5), ["k is 1.5", "whole number"]),
        (lambda: Lookahead(alpha=0.0), ["alpha is 0", "(0, 1]"]),
        (lambda: Lookahead(alpha=1.25), ["alpha is 1.25", "(0, 1]"]),
        (lambda: Lookahead(Euler), ["class Euler", "Euler()"]),
        (lambda: UniformAverage("euler"), ["'euler'", "Euler()"]),
        (lambda: ExponentialAverage(decay=1.0), ["decay is 1", "[0, 1)"]),
        (lambda: HistoricalAveraging(-1.0), ["c is -1", "[0, ∞)"]),
        (lambda: Extragradient(0.0), ["extrapolation is 0", "(0, ∞)"]),
        (lambda: Extragradient(update=-1.0), ["update is -1", "(0, ∞)"]),
        (lambda: Adam(beta1=1.0), ["beta1 is 1", "[0, 1)"]),
        (lambda: Adam(beta2=-0.1), ["beta2 is -0.1", "[0, 1)"]),
        (lambda: AMSGrad(epsilon=-1e-8), ["epsilon is -1e-08", "[0, ∞)"]),
        (lambda: RMSProp(rho=1.0), ["rho is 1", "[0, 1)"]),
        (lambda: CompetitiveGradient(0.0), ["eta is 0", "(0, ∞)"]),
        (lambda: LookAhead(-1.0), ["eta is -1"]),
        (lambda: LOLA(-1.0), ["eta is -1"]),
        (lambda: SOS(a=1.0), ["a is 1", "(0, 1)"]),
        (lambda: SOS(b=0.0), ["b is 0", "(0, 1)"]),
        (lambda: PolynomialDecay(power=-1.0), ["power is -1"]),
        (lambda: PolynomialDecay(offset=0.0), ["offset is 0"]),
        (lambda: ExponentialDecay(1.5), ["ratio is 1.5", "(0, 1]"]),
        (lambda: Scheduled(schedule=0.5), ["schedule is 0.5", "PolynomialDecay()"]),
        (lambda: Box(1.0, -1.0), ["high is -1"]),
        (lambda: Projected(onto=1.0), ["onto is 1.0", "Box(low, high)"]),
        (lambda: Rates(rates=(1.0, 0.0)), ["rates is 0", "(0, ∞)"]),
        (lambda: Alternating(players=(0, 0)), ["players is (0, 0)", "one turn"]),
        (lambda: Alternating(players=(0, -1)), ["players is -1", "at least 0"]),
        (lambda: Alternating(steps=(1, 0)), ["steps is 0", "at least 1"]),
        (lambda: Alternating((Euler(), 3)), ["method is 3", "Euler()"]),
        # --- by name
        (lambda: method_named("heavybal"), ["'heavybal'", "'heavy-ball'"]),
        (lambda: method_named("heavy-ball:bta=.3"), ["'bta'", "'beta'"]),
        (lambda: method_named("heavy-ball:beta=x"), ["'beta=x'", "name=number"]),
        (lambda: method_named("heavy-ball:beta"), ["'beta'", "name=number"]),
        (lambda: method_named("heavy-ball:beta="), ["'beta='", "name=number"]),
        (lambda: method_named("heavy-ball:beta=2"), ["beta is 2", "(-1, 1)"]),
        (lambda: method_named("lookahead:k=1.5"), ["'k=1.5'"]),
        (lambda: method_named("nestrov"), ["'nestrov'", "'nesterov'"]),
    ],
)  # fmt: skip
def test_a_hyperparameter_that_makes_no_sense_is_refused_with_the_remedy(make, said):
    with pytest.raises(InputError) as caught:
        make()
    message = str(caught.value)
    assert all(piece in message for piece in said), message
    assert "\n" not in message and len(message) < 250


@pytest.mark.parametrize(
    ("text", "method"),
    [
        ("heavy-ball:beta=0.3", HeavyBall(0.3)),
        ("heavy-ball: beta = -.25", HeavyBall(-0.25)),
        ("adam:beta1=.5,epsilon=1e-3", Adam(0.5, 0.999, 1e-3)),
        ("lookahead:k=3,alpha=1", Lookahead(k=3, alpha=1.0)),
        ("euler", Euler()),
    ],
)
def test_settings_in_a_name_are_hyperparameters(text, method):
    assert method_named(text) == method


def test_every_number_among_the_hyperparameters_can_be_set_by_name():
    for name, cls in methods().items():
        for f in fields(cls):
            if isinstance(f.default, float) and not is_dataclass(f.default):
                value = 0.625 * f.default or 0.625
                assert getattr(method_named(f"{name}:{f.name}={value!r}"), f.name) == value


THREE = VectorField(("y", "-x", "z"), ("x", "y", "z"), players={"a": ["x"], "b": ["y"], "c": ["z"]})


@pytest.mark.parametrize(
    ("field", "method", "said"),
    [
        *((LONELY, m, [m.label, "needs players", "players="])
          for m in (Alternating(), CompetitiveGradient(), LookAhead(), LOLA(), SOS(), StormerVerlet())),
        (LONELY, Rates(rates=(1.0, 2.0)), ["rates is (1.0, 2.0)", "1 players", "one rate for each"]),
        (LONELY, Lookahead(Alternating()), ["needs players"]),
        (SADDLE, Rates(rates=(1.0, 2.0, 3.0)), ["rates is", "2 players", "one rate for each"]),
        (THREE, Rates(rates=(1.0, 2.0)), ["rates is", "3 players", "one rate for each"]),
        (THREE, Alternating(players=(1, 0)), ["players is (1, 0)", "3 players", "one number for each"]),
        (SADDLE, Alternating(players=(0, 2)), ["players is (0, 2)", "0 to 1"]),
        (SADDLE, Alternating(steps=(1, 2, 1)), ["steps is (1, 2, 1)", "2 players"]),
        (THREE, Alternating((Euler(), HeavyBall())), ["2 methods", "3 players", "one for each"]),
        (SADDLE, Alternating(Adam(), steps=(2, 1)), ["steps is above 1", "counts its steps", "must be one step"]),
        (SADDLE, Projected(onto=Box(player=2)), ["player is 2", "0 to 1"]),
        (THREE, LOLA(), ["lola needs payoffs", "field of a game"]),
        (consensus(SADDLE, gamma=0.1), LOLA(), ["lola needs payoffs", "not a transformed one"]),
        (consensus(SADDLE, gamma=0.1), SOS(), ["sos needs payoffs", "not a transformed one"]),
        (consensus(SADDLE, gamma=0.1), Lookahead(LOLA()), ["lola needs payoffs"]),
    ],
)  # fmt: skip
def test_a_field_that_lacks_what_the_method_needs_is_refused_by_every_run(field, method, said):
    for run in (lambda: trajectory(field, [0.1] * field.n, method, 0.1, 1),
                lambda: ensemble(field, [[0.1] * field.n], method, 0.1, 1)):  # fmt: skip
        with pytest.raises(InputError) as caught:
            run()
        assert all(piece in str(caught.value) for piece in said), str(caught.value)


# --- a user's step that cannot be traced ------------------------------------------------------------


@dataclass(frozen=True)
class Branching(Method):
    """Chooses with `if`."""

    def step(self, v, state, p, h):
        return axpy(h if state[0] > 0 else h / 2, v(state, p), state)


@dataclass(frozen=True)
class Rooted(Method):
    """Takes a root with `math`."""

    def step(self, v, state, p, h):
        return axpy(h / math.sqrt(1 + state[0] ** 2), v(state, p), state)


@dataclass(frozen=True)
class Choosing(Method):
    """Chooses with `where`."""

    def step(self, v, state, p, h):
        return axpy(where((state[0] > 0) & (state[1] <= 1.0), h, h / 2), v(state, p), state)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(("method", "remedy"), [(Branching(), "dynsys.vector.where"), (Rooted(), "dynsys.vector")])
def test_a_step_that_cannot_be_traced_is_a_type_error_that_names_the_remedy(method, remedy, compiled):
    with pytest.raises(TypeError, match=remedy):
        trajectory(SADDLE, [0.5, 0.5], method, 0.1, 1, compiled=compiled)


def test_a_step_that_chooses_with_where_runs(naive):
    for start in ([0.5, 0.5], [-0.5, 0.5], [0.5, 1.5]):
        run = trajectory(SADDLE, start, Choosing(), 0.05, 12)
        np.testing.assert_allclose(run.x, naive(SADDLE, start, Choosing(), 0.05, 12).x, rtol=1e-12)
