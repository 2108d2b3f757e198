"""The one loop over long work: runs in jobs, steps in slices short enough to look at Ctrl-C in between."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from time import perf_counter

from integrators.status import LANES

JOB = 128  # most blocks a thread takes at a time: a job takes some 20 microseconds to start
SMALL = 200_000  # steps of all runs together that take less time than to start threads
SLICE = 0.05  # seconds that a slice of a job is to take: what Ctrl-C waits for
LOOK = 0.1  # seconds between two reports of progress
FIRST_SLICE = 1 << 17  # runs x steps in the first slice, before a job's pace is known
FIRST_PLAIN_SLICE = 1 << 12  # of plain Python

Progress = Callable[[int, int], object]


class Work:
    """m runs of so many steps, in blocks, of which `advance` takes slices.

    `advance(first, last, begin, end)` takes steps begin .. end - 1 of the runs of the blocks first .. last - 1;
    `alive(first, last)` says how many of these have not ended. `compiled`: without the GIL, and never torn by Ctrl-C;
    `most`: blocks in a job; `small`: so little work that threads take longer to start.
    """

    def __init__(
        self,
        advance: Callable[[int, int, int, int], None],
        alive: Callable[[int, int], int],
        m: int,
        steps: int,
        compiled: bool,
        most: int = JOB,
        small: bool | None = None,
    ):
        self.advance, self.alive, self.m, self.steps, self.compiled = advance, alive, m, steps, compiled
        self.most = most
        self.small = m * steps <= (SMALL if compiled else FIRST_PLAIN_SLICE) if small is None else small
        self.blocks = -(-m // LANES)
        self.slice = FIRST_SLICE if compiled else FIRST_PLAIN_SLICE
        self.done: list[int] = []

    def run(self, threads: int, progress: Progress | None = None) -> bool:
        """Take all steps, and report progress(done, all), in runs x steps, now and then; False if Ctrl-C came first."""
        rounds = max(1, -(-self.blocks // (threads * self.most)))
        size = max(1, -(-self.blocks // (threads * rounds)))  # jobs of one size, as many for each thread
        firsts = range(0, self.blocks, size)
        self.done = [0] * len(firsts)
        clock = perf_counter()

        def report(last: bool = False) -> None:
            nonlocal clock
            if progress is not None and (last or perf_counter() - clock > LOOK):
                progress(sum(self.done), self.m * self.steps)
                clock = perf_counter()

        try:
            self.advance(0, 0, 0, 0)  # compiles, if need be
            if self.small or (self.compiled and min(threads, len(firsts)) == 1):
                for number, first in enumerate(firsts):
                    for _ in self._slices(number, first, min(first + size, self.blocks)):
                        report()
            else:
                self._in_threads(firsts, size, threads, report)
            report(True)
            return True
        except KeyboardInterrupt:
            return False

    def _in_threads(self, firsts: range, size: int, threads: int, report: Callable[[], object]) -> None:
        stopped = threading.Event()

        def job(number: int) -> None:
            slices = self._slices(number, firsts[number], min(firsts[number] + size, self.blocks))
            try:
                while not stopped.is_set() and next(slices, False):
                    pass
            except BaseException:
                stopped.set()
                raise

        with ThreadPoolExecutor(threads) as pool:
            try:
                futures = [pool.submit(job, number) for number in range(len(firsts))]
                for future in futures:  # in turn: a thread that never sleeps may share a processor with the other
                    while not future.done():
                        wait([future], LOOK)
                        report()
                    future.result()
            except BaseException:
                stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _slices(self, number: int, first: int, last: int) -> Iterator[bool]:
        """Take a job's steps, and stop to look after each slice."""
        runs = min(last * LANES, self.m) - first * LANES
        begin, alive = 0, runs
        while True:
            end = min(self.steps, begin + max(1, self.slice // runs)) if alive else self.steps
            clock = perf_counter()
            self.advance(first, last, begin, end)
            self.done[number] = runs * end
            if end == self.steps:
                return
            alive = self.alive(first, last)
            self._learn(alive * (end - begin), perf_counter() - clock)
            begin = end
            yield True

    def _learn(self, amount: int, seconds: float) -> None:
        """Aim the next slice at its time; runs that ended meanwhile make it shorter than it might be, never longer."""
        aim = int(amount * SLICE / max(seconds, 1e-9))
        self.slice = max(1, self.slice // 8, min(aim, 8 * self.slice))
