"""Games in TOML files: the format does what docs/toml.md says, and no file does anything else."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dynsys import Game, InputError, games
from dynsys.game_file import read_game
from dynsys.minibatches import FiniteSumGame, MinibatchField, StochasticGame, discrete, mixture, normal, uniform

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
DUEL = '[zero_sum]\npayoff = "phi*(x - theta*z)"\nmaximiser = ["phi"]\nminimiser = ["theta"]\n'
NOISE = '[noise]\nx = {}\nz = "normal"\n'


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
    written(tmp_path, "x,y,sigma\n1,2,0.5\n-1,0,1\n", "points.csv")
    kinds = []
    for block in blocks:
        game = read_game(written(tmp_path, block))
        assert game.field().n == 2
        kinds.append(type(game))
    assert kinds == [Game, Game, StochasticGame, FiniteSumGame]


FORMS = {
    '"normal"': normal(),
    '"uniform"': uniform(),
    "{ normal = [1, 0.5] }": normal(1, 0.5),
    "{ uniform = [-1, 3] }": uniform(-1, 3),
    "{ discrete = { values = [-1, 2.5] } }": discrete([-1, 2.5]),
    "{ discrete = { values = [-1, 2], probabilities = [0.3, 0.7] } }": discrete([-1, 2], [0.3, 0.7]),
    '{ mixture = { components = ["normal", { uniform = [1, 2] }] } }': mixture([normal, uniform(1, 2)]),
    "{ mixture = { components = [{ normal = [3, 1] }, { discrete = { values = [1] } }], weights = [0.25, 0.75] } }": (
        mixture([normal(3, 1), discrete([1])], [0.25, 0.75])
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_table_noise_declares_the_distributions_of_the_library(form, tmp_path):
    game = StochasticGame.from_toml(written(tmp_path, DUEL + NOISE.format(form)))
    assert dict(game.noise) == {"x": FORMS[form], "z": normal()}
    assert game.order == 40 and game.name == "duel" and game.variables == ("phi", "theta")


def test_noise_goes_with_players_and_payoffs_and_all_the_other_keys(tmp_path):
    text = 'name = "n"\nsource = "s"\norder = 7\n' + GOOD.replace("k*x*y", "k*x*y*z**2")
    game = read_game(written(tmp_path, text + "[noise]\nz = { normal = [1, 2] }\n[box]\ny = [-3, 1]\nx = [0, 1]\n"))
    same = Game({"a": ("x",), "b": ("y",)}, {"a": "5*k*x*y", "b": "-x*y"}, {"k": 2.0})
    assert isinstance(game, StochasticGame) and game.mean_game.digest == same.digest
    assert (game.name, game.source, game.order) == ("n", "s", 7) and game.box == ((0.0, 1.0), (-3.0, 1.0))


def test_the_key_data_is_a_csv_file_beside_the_game_whatever_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "deep").mkdir()
    written(tmp_path, "x,z\n1,2\n3,8\n", "points.csv")
    path = written(tmp_path / "deep", 'data = "../points.csv"\n' + DUEL)
    monkeypatch.chdir(ROOT)
    game = FiniteSumGame.from_toml(path)
    assert {name: list(column) for name, column in game.data.items()} == {"x": [1, 3], "z": [2, 8]}
    assert_allclose(game.field()([0.5, 3.0]), [2 - 3 * 5, 0.5 * 5])


def test_data_given_by_the_caller_win_over_the_key_and_need_none(tmp_path):
    other = written(tmp_path, "z,x\n1,4\n", "other.csv")
    for head in ("", 'data = "missing.csv"\n'):
        game = FiniteSumGame.from_toml(written(tmp_path, head + DUEL), data=str(other))
        assert list(game.data) == ["z", "x"] and game.population.size == 1


WRONG_KIND = [
    (Game, DUEL + NOISE.format('"normal"'), "random samples; read it with StochasticGame.from_toml"),
    (Game, 'data = "points.csv"\n' + DUEL, "random samples; read it with FiniteSumGame.from_toml"),
    (StochasticGame, GOOD, "declares no [noise]; write name = { normal = [0, 1] } there"),
    (StochasticGame, 'data = "points.csv"\n' + DUEL, "names data; read it with FiniteSumGame.from_toml"),
    (FiniteSumGame, GOOD, "names no data; give data=, a CSV file"),
    (FiniteSumGame, DUEL + NOISE.format('"normal"'), "declares [noise]; read it with StochasticGame.from_toml"),
]


@pytest.mark.parametrize(("kind", "text", "message"), WRONG_KIND)
def test_a_file_of_another_kind_of_game_names_the_class_that_reads_it(kind, text, message, tmp_path):
    written(tmp_path, "x,z\n1,2\n", "points.csv")
    path = written(tmp_path, text)
    with pytest.raises(InputError) as caught:
        kind.from_toml(path)
    assert str(caught.value).startswith(str(path)) and message in str(caught.value)


LONG = [f"a_name_as_long_as_this_{i}" for i in range(4)]
ZERO_SUM_GAMES = {
    "noise": lambda *arguments: StochasticGame.zero_sum(*arguments, {"q": normal}),
    "data": lambda *arguments: FiniteSumGame.zero_sum(*arguments, {"q": [1.0, 3.0]}),
}


@pytest.mark.parametrize("kind", ZERO_SUM_GAMES)
@pytest.mark.parametrize(
    ("names", "players"),
    [
        (("x", "y"), ["x", "y"]),
        (("x", "y", "z", "w"), ["x_y", "z_w"]),
        (LONG, ["maximiser", "minimiser"]),
        (("a", "b_c", "a_b", "c"), ["maximiser", "minimiser"]),
    ],
)
def test_zero_sum_games_with_samples_name_their_players_as_those_without(kind, names, players):
    half = len(names) // 2
    sides = f"{names[0]}*{names[-1]}", names[:half], names[half:]
    with_samples, without = ZERO_SUM_GAMES[kind](f"{sides[0]} + q", *sides[1:]), Game.zero_sum(*sides)
    assert dict(with_samples.players) == dict(without.players) and list(without.players) == players
    assert with_samples.mean_game.is_zero_sum


def test_the_variance_gan_file_has_the_centre_its_comment_gives():
    game = StochasticGame.from_toml(ROOT / "scripts" / "examples" / "variance-gan.toml")
    mean = game.field()
    assert game.variables == ("theta", "phi")
    assert_allclose(mean([1, 0]), 0, atol=1e-15)
    assert_allclose(sorted(np.linalg.eigvals(mean.jacobian([1, 0])).imag), [-2, 2], rtol=1e-14)
    assert_allclose(mean([0.5, 0.8]), [2 * 0.5 * 0.8, 1 - 0.25], rtol=1e-14)


def test_the_regression_file_has_the_equilibrium_and_the_shift_its_comment_gives():
    game = FiniteSumGame.from_toml(ROOT / "scripts" / "examples" / "regression.toml")
    x, y, sigma = (game.data[name] for name in ("x", "y", "sigma"))
    k, m = game.parameters["k"], game.parameters["m"]
    assert len(x) == 40 and (sigma**2).mean() < m
    slopes = [[(sigma**2).mean() - m, -(sigma * x).mean()], [(sigma * x).mean(), -(x**2).mean() - k]]
    nash = np.linalg.solve(slopes, [-(sigma * y).mean(), -(x * y).mean()])
    assert_allclose(nash, [0.759, 1.328], atol=5e-4)
    assert_allclose(game.field()(nash), 0, atol=1e-14)
    assert_allclose(np.linalg.eigvals(slopes), [-0.697 + 0.335j, -0.697 - 0.335j], atol=5e-4)
    field = MinibatchField(game, 2, 0.5, "plug-in").expected()
    moved = nash - np.linalg.solve(field.jacobian(nash), field(nash))  # linear: one Newton step is exact
    assert_allclose(field(moved), 0, atol=1e-14)
    assert_allclose(moved, [0.563, 1.324], atol=5e-4)


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
    "noise of wrong type": ("noise = 3\n" + DUEL, "noise is a int; it must be a table [noise]"),
    "noise empty": (DUEL + "[noise]", "[noise] is empty; write name = { normal = [0, 1] } there"),
    "noise misspelt": (DUEL + NOISE.format('"nromal"'), "noise 'x': no distribution is called 'nromal'; did you mean"),
    "noise a number": (DUEL + NOISE.format("3"), "noise 'x': 3 is no distribution; write for instance { normal"),
    "noise of two kinds": (DUEL + NOISE.format("{ normal = [0, 1], uniform = [0, 1] }"), "is no distribution; write"),
    "noise of an unknown kind": (DUEL + NOISE.format("{ norm = [0, 1] }"), "called 'norm'; did you mean 'normal'?"),
    "normal of one number": (DUEL + NOISE.format("{ normal = [0] }"), "normal is [0]; write { normal = [0, 1] }: mean"),
    "normal of none": (DUEL + NOISE.format("{ normal = [] }"), "normal is []; write { normal = [0, 1] }: mean and"),
    "uniform of three": (DUEL + NOISE.format("{ uniform = [0, 1, 2] }"), "uniform is [0, 1, 2]; write { uniform"),
    "uniform no list": (DUEL + NOISE.format("{ uniform = 1 }"), "uniform is 1; write { uniform = [0, 1] }: low and"),
    "uniform reversed": (DUEL + NOISE.format("{ uniform = [1, 0] }"), "noise 'x': low is 1.0 and high is 0.0; the"),
    "mean as text": (DUEL + NOISE.format('{ normal = ["0", 1] }'), "noise 'x': mean is '0'; it must be a real number"),
    "deviation of zero": (DUEL + NOISE.format("{ normal = [0, 0] }"), "deviation is 0.0; it must be positive"),
    "deviation as truth": (DUEL + NOISE.format("{ normal = [0, true] }"), "deviation is True; it must be a real"),
    "discrete alone": (DUEL + NOISE.format('"discrete"'), "discrete has no values; write { discrete = { values = ["),
    "discrete as list": (DUEL + NOISE.format("{ discrete = [1, 2] }"), "discrete has no values; write { discrete"),
    "discrete misspelt": (
        DUEL + NOISE.format("{ discrete = { values = [1], probability = [1] } }"),
        "unknown key 'probability' of discrete; did you mean 'probabilities'?",
    ),
    "discrete of texts": (DUEL + NOISE.format('{ discrete = { values = ["a"] } }'), "values is 'a'; it must be a real"),
    "probabilities beyond 1": (
        DUEL + NOISE.format("{ discrete = { values = [1, 2], probabilities = [0.5, 0.6] } }"),
        "probabilities is [0.5, 0.6]; they must be positive and add up to 1",
    ),
    "mixture without components": (DUEL + NOISE.format("{ mixture = { weights = [1] } }"), "mixture has no components"),
    "mixture of numbers": (DUEL + NOISE.format("{ mixture = { components = [1] } }"), "1 is no distribution; write"),
    "mixture of a text": (DUEL + NOISE.format('{ mixture = { components = "normal" } }'), "components is 'normal'; gi"),
    "mixture in a mixture": (
        DUEL + NOISE.format('{ mixture = { components = [{ mixture = { components = ["normal"] } }] } }'),
        "components holds a mixture; multiply the weights out",
    ),
    "weights too few": (
        DUEL + NOISE.format('{ mixture = { components = ["normal", "uniform"], weights = [1] } }'),
        "weights is [1]; give one for each of the 2 components",
    ),
    "noise of a multi-line key": (DUEL + '[noise]\n"a\\nb" = 3', r"noise 'a\nb': 3 is no distribution"),
    "noise unnameable": (DUEL + NOISE.format('"normal"') + '"a b" = "normal"', "noise: 'a b' is no name"),
    "noise not declared": (DUEL + '[noise]\nx = "normal"', "payoff: 'z' is neither a variable nor a parameter"),
    "noise a variable": (DUEL + NOISE.format('"normal"') + 'phi = "normal"', "'phi' is a variable and a param"),
    "noise a parameter": (DUEL + NOISE.format('"normal"') + "[parameters]\nz = 1", "'z' stands for a parameter and"),
    "noise in a general game": (GOOD + '[noise]\nq = "normal"\nk = "normal"', "the name 'k' stands for a parameter"),
    "order of zero": ("order = 0\n" + DUEL + NOISE.format('"normal"'), "order is 0; give a whole number of"),
    "order too large": ("order = 1001\n" + DUEL + NOISE.format('"normal"'), "order is 1001; give a whole number of"),
    "order no whole number": ("order = 2.0\n" + DUEL, "order is a float; it must be a whole number"),
    "order as truth": ("order = true\n" + DUEL, "order is a bool; it must be a whole number"),
    "order without noise": ("order = 40\n" + DUEL, "order is of the quadrature over [noise], which is missing; remove"),
    "data of wrong type": ("data = 3\n" + DUEL, "data is a int; it must be a text"),
    "data missing": ('data = "points.csv"\n' + DUEL, "data: there is no file 'points.csv' in '"),
    "data a folder": ('data = "."\n' + DUEL, "data: there is no file "),
    "data endless": ('data = "/dev/zero"\n' + DUEL, "data: there is no file 'zero' in '/dev'; give a CSV file"),
    "data of a long name": (f'data = "{"x" * 5000}"\n' + DUEL, "data: there is no file "),
    "data not of this system": ('data = "a\\u0000b"\n' + DUEL, "data: there is no file "),
    "data and noise": ('data = "duel.toml"\n' + DUEL + NOISE.format('"normal"'), "data and [noise] exclude each other"),
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
    from dynsys.game_file import ENTRIES, NUMBERS, TABLES, ZERO_SUM

    entries = [key for keys in ENTRIES.values() for key in keys]
    text = (ROOT / "docs" / "toml.md").read_text(encoding="utf-8")
    for name in (*TABLES, *ZERO_SUM, *NUMBERS, *ENTRIES, *entries, *SYMPY):
        assert re.search(rf"\b{name}\b", text), name


BAD_ROWS = {
    "unknown column": (
        "x,y\n1,2\n",
        "payoff: 'z' is neither a variable nor a parameter; known: E, phi, pi, theta, x, y (",
    ),
    "unknown column, listed": ("x,zz\n1,2\n", "did you mean 'zz'? (columns of the data: x, zz)"),
    "many columns": (
        "x,zz," + ",".join(f"column_{i}" for i in range(60)) + "\n" + "1," * 61 + "1\n",
        "column_3, c",
    ),
    "missing value": ("x,z\n1,2\n3,\n", "data: points.csv: line 3 has nothing in column 'z'; mend or remove them"),
    "no header": ("1,2\n3,4\n", "data: points.csv starts with numbers; its first line must name the columns"),
    "column unnameable": ("x,z,q q\n1,2,3\n", "data: 'q q' is no name; use letters, digits and underscores"),
    "column a variable": (
        "x,phi,z\n1,2,3\n",
        "'phi' is a variable and a parameter; rename one (columns of the data: x",
    ),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_bad_data_are_one_line_that_names_the_file_of_the_game_and_the_fault(case, tmp_path):
    rows, message = BAD_ROWS[case]
    written(tmp_path, rows, "points.csv")
    path = written(tmp_path, 'data = "points.csv"\n' + DUEL)
    with pytest.raises(InputError) as caught:
        read_game(path)
    said = str(caught.value)
    assert said.startswith(str(path)) and message in said
    assert said.isprintable() and len(said) - len(str(path)) < 250


def test_the_examples_are_plain_toml():
    for path in (ROOT / "scripts" / "examples").glob("*.toml"):
        assert tomllib.loads(path.read_text(encoding="utf-8"))
