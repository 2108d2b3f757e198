"""All estimators of ‖v‖² side by side on one game: bias, variance, the equilibrium each leads to, iterates there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.linalg import norm

from analysis.equilibrium_shifts import EquilibriumShift, ShiftedEquilibrium, shift_of, true_equilibria
from analysis.estimator_moments import EstimatorBias, estimator_bias
from analysis.noise_floors import NoiseFloor, noise_floor
from dynsys.errors import InputError
from dynsys.minibatches.estimators import ESTIMATORS, Estimator, as_estimator
from dynsys.minibatches.expected_fields import free_coefficient
from dynsys.minibatches.minibatch_field import MinibatchField
from integrators.method import Method
from integrators.stochastic_runs import sample_paths

CLOUD = 600  # runs whose last points are drawn
LARGEST_BATCH = 1024  # of the curves over B


@dataclass(frozen=True)
class EstimatorStudy:
    """One estimator: its bias at the true equilibrium, what becomes of it, and iterates that settle there.

    `batches` (b,), `variance` (b,) and `squared_bias` (b,): trace of the covariance of ĝ and squared length of its bias
    at the true equilibrium, over batch sizes. `floor` and `cloud` (m, n) are None if the update does not attract, for
    the reason in `reason`.
    """

    estimator: str
    bias: EstimatorBias
    point: ShiftedEquilibrium
    shift: EquilibriumShift
    floor: NoiseFloor | None
    cloud: np.ndarray | None
    reason: str
    batches: np.ndarray
    variance: np.ndarray
    squared_bias: np.ndarray

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "bias": self.bias.to_dict(),
            "shift": self.shift.to_dict(),
            "noise_floor": None if self.floor is None else self.floor.to_dict(),
            "reason": self.reason,
            "over_batch_size": {
                "B": self.batches.tolist(),
                "gradient_variance": self.variance.tolist(),
                "squared_gradient_bias": self.squared_bias.tolist(),
            },
        }


@dataclass(frozen=True)
class MinibatchStudy:
    """All estimators that batches of B samples allow; `left_out` has the reasons of the others."""

    studies: tuple[EstimatorStudy, ...]
    left_out: dict[str, str]
    true: np.ndarray
    variables: Sequence[str]
    B: int
    gamma: float
    sampling: str
    method: str
    h: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "true_equilibrium": [float(c) for c in self.true],
            "variables": list(self.variables),
            **{name: getattr(self, name) for name in ("B", "gamma", "sampling", "method", "h")},
            "estimators": {s.estimator: s.to_dict() for s in self.studies},
            "left_out": self.left_out,
        }


def minibatch_study(
    game: Any,
    B: int,
    gamma: float,
    method: Method,
    h: float,
    estimators: Sequence[Estimator | str] = tuple(ESTIMATORS),
    box: Any = None,
    near: Any = None,
    sampling: str = "iid",
    iterates: int = 400_000,
    rng: int = 0,
    report: Callable[[str], Any] = lambda text: None,
) -> MinibatchStudy:
    """Compare estimators of the consensus term with batches of B samples at one equilibrium of a game.

    The equilibrium is the zero of v - γ∇½‖v‖² in the box nearest to the point `near`; by default the first Nash
    equilibrium that attracts, else the first Nash equilibrium. Estimators that do not fit B or the way of sampling are
    left out, with the reason. Raises `InputError` if none fits or the box holds no equilibrium.
    """
    studies: list[EstimatorStudy] = []
    left_out: dict[str, str] = {}
    found = true_equilibria(game, gamma, box, method, h, rng)
    true: np.ndarray | None = None if near is None else np.asarray(near, dtype=float)
    for given in estimators:
        estimator = as_estimator(given)
        report(f"{estimator.name}: equilibria")
        try:
            field = MinibatchField(game, B, gamma, estimator, sampling, name=free_coefficient(game))
        except InputError as error:
            left_out[estimator.name] = str(error)
            continue
        shift = shift_of(found, field)
        point = _chosen(shift, true)
        true = point.true
        report(f"{estimator.name}: iterates")
        studies.append(_studied(field, method, h, iterates, rng, shift, point))
    if true is None or not studies:
        raise InputError("no estimator fits: " + "; ".join(left_out.values()))
    variables = studies[0].shift.field.variables
    return MinibatchStudy(tuple(studies), left_out, true, variables, B, float(gamma), sampling, method.label, float(h))


def _chosen(shift: EquilibriumShift, near: np.ndarray | None) -> ShiftedEquilibrium:
    if not shift.points:
        raise InputError("the box holds no zero of v - γ∇½‖v‖²; give a larger one")
    if near is not None:
        return min(shift.points, key=lambda p: float(norm(p.true - near)))
    rank = lambda p: (p.before.is_nash is not True, p.before.spurious, p.before.attracts is not True)  # noqa: E731
    return min(shift.points, key=rank)


def _studied(
    field: MinibatchField, method: Method, h: float, iterates: int, rng: int, shift: EquilibriumShift,
    point: ShiftedEquilibrium,
) -> EstimatorStudy:  # fmt: skip
    estimator = as_estimator(field.estimator)
    bias = lambda B: estimator_bias(field.game, estimator, point.true, B, field.sampling, "formula")  # noqa: E731
    floor = cloud = None
    reason = point.end
    if point.shifted is not None:
        try:
            floor = noise_floor(field, point.shifted, method, h, iterates, rng=rng)
            steps = max(50, int(10 * floor.iterates / max(floor.measured.effective_sample_size, 1.0)))
            steps = min(steps, 20_000)
            paths = sample_paths(field, np.tile(point.shifted, (CLOUD, 1)), method, h, steps, steps, rng)
            cloud = paths.complete().x[-1]
            reason = ""
        except InputError as error:
            reason = str(error)
    sizes = _sizes(field)
    over = [bias(size) for size in sizes]
    return EstimatorStudy(
        estimator.name,
        bias(field.batch),
        point,
        shift,
        floor,
        cloud,
        reason,
        np.array(sizes),
        np.array([float(np.trace(b.gradient_covariance)) for b in over]),
        np.array([float((b.gradient_bias**2).sum()) for b in over]),
    )


def _sizes(field: MinibatchField) -> list[int]:
    """Powers of two that the estimator allows, up to the number of rows where they are not replaced."""
    estimator, N = as_estimator(field.estimator), field.source.population.size
    most = LARGEST_BATCH if field.sampling == "iid" or N is None else min(N, LARGEST_BATCH)
    sizes = [2**k for k in range(12) if 2**k <= most]
    found = []
    for size in sizes:
        try:
            estimator.check(size, N)
        except InputError:
            continue
        found.append(size)
    return found
