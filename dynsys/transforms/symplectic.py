"""Transformations that treat the rotation in a field: the antisymmetric part A = (J - Jᵀ)/2 of its Jacobian."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from dynsys.expressions import check_name, symbol
from dynsys.field import VectorField
from dynsys.functions import switch
from dynsys.matrix_free import MatrixFreeField
from dynsys.transforms.blocks import solved
from dynsys.transforms.rules import AField, transformed
from dynsys.vector import axpy, dot, matvec, scale, vecmat, weighted_sum

BIAS = sp.Rational(1, 10)  # towards alignment where the product is small: the authors' ε


def symplectic_gradient_adjustment(v: AField, lam: float = 1.0, aligned: bool = False, name: str = "lam") -> AField:
    r"""Symplectic gradient adjustment (SGA): v with λ times its rotation turned towards the zeros.

    .. math:: w(x) = v(x) - \lambda A(x)^\top v(x), \qquad A = \tfrac12 (J - J^\top)

    λ becomes the parameter `name`. Where the symmetric part of J vanishes this is consensus with γ = λ; where the
    antisymmetric part does (potential games), v itself. Every zero of v is one of w. In the authors' convention
    ξ = -v is descended.

    `aligned` multiplies λ by the sign that draws towards stable zeros of v and away from unstable ones,

    .. math:: \operatorname{sign}\left(\tfrac1n \langle \xi, \nabla H\rangle \langle A_\xi^\top \xi, \nabla H\rangle
              + \tfrac1{10}\right), \qquad H = \tfrac12\|\xi\|^2, \quad A_\xi = -A,

    with n the number of variables and sign(0) = 1. The result is only piecewise smooth and says so in `.piecewise`.
    Balduzzi et al. (2018); Letcher et al. (2019).
    """
    n = getattr(v, "n", 0)

    def rule(v: Any, J: Any, lam: Any) -> Any:
        gradient = vecmat(v, J)
        turned = weighted_sum((Fraction(1, 2), Fraction(-1, 2)), (gradient, matvec(J, v)))
        return axpy(-lam * alignment(v, J, gradient, turned, n) if aligned else -lam, turned, v)

    kind = "aligned symplectic gradient adjustment" if aligned else "symplectic gradient adjustment"
    w = transformed(v, rule, {name: lam}, kind)
    if aligned and isinstance(w, MatrixFreeField):
        return replace(w, piecewise=f"the sign of {name} jumps with the state")
    return w


def alignment(v: Any, J: Any, gradient: Any, turned: Any, n: int) -> Any:
    """The sign by which SGA turns, from Jᵀv and `turned` = Aᵀv: ⟨ξ, ∇H⟩ = -⟨v, Jᵀv⟩ and ⟨A_ξᵀξ, ∇H⟩ = ⟨Aᵀv, Jᵀv⟩."""
    inner = getattr(J, "inner", dot)
    product = -inner(v, gradient) * inner(turned, gradient) / n
    return J.switch(product, BIAS) if hasattr(J, "switch") else switch(product + BIAS)


def local_symplectic_surgery(v: VectorField, xi: float = 1e-4, name: str = "xi") -> VectorField:
    r"""Local symplectic surgery: near its zeros, v without the rotation.

    .. math:: w = \tfrac12 \left(v + J^\top (J^\top J + \lambda I)^{-1} J^\top v\right), \qquad
              \lambda(x) = \xi \left(1 - e^{-\|v(x)\|^2}\right)

    ξ, the bound of the regularisation λ, becomes the parameter `name`. At a zero of v with invertible J the Jacobian
    of w is the symmetric part of J; so in a zero-sum game of two players the strict local Nash points attract and
    nothing else with a regular symmetric part does. NaN at a zero whose J is singular. `InputError` for more than
    four variables. Mazumdar, Jordan & Sastry (2019).
    """
    bound = symbol(check_name(name, "name"))
    J = v.jacobian_expressions
    weight = bound * (1 - sp.exp(-dot(v.expressions, v.expressions)))
    gram = [[dot(a, b) + (weight if i == j else 0) for j, b in enumerate(zip(*J))] for i, a in enumerate(zip(*J))]
    y = solved(gram, vecmat(v.expressions, J), "the Jacobian")
    w = scale(sp.Rational(1, 2), axpy(1, vecmat(y, J), v.expressions))
    return v.transformed(w, {name: xi}, f"local symplectic surgery of {v.name}".removesuffix(" of "))
