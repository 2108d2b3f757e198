"""`NetworkBatches`: what training sees of a network's game, a field that each batch makes anew."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from dynsys.errors import InputError, shown
from dynsys.expressions import check_name, check_parameters, finite
from dynsys.matrix_free import OnPlayers
from dynsys.minibatches.estimators import Estimator, UStatistic, as_estimator
from dynsys.minibatches.minibatch_field import batch_parts, check_batches
from dynsys.networks.estimated_consensus import EstimatedConsensus, check_means
from dynsys.networks.network_field import NetworkField, Slopes
from dynsys.networks.samples import drawn, stream


@dataclass(frozen=True, eq=False, repr=False)
class NetworkBatches:
    """The field of a network on batches drawn anew, with a consensus term whose gradient is estimated from batches.

    .. math:: w(x) = \\bar v(x) - \\gamma\\, \\hat g(x), \\qquad
              E\\,\\hat g = \\nabla \\tfrac12 (\\|v\\|^2 + c \\operatorname{tr}\\Sigma)

    Parameters
    ----------
    field
        a `NetworkGame` with data, or a field that transformations made from one.
    batch
        B, the number of samples in a batch.
    gamma, estimator, sampling, batch_per, shared, name
        as of `MinibatchField`, of which this is the counterpart for networks. The estimator "plug-in", v and J from
        one batch, is consensus as it is usually trained.

    The batches of step k depend on the seed and on k only. Estimators with the samples' own gradients ask that losses
    be means over the samples. Raises `InputError` for games without data, and for batch sizes that the estimator or
    the way of sampling does not allow.
    """

    field: NetworkField
    batch: int
    gamma: float | None = None
    estimator: Estimator | str = UStatistic()
    sampling: str = "iid"
    batch_per: str = "step"
    shared: bool = True
    name: str = "gamma"

    def __post_init__(self) -> None:
        fix = functools.partial(object.__setattr__, self)
        if not isinstance(self.field, NetworkField) or self.field.game.data is None:
            raise InputError(f"field is {shown(self.field)}; give a NetworkGame with data to draw batches from")
        fix("batch", check_batches(self.batch, self.sampling, self.batch_per, self.field.game.samples))
        fix("estimator", as_estimator(self.estimator))
        if self.gamma is None:
            return
        fix("gamma", finite(self.gamma, "gamma"))
        self._estimator.check(self.batch, self.field.game.samples)
        if check_name(self.name, "name") in (*self.field.parameters, *self.field.players):
            raise InputError(f"the field already uses the name {self.name!r}; choose another with name=")
        if self._weights[1]:
            check_means(self.field)

    # --- as runs see it -------------------------------------------------------------------------

    @property
    def _estimator(self) -> Estimator:
        return as_estimator(self.estimator)

    @property
    def _weights(self) -> Any:
        return self._estimator.weights(self.batch, self.field.game.samples)

    @property
    def players(self) -> Mapping[str, int]:
        """player -> the number of its variables."""
        return self.field.players

    @property
    def n(self) -> int:
        """The number of variables."""
        return self.field.n

    @property
    def x(self) -> np.ndarray:
        """The modules' parameters, shape (n,)."""
        return self.field.x

    @property
    def dtype(self) -> Any:
        """The floating-point type of the modules."""
        return self.field.dtype

    @functools.cached_property
    def parameters(self) -> Mapping[str, float]:
        """The field's coefficients, then γ if there is a consensus term."""
        own = dict(self.field.parameters)
        return MappingProxyType(own if self.gamma is None else {**own, self.name: self.gamma})

    def with_parameters(self, /, **values: float) -> NetworkBatches:
        """The same field at other values of its coefficients."""
        check_parameters(values, self.parameters)
        gamma = self.gamma if self.gamma is None else values.pop(self.name, self.gamma)
        return replace(self, field=self.field.with_parameters(**values), gamma=gamma)

    @property
    def on_players(self) -> OnPlayers:
        """The field on all data as a method sees it: what methods check."""
        return self.field.on_players

    def point(self, x: Any, argument: str = "x") -> np.ndarray:
        """x as an array of shape (n,)."""
        return self.field.point(x, argument)

    def at_step(self, seed: int, k: int) -> NetworkField:
        """The field that step k sees, on the batches that belong to the seed and to k."""
        if self.batch_per == "stage":
            stages = itertools.count()
            return self._on(lambda: self._drawn(seed, k, next(stages)))
        batch = self._drawn(seed, k, 0)
        return self._on(lambda: batch)

    def _on(self, draw: Callable[[], Any]) -> NetworkField:
        return self.field.made(slopes=self._slopes, draw=draw, parameters=self.parameters)

    @functools.cached_property
    def _slopes(self) -> Slopes:
        """Those of the field, with the consensus term if there is one."""
        if self.gamma is None:
            return self.field.slopes
        return EstimatedConsensus(self.field, self._weights, self._parts[:2])

    # --- the batches ----------------------------------------------------------------------------

    @functools.cached_property
    def _parts(self) -> Any:
        return batch_parts(self._estimator, self.batch, self.gamma is not None, self.shared)

    def _drawn(self, seed: int, k: int, stage: int) -> Any:
        """The samples of all batches of a step or a stage, one after the other."""
        game, batches = self.field.game, self._parts[2]
        random = stream(seed, k, stage)
        if game.is_stream:
            return drawn(game.data, self.batch * batches, random)
        return game.rows(np.concatenate([self._rows(seed, k, stage, i, random) for i in range(batches)]))

    def _rows(self, seed: int, k: int, stage: int, which: int, random: np.random.Generator) -> np.ndarray:
        """The rows of batch number `which` of a stage of a step; each number and stage has an order of its own."""
        N = self.field.game.samples or 0
        if self.sampling == "iid":
            return random.integers(N, size=self.batch)
        if self.sampling == "without replacement":
            return random.choice(N, self.batch, replace=False)
        epoch, place = divmod(k, N // self.batch)
        order = stream(seed, epoch, stage, 1 + which).permutation(N)
        return order[place * self.batch : (place + 1) * self.batch]

    def __repr__(self) -> str:
        term = "" if self.gamma is None else f", {self.name} = {self.gamma:g} by {self._estimator.name}"
        term += "" if self.gamma is None or self.shared else " from batches of its own"
        return f"NetworkBatches({self.field!r}, batches of {self.batch} {self.sampling} a {self.batch_per}{term})"
