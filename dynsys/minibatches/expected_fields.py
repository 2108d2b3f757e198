"""The expected field of consensus with batches: what training by small steps follows, biased as its estimator is."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import sympy as sp

from dynsys.array_field import AnyField, ArrayField
from dynsys.expressions import symbol
from dynsys.field import VectorField
from dynsys.minibatches.populations import NotClosedError
from dynsys.minibatches.sampled_field import SampledField, sampled, shaped_means
from dynsys.vector import axpy, scale, vecmat


def expected_field(source: SampledField, gamma: float, excess: float, name: str = "gamma") -> AnyField:
    r"""v - γ∇½(‖v‖² + c tr Σ), with γ and c = `excess` as parameters where v has formulas.

    .. math:: \|v\|^2 + c \operatorname{tr}\Sigma = (1 - c)\,\|v\|^2 + c\, E\|v(x, \xi)\|^2
    """
    v = source.mean
    if isinstance(v, VectorField):
        try:
            square = source.mean_square
        except NotClosedError:
            v = ArrayField(v, v.jacobian, v.variables, v.name, v.box, v.players)
        else:
            other = free_name("excess", (*v.parameters, *v.variables, name))
            g, c = symbol(name), symbol(other)
            slope = vecmat(v.expressions, v.jacobian_expressions)
            more = tuple(sp.diff(square, x) / 2 for x in v.symbols)
            w = axpy(-g, axpy(c, axpy(-1, slope, more), slope), v.expressions)
            return v.transformed(
                w, {name: gamma, other: excess}, f"expected consensus of {v.name}".removesuffix(" of ")
            )
    return _expected_array(source, v, gamma, excess)


def _expected_array(source: SampledField, v: ArrayField, gamma: float, c: float) -> ArrayField:
    """The same from means over the rows."""
    n = source.sample.n

    def shaped(x: np.ndarray, names: tuple[str, ...]) -> SimpleNamespace:
        return shaped_means(list(source.means(x, names).T), names, n, len(v.players))

    def value(x: np.ndarray) -> np.ndarray:
        m = shaped(x, ("v", "J", "g"))
        slope = scale(1 - c, vecmat(m.v, m.J))
        return np.stack(axpy(-gamma, axpy(c, m.g, slope), m.v), -1)

    def derivative(x: np.ndarray) -> np.ndarray:
        m = shaped(x, ("v", "J", "H", "dg"))
        v, J, H, dg = (np.moveaxis(np.array(a), -1, 0) for a in (m.v, m.J, m.H, m.dg))
        slope = np.einsum("mijk,mi->mjk", H, v) + np.swapaxes(J, 1, 2) @ J
        return J - gamma * ((1 - c) * slope + c * dg)

    return ArrayField(value, derivative, v.variables, f"expected consensus of {v.name}", v.box, v.players)


def free_name(wanted: str, taken: Sequence[str]) -> str:
    """The name, with underscores behind it until nothing else has it."""
    return wanted if wanted not in taken else free_name(wanted + "_", taken)


def free_coefficient(game: Any) -> str:
    """A name for γ that the game does not use."""
    sample = sampled(game).sample
    return free_name("gamma", (*sample.parameters, *sample.variables))
