"""Games with random payoffs: their field is the mean of the samples' fields, by formulas and by arrays alike."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.integrate
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from dynsys import ArrayField, Game, InputError, VectorField
from dynsys.expressions import symbol
from dynsys.minibatches import (
    ESTIMATORS,
    Data,
    FiniteSumGame,
    MinibatchField,
    Noise,
    SampledField,
    StochasticGame,
    discrete,
    mixture,
    normal,
    populations,
    uniform,
)

X, Y, A, B = (symbol(name) for name in "xyab")
PLAYERS = {"one": ("x",), "two": ("y",)}
SMALL = st.fractions(-2, 2, max_denominator=3).map(lambda q: sp.Rational(q.numerator, q.denominator))
MONOMIALS = st.tuples(SMALL, *(st.integers(0, 2) for _ in range(4)))
PAYOFFS = st.lists(MONOMIALS, min_size=1, max_size=5).map(
    lambda terms: sp.Add(*(c * X**i * Y**j * A**k * B**m for c, i, j, k, m in terms))
)
QUARTERS = st.integers(-8, 8).map(lambda k: k / 4)
ROWS = st.lists(st.tuples(QUARTERS, QUARTERS), min_size=1, max_size=5)


def finite_sum(f, g, rows, **more):
    columns = {"a": [row[0] for row in rows], "b": [row[1] for row in rows]}
    return FiniteSumGame(PLAYERS, {"one": f, "two": g}, columns, **more)


# --- the mean game --------------------------------------------------------------------------------


@given(f=PAYOFFS, g=PAYOFFS, rows=ROWS)
def test_the_field_of_a_finite_sum_is_the_mean_of_the_rows_fields_exactly(f, g, rows):
    game = finite_sum(f, g, rows)
    field = game.field()
    for player, (payoff, own) in {"one": (f, X), "two": (g, Y)}.items():
        by_row = [payoff.subs({A: sp.Rational(str(a)), B: sp.Rational(str(b))}) for a, b in rows]
        mean = sp.Add(*by_row) / len(rows)
        assert sp.expand(game.mean_game.payoffs[player] - mean) == 0
        assert sp.expand(field.expressions[field.symbols.index(own)] - sp.diff(mean, own)) == 0


@given(f=PAYOFFS, g=PAYOFFS, rows=ROWS, x=QUARTERS, y=QUARTERS)
@settings(max_examples=15)
def test_on_one_row_it_is_the_game_of_that_row(f, g, rows, x, y):
    a, b = rows[0]
    single = finite_sum(f, g, rows[:1])
    fixed = {A: sp.Rational(str(a)), B: sp.Rational(str(b))}
    alone = Game(PLAYERS, {"one": f.subs(fixed), "two": g.subs(fixed)})
    assert_allclose(single.field()([x, y]), alone.field()([x, y]), rtol=1e-13, atol=1e-13)
    assert_allclose(single.field().jacobian([x, y]), alone.field().jacobian([x, y]), rtol=1e-13, atol=1e-13)


def test_the_mean_field_belongs_to_the_mean_game_and_knows_its_players():
    game = finite_sum(A * X * Y, -B * X * Y, [(1, 2), (3, 5)], box=[(-1, 1), (-2, 2)], name="two rows")
    field = game.field()
    assert isinstance(field, VectorField) and field.game.payoffs == {
        "one": 2 * X * Y,
        "two": -sp.Rational(7, 2) * X * Y,
    }
    assert field.blocks == ((0,), (1,)) and field.name == "two rows" and game.variables == ("x", "y")
    assert game.expectation(A * B * X) == sp.Rational(17, 2) * X


# --- instance noise on the logistic Dirac-GAN -----------------------------------------------------

# Critic ψx, data 0 + s y, generator θ + s z: ψ maximises E f(ψ(θ + s z)) + E f(-ψ s y), f(t) = -softplus(-t).
LOGISTIC = "-softplus(-(theta + s*z)*psi) - softplus(s*y*psi)"


def with_instance_noise(s, order):
    noise = {"z": normal(), "y": normal}
    return StochasticGame.zero_sum(LOGISTIC, ["psi"], ["theta"], noise, parameters={"s": s}, order=order)


FINE = {s: with_instance_noise(s, 20) for s in (0.5, 0.75)}
COARSE = with_instance_noise(1.0, 6)  # enough where ψ = 0, whose payoff's derivatives are polynomials


@settings(max_examples=10)
@given(psi=st.floats(-1, 1), theta=st.floats(-2, 2), s=st.sampled_from(list(FINE)))
def test_instance_noise_is_averaged_as_by_scipys_quadrature(psi, theta, s):
    density = lambda z: math.exp(-z * z / 2) / math.sqrt(2 * math.pi)  # noqa: E731
    slope = lambda t: 1 / (1 + math.exp(t))  # noqa: E731 (f')
    mean = lambda f: scipy.integrate.quad(lambda z: density(z) * f(z), -9, 9, epsabs=1e-13)[0]  # noqa: E731
    of_psi = mean(lambda z: (theta + s * z) * slope((theta + s * z) * psi) - s * z * slope(-s * z * psi))
    of_theta = -psi * mean(lambda z: slope((theta + s * z) * psi))
    assert_allclose(FINE[s].field()([psi, theta]), [of_psi, of_theta], rtol=1e-9, atol=1e-10)


@given(s=st.floats(0.05, 3))
def test_instance_noise_moves_the_eigenvalues_as_theory_says(s):
    f1, f2 = 0.5, -0.25  # f'(0), f''(0)
    J = COARSE.field().with_parameters(s=s).jacobian([0.0, 0.0])
    assert_allclose(J, [[2 * f2 * s**2, f1], [-f1, 0]], rtol=1e-12, atol=1e-14)
    root = np.sqrt(complex(f2**2 * s**4 - f1**2))
    wanted = np.array([f2 * s**2 + root, f2 * s**2 - root])
    found = np.linalg.eigvals(J).astype(complex)
    assert_allclose(np.poly(found), np.poly(wanted), atol=1e-12)
    assert np.any(found.imag != 0) == (s**2 < 2) or abs(s**2 - 2) < 1e-6


def test_at_the_critical_noise_the_eigenvalues_meet_in_a_degenerate_node():
    J = COARSE.field().with_parameters(s=math.sqrt(2)).jacobian([0.0, 0.0])
    assert np.trace(J) ** 2 - 4 * np.linalg.det(J) == pytest.approx(0, abs=1e-12)
    assert_allclose(np.trace(J) / 2, -0.5)


# --- the mean by arrays ---------------------------------------------------------------------------

SMOOTH = {"one": "tanh(a*x)*y + b*x - x**2/2", "two": "-k*sin(b*y)*x + a*y - y**2/4"}
ROWS_OF_FOUR = {"a": [0.5, -1.0, 1.5, 2.0], "b": [1.0, 0.25, -0.5, 0.75]}
MEANS = {  # each with a payoff that is no polynomial in the sample
    "data": lambda: FiniteSumGame(PLAYERS, SMOOTH, ROWS_OF_FOUR, {"k": 1.5}),
    "noise": lambda: StochasticGame(
        PLAYERS, SMOOTH, {"a": mixture([uniform(-1, 2), discrete([2])]), "b": normal(0, 0.5)}, {"k": 1.5}, order=4
    ),
}
POINTS = np.random.default_rng(1).uniform(-1, 1, (5, 2))


def few(monkeypatch):
    """Let no formula hold a sum over samples."""
    monkeypatch.setattr(populations, "MOST_TERMS", 1)


@pytest.mark.parametrize("kind", MEANS)
def test_a_mean_by_arrays_is_the_mean_by_formulas(monkeypatch, kind):
    by_formula = MEANS[kind]().field()
    few(monkeypatch)
    game = MEANS[kind]()
    by_arrays = game.field()
    assert isinstance(by_formula, VectorField) and isinstance(by_arrays, ArrayField) and game.mean_game is None
    assert by_arrays.blocks == by_formula.blocks
    assert_allclose(by_arrays(POINTS), by_formula(POINTS), rtol=1e-12, atol=1e-14)
    assert_allclose(by_arrays.jacobian(POINTS), by_formula.jacobian(POINTS), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("closed", ["nothing", "the field"])
@pytest.mark.parametrize("kind", MEANS)
def test_the_expected_consensus_field_by_arrays_is_that_by_formulas(monkeypatch, kind, closed):
    make = lambda: MinibatchField(MEANS[kind](), 3, gamma=0.75, estimator="plug-in")  # noqa: E731
    by_formula, other = make().expected(), make()
    if closed == "the field":
        assert isinstance(other.source.mean, VectorField)
    few(monkeypatch)
    by_arrays = other.expected()
    assert isinstance(by_formula, VectorField) and isinstance(by_arrays, ArrayField)
    assert_allclose(by_arrays(POINTS), by_formula(POINTS), rtol=1e-11, atol=1e-13)
    assert_allclose(by_arrays.jacobian(POINTS), by_formula.jacobian(POINTS), rtol=1e-11, atol=1e-13)


def test_means_over_many_points_and_rows_are_taken_in_parts(monkeypatch):
    game = MEANS["data"]()
    whole = game.sampled.means(POINTS, ("v", "J"), (1.5,))
    f, sizes = game.sampled.on_samples(("v", "J")), []
    monkeypatch.setattr(SampledField, "on_samples", lambda *_: lambda x, p: (sizes.append(len(x[0])), f(x, p))[1])
    monkeypatch.setattr("dynsys.minibatches.sampled_field.MOST_NUMBERS", 9)  # two points of four rows at a time
    assert_allclose(game.sampled.means(POINTS, ("v", "J"), (1.5,)), whole, rtol=1e-15)
    assert sizes == [2, 2, 1]


@given(f=PAYOFFS, g=PAYOFFS, x=QUARTERS, y=QUARTERS)
@settings(max_examples=25)
def test_quadrature_nodes_carry_fourth_moments_of_a_polynomial_field(f, g, x, y):
    noise = {"a": normal(0.5, 1.5), "b": uniform(-1, 2)}
    game = StochasticGame(PLAYERS, {"one": f, "two": g}, noise)
    rows, weights = game.sampled.rows
    v = np.stack([np.broadcast_to(e, len(rows)) for e in game.sampled.on_samples(("v",))((x, y), tuple(rows.T))])
    e = sp.Add(*game.sampled.sample.expressions).subs({X: sp.Rational(str(x)), Y: sp.Rational(str(y))})
    wanted = float(game.expectation(e**4))
    assert_allclose(v.sum(0) ** 4 @ weights, wanted, rtol=1e-9, atol=1e-9 * (1 + np.abs(v).max()) ** 2)


# --- the consensus field that batches expect ------------------------------------------------------


@given(f=PAYOFFS, g=PAYOFFS, rows=ROWS)
@settings(max_examples=15)
def test_the_expected_field_descends_the_squared_norm_and_the_noise_level(f, g, rows):
    rows = [*rows, (0.5, -0.25)]
    N, size = len(rows), 2
    field = MinibatchField(finite_sum(f, g, rows), size, gamma=0.5, estimator="plug-in")
    each = [
        [sp.diff(e, s).subs({A: sp.Rational(str(a)), B: sp.Rational(str(b))}) for e, s in ((f, X), (g, Y))]
        for a, b in rows
    ]
    v = [sp.Add(*column) / N for column in zip(*each)]
    spread = sp.Add(*((vi[j] - v[j]) ** 2 for vi in each for j in (0, 1))) / N
    level = (v[0] ** 2 + v[1] ** 2 + spread / size) / 2
    w = field.expected()
    values = {symbol("gamma"): sp.Rational(1, 2), symbol("excess"): sp.Rational(1, 2)}
    for found, vj, s in zip(w.expressions, v, (X, Y)):
        assert sp.expand(found.subs(values) - (vj - sp.diff(level, s) / 2)) == 0
    assert dict(w.parameters) == {"gamma": 0.5, "excess": 0.5}


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_without_a_consensus_term_the_estimator_does_not_matter(estimator):
    game = MEANS["data"]()
    plain = MinibatchField(game, 3, estimator=estimator)  # an odd batch, which the term would refuse of "split"
    assert plain.excess == 0 and plain.base is None and dict(plain.parameters) == {"k": 1.5}
    assert plain.expected() is game.sampled.mean


# --- parameters -----------------------------------------------------------------------------------


def test_with_parameters_is_the_game_made_with_them():
    for make in MEANS.values():
        changed = make().with_parameters(k=-0.5)
        assert dict(changed.parameters) == {"k": -0.5} and type(changed) is type(make())
        assert_allclose(changed.field()(POINTS), make().field().with_parameters(k=-0.5)(POINTS), rtol=1e-14)


def test_a_minibatch_field_passes_parameters_to_its_game_and_keeps_gamma():
    field = MinibatchField(MEANS["data"](), 2, gamma=0.5, name="c")
    changed = field.with_parameters(k=3.0, c=0.25)
    assert dict(changed.parameters) == {"k": 3.0, "c": 0.25} and changed.gamma == 0.25
    assert dict(field.with_parameters(c=1.0).parameters) == {"k": 1.5, "c": 1.0}
    assert dict(field.parameters) == {"k": 1.5, "c": 0.5}
    with pytest.raises(InputError, match="no parameter 'gamma'"):
        field.with_parameters(gamma=1.0)


def test_parameters_of_a_sampled_field_that_has_no_game_can_be_changed():
    sample = VectorField(("k*a*x", "-y + b"), ("x", "y"), {"k": 2.0, "a": 0.0, "b": 0.0})
    source = SampledField(sample, Data(ROWS_OF_FOUR))
    changed = MinibatchField(source, 2, gamma=0.5).with_parameters(k=4.0, gamma=0.125)
    assert dict(changed.parameters) == {"k": 4.0, "gamma": 0.125}
    assert_allclose(changed.source.mean([1.0, 1.0]), [4 * 0.75, -1 + 0.375])
    with pytest.raises(InputError, match="no parameter 'a'"):
        source.with_parameters(a=1.0)


def test_a_zero_sum_games_payoffs_are_opposite_and_its_players_are_named_after_their_variables():
    for game in (
        FiniteSumGame.zero_sum("a*x*y + z**2", ["x"], ["y", "z"], {"a": [1, 2]}),
        StochasticGame.zero_sum("a*x*y + z**2", ["x"], ["y", "z"], {"a": uniform(1, 2)}),
    ):
        assert {k: tuple(own) for k, own in game.players.items()} == {"x": ("x",), "y_z": ("y", "z")}
        assert sp.expand(sum(game.sample_game.payoffs.values())) == 0
        assert_allclose(game.field()([1.0, 2.0, 3.0]), [3.0, -1.5, -6.0])


# --- what is refused ------------------------------------------------------------------------------

GOOD = {"one": "a*x*y", "two": "b*x*y"}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: FiniteSumGame(PLAYERS, {"one": "aa*x", "two": "y"}, {"a": [1], "b": [2]}),
            r"'aa' is neither a variable nor a parameter.*\(columns of the data: a, b\)",
        ),
        (lambda: StochasticGame(PLAYERS, {"one": "w*x", "two": "y"}, {"z": normal()}), r"\(noise: z\)"),
        (lambda: FiniteSumGame(PLAYERS, GOOD, {"a": [1, 2], "b": [1]}), "different lengths"),
        (lambda: FiniteSumGame(PLAYERS, GOOD, {"a": [1, None], "b": [1, 2]}), "no finite number in row 1"),
        (lambda: FiniteSumGame(PLAYERS, GOOD, {"a": [1], "b": [1]}, {"a": 1.0}), "'a' stands for a parameter and for"),
        (lambda: StochasticGame(PLAYERS, GOOD, {"a": normal()}, {"a": 1.0, "b": 1.0}), "parameter and for noise"),
        (lambda: FiniteSumGame(PLAYERS, GOOD, {"a": [1], "b": [1], "x": [1]}), "'x'"),
        (lambda: StochasticGame(PLAYERS, GOOD, {"a": normal(), "b": 3}), "noise b is 3"),
        (lambda: StochasticGame(PLAYERS, GOOD, {"a": normal, "b": normal}, order=0), "order is 0"),
        (lambda: StochasticGame(PLAYERS, GOOD, {"a": normal, "b": normal}, order=2.5), "order is 2.5"),
        (lambda: MEANS["data"]().with_parameters(kk=1.0), "no parameter 'kk'; did you mean 'k'"),
        (
            lambda: MinibatchField(Game(PLAYERS, {"one": "x", "two": "y"}), 2),
            "give a StochasticGame or a FiniteSumGame",
        ),
        (lambda: MinibatchField(MEANS["data"](), 0), "batch is 0; give a whole number"),
        (lambda: MinibatchField(MEANS["data"](), 1.5), "batch is 1.5"),
        (lambda: MinibatchField(MEANS["data"](), 2, batch_per="epoch"), "batch_per is 'epoch'; give 'step' or 'stage'"),
        (lambda: MinibatchField(MEANS["data"](), 2, gamma=np.inf), "gamma is inf"),
        (lambda: MinibatchField(MEANS["data"](), 2, gamma=1.0, name="k"), "already uses the name 'k'"),
        (lambda: MinibatchField(MEANS["data"](), 2, gamma=1.0, name="x"), "already uses the name 'x'"),
        (lambda: MinibatchField(MEANS["data"](), 2, gamma=1.0, name="a"), "already uses the name 'a'"),
        (lambda: MinibatchField(MEANS["data"](), 5, sampling="reshuffled"), "batch is 5, but the data has 4 rows"),
        (lambda: MinibatchField(MEANS["data"](), 3, gamma=1.0, estimator="split"), "take 2 or 4"),
        (lambda: SampledField(VectorField(("x",), ("x",), {"a": 1.0}), Noise({"b": normal()})), "last parameters of"),
        (
            lambda: SampledField(VectorField(("x*t*a",), ("x",), {"a": 1.0}, time="t"), Noise({"a": normal()})),
            "depends on time",
        ),
    ],
)
def test_what_cannot_be_averaged_is_refused_by_name(make, words):
    with pytest.raises(InputError, match=words):
        make()
