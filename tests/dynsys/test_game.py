"""`Game`: each player climbs its own payoff; what kind of game it is, in three values."""

import copy
import dataclasses
import pickle
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dynsys import Game, InputError, games
from dynsys.errors import nearest
from dynsys.expressions import expression, symbol
from dynsys.identities import is_zero

PLAYERS = {"a": ("x", "y"), "b": ("z",), "c": ("w",)}
VARIABLES = ("x", "y", "z", "w")
monomials = st.lists(st.tuples(st.integers(-9, 9), st.tuples(*[st.integers(0, 2)] * 4)), min_size=1, max_size=5)
points = st.tuples(*[st.fractions(-2, 2, max_denominator=8)] * 4)


def text(polynomial):
    return " + ".join(
        f"({c})" + "".join(f"*{v}**{k}" for v, k in zip(VARIABLES, ks, strict=True)) for c, ks in polynomial
    )


def value(polynomial, point):
    """The oracle: plain Python on fractions."""
    return sum(c * np.prod([Fraction(p) ** k for p, k in zip(point, ks, strict=True)]) for c, ks in polynomial)


def slope(polynomial, point, i, j=None):
    """Central differences with step 1: exact for polynomials of second degree in each variable."""
    f = value if j is None else lambda q, x: slope(q, x, j)
    up, down = list(point), list(point)
    up[i], down[i] = up[i] + 1, down[i] - 1
    return (f(polynomial, up) - f(polynomial, down)) / 2


@given(payoffs=st.fixed_dictionaries(dict.fromkeys(PLAYERS, monomials)), point=points)
def test_each_component_of_the_field_is_its_owners_own_slope(payoffs, point):
    game = Game(PLAYERS, {p: text(f) for p, f in payoffs.items()})
    owner = {v: p for p, own in PLAYERS.items() for v in own}
    x = [float(c) for c in point]
    oracle = [float(slope(payoffs[owner[v]], point, i)) for i, v in enumerate(VARIABLES)]
    assert_allclose(game.field()(x), oracle, rtol=1e-12, atol=1e-10)
    jacobian = [[float(slope(payoffs[owner[v]], point, i, j)) for j in range(4)] for i, v in enumerate(VARIABLES)]
    assert_allclose(
        game.field().jacobian(x)[[0, 1, 2], [1, 0, 3]], np.array(jacobian)[[0, 1, 2], [1, 0, 3]], rtol=1e-12, atol=1e-9
    )


def test_own_hessians_are_the_diagonal_blocks_of_the_jacobian():
    payoffs = {"a": "sin(x*y)*z - x**4", "b": "exp(z*w) - k*z**2", "c": "softplus(w*x)"}
    game = Game(PLAYERS, payoffs, {"k": 2.0})
    x = np.random.default_rng(3).normal(size=(5, 2, 4))
    jacobian, own = game.field().jacobian(x), game.own_hessians(x)
    assert_allclose(own["a"], jacobian[..., :2, :2], rtol=1e-13)
    assert_allclose(own["b"], jacobian[..., 2:3, 2:3], rtol=1e-13)
    assert_allclose(own["c"], jacobian[..., 3:, 3:], rtol=1e-13)
    assert_allclose(own["a"], np.swapaxes(own["a"], -1, -2), rtol=1e-13)


def test_own_hessian_is_exact_and_keeps_parameters():
    hessian = games.quadratic().own_hessian("phi")
    assert hessian == sp.Matrix([[-symbol("c")]])
    assert games.quadratic(c=3.0).own_hessians([0.0, 0.0])["phi"] == -3


def test_zero_sum_gives_one_player_the_payoff_and_the_other_its_negative():
    game = Game.zero_sum("x*y - z*k", ["x"], ["y", "z"], {"k": 2.0})
    assert dict(game.players) == {"x": ("x",), "y_z": ("y", "z")} and game.variables == ("x", "y", "z")
    assert game.payoffs["x"] == -game.payoffs["y_z"]
    assert_array_equal(game.field()([1.0, 3.0, 5.0]), [3, -1, 2])


def test_zero_sum_serves_many_variables():
    x, y = [f"weight_{i}" for i in range(20)], [f"critic_{i}" for i in range(20)]
    game = Game.zero_sum(" + ".join(f"{a}*{b}" for a, b in zip(x, y, strict=True)), x, y)
    assert tuple(game.players) == ("maximiser", "minimiser")
    assert_array_equal(game.field()(np.arange(40.0)), [*np.arange(20.0, 40.0), *-np.arange(20.0)])


MACHIN = sp.pi - 16 * sp.atan(sp.Rational(1, 5)) + 4 * sp.atan(sp.Rational(1, 239))  # zero, which SymPy cannot prove
TWO = {"a": ("x",), "b": ("y",)}


@pytest.mark.parametrize(
    ("payoffs", "zero_sum", "potential"),
    [
        (("x*y", "-x*y"), True, False),
        (("x*y + 3", "-x*y + 4"), True, False),
        (("sin(x + y)", "-sin(x)*cos(y) - cos(x)*sin(y)"), True, False),
        (("softplus(x*y)", "softplus(-x*y) - 2*softplus(x*y) + x*y"), True, False),
        (("x*y - x**2", "x*y - y**4"), False, True),
        (("x*y + y**7", "x*y + exp(x)"), False, True),
        (("log(x*y) + x", "log(x) - y*x**2"), False, False),
        (("-x**2", "x**2 - y**2"), False, True),
        (("y**2", "x**2"), False, True),
        (("x*y", "2*x*y"), False, False),
        (("-x**2", "0"), False, True),
        (("0", "0"), True, True),
        ((symbol("x") * symbol("y") * MACHIN, "0"), None, None),
    ],
)
def test_zero_sum_and_potential_are_true_false_or_undecided(payoffs, zero_sum, potential):
    game = Game(TWO, dict(zip(TWO, payoffs, strict=True)))
    assert game.is_zero_sum is zero_sum
    assert game.is_potential is potential


def test_verdicts_are_those_at_the_parameters_values():
    game = Game(TWO, {"a": "x*y", "b": "k*x*y"}, {"k": -1.0})
    assert game.is_zero_sum is True and game.is_potential is False
    assert game.with_parameters(k=1.0).is_potential is True and game.with_parameters(k=1.0).is_zero_sum is False


@pytest.mark.parametrize(
    ("e", "verdict"),
    [("x - x", True), ("(x + 1)**2 - x**2 - 2*x - 1", True), ("sin(x)**2 + cos(x)**2 - 1", True),
     ("sin(x)**2 - 1", False), ("logistic(x) + logistic(-x) - 1", True), ("log(x) + sqrt(y)", False),
     ("1e-15*x", False), ("log(x) + log(y) + log(z) + log(u) + log(w)", False)],
)  # fmt: skip
def test_an_identity_is_proved_and_a_difference_shown_by_a_value(e, verdict):
    assert is_zero(expression(e, ["x", "y", "z", "u", "w"], "e")) is verdict


def test_parameters_change_by_making_a_new_game():
    game = games.quadratic()
    other = game.with_parameters(a=-5.0)
    assert (
        game.parameters["a"] == -1 and other.parameters["a"] == -5 and other.name == game.name and other.box == game.box
    )
    assert other.exact_payoffs["theta"].coeff(symbol("theta"), 2) == sp.Rational(-5, 2)
    assert game.digest != other.digest and game.digest == games.quadratic().digest


def test_a_game_and_its_mappings_cannot_be_changed():
    game, players = games.curl(), {"a": ["x"]}
    with pytest.raises(dataclasses.FrozenInstanceError):
        game.players = {}
    for mapping in (game.players, game.payoffs, game.parameters):
        with pytest.raises(TypeError):
            mapping["theta"] = 0
    made = Game(players, {"a": "x"})
    players["a"].append("y")
    assert made.variables == ("x",)


def test_a_game_survives_pickling_and_copying():
    game = games.quadratic(a=-2.0)
    for twin in (pickle.loads(pickle.dumps(game)), copy.deepcopy(game)):
        assert (
            twin.digest == game.digest
            and repr(twin) == repr(game)
            and twin.source == game.source
            and twin.box == game.box
        )


def test_a_repr_says_who_maximises_what():
    game = Game(TWO, {"a": "x*y", "b": "-k*x*y"}, {"k": 0.5}, name="duel")
    assert repr(game) == "Game(duel: a maximises x*y over x; b maximises -k*x*y over y, k=0.5)"


def test_payoffs_may_be_sympy_expressions_or_numbers():
    x, y = sp.symbols("x y")
    game = Game(TWO, {"a": sp.exp(x) * y, "b": 3})
    assert_allclose(game.field()([1.0, 2.0]), [2 * np.e, 0], rtol=1e-15)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Game({}, {}), "players is empty"),
        (lambda: Game([("a", "x")], {}), "players is a list; give a mapping by name"),
        (lambda: Game({"a": ("x",)}, "x"), "payoffs is a str; give a mapping"),
        (lambda: Game({"a": ("x",)}, {"a": "x"}, [1]), "parameters is a list; give a mapping"),
        (lambda: Game({"a": "x"}, {"a": "x"}), "a owns 'x'; give a list of variable names"),
        (lambda: Game({"a": ()}, {"a": "1"}), "a owns (); give a list of variable names, at least one"),
        (lambda: Game({"a": (1,)}, {"a": "1"}), "variables of a: 1 is no name"),
        (lambda: Game({"a b": ("x",)}, {"a b": "x"}), "players: 'a b' is no name"),
        (lambda: Game({"a": ("x",)}, {}), "payoffs has none for player 'a'"),
        (lambda: Game({"alice": ("x",)}, {"alice": 1, "alise": 1}), "'alise', which is no player; did you mean"),
        (lambda: Game({"a": ("x",)}, {"a": "x", 1: "x"}), "payoffs has 1, which is no player"),
        (lambda: Game({"a": ("x",), "b": ("x",)}, {"a": "x", "b": "x"}), "the variable 'x' is owned twice"),
        (lambda: Game({"a": ("x", "x")}, {"a": "x"}), "the variable 'x' is owned twice"),
        (lambda: Game({"a": ("x",)}, {"a": "x"}, {"x": 1}), "'x' is a variable and a parameter"),
        (lambda: Game({"a": ("theta",)}, {"a": "thetta"}), "payoff of a: 'thetta' is neither a variable"),
        (lambda: Game({"a": ("x",)}, {"a": sp.Symbol("q")}), "payoff of a uses 'q', which is neither"),
        (lambda: Game({"a": ("x",)}, {"a": "sofplus(x)"}), "unknown function 'sofplus'; did you mean 'softplus'?"),
        (lambda: Game({"a": ("x",)}, {"a": sp.gamma(sp.Symbol("x"))}), "payoff of a uses gamma"),
        (lambda: Game({"a": ("x",)}, {"a": None}), "payoff of a is a NoneType"),
        (lambda: Game({"a": ("x",)}, {"a": "x"}, {"k": float("inf")}), "parameter k is inf; it must be finite"),
        (lambda: Game({"a": ("x",)}, {"a": "x"}, {"k": None}), "parameter k is None; it must be a real number"),
        (lambda: Game({"a": ("x",)}, {"a": "x"}, box=[(0, 0)]), "box for x is [0, 0]"),
        (lambda: Game({"a": ("x",)}, {"a": "x"}, box={"y": (0, 1)}), "box names 'y', which is no variable"),
        (lambda: Game.zero_sum("x", ["x"], ["x"]), "the variable 'x' is owned twice"),
        (lambda: Game.zero_sum("x*y", "x", ["y"]), "maximiser owns 'x'; give a list"),
        (lambda: Game.zero_sum("x*z", ["x"], ["y"]), "payoff: 'z' is neither"),
        (lambda: games.quadratic().with_parameters(d=1.0), "the game has no parameter 'd'; known: a, b, c"),
        (lambda: games.curl().with_parameters(a=1.0), "the game has no parameter 'a'; none is known"),
        (lambda: games.curl().own_hessian("thetha"), "the game has no player 'thetha'; did you mean 'theta'?"),
        (lambda: games.curl().own_hessians([1.0]), "x has 1 entries but the field has variables (theta, phi)"),
    ],
)  # fmt: skip
def test_what_is_no_game_is_refused_by_name_in_one_line(make, message):
    with pytest.raises(InputError) as caught:
        make()
    assert message in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("name", "hint"),
    [("Spiral", "did you mean 'spiral-saddle'?"), ("zzz", "known: curl, spiral-saddle"), (None, "known: curl")],
)
def test_a_hint_is_the_nearest_name_or_all_of_them(name, hint):
    assert nearest(name, ["spiral-saddle", "curl"]).startswith(hint)
