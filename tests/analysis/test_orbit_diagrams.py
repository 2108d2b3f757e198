"""Orbit diagrams against known cascades, their exponents, and sweeps in chunks that are stopped and resumed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from analysis import orbit_diagram
from analysis.chunks import Chunks
from dynsys import InputError, VectorField, games
from dynsys.transforms import consensus
from integrators import Adam, Euler, HeavyBall, RungeKutta4, Status, trajectory

LOGISTIC = VectorField.from_map(["r*x*(1 - x)"], ["x"], {"r": 4.0})
VALUES = np.array([1.5, 2.5, 3.2, 3.5, 3.83])
FEW = np.linspace(2.8, 3.6, 70)
SPIRAL = consensus(games.spiral_saddle().field(), 0.5)


def sweep(values=FEW, **more):
    options = {"h": 1.0, "transient": 40, "keep": 8} | more
    return orbit_diagram(LOGISTIC, [[0.3]], options.pop("method", Euler()), "r", values, **options)


def test_the_periods_and_points_of_the_logistic_cascade():
    found = sweep(VALUES, transient=600, keep=24)
    assert found.period[:, 0].tolist() == [1, 1, 2, 4, 3]
    assert_allclose(found.points[:2, 0, -1, 0], 1 - 1 / VALUES[:2], rtol=1e-12)
    r = VALUES[2]
    root = math.sqrt((r - 3) * (r + 1))
    assert_allclose(
        np.sort(found.points[2, 0, -2:, 0]), [(r + 1 - root) / (2 * r), (r + 1 + root) / (2 * r)], rtol=1e-10
    )


def test_the_exponents_below_are_those_of_fixed_points_and_cycles():
    found = sweep(VALUES, transient=600, keep=24)
    assert_allclose(found.exponent[:2, 0], np.log(np.abs(2 - VALUES[:2])), rtol=1e-9)
    r = VALUES[2]
    assert_allclose(found.exponent[2, 0], 0.5 * math.log(abs(4 + 2 * r - r * r)), rtol=1e-6)
    assert (found.exponent[:, 0] < 0).all()


def test_columns_are_the_runs_of_their_values():
    found = orbit_diagram(SPIRAL, [[0.1, 0.2], [0.2, -0.1]], HeavyBall(0.1), "h", [0.2, 0.5], transient=30, keep=5)
    for i, h in enumerate((0.2, 0.5)):
        for s, start in enumerate(([0.1, 0.2], [0.2, -0.1])):
            run = trajectory(SPIRAL, start, HeavyBall(0.1), h, 35)
            assert_allclose(found.points[i, s], run.x[-5:], rtol=1e-10, atol=1e-14)
    assert found.points.shape == (2, 2, 5, 2) and found.h is None


def test_the_critical_step_is_marked_and_the_exponent_changes_its_sign_there():
    found = orbit_diagram(SPIRAL, [[0.01, 0.01]], Euler(), "h", [0.9, 0.98, 1.0], transient=400, keep=100, at=[0, 0])
    c = 0.5 + 1.25 * 0.5
    assert_allclose(found.critical, [2 * c / (c**2 + 1)], rtol=1e-12)
    modulus = [math.hypot(1 - h * c, h) for h in (0.9, 0.98)]
    assert_allclose(found.exponent[:2, 0], np.log(modulus) / [0.9, 0.98], atol=3e-3)
    assert found.period[:, 0].tolist()[:1] == [1]
    over = orbit_diagram(
        SPIRAL, [[0.01, 0.01]], Euler(), "gamma", [0.1, 0.5, 0.7], h=0.99, transient=5, keep=5, at=[0, 0]
    )
    roots = np.sort(np.roots([1, -2 / 0.99, 1]))  # c² - 2c/h + 1 = 0 with c = ½ + (5/4)γ
    assert_allclose(over.critical, (roots - 0.5) / 1.25, rtol=1e-12)


def test_following_keeps_an_attractor_that_the_other_direction_does_not_see():
    fold = VectorField.from_map(["x + 0.1*(a + x - x**3)"], ["x"], {"a": 0.0})
    values = np.linspace(-0.6, 0.6, 81)  # chunks meet where there are two attractors
    up = orbit_diagram(fold, [[1.0]], Euler(), "a", values, h=1.0, transient=200, keep=2, following="up")
    down = orbit_diagram(fold, [[-1.0]], Euler(), "a", values, h=1.0, transient=200, keep=2, following="down")
    edge = 2 / (3 * math.sqrt(3))
    inside = np.abs(values) < edge - 0.03
    assert (up.points[inside, 0, -1, 0] < 0).all() and (down.points[inside, 0, -1, 0] > 0).all()
    outside = values > edge + 0.03
    assert (up.points[outside, 0, -1, 0] > 0).all() and np.array_equal(down.values, values)


def test_orbits_that_do_not_last_are_nan_and_the_next_value_starts_anew():
    found = sweep([3.0, 3.2, 4.5], following="down", transient=200)
    assert found.status[:, 0].tolist() == [0, 0, int(Status.DIVERGED)]
    assert np.isnan(found.points[2]).all() and np.isnan(found.exponent[2, 0]) and found.period[2, 0] == 0
    assert np.isfinite(found.points[:2]).all() and found.to_dict()["exponent"][2] == [None]


def test_a_method_without_derivative_has_a_diagram_without_exponents():
    found = orbit_diagram(SPIRAL, [[0.1, 0.1]], Adam(), "h", [0.01, 0.02], transient=20, keep=5)
    assert np.isnan(found.exponent).all() and np.isfinite(found.points).all() and "root of a mean" in found.reason


# --- chunks ---------------------------------------------------------------------------------------


class StopError(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("following", ["", "up", "down"])
def test_a_sweep_that_was_stopped_goes_on_and_ends_with_the_same_numbers(following, tmp_path):
    whole = sweep(following=following)

    def stop(done, of):
        if done >= 32:
            raise StopError

    with pytest.raises(StopError):
        sweep(following=following, folder=tmp_path / "a", progress=stop)
    files = sorted(tmp_path.glob("a/chunk-*.npz"))
    assert len(files) == 1
    written, seen = files[0].stat().st_mtime_ns, []
    resumed = sweep(following=following, folder=tmp_path / "a", resume=True, progress=lambda d, n: seen.append((d, n)))
    assert files[0].stat().st_mtime_ns == written and seen == [(32, 70), (64, 70), (70, 70)]
    for name in ("points", "exponent", "status", "values"):
        assert np.array_equal(getattr(resumed, name), getattr(whole, name), equal_nan=True)


def test_resuming_with_other_settings_is_refused_and_says_which(tmp_path):
    sweep(folder=tmp_path)
    with pytest.raises(InputError, match=r"keep was 8, now 9; give the same"):
        sweep(folder=tmp_path, keep=9, resume=True)
    with pytest.raises(InputError, match=r"other settings: method was Euler\(\), now RungeKutta4\(\); give"):
        sweep(folder=tmp_path, method=RungeKutta4(), resume=True)
    with pytest.raises(InputError, match=r"values was 70 from 2.8 to 3.6 .*, now 70 from 2.8 to 3.6 "):
        sweep(FEW + 1e-12, folder=tmp_path, resume=True)
    sweep(folder=tmp_path, keep=9)  # anew
    assert sweep(folder=tmp_path, keep=9, resume=True).points.shape[2] == 9


def test_a_chunk_that_is_cut_short_is_computed_again(tmp_path):
    whole = sweep(folder=tmp_path)
    path = tmp_path / "chunk-000001.npz"
    path.write_bytes(path.read_bytes()[:200])
    (tmp_path / ".chunk-left").write_bytes(b"half")
    assert np.array_equal(sweep(folder=tmp_path, resume=True).points, whole.points)
    (tmp_path / "settings.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="holds no settings"):
        sweep(folder=tmp_path, resume=True)


def test_clearing_takes_nothing_but_its_own_files(tmp_path):
    (tmp_path / "mine.txt").write_text("kept", encoding="utf-8")
    chunks = Chunks(tmp_path, {"a": "1"})
    chunks.begin(False)
    assert chunks.take("a", lambda: {"x": np.arange(3)})["x"].tolist() == [0, 1, 2]
    assert chunks.take("a", lambda: {"x": np.zeros(1)})["x"].tolist() == [0, 1, 2] and chunks.begin(True) == 1
    chunks.clear()
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"):
        Chunks(tmp_path / "file" / "below", {}).begin(False)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"parameter": "s"}, "no parameter 's'"),
        ({"values": [2.0, 1.0]}, "rising finite numbers"),
        ({"values": "many"}, "rising finite numbers"),
        ({"h": None}, "h is missing"),
        ({"parameter": "h"}, "leave one out"),
        ({"parameter": "h", "h": None, "values": [-1.0, 1.0]}, "must be positive"),
        ({"following": "sideways"}, "following is 'sideways'"),
        ({"starts": [[0.1, 0.2]]}, "starts has 2 entries"),
        ({"starts": [[math.nan]]}, "give finite points"),
        ({"keep": 0}, "keep is 0"),
        ({"at": [0.3]}, "not a zero"),
    ],
)
def test_it_says_what_is_wrong(change, words):
    arguments = {"starts": [[0.3]], "method": Euler(), "parameter": "r", "values": VALUES, "h": 1.0} | change
    with pytest.raises(InputError, match=words):
        orbit_diagram(LOGISTIC, **arguments)


def test_a_field_of_time_has_no_diagram():
    driven = VectorField(("cos(t) - x",), ("x",), time="t")
    with pytest.raises(InputError, match="depends on time"):
        orbit_diagram(driven, [[0.1]], Euler(), "h", [0.1, 0.2])
