"""What goes wrong at the edge: input a person can mend."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


class InputError(ValueError):
    """An argument that cannot be used; the message names it, its value and the remedy."""


def shown(value: Any) -> str:
    """A value as one short line of a message, whatever it is."""
    if isinstance(value, str) and len(value) > 60:
        value = value[:57] + "..."
    try:
        text = " ".join(repr(value).split())
    except (RecursionError, ValueError):  # nested too deeply, or a whole number of too many digits to print
        return f"a {type(value).__name__} too large to show"
    return text if len(text) <= 80 else text[:77] + "..."


def nearest(name: Any, known: Iterable[str]) -> str:
    """A hint for a name nobody knows: the nearest known one, or all of them."""
    names = sorted(known)
    close = get_close_matches(str(name).lower(), [n.lower() for n in names], n=1, cutoff=0.5)
    if close:
        match = next(n for n in names if n.lower() == close[0])
        return f"did you mean {match!r}?"
    return f"known: {', '.join(names)}" if names else "none is known"
