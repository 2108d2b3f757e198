"""Wasserstein GANs that match moments, in closed form: the generator minimises what the critic maximises."""

from __future__ import annotations

from dynsys.errors import InputError
from dynsys.expressions import finite
from dynsys.game import Game

OPTIMISM = "Daskalakis, Ilyas, Syrgkanis & Zeng (2018)"


def linear_wgan(m_1: float = 3.0, m_2: float = 4.0) -> Game:
    """Linear WGAN: data N(m, I) in the plane, generator z + θ, critic ⟨w, x⟩; payoff ⟨w, m - θ⟩.

    A weak Nash equilibrium at θ = m, w = 0 with the eigenvalues ±i, twice. Daskalakis et al. (2018).
    """
    box = [(m - 2.5, m + 2.5) for m in (finite(m_1, "m_1"), finite(m_2, "m_2"))] + [(-2.5, 2.5)] * 2
    return _wgan(
        "w_1*(m_1 - theta_1) + w_2*(m_2 - theta_2)", ("theta_1", "theta_2"), ("w_1", "w_2"), "linear-wgan", box,
        OPTIMISM, m_1=m_1, m_2=m_2,
    )  # fmt: skip


def covariance_wgan(s_11: float = 1.0, s_12: float = 0.5, s_22: float = 1.25) -> Game:
    """Gaussian-covariance WGAN: data N(0, Σ) in the plane, generator Vz, critic xᵀWx; payoff ⟨W, Σ - VVᵀ⟩.

    Equilibria wherever VVᵀ = Σ and W + Wᵀ = 0, a surface: with σ₁, σ₂ the eigenvalues of Σ, those of J are ±2i√σ₁,
    ±2i√σ₂, ±i√(2(σ₁ + σ₂)) and 0 twice (turning V, and W's antisymmetric part). By default V may be [[1, 0], [½, 1]].
    Raises `InputError` unless Σ is positive definite. Daskalakis et al. (2018).
    """
    if not (finite(s_11, "s_11") > 0 and finite(s_11, "s_11") * finite(s_22, "s_22") > finite(s_12, "s_12") ** 2):
        raise InputError(f"s_11, s_12, s_22 are {s_11:g}, {s_12:g}, {s_22:g}; s_11 and s_11*s_22 - s_12² must be > 0")
    payoff = (
        "W_11*(s_11 - V_11**2 - V_12**2) + W_22*(s_22 - V_21**2 - V_22**2)"
        " + (W_12 + W_21)*(s_12 - V_11*V_21 - V_12*V_22)"
    )
    V, W = (tuple(f"{letter}_{i}" for i in ("11", "12", "21", "22")) for letter in "VW")
    box = [(-2.5, 2.5)] * 8
    return _wgan(payoff, V, W, "covariance-wgan", box, OPTIMISM, s_11=s_11, s_12=s_12, s_22=s_22)


def variance_gan(variance: float = 1.0) -> Game:
    """Variance GAN: data of this variance, generator θz, critic φx²; the mean payoff is φ(variance - θ²).

    Weak Nash equilibria at θ = ±√variance, φ = 0, with the eigenvalues ±2i√variance. Its samples' noise does not
    vanish there: scripts/examples/variance-gan.toml keeps it. The case of one dimension in Daskalakis et al. (2018).
    """
    if finite(variance, "variance") <= 0:
        raise InputError(f"variance is {variance:g}; it must be positive")
    box = [(-2.0, 2.0), (-1.5, 1.5)]
    payoff = "phi*(variance - theta**2)"
    return _wgan(payoff, ("theta",), ("phi",), "variance-gan", box, f"after {OPTIMISM}", variance=variance)


def two_gaussians(m: float = 2.0) -> Game:
    """Mixture of two Gaussians at ±m, a generator with means θ₁, θ₂ and their variance, a critic of two moments.

    The critic w₁x + w₂x² earns -w₁(θ₁ + θ₂)/2 + w₂(m² - (θ₁² + θ₂²)/2). The only zeros are the two weak Nash equilibria
    θ = ±(m, -m), w = 0: both modes on one mean is none. Eigenvalues ±i/√2 and ±im√2. After Li, Madry, Peebles &
    Schmidt (2018), whose critic is an indicator of two intervals.
    """
    if finite(m, "m") <= 0:
        raise InputError(f"m is {m:g}; it must be positive")
    payoff = "-w_1*(theta_1 + theta_2)/2 + w_2*(m**2 - (theta_1**2 + theta_2**2)/2)"
    box = [(-2 * m, 2 * m)] * 2 + [(-2.0, 2.0)] * 2
    source = "after Li, Madry, Peebles & Schmidt (2018)"
    return _wgan(payoff, ("theta_1", "theta_2"), ("w_1", "w_2"), "two-gaussians", box, source, m=m)


def _wgan(
    payoff: str,
    generator: tuple[str, ...],
    critic: tuple[str, ...],
    name: str,
    box: list[tuple[float, float]],
    source: str,
    **parameters: float,
) -> Game:
    """Generator first."""
    players = {"generator": generator, "critic": critic}
    payoffs = {"generator": f"-({payoff})", "critic": payoff}
    return Game(players, payoffs, parameters, name=name, box=box, source=source)
