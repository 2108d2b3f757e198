r"""Dirac-GANs: data at 0, generator at θ, linear critic; ψ maximises F(θψ), θ minimises it. x = (θ, ψ).

The critic's output is -ψx, larger on data, so that F(t) = -(f*∘g)(-t) for the f-divergence with conjugate f* and
activation g. Then v = (-ψF'(θψ), θF'(θψ)); whatever F, the eigenvalues at 0 are ±iF'(0) and the flow conserves θ² + ψ².
Mescheder, Geiger & Nowozin (2018), whose f(t) = -log(1 + exp(-t)) is F of the divergence "gan".
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from dynsys.divergences import V, divergence_named
from dynsys.expressions import symbol
from dynsys.game import Game

THETA, PSI = symbol("theta"), symbol("psi")
SOURCE = "Mescheder, Geiger & Nowozin (2018)"
F_GAN = "Nowozin, Cseke & Tomioka (2016); Mescheder, Geiger & Nowozin (2018)"
WIDTHS = {"gan": 8.0, "kl": 3.0, "pearson": 2.0, "hellinger": 2.0, "jensen-shannon": 8.0, "total-variation": 3.0}


def payoff(divergence: str, t: Any = THETA * PSI) -> sp.Expr:
    """F(t) = -(f*∘g)(-t), what the critic earns on a generated sample."""
    return -divergence_named(divergence).composed.subs(V, -t)


def dirac_gan(divergence: str = "gan") -> Game:
    """Logistic Dirac-GAN, f(t) = -log(1 + exp(-t)): a weak Nash equilibrium at 0, plateaus all around.

    Eigenvalues ±i/2 at 0; the flow conserves θ² + ψ². `divergence` is a name of `dynsys.divergences`: then
    F = -(f*∘g)(-t), and the eigenvalues are ±i(f*∘g)'(0). `InputError` for a name that is none.
    Mescheder, Geiger & Nowozin (2018); Nowozin, Cseke & Tomioka (2016).
    """
    F, name = payoff(divergence), "dirac-gan" if divergence == "gan" else f"dirac-{divergence}"
    return game(-F, F, name, WIDTHS.get(divergence, 2.0), SOURCE if divergence == "gan" else F_GAN)


def wgan_dirac() -> Game:
    """Dirac-GAN with the Wasserstein payoff f(t) = t: a curl field in generator and critic.

    Eigenvalues ±i at 0. Weight clipping is a projection after the step, so a part of the method:
    `Projected(Euler(), Box(-c, c, player=1))` of `integrators` runs into a cycle.
    Mescheder, Geiger & Nowozin (2018); Arjovsky, Chintala & Bottou (2017).
    """
    return game(-THETA * PSI, THETA * PSI, "wgan-dirac", 2.0)


def dirac_kl() -> Game:
    """Dirac-GAN of the Kullback-Leibler divergence, F(t) = -exp(-t - 1): eigenvalues ±i/e at 0."""
    return dirac_gan("kl")


def dirac_reverse_kl() -> Game:
    """Dirac-GAN of the reverse KL divergence, F(t) = t + 1: the Wasserstein Dirac-GAN again, eigenvalues ±i at 0."""
    return dirac_gan("reverse-kl")


def dirac_pearson() -> Game:
    """Dirac-GAN of Pearson's χ², F(t) = t - t²/4: eigenvalues ±i at 0, and zeros all along θψ = 2."""
    return dirac_gan("pearson")


def dirac_hellinger() -> Game:
    """Dirac-GAN of the squared Hellinger distance, F(t) = 1 - exp(-t): eigenvalues ±i at 0."""
    return dirac_gan("hellinger")


def dirac_jensen_shannon() -> Game:
    """Dirac-GAN of the Jensen-Shannon divergence, F(t) = log 2 - log(1 + exp(-t)): the field of dirac-gan."""
    return dirac_gan("jensen-shannon")


def dirac_total_variation() -> Game:
    """Dirac-GAN of the total variation distance, F(t) = tanh(t)/2: eigenvalues ±i/2 at 0, plateaus on both sides."""
    return dirac_gan("total-variation")


def dirac_non_saturating() -> Game:
    """Non-saturating Dirac-GAN: the generator maximises f(-θψ) where the critic maximises f(θψ).

    Not zero-sum; v_θ = -ψf'(-θψ), eigenvalues ±i/2 at 0 as for the saturating one.
    Goodfellow et al. (2014); Mescheder, Geiger & Nowozin (2018).
    """
    F = payoff("gan")
    return game(payoff("gan", -THETA * PSI), F, "dirac-non-saturating", 8.0)


def game(generator: Any, critic: Any, name: str, half_width: float, source: str = SOURCE, **parameters: float) -> Game:
    """Generator first: x = (θ, ψ)."""
    interval = (-half_width, half_width)
    return Game(
        {"theta": ("theta",), "psi": ("psi",)},
        {"theta": generator, "psi": critic},
        parameters,
        name=name,
        box=(interval, interval),
        source=source,
    )
