"""The whole answer for one game: fields, fixed points, labels, critical steps, and a verdict in words."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from analysis.classification import Classification, classify
from analysis.stability import CriticalStep, critical_step
from analysis.zeros import FixedPoints, fixed_points
from dynsys.field import Box, VectorField
from dynsys.game import Game
from dynsys.transforms import consensus, conservative_relaxation
from integrators.checks import check_step
from integrators.method import Method


@dataclass(frozen=True)
class Panel:
    """One field with everything about its fixed points in the box; the three tuples run in parallel."""

    symbol: str
    title: str
    field: VectorField
    fixed_points: FixedPoints
    labels: tuple[Classification, ...]
    steps: tuple[CriticalStep, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts."""
        points = [
            {**point.to_dict(), **label.to_dict(), "critical_step": step.to_dict()}
            for point, label, step in zip(self.fixed_points, self.labels, self.steps, strict=True)
        ]
        return {"title": self.title, **self.fixed_points.to_dict(), "points": points}


@dataclass(frozen=True)
class Report:
    """The panels of v, -∇L and w = v - γ∇L, and what they mean in words."""

    subject: Game | VectorField
    panels: tuple[Panel, Panel, Panel]
    gamma: float
    h: float
    method: Method
    box: Box
    seed: int

    @property
    def words(self) -> list[str]:
        """The verdict, sentence by sentence."""
        v, _, w = self.panels
        return [*_existence(v), *_training(v, self, "v"), *_training(w, self, "w"), *_conclusion(w, self)]

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain numbers and texts, for JSON."""
        game = self.subject if isinstance(self.subject, Game) else None
        v = self.panels[0].field
        return {
            "name": self.subject.name,
            "digest": self.subject.digest,
            "players": {k: list(own) for k, own in (game or v).players.items()},
            "payoffs": None if game is None else {k: str(f) for k, f in game.payoffs.items()},
            "field": [str(e) for e in v.expressions],
            "parameters": dict(v.parameters),
            "zero_sum": None if game is None else game.is_zero_sum,
            "potential": None if game is None else game.is_potential,
            "gamma": self.gamma,
            "h": self.h,
            "method": self.method.label,
            "box": [list(pair) for pair in self.box],
            "seed": self.seed,
            "verdict": self.words,
            "fields": {panel.symbol: panel.to_dict() for panel in self.panels},
            "versions": versions(),
        }


def versions() -> dict[str, str]:
    """Versions of Python and of every package that a number depends on."""
    names = ("dynsys-games", "numpy", "scipy", "numba", "sympy", "mpmath", "matplotlib")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed as a distribution"
    return found


def analyse(
    subject: Game | VectorField,
    gamma: float,
    h: float,
    method: Method,
    box: Any = None,
    seed: int = 0,
    progress: Callable[[str], None] = lambda text: None,
) -> Report:
    """Analyse a game, or a field, in `box` (default: its own) under `method` at step h and consensus coefficient γ.

    `progress` is told what is being done. Raises `InputError` for a box that is missing or empty and for h ≤ 0.
    """
    v = subject.field() if isinstance(subject, Game) else subject
    chosen = v.region(box)
    h = check_step(h)
    name = next(n for n in ("gamma", "gamma_consensus", "gamma_") if n not in (*v.parameters, *v.variables))
    fields = (
        ("v", "$v$", v),
        ("-∇L", r"$-\nabla L$", conservative_relaxation(v)),
        ("w", rf"$v-\gamma\nabla L$, $\gamma={gamma:g}$", consensus(v, gamma, name=name)),
    )
    panels = []
    for symbol, title, field in fields:
        progress(f"fixed points of {symbol}")
        found = fixed_points(field, chosen, seed=seed)
        progress(f"labels and critical steps of {symbol}")
        labels = tuple(classify(field, point.x, method, h) for point in found)
        steps = tuple(critical_step(field, point.x, method) for point in found)
        panels.append(Panel(symbol, title, field, found, labels, steps))
    return Report(subject, (panels[0], panels[1], panels[2]), gamma, h, method, chosen, seed)


def coordinates(label: Classification) -> str:
    """(x, y, …) to seven digits."""
    return "(" + ", ".join(f"{c + 0.0:.7g}" for c in np.where(np.abs(label.x) < 1e-12, 0.0, label.x)) + ")"


def name_of(label: Classification) -> str:
    """The point in one phrase: its place in the game, then in the dynamics."""
    if label.spurious:
        return f"the spurious zero {coordinates(label)}"
    nash = {True: "weak Nash equilibrium", False: "", None: ""}[label.is_nash]
    if "strict Nash" in label.labels:
        nash = "strict Nash equilibrium"
    kind = (label.base_flow or label.flow).kind
    return f"the {nash or kind} {coordinates(label)}"


def eigenvalue_text(values: np.ndarray) -> str:
    """Conjugate pairs as a ± bi."""
    parts: list[str] = []
    seen: list[complex] = []
    for z in values:
        if any(abs(z - np.conj(other)) < 1e-12 * (1 + abs(z)) and abs(z.imag) > 1e-12 for other in seen):
            continue
        seen.append(z)
        parts.append(f"{z.real + 0.0:.6g}" if abs(z.imag) < 1e-12 else f"{z.real + 0.0:.6g} ± {abs(z.imag):.6g}i")
    return ", ".join(parts)


def _existence(panel: Panel) -> list[str]:
    found, labels = panel.fixed_points, panel.labels
    sentences = []
    nash = [label for label in labels if label.is_nash]
    if panel.field.game is not None and not nash:
        undecided = any(label.is_nash is None for label in labels)
        sentences.append(
            "No Nash equilibrium in this box" + (" is certain; some points are undecided." if undecided else ".")
        )
    for label in labels:
        eigenvalues = eigenvalue_text(label.flow.eigenvalues)
        nature = label.kind if label.is_nash else ", ".join(_notable(label)) or "no Nash equilibrium"
        suffix = (
            f", a {label.kind} of the flow" if label.is_nash else f" ({nature})" if panel.field.game is not None else ""
        )
        sentences.append(f"v vanishes at {name_of(label)}{suffix}, eigenvalues {eigenvalues}.")
    sentences += [f"v vanishes on {continuum.text}." for continuum in found.continua]
    sentences.append(f"Completeness for v: {found.completeness.text}.")
    return sentences


def _notable(label: Classification) -> list[str]:
    kept = ("non-Nash attractor of v", "every player at its worst", "mixed")
    return [
        "not Nash" if label.is_nash is False else "Nash undecided",
        *[name for name in kept if name in label.labels],
    ]


def _training(panel: Panel, report: Report, symbol: str) -> list[str]:
    method = "Simultaneous gradient (euler)" if report.method.label == "euler" else report.method.label.capitalize()
    where = "v" if symbol == "v" else f"w = v - γ∇L with γ = {report.gamma:g}"
    sentences = []
    for label, step in zip(panel.labels, panel.steps, strict=True):
        extra = ""
        if label.spurious:
            extra = f", where v does not vanish (‖v‖ = {_speed(label)}),"
        elif "made attracting by the transformation" in label.labels and not label.is_nash:
            extra = ", made attracting by γ,"
        assert label.update is not None
        at_h = {"stable": "attracts", "neutral": "is neutral", "unstable": "does not attract"}[label.update.verdict]
        sentences.append(f"{method} on {where}: {name_of(label)}{extra} {at_h} at h = {report.h:g}; {step_text(step)}.")
    return sentences


def step_text(step: CriticalStep) -> str:
    """When the update is stable, in words."""
    if step.stable and not step.neutral:
        return step.text.replace("stable for h", "stable iff h", 1)
    return step.text.replace("unstable at every h in (0, ∞)", "unstable at every h > 0")


def _speed(label: Classification) -> str:
    return label.reasons["spurious zero"].split("= ")[-1]


def _conclusion(panel: Panel, report: Report) -> list[str]:
    wanted = [label for label in panel.labels if label.is_nash]
    reached = [label for label in wanted if label.attracts]
    others = [label for label in panel.labels if label.attracts and not label.is_nash]
    setting = f"At h = {report.h:g}, γ = {report.gamma:g}"
    if panel.field.game is None:
        names = ", ".join(coordinates(label) for label in others) or "no fixed point in the box"
        return [f"{setting} the update of w is attracted by {names}."]
    if not wanted:
        return [f"{setting} there is no Nash equilibrium in this box to reach.", *_also(setting, others)]
    if not reached:
        return [f"{setting} the update of w is attracted by no Nash equilibrium in the box.", *_also(setting, others)]
    names = " and ".join(coordinates(label) for label in reached)
    if not others:
        return [f"{setting} the update of w is attracted by {names} and by no other fixed point in the box."]
    return [f"{setting} the update of w is attracted by {names}.", *_also(setting, others)]


def _also(setting: str, others: list[Classification]) -> list[str]:
    if not others:
        return []
    return [f"{setting} it is attracted, too, by " + " and ".join(name_of(label) for label in others) + ": not Nash."]
