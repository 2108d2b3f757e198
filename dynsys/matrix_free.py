"""`MatrixFreeField`: a field of thousands to millions of variables, whose Jacobian is known by its products only."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, runtime_checkable

import numpy as np

from dynsys.errors import InputError, nearest, shown
from dynsys.expressions import check_name, finite
from dynsys.vector import PerPlayer

# what analyses of fields of a few variables ask for
WITH_FORMULAS = (
    "autonomous", "box", "expressions", "on_tuples", "period", "region", "symbols", "time", "variables",
)  # fmt: skip
LARGEST_DENSE = 3000  # variables: a dense Jacobian takes 72 MB, its eigenvalues half a minute


class WithoutFormulasError(InputError, AttributeError):
    """What a field of many variables does not have and one with formulas does."""


class Linearisation(Protocol):
    """A field near one point: v(x), and products with J = v'(x) that share what was computed for v(x)."""

    @property
    def value(self) -> np.ndarray:
        """v(x), shape (n,)."""

    def jvp(self, u: np.ndarray) -> np.ndarray:
        """J u, shape (n,)."""

    def vjp(self, u: np.ndarray) -> np.ndarray:
        """Jᵀ u, shape (n,)."""


@dataclass(frozen=True)
class Products:
    """A `Linearisation` by two functions."""

    value: np.ndarray
    jvp: Callable[[np.ndarray], np.ndarray]
    vjp: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False, repr=False)
class MatrixFreeField:
    """A vector field v on Rⁿ by its values and the products J u and Jᵀ u.

    Parameters
    ----------
    near
        a point x, shape (n,) -> the `Linearisation` of v there.
    players
        player -> the number of its variables; x holds the players' variables one player after the other.
    value
        x -> v(x), where that is cheaper than a linearisation; by default from `near`.
    parameters
        name -> value.
    name, dtype
        what to call it, and the floating-point type in which it computes.

    Methods run on it by their one definition, on one array a player in place of one number a variable; `analysis` asks
    for products only. What needs a formula, a compiled kernel or a dense Jacobian of more than `LARGEST_DENSE` rows is
    not to be had. Raises `InputError` for points of the wrong length and answers of the wrong shape.
    """

    near: Callable[[np.ndarray], Linearisation]
    players: Mapping[str, int]
    value: Callable[[np.ndarray], np.ndarray] | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)
    name: str = ""
    dtype: Any = np.float64
    base: MatrixFreeField | None = None
    piecewise: str = ""

    def __post_init__(self) -> None:
        fix = functools.partial(object.__setattr__, self)
        if not isinstance(self.players, Mapping) or not self.players:
            raise InputError(f"players is {shown(self.players)}; give a mapping, player to its number of variables")
        sizes = {check_name(k, "players"): _size(k, count) for k, count in self.players.items()}
        fix("players", MappingProxyType(sizes))
        fix("parameters", MappingProxyType({k: finite(x, f"parameter {k}") for k, x in self.parameters.items()}))
        fix("dtype", np.dtype(self.dtype))

    # --- the layout of a point ----------------------------------------------------------------

    @property
    def n(self) -> int:
        """The number of variables."""
        return sum(self.players.values())

    @property
    def root(self) -> MatrixFreeField:
        """The field at the start of the chain of transformations."""
        return self if self.base is None else self.base.root

    @property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        """The players' places in a tuple of one array a player."""
        return tuple((i,) for i in range(len(self.players)))

    @functools.cached_property
    def slices(self) -> Mapping[str, slice]:
        """player -> where its variables stand in a point."""
        ends = np.cumsum([0, *self.players.values()])
        return MappingProxyType({p: slice(int(a), int(b)) for p, a, b in zip(self.players, ends, ends[1:])})

    def parts(self, x: np.ndarray) -> tuple[np.ndarray, ...]:
        """A point, shape (…, n), as one array a player."""
        return PerPlayer(x[..., s] for s in self.slices.values())

    def point(self, x: Any, argument: str = "x") -> np.ndarray:
        """x as an array of shape (n,) and the field's type; `InputError` for anything else."""
        try:
            given = np.asarray(x)
            if given.dtype.kind not in "fiu":
                raise TypeError
            found = given.astype(self.dtype, copy=False)
        except (TypeError, ValueError):
            raise InputError(f"{argument} is {shown(x)}; give {self.n} real numbers") from None
        if found.shape != (self.n,):
            sizes = ", ".join(f"{count} of {player}" for player, count in self.players.items())
            raise InputError(f"{argument} has shape {given.shape}; the field has {self.n} variables ({sizes})")
        return found

    def check_player(self, player: str, argument: str = "player") -> slice:
        """Where the variables of this player stand; `InputError` offers the nearest name."""
        if not isinstance(player, str) or player not in self.players:
            raise InputError(f"{argument} is {shown(player)}, which is no player; {nearest(player, self.players)}")
        return self.slices[player]

    # --- values and products --------------------------------------------------------------------

    def __call__(self, x: Any) -> np.ndarray:
        """v at points x, shape (…, n) -> (…, n), one after the other."""
        if _dimensions(x) > 1:
            points = np.asarray(x)
            found = np.empty(points.shape, self.dtype)
            for k in np.ndindex(points.shape[:-1]):
                found[k] = self(points[k])
            return found
        return self._checked(self._value(self.point(x)), "value")

    def _value(self, x: np.ndarray) -> np.ndarray:
        """v(x); an array of its own, for a linearisation keeps the one it gives."""
        return np.array(self.linearised(x).value) if self.value is None else self.value(x)

    def own(self, x: np.ndarray, players: Sequence[int]) -> np.ndarray:
        """v(x) where only the components of these players count; others may be anything finite. May be cheaper."""
        return self(x)

    def linearised(self, x: Any) -> Linearisation:
        """v near x: its value there and the products J u and Jᵀ u."""
        return self._recent(self.point(x))

    def _recent(self, x: np.ndarray) -> Linearisation:
        """The linearisation at x, kept for the points met last: linearised steps return to their stages."""
        kept = self.__dict__.setdefault("_kept", [])
        for known, made in kept:
            if np.array_equal(known, x):
                return made
        made = self.near(x)
        kept[:] = [*kept[-1:], (x.copy(), made)]
        return made

    def jvp(self, x: Any, u: Any) -> np.ndarray:
        """J(x) u, shape (n,)."""
        return self._checked(self.linearised(x).jvp(self.point(u, "u")), "jvp")

    def vjp(self, x: Any, u: Any) -> np.ndarray:
        """J(x)ᵀ u, shape (n,)."""
        return self._checked(self.linearised(x).vjp(self.point(u, "u")), "vjp")

    def _checked(self, found: Any, which: str) -> np.ndarray:
        found = np.asarray(found, self.dtype)
        if found.shape != (self.n,):
            raise InputError(f"{which} answers with shape {found.shape}; it must be {(self.n,)}")
        return found

    def own_hessian_product(self, player: str, x: Any, u: Any) -> np.ndarray:
        """∂²fᵢ/∂xᵢ² u for the payoff fᵢ of a player and u in its own variables, shape (nᵢ,).

        It is the player's diagonal block of J, for a field that is a simultaneous gradient.
        """
        own = self.check_player(player)
        whole = np.zeros(self.n, self.dtype)
        if np.shape(u) != whole[own].shape:
            raise InputError(f"u has shape {np.shape(u)}; {player} has {self.players[player]} variables")
        whole[own] = u
        return self.jvp(x, whole)[own]

    def half_squared_norm_gradient(self, x: Any) -> np.ndarray:
        """∇½‖v‖² = Jᵀv at x, shape (n,)."""
        near = self.linearised(x)
        return self._checked(near.vjp(near.value), "vjp")

    def jacobian(self, x: Any) -> np.ndarray:
        """The dense Jacobian at x, shape (n, n), a product a column; `InputError` above `LARGEST_DENSE` variables."""
        if self.n > LARGEST_DENSE:
            raise InputError(
                f"the field has {self.n} variables, and a dense Jacobian is formed for at most {LARGEST_DENSE}; "
                "take products, or leading Ritz values"
            )
        near = self.linearised(x)
        columns = np.empty((self.n, self.n), self.dtype)
        for j, u in enumerate(np.eye(self.n, dtype=self.dtype)):
            columns[:, j] = near.jvp(u)
        return columns

    # --- as methods see it ----------------------------------------------------------------------

    def values(self, t: float | None = None) -> tuple[float, ...]:
        """The parameters' values, in order."""
        return tuple(self.parameters.values())

    def with_parameters(self, /, **values: float) -> MatrixFreeField:
        """A field by functions has none to change."""
        raise InputError(f"the field has no parameter {next(iter(values), '')!r}; its functions hold their numbers")

    def transformed(self, rule: Callable[..., Any], parameters: Mapping[str, float], name: str) -> MatrixFreeField:
        """A field by functions has no second derivatives, of which transformed fields have products."""
        raise InputError(f"{self!r} is given by functions, so that {name} has no Jacobian; give its own functions")

    def at_step(self, seed: int, k: int) -> MatrixFreeField:
        """The field that step k of a run sees: itself, unless each batch makes it anew."""
        return self

    @property
    def on_players(self) -> OnPlayers:
        """The field as a method sees it, one array a player."""
        return OnPlayers(self)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            if name in WITH_FORMULAS:
                raise WithoutFormulasError(
                    f"field is a {type(self).__name__}, of many variables: it has no {name}; take trajectory, train or "
                    "diagnose, which ask for values and products only"
                )
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        sizes = ", ".join(f"{player}: {count}" for player, count in self.players.items())
        values = "".join(f", {k}={x:g}" for k, x in self.parameters.items())
        return f"{type(self).__name__}({self.name + ' ' if self.name else ''}{sizes}{values})"


@runtime_checkable
class Trainable(Protocol):
    """A field of many variables as training sees it, one `MatrixFreeField` a step."""

    def at_step(self, seed: int, k: int) -> MatrixFreeField:
        """The field that step k of a run sees."""


class OnPlayers:
    """A matrix-free field on tuples of arrays, one a player: what a method's definition takes for a field.

    It has one "variable" a player. A derivative may travel in the imaginary part: v(x + iεd) = v(x) + iε J(x) d.
    """

    def __init__(self, field: MatrixFreeField, only: Sequence[int] = ()):
        self.source, self.only = field, tuple(only)
        self.variables = tuple(field.players)
        self.players = {player: (player,) for player in field.players}
        self.blocks = field.blocks
        self.n, self.parameters = len(self.variables), field.parameters
        self.game = self.base = self.time = self.period = None
        self.piecewise = field.piecewise

    @property
    def on_tuples(self) -> OnPlayers:
        """Itself."""
        return self

    def __call__(self, x: Any, p: Any) -> tuple[Any, ...]:
        """v(x, p); the parameters are the field's own."""
        point = np.concatenate([np.atleast_1d(part) for part in x])
        real = np.ascontiguousarray(point.real)
        if not np.iscomplexobj(point):
            return self.source.parts(self.source.own(real, self.only) if self.only else self.source(real))
        near = self.source.linearised(real)
        return self.source.parts(near.value + 1j * near.jvp(np.ascontiguousarray(point.imag)))

    def turn(self, players: Sequence[int]) -> OnPlayers:
        """The field where only the components of these players count."""
        return OnPlayers(self.source, players)

    def jacobian(self, x: Any, p: Any) -> NoReturn:
        """None is formed."""
        raise InputError(f"{self.source!r} offers products with its Jacobian, not its entries; take a method without")

    gradients = jacobian

    def values(self, t: float | None = None) -> tuple[float, ...]:
        """The parameters' values, in order."""
        return self.source.values()

    def autonomous(self) -> OnPlayers:
        """Itself: it does not depend on time."""
        return self


def check_matrix_free(field: Any) -> MatrixFreeField:
    """The field itself; `InputError` for anything else."""
    if isinstance(field, MatrixFreeField):
        return field
    raise InputError(f"field is {shown(field)}; give a NetworkGame or another MatrixFreeField")


def _dimensions(x: Any) -> int:
    try:
        return np.ndim(x)
    except ValueError:  # rows of different lengths
        return 1


def _size(player: Any, count: Any) -> int:
    size = finite(count, f"players[{player!r}]")
    if size < 1 or not size.is_integer():
        raise InputError(f"players[{player!r}] is {shown(count)}; give the number of its variables, at least 1")
    return int(size)
