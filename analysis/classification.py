"""What a fixed point is: every label of game theory and of dynamics, with the numbers that decide it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.leadership import LeaderVerdict, leader_verdict
from analysis.nash import PlayerVerdict, Zero, is_nash, player_verdict
from analysis.precision import as_array, precise_jacobian, recognise
from analysis.spectra import ROUNDING, distance_to, may_be_at, sorted_eigenvalues
from analysis.updates import update_jacobian
from analysis.zeros import base_speed, zero_near
from dynsys.array_field import AnyField
from dynsys.errors import InputError
from integrators.method import Method

MARGIN = 8.0  # times the rounding error of a Jacobian: an eigenvalue closer than that to a border is undecided


@dataclass(frozen=True)
class FlowVerdict:
    """A linear flow: "stable", "unstable" or "undecided"; the numbers (n₋, n₀, n₊) of eigenvalues left of, on and
    right of the imaginary axis, within backward error; and, for n ≤ 2, the kind of point.
    """

    verdict: str
    counts: tuple[int, int, int]
    kind: str
    eigenvalues: np.ndarray

    @property
    def attracts(self) -> bool | None:
        """True, False, or None where the linearisation cannot tell."""
        return {"stable": True, "unstable": False, "undecided": None}[self.verdict]


@dataclass(frozen=True)
class UpdateVerdict:
    """A linear update: "stable", "neutral" or "unstable", with its multipliers, largest modulus first."""

    verdict: str
    multipliers: np.ndarray
    method: str
    h: float

    @property
    def attracts(self) -> bool | None:
        """True, False, or None where the update is neutral."""
        return {"stable": True, "unstable": False, "neutral": None}[self.verdict]


@dataclass(frozen=True)
class Classification:
    """What a zero of a field is.

    `kind` names it under the flow of the field; `is_nash` is True, False or None for a local Nash equilibrium of the
    game; `attracts` is the verdict of the update if a method and h were given, else of the flow; `labels` lists every
    notion that holds, and `reasons` maps each notion looked at, held or not, to the numbers that decided.
    """

    x: np.ndarray
    kind: str
    is_nash: bool | None
    attracts: bool | None
    labels: tuple[str, ...]
    reasons: dict[str, str]
    flow: FlowVerdict
    base_flow: FlowVerdict | None
    update: UpdateVerdict | None
    players: tuple[PlayerVerdict, ...]
    leaders: tuple[LeaderVerdict, ...]
    spurious: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts."""
        flow = self.flow
        result: dict[str, Any] = {
            "kind": self.kind,
            "is_nash": self.is_nash,
            "attracts": self.attracts,
            "labels": list(self.labels),
            "reasons": self.reasons,
            "flow": {"verdict": flow.verdict, "counts": list(flow.counts)},
        }
        if self.update is not None:
            values = [[float(z.real), float(z.imag)] for z in self.update.multipliers]
            result["update"] = {"verdict": self.update.verdict, "multipliers": values}
        return result


def classify(field: AnyField, x: Any, method: Method | None = None, h: float | None = None) -> Classification:
    """All labels of the zero x of `field`, with reasons.

    Notions of the game (Nash, minimax, Stackelberg, DGM-stable) are those of the field's game at x, whatever the
    transformation; flow and update are those of `field` itself. A verdict is "undecided" if a matrix within rounding
    error of the Jacobian decides otherwise.

    Raises `InputError` if x is not a zero, or only one of `method` and `h` is given.
    """
    if (method is None) != (h is None):
        raise InputError(f"give both method and h, or neither: method is {method!r}, h is {h!r}")
    precise = zero_near(field, x)
    zero = Zero(precise, recognise(field, precise))
    point = np.array([float(c) for c in precise])
    J = as_array(precise_jacobian(field, precise)).reshape(field.n, field.n)
    flow = flow_verdict(J)
    root = field.root
    base_flow = None
    notes: dict[str, tuple[bool | None, str]] = {}
    speed, spurious = base_speed(field, precise)
    if field.base is not None and not spurious:
        base_flow = flow_verdict(as_array(precise_jacobian(root, precise)).reshape(field.n, field.n))
    players = (
        tuple(player_verdict(field.game, p, zero) for p in field.game.players) if field.game and not spurious else ()
    )
    leaders: tuple[LeaderVerdict, ...] = ()
    nash: bool | None = None
    if field.game is not None:
        nash = False if spurious else is_nash(players)
        if spurious:
            notes["Nash"] = (False, f"v does not vanish: ‖v‖ = {speed:.6g}, so some player gains to first order")
        else:
            notes |= _nash_notes(players, nash)
            if len(field.game.players) == 2:
                leaders = tuple(leader_verdict(field.game, p, zero) for p in field.game.players)
                notes |= _leader_notes(field, leaders)
            notes["DGM-stable"] = _dgm(as_array(precise_jacobian(root, precise)).reshape(field.n, field.n))
    notes |= _transformation_notes(field, spurious, speed, nash, flow, base_flow)
    notes[f"{flow.verdict} flow"] = (True, f"eigenvalues {_list(flow.eigenvalues)}; (n₋, n₀, n₊) = {flow.counts}")
    update = None
    if method is not None and h is not None:
        update = update_verdict(field, point, method, h)
        sizes = ", ".join(f"{abs(z):.6g}" for z in update.multipliers)
        notes[f"{update.verdict} update"] = (True, f"{method.label} with h = {h:g}: |ζ| = {sizes}")
    return Classification(
        x=point,
        kind=flow.kind,
        is_nash=nash,
        attracts=flow.attracts if update is None else update.attracts,
        labels=tuple(name for name, (holds, _) in notes.items() if holds),
        reasons={name: reason for name, (_, reason) in notes.items()},
        flow=flow,
        base_flow=base_flow,
        update=update,
        players=players,
        leaders=leaders,
        spurious=spurious,
    )


def _list(values: np.ndarray) -> str:
    return ", ".join(f"{z.real:.6g}" if abs(z.imag) < 1e-12 else f"{z.real:.6g}{z.imag:+.6g}i" for z in values)


def _nash_notes(players: tuple[PlayerVerdict, ...], nash: bool | None) -> dict[str, tuple[bool | None, str]]:
    strict = nash is True and all(v.maximum == "strict" for v in players)
    name = "strict Nash" if strict else "weak Nash" if nash else "Nash"
    worst = [v.is_worst for v in players]
    deciding = [v for v in players if v.maximum == "no"] if nash is False else players
    notes: dict[str, tuple[bool | None, str]] = {name: (nash, "; ".join(v.reason for v in deciding))}
    if all(worst):
        notes["every player at its worst"] = (True, "every own Hessian is positive definite")
    elif nash is False and any(v.maximum == "no" for v in players) and any(v.maximum != "no" for v in players):
        notes["mixed"] = (True, ", ".join(f"{v.player}: {_role(v)}" for v in players))
    return notes


def _role(verdict: PlayerVerdict) -> str:
    return {"strict": "at a maximum", "weak": "at a weak maximum", "no": "not at a maximum"}.get(
        verdict.maximum, "undecided"
    )


def _leader_notes(field: AnyField, leaders: tuple[LeaderVerdict, ...]) -> dict[str, tuple[bool | None, str]]:
    assert field.game is not None
    notion = "strict minimax" if field.game.is_zero_sum else "differential Stackelberg"
    return {f"{notion}, {v.leader} leads": (v.holds, v.reason) for v in leaders}


def _dgm(J: np.ndarray) -> tuple[bool | None, str]:
    """Symmetric part ⪯ 0 and J invertible, in the convention that players maximise. Letcher et al. (2019)."""
    top = float(np.linalg.eigvalsh((J + J.T) / 2)[-1])
    smallest = distance_to(J, 0)
    tolerance = MARGIN * ROUNDING * float(np.linalg.norm(J))
    reason = f"largest eigenvalue of the symmetric part {top:.6g}, smallest singular value of J {smallest:.6g}"
    return bool(top <= tolerance and smallest > tolerance), reason


def _transformation_notes(
    field: AnyField,
    spurious: bool,
    speed: float,
    nash: bool | None,
    flow: FlowVerdict,
    base_flow: FlowVerdict | None,
) -> dict[str, tuple[bool | None, str]]:
    notes: dict[str, tuple[bool | None, str]] = {}
    if field.base is None:
        if nash is False and flow.attracts:
            notes["non-Nash attractor of v"] = (True, "attracts under v without being Nash")
        return notes
    if spurious:
        return {"spurious zero": (True, f"the field vanishes although ‖v‖ = {speed:.6g}")}
    notes["inherited zero"] = (True, "v vanishes here, too")
    assert base_flow is not None
    if nash is False and base_flow.attracts:
        notes["non-Nash attractor of v"] = (True, "attracts under v already, without being Nash")
    if flow.attracts and not base_flow.attracts:
        name = "made attracting by the transformation"
        notes[name] = (True, f"under v the eigenvalues are {_list(base_flow.eigenvalues)}")
    return notes


def flow_verdict(J: np.ndarray) -> FlowVerdict:
    """The verdict of the linear flow ẋ = Jx, by backward error.

    An eigenvalue λ counts as on the imaginary axis if a change to J within rounding error can move it to i Im λ. So a
    defective eigenvalue is judged by its distance to the axis in the pseudospectrum, not by its condition alone.
    """
    values = sorted_eigenvalues(np.linalg.eigvals(J))
    tolerance = MARGIN * ROUNDING * float(np.linalg.norm(J))
    on_axis = [may_be_at(J, z, 1j * z.imag, tolerance) for z in values]
    left = sum(1 for z, on in zip(values, on_axis, strict=True) if not on and z.real < 0)
    right = sum(1 for z, on in zip(values, on_axis, strict=True) if not on and z.real > 0)
    verdict = "unstable" if right else "undecided" if any(on_axis) else "stable"
    return FlowVerdict(
        verdict, (left, len(values) - left - right, right), _kind(J, values, (left, right), tolerance), values
    )


def _kind(J: np.ndarray, values: np.ndarray, sides: tuple[int, int], tolerance: float) -> str:
    """Name of the linear flow: for n = 2 by trace, determinant, discriminant and the rank of J - λI."""
    n, (left, right) = len(J), sides
    if left + right < n:
        if n == 2 and left + right == 0 and J[0, 0] * J[1, 1] - J[0, 1] * J[1, 0] > tolerance * np.linalg.norm(J):
            return "centre"
        return "degenerate"
    if left and right:
        return "saddle"
    side = "stable" if left else "unstable"
    if n == 1:
        return "sink" if left else "source"
    if n > 2:
        return "sink" if left else "source"
    deviator = J - np.trace(J) / 2 * np.eye(2)
    size = float(np.linalg.norm(deviator))
    if size <= tolerance:
        return f"{side} star"
    discriminant = (J[0, 0] - J[1, 1]) ** 2 + 4 * J[0, 1] * J[1, 0]
    if abs(discriminant) <= 4 * tolerance * size:  # what a change of J by the tolerance makes of 0
        return f"{side} degenerate node"
    return f"{side} focus" if discriminant < 0 else f"{side} node"


def update_verdict(field: AnyField, x: np.ndarray, method: Method, h: float) -> UpdateVerdict:
    """The verdict of the update at x; neutral if a multiplier is on the unit circle within backward error."""
    M = update_jacobian(field, x, method, h)
    values = sorted_eigenvalues(np.linalg.eigvals(M))
    values = values[np.argsort(-np.abs(values).round(12), kind="stable")]
    # rounding in h·J enters M, whose identity part is exact: compare with the size of the change, and with 1
    tolerance = ROUNDING * (float(np.linalg.norm(M - np.eye(len(M)))) + np.finfo(float).eps) + 4 * np.finfo(float).eps
    on_circle = [z != 0 and may_be_at(M, z, z / abs(z), tolerance) for z in values]
    if any(abs(z) > 1 and not on for z, on in zip(values, on_circle, strict=True)):
        verdict = "unstable"
    else:
        verdict = "neutral" if any(on_circle) else "stable"
    return UpdateVerdict(verdict, values, method.label, h)
