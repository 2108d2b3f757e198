"""The functions a payoff may use, each in its SymPy, NumPy and Numba meaning."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import sympy as sp


class logistic(sp.Function):
    """1 / (1 + exp(-t)): kept whole, so that derivatives stay finite where exp overflows."""

    nargs = 1
    is_real = True
    is_positive = True

    @classmethod
    def eval(cls, t: Any) -> Any:
        """½ at 0; otherwise the function stays as it is."""
        return sp.Rational(1, 2) if t.is_zero else None

    def fdiff(self, argindex: int = 1) -> Any:
        """σ(t) σ(-t), which cannot overflow."""
        return logistic(self.args[0]) * logistic(-self.args[0])

    def _eval_rewrite_as_exp(self, t: Any, **kwargs: Any) -> Any:
        return 1 / (1 + sp.exp(-t))

    def _eval_mpmath(self) -> Any:
        return lambda t: 1 / (1 + mpmath.exp(-t)), self.args


class softplus(sp.Function):
    """log(1 + exp(t)), whose derivative is the logistic function."""

    nargs = 1
    is_real = True
    is_positive = True

    @classmethod
    def eval(cls, t: Any) -> Any:
        """log 2 at 0; otherwise the function stays as it is."""
        return sp.log(2) if t.is_zero else None

    def fdiff(self, argindex: int = 1) -> Any:
        """The logistic function."""
        return logistic(self.args[0])

    def _eval_rewrite_as_exp(self, t: Any, **kwargs: Any) -> Any:
        return sp.log(1 + sp.exp(t))

    def _eval_mpmath(self) -> Any:
        return lambda t: mpmath.log1p(mpmath.exp(t)), self.args


class switch(sp.Function):
    """1 where t >= 0, -1 where t < 0: a sign that never vanishes, its derivative taken as 0.

    A field may hold it, a payoff may not: no entry of `SYMPY`. A field that does is smooth in pieces only.
    """

    nargs = 1
    is_real = True
    is_nonzero = True

    @classmethod
    def eval(cls, t: Any) -> Any:
        """The value where the sign of t is known, of numbers in particular; otherwise the function stays as it is."""
        if t is sp.nan:
            return t
        return sp.Integer(1) if t.is_nonnegative else sp.Integer(-1) if t.is_negative else None

    def fdiff(self, argindex: int = 1) -> Any:
        """0, as it is everywhere but at the jump."""
        return sp.Integer(0)

    @staticmethod
    def _imp_(t: Any) -> Any:  # SymPy's lambdify finds it here, for mpmath's numbers and for Python's
        return 1 if t >= 0 else -1 if t < 0 else t

    def _eval_mpmath(self) -> Any:
        return self._imp_, self.args


def _float_logistic(t: float) -> float:
    return 1 / (1 + math.exp(-t)) if t > -700 else 0.0


SYMPY: dict[str, Any] = {
    "exp": sp.exp,
    "log": sp.log,
    "sqrt": sp.sqrt,
    "sin": sp.sin,
    "cos": sp.cos,
    "tan": sp.tan,
    "asin": sp.asin,
    "acos": sp.acos,
    "atan": sp.atan,
    "sinh": sp.sinh,
    "cosh": sp.cosh,
    "tanh": sp.tanh,
    "logistic": logistic,
    "softplus": softplus,
}
FLOAT: dict[str, Any] = {name: getattr(math, name, None) for name in SYMPY} | {
    "logistic": _float_logistic,
    "softplus": lambda t: max(t, 0.0) + math.log1p(math.exp(-abs(t))),
}

# The same names in a generated module. NumPy's serve arrays, complex step and NUMBA_DISABLE_JIT (where math.exp would
# raise on overflow). Under Numba, ours vectorise in loops over lanes; of math's only sqrt, an instruction, does.
NUMPY_HEADER = """
from numpy import exp, log, log1p, sqrt, sin, cos, tan, sinh, cosh, tanh, real, where
from numpy import arcsin as asin, arccos as acos, arctan as atan

def logistic(t):
    return 1.0 / (1.0 + exp(-t))

def softplus(t):
    return where(real(t) > 0, t + log1p(exp(-t)), log1p(exp(t)))

def switch(t):
    return where(real(t) >= 0, 1.0, where(real(t) < 0, -1.0, t))
"""
NUMBA_HEADER = """
from math import sqrt, tan, sinh, cosh, asin, acos, atan
from dynsys.lane_angles import cos, sin
from dynsys.lane_functions import exp, log, logistic, softplus, tanh

@emitted
def switch(t):
    return 1.0 if t >= 0.0 else (-1.0 if t < 0.0 else t)
"""
