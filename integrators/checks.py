"""What the loops ask of their arguments: step sizes, counts, bounds, and room for the result."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import Any

from dynsys.errors import InputError
from dynsys.expressions import finite

MOST_STEPS = 2**62  # so that sums of two counts stay 64-bit numbers
SMALL_RESULT = 2**28  # bytes that nobody need ask the machine for
UNKNOWN_MEMORY = 4 * 2**30  # bytes, where the machine does not say what it has


def check_step(h: Any, argument: str = "h") -> float:
    """A positive, finite step size."""
    value = finite(h, argument)
    if value <= 0:
        raise InputError(f"{argument} is {value:g}; a step size must be positive")
    return value


def check_positive(value: Any, argument: str) -> float:
    """A positive number; infinity stands for the largest one, so that whatever is within it is finite."""
    number = sys.float_info.max if isinstance(value, float) and value == math.inf else finite(value, argument)
    if number <= 0:
        raise InputError(f"{argument} is {number:g}; it must be positive")
    return number


def check_count(value: Any, argument: str, least: int = 0) -> int:
    """A whole number, at least `least` and at most 2⁶²."""
    number = finite(value, argument)
    if not number.is_integer() or number < least:
        raise InputError(f"{argument} is {number:g}; it must be a whole number, at least {least}")
    if int(value) > MOST_STEPS:
        raise InputError(f"{argument} is {number:g}; the most is 2**62")
    return int(value)


def check_memory(size: int, remedy: str) -> None:
    """Refuse, before it is allocated, a result of more bytes than the machine has to give."""
    if size > SMALL_RESULT and size > (available := available_memory()):
        raise InputError(
            f"the result would take {size / 2**30:.1f} of {available / 2**30:.1f} free GiB; keep less with {remedy}"
        )


def available_memory() -> int:
    """Bytes that this process may still allocate without swapping, as far as the system says."""
    found = [size for size in (_free_memory(), _group_memory()) if size is not None]
    return min(found, default=UNKNOWN_MEMORY)


def _free_memory() -> int | None:
    """What Linux would free for a new process, else all the memory there is."""
    try:
        fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        return 1024 * int(fields["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _group_memory() -> int | None:
    """What is left of a container's memory; None without a limit."""
    folder = Path("/sys/fs/cgroup")
    try:
        limit, used = (int((folder / f"memory.{name}").read_text()) for name in ("max", "current"))
    except (OSError, ValueError):  # no group, or "max"
        return None
    return max(limit - used, 0)
