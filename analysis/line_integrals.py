"""Work along paths and circulation round loops, by adaptive quadrature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

from dynsys.array_field import AnyField, check_field
from dynsys.errors import InputError
from dynsys.expressions import finite
from dynsys.field import as_points
from integrators.trajectories import Trajectory

NODES = 16  # Chebyshev nodes of a panel
DEEPEST = 48  # bisections of a panel before the integrand counts as singular
MOST_PANELS = 20_000
FOLLOWED = 1e-6  # a panel follows the path to this share of its width, or is bisected: this shows jumps
FIRST_PANELS = 8  # of a curve given as a function: fewer could miss a narrow feature

Path = Callable[[float], Any] | Trajectory | Sequence[Sequence[float]] | np.ndarray


class Work(float):
    """A line integral ∫ v·dx, a plain number with an estimate of its own error."""

    error: float

    def __new__(cls, value: float, error: float) -> Work:
        """The number, with `error` beside it."""
        new = super().__new__(cls, value)
        new.error = error
        return new

    def __repr__(self) -> str:
        return f"{float(self):.15g} ± {self.error:.1g}"


def work(field: AnyField, path: Path, rtol: float = 1e-11) -> Work:
    r"""The work of the field along a path, with an estimate of its error as `.error`.

    .. math:: \int_0^1 v(x(t)) \cdot \dot x(t)\, dt

    `path` is a function of t in [0, 1] that returns the n coordinates, an array (k, n) of the corners of a polygon,
    or a `Trajectory`, whose points are joined by straight lines. Every panel of the path is interpolated at Chebyshev
    points and bisected until halving it changes nothing beyond `rtol` of ∫ |v·dx|. Clenshaw & Curtis (1960).

    Raises `InputError` for a path of the wrong shape, one that jumps, and one that runs through a singularity of the
    field, with the place.
    """
    if check_field(field).time is not None:
        raise InputError("the field depends on time; work needs a fixed field. Fix the time")
    tolerance = finite(rtol, "rtol")
    if not 1e-14 <= tolerance < 1:
        raise InputError(f"rtol is {tolerance:g}; give a number from 1e-14 to 1")
    curve, edges = _curve(path, field.variables, "path")
    return _integral(field, curve, edges, tolerance)


def circulation(field: AnyField, loop: Path, rtol: float = 1e-11, gap: float = 1e-9) -> Work:
    r"""The circulation :math:`\oint v \cdot dx` round a closed curve; 0 for every loop if the field is conservative.

    `loop` is given as for `work`, and must end where it starts: to `gap`, relative to its size. Of a trajectory that
    closes only nearly, a larger `gap` lets a straight line join the ends. Raises `InputError` for an open one.
    """
    curve, _ = _curve(loop, check_field(field).variables, "loop")
    ends = curve(np.array([0.0, 1.0]))
    size = np.ptp(curve(np.linspace(0, 1, 257)), axis=0).max()
    opening = float(np.linalg.norm(ends[1] - ends[0]))
    if opening > finite(gap, "gap") * size:
        raise InputError(
            f"loop is open: it starts at {_place(ends[0])} and ends at {_place(ends[1])}; "
            "repeat the first point at the end, or allow a larger gap="
        )
    total = work(field, loop, rtol)
    if opening <= 1e-13 * size:  # rounding
        return total
    closing = work(field, ends[::-1], rtol)
    return Work(total + closing, total.error + closing.error)


def _curve(path: Any, variables: Sequence[str], argument: str) -> tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]:
    """The path as a function of many t in [0, 1] at once, and the t between which it is smooth, as far as is known."""
    if callable(path):
        return (lambda t: _called(path, t, variables, argument)), np.linspace(0, 1, FIRST_PANELS + 1)
    points = as_points(path.x if isinstance(path, Trajectory) else path, variables, argument)
    if points.ndim != 2 or len(points) < 2:
        raise InputError(f"{argument} has shape {points.shape}; give at least two points, (k, {len(variables)})")
    if not np.isfinite(points).all():
        raise InputError(f"{argument} has a point that is not finite: {_place(points[~np.isfinite(points).all(1)][0])}")
    corners = np.linspace(0, 1, len(points))

    def polygon(t: np.ndarray) -> np.ndarray:
        k = np.clip(np.floor(t * (len(points) - 1)).astype(int), 0, len(points) - 2)
        share = (t * (len(points) - 1) - k)[..., None]
        return points[k] + share * (points[k + 1] - points[k])

    return polygon, corners


def _called(path: Callable[[float], Any], t: np.ndarray, variables: Sequence[str], argument: str) -> np.ndarray:
    """The points of a path given as a function, called with one number at a time."""
    points = as_points([np.atleast_1d(path(float(each))) for each in t.ravel()], variables, f"{argument}(t)")
    if points.ndim != 2 or not np.isfinite(points).all():
        raise InputError(f"{argument}(t) must be {len(variables)} finite numbers for every t from 0 to 1")
    return points.reshape((*t.shape, len(variables)))


def _integral(field: AnyField, curve: Callable[[np.ndarray], np.ndarray], edges: np.ndarray, rtol: float) -> Work:
    """Panels between the edges, all of one level at once, bisected where the two halves do not add up."""
    lo, hi = edges[:-1], edges[1:]
    coarse, size, x = _panels(field, curve, lo, hi)
    width, blur = float(np.ptp(x, axis=(0, 1)).max()), 4e-16 * float(np.abs(x).max())  # points are rounded to this
    with np.errstate(all="ignore"):
        noise = NODES**2 * blur * float(np.nanmedian(np.abs(field(x))))
    total, error, scale, done = 0.0, 0.0, float(size[np.isfinite(size)].sum()), 0
    for _ in range(DEEPEST):
        middle = (lo + hi) / 2
        left, left_size, left_x = _panels(field, curve, lo, middle)
        right, right_size, right_x = _panels(field, curve, middle, hi)
        fine = left + right
        with np.errstate(invalid="ignore"):
            change = np.abs(fine - coarse)
        sizes = left_size + right_size
        scale = max(scale, float(sizes[np.isfinite(sizes)].sum()))
        followed = np.maximum(_apart(LEFT, x, left_x), _apart(RIGHT, x, right_x)) <= FOLLOWED * width + blur
        good = followed & (change <= rtol * scale * (hi - lo) + 4e-15 * sizes + noise) & np.isfinite(change)
        total += float(fine[good].sum())
        error += float(change[good].sum())
        done += int(good.sum())
        bad = ~good
        if not bad.any():
            return Work(total, error + 1e-15 * scale)
        if done + 2 * bad.sum() > MOST_PANELS + len(edges):
            break
        lo, hi = np.concatenate([lo[bad], middle[bad]]), np.concatenate([middle[bad], hi[bad]])
        coarse, x = np.concatenate([left[bad], right[bad]]), np.concatenate([left_x[bad], right_x[bad]])
    raise _singular(field, curve, (lo + hi) / 2)


CHEBYSHEV = np.cos(np.pi * np.arange(NODES) / (NODES - 1))[::-1]
_TO_COEFFICIENTS = np.linalg.inv(chebyshev.chebvander(CHEBYSHEV, NODES - 1))
DIFFERENTIATION = chebyshev.chebvander(CHEBYSHEV, NODES - 2) @ chebyshev.chebder(_TO_COEFFICIENTS)
LEFT, RIGHT = (chebyshev.chebvander((CHEBYSHEV + side) / 2, NODES - 1) @ _TO_COEFFICIENTS for side in (-1, 1))
WEIGHTS = np.array([2 / (1 - k * k) if k % 2 == 0 else 0.0 for k in range(NODES)]) @ _TO_COEFFICIENTS


def _panels(
    field: AnyField, curve: Callable[[np.ndarray], np.ndarray], lo: np.ndarray, hi: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """∫ v·dx and ∫ |v·dx| over each panel [lo, hi] of t, and the points (m, NODES, n) they are taken from."""
    t = (lo + hi)[:, None] / 2 + (hi - lo)[:, None] / 2 * CHEBYSHEV
    x = curve(t)
    speed = np.einsum("kj,mjn->mkn", DIFFERENTIATION, x - x[:, :1])  # dx/ds for s in [-1, 1]
    with np.errstate(all="ignore"):
        power = np.einsum("mkn,mkn->mk", field(x), speed)
        return power @ WEIGHTS, np.abs(power) @ WEIGHTS, x


def _apart(onto_half: np.ndarray, x: np.ndarray, half: np.ndarray) -> np.ndarray:
    """How far the interpolant of each panel is from the points of one half of it: no smaller where the path jumps."""
    first = x[:, :1]
    return np.abs(np.einsum("kj,mjn->mkn", onto_half, x - first) - (half - first)).max((1, 2))


def _singular(field: AnyField, curve: Callable[[np.ndarray], np.ndarray], t: np.ndarray) -> InputError:
    """What to say of a path whose work does not converge near these t."""
    near = curve(t)
    with np.errstate(all="ignore"):
        v = np.linalg.norm(field(near), axis=-1)
    worst = int(np.argmax(np.where(np.isfinite(v), v, np.inf)))
    jump = np.linalg.norm(np.diff(curve(np.clip(t[worst] + np.array([-1e-13, 1e-13]), 0, 1)), axis=0))
    size = np.ptp(curve(np.linspace(0, 1, 257)), axis=0).max()
    if jump > 1e-6 * size:
        return InputError(f"path jumps near {_place(near[worst])}; give a continuous one")
    return InputError(
        f"the work does not converge near {_place(near[worst])}, where the speed of the field is {v[worst]:.3g}; "
        "lead the path round the singularity"
    )


def _place(x: np.ndarray) -> str:
    return "(" + ", ".join(f"{c:.6g}" for c in x + 0.0) + ")"
