"""Every method on minibatches: with samples that are all alike a run is the run on the mean field."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dynsys import InputError
from dynsys.minibatches import FiniteSumGame, MinibatchField
from integrators import Status, ensemble, methods, sample_paths
from integrators.method import check_method
from integrators.minibatch_kernel import MinibatchLoop

GAME = FiniteSumGame(
    {"one": ["x"], "two": ["y"]},
    {"one": "c*x*y - x**2/2 + c*x**3/6", "two": "-c*x*y - y**2/2"},
    {"c": [0.8, 0.8, 0.8, 0.8]},
)
STARTS = np.array([[0.3, -0.2], [-0.4, 0.1], [0.05, 0.35]])


def fitting(method, field):
    try:
        check_method(method, field)
    except InputError as error:
        pytest.skip(str(error))
    return method


@pytest.mark.parametrize("gamma", [None, 0.25], ids=["plain", "consensus"])
@pytest.mark.parametrize("name", methods())
def test_on_samples_all_alike_a_run_is_that_of_the_mean_field(name, gamma, monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")  # the array loop: kernels agree with it elsewhere
    field = MinibatchField(GAME, 2, gamma, "u-statistic", "without replacement")
    method = fitting(methods()[name](), field)
    steps = 8
    found = sample_paths(field, STARTS, method, 0.05, steps)
    mean = ensemble(field.expected(), STARTS, method, 0.05, steps)
    assert (found.status == Status.FINISHED).all()
    assert_allclose(found.x[-1], mean.x, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("per", ["step", "stage"])
@pytest.mark.parametrize("name", methods())
def test_every_method_has_a_kernels_text_or_says_why_not(name, per):
    field = MinibatchField(GAME, 2, 0.25, "split", batch_per=per)
    method = fitting(methods()[name](), field)
    try:
        loop = MinibatchLoop(field, method)
    except InputError as error:
        assert per == "stage" and "solves an equation" in str(error)
        return
    compile(loop.text(), "kernel", "exec")
    # one batch a step, or one for each point at which the method evaluates the field
    assert loop.draws.evaluations >= 1
    if per == "step":
        assert loop.draws.evaluations == 1
    elif method.evaluations > 1:
        assert loop.draws.evaluations > 1


def test_a_run_of_an_implicit_method_does_not_depend_on_its_neighbours(monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")  # compiled, every lane iterates alone
    field, method = MinibatchField(GAME, 2, 0.25), methods()["implicit-midpoint"]()
    starts = np.random.default_rng(0).uniform(-0.6, 0.6, (24, 2))
    together = sample_paths(field, np.vstack([starts, [np.nan, 0.0], [np.inf, 1.0]]), method, 0.4, 6)
    for k, start in enumerate(starts):
        alone = sample_paths(field, np.vstack([starts[:k], start]), method, 0.4, 6)  # run k sees stream k
        assert together.x[:, k].tobytes() == alone.x[:, k].tobytes()
