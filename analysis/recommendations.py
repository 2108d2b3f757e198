"""One step size and coefficient to train with, chosen inside the windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from analysis.windows import Component, ConvergenceWindows
from dynsys.errors import InputError
from integrators.checks import check_count

CANDIDATES = 4  # points of every component that are sampled


@dataclass(frozen=True)
class Recommendation:
    """A robust point (h, value of the parameter), and why.

    `reached` is the share of sampled starts that reach a target there, with its exact 95 % interval (low, high);
    `down` and `up` are how far h may change at this value before the window ends, `left` and `right` the same of the
    parameter at this h. `component` counts from 1; `text` says all of it.
    """

    h: float
    value: float
    reached: float
    low: float
    high: float
    down: float
    up: float
    left: float
    right: float
    component: int
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def recommend(found: ConvergenceWindows, samples: int = 400, seed: int = 0) -> Recommendation:
    """The point of the windows that serves most starts, and among those alike the one farthest from the borders.

    In every component the points with the largest distance to its borders, relative to its extents in h and the
    parameter, are candidates; at each, `samples` starts are followed, and the largest lower end of the share's 95 %
    interval wins. Raises `InputError` if the window is empty, with the reason.
    """
    count = check_count(samples, "samples", 1)
    if not found.components:
        raise InputError(f"nothing can be recommended: {found.text.splitlines()[-1]}")
    best: Any = None
    for number, part in enumerate(found.components, 1):
        for h, value, room, margins in _candidates(part):
            _, reached = found.sample((h, value), count, seed)
            interval = binomtest(round(reached * count), count).proportion_ci(method="exact")
            entry = ((round(float(interval.low), 2), room), (h, value, reached, interval, margins, number))
            best = entry if best is None or entry[0] > best[0] else best
    h, value, reached, interval, (down, up, left, right), number = best[1]
    name = found.parameter
    text = (
        f"h = {h:.6g}, {name} = {value:.6g} in component {number}: {100 * reached:.1f} % of the starts reach a target "
        f"[{100 * interval.low:.1f}, {100 * interval.high:.1f}]; the window holds for h from {h - down:.6g} to "
        f"{h + up:.6g} and {name} from {value - left:.6g} to {value + right:.6g}; chosen for the share that is certain "
        "to 95 %, then for the distance to the borders"
    )
    share = (float(reached), float(interval.low), float(interval.high))
    return Recommendation(h, value, *share, down, up, left, right, number, text)


def _candidates(part: Component) -> list[tuple[float, float, float, tuple[float, float, float, float]]]:
    """Points far from the component's borders and from one another: h, value, relative room, margins."""
    width, height = max(float(np.ptp(part.values)), 1e-300), float(part.high.max() - part.low.min())
    points = []
    for k in np.unique(np.linspace(0, len(part.values) - 1, 81).round().astype(int)):
        for share in (0.15, 0.35, 0.5, 0.65, 0.85):
            h = float(part.low[k] + share * (part.high[k] - part.low[k]))
            margins = _margins(part, h, int(k))
            room = min(min(margins[:2]) / height, min(margins[2:]) / width)
            points.append((h, float(part.values[k]), room, margins))
    points.sort(key=lambda point: -point[2])
    chosen: list[Any] = []
    for point in points:
        apart = [abs(point[0] - p[0]) / height + abs(point[1] - p[1]) / width for p in chosen]
        if min(apart, default=1.0) > 0.2:
            chosen.append(point)
        if len(chosen) == CANDIDATES:
            break
    return chosen


def _margins(part: Component, h: float, k: int) -> tuple[float, float, float, float]:
    """How far the component goes from row k at this h: down and up in h, left and right in the parameter."""
    inside = (part.low < h) & (h < part.high)
    value, values = part.values[k], np.sort(np.unique(part.values))
    holds = np.array([bool(inside[part.values == v].any()) for v in values])
    place = int(np.searchsorted(values, value))
    out_left = np.flatnonzero(~holds[:place])
    out_right = np.flatnonzero(~holds[place + 1 :])
    first = values[out_left[-1] + 1] if len(out_left) else values[0]
    last = values[place + out_right[0]] if len(out_right) else values[-1]
    return (h - float(part.low[k]), float(part.high[k]) - h, float(value - first), float(last - value))
