"""Dirac-GANs: data at 0, generator at θ, linear critic ψx; ψ maximises f(θψ), θ minimises it."""

from __future__ import annotations

from dynsys.game import Game


def dirac_gan() -> Game:
    """Logistic Dirac-GAN, f(t) = -log(1 + exp(-t)): a weak Nash equilibrium at 0, plateaus all around.

    Eigenvalues ±i/2 at 0; the flow conserves θ² + ψ². Mescheder, Geiger & Nowozin (2018).
    """
    return _dirac("-softplus(-theta*psi)", "dirac-gan", 8.0)


def wgan_dirac() -> Game:
    """Dirac-GAN with the Wasserstein payoff f(t) = t: a curl field in generator and critic.

    Eigenvalues ±i at 0. Mescheder, Geiger & Nowozin (2018).
    """
    return _dirac("theta*psi", "wgan-dirac", 2.0)


def _dirac(payoff: str, name: str, half_width: float) -> Game:
    """Generator first: x = (θ, ψ)."""
    interval = (-half_width, half_width)
    return Game(
        {"theta": ("theta",), "psi": ("psi",)},
        {"theta": f"-({payoff})", "psi": payoff},
        name=name,
        box=(interval, interval),
        source="Mescheder, Geiger & Nowozin (2018)",
    )
