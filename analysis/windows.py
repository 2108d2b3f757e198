"""Windows: the step sizes and coefficients for which training reaches equilibria and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.competitors import Competitor, Competitors
from analysis.families import check_parameter
from analysis.sampling import Fates, sample_fates
from analysis.stability_functions import check_linear
from analysis.window_reports import losses, own_borders
from analysis.window_reports import report as told
from analysis.window_rows import RANGE_ENDS, ROWS, Piece, Row, Rows, connected
from dynsys.array_field import AnyField
from dynsys.errors import InputError, nearest, shown
from dynsys.field import Box, check_box
from integrators.checks import check_count
from integrators.method import Method


@dataclass(frozen=True, eq=False)
class Component:
    """A connected part of the window: values (k,) of the parameter and the intervals of h there, low and high (k,).

    `witnesses` are the distinct reasons of its borders in h, `ends` those of its first and last value. `losses`
    says how each competitor lost its attraction at the middle, `own_borders` where the targets would. `middle`
    (h, value) is a point well inside; `fates` tells where sampled starts end there, and
    `reached` which share of them reaches a target.
    """

    values: np.ndarray
    low: np.ndarray
    high: np.ndarray
    witnesses: tuple[str, ...]
    ends: tuple[str, str]
    losses: tuple[str, ...]
    own_borders: tuple[str, ...]
    middle: tuple[float, float]
    fates: Fates | None
    reached: float | None
    bounds: tuple[tuple[str, str], ...] = field(repr=False)
    spacing: float = field(repr=False)

    @property
    def pieces(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, str]]]:
        """Runs of values (k,) with low and high (k,) that one pair of witnesses bounds."""
        out = []
        for pair in dict.fromkeys(self.bounds):
            rows = [k for k, bound in enumerate(self.bounds) if bound == pair]
            for run in np.split(rows, np.flatnonzero(np.diff(self.values[rows]) > 2 * self.spacing) + 1):
                out.append((self.values[run], self.low[run], self.high[run], pair))
        return out

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "values": [float(self.values[0]), float(self.values[-1])],
            "h": [float(self.low.min()), float(self.high.max())],
            "witnesses": list(self.witnesses),
            "ends": list(self.ends),
            "losses": list(self.losses),
            "own_borders": list(self.own_borders),
            "middle": list(self.middle),
            "reached": self.reached,
            "fates": None if self.fates is None else self.fates.to_dict(),
        }


@dataclass(frozen=True, eq=False)
class ConvergenceWindows:
    """Where in the plane of h and a parameter a target attracts under the update and no other fixed point does.

    `sample((h, value), samples, seed)` gives the fates of starts at a point, and the share that reaches a target.
    """

    parameter: str
    ranges: Mapping[str, tuple[float, float]]
    components: tuple[Component, ...]
    branches: tuple[Competitor, ...]
    completeness: tuple[str, ...]
    method: str
    text: str
    _row: Callable[[float], Row] = field(repr=False)
    sample: Callable[[tuple[float, float], int, int], tuple[Fates, float]] = field(repr=False)

    def contains(self, h: float, **values: float) -> bool:
        """Whether the point (h, parameter=…) is in the window, computed there and not interpolated."""
        if set(values) != {self.parameter}:
            raise InputError(f"give h= and {self.parameter}=, not {', '.join(values) or 'nothing else'}")
        return any(piece.low < h < piece.high for piece in self._row(float(values[self.parameter])))

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "parameter": self.parameter,
            "ranges": {name: list(pair) for name, pair in self.ranges.items()},
            "method": self.method,
            "components": [component.to_dict() for component in self.components],
            "branches": [branch.to_dict() for branch in self.branches],
            "completeness": list(self.completeness),
            "text": self.text,
        }


def convergence_windows(
    field: AnyField,
    method: Method,
    starts: Any,
    search: Any,
    ranges: Mapping[str, tuple[float, float]],
    target: str | Callable[[Any], bool] = "nash",
    samples: int = 400,
    seed: int = 0,
    report: Callable[[str], Any] | None = None,
) -> ConvergenceWindows:
    """The window over h and one parameter in which a target attracts and no other fixed point in the box does.

    `starts` is the box training begins in, `search` the larger one in which competitors count; `ranges` holds (lo, hi)
    for "h" and the parameter; `target` is "nash", "minimax", or a function of a point's `Classification`. At every
    value of the parameter the intervals of h at which each fixed point attracts are exact, so the window is a union of
    intervals; where it changes, the value is bisected. `samples` starts are followed in the middle of every component:
    local attraction is not global. `report` is called with a line per stage.

    Raises `InputError` for ranges or boxes that do not fit, and a method without linear theory.
    """
    parameter, values, h = _ranges(field, ranges)
    checked = check_parameter(field, parameter, "windows")
    check_linear(method, "window", checked)
    region, training = check_box(search, checked.variables, "search"), check_box(starts, checked.variables, "starts")
    count, say = check_count(samples, "samples"), report or (lambda line: None)
    wanted = _target(target)
    say("searching for fixed points")
    finder = Competitors(checked, parameter, values, region, wanted)
    windows = Rows(method, finder, h, checked.blocks)
    say("following borders")
    rows = windows.over(values)
    parts = connected(rows)
    components: list[Component] = []
    for part in parts:
        say(f"sampling component {len(components) + 1} of {len(parts)}")
        ends = (windows.end(part[0], values, -1), windows.end(part[-1], values, 1))
        components.append(_component(part, ends, windows, values, training, count, seed))
    text = told(components, windows, values)
    at = lambda place, count, seed: sampled(windows, place, training, count, seed)  # noqa: E731
    spans, parts_found = {"h": h, parameter: values}, tuple(components)
    statements, branches = finder.statements, finder.found()
    return ConvergenceWindows(parameter, spans, parts_found, branches, statements, method.label, text, windows.row, at)


def _ranges(field: AnyField, ranges: Any) -> tuple[str, tuple[float, float], tuple[float, float]]:
    if not isinstance(ranges, Mapping) or len(ranges) != 2 or "h" not in ranges:
        raise InputError(f"ranges is {shown(ranges)}; give (lo, hi) for 'h' and one parameter of the field")
    pairs = {}
    for name, pair in ranges.items():
        try:
            lo, hi = (float(end) for end in pair)
        except (TypeError, ValueError):
            raise InputError(f"ranges[{name!r}] is {shown(pair)}; give (lo, hi)") from None
        if not (math.isfinite(lo) and math.isfinite(hi) and lo < hi) or (name == "h" and lo < 0):
            raise InputError(f"ranges[{name!r}] is ({lo:g}, {hi:g}); give finite lo < hi, for h from 0 on")
        pairs[name] = (lo, hi)
    (parameter,) = (name for name in pairs if name != "h")
    return parameter, pairs[parameter], pairs["h"]


def _target(target: Any) -> Callable[[Any], bool]:
    if callable(target):
        return lambda label: bool(target(label))
    known: dict[str, Callable[[Any], bool]] = {
        "nash": lambda label: label.is_nash is True,
        "minimax": lambda label: any("minimax" in name for name in label.labels),
    }
    if target not in known:
        raise InputError(f"target is {shown(target)}; {nearest(str(target), known)}, or give a function of a label")
    return known[target]


def _component(
    part: list[tuple[float, Piece]],
    ends: tuple[str, str],
    windows: Rows,
    whole: tuple[float, float],
    box: Box,
    samples: int,
    seed: int,
) -> Component:
    values = np.array([value for value, _ in part])
    for k, bound, end in zip((0, -1), whole, ends, strict=True):
        values[k] = bound if end == RANGE_ENDS else values[k]
    low, high = (np.array([getattr(piece, name) for _, piece in part]) for name in ("low", "high"))
    bounds = tuple((piece.low_witness, piece.high_witness) for _, piece in part)
    witnesses = tuple(dict.fromkeys(witness for pair in bounds for witness in pair))
    room = (high - low) * np.minimum(values - values[0], values[-1] - values)
    k = int(np.argmax(room)) if room.max() > 0 else int(np.argmax(high - low))
    middle = (float(low[k] + high[k]) / 2, float(values[k]))
    fates, reached = sampled(windows, middle, box, samples, seed) if samples else (None, None)
    lost, own = losses(windows, *middle), own_borders(windows, *middle)
    spacing = (whole[1] - whole[0]) / (ROWS - 1)
    return Component(values, low, high, witnesses, ends, lost, own, middle, fates, reached, bounds, spacing)


def sampled(windows: Rows, place: tuple[float, float], box: Box, samples: int, seed: int) -> tuple[Fates, float]:
    """The fates of starts drawn evenly from the box at (h, value), and the share of them that reach a target."""
    competitors = windows.branches
    lo, hi = np.array(box).T
    starts = np.random.default_rng(seed).uniform(lo, hi, (samples, len(lo)))
    field = competitors.field.with_parameters(**{competitors.parameter: place[1]})
    fates = sample_fates(field, starts, windows.method, place[0])
    return fates, sum(fate.share for fate in fates.fates if competitors.is_target(fate.x, place[1]))
