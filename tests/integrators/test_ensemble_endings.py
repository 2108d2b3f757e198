"""How runs of an ensemble end: at the very step at which the naive loop ends, wherever in a chunk that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynsys import VectorField, games
from integrators import Euler, Method, Newton, Status, ensemble
from integrators.columns import CHECK

CUBIC = games.cubic_bilinear().field()
GROWTH = VectorField(("a*x",), ("x",), {"a": 1.0})  # Euler with h = 1 multiplies by 1 + a: exact for a = 1, -1/2, -2
SINKING = VectorField(("-1 - sqrt(x)",), ("x",))
STARTS = np.random.default_rng(7).uniform(-3, 3, (200, 2))
WILD = {"field": CUBIC, "method": Euler(), "h": 0.9, "steps": 37, "divergence_bound": 4.0}  # some diverge, some not


@pytest.mark.parametrize("steps", [0, 1, 15, 16, 17, 47, 48, 49, 112, 112 + CHECK, 200])  # chunks of 16, 32, 64, 64, …
def test_divergence_is_counted_to_the_step_anywhere_in_a_chunk(naive, steps):
    exponents = np.arange(70)
    starts, bound = 0.5 ** exponents[:, None], 2.0**20
    many = ensemble(GROWTH, starts, Euler(), h=1.0, steps=steps, divergence_bound=bound)
    np.testing.assert_array_equal(many.steps, np.minimum(exponents + 20, steps))
    np.testing.assert_array_equal(many.x[:, 0], starts[:, 0] * 2.0**many.steps)
    expected = np.where(exponents + 20 < steps, Status.DIVERGED, Status.FINISHED)
    np.testing.assert_array_equal(many.status, expected)
    oracle = [naive(GROWTH, start, Euler(), 1.0, steps, bound) for start in starts[::23]]
    assert [run.steps for run in oracle] == many.steps[::23].tolist()


def test_stationarity_is_counted_to_the_step_anywhere_in_a_chunk(naive):
    starts = 2.0 ** -np.arange(1000.0, 1074.0)[:, None]  # halved, they reach 0 after 1 to 75 steps
    many = ensemble(GROWTH, starts, Euler(), h=1.0, steps=99, parameters={"a": -0.5})
    halving = GROWTH.with_parameters(a=-0.5)
    oracle = [naive(halving, start, Euler(), 1.0, 99) for start in starts]
    assert many.steps.tolist() == [run.steps for run in oracle]
    assert many.status.tolist() == [run.status for run in oracle] == [Status.STATIONARY] * len(starts)
    assert many.x[:, 0].tolist() == [run.x[-1, 0] for run in oracle]
    assert len(set(many.steps)) > CHECK


@given(
    values=st.lists(st.tuples(st.sampled_from([1.0, -0.5, -1.0, -2.0, -3.0, 0.0]), st.integers(-30, 30)), max_size=8),
    steps=st.integers(0, 80),
    exponent=st.integers(1, 40),
)
def test_statuses_and_counts_are_the_naive_loops(naive, values, steps, exponent):
    a, starts = np.array([v[0] for v in values]), 2.0 ** np.array([[v[1]] for v in values]).reshape(-1, 1)
    many = ensemble(GROWTH, starts, Euler(), h=1.0, steps=steps, parameters={"a": a}, divergence_bound=2.0**exponent)
    for i, start in enumerate(starts):
        run = naive(GROWTH.with_parameters(a=a[i]), start, Euler(), 1.0, steps, 2.0**exponent)
        assert (many.status[i], many.steps[i], many.x[i, 0]) == (run.status, run.steps, run.x[-1, 0])


def test_a_two_cycle_that_divides_the_chunk_is_not_stationary():
    many = ensemble(GROWTH, [[1.0], [0.0]], Euler(), h=1.0, steps=50, parameters={"a": -2.0})
    assert many.status.tolist() == [Status.FINISHED, Status.STATIONARY]
    assert (many.steps.tolist(), many.x[:, 0].tolist()) == ([50, 0], [1.0, 0.0])


def test_a_run_that_leaves_the_bound_and_comes_back_has_left(naive):
    swing = VectorField(("10*cos(t)",), ("x",), time="t")
    starts = np.linspace(-9, 0, 66)[:, None]
    many = ensemble(swing, starts, Euler(), h=0.45, steps=20, divergence_bound=8.0)
    oracle = [naive(swing, start, Euler(), 0.45, 20, 8.0) for start in starts]
    assert many.status.tolist() == [run.status for run in oracle] and len(set(many.steps)) > 3
    assert many.steps.tolist() == [run.steps for run in oracle]
    np.testing.assert_allclose(many.x[:, 0], [run.x[-1, 0] for run in oracle], rtol=1e-12)


def test_a_diverged_run_returns_its_last_point_inside_the_bound():
    many = ensemble(starts=STARTS, **WILD)
    left = many.status == Status.DIVERGED
    assert 0 < left.sum() < 200 and np.abs(many.x).max() <= WILD["divergence_bound"]
    beyond = CUBIC(many.x[left]) * WILD["h"] + many.x[left]
    assert (np.abs(beyond).max(1) > WILD["divergence_bound"]).all()


def test_leaving_the_domain_of_the_field_is_counted_to_the_step(naive):
    starts = np.linspace(0.1, 40, 80)[:, None]
    many = ensemble(SINKING, starts, Euler(), h=0.25, steps=30)
    oracle = [naive(SINKING, start, Euler(), 0.25, 30) for start in starts]
    assert many.status.tolist() == [run.status for run in oracle]
    assert many.steps.tolist() == [run.steps for run in oracle]
    assert {Status.NOT_FINITE, Status.FINISHED} == set(many.status.tolist())


@dataclass(frozen=True)
class Forgetful(Method):
    """A step that does not look at the state: NaN would not last."""

    def step(self, v, state, p, h):
        return (h * 0.5, h * 0.25)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("method", [Euler(), Forgetful()], ids=lambda m: m.label)
def test_a_start_that_is_not_finite_has_that_status_at_once(method, bad):
    starts = np.full((66, 2), 0.5)
    starts[[0, 65], [0, 1]] = bad
    many = ensemble(CUBIC, starts, method, h=1.0, steps=20)
    assert (many.status[[0, 65]] == Status.NOT_FINITE).all() and (many.steps[[0, 65]] == 0).all()
    np.testing.assert_array_equal(many.x[[0, 65]], starts[[0, 65]])
    assert (many.status[1:65] != Status.NOT_FINITE).all()


def test_newton_finds_the_cube_roots_of_one_from_nearly_everywhere():
    roots = VectorField(("x**3 - 3*x*y**2 - 1", "3*x**2*y - y**3"), ("x", "y"))
    many = ensemble(roots, STARTS, Newton(), h=1.0, steps=60)
    distance = np.abs(many.x @ [1, 1j] - np.exp(2j * np.pi * np.arange(3) / 3)[:, None]).min(0)
    assert (distance < 1e-12).mean() > 0.98


def test_newton_at_a_singular_jacobian_is_a_status_of_that_run():
    field = VectorField(("x**2 - 1", "y"), ("x", "y"))
    many = ensemble(field, [[0.0, 1.0], [2.0, 1.0]], Newton(), h=1.0, steps=9)
    assert many.status.tolist() == [Status.NOT_FINITE, Status.STATIONARY]
    assert many.x.tolist() == [[0.0, 1.0], [1.0, 0.0]]
