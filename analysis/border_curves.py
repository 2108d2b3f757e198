"""The curves in a plane of step size and parameter on which a multiplier crosses the unit circle, and resonances."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp

from analysis.borders import Update, as_mp, border_polynomials, positive_roots, unit_of, updates
from analysis.precision import DIGITS
from analysis.stability_functions import Z, numeric_method, rational_method, scalar_update
from integrators.method import Method, linear_update

ROWS = 161  # values of the parameter at which all borders are computed; more where their number changes
EXACT = 1e-11  # relative to the range: to this the ends of curves are known
ON_CIRCLE = mp.mpf(10) ** -9  # a double multiplier on a border is good to half of its digits
NEAREST = mp.mpf(10) ** -15
Family = Callable[[np.ndarray], np.ndarray]  # values (k,) of the parameter -> Jacobians (k, n, n)


@dataclass(frozen=True)
class Border:
    """A curve: h (k,), value (k,) of the parameter, rotation number (k,) of the crossing pair (0 at +1, 1/2 at -1).

    `kind` is "+1", "flip" or "Neimark-Sacker". `critical`: on it every other multiplier is inside the unit circle, so
    it bounds a stable region.
    """

    kind: str
    h: np.ndarray
    value: np.ndarray
    rotation: np.ndarray
    critical: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        points = {"h": self.h.tolist(), "value": self.value.tolist(), "rotation": self.rotation.tolist()}
        return {"kind": self.kind, "critical": self.critical, **points}


@dataclass(frozen=True)
class Resonance:
    """A point on a Neimark-Sacker curve where the rotation number is that of a strong resonance, "1:1" to "1:4"."""

    name: str
    h: float
    value: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return {"name": self.name, "h": self.h, "value": self.value}


@dataclass(frozen=True)
class Crossing:
    """One border at one value of the parameter."""

    h: float
    kind: str
    rotation: float
    critical: bool


def crossings(method: Method, J: np.ndarray, blocks: Any, h: tuple[float, float]) -> list[Crossing]:
    """All step sizes in the range at which a multiplier of the update at J, shape (n, n), is on the unit circle.

    Where one stays on it for all h there is no crossing. One-step methods are judged eigenvalue by eigenvalue.
    """
    rational = one_step_function(method)
    if rational is not None:
        return _on_rays(*rational, np.linalg.eigvals(J), h)
    with mp.workdps(DIGITS):
        exactly = mp.matrix([[mp.mpf(float(e)) for e in row] for row in J])
        if not any(exactly):
            return []
        unit = unit_of(exactly)
        size = as_mp(unit)
        parts = updates(method, exactly, unit, blocks)
        polynomials = [p for part in parts for p in border_polynomials(part)]
        roots = {root for p in polynomials for root in positive_roots(p, h[0] / size, h[1] / size)}
        return [found for r in sorted(roots) for found in _crossing(parts, r, size)]


@functools.lru_cache(maxsize=64)
def one_step_function(method: Method) -> tuple[np.ndarray, np.ndarray] | None:
    """Coefficients, highest power first, of numerator and denominator of R(z); None for other methods."""
    if not method.joint:
        return None
    T = scalar_update(rational_method(method))
    parts = [[complex(c) for c in sp.Poly(part, Z).all_coeffs()] for part in sp.fraction(T[0, 0])]
    if T.shape != (1, 1) or any(c.imag for part in parts for c in part):
        return None
    return np.real(parts[0]), np.real(parts[1])


def _on_rays(top: np.ndarray, below: np.ndarray, values: np.ndarray, h: tuple[float, float]) -> list[Crossing]:
    """Where |R(hλ)| = 1 for one of the eigenvalues λ: real roots of |N(hλ)|² - |D(hλ)|², in double precision."""
    ratio = lambda z: np.polyval(top, z) / np.polyval(below, z)  # noqa: E731
    found = []
    for z in values[values.imag >= 0]:
        if z == 0:
            continue
        squares = [np.polymul(p, np.conj(p)).real for p in (_scaled(top, z), _scaled(below, z))]
        polynomial = np.polysub(*squares)
        polynomial = np.trim_zeros(np.where(np.abs(polynomial) > 1e-14 * np.abs(polynomial).max(), polynomial, 0))
        for root in np.roots(polynomial):
            if abs(root.imag) > 1e-7 * abs(root) or not h[0] < root.real < h[1]:
                continue
            step = _polished(polynomial, float(root.real))
            others = np.abs(ratio(step * values[(values != z) & (values != z.conjugate())]))
            turn = abs(float(np.angle(ratio(step * z)))) / (2 * np.pi)
            if np.sign(np.polyval(polynomial, step * (1 - 1e-6))) != np.sign(np.polyval(polynomial, step * (1 + 1e-6))):
                kind = _kind(turn) if abs(z.imag) <= 1e-12 * abs(z) else "Neimark-Sacker"
                found.append(Crossing(step, kind, turn, bool((others < 1).all())))
    return sorted(found, key=lambda c: c.h)


def _scaled(polynomial: np.ndarray, z: complex) -> np.ndarray:
    """The coefficients in h of a polynomial at hz."""
    return polynomial * z ** np.arange(len(polynomial) - 1, -1, -1)


def _polished(polynomial: np.ndarray, root: float) -> float:
    slope = np.polyder(polynomial)
    for _ in range(4):
        root -= float(np.polyval(polynomial, root) / np.polyval(slope, root)) if np.polyval(slope, root) else 0.0
    return root


def _kind(turn: float) -> str:
    return "+1" if turn < 1e-5 else "flip" if turn > 0.5 - 1e-5 else "Neimark-Sacker"


def _crossing(parts: Sequence[Update], root: Any, size: Any) -> list[Crossing]:
    values = [z for part in parts for z in _multipliers(part.at(root))]
    distances = [abs(abs(z) - 1) for z in values]
    least = min(distances)
    if least > ON_CIRCLE:
        return []  # a pair of real multipliers with product 1: no border
    # another eigenvalue near 0 has its multiplier near the circle, too, but not nearly as near
    on = [z for z, distance in zip(values, distances, strict=True) if distance <= max(1000 * least, NEAREST)]
    critical = all(abs(z) < 1 or z in on for z in values)
    turn = min(float(abs(mp.arg(z)) / (2 * mp.pi)) for z in on)
    return [Crossing(float(root * size), _kind(turn), turn, critical)]


def _multipliers(M: Any) -> list[Any]:
    if not all(map(mp.isfinite, M)):
        return [mp.inf]
    return list(mp.eig(M, left=False, right=False)) if M.rows > 1 else [M[0, 0]]


def borders_over(
    method: Method, family: Family, values: tuple[float, float], h: tuple[float, float], blocks: Any
) -> tuple[list[Border], list[Resonance]]:
    """The borders over the plane of h and a parameter, whose Jacobians `family` gives.

    At each of many values all crossings are computed; neighbours of one kind are joined, and where their number
    changes the value is bisected, so that curves end where they end.
    """
    grid = np.linspace(*values, ROWS)
    rows = [crossings(method, J, blocks, h) if np.isfinite(J).all() else None for J in family(grid)]
    tracer = _Tracer(method, family, blocks, h, EXACT * (values[1] - values[0]))
    listed: list[tuple[float, list[Crossing] | None]] = []
    for k, (value, row) in enumerate(zip(grid, rows, strict=True)):
        if k and _signature(row) != _signature(rows[k - 1]):
            listed += tracer.between((float(grid[k - 1]), rows[k - 1]), (float(value), row))
        listed.append((float(value), row))
    curves = [*_joined(listed), *tracer.still(grid, h)]
    return curves, [point for curve in curves for point in tracer.resonances(curve)]


def _signature(row: list[Crossing] | None) -> Any:
    return None if row is None else tuple((c.kind, c.critical) for c in row)


class _Tracer:
    """What refines borders between two values of the parameter."""

    def __init__(self, method: Method, family: Family, blocks: Any, h: tuple[float, float], width: float):
        self.method, self.family, self.blocks, self.h, self.width = method, family, blocks, h, width

    def at(self, value: float) -> list[Crossing] | None:
        """All crossings at one value, None where the zero is lost."""
        J = self.family(np.array([value]))[0]
        return crossings(self.method, J, self.blocks, self.h) if np.isfinite(J).all() else None

    def between(self, low: Any, high: Any) -> list[tuple[float, list[Crossing] | None]]:
        """Rows on both sides of every change between two values, to the width."""
        if _signature(low[1]) == _signature(high[1]):
            return []
        if high[0] - low[0] <= self.width:
            return [low, high]
        middle = (low[0] + high[0]) / 2
        row = (middle, self.at(middle))
        return [*self.between(low, row), row, *self.between(row, high)]

    def still(self, grid: np.ndarray, h: tuple[float, float]) -> list[Border]:
        """Where det J = 0 a multiplier is 1 at every h: a line across."""
        found = []
        signs: np.ndarray = np.sign(np.linalg.det(np.nan_to_num(self.family(grid))))
        for k in map(int, np.flatnonzero(signs[:-1] * signs[1:] < 0)):
            low, high = float(grid[k]), float(grid[k + 1])
            while high - low > self.width:
                middle = (low + high) / 2
                same = np.sign(np.linalg.det(self.family(np.array([middle]))[0])) == signs[k]
                low, high = (middle, high) if same else (low, middle)
            found += self._across((low + high) / 2)
        return found

    def _across(self, value: float) -> list[Border]:
        """The line over all h at this value, in pieces on which all other multipliers are inside or one is not."""
        J = self.family(np.array([value]))[0]
        edges = [self.h[0], *(c.h for c in crossings(self.method, J, self.blocks, self.h)), self.h[1]]
        pieces: list[Border] = []
        for low, high in pairwise(edges):
            critical = self._others_inside(J, (low + high) / 2)
            if pieces and pieces[-1].critical == critical:
                low = pieces.pop().h[0]
            pieces.append(Border("+1", np.array([low, high]), np.array([value, value]), np.zeros(2), critical))
        return pieces

    def _others_inside(self, J: np.ndarray, h: float) -> bool:
        A = tuple(map(tuple, J.tolist()))
        zeta = np.linalg.eigvals(np.array(linear_update(numeric_method(self.method), A, h, 0.0, 1.0, self.blocks)))
        others = np.delete(np.abs(zeta), np.argmin(np.abs(zeta - 1)))
        return bool((others < 1).all())

    def resonances(self, curve: Border) -> list[Resonance]:
        """Where the rotation number passes a strong resonance, and the ends at which a pair meets on the real axis."""
        if curve.kind != "Neimark-Sacker":
            return []
        found = []
        for end in (0, -1):
            for turn, name in ((0.0, "1:1"), (0.5, "1:2")):
                if abs(curve.rotation[end] - turn) < 1e-3:
                    found.append(Resonance(name, float(curve.h[end]), float(curve.value[end])))
        for turn, name in ((1 / 3, "1:3"), (0.25, "1:4")):
            side = np.sign(curve.rotation - turn)
            for k in np.flatnonzero(side[:-1] * side[1:] < 0):
                found.append(self._passed(curve, int(k), turn, name))
        return found

    def _passed(self, curve: Border, k: int, turn: float, name: str) -> Resonance:
        low, high = float(curve.value[k]), float(curve.value[k + 1])
        point, up = (float(curve.h[k]), low), curve.rotation[k] < turn
        while abs(high - low) > self.width:
            middle = (low + high) / 2
            row = [c for c in self.at(middle) or [] if c.kind == curve.kind]
            if not row:
                break
            nearest = min(row, key=lambda c: abs(c.h - point[0]))
            point = (nearest.h, middle)
            low, high = (middle, high) if (nearest.rotation < turn) == up else (low, middle)
        return Resonance(name, *point)


def _joined(rows: list[tuple[float, list[Crossing] | None]]) -> list[Border]:
    """Crossings at neighbouring values, the j-th of each row with the j-th of the next while the kinds agree."""
    done: list[list[tuple[float, Crossing]]] = []
    growing: list[list[tuple[float, Crossing]]] = []
    before: Any = None
    for value, row in rows:
        if row is None or _signature(row) != before:
            done += growing
            growing = [[] for _ in row or []]
        for curve, crossing in zip(growing, row or [], strict=True):
            curve.append((value, crossing))
        before = _signature(row)
    return [_border(curve) for curve in [*done, *growing] if len(curve) > 1]


def _border(curve: list[tuple[float, Crossing]]) -> Border:
    crossing = curve[0][1]
    h, rotation = (np.array([getattr(c, name) for _, c in curve]) for name in ("h", "rotation"))
    return Border(crossing.kind, h, np.array([value for value, _ in curve]), rotation, crossing.critical)
