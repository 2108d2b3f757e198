"""The catalogue: games and fields with a name, a source and a box to look at them in.

>>> from dynsys import games
>>> games.curl().variables
('theta', 'phi')
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from dynsys.errors import InputError, nearest
from dynsys.games.classical import lorenz, lotka_volterra, van_der_pol
from dynsys.games.gans import (
    dirac_gan,
    dirac_hellinger,
    dirac_jensen_shannon,
    dirac_kl,
    dirac_non_saturating,
    dirac_pearson,
    dirac_reverse_kl,
    dirac_total_variation,
    wgan_dirac,
)
from dynsys.games.labels import (
    hidden_maximin,
    hidden_minimax,
    odd_order,
    shared_bilinear_loss,
    worst_point,
)
from dynsys.games.moment_gans import covariance_wgan, linear_wgan, two_gaussians, variance_gan
from dynsys.games.regularised_gans import (
    dirac_consensus,
    dirac_feature_matching,
    dirac_gradient_penalty,
    dirac_instance_noise,
    dirac_label_smoothing,
    dirac_nagarajan_kolter,
    dirac_r1,
    dirac_r2,
)
from dynsys.games.strategic import duopoly, hidden_bilinear, matching_pennies, prisoners_dilemma, torus
from dynsys.games.zero_sum import cubic_bilinear, curl, quadratic, sine, spiral_saddle

CATALOGUE: dict[str, Callable[..., Any]] = {
    function.__name__.replace("_", "-"): function
    for function in (
        curl,
        spiral_saddle,
        sine,
        quadratic,
        cubic_bilinear,
        dirac_gan,
        wgan_dirac,
        dirac_kl,
        dirac_reverse_kl,
        dirac_pearson,
        dirac_hellinger,
        dirac_jensen_shannon,
        dirac_total_variation,
        dirac_non_saturating,
        dirac_gradient_penalty,
        dirac_instance_noise,
        dirac_r1,
        dirac_r2,
        dirac_nagarajan_kolter,
        dirac_consensus,
        dirac_label_smoothing,
        dirac_feature_matching,
        linear_wgan,
        covariance_wgan,
        variance_gan,
        two_gaussians,
        hidden_bilinear,
        matching_pennies,
        prisoners_dilemma,
        torus,
        duopoly,
        hidden_minimax,
        hidden_maximin,
        shared_bilinear_loss,
        odd_order,
        worst_point,
        lorenz,
        van_der_pol,
        lotka_volterra,
    )
}

__all__ = ["CATALOGUE", "catalogue", "named", *sorted(f.__name__ for f in CATALOGUE.values())]


def catalogue() -> dict[str, str]:
    """Name on the command line -> one line that says what the game is."""
    return {name: (inspect.getdoc(make) or "").splitlines()[0] for name, make in CATALOGUE.items()}


def named(name: str) -> Any:
    """The game or field of this name, at its default parameters; `InputError` offers the nearest name."""
    if name not in CATALOGUE:
        raise InputError(f"no game is called {name!r}; {nearest(name, CATALOGUE)}")
    return CATALOGUE[name]()
