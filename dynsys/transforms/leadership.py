"""Transformations for a leader and its followers: who moves first knows how the others respond.

The followers are all players but the leader, as one block f; the leader's block is l. Where v_f = 0 defines the
followers' response r to the leader's variables, its derivative is -J_ff⁻¹ J_fl.
"""

from __future__ import annotations

import sympy as sp

from dynsys.expressions import check_name, exact, finite, symbol
from dynsys.field import VectorField
from dynsys.transforms.blocks import check_invertible, sides, solved
from dynsys.vector import axpy, matvec, part, put, scale, submatrix, vecmat


def follow_the_ridge(v: VectorField, leader: str, ratio: float = 1.0, name: str = "ratio") -> VectorField:
    r"""Follow-the-ridge: the followers' part is corrected, so that the ridge v_f = 0 is never left.

    .. math:: w_l = v_l, \qquad w_f = c\, v_f - J_{ff}^{-1} J_{fl}\, v_l

    c, the followers' rate over the leader's, becomes the parameter `name`. Along w: dv_f/dt = c J_ff v_f. At a zero
    of v the eigenvalues of the Jacobian are those of J_ll - J_lf J_ff⁻¹ J_fl and of c J_ff: in a zero-sum game the
    strict local minimax points attract, and no other zero at which both matrices are invertible. The zeros are those
    of v (c ≠ 0); NaN or infinite where J_ff is singular. `InputError` for an unknown leader, or a J_ff that is
    singular everywhere, or not constant and of more than four rows. Wang, Zhang & Ba (2020): for two players, min-max.
    """
    l, f = sides(v, leader, "leader")  # noqa: E741  (the formula's letter)
    c = symbol(check_name(name, "name"))
    J, v_l, v_f = v.jacobian_expressions, part(v.expressions, l), part(v.expressions, f)
    J_ff = submatrix(J, f, f)
    check_invertible(v, J_ff, {}, f"with leader {leader!r} there is no ridge to follow")
    along = solved(J_ff, matvec(submatrix(J, f, l), v_l), "the followers' block")
    w = put(v.expressions, f, axpy(-1, along, scale(c, v_f)))
    return v.transformed(w, {name: ratio}, f"follow-the-ridge of {v.name}".removesuffix(" of "))


def stackelberg_gradient(v: VectorField, leader: str, eta: float = 0.0, name: str = "eta") -> VectorField:
    r"""Stackelberg gradient play: the leader ascends its payoff along the followers' response.

    .. math:: w_l = \partial_l f_l - J_{fl}^\top (J_{ff} - \eta I)^{-\top} \partial_f f_l, \qquad w_f = v_f

    With η = 0 this is the total derivative of f_l(x_l, r(x_l)); η > 0, the parameter `name`, regularises the inverse
    where the followers' own Hessian is close to singular. In a zero-sum game of two players every zero of v is one of
    w; in others the zeros are different points. `InputError` for an unknown leader, a field that is not a game's own,
    and a J_ff - ηI that is singular everywhere or of more than four rows. Fiez, Chasnov & Ratliff (2020).
    """
    l, f = sides(v, leader, "leader")  # noqa: E741  (the formula's letter)
    e = symbol(check_name(name, "name"))
    slopes = v.payoff_gradients[list(v.players).index(leader)]
    J = v.jacobian_expressions
    regular = tuple(tuple(J[i][j] - (e if i == j else 0) for j in f) for i in f)
    check_invertible(v, regular, {e: exact(finite(eta, name))}, f"give a positive {name} or another leader")
    y = solved(sp.Matrix(regular).T.tolist(), part(slopes, f), "the followers' block")
    w = put(v.expressions, l, axpy(-1, vecmat(y, submatrix(J, f, l)), part(slopes, l)))
    return v.transformed(w, {name: eta}, f"Stackelberg gradient of {v.name}".removesuffix(" of "))
