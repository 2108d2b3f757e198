"""The noise floor: how near stochastic iterates get to an equilibrium, predicted and measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.stationary import StationaryCovariance, curvature_shift, stationary_covariance
from dynsys.errors import InputError
from dynsys.minibatches.minibatch_field import MinibatchField
from integrators.checks import check_count
from integrators.method import Method
from integrators.status import Status
from integrators.stochastic_runs import sample_paths

BLOCKS = 64  # least number of batches whose means tell the error
LONGEST = 0.2  # correlation time over a block's length, above which blocks are not independent


@dataclass(frozen=True)
class Measured:
    """A mean over correlated iterates, its standard error by batch means, and the effective number of iterates."""

    value: float
    standard_error: float
    effective_sample_size: float

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % confidence interval."""
        return self.value - 1.96 * self.standard_error, self.value + 1.96 * self.standard_error


@dataclass(frozen=True)
class NoiseFloor:
    """E‖iterate - x‖² about the zero x of the expected field: `predicted` by linear theory, and `measured`.

    `mean` (n,) and `covariance` (n, n) are those of the iterates measured, with standard errors; `prediction` is the
    linear theory, and `predicted_mean` the mean with the shift by curvature, to first order in h.
    """

    predicted: float
    measured: Measured
    mean: np.ndarray
    mean_error: np.ndarray
    covariance: np.ndarray
    covariance_error: np.ndarray
    predicted_mean: np.ndarray
    prediction: StationaryCovariance
    iterates: int

    @property
    def text(self) -> str:
        """In words."""
        low, high = self.measured.interval
        return (
            f"E‖iterate - x‖²: predicted {self.predicted:.6g}, measured {self.measured.value:.6g} "
            f"[{low:.6g}, {high:.6g}] from {self.iterates} iterates that count for "
            f"{self.measured.effective_sample_size:.0f} independent ones"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        arrays = ("mean", "mean_error", "covariance", "covariance_error", "predicted_mean")
        return {name: getattr(self, name).tolist() for name in arrays} | {
            "predicted": self.predicted if np.isfinite(self.predicted) else None,
            "measured": self.measured.value,
            "interval": list(self.measured.interval),
            "effective_sample_size": self.measured.effective_sample_size,
            "iterates": self.iterates,
            "prediction": self.prediction.to_dict(),
        }


def noise_floor(
    field: MinibatchField,
    x: Any,
    method: Method,
    h: float,
    iterates: int = 1_000_000,
    runs: int = 128,
    burn: int | None = None,
    rng: Any = 0,
) -> NoiseFloor:
    """The mean squared distance of iterates from the zero x of the expected field, and their mean and covariance.

    `runs` runs start at x; after `burn` steps (default: 20 times the slowest time of the linear update) they give
    `iterates` iterates together. Errors come from batch means: means over stretches much longer than the
    correlation time (Flegal & Jones 2010). Raises `InputError` as `stationary_covariance`, and if a run diverges.
    """
    iterates, runs = check_count(iterates, "iterates", BLOCKS), check_count(runs, "runs", 1)
    prediction = stationary_covariance(field, x, method, h)
    slowest = 1.0 if prediction.radius < 1e-6 else -1 / np.log(prediction.radius)  # steps in which it falls by e
    burn = int(20 * slowest) + 1 if burn is None else check_count(burn, "burn")
    steps = -(-iterates // runs)
    starts = np.tile(prediction.x, (runs, 1))
    path = sample_paths(field, starts, method, h, burn + steps, rng=rng).complete()
    if (path.status != Status.FINISHED).any():
        lost = int((path.status != Status.FINISHED).sum())
        raise InputError(
            f"{lost} of {runs} runs diverged, so there is no stationary law; take a smaller h or more samples"
        )
    kept = path.x[burn + 1 :]
    distance = batch_means(((kept - prediction.x) ** 2).sum(-1))
    each = [batch_means(kept[:, :, i]) for i in range(field.n)]
    mean = np.array([m.value for m in each])
    centred = kept - mean
    pairs = [[batch_means(centred[:, :, i] * centred[:, :, j]) for j in range(field.n)] for i in range(field.n)]
    return NoiseFloor(
        predicted=prediction.squared_distance,
        measured=distance,
        mean=mean,
        mean_error=np.array([m.standard_error for m in each]),
        covariance=np.array([[m.value for m in row] for row in pairs]),
        covariance_error=np.array([[m.standard_error for m in row] for row in pairs]),
        predicted_mean=prediction.mean + curvature_shift(field, prediction),
        prediction=prediction,
        iterates=steps * runs,
    )


def batch_means(series: np.ndarray) -> Measured:
    """The mean of series (steps, runs) that are correlated along steps, by means over stretches of each run.

    Stretches of a run of n steps are n^(2/3) long, and longer while that is not far above the correlation that they
    show, as long as there are `BLOCKS` of them in all. Raises `InputError` if they are still too short then.
    """
    steps, runs = series.shape
    least = -(-BLOCKS // runs)
    cuts = max(least, round(steps ** (1 / 3)))
    while True:
        length = steps // cuts
        if length < 2:
            raise InputError(f"{steps} steps of {runs} runs are too few for an error; take more iterates")
        blocks = series[: cuts * length].reshape(cuts, length, runs).mean(1).ravel()
        error = float(blocks.std(ddof=1) / np.sqrt(len(blocks)))
        variance = float(series.var())
        size = series.size if error == 0 or variance == 0 else min(float(series.size), variance / error**2)
        if series.size / size <= LONGEST * length:
            return Measured(float(series.mean()), error, size)
        if cuts == least:
            raise InputError(
                f"stretches of {length} steps are not longer than the correlation of the iterates; take more iterates, "
                "or fewer runs"
            )
        cuts = max(least, cuts // 2)
