"""States: nested tuples of numbers, such as (x, m) of a method with memory, and their entries in a row.

The position's variables come first, so that the first n entries of any state are those of the point it moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def flat(state: Any) -> tuple[Any, ...]:
    """All numbers of a state, in order."""
    return tuple(_entries(state))


def _entries(state: Any) -> Iterator[Any]:
    if isinstance(state, tuple):
        for part in state:
            yield from _entries(part)
    else:
        yield state


def shaped(values: Any, like: Any) -> Any:
    """The state with these numbers, in order, and the nesting of `like`."""
    return _shaped(iter(values), like)


def _shaped(remaining: Iterator[Any], like: Any) -> Any:
    # a function of its own: one that called itself from within `shaped` would keep its values until a collection
    return tuple([_shaped(remaining, part) for part in like]) if isinstance(like, tuple) else next(remaining)
