"""`VectorField`: the one currency of all layers."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from dynsys import kernels
from dynsys.codegen import functions_text, numpy_functions
from dynsys.derivatives import partial_derivatives
from dynsys.errors import InputError, nearest, shown
from dynsys.expressions import check_name, check_parameters, exact, expression, finite, symbol
from dynsys.functions import switch

if TYPE_CHECKING:
    from dynsys.game import Game

Box = tuple[tuple[float, float], ...]


@dataclass(frozen=True, eq=False, repr=False)
class VectorField:
    """A vector field v on Rⁿ, given by expressions, with its exact Jacobian.

    Parameters
    ----------
    expressions
        n components, texts or SymPy expressions.
    variables
        n names, in the order of the components.
    parameters
        name -> value; change values with `with_parameters`.
    players
        player -> names of the variables it owns: the blocks of the field. By default one block.
    game, base
        the game whose simultaneous gradient it is, and the field it was made from, if any.
    time
        name of the time variable of a field that depends on time.
    period
        per variable, the period it is wrapped by after a step, or None.
    name, box
        what to call it, and where to look at it: (lo, hi) per variable.

    Raises `InputError` for unknown symbols or functions, clashing names, or a wrong number of components.
    """

    expressions: Sequence[Any]
    variables: Sequence[str]
    parameters: Mapping[str, float] = field(default_factory=dict)
    players: Mapping[str, Sequence[str]] = field(default_factory=dict)
    game: Game | None = None
    base: VectorField | None = None
    time: str | None = None
    period: Sequence[float | None] | None = None
    name: str = ""
    box: Mapping[str, Sequence[float]] | Sequence[Sequence[float]] | None = None

    def __post_init__(self) -> None:
        fix = functools.partial(object.__setattr__, self)
        if isinstance(self.variables, str):
            raise InputError(f"variables is the text {shown(self.variables)}; give a list of names")
        if not isinstance(self.parameters, Mapping):
            raise InputError(f"parameters is {shown(self.parameters)}; give a mapping, name to value")
        variables = tuple(check_name(v, "variables") for v in self.variables)
        parameters = {check_name(k, "parameters"): finite(x, f"parameter {k}") for k, x in self.parameters.items()}
        names = [*variables, *parameters, *([check_name(self.time, "time")] if self.time else [])]
        if len(set(names)) < len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise InputError(
                f"the name {twice!r} stands for two things among variables, parameters and time; rename one"
            )
        if not variables or len(self.expressions) != len(variables):
            raise InputError(f"the field has {len(self.expressions)} components but {len(variables)} variables")
        components = tuple(
            _component(e, names, f"component {n}") for e, n in zip(self.expressions, variables, strict=True)
        )
        players = check_players(self.players, variables)
        fix("variables", variables)
        fix("parameters", MappingProxyType(parameters))
        fix("expressions", components)
        fix("players", MappingProxyType(players))
        fix("box", None if self.box is None else check_box(self.box, variables))
        fix("period", None if self.period is None else _check_period(self.period, variables))

    # --- other ways to make one ---------------------------------------------------------------

    @classmethod
    def from_function(
        cls, f: Callable[..., Sequence[Any]], parameters: Mapping[str, float] | None = None, **more: Any
    ) -> VectorField:
        """The field that the plain Python function f(x, y, …, parameters by name) computes, traced with symbols.

        >>> VectorField.from_function(lambda x, y, mu: (y, mu * (1 - x**2) * y - x), {"mu": 1.0}).variables
        ('x', 'y')
        """
        parameters = dict(parameters or {})
        names = list(inspect.signature(f).parameters)
        missing = [p for p in parameters if p not in names]
        if missing:
            raise InputError(f"parameter {missing[0]!r} is no argument of the function; {nearest(missing[0], names)}")
        variables = [n for n in names if n not in parameters and n != more.get("time")]
        try:
            components = f(**{n: symbol(n) for n in names})
        except TypeError as error:
            raise InputError(
                f"the function cannot be traced with symbols ({error}); "
                "use + - * / ** and SymPy's functions, e.g. sympy.exp"
            ) from error
        if isinstance(components, sp.MatrixBase | np.ndarray):
            components = list(components)
        elif not isinstance(components, Sequence) or isinstance(components, str):
            components = (components,)
        return cls(tuple(components), tuple(variables), parameters, **more)

    @classmethod
    def from_map(
        cls,
        image: Sequence[Any] | Callable[..., Sequence[Any]],
        variables: Sequence[str] | None = None,
        parameters: Mapping[str, float] | None = None,
        **more: Any,
    ) -> VectorField:
        """The map x -> F(x) as the field F(x) - x: Euler with h = 1 iterates the map. `period=` wraps variables."""
        if callable(image):
            traced = cls.from_function(image, parameters, **more)
            return replace(
                traced,
                expressions=tuple(e - symbol(n) for e, n in zip(traced.expressions, traced.variables, strict=True)),
            )
        if variables is None:
            raise InputError("variables is missing; name the variables of the map in order")
        if isinstance(image, str) or len(image) != len(variables):
            raise InputError(f"image is {shown(image)}; give one expression for each of {', '.join(variables)}")
        names = [*variables, *(parameters or {}), *([more["time"]] if more.get("time") else [])]
        components = [expression(e, names, f"component {n}") - symbol(n) for e, n in zip(image, variables, strict=True)]
        return cls(tuple(components), tuple(variables), parameters or {}, **more)

    def with_parameters(self, /, **values: float) -> VectorField:
        """The same field at other parameter values; `game` and `base` follow."""
        check_parameters(values, self.parameters)
        known = lambda other: {k: v for k, v in values.items() if k in other.parameters}  # noqa: E731
        return replace(
            self,
            parameters={**self.parameters, **values},
            game=self.game and self.game.with_parameters(**known(self.game)),
            base=self.base and self.base.with_parameters(**known(self.base)),
        )

    def transformed(self, expressions: Sequence[Any], parameters: Mapping[str, float], name: str) -> VectorField:
        """A field made from this one: same variables, players and game, `base` this field, more parameters."""
        for new in parameters:
            if new in self.parameters or new in self.variables or new == self.time:
                raise InputError(f"the field already uses the name {new!r}; choose another with name=")
        more = {check_name(k, "name"): finite(x, k) for k, x in parameters.items()}
        return replace(
            self, expressions=tuple(expressions), parameters={**self.parameters, **more}, base=self, name=name
        )

    def autonomous(self) -> VectorField:
        """The field with time as one more variable of unit speed, its own block; itself if it has none."""
        return self if self.time is None else self._moving

    @functools.cached_property
    def _moving(self) -> VectorField:
        period, time = None if self.period is None else (*self.period, None), str(self.time)
        return VectorField(
            (*self.expressions, sp.Integer(1)),
            (*self.variables, time),
            self.parameters,
            {**self.players, self._free("time"): (time,)},
            name=self.name,
            period=period,
        )

    def _free(self, player: str) -> str:
        """A name that no player has."""
        return player if player not in self.players else self._free(player + "_")

    def region(self, box: Any = None) -> Box:
        """`box`, checked, or the field's own if it is None; `InputError` if there is neither."""
        chosen = self.box if box is None else box
        if chosen is None:
            name = self.name or "the field"
            raise InputError(f"box is missing and {name} has none of its own; give (lo, hi) per variable")
        return check_box(chosen, self.variables)

    # --- evaluation ---------------------------------------------------------------------------

    def __call__(self, x: Any, t: float | None = None) -> np.ndarray:
        """v at points x, shape (…, n) -> (…, n)."""
        points = self._points(x)
        with np.errstate(all="ignore"):
            parts = self.on_tuples(tuple(np.moveaxis(points, -1, 0)), self.values(t))
        return np.stack(np.broadcast_arrays(*parts, points[..., 0])[:-1], -1)

    def jacobian(self, x: Any, t: float | None = None) -> np.ndarray:
        """∂vᵢ/∂xⱼ at points x, shape (…, n) -> (…, n, n), exact to rounding."""
        points = self._points(x)
        with np.errstate(all="ignore"):
            rows = self.on_tuples.jacobian(tuple(np.moveaxis(points, -1, 0)), self.values(t))
        entries = np.broadcast_arrays(*[e for row in rows for e in row], points[..., 0])[:-1]
        return np.stack(entries, -1).reshape((*points.shape[:-1], self.n, self.n))

    def _points(self, x: Any) -> np.ndarray:
        return as_points(x, self.variables)

    def values(self, t: float | None = None) -> tuple[float, ...]:
        """Parameter values in order, then the time if the field has one."""
        if self.time is None:
            return tuple(self.parameters.values())
        return (*self.parameters.values(), 0.0 if t is None else finite(t, "t"))

    # --- the symbols --------------------------------------------------------------------------

    @property
    def n(self) -> int:
        """The number of variables."""
        return len(self.variables)

    @property
    def root(self) -> VectorField:
        """The field at the start of the chain of transformations."""
        return self if self.base is None else self.base.root

    @functools.cached_property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """The variables' symbols, in order."""
        return tuple(symbol(v) for v in self.variables)

    @functools.cached_property
    def parameter_symbols(self) -> tuple[sp.Symbol, ...]:
        """The parameters' symbols, in order, then the time's if there is one."""
        return tuple(symbol(p) for p in (*self.parameters, *([self.time] if self.time else [])))

    @functools.cached_property
    def jacobian_expressions(self) -> tuple[tuple[sp.Expr, ...], ...]:
        """∂vᵢ/∂xⱼ as expressions, row by row."""
        return partial_derivatives(self.expressions, self.symbols)

    @property
    def piecewise(self) -> str:
        """Why the field is smooth in pieces only: what its coefficient's sign follows; "" if it is smooth."""
        jumping = [n for n, e in zip(self.variables, self.expressions, strict=True) if e.has(switch)]
        if not jumping:
            return ""
        return f"the sign of a coefficient jumps with the state in component {', '.join(jumping)}"

    @functools.cached_property
    def exact_values(self) -> dict[sp.Symbol, sp.Rational]:
        """Parameter symbols -> the rational numbers their decimal values name."""
        return {symbol(p): exact(x) for p, x in self.parameters.items()}

    def at_values(self, e: sp.Expr) -> sp.Expr:
        """An expression with this field's parameter values put in, exactly."""
        return e.xreplace(self.exact_values)

    # --- interpretations of the one definition --------------------------------------------------

    @property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        """The indices of each player's variables."""
        return tuple(tuple(self.variables.index(v) for v in own) for own in self.players.values())

    @functools.cached_property
    def payoff_gradients(self) -> tuple[tuple[sp.Expr, ...], ...]:
        """∂fᵢ/∂xⱼ of every player's payoff, a row a player; `InputError` for a field that is not a game's own."""
        if self.game is None or self.base is not None:
            raise InputError(f"{self.name or 'the field'} has no payoffs of its own; give the field of a game")
        return partial_derivatives(list(self.game.payoffs.values()), self.symbols)

    @property
    def curvature(self) -> tuple[tuple[sp.Expr, ...], ...]:
        """∂²vᵢ/∂xⱼ∂xₖ, a row for each i and j."""
        return partial_derivatives([e for row in self.jacobian_expressions for e in row], self.symbols)

    @property
    def payoff_curvature(self) -> tuple[tuple[sp.Expr, ...], ...]:
        """∂²fᵢ/∂xⱼ∂xₖ of every player's payoff, a row for each i and j; `InputError` as for `payoff_gradients`."""
        return partial_derivatives([e for row in self.payoff_gradients for e in row], self.symbols)

    def source(self, functions: Iterable[str] = ("field", "jacobian"), decorator: str = "") -> str:
        """Generated text of pure functions (x, p) on tuples: `field`, `jacobian` and `gradients` (of the payoffs).

        `curvature` and `payoff_curvature` are the derivatives of the last two, a row for each of their entries;
        `series20` is the Taylor coefficients of solutions, to order 20: a row a variable.
        """
        parts = {"field": "expressions", "jacobian": "jacobian_expressions", "gradients": "payoff_gradients"}
        parts |= {name: name for name in ("curvature", "payoff_curvature")}
        names = list(functions)
        chosen = {name: getattr(self, parts[name]) for name in names if name in parts}
        text = functions_text(chosen, self.symbols, self.parameter_symbols, decorator)
        for name in names:
            if name not in parts:
                from dynsys.taylor_series import series_text  # it imports this module

                series = series_text(self, int(name.removeprefix("series")), decorator)
                text += "\n" + series.replace("def series(", f"def {name}(", 1)
        return text

    @functools.cached_property
    def on_tuples(self) -> Any:
        """v(x, p) -> tuple, on tuples of floats, complex numbers or arrays; `.jacobian` and `.gradients` likewise."""
        functions = numpy_functions(self.source())
        gradients = lambda x, p: self._function("gradients")(x, p)  # noqa: E731
        series = lambda x, p, order: self._function(f"series{order}")(x, p)  # noqa: E731
        derived = lambda name, x, p: self._function(name)(x, p)  # noqa: E731
        return OnTuples(functions["field"], functions["jacobian"], gradients, self.blocks, series, derived)

    def _function(self, name: str) -> Any:
        return numpy_functions(self.source([name]))[name]

    @functools.cached_property
    def on_symbols(self) -> Any:
        """v(x, p) -> tuple of SymPy expressions, for x and p tuples of SymPy expressions; the others likewise."""

        def put(e: Any, values: dict[Any, Any]) -> Any:
            return tuple(put(row, values) for row in e) if isinstance(e, tuple) else e.xreplace(values)

        def on(name: str) -> Callable[[Sequence[Any], Sequence[Any]], Any]:
            symbols = (*self.symbols, *self.parameter_symbols)
            return lambda x, p: put(getattr(self, name), dict(zip(symbols, map(sp.sympify, (*x, *p)), strict=True)))

        return OnTuples(on("expressions"), on("jacobian_expressions"), on("payoff_gradients"), self.blocks)

    @functools.cached_property
    def digest(self) -> str:
        """A hash of the field's content: names, expressions, parameter values."""
        parts = [self.source(), repr(self.variables), repr(dict(self.parameters)), repr(self.time), repr(self.period)]
        return kernels.digest(*parts)

    def __repr__(self) -> str:
        parts = ", ".join(f"{n}' = {e}" for n, e in zip(self.variables, self.expressions, strict=True))
        values = "".join(f", {k}={x:g}" for k, x in self.parameters.items())
        return (
            f"VectorField({parts}{values})"
            if len(parts) < 400
            else f"VectorField({self.name}: {', '.join(self.variables)}{values})"
        )

    def __reduce__(self) -> Any:
        state = {name: getattr(self, name) for name in self.__dataclass_fields__}
        state["parameters"], state["players"] = dict(self.parameters), dict(self.players)
        return _rebuilt, (state,)


@dataclass(frozen=True)
class OnTuples:
    """A field as methods see it: v(x, p), its Jacobian and payoff gradients on tuples, and the players' indices."""

    field: Callable[[Any, Any], Any]
    jacobian: Callable[[Any, Any], Any]
    gradients: Callable[[Any, Any], Any]
    blocks: tuple[tuple[int, ...], ...]
    series: Callable[[Any, Any, int], Any] | None = None
    derived: Callable[[str, Any, Any], Any] | None = None  # further functions of `VectorField.source`, by name

    def __call__(self, x: Any, p: Any) -> Any:
        """v(x, p)."""
        return self.field(x, p)


def _rebuilt(state: dict[str, Any]) -> VectorField:
    return VectorField(**state)


def _component(source: Any, names: Sequence[str], argument: str) -> sp.Expr:
    """As `expression`, but with `switch` let through: a field may jump, a payoff may not."""
    if not isinstance(source, sp.Expr) or not source.has(switch):
        return expression(source, names, argument)
    marks = {jump: symbol(str(jump)) for jump in source.atoms(switch)}  # no user's name has parentheses
    jumps = {mark: switch(_component(jump.args[0], names, argument)) for jump, mark in marks.items()}
    return expression(source.xreplace(marks), [*names, *(m.name for m in marks.values())], argument).xreplace(jumps)


def check_players(players: Mapping[str, Sequence[str]], variables: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """player -> its variables, each owned once; one player that owns all by default."""
    owned = {k: tuple(own) for k, own in (players or {"all": variables}).items()}
    if sorted(v for own in owned.values() for v in own) != sorted(variables):
        raise InputError(f"players {owned} must own each of the variables {variables} once")
    return owned


def _check_period(period: Any, variables: Sequence[str]) -> tuple[float | None, ...]:
    """Plain floats, since their text enters the kernels."""
    if isinstance(period, str) or not isinstance(period, Sequence | np.ndarray) or len(period) != len(variables):
        raise InputError(f"period is {shown(period)}; give a number or None for each of {', '.join(variables)}")
    checked = [None if w is None else finite(w, f"period of {v}") for v, w in zip(variables, period, strict=True)]
    for name, w in zip(variables, checked, strict=True):
        if w is not None and w <= 0:
            raise InputError(f"period of {name} is {w:g}; it must be positive, or None for a variable without one")
    return tuple(checked)


def as_points(x: Any, variables: Sequence[str], argument: str = "x") -> np.ndarray:
    """x as a float array of shape (…, n), or an error that says what it has instead."""
    try:
        if np.iscomplexobj(x):
            raise TypeError  # NumPy would drop the imaginary part with a warning
        points = np.asarray(x, dtype=float)
    except (TypeError, ValueError):
        raise InputError(
            f"{argument} is not an array of real numbers; give {len(variables)} per point: {', '.join(variables)}"
        ) from None
    if points.ndim == 0 or points.shape[-1] != len(variables):
        has = "is a single number" if points.ndim == 0 else f"has {points.shape[-1]} entries"
        raise InputError(f"{argument} {has} but the field has variables ({', '.join(variables)})")
    return points


def check_box(box: Any, variables: Sequence[str], argument: str = "box") -> Box:
    """A box as ((lo, hi), …), one pair per variable, finite and with lo < hi; a mapping by name is put in order."""
    if isinstance(box, Mapping):
        for name in box:
            if name not in variables:
                raise InputError(f"{argument} names {name!r}, which is no variable; {nearest(name, variables)}")
        missing = [v for v in variables if v not in box]
        if missing:
            raise InputError(f"{argument} has no interval for {missing[0]!r}; give lo and hi")
        box = [box[v] for v in variables]
    try:
        pairs = [tuple(pair) for pair in box]
    except TypeError:
        raise InputError(f"{argument} is {shown(box)}; give a pair (lo, hi) per variable") from None
    if len(pairs) != len(variables) or any(len(pair) != 2 for pair in pairs):
        raise InputError(f"{argument} must hold a pair (lo, hi) for each of {', '.join(variables)}, not {shown(box)}")
    checked = []
    for name, (lo, hi) in zip(variables, pairs, strict=True):
        low, high = finite(lo, f"{argument}, lower end for {name},"), finite(hi, f"{argument}, upper end for {name},")
        if not low < high:
            raise InputError(f"{argument} for {name} is [{low:g}, {high:g}]; the lower end must be below the upper")
        checked.append((low, high))
    return tuple(checked)
