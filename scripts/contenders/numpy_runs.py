"""Ensembles with NumPy alone: chunks that fit the cache, every operation into a buffer of its own, two threads."""

from collections.abc import Callable
from typing import Any

import numpy as np
from contenders.c_runs import in_threads
from contenders.fields import function, step

from dynsys import VectorField

CHUNK = 8192


class _Traced:
    """A number that writes down what is done with it, an operation a line, results into free buffers."""

    def __init__(self, tape: "_Tape", name: str):
        self.tape, self.name = tape, name

    def __add__(self, other: Any) -> "_Traced":
        return self.tape.call("add", self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> "_Traced":
        return self.tape.call("subtract", self, other)

    def __rsub__(self, other: Any) -> "_Traced":
        return self.tape.call("subtract", other, self)

    def __mul__(self, other: Any) -> "_Traced":
        return self.tape.call("multiply", self, other)

    __rmul__ = __mul__

    def __rtruediv__(self, other: Any) -> "_Traced":
        return self.tape.call("true_divide", other, self)

    def __neg__(self) -> "_Traced":
        return self.tape.call("negative", self)


class _Tape:
    """Operations in order: (name, arguments, result)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, tuple[Any, ...], _Traced]] = []

    def call(self, name: str, *arguments: Any) -> _Traced:
        result = _Traced(self, f"t{len(self.lines)}")
        self.lines.append((name, arguments, result))
        return result


def in_place(field: VectorField, method: str) -> Callable[[np.ndarray, float, int], None]:
    """(x, h, steps): the rows of x advance in place; buffers are used again as soon as their value is not needed."""
    tape = _Tape()
    x = tuple(_Traced(tape, f"x[{i}]") for i in range(field.n))
    v = function(field, {"exp": lambda t: tape.call("exp", t)})
    new = step(v, method, _Traced(tape, "h"))(x, field.values())
    last = {id(a): k for k, (_, arguments, _) in enumerate(tape.lines) for a in arguments}
    last |= {id(value): len(tape.lines) for value in new}
    free, count, lines = [], 0, []
    for k, (name, arguments, result) in enumerate(tape.lines):
        texts = [a.name if isinstance(a, _Traced) else repr(a) for a in arguments]
        if all(not t.startswith(("x", "b")) for t in texts):  # a number: h/2
            lines.append(f"{result.name} = np.{name}({', '.join(texts)})")
            continue
        for a in {id(a): a for a in arguments}.values():
            if isinstance(a, _Traced) and a.name.startswith("b") and last[id(a)] == k:
                free.append(a.name)
        if not free:
            free, count = [f"b[{count}]"], count + 1
        target = free.pop()
        lines.append(f"np.{name}({', '.join(texts)}, out={target})")
        result.name = target
    lines += [f"x[{i}][:] = {value.name}" for i, value in enumerate(new)]
    body = "\n".join(f"        {line}" for line in lines)
    space: dict[str, Any] = {"np": np}
    text = f"def advance(x, h, steps):\n    b = np.empty(({count}, x.shape[1]))\n    for _ in range(steps):\n{body}\n"
    exec(text, space)  # text made above
    return space["advance"]


def ensemble(field: VectorField, method: str) -> Callable[..., np.ndarray]:
    """(starts, h, steps) -> last points."""
    advance = in_place(field, method)

    def call(starts: np.ndarray, h: float, steps: int) -> np.ndarray:
        chunks = [np.ascontiguousarray(starts[i : i + CHUNK].T) for i in range(0, len(starts), CHUNK)]
        in_threads(lambda first, last: [advance(c, h, steps) for c in chunks[first:last]], len(chunks), 2, 1)
        return np.concatenate(chunks, axis=1).T

    return call
