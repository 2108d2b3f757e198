"""How basins divide a region: shares with their intervals, the entropy of the picture, the dimension of the border."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import binomtest

from dynsys.errors import InputError, shown
from integrators.checks import check_count

if TYPE_CHECKING:
    from analysis.attraction import Basins


@dataclass(frozen=True)
class BasinShare:
    """`count` starts of all with a label, and the share's exact 95 % interval (low, high)."""

    label: int
    name: str
    count: int
    share: float
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return {name: getattr(self, name) for name in ("label", "name", "count", "share", "low", "high")}


def shares_of(labels: np.ndarray, names: dict[int, str]) -> tuple[BasinShare, ...]:
    """The share of each named label among all labels, with Clopper & Pearson's (1934) interval."""
    total = labels.size
    found = []
    for label, name in names.items():
        count = int(np.count_nonzero(labels == label))
        interval = binomtest(count, total).proportion_ci(method="exact")
        found.append(BasinShare(label, name, count, count / total, float(interval.low), float(interval.high)))
    return tuple(found)


@dataclass(frozen=True)
class BasinEntropy:
    """The mean entropy of the labels in a square of `size` starts, of all squares and of those with several labels.

    A `boundary` entropy above log 2 shows that the border is fractal. Daza et al. (2016).
    """

    entropy: float
    boundary: float
    squares: int
    mixed: int
    size: int

    @property
    def fractal(self) -> bool:
        """Whether the boundary entropy is above log 2: sufficient for a fractal border, not necessary."""
        return self.boundary > float(np.log(2))

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        names = ("entropy", "boundary", "squares", "mixed", "size", "fractal")
        return {name: getattr(self, name) for name in names}


def basin_entropy(labels: Any, size: int = 5) -> BasinEntropy:
    """The entropy of a label image (ny, nx), in squares of size x size starts; what does not fill a square is left out.

    S = -Σ pᵢ log pᵢ over the labels of a square, the mean over all squares, and over the mixed ones (0 if there are
    none). Raises `InputError` for an image smaller than a square.
    """
    image, size = np.asarray(labels), check_count(size, "size", 2)
    if image.ndim != 2 or min(image.shape) < size:
        raise InputError(f"labels has shape {image.shape}; give an image (ny, nx) of at least {size} x {size} starts")
    rows, columns = image.shape[0] // size, image.shape[1] // size
    cut = image[: rows * size, : columns * size].reshape(rows, size, columns, size)
    total = np.zeros((rows, columns))
    for label in np.unique(cut):
        share = (cut == label).mean((1, 3))
        total -= share * np.log(np.where(share > 0, share, 1.0))
    mixed = total > 1e-12
    boundary = float(total[mixed].mean()) if mixed.any() else 0.0
    return BasinEntropy(float(np.abs(total).mean()), boundary, total.size, int(mixed.sum()), size)


@dataclass(frozen=True, eq=False)
class UncertaintyExponent:
    """The share f(ε) of starts with a neighbour at distance ε of another label, and the α of f ∝ ε^α.

    `error` is the standard error of `alpha` by the counts' binomial spread. The border has dimension n - α; α = 1 is a
    smooth border. To halve the uncertain share the start must be known 2^(1/α) times better.
    """

    alpha: float
    error: float
    epsilons: np.ndarray
    uncertain: np.ndarray
    pairs: int
    dimension: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            **{name: getattr(self, name) for name in ("alpha", "error", "pairs", "dimension")},
            "epsilons": self.epsilons.tolist(),
            "uncertain": self.uncertain.tolist(),
        }


def uncertainty_exponent(
    found: Basins, epsilons: Sequence[float] | None = None, pairs: int = 100_000, rng: Any = 0
) -> UncertaintyExponent:
    """The uncertainty exponent of basins in their box, from `pairs` random starts z for each ε.

    z is uncertain if z - ε or z + ε, along the first variable, ends elsewhere. The default is nine ε from 1e-5 to 1e-2
    of half the box. α is fitted to log f by least squares, weighted with the variance (1-f)/(f·pairs) of log f.
    Raises `InputError` for ε that are not positive, or if fewer than two of them show an uncertain start.
    Grebogi et al. (1983).
    """
    half = (found.box[0][1] - found.box[0][0]) / 2
    sizes = half * np.logspace(-5, -2, 9) if epsilons is None else np.asarray(epsilons, dtype=float)
    if sizes.ndim != 1 or len(sizes) < 2 or not (np.isfinite(sizes) & (sizes > 0)).all():
        raise InputError(f"epsilons is {shown(epsilons)}; give two or more positive distances")
    pairs, random = check_count(pairs, "pairs", 1), np.random.default_rng(rng)
    low, high = np.array(found.box).T
    uncertain = np.empty(len(sizes))
    for i, size in enumerate(sizes):
        z = random.uniform(low, high, (pairs, 2))
        beside = [z + np.array([sign * size, 0.0]) for sign in (0, -1, 1)]
        labels = found.at(np.concatenate(beside)).reshape(3, pairs)
        uncertain[i] = ((labels[1] != labels[0]) | (labels[2] != labels[0])).mean()
    seen = uncertain > 0
    if seen.sum() < 2:
        raise InputError(
            f"of {pairs} starts none is uncertain but at {int(seen.sum())} of {len(sizes)} distances; "
            "raise pairs, or give larger epsilons"
        )
    x, y, f = np.log(sizes[seen]), np.log(uncertain[seen]), uncertain[seen]
    weight = pairs * f / np.maximum(1 - f, 1 / pairs)
    centre = np.average(x, weights=weight)
    spread = float((weight * (x - centre) ** 2).sum())
    alpha = float((weight * (x - centre) * y).sum() / spread)
    return UncertaintyExponent(alpha, spread**-0.5, sizes, uncertain, pairs, 2 - alpha)
