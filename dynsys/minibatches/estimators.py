r"""Estimators of ‖v‖² and of ∇½‖v‖², v the mean of the samples' fields vᵢ, from batches of B samples.

Each is a quadratic form in batch means: with Jᵢ the Jacobian of vᵢ, and bars for means over a part of the batch,

.. math:: T = \sum_{ab} w_{ab} \langle \bar v_a, \bar v_b \rangle + \sum_a d_a\, \overline{\|v_i\|^2}_a, \qquad
          \hat g = \sum_{ab} w_{ab} \bar J_a^\top \bar v_b + \sum_a d_a\, \overline{J_i^\top v_i}_a,

so that ĝ = ∇½T. An estimator is its weights w and d. Its expectation is E T = ‖v‖² + c tr Σ, E ĝ = ∇½(‖v‖² + c tr Σ),
with Σ = (1/N)-covariance of the vᵢ and c its `excess`. Variances are those of T for independent samples, with
ζ = ⟨v, Σv⟩ and τ = tr Σ², unless said otherwise; `analysis.estimator_bias` has all of them, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from dynsys.errors import InputError, nearest, shown

Weights = tuple[dict[tuple[int, int], Fraction], dict[int, Fraction]]
SAMPLINGS = ("iid", "without replacement", "reshuffled")


@dataclass(frozen=True)
class Estimator:
    """Weights over the parts of a batch: `parts` is "whole", "halves" or "batches" (two, each of B samples)."""

    parts: ClassVar[str] = "whole"
    name: ClassVar[str] = ""
    least: ClassVar[int] = 1  # samples

    def weights(self, B: int, N: int | None) -> Weights:
        """(w, d) for batches of B samples from N rows (None: infinitely many)."""
        raise TypeError(f"{type(self).__name__} defines no weights(B, N)")

    def excess(self, B: int, N: int | None, sampling: str) -> Fraction:
        """c in E T = ‖v‖² + c tr Σ."""
        w, d = self.weights(B, N)
        total = sum(d.values(), Fraction(0))
        return total + sum(
            (x * covariance_share(self.parts, a, b, B, N, sampling) for (a, b), x in w.items()), total * 0
        )

    def check(self, B: int, N: int | None) -> None:
        """Raise `InputError` if the estimator has no value for this batch size or population."""
        if self.least > B:
            raise InputError(f"batch is {B}; the estimator {self.name!r} needs at least {self.least} samples")


def covariance_share(parts: str, a: int, b: int, B: int, N: int | None, sampling: str) -> Fraction:
    """The factor of Σ in the covariance of the means of parts a and b."""
    if sampling == "iid" or N is None:
        return Fraction(1, B // 2 if parts == "halves" else B) if a == b else Fraction(0)
    if N == 1:
        return Fraction(0)
    if parts == "batches" and a != b:
        return Fraction(0)
    if a != b:  # two rows of one batch without replacement
        return Fraction(-1, N - 1)
    size = B // 2 if parts == "halves" else B
    return Fraction(N - size, size * (N - 1))


@dataclass(frozen=True)
class PerSampleNorm(Estimator):
    r"""The mean of ‖vᵢ‖², an upper bound by Jensen's inequality; its gradient is what per-sample penalties descend.

    .. math:: T = \overline{\|v_i\|^2}, \qquad E\,T = \|v\|^2 + \operatorname{tr}\Sigma

    for any way of sampling. Var T = Var(‖vᵢ‖²)/B, times (N-B)/(N-1) without replacement.
    """

    name: ClassVar[str] = "per-sample"

    def weights(self, B: int, N: int | None) -> Weights:
        """d = 1."""
        return {}, {0: Fraction(1)}


@dataclass(frozen=True)
class PlugIn(Estimator):
    r"""The squared norm of the batch mean: v and J from the same batch.

    .. math:: T = \|\bar v\|^2, \qquad E\,T = \|v\|^2 + \operatorname{tr}\Sigma/B

    and + (tr Σ/B)(N-B)/(N-1) without replacement. It is T_U (B-1)/B + T_P/B of the U-statistic and the per-sample
    norm, so Var T = ((B-1)/B)² Var T_U + Var T_P/B² + 4 Cov(‖vᵢ‖², ⟨v, vᵢ⟩)(B-1)/B³.
    """

    name: ClassVar[str] = "plug-in"

    def weights(self, B: int, N: int | None) -> Weights:
        """w = 1."""
        return {(0, 0): Fraction(1)}, {}


@dataclass(frozen=True)
class UStatistic(Estimator):
    r"""The U-statistic: the mean of ⟨vᵢ, vⱼ⟩ over pairs i ≠ j, which is the mean of ‖vᵢ‖² less the sample variance.

    .. math:: T = \frac{\|\sum v_i\|^2 - \sum \|v_i\|^2}{B(B-1)}, \qquad E\,T = \|v\|^2

    and - tr Σ/(N-1) without replacement. It may be negative. Var T = 4ζ/B + 2τ/(B(B-1)). Needs B ≥ 2.
    Hoeffding (1948).
    """

    name: ClassVar[str] = "u-statistic"
    least: ClassVar[int] = 2

    def weights(self, B: int, N: int | None) -> Weights:
        """w = B/(B-1), d = -1/(B-1)."""
        return {(0, 0): Fraction(B, B - 1)}, {0: Fraction(-1, B - 1)}


@dataclass(frozen=True)
class FinitePopulation(Estimator):
    r"""The U-statistic corrected for rows drawn without replacement from N: unbiased there.

    .. math:: T = \overline{\|v_i\|^2} - \tfrac{N-1}{N} S^2, \qquad E\,T = \|v\|^2

    with S² the sample variance with 1/(B-1); + tr Σ/N with replacement. No variance at B = N, where it is exact.
    It is T_U (N-1)/N + T_P/N, so with replacement Var T = ((N-1)/N)² Var T_U + Var T_P/N² +
    4 Cov(‖vᵢ‖², ⟨v, vᵢ⟩)(N-1)/(N²B). Needs B ≥ 2 and data. After Cochran (1977).
    """

    name: ClassVar[str] = "finite-population"
    least: ClassVar[int] = 2

    def check(self, B: int, N: int | None) -> None:
        """Raise `InputError` for B < 2, and where the population has no size."""
        super().check(B, N)
        if N is None:
            raise InputError(
                "the estimator 'finite-population' needs a data set; for declared noise take 'u-statistic'"
            )

    def weights(self, B: int, N: int | None) -> Weights:
        """w = B(N-1)/((B-1)N), d = 1 - w."""
        self.check(B, N)
        w = Fraction(B * ((N or 1) - 1), (B - 1) * (N or 1))
        return {(0, 0): w}, {0: 1 - w}


@dataclass(frozen=True)
class SplitBatch(Estimator):
    r"""The product of the means of the batch's two halves A and B'.

    .. math:: T = \langle \bar v_A, \bar v_{B'} \rangle, \quad \hat g = \tfrac12(\bar J_A^\top \bar v_{B'} +
              \bar J_{B'}^\top \bar v_A), \qquad E\,T = \|v\|^2

    and - tr Σ/(N-1) without replacement. May be negative. Var T = 4ζ/B + 4τ/B². Needs an even B.
    """

    parts: ClassVar[str] = "halves"
    name: ClassVar[str] = "split"
    least: ClassVar[int] = 2

    def check(self, B: int, N: int | None) -> None:
        """Raise `InputError` for an odd B."""
        super().check(B, N)
        if B % 2:
            raise InputError(f"batch is {B}; the estimator 'split' halves it: take {B - 1} or {B + 1}")

    def weights(self, B: int, N: int | None) -> Weights:
        """½ for each order of the halves."""
        return {(0, 1): Fraction(1, 2), (1, 0): Fraction(1, 2)}, {}


@dataclass(frozen=True)
class IndependentBatches(Estimator):
    r"""The product of the means of two batches of B samples, drawn one independently of the other.

    .. math:: T = \langle \bar v_A, \bar v_{B'} \rangle, \quad \hat g = \tfrac12(\bar J_A^\top \bar v_{B'} +
              \bar J_{B'}^\top \bar v_A), \qquad E\,T = \|v\|^2

    for any way of sampling, at twice the price of the others. May be negative. Var T = 2ζ/B + τ/B², with ζ times f
    and τ times f², f = (N-B)/(N-1), without replacement.
    """

    parts: ClassVar[str] = "batches"
    name: ClassVar[str] = "independent"

    def weights(self, B: int, N: int | None) -> Weights:
        """½ for each order of the batches."""
        return {(0, 1): Fraction(1, 2), (1, 0): Fraction(1, 2)}, {}


ESTIMATORS: dict[str, Estimator] = {
    e.name: e for e in (PerSampleNorm(), PlugIn(), UStatistic(), FinitePopulation(), SplitBatch(), IndependentBatches())
}


def as_estimator(given: Any) -> Estimator:
    """An estimator as it is, or the one of this name; `InputError` offers the nearest."""
    if isinstance(given, str):
        if given not in ESTIMATORS:
            raise InputError(f"no estimator is called {given!r}; {nearest(given, ESTIMATORS)}")
        return ESTIMATORS[given]
    if not isinstance(given, Estimator):
        raise InputError(f"estimator is {shown(given)}; give one of {', '.join(ESTIMATORS)}")
    return given


def check_sampling(sampling: Any, B: int, N: int | None) -> str:
    """The way of sampling, if B samples can be drawn that way from N rows."""
    if not isinstance(sampling, str) or sampling not in SAMPLINGS:
        raise InputError(f"sampling is {shown(sampling)}; {nearest(sampling, SAMPLINGS)}")
    if sampling != "iid" and N is None:
        raise InputError(f"sampling is {sampling!r}, which needs a data set; declared noise is 'iid'")
    if sampling != "iid" and N is not None and B > N:
        raise InputError(f"batch is {B}, but the data has {N} rows to draw from {sampling}; take at most {N}, or 'iid'")
    return sampling
