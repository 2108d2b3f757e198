"""Transformations that treat the rotation in a field: the antisymmetric part A = (J - Jᵀ)/2 of its Jacobian."""

from __future__ import annotations

from typing import Any

import sympy as sp

from dynsys.expressions import check_name, symbol
from dynsys.field import VectorField
from dynsys.functions import switch
from dynsys.transforms.blocks import solved
from dynsys.vector import axpy, dot, scale, vecmat

BIAS = sp.Rational(1, 10)  # towards alignment where the product is small: the authors' ε


def symplectic_gradient_adjustment(
    v: VectorField, lam: float = 1.0, aligned: bool = False, name: str = "lam"
) -> VectorField:
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
    coefficient = symbol(check_name(name, "name"))
    J = v.jacobian_expressions
    A = tuple(tuple((J[i][j] - J[j][i]) / 2 for j in range(v.n)) for i in range(v.n))
    turned = vecmat(v.expressions, A)
    if aligned:
        coefficient = coefficient * alignment(v, turned)
    kind = "aligned symplectic gradient adjustment" if aligned else "symplectic gradient adjustment"
    w = axpy(-coefficient, turned, v.expressions)
    return v.transformed(w, {name: lam}, f"{kind} of {v.name}".removesuffix(" of "))


def alignment(v: VectorField, turned: tuple[Any, ...]) -> sp.Expr:
    """The sign by which SGA turns, from `turned` = Aᵀv: ⟨ξ, ∇H⟩ = -⟨v, Jᵀv⟩ and ⟨A_ξᵀξ, ∇H⟩ = ⟨Aᵀv, Jᵀv⟩."""
    gradient = vecmat(v.expressions, v.jacobian_expressions)
    return switch(-dot(v.expressions, gradient) * dot(turned, gradient) / v.n + BIAS)


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
