"""Is a player at a maximum of its own payoff? A direction of positive curvature refutes it; none found is no proof."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.linalg import norm

from analysis.krylov import Product, default_tolerance, orthogonalised
from analysis.leading import point_of
from dynsys.errors import InputError
from dynsys.matrix_free import MatrixFreeField
from integrators.checks import check_count, check_memory

ROUNDING = 256  # units of rounding, relative to ‖H‖, that a product through many layers may be off


@dataclass(frozen=True, eq=False)
class OwnCurvature:
    """The largest curvature found in the own Hessian block H (m, m) of a player's payoff, which it maximises.

    `largest` is yᵀHy of a unit vector y (m,), `direction`, from a product made for the purpose; `residual` is
    ‖Hy - (yᵀHy)y‖, so H has an eigenvalue within it. `norm` is the largest ‖Hu‖/‖u‖ met, `rounding` what rounding may
    have made of yᵀHy, `asymmetry` the relative size of H - Hᵀ that the process saw. `products` of H were spent;
    `complete`: they span the whole space.
    """

    player: str
    largest: float
    residual: float
    norm: float
    rounding: float
    asymmetry: float
    products: int
    complete: bool
    direction: np.ndarray
    symmetric: bool = True

    @property
    def refuted(self) -> bool:
        """Along `direction` the payoff is convex: with v = 0 the point is no local maximum of this player's."""
        return self.symmetric and self.largest > self.rounding

    @property
    def verdict(self) -> str:
        """In words: never more than was shown."""
        if not self.symmetric:
            return (
                f"no verdict: the own block is not symmetric (by {self.asymmetry:.1e} of its size), so it is no Hessian"
            )
        if self.refuted:
            return f"refuted: its payoff curves upwards along a direction, by {self.largest:.4g} ± {self.residual:.1g}"
        found = f"largest curvature found {self.largest:.4g} ± {self.residual:.1g}"
        if self.complete and self.largest < -self.rounding:
            return f"strict local maximum to second order: all directions are spanned, {found}"
        spanned = ", all directions spanned" if self.complete else ""
        return f"not refuted after {self.products} products{spanned}; {found}"

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts, without the direction."""
        names = ("player", "largest", "residual", "norm", "rounding", "asymmetry", "products", "complete", "refuted")
        return {**{name: getattr(self, name) for name in names}, "verdict": self.verdict}


def own_curvatures(
    field: MatrixFreeField,
    x: Any = None,
    products: int = 40,
    tolerance: float | None = None,
    rng: Any = 0,
) -> dict[str, OwnCurvature]:
    """Each player's largest own curvature at x, by a Lanczos process on its diagonal block of J.

    The field must be a simultaneous gradient; of a transformed one, such as consensus, its base is taken. A unit vector
    y with yᵀHy > 0 *refutes* a local maximum at a zero of v, by itself, converged or not; where there is none, nothing
    is proved. The process stops when ‖Hy - θy‖ ≤ `tolerance` ‖H‖ (default: √ε of the field's type, at least 1e-6) or
    after `products`, at most the player's number of variables. Lanczos (1950).
    """
    point, field = point_of(field, x), field.root
    check_count(products, "products", 2)
    generator = np.random.default_rng(rng)
    bound = default_tolerance(field.dtype) if tolerance is None else float(tolerance)
    if not bound > 0:
        raise InputError(f"tolerance is {bound:g}; it must be positive")
    return {
        player: _largest(
            player,
            lambda u, player=player: field.own_hessian_product(player, point, u),  # type: ignore[misc]
            size,
            min(products, size + 1),
            bound,
            generator,
            field.dtype,
        )
        for player, size in field.players.items()
    }


def _largest(
    player: str, product: Product, n: int, products: int, bound: float, rng: Any, dtype: np.dtype
) -> OwnCurvature:
    """A Lanczos process with full reorthogonalisation, then the Rayleigh quotient of its top Ritz vector.

    Reorthogonalisation yields the projection of H whole, upper triangle and all, so an H that is not symmetric shows.
    """
    steps = min(n, products - 1)
    whole = steps == n
    check_memory((steps + 1) * n * np.dtype(dtype).itemsize, "fewer products")
    V = np.empty((steps, n), dtype)
    T = np.zeros((steps + 1, steps))
    V[0] = _unit(rng.standard_normal(n))
    eps, size = float(np.finfo(dtype).eps), 0.0
    for j in range(steps):
        w = _times(product, V[j], player, dtype)
        size = max(size, float(norm(w)))
        T[: j + 1, j], w, left = orthogonalised(w, V[: j + 1])
        projected = T[: j + 1, : j + 1]
        if j + 1 == steps or not whole:
            y = np.linalg.eigh((projected + projected.T) / 2)[1][:, -1]
            if j + 1 == steps or left * abs(y[-1]) <= bound * size:
                break
        if left > 16 * eps * size:
            T[j + 1, j], V[j + 1] = left, w / left
        else:  # an invariant subspace; those of a space that is spanned whole are gone through one by one
            V[j + 1] = _unit(orthogonalised(rng.standard_normal(n).astype(dtype), V[: j + 1])[1])
    direction = _unit(y.astype(dtype) @ V[: len(y)])
    image = _times(product, direction, player, dtype)
    largest = float(direction @ image)
    asymmetry = float(norm(projected - projected.T) / (2 * norm(projected) or 1.0))
    return OwnCurvature(
        player=player,
        largest=largest,
        residual=float(norm(image - largest * direction)),
        norm=size,
        rounding=ROUNDING * eps * size,
        asymmetry=asymmetry,
        products=len(y) + 1,
        complete=len(y) == n,
        direction=direction,
        symmetric=asymmetry <= default_tolerance(dtype),
    )


def _unit(w: np.ndarray) -> np.ndarray:
    return w / norm(w)


def _times(product: Product, u: np.ndarray, player: str, dtype: np.dtype) -> np.ndarray:
    w = np.asarray(product(u), dtype)
    if not np.isfinite(w).all():
        raise InputError(f"a product with the Hessian of player {player!r} is not finite; choose another point")
    return w
