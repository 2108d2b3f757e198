"""Runs followed until they arrive: the kernel, its text as Python and the loop on arrays agree, in any company."""

import numpy as np
import pytest

from dynsys import VectorField
from dynsys.kernels import compiling
from integrators import Euler, RungeKutta4, method_named
from integrators.arrival_kernel import arrival_kernel
from integrators.arrivals import ESCAPE, HITS, LOOK, UNDECIDED, Cells, Traps, array_steps, arrivals, followed
from integrators.kernel import first_state
from integrators.states import flat

WELLS = VectorField(["y", "x - x**3 - 0.5*y"], ["x", "y"])
HENON = VectorField.from_map(["1 - 1.4*x**2 + y", "0.3*x"], ["x", "y"])
STARTS = np.random.default_rng(0).uniform(-2, 2, (2, 75))


def wells(size=2):
    centres = np.zeros((2, size))
    centres[:, 0] = 1, -1
    return Traps(centres, np.full(2, 0.01), np.array([0, 1]))


def henon_cells():
    """Cells of a run on Hénon's attractor, coarse enough for all to be there."""
    x = array_steps(HENON, Euler(), first_state(HENON, Euler()), 1.0, 100)(np.array([[0.1], [0.1]]))
    step = array_steps(HENON, Euler(), first_state(HENON, Euler()), 1.0, 1)
    points = [x := step(x) for _ in range(3000)]
    points = np.concatenate(points, 1)
    low, side = np.array([-1.4, -0.5]), np.array([0.1, 0.04])
    owner = np.full((30, 25), UNDECIDED)
    owner[tuple(((points - low[:, None]) / side[:, None]).astype(int))] = 0
    return Traps(np.empty((0, 2)), np.empty(0), np.empty(0, int), Cells(low, side, owner))


def as_python(field, method, states, h, traps, looks, bound):
    """The kernel's text, run as Python."""
    S, m = states.copy(), states.shape[1]
    label, when = np.full(m, 77), np.full(m, 77)
    cells, p = traps.cells, tuple(map(np.float64, field.values()))
    none = np.zeros(0), np.zeros(field.n), np.zeros(field.n), np.zeros(field.n, int)
    grid = none if cells is None else (cells.owner.ravel(), cells.low, 1 / cells.side, np.array(cells.owner.shape))
    with np.errstate(all="ignore"):
        arrival_kernel(field, method, compiled=False).arrivals(
            S, label, when, traps.centres, traps.squared, traps.owner.astype(float), *grid, p, h, cells is not None,
            looks, bound, 0, m,
        )  # fmt: skip
    return label, when, S


QUESTIONS = [
    (WELLS, Euler(), 0.2, wells(), 60),
    (WELLS, RungeKutta4(), 0.2, wells(), 12),  # too few for some
    (WELLS, method_named("heavy-ball:beta=0.2"), 0.2, wells(4), 60),
    (HENON, Euler(), 1.0, henon_cells(), 60),
]


@pytest.mark.parametrize(("field", "method", "h", "traps", "looks"), QUESTIONS)
def test_the_kernel_its_text_and_the_loop_on_arrays_label_alike(field, method, h, traps, looks):
    like = first_state(field, method)
    points = [np.broadcast_to(c, 75) for c in flat(method.initial(field.on_tuples, tuple(STARTS), field.values()))]
    states = np.stack(points)[:, :20]
    kernel = arrivals(field, states, method, h, traps, looks, 1e6)
    loop = followed(array_steps(field, method, like, h, LOOK), states, 2, traps, looks, 1e6)
    text = as_python(field, method, states, h, traps, looks, 1e6)
    assert (text[0] == loop.label).all() and (text[1] == loop.looks).all()
    assert len(set(loop.label)) > 1
    if field is WELLS:  # of chaos, fused operations make another run
        assert (kernel.label == loop.label).all() and (kernel.looks == loop.looks).all()
        near = loop.label >= 0
        np.testing.assert_allclose(kernel.states[:, near], loop.states[:, near], rtol=1e-9, atol=1e-12)
    else:
        assert ((kernel.label == ESCAPE) == (loop.label == ESCAPE)).all()


def test_what_becomes_of_a_start_depends_on_it_alone():
    whole = arrivals(WELLS, STARTS, Euler(), 0.2, wells(), 60, 1e6, threads=2)
    for picked in (np.arange(75)[::-1], np.arange(40, 41), np.arange(7, 60)):
        part = arrivals(WELLS, STARTS[:, picked], Euler(), 0.2, wells(), 60, 1e6)
        for a, b in zip(part, whole):
            assert (a == b[..., picked]).all()
    assert arrivals(WELLS, STARTS[:, :0], Euler(), 0.2, wells(), 60, 1e6).label.shape == (0,)


def test_a_run_that_is_given_too_few_looks_is_undecided_where_it_is():
    run = arrivals(WELLS, STARTS[:, :9], Euler(), 0.2, wells(), 3, 1e6)
    x = array_steps(WELLS, Euler(), (1.0, 1.0), 0.2, 3 * LOOK)(STARTS[:, :9])
    late = run.label == UNDECIDED
    assert late.any() and (run.looks[late] == 3).all()
    np.testing.assert_allclose(run.states[:, late], x[:, late], rtol=1e-12)


def test_values_that_are_not_finite_escape():
    states = np.array([[3.0, np.nan, 1.0], [0.0, 0.0, np.inf]])
    on_arrays = array_steps(HENON, Euler(), (1.0, 1.0), 1.0, LOOK)
    for run in (
        arrivals(HENON, states, Euler(), 1.0, wells(), 9, 1e6),
        followed(on_arrays, states, 2, wells(), 9, 1e6),
    ):
        assert (run.label == ESCAPE).all() and (run.looks[1:] == 1).all()


def test_a_ball_reaches_across_the_end_of_a_period():
    turning = VectorField(["-0.1*sin(x)", "-y"], ["x", "y"], period=[2 * np.pi, None])
    traps = Traps(np.zeros((1, 2)), np.full(1, 0.01), np.zeros(1, int), None, (2 * np.pi, None))
    states = np.array([[6.0, 0.3], [0.5, 0.5]])
    for run in (
        arrivals(turning, states, Euler(), 0.5, traps, 40, 1e6),
        followed(array_steps(turning, Euler(), (1.0, 1.0), 0.5, LOOK), states, 2, traps, 40, 1e6),
    ):
        assert (run.label == 0).all()
        assert run.states[0, 0] > 6 and run.states[0, 1] < 0.2


def test_cells_count_only_after_so_many_looks_in_turn():
    still = VectorField(["0*x", "0*y"], ["x", "y"])
    traps = Traps(np.empty((0, 2)), np.empty(0), np.empty(0, int), Cells(np.zeros(2), np.ones(2), np.array([[3, -2]])))
    states = np.array([[0.5, 0.5, 1.5, -0.5], [0.5, 1.5, 0.5, 0.5]])
    run = arrivals(still, states, Euler(), 1.0, traps, HITS + 5, 1e6)
    assert list(run.label) == [3, UNDECIDED, UNDECIDED, UNDECIDED] and run.looks[0] == HITS
    assert arrivals(still, states, Euler(), 1.0, traps, HITS - 1, 1e6).label[0] == UNDECIDED


@pytest.mark.skipif(not compiling(), reason="the interrupt of compiled work")
def test_ctrl_c_is_passed_on(monkeypatch):
    from integrators import driver

    monkeypatch.setattr(driver.Work, "run", lambda *_: False)
    with pytest.raises(KeyboardInterrupt):
        arrivals(WELLS, STARTS, Euler(), 0.2, wells(), 60, 1e6)
