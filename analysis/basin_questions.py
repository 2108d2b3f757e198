"""What is asked of basins, checked: the map, the plane of starts, its grid and where the other variables are held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from analysis.state_maps import PeriodMap, StateMap, UpdateMap
from dynsys.array_field import AnyField, check_field
from dynsys.errors import InputError, nearest, shown
from dynsys.expressions import finite
from dynsys.field import Box, as_points, check_box
from integrators.adaptive.method import AdaptiveMethod
from integrators.checks import check_count, check_positive, check_step
from integrators.method import Method, check_method


def map_of(
    field: AnyField, method: Method, h: Any, period: Any, t0: float, tolerance: float, bound: float, threads: Any
) -> StateMap:
    """The map that the method with h, or the flow over a period, makes of the field."""
    check_method(method, check_field(field))
    limit = check_positive(bound, "divergence_bound")
    if (h is None) == (period is None):
        raise InputError("give h, the step size of the method, or period, to follow the flow from strobe to strobe")
    if period is None:
        return UpdateMap(field, method, check_step(h), limit, threads)
    if not isinstance(method, AdaptiveMethod):
        raise InputError(f"period follows the flow, which {method.label} does not adapt to; give DormandPrince(), or h")
    rtol = check_positive(tolerance, "tolerance")
    return PeriodMap(field, method, check_step(period, "period"), limit, threads, finite(t0, "t0"), rtol, rtol / 100)


def plane_axes(field: AnyField, variables: Sequence[str] | None) -> tuple[str, str]:
    """The two variables shown."""
    if isinstance(variables, str) or not isinstance(variables, Sequence | None):
        raise InputError(f"variables is {shown(variables)}; give the names of two in a list")
    names = tuple(field.variables[:2] if variables is None else variables)
    for name in names:
        if name not in field.variables:
            raise InputError(
                f"variables names {name!r}, which the field does not have; {nearest(name, field.variables)}"
            )
    if len(names) != 2 or names[0] == names[1]:
        raise InputError(f"variables is {list(names)}; name two different ones of {', '.join(field.variables)}")
    return names[0], names[1]


def plane_region(field: AnyField, box: Any, axes: tuple[str, str]) -> Box:
    """Their box: the one given, else the field's own."""
    if box is not None:
        return check_box(box, axes)
    whole = field.region(None)
    return tuple(whole[field.variables.index(name)] for name in axes)


def sides(resolution: Any) -> tuple[int, int]:
    """How many starts in either direction."""
    pair = (resolution, resolution) if np.ndim(resolution) == 0 else tuple(resolution)
    if len(pair) != 2:
        raise InputError(f"resolution is {shown(resolution)}; give one number of starts a side, or (nx, ny)")
    return check_count(pair[0], "resolution", 1), check_count(pair[1], "resolution", 1)


def held_at(field: AnyField, at: Any) -> np.ndarray:
    """Where all variables are held that are not shown, (n,)."""
    if isinstance(at, Mapping):
        for name in at:
            if name not in field.variables:
                raise InputError(f"at names {name!r}, which is no variable; {nearest(name, field.variables)}")
        at = [at.get(name, 0.0) for name in field.variables]
    values = np.zeros(field.n) if at is None else as_points(at, field.variables, "at")
    if values.ndim != 1 or not np.isfinite(values).all():
        raise InputError(f"at is {shown(at)}; give one finite point of {field.n} numbers, or name -> value")
    return values


def embedded(points: np.ndarray, field: AnyField, axes: tuple[str, str], base: np.ndarray) -> np.ndarray:
    """Points of the plane (m, 2) as points (m, n)."""
    full = np.repeat(base[None], len(points), axis=0)
    full[:, [field.variables.index(name) for name in axes]] = points
    return full
