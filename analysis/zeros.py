"""Fixed points: many starts through compiled Newton, each candidate proved or dropped, none counted twice."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
from numpy.linalg import norm

from analysis.completeness import Completeness, completeness
from analysis.continua import Continuum, continuum_through, is_singular
from analysis.jumps import jumps_at
from analysis.precision import DIGITS, Point, as_array, polish, precise_jacobian, precise_value, recognise
from analysis.precision import norm as precise_norm
from analysis.spectra import sorted_eigenvalues
from dynsys.array_field import AnyField
from dynsys.errors import InputError
from dynsys.field import Box, as_points
from integrators.checks import check_count
from integrators.ensembles import ensemble
from integrators.newton import Newton
from integrators.status import Status

SAME = 1e-7  # two zeros closer than this share of the box (or of themselves) are one
MOST_CANDIDATES = 400


@dataclass(frozen=True)
class FixedPoint:
    """A zero x of the field, shape (n,), with what makes it one.

    `residual` is ‖v(x)‖ in double precision, `newton_step` the length of the next Newton step, an estimate of the
    error of x, and `kantorovich` the product βKη that proves a zero nearby if it is below ½ (inf at a degenerate
    zero). `spurious`: the field it was transformed from does not vanish here, its value being `base_speed`.
    `exact` holds the coordinates as SymPy numbers where they are small rationals or multiples of π.
    """

    x: np.ndarray
    jacobian: np.ndarray
    eigenvalues: np.ndarray
    residual: float
    newton_step: float
    kantorovich: float
    degenerate: bool
    spurious: bool
    base_speed: float
    exact: tuple[Any, ...] | None
    precise: Point

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "x": [float(c) for c in self.x],
            "exact": None if self.exact is None else [str(c) for c in self.exact],
            "eigenvalues": [[float(z.real), float(z.imag)] for z in self.eigenvalues],
            "residual": self.residual,
            "newton_step": self.newton_step,
            "kantorovich": self.kantorovich if np.isfinite(self.kantorovich) else None,
            "degenerate": self.degenerate,
            "spurious": self.spurious,
            "base_speed": self.base_speed,
        }


@dataclass(frozen=True)
class FixedPoints(Sequence[FixedPoint]):
    """The zeros found in the box, sorted by position; continua apart; and how complete the list is."""

    points: tuple[FixedPoint, ...]
    continua: tuple[Continuum, ...]
    completeness: Completeness
    box: Box
    variables: Sequence[str]

    def __getitem__(self, index: Any) -> Any:
        return self.points[index]

    def __len__(self) -> int:
        return len(self.points)

    def __iter__(self) -> Iterator[FixedPoint]:
        return iter(self.points)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "points": [point.to_dict() for point in self.points],
            "continua": [continuum.to_dict() for continuum in self.continua],
            "completeness": self.completeness.to_dict(),
            "box": [list(pair) for pair in self.box],
        }


def fixed_points(field: AnyField, box: Any = None, starts: int | None = None, seed: int = 0) -> FixedPoints:
    """The zeros of the field in the box ((lo, hi) per variable; default: the field's own).

    Newton's method runs from `starts` points of a low-discrepancy sequence shifted by `seed` (default 256 a
    variable), candidates are polished at fifty digits and accepted by their Newton step (Kantorovich 1948), never by
    their residual: saturated payoffs have plateaus where ‖v‖ is tiny and no zero is near. Continua of zeros are
    reported as such. Two runs with one seed give the same result.

    Raises `InputError` for an empty or inverted box and for a field that depends on time.
    """
    if field.time is not None:
        raise InputError("the field depends on time; it has no fixed points. Fix the time")
    chosen = field.region(box)
    count = min(256 * field.n, 4096) if starts is None else check_count(starts, "starts", 1)
    finder = _Finder(field, chosen)
    hits = finder.search(_sequence(chosen, count, seed))
    finder.add_from(_resting(field, chosen, seed))
    complete = completeness(field, chosen, finder.zeros, hits, finder.continua)
    for missing in complete.missing:
        finder.add(missing)
    if complete.missing:
        complete = completeness(field, chosen, finder.zeros, hits, finder.continua)
    inside = [zero for zero in finder.zeros if _inside(zero, chosen) and _exists(field, zero)]
    points = tuple(sorted((describe(field, zero, chosen) for zero in inside), key=lambda p: tuple(p.x.round(9))))
    low, high = np.array(chosen).T
    continua = tuple(c for c in finder.continua if ((c.points >= low) & (c.points <= high)).all(1).any())
    return FixedPoints(points, continua, complete, chosen, field.variables)


class _Finder:
    """Zeros collected so far, at fifty digits, no two alike; continua apart."""

    def __init__(self, field: AnyField, box: Box):
        self.field, self.box = field, box
        self.widths = np.array([hi - lo for lo, hi in box])
        self.zeros: list[Point] = []
        self.continua: list[Continuum] = []

    def search(self, starts: np.ndarray) -> list[int]:
        """Run Newton from the starts; how often each zero was hit, in the order of `zeros`."""
        bound = 1e3 * max(1.0, float(np.abs(self.box).max()))
        run = ensemble(self.field, starts, Newton(), h=1.0, steps=48, divergence_bound=bound).complete()
        ends = run.x[(run.status == Status.FINISHED) | (run.status == Status.STATIONARY)]
        ends = ends[_near_zero(self.field, ends, self.widths)]
        return self.add_all(ends)

    def add_all(self, ends: np.ndarray) -> list[int]:
        """Add the zeros near these points; how often each zero is hit."""
        hits = [0] * len(self.zeros)
        for group in _groups(ends, self.widths)[:MOST_CANDIDATES]:
            index = self.add(tuple(group[0]))
            hits += [0] * (len(self.zeros) - len(hits))
            if index is not None:
                hits[index] += len(group)
        return hits

    def add_from(self, candidates: np.ndarray) -> None:
        """Add zeros that plain Newton cannot reach: where the Jacobian is singular on a whole neighbourhood."""
        for x in candidates[:16]:
            self.add(tuple(x))

    def add(self, x: Sequence[Any]) -> int | None:
        """The index of the zero that Newton reaches from x, added if new; None if there is none or it is no point."""
        if any(c.holds(np.array([float(v) for v in x])) for c in self.continua):
            return None
        zero = polish(self.field, [float(v) for v in x], reach=0.05 * float(norm(self.widths)))
        if zero is None:
            return None
        for index, other in enumerate(self.zeros):
            scale = float(norm(self.widths)) + float(precise_norm(other))
            if float(precise_norm([a - b for a, b in zip(zero, other, strict=True)])) <= SAME * scale:
                return index
        if is_singular(self.field, zero, self.widths):
            continuum = continuum_through(self.field, zero, self.box)
            if continuum is not None:
                self.continua.append(continuum)
                return None
        self.zeros.append(zero)
        return len(self.zeros) - 1


def _sequence(box: Box, count: int, seed: int) -> np.ndarray:
    """Points of the R-sequence in the box, shape (count, n): evenly spread for any count. Roberts (2018)."""
    n = len(box)
    g = 2.0
    for _ in range(64):
        g = (1 + g) ** (1 / (n + 1))
    shift = np.random.default_rng(seed).random(n)
    unit = (shift + np.arange(1, count + 1)[:, None] * g ** -np.arange(1.0, n + 1)) % 1
    low, high = np.array(box).T
    return low + unit * (high - low)


def _near_zero(field: AnyField, x: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Which points are worth polishing: their Newton step is short, or their Jacobian nearly singular."""
    if not len(x):
        return np.zeros(0, bool)
    J, v = field.jacobian(x), field(x)
    usable = np.isfinite(J).all((1, 2)) & np.isfinite(v).all(1)
    steps = np.full(len(x), np.inf)
    steps[usable] = norm(np.linalg.pinv(J[usable], rcond=1e-12) @ v[usable][..., None], axis=1)[:, 0]
    return usable & (steps < 1e-2 * norm(widths))


def _groups(x: np.ndarray, widths: np.ndarray) -> list[np.ndarray]:
    """Points that agree to six digits of the box together, the largest group first."""
    keys = np.round(x / (1e-6 * widths)).astype(np.int64)
    groups: dict[tuple[int, ...], list[np.ndarray]] = {}
    for key, point in zip(map(tuple, keys), x, strict=True):
        groups.setdefault(key, []).append(point)
    return sorted((np.array(g) for g in groups.values()), key=lambda g: (-len(g), tuple(g[0])))


def _resting(field: AnyField, box: Box, seed: int) -> np.ndarray:
    """Where Gauss-Newton with the pseudo-inverse comes to rest, from a few starts: finds zeros with singular J."""
    x = _sequence(box, 48, seed + 1)
    with np.errstate(all="ignore"):
        for _ in range(40):
            J, v = field.jacobian(x), field(x)
            usable = np.isfinite(J).all((1, 2)) & np.isfinite(v).all(1) & (np.abs(x) < 1e6).all(1)
            x, J, v = x[usable], J[usable], v[usable]
            if not len(x):
                return x
            x = x - (np.linalg.pinv(J, rcond=1e-9) @ v[..., None])[..., 0]
    low, high = np.array(box).T
    x = x[((x >= low) & (x <= high)).all(1)]
    return x[_near_zero(field, x, high - low)]


def _exists(field: AnyField, zero: Point) -> bool:
    """Whether every payoff has a real value there, and v no jump: it may vanish where the game does not exist."""
    x = [float(c) for c in zero]
    return (field.game is None or bool(np.isfinite(field.game.values(x)).all())) and not jumps_at(field, x)


def _inside(zero: Point, box: Box) -> bool:
    return all(
        lo - 1e-9 * (hi - lo) <= float(c) <= hi + 1e-9 * (hi - lo) for c, (lo, hi) in zip(zero, box, strict=True)
    )


def describe(field: AnyField, zero: Point, box: Box | None = None) -> FixedPoint:
    """Everything about a zero known at fifty digits."""
    exact = recognise(field, zero)
    x = np.array([float(c) for c in (zero if exact is None else exact)]) + 0.0  # no negative zeros in tables
    widths = np.ones(field.n) if box is None else np.array([hi - lo for lo, hi in box])
    J = as_array(precise_jacobian(field, zero)).reshape(field.n, field.n)
    degenerate = is_singular(field, zero, widths)
    speed, spurious = base_speed(field, zero, degenerate)
    step, product = _kantorovich(field, x, J, degenerate)
    return FixedPoint(
        x=x,
        jacobian=J,
        eigenvalues=sorted_eigenvalues(np.linalg.eigvals(J)),
        residual=float(norm(field(x))),
        newton_step=step,
        kantorovich=product,
        degenerate=degenerate,
        spurious=spurious,
        base_speed=speed,
        exact=exact,
        precise=zero,
    )


def base_speed(field: AnyField, zero: Point, degenerate: bool = False) -> tuple[float, bool]:
    """‖v‖ of the field at the root of the transformations, and whether that makes the zero spurious.

    The zero is known to 1e-40 (1e-28 where degenerate), so an inherited one shows a speed of that order.
    """
    if field.base is None:
        return 0.0, False
    with mp.workdps(DIGITS):
        speed = precise_norm(precise_value(field.root, zero))
        scale = 1 + precise_norm(zero)
        return float(speed), bool(speed > mp.mpf(10) ** (-9 if degenerate else -18) * scale)


def _kantorovich(field: AnyField, x: np.ndarray, J: np.ndarray, degenerate: bool) -> tuple[float, float]:
    """The Newton step η = ‖J⁻¹v‖ at x, and βKη with β = ‖J⁻¹‖ and K a Lipschitz constant of J near x, by sampling."""
    if degenerate:
        return float(norm(np.linalg.pinv(J, rcond=1e-9) @ field(x))), float("inf")
    eta = float(norm(np.linalg.solve(J, field(x))))
    radius = max(1e3 * eta, 1e-4 * (1 + float(norm(x))))
    ring = x + radius * np.vstack([np.eye(field.n), -np.eye(field.n)])
    lipschitz = float(norm(np.linalg.norm(field.jacobian(ring) - J, axis=(1, 2)), np.inf)) / radius
    beta = float(np.linalg.norm(np.linalg.inv(J), 2))
    return eta, beta * lipschitz * eta


def zero_near(field: AnyField, x: Any, argument: str = "x") -> Point:
    """The zero at x to fifty digits; `InputError` if x is not one to six digits."""
    if field.time is not None:
        raise InputError("the field depends on time; it has no fixed points. Fix the time")
    point = as_points(x, field.variables, argument)
    if point.ndim != 1 or not np.isfinite(point).all():
        raise InputError(f"{argument} is {str(x)[:60]}; give one finite point")
    if jumps_at(field, point):
        raise InputError(
            f"the field jumps at {argument} = {np.round(point, 6).tolist()}, so it has no linearisation there: "
            f"{field.piecewise}; follow runs with sample_fates"
        )
    reach = 1e-6 * (1 + float(norm(point)))
    zero = _polished(field, tuple(point), reach)
    if zero is None:
        speed = float(norm(field(point)))
        raise InputError(
            f"{argument} = {np.round(point, 6).tolist()} is not a zero of the field (speed there {speed:.3g}); "
            "take one from fixed_points(field, box)"
        )
    return zero


@functools.lru_cache(maxsize=256)
def _polished(field: AnyField, x: tuple[float, ...], reach: float) -> Point | None:
    return polish(field, x, reach)


def exact_or_precise(field: AnyField, x: Any) -> Point:
    """The zero at x: its exact coordinates, to fifty digits, where they can be recognised; else as Newton left it."""
    zero = zero_near(field, x)
    exact = recognise(field, zero)
    if exact is None:
        return zero
    with mp.workdps(DIGITS):
        return tuple(mp.mpf(c.p) / c.q if c.is_Rational else mp.mpmathify(c.evalf(DIGITS + 5)) for c in exact)
