"""What a window means, in words: its borders, how competitors lost their attraction, and what samples say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.normal_forms import normal_form
from analysis.sampling import in_words
from analysis.window_rows import Rows
from dynsys.errors import InputError

if TYPE_CHECKING:
    from analysis.windows import Component

FAR = 20.0  # how many times the largest step asked for is looked at when a window is empty


def report(components: Sequence[Component], windows: Rows, values: tuple[float, float]) -> str:
    """The answer in lines."""
    competitors = windows.branches
    marks = [(b, [b.kind, *["spurious"] * b.spurious, *["target"] * b.target]) for b in competitors.found()]
    lines = ["points: " + ("; ".join(f"{branch.name} ({', '.join(words)})" for branch, words in marks) or "none")]
    if not components:
        lines.append(f"the window is empty: {why_empty(windows, values)}")
    for number, part in enumerate(components, 1):
        lines += component_lines(number, part, windows)
    return "\n".join(lines)


def component_lines(number: int, part: Component, windows: Rows) -> list[str]:
    """Where a component is, what bounds it, what became of the competitors, and of the starts."""
    parameter, variables = windows.branches.parameter, windows.branches.field.variables
    lines = [
        f"component {number}: {parameter} in ({part.values[0]:.8g}, {part.values[-1]:.8g}), "
        f"h in ({part.low.min():.8g}, {part.high.max():.8g}); bounded by {', '.join(part.witnesses)}",
        f"  it begins where {part.ends[0]}, and ends where {part.ends[1]}",
        *(f"  {line}" for line in part.losses),
    ]
    lines += [f"  {line}" for line in part.own_borders]
    if part.fates is None or part.reached is None:
        return lines
    at = f"h = {part.middle[0]:.6g}, {parameter} = {part.middle[1]:.6g}"
    lines.append(f"  sampled at {at}: {in_words(part.fates, variables)}")
    box = windows.branches.box
    for fate in part.fates.fates:
        if fate.x is not None and ((fate.x < box[:, 0]) | (fate.x > box[:, 1])).any():
            place = ", ".join(f"{c:.6g}" for c in fate.x)
            lines.append(f"  an attractor outside of the search box, at ({place}), takes {100 * fate.share:.1f} %")
    if part.reached < 1:
        share = f"{100 * part.reached:.1f} % of the starts"
        lines.append(f"  local is not global: only targets attract in the box there, yet only {share} reach one")
    return lines


def losses(windows: Rows, h: float, value: float) -> tuple[str, ...]:
    """How each competitor lost its attraction on the way in h to the point (h, value), and what replaces it."""
    lines = []
    for index, place, J in windows.branches.at(value):
        if windows.branches.branches[index][2]:
            continue
        name = f"point {index + 1}"
        pieces = windows.attracting(J, name)
        below = [piece for piece in pieces if piece.high <= h]
        if below:
            border = below[-1]
            kind, beyond = border.high_witness.partition(" of ")[0], _beyond(windows, place, border.high, value)
            lines.append(f"{name} attracts below h = {border.high:.6g}, lost by a {kind}{beyond}")
        else:
            above = [f"from h = {piece.low:.6g} on" for piece in pieces if piece.low >= h]
            lines.append(f"{name} attracts {above[0] if above else 'at no step size'}")
    return tuple(lines)


def own_borders(windows: Rows, h: float, value: float) -> tuple[str, ...]:
    """Where each target that attracts at (h, value) stops to, with more or less h, and what lies beyond."""
    lines = []
    for index, place, J in windows.branches.at(value):
        if not windows.branches.branches[index][2]:
            continue
        for piece in windows.attracting(J, f"point {index + 1}"):
            if piece.low < h < piece.high:
                for border, witness in ((piece.low, piece.low_witness), (piece.high, piece.high_witness)):
                    if " of " in witness:
                        kind, beyond = witness.partition(" of ")[0], _beyond(windows, place, border, value)
                        lines.append(
                            f"point {index + 1} itself stops attracting at h = {border:.6g}, by a {kind}{beyond}"
                        )
    return tuple(lines)


def _beyond(windows: Rows, place: np.ndarray, h: float, value: float) -> str:
    """What the normal form at a border says lies beyond it."""
    field = windows.branches.field.with_parameters(**{windows.branches.parameter: value})
    try:
        form = normal_form(field, place, windows.method, h)
    except InputError as error:
        return f" ({error})"
    return f", {form.verdict}: {form.outcome}"


def why_empty(windows: Rows, values: tuple[float, float]) -> str:
    """Why no target attracts alone anywhere in the ranges, with the nearest step at which one attracts at all."""
    targets = [index for index, branch in enumerate(windows.branches.branches) if branch[2]]
    if not targets:
        return "no target was found in the search box"
    low, high = windows.h
    wide = Rows(windows.method, windows.branches, (0.0, FAR * high), windows.blocks)
    best = (math.inf, "")
    shared = False
    for value in np.linspace(*values, 33)[1:-1]:
        for index, _, J in windows.branches.at(float(value)):
            if index not in targets:
                continue
            for piece in wide.attracting(J, ""):
                away = max(piece.low - high, low - piece.high, 0.0)
                shared |= away == 0
                nearest = min(max((low + high) / 2, piece.low), piece.high)
                where = f"h = {nearest:.6g}, {windows.branches.parameter} = {value:.6g}"
                best = min(best, (away, where))
    if shared:
        return f"wherever a target attracts another point does, too, as at {best[1]}"
    if math.isinf(best[0]):
        return "no target attracts at any step size"
    return f"no target attracts at these step sizes; the nearest at which one does is about {best[1]}"
