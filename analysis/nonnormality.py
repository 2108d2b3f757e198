"""Transients of a matrix that is not normal: growth that its eigenvalues do not show."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.linalg import norm

from analysis.updates import update_jacobian
from dynsys.array_field import AnyField, check_field
from dynsys.errors import InputError, shown
from dynsys.field import as_points
from integrators.checks import check_count
from integrators.method import Method

NEUTRAL = 1e-12  # a spectral radius, or an abscissa in units of the norm, this near to the border is on it
MOST = 100_000  # powers
GAP = 1e-3  # between the largest norm seen of e^{tA} and the bound on all others, before the peak itself is refined
ANGLES, RADII = 97, 61  # of the grid from which the Kreiss constant is climbed
SCALES = (1e-6, 1e3)  # its distances from the border, in units of the distance that the spectrum and the norm set


@dataclass(frozen=True)
class Transients:
    """How far the powers Mᵏ of an update's matrix, or the exponentials e^{tA} of a flow's, rise before they fall.

    `spectral` is the spectral radius, or the abscissa max Re λ; `numerical` the numerical radius max |xᴴMx|, or the
    numerical abscissa, the rate at which ‖e^{tA}‖ starts. `kreiss` is a lower bound of the Kreiss constant, attained
    at `kreiss_at`; `peak` the maximum of the 2-norm, first attained at the step or time `peak_at`. They are inf, and
    NaN the place, where the spectrum is beyond the border. `departure` is ‖MᵀM - MMᵀ‖/‖M‖², in Frobenius norms, 0 if
    M is normal. `time` (r,) and `norms` (r,) are the curve. `complete` says whether no later norm can be larger.
    """

    matrix: np.ndarray
    flow: bool
    spectral: float
    numerical: float
    kreiss: float
    kreiss_at: complex
    peak: float
    peak_at: float
    departure: float
    complete: bool
    time: np.ndarray
    norms: np.ndarray

    @property
    def bounds(self) -> tuple[float, float]:
        """Kreiss's theorem: K ≤ peak ≤ e n K `kreiss` a lower bound of the constant K. Spijker (1991)."""
        return self.kreiss, math.e * len(self.matrix) * self.kreiss

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; one that is not finite is None."""
        plain = lambda value: float(value) if math.isfinite(value) else None  # noqa: E731
        return {
            "flow": self.flow,
            "spectral": plain(self.spectral),
            "numerical": plain(self.numerical),
            "kreiss": plain(self.kreiss),
            "kreiss_at": [plain(self.kreiss_at.real), plain(self.kreiss_at.imag)],
            "peak": plain(self.peak),
            "peak_at": plain(self.peak_at),
            "departure": plain(self.departure),
            "complete": self.complete,
        }


def transients(matrix: Any, flow: bool = False, most: int = MOST) -> Transients:
    r"""The transient growth of x⁺ = M x, or with `flow` of ẋ = A x, in the 2-norm.

    .. math:: \mathcal K(M) = \sup_{|z| > 1} (|z| - 1)\,\|(zI - M)^{-1}\|, \qquad
              \mathcal K(A) = \sup_{\mathrm{Re}\,z > 0} \mathrm{Re}\,z\,\|(zI - A)^{-1}\|

    The search for the peak ends with a proof: once ‖Mᵐ‖ ≤ 1, every later power is Mᵃᵐ Mʳ with r < m, so no larger than
    one seen before; likewise for e^{tA}, of which between two times the norm rises by e^{ω(t - s)} at most, ω the
    numerical abscissa. At most `most` powers are looked at. Trefethen & Embree (2005), chapters 14 to 16.
    Raises `InputError` for what is no finite square matrix.
    """
    M = check_matrix(matrix)
    check_count(most, "most", 1)
    eigenvalues = np.linalg.eigvals(M)
    size = float(norm(M, 2))
    if flow:
        spectral, numerical = float(eigenvalues.real.max()), numerical_abscissa(M)
        over = spectral > NEUTRAL * size
        find: Callable[..., Any] = _peak_of_flow
    else:
        spectral, numerical = float(np.abs(eigenvalues).max()), numerical_radius(M)
        over = spectral > 1 + NEUTRAL
        find = _peak_of_powers
    peak, place, complete, time, norms = find(M, numerical, over, most)
    kreiss, at = (math.inf, complex(math.nan, math.nan)) if over else kreiss_bound(M, flow)
    if not complete and kreiss > peak and spectral > (0 if flow else 1) - NEUTRAL * max(size, 1):
        kreiss = math.inf  # a block on the border that is not diagonal: norms grow without bound
    departure = float(norm(M.T @ M - M @ M.T)) / max(float(norm(M)) ** 2, 1e-300)
    return Transients(M, flow, spectral, numerical, kreiss, at, peak, place, departure, complete, time, norms)


def transient_growth(field: AnyField, x: Any, method: Method | None = None, h: float | None = None) -> Transients:
    """The transients of perturbations at the point x: of the flow by J(x), of a method's update by its Jacobian.

    Of a method with memory on the full state. `InputError` if only one of method and h is given.
    """
    field = check_field(field)
    if (method is None) != (h is None):
        raise InputError("give method and h together, or neither: then the flow is judged")
    if method is None or h is None:
        point = as_points(x, field.variables)
        if point.ndim != 1:
            raise InputError(f"x has shape {point.shape}; give one point of {field.n} numbers")
        return transients(field.jacobian(point), flow=True)
    return transients(update_jacobian(field, x, method, h))


def check_matrix(matrix: Any) -> np.ndarray:
    """The matrix as an array; `InputError` unless it is square, real and finite."""
    try:
        if np.iscomplexobj(matrix):
            raise TypeError  # NumPy would drop the imaginary part with no more than a warning
        M = np.asarray(matrix, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"matrix is {shown(matrix)}; give a square array of real numbers") from None
    if M.ndim != 2 or M.shape[0] != M.shape[1] or not M.size or not np.isfinite(M).all():
        raise InputError(f"matrix has shape {M.shape}; give a square array of finite numbers")
    return M


def numerical_abscissa(A: np.ndarray) -> float:
    """ω(A) = λ_max((A + Aᵀ)/2), the slope of ‖e^{tA}‖ at 0."""
    return float(np.linalg.eigvalsh((A + A.T) / 2)[-1])


def numerical_radius(M: np.ndarray) -> float:
    """max |xᴴ M x| over unit vectors: the maximum over θ of λ_max of the Hermitian part of e^{iθ} M.

    The maximum is climbed from the best of 361 angles; by symmetry those in [0, π] suffice. Johnson (1978).
    """
    from scipy.optimize import minimize_scalar

    def top(angle: Any) -> np.ndarray:
        turned = np.exp(1j * np.atleast_1d(angle))[:, None, None] * M
        return np.asarray(np.linalg.eigvalsh((turned + turned.conj().transpose(0, 2, 1)) / 2)[:, -1])

    angles = np.linspace(0.0, np.pi, 361)
    values = top(angles)
    best = angles[values.argmax()]
    ends = (best - np.pi / 360, best + np.pi / 360)
    found = minimize_scalar(lambda angle: -top(angle)[0], bounds=ends, method="bounded", options={"xatol": 1e-12})
    return max(float(values.max()), -float(found.fun))


# --- the peak -------------------------------------------------------------------------------------


def _peak_of_powers(M: np.ndarray, numerical: float, over: bool, most: int) -> tuple[Any, ...]:
    """max ‖Mᵏ‖ and the first k at which it is attained, whether that is proven, and the curve."""
    block, power = 256, np.eye(len(M))
    first = [power]
    for _ in range(block - 1):
        first.append(first[-1] @ M)
    jump, powers, norms, done = first[-1] @ M, np.stack(first), np.empty(0), False
    with np.errstate(over="ignore", invalid="ignore"):
        while not done and len(norms) < (block if over else most):
            found = np.matmul(powers, power)
            norms = np.append(norms, norm(np.where(np.isfinite(found), found, 1e300), 2, axis=(1, 2)))
            low = np.flatnonzero(norms[1:] <= 1 + NEUTRAL)
            done = len(low) > 0 and not over
            power = jump @ power
    if over:
        return math.inf, math.nan, True, np.arange(len(norms), dtype=float), norms
    last = int(low[0]) + 1 if done else len(norms) - 1
    top = float(norms[: last + 1].max())
    place = int(np.flatnonzero(norms[: last + 1] >= top * (1 - NEUTRAL))[0])
    shown_until = min(len(norms), max(2 * last, 8) + 1)
    return float(norms[place]), float(place), done, np.arange(shown_until, dtype=float), norms[:shown_until]


def _peak_of_flow(A: np.ndarray, numerical: float, over: bool, most: int) -> tuple[Any, ...]:
    """max ‖e^{tA}‖ over t ≥ 0 and where, by halving the intervals that may hold more than the best seen."""
    from scipy.linalg import expm
    from scipy.optimize import brentq

    def slope(t: float) -> float:
        """d ln‖e^{tA}‖/dt = uᵀAu, u the left singular vector of the largest singular value."""
        u = np.linalg.svd(expm(t * A))[0][:, 0]
        return float(u @ A @ u)

    def size(t: Any) -> np.ndarray:
        return np.asarray(norm(expm(np.atleast_1d(t)[:, None, None] * A), 2, axis=(1, 2)))

    unit = 1 / max(float(norm(A, 2)), 1e-300)
    if over or numerical <= NEUTRAL / unit:  # dissipative: the norm never rises
        time = np.linspace(0.0, 8 * unit, 65)
        peak = (math.inf, math.nan) if over else (1.0, 0.0)
        return *peak, True, time, size(time)
    end, tries = unit, 0
    while size(end)[0] > 1 and (tries := tries + 1) < 40:
        end *= 2
    complete = tries < 40
    time = np.linspace(0.0, end, 257)
    norms = size(time)
    left, width, at_left = time[:-1], end / 256, norms[:-1]
    best, place = float(norms.max()), float(time[norms.argmax()])
    while complete:
        alive = at_left * math.exp(min(numerical * width, 700.0)) > best * (1 + GAP)
        if not alive.any():
            break
        complete = bool(alive.sum() <= most)
        width /= 2
        left = np.concatenate([left[alive], left[alive] + width])
        at_left = np.concatenate([at_left[alive], size(left[alive.sum() :])])
        if at_left.max() > best:
            best, place = float(at_left.max()), float(left[at_left.argmax()])
    low, high = max(0.0, place - end / 256), place + end / 256
    if slope(low) > 0 > slope(high):
        place = float(brentq(slope, low, high, xtol=1e-15 * end, rtol=1e-14))
        best = max(best, float(size(place)[0]))
    return best, place, complete, time, norms


# --- the Kreiss constant --------------------------------------------------------------------------


def kreiss_bound(M: np.ndarray, flow: bool) -> tuple[float, complex]:
    """A lower bound of the Kreiss constant and where it is attained; 1, at infinity, if no place is better.

    Climbed from the best places of a grid: by a real matrix's symmetry the upper half of the plane.
    """
    from scipy.optimize import minimize

    n = len(M)

    def at(place: np.ndarray) -> Any:
        """z from the logarithm of the distance from the border, and the place along it."""
        distance = np.exp(place[..., 0])
        return distance + 1j * place[..., 1] if flow else (1 + distance) * np.exp(1j * place[..., 1])

    def value(place: np.ndarray) -> np.ndarray:
        smallest = np.linalg.svd(at(place)[..., None, None] * np.eye(n) - M, compute_uv=False)[..., -1]
        with np.errstate(divide="ignore"):
            return np.asarray(np.exp(place[..., 0]) / smallest)

    size = max(float(norm(M, 2)), 1e-300)
    unit = size if flow else 1.0
    along = np.linspace(0.0, 1.05 * size if flow else np.pi, ANGLES)
    out = np.log(unit * np.geomspace(*SCALES, RADII))
    grid = np.stack(np.meshgrid(out, along, indexing="ij"), -1)
    values = value(grid)
    best, place = 1.0, complex(math.inf, 0.0)
    for index in np.argsort(-values, axis=None)[: 2 * RADII : RADII]:
        start = grid.reshape(-1, 2)[index]
        steps = np.array([out[1] - out[0], along[1] - along[0]])
        simplex = start + np.array([[0, 0], [steps[0], 0], [0, steps[1]]])
        options = {"initial_simplex": simplex, "xatol": 1e-8, "fatol": 1e-14, "maxiter": 500}
        found = minimize(
            lambda y: -math.log(max(float(value(y)), 1e-300)), start, method="Nelder-Mead", options=options
        )
        if np.isfinite(found.fun) and math.exp(-found.fun) > best + 1e-13:
            best, place = math.exp(-found.fun), complex(at(np.array(found.x)))
    return best, complex(place.real, abs(place.imag))
