"""`MinibatchField`: what training sees of a game with random samples, a field that each batch makes anew."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np

from dynsys.array_field import AnyField
from dynsys.errors import InputError, shown
from dynsys.expressions import check_name, check_parameters, finite
from dynsys.field import Box, OnTuples, check_box
from dynsys.minibatches.estimators import Estimator, UStatistic, Weights, as_estimator, check_sampling
from dynsys.minibatches.expected_fields import expected_field
from dynsys.minibatches.sampled_field import CONSENSUS_NEEDS, NEEDS, SampledField, sampled, shaped_means
from dynsys.rebuilding import Rebuilt
from dynsys.vector import axpy, dot, times, vecmat

BATCHES_PER = ("step", "stage")
Part = tuple[int, int]  # first sample, number of samples


@dataclass(frozen=True, eq=False, repr=False)
class MinibatchField(Rebuilt):
    """The mean of a sampled field over a batch, with a consensus term whose gradient is estimated from batches.

    .. math:: w(x) = \\bar v(x) - \\gamma\\, \\hat g(x), \\qquad
              E\\,\\hat g = \\nabla \\tfrac12 (\\|v\\|^2 + c \\operatorname{tr}\\Sigma)

    Parameters
    ----------
    game
        a `StochasticGame`, a `FiniteSumGame` or a `SampledField`.
    batch
        B, the number of samples in a batch.
    gamma
        coefficient of the consensus term; None, the default, leaves it out.
    estimator
        of ∇½‖v‖², or its name; see `dynsys.minibatches.estimators`.
    sampling
        "iid"; "without replacement" in each batch, from data; or "reshuffled": each epoch of N // B batches goes once
        through the rows in a new order, of which the last N mod B are left out.
    batch_per
        "step": all evaluations of a step of the method see one batch; "stage": each point at which the method evaluates
        has a batch of its own.
    shared
        whether the consensus term is estimated from the batch of v̄ (and, for `IndependentBatches`, a second one) or
        from batches of its own.
    name
        of the parameter γ.

    Raises `InputError` for batch sizes that the estimator or the way of sampling does not allow.
    """

    game: Any
    batch: int
    gamma: float | None = None
    estimator: Estimator | str = UStatistic()
    sampling: str = "iid"
    batch_per: str = "step"
    shared: bool = True
    name: str = "gamma"

    def __post_init__(self) -> None:
        fix = functools.partial(object.__setattr__, self)
        source = sampled(self.game)
        fix("batch", check_batches(self.batch, self.sampling, self.batch_per, source.population.size))
        fix("estimator", as_estimator(self.estimator))
        if self.gamma is not None:
            self._estimator.check(self.batch, source.population.size)
            fix("gamma", finite(self.gamma, "gamma"))
            if check_name(self.name, "name") in (*source.sample.parameters, *source.sample.variables):
                raise InputError(f"the game already uses the name {self.name!r}; choose another with name=")

    # --- as integrators see it ------------------------------------------------------------------

    @functools.cached_property
    def source(self) -> SampledField:
        """The field of one sample, and where samples come from."""
        return sampled(self.game)

    @property
    def _estimator(self) -> Estimator:
        return as_estimator(self.estimator)

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables, in order."""
        return tuple(self.source.sample.variables)

    @property
    def players(self) -> Mapping[str, Sequence[str]]:
        """player -> its variables."""
        return self.source.sample.players

    @property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        """The indices of each player's variables."""
        return self.source.sample.blocks

    @property
    def n(self) -> int:
        """The number of variables."""
        return self.source.sample.n

    @functools.cached_property
    def parameters(self) -> Mapping[str, float]:
        """The game's parameters, then γ if there is a consensus term."""
        own = self.source.own_parameters
        return MappingProxyType(own if self.gamma is None else {**own, self.name: self.gamma})

    @property
    def box(self) -> Any:
        """The game's."""
        return self.source.sample.box

    @property
    def piecewise(self) -> str:
        """As the field of a sample."""
        return self.source.sample.piecewise

    def autonomous(self) -> MinibatchField:
        """Itself: it does not depend on time."""
        return self

    @property
    def base(self) -> SampledField | None:
        """The field without the consensus term, if there is one."""
        return None if self.gamma is None else self.source

    time = None
    period = None

    @functools.cached_property
    def on_tuples(self) -> OnTuples:
        """The field on average, on tuples (x, p) with p the parameters of this one."""
        w = self.expected()
        rest = tuple(w.values())[len(self.parameters) :]
        return OnTuples(
            lambda x, p: w.on_tuples(x, (*p, *rest)),
            lambda x, p: w.on_tuples.jacobian(x, (*p, *rest)),
            lambda x, p: w.on_tuples.gradients(x, p),
            self.blocks,
        )

    def values(self, t: float | None = None) -> tuple[float, ...]:
        """The parameters' values, in order."""
        return tuple(self.parameters.values())

    def region(self, box: Any = None) -> Box:
        """`box`, checked, or the game's own."""
        return self.source.sample.region(box) if box is None else check_box(box, self.variables)

    def with_parameters(self, /, **values: float) -> MinibatchField:
        """The same field at other values of the game's parameters and of γ."""
        check_parameters(values, self.parameters)
        gamma = self.gamma if self.gamma is None else values.pop(self.name, self.gamma)
        return replace(self, game=self.game.with_parameters(**values) if values else self.game, gamma=gamma)

    # --- the batch's mean and the consensus term ------------------------------------------------

    def needs(self, which: str) -> tuple[str, ...]:
        """The statistics of a sample that `which` ("field", "jacobian" or "gradients") averages."""
        if self.gamma is None:
            return NEEDS[which]
        if which == "gradients":
            raise InputError("a field with a consensus term has no payoffs of its own; leave gamma out")
        needed = CONSENSUS_NEEDS[which]
        if self.weights[1]:
            return needed
        return tuple(name for name in needed if name not in ("g", "dg"))

    @functools.cached_property
    def weights(self) -> Weights:
        """The estimator's weights for this batch size and population."""
        return self._estimator.weights(self.batch, self.source.population.size)

    @functools.cached_property
    def parts(self) -> tuple[tuple[Part, ...], tuple[Part, ...], int]:
        """The parts of the samples that v̄ averages, those that the estimator does, and how many batches are drawn."""
        return batch_parts(self._estimator, self.batch, self.gamma is not None, self.shared)

    def combined(self, which: str, totals: Mapping[Part, Sequence[Any]], gamma: Any) -> Any:
        """The field or its Jacobian from the sums of the samples' statistics over each part, in any arithmetic."""
        names, players = self.needs(which), len(self.players)
        means = {
            part: shaped_means([times(Fraction(1, part[1]), e) for e in total], names, self.n, players)
            for part, total in totals.items()
        }
        own, estimated, _ = self.parts
        if which == "gradients":
            return means[own[0]].F
        if which == "field":
            v = _mean([means[part].v for part in own])
            return v if self.gamma is None else axpy(-gamma, self.gradient([means[part] for part in estimated]), v)
        rows = tuple(_mean([means[part].J[i] for part in own]) for i in range(self.n))
        if self.gamma is None:
            return rows
        slope = self._gradient_jacobian([means[part] for part in estimated])
        return tuple(axpy(-gamma, a, row) for a, row in zip(slope, rows, strict=True))

    def gradient(self, parts: Sequence[SimpleNamespace]) -> Any:
        """ĝ = Σ w_ab J̄ₐᵀ v̄_b + Σ dₐ mean(Jᵢᵀvᵢ), from the means v, J and g over the estimator's parts."""
        cross, diagonal = self.weights
        terms = [_times(w, vecmat(parts[b].v, parts[a].J)) for (a, b), w in cross.items()]
        return _sum([*terms, *(_times(d, parts[a].g) for a, d in diagonal.items())])

    def _gradient_jacobian(self, parts: Sequence[SimpleNamespace]) -> Any:
        """ĝ' = Σ w_ab (H̄ₐ·v̄_b + J̄ₐᵀJ̄_b) + Σ dₐ mean((Jᵢᵀvᵢ)')."""
        cross, diagonal = self.weights
        rows = []
        for j in range(self.n):
            terms = []
            for (a, b), w in cross.items():
                bent = tuple(dot(tuple(h[j][k] for h in parts[a].H), parts[b].v) for k in range(self.n))
                turned = vecmat(tuple(row[j] for row in parts[a].J), parts[b].J)
                terms.append(_times(w, axpy(1, bent, turned)))
            rows.append(_sum([*terms, *(_times(d, parts[a].dg[j]) for a, d in diagonal.items())]))
        return tuple(rows)

    def squared_norm(self, totals: Mapping[Part, Sequence[Any]]) -> Any:
        """T, the estimate of ‖v‖², from the sums over the estimator's parts of v and ‖v‖², in a row."""
        cross, diagonal = self.weights
        means = [[times(Fraction(1, part[1]), e) for e in totals[part]] for part in self.parts[1]]
        terms = [times(w, dot(tuple(means[a][:-1]), tuple(means[b][:-1]))) for (a, b), w in cross.items()]
        return _sum([(t,) for t in [*terms, *(times(d, means[a][-1]) for a, d in diagonal.items())]])[0]

    def on_samples(self, which: str, x: Sequence[Any], samples: np.ndarray, values: Sequence[Any] | None = None) -> Any:
        """The field or its Jacobian at points x, a tuple of arrays (…,), from given samples (samples, entries, …).

        `values` of the parameters, numbers or arrays (…,), are the field's own by default.
        """
        names = self.needs(which)
        f, extra = self.source.on_samples(names), 0 if self.gamma is None else 1
        p = list(self.values() if values is None else values)
        own, estimated, _ = self.parts
        totals = {}
        for first, count in {*own, *estimated}:
            rows = samples[first : first + count]
            stats = f(tuple(x), (*p[: len(p) - extra], *np.moveaxis(rows, 1, 0)))
            shape = np.broadcast_shapes((count, *np.shape(x[0])), *(np.shape(e) for e in stats))
            totals[first, count] = [np.broadcast_to(e, shape).sum(0) for e in stats]
        return self.combined(which, totals, p[-1] if extra else 0)

    # --- on average -----------------------------------------------------------------------------

    @property
    def excess(self) -> Fraction:
        """c in E ĝ = ∇½(‖v‖² + c tr Σ); 0 without a consensus term."""
        if self.gamma is None:
            return Fraction(0)
        return self._estimator.excess(self.batch, self.source.population.size, self.sampling)

    def expected(self) -> AnyField:
        """E w: the field whose zeros training by small steps converges to; v itself without a consensus term."""
        return self._expected

    @functools.cached_property
    def _expected(self) -> AnyField:
        if self.gamma is None:
            return self.source.mean
        return expected_field(self.source, self.gamma, float(self.excess), self.name)

    def __repr__(self) -> str:
        term = "" if self.gamma is None else f", {self.name} = {self.gamma:g} by {self._estimator.name}"
        return f"MinibatchField({self.game!r}, batches of {self.batch} {self.sampling} a {self.batch_per}{term})"


def check_batches(batch: Any, sampling: Any, batch_per: Any, N: int | None) -> int:
    """The number of samples in a batch; `InputError` for those that N rows (None: endless) do not allow."""
    size = finite(batch, "batch")
    if size < 1 or not size.is_integer():
        raise InputError(f"batch is {shown(batch)}; give a whole number of samples, at least 1")
    check_sampling(sampling, int(size), N)
    if batch_per not in BATCHES_PER:
        raise InputError(f"batch_per is {shown(batch_per)}; give 'step' or 'stage'")
    return int(size)


def batch_parts(
    estimator: Estimator, B: int, consensus: bool, shared: bool
) -> tuple[tuple[Part, ...], tuple[Part, ...], int]:
    """The parts of the samples that v̄ averages, those that the estimator does, and how many batches are drawn."""
    if not consensus:
        return ((0, B),), (), 1
    first = 0 if shared else B
    if estimator.parts == "halves":
        own: tuple[Part, ...] = ((first, B // 2), (first + B // 2, B // 2))
    else:
        own = ((first, B), (first + B, B))[: 2 if estimator.parts == "batches" else 1]
    means = own if shared and estimator.parts == "halves" else ((0, B),)
    return means, own, (own[-1][0] + own[-1][1]) // B


def check_minibatch_field(field: Any) -> MinibatchField:
    """The field itself; `InputError` for anything else."""
    if not isinstance(field, MinibatchField):
        raise InputError(f"field is {shown(field)}; give a MinibatchField")
    return field


def _times(weight: Fraction, x: Any) -> Any:
    return x if weight == 1 else tuple(times(weight, xi) for xi in x)


def _sum(terms: Sequence[Any]) -> Any:
    return functools.reduce(lambda a, b: axpy(1, b, a), terms)


def _mean(terms: Sequence[Any]) -> Any:
    return terms[0] if len(terms) == 1 else _times(Fraction(1, len(terms)), _sum(terms))
