"""Transformations by a gradient of squared norms: consensus and its relatives."""

from __future__ import annotations

from dynsys.expressions import check_name, symbol
from dynsys.field import VectorField
from dynsys.transforms.blocks import sides
from dynsys.vector import axpy, part, put, scale, submatrix, vecmat


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


def hamiltonian_descent(v: VectorField) -> VectorField:
    r"""Hamiltonian gradient descent: the conservative relaxation, under the name it has as a method of training.

    .. math:: w(x) = -\nabla \tfrac12 \|v(x)\|^2 = -J(x)^\top v(x)

    Where all singular values of J stay above a positive bound it converges linearly, and to any zero of v: Nash
    points, saddles and everybody's worst alike. Abernethy, Lai & Wibisono (2019).
    """
    return conservative_relaxation(v)


def nagarajan_kolter(v: VectorField, generator: str, eta: float, name: str = "eta") -> VectorField:
    r"""Nagarajan–Kolter regularisation: the generator also descends the squared gradient of the others.

    .. math:: w_G = v_G - \eta\, \nabla_{x_G} \|v_D\|^2 = v_G - 2\eta\, J_{DG}^\top v_D, \qquad w_D = v_D

    G is the player `generator`, D all others; η becomes the parameter `name`. In a GAN the generator so minimises
    V + η‖∇_D V‖² where the discriminator maximises V. On the bilinear game the eigenvalues solve λ² + 2ηλ + 1 = 0.
    Every zero of v is one of w. `InputError` for a player the field does not have. Nagarajan & Kolter (2017).
    """
    G, D = sides(v, generator, "generator")
    e = symbol(check_name(name, "name"))
    slope = vecmat(part(v.expressions, D), submatrix(v.jacobian_expressions, D, G))
    w = put(v.expressions, G, axpy(-2 * e, slope, part(v.expressions, G)))
    return v.transformed(w, {name: eta}, f"Nagarajan-Kolter regularisation of {v.name}".removesuffix(" of "))
