"""A diagnosis in words: the table of Ritz values, the verdict a practitioner can act on, and its limits."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

import numpy as np

from analysis.krylov import RitzValues

if TYPE_CHECKING:
    from analysis.diagnosis import Diagnosis

WIDTH = 110


def page(found: Diagnosis) -> str:
    """The whole diagnosis as text of at most 110 characters a line, with no need of a terminal."""
    from rich.console import Console
    from rich.table import Table

    out = io.StringIO()
    console = Console(file=out, width=WIDTH, color_system=None, highlight=False)
    sizes = ", ".join(f"{player} {size}" for player, size in found.sizes.items())
    console.print(f"{found.name}: {found.n} variables ({sizes}), {found.dtype}", markup=False)
    table = Table("quantity", "value", "residual", "verdict")
    for title, ritz, of_update in (
        ("largest Re λ of J", found.real, False),
        ("largest |λ| of J", found.modulus, False),
        (f"largest |ζ|, {found.method.label}, h = {found.h or 0:g}", found.multipliers, True),
    ):
        for i, row in enumerate([] if ritz is None else _rows(ritz, of_update)):
            table.add_row(title if i == 0 else "", *row)
    for player, curvature in found.curvatures.items():
        said = "refuted" if curvature.refuted else "not refuted" if curvature.symmetric else "no verdict"
        table.add_row(f"own curvature, {player}", f"{curvature.largest:.4g}", f"{curvature.residual:.1g}", said)
    table.add_row("rotation ‖A‖/‖J‖", found.rotation.text, "", "")
    console.print(table)
    for title, sentences in (("Verdict", found.words), ("Limits", found.limits)):
        console.print(f"{title}:", markup=False)
        for sentence in sentences:
            console.print(f"- {sentence}", markup=False)
    console.print(f"{found.products} products with J and Jᵀ, {found.seconds:.3g} s", markup=False)
    return out.getvalue().rstrip("\n")


def _rows(ritz: RitzValues, of_update: bool) -> list[tuple[str, str, str]]:
    """Value, residual and verdict; of a conjugate pair one row."""
    rows = []
    for i, (z, residual, converged) in enumerate(zip(ritz.values, ritz.residuals, ritz.converged, strict=True)):
        if z.imag < 0:
            continue
        unsure = "" if ritz.decided[i] else "undecided, observed "
        verdict = _of_multiplier(z, ritz.margins[i]) if of_update else unsure + SIDES[ritz.sides[i]]
        value = number(z) + (f", |ζ| = {abs(z):.8g}" if of_update else "")
        rows.append((value, f"{residual:.1e}", verdict + ("" if converged else ", not converged")))
    return rows


SIDES = {"left": "stable", "right": "unstable", "axis": "on the imaginary axis", "zero": "not told from 0"}


def _of_multiplier(z: complex, margin: float) -> str:
    distance = abs(z) - 1
    return "on the unit circle" if abs(distance) <= margin else "inside" if distance < 0 else "outside"


def number(z: complex) -> str:
    """A real number, or a conjugate pair as a ± bi."""
    return f"{z.real:.6g}" if z.imag == 0 else f"{z.real:.6g} ± {abs(z.imag):.6g}i"


def verdict(found: Diagnosis) -> list[str]:
    """What was found, then what to do."""
    return [_where(found), _flow(found), *_nash(found), _rotation(found), *_update(found), *_consensus(found)] + [
        f"Advice: {advice}" for advice in _advice(found)
    ]


def _where(found: Diagnosis) -> str:
    each = ", ".join(f"{player} {speed:.3g}" for player, speed in found.speeds.items())
    if found.at_rest:
        return f"v vanishes to rounding here: ‖v‖ = {found.speed:.3g} ({each})."
    return (
        f"Training is not at an equilibrium: ‖v‖ = {found.speed:.3g} ({each}); to first order a zero of v is at least "
        f"‖v‖/‖J‖ = {found.distance:.2g} away. What follows is about the point where training stands."
    )


def _flow(found: Diagnosis) -> str:
    ritz = found.real
    whole = "All eigenvalues were looked at" if found.complete else f"{len(ritz.values)} Ritz values were looked at"
    leading: dict[tuple[str, bool], complex] = {}
    for z, side, sure in zip(ritz.values, ritz.sides, ritz.decided, strict=True):
        leading.setdefault((side, bool(sure)), complex(z))
    if ("right", True) in leading:
        return f"The flow of v is unstable here: J has the Ritz value {number(leading['right', True])}. {whole}."
    if ("axis", True) in leading:
        return f"The spectrum of J touches the imaginary axis at {number(leading['axis', True])}. {whole}."
    unsure = next((z for (_, sure), z in leading.items() if not sure), None)
    if unsure is not None:
        return (
            f"Whether the flow of v is stable here is undecided: the residual of {number(unsure)} is larger than its "
            f"distance from the imaginary axis. {whole}; more products decide."
        )
    zero = ", but some that are not told from 0" if "zero" in ritz.sides else ""
    return f"No eigenvalue of J with positive real part was found{zero}. {whole}."


def _nash(found: Diagnosis) -> list[str]:
    return [
        f"Local maximum of {player}'s payoff in its own variables: {curvature.verdict}."
        for player, curvature in found.curvatures.items()
    ]


def _rotation(found: Diagnosis) -> str:
    return f"Rotation makes up ‖A‖/‖J‖ = {found.rotation.text} of the Jacobian (0: a gradient, 1: rotation alone)."


def _update(found: Diagnosis) -> list[str]:
    name, sentences = found.method.label, []
    if found.multipliers is not None:
        ritz = found.multipliers
        beyond = np.abs(ritz.values) - 1
        worst = int(np.argmax(beyond))
        size, margin = 1 + float(beyond[worst]), float(ritz.margins[worst])
        said = "repels" if size - 1 > margin else "attracts, on what was found" if size + margin < 1 else "is neutral"
        sentences.append(f"The update of {name} at h = {found.h:g} {said}: largest multiplier found |ζ| = {size:.8g}.")
    if found.steps is not None:
        sentences.append(f"On the observed eigenvalues {name} is {found.steps.text}.")
    return sentences


def _consensus(found: Diagnosis) -> list[str]:
    sentences = [f"Consensus, v - γ∇½‖v‖²: {found.gamma.text}."]
    if found.pair is not None:
        pair = found.pair
        unsure = "" if pair.converged else " (not all of them converged)"
        sentences.append(
            f"At γ = {pair.gamma:.3g} {found.method.label} is {pair.steps.text} on the observed eigenvalues of "
            f"J - γJᵀJ{unsure}."
        )
    return sentences


def _advice(found: Diagnosis) -> list[str]:
    """What follows for training; only what was found speaks."""
    refuted = [player for player, curvature in found.curvatures.items() if curvature.refuted]
    advice = []
    if refuted:
        verb = "is" if len(refuted) == 1 else "are"
        advice.append(f"{' and '.join(refuted)} {verb} not at a local maximum: no local Nash point; go on training.")
    largest = 0.0 if found.steps is None else found.steps.largest
    if largest and found.h is not None and found.h >= largest:
        advice.append(f"the step is too large; take h < {largest:.3g}.")
    elif largest and found.h is None and math.isfinite(largest):
        advice.append(f"{found.method.label} needs h < {largest:.3g} here.")
    if refuted and found.gamma.gamma > 0:
        advice.append(
            f"keep γ below {found.gamma.gamma:.2g}: from there on consensus makes this point attract, on what was "
            "observed, although it is no local Nash point."
        )
    elif not largest and found.pair is not None and found.pair.steps.largest:
        advice.append(
            f"{found.method.label} alone does not contract here at small steps; consensus with γ = "
            f"{found.pair.gamma:.2g} and h below {found.pair.steps.largest:.2g} does, on what was observed."
        )
    return advice or ["nothing found here asks for a change."]


def limits(found: Diagnosis) -> list[str]:
    """What the diagnosis does not say."""
    said = []
    if not found.complete:
        said.append(
            f"{len(found.real.values)} Ritz values by real part and {len(found.modulus.values)} by modulus were looked "
            "at; an eigenvalue not found may be unstable."
        )
    ritz = [part for part in (found.real, found.modulus, found.multipliers) if part is not None]
    open_ = sum(int((~part.converged).sum()) for part in ritz)
    if open_:
        said.append(f"{open_} Ritz values have not converged: take their residuals, or give more products.")
    said.append(
        "A residual is a backward error: of a J that is far from normal, eigenvalues may be off by more than it."
    )
    said.append("Not refuted is not proved: a direction of positive curvature may have been missed.")
    if not found.at_rest:
        said.append(
            "v is not 0 here: curvatures refute no equilibrium but this point, and the Jacobian of the consensus field "
            "has second derivatives of v besides J - γJᵀJ."
        )
    if found.piecewise:
        said.append(f"The field is smooth in pieces ({found.piecewise}): what is said holds on the piece around x.")
    if found.dtype == "float32":
        floor = found.real.floor
        said.append(f"In single precision nothing below {floor:.1g} (of ‖J‖ ≥ {found.real.norm:.2g}) is told from 0.")
    return said + [f"{note}." for note in found.notes]
