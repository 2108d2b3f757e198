"""The Dirac-GAN under every remedy: what each method does to each variant, by theory if there is one, else by runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from analysis.classification import classify
from analysis.comparison import verdict_at
from analysis.portraits import Portrait, portrait
from analysis.stability import CriticalStep, critical_step
from analysis.updates import multipliers
from dynsys import games
from dynsys.errors import InputError, nearest
from dynsys.field import VectorField
from integrators.algorithms.averaging import Box, Projected
from integrators.checks import check_count, check_step
from integrators.ensembles import ensemble
from integrators.method import Method
from integrators.status import Status

STEPS = 20_000  # of a run: small steps leave a centre slowly
AT_REST = 1e-3  # of the radius
INNER, OUTER = 0.7, 20.0  # radii of the circles round the zero on which runs start
LONGEST = 4.0  # step size up to which runs look for a border


@dataclass(frozen=True)
class Variant:
    """A way to train the Dirac-GAN: its field, the zero to judge it at, and what the critic is clipped to, if at all.

    `note` says why there is no linear theory where there is none, or which of many zeros is taken.
    """

    name: str
    title: str
    field: VectorField
    x: tuple[float, float] = (0.0, 0.0)
    clip: float | None = None
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values; the eigenvalues at the zero where the field has a Jacobian there."""
        smooth = not self.field.piecewise
        values: Any = np.linalg.eigvals(self.field.jacobian(self.x)).astype(complex) if smooth else []
        return {
            "name": self.name,
            "title": self.title,
            "parameters": dict(self.field.parameters),
            "x": list(self.x),
            "clip": self.clip,
            "eigenvalues": [[float(z.real), float(z.imag)] for z in values],
            "note": self.note,
        }

    def trained_by(self, method: Method) -> Method:
        """The method, with the projection of the critic's weight after the step where the variant clips."""
        return method if self.clip is None else Projected(method, Box(-self.clip, self.clip, player=1))


@dataclass(frozen=True)
class Outcome:
    """What a method with step h does to a variant from round its zero.

    `verdict` is "stable" (it converges), "neutral", "cycles" (runs from inside do not come to rest, and runs from
    outside come in), "diverges", or "stalls": at rest to a thousandth, away from the zero, at others or on a plateau.
    `critical` holds all steps at which the update is stable or neutral at the zero, or None where the field has no
    derivative there. Where the verdict is "cycles", it is so for h up to `cycles_below`, found by runs up to
    `LONGEST`, infinite if there was no end.
    """

    variant: Variant
    method: Method
    h: float
    verdict: str
    critical: CriticalStep | None
    cycles_below: float | None

    @property
    def text(self) -> str:
        """The critical step in words."""
        parts = ["no linear theory" if self.critical is None else self.critical.text.replace(" in (0, ∞)", "")]
        if self.cycles_below is not None:
            infinite = np.isinf(self.cycles_below)
            parts.append(f"cycles for h ≤ {LONGEST:g}" if infinite else f"cycles for h < {self.cycles_below:.3g}")
        return "; ".join(parts)

    @property
    def short(self) -> str:
        """The critical step as a cell of a table: of stability, of neutrality, or of a cycle."""
        if self.cycles_below is not None:
            return f"h ≤ {LONGEST:g}" if np.isinf(self.cycles_below) else f"h < {self.cycles_below:.3g}"
        if self.critical is None or not (self.critical.stable or self.critical.neutral):
            return "no h"
        return ", ".join(_interval(*span) for span in self.critical.stable or self.critical.neutral)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; no `cycles_below` where there was no end."""
        below = self.cycles_below
        return {
            "variant": self.variant.name,
            "method": self.method.label,
            "hyperparameters": {k: str(v) for k, v in self.method.hyperparameters.items()},
            "h": self.h,
            "verdict": self.verdict,
            "decided_by": "multipliers" if self.verdict in ("stable", "neutral") else "runs",
            "critical_step": None if self.critical is None else self.critical.to_dict(),
            "cycles_below": None if below is None or np.isinf(below) else below,
            "text": self.text,
        }


def _interval(low: float, high: float) -> str:
    above, below = f"{low:.4g} < " if low else "", "" if np.isinf(high) else f" < {high:.4g}"
    return f"{above}h{below}" if above or below else "every h"


def variants() -> tuple[Variant, ...]:
    """The family, at the parameters of the catalogue."""
    made: list[Variant] = []

    def add(name: str, title: str, **more: Any) -> None:
        game = games.named(name)
        field = game if isinstance(game, VectorField) else game.field()
        made.append(Variant(more.pop("label", name), title, field, **more))

    add("dirac-gan", "GAN")
    add("dirac-non-saturating", "non-saturating")
    add("wgan-dirac", "WGAN")
    clipped = "near 0 the projection does nothing, so the multipliers there are the method's own"
    add("wgan-dirac", "WGAN, clipped to 1", label="wgan-dirac-clipped", clip=1.0, note=clipped)
    add("dirac-gradient-penalty", "WGAN-GP, κ = 1, g₀ = 1", note="not differentiable at ψ = 0, and without a zero")
    add("dirac-kl", "KL")
    add("dirac-reverse-kl", "reverse KL")
    add("dirac-pearson", "Pearson χ²")
    add("dirac-hellinger", "squared Hellinger")
    add("dirac-jensen-shannon", "Jensen-Shannon")
    add("dirac-total-variation", "total variation")
    add("dirac-instance-noise", "instance noise, s = 1")
    add("dirac-r1", "R1, κ = ½")
    add("dirac-r2", "R2, κ = ½")
    add("dirac-nagarajan-kolter", "Nagarajan-Kolter, η = ½")
    add("dirac-consensus", "consensus, γ = ½")
    add("dirac-label-smoothing", "label smoothing, β = 0.1")
    add("dirac-feature-matching", "feature matching", x=(0.0, 1.0), note="a line of zeros; judged at ψ = 1")
    return tuple(made)


def variant_named(name: str) -> Variant:
    """The variant of this name; `InputError` offers the nearest."""
    known = {variant.name: variant for variant in variants()}
    if name not in known:
        raise InputError(f"no variant is called {name!r}; {nearest(name, known)}")
    return known[name]


def outcomes(
    family: Sequence[Variant],
    methods: Sequence[Method],
    h: float,
    steps: int = STEPS,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Outcome, ...]:
    """Every method on every variant with step h; `progress(done, all)` is called after each.

    The multipliers at the zero decide between stable, neutral and neither; runs decide what an update does that is
    neither, or whose field has no derivative there: `steps` long, the last quarter looked at. Raises `InputError` for
    h ≤ 0 and fewer than 100 steps.
    """
    h, steps, found = check_step(h), check_count(steps, "steps", 100), []
    pairs = [(variant, method) for variant in family for method in methods]
    for done, (variant, method) in enumerate(pairs, start=1):
        found.append(outcome(variant, method, h, steps))
        if progress is not None:
            progress(done, len(pairs))
    return tuple(found)


def outcome(variant: Variant, method: Method, h: float, steps: int = STEPS) -> Outcome:
    """What the method with step h does to the variant. A clipped zero is inside the box, where nothing is clipped."""
    critical, verdict = None, ""
    if not variant.field.piecewise:
        critical = critical_step(variant.field, variant.x, method)
        verdict = verdict_at(critical, h, multipliers(variant.field, variant.x, method, h))
    if verdict in ("stable", "neutral", "on a border"):
        return Outcome(variant, method, h, "stable" if verdict == "stable" else "neutral", critical, None)
    fate = partial(fate_of_runs, variant, method, steps=steps)
    verdict = fate(h)
    return Outcome(variant, method, h, verdict, critical, _border_of_cycles(fate, h) if verdict == "cycles" else None)


def fate_of_runs(variant: Variant, method: Method, h: float, steps: int = STEPS) -> str:
    """What becomes of runs from two circles round the zero: "stable", "cycles", "diverges" or "stalls".

    A radius that grows slower and slower, on the plateaus of a saturating payoff, looks like a cycle's. So a cycle is
    one that runs from outside come in to.
    """
    angles = np.arange(6) * np.pi / 3 + 0.4
    circle = np.stack([np.cos(angles), np.sin(angles)], -1)
    starts = np.array(variant.x) + np.concatenate([INNER * circle, OUTER * circle])
    run = ensemble(
        variant.field, starts, variant.trained_by(method), h, steps, divergence_bound=1e6, every=max(1, steps // 1009)
    )
    inner = slice(0, len(circle))
    if (run.complete().status[inner] == Status.DIVERGED).any() or not np.isfinite(run.x[inner]).all():
        return "diverges"
    assert run.path is not None
    last = run.path.x[-(len(run.path.x) // 4) :]
    radii = np.linalg.norm(last - np.array(variant.x), axis=-1).max(0)
    if (radii[inner] < AT_REST * INNER).all():
        return "stable"
    if (np.ptp(last[:, inner], axis=0).max(-1) < AT_REST * radii[inner]).all():
        return "stalls"
    return "cycles" if (radii < OUTER).all() else "diverges"


def _border_of_cycles(fate: Callable[[float], str], h: float) -> float:
    """The step, from h on, from which runs escape, to half a percent; infinite if they do not up to `LONGEST`."""
    low = high = h
    while fate(high) != "diverges":
        low, high = high, 1.5 * high
        if low >= LONGEST:
            return float("inf")
    while high - low > 0.005 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if fate(middle) == "diverges" else (middle, high)
    return high


def by_variant(found: Sequence[Outcome]) -> Iterator[tuple[Variant, list[Outcome]]]:
    """The outcomes of each variant, in order."""
    for name in dict.fromkeys(one.variant.name for one in found):
        own = [one for one in found if one.variant.name == name]
        yield own[0].variant, own


def portrait_of(variant: Variant, method: Method, h: float, half_width: float = 2.5, steps: int = 200) -> Portrait:
    """The field round the zero, its label, and one run of the method beside the flow; the critic clipped if it is."""
    labels = [] if variant.field.piecewise else [classify(variant.field, variant.x)]
    box = [(-half_width, half_width)] * 2
    trained, start = variant.trained_by(method), [[1.0, 0.5]]
    return portrait(variant.field, box, labels, start, trained, h, resolution=51, steps=steps, title=variant.title)
