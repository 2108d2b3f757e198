"""Which kind of game is it: zero-sum, potential, affine-Hamiltonian, or none of them, and why?"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sympy as sp

from dynsys.errors import InputError, shown
from dynsys.field import VectorField
from dynsys.game import Game
from dynsys.identities import all_zero, is_zero


@dataclass(frozen=True)
class KindVerdict:
    """Whether a game is of a kind: `holds` is True or False, both proved, or None where SymPy cannot tell; and why."""

    holds: bool | None
    reason: str

    def __bool__(self) -> bool:
        return self.holds is True

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"holds": self.holds, "reason": self.reason}


@dataclass(frozen=True)
class GameComponents:
    """Verdicts on a game's kinds; one game can be of several.

    `zero_sum`: the payoffs add up to a constant, `total`. `potential`: one function's gradient is the field, given
    as `potential_function`. `hamiltonian`: S ≡ 0 everywhere, v = Ax + b with A = -Aᵀ; then the flow conserves
    `hamiltonian_function` = ½‖v‖². A function is None where its kind does not hold.
    """

    zero_sum: KindVerdict
    potential: KindVerdict
    hamiltonian: KindVerdict
    total: sp.Expr | None
    potential_function: sp.Expr | None
    hamiltonian_function: sp.Expr | None

    @property
    def kinds(self) -> tuple[str, ...]:
        """Those of "zero-sum", "potential" and "Hamiltonian" that hold; empty for neither."""
        verdicts = {"zero-sum": self.zero_sum, "potential": self.potential, "Hamiltonian": self.hamiltonian}
        return tuple(name for name, verdict in verdicts.items() if verdict)

    def to_dict(self) -> dict[str, Any]:
        """Plain texts and truth values."""
        functions = {
            "total": self.total,
            "potential_function": self.potential_function,
            "hamiltonian_function": self.hamiltonian_function,
        }
        return {
            "kinds": list(self.kinds),
            "zero_sum": self.zero_sum.to_dict(),
            "potential": self.potential.to_dict(),
            "hamiltonian": self.hamiltonian.to_dict(),
            **{name: None if e is None else str(e) for name, e in functions.items()},
        }


def game_components(game: Game) -> GameComponents:
    r"""Whether the game is zero-sum, potential or affine-Hamiltonian, by SymPy, each with the reason.

    .. math:: \sum_i f_i = c; \qquad v = \nabla\varphi \iff J = J^T; \qquad
              J = -J^T \text{ everywhere} \iff v = Ax + b,\ A = -A^T

    The last equivalence (Killing's equation) makes the Hamiltonian games of Balduzzi et al. (2018) affine: their flow
    conserves ½‖v‖². Along the flow of a potential game φ rises at the rate ‖v‖². A reason names the entry that
    offends. Parameters stand at their exact values. Monderer & Shapley (1996), Balduzzi et al. (2018).

    Raises `InputError` for what is no `Game`.
    """
    if not isinstance(game, Game):
        hint = "; its game is `.game`" if isinstance(game, VectorField) and game.game else ""
        raise InputError(f"game is {shown(game)}; give a Game, whose payoffs are to be compared{hint}")
    field = game.field()
    potential, function = _potential(game, field)
    hamiltonian = _hamiltonian(field)
    speed = sp.Add(*[field.at_values(e) ** 2 for e in field.expressions]) / 2
    zero_sum, total = _zero_sum(game, field)
    return GameComponents(zero_sum, potential, hamiltonian, total, function, sp.expand(speed) if hamiltonian else None)


def _zero_sum(game: Game, field: VectorField) -> tuple[KindVerdict, sp.Expr | None]:
    total = sp.expand(sp.Add(*game.exact_payoffs.values()))
    slopes = ((f"∂(sum of payoffs)/∂{s}", sp.diff(total, s)) for s in game.symbols)
    holds, entry = _all_vanish(slopes, game.is_zero_sum)
    if not holds:
        return KindVerdict(holds, entry), None
    constant = total if not total.free_symbols else _at_some_point(total, field)
    return KindVerdict(True, f"the payoffs add up to {'a constant' if constant is None else constant}"), constant


def _potential(game: Game, field: VectorField) -> tuple[KindVerdict, sp.Expr | None]:
    payoffs = game.exact_payoffs
    differences = (
        (f"∂²({one}'s payoff - {two}'s payoff)/∂{a}∂{b}", sp.diff(payoffs[one] - payoffs[two], a, b))
        for one, two in itertools.combinations(game.players, 2)
        for a in game.own_symbols(one)
        for b in game.own_symbols(two)
    )
    holds, entry = _all_vanish(differences, game.is_potential)
    if not holds:
        return KindVerdict(holds, entry), None
    function = _potential_function(game, field)
    if function is None:
        return KindVerdict(True, "the Jacobian is symmetric; SymPy cannot write its potential in closed form"), None
    return KindVerdict(True, f"the field is the gradient of {_shown(function)}"), function


def _hamiltonian(field: VectorField) -> KindVerdict:
    J = [[field.at_values(e) for e in row] for row in field.jacobian_expressions]
    entries = [
        (f"2 S[{field.variables[i]}, {field.variables[j]}]", J[i][j] + J[j][i])
        for i, j in itertools.combinations_with_replacement(range(field.n), 2)
    ]
    holds, entry = _all_vanish(entries, all_zero([e for _, e in entries]))
    if not holds:
        return KindVerdict(holds, entry)
    return KindVerdict(True, "the Jacobian is antisymmetric everywhere, so the field is affine")


def _all_vanish(entries: Iterable[tuple[str, sp.Expr]], holds: bool | None) -> tuple[bool | None, str]:
    """The verdict with the first entry that decides it: one that is not zero, or that SymPy cannot tell from zero."""
    if holds:
        return True, ""
    known = list(entries)
    name, e = next(((name, e) for name, e in known if is_zero(e) is holds), known[-1])
    if holds is None:
        return None, f"SymPy cannot tell whether {name} = {_shown(e)} vanishes"
    return False, f"{name} = {_shown(sp.expand(e))}, which is not 0 everywhere"


def _potential_function(game: Game, field: VectorField) -> sp.Expr | None:
    """φ with ∇φ = v, up to a constant, put together from payoffs: no integral is taken.

    If φ has the slopes of the players so far, the slope of f - φ in the next player's variables does not depend on
    theirs, which may stand at any base point there.
    """
    for base in _bases(field):
        done: dict[sp.Symbol, sp.Expr] = {}
        potential = sp.Integer(0)
        for player, f in game.exact_payoffs.items():
            potential += (f - potential).subs(done)
            done |= {s: base[s] for s in game.own_symbols(player)}
        potential = sp.expand(potential)
        slopes = [sp.diff(potential, s) - field.at_values(e) for s, e in zip(field.symbols, field.expressions)]
        if not potential.has(sp.zoo, sp.oo, sp.nan, sp.I) and all_zero(slopes):
            return potential - potential.as_coeff_Add()[0]
    return None


def _bases(field: VectorField) -> list[dict[sp.Symbol, sp.Expr]]:
    """Points to try: the origin, where all variables are 1 (logarithms are simple there), the middle of the box."""
    points = [dict.fromkeys(field.symbols, sp.Integer(k)) for k in (0, 1)]
    if field.box is not None:
        middle = [sp.Rational(repr((lo + hi) / 2)) for lo, hi in field.region()]
        points.append(dict(zip(field.symbols, middle, strict=True)))
    return points


def _at_some_point(total: sp.Expr, field: VectorField) -> sp.Expr | None:
    """The value of a constant expression that shows its variables, where SymPy finds one that is finite."""
    values: Iterable[sp.Expr] = (sp.simplify(total.subs(base)) for base in _bases(field))
    return next((value for value in values if value.is_finite), None)


def _shown(e: sp.Expr) -> str:
    """An expression as one line of a reason, cut where it gets long."""
    text = str(e)
    return text if len(text) <= 100 else text[:97] + "..."
