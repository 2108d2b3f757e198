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
        if self.events % 1000 == 0 and time.thread_time() > self.deadline and not _in_destructor(frame):
            raise OvertimeError

    def __exit__(self, kind: object, *error: object) -> None:
        if self.outer is None:
            sys.setprofile(None)
        if kind is not OvertimeError and self.events and time.thread_time() > self.deadline:
            raise OvertimeError  # raised before, but where a generator was being closed, which swallows it


def _in_destructor(frame: Any) -> bool:
    """Whether Python would swallow an exception here."""
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False
