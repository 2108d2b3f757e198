"""Immutable objects travel to other processes as what they were made from."""

from __future__ import annotations

from dataclasses import fields
from types import MappingProxyType
from typing import Any


class Rebuilt:
    """A dataclass that pickles as a call of its class: neither read-only mappings nor what it has cached would."""

    def __reduce__(self) -> Any:
        own: Any = self
        values = (getattr(self, f.name) for f in fields(own) if f.init)
        return type(self), tuple(dict(v) if isinstance(v, MappingProxyType) else v for v in values)
