"""What goes wrong at the edge: input a person can mend."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """An argument that cannot be used; the message names it, its value and the remedy."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a name nobody knows: the nearest known one, or all of them."""
    names = sorted(known)
    close = get_close_matches(name.lower(), [n.lower() for n in names], n=1, cutoff=0.5)
    if close:
        match = next(n for n in names if n.lower() == close[0])
        return f"did you mean {match!r}?"
    return f"known: {', '.join(names)}" if names else "none is known"
