"""Methods that reckon with the other players' next step; their coefficient is the step size.

J_o is the Jacobian of v without the blocks of each player's own variables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from dynsys.array_field import AnyField
from dynsys.errors import InputError
from dynsys.matrix_free import OnPlayers
from dynsys.vector import axpy, dot, matvec, minimum, scale, solve, where
from integrators.method import Method
from integrators.wrapping import check_between, check_positive_number


def _off_diagonal(J: Any, blocks: Sequence[Sequence[int]]) -> Any:
    """J_o: the Jacobian with each player's own block set to 0."""
    owner = {i: k for k, block in enumerate(blocks) for i in block}
    n = len(J)
    return tuple(tuple(0 if owner[i] == owner[j] else J[i][j] for j in range(n)) for i in range(n))


def _shaping(J: Any, gradients: Any, blocks: Sequence[Sequence[int]]) -> Any:
    """χ: of player i's payoff, the change that the others' steps bring when xᵢ changes those steps."""
    owner = {i: k for k, block in enumerate(blocks) for i in block}
    n = len(J)
    return tuple(sum(J[j][i] * gradients[owner[i]][j] for j in range(n) if owner[j] != owner[i]) for i in range(n))


class _Competitive(Method):
    """Needs players, and the entries of the Jacobian."""

    order: ClassVar[int | None] = 1
    joint: ClassVar[bool] = False

    def check(self, field: AnyField) -> None:
        """Raise `InputError` if the field has no players, or its Jacobian no entries."""
        if isinstance(field, OnPlayers):
            field.jacobian((), ())
        if len(field.players) < 2:
            raise InputError(f"{self.label} needs players, and the field has one block of variables; give it players=")


class _Shaping(_Competitive):
    """Needs the players' payoffs."""

    def check(self, field: AnyField) -> None:
        """Raise `InputError` if the field has no payoffs."""
        super().check(field)
        if field.game is None or field.base is not None:
            raise InputError(f"{self.label} needs payoffs; give it the field of a game, not a transformed one")


@dataclass(frozen=True)
class CompetitiveGradient(_Competitive):
    r"""Competitive gradient descent: the Nash equilibrium of the game's local bilinear approximation.

    .. math:: x^+ = x + h\,(I - \eta h J_o(x))^{-1} v(x)

    with η = 1 as published. On a bilinear game it is the implicit Euler method. Order 1.
    Schäfer & Anandkumar (2019); more than two players: Ma et al. (2021).
    """

    eta: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "eta", check_positive_number(self.eta, "eta"))

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """Δ = h (I - ηh J_o)⁻¹ v."""
        J = _off_diagonal(v.jacobian(state, p), v.blocks)
        rows = tuple(
            tuple((1 if i == j else 0) - self.eta * h * e for j, e in enumerate(row)) for i, row in enumerate(J)
        )
        return axpy(h, solve(rows, v(state, p)), state)


@dataclass(frozen=True)
class LookAhead(_Competitive):
    r"""LookAhead: each player's gradient at the point that the others' next gradient steps lead to, to first order.

    .. math:: x^+ = x + h\,(I + \eta h J_o(x))\,v(x)

    with η = 1 as published. Order 1. Zhang & Lesser (2010); Letcher et al. (2019).
    """

    eta: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "eta", check_positive_number(self.eta, "eta"))

    @property
    def label(self) -> str:
        """Told apart from the method around methods of Zhang et al. (2019)."""
        return "opponent-lookahead"

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """x + h(v + ηh J_o v)."""
        slope = v(state, p)
        others = matvec(_off_diagonal(v.jacobian(state, p), v.blocks), slope)
        return axpy(h, axpy(self.eta * h, others, slope), state)


@dataclass(frozen=True)
class LOLA(_Shaping):
    r"""Learning with opponent-learning awareness: LookAhead that also shapes the others' steps.

    .. math:: x^+ = x + h\,(I + \eta h J_o)\,v + \eta h^2 \chi, \qquad
              \chi_i = \sum_{j \ne i} (\partial v_j/\partial x_i)^\top\, \partial f_i/\partial x_j

    with η = 1 as published. χ need not vanish where v does, so equilibria move with h. Order 1. Foerster et al. (2018),
    in the notation of Letcher et al. (2019).
    """

    eta: float = 1.0
    moves: ClassVar[str] = "its shaping term moves the fixed points away from the zeros of v as h grows"

    def __post_init__(self) -> None:
        object.__setattr__(self, "eta", check_positive_number(self.eta, "eta"))

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """LookAhead and the shaping term."""
        slope, J = v(state, p), v.jacobian(state, p)
        ahead = axpy(self.eta * h, matvec(_off_diagonal(J, v.blocks), slope), slope)
        return axpy(h, axpy(self.eta * h, _shaping(J, v.gradients(state, p), v.blocks), ahead), state)


@dataclass(frozen=True)
class SOS(_Shaping):
    r"""Stable opponent shaping: LookAhead with a share p of LOLA's shaping term that vanishes at zeros of v.

    .. math:: x^+ = x + h(\xi_0 + p h \chi), \quad \xi_0 = (I + h J_o) v, \quad p = \min(p_1, p_2)

    p₁ = 1 if ⟨hχ, ξ₀⟩ ≥ 0, else min(1, -a‖ξ₀‖²/⟨hχ, ξ₀⟩); p₂ = ‖v‖² if ‖v‖ < b, else 1. Order 1.
    Raises `InputError` unless 0 < a, b < 1. Letcher et al. (2019), Algorithm 1.
    """

    a: float = 0.5
    b: float = 0.1
    differentiable: ClassVar[str] = "the share of the shaping term is chosen piecewise"

    def __post_init__(self) -> None:
        check_between(self.a, "a", 0, 1)
        check_between(self.b, "b", 0, 1)

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """LookAhead and the share p of the shaping term."""
        slope, J = v(state, p), v.jacobian(state, p)
        ahead = axpy(h, matvec(_off_diagonal(J, v.blocks), slope), slope)
        shaping = scale(h, _shaping(J, v.gradients(state, p), v.blocks))
        along, square = dot(shaping, ahead), dot(slope, slope)
        safe = where(along < 0, along, -1.0)
        first = where(along < 0, minimum(-self.a * dot(ahead, ahead) / safe, 1.0), 1.0)
        second = where(square < self.b * self.b, square, 1.0)
        return axpy(h, axpy(minimum(first, second), shaping, ahead), state)
