"""Transformations by a gradient of squared norms: consensus and its relatives."""

from __future__ import annotations

from typing import Any

from dynsys.transforms.blocks import sides
from dynsys.transforms.rules import AField, transformed
from dynsys.vector import axpy, part, put, scale, submatrix, vecmat


def conservative_relaxation(v: AField) -> AField:
    r"""-∇L with L = ½‖v‖²: the conservative field that has the zeros of v.

    .. math:: -\nabla L(x) = -J(x)^\top v(x)

    It cannot tell equilibria apart: at a zero with invertible J the Hessian of L is JᵀJ ≻ 0. Huszár (2017).
    """
    return transformed(v, lambda v, J: scale(-1, vecmat(v, J)), {}, "conservative relaxation")


def consensus(v: AField, gamma: float, name: str = "gamma") -> AField:
    r"""Consensus optimisation: v with γ times the conservative relaxation mixed in.

    .. math:: w(x) = v(x) - \gamma \nabla \tfrac12 \|v(x)\|^2 = (I - \gamma J(x)^\top)\, v(x)

    γ becomes the parameter `name` of the result. At a zero of v the Jacobian is J - γJᵀJ; w may vanish where v does
    not (Jᵀv = v/γ). Mescheder, Nowozin & Geiger (2017).
    """
    return transformed(v, lambda v, J, g: axpy(-g, vecmat(v, J), v), {name: gamma}, "consensus")


def hamiltonian_descent(v: AField) -> AField:
    r"""Hamiltonian gradient descent: the conservative relaxation, under the name it has as a method of training.

    .. math:: w(x) = -\nabla \tfrac12 \|v(x)\|^2 = -J(x)^\top v(x)

    Where all singular values of J stay above a positive bound it converges linearly, and to any zero of v: Nash
    points, saddles and everybody's worst alike. Abernethy, Lai & Wibisono (2019).
    """
    return conservative_relaxation(v)


def nagarajan_kolter(v: AField, generator: str, eta: float, name: str = "eta") -> AField:
    r"""Nagarajan–Kolter regularisation: the generator also descends the squared gradient of the others.

    .. math:: w_G = v_G - \eta\, \nabla_{x_G} \|v_D\|^2 = v_G - 2\eta\, J_{DG}^\top v_D, \qquad w_D = v_D

    G is the player `generator`, D all others; η becomes the parameter `name`. In a GAN the generator so minimises
    V + η‖∇_D V‖² where the discriminator maximises V. On the bilinear game the eigenvalues solve λ² + 2ηλ + 1 = 0.
    Every zero of v is one of w. `InputError` for a player the field does not have. Nagarajan & Kolter (2017).
    """
    G, D = sides(v, generator, "generator")

    def rule(v: Any, J: Any, eta: Any) -> Any:
        slope = vecmat(part(v, D), submatrix(J, D, G))
        return put(v, G, axpy(-2 * eta, slope, part(v, G)))

    return transformed(v, rule, {name: eta}, "Nagarajan-Kolter regularisation")
