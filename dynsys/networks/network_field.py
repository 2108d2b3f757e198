"""`NetworkField`: a matrix-free field computed by PyTorch, and what transformations make of it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from dynsys.errors import InputError
from dynsys.expressions import check_name, check_parameters, finite
from dynsys.matrix_free import Linearisation, MatrixFreeField
from dynsys.networks.linearisation import NetworkLinearisation, undifferentiable

if TYPE_CHECKING:
    from dynsys.networks.network_game import NetworkGame

Parts = tuple[Tensor, ...]  # one flat tensor a player


class Slopes(Protocol):
    """v on the players' tensors: with `graph` its values can be differentiated, with `only` others may be 0."""

    def __call__(self, x: Parts, batch: Any, p: Sequence[float], graph: bool, only: Sequence[int] = ()) -> Parts:
        """The components of v, one tensor a player."""


@dataclass(frozen=True, eq=False, repr=False)
class NetworkField(MatrixFreeField):
    """A field that `slopes` computes from the players' parameters and from a batch, which `draw()` gives.

    A `NetworkGame` is one; transformations and batches make others, whose game it is.
    """

    near: Callable[[np.ndarray], Linearisation] = field(init=False)
    slopes: Slopes = field(kw_only=True)
    draw: Callable[[], Any] = field(kw_only=True)
    source: NetworkGame | None = field(kw_only=True, default=None)
    almost_everywhere: str = field(kw_only=True, default="")

    def __post_init__(self) -> None:
        super().__post_init__()
        # not a method of this object: a field that refers to itself would keep each batch of a run in memory
        near = functools.partial(linearisation, self.slopes, self.draw, self.values(), self._sizes)
        object.__setattr__(self, "near", near)

    @property
    def game(self) -> NetworkGame:
        """The game whose field it is, or whose field it was made from."""
        return self.source if self.source is not None else self  # type: ignore[return-value]

    @property
    def x(self) -> np.ndarray:
        """The modules' parameters, shape (n,)."""
        return self.game.x

    def _value(self, x: np.ndarray) -> np.ndarray:
        """v(x), without what products need."""
        return self.own(x, ())

    def own(self, x: np.ndarray, players: Sequence[int]) -> np.ndarray:
        """v(x), of which only the components of these players, or all, are computed."""
        try:
            found = self.slopes(self.tensors_at(self.point(x)), self.draw(), self.values(), False, players)
        except RuntimeError as error:
            raise undifferentiable(error) from error
        return torch.cat(found).detach().numpy()

    def tensors_at(self, x: np.ndarray) -> Parts:
        """The players' flat tensors at x, of which derivatives can be taken."""
        return torch.from_numpy(np.array(x)).requires_grad_(True).split(self._sizes)

    @functools.cached_property
    def _sizes(self) -> list[int]:
        return list(self.players.values())

    def with_parameters(self, /, **values: float) -> NetworkField:
        """The same field at other values of its coefficients; `base` follows."""
        check_parameters(values, self.parameters)
        base = self.base
        if base is not None:
            base = base.with_parameters(**{k: x for k, x in values.items() if k in base.parameters})
        return self.made(parameters={**self.parameters, **values}, base=base)

    def transformed(self, rule: Callable[..., Any], parameters: Mapping[str, float], name: str) -> NetworkField:
        """The field w = rule(v, J, *coefficients), with J by its products; `base` is this field."""
        for new in parameters:
            if new in self.parameters or new in self.players:
                raise InputError(f"the field already uses the name {new!r}; choose another with name=")
        more = {check_name(k, "name"): finite(x, k) for k, x in parameters.items()}
        slopes = Transformed(self.slopes, rule, len(self.parameters))
        return self.made(slopes=slopes, parameters={**self.parameters, **more}, name=name, base=self)

    def made(self, **changes: Any) -> NetworkField:
        """A field of the same game on the same batch, but for these changes."""
        same = ("players", "parameters", "name", "dtype", "base", "slopes", "draw", "almost_everywhere", "piecewise")
        return NetworkField(**{**{key: getattr(self, key) for key in same}, "source": self.game, **changes})


def linearisation(
    slopes: Slopes, draw: Callable[[], Any], p: Sequence[float], sizes: list[int], x: np.ndarray
) -> NetworkLinearisation:
    """The field near x, on a batch drawn once."""
    batch = draw()

    def function(flat: Tensor, graph: bool) -> Tensor:
        return torch.cat(slopes(flat.split(sizes), batch, p, graph))

    return NetworkLinearisation(function, torch.from_numpy(np.array(x)))


@dataclass(frozen=True)
class Transformed:
    """The slopes rule(v, J, *coefficients) of a field with these slopes, which has `own` parameters itself."""

    slopes: Slopes
    rule: Callable[..., Any]
    own: int

    def __call__(self, x: Parts, batch: Any, p: Sequence[float], graph: bool, only: Sequence[int] = ()) -> Parts:
        """The components of w, one tensor a player."""
        with torch.enable_grad():
            v = self.slopes(x, batch, p[: self.own], True)
            return self.rule(v, JacobianProducts(v, x, graph), *p[self.own :])


@dataclass(frozen=True)
class JacobianProducts:
    """The block J_{RC} of a Jacobian, R and C players, as transformations multiply with it."""

    v: Parts
    x: Parts
    graph: bool

    def vecmat(self, u: Parts) -> Parts:
        """J_{RC}ᵀ u."""
        return self._pulled(self.v, self.x, u, self.graph)

    def matvec(self, u: Parts) -> Parts:
        """J_{RC} u, the derivative of w ↦ Jᵀ w along u."""
        w = tuple(torch.zeros_like(part, requires_grad=True) for part in self.v)
        return self._pulled(self._pulled(self.v, self.x, w, True), w, u, self.graph)

    def submatrix(self, rows: Sequence[int], columns: Sequence[int]) -> JacobianProducts:
        """The block of these players."""
        return JacobianProducts(tuple(self.v[i] for i in rows), tuple(self.x[j] for j in columns), self.graph)

    def inner(self, u: Parts, w: Parts) -> Tensor:
        """Σ uᵢ wᵢ over all players' variables."""
        return inner(u, w)

    def switch(self, t: Tensor, bias: Any) -> Tensor:
        """1 where t + bias >= 0, else -1."""
        return torch.where(t + float(bias) >= 0, 1.0, -1.0).to(t.dtype)

    def _pulled(self, v: Parts, x: Parts, u: Parts, graph: bool) -> Parts:
        rows = [(a, b) for a, b in zip(v, u, strict=True) if a.requires_grad]
        if not rows:
            return tuple(torch.zeros_like(part) for part in x)
        outputs, weights = zip(*rows, strict=True)
        return torch.autograd.grad(outputs, x, weights, retain_graph=True, create_graph=graph, materialize_grads=True)


def inner(u: Sequence[Tensor], w: Sequence[Tensor]) -> Tensor:
    """Σ uᵢ wᵢ over the entries of all flat tensors."""
    return sum((torch.dot(a, b) for a, b in zip(u, w, strict=True)), torch.zeros((), dtype=u[0].dtype))
