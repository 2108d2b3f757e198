"""Paths, progress and interruptions of ensembles: cutting the steps into slices changes no bit of any run."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynsys import ArrayField, VectorField, games, kernels
from dynsys.errors import InputError
from dynsys.minibatches import FiniteSumGame, MinibatchField
from integrators import Euler, Method, Status, columns, driver, ensemble, sample_paths, trajectory
from integrators.algorithms.averaging import UniformAverage
from integrators.algorithms.momentum import HeavyBall
from integrators.algorithms.multistep import OptimisticGradient
from integrators.status import LANES

CUBIC = games.cubic_bilinear().field()
DRIVEN = VectorField(("cos(3*t) - x*y", "x - y"), ("x", "y"), time="t")
ARRAYS = ArrayField(CUBIC, CUBIC.jacobian, ("x", "y"))
GROWTH = VectorField(("a*x",), ("x",), {"a": 1.0})
RANDOM = np.random.default_rng(11)
TABLE = FiniteSumGame(
    {"first": ("x",), "second": ("y",)},
    {"first": "u*x*y - x**2/2", "second": "-u*x*y - y**2/2 + s*y"},
    {"u": RANDOM.normal(1, 1, 7), "s": RANDOM.uniform(0, 1, 7)},
)
BATCHES = MinibatchField(TABLE, 2, sampling="reshuffled")
STARTS = RANDOM.uniform(-3, 3, (LANES + 5, 2))
STARTS[2] = np.nan
CASES = {
    "formula": (CUBIC, UniformAverage(HeavyBall())),
    "driven": (DRIVEN, OptimisticGradient()),
    "arrays": (ARRAYS, UniformAverage(HeavyBall())),
    "batches": (BATCHES, HeavyBall()),
}
every_case = pytest.mark.parametrize(("field", "method"), CASES.values(), ids=list(CASES))
WILD = {"h": 0.4, "steps": 37, "divergence_bound": 4.0}


def bits(many):
    return [a if a is None else a.tobytes() for a in (many.x, many.status, many.steps, many.average)]


@pytest.fixture
def sliced(monkeypatch):
    """Three steps of a block a slice, whatever the clock says."""
    for name in ("FIRST_SLICE", "FIRST_PLAIN_SLICE"):
        monkeypatch.setattr(driver, name, 3 * LANES)
    monkeypatch.setattr(driver.Work, "_learn", lambda *_: None)


# --- slices and kept points -----------------------------------------------------------------------


@every_case
def test_slices_change_no_bit_of_a_run(field, method, monkeypatch):
    given = {"field": field, "starts": STARTS, "method": method, **WILD}
    whole, path = ensemble(**given), ensemble(every=5, **given).path
    assert len(set(whole.status)) > 1
    for size in (LANES, 3 * LANES, 7 * LANES):
        monkeypatch.setattr(driver, "FIRST_SLICE", size)
        monkeypatch.setattr(driver, "FIRST_PLAIN_SLICE", size)
        monkeypatch.setattr(driver.Work, "_learn", lambda *_: None)
        again = ensemble(every=5, threads=2, **given)
        assert bits(again) == bits(whole)
        assert bits(again.path) == bits(path)


@every_case
@pytest.mark.parametrize("every", [1, 4, 37, 38, 2**61])
def test_a_path_holds_the_ends_of_shorter_ensembles(field, method, every):
    given = {"field": field, "starts": STARTS, "method": method, **WILD}
    many = ensemble(every=every, **given)
    assert bits(many) == bits(ensemble(**given))
    assert many.path.k.tolist() == list(range(0, 38, every)) and many.path.x.shape == (len(many.path.k), len(STARTS), 2)
    np.testing.assert_allclose(many.path.t, 0.4 * many.path.k, rtol=1e-15)
    for k, x in zip(many.path.k[:: 1 + len(many.path.k) // 4], many.path.x[:: 1 + len(many.path.k) // 4], strict=True):
        assert x.tobytes() == ensemble(**{**given, "steps": int(k)}).x.tobytes()


@pytest.mark.parametrize(("field", "method"), [CASES["formula"], CASES["driven"]], ids=["formula", "driven"])
def test_a_path_is_the_trajectory_from_each_start_and_stays_at_its_end(field, method):
    many = ensemble(field, STARTS, method, every=3, t0=2.0, **WILD)
    for i in (0, 7, LANES + 2):
        run = trajectory(field, STARTS[i], method, every=3, t0=2.0, compiled=False, **WILD)
        kept = len(run.x)
        np.testing.assert_allclose(many.path.x[:kept, i], run.x, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(many.path.t[:kept], run.t, rtol=1e-15)
        assert (many.path.x[kept:, i] == many.x[i]).all()
        if run.average is not None:
            np.testing.assert_allclose(many.path.average[:kept, i], run.average, rtol=1e-10, atol=1e-12)
    assert many.path.status is many.status


def test_a_field_of_one_variable_with_time_keeps_no_average():
    driven = VectorField(("cos(t)",), ("x",), time="t")
    many = ensemble(driven, [[0.0]], Euler(), 0.1, 4, every=2, t0=1.0)
    assert many.average is None and many.path.average is None
    np.testing.assert_allclose(many.path.t, [1.0, 1.2, 1.4], rtol=1e-15)


# --- counts beyond 32 bits ------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [2**40, 2**62])
@pytest.mark.parametrize("every", [None, 2**58])
def test_runs_that_end_end_a_long_ensemble_at_once(steps, every):
    if every and steps < every:
        every = steps // 16
    many = ensemble(GROWTH, [[1.0], [0.0]], Euler(), 1.0, steps, every=every, divergence_bound=8.0)
    assert many.status.tolist() == [Status.DIVERGED, Status.STATIONARY] and many.steps.tolist() == [3, 0]
    if every:
        assert len(many.path.k) == 17 and many.path.k[-1] == steps
        assert (many.path.x[1:] == many.x).all()
    assert (sample_paths(BATCHES, STARTS[:2] * 1e9, Euler(), 9.0, steps, steps).status == Status.DIVERGED).all()


def test_steps_are_counted_beyond_32_bits():
    plan, begin = columns.Plan(GROWTH, Euler(), 2**62, columns.NEVER, 1e10), 2**62 - 9
    run, room, _ = plan._loop(0)
    runs, H = plan.begun(np.full((1, LANES), 2.0)), np.ones(LANES)
    a = np.where(np.arange(LANES) % 2, 1.0, -2.0)[None]
    S, span = runs.x.copy(), (begin, 2**62, False, columns.NEVER)
    run(runs.x, S, a, H, runs.status, runs.steps, runs.kept, *span, 16.0, 0, 1, *room(0, 1))
    assert runs.steps.tolist() == [2**62, begin + 3] * (LANES // 2)
    assert runs.status.tolist() == [Status.FINISHED, Status.DIVERGED] * (LANES // 2)


def test_more_steps_than_can_be_counted_are_refused():
    with pytest.raises(InputError, match=r"steps is 9.22337e\+18; the most is 2\*\*62"):
        ensemble(GROWTH, [[0.0]], Euler(), 1.0, 2**63)


# --- progress -------------------------------------------------------------------------------------


@every_case
@pytest.mark.parametrize("threads", [1, 2])
def test_progress_grows_to_all_steps_of_all_runs_in_the_calling_thread(field, method, threads, sliced, monkeypatch):
    monkeypatch.setattr(driver, "LOOK", 0.0)
    seen = []
    given = {"field": field, "starts": STARTS, "method": method, "threads": threads, **WILD}
    many = ensemble(progress=lambda *now: seen.append((*now, threading.get_ident())), **given)
    done = [now[0] for now in seen]
    assert done == sorted(done) and (threads > 1 or field is ARRAYS or len(set(done)) > 2 or not kernels.compiling())
    assert {now[1:] for now in seen} == {(37 * len(STARTS), threading.get_ident())}
    assert done[-1] == 37 * len(STARTS)
    assert bits(many) == bits(ensemble(**given))


def test_an_error_in_progress_stops_the_work_and_comes_through(sliced, monkeypatch):
    monkeypatch.setattr(driver, "LOOK", 0.0)

    def fail(done, total):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        ensemble(DRIVEN, STARTS, Euler(), 1e-9, 2**50, progress=fail)


@dataclass(frozen=True)
class Failing(Method):
    """It fails on arrays."""

    def step(self, v, state, p, h):
        if isinstance(h, np.ndarray):
            raise ZeroDivisionError("its own")
        return v(state, p)


def test_an_error_in_a_thread_comes_through():
    with pytest.raises(ZeroDivisionError, match="its own"):
        ensemble(ARRAYS, np.tile(STARTS, (40, 1)), Failing(), 0.1, 10**9, threads=2)


# --- Ctrl-C ---------------------------------------------------------------------------------------


def interrupt_after(seconds):
    main = threading.main_thread().ident
    timer = threading.Timer(seconds, lambda: signal.pthread_kill(main, signal.SIGINT))
    timer.start()
    return timer


posix = pytest.mark.skipif(os.name != "posix", reason="sends a signal")


@posix
@every_case
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_stops_a_long_run_at_once_with_the_point_it_reached(field, method, threads):
    starts, h = np.vstack([STARTS[:3], np.zeros((1, 2)), STARTS[3:20] / 40]), 1e-9
    if field is CUBIC:
        starts[0] = 1e4  # diverges at once
    ensemble(field, starts, method, h, 3)  # compiles
    timer = interrupt_after(0.3)
    clock = time.perf_counter()
    many = ensemble(field, starts, method, h, 2**50, every=2**46, threads=threads, divergence_bound=1e3)
    seconds = time.perf_counter() - clock
    timer.join()
    assert seconds < 30  # slices take a twentieth of a second; the rest is for a busy machine
    stopped = many.status == Status.INTERRUPTED
    assert stopped[5:].all() and many.status[2] == Status.NOT_FINITE
    assert (many.steps[stopped] > 0).all() and (many.steps < 2**50).all()
    assert (many.path.x[1:, stopped] == many.x[stopped]).all() and len(many.path.k) == 17
    assert many.path.x[0].tobytes() == starts.tobytes()
    with pytest.raises(KeyboardInterrupt):
        many.complete()
    few = int(many.steps[stopped][0])
    if few < 10_000:  # of plain Python and of arrays: what they reached is what so many steps reach
        alone = ensemble(
            field, starts, method, h, few, divergence_bound=1e3
        )  # all of them: a run's place is its stream
        assert many.x[stopped].tobytes() == alone.x[stopped].tobytes()


def test_ctrl_c_returns_the_runs_that_had_ended_and_the_starts_of_those_not_begun(sliced, monkeypatch):
    monkeypatch.setattr(columns, "JOB", 1)
    starts = np.tile(STARTS[3:], (4, 1))
    given = {"field": CUBIC, "starts": starts, "method": UniformAverage(), "h": 0.01, "steps": 40, "threads": 1}
    whole = ensemble(**given)

    def stop(work, *_):  # after a slice, in whichever thread took it: a report might come later
        if sum(work.done) >= 50 * LANES:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(driver.Work, "_learn", stop)
        many = ensemble(**given)
    first, rest = slice(0, LANES), slice(2 * LANES, None)
    assert many.x[first].tobytes() == whole.x[first].tobytes() and (many.status[first] == whole.status[first]).all()
    assert many.x[rest].tobytes() == many.average[rest].tobytes() == starts[rest].tobytes()
    assert (many.status[rest] == Status.INTERRUPTED).all() and (many.steps[rest] == 0).all()
    assert Status.INTERRUPTED.message.startswith("was stopped by Ctrl-C")
    assert ensemble(**given).complete().status.tolist() == whole.status.tolist()


@given(cut=st.integers(0, 12), every=st.integers(1, 14))
def test_wherever_ctrl_c_comes_a_path_stays_at_the_last_point_reached(cut, every):
    with pytest.MonkeyPatch.context() as patched:
        for name in ("FIRST_SLICE", "FIRST_PLAIN_SLICE"):
            patched.setattr(driver, name, 3)
        patched.setattr(driver.Work, "_learn", lambda *_: None)
        patched.setattr(driver, "LOOK", -1.0)

        def stop(done, total):
            if done >= cut:
                raise KeyboardInterrupt

        many = ensemble(GROWTH, [[1.0]], Euler(), 1.0, 12, every=every, progress=stop, threads=1)
    reached = int(many.steps[0])
    assert many.x[0, 0] == 2.0**reached and reached >= min(cut, 9)
    assert many.path.x[:, 0, 0].tolist() == [2.0 ** min(k, reached) for k in range(0, 13, every)]
    assert many.status[0] == (Status.INTERRUPTED if reached < 12 else Status.FINISHED)


def test_analyses_that_need_all_runs_pass_ctrl_c_on(monkeypatch):
    from analysis import fixed_points

    monkeypatch.setattr(driver.Work, "run", lambda *_: False)
    with pytest.raises(KeyboardInterrupt):
        fixed_points(games.sine().field(), box=[(-2, 2), (-2, 2)])


def test_wide_vectors_are_asked_for_only_where_there_are_any():
    if not kernels.compiling():
        pytest.skip("nothing compiles")
    from integrators.lanes import has_wide_vectors

    assert has_wide_vectors({"avx2": True, "avx512f": True})
    assert not has_wide_vectors({"avx2": True, "avx512f": False}) and not has_wide_vectors({})
