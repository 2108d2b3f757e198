"""`ArrayField`: a field given by NumPy functions, for data and networks that no formula holds."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from dynsys.errors import InputError, shown
from dynsys.expressions import check_name
from dynsys.field import Box, OnTuples, VectorField, as_points, check_box, check_players
from dynsys.rebuilding import Rebuilt


@dataclass(frozen=True, eq=False, repr=False)
class ArrayField(Rebuilt):
    """A vector field v on Rⁿ, given by functions of arrays, as analyses and integrators take it.

    Parameters
    ----------
    value
        points (m, n) -> v there (m, n).
    derivative
        points (m, n) -> Jacobians (m, n, n).
    variables
        n names.
    name, box
        what to call it, and where to look at it: (lo, hi) per variable.
    players
        player -> names of the variables it owns: the blocks of the field. By default one block.

    What needs a formula (exact zeros, modified fields, compiled kernels of its own) is not to be had of it: its runs
    are NumPy's, its zeros are good to double precision. Raises `InputError` for wrong names or boxes, and when a
    function answers with another shape.
    """

    value: Callable[[np.ndarray], np.ndarray]
    derivative: Callable[[np.ndarray], np.ndarray]
    variables: Sequence[str]
    name: str = ""
    box: Mapping[str, Sequence[float]] | Sequence[Sequence[float]] | None = None
    players: Mapping[str, Sequence[str]] = field(default_factory=dict)
    # what a `VectorField` may have and this one has not
    parameters: Mapping[str, float] = field(init=False, default_factory=dict)
    game: None = field(init=False, default=None)
    base: None = field(init=False, default=None)
    time: None = field(init=False, default=None)
    period: None = field(init=False, default=None)
    piecewise: str = field(init=False, default="")

    def __post_init__(self) -> None:
        fix = functools.partial(object.__setattr__, self)
        variables = tuple(check_name(v, "variables") for v in self.variables)
        if not variables or len(set(variables)) < len(variables):
            raise InputError(f"variables is {list(self.variables)}; give different names, at least one")
        fix("variables", variables)
        fix("players", check_players(self.players, variables))
        fix("box", None if self.box is None else check_box(self.box, variables))

    def __call__(self, x: Any, t: float | None = None) -> np.ndarray:
        """v at points x, shape (…, n) -> (…, n)."""
        return self._on_points(self.value, "value", x, (self.n,))

    def jacobian(self, x: Any, t: float | None = None) -> np.ndarray:
        """∂vᵢ/∂xⱼ at points x, shape (…, n) -> (…, n, n)."""
        return self._on_points(self.derivative, "derivative", x, (self.n, self.n))

    def _on_points(self, function: Callable[[np.ndarray], Any], which: str, x: Any, shape: tuple[int, ...]) -> Any:
        points = as_points(x, self.variables)
        rows = points.reshape(-1, self.n)
        with np.errstate(all="ignore"):
            found = np.asarray(function(rows), dtype=float)
        if found.shape != (len(rows), *shape):
            raise InputError(
                f"{which} maps points of shape {rows.shape} to shape {found.shape}; it must be {(len(rows), *shape)}"
            )
        return found.reshape((*points.shape[:-1], *shape))

    @property
    def n(self) -> int:
        """The number of variables."""
        return len(self.variables)

    @property
    def root(self) -> ArrayField:
        """The field itself: it was made from no other."""
        return self

    @property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        """The indices of each player's variables."""
        return tuple(tuple(self.variables.index(v) for v in own) for own in self.players.values())

    def values(self, t: float | None = None) -> tuple[float, ...]:
        """No parameters."""
        return ()

    def autonomous(self) -> ArrayField:
        """Itself: it does not depend on time."""
        return self

    def region(self, box: Any = None) -> Box:
        """`box`, checked, or the field's own if it is None; `InputError` if there is neither."""
        chosen = self.box if box is None else box
        if chosen is None:
            raise InputError(f"box is missing and {self} has none of its own; give (lo, hi) per variable")
        return check_box(chosen, self.variables)

    @functools.cached_property
    def on_tuples(self) -> OnTuples:
        """v(x, p) -> tuple, on tuples of numbers or of arrays; `.jacobian` likewise.

        A derivative may travel in the imaginary part: v(x + iεd) = v(x) + iε J(x) d, without the terms in ε² that a
        complex step does not see.
        """

        def value(x: Any, p: Any) -> tuple[Any, ...]:
            points = np.stack(np.broadcast_arrays(*x), -1)
            found = self(points.real)
            if np.iscomplexobj(points):
                found = found + 1j * (self.jacobian(points.real) @ points.imag[..., None])[..., 0]
            return tuple(np.moveaxis(found, -1, 0))

        def jacobian(x: Any, p: Any) -> tuple[tuple[Any, ...], ...]:
            found = self.jacobian(np.stack(np.broadcast_arrays(*x), -1).real)
            return tuple(tuple(np.moveaxis(row, -1, 0)) for row in np.moveaxis(found, -2, 0))

        def gradients(x: Any, p: Any) -> NoReturn:
            raise InputError(f"{self} has no payoffs of its own; give the field of a game")

        return OnTuples(value, jacobian, gradients, self.blocks)

    def __repr__(self) -> str:
        return f"ArrayField({self.name or 'unnamed'}: {', '.join(self.variables)})"


AnyField = VectorField | ArrayField


def check_field(field: Any) -> AnyField:
    """The field itself; `InputError` for anything else, such as a game, which has a field."""
    if isinstance(field, AnyField):
        return field
    if hasattr(field, "on_players"):
        raise InputError(f"{field!r} is of many variables, without formulas; take trajectory, train or diagnose")
    remedy = "give game.field(), its simultaneous gradient" if hasattr(field, "field") else "give a VectorField"
    raise InputError(f"field is {shown(field)}; {remedy}")


def check_symbolic(field: Any, wanted: str) -> VectorField:
    """The field itself if it has formulas; `InputError` that names what needs them if it has none."""
    checked = check_field(field)
    if isinstance(checked, VectorField):
        return checked
    raise InputError(f"{checked!r} is given by numbers, not by formulas; {wanted} needs a VectorField")
