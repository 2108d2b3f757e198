"""Pseudospectra: the points of the plane that a small change of a matrix can make its eigenvalues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.nonnormality import check_matrix
from analysis.spectra import sorted_eigenvalues
from dynsys.errors import InputError
from dynsys.expressions import finite
from integrators.checks import check_count


@dataclass(frozen=True)
class Pseudospectrum:
    """σ_min(zI - M) on a grid: `re` (p,), `im` (q,), `distance` (q, p), with the eigenvalues (n,).

    z is an eigenvalue of a matrix at the 2-norm distance ε from M, and of none nearer, where `distance` is ε. `flow`:
    the border of stability is the imaginary axis, not the unit circle.
    """

    re: np.ndarray
    im: np.ndarray
    distance: np.ndarray
    eigenvalues: np.ndarray
    flow: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, complex ones as [re, im]."""
        return {
            "re": self.re.tolist(),
            "im": self.im.tolist(),
            "distance": self.distance.tolist(),
            "eigenvalues": [[float(z.real), float(z.imag)] for z in self.eigenvalues],
            "flow": self.flow,
        }


def pseudospectrum(
    matrix: Any, box: Sequence[Sequence[float]] | None = None, resolution: int = 121, flow: bool = False
) -> Pseudospectrum:
    """The pseudospectra of a real matrix over a box ((lo, hi) of Re z, of Im z), by default around its field of values.

    Raises `InputError` for what is no finite square matrix, or no box. Trefethen & Embree (2005).
    """
    M = check_matrix(matrix)
    count = check_count(resolution, "resolution", 2)
    if box is None:
        real = np.linalg.eigvalsh((M + M.T) / 2)
        high = max(float(np.abs(np.linalg.eigvalsh((M - M.T) / 2j)).max()), 0.0)
        edge = 0.25 * max(float(real[-1] - real[0]), 2 * high, 0.4)
        spans = [(float(real[0]) - edge, float(real[-1]) + edge), (-high - edge, high + edge)]
        if flow:
            spans[0] = (spans[0][0], max(spans[0][1], edge / 2))
        else:
            spans = [(min(lo, -1.1), max(hi, 1.1)) for lo, hi in spans]
    else:
        try:
            spans = [(finite(lo, "box, lower end"), finite(hi, "box, upper end")) for lo, hi in box]
        except (TypeError, ValueError):
            spans = []
        if len(spans) != 2 or not all(lo < hi for lo, hi in spans):
            raise InputError(f"box is {box!r}; give (lo, hi) of the real and of the imaginary part, lo < hi")
    re, im = (np.linspace(lo, hi, count) for lo, hi in spans)
    z = (re[None, :] + 1j * im[:, None]).ravel()
    pieces = [
        np.linalg.svd(part[:, None, None] * np.eye(len(M)) - M, compute_uv=False)[:, -1]
        for part in np.array_split(z, max(1, z.size * M.size // 2_000_000))
    ]
    distance = np.concatenate(pieces).reshape(count, count)
    return Pseudospectrum(re, im, distance, sorted_eigenvalues(np.linalg.eigvals(M)), flow)
