r"""The continuous-time limit of stochastic steps: dX = w dt + √h σ dW, σσᵀ the covariance of the minibatch field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from analysis.estimator_moments import Samples
from analysis.update_covariances import batch_moments
from dynsys.errors import InputError
from dynsys.expressions import symbol
from dynsys.field import VectorField
from dynsys.minibatches.distributions import Normal
from dynsys.minibatches.expected_fields import free_name
from dynsys.minibatches.minibatch_field import MinibatchField, check_minibatch_field
from dynsys.minibatches.populations import Noise, NotClosedError, expectation
from dynsys.minibatches.sampled_field import SampledField
from integrators.algorithms.runge_kutta import Euler
from integrators.checks import check_step
from integrators.runs import SamplePaths
from integrators.stochastic_runs import sample_paths

MOST_VARIABLES = 4  # of a factor of the covariance in formulas


@dataclass(frozen=True)
class DiffusionLimit:
    """Drift w, `covariance` C(x) and a lower triangular `factor` σ(x) with σσᵀ = C, in formulas; h is a free factor."""

    field: MinibatchField
    drift: VectorField
    covariance: sp.Matrix
    factor: sp.Matrix

    def paths(
        self, starts: Any, h: float, dt: float, steps: int, every: int = 1, rng: Any = 0, **more: Any
    ) -> SamplePaths:
        """Paths of dX = w dt + √h σ dW by the Euler-Maruyama method with time step dt, compiled as any ensemble.

        .. math:: X^+ = X + w(X)\\,dt + \\sqrt{h\\,dt}\\;\\sigma(X)\\,\\xi, \\qquad \\xi \\sim N(0, I)

        `h` is the step size whose limit it is, `starts` (m, n). Maruyama (1955).
        """
        scale = sp.sqrt(sp.Rational(repr(check_step(h))) / sp.Rational(repr(check_step(dt, "dt"))))
        return sample_paths(self._as_field(scale), starts, Euler(), dt, steps, every, rng, **more)

    def _as_field(self, scale: sp.Expr) -> MinibatchField:
        """The field w + √(h/dt) σ ξ, ξ a sample: Euler's method with step dt on it is Euler and Maruyama's."""
        w = self.drift
        taken = (*w.variables, *w.parameters)
        names = [free_name(f"xi{i}", taken) for i in range(w.n)]
        kicks = self.factor * sp.Matrix([symbol(name) for name in names]) * scale
        sample = VectorField(
            tuple(e + kick for e, kick in zip(w.expressions, kicks, strict=True)),
            w.variables,
            {**w.parameters, **dict.fromkeys(names, 0.0)},
            w.players,
            name=f"diffusion limit of {w.name}",
            box=w.box,
        )
        return MinibatchField(SampledField(sample, Noise(dict.fromkeys(names, Normal()))), 1)


def diffusion_limit(field: MinibatchField) -> DiffusionLimit:
    r"""The stochastic differential equation that minibatch steps of size h follow for small h.

    .. math:: dX = w(X)\,dt + \sqrt h\,\sigma(X)\,dW, \qquad \sigma\sigma^\top = \operatorname{Cov} w_B(X)

    w is the expected field; the covariance over batches, consensus term included, is exact. For Euler's method the
    laws of X(kh) and of the k-th iterate differ by O(h). Li, Tai & E (2019).

    Raises `InputError` for more than four variables, for reshuffled batches, and where expectations have no formula.
    """
    check_minibatch_field(field)
    if field.n > MOST_VARIABLES:
        raise InputError(f"the field has {field.n} variables; the limit is formed for at most {MOST_VARIABLES}")
    if field.sampling == "reshuffled":
        raise InputError("the field's batches are reshuffled, so their noise is not white; take 'without replacement'")
    drift = field.expected()
    try:
        C = covariance_expressions(field)
    except NotClosedError:
        C = None
    if C is None or not isinstance(drift, VectorField):
        raise InputError("the means over samples have no formula: too many terms; take sample_paths with a small h")
    return DiffusionLimit(field, drift, C, _factor(C))


def covariance_expressions(field: MinibatchField) -> sp.Matrix:
    """Cov w over batches (n, n) as expressions; `NotClosedError` where that takes too many terms."""
    source, n = field.source, field.n
    over = np.vectorize(lambda e: expectation(sp.sympify(e), source.population), otypes=[object])
    v = np.array(source.statistics["v"], dtype=object)[None]
    J = np.array(source.statistics["J"], dtype=object).reshape(1, n, n)
    samples = Samples(v, J, lambda a: over(a[0]), False, ())
    gamma = symbol(field.name) if field.gamma is not None else sp.Integer(0)
    _, C = batch_moments(field, samples, gamma)
    return sp.Matrix(n, n, [sp.factor(sp.expand(sp.sympify(C[i, j]))) for i in range(n) for j in range(n)])


def _factor(C: sp.Matrix) -> sp.Matrix:
    """Lower triangular σ with σσᵀ = C; the column of a variable whose noise the others before it determine is 0.

    Entries on the diagonal are roots of quotients of leading minors, √(Dₖ/Dₖ₋₁), which keep squares whole: there is no
    difference of nearly equal numbers under a root. Their signs do not matter.
    """
    n = C.shape[0]
    L = sp.zeros(n, n)
    for k in range(n):
        rest = sp.factor(sp.simplify(sp.together(C[k, k] - sum(L[k, j] ** 2 for j in range(k)))))
        if rest == 0:
            continue
        root = sp.sqrt(rest)
        L[k, k] = root.replace(sp.Abs, lambda a: a)
        for i in range(k + 1, n):
            L[i, k] = sp.cancel((C[i, k] - sum(L[i, j] * L[k, j] for j in range(k))) / L[k, k])
    return L
