"""What a method is: pure arithmetic that turns a field into an update."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, fields
from functools import cache
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from dynsys.errors import InputError, nearest


@dataclass(frozen=True)
class Method:
    """A training algorithm as a discretised ODE: a frozen dataclass of hyper-parameters with three pure functions.

    `step(v, state, p, h)` advances a state by the step size h; `initial(v, x, p)` makes the first state of a point,
    `position(state)` the point of a state. The default state is the point itself. Inside, `v(x, p)` is the field
    and `v.jacobian(x, p)` its Jacobian, on tuples; use the algebra of `dynsys.vector`. Then the same three
    functions are a compiled kernel, a NumPy reference, an exact stability function and a complex-step Jacobian.

    Class attributes declare what holds of it: `order` (None where none), `evaluations` of the field per step,
    `differentiable`, the reason why the update has no Jacobian at a zero of v, or "" if it has one, and `joint`, that
    it treats all components alike, so that it commutes with linear changes of coordinates.
    """

    order: ClassVar[int | None] = None
    evaluations: ClassVar[int] = 1
    differentiable: ClassVar[str] = ""
    joint: ClassVar[bool] = True

    def initial(self, v: Any, x: Any, p: Any) -> Any:
        """The state that starts at x."""
        return x

    def step(self, v: Any, state: Any, p: Any, h: Any) -> Any:
        """The state after one step of size h."""
        raise TypeError(f"{type(self).__name__} defines no step(v, state, p, h)")

    def position(self, state: Any) -> Any:
        """The point of a state."""
        return state

    @property
    def hyperparameters(self) -> dict[str, float]:
        """Names and values, in order; NumPy's numbers as Python's, which a generated text can spell."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: x.item() if isinstance(x, np.generic) else x for name, x in values.items()}

    @property
    def label(self) -> str:
        """The name it has on the command line and in legends."""
        name = type(self).__name__
        return "".join("-" + c.lower() if c.isupper() and i else c.lower() for i, c in enumerate(name))

    @property
    def inlined(self) -> tuple[ModuleType, ...]:
        """The modules whose sources a compiled kernel of this method depends on."""
        modules = (inspect.getmodule(cls) for cls in type(self).__mro__ if cls is not object)
        return tuple({m.__name__: m for m in modules if m is not None}.values())


def check_method(method: Any) -> Method:
    """The method itself, or an error that says how to give one."""
    if isinstance(method, type) and issubclass(method, Method):
        raise InputError(f"method is the class {method.__name__}; write {method.__name__}()")
    if not isinstance(method, Method):
        raise InputError(f"method is {method!r}; give a method such as Euler()")
    return method


@cache
def methods() -> dict[str, type[Method]]:
    """Name on the command line -> method class, for every method that can be named."""
    import integrators.runge_kutta  # noqa: F401  (a subclass registers by being defined)

    def below(cls: type[Method]) -> list[type[Method]]:
        return [c for sub in cls.__subclasses__() for c in (sub, *below(sub))]

    return {
        cls().label: cls for cls in below(Method) if cls.__module__.startswith("integrators.") and cls.order is not None
    }


def method_named(name: str) -> Method:
    """The method of this name at its default hyper-parameters; `InputError` offers the nearest."""
    if name not in methods():
        raise InputError(f"no method is called {name!r}; {nearest(name, methods())}")
    return methods()[name]()


class LinearField:
    """The field v(x) = A x on tuples: what a method sees of any field near a zero."""

    def __init__(self, A: Any):
        self.A = A

    def __call__(self, x: Any, p: Any) -> Any:
        """A x."""
        from dynsys.vector import matvec

        return matvec(self.A, x)

    def jacobian(self, x: Any, p: Any) -> Any:
        """A."""
        return self.A


def linear_update(method: Method, A: Any, h: Any, zero: Any = 0, one: Any = 1) -> list[list[Any]]:
    """The matrix of one step of `method` with step h on the linear field A (a tuple of rows), row by row.

    Entries may be numbers of any kind or polynomials in h: the method's own definition is traced.
    """
    v, n = LinearField(A), len(A)
    size = len(method.initial(v, (zero,) * n, ()))
    columns = [method.step(v, tuple(one if i == j else zero for i in range(size)), (), h) for j in range(size)]
    return [[column[i] for column in columns] for i in range(size)]


def amplification(method: Method, z: Any) -> np.ndarray:
    """The spectral radius of the method's update of ẋ = λx at z = hλ, array of complex z -> array of the same shape."""
    z = np.asarray(z, dtype=complex)
    with np.errstate(all="ignore"):
        rows = linear_update(method, ((z,),), 1.0, np.zeros_like(z), np.ones_like(z))
    matrix = np.stack([np.stack(np.broadcast_arrays(*row), -1) for row in rows], -2)
    if matrix.shape[-1] == 1:
        return np.abs(matrix[..., 0, 0])
    return np.abs(np.linalg.eigvals(matrix)).max(-1)
