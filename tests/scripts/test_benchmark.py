"""The benchmark's contenders compute what the toolkit computes; its tables follow from its numbers."""

from __future__ import annotations

import importlib
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from numpy.testing import assert_allclose

from dynsys.kernels import compiling
from integrators import DOP853, DormandPrince, Euler, RungeKutta4, ensemble, flow, solve

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module", autouse=True)
def scripts_on_the_path():
    sys.path.insert(0, str(SCRIPTS))
    yield
    sys.path.remove(str(SCRIPTS))


def module(name):
    return importlib.import_module(name)


@pytest.fixture(scope="module")
def c():
    runs = module("contenders.c_runs")
    if not runs.available():
        pytest.skip("there is no C compiler")
    return runs


@pytest.mark.parametrize(("name", "method"), [("cubic", RungeKutta4()), ("logistic", Euler()), ("consensus", Euler())])
def test_ensembles_in_c_end_as_ours_do_step_by_step(c, name, method):
    field = module("contenders.fields").fields()[name]
    starts = np.random.default_rng(0).normal(size=(70, 2)) * 30  # some leave the cube, some come to rest
    run = ensemble(field, starts, method, h=0.05, steps=100)
    x, status, steps = c.ensemble(field, "euler" if method == Euler() else "runge_kutta4")(starts, 0.05, 100)
    assert (status == run.status).all() and (steps == run.steps).all()
    assert len(set(run.status)) > 1
    assert_allclose(x[status < 2], run.x[status < 2], rtol=1e-12, atol=1e-13)


@pytest.mark.skipif(not compiling(), reason="takes minutes without compilation")
def test_basins_in_c_are_those_of_our_lanes(c, tmp_path):
    benchmark = module("benchmarks.basins")
    found = benchmark.run(True, 1, False)  # stops if labels differ
    assert set(found) == set(benchmark.questions()) and all("C, scalar" in times for times in found.values())
    field, method, h, half, centres = benchmark.questions()["two wells, RK4"]
    starts = np.random.default_rng(0).uniform(-half, half, (100, 2))
    label, looks = c.basins(field, method)(starts.T.copy(), h, centres, 0.1, 400)
    run = ensemble(field, starts, RungeKutta4(), h=h, steps=8 * int(looks.max()))
    assert (np.where(run.x[:, 0] > 0, 0, 1) == label).all()


@pytest.mark.parametrize("method", [DormandPrince(), DOP853()])
def test_adaptive_runs_in_c_are_those_of_solve_and_flow(c, method):
    field, starts = module("contenders.fields").fields()["cubic"], np.array([[1.0, 0.5], [-0.3, 2.0], [0.1, 0.1]])
    alone = c.single(field, method)(starts[0], 8.0, 1e-8)
    assert_allclose(alone, solve(field, starts[0], (0, 8), method, 1e-8, 1e-8).x[-1], rtol=1e-11)
    together = c.many(field, method)(starts, 8.0, 1e-8)
    assert_allclose(together, flow(field, starts, (0, 8), method, 1e-8, 1e-8).x[-1], rtol=1e-11)


@pytest.mark.parametrize("method", ["euler", "runge_kutta4"])
@pytest.mark.parametrize("name", ["bilinear", "cubic", "logistic", "consensus"])
def test_the_numpy_contender_computes_the_same_in_its_buffers(name, method):
    field = module("contenders.fields").fields()[name]
    starts = np.random.default_rng(1).uniform(-2, 2, (10, 2))
    ours = ensemble(field, starts, {"euler": Euler(), "runge_kutta4": RungeKutta4()}[method], h=0.05, steps=7)
    assert_allclose(module("contenders.numpy_runs").ensemble(field, method)(starts, 0.05, 7), ours.x, rtol=1e-12)


def test_the_time_at_an_error_lies_on_a_straight_line_between_points_on_logarithmic_axes():
    at_error = module("benchmarks.adaptive").at_error
    curve = {"error": [1e-4, 1e-8], "seconds": [[1.0, 1.0, 9.0], [100.0]]}
    assert at_error(curve, 1e-6) == pytest.approx(10.0)
    assert at_error(curve, 1e-9) is None and at_error(curve, 1e-3) is None


def test_an_accidentally_small_error_earns_nothing():
    at_error = module("benchmarks.adaptive").at_error
    curve = {"error": [1e-12, 1e-8], "seconds": [[1.0], [100.0]]}
    assert at_error(curve, 1e-8) == pytest.approx(100.0)


def test_who_disagrees_is_named_and_nan_is_no_agreement():
    agree = module("benchmarks.clock").agree
    agree("x", {"one": np.ones(2), "two": np.ones(2) + 1e-13}, 1e-12)
    with pytest.raises(SystemExit, match=r"x: two \(by 0.1\), three \(by nan\) disagree with one"):
        agree("x", {"one": np.ones(2), "two": np.ones(2) * 1.1, "three": np.full(2, math.nan)}, 1e-12)


@pytest.mark.skipif(not compiling(), reason="takes minutes without compilation")
def test_the_script_writes_numbers_and_a_picture(tmp_path, capsys):
    module("benchmark").main(quick=True, only=["ensembles", "adaptive", "many", "scaling"], out=tmp_path)
    data = json.loads((tmp_path / "benchmark.json").read_text(encoding="utf-8"))
    assert set(data) == {"clock", "ensembles", "adaptive", "many", "scaling"}
    assert all(samples[0] > 0 for times in data["ensembles"].values() for samples in times.values())
    assert "one trajectory" in capsys.readouterr().out
    assert (tmp_path / "benchmark.png").stat().st_size > 30_000


def test_an_unknown_part_is_named(tmp_path):
    with pytest.raises(typer.BadParameter, match="--only is 'adaptiv'"):
        module("benchmark").main(only=["adaptiv"], out=tmp_path)
