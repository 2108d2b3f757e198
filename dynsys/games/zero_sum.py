"""Zero-sum games in two variables; θ maximises f, φ minimises it."""

from __future__ import annotations

from dynsys.game import Game


def _game(payoff: str, name: str, box: float | tuple, source: str, **parameters: float) -> Game:
    interval = ((-box, box), (-box, box)) if isinstance(box, int | float) else box
    return Game.zero_sum(payoff, ["theta"], ["phi"], parameters, name=name, box=interval, source=source)


def curl() -> Game:
    """Curl field v = (-φ, θ) of f = -θφ: the equilibrium every gradient method circles.

    Eigenvalues ±i; the flow conserves ‖x‖. Mescheder, Nowozin & Geiger (2017); Huszár (2017).
    """
    return _game("-theta*phi", "curl", 2.0, "Mescheder, Nowozin & Geiger (2017)")


def spiral_saddle() -> Game:
    """Spiral and saddle: a strict Nash equilibrium at (0, 0) beside a saddle at (1, -2) that γ can make attracting.

    Eigenvalues -½ ± i and 2 ± √21/2. Under consensus it has one spurious zero for every γ > 0.
    """
    payoff = "theta*phi - theta**2/4 + 5*theta**3/6 + phi**2/4"
    return _game(payoff, "spiral-saddle", ((-2.0, 2.0), (-4.0, 2.0)), "after Mescheder, Nowozin & Geiger (2017)")


def sine() -> Game:
    """Sine game f = sin θ sin φ: centres at (kπ, lπ), saddles between them."""
    return _game("sin(theta)*sin(phi)", "sine", 4.0, "after Mescheder, Nowozin & Geiger (2017)")


def quadratic(a: float = -1.0, b: float = 2.0, c: float = 1.0) -> Game:
    """Quadratic zero-sum game with Jacobian [[a, b], [-b, -c]]: f = aθ²/2 + bθφ + cφ²/2.

    The origin is a strict Nash equilibrium iff a < 0 < c.
    """
    return _game("a*theta**2/2 + b*theta*phi + c*phi**2/2", "quadratic", 2.0, "Balduzzi et al. (2018)", a=a, b=b, c=c)


def cubic_bilinear() -> Game:
    """Bilinear game with quartic bowls: both players at their worst at 0, a limit cycle around it.

    f = θφ + θ²/4 - θ⁴/16 - φ²/4 + φ⁴/16, so v = (φ + θ/2 - θ³/4, -θ + φ/2 - φ³/4).
    """
    payoff = "theta*phi + theta**2/4 - theta**4/16 - phi**2/4 + phi**4/16"
    return _game(payoff, "cubic-bilinear", 3.0, "after Hsieh, Mertikopoulos & Cevher (2021)")
