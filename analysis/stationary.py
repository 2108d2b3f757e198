r"""Where iterates with minibatch noise settle: stationary mean and covariance of the linearised stochastic update.

With additive noise C = M C Mᵀ + G Q Gᵀ, M the update's Jacobian, Q the field's noise and G how it enters the update;
with the noise of the Jacobian, too, C = E[M_ξ C M_ξᵀ] + E[r_ξ r_ξᵀ], solved as a Kronecker system.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg import solve_discrete_lyapunov

from analysis.batch_fields import batch_fields
from analysis.stability_functions import numeric_method
from analysis.update_covariances import update_covariance
from analysis.updates import STEP, update_jacobian
from analysis.zeros import zero_near
from dynsys.array_field import AnyField
from dynsys.errors import InputError
from dynsys.minibatches.minibatch_field import MinibatchField, check_minibatch_field
from integrators.checks import check_step
from integrators.method import Method, check_method
from integrators.minibatch_kernel import TracedBatches, stage_of
from integrators.states import flat, shaped
from integrators.tracing import Program

MOST_STATE = 40  # numbers in a state: the Kronecker system has the square of it


@dataclass(frozen=True)
class StationaryCovariance:
    """Of iterates near an equilibrium x (n,) of the expected field, under a method with step size h.

    `mean` (n,) is where they are on average, `covariance` (n, n) how they scatter about it, `state_covariance` (k, k)
    the same of the method's whole state, `additive` (n, n) the covariance if only the field's value were noisy, and
    `noise` (n, n) that value's covariance Q. `growth` is the spectral radius of C -> E[M C Mᵀ]: below 1 the update is
    stable in mean square; else the covariance is infinite. `radius` is that of the expected update. `how` says over
    what batches were averaged: "enumeration", "moments" (exact), "drawn batches", with a statistical error, or
    "additive".
    """

    x: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray
    state_covariance: np.ndarray
    additive: np.ndarray
    noise: np.ndarray
    growth: float
    radius: float
    how: str
    method: str
    h: float

    @property
    def squared_distance(self) -> float:
        """E‖iterate - x‖²: the noise floor."""
        return float(np.trace(self.covariance) + ((self.mean - self.x) ** 2).sum())

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; infinite ones as None."""
        arrays = ("x", "mean", "covariance", "additive", "noise")
        return {name: _plain(getattr(self, name)) for name in arrays} | {
            "growth": self.growth,
            "how": self.how,
            "method": self.method,
            "h": self.h,
        }


def _plain(a: np.ndarray) -> list[Any]:
    plain: list[Any] = np.where(np.isfinite(a), a.astype(object), None).tolist()  # type: ignore[call-overload]
    return plain


def stationary_covariance(
    field: MinibatchField, x: Any, method: Method, h: float, multiplicative: bool = True, rng: int = 0
) -> StationaryCovariance:
    """Mean and covariance of the iterates of `method` with step size h near the zero x of the expected field.

    Exact for samples' fields that are affine and batches that are drawn independently from step to step; else to first
    order in h. `multiplicative=False` leaves the noise of the Jacobian out. The first moment includes the shift by
    noise that enters two stages, but not the one by curvature; see `curvature_shift`.

    Raises `InputError` if the update does not attract at x, for methods without a derivative, and for reshuffled
    batches, which depend on one another.
    """
    if check_minibatch_field(field).sampling == "reshuffled":
        raise InputError(
            "the field's batches are reshuffled, so they depend on one another; take 'without replacement'"
        )
    zero, M, radius = attracting_update(field, x, method, h)
    if len(M) > MOST_STATE:
        raise InputError(f"the state of {method.label} holds {len(M)} numbers; at most {MOST_STATE} are treated")
    w, h = field.expected(), check_step(h)
    like = numeric_method(method).initial(w.on_tuples, tuple(zero), w.values())
    n, stages = field.n, _stages(field, method)
    _, Q = update_covariance(field, zero)
    G = _sensitivity(w, zero, method, h, like, stages, field.batch_per == "stage")
    k = len(M)
    forcing = sum((g @ Q @ g.T for g in G), np.zeros((k, k)))
    additive = solve_discrete_lyapunov(M, forcing)
    if not multiplicative:
        return StationaryCovariance(
            zero, zero, additive[:n, :n], additive, additive[:n, :n], Q, radius**2, radius, "additive", method.label, h
        )
    once = field.batch_per == "stage" or _points(field, method) == 1
    weights, v, J, how = batch_fields(field, zero, stages, once, Q, rng)
    Ms, gs = _updates(v, J, zero, field.blocks, method, h, like)
    EM, Eg = np.tensordot(weights, Ms, 1), weights @ gs
    offset = np.linalg.solve(np.eye(k) - EM, Eg)
    K = np.einsum("b,bij,bkl->ikjl", weights, Ms, Ms, optimize=True).reshape(k * k, k * k)
    r = (Ms - np.eye(k)) @ offset + gs
    forcing = np.einsum("b,bi,bj->ij", weights, r, r)
    growth = float(np.abs(np.linalg.eigvals(K)).max())
    C = np.full((k, k), np.inf)
    if growth < 1:
        C = np.linalg.solve(np.eye(k * k) - K, forcing.ravel()).reshape(k, k)
    return StationaryCovariance(
        zero, zero + offset[:n], C[:n, :n], C, additive[:n, :n], Q, growth, radius, how, method.label, h
    )


def curvature_shift(field: MinibatchField, at: StationaryCovariance) -> np.ndarray:
    r"""How far curvature moves the mean of the iterates from the zero of the expected field w, to first order in h.

    .. math:: w'(x)\,\delta + \tfrac12 \sum_{jk} \partial_j \partial_k w(x)\, C_{jk} = 0

    since the mean displacement of a stationary process is 0. Shape (n,).
    """
    w = field.expected()
    half = 0.5 * _second_derivative(w, at.x, at.covariance)
    shift: np.ndarray = -np.linalg.solve(w.jacobian(at.x), half)
    return shift


def _second_derivative(w: AnyField, x: np.ndarray, C: np.ndarray) -> np.ndarray:
    """Σ ∂ⱼ∂ₖw Cⱼₖ, from central differences of the exact Jacobian along the axes of C."""
    values, axes = np.linalg.eigh(C)
    total = np.zeros(len(x))
    for value, axis in zip(values, axes.T, strict=True):
        step = 1e-4 * (1 + np.linalg.norm(x))
        difference = w.jacobian(x + step * axis) - w.jacobian(x - step * axis)
        total += value * (difference @ axis) / (2 * step)
    return total


# --- the linearised update ------------------------------------------------------------------------


def attracting_update(field: MinibatchField, x: Any, method: Method, h: float) -> tuple[np.ndarray, np.ndarray, float]:
    """The zero x of the expected field, the Jacobian of the expected update there, and its spectral radius.

    Raises `InputError` if x is no zero, or the update does not attract there.
    """
    checked: Any = check_minibatch_field(field)
    check_method(method, checked)
    w = field.expected()
    zero = np.array([float(c) for c in zero_near(w, x)])
    M = update_jacobian(w, zero, method, h)
    radius = float(np.abs(np.linalg.eigvals(M)).max())
    if radius >= 1:
        raise InputError(f"{method.label} does not attract at x with h = {h:g}: its largest multiplier is {radius:.6g}")
    return zero, M, radius


def _stages(field: MinibatchField, method: Method) -> int:
    """How many batches of the field a step takes."""
    checked: Any = field
    like = method.initial(checked.on_tuples, (np.float64(1),) * field.n, field.values())
    program = Program()
    view = TracedBatches(program, field, 0)
    state = shaped([program.atom("s") for _ in flat(like)], like)
    method.step(view, state, program.atom("p"), program.atom("h"))
    return max(1, view.evaluations)


def _points(field: MinibatchField, method: Method) -> int:
    """At how many points a step evaluates the field; more than one for an equation, whose iterations do."""
    try:
        return _stages(replace(field, batch_per="stage"), method)
    except InputError:
        return 2


class _Perturbed:
    """The field v(x) + εₛ at the point of stage s, or an affine field a stage: vₛ + Jₛ (x - x*)."""

    def __init__(self, per_stage: bool, blocks: Any, value: Any, jacobian: Any):
        self.per_stage, self.blocks, self.value, self.of = per_stage, blocks, value, jacobian
        self.stages: dict[tuple[int, ...], tuple[int, Any]] = {}

    def _stage(self, x: Any) -> int:
        return stage_of(self.stages, x) if self.per_stage else 0

    def __call__(self, x: Any, p: Any) -> Any:
        return self.value(x, self._stage(x))

    def jacobian(self, x: Any, p: Any) -> Any:
        return self.of(x, self._stage(x))

    def gradients(self, x: Any, p: Any) -> Any:
        raise InputError("the players' payoffs are not known near a zero: the method needs them")


def _sensitivity(
    w: AnyField, zero: np.ndarray, method: Method, h: float, like: Any, stages: int, per_stage: bool
) -> list[np.ndarray]:
    """G of each batch of a step: the derivative (k, n) of the new state by an addition to the field."""
    method, n = numeric_method(method), len(zero)
    state = shaped([np.full(n, complex(e)) for e in flat(like)], like)
    found = []
    for s in range(stages):

        def value(x: Any, stage: int, s: int = s) -> Any:
            v = w.on_tuples(x, w.values())
            return tuple(e + (1j * STEP * np.eye(n)[i] if stage == s else 0) for i, e in enumerate(v))

        view = _Perturbed(per_stage, w.blocks, value, lambda x, stage: w.on_tuples.jacobian(x, w.values()))
        new = flat(method.step(view, state, w.values(), h))
        found.append(np.stack(np.broadcast_arrays(*new, np.zeros(n))[:-1]).imag / STEP)
    return found


def _updates(
    v: np.ndarray, J: np.ndarray, zero: np.ndarray, blocks: Any, method: Method, h: float, like: Any
) -> tuple[np.ndarray, np.ndarray]:
    """M (b, k, k) and the displacement (b, k) of the state at rest, for affine fields v (b, stages, n), J (…, n, n)."""
    method, n = numeric_method(method), len(zero)
    rest = np.array(flat(like), dtype=complex)
    k = len(rest)
    moved = rest[:, None] + 1j * STEP * np.eye(k)
    per_stage = v.shape[1] > 1

    def value(x: Any, s: int) -> Any:
        d = [xi - zi for xi, zi in zip(x, zero, strict=True)]
        return tuple(v[:, s, i, None] + sum(J[:, s, i, j, None] * d[j] for j in range(n)) for i in range(n))

    def jacobian(x: Any, s: int) -> Any:
        return tuple(tuple(J[:, s, i, j, None] for j in range(n)) for i in range(n))

    view = _Perturbed(per_stage, blocks, value, jacobian)
    state = shaped([row[None, :] for row in moved], like)
    new = flat(method.step(view, state, (), h))
    stacked = np.stack([np.broadcast_to(e, (len(v), k)) for e in new], 1)  # (b, k, directions)
    return stacked.imag / STEP, stacked[:, :, 0].real - rest.real
