"""Small games that tell the notions of solution apart: each is one thing and not another at the origin."""

from __future__ import annotations

from dynsys.game import Game

BOX = ((-2.0, 2.0), (-2.0, 2.0))


def _two_players(loss_x: str, loss_y: str, name: str, source: str, **parameters: float) -> Game:
    """The players x and y, each of whom minimises a loss."""
    payoffs = {"x": f"-({loss_x})", "y": f"-({loss_y})"}
    return Game({"x": ("x",), "y": ("y",)}, payoffs, parameters, name=name, box=BOX, source=source)


def hidden_minimax() -> Game:
    """Stable, local minimax with x leading, yet no Nash: f = -x²/2 + 2xy - 3y²/2, x minimises, y maximises.

    Double eigenvalue -1, defective. After Jin, Netrapalli & Jordan (2020).
    """
    f = "-x**2/2 + 2*x*y - 3*y**2/2"
    return _two_players(f, f"-({f})", "hidden-minimax", "after Jin, Netrapalli & Jordan (2020)")


def hidden_maximin() -> Game:
    """Stable, no Nash, no minimax with x leading, but strict local maximin with y leading: f = 3x²/2 + 2xy + y²/2.

    Double eigenvalue -1, defective. After Jin, Netrapalli & Jordan (2020).
    """
    f = "3*x**2/2 + 2*x*y + y**2/2"
    return _two_players(f, f"-({f})", "hidden-maximin", "after Jin, Netrapalli & Jordan (2020)")


def shared_bilinear_loss() -> Game:
    """Both players lose xy: a weak Nash equilibrium that is a saddle of the flow (eigenvalues ±1).

    After Mazumdar, Ratliff & Sastry (2020).
    """
    return _two_players("x*y", "x*y", "shared-bilinear-loss", "after Mazumdar, Ratliff & Sastry (2020)")


def odd_order() -> Game:
    """Losses x³ + xy and -xy: stable in the sense of differentiable game mechanics, but no Nash (odd order).

    After Letcher et al. (2019).
    """
    return _two_players("x**3 + x*y", "-x*y", "odd-order", "after Letcher et al. (2019)")


def worst_point(k: float = 1.0) -> Game:
    """Both players lose -(k/2)(x² + y²): each is at its worst at 0, yet consensus is attracted there iff γ > 1/k.

    After Mescheder, Nowozin & Geiger (2017).
    """
    loss = "-k/2*(x**2 + y**2)"
    return _two_players(loss, loss, "worst-point", "after Mescheder, Nowozin & Geiger (2017)", k=k)
