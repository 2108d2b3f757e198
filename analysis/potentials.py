"""Potentials: φ with ∇φ = v, by SymPy where it integrates, else as work along straight lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from analysis.line_integrals import work
from dynsys.array_field import AnyField
from dynsys.errors import InputError, shown
from dynsys.field import Box, VectorField, as_points
from dynsys.functions import logistic, softplus
from dynsys.identities import TIME_LIMIT, is_zero
from dynsys.watch import OvertimeError, Watch


@dataclass(frozen=True, eq=False)
class Potential:
    """A function φ with ∇φ = v and φ(base) = 0: points (…, n) -> values (…,).

    `expression` is φ up to a constant as SymPy found it, or None: then each value is the work of the field along the
    straight line from `base`, and `InputError` says so where that line meets a singularity.
    """

    field: AnyField
    base: np.ndarray
    expression: sp.Expr | None

    def __call__(self, x: Any) -> np.ndarray:
        """φ at points x, shape (…, n) -> (…,)."""
        points = as_points(x, self.field.variables)
        if self.expression is None:
            rows = points.reshape(-1, self.field.n)
            values = [
                0.0 if (row == self.base).all() else float(work(self.field, np.array([self.base, row]))) for row in rows
            ]
            return np.array(values).reshape(points.shape[:-1])
        with np.errstate(all="ignore"):
            return self._formula(points) - self._formula(self.base)

    def _work_to(self, x: np.ndarray) -> float:
        return 0.0 if (x == self.base).all() else float(work(self.field, np.array([self.base, x])))

    def _formula(self, points: np.ndarray) -> np.ndarray:
        special = {
            "logistic": lambda t: 1 / (1 + np.exp(-t)),
            "softplus": lambda t: np.logaddexp(0, t),
        }
        assert isinstance(self.field, VectorField)
        formula = sp.lambdify(self.field.symbols, self.expression, modules=[special, "scipy", "numpy"])
        values = formula(*np.moveaxis(points, -1, 0))
        return np.broadcast_to(np.asarray(values, float), points.shape[:-1]).copy()


def symbolic_potential(field: VectorField) -> sp.Expr | None:
    """φ with ∇φ = v identically, or None if SymPy does not find one in `TIME_LIMIT` seconds.

    One variable after the other: what ∂φ/∂xᵢ still lacks of vᵢ is integrated over xᵢ. The gradient of the result is
    checked, so that a wrong integral is never returned.
    """
    wanted = [field.at_values(e).rewrite([softplus], sp.log) for e in field.expressions]
    try:
        with Watch(TIME_LIMIT) as watch:
            watch.arm()
            potential = _integrated([_in_exponentials(e) for e in wanted], field.symbols)
    except (OvertimeError, NotImplementedError, ValueError, TypeError, AttributeError, sp.PolynomialError):
        return None  # SymPy's integrator meets each of these in expressions it has no rule for
    if potential is None:
        return None
    potential = _single_valued(potential, wanted)
    right = all(is_zero(sp.diff(potential, s) - e) for s, e in zip(field.symbols, wanted, strict=True))
    return potential if right else None


def _in_exponentials(e: sp.Expr) -> sp.Expr:
    """Sigmoids as SymPy integrates them: tanh t = 1 - 2/(1 + exp 2t)."""
    return e.rewrite([logistic], sp.exp).replace(sp.tanh, lambda t: 1 - 2 / (1 + sp.exp(2 * t)))


def _integrated(wanted: list[sp.Expr], symbols: tuple[sp.Symbol, ...]) -> sp.Expr | None:
    potential = sp.Integer(0)
    for k, (s, e) in enumerate(zip(symbols, wanted, strict=True)):
        rest = sp.expand(e - sp.diff(potential, s))
        if rest.has(*symbols[:k]):
            rest = sp.simplify(rest)
        part = sp.piecewise_fold(sp.integrate(rest, s))
        if isinstance(part, sp.Piecewise):  # the general case comes first; the gradient of the result is checked
            part = sp.simplify(part.args[0][0])
        if part.has(sp.Integral, sp.I, sp.Piecewise):
            return None
        potential += part
    return potential


def _single_valued(potential: sp.Expr, wanted: list[sp.Expr]) -> sp.Expr:
    """log s as ½ log s², unless s is positive or the field itself has log s: real on both sides of s = 0."""
    own = {log.args[0] for e in wanted for log in e.atoms(sp.log)}
    both = {
        log: sp.log(log.args[0] ** 2) / 2
        for log in potential.atoms(sp.log)
        if not (log.args[0].is_nonnegative or log.args[0] in own)
    }
    return potential.xreplace(both)


def check_base(field: AnyField, base: Any, box: Box) -> np.ndarray:
    """The point at which a potential is to be 0: the one given, or the origin, or one in the box."""
    if base is None:
        lo, hi = np.array(box).T
        inside = lo + np.random.default_rng(0).random((64, field.n)) * (hi - lo)
        candidates = np.vstack([np.zeros(field.n), (lo + hi) / 2, inside])
        usable = candidates[np.isfinite(field(candidates)).all(1)]
        if len(usable):
            return usable[0]
        raise InputError(f"base is missing and the field is not finite in the box {shown(box)}; give a point")
    point = as_points(base, field.variables, "base")
    if point.ndim != 1 or not np.isfinite(field(point)).all():
        raise InputError(f"base is {shown(base)}, where the field has no finite value; give another point")
    return point
