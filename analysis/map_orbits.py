"""What the iterates of a method settle on: a fixed point, a cycle, an invariant curve with its rotation number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.birkhoff import Average
from analysis.invariant_curves import UNCERTAIN, Curve, curve_through
from analysis.iterations import Iteration
from analysis.map_cycles import NEUTRAL, closes_beside, converges, extent, likely_periods, no_zero, returns
from analysis.spectra import sorted_eigenvalues
from dynsys.array_field import AnyField
from dynsys.errors import InputError
from dynsys.field import as_points
from integrators.checks import check_count, check_positive
from integrators.method import Method

FIRST = 4096  # states of an orbit looked at first


@dataclass(frozen=True, eq=False, repr=False)
class RecurrentOrbit:
    """What an orbit of an update does after a transient.

    `kind` is "fixed point", "cycle" (of least period `period`), "invariant curve" (or `pieces` curves that the update
    permutes, with the `rotation` number of its iterate on each, counter-clockwise in the plane of the first two
    variables: `Curve`), "irregular" (bounded, and none of these within the steps given: chaos, a long cycle, or a
    transient not over), "stalled" (at rest to rounding where the field has no zero) or "escape".

    `points` (m, n) are the cycle's, in the order of the steps from the lexicographically first, or some of the curve's
    in the order along it; for other kinds the last of the orbit. `radius` is their mean distance from `centre`, between
    `least` and `greatest`. `multipliers` (k,) are those of the iterated update, of a cycle; `exponent` the mean rate
    per step at which a curve of two state variables attracts (negative) or repels. `attracts` is None where it is
    neutral, and `continuum` whether neighbours of a neutral orbit close or recur in the same way.
    """

    kind: str
    points: np.ndarray
    centre: np.ndarray
    radius: float
    least: float
    greatest: float
    period: int | None
    pieces: int | None
    rotation: Average | None
    multipliers: np.ndarray | None
    exponent: Average | None
    attracts: bool | None
    continuum: bool
    states: np.ndarray
    iteration: Iteration

    def same_as(self, other: RecurrentOrbit) -> bool:
        """Whether both are one orbit: of one kind and period, the points of a cycle, or the curve, in one place."""
        if (self.kind, self.period, self.pieces) != (other.kind, other.period, other.pieces):
            return False
        if self.kind in ("escape", "stalled", "irregular"):
            return False
        some = self.states[:: max(1, len(self.states) // 128)]
        gaps = self.iteration.difference(some.T[:, :, None], other.states.T[:, None, :])
        between = np.linalg.norm(gaps, axis=0)
        if self.kind != "invariant curve":
            return bool(between.min(1).max() <= 1e-7 * (1 + float(np.abs(self.states).max())))
        steps = np.linalg.norm(self.iteration.difference(self.states[1:].T, self.states[:-1].T), axis=0)
        return bool(between.min(1).max() <= np.partition(steps, -2)[-2] + 1e-6 * self.radius)

    def __repr__(self) -> str:
        return f"RecurrentOrbit({self.text})"

    @property
    def text(self) -> str:
        """In words."""
        stays = {True: "attracts", False: "repels", None: "neutral"}[self.attracts]
        stays = "neutral, one of a continuum" if self.continuum else stays
        if self.kind in ("escape", "stalled"):
            return self.kind
        if self.kind == "irregular":
            unsure = self.rotation is not None and self.rotation.error >= UNCERTAIN
            error = f", rotation uncertain by {self.rotation.error:.1g}" if self.rotation is not None and unsure else ""
            return f"irregular: no cycle and no curve; {self.radius:.6g} from its centre on average{error}"
        if self.kind == "fixed point":
            rounding = 1e-15 * (1 + float(np.linalg.norm(self.points[0])))
            at = ", ".join("0" if abs(c) <= rounding else f"{c:.6g}" for c in self.points[0])
            return f"fixed point at ({at}), {stays}"
        size = f"mean radius {self.radius:.6g}, {stays}"
        if self.kind == "cycle":
            return f"cycle of period {self.period}, {size}"
        assert self.rotation is not None
        if self.iteration.k == 1:
            size = f"the whole circle, {stays}"
        many = "invariant curve" if self.pieces == 1 else f"{self.pieces} invariant curves in turn"
        return f"{many}, rotation number {self.rotation.value:.12g} ± {max(self.rotation.error, 1e-16):.1g}, {size}"

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        values = self.multipliers
        return {
            "kind": self.kind,
            "period": self.period,
            "pieces": self.pieces,
            "centre": self.centre.tolist(),
            "radius": self.radius,
            "least": self.least,
            "greatest": self.greatest,
            "rotation": None if self.rotation is None else [self.rotation.value, self.rotation.error],
            "multipliers": None if values is None else [[float(z.real), float(z.imag)] for z in values],
            "exponent": None if self.exponent is None else [self.exponent.value, self.exponent.error],
            "attracts": self.attracts,
            "continuum": self.continuum,
            "points": self.points[:64].tolist(),
            "text": self.text,
        }


def recurrent_orbit(
    field: AnyField,
    x0: Any,
    method: Method,
    h: float,
    transient: int = 4096,
    steps: int = 32_768,
    longest: int = 64,
    divergence_bound: float = 1e6,
) -> RecurrentOrbit:
    """What the orbit of x0, shape (n,), under `method` with step h does after `transient` steps.

    A cycle is one that Newton's method finds at the orbit's end, which the orbit is on to rounding, of at most half of
    the states looked at, or converges to, of at most `longest` steps; its points are good to rounding. Else the orbit's
    next 4096 to `steps` states are taken for a closed curve if its rotation number converges (`rotation_number`) and
    its points, in the order that this number gives them, lie one beside the other. Where this number is rational to
    1e-7, the orbit may still converge to a cycle of up to 512 steps on the curve.

    Raises `InputError` for a start that is not finite, counts that are not positive, or a field that depends on time.
    """
    iteration = Iteration(field, method, h)
    skipped, most = check_count(transient, "transient"), check_count(steps, "steps", 512)
    longest, bound = check_count(longest, "longest", 1), check_positive(divergence_bound, "divergence_bound")
    if 2 * longest > min(FIRST, most):
        raise InputError(f"longest is {longest}; at most {min(FIRST, most) // 2}, half of the states looked at first")
    rows = iteration.orbit(iteration.start(x0), skipped, bound)
    if len(rows) <= skipped:
        return _described(iteration, "escape", rows[-1:])
    count = min(FIRST, most)
    rows = iteration.orbit(rows[-1], count, bound)
    while len(rows) > count:
        found = _cycle(iteration, rows, likely_periods(iteration, rows, longest))
        if found is not None:
            return found
        curve = curve_through(iteration, rows)
        if curve is not None and curve.settled:
            return _cycle(iteration, rows, curve.resonances) or _on_curve(iteration, curve)
        if count >= most:
            return _described(iteration, "irregular", rows[-FIRST:], rotation=None if curve is None else curve.rotation)
        count = min(2 * count, most)
        rows = iteration.orbit(rows[-1], count, bound)
    return _described(iteration, "escape", rows[-1:])


def recurrent_orbits(
    field: AnyField, starts: Any, method: Method, h: float, **options: Any
) -> tuple[RecurrentOrbit, ...]:
    """The different orbits that the starts (m, n) settle on, each once, in the order of the starts.

    The options are those of `recurrent_orbit`. Starts that escape give one orbit of this kind; of a continuum of
    neutral orbits one stands for all, since they are no attractors.
    """
    points = as_points(starts, field.variables, "starts")
    if points.ndim != 2 or not len(points):
        raise InputError(f"starts has shape {points.shape}; give (m, {field.n}) with at least one start")
    found: list[RecurrentOrbit] = []
    for x in points:
        new = recurrent_orbit(field, x, method, h, **options)
        if not any(_alike(new, known) for known in found):
            found.append(new)
    return tuple(found)


def _alike(a: RecurrentOrbit, b: RecurrentOrbit) -> bool:
    if a.kind == b.kind == "escape":
        return True
    return (a.continuum and b.continuum and a.pieces == b.pieces) or a.same_as(b)


def _cycle(iteration: Iteration, rows: np.ndarray, periods: Iterable[int]) -> RecurrentOrbit | None:
    """The fixed point or cycle, of one of these periods, that the orbit is on or converges to."""
    reach = 0.1 * extent(rows[-FIRST:])
    for p in periods:
        if iteration.rough:  # no derivative, so that only an orbit that closes exactly tells
            if returns(iteration, rows, p):
                return _described(iteration, "fixed point" if p == 1 else "cycle", rows[-p:], period=p)
            continue
        if p == 1 and not iteration.method.moves and no_zero(iteration, rows[-1], reach):
            if (rows[-1] == rows[-2]).all():
                return _described(iteration, "stalled", rows[-1:])
            continue
        state = iteration.closed(rows[-1], p, reach)
        if state is not None and converges(iteration, rows, state, p):
            return _on_cycle(iteration, state, p)
    return None


def _on_cycle(iteration: Iteration, state: np.ndarray, p: int) -> RecurrentOrbit:
    states = iteration.orbit(state, p - 1)
    first = int(np.lexsort(states[:, : iteration.field.n].round(9).T[::-1])[0])
    states = np.roll(states, -first, axis=0)
    M = iteration.jacobian(states[0], p)
    values = sorted_eigenvalues(np.linalg.eigvals(M))
    values = values[np.argsort(-np.abs(values).round(12), kind="stable")]
    largest = float(np.abs(values).max())
    attracts = None if abs(largest - 1) <= NEUTRAL else largest < 1
    continuum = attracts is None and closes_beside(iteration, states[0], M, p)
    kind = "fixed point" if p == 1 else "cycle"
    return _described(iteration, kind, states, period=p, multipliers=values, attracts=attracts, continuum=continuum)


def _on_curve(iteration: Iteration, curve: Curve) -> RecurrentOrbit:
    attracts = curve.attracts(iteration)
    return _described(
        iteration,
        "invariant curve",
        curve.states,
        pieces=curve.pieces,
        rotation=curve.rotation,
        exponent=curve.exponent,
        attracts=attracts,
        continuum=attracts is None and curve.continues_beside(iteration),
        radius=curve.radius.value,
        centre=curve.centre[: iteration.field.n],
    )


def _described(
    iteration: Iteration,
    kind: str,
    states: np.ndarray,
    period: int | None = None,
    pieces: int | None = None,
    rotation: Average | None = None,
    multipliers: np.ndarray | None = None,
    exponent: Average | None = None,
    attracts: bool | None = None,
    continuum: bool = False,
    radius: float | None = None,
    centre: Sequence[float] | np.ndarray | None = None,
) -> RecurrentOrbit:
    n = iteration.field.n
    near = states[0][:, None] + iteration.difference(states.T, states[0][:, None])
    middle = near[:n].mean(1) if centre is None else np.asarray(centre, dtype=float)
    distances = np.linalg.norm(near[:n] - middle[:, None], axis=0)
    return RecurrentOrbit(
        kind=kind,
        points=states[:, :n].copy(),
        centre=middle,
        radius=float(distances.mean()) if radius is None else radius,
        least=float(distances.min()),
        greatest=float(distances.max()),
        period=period,
        pieces=pieces,
        rotation=rotation,
        multipliers=multipliers,
        exponent=exponent,
        attracts=attracts,
        continuum=continuum,
        states=states,
        iteration=iteration,
    )
