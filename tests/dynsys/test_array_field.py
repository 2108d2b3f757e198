"""A field given by arrays behaves as its twin given by formulas, in every analysis that needs no formula."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from analysis import (
    circulation,
    classify,
    critical_step,
    curl,
    first_integrals,
    fixed_points,
    helmholtz,
    is_conservative,
    modified_field,
    multipliers,
    path_angle,
    portrait,
    potential,
    spectrum,
)
from dynsys import ArrayField, InputError, VectorField, games
from integrators import Euler, RungeKutta4, Status, ensemble, trajectory
from integrators.method import method_named, methods

FORMULA = VectorField(("y - x/2 + 5*x**2/2", "-x - y/2"), ("x", "y"), box=[(-1, 2), (-3, 1)])
ARRAYS = ArrayField(FORMULA, FORMULA.jacobian, FORMULA.variables, "twin", FORMULA.box)


def fits(name):
    try:
        method_named(name).check(ARRAYS)
        return True
    except InputError:
        return False


@pytest.mark.parametrize("name", [name for name in methods() if fits(name)])
def test_every_method_that_needs_no_players_runs_as_on_the_twin(name):
    method = method_named(name)
    wanted = trajectory(FORMULA, [0.2, 0.1], method, h=0.05, steps=20, compiled=False)
    found = trajectory(ARRAYS, [0.2, 0.1], method, h=0.05, steps=20)
    assert_allclose(found.x, wanted.x, rtol=1e-12, atol=1e-14)
    assert found.status == wanted.status
    starts = np.random.default_rng(0).normal(0, 0.2, (40, 2))
    many = ensemble(ARRAYS, starts, method, h=0.05, steps=20)
    assert_allclose(many.x[7], trajectory(ARRAYS, starts[7], method, h=0.05, steps=20).x[-1], rtol=1e-12, atol=1e-14)


def test_most_methods_need_no_players():
    assert {"euler", "adam", "optimistic-gradient", "implicit-midpoint", "lookahead"} <= {
        n for n in methods() if fits(n)
    }


def test_runs_end_as_they_do_on_the_twin():
    starts = np.array([[0.0, 0.0], [0.2, 0.1], [3.0, 3.0], [np.nan, 0.0], [1.0, -2.0]])
    wanted = ensemble(FORMULA, starts, Euler(), h=0.1, steps=600)
    found = ensemble(ARRAYS, starts, Euler(), h=0.1, steps=600)
    assert_array_equal(found.status, wanted.status)
    assert set(found.status) == {Status.STATIONARY, Status.FINISHED, Status.DIVERGED, Status.NOT_FINITE}
    assert_array_equal(found.steps, wanted.steps)
    assert_allclose(found.x[[0, 1, 2, 4]], wanted.x[[0, 1, 2, 4]], rtol=1e-9, atol=1e-12)
    assert ensemble(ARRAYS, np.empty((0, 2)), Euler(), h=0.1, steps=3).x.shape == (0, 2)


def test_an_implicit_step_that_fails_is_a_status():
    growing = ArrayField(lambda x: x**2 + 1, lambda x: 2 * x[..., None], ("x",))
    method = method_named("implicit-euler")
    assert trajectory(growing, [1.0], method, h=1.0, steps=3).status == Status.UNSOLVED
    assert ensemble(growing, [[1.0], [-9.0]], method, h=1.0, steps=1).status[0] == Status.UNSOLVED


def test_averages_are_reported_beside_the_points():
    method = method_named("uniform-average")
    found = trajectory(ARRAYS, [0.2, 0.1], method, h=0.05, steps=9)
    assert_allclose(found.average[-1], trajectory(FORMULA, [0.2, 0.1], method, h=0.05, steps=9).average[-1], rtol=1e-13)
    assert ensemble(ARRAYS, [[0.2, 0.1]], method, h=0.05, steps=9).average.shape == (1, 2)


def test_zeros_and_labels_are_those_of_the_twin():
    found, wanted = fixed_points(ARRAYS), fixed_points(FORMULA)
    assert len(found) == len(wanted) == 2
    for one, other in zip(found, wanted, strict=True):
        assert_allclose(one.x, other.x, atol=1e-12)
        assert one.kantorovich < 0.5 and one.exact is None
        assert_allclose(one.eigenvalues, other.eigenvalues, rtol=1e-10)
        a, b = (classify(f, p.x, method=Euler(), h=0.1) for f, p in ((ARRAYS, one), (FORMULA, other)))
        assert (a.kind, a.attracts) == (b.kind, b.attracts)
    assert found.completeness.degree == wanted.completeness.degree
    assert found.completeness.real_zeros is None


def test_steps_and_multipliers_are_those_of_the_twin():
    for method in (Euler(), RungeKutta4(), method_named("heavy-ball"), method_named("implicit-midpoint")):
        a, b = (multipliers(f, [0.0, 0.0], method, 0.3) for f in (ARRAYS, FORMULA))
        assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    a, b = (critical_step(f, [0.0, 0.0], Euler(), h=(0, 10)).stable for f in (ARRAYS, FORMULA))
    assert_allclose(a, b, rtol=1e-12)
    assert_allclose(spectrum(ARRAYS, [1, -2]).eigenvalues, spectrum(FORMULA, [1, -2]).eigenvalues)


def test_a_line_of_zeros_is_reported_as_one():
    line = ArrayField(
        lambda x: np.stack([x[:, 0], 0 * x[:, 0]], 1),
        lambda x: np.broadcast_to(np.array([[1.0, 0.0], [0.0, 0.0]]), (len(x), 2, 2)),
        ("x", "y"),
        box=[(-1, 1), (-1, 1)],
    )
    found = fixed_points(line)
    assert not len(found) and found.continua[0].dimension == 1


def test_zeros_that_are_no_doubles_are_found_to_double_precision():
    pair = ArrayField(lambda x: x**2 - 2, lambda x: 2 * x[..., None], ("x",), box=[(-3, 3)])
    assert_allclose([p.x[0] for p in fixed_points(pair)], [-np.sqrt(2), np.sqrt(2)], rtol=1e-15)


def test_a_circle_of_zeros_is_reported_as_one():
    ring = VectorField(("x*(x**2 + y**2 - 1)", "y*(x**2 + y**2 - 1)"), ("x", "y"))
    found = fixed_points(ArrayField(ring, ring.jacobian, ("x", "y")), box=[(-2, 2), (-2, 2)])
    assert len(found) == 1 and np.allclose(found[0].x, 0)
    assert len(found.continua) == 1
    assert_allclose(np.linalg.norm(found.continua[0].points, axis=1), 1, atol=1e-9)


def test_a_portrait_shows_it():
    picture = portrait(ARRAYS, starts=[[0.2, 0.1]], method=Euler(), h=0.1, resolution=11)
    assert_allclose(picture.velocity, portrait(FORMULA, resolution=11).velocity)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ArrayField(len, len, ()), "at least one"),
        (lambda: ArrayField(len, len, ("x", "x")), "different names"),
        (lambda: ARRAYS([1.0, 2.0, 3.0]), "3 entries but the field has variables"),
        (
            lambda: ArrayField(lambda x: x[:, :1], len, ("x", "y"))([1.0, 2.0]),
            r"value maps .* \(1, 1\); it must be \(1, 2\)",
        ),
        (lambda: ArrayField(lambda x: x, lambda x: x, ("x", "y")).jacobian([1.0, 2.0]), "derivative maps"),
        (lambda: ArrayField(lambda x: x, len, ("x",)).region(), "box is missing"),
        (lambda: modified_field(ARRAYS, Euler(), 2), "not by formulas; a modified field needs a VectorField"),
        (lambda: first_integrals(ARRAYS, 2), "not by formulas"),
        *[
            (lambda ask=ask: ask(games.curl()), r"field is .*; give game.field\(\)")
            for ask in (
                is_conservative,
                potential,
                helmholtz,
                lambda g: first_integrals(g, 2),
                lambda g: curl(g, [0, 0]),
                lambda g: circulation(g, [[0, 0], [1, 0], [0, 0]]),
                lambda g: path_angle(g, [0, 0], [1, 1]),
            )
        ],
        (lambda: is_conservative("x"), "give a VectorField"),
        (lambda: trajectory(ARRAYS, [0, 0], method_named("alternating"), h=0.1, steps=1), "player"),
    ],
)
def test_what_it_cannot_do_is_said(call, words):
    with pytest.raises(InputError, match=words):
        call()
