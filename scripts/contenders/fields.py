"""The benchmark's fields in every contender's words: one text of arithmetic, generated from expressions."""

import ast
import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from dynsys import VectorField, games
from dynsys.transforms import consensus


@functools.cache
def fields() -> dict[str, VectorField]:
    """Name -> field."""
    cubic = games.cubic_bilinear().field()
    return {
        "bilinear": games.curl().field(),
        "cubic": cubic,
        "logistic": games.dirac_gan().field(),
        "consensus": consensus(cubic, gamma=0.1),
    }


@functools.cache
def ring(n: int) -> VectorField:
    """n variables in a ring, the field of each cubic in itself and linear in its neighbours."""
    x = [f"x{i}" for i in range(n)]
    return VectorField([f"{x[i - 1]} - {x[(i + 1) % n]} + {x[i]}/2 - {x[i]}**3/4" for i in range(n)], x)


def function(field: VectorField, names: Mapping[str, Any]) -> Callable[[Any, Any], tuple[Any, ...]]:
    """v(x, p) on tuples of whatever numbers, arrays or expressions `exp` of `names` is for."""
    space: dict[str, Any] = {"logistic": lambda t: 1.0 / (1.0 + names["exp"](-t)), **names}
    exec(field.source(["field"]), space)  # text generated from the expressions above
    return space["field"]


def step(v: Callable[[Any, Any], tuple[Any, ...]], method: str, h: Any) -> Callable[[Any, Any], tuple[Any, ...]]:
    """One step of "euler" or "runge_kutta4" on tuples: (x, p) -> x."""

    def move(x: Any, by: Any, slope: Any) -> tuple[Any, ...]:
        return tuple(a + by * s for a, s in zip(x, slope, strict=True))

    def euler(x: Any, p: Any) -> tuple[Any, ...]:
        return move(x, h, v(x, p))

    def runge_kutta4(x: Any, p: Any) -> tuple[Any, ...]:
        a = v(x, p)
        b = v(move(x, 0.5 * h, a), p)
        c = v(move(x, 0.5 * h, b), p)
        d = v(move(x, h, c), p)
        total = tuple(k1 + 2.0 * (k2 + k3) + k4 for k1, k2, k3, k4 in zip(a, b, c, d, strict=True))
        return move(x, (1 / 6) * h, total)

    return {"euler": euler, "runge_kutta4": runge_kutta4}[method]


def in_c(field: VectorField) -> str:
    """The field as a function in C: N variables, Q parameters."""
    text = re.sub(r"\(([^()]*)\)\*\*2\b", r"square(\1)", field.source(["field"]))
    lines = text.strip().splitlines()[1:]
    if any("**" in line for line in lines):
        raise ValueError(f"{field.name} holds a power that C writes in another way")
    body = [re.sub(r"^\s+(\w+) = (.*)$", r"    const double \1 = \2;", line) for line in lines[:-1]]
    inner = lines[-1].strip().removeprefix("return ")
    values = ", ".join(_entries(ast.parse(inner, mode="eval").body))
    head = [f"#define N {field.n}", f"#define Q {len(field.values())}", "typedef struct { double v[N]; } point;"]
    head += ["INLINE point field(const double *x, const double *p) {", *body]
    return "\n".join([*head, f"    return (point){{{{{values}}}}};", "}", ""])


def _entries(node: ast.expr) -> list[str]:
    """The items of a tuple's text, which may be a sum of tuples."""
    if isinstance(node, ast.BinOp):
        return _entries(node.left) + _entries(node.right)
    assert isinstance(node, ast.Tuple)
    return [ast.unparse(e) for e in node.elts]
