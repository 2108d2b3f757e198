"""Many runs at once: each is the run it would be alone, bit for bit, whatever its neighbours and threads do."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynsys import VectorField, games
from dynsys.errors import InputError
from dynsys.transforms import consensus
from integrators import Euler, Newton, RungeKutta4, Status, ensemble, trajectory
from integrators.algorithms.averaging import UniformAverage
from integrators.algorithms.momentum import HeavyBall
from integrators.algorithms.players import Alternating
from integrators.status import LANES

CUBIC = games.cubic_bilinear().field()
RELAXED = consensus(games.spiral_saddle().field(), gamma=0.3)
RANDOM = np.random.default_rng(7)
SOME = [Euler(), RungeKutta4(), Newton(), Alternating(HeavyBall()), UniformAverage()]  # all meet in the contract
every_method = pytest.mark.parametrize("method", SOME, ids=lambda m: m.label)


def same(a, b):
    """Equal bit for bit, NaN included."""
    return all(getattr(a, k).tobytes() == getattr(b, k).tobytes() for k in ("x", "status", "steps"))


# --- each run is its own --------------------------------------------------------------------------


@every_method
@pytest.mark.parametrize("m", [0, 1, LANES - 1, LANES, LANES + 1, 63, 64, 65, 200])
def test_an_ensemble_holds_the_runs_that_trajectory_makes(method, m):
    starts = np.random.default_rng(m).uniform(-0.4, 0.4, (m, 2))
    many = ensemble(RELAXED, starts, method, h=0.1, steps=21)
    assert many.x.shape == (m, 2) and many.status.shape == many.steps.shape == (m,)
    assert many.variables == RELAXED.variables
    runs = [trajectory(RELAXED, start, method, h=0.1, steps=21, compiled=False) for start in starts]
    np.testing.assert_allclose(many.x, np.array([run.x[-1] for run in runs]).reshape(m, 2), rtol=1e-11, atol=1e-13)
    assert many.status.tolist() == [run.status for run in runs]
    if isinstance(method, UniformAverage):
        means = np.array([run.average[-1] for run in runs]).reshape(m, 2)
        np.testing.assert_allclose(many.average, means, rtol=1e-11, atol=1e-13)
    assert many.share(Status.FINISHED) == (1.0 if m else 0.0)


STARTS = RANDOM.uniform(-3, 3, (200, 2))
WILD = {"field": CUBIC, "method": Euler(), "h": 0.9, "steps": 37, "divergence_bound": 4.0}  # some diverge, some not


@pytest.mark.parametrize("m", [1, LANES - 1, LANES, LANES + 1, 130])
def test_a_run_does_not_depend_on_how_many_there_are(m):
    every, some = ensemble(starts=STARTS, **WILD), ensemble(starts=STARTS[:m], **WILD)
    assert set(every.status) == {Status.FINISHED, Status.DIVERGED}
    for a, b in ((every.x[:m], some.x), (every.status[:m], some.status), (every.steps[:m], some.steps)):
        assert a.tobytes() == b.tobytes()


FORMULAS = {
    "powers": VectorField(("(x + y - 0.3)**3 - k*x**9", "(x - y)**2 - y + (1 + x*x)**1.5"), ("x", "y"), {"k": 1.0}),
    "functions": VectorField(("sin(x*y) - k*x", "exp(-x) - tanh(y)"), ("x", "y"), {"k": 1.0}),
    "wrapped": VectorField(("y + k*x", "y/2 - x"), ("x", "y"), {"k": 1.0}, period=(1.5, None)),
    "time": VectorField(("k*t - x", "x*y/(1 + t**2)"), ("x", "y"), {"k": 1.0}, time="t"),
}


@pytest.mark.parametrize("field", FORMULAS.values(), ids=list(FORMULAS))
@pytest.mark.parametrize("method", [Euler(), Newton(), HeavyBall(), UniformAverage()], ids=lambda m: m.label)
def test_a_run_is_the_same_among_few_and_among_many(field, method):
    m, few = 5 * LANES - 1, 40
    h, k = RANDOM.uniform(0.05, 1.2, m), RANDOM.uniform(0.1, 1, m)
    starts = STARTS[:m].copy()
    starts[3] = 0
    many = ensemble(field, starts, method, h, 30, {"k": k}, divergence_bound=50)
    for i in range(0, m, few):
        some = slice(i, i + few)
        part = ensemble(field, starts[some], method, h[some], 30, {"k": k[some]}, divergence_bound=50)
        assert many.x[some].tobytes() == part.x.tobytes()
        assert many.status[some].tolist() == part.status.tolist() and many.steps[some].tolist() == part.steps.tolist()
        if many.average is not None:
            assert many.average[some].tobytes() == part.average.tobytes()


@settings(max_examples=15)
@given(lane=st.integers(0, 199), start=st.sampled_from([np.nan, np.inf, -np.inf, 1e300, 3.9, 0.0]))
def test_a_run_does_not_depend_on_its_neighbours(lane, start):
    calm, starts = ensemble(starts=STARTS, **WILD), STARTS.copy()
    starts[lane, lane % 2] = start
    disturbed = ensemble(starts=starts, **WILD)
    others = np.arange(200) != lane
    for a, b in ((calm.x, disturbed.x), (calm.status, disturbed.status), (calm.steps, disturbed.steps)):
        assert a[others].tobytes() == b[others].tobytes()


def test_a_run_depends_neither_on_its_place_nor_on_its_order():
    order = RANDOM.permutation(200)
    here, there = ensemble(starts=STARTS, **WILD), ensemble(starts=STARTS[order], **WILD)
    assert here.x[order].tobytes() == there.x.tobytes()
    assert here.steps[order].tobytes() == there.steps.tobytes()


MANY = np.tile(STARTS, (5, 1))[: 20 * LANES + 10]  # twenty blocks and a broken one
SHORT = {**WILD, "steps": 9}


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_a_run_does_not_depend_on_threads(monkeypatch, threads):
    alone = ensemble(starts=MANY, threads=1, **SHORT)
    monkeypatch.setattr("integrators.driver.SMALL", 0)  # start threads for however little
    monkeypatch.setattr("integrators.columns.JOB", 2)
    assert same(ensemble(starts=MANY, threads=threads, **SHORT), alone)


SCRIPT = """
    import hashlib, multiprocessing, sys
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

    import numpy as np
    from dynsys import games
    from integrators import Euler, ensemble

    FIELD = games.cubic_bilinear().field()

    def run(starts):
        many = ensemble(FIELD, starts, Euler(), h=0.9, steps=37, divergence_bound=4.0)
        return hashlib.sha256(many.x.tobytes() + many.steps.tobytes()).hexdigest()

    if __name__ == "__main__":
        starts = np.load(sys.argv[1])
        print(run(starts))
        with ThreadPoolExecutor(2) as pool:
            print(*pool.map(run, [starts, starts]), sep="\\n")
        with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
            print(*pool.map(run, [starts, starts]), sep="\\n")
"""


def test_kernels_threads_and_process_pools_live_in_one_program_and_agree(tmp_path):
    np.save(tmp_path / "starts.npy", STARTS)
    (tmp_path / "program.py").write_text(textwrap.dedent(SCRIPT))
    command = [sys.executable, str(tmp_path / "program.py"), str(tmp_path / "starts.npy")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ})
    here = ensemble(starts=STARTS, **WILD)
    digest = hashlib.sha256(here.x.tobytes() + here.steps.tobytes()).hexdigest()
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [digest] * 5


# --- parameters and steps, one a run --------------------------------------------------------------


def test_parameters_and_steps_of_each_run_are_those_of_separate_ensembles():
    m = 70
    gamma, h = RANDOM.uniform(0.1, 1.0, m), RANDOM.uniform(0.01, 0.2, m)
    starts = STARTS[:m] / 10
    many = ensemble(RELAXED, starts, Euler(), h=h, steps=19, parameters={"gamma": gamma})
    for i in range(0, m, 7):
        field = RELAXED.with_parameters(gamma=gamma[i])
        alone = ensemble(field, starts[i : i + 1], Euler(), h=h[i], steps=19)
        assert many.x[i].tobytes() == alone.x[0].tobytes()
        run = trajectory(field, starts[i], Euler(), h=h[i], steps=19)
        np.testing.assert_allclose(many.x[i], run.x[-1], rtol=1e-12, atol=1e-15)


def test_one_value_of_a_parameter_serves_all_runs():
    given_, set_ = RELAXED, RELAXED.with_parameters(gamma=0.75)
    a = ensemble(given_, STARTS / 10, Euler(), h=0.1, steps=7, parameters={"gamma": 0.75})
    b = ensemble(set_, STARTS / 10, Euler(), h=np.full(200, 0.1), steps=7)
    assert same(a, b)


def test_time_starts_at_t0_and_is_no_coordinate_that_can_diverge():
    driven = VectorField(("b*cos(t)",), ("x",), {"b": 1.0}, time="t")
    b = np.linspace(-2, 2, 70)
    starts, more = np.zeros((70, 1)), {"t0": 0.5, "divergence_bound": 4.5, "parameters": {"b": b}}
    many = ensemble(driven, starts, RungeKutta4(), h=0.1, steps=60, **more)
    assert (many.status == Status.FINISHED).all() and many.x.shape == (70, 1)
    np.testing.assert_allclose(many.x[:, 0], b * (np.sin(6.5) - np.sin(0.5)), atol=1e-6)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"starts": [0.1, 0.2]}, r"starts has shape \(2,\); give \(m, 2\)"),
        ({"starts": np.zeros((2, 3, 2))}, r"starts has shape \(2, 3, 2\)"),
        ({"starts": np.zeros((5, 3))}, "starts has 3 entries"),
        ({"starts": [["a", "b"]]}, "starts is not an array"),
        ({"h": 0.0}, "h holds 0.0"),
        ({"h": [0.1, -0.1, 0.1]}, "h holds -0.1"),
        ({"h": [0.1, 0.1]}, r"h has shape \(2,\); give one number or 3"),
        ({"h": "small"}, "h is 'small'"),
        ({"h": None}, "h holds nan"),
        ({"parameters": {"gama": 0.1}}, "no parameter 'gama'; did you mean 'gamma'"),
        ({"parameters": {"gamma": [1.0, 2.0]}}, r"parameter gamma has shape \(2,\)"),
        ({"parameters": {"gamma": [1.0, 2.0, np.nan]}}, "parameter gamma holds nan"),
        ({"parameters": {"gamma": "big"}}, "parameter gamma is 'big'"),
        ({"steps": -1}, "steps is -1"),
        ({"threads": 0}, "threads is 0"),
        ({"method": Euler}, r"write Euler\(\)"),
        ({"divergence_bound": -1.0}, "divergence_bound is -1"),
        ({"starts": np.broadcast_to(0.0, (10**12, 2))}, "GiB; keep less with fewer starts"),
    ],
)
def test_bad_input_is_refused_by_the_name_of_the_argument(change, named):
    good = {"field": RELAXED, "starts": np.zeros((3, 2)), "method": Euler(), "h": 0.1, "steps": 5}
    with pytest.raises(InputError, match=named):
        ensemble(**{**good, **change})
