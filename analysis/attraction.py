"""Basins of attraction: where training ends up from every start of a plane, as an image of labels."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import dynsys
from analysis.attractors import Attractor, kind_in_game, traps_of
from analysis.basin_images import BasinImage
from analysis.basin_measures import BasinEntropy, BasinShare, basin_entropy, shares_of
from analysis.basin_questions import embedded, held_at, map_of, plane_axes, plane_region, sides
from analysis.chunks import Chunks
from analysis.given_attractors import verified
from analysis.recurrences import Refusal, Search
from analysis.state_maps import StateMap, UpdateMap
from dynsys.array_field import AnyField
from dynsys.errors import InputError, shown
from dynsys.field import Box, as_points
from integrators.arrivals import ESCAPE, UNDECIDED, Traps
from integrators.checkpoints import lasting
from integrators.checks import check_count, check_memory
from integrators.driver import Progress
from integrators.method import Method

ROUNDS = 4  # searches among the starts that were left undecided


@dataclass(frozen=True, eq=False)
class Basins:
    """The label of every start of a plane: the index of its attractor, `ESCAPE` (-1) or `UNDECIDED` (-2).

    `labels` and `times` (steps or periods until a look found the run arrived) have shape (ny, nx). Starts lie at the
    values `x` and `y` of the two variables `axes`, in the middles of the pixels of `box`, the other variables at those
    of `base`. `refused` is what recurred but does not attract.
    """

    labels: np.ndarray
    times: np.ndarray
    attractors: tuple[Attractor, ...]
    refused: tuple[Refusal, ...]
    axes: tuple[str, str]
    x: np.ndarray
    y: np.ndarray
    box: Box
    base: np.ndarray
    steps: int
    map: StateMap
    traps: Traps

    @functools.cached_property
    def kinds(self) -> tuple[str, ...]:
        """What each attractor is in the field's game, as portraits name points; "" for cycles and outside of games."""
        return tuple(kind_in_game(self.map.field, a) for a in self.attractors)

    @property
    def names(self) -> dict[int, str]:
        """The words for each label."""
        kinds = [kind.removesuffix(", attracts") for kind in self.kinds]
        told = [f"{a.text}, {kind}" if kind else a.text for a, kind in zip(self.attractors, kinds)]
        return {**dict(enumerate(told)), ESCAPE: "escape", UNDECIDED: "undecided"}

    @functools.cached_property
    def shares(self) -> tuple[BasinShare, ...]:
        """The share of every label, with its interval: attractors in order, escape, undecided."""
        return shares_of(self.labels, self.names)

    def shares_within(self, inside: Any) -> tuple[BasinShare, ...]:
        """The shares among the starts where `inside`, shape (ny, nx), holds."""
        mask = np.asarray(inside, dtype=bool)
        if mask.shape != self.labels.shape or not mask.any():
            raise InputError(f"inside has shape {mask.shape}; give {self.labels.shape}, true for at least one start")
        return shares_of(self.labels[mask], self.names)

    @functools.cached_property
    def entropy(self) -> BasinEntropy:
        """The basin entropy, in squares of 5 x 5 starts."""
        return basin_entropy(self.labels)

    def at(self, points: Any) -> np.ndarray:
        """The labels of any starts, (m, 2) in the plane or (m, n)."""
        field = self.map.field
        names = self.axes if np.shape(points)[-1:] == (2,) else field.variables
        given = as_points(points, names, "points").reshape(-1, len(names))
        full = embedded(given, field, self.axes, self.base) if names == self.axes else given
        looks = -(-self.steps // self.map.look)
        return self.map.follow(self.map.states(full), self.traps, looks).label

    @property
    def text(self) -> str:
        """The shares in one line."""
        parts = [
            f"{100 * s.share:.2f} % [{100 * s.low:.2f}, {100 * s.high:.2f}] {s.name}" for s in self.shares if s.count
        ]
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, without the image."""
        return {
            "attractors": [a.to_dict() for a in self.attractors],
            "shares": [s.to_dict() for s in self.shares],
            "entropy": self.entropy.to_dict() if min(self.labels.shape) >= 5 else None,
            "refused": [r.to_dict() for r in self.refused],
            "axes": list(self.axes),
            "box": [list(pair) for pair in self.box],
            "resolution": [len(self.x), len(self.y)],
            "at": dict(zip(self.map.field.variables, self.base.tolist())),
            "steps": self.steps,
            "method": self.map.method.label,
            "h" if isinstance(self.map, UpdateMap) else "period": self.map.h,
        }


def basins(
    field: AnyField,
    method: Method,
    box: Any = None,
    resolution: int | Sequence[int] = 400,
    h: float | None = None,
    period: float | None = None,
    attractors: Sequence[Any] | None = None,
    steps: int | None = None,
    variables: Sequence[str] | None = None,
    at: Mapping[str, float] | Sequence[float] | None = None,
    t0: float = 0.0,
    tolerance: float = 1e-8,
    divergence_bound: float = 1e8,
    folder: str | Path | None = None,
    resume: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
    rng: int = 0,
) -> Basins:
    """The basins of attraction of `method` with step size h, on a grid of starts in the box of two variables.

    With `period` the map is the flow over that time instead, by an `AdaptiveMethod` with the relative `tolerance`: of a
    field with a period in time its strobe, of one without time any interval to look at it. `variables` names the two
    shown, `at` where the others start (default 0); resolution is n or (nx, ny).

    Attractors are given, each a point (n,) or the points (p, n) of a cycle (none at all: escape alone is told), or
    else found by recurrences from starts in the box, and again from those that stay undecided after `steps` (default
    20 000, or 500 periods). Each is verified by the multipliers of the update: a saddle that runs pass slowly is none.
    A run has arrived once it is in a ball about a cycle that the update contracts (`swallowed_radius`), or long enough
    in the cells of a recurrent set; it has escaped when a look, every 8 steps or each period, finds it outside the cube
    of half-width `divergence_bound`.

    With `folder`, finished chunks of starts are kept there, and with `resume` those that are there are not computed
    again. `progress(done, all)` counts starts. Labels depend neither on threads nor on what was resumed, bit for bit.

    Raises `InputError` for arguments that do not fit, attractors that do not attract, a box in which there are none,
    an image too large for the memory, and a folder with chunks of other basins.
    """
    f = map_of(field, method, h, period, t0, tolerance, divergence_bound, threads)
    axes = plane_axes(field, variables)
    region = plane_region(field, box, axes)
    nx, ny = sides(resolution)
    base = held_at(field, at)
    most = check_count(steps if steps is not None else 20_000 if isinstance(f, UpdateMap) else 500, "steps", 1)
    check_memory(40 * nx * ny, "a lower resolution")
    (x0, x1), (y0, y1) = region
    x = x0 + (x1 - x0) * (np.arange(nx) + 0.5) / nx
    y = y0 + (y1 - y0) * (np.arange(ny) + 0.5) / ny
    reach = float(np.hypot(x1 - x0, y1 - y0))
    search = Search(f, reach, most, verified(f, attractors, reach))
    drawn = np.random.default_rng(check_count(rng, "rng", 0)).uniform((x0, y0), (x1, y1), (f.sample, 2))
    question = {
        "field": lasting((field, getattr(field, "expressions", None))), "parameters": json.dumps(dict(field.parameters))
        if hasattr(field, "parameters") else "", "method": lasting(method), "h": repr(f.h), "box": repr(region),
        "variables": repr(axes), "at": repr(base.tolist()), "resolution": repr((nx, ny)), "steps": repr(most),
        "t0": repr(t0), "tolerance": repr(tolerance), "divergence_bound": repr(f.bound), "rng": repr(rng),
        "attractors": "searched for" if attractors is None else _digest(search.known), "chunk": repr(f.piece),
        "version": dynsys.__version__,
    }  # fmt: skip
    store = Chunks(None if folder is None else Path(folder), question)
    store.begin(resume)
    if attractors is None:
        search.run(f.states(embedded(drawn, field, axes, base)))
    search.confirm(f.states(embedded(drawn, field, axes, base)))
    image = BasinImage(f, x, y, axes, base, most, store, progress)
    image.fill(search.traps, 0)
    for number in range(1, ROUNDS + 1) if attractors is None else ():
        left = np.flatnonzero(image.labels == UNDECIDED)
        picked = left[np.unique(np.linspace(0, len(left) - 1, f.sample).astype(int))] if len(left) else left
        if not len(left) or not search.run(f.states(image.starts(picked))):
            break
        image.fill(search.traps, number, left)
    return _result(image, search, region, attractors is None)


def _result(image: BasinImage, search: Search, region: Box, searched: bool) -> Basins:
    """The image with its attractors, the commonest first if they were searched for; those that no start reaches go."""
    labels, known, f = image.labels, search.known, image.f
    if searched:
        counts = [int(np.count_nonzero(labels == i)) for i in range(len(known))]
        order = sorted(
            (i for i in range(len(known)) if counts[i]), key=lambda i: (-counts[i], tuple(known[i].points[0]))
        )
        if not order:
            escaped = 100 * float((labels == ESCAPE).mean())
            raise InputError(
                f"no attractor is reached from box {shown(region)}: {escaped:.1f} % of the starts escape, the others "
                f"are undecided after {image.steps} {f.unit}s{_reasons(search)}; "
                "widen box=, raise steps=, or give attractors="
            )
        names = np.full(len(known) + 2, UNDECIDED, np.int32)  # the last two: undecided, escape
        names[order], names[-1] = np.arange(len(order)), ESCAPE
        labels, known = names[labels], [known[i] for i in order]
    shape = (len(image.y), len(image.x))
    return Basins(
        labels.astype(np.int32).reshape(shape), image.times.reshape(shape), tuple(known), tuple(search.refused),
        image.axes, image.x, image.y, region, image.base, image.steps, f, traps_of(f, known),
    )  # fmt: skip


def _reasons(search: Search) -> str:
    said = [f"{r.reason} at ({', '.join(f'{c:.4g}' for c in r.x)})" for r in search.refused[:3]]
    return f" ({'; '.join(said)})" if said else ""


def _digest(known: Sequence[Attractor]) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(a.points).tobytes() for a in known)).hexdigest()[:16]
