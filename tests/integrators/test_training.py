"""Training runs: the trajectories of the formulas, and files from which they go on as if they had never stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'dynsys-games[networks]'")

from torch import nn  # noqa: E402

from dynsys import Game, InputError, games  # noqa: E402
from dynsys.networks import NetworkBatches, NetworkGame  # noqa: E402
from dynsys.transforms import consensus, conservative_relaxation, nagarajan_kolter  # noqa: E402
from dynsys.transforms import symplectic_gradient_adjustment as adjusted  # noqa: E402
from integrators import Status, TrainingRun, checkpoints, method_named, methods, train, trajectory  # noqa: E402
from integrators.algorithms.adaptive_moments import Adam  # noqa: E402
from integrators.algorithms.averaging import ExponentialAverage, Scheduled, UniformAverage  # noqa: E402
from integrators.algorithms.extragradient import Extragradient  # noqa: E402
from integrators.algorithms.momentum import HeavyBall  # noqa: E402
from integrators.algorithms.players import Alternating  # noqa: E402
from integrators.algorithms.runge_kutta import Euler  # noqa: E402


class Numbers(nn.Module):
    """A player whose strategy is its parameters."""

    def __init__(self, *values, dtype=torch.float64):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(values, dtype=dtype))


# θᵀAφ with a quadratic term, two variables against three
A = np.array([[1.0, 0.5, -0.25], [-0.75, 2.0, 0.3]])
FORMULA = Game(
    players={"one": ("a", "b"), "two": ("x", "y", "z")},
    payoffs={
        "one": "a*(x + y/2 - z/4) + b*(-3*x/4 + 2*y + 3*z/10) - a**2/8",
        "two": "-(a*(x + y/2 - z/4) + b*(-3*x/4 + 2*y + 3*z/10)) - y**2/4",
    },
).field()
START = np.array([0.4, -0.3, 0.2, 0.5, -0.1])


def network(dtype=torch.float64):
    def first(one, two):
        return -(one.w @ torch.from_numpy(A).to(one.w.dtype) @ two.w) + one.w[0] ** 2 / 8

    def second(one, two):
        return one.w @ torch.from_numpy(A).to(one.w.dtype) @ two.w + two.w[1] ** 2 / 4

    modules = {"one": Numbers(*START[:2], dtype=dtype), "two": Numbers(*START[2:], dtype=dtype)}
    return NetworkGame(modules, {"one": first, "two": second})


GAME = network()
TRANSFORMATIONS = {
    "plain": lambda v: v,
    "consensus": lambda v: consensus(v, 0.25),
    "relaxation": conservative_relaxation,
    "sga": lambda v: adjusted(v, 0.5),
    "aligned": lambda v: adjusted(v, 0.5, aligned=True),
    "nagarajan-kolter": lambda v: nagarajan_kolter(v, "one", 0.5),
    "nested": lambda v: consensus(adjusted(v, 0.5), 0.25),
}
# what computes with the Jacobian's entries
ENTRIES = {
    "average-vector-field", "competitive-gradient", "gauss2", "implicit-euler", "implicit-midpoint",
    "lola", "opponent-lookahead", "sos", "trapezoidal",
}  # fmt: skip
SHARED = sorted(methods().keys() - ENTRIES)


@pytest.mark.parametrize("name", SHARED)
def test_a_network_has_the_trajectory_of_the_formulas_under_every_shared_method(name):
    method = method_named(name)
    wanted = trajectory(FORMULA, START, method, h=0.05, steps=25, compiled=False)
    found = trajectory(GAME, START, method, h=0.05, steps=25)
    assert found.status == wanted.status == Status.FINISHED
    assert_allclose(found.x, wanted.x, rtol=0, atol=1e-12)
    run = train(GAME, START, method, h=0.05, steps=25)
    assert_array_equal(run.x, found.x[-1])
    if wanted.average is not None:
        assert_allclose(found.average, wanted.average, rtol=0, atol=1e-12)
        assert_array_equal(run.average, found.average[-1])


@pytest.mark.parametrize("name", ["euler", "optimistic-gradient", "adam", "alternating"])
@pytest.mark.parametrize("kind", TRANSFORMATIONS)
def test_a_transformed_network_has_the_trajectory_of_the_transformed_formulas(kind, name):
    transform, method = TRANSFORMATIONS[kind], method_named(name)
    wanted = trajectory(transform(FORMULA), START, method, h=0.05, steps=12, compiled=False)
    found = trajectory(transform(GAME), START, method, h=0.05, steps=12)
    assert_allclose(found.x, wanted.x, rtol=0, atol=1e-12)


def test_methods_that_need_entries_of_the_jacobian_say_so():
    for name in ENTRIES:
        with pytest.raises(InputError, match="offers products with its Jacobian, not its entries"):
            train(GAME, START, method_named(name), h=0.05, steps=2)


def test_every_method_in_single_precision_is_the_one_in_double_to_its_rounding():
    small = network(torch.float32)
    for name in SHARED:
        if name in ("adam", "amsgrad", "rmsprop", "sign-gradient"):  # they magnify the rounding of small gradients
            continue
        wanted = train(GAME, START, method_named(name), h=0.05, steps=8).x
        found = train(small, START, method_named(name), h=0.05, steps=8).x
        assert found.dtype == np.float32
        assert_allclose(found, wanted, rtol=0, atol=1e-5, err_msg=name)


# --- records and ends -----------------------------------------------------------------------------


def test_observations_are_made_at_the_start_every_so_often_and_at_the_end():
    seen = []

    def observe(k, x):
        seen.append(k)
        return {"norm": np.linalg.norm(x), "x": x, "count": np.int64(k), "small": np.float32(0.5), "pair": (1, 2)}

    run = train(GAME, START, Euler(), h=0.05, steps=10, every=4, observe=observe)
    assert seen == [0, 4, 8, 10] == [record["step"] for record in run.records]
    path = trajectory(GAME, START, Euler(), h=0.05, steps=10).x
    for record in run.records:
        assert record["x"] == path[record["step"]].tolist() and record["pair"] == [1, 2]
        assert type(record["count"]) is int and record["small"] == 0.5
    assert [r["step"] for r in train(GAME, START, Euler(), h=0.05, steps=8, every=4, observe=observe).records] == [
        0,
        4,
        8,
    ]
    assert [r["step"] for r in train(GAME, START, Euler(), h=0.05, steps=3, observe=observe).records] == [0, 3]
    assert isinstance(run, TrainingRun) and run.message.startswith("finished after 10 steps")


def test_an_observer_cannot_change_the_run():
    def observe(k, x):
        x[:] = 0.0
        return {}

    run = train(GAME, START, HeavyBall(), h=0.05, steps=6, every=1, observe=observe)
    assert_array_equal(run.x, train(GAME, START, HeavyBall(), h=0.05, steps=6).x)
    start = START.copy()
    run.x[:] = 0.0
    train(GAME, start, Euler(), h=0.05, steps=3)
    assert_array_equal(start, START)


def test_progress_is_reported_each_step():
    seen = []
    train(GAME, START, Euler(), h=0.05, steps=3, progress=lambda k, steps: seen.append((k, steps)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def growing(limit):
    """One player whose loss is NaN beyond a limit: ẋ = x."""

    def poisoned(a):
        value = -(a.w**2).sum() / 2
        return value * torch.nan if a.w.max() > limit else value

    return NetworkGame({"one": Numbers(1.0)}, {"one": poisoned})


@pytest.mark.parametrize(
    "method", [Euler(), HeavyBall(0.5), Adam(), UniformAverage(Extragradient())], ids=lambda m: m.label
)
def test_a_loss_that_is_not_a_number_ends_the_run_at_the_last_good_point_and_keeps_its_file(tmp_path, method):
    game, file = growing(2.0), tmp_path / "run.npz"
    run = train(game, [1.0], method, h=0.25, steps=50, checkpoint=file, save_every=1000)
    assert run.status == Status.NOT_FINITE and 0 < run.steps < 50 and np.isfinite(run.x).all()
    assert "not finite" in run.message
    with np.load(file) as stored:
        numbers = [stored[name] for name in stored.files if name != "about"]
    assert all(np.isfinite(number).all() for number in numbers) and numbers[0] == run.x
    again = train(game, [1.0], method, h=0.25, steps=50, checkpoint=file)
    assert (again.status, again.steps) == (run.status, run.steps)
    assert_array_equal(again.x, run.x)


def test_a_run_that_leaves_the_bound_has_diverged_and_keeps_its_last_point():
    run = train(growing(1e9), [1.0], Euler(), h=1.0, steps=99, divergence_bound=100.0)
    assert (run.status, run.steps, run.x.tolist()) == (Status.DIVERGED, 6, [64.0])


def test_a_run_at_rest_is_stationary_but_never_so_on_batches():
    still = NetworkGame({"one": Numbers(0.0)}, {"one": lambda a, z: (a.w**2).sum() * z.mean()}, torch.ones(4).double())
    assert train(still, [0.0], Euler(), h=0.1, steps=9).status == Status.STATIONARY
    run = train(NetworkBatches(still, 2), [0.0], Euler(), h=0.1, steps=9)
    assert (run.status, run.steps) == (Status.FINISHED, 9)


@pytest.mark.parametrize("where", ["observe", "progress", "step"])
def test_ctrl_c_ends_a_run_with_its_state_saved_wherever_it_comes(tmp_path, where):
    file, calls = tmp_path / "run.npz", []

    def stop(k):
        if k == 5 and not calls:
            calls.append(k)
            raise KeyboardInterrupt

    def observe(k, x):
        if where == "observe":
            stop(k)
        return {"x": x}

    class Interrupting(Euler):
        def step(self, v, state, p, h):
            if where == "step":
                taken.append(0)
                stop(len(taken) - 1)
            return super().step(v, state, p, h)

    taken = []
    options = {"h": 0.05, "steps": 12, "every": 1, "observe": observe, "checkpoint": file}
    run = train(GAME, START, Interrupting(), progress=lambda k, n: stop(k) if where == "progress" else None, **options)
    assert (run.status, run.steps) == (Status.INTERRUPTED, 5)
    assert_array_equal(run.x, trajectory(GAME, START, Euler(), h=0.05, steps=5).x[-1])
    resumed = train(GAME, START, Interrupting(), **options)
    whole = train(GAME, START, Euler(), h=0.05, steps=12, every=1, observe=lambda k, x: {"x": x})
    assert resumed.status == Status.FINISHED
    assert resumed.records == whole.records
    assert_array_equal(resumed.x, whole.x)


def test_step_k_of_a_run_sees_the_field_of_step_k():
    field = NetworkBatches(learning(), 4, 0.5, "split", "reshuffled")
    x = field.x
    for k in range(7):
        x = x + 0.05 * field.at_step(3, k)(x)
    assert_allclose(train(field, field.x, Euler(), h=0.05, steps=7, rng=3).x, x, rtol=1e-14)
    assert_allclose(trajectory(field, field.x, Euler(), h=0.05, steps=7, rng=3).x[-1], x, rtol=1e-14)


# --- checkpoints ----------------------------------------------------------------------------------

ROWS = torch.linspace(-1, 1, 40, dtype=torch.float64).view(20, 2)


def learning(scale=1.0):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    losses = {
        "g": lambda g, d, z: scale * (g(z) * (z @ d.w)[:, None]).mean(),
        "d": lambda g, d, z: -(g(z) * (z @ d.w)[:, None]).mean() + (d.w**2).sum(),
    }
    return NetworkGame({"g": net, "d": Numbers(0.5, -0.25)}, losses, ROWS)


METHODS = [
    Adam(), HeavyBall(0.5), Alternating(Extragradient()), ExponentialAverage(Adam()), UniformAverage(HeavyBall()),
    Scheduled(Euler()),
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.label)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_run_in_pieces_is_the_run_in_one_bit_by_bit(tmp_path, method, dtype):
    field = NetworkBatches(learning().to(dtype), 4, 0.5, "split")
    file, options = tmp_path / "deep" / "run.npz", {"h": 0.05, "rng": 3, "every": 2, "observe": lambda k, x: {"x": x}}
    whole = train(field, field.x, method, steps=11, **options)
    for steps in (0, 1, 5, 5, 11):
        run = train(field, field.x, method, steps=steps, checkpoint=file, **options)
        assert run.steps == steps
    assert run.x.dtype == np.dtype(dtype) and run.x.tobytes() == whole.x.tobytes()
    assert run.records == whole.records
    if whole.average is not None:
        assert run.average.tobytes() == whole.average.tobytes()
    assert list(file.parent.iterdir()) == [file]
    assert (train(field, field.x, method, steps=11, **{**options, "rng": 4}).x != whole.x).any()


PROGRAM = """
    import sys
    import torch
    from torch import nn
    from dynsys.networks import NetworkBatches, NetworkGame
    from integrators import method_named, train

    torch.set_num_threads(1)
    torch.manual_seed(0)
    class Numbers(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.tensor([0.5, -0.25], dtype=torch.float64))
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    rows = torch.linspace(-1, 1, 40, dtype=torch.float64).view(20, 2)
    losses = {"g": lambda g, d, z: (g(z) * (z @ d.w)[:, None]).mean(),
              "d": lambda g, d, z: -(g(z) * (z @ d.w)[:, None]).mean() + (d.w**2).sum()}
    field = NetworkBatches(NetworkGame({"g": net, "d": Numbers()}, losses, rows), 4, 0.5, "split")
    steps, file = int(sys.argv[1]), sys.argv[2]
    run = train(field, field.x, method_named("adam"), h=0.01, steps=steps, checkpoint=file, save_every=1, every=5,
                observe=lambda k, x: {"x": x})
"""


def test_a_process_killed_at_any_moment_leaves_a_file_from_which_the_run_goes_on_bit_by_bit(tmp_path):
    file, program = tmp_path / "run.npz", tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))
    root = str(Path(__file__).parents[2])
    env = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, str(program), "1000000", str(file)], env=env)
    try:
        deadline = time.monotonic() + 120
        while not file.exists() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        time.sleep(0.1)  # into the middle of a step or a write
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL
    field = NetworkBatches(learning(), 4, 0.5, "split")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        reached = []
        options = {"h": 0.01, "every": 5, "observe": lambda k, x: {"x": x}}
        with np.load(file) as stored:
            k = checkpoints.json.loads(str(stored["about"]))["k"]
        run = train(
            field, field.x, Adam(), steps=k + 7, checkpoint=file, **options, progress=lambda k, n: reached.append(k)
        )
        whole = train(field, field.x, Adam(), steps=k + 7, **options)
    finally:
        torch.set_num_threads(threads)
    assert reached == list(range(k + 1, k + 8)) and k >= 1
    assert run.x.tobytes() == whole.x.tobytes() and run.records == whole.records


@pytest.mark.parametrize("broken", ["savez", "fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch, broken):
    file = tmp_path / "run.npz"
    train(GAME, START, Euler(), h=0.05, steps=3, checkpoint=file)
    before = file.read_bytes()

    def fail(*args, **kwargs):
        if broken == "savez":
            args[0].write(b"half of it")
        raise OSError("no space left")

    owner = {"savez": np, "fsync": os, "replace": Path}[broken]
    monkeypatch.setattr(owner, broken, fail)
    with pytest.raises(OSError, match="no space left"):
        train(GAME, START, Euler(), h=0.05, steps=6, checkpoint=file)
    monkeypatch.undo()
    assert file.read_bytes() == before and list(tmp_path.iterdir()) == [file]
    assert train(GAME, START, Euler(), h=0.05, steps=6, checkpoint=file).steps == 6


def test_a_file_is_on_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    order = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: order.append("sync") or sync(handle))
    monkeypatch.setattr(Path, "replace", lambda self, to: order.append(("name", self.parent)) or replace(self, to))
    train(GAME, START, Euler(), h=0.05, steps=1, checkpoint=tmp_path / "run.npz")
    assert order == ["sync", ("name", tmp_path)]


def test_saves_come_every_so_many_steps_and_at_the_end(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(checkpoints.Checkpoint, "write", lambda self, k, state, records: saved.append(k))
    train(GAME, START, Euler(), h=0.05, steps=7, checkpoint=tmp_path / "run.npz", save_every=3)
    assert saved == [3, 6, 7]


def other_losses():
    game = network()
    first, second = game.losses.values()
    return NetworkGame(game.layout.modules, lambda one, two: (2 * first(one, two), second(one, two)))


@dataclass(frozen=True)
class Halved:
    """A schedule."""

    by: float = 0.5

    def __call__(self, k):
        return self.by


DIFFERENT = {
    "field": ({"field": lambda: consensus(GAME, 0.5)}, "field NetworkGame"),
    "field again": (
        {"field": lambda: NetworkGame({"one": Numbers(1.0)}, {"one": lambda a: (a.w**2).sum()}), "x0": [1.0]},
        "x0",
    ),
    "losses": ({"field": other_losses}, "v(x0) differs, so its losses, data or frozen parameters do"),
    "precision": ({"field": lambda: network(torch.float32)}, "dtype float64 there, float32 here"),
    "method": ({"method": Adam()}, "method ExponentialAverage(method=Euler()"),
    "hyperparameter": (
        {"method": ExponentialAverage(decay=0.5)},
        "decay=0.99) there, ExponentialAverage(method=Euler(), decay=0.5) here",
    ),
    "h": ({"h": 0.1}, "h 0.05 there, 0.1 here"),
    "rng": ({"rng": 1}, "rng 0 there, 1 here"),
    "every": ({"every": 3}, "every 2 there, 3 here"),
    "x0": ({"x0": START + 1e-16 + 1e-12}, "x0 "),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_the_file_of_another_run_is_refused_and_what_differs_is_named(tmp_path, case):
    file = tmp_path / "run.npz"
    settings = {"field": lambda: GAME, "x0": START, "method": ExponentialAverage(), "h": 0.05, "rng": 0, "every": 2}

    def run(field, x0, method, **options):
        return train(field(), x0, method, steps=4, checkpoint=file, **options)

    run(**settings)
    before = file.read_bytes()
    changed, message = DIFFERENT[case]
    with pytest.raises(InputError, match="is the checkpoint of another run") as caught:
        run(**{**settings, **changed})
    assert message in str(caught.value) and "remove it, or give another path" in str(caught.value)
    assert file.read_bytes() == before


def test_a_schedule_is_told_by_its_name_and_values_and_not_by_its_address(tmp_path):
    file = tmp_path / "run.npz"

    def made():
        def halved(k):
            return 0.5

        return halved

    one, other = made(), made()
    assert repr(one) != repr(other)
    train(GAME, START, Scheduled(schedule=one), h=0.05, steps=2, checkpoint=file)
    assert train(GAME, START, Scheduled(schedule=other), h=0.05, steps=4, checkpoint=file).steps == 4
    with pytest.raises(InputError, match="another run"):
        train(GAME, START, Scheduled(schedule=Halved()), h=0.05, steps=4, checkpoint=file)


@pytest.mark.parametrize("content", ["empty", "half", "text", "array", "other arrays", "folder"])
def test_what_is_no_checkpoint_is_refused_and_left_alone(tmp_path, content):
    file = tmp_path / "run.npz"
    train(GAME, START, Adam(), h=0.05, steps=3, checkpoint=file)
    whole = file.read_bytes()
    if content == "folder":
        file.unlink()
        file.mkdir()
    elif content == "array":
        with file.open("wb") as handle:
            np.save(handle, np.ones(3))
    elif content == "other arrays":
        with file.open("wb") as handle:
            np.savez(handle, about=np.array("{}"), state0=np.ones(3))
    else:
        file.write_bytes({"empty": b"", "half": whole[: len(whole) // 2], "text": b"not a checkpoint"}[content])
    before = None if content == "folder" else file.read_bytes()
    with pytest.raises(InputError, match=r"run\.npz is no checkpoint .*; remove it, or give another path"):
        train(GAME, START, Adam(), h=0.05, steps=3, checkpoint=file)
    assert before is None or file.read_bytes() == before


def test_a_file_of_another_format_is_refused(tmp_path, monkeypatch):
    file = tmp_path / "run.npz"
    train(GAME, START, Euler(), h=0.05, steps=3, checkpoint=file)
    monkeypatch.setattr(checkpoints, "FORMAT", checkpoints.FORMAT + 1)
    with pytest.raises(InputError, match=r"\(format 1 there, 2 here\)"):
        train(GAME, START, Euler(), h=0.05, steps=3, checkpoint=file)


def test_fewer_steps_than_the_file_holds_are_refused(tmp_path):
    file = tmp_path / "run.npz"
    train(GAME, START, Euler(), h=0.05, steps=5, checkpoint=file)
    with pytest.raises(InputError, match=r"steps is 4, but .*run\.npz holds a run of 5; give at least as many"):
        train(GAME, START, Euler(), h=0.05, steps=4, checkpoint=file)


# --- refusals -------------------------------------------------------------------------------------

BAD = {
    "field": (lambda: train(games.curl().field(), [1, 0], Euler(), 0.1, 3), "or take trajectory for fields with"),
    "x0": (lambda: train(GAME, START[1:], Euler(), 0.1, 3), "x0 has shape (4,); the field has 5 variables"),
    "x0 not finite": (lambda: train(GAME, START * np.nan, Euler(), 0.1, 3), "x0 holds a number that is not finite"),
    "method": (lambda: train(GAME, START, "euler", 0.1, 3), "method is 'euler'; give a method such as Euler()"),
    "class": (lambda: train(GAME, START, Euler, 0.1, 3), "method is the class Euler; write Euler()"),
    "h": (lambda: train(GAME, START, Euler(), 0.0, 3), "h is 0; a step size must be positive"),
    "steps": (lambda: train(GAME, START, Euler(), 0.1, 2.5), "steps is 2.5; it must be a whole number"),
    "every": (lambda: train(GAME, START, Euler(), 0.1, 3, every=-1), "every is -1"),
    "save_every": (lambda: train(GAME, START, Euler(), 0.1, 3, save_every=0), "save_every is 0"),
    "rng": (lambda: train(GAME, START, Euler(), 0.1, 3, rng=-1), "rng is -1; it must be a whole number"),
    "generator": (lambda: train(GAME, START, Euler(), 0.1, 3, rng=np.random.default_rng(0)), "which moves on"),
    "bound": (lambda: train(GAME, START, Euler(), 0.1, 3, divergence_bound=0), "divergence_bound is 0"),
    "observe nothing": (lambda: train(GAME, START, Euler(), 0.1, 3, observe=lambda k, x: None), "observe returns None"),
    "observe a step": (
        lambda: train(GAME, START, Euler(), 0.1, 3, observe=lambda k, x: {"step": 3}), "without the name 'step'"
    ),
    "observe an object": (
        lambda: train(GAME, START, Euler(), 0.1, 3, observe=lambda k, x: {"x": object()}), "must be numbers or lists"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_arguments_that_make_no_run_are_refused_with_a_remedy(case):
    act, message = BAD[case]
    with pytest.raises(InputError) as caught:
        act()
    assert message in str(caught.value)


def test_whole_numbers_of_numpy_are_seeds():
    field = NetworkBatches(learning(), 4)
    runs = [train(field, field.x, Euler(), h=0.1, steps=3, rng=seed).x for seed in (7, np.int64(7), np.uint8(7))]
    assert_array_equal(runs[0], runs[1])
    assert_array_equal(runs[0], runs[2])
