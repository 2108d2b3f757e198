"""Is a field conservative? By algebra where it has formulas, by samples and loops where it has not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import sympy as sp

from analysis.holes import factors_of, holes_of, without_zeros
from analysis.line_integrals import Work
from analysis.loops import CIRCLES, Circle, working_circle
from analysis.potentials import Potential, check_base, symbolic_potential
from dynsys.array_field import AnyField, check_field
from dynsys.errors import InputError
from dynsys.expressions import finite
from dynsys.field import Box, VectorField
from dynsys.identities import is_zero

SAMPLES = 512  # points at which the asymmetry of J is looked at


@dataclass(frozen=True)
class Conservative:
    """Whether a field is conservative, True, False or None where that is not decided, and why.

    `exact`: the verdict is proved, by algebra or by a loop; otherwise it holds to the tolerance at the samples. If
    the verdict is False, `loop` is a closed curve with `circulation` other than 0, where one was found; if it is True
    by algebra, `expression` is the potential, where SymPy found one. As a truth value it is True only for True.
    """

    verdict: bool | None
    reason: str
    exact: bool
    expression: sp.Expr | None = None
    loop: Circle | None = None
    circulation: Work | None = None

    def __bool__(self) -> bool:
        return self.verdict is True

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        loop = self.loop and {"centre": self.loop.centre.tolist(), "radius": self.loop.radius}
        return {
            "conservative": self.verdict,
            "reason": self.reason,
            "exact": self.exact,
            "potential": None if self.expression is None else str(self.expression),
            "loop": loop and {**loop, "plane": [self.loop.i, self.loop.j]} if self.loop else None,
            "circulation": None if self.circulation is None else float(self.circulation),
        }


def is_conservative(field: AnyField, box: Any = None, tolerance: float = 1e-9, seed: int = 0) -> Conservative:
    """Whether the field is a gradient on its domain, or on `box` if one is given.

    Of formulas: J ≠ Jᵀ refutes it. J = Jᵀ proves it where the domain has no holes (the whole space; a box on which
    interval arithmetic finds no singularity), or with a potential that is smooth wherever the field is. Otherwise a
    loop round a hole refutes it, as with (-y, x)/(x² + y²), or the verdict is None. A field given by arrays is
    sampled in the box: it is conservative to the `tolerance`, the largest |J - Jᵀ| beside the largest |J|, if no loop
    tells otherwise. Poincaré's lemma; see Spivak (1965), chapter 4.

    Raises `InputError` for a field that depends on time, and for a box that does not fit.
    """
    if check_field(field).time is not None:
        raise InputError("the field depends on time; ask of a fixed field. Fix the time")
    if not finite(tolerance, "tolerance") > 0:
        raise InputError(f"tolerance is {tolerance:g}; it must be positive")
    where = _region(field, box)
    rng = np.random.default_rng(seed)
    if isinstance(field, VectorField) and not field.piecewise:
        verdict = _by_algebra(field, where, box is not None, rng)
        if verdict is not None:
            return verdict
    return _by_samples(field, where, tolerance, rng)


def potential(field: AnyField, base: Any = None, box: Any = None) -> Potential:
    """The potential φ of a conservative field, ∇φ = v and φ(base) = 0.

    `base` is by default the origin, or the middle of the box if the field has no value there; `box` as in
    `is_conservative`. Exact where SymPy integrates, else by quadrature along the straight line from `base`. On a
    domain of several parts each has a constant of its own. Raises `InputError` for a field that is not conservative,
    with the loop that proves it, or is not known to be.
    """
    verdict = is_conservative(field, box)
    if verdict.verdict is None:
        raise InputError(f"no potential: {verdict.reason}; give a box= on which the field is smooth")
    if not verdict:
        raise InputError(f"the field has no potential: {verdict.reason}")
    where = _region(field, box)
    base = np.mean(where, axis=1) if base is None and box is not None else base
    return Potential(field, check_base(field, base, where), verdict.expression)


def _region(field: AnyField, box: Any) -> Box:
    """The box given, else the field's own, else the points no further than 2 from 0."""
    return field.region(box if box is not None or field.box is not None else [(-2.0, 2.0)] * field.n)


# --- by algebra -----------------------------------------------------------------------------------


def _by_algebra(field: VectorField, where: Box, bounded: bool, rng: np.random.Generator) -> Conservative | None:
    """The verdict that algebra gives; None if it cannot tell whether J is symmetric."""
    verdicts = []
    for i, j in combinations(range(field.n), 2):
        entry = field.at_values(field.jacobian_expressions[j][i] - field.jacobian_expressions[i][j])
        verdicts.append(is_zero(entry))
        if verdicts[-1] is False:
            x, y = field.variables[i], field.variables[j]
            reason = f"∂v_{y}/∂{x} - ∂v_{x}/∂{y} = {_short(entry)}, not 0"
            return replace(_refuted(field, reason, where, [(i, j)], rng), exact=True)
    if None in verdicts:
        return None
    holes = holes_of(field.at_values(e) for e in field.expressions)
    expression = symbolic_potential(field)
    smooth = expression is not None and factors_of(holes_of([expression])) <= factors_of(holes)
    if not holes:
        reason = "J = Jᵀ everywhere, and the field is smooth in the whole space"
        return Conservative(True, reason, True, expression if smooth else None)
    if smooth:
        return Conservative(True, "a potential is smooth wherever the field is", True, expression)
    if bounded and without_zeros(holes, field.symbols, where):
        kept = expression is not None and without_zeros(holes_of([expression]), field.symbols, where)
        return Conservative(True, "J = Jᵀ, and the field is smooth in the box", True, expression if kept else None)
    names = ", ".join(sorted(f"{_short(h)} = 0" for h in holes))
    reason = f"J = Jᵀ, but the domain may have holes, at {names}"
    found = _refuted(field, reason, where, list(combinations(range(field.n), 2)), rng)
    return found if found.loop is not None else Conservative(None, f"{reason}, and no potential is known", False)


def _short(e: sp.Expr) -> str:
    text = str(e)
    return text if len(text) <= 80 else text[:77] + "..."


# --- by samples and loops ---------------------------------------------------------------------------


def _by_samples(field: AnyField, where: Box, tolerance: float, rng: np.random.Generator) -> Conservative:
    lo, hi = np.array(where).T
    x = rng.uniform(lo, hi, (SAMPLES, field.n))
    J = field.jacobian(x)
    usable = np.isfinite(J).all((1, 2))
    if not usable.any():
        return Conservative(None, f"the Jacobian is finite at none of {SAMPLES} points of the box", False)
    twice = np.abs(J - np.swapaxes(J, 1, 2))[usable]
    share = float(twice.max() / max(float(np.abs(J[usable]).max()), np.finfo(float).tiny))
    planes = list(combinations(range(field.n), 2))
    if share > tolerance:
        k, i, j = np.unravel_index(int(twice.argmax()), twice.shape)
        place = ", ".join(f"{c:.4g}" for c in x[usable][k])
        reason = f"|J - Jᵀ| is {share:.2g} of |J| at ({place})"
        return _refuted(field, reason, where, [(min(int(i), int(j)), max(int(i), int(j)))], rng)
    slack = 2 * tolerance * float(np.abs(J[usable]).max())
    refuted = _refuted(field, f"J = Jᵀ at {SAMPLES} points of the box to {share:.1g}", where, planes, rng, slack)
    if refuted.loop is not None:
        return refuted
    if not usable.all() or field.piecewise:
        why = field.piecewise or f"not finite at {int((~usable).sum())} of the points"
        return Conservative(None, f"J = Jᵀ to {share:.1g} where the field is smooth, but {why}", False)
    reason = f"J = Jᵀ to {share:.1g} of |J| at {SAMPLES} points of the box, and no circulation round {CIRCLES} circles"
    return Conservative(True, reason, False)


def _refuted(
    field: AnyField, reason: str, where: Box, planes: list[tuple[int, int]], rng: np.random.Generator, curl: float = 0.0
) -> Conservative:
    """The verdict False for this reason, with a circle in one of the planes round which the field does work."""
    found = working_circle(field, where, planes, rng, curl)
    if found is None:
        return Conservative(False, reason, False)
    circle, around = found
    centre = ", ".join(f"{c:.4g}" for c in circle.centre + 0.0)
    plane = f"{field.variables[circle.i]}-{field.variables[circle.j]} plane"
    text = f"circulation {around:.6g} round the circle of radius {circle.radius:.4g} about ({centre}) in the {plane}"
    return Conservative(False, f"{reason}; {text}", True, None, circle, around)
