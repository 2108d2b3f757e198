"""What many runs return: where they ended, and the paths they took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from dynsys.errors import InputError
from integrators.status import Status


class Runs:
    """Statuses (m,) and steps taken (m,) of m runs."""

    status: np.ndarray
    steps: np.ndarray

    def share(self, status: Status) -> float:
        """The share of runs that ended with this status."""
        return float(np.mean(self.status == status)) if len(self.status) else 0.0

    def complete(self) -> Self:
        """The runs themselves; `KeyboardInterrupt` if Ctrl-C stopped any, for callers that need them all."""
        if (self.status == Status.INTERRUPTED).any():
            raise KeyboardInterrupt
        return self


@dataclass(frozen=True)
class SamplePaths(Runs):
    """Steps k (r,) at which points were kept, points x (r, m, n), the starts first; statuses and steps taken (m,).

    A run that ended keeps its last point. `average`, (r, m, n), holds what a method such as `UniformAverage` keeps.
    """

    k: np.ndarray
    x: np.ndarray
    status: np.ndarray
    steps: np.ndarray
    variables: Sequence[str]
    h: np.ndarray
    average: np.ndarray | None = None
    t0: float = 0.0

    @property
    def t(self) -> np.ndarray:
        """Times t₀ + h·k, shape (r,); `InputError` if the runs have different step sizes."""
        if len(set(self.h)) != 1:
            raise InputError("the runs have different step sizes, or are none: no common time; take .k, the steps")
        return self.t0 + self.h[0] * self.k

    @property
    def mean(self) -> np.ndarray:
        """The mean path over the runs, shape (r, n); NaN without runs."""
        if not self.x.shape[1]:
            return np.full((len(self.k), self.x.shape[2]), np.nan)
        mean: np.ndarray = self.x.mean(1)
        return mean

    @property
    def standard_error(self) -> np.ndarray:
        """Of the mean path, shape (r, n); NaN for a single run."""
        m = self.x.shape[1]
        if m < 2:
            return np.full((len(self.k), self.x.shape[2]), np.nan)
        error: np.ndarray = self.x.std(1, ddof=1) / np.sqrt(m)
        return error


@dataclass(frozen=True)
class Ensemble(Runs):
    """Last points x, shape (m, n), statuses (m,) and steps taken (m,) of m runs.

    `average`, shape (m, n), holds the averages that a method such as `Averaged` keeps, else None; `path` the points
    kept on the way, if `every` asked for them.
    """

    x: np.ndarray
    status: np.ndarray
    steps: np.ndarray
    variables: Sequence[str]
    average: np.ndarray | None = None
    path: SamplePaths | None = None
