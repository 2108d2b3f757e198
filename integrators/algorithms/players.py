"""Players in turn, and players at rates of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from dynsys.array_field import AnyField
from dynsys.errors import InputError, shown
from dynsys.vector import axpy, part, put, scale
from integrators.algorithms.runge_kutta import Euler
from integrators.method import Method
from integrators.states import flat, shaped
from integrators.wrapping import Wrapper, check_positive_number, check_whole


def _check_players(method: Method, field: AnyField) -> None:
    if len(field.players) < 2:
        raise InputError(f"{method.label} needs players, and the field has one block of variables; give it players=")


@dataclass(frozen=True)
class Alternating(Wrapper):
    r"""Players in turn: each moves by `method` at the point that the players before it have left.

    .. math:: \theta^+ = \theta + h v_\theta(\theta, \phi), \qquad \phi^+ = \phi + h v_\phi(\theta^+, \phi)

    for the default, gradient steps. `method` is one method or one a player; `players` are the numbers of the players
    in the order of their turns (default: the game's), `steps` how many steps each takes in a turn (default: one). A
    player's memory is what it has kept from its own last turn.

    On [[a, b], [c, d]] with one variable a player: ζ² - (2 + h(a + d) + h²bc)ζ + (1 + ha)(1 + hd). On a bilinear game
    ζ² - (2 - s²)ζ + 1, s = hσ: neutral for s < 2, a Jordan block at 2, and θ² + φ² - hθφ is conserved exactly for
    v = (-φ, θ), θ first. With one variable a player and v_θ independent of θ, v_φ of φ it is the symplectic Euler
    method of the Hamiltonian system v = Ω∇H, and only then is it symplectic. De Vogelaere (1956); Gidel et al. (2019).
    """

    method: Method | Sequence[Method] = Euler()
    players: Sequence[int] = ()
    steps: Sequence[int] = ()
    joint: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "players", tuple(check_whole(k, "players", 0) for k in self.players))
        object.__setattr__(self, "steps", tuple(check_whole(k, "steps", 1) for k in self.steps))
        if not isinstance(self.method, Method):
            object.__setattr__(self, "method", tuple(self.method))
        if len(set(self.players)) < len(self.players):
            raise InputError(f"players is {self.players}; each player has one turn")
        super().__post_init__()

    @property
    def inner(self) -> tuple[Method, ...]:
        """The methods around which this one is built."""
        return (self.method,) if isinstance(self.method, Method) else tuple(self.method)

    @property
    def order(self) -> int | None:  # type: ignore[override]
        """1: the players' turns are a splitting of the flow."""
        return None if super().order is None else 1

    @property
    def evaluations(self) -> int:  # type: ignore[override]
        """Evaluations of the whole field that cost as much; with n players each computes its own part only."""
        return max(m.evaluations for m in self.inner) * max(self.steps, default=1)

    def check(self, field: AnyField) -> None:
        """Raise `InputError` if there are no players, or other players than the arguments name."""
        super().check(field)
        _check_players(self, field)
        n = len(field.players)
        for name, given in (("players", self.players), ("steps", self.steps)):
            if given and len(given) != n:
                raise InputError(f"{name} is {given} but the field has {n} players; give one number for each")
        if self.players and max(self.players) >= n:
            raise InputError(f"players is {self.players}; the field's are numbered 0 to {n - 1}")
        if len(self.inner) not in (1, n):
            raise InputError(f"method holds {len(self.inner)} methods but the field has {n} players; give one for each")
        if len({_nesting(_first_state(m, field.n)) for m in self.inner}) > 1:
            names = " and ".join(m.label for m in self.inner)
            raise InputError(f"method is {names}, which keep different memories; give each player one of the same kind")
        if max(self.steps, default=1) > 1 and any(_counts(m, field.n) for m in self.inner):
            raise InputError("steps is above 1 for a method that counts its steps; each turn must be one step")

    def clock(self, players: int) -> tuple[float, ...]:
        """Each player's own clock, times its steps in a turn."""
        steps = self.steps or (1,) * players
        return tuple(self._of(k).clock(players)[k] * steps[k] for k in range(players))

    def _of(self, player: int) -> Method:
        return self.inner[min(player, len(self.inner) - 1)]

    def _turns(self, v: Any) -> list[tuple[Method, Sequence[int], int]]:
        """Method, variables and steps of each turn; blocks beyond the players (a time variable) come last."""
        n = len(v.blocks)
        order = [*self.players, *range(len(self.players), n)]
        return [(self._of(k), v.blocks[k], self.steps[k] if k < len(self.steps) else 1) for k in order]

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """Each player's own entries of the state after its turn; counters advance with the last.

        A field that can leave out the other players' components does so where they are not looked at.
        """
        turns = self._turns(v)
        for turn, (method, block, count) in enumerate(turns):
            seen = v.turn(block) if hasattr(v, "turn") and method.evaluations == 1 else v
            for _ in range(count):
                new = method.step(seen, state, p, h)
                state = _merged(state, new, block, len(flat(self.position(state))), turn == len(turns) - 1)
        return state


def _merged(old: Any, new: Any, block: Sequence[int], n: int, last: bool) -> Any:
    """The old state with the block's entries of each of its points from the new one."""
    if not isinstance(old, tuple):
        return new if last else old
    if len(old) == n and not any(isinstance(entry, tuple) for entry in old):
        return put(old, block, part(new, block))
    return tuple(_merged(a, b, block, n, last) for a, b in zip(old, new, strict=True))


def _nesting(state: Any) -> Any:
    """How the numbers of a state are nested."""
    return tuple(map(_nesting, state)) if isinstance(state, tuple) else None


def _first_state(method: Method, n: int) -> Any:
    """How the method's states are made, whatever the field of n variables."""
    return method.initial(lambda x, p: x, (1.0,) * n, ())


def _counts(method: Method, n: int) -> bool:
    """Whether a state of the method holds more than points."""
    return any(len(leaf) != n for leaf in _leaves(_first_state(method, n)))


def _leaves(state: Any) -> list[tuple[Any, ...]]:
    """The innermost tuples of a state."""
    inner = [part for part in state if isinstance(part, tuple)]
    return [leaf for part in inner for leaf in _leaves(part)] if inner else [state]


@dataclass(frozen=True)
class StormerVerlet(Method):
    r"""Strang's composition of the players' own flows, each by the explicit midpoint method.

    Half a step of every player but the last, a whole step of the last, and the half steps again in reverse order.
    Order 2 on every field. Where no player's gradient depends on its own variables a midpoint step is a gradient step,
    and two blocks give the Störmer-Verlet method

    .. math:: \theta' = \theta + \tfrac h2 v_\theta(\phi), \quad \phi^+ = \phi + h\,v_\phi(\theta'), \quad
              \theta^+ = \theta' + \tfrac h2 v_\theta(\phi^+),

    symplectic and symmetric; on a bilinear game neutral for hσ < 2. Störmer (1907); Verlet (1967); Strang (1968).
    """

    order: ClassVar[int | None] = 2
    evaluations: ClassVar[int] = 4
    joint: ClassVar[bool] = False

    def check(self, field: AnyField) -> None:
        """Raise `InputError` if the field has no players."""
        _check_players(self, field)

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """Half steps forth, one whole step, half steps back."""
        x = state
        *first, last = v.blocks
        for block, share in [*((b, h / 2) for b in first), (last, h), *((b, h / 2) for b in reversed(first))]:
            middle = put(x, block, part(axpy(share / 2, v(x, p), x), block))
            x = put(x, block, part(axpy(share, v(middle, p), x), block))
        return x


@dataclass(frozen=True)
class Rates(Wrapper):
    r"""Players at rates of their own: player i's updates by `method` are scaled by the rate τᵢ.

    .. math:: x_i^+ = x_i + \tau_i h\,v_i(x)

    for gradient steps. Any other method sees the field (τᵢ vᵢ), so that its stages and memories are scaled, too;
    coordinate-wise methods, for which the length of a gradient counts for nothing, have their displacement scaled. The
    iterates follow ẋᵢ = τᵢ vᵢ. Without rates all are 1. With two players and τ = (1, τ) this is τ-GDA.
    Heusel et al. (2017); Fiez & Ratliff (2021).
    """

    method: Method = Euler()
    rates: Sequence[float] = ()
    joint: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "rates", tuple(check_positive_number(rate, "rates") for rate in self.rates))
        super().__post_init__()

    @property
    def moves(self) -> str:  # type: ignore[override]
        """As the method around which it is."""
        return self.method.moves

    def check(self, field: AnyField) -> None:
        """Raise `InputError` if there is not one rate a player."""
        super().check(field)
        if self.rates and len(self.rates) != len(field.players):
            raise InputError(
                f"rates is {shown(self.rates)} but the field has {len(field.players)} players; give one rate for each"
            )

    def clock(self, players: int) -> tuple[float, ...]:
        """The method's clock times the rates."""
        rates = self.rates or (1,) * players
        return tuple(c * rate for c, rate in zip(self.method.clock(players), rates, strict=True))

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """The method's step on the scaled field, or its step scaled."""
        rates = _of_variables(self.rates, v.blocks)
        if not self.method.coordinatewise:
            return self.method.step(_Scaled(v, rates), state, p, h)
        new = self.method.step(v, state, p, h)
        x, y = flat(self.position(state)), flat(self.position(new))
        moved = tuple(a + rate * (b - a) for a, b, rate in zip(x, y, rates, strict=True))
        return shaped((*moved, *flat(new)[len(x) :]), new)

    def initial(self, v: Any, x: Any, p: Any) -> Any:
        """The method's first state on the field it sees."""
        if self.method.coordinatewise:
            return self.method.initial(v, x, p)
        return self.method.initial(_Scaled(v, _of_variables(self.rates, v.blocks)), x, p)


def _of_variables(rates: Sequence[Any], blocks: Sequence[Sequence[int]]) -> tuple[Any, ...]:
    """The rate of each variable; 1 where there is none, as for time."""
    found = {i: rate for block, rate in zip(blocks, rates, strict=False) for i in block}
    return tuple(found.get(i, 1) for i in range(sum(map(len, blocks))))


class _Scaled:
    """The field (τᵢ vᵢ)."""

    def __init__(self, v: Any, rates: Sequence[Any]):
        self.v, self.rates, self.blocks = v, rates, v.blocks

    def __call__(self, x: Any, p: Any) -> Any:
        return tuple(rate * component for rate, component in zip(self.rates, self.v(x, p), strict=True))

    def jacobian(self, x: Any, p: Any) -> Any:
        return tuple(scale(rate, row) for rate, row in zip(self.rates, self.v.jacobian(x, p), strict=True))

    def gradients(self, x: Any, p: Any) -> Any:
        by_player = [self.rates[block[0]] for block in self.v.blocks]
        return tuple(scale(rate, row) for rate, row in zip(by_player, self.v.gradients(x, p), strict=True))
