"""Where training with a biased estimate of ∇½‖v‖² really converges: the zeros of the expected update field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.linalg import norm

from analysis.branches import End
from analysis.classification import Classification, classify
from analysis.completeness import Completeness
from analysis.continuation import continue_equilibrium
from analysis.zeros import FixedPoint, fixed_points
from dynsys.array_field import AnyField, ArrayField
from dynsys.errors import InputError
from dynsys.expressions import finite
from dynsys.field import Box, VectorField
from dynsys.minibatches.estimators import Estimator, as_estimator
from dynsys.minibatches.expected_fields import expected_field, free_coefficient
from dynsys.minibatches.minibatch_field import MinibatchField
from dynsys.minibatches.sampled_field import SampledField, sampled
from integrators.method import Method

SAME = 1e-6  # two zeros closer than this share of the box are one
STEPS = 32  # of continuation where the field has no formulas


@dataclass(frozen=True)
class ShiftedEquilibrium:
    """A zero of v - γ∇½‖v‖², `true` (n,), and the zero of the expected field that it becomes, `shifted` (n,).

    `first_order` (n,) is the shift to first order in the excess, in closed form. `shifted` is None if the zero is
    lost, with the reason in `end`. `before` and `after` are what the points are.
    """

    true: np.ndarray
    shifted: np.ndarray | None
    first_order: np.ndarray
    before: Classification
    after: Classification | None
    end: str

    @property
    def shift(self) -> np.ndarray | None:
        """shifted - true."""
        return None if self.shifted is None else self.shifted - self.true


@dataclass(frozen=True)
class EquilibriumShift:
    """How the zeros move as the excess c of the estimator goes from 0 (B = ∞) to its value.

    `field` is the expected field at that value; `appeared` are zeros of it in the box that none of `points` becomes.
    """

    points: tuple[ShiftedEquilibrium, ...]
    appeared: tuple[tuple[FixedPoint, Classification], ...]
    field: AnyField
    completeness: Completeness
    excess: float
    gamma: float
    B: int
    estimator: str
    sampling: str

    @property
    def text(self) -> str:
        """A line a zero."""
        expected = f"E ĝ = ∇½(‖v‖² + {self.excess:.6g} tr Σ)"
        lines = [f"{self.estimator}, B = {self.B} {self.sampling}, γ = {self.gamma:g}: {expected}"]
        for p in self.points:
            where = _shown(p.true)
            if p.shifted is None or p.after is None:
                lines.append(f"{_kind(p.before)} at {where} is lost: {p.end}")
            elif norm(p.shifted - p.true) <= 1e-12 * (1 + norm(p.true)):
                lines.append(f"{_kind(p.before)} at {where} stays")
            else:
                first = _shown(p.true + p.first_order)
                lines.append(
                    f"{_kind(p.before)} at {where} moves to {_shown(p.shifted)} (to first order {first}): "
                    f"{_kind(p.after)}"
                )
        lines += [f"new: {_kind(label)} at {_shown(point.x)}" for point, label in self.appeared]
        return "\n".join([*lines, self.completeness.text])

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        listed = lambda a: None if a is None else [float(c) for c in a]  # noqa: E731
        return {
            "estimator": self.estimator,
            "B": self.B,
            "sampling": self.sampling,
            "gamma": self.gamma,
            "excess": self.excess,
            "points": [
                {
                    "true": listed(p.true),
                    "shifted": listed(p.shifted),
                    "first_order": listed(p.first_order),
                    "before": p.before.to_dict(),
                    "after": None if p.after is None else p.after.to_dict(),
                    "end": p.end,
                }
                for p in self.points
            ],
            "appeared": [point.to_dict() | {"label": label.to_dict()} for point, label in self.appeared],
        }


def equilibrium_shift(
    game: Any,
    estimator: Estimator | str,
    B: int,
    gamma: float,
    box: Any = None,
    sampling: str = "iid",
    method: Method | None = None,
    h: float | None = None,
    seed: int = 0,
) -> EquilibriumShift:
    r"""The zeros of the expected update field v - γ∇½(‖v‖² + c tr Σ), and the true ones (c = 0) that they come from.

    Stochastic steps with a consensus term estimated by `estimator` from batches of B samples converge, as the step
    size shrinks, to the zeros with c = `estimator.excess(B, …)`. Each true zero in the box ((lo, hi) per variable;
    default: the game's own) is followed by pseudo-arclength in c; to first order it moves by

    .. math:: \delta = c\gamma\, w'(x)^{-1} \nabla \tfrac12 \operatorname{tr}\Sigma(x), \qquad
              w = v - \gamma\nabla\tfrac12\|v\|^2.

    With `method` and `h` the labels say whether the update attracts, else the flow. Raises `InputError` for batches the
    estimator or the way of sampling does not allow, and if only one of `method` and `h` is given.
    """
    field = MinibatchField(game, B, gamma, estimator, sampling, name=free_coefficient(game))
    return shift_of(true_equilibria(game, gamma, box, method, h, seed), field)


@dataclass(frozen=True)
class TrueEquilibria:
    """The zeros of v - γ∇½‖v‖² in a box and what they are, to be followed for one estimator after another.

    `at` maps c to the field v - γ∇½(‖v‖² + c tr Σ), `label` a field and a point to what the point is.
    """

    gamma: float
    at: Callable[[float], AnyField]
    label: Callable[[AnyField, np.ndarray], Classification]
    points: tuple[tuple[FixedPoint, Classification], ...]
    box: Box
    seed: int


def true_equilibria(
    game: Any, gamma: float, box: Any = None, method: Method | None = None, h: float | None = None, seed: int = 0
) -> TrueEquilibria:
    """The zeros at c = 0 with their labels; arguments as of `equilibrium_shift`."""
    if (method is None) != (h is None):
        raise InputError(f"give both method and h, or neither: method is {method!r}, h is {h!r}")
    at = _family(sampled(game), finite(gamma, "gamma"), free_coefficient(game))
    w0 = at(0.0)
    label = lambda w, x: classify(w, x, method, h)  # noqa: E731
    found = fixed_points(w0, w0.region(box), seed=seed)
    points = tuple((zero, label(w0, zero.x)) for zero in found)
    return TrueEquilibria(float(gamma), at, label, points, found.box, seed)


def shift_of(true: TrueEquilibria, field: MinibatchField) -> EquilibriumShift:
    """Where the true equilibria go under the estimator of a field of the same game and γ."""
    at, label, c = true.at, true.label, float(field.excess)
    w = at(c)
    points = []
    for zero, before in true.points:
        shifted, end = _followed(at, zero.x, c)
        after = None if shifted is None else label(w, shifted)
        points.append(ShiftedEquilibrium(zero.x, shifted, _first_order(at, zero.x, c), before, after, end))
    found = fixed_points(w, true.box, seed=true.seed)
    size = SAME * float(norm([hi - lo for lo, hi in true.box]))
    known = [p.shifted for p in points if p.shifted is not None]
    new = [p for p in found if all(norm(p.x - x) > size for x in known)]
    return EquilibriumShift(
        tuple(points),
        tuple((p, label(w, p.x)) for p in new),
        w,
        found.completeness,
        c,
        true.gamma,
        field.batch,
        as_estimator(field.estimator).name,
        field.sampling,
    )


def _family(source: SampledField, gamma: float, name: str) -> Callable[[float], AnyField]:
    """c -> the field v - γ∇½(‖v‖² + c tr Σ)."""
    one = expected_field(source, gamma, 0.0, name)
    if isinstance(one, VectorField):
        return lambda c: one.with_parameters(**{_excess(one): c})
    return lambda c: expected_field(source, gamma, c, name)


def _excess(w: VectorField) -> str:
    """The name of the parameter c."""
    return tuple(w.parameters)[-1]


def _first_order(at: Any, x: np.ndarray, c: float) -> np.ndarray:
    """δ = -w'⁻¹ ∂w/∂c c: the field is affine in c. NaN where w' is singular."""
    w0 = at(0.0)
    try:
        shift: np.ndarray = -c * np.linalg.solve(w0.jacobian(x), at(1.0)(x) - w0(x))
    except np.linalg.LinAlgError:
        return np.full(len(x), np.nan)
    return shift


def _followed(at: Any, x: np.ndarray, c: float) -> tuple[np.ndarray | None, str]:
    """The zero that x becomes at c, or None, and why."""
    if c == 0:
        return x, "the estimator is unbiased"
    w0 = at(0.0)
    if isinstance(w0, ArrayField):
        return _stepped(at, x, c)
    branch = continue_equilibrium(w0, x, _excess(w0), (min(0.0, c), max(0.0, c)))
    for end, z in zip(branch.ends, (branch.z[0], branch.z[-1]), strict=True):
        if end is End.RANGE and abs(z[-1] - c) <= 1e-9 * abs(c):
            return z[:-1], "followed"
    kinds = ", ".join(f"{p.kind} at excess {p.value:.6g}" for p in branch.points)
    return None, kinds or branch.text


def _stepped(at: Any, x: np.ndarray, c: float) -> tuple[np.ndarray | None, str]:
    """By Newton's method at a sequence of values of c, for fields without formulas."""
    for share in np.linspace(0, 1, STEPS + 1)[1:]:
        w, start = at(c * share), x
        for _ in range(20):
            step = np.linalg.lstsq(w.jacobian(x), w(x), rcond=None)[0]
            x = x - step
            if norm(step) <= 1e-13 * (1 + norm(x)):
                break
        if not np.isfinite(x).all() or norm(step) > 1e-8 * (1 + norm(x)) or norm(x - start) > 0.5 * (1 + norm(start)):
            return None, f"Newton's method loses it at excess {c * share:.3g}"
    return x, "followed"


def _kind(label: Classification) -> str:
    """One phrase for what a point is and whether it attracts."""
    nash = {True: "Nash equilibrium", False: "no Nash equilibrium", None: "undecided point"}[label.is_nash]
    name = "spurious zero" if label.spurious else nash
    attracts = {True: "attracting", False: "not attracting", None: "undecided"}[label.attracts]
    return f"{name} ({attracts})"


def _shown(x: np.ndarray) -> str:
    return "(" + ", ".join(f"{c:.6g}" for c in x) + ")"
