"""Field transformations: a field in, a field out, the coefficient a named parameter of the result."""

from __future__ import annotations

from dynsys.expressions import check_name, symbol
from dynsys.field import VectorField
from dynsys.vector import axpy, scale, vecmat


def conservative_relaxation(v: VectorField) -> VectorField:
    r"""-∇L with L = ½‖v‖²: the conservative field that has the zeros of v.

    .. math:: -\nabla L(x) = -J(x)^\top v(x)

    It cannot tell equilibria apart: at a zero with invertible J the Hessian of L is JᵀJ ≻ 0. Huszár (2017).
    """
    w = scale(-1, vecmat(v.expressions, v.jacobian_expressions))
    return v.transformed(w, {}, f"conservative relaxation of {v.name}".removesuffix(" of "))


def consensus(v: VectorField, gamma: float, name: str = "gamma") -> VectorField:
    r"""Consensus optimisation: v with γ times the conservative relaxation mixed in.

    .. math:: w(x) = v(x) - \gamma \nabla \tfrac12 \|v(x)\|^2 = (I - \gamma J(x)^\top)\, v(x)

    γ becomes the parameter `name` of the result. At a zero of v the Jacobian is J - γJᵀJ; w may vanish where v does
    not (Jᵀv = v/γ). Mescheder, Nowozin & Geiger (2017).
    """
    g = symbol(check_name(name, "name"))
    w = axpy(-g, vecmat(v.expressions, v.jacobian_expressions), v.expressions)
    return v.transformed(w, {name: gamma}, f"consensus of {v.name}".removesuffix(" of "))
