"""Partial derivatives are SymPy's, whichever engine derives them."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import sympy as sp

from dynsys import Game, VectorField
from dynsys.derivatives import FEW, _engine, partial_derivatives
from dynsys.expressions import symbol
from dynsys.transforms import consensus

X = [symbol(f"x{i}") for i in range(9)]
FORMULAS = [
    "sin(x0*x1) + cos(x2)**2", "exp(-x0/3)*x1**3", "log(2 + x3**2)", "sqrt(1 + x4**2)*x0", "tanh(x5 - x6)",
    "x7/(1 + x8**2)", "atan(x0 + x8)", "(1 + x1**2)**(3/2)", "asin(x2/9) + sinh(x3) - cosh(x4)",
]  # fmt: skip


def field():
    return VectorField(FORMULAS, [s.name for s in X])


def test_derivatives_are_sympys_in_our_symbols():
    found = partial_derivatives(field().expressions, X)
    assert all(e.free_symbols <= set(X) for row in found for e in row)
    point = {s: sp.Rational(k + 1, 11) for k, s in enumerate(X)}
    for row, e in zip(found, field().expressions):
        for entry, s in zip(row, X):
            assert abs(entry.xreplace(point).evalf(30) - sp.diff(e, s).xreplace(point).evalf(30)) < 1e-25


def test_both_engines_agree_on_a_consensus_field(monkeypatch):
    n = 9
    payoffs = {f"p{i}": f"x{i}*x{(i + 1) % n}*{i - 4} - x{i}**4/4 + sin(x{(i + 2) % n})*x{i}" for i in range(n)}
    game = Game({f"p{i}": [f"x{i}"] for i in range(n)}, payoffs)
    ours = consensus(game.field(), gamma=0.25)
    assert n * n > FEW
    x = np.random.default_rng(1).normal(size=(4, n))
    J = ours.jacobian(x)
    monkeypatch.setitem(sys.modules, "symengine", None)  # as if it were not there
    _engine.cache_clear()
    try:
        np.testing.assert_allclose(consensus(game.field(), gamma=0.25).jacobian(x), J, rtol=1e-12, atol=1e-12)
    finally:
        _engine.cache_clear()


def test_our_own_functions_keep_their_derivatives():
    names = [s.name for s in X]
    v = VectorField([f"logistic({a}*{b}) - softplus({a})" for a, b in zip(names, names[1:] + names[:1])], names)
    entry = partial_derivatives(v.expressions, X)[0][1]
    assert entry == sp.diff(v.expressions[0], X[1])


def test_symengine_is_used_where_it_is_installed():
    pytest.importorskip("symengine")
    assert _engine() is not None
