"""A limit on the processor time of a piece of work that knows none itself."""

from __future__ import annotations

import sys
import time
from typing import Any


class OvertimeError(BaseException):
    """The work took too long. No `Exception`: SymPy catches those."""


class Watch:
    """Stops the work inside `with` after `seconds`, in any thread (a signal reaches the main one only).

    It looks at the clock once it is armed: a look at every call makes SymPy take twice as long.
    """

    def __init__(self, seconds: float):
        self.seconds = seconds

    def __enter__(self) -> Watch:
        self.deadline, self.events, self.outer = time.thread_time() + self.seconds, 0, sys.getprofile()
        return self

    def arm(self) -> None:
        """Start to look; a profiler at work goes first."""
        if self.outer is None:
            sys.setprofile(self._look)

    def _look(self, frame: Any, event: str, argument: Any) -> None:
        self.events += 1
        if self.events % 1000 == 0 and time.thread_time() > self.deadline:
            raise OvertimeError

    def __exit__(self, *error: object) -> None:
        if self.outer is None:
            sys.setprofile(None)
