"""`VectorField`: shapes, parameters, time, maps, pickling, and what it refuses."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
from numpy.testing import assert_allclose, assert_array_equal

from dynsys import Game, InputError, VectorField, games
from dynsys.transforms import consensus, conservative_relaxation

VAN_DER_POL = VectorField(("y", "mu*(1 - x**2)*y - x"), ("x", "y"), {"mu": 2.0})
N = 35
CHAIN = VectorField(
    tuple(" + ".join(f"{(i + 2 * j) % 5 - 2}*z{j}" for j in range(N)) for i in range(N)), [f"z{j}" for j in range(N)]
)
FIELDS = {
    "van der Pol": VAN_DER_POL,
    "constant components": VectorField(("1", "k"), ("x", "y"), {"k": 3.0}),
    "one variable": VectorField(("x - x**3",), ("x",)),
    "35 variables": CHAIN,
    "consensus of the Dirac-GAN": consensus(games.dirac_gan().field(), gamma=0.3),
    "time": VectorField(("cos(t) - x", "x"), ("x", "y"), time="t"),
}


@pytest.mark.parametrize("name", FIELDS)
@given(shape=array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
def test_arrays_of_points_give_arrays_of_vectors_and_matrices(name, shape):
    v = FIELDS[name]
    x = np.linspace(-1, 1, int(np.prod(shape)) * v.n).reshape((*shape, v.n))
    assert v(x).shape == (*shape, v.n) and v(x).dtype == float
    assert v.jacobian(x).shape == (*shape, v.n, v.n) and v.jacobian(x).dtype == float
    for index in np.ndindex(shape):
        assert_allclose(v(x[index]), v(x)[index], rtol=1e-14, atol=1e-15)
        assert_allclose(v.jacobian(x[index]), v.jacobian(x)[index], rtol=1e-14, atol=1e-15)


def test_a_linear_field_in_35_variables_is_its_matrix():
    A = np.array([[(i + 2 * j) % 5 - 2 for j in range(N)] for i in range(N)], float)
    x = np.random.default_rng(1).normal(size=(4, N))
    assert_allclose(CHAIN(x), x @ A.T, rtol=1e-13, atol=1e-12)
    assert_array_equal(CHAIN.jacobian(x), np.broadcast_to(A, (4, N, N)))


@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(-5, 5))
def test_values_and_jacobian_are_those_of_the_formula(x, y, mu):
    v = VAN_DER_POL.with_parameters(mu=mu)
    assert_allclose(v([x, y]), [y, mu * (1 - x**2) * y - x], rtol=1e-13, atol=1e-13)
    assert_allclose(v.jacobian([x, y]), [[0, 1], [-2 * mu * x * y - 1, mu * (1 - x**2)]], rtol=1e-13, atol=1e-13)


def test_with_parameters_leaves_the_field_alone_and_reaches_game_and_base():
    v = games.quadratic(a=-1.0, b=2.0, c=1.0).field()
    w = consensus(v, gamma=0.5)
    other = w.with_parameters(gamma=0.25, a=-3.0)
    assert dict(other.parameters) == {"a": -3.0, "b": 2.0, "c": 1.0, "gamma": 0.25}
    assert other.base.parameters["a"] == other.game.parameters["a"] == other.base.game.parameters["a"] == -3.0
    assert w.parameters["gamma"] == 0.5 and w.base is v and v.parameters["a"] == -1.0
    assert_allclose(other([1.0, 1.0]), consensus(games.quadratic(a=-3.0).field(), gamma=0.25)([1.0, 1.0]), rtol=1e-15)
    assert other.root is other.base and other.root.base is None


def test_any_name_can_be_a_parameter_even_self():
    v = VectorField(("self*x + lambda",), ("x",), {"self": 1.0, "lambda": 2.0})
    assert v.with_parameters(**{"self": 3.0, "lambda": 5.0})([2.0])[0] == 11


def test_a_field_and_its_mappings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        VAN_DER_POL.name = "other"
    with pytest.raises(TypeError):
        VAN_DER_POL.parameters["mu"] = 3.0
    with pytest.raises(TypeError):
        games.curl().field().players["theta"] = ()
    given_parameters = {"mu": 1.0}
    v = VectorField(("mu*x",), ("x",), given_parameters)
    given_parameters["mu"] = 7.0
    assert v([1.0])[0] == 1


def test_time_is_an_argument_and_in_the_autonomous_field_a_variable():
    v = VectorField(("cos(a*t)*x",), ("x",), {"a": 2.0}, time="t")
    assert v([3.0], t=0.5)[0] == pytest.approx(3 * np.cos(1), rel=1e-15) and v([3.0])[0] == 3
    assert v.jacobian([3.0], t=0.5)[0, 0] == pytest.approx(np.cos(1), rel=1e-15)
    moving = v.autonomous()
    assert moving.variables == ("x", "t") and moving.time is None
    assert_allclose(moving([3.0, 0.5]), [3 * np.cos(1), 1], rtol=1e-15)
    assert_allclose(moving.jacobian([3.0, 0.5]), [[np.cos(1), -6 * np.sin(1)], [0, 0]], rtol=1e-14, atol=1e-15)
    assert VAN_DER_POL.autonomous() is VAN_DER_POL
    assert v.autonomous() is moving  # made once: what is derived from it is derived once


@pytest.mark.parametrize("wrapped", [tuple, list, np.array, sp.Matrix])
def test_a_plain_function_is_traced(wrapped):
    v = VectorField.from_function(lambda x, y, mu: wrapped([y, mu * (1 - x**2) * y - x]), {"mu": 2.0})
    assert v.variables == ("x", "y")
    assert_array_equal(v([[0.5, 1.5]]), VAN_DER_POL([[0.5, 1.5]]))


def test_a_function_of_one_variable_and_of_time_is_traced():
    v = VectorField.from_function(lambda x, t, k: k * sp.sin(t) - x, {"k": 2.0}, time="t")
    assert v.variables == ("x",) and v([1.0], t=0.3)[0] == pytest.approx(2 * np.sin(0.3) - 1, rel=1e-15)


def test_a_map_is_the_field_whose_euler_step_with_h_1_is_the_map():
    as_texts = VectorField.from_map(["1 - a*x**2 + y", "b*x"], ["x", "y"], {"a": 1.4, "b": 0.3})
    as_function = VectorField.from_map(lambda x, y, a, b: (1 - a * x**2 + y, b * x), parameters={"a": 1.4, "b": 0.3})
    x = np.array([0.3, -0.2])
    for v in (as_texts, as_function):
        assert_allclose(x + v(x), [1 - 1.4 * 0.09 - 0.2, 0.09], rtol=1e-15)
    driven = VectorField.from_map(["x + t"], ["x"], time="t")
    assert driven([5.0], t=2.0)[0] == 2


def test_a_period_is_kept_as_plain_floats():
    v = VectorField.from_map(["x + y", "y"], ["x", "y"], period=(np.float64(2 * np.pi), None))
    assert v.period == (2 * np.pi, None) and type(v.period[0]) is float
    assert v.autonomous().period == v.period


@pytest.mark.parametrize("t", [1000.0, -1000.0, 40.0, 0.0])
def test_the_logistic_gan_has_a_finite_jacobian_on_its_plateaus(t):
    v = games.dirac_gan().field()
    for field in (v, consensus(v, gamma=1.0), conservative_relaxation(v)):
        assert np.isfinite(field([t, 1.0])).all() and np.isfinite(field.jacobian([[t, 1.0], [1.0, t]])).all()


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_survives_pickling_and_copying(name):
    v = FIELDS[name]
    for twin in (pickle.loads(pickle.dumps(v)), copy.deepcopy(v), copy.copy(v)):
        assert twin.digest == v.digest and twin.variables == v.variables and dict(twin.parameters) == dict(v.parameters)
        assert_array_equal(twin(np.ones((2, v.n))), v(np.ones((2, v.n))))
        assert (twin.game is None) == (v.game is None) and (twin.base is None) == (v.base is None)


def test_the_digest_tells_fields_apart_by_what_they_compute_and_call_things():
    twins = [
        VectorField((f"{a}*{x}",), (x,), {a: value})
        for a, x, value in [("a", "x", 1), ("a", "x", 2), ("b", "x", 1), ("a", "y", 1)]
    ]
    digests = [v.digest for v in (*twins, VectorField(("a*x",), ("x",), {"a": 1}, period=(1.0,)))]
    assert len(set(digests)) == len(digests)
    assert VectorField(("x*a",), ("x",), {"a": 1.0}).digest == digests[0]


def test_symbols_tuples_and_arrays_give_one_value():
    v, x = FIELDS["consensus of the Dirac-GAN"], (sp.Rational(7, 10), sp.Rational(13, 10))
    exact = v.on_symbols(x, [sp.Rational(3, 10)])
    assert_allclose(v([0.7, 1.3]), [float(e.evalf(30)) for e in exact], rtol=1e-14)
    assert_allclose(v.on_tuples((0.7, 1.3), (0.3,)), v([0.7, 1.3]), rtol=1e-15)
    rows = v.on_symbols.jacobian(x, [sp.Rational(3, 10)])
    assert_allclose(v.jacobian([0.7, 1.3]), np.array([[e.evalf(30) for e in row] for row in rows], float), rtol=1e-13)


def test_a_repr_can_be_read():
    assert repr(VAN_DER_POL) == "VectorField(x' = y, y' = mu*y*(1 - x**2) - x, mu=2)"
    assert len(repr(CHAIN)) < 400


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: VectorField(("x",), ("x", "y")), "the field has 1 components but 2 variables"),
        (lambda: VectorField((), ()), "0 components"),
        (lambda: VectorField(("x",), "x"), "variables is the text 'x'; give a list of names"),
        (lambda: VectorField(("x",), ("x",), {"x": 1}), "'x' stands for two things"),
        (lambda: VectorField(("t",), ("x",), {"t": 1}, time="t"), "'t' stands for two things"),
        (lambda: VectorField(("z",), ("x",)), "component x: 'z' is neither"),
        (lambda: VectorField(("x",), ("x",), [1]), "parameters is [1]; give a mapping"),
        (lambda: VectorField(("x",), ("x",), {"k": "1"}), "parameter k is '1'; it must be a real number"),
        (lambda: VectorField(("x",), ("x",), players={"a": ("y",)}), "must own each of the variables"),
        (lambda: VectorField(("x",), ("x",), period=(1, 2)), "period is (1, 2); give a number or None for each of x"),
        (lambda: VectorField(("x",), ("x",), period=(0.0,)), "period of x is 0; it must be positive"),
        (lambda: VectorField(("x",), ("x",), period=("__import__('os')",)), "period of x is"),
        (lambda: VectorField(("x",), ("x",), box=[(1, 0)]), "box for x is [1, 0]; the lower end must be below"),
        (lambda: VectorField(("x",), ("x",), box=[(0, 1), (0, 1)]), "box must hold a pair (lo, hi) for each of x"),
        (lambda: VectorField(("x",), ("x",), box={"xx": (0, 1)}), "box names 'xx', which is no variable; did"),
        (lambda: VectorField(("x",), ("x",), box=3), "box is 3; give a pair (lo, hi) per variable"),
        (lambda: VectorField(("x",), ("x",), box=[(0, np.inf)]), "box, upper end for x, is inf; it must be finite"),
        (lambda: VAN_DER_POL([1.0, 2.0, 3.0]), "x has 3 entries but the field has variables (x, y)"),
        (lambda: VAN_DER_POL(1.0), "x is a single number"),
        (lambda: VAN_DER_POL(["a", "b"]), "x is not an array of real numbers"),
        (lambda: VAN_DER_POL(np.array([1j, 0])), "x is not an array of real numbers"),
        (lambda: VAN_DER_POL([[1.0], [1.0, 2.0]]), "x is not an array of real numbers"),
        (lambda: VAN_DER_POL.with_parameters(my=1.0), "no parameter 'my'; did you mean 'mu'?"),
        (lambda: VAN_DER_POL.with_parameters(mu=np.nan), "parameter mu is nan; it must be finite"),
        (lambda: VectorField.from_function(lambda x: x, {"y": 1.0}), "parameter 'y' is no argument of the function"),
        (lambda: VectorField.from_function(lambda x: np.sin(x)), "cannot be traced with symbols"),
        (lambda: VectorField.from_function(lambda x: x if x > 0 else -x), "cannot be traced with symbols"),
        (lambda: VectorField.from_map(["x"]), "variables is missing"),
        (lambda: VectorField.from_map(["x", "y", "z"], ["x", "y"]), "give one expression for each of x, y"),
        (lambda: VectorField.from_map("x*2", ["x", "y", "z"]), "image is 'x*2'; give one expression for each"),
        (lambda: FIELDS["time"]([0.0, 0.0], t=np.inf), "t is inf; it must be finite"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_by_name_in_one_line(make, message):
    with pytest.raises(InputError) as caught:
        make()
    assert message in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 250


def test_a_field_of_a_game_knows_players_blocks_and_box():
    game = Game({"a": ("x", "y"), "b": ("z",)}, {"a": "-x**2 - y**2 + z*x", "b": "-z**2"}, box=[(-1, 1)] * 3, name="g")
    v = game.field()
    assert dict(v.players) == {"a": ("x", "y"), "b": ("z",)} and v.game is game and v.base is None and v.name == "g"
    assert v.box == ((-1.0, 1.0),) * 3
