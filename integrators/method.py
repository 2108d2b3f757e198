"""What a method is: pure arithmetic that turns a field into an update."""

from __future__ import annotations

import inspect
import pkgutil
import re
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields
from fractions import Fraction
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from dynsys.errors import InputError, nearest
from dynsys.vector import matvec, weighted_sum
from integrators.states import flat, shaped

if TYPE_CHECKING:
    from dynsys.array_field import AnyField


@dataclass(frozen=True)
class Method:
    """A training algorithm as a discretised ODE: a frozen dataclass of hyper-parameters with three pure functions.

    `step(v, state, p, h)` advances a state by the step size h; `initial(v, x, p)` makes the first state of a point,
    `position(state)` the point of a state. A state is a tuple, possibly nested, that begins with the point; by default
    it is the point. What is no point, such as a counter, stands in a tuple of its own, (count,). Inside, `v(x, p)` is
    the field, `v.jacobian(x, p)` its Jacobian, `v.blocks` the indices of each player's variables, and
    `v.gradients(x, p)` the players' payoff gradients, all on tuples; use the algebra of `dynsys.vector`. Then the same
    three functions are a compiled kernel, a NumPy reference, an exact stability function, a power series in h and a
    complex-step Jacobian.

    Class attributes declare what holds of it: `order` (None where none) and `evaluations` of the field per step; the
    reasons, "" if there are none, why its update is not `differentiable` at a zero of v and why it does not keep the
    zeros of v (`moves`); `joint`, that it treats all components alike and so commutes with linear changes of
    coordinates; `coordinatewise`, that it does not even commute with rotations of one player's variables.
    """

    order: ClassVar[int | None] = None
    evaluations: ClassVar[int] = 1
    differentiable: ClassVar[str] = ""
    moves: ClassVar[str] = ""
    joint: ClassVar[bool] = True
    coordinatewise: ClassVar[bool] = False

    def initial(self, v: Any, x: Any, p: Any) -> Any:
        """The state that starts at x."""
        return x

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """The state after one step of size h."""
        raise TypeError(f"{type(self).__name__} defines no step(v, state, p, h)")

    def position(self, state: Any) -> Any:
        """The point of a state."""
        while isinstance(state[0], tuple):
            state = state[0]
        return state

    def average(self, state: Any) -> Any:
        """A second point that runs report beside the first, or ()."""
        return ()

    def clock(self, players: int) -> tuple[float, ...]:
        """How far each player moves along the flow in a step, in units of h: ẋᵢ = cᵢ vᵢ is what the iterates follow."""
        return (1.0,) * players

    def check(self, field: AnyField) -> None:
        """Raise `InputError` if the field lacks what the method needs, such as players."""

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """Names and values, in order."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @property
    def label(self) -> str:
        """The name it has on the command line and in legends."""
        name = type(self).__name__
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


def check_method(method: Any, field: AnyField | None = None) -> Method:
    """The method itself, if it fits the field, or an error that says how to give one."""
    if isinstance(method, type) and issubclass(method, Method):
        raise InputError(f"method is the class {method.__name__}; write {method.__name__}()")
    if not isinstance(method, Method):
        raise InputError(f"method is {method!r}; give a method such as Euler()")
    if field is not None:
        method.check(field)
    return method


@cache
def methods() -> dict[str, type[Method]]:
    """Name on the command line -> method class, for every method of `integrators.algorithms` that has defaults."""
    found = {}
    for cls in algorithm_classes().values():
        if all(f.default is not MISSING or f.default_factory is not MISSING for f in fields(cls)):
            found[cls().label] = cls
    return dict(sorted(found.items()))


@cache
def algorithm_classes() -> dict[str, type[Method]]:
    """Class name -> class, for every public method defined in a module of `integrators.algorithms`."""
    import integrators.algorithms as package

    modules = [import_module(f"{package.__name__}.{m.name}") for m in pkgutil.iter_modules(package.__path__)]
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if inspect.isclass(value)
        and value.__module__ == module.__name__
        and issubclass(value, Method)
        and not name.startswith("_")
    }


def method_named(text: str) -> Method:
    """The method "name" at its defaults, or "name:key=value,key=value" with numbers for hyper-parameters.

    `InputError` offers the nearest name.
    """
    name, _, settings = text.partition(":")
    if name not in methods():
        raise InputError(f"no method is called {name!r}; {nearest(name, methods())}")
    values = {}
    known = {f.name: f.default for f in fields(methods()[name])}
    for setting in settings.split(",") if settings else []:
        key, _, number = (piece.strip() for piece in setting.partition("="))
        if key not in known:
            raise InputError(f"{name} has no hyper-parameter {key!r}; {nearest(key, known)}")
        try:
            values[key] = int(number) if isinstance(known[key], int) else float(number)
        except ValueError:
            raise InputError(f"{setting!r} of {name} is not name=number") from None
    return methods()[name](**values)


class LinearField:
    """The field v(x) = A x on tuples: what a method sees of any field near a zero; by default with one player."""

    def __init__(self, A: Any, blocks: Sequence[Sequence[int]] | None = None):
        self.A = A
        self.blocks = (tuple(range(len(A))),) if blocks is None else tuple(map(tuple, blocks))

    def __call__(self, x: Any, p: Any) -> Any:
        """A x."""
        return matvec(self.A, x)

    def jacobian(self, x: Any, p: Any) -> Any:
        """A."""
        return self.A

    def series(self, x: Any, p: Any, order: int) -> Any:
        """Aᵏ x / k! for k = 0, …, order, a row a variable."""
        terms = [x]
        for k in range(1, order + 1):
            terms.append(weighted_sum([Fraction(1, k)], [matvec(self.A, terms[-1])]))
        return tuple(zip(*terms, strict=True))

    def gradients(self, x: Any, p: Any) -> Any:
        """A linear field has no payoffs."""
        raise InputError("payoffs are not known near a zero: the Jacobian of the field does not determine them")


def linear_update(
    method: Method, A: Any, h: Any, zero: Any = 0, one: Any = 1, blocks: Sequence[Sequence[int]] | None = None
) -> list[list[Any]]:
    """The matrix of one step of `method` with step h on the linear field A (a tuple of rows), row by row.

    Entries may be numbers of any kind or polynomials in h: the method's own definition is traced. `blocks` holds the
    indices of each player's variables.
    """
    v, n = LinearField(A, blocks), len(A)
    like = method.initial(v, (zero,) * n, ())
    size = len(flat(like))
    units = [[one if i == j else zero for i in range(size)] for j in range(size)]
    columns = [flat(method.step(v, shaped(unit, like), (), h)) for unit in units]
    return [[column[i] for column in columns] for i in range(size)]


def amplification(method: Method, z: Any) -> np.ndarray:
    """The spectral radius of the method's update of ẋ = λx at z = hλ, array of complex z -> array of the same shape.

    A method that treats players apart sees λ = a + bi as the matrix [[a, -b], [b, a]] with one variable a player.
    """
    z = np.asarray(z, dtype=complex)
    with np.errstate(all="ignore"):
        if method.joint:
            rows = linear_update(method, ((z,),), 1.0, np.zeros_like(z), np.ones_like(z))
        else:
            A = ((z.real, -z.imag), (z.imag, z.real))
            rows = linear_update(method, A, 1.0, np.zeros(z.shape), np.ones(z.shape), blocks=((0,), (1,)))
    matrix = np.stack([np.stack(np.broadcast_arrays(*row), -1) for row in rows], -2)
    if matrix.shape[-1] == 1:
        return np.abs(matrix[..., 0, 0])
    finite = np.isfinite(matrix).all((-1, -2))
    radius = np.abs(np.linalg.eigvals(np.where(finite[..., None, None], matrix, 0))).max(-1)
    return np.where(finite, radius, np.inf)
