"""Points to train on: made sets by seed, and files whose bad rows are named."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dynsys import InputError
from dynsys.autoencoders import DATA, circle, gaussian_mixture, named, read_csv, spiral, two_moons
from dynsys.autoencoders.data import SPREAD, check_points, standardised

by_name = pytest.mark.parametrize("maker", DATA.values(), ids=DATA.keys())


@by_name
def test_the_same_seed_gives_the_same_points_and_another_seed_others(maker):
    points = maker(50, 0.2, 3)
    assert points.shape == (50, 2)
    assert_array_equal(points, maker(50, 0.2, 3))
    assert np.abs(points - maker(50, 0.2, 4)).max() > 0.1


@by_name
def test_the_noise_has_the_standard_deviation_asked_for(maker):
    apart = maker(20_000, 0.7, 1) - maker(20_000, 0.0, 1)  # the noise is drawn last, so the curve's points are the same
    assert_allclose(apart.std(0), 0.7, rtol=0.03)
    assert_allclose(apart.mean(0), 0, atol=0.03)


@by_name
def test_made_sets_spread_over_about_ten_units(maker):
    points = maker(5000, 0.3, 0)
    spread = np.sqrt(np.square(points - points.mean(0)).sum(1).mean())
    assert SPREAD / 1.6 < spread < SPREAD * 1.6


def test_points_without_noise_lie_on_their_curves():
    radius, angle = np.linalg.norm(spiral(400, 0.0), axis=1), np.arctan2(*spiral(400, 0.0).T[::-1])
    turns = (3 * np.pi * radius / 10 - angle) / (2 * np.pi)
    assert_allclose(turns, turns.round(), atol=1e-12)
    assert radius.min() >= 2.5 and radius.max() <= 10 and len(set(turns.round())) == 2
    assert_allclose(np.linalg.norm(circle(100, 0.0), axis=1), 6)
    moons = two_moons(400, 0.0)
    to_upper, to_lower = (np.linalg.norm(moons - c, axis=1) for c in ([-2.5, -1.25], [2.5, 1.25]))
    on_upper = np.isclose(to_upper, 5) & (moons[:, 1] >= -1.25 - 1e-9)
    on_lower = np.isclose(to_lower, 5) & (moons[:, 1] <= 1.25 + 1e-9)
    assert (on_upper ^ on_lower).all() and 0.4 < on_upper.mean() < 0.6
    assert len(np.unique(gaussian_mixture(300, 0.0).round(9), axis=0)) == 3


def test_a_name_nobody_knows_gets_the_nearest_one():
    assert named("moons") is two_moons
    with pytest.raises(InputError, match="did you mean 'spiral'"):
        named("sprial")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0,), "count is 0"), ((2.5,), "count is 2.5"), ((5, -1), "noise is -1"), ((5, np.nan), "noise is nan"),
     ((5, 0.1, -1), "seed is -1"), ((5, "much"), "noise is 'much'")],
)  # fmt: skip
@by_name
def test_bad_arguments_of_makers_are_refused(maker, arguments, message):
    with pytest.raises(InputError, match=message):
        maker(*arguments)


@pytest.mark.parametrize(
    ("points", "message"),
    [([[0.0, np.nan], [1, 1]], "NaN, infinite or beyond 1e70 in row 0"), ([[1.0, 2], [np.inf, 1]], "row 1"),
     ([1.0, 2.0], r"shape \(2,\)"), ([["a", "b"]], "no array of real numbers"), (np.empty((0, 2)), "holds 0 points"),
     (np.empty((3, 0)), r"shape \(3, 0\)"), ([[1, 2], [3]], "no array of real numbers")],
)  # fmt: skip
def test_points_that_are_none_are_refused(points, message):
    with pytest.raises(InputError, match=message):
        check_points(points)


def test_standardised_points_come_back_from_centre_and_unit():
    points = spiral(200) * 1e-3 + [5.0, -2.0]
    new, centre, unit = standardised(points)
    assert_allclose(np.sqrt(np.square(new).sum(1).mean()), SPREAD)
    assert_allclose(new.mean(0), 0, atol=1e-10)
    assert_allclose(centre + unit * new, points, atol=1e-15)
    with pytest.raises(InputError, match="the same point"):
        standardised(np.ones((4, 2)))


def written(folder, text):
    path = folder / "points.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("header", ["", "x,y,z\n", "\ufeff"])
def test_a_file_is_read_whole_with_or_without_a_header(tmp_path, header):
    points = np.random.default_rng(0).normal(size=(20, 3))
    lines = "\n\n".join(",".join(map(repr, map(float, row))) for row in points)
    assert_array_equal(read_csv(written(tmp_path, header + lines + "\n")), points)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2\n3,abc\n4,5\n", "points.csv: line 2 has 'abc' in column 2; mend or remove them"),
        (
            "x,y\n1,2\n\n3,4,5\n6,nan\n7,8\n",
            "points.csv: line 4 has 3 columns, not 2; line 5 has nan in column 2; mend",
        ),
        ("1,2\n,3\n2,inf\n", "line 2 has nothing in column 1; line 3 has inf in column 2"),
        ("1,2\n3,4\nx,y\n", "line 3 has 'x' in column 1"),
        ("a,1\n2,3\n", "line 1 has 'a' in column 1"),
        ("1,2\n" + "3,q\n" * 8, "line 6 has 'q' in column 2; and 3 more bad lines"),
        ("1\n2\n3\n", "one column"),
        ("x,y\n1,2\n", "holds 1 points; give at least 2"),
        ("x,y\n", "holds no points"),
        ("", "holds no points"),
        ("1;2\n3;4\n", "one column; give two or more, separated by commas"),
    ],
)
def test_bad_rows_are_named_by_line_and_too_little_data_is_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_csv(written(tmp_path, text))


def test_a_quoted_line_break_does_not_shift_the_line_numbers(tmp_path):
    with pytest.raises(InputError, match="line 4 has 'b' in column 1"):
        read_csv(written(tmp_path, '"x\n1",y\n1,2\nb,2\n'))


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv cannot be read: No such file"):
        read_csv(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x81,\x00")
    with pytest.raises(InputError, match=r"binary\.csv cannot be read"):
        read_csv(tmp_path / "binary.csv")
