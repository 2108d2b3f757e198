"""Runs on anybody's executor: processes, threads, a cluster. Pieces go out as bytes, and come back in order."""

from __future__ import annotations

import functools
import pickle
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from itertools import pairwise
from typing import Any

import numpy as np

from dynsys.errors import InputError
from integrators.blocks import processors
from integrators.columns import Columns, Plan
from integrators.driver import LOOK, Progress
from integrators.status import LANES

PIECES = 4  # pieces a worker, so that a slow one does not keep the others waiting


def take(
    executor: Executor, plan: Plan, X: np.ndarray, P: np.ndarray, H: np.ndarray, progress: Progress | None = None
) -> Columns:
    """The runs of `Plan.take`, in pieces of whole blocks by the executor's workers; progress counts pieces.

    Ctrl-C takes back the pieces that no worker has begun, and returns those that are there; a piece's own error is
    raised here. `InputError` for an executor that forks or is closed, and for what cannot be sent.
    """
    check_executor(executor)
    packed, m = _packed(plan), X.shape[1]
    if not m:
        return plan.take(X, P, H, 0, 1, progress)
    blocks = -(-m // LANES)
    count = min(blocks, PIECES * (getattr(executor, "_max_workers", None) or processors()))
    edges = [LANES * (blocks * i // count) for i in range(count)] + [m]
    cuts = [slice(a, b) for a, b in pairwise(edges)]
    pieces: list[Columns | None] = [None] * len(cuts)
    futures: list[Future[Any]] = []
    try:
        for cut in cuts:
            given = (packed, X[:, cut], P[:, cut], H[cut], cut.start)
            futures.append(_submitted(executor, given))
        _gather(futures, pieces, progress)
    except BaseException as stop:
        for future in futures:
            future.cancel()
        if not isinstance(stop, KeyboardInterrupt):
            raise
        for i, future in enumerate(futures):
            if future.done() and not future.cancelled() and future.exception() is None:
                pieces[i] = future.result()
    return Columns.joined([_untaken(plan, X[:, cut]) if p is None else p for p, cut in zip(pieces, cuts, strict=True)])


def _gather(futures: list[Future[Any]], pieces: list[Columns | None], progress: Progress | None) -> None:
    """The pieces in order, as they come."""
    reported = 0
    for i, future in enumerate(futures):
        while not future.done():
            wait([future], LOOK)
            done = sum(other.done() for other in futures)
            if progress is not None and reported < done < len(futures):
                progress(done, len(futures))
                reported = done
        pieces[i] = future.result()
    if progress is not None:
        progress(len(futures), len(futures))


def _untaken(plan: Plan, X: np.ndarray) -> Columns:
    """Runs that Ctrl-C came before."""
    runs = plan.begun(X.copy())
    plan.interrupt(runs)
    return runs


def check_executor(executor: Any) -> None:
    """Refuse what is no executor, and one that forks: a child of a program with threads may wait for ever."""
    if not callable(getattr(executor, "submit", None)):
        raise InputError(f"executor is {executor!r}; give a concurrent.futures.Executor")
    if isinstance(executor, ProcessPoolExecutor) and _start_method(executor) == "fork":
        raise InputError(
            "executor forks this process, whose threads and compiled code a child cannot share; make it with "
            'ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))'
        )


def _start_method(executor: Any) -> str:
    method: str = executor._mp_context.get_start_method()
    return method


def _packed(plan: Plan) -> bytes:
    """The plan as bytes: so that an error in unpacking is the piece's, not the death of a worker."""
    try:
        return pickle.dumps(plan)
    except Exception as reason:
        raise InputError(
            f"executor: the field or the method cannot be sent to another process ({reason}); define their classes and "
            "functions in a module, or use threads="
        ) from None


def _submitted(executor: Executor, given: tuple[Any, ...]) -> Future[Any]:
    try:
        return executor.submit(_piece, *given)
    except BrokenExecutor:
        raise
    except RuntimeError as reason:
        raise InputError(f"executor takes no more work ({reason}); give one that is not shut down") from None


def _piece(packed: bytes, X: np.ndarray, P: np.ndarray, H: np.ndarray, first_run: int) -> Columns:
    """What a worker does: the runs of some columns, on one thread."""
    return _unpacked(packed).take(X, P, H, first_run, 1, None)  # `take` works on copies


@functools.lru_cache(maxsize=8)
def _unpacked(packed: bytes) -> Plan:
    try:
        plan: Plan = pickle.loads(packed)
    except (AttributeError, ImportError) as reason:
        raise InputError(
            f"executor: a worker does not know the field or the method ({reason}); define their classes and functions "
            "in a module that it can import"
        ) from None
    return plan
