"""Periodic orbits of flows: limit cycles, attracting or not, with their Floquet multipliers; centres apart."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from analysis.places import place, whole_turns, wrapped_near
from analysis.precision import polish
from analysis.shooting import Shot, closed, first_return, least
from analysis.variations import Variation, evenly, floquet, transversal_multipliers
from dynsys.array_field import AnyField
from dynsys.errors import InputError, shown
from dynsys.field import as_points
from integrators.checks import check_positive

NEUTRAL = 1e-7  # |log |ζ|| of a Floquet multiplier that counts as on the unit circle
AMPLITUDES = (-0.1, -0.05, 0.05, 0.1)  # of the radius, or quarters: where the neighbours of a neutral orbit must close
POINTS = 256
LONG = 300.0  # |log ζ| from which on a multiplier is written as exp(log ζ)


@dataclass(frozen=True, eq=False)
class PeriodicOrbit:
    """What the flow from a start settles on.

    `kind` is "limit cycle", "centre" (one of a continuum of periodic orbits: those at four other amplitudes close,
    too), "neutral" (periodic, a multiplier on the unit circle, and neighbours that do not close), "equilibrium",
    "escape" or "none" (bounded, but no return that Newton's method could close).

    `points` (256, n) of the orbit are even in time from x, and not wrapped: of a variable with a period the orbit makes
    `turns` whole turns, with which it closes; `widths` (n,) are these periods, 0 for a variable without. `multipliers`
    (n - 1,) are Floquet's beside the trivial one, whose defect ‖Mv - v‖/‖v‖ is `trivial`, and `logs` their log |ζ|,
    which are not lost below the range of numbers; of several below `least` only that is known: they are 0, with the
    logarithm -inf. `closing` is the last Newton step, an estimate of the error of x and period.
    """

    kind: str
    x: np.ndarray
    period: float
    multipliers: np.ndarray
    logs: np.ndarray
    trivial: float
    least: float
    closing: float
    points: np.ndarray = field(repr=False)
    variables: tuple[str, ...]
    turns: tuple[int, ...]
    widths: np.ndarray = field(repr=False)

    @property
    def found(self) -> bool:
        """Whether there is a periodic orbit."""
        return self.kind in ("limit cycle", "centre", "neutral")

    @property
    def attracts(self) -> bool | None:
        """Whether all multipliers are inside the unit circle; None where the largest is on it, or there are none."""
        if not len(self.logs):
            return None
        largest = float(self.logs.max())
        return None if abs(largest) <= NEUTRAL else largest < 0

    @property
    def exponents(self) -> np.ndarray:
        """Floquet exponents beside 0: the real parts log |ζ| / T, (n - 1,); -inf for a multiplier below accuracy."""
        return np.asarray(self.logs / self.period)

    @property
    def centre(self) -> np.ndarray:
        """The mean of the points; x itself where there is no orbit."""
        middle: np.ndarray = self.points.mean(0) if len(self.points) else self.x
        return middle

    @property
    def radius(self) -> float:
        """The mean distance of the points from their mean; nan where there is no orbit."""
        if not len(self.points):
            return math.nan
        return float(np.linalg.norm(self.points - self.centre, axis=1).mean())

    @property
    def loop(self) -> np.ndarray:
        """The points and once more the first, whole turns on, (257, n)."""
        return np.vstack([self.points, self.points[:1] + np.array(self.turns) * self.widths])

    def same_as(self, other: PeriodicOrbit) -> bool:
        """Whether both are one orbit: equal periods, and x of each on the other."""
        if not (self.found and other.found) or not math.isclose(self.period, other.period, rel_tol=1e-6):
            return False
        if self.turns != other.turns:
            return False
        chord = np.diff(other.loop, axis=0)
        to = wrapped_near(self.x - other.points, 0.0, self.widths)
        share = np.clip((to * chord).sum(1) / np.maximum((chord**2).sum(1), 1e-300), 0, 1)
        away = np.linalg.norm(to - share[:, None] * chord, axis=1)
        nearest = int(np.argmin(away))
        return bool(away[nearest] <= 0.1 * np.linalg.norm(chord[nearest]) + 1e-9)

    @property
    def text(self) -> str:
        """In words."""
        if not self.found:
            at = f" at {place(self.x)}" if self.kind == "equilibrium" else ""
            return {"none": "no periodic orbit found"}.get(self.kind, self.kind) + at
        turning = f", turns {self.turns}" if any(self.turns) else ""
        if self.kind == "centre":
            return f"centre: a continuum of periodic orbits, here of period {self.period:.10g}{turning}"
        values = ", ".join(map(self._multiplier, self.multipliers, self.logs))
        stays = {True: ", attracts", False: ", repels", None: ""}[self.attracts]
        name = "neutral periodic orbit" if self.kind == "neutral" else self.kind
        words = f"{name} of period {self.period:.10g}{turning}{stays}"
        return f"{words}, Floquet multipliers {values}" if values else words

    def _multiplier(self, z: complex, log: float) -> str:
        if np.isinf(log):
            return f"below {self.least:.2g}" if log < 0 else f"above {1 / self.least:.2g}"
        if abs(log) > LONG:
            return f"{'-' if z.real < 0 else ''}exp({log:.6g})"
        return f"{z.real:.6g}" if z.imag == 0 else f"{z:.6g}"

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; None where there is no orbit, and for a number below accuracy or beyond the range."""
        number = lambda value: float(value) if math.isfinite(value) else None  # noqa: E731
        return {
            "kind": self.kind,
            "x": self.x.tolist(),
            "period": number(self.period),
            "turns": list(self.turns),
            "multipliers": [
                None if math.isinf(log) else [number(z.real), number(z.imag)]
                for z, log in zip(self.multipliers, self.logs, strict=True)
            ],
            "exponents": [number(e) for e in self.exponents],
            "trivial": number(self.trivial),
            "closing": number(self.closing),
            "radius": self.radius if self.found else None,
            "attracts": self.attracts,
            "text": self.text,
        }


def periodic_orbit(
    field: AnyField,
    x0: Any,
    period: float | None = None,
    transient: float = 100.0,
    longest: float = 100.0,
    backward: bool = False,
    divergence_bound: float = 1e6,
) -> PeriodicOrbit:
    r"""The periodic orbit that the flow from x0, shape (n,), settles on after the time `transient`.

    A return to the section through the point reached, at right angles to the flow, in a time of at most `longest`
    starts Newton's method on

    .. math:: \varphi_T(x) - x = 0, \qquad v(x_0) \cdot (x - x_0) = 0,

    with the derivative M(T) of the flow from the variational equation, over the period forwards or, where that escapes,
    backwards. `backward` follows the transient backwards, too: orbits that repel in all directions then attract. With a
    guess of the `period` x0 itself is taken for a point near the orbit, which may repel in some directions only. The
    least period is returned, whatever the start. An orbit that repels is one near what the flow does, not its end. An
    orbit closes modulo whole turns of the variables that have a period.

    Raises `InputError` for a field without formulas or that depends on time, and a start that is not finite.
    Poincaré (1881); Kuznetsov (2004), 10.2.
    """
    flow = Variation(field)
    start = as_points(x0, flow.field.variables, "x0")
    if start.ndim != 1 or not np.isfinite(start).all():
        raise InputError(f"x0 is {shown(x0)}; give one finite point of {flow.field.n} numbers")
    skipped, limit = check_positive(transient, "transient"), check_positive(longest, "longest")
    bound = check_positive(divergence_bound, "divergence_bound")
    guess = None if period is None else check_positive(period, "period")
    if guess is not None and (rest := _rest(flow, start)) is not None:
        return _without(flow, "equilibrium", rest)
    if guess is None:
        run = flow.solution(start, -skipped if backward else skipped, rtol=1e-9, divergence_bound=bound)
        if not run.success:
            return _without(flow, "escape", run.x[-1])
        start = run.x[-1]
        rest = _rest(flow, start)
        if rest is not None:
            return _without(flow, "equilibrium", rest)
        found = first_return(flow, start, limit, backward, bound)
        if found is None:
            return _without(flow, "none", start)
        start, guess = found
    for time in (-guess, guess) if backward else (guess, -guess):
        shot = closed(flow, start, time)
        if shot is not None:
            return _described(flow, least(flow, shot))
    return _without(flow, "none", start)


def periodic_orbits(field: AnyField, starts: Any, **options: Any) -> tuple[PeriodicOrbit, ...]:
    """The different periodic orbits that the flow from the starts (m, n) settles on, each once; one of a centre.

    The options are those of `periodic_orbit`.
    """
    points = as_points(starts, field.variables, "starts")
    if points.ndim != 2 or not len(points):
        raise InputError(f"starts has shape {points.shape}; give (m, {field.n}) with at least one start")
    found: list[PeriodicOrbit] = []
    for x in points:
        new = periodic_orbit(field, x, **options)
        alike = lambda known, new=new: new.kind == known.kind == "centre" or new.same_as(known)  # noqa: E731
        if new.found and not any(map(alike, found)):
            found.append(new)
    return tuple(found)


def _rest(flow: Variation, x: np.ndarray) -> np.ndarray | None:
    """The zero at which the flow has arrived."""
    reach = 1e-6 * (1 + float(np.linalg.norm(x)))
    zero = polish(flow.field, list(x), reach)
    return None if zero is None else np.array([float(c) for c in zero]) + 0.0


def _described(flow: Variation, shot: Shot) -> PeriodicOrbit:
    x, T = wrapped_near(shot.x, flow.period / 2, flow.period), shot.T
    rates = floquet(flow, x, T, shot.M)
    run = flow.solution(x, T * (1 + 1e-9), dense=True)
    assert run.sol is not None
    points = evenly(run.sol, T, POINTS)
    turns = np.sign(T) * whole_turns(run.x[-1] - x, flow.period)
    if T < 0:
        rates = rates.backwards
        points = np.vstack([points[:1], points[:0:-1] + turns * flow.period])
    orbit = PeriodicOrbit(
        "limit cycle", x, abs(T), rates.values, rates.logs, rates.trivial, rates.least, shot.closing, points,
        tuple(flow.field.variables), tuple(map(int, turns)), flow.period,
    )  # fmt: skip
    if not (np.abs(rates.logs) <= NEUTRAL).any():
        return orbit
    return replace(orbit, kind="centre" if _closes_beside(flow, orbit, shot.M) else "neutral")


def _closes_beside(flow: Variation, orbit: PeriodicOrbit, M: np.ndarray) -> bool:
    """Whether orbits at other amplitudes, along the kernel of M - I beside v, close as well, and are neutral."""
    x, n = orbit.x, flow.field.n
    unit = flow.field(x) / np.linalg.norm(flow.field(x))
    Q = np.linalg.svd(unit[None])[2][1:].T
    _, sizes, rows = np.linalg.svd(Q.T @ M @ Q - np.eye(n - 1))
    if sizes[-1] > 1e-6 * max(1.0, sizes[0]):
        return False
    beside = lambda share: _neutral_at(flow, orbit, share * orbit.radius * (Q @ rows[-1]))  # noqa: E731
    return any(all(beside(scale * share) for share in AMPLITUDES) for scale in (1, 0.25))


def _neutral_at(flow: Variation, orbit: PeriodicOrbit, away: np.ndarray) -> bool:
    """Whether there is a neutral periodic orbit at x + `away`."""
    size = float(np.linalg.norm(away))
    shot = closed(flow, orbit.x + away, orbit.period, away / size)
    if shot is None or np.linalg.norm(shot.x - orbit.x - away) > 0.2 * size:
        return False
    values, _ = transversal_multipliers(shot.M, flow.field(shot.x))
    return bool(np.abs(values - 1).min() <= 10 * NEUTRAL)


def _without(flow: Variation, kind: str, x: np.ndarray) -> PeriodicOrbit:
    n, nan = flow.field.n, float("nan")
    at = wrapped_near(x, flow.period / 2, flow.period) if np.isfinite(x).all() else x
    return PeriodicOrbit(
        kind, at, nan, np.empty(0, complex), np.empty(0), nan, nan, nan, np.empty((0, n)),
        tuple(flow.field.variables), (0,) * n, flow.period,
    )  # fmt: skip
