"""SciPy's DOP853, the field in plain Python."""

from collections.abc import Callable

import numpy as np
from contenders.fields import function

from dynsys import VectorField


def single(field: VectorField) -> dict[str, Callable[..., np.ndarray]]:
    """Name -> (start, end, tolerance) -> last point."""
    from math import exp

    from scipy.integrate import solve_ivp

    v = function(field, {"exp": exp})
    right = lambda t, x: v(x.tolist(), field.values())  # noqa: E731  (floats are twice as fast as NumPy's)
    return {
        "SciPy DOP853": lambda start, end, tolerance: solve_ivp(
            right, (0, end), start, "DOP853", rtol=max(tolerance, 2.3e-14), atol=tolerance
        ).y[:, -1]
    }
