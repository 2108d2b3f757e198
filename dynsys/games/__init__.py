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
from dynsys.games.gans import dirac_gan, wgan_dirac
from dynsys.games.labels import (
    hidden_maximin,
    hidden_minimax,
    odd_order,
    shared_bilinear_loss,
    worst_point,
)
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
