"""How much of a Jacobian is rotation, estimated from products with random signs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from analysis.leading import point_of
from dynsys.matrix_free import MatrixFreeField
from integrators.checks import check_count


@dataclass(frozen=True)
class RotationShare:
    """‖A‖_F/‖J‖_F of J = S + A, from 0 (locally a gradient) to 1 (rotation alone), with the norms; NaN where J = 0.

    `error` is the standard error of the share, 0 where `exact`. The norms are estimates, too.
    """

    share: float
    error: float
    antisymmetric_norm: float
    norm: float
    probes: int
    exact: bool

    @property
    def text(self) -> str:
        """The share with its error."""
        if np.isnan(self.share):
            return "undefined: J = 0"
        return f"{self.share:.3g}" + (" (exact)" if self.exact else f" ± {self.error:.1g}")

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; None for what is undefined."""
        return {name: None if value != value else value for name, value in asdict(self).items()}


def rotation_share(field: MatrixFreeField, x: Any = None, probes: int = 16, rng: Any = 0) -> RotationShare:
    r"""The share of rotation in J(x), by vectors u of random signs, two products each.

    .. math:: \|A\|_F^2 = \tfrac14 E\|Ju - J^\top u\|^2, \qquad
              \|J\|_F^2 = \tfrac12 E(\|Ju\|^2 + \|J^\top u\|^2) = \|S\|_F^2 + \|A\|_F^2

    Both sides use the same probes, so the estimate is in [0, 1], and 0 or 1 exactly where it should be. The error of
    the ratio is that of its linearisation in the two means (delta method). Where there are no more variables than
    probes the columns of J are taken instead, and the share is exact. Hutchinson (1989); Balduzzi et al. (2018).
    """
    near = field.linearised(point_of(field, x))
    n = field.n
    count = check_count(probes, "probes", min(2, n))
    exact = n <= count
    generator = np.random.default_rng(rng)
    rows = np.empty((n if exact else count, 2))
    for i in range(len(rows)):
        u = _unit(i, n, field.dtype) if exact else _signs(generator, n, field.dtype)
        Ju, Jtu = (np.asarray(w, field.dtype) for w in (near.jvp(u), near.vjp(u)))
        rows[i] = _square(Ju - Jtu) / 4, (_square(Ju) + _square(Jtu)) / 2
    rotation, whole = rows.sum(0) if exact else rows.mean(0)
    if whole == 0:
        return RotationShare(float("nan"), 0.0, 0.0, 0.0, len(rows), exact)
    square = min(float(rotation / whole), 1.0)
    share, error = float(np.sqrt(square)), 0.0
    if not exact and share > 0:
        deviations = rows[:, 0] - square * rows[:, 1]
        error = float(deviations.std(ddof=1) / np.sqrt(count) / whole / (2 * share))
    return RotationShare(share, error, float(np.sqrt(rotation)), float(np.sqrt(whole)), len(rows), exact)


def _unit(i: int, n: int, dtype: Any) -> np.ndarray:
    u = np.zeros(n, dtype)
    u[i] = 1
    return u


def _signs(rng: np.random.Generator, n: int, dtype: Any) -> np.ndarray:
    return (2 * rng.integers(0, 2, n, np.int8) - 1).astype(dtype)


def _square(w: np.ndarray) -> float:
    """‖w‖² in double precision."""
    return float(np.einsum("i,i->", w, w, dtype=float))
