"""`analyse` as its user meets it: files, numbers and words for good input, one line and nothing else for bad."""

import json
import math
import time
from pathlib import Path

import numpy as np
import pytest

from analysis.command import main

ROOT = Path(__file__).parents[2]
SPIRAL_SADDLE = """
name = "typed by a user"
[zero_sum]
payoff = "theta*phi - theta^2/4 + 5/6*theta^3 + phi^2/4"
maximiser = ["theta"]
minimiser = ["phi"]
[box]
theta = [-2, 2]
phi = [-4, 2]
"""


def analysed(folder, *arguments):
    assert main([*arguments, "--out", str(folder)]) == 0
    return json.loads((folder / "report.json").read_text())


def near(report, symbol, x):
    """The entry of the fixed point of a field nearest to x."""
    points = report["fields"][symbol]["points"]
    return min(points, key=lambda p: np.linalg.norm(np.subtract(p["x"], x)))


@pytest.fixture(scope="module")
def spiral_saddle(tmp_path_factory):
    return analysed(tmp_path_factory.mktemp("half"), "spiral-saddle", "--gamma", "0.5")


@pytest.fixture(scope="module")
def small_gamma(tmp_path_factory):
    return analysed(tmp_path_factory.mktemp("fifth"), "spiral-saddle", "--gamma", "0.2")


def test_the_nash_equilibrium_and_the_saddle_have_the_eigenvalues_of_theory(spiral_saddle):
    nash, saddle = near(spiral_saddle, "v", (0, 0)), near(spiral_saddle, "v", (1, -2))
    np.testing.assert_allclose(sorted(nash["eigenvalues"]), [[-0.5, -1], [-0.5, 1]], atol=1e-12)
    expected = [[2 - math.sqrt(21) / 2, 0], [2 + math.sqrt(21) / 2, 0]]
    np.testing.assert_allclose(sorted(saddle["eigenvalues"]), expected, atol=1e-12)
    assert "strict Nash" in nash["labels"]
    assert saddle["is_nash"] is False


def test_separatrices_are_drawn_when_asked_for(tmp_path):
    analysed(tmp_path / "with", "spiral-saddle", "--gamma", "0.5", "--separatrices", "--format", "svg")
    assert "unstable manifold" in (tmp_path / "with" / "portrait.svg").read_text()


def test_gamma_one_half_makes_the_saddle_attract_and_the_words_say_so(spiral_saddle):
    words = "\n".join(spiral_saddle["verdict"])
    assert near(spiral_saddle, "w", (1, -2))["attracts"] is True
    assert "the saddle (1, -2), made attracting by γ, attracts" in words
    assert "it is attracted, too, by the saddle (1, -2): not Nash" in words


def test_gamma_one_fifth_leaves_the_saddle_and_attracts_to_a_spurious_zero(small_gamma):
    gamma = 0.2
    theta = 0.1 + (1 + gamma**2 / (1 + gamma / 2)) / (5 * gamma)
    spurious = near(small_gamma, "w", (theta, -2.376))
    assert spurious["x"][0] == pytest.approx(theta, abs=1e-10)
    assert spurious["spurious"] and spurious["attracts"]
    assert not near(small_gamma, "w", (1, -2))["attracts"]
    words = "\n".join(small_gamma["verdict"])
    assert "the spurious zero (1.136364, -2.376033), where v does not vanish" in words
    assert "attracted, too, by the spurious zero" in words


def test_the_same_game_typed_into_toml_gives_the_same_numbers(spiral_saddle, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(SPIRAL_SADDLE)
    typed = analysed(tmp_path / "out", str(file), "--gamma", "0.5")
    for symbol in ("v", "-∇L", "w"):
        ours, theirs = (r["fields"][symbol]["points"] for r in (spiral_saddle, typed))
        np.testing.assert_allclose([p["x"] for p in theirs], [p["x"] for p in ours], atol=1e-12)
        assert [p["labels"] for p in theirs] == [p["labels"] for p in ours]
        assert [p["critical_step"] for p in theirs] == [p["critical_step"] for p in ours]


def test_curl_is_unstable_at_every_h_and_consensus_stable_below_four_fifths(tmp_path):
    report = analysed(tmp_path, "curl", "--h", "0.1")
    assert "weak Nash" in near(report, "v", (0, 0))["labels"]
    assert near(report, "v", (0, 0))["critical_step"]["stable"] == []
    assert near(report, "w", (0, 0))["critical_step"]["stable"] == [[0.0, pytest.approx(0.8, abs=1e-12)]]
    words = "\n".join(report["verdict"])
    assert "unstable at every h > 0" in words
    assert "stable iff h < 0.8." in words


def test_dirac_gan_has_one_pair_of_spurious_zeros_and_none_on_its_plateaus(tmp_path):
    report = analysed(tmp_path, "dirac-gan", "--gamma", "1")
    assert [p["x"] for p in report["fields"]["v"]["points"]] == [[0.0, 0.0]]
    points = report["fields"]["w"]["points"]
    expected = [[-0.3412490531, -2.1650903480], [0, 0], [0.3412490531, 2.1650903480]]
    np.testing.assert_allclose([p["x"] for p in points], expected, atol=1e-9)
    assert [p["spurious"] for p in points] == [True, False, True]


def test_the_words_say_when_no_nash_equilibrium_is_in_the_box(tmp_path):
    report = analysed(tmp_path, "hidden-minimax")
    assert "No Nash equilibrium in this box." in report["verdict"]
    assert any("no Nash equilibrium in this box to reach" in sentence for sentence in report["verdict"])


def test_the_report_says_where_it_comes_from(spiral_saddle):
    assert spiral_saddle["command"][0] == "analyse"
    assert spiral_saddle["seed"] == 0
    assert len(spiral_saddle["digest"]) == 64
    assert {"python", "numpy", "sympy", "numba", "dynsys-games"} <= set(spiral_saddle["versions"])


@pytest.mark.parametrize(("format_", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_pictures_come_in_the_format_asked_for(format_, magic, tmp_path):
    analysed(tmp_path, "curl", "--format", format_)
    for name in ("portrait", "spectra"):
        assert (tmp_path / f"{name}.{format_}").read_bytes().startswith(magic)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_three_variables_are_shown_in_the_plane_asked_for(tmp_path, capsys):
    report = analysed(tmp_path, "lorenz", "--vars", "x,z", "--method", "runge-kutta4", "--h", "0.01")
    assert sorted(p["x"] for p in report["fields"]["v"]["points"])[1] == [0.0, 0.0, 0.0]
    assert "0.1063779991 < h < 0.2010377783" in " ".join(capsys.readouterr().out.split())


def test_a_game_of_one_variable_and_parameters_from_the_command_line(tmp_path):
    file = tmp_path / "well.toml"
    file.write_text('[players]\nx = ["x"]\n[payoffs]\nx = "a*x^2/2 - x^4/4"\n[parameters]\na = 4\n')
    report = analysed(tmp_path / "out", str(file), "--set", "a=1", "--gamma", "2", "--box", "x=-2:2")
    side = math.sqrt((2 - 1) / (3 * 2))
    found = [p["x"][0] for p in report["fields"]["w"]["points"]]
    np.testing.assert_allclose(found, [-1, -side, 0, side, 1], atol=1e-10)


@pytest.mark.parametrize("file", sorted((ROOT / "scripts" / "examples").glob("*.toml")), ids=lambda p: p.stem)
def test_the_example_games_have_a_nash_equilibrium(file, tmp_path):
    report = analysed(tmp_path, str(file))
    assert any(p["is_nash"] for p in report["fields"]["v"]["points"])


def test_a_game_with_random_samples_is_analysed_on_average_and_words_and_name_say_so(tmp_path, capsys):
    file = tmp_path / "noisy.toml"
    file.write_text(
        SPIRAL_SADDLE.replace("theta*phi", "(1 + a*z)*theta*phi") + '[noise]\nz = "normal"\n[parameters]\na=3'
    )
    averaged = analysed(tmp_path / "out", str(file), "--set", "a=2")
    said = "typed by a user has random samples; this is the game of its mean payoffs."
    assert capsys.readouterr().out.startswith(said)
    plain = analysed(tmp_path / "too", "spiral-saddle")
    assert "random samples" not in capsys.readouterr().out
    assert averaged["name"] == "mean of typed by a user" and averaged["parameters"] == {"a": 2.0}
    for symbol in ("v", "w"):
        ours, theirs = ([p["x"] for p in r["fields"][symbol]["points"]] for r in (averaged, plain))
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_a_mean_of_too_many_terms_is_refused_with_the_way_out(tmp_path, capsys):
    file = tmp_path / "noisy.toml"
    text = SPIRAL_SADDLE.replace("theta*phi", "theta*phi*exp(-(y*theta + z*phi)**2)")
    file.write_text(text + '[noise]\ny = "normal"\nz = "normal"\n')
    said = refused([str(file)], tmp_path / "out", capsys)
    assert "the mean of typed by a user over its samples has no formula" in said
    assert "scripts/minibatch_consensus.py" in said


def test_the_catalogue_and_the_help_are_printed_whole(capsys):
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out
    assert "spiral-saddle" in listed and "[[a, b], [-b," in listed
    assert main(["--help"]) == 0
    assert "analyse curl --h 0.1" in capsys.readouterr().out


HOSTILE = '[players]\nx = ["x"]\n[payoffs]\nx = "{}"\n'
BAD = {
    "unknown game": (["spiral-sadle"], "spiral-saddle"),
    "no game": ([], "GAME"),
    "h zero": (["curl", "--h", "0"], "--h"),
    "h negative": (["curl", "--h", "-1"], "--h"),
    "h no number": (["curl", "--h", "abc"], "--h"),
    "gamma not finite": (["curl", "--gamma", "nan"], "--gamma"),
    "inverted box": (["curl", "--box", "1:0,0:1"], "theta"),
    "empty box": (["curl", "--box", "0:0,0:1"], "theta"),
    "box of one": (["curl", "--box", "0:1"], "box"),
    "box unknown": (["curl", "--box", "theta=0:1,fhi=0:1"], "phi"),
    "box no numbers": (["curl", "--box", "a"], "--box"),
    "start not finite": (["curl", "--start", "nan,1"], "--start"),
    "start too short": (["curl", "--start", "1"], "--start"),
    "unknown parameter": (["quadratic", "--set", "q=1"], "q"),
    "setting no number": (["quadratic", "--set", "a=x"], "--set"),
    "unknown method": (["curl", "--method", "eulr"], "euler"),
    "unknown format": (["curl", "--format", "gif"], "--format"),
    "unknown variable": (["lorenz", "--vars", "x,q"], "q"),
    "one variable twice": (["lorenz", "--vars", "x,x"], "variables"),
    "negative seed": (["curl", "--seed", "-1"], "--seed"),
    "unknown option": (["curl", "--bogus"], "--bogus"),
    "missing file": (["missing.toml"], "missing.toml"),
}


def refused(arguments, folder, capsys):
    """The one line on standard error of a call that must fail with status 2 and write nothing."""
    started = time.perf_counter()
    assert main([*arguments, "--out", str(folder)]) == 2
    assert time.perf_counter() - started < 1
    assert not folder.exists()
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1 and "Traceback" not in printed.err
    return printed.err


@pytest.mark.parametrize("case", BAD, ids=str)
def test_a_bad_argument_is_refused_in_one_line_that_names_it(case, tmp_path, capsys):
    arguments, named = BAD[case]
    assert named in refused(arguments, tmp_path / "out", capsys)


@pytest.mark.parametrize(
    "payoff",
    [
        "__import__('os').system('touch pwned')",
        "x.__class__",
        "9**9**9",
        "(" * 400 + "x" + ")" * 400,
        "-" * 3000 + "x",
        "sqrt(-1)*x",
        "x/0",
        "log(0)",
        "x + y",
        "foo(x)",
        "exp(exp(exp(9)))",
        "lambda: x",
    ],
)
def test_a_hostile_payoff_is_refused_and_never_executed(payoff, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "bad.toml"
    file.write_text(HOSTILE.format(payoff))
    assert "payoff of x" in refused([str(file)], tmp_path / "out", capsys)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.toml"]


def test_an_output_folder_that_is_a_file_is_refused_before_any_work(tmp_path, capsys):
    (tmp_path / "taken").write_text("")
    started = time.perf_counter()
    assert main(["curl", "--out", str(tmp_path / "taken")]) == 2
    assert time.perf_counter() - started < 1
    assert "--out" in capsys.readouterr().err


def test_windows_are_added_when_asked_for(tmp_path, capsys):
    assert main(["spiral-saddle", "--windows", "--out", str(tmp_path)]) == 0
    words = capsys.readouterr().out
    assert "component 1: gamma in (0, " in words and "local is not global" in words
    data = json.loads((tmp_path / "windows.json").read_text(encoding="utf-8"))
    assert data["parameter"] == "gamma" and data["ranges"]["gamma"] == [0, 3]
    assert (tmp_path / "windows.png").stat().st_size > 10_000
