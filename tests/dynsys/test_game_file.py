"""Games in TOML files: the format does what docs/toml.md says, and no file does anything else."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dynsys import Game, InputError, games

ROOT = Path(__file__).parents[2]
GOOD = """
[players]
a = ["x"]
b = ["y"]
[payoffs]
a = "k*x*y"
b = "-x*y"
[parameters]
k = 2
"""


def written(tmp_path, text, name="duel.toml"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_file_is_the_game_it_describes(tmp_path):
    game = Game.from_toml(written(tmp_path, GOOD))
    same = Game({"a": ("x",), "b": ("y",)}, {"a": "k*x*y", "b": "-x*y"}, {"k": 2.0})
    assert game.digest == same.digest and game.name == "duel" and game.box is None and game.source == ""
    assert Game.from_toml(str(tmp_path / "duel.toml")).digest == same.digest


def test_name_source_and_box_are_optional_and_the_box_is_put_in_order(tmp_path):
    text = 'name = "n"\nsource = "s"\n' + GOOD + "[box]\ny = [-3, 0.5]\nx = [0, 1]\n"
    game = Game.from_toml(written(tmp_path, text))
    assert (game.name, game.source, game.box) == ("n", "s", ((0.0, 1.0), (-3.0, 0.5)))


def test_names_of_any_alphabet_and_of_pythons_keywords(tmp_path):
    text = '[zero_sum]\npayoff = "lambda*θ - E*θ**2"\nmaximiser = ["θ"]\nminimiser = ["lambda"]\n[parameters]\nE = 3\n'
    game = Game.from_toml(written(tmp_path, text))
    assert game.variables == ("θ", "lambda")
    assert_allclose(game.field()([2.0, 5.0]), [5 - 12, -2])


def test_cournot_has_the_equilibrium_and_eigenvalues_its_comment_gives():
    game = Game.from_toml(ROOT / "scripts" / "examples" / "cournot.toml")
    k = game.parameters
    q = [
        (2 * (k["A"] - k[own]) - k["d"] * (k["A"] - k[other])) / (4 - k["d"] ** 2)
        for own, other in [("c1", "c2"), ("c2", "c1")]
    ]
    v = game.field()
    assert_allclose(v(q), 0, atol=1e-14)
    assert_allclose(sorted(np.linalg.eigvals(v.jacobian(q)).real), [-2 - k["d"], -2 + k["d"]], rtol=1e-14)
    assert all(hessian < 0 for hessian in game.own_hessians(q).values())
    assert game.is_zero_sum is False and all(lo < c < hi for (lo, hi), c in zip(game.box, q, strict=True))
    profit = (k["A"] - q[0] - k["d"] * q[1] - k["c1"]) * q[0]
    assert float(game.exact_payoffs["firm_1"].subs(dict(zip(game.symbols, q, strict=True)))) == pytest.approx(profit)


def test_the_spiral_saddle_file_is_the_catalogues_game():
    game, known = Game.from_toml(ROOT / "scripts" / "examples" / "spiral-saddle.toml"), games.spiral_saddle()
    assert game.digest == known.digest and (game.name, game.box, game.source) == (known.name, known.box, known.source)


def test_each_example_of_the_documentation_is_a_game(tmp_path):
    blocks = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "toml.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        assert Game.from_toml(written(tmp_path, block)).field().n == 2


BAD = {
    "not TOML": ("players = [", "is not TOML"),
    "empty": ("", "[players] is missing"),
    "no payoffs": ('[players]\na = ["x"]', "[payoffs] is missing"),
    "players of wrong type": ("players = 3", "players is a int; it must be a table [players]"),
    "name of wrong type": ("name = 3\n" + GOOD, "name is a int; it must be a text"),
    "unknown key": ('payofs = "x"\n' + GOOD, "unknown key 'payofs'; did you mean 'payoffs'?"),
    "multi-line key": ('"x\\ny" = 1\n' + GOOD, r"unknown key 'x\ny'"),
    "payoff is a number": (GOOD.replace('"k*x*y"', "3"), "payoff of 'a' is a int; write the formula as a text"),
    "payoff of a multi-line key": (GOOD.replace('b = "-x*y"', '"b\\nc" = 3'), r"payoff of 'b\nc' is a int"),
    "payoff unreadable": (GOOD.replace("-x*y", "-x*"), "payoff of b: cannot read '-x*'"),
    "payoff malicious": (GOOD.replace("-x*y", "__import__('os').system('touch pwned')"), "payoff of b: \"'\" cannot"),
    "payoff multi-line": (GOOD.replace('"-x*y"', '"""-x\n__import__"""'), "payoff of b: cannot read"),
    "payoff unknown name": (GOOD.replace("-x*y", "-x*yy"), "'yy' is neither a variable nor a parameter; did"),
    "payoff without player": (GOOD.replace('b = "-', 'c = "-'), "payoffs has 'c', which is no player"),
    "variables as a text": (GOOD.replace('["y"]', '"y"'), "b owns 'y'; give a list of variable names"),
    "variables as numbers": (GOOD.replace('["y"]', "[1]"), "variables of b: 1 is no name"),
    "variables as tables": (GOOD.replace('["y"]', '{c = "y"}'), "b owns {'c': 'y'}; give a list"),
    "variable shared": (GOOD.replace('["y"]', '["x"]'), "the variable 'x' is owned twice"),
    "player unnameable": (GOOD.replace('a = ["x"]', '"a\\n" = ["x"]'), r"players: 'a\n' is no name"),
    "parameter as text": (GOOD.replace("k = 2", 'k = "2"'), "parameter 'k' is a str; it must be a number"),
    "parameter as truth": (GOOD.replace("k = 2", "k = true"), "parameter 'k' is a bool"),
    "parameter as date": (GOOD.replace("k = 2", "k = 2017-05-25"), "parameter 'k' is a date"),
    "parameter not finite": (GOOD.replace("k = 2", "k = nan"), "parameter k is nan; it must be finite"),
    "parameter of 5000 digits": (GOOD.replace("k = 2", "k = " + "9" * 5000), "is not TOML"),
    "parameter of 5000 hex digits": (GOOD.replace("k = 2", "k = 0x" + "f" * 5000), "parameter k is a int too large"),
    "box reversed": (GOOD + "[box]\nx = [1, 0]\ny = [0, 1]", "box for x is [1, 0]; the lower end must be below"),
    "box incomplete": (GOOD + "[box]\nx = [0, 1]", "box has no interval for 'y'"),
    "box of text": (GOOD + '[box]\nx = "ab"\ny = [0, 1]', "box, lower end for x, is 'a'; it must be a real number"),
    "box of numbers": (GOOD + "[box]\nx = 1\ny = 2", "give a pair (lo, hi) per variable"),
    "box unknown": (GOOD + "[box]\nxx = [0, 1]", "box names 'xx', which is no variable; did you mean 'x'?"),
    "both forms": (GOOD + '[zero_sum]\npayoff = "x"', "[zero_sum] replaces [players] and [payoffs]"),
    "zero sum incomplete": ('[zero_sum]\npayoff = "x*y"\nmaximiser = ["x"]', "[zero_sum] has no minimiser"),
    "zero sum misspelt": ('[zero_sum]\npayof = "x"\nmaximiser = ["x"]', "unknown key 'payof' in [zero_sum]; did"),
    "zero sum payoff": ('[zero_sum]\npayoff = ["x"]\nmaximiser = ["x"]\nminimiser = ["y"]', "payoff is a list"),
    "deep arrays": ("a = " + "[" * 50_000 + "]" * 50_000, "is not TOML"),
    "deep tables": ("[payoffs]\na = 'x'\n[players]\na." + ".".join("b" * 3000) + " = 1", "a owns a dict too large"),
    "binary": (bytes(range(256)) * 100, "is not TOML"),
    "UTF-16": (GOOD.encode("utf-16"), "is not TOML"),
    "too large": ("# " + "x" * 300_000, "is larger than 200000 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_one_line_that_names_file_and_key(case, tmp_path, monkeypatch):
    text, message = BAD[case]
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path, text)
    with pytest.raises(InputError) as caught:
        Game.from_toml(path)
    said = str(caught.value)
    assert said.startswith(str(path)) and message in said
    assert said.isprintable() and len(said) - len(str(path)) < 250
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("path", ["missing.toml", ".", "duel.toml/x", "a\0b"])
def test_what_cannot_be_read_says_so(path, tmp_path, monkeypatch):
    written(tmp_path, GOOD)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="cannot read"):
        Game.from_toml(path)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no endless file here")
def test_an_endless_file_is_not_read_to_its_end():
    with pytest.raises(InputError, match="/dev/zero is larger than 200000 bytes"):
        Game.from_toml("/dev/zero")


def test_the_documentation_names_every_key_and_function():
    from dynsys.functions import SYMPY
    from dynsys.game_file import TABLES, ZERO_SUM

    text = (ROOT / "docs" / "toml.md").read_text(encoding="utf-8")
    for name in (*TABLES, *ZERO_SUM, *SYMPY):
        assert re.search(rf"\b{name}\b", text), name


def test_the_examples_are_plain_toml():
    for path in (ROOT / "scripts" / "examples").glob("*.toml"):
        assert tomllib.loads(path.read_text(encoding="utf-8"))
