"""Ensembles on executors: threads, spawned processes and a cluster return the bits of a run at home, in order."""

from __future__ import annotations

import multiprocessing
import pickle
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

from dynsys import ArrayField, VectorField, games
from dynsys.errors import InputError
from dynsys.minibatches import FiniteSumGame, MinibatchField
from dynsys.transforms import consensus
from integrators import Euler, Method, Status, driver, ensemble, executors, sample_paths, trajectory
from integrators.algorithms.averaging import UniformAverage
from integrators.algorithms.momentum import HeavyBall
from integrators.status import LANES

CUBIC = games.cubic_bilinear().field()
DRIVEN = VectorField(("cos(3*t) - k*x",), ("x",), {"k": 1.0}, time="t", period=(2.0,))
RANDOM = np.random.default_rng(5)
TABLE = FiniteSumGame(
    {"first": ("x",), "second": ("y",)},
    {"first": "u*x*y - x**2/2", "second": "-u*x*y - y**2/2 + s*y"},
    {"u": RANDOM.normal(1, 1, 7), "s": RANDOM.uniform(0, 1, 7)},
)
ARRAYS = ArrayField(CUBIC, CUBIC.jacobian, ("x", "y"))
AVERAGED = UniformAverage(HeavyBall())
BATCHES = MinibatchField(TABLE, 2, sampling="reshuffled")
M = 7 * LANES + 3
STARTS = RANDOM.uniform(-3, 3, (M, 2))
WILD = {"h": 0.5, "steps": 23, "divergence_bound": 4.5, "every": 5}


def bits(many):
    return [a if a is None else a.tobytes() for a in (many.x, many.status, many.steps, many.average)]


def agree(executor, field, starts, method, **more):
    """The same bits with the executor as without, in the ends and on the way."""
    given = {"field": field, "starts": starts, "method": method, **WILD, **more}
    here, there = ensemble(**given), ensemble(executor=executor, **given)
    assert len(set(here.status)) > 1 or method == Euler()
    return bits(here) == bits(there) and bits(here.path) == bits(there.path)


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        yield pool


# --- the same runs --------------------------------------------------------------------------------


def test_threads_return_the_bits_of_runs_at_home():
    with ThreadPoolExecutor(3) as pool:
        assert agree(pool, CUBIC, STARTS, AVERAGED)
        assert agree(pool, DRIVEN, STARTS[:, :1], Euler(), parameters={"k": RANDOM.uniform(0, 1, M)}, t0=0.5)
        assert agree(pool, BATCHES, STARTS, HeavyBall(), rng=3)
        assert agree(pool, ARRAYS, STARTS, HeavyBall())
        assert agree(pool, CUBIC, STARTS, Euler(), h=RANDOM.uniform(0.01, 0.9, M))
        for m in (0, 1, LANES, LANES + 1):
            given = {"field": CUBIC, "starts": STARTS[:m], "method": Euler(), **WILD}
            assert bits(ensemble(executor=pool, **given)) == bits(ensemble(**given))


def test_spawned_processes_return_the_bits_of_runs_at_home(processes):
    assert agree(processes, CUBIC, STARTS, AVERAGED)
    assert agree(processes, BATCHES, STARTS, HeavyBall(), rng=3)
    path = sample_paths(BATCHES, STARTS, HeavyBall(), 0.1, 10, every=4, rng=8, executor=processes)
    assert bits(path) == bits(sample_paths(BATCHES, STARTS, HeavyBall(), 0.1, 10, every=4, rng=8))


def test_a_cluster_returns_the_bits_of_runs_at_home():
    distributed = pytest.importorskip("distributed")
    kind = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**kind, silence_logs=50) as cluster, distributed.Client(cluster) as client:
        seen = []
        given = {"field": CUBIC, "starts": STARTS, "method": AVERAGED, **WILD}
        there = ensemble(executor=client.get_executor(), progress=lambda *now: seen.append(now), **given)
        assert bits(there) == bits(ensemble(**given)) and len(set(there.status)) > 1
        assert seen[-1][0] == seen[-1][1] > 1
        with pytest.raises(InputError, match=r"a worker does not know .*Local"):
            ensemble(executor=client.get_executor(), **{**given, "method": method_of_main("LocalOfMain")})


def method_of_main(name):
    """A method whose class lies in __main__, which no worker shares."""
    cls = type(name, (Method,), {"__module__": "__main__", "step": lambda self, v, s, p, h: v(s, p)})
    setattr(sys.modules["__main__"], name, cls)
    return cls()


SCRIPT = """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
    from dataclasses import dataclass

    import numpy as np
    from dynsys import games
    from integrators import Method, ensemble

    @dataclass(frozen=True)
    class Mine(Method):
        def step(self, v, x, p, h):
            return tuple(a + 0.5 * h * b for a, b in zip(x, v(x, p)))

    def digest(executor=None):
        starts = np.linspace(-3, 3, 400).reshape(200, 2)
        many = ensemble(games.cubic_bilinear().field(), starts, Mine(), h=0.9, steps=37, executor=executor)
        return many.x.tobytes() + many.steps.tobytes()

    if __name__ == "__main__":
        here = digest()
        with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
            assert digest(pool) == here
        with ThreadPoolExecutor(2) as pool:
            assert digest(pool) == here
        assert digest() == here
        print("the same")
"""


def test_a_kernel_then_processes_then_threads_in_one_program_agree_on_a_method_of_its_own(tmp_path):
    (tmp_path / "program.py").write_text(textwrap.dedent(SCRIPT))
    done = subprocess.run([sys.executable, tmp_path / "program.py"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "the same"


TRAVELLERS = {"formula": CUBIC, "driven": DRIVEN, "consensus": consensus(CUBIC, gamma=0.3), "arrays": ARRAYS}


@pytest.mark.parametrize("field", TRAVELLERS.values(), ids=list(TRAVELLERS))
def test_fields_and_methods_travel_after_they_have_run(field):
    given = {"x0": STARTS[0, : field.n] / 9, "h": 0.1, "steps": 5, "compiled": False}
    run = trajectory(field, method=AVERAGED, **given)
    again, method = pickle.loads(pickle.dumps((field, AVERAGED)))
    assert method == AVERAGED and again.variables == field.variables
    assert trajectory(again, method=method, **given).x.tobytes() == run.x.tobytes()


# --- progress, errors, Ctrl-C ---------------------------------------------------------------------


class Later(Executor):
    """Some pieces are done when asked for; the others fail, or wait, and Ctrl-C comes with the last."""

    _max_workers = 2  # and so eight pieces

    def __init__(self, pieces, then=KeyboardInterrupt):
        self.pieces, self.then, self.futures = pieces, then, []

    def submit(self, function, *args):
        future = Future()
        self.futures.append(future)
        if len(self.futures) <= self.pieces:
            future.set_result(function(*args))
        elif len(self.futures) == 8 and self.then is KeyboardInterrupt:
            raise KeyboardInterrupt
        elif self.then is not KeyboardInterrupt:
            future.set_exception(self.then)
        return future


def test_ctrl_c_returns_the_pieces_that_are_there_and_takes_the_others_back():
    executor, given = Later(3), {"field": CUBIC, "starts": STARTS, "method": AVERAGED, **WILD}
    many, whole = ensemble(executor=executor, **given), ensemble(**given)
    done = int(np.flatnonzero(many.status == Status.INTERRUPTED)[0])
    assert many.x[:done].tobytes() == whole.x[:done].tobytes()
    assert many.path.x[:, :done].tobytes() == whole.path.x[:, :done].tobytes()
    assert many.x[done:].tobytes() == many.average[done:].tobytes() == STARTS[done:].tobytes()
    assert (many.path.x[:, done:] == STARTS[done:]).all() and (many.steps[done:] == 0).all()
    assert (many.status[done:] == Status.INTERRUPTED).all() and done == 3 * LANES
    assert all(future.cancelled() for future in executor.futures[3:7])


def test_an_error_of_a_piece_comes_through_and_takes_the_others_back():
    executor = Later(1, ZeroDivisionError("its own"))
    with pytest.raises(ZeroDivisionError, match="its own"):
        ensemble(CUBIC, STARTS, Euler(), executor=executor, **WILD)


def test_progress_counts_pieces_in_the_calling_thread(monkeypatch):
    monkeypatch.setattr(executors, "LOOK", 0.0)
    seen = []
    with ThreadPoolExecutor(2) as pool:
        progress = lambda *now: seen.append((*now, threading.get_ident()))  # noqa: E731
        ensemble(CUBIC, STARTS, Euler(), executor=pool, progress=progress, **WILD)
    done = [now[0] for now in seen]
    assert done == sorted(set(done)) and seen[-1] == (8, 8, threading.get_ident())


def test_pieces_are_whole_blocks_and_each_takes_one_thread(monkeypatch):
    threads, sizes = [], []
    run = driver.Work.run

    def watched(self, count, progress=None):
        threads.append(count)
        sizes.append(self.m)
        return run(self, count, progress)

    monkeypatch.setattr(driver.Work, "run", watched)
    with ThreadPoolExecutor(1) as pool:
        ensemble(CUBIC, STARTS, Euler(), executor=pool, **WILD)
    assert set(threads) == {1} and sum(sizes) == M and sizes == [2 * LANES, 2 * LANES, 2 * LANES, LANES + 3]


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="nothing forks")
def test_a_pool_that_forks_is_refused_with_the_remedy():
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("fork"))
    with pytest.raises(InputError, match=r'forks this process.*multiprocessing.get_context\("spawn"\)'):
        ensemble(CUBIC, STARTS, Euler(), executor=pool, **WILD)


def test_what_is_no_executor_or_is_closed_or_cannot_be_sent_is_refused():
    given = {"field": CUBIC, "starts": STARTS, "method": Euler(), **WILD}
    with ThreadPoolExecutor(1) as pool:
        local = ArrayField(lambda x: -x, CUBIC.jacobian, ("x", "y"))
        with pytest.raises(InputError, match=r"cannot be sent to another process.*define their classes and functions"):
            ensemble(executor=pool, **{**given, "field": local})
    with pytest.raises(InputError, match=r"executor takes no more work .*shut"):
        ensemble(executor=pool, **given)
    with pytest.raises(InputError, match=r"executor is 2; give a concurrent\.futures\.Executor"):
        ensemble(executor=2, **given)


def test_a_method_that_a_worker_does_not_know_is_named(processes):
    with pytest.raises(InputError, match=r"a worker does not know the field or the method.*Unheard.*in a module"):
        ensemble(CUBIC, STARTS, method_of_main("Unheard"), executor=processes, **WILD)
    assert agree(processes, CUBIC, STARTS, AVERAGED)  # the pool has survived
