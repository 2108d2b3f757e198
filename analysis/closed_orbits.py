"""Periodic orbits of flows: limit cycles, attracting or not, with their Floquet multipliers; centres apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.precision import polish
from analysis.variations import Variation, evenly, transversal_multipliers
from dynsys.array_field import AnyField
from dynsys.errors import InputError, shown
from dynsys.expressions import symbol
from dynsys.field import as_points
from integrators.adaptive.crossings import Event
from integrators.checks import check_positive

CROSSINGS = 48  # of a section, among which the orbit's return is looked for
NEUTRAL = 1e-7  # |ζ| - 1 of a Floquet multiplier that counts as on the unit circle
AMPLITUDES = (-0.1, -0.05, 0.05, 0.1)  # shares of the radius at which the neighbours of a neutral orbit must close
POINTS = 256


@dataclass(frozen=True, eq=False)
class PeriodicOrbit:
    """What the flow from a start settles on.

    `kind` is "limit cycle", "centre" (one of a continuum of periodic orbits: those at four other amplitudes close,
    too), "neutral" (periodic, a multiplier on the unit circle, and neighbours that do not close), "equilibrium",
    "escape" or "none" (bounded, but no return that Newton's method could close).

    `points` (256, n) of the orbit are even in time from x. `multipliers` (n - 1,) are Floquet's beside the trivial one,
    whose defect ‖Mv - v‖/‖v‖ is `trivial`; `closing` is the last Newton step, an estimate of the error of x and period.
    """

    kind: str
    x: np.ndarray
    period: float
    multipliers: np.ndarray
    trivial: float
    closing: float
    points: np.ndarray
    variables: tuple[str, ...]

    @property
    def found(self) -> bool:
        """Whether there is a periodic orbit."""
        return self.kind in ("limit cycle", "centre", "neutral")

    @property
    def attracts(self) -> bool | None:
        """Whether all multipliers are inside the unit circle; None where the largest is on it, or there is no orbit."""
        if not self.found:
            return None
        largest = float(np.abs(self.multipliers).max(initial=0.0))
        return None if abs(largest - 1) <= NEUTRAL else largest < 1

    @property
    def exponents(self) -> np.ndarray:
        """Floquet exponents beside 0: the real parts log |ζ| / T, (n - 1,)."""
        return np.log(np.maximum(np.abs(self.multipliers), 1e-300)) / self.period

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

    def same_as(self, other: PeriodicOrbit) -> bool:
        """Whether both are one orbit: equal periods, and x of each on the other."""
        if not (self.found and other.found) or not math.isclose(self.period, other.period, rel_tol=1e-6):
            return False
        loop = np.vstack([other.points, other.points[:1]])
        chord, to = np.diff(loop, axis=0), self.x - loop[:-1]
        share = np.clip((to * chord).sum(1) / np.maximum((chord**2).sum(1), 1e-300), 0, 1)
        away = np.linalg.norm(to - share[:, None] * chord, axis=1)
        nearest = int(np.argmin(away))
        return bool(away[nearest] <= 0.1 * np.linalg.norm(chord[nearest]) + 1e-9)

    @property
    def text(self) -> str:
        """In words."""
        if not self.found:
            at = " at (" + ", ".join(f"{c:.6g}" for c in self.x) + ")" if self.kind == "equilibrium" else ""
            return {"none": "no periodic orbit found"}.get(self.kind, self.kind) + at
        values = ", ".join(f"{z.real:.6g}" if z.imag == 0 else f"{z:.6g}" for z in self.multipliers)
        if self.kind == "centre":
            return f"centre: a continuum of periodic orbits, here of period {self.period:.10g}"
        stays = {True: "attracts", False: "repels", None: "neutral"}[self.attracts]
        return f"{self.kind} of period {self.period:.10g}, {stays}, Floquet multipliers {values}"

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; None where there is no orbit."""
        number = lambda value: float(value) if math.isfinite(value) else None  # noqa: E731
        return {
            "kind": self.kind,
            "x": self.x.tolist(),
            "period": number(self.period),
            "multipliers": [[float(z.real), float(z.imag)] for z in self.multipliers],
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
    least period is returned, whatever the start. An orbit that repels is one near what the flow does, not its end.

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
        found = _return(flow, start, limit, backward, bound)
        if found is None:
            return _without(flow, "none", start)
        start, guess = found
    for time in (-guess, guess) if backward else (guess, -guess):
        closed = _closed(flow, start, time)
        if closed is not None:
            return _described(flow, *_least(flow, *closed))
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


def _return(
    flow: Variation, x: np.ndarray, limit: float, backward: bool, bound: float
) -> tuple[np.ndarray, float] | None:
    """Where and after which time the orbit comes back to x as nearly as any of its crossings of the section."""
    event = Event(_section(flow, x), direction=-1 if backward else 1, terminal=CROSSINGS)
    run = flow.solution(x, -limit if backward else limit, rtol=1e-9, events=event, divergence_bound=bound)
    crossings = run.events[0]
    if not len(crossings.t):
        return None
    extent = float(np.linalg.norm(np.ptp(run.x, axis=0)))
    away = np.linalg.norm(crossings.x - x, axis=1)
    near = np.flatnonzero(away <= 1e-3 * extent)
    k = int(near[0]) if len(near) else int(np.argmin(away))
    return (crossings.x[k], abs(float(crossings.t[k]))) if away[k] <= 0.3 * extent else None


def _section(flow: Variation, x: np.ndarray) -> Any:
    """v(x)·(y - x), which vanishes on the section through x, as an expression in y."""
    normal = flow.field(x) / np.linalg.norm(flow.field(x))
    return sum(float(c) * (symbol(name) - float(a)) for name, c, a in zip(flow.field.variables, normal, x))


def _closed(flow: Variation, x: np.ndarray, period: float, along: np.ndarray | None = None) -> Any:
    """x, T, M(T) of the periodic orbit near x, and the last step; None where Newton finds none or an equilibrium.

    `period` has the sign of the direction to follow; along the vector `along` the orbit may not move.
    """
    n, first, T = flow.field.n, x.copy(), period
    normal = flow.field(first) / np.linalg.norm(flow.field(first))
    fixed = np.array([normal] if along is None else [normal, along])
    speed, best, kept = float(np.linalg.norm(flow.field(first))), np.inf, None
    for _ in range(4):  # onto the section: where returns are the identity, an error of T would move x along it
        image = flow.solution(x, T).x[-1]
        late = float(normal @ (image - x)) / max(float(normal @ flow.field(image)), 1e-3 * speed)
        T -= math.copysign(min(abs(late), 0.1 * abs(T)), late)
    for _ in range(30):
        carried = flow.carried(x, T)
        if carried is None:
            return None
        image, M = carried
        A = np.zeros((n + len(fixed), n + 1))
        A[:n, :n], A[:n, n], A[n:, :n] = M - np.eye(n), flow.field(image), fixed
        residual = np.append(image - x, fixed @ (x - first))
        step = np.linalg.lstsq(A, residual, rcond=1e-10)[0]
        length = float(np.linalg.norm(step[:n])) / (1 + float(np.linalg.norm(x))) + abs(float(step[n]) / T)
        if length < best:
            best, kept = length, (x, T, M, length)
        elif best < 1e-9:
            break
        x, T = x - step[:n], T - float(step[n])
        if not 0.2 < T / period < 5 or not np.isfinite(x).all():
            return None
        if length < 1e-14:
            break
    if best > 1e-8 or kept is None or np.linalg.norm(flow.field(kept[0])) < 1e-4 * speed:
        return None
    return kept


def _least(flow: Variation, x: np.ndarray, T: float, M: np.ndarray, closing: float) -> Any:
    """The same orbit with its least period: a crossing of the section at x itself divides T."""
    run = flow.solution(x, T * (1 - 1e-6), events=Event(_section(flow, x), direction=1 if T > 0 else -1), rtol=1e-11)
    extent = float(np.linalg.norm(np.ptp(run.x, axis=0)))
    for t, at in zip(run.events[0].t, run.events[0].x, strict=True):
        if np.linalg.norm(at - x) <= 1e-7 * extent and t / T < 0.9:
            shorter = _closed(flow, x, T / round(T / float(t)))
            return shorter if shorter is not None else (x, T, M, closing)
    return x, T, M, closing


def _described(flow: Variation, x: np.ndarray, T: float, M: np.ndarray, closing: float) -> PeriodicOrbit:
    values, trivial = transversal_multipliers(M, flow.field(x))
    run = flow.solution(x, T * (1 + 1e-9), dense=True)
    assert run.sol is not None
    points = evenly(run.sol, T, POINTS)
    if T < 0:
        values, points, T = 1 / values[::-1], np.roll(points[::-1], 1, axis=0), -T
    orbit = PeriodicOrbit("limit cycle", x, T, values, trivial, closing, points, tuple(flow.field.variables))
    if not (np.abs(np.abs(values) - 1) <= NEUTRAL).any():
        return orbit
    kind = "centre" if _closes_beside(flow, orbit, M) else "neutral"
    return PeriodicOrbit(kind, x, T, values, trivial, closing, orbit.points, orbit.variables)


def _closes_beside(flow: Variation, orbit: PeriodicOrbit, M: np.ndarray) -> bool:
    """Whether orbits at other amplitudes, along the kernel of M - I beside v, close as well, and are neutral."""
    x, n = orbit.x, flow.field.n
    unit = flow.field(x) / np.linalg.norm(flow.field(x))
    Q = np.linalg.svd(unit[None])[2][1:].T
    _, sizes, rows = np.linalg.svd(Q.T @ M @ Q - np.eye(n - 1))
    if sizes[-1] > 1e-6 * max(1.0, sizes[0]):
        return False
    direction = Q @ rows[-1]
    for share in AMPLITUDES:
        beside = x + share * orbit.radius * direction
        closed = _closed(flow, beside, orbit.period, direction)
        if closed is None or np.linalg.norm(closed[0] - beside) > 0.2 * abs(share) * orbit.radius:
            return False
        values, _ = transversal_multipliers(closed[2], flow.field(closed[0]))
        if np.abs(values - 1).min() > 10 * NEUTRAL:
            return False
    return True


def _without(flow: Variation, kind: str, x: np.ndarray) -> PeriodicOrbit:
    nan = float("nan")
    empty = np.empty((0, flow.field.n))
    return PeriodicOrbit(kind, x, nan, np.empty(0, complex), nan, nan, empty, tuple(flow.field.variables))
