"""Points at which a field that is smooth in pieces jumps: it has no linearisation there, and no rest but by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from dynsys.array_field import AnyField
from dynsys.field import VectorField
from dynsys.functions import switch

ON_BORDER = 1e-9  # of the argument of a sign, and of a change in the field, beside 1


def jumps_at(field: AnyField, x: Any) -> bool:
    """True if the field has different limits at x from the two sides of a border where a sign in it changes."""
    if not field.piecewise or not isinstance(field, VectorField):
        return False
    place = dict(zip(field.symbols, map(float, x), strict=True)) | field.exact_values
    number = lambda e: float(e.subs(place))  # noqa: E731
    for sign in sp.Tuple(*field.expressions).atoms(switch):
        if abs(number(sign.args[0])) > ON_BORDER:
            continue
        above, below = ([number(e.xreplace({sign: side})) for e in field.expressions] for side in (1, -1))
        if not np.allclose(above, below, rtol=ON_BORDER, atol=ON_BORDER):
            return True
    return False
