"""Dirac-GANs with what keeps training in order, or is meant to: penalties, noise, smoothing, other generators' aims.

F is the payoff of `dynsys.games.gans`, of the f-divergence that `divergence` names, and a = F'(0): ½ for "gan".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp

from dynsys.divergences import V, divergence_named
from dynsys.errors import InputError, shown
from dynsys.expressions import exact, finite, symbol
from dynsys.field import VectorField
from dynsys.functions import softplus, switch
from dynsys.game import Game
from dynsys.games.gans import PSI, THETA, dirac_gan, game, payoff
from dynsys.transforms import consensus

KAPPA, ETA, BETA = symbol("kappa"), symbol("eta"), symbol("beta")


def dirac_r1(kappa: float = 0.5, divergence: str = "gan") -> Game:
    """Dirac-GAN whose critic pays (κ/2)|∇D|² on data, that is (κ/2)ψ²: eigenvalues -κ/2 ± √(κ²/4 - a²).

    A focus for κ < 2a, a node beyond; with a = ½ Euler's border is 4κ for κ ≤ 1 and 4/(κ + √(κ² - 1)) for κ ≥ 1.
    Mescheder, Geiger & Nowozin (2018).
    """
    return _penalised("dirac-r1", kappa, divergence)


def dirac_r2(kappa: float = 0.5, divergence: str = "gan") -> Game:
    """Dirac-GAN whose critic pays (κ/2)|∇D|² on generated samples: for a linear critic the same as R1.

    Mescheder, Geiger & Nowozin (2018).
    """
    return _penalised("dirac-r2", kappa, divergence)


def _penalised(name: str, kappa: float, divergence: str) -> Game:
    F = payoff(divergence)
    return game(-F, F - KAPPA / 2 * PSI**2, name, 4.0, kappa=at_least_zero(kappa, "kappa"))


def dirac_gradient_penalty(kappa: float = 1.0, g0: float = 1.0) -> VectorField:
    """WGAN Dirac-GAN whose critic pays (κ/2)(|ψ| - g₀)²: it never converges for g₀ > 0, and is not smooth at ψ = 0.

    v = (-ψ, θ - κψ + κg₀ sign ψ), with sign 0 = 1; `.piecewise` says where it jumps. v has no zero where it is
    continuous, for v_θ = 0 only at ψ = 0. With g₀ = 0 it is R1.
    Gulrajani et al. (2017); Mescheder, Geiger & Nowozin (2018).
    """
    values = {"kappa": at_least_zero(kappa, "kappa"), "g0": at_least_zero(g0, "g0")}
    slope = THETA - KAPPA * (PSI - symbol("g0") * switch(PSI))
    owners = {"theta": ("theta",), "psi": ("psi",)}
    return VectorField(
        (-PSI, slope), ("theta", "psi"), values, owners, name="dirac-gradient-penalty", box=((-3, 3), (-3, 3))
    )


def dirac_instance_noise(s: float = 1.0, divergence: str = "gan", nodes: int = 24) -> Game:
    r"""Dirac-GAN with Gaussian noise of deviation s on data and generated samples, its means by quadrature.

    .. math:: E\,F(\psi(\theta + s\varepsilon)) + E\,g(\psi s\varepsilon)

    with `nodes` Gauss-Hermite nodes a mean: 24 of them err by at most 4e-12 for "gan" where |ψ|s ≤ 1, by 7e-7 where
    |ψ|s ≤ 2 (|θ| ≤ 4). Eigenvalues at
    0 exactly -cs² ± √(c²s⁴ - a²) with 2c = (f*∘g)''(0) - g''(0); for "gan" a = ½, c = ¼: a focus for s² < 2.
    Raises `InputError` for s < 0, or nodes that are no whole number from 2 to 60. Sønderby et al. (2017);
    Mescheder, Geiger & Nowozin (2018).
    """
    if isinstance(nodes, bool) or not isinstance(nodes, int) or not 2 <= nodes <= 60:
        raise InputError(f"nodes is {shown(nodes)}; give a whole number from 2 to 60")
    chosen, noise = divergence_named(divergence), symbol("s")
    F: Any = sp.Integer(0)
    for x, weight in zip(*_gauss_hermite(nodes), strict=True):
        on_data = chosen.activation.subs(V, PSI * noise * x)
        F += weight * (payoff(divergence, PSI * (THETA + noise * x)) + on_data)
    return game(-F, F, "dirac-instance-noise", 4.0, s=at_least_zero(s, "s"))


def _gauss_hermite(nodes: int) -> tuple[list[sp.Rational], list[sp.Rational]]:
    """Nodes and weights of a standard normal's mean, symmetric to the last digit."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    x, w = (x - x[::-1]) / 2, (w + w[::-1]) / (2 * w.sum())
    return [exact(float(c)) for c in x], [exact(float(c)) for c in w]


def dirac_nagarajan_kolter(eta: float = 0.5, divergence: str = "gan") -> Game:
    """Dirac-GAN whose generator minimises F + η|∂F/∂ψ|² as well: eigenvalues -ηa² ± a√(η²a² - 1).

    A focus for η < 1/a, a node beyond. Nagarajan & Kolter (2017).
    """
    F = payoff(divergence)
    generator = -F - ETA * sp.diff(F, PSI) ** 2
    values = {"eta": at_least_zero(eta, "eta")}
    return game(generator, F, "dirac-nagarajan-kolter", 4.0, "Nagarajan & Kolter (2017)", **values)


def dirac_consensus(gamma: float = 0.5, divergence: str = "gan") -> VectorField:
    """Dirac-GAN under consensus optimisation: eigenvalues -γa² ± ia, and for "gan" one pair of spurious saddles.

    Mescheder, Nowozin & Geiger (2017).
    """
    base = dirac_gan(divergence).field()
    return replace(consensus(base, at_least_zero(gamma, "gamma")), name="dirac-consensus", box=((-4, 4), (-4, 4)))


def dirac_label_smoothing(beta: float = 0.1) -> Game:
    """Logistic Dirac-GAN whose critic is told β for generated samples: eigenvalues ±i(½ - β), and false equilibria.

    F(t) = (1 - β)f(t) + βf(-t) has its maximum at t* = log(1/β - 1): the hyperbola θψ = t* is made of zeros, and its
    branches |θ| > |ψ| attract the flow. Smoothing the data's label changes nothing: the critic is 0 on data at 0.
    Raises `InputError` unless 0 ≤ β < ½. Salimans et al. (2016).
    """
    if not 0 <= finite(beta, "beta") < 0.5:
        raise InputError(
            f"beta is {beta:g}; it must be at least 0 and below 1/2, where the labels cannot be told apart"
        )
    t = THETA * PSI
    F = -(1 - BETA) * softplus(-t) - BETA * softplus(t)
    return game(-F, F, "dirac-label-smoothing", 4.0, "Salimans et al. (2016)", beta=beta)


def dirac_feature_matching(divergence: str = "gan") -> Game:
    """Dirac-GAN whose generator minimises the squared distance of the critic's mean outputs, (ψθ)²: a line of zeros.

    At (0, ψ) the eigenvalues are -2ψ² and 0: θ = 0 is reached, at whatever critic is met there.
    Salimans et al. (2016), with the critic's own output as the one feature.
    """
    return game(-((PSI * THETA) ** 2), payoff(divergence), "dirac-feature-matching", 4.0, "Salimans et al. (2016)")


def at_least_zero(value: float, argument: str) -> float:
    """A finite number, at least 0."""
    if finite(value, argument) < 0:
        raise InputError(f"{argument} is {value:g}; it must be at least 0")
    return float(value)
