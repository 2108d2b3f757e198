"""Conservative or not, by algebra, by loops and by samples; and potentials."""

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis import circulation, is_conservative, potential
from analysis.holes import holes_of, without_zeros
from dynsys import ArrayField, InputError, VectorField, games

x, y, z = sp.symbols("x y z", real=True)
PIECES = [x, y, z, x * y, x**2 * z, sp.sin(x + y), sp.exp(x / 2) * y, sp.cos(y * z), sp.log(1 + x**2), 1 / (2 + y**2)]


def gradient(phi):
    return VectorField(tuple(sp.diff(phi, s) for s in (x, y, z)), ("x", "y", "z"))


def twin(field, box=((-2, 2), (-2, 2))):
    return ArrayField(field, field.jacobian, field.variables, box=box)


VORTEX = VectorField(("-y/(x**2 + y**2)", "x/(x**2 + y**2)"), ("x", "y"))


@settings(max_examples=8)
@given(weights=st.lists(st.integers(-3, 3), min_size=len(PIECES), max_size=len(PIECES)), seed=st.integers(0, 99))
def test_a_gradient_is_conservative_and_its_potential_is_recovered_up_to_a_constant(weights, seed):
    phi = sum((w * p for w, p in zip(weights, PIECES, strict=True)), sp.Integer(0))
    v = gradient(phi)
    verdict = is_conservative(v)
    assert verdict and verdict.exact
    base, *points = np.random.default_rng(seed).uniform(-2, 2, (4, 3))
    found = potential(v, base)
    wanted = sp.lambdify((x, y, z), phi)
    assert found(base) == 0
    assert_allclose(found(points), [wanted(*p) - wanted(*base) for p in points], rtol=1e-9, atol=1e-9)


@settings(max_examples=15)
@given(
    weights=st.lists(st.integers(-3, 3), min_size=len(PIECES), max_size=len(PIECES)),
    entries=st.tuples(*[st.floats(-2, 2).filter(lambda k: abs(k) > 1e-3)] * 3),
    radius=st.floats(0.1, 1.5),
)
def test_a_gradient_plus_kx_with_antisymmetric_k_has_circulation_2_pi_r2_k_ji(weights, entries, radius):
    phi = sum((w * p for w, p in zip(weights, PIECES, strict=True)), sp.Integer(0))
    K = sp.zeros(3)
    for (i, j), k in zip([(0, 1), (0, 2), (1, 2)], entries, strict=True):
        K[j, i], K[i, j] = sp.Rational(k), -sp.Rational(k)
    rotation = K * sp.Matrix([x, y, z])
    v = VectorField(tuple(e + r for e, r in zip(gradient(phi).expressions, rotation, strict=True)), ("x", "y", "z"))
    verdict = is_conservative(v)
    assert verdict.verdict is False and not verdict and verdict.exact and "∂v_y/∂x - ∂v_x/∂y" in verdict.reason
    for (i, j), k in zip([(0, 1), (0, 2), (1, 2)], entries, strict=True):

        def circle(t, i=i, j=j):
            point = np.zeros(3)
            point[i], point[j] = radius * np.cos(2 * np.pi * t), radius * np.sin(2 * np.pi * t)
            return point

        assert_allclose(circulation(v, circle), 2 * np.pi * radius**2 * k, rtol=1e-8, atol=1e-9)


def test_the_loop_of_a_refusal_proves_it():
    for field in (games.curl().field(), VORTEX, twin(VORTEX), twin(games.spiral_saddle().field())):
        verdict = is_conservative(field)
        assert verdict.verdict is False
        again = circulation(field, verdict.loop)
        assert abs(again) > 100 * again.error
        assert again == verdict.circulation
        with pytest.raises(InputError, match=r"circulation .* round the circle of radius"):
            potential(field)


def test_a_vortex_is_curl_free_but_not_conservative_except_on_a_box_without_the_hole():
    verdict = is_conservative(VORTEX)
    assert verdict.verdict is False and "J = Jᵀ" in verdict.reason
    assert_allclose(abs(verdict.circulation), 2 * np.pi, rtol=1e-10)
    inside = is_conservative(VORTEX, box=[(1, 2), (-1, 1)])
    assert inside and inside.exact
    angle = potential(VORTEX, box=[(1, 2), (-1, 1)])
    points = np.array([[1.2, 0.9], [1.9, -0.9], [1.5, 0.0]])
    assert_allclose(angle(points), np.arctan2(points[:, 1], points[:, 0]), atol=1e-10)
    assert is_conservative(VORTEX, box=[(-1, 2), (-1, 1)]).verdict is False


@pytest.mark.parametrize(
    ("e", "holes"),
    [
        (sp.exp(x) * sp.sin(y) + sp.atan(x * y), set()),
        (1 / (x**2 + y**2 + 1), set()),
        (1 / (2 + sp.cos(x)), set()),
        (1 / (x * y - 1), {x * y - 1}),
        (sp.sqrt(x) + sp.log(y), {x, y}),
        (sp.tan(x), {sp.cos(x)}),
        (sp.asin(x) + sp.acos(2 * y), {1 - x**2, 1 - 4 * y**2}),
        (sp.Abs(x), {sp.Abs(x)}),
        (x ** sp.Rational(1, 3), {x}),
    ],
)
def test_holes_are_where_a_formula_may_fail_to_be_smooth(e, holes):
    assert holes_of([e]) == holes


def test_interval_arithmetic_tells_whether_a_hole_is_in_the_box():
    circle = x**2 + y**2 - 1
    assert without_zeros([circle], (x, y), [(-0.7, 0.7), (-0.7, 0.7)])
    assert without_zeros([circle], (x, y), [(1.01, 2), (-5, 5)])
    assert not without_zeros([circle], (x, y), [(-0.8, 0.8), (-0.8, 0.8)])
    assert not without_zeros([x - 1], (x,), [(1, 2)])  # on the border: a zero


def test_a_hole_alone_does_not_refute():
    radial = VectorField(("x/(x**2 + y**2)", "y/(x**2 + y**2)"), ("x", "y"))
    assert is_conservative(radial).exact
    found = potential(radial, base=[1, 0])
    assert_allclose(found([[3.0, 4.0], [0.0, -2.0]]), np.log([5, 2]), rtol=1e-14)
    both_sides = potential(VectorField(("1/x",), ("x",)), base=[1])
    assert_allclose(both_sides([[-np.e], [np.e]]), [1, 1], rtol=1e-14)


def test_what_nothing_decides_stays_undecided():
    vortex = VectorField(
        (
            "(x + 5)/sqrt((x + 5)**2 + y**2 + 1) - y/((x-9)**2 + y**2)",
            "y/sqrt((x + 5)**2 + y**2 + 1) + (x-9)/((x-9)**2 + y**2)",
        ),
        ("x", "y"),
    )
    verdict = is_conservative(vortex, box=[(-1, 1), (-1, 1)])
    assert verdict  # the hole at (9, 0) is outside of the box
    wide = is_conservative(vortex)
    assert wide.verdict is None and not wide and "holes" in wide.reason
    with pytest.raises(InputError, match="give a box="):
        potential(vortex)


def test_a_potential_without_a_formula_is_work_along_a_line():
    field = VectorField(("exp(x**4) + y", "x"), ("x", "y"))
    found = potential(field)
    assert found.expression is None
    from scipy.integrate import quad

    wanted = [quad(lambda s: np.exp(s**4), 0, p)[0] + p * q for p, q in [(0.7, 2), (-1, 1)]]
    assert_allclose(found([[0.7, 2], [-1, 1]]), wanted, rtol=1e-10)
    assert found([[[0.7, 2]]]).shape == (1, 1)


@given(seed=st.integers(0, 50))
def test_arrays_are_judged_by_samples_to_the_tolerance(seed):
    rng = np.random.default_rng(seed)
    M = rng.normal(size=(3, 3))
    S, A = M + M.T, M - M.T
    for share, wanted in ((0.0, True), (1e-6, False)):
        matrix = S + share * A
        field = ArrayField(
            lambda p, B=matrix: p @ B.T, lambda p, B=matrix: np.broadcast_to(B, (len(p), 3, 3)), ("x", "y", "z")
        )
        verdict = is_conservative(field, tolerance=1e-9)
        assert verdict.verdict is wanted
        assert wanted or "|J - Jᵀ| is" in verdict.reason
        assert verdict.exact is (verdict.loop is not None)
        assert is_conservative(field, tolerance=1e-2)
    square = potential(
        field := ArrayField(lambda p: p @ S, lambda p: np.broadcast_to(S, (len(p), 3, 3)), ("x", "y", "z"))
    )
    p = rng.normal(size=3)
    assert_allclose(square(p), p @ S @ p / 2, rtol=1e-9, atol=1e-12)
    assert square.field is field


def test_a_field_that_jumps_is_not_declared_conservative():
    from dynsys.functions import switch

    jumping = VectorField((switch(y) * 2, sp.Integer(0)), ("x", "y"))
    assert is_conservative(jumping).verdict is False  # work round the line where it jumps
    ridge = is_conservative(VectorField((switch(x), sp.Integer(0)), ("x", "y")))
    assert ridge.verdict is None and "jumps" in ridge.reason


def test_a_field_that_is_not_finite_in_parts_of_the_box_is_not_declared_conservative():
    with np.errstate(invalid="ignore"):
        half = ArrayField(
            lambda p: np.sqrt(p), lambda p: np.eye(2) / (2 * np.sqrt(p))[:, None], ("x", "y"), box=[(-1, 1), (-1, 1)]
        )
        verdict = is_conservative(half)
        assert verdict.verdict is None and "not finite at" in verdict.reason
        assert is_conservative(half, box=[(0.1, 1), (0.1, 1)])
        nowhere = is_conservative(half, box=[(-2, -1), (-2, -1)])
        assert nowhere.verdict is None and "at none of" in nowhere.reason


@pytest.mark.parametrize(
    ("phi", "formula"),
    [
        (x * y + sp.sin(x * y), x * y + sp.sin(x * y)),  # SymPy integrates with a case y = 0
        (sp.log(sp.cosh(x + y)), None),  # tanh, which SymPy integrates as exponentials
        (sp.exp(x**2) * y, sp.exp(x**2) * y),
    ],
)
def test_sympy_is_helped_to_find_a_formula(phi, formula):
    field = gradient(phi)
    found = potential(field, base=[0, 0, 0])
    assert found.expression is not None and (formula is None or sp.simplify(found.expression - formula) == 0)
    p = np.array([0.4, -0.7, 0.2])
    assert_allclose(found(p), float((phi - phi.subs({x: 0, y: 0})).subs({x: 0.4, y: -0.7})), rtol=1e-12)


def test_a_wrong_integral_of_sympys_would_not_be_returned(monkeypatch):
    import analysis.potentials as potentials

    field = gradient(x * y + z)
    assert potentials.symbolic_potential(field) == x * y + z
    monkeypatch.setattr(potentials, "_integrated", lambda wanted, symbols: x * y - z)
    assert potentials.symbolic_potential(field) is None


def test_bad_questions_are_refused():
    with pytest.raises(InputError, match="depends on time"):
        is_conservative(VectorField(("t*x",), ("x",), time="t"))
    with pytest.raises(InputError, match="tolerance is -1"):
        is_conservative(VORTEX, tolerance=-1)
    with pytest.raises(InputError, match=r"base is .*no finite value"):
        potential(VectorField(("x/(x**2 + y**2)", "y/(x**2 + y**2)"), ("x", "y")), base=[0, 0])
    with pytest.raises(InputError, match="box"):
        is_conservative(VORTEX, box=[(0, 1)])


def test_the_verdict_is_plain_data_too():
    import json

    data = is_conservative(VORTEX).to_dict()
    assert json.loads(json.dumps(data))["loop"]["plane"] == [0, 1]
    assert is_conservative(VectorField(("x",), ("x",))).to_dict()["potential"] == "x**2/2"
