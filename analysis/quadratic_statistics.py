r"""Exact means and covariances of quadratic statistics of a batch, whatever the batch size and the way of sampling.

A statistic is the batch mean of f(ξᵢ) plus a mean of K(i, j) = φᵢᵀ S φⱼ, S symmetric, over pairs i ≠ j: all pairs of
the batch ("whole"), those between its halves ("halves"), or between two batches ("batches"). Means over tuples of
different samples follow from population moments by inclusion and exclusion. Hoeffding (1948); Cochran (1977).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Mean = Callable[[Any], Any]  # values over the samples, samples first -> their mean


@dataclass(frozen=True)
class Statistic:
    """q statistics: f of each sample (samples, q), features φ (samples, D), forms S (q, D, D), and pairs' `kind`."""

    f: np.ndarray
    phi: np.ndarray
    S: np.ndarray
    kind: str


def moments(s: Statistic, mean: Mean, B: int, N: int | None) -> tuple[np.ndarray, np.ndarray]:
    """The mean (q,) and the covariance (q, q) of statistics of B samples, independent ones if N is None.

    Entries may be floats, fractions, or expressions, if `mean` takes them.
    """
    p = _population(s, mean)
    if s.kind == "batches":
        return _of_two_batches(p, B, N)
    t = _of_tuples(p, N)
    expected = p["f"] + t["K"]
    square = _over(p["ff"], B) + _over((B - 1) * t["f f"], B)
    mixed = _over(2 * t["f K, one shared"], B) + _over((B - 2) * t["f K, none"], B) if B > 1 else 0 * t["f K, none"]
    if s.kind == "halves":
        H = B // 2
        pairs, count = (1, 2 * (H - 1), (H - 1) ** 2), H * H
    else:
        pairs, count = (2, 4 * (B - 2), (B - 2) * (B - 3)), B * (B - 1)
    if B > 1:
        kinds = (t["K K, both shared"], t["K K, one shared"], t["K K, none"])
        square = square + _over(sum(weight * kind for weight, kind in zip(pairs, kinds)), count)
    square = square + mixed + mixed.T
    return expected, square - np.multiply.outer(expected, expected)


def _population(s: Statistic, mean: Mean) -> dict[str, np.ndarray]:
    """Moments over single samples; k(i) = K(i, i)."""
    Sphi = np.stack([s.phi @ S for S in s.S], -2)  # (samples, q, D)
    k = (Sphi * s.phi[..., None, :]).sum(-1)
    pair = lambda a, b: mean(a[..., :, None] * b[..., None, :])  # noqa: E731
    m, M = mean(s.phi), pair(s.phi, s.phi)
    Sm, SM = np.stack([S @ m for S in s.S]), np.stack([S @ M for S in s.S])
    q = len(s.S)
    trace = np.array([[(SM[a] * SM[b].T).sum() for b in range(q)] for a in range(q)])
    return {
        "f": mean(s.f), "k": mean(k), "ff": pair(s.f, s.f), "fk": pair(s.f, k), "kk": pair(k, k),
        "fphi Sm": pair(s.f, s.phi) @ Sm.T, "kphi Sm": pair(k, s.phi) @ Sm.T, "Sm M Sm": Sm @ M @ Sm.T,
        "tr SMSM": trace, "theta": Sm @ m, "m": m, "M": M, "S": s.S, "fphi": pair(s.f, s.phi), "Sm": Sm,
    }  # fmt: skip


def _of_tuples(p: dict[str, np.ndarray], N: int | None) -> dict[str, np.ndarray]:
    """Means over two, three and four samples, independent ones, or different rows of N."""
    outer = np.multiply.outer
    if N is None:
        return {
            "K": p["theta"], "f f": outer(p["f"], p["f"]), "f K, one shared": p["fphi Sm"],
            "f K, none": outer(p["f"], p["theta"]), "K K, both shared": p["tr SMSM"],
            "K K, one shared": p["Sm M Sm"], "K K, none": outer(p["theta"], p["theta"]),
        }  # fmt: skip
    two, three, four = (_falling(N, r) for r in (2, 3, 4))
    both = N * (N * p["tr SMSM"] - p["kk"])  # Σ over i ≠ j of K K
    turned = p["kphi Sm"] + p["kphi Sm"].T
    rows = N * (N * N * p["Sm M Sm"] - N * turned + p["kk"])  # Σ over i of the products of row sums without K(i, i)
    total = N * N * p["theta"] - N * p["k"]
    shared = N * (N * p["fphi Sm"] - p["fk"])
    return {
        "K": _over(total, two),
        "f f": _over(N * (N * outer(p["f"], p["f"]) - p["ff"]), two),
        "f K, one shared": _over(shared, two),
        "f K, none": _over(N * outer(p["f"], total) - 2 * shared, three),
        "K K, both shared": _over(both, two),
        "K K, one shared": _over(rows - both, three),
        "K K, none": _over(outer(total, total) - 4 * (rows - both) - 2 * both, four),
    }


def _of_two_batches(p: dict[str, np.ndarray], B: int, N: int | None) -> tuple[np.ndarray, np.ndarray]:
    """f is averaged over the first batch; pairs have one sample in each."""
    outer = np.multiply.outer

    def of_means(second: np.ndarray, first: np.ndarray) -> np.ndarray:
        """E of a product of two means over one batch, from E of the product in one sample and the means' product."""
        if N is None:
            return first + _over(second - first, B)
        return first + _over((N - B) * (second - first), B * (N - 1))

    m, S = p["m"], p["S"]
    G = of_means(p["M"], outer(m, m))
    SG = np.stack([form @ G for form in S])
    q = len(S)
    square = np.array([[(SG[a] * SG[b].T).sum() for b in range(q)] for a in range(q)])
    mixed = of_means(p["fphi"], outer(p["f"], m)) @ p["Sm"].T
    square = square + mixed + mixed.T + of_means(p["ff"], outer(p["f"], p["f"]))
    expected = p["f"] + p["theta"]
    return expected, square - outer(expected, expected)


def _falling(N: int, r: int) -> int:
    """N (N-1) … (N-r+1)."""
    product = 1
    for i in range(r):
        product *= N - i
    return product


def _over(numerator: Any, denominator: int) -> Any:
    """The quotient; 0 where there is no such tuple, whose weight is 0, too. Whole numbers stay exact in fractions."""
    if denominator == 0:
        return 0 * numerator
    return numerator / denominator
