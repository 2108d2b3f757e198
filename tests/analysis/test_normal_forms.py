"""Normal forms: built by construction and recovered, known maps, and runs just beyond the border."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis.multilinear import field_forms, update_forms
from analysis.normal_forms import normal_form
from analysis.updates import update_jacobian
from dynsys import InputError, VectorField, games
from dynsys.transforms import consensus
from integrators import Alternating, Euler, HeavyBall, ImplicitMidpoint, SignGradient, trajectory
from integrators.method import methods
from integrators.states import flat, shaped

few = settings(max_examples=8)
seeds = st.integers(0, 2**32 - 1)
X, Y = sp.symbols("x y", real=True)
BENT = VectorField(
    ("exp(x)*logistic(y) + sqrt(x + 2) - 1/y**2", "sin(x*y)*softplus(x) + tanh(y)**3 + a*x**y"),
    ("x", "y"),
    {"a": 0.3},
    players={"one": ["x"], "two": ["y"]},
)
SPIRAL = games.spiral_saddle().field()


def in_coordinates(components, T):
    """The field whose x = Ty follows the components."""
    x = sp.Matrix(T.tolist()) * sp.Matrix([X, Y])
    put = [sp.expand(e.subs({X: x[0], Y: x[1]}, simultaneous=True)) for e in components]
    return VectorField(tuple(sp.Matrix(T.tolist()).inv() * sp.Matrix(put)), ("x", "y"))


def coordinates(seed):
    """A well-conditioned matrix of rationals."""
    entries = np.random.default_rng(seed).integers(-4, 5, (2, 2))
    return sp.Matrix(2, 2, [int(e) for e in entries.flat]) / 5 + sp.Matrix([[2, 0], [0, -1]])


def test_the_forms_of_a_field_are_the_sympy_derivatives_in_complex_directions():
    u, v, w = [1, 2], [0.5j, -1], [2, 0.3 + 1j]
    point = dict(zip(BENT.symbols, (0.3, 0.7), strict=True))
    forms, s = field_forms(BENT, [0.3, 0.7]), BENT.symbols
    for i, e in enumerate(map(BENT.at_values, BENT.expressions)):
        second = sum(sp.diff(e, s[j], s[k]) * u[j] * v[k] for j in (0, 1) for k in (0, 1))
        third = sum(sp.diff(e, s[j], s[k], s[m]) * u[j] * v[k] * w[m] for j in (0, 1) for k in (0, 1) for m in (0, 1))
        plain = lambda e: complex(e.subs(point).rewrite(sp.exp).evalf())  # noqa: E731
        assert_allclose(complex(forms.second(u, v)[i]), plain(second), rtol=1e-12)
        assert_allclose(complex(forms.third(u, v, w)[i]), plain(third), rtol=1e-12)


SMOOTH = [cls() for cls in methods().values() if not cls().differentiable and not cls().moves]


@pytest.mark.parametrize("method", SMOOTH, ids=lambda m: m.label)
def test_the_forms_of_every_update_are_those_of_differences(method):
    v, h = SPIRAL, 0.2
    forms = update_forms(v, [0, 0], method, h)
    k = forms.size
    A = np.array(forms.matrix().tolist(), float)
    assert_allclose(A, update_jacobian(v, [0, 0], method, h), atol=1e-13)
    like = method.initial(v.on_tuples, (0.0, 0.0), ())
    u = np.linspace(0.3, 1, k)

    def image(t):
        return np.array(flat(method.step(v.on_tuples, shaped(tuple(t * u), like), (), h)), float)

    eps = 4e-3  # the update of a cubic payoff bends mildly: errors O(ε²) of the fifth derivative
    second = (image(eps) - 2 * image(0) + image(-eps)) / eps**2
    third = (image(2 * eps) - 2 * image(eps) + 2 * image(-eps) - image(-2 * eps)) / (2 * eps**3)
    plain = lambda column: np.array([float(c) for c in column])  # noqa: E731
    assert_allclose(plain(forms.second(u, u)), second, rtol=2e-3, atol=2e-3)
    assert_allclose(plain(forms.third(u, u, u)), third, rtol=2e-2, atol=2e-2)


def test_the_logistic_map_and_the_henon_map_flip_supercritically():
    logistic = VectorField.from_map(["3*x*(1 - x)"], ["x"])
    form = normal_form(logistic, [2 / 3], Euler(), 1.0)
    assert (form.kind, form.verdict) == ("flip", "supercritical")
    assert_allclose(form.coefficient, 9, rtol=1e-14)  # (F''/2)² + F'''/6 with F'' = -6
    henon = VectorField.from_map(["1 - a*x**2 + y", "b*x"], ["x", "y"], {"a": 0.3675, "b": 0.3})
    x = (-0.7 + math.sqrt(0.49 + 4 * 0.3675)) / (2 * 0.3675)
    form = normal_form(henon, [x, 0.3 * x], Euler(), 1.0)
    assert (form.kind, form.verdict) == ("flip", "supercritical")


@few
@given(seed=seeds)
def test_a_flip_built_by_construction_is_recovered_in_any_coordinates_beside_a_stable_direction(seed):
    """x⁺ = -x + b x³ bent by y = s + c x²: then B(q, (I - A)⁻¹B(q, q)) decides, too."""
    b, T = sp.Rational("-1.234"), coordinates(seed)
    bend = Y - X**2 * sp.Rational(7, 10)  # s, which contracts by 0.3
    image_x = -X + b * X**3 + X * bend / 2
    image_y = sp.Rational(3, 10) * bend + sp.Rational(7, 10) * image_x**2
    field = in_coordinates([image_x - X, image_y - Y], T)
    form = normal_form(field, [0, 0], Euler(), 1.0)
    scale = float((T.inv() * sp.Matrix([1, 0])).norm())
    assert (form.kind, form.verdict) == ("flip", "subcritical")
    assert_allclose(form.coefficient * scale**2, -1.234, rtol=1e-6)


def test_the_flip_of_a_map_with_a_parameter_is_recovered_after_a_nonlinear_change():
    """x = y + 0.4 y² of x⁺ = -(1 + aμ)x + b x³ at μ = 0; the inverse to third order is enough."""
    x = X + sp.Rational(2, 5) * X**2
    image = -x - sp.Rational("1.234") * x**3
    inverse = image - sp.Rational(2, 5) * image**2 + 2 * sp.Rational(4, 25) * image**3
    form = normal_form(VectorField((sp.expand(inverse - X),), ("x",)), [0.0], Euler(), 1.0)
    assert_allclose(form.coefficient, -1.234, rtol=1e-12)


def stuart_landau():
    square, c, d = X**2 + Y**2, sp.Rational("1.123"), sp.Rational("0.132")
    return [-2 * Y - square * (c * X + d * Y), 2 * X - square * (c * Y - d * X)]


@few
@given(seed=seeds)
def test_stuart_landau_and_its_map_are_recovered_in_random_coordinates(seed):
    """ζ = √2 |T⁻¹(1, -i)/√2|⁻¹ r, so that |ζ|² = 2 r² / scale²."""
    T = coordinates(seed)
    scale = np.linalg.norm(np.array(T.inv().tolist(), float) @ np.array([1, -1j]) / math.sqrt(2))
    form = normal_form(in_coordinates(stuart_landau(), T), [0, 0])
    assert (form.kind, form.verdict) == ("Hopf", "supercritical")
    assert_allclose(form.coefficient * scale**2, -2 * 1.123 / 2, rtol=1e-6)
    cos, sin, square = sp.Rational(3, 5), sp.Rational(4, 5), X**2 + Y**2
    re, im = 1 - sp.Rational("1.123") * square, sp.Rational("0.132") * square
    u, w = X * re - Y * im, X * im + Y * re
    field = in_coordinates([cos * u - sin * w - X, sin * u + cos * w - Y], T)
    form = normal_form(field, [0, 0], Euler(), 1.0)
    assert (form.kind, form.verdict, form.resonance) == ("Neimark-Sacker", "supercritical", "")
    assert_allclose(form.coefficient * scale**2, -2 * 1.123, rtol=1e-6)
    assert_allclose(form.rotation, math.atan2(4, 3) / (2 * math.pi), rtol=1e-12)


def test_van_der_pol_is_a_supercritical_hopf_point():
    """ẍ = (μ - x²)ẋ - x has a cycle of radius 2√μ; Re λ = μ/2."""
    form = normal_form(VectorField(("y", "-x - x**2*y"), ("x", "y")), [0, 0])
    assert (form.kind, form.verdict) == ("Hopf", "supercritical")
    top = 2 * form.amplitude(0.005) * abs(form.direction[0])  # μ = 0.01
    assert_allclose(top, 0.2, rtol=1e-9)


@pytest.mark.parametrize(
    ("field", "x", "method", "h"),
    [
        (VectorField(("-x",), ("x",)), [0], Euler(), 2.0),
        (games.curl().field(), [0, 0], ImplicitMidpoint(), 0.5),
        (games.curl().field(), [0, 0], Alternating(), 0.5),
        (games.dirac_gan().field(), [0, 0], None, None),
    ],
)
def test_linear_and_conservative_fields_are_degenerate(field, x, method, h):
    form = normal_form(field, x, method, h)
    assert form.verdict == "degenerate" and "higher order" in form.outcome
    assert math.isnan(form.amplitude(0.01))


def test_fold_and_pitchfork_at_plus_one_are_told_apart():
    fold = normal_form(VectorField(("x**2",), ("x",)), [0.0], Euler(), 0.5)
    assert (fold.kind, fold.verdict, fold.coefficient) == ("fold", "one-sided", 0.5)
    for sign, verdict in (("-", "supercritical"), ("", "subcritical")):
        form = normal_form(VectorField((f"{sign}x**3 + x*y", "x**2/5 - y"), ("x", "y")), [0.0, 0.0])
        assert (form.kind, form.verdict) == ("pitchfork", verdict)
        assert_allclose(form.coefficient, 0.2 - (1 if sign else -1), rtol=1e-12)  # y = x²/5 on the centre manifold


def test_heavy_ball_flips_with_the_coefficient_of_its_scalar_recursion_and_cycles_where_it_says():
    """x → -x needs h(x + x³) = 2(1 + β)x: x² = 2(1 + β)/h - 1, for h below the border."""
    beta, v = 0.3, VectorField(("-x - x**3",), ("x",))
    form = normal_form(v, [0.0], HeavyBall(beta), 2 * (1 + beta))
    assert (form.kind, form.verdict) == ("flip", "subcritical")
    h = 2 * (1 + beta) * 0.9999
    growth = np.abs(np.linalg.eigvals(update_jacobian(v, [0.0], HeavyBall(beta), h))).max() - 1
    amplitude = form.amplitude(growth) * abs(form.direction[0])
    assert_allclose(amplitude, math.sqrt(1 / 0.9999 - 1), rtol=1e-3)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_run_just_beyond_the_flip_ends_on_the_cycle_or_escapes_as_the_verdict_says(sign):
    v = VectorField((f"-x + {sign}*x**3/3",), ("x",))
    form = normal_form(v, [0.0], Euler(), 2.0)
    run = trajectory(v, [0.02], Euler(), h=2.01, steps=2000, compiled=False)
    if form.verdict == "supercritical":
        assert_allclose(abs(run.x[-1, 0]), form.amplitude(0.01), rtol=2e-2)
    else:
        assert abs(run.x[-1, 0]) > 1
    assert form.verdict == ("supercritical" if sign > 0 else "subcritical")


@pytest.mark.parametrize("at", ["equilibrium", "saddle"])
def test_consensus_on_the_spiral_saddle_does_beyond_its_border_what_the_verdict_says(at):
    gamma = 0.4 if at == "saddle" else 0.3  # at 0.4 the equilibrium meets the 1:4 resonance
    v, x = consensus(SPIRAL, gamma), np.array([0.0, 0.0] if at == "equilibrium" else [1.0, -2.0])
    values = np.linalg.eigvals(v.jacobian(x))
    h = float(min(-2 * values.real / np.abs(values) ** 2))
    form = normal_form(v, x, Euler(), h)
    assert form.kind == ("Neimark-Sacker" if at == "equilibrium" else "flip")
    beyond = h * 1.002
    growth = np.abs(1 + beyond * values).max() - 1
    start = x + 1e-3 * form.direction.real
    run = trajectory(v, start, Euler(), h=beyond, steps=6000, divergence_bound=1e3, compiled=False)
    away = np.linalg.norm(run.x[-200:] - x, axis=1).max() if np.isfinite(run.x[-1]).all() else np.inf
    scale = 1.0 if form.kind == "flip" else 2.0
    if form.verdict == "supercritical":
        assert away < 1.6 * scale * form.amplitude(growth)
    else:
        assert form.verdict == "subcritical" and away > 0.3


@few
@given(seed=seeds)
def test_the_sign_does_not_depend_on_linear_coordinates(seed):
    v = [(-Y + X * Y / 2 - X**3), (X + Y**2 / 3 + X**2)]
    plain, moved = in_coordinates(v, sp.eye(2)), in_coordinates(v, coordinates(seed))
    assert normal_form(plain, [0, 0]).verdict == normal_form(moved, [0, 0]).verdict != "degenerate"


def test_strong_resonances_are_flagged_and_given_no_sign():
    for theta, name in ((2 * math.pi / 3, "1:3"), (math.pi / 2, "1:4")):
        c, s = math.cos(theta), math.sin(theta)
        field = VectorField.from_map([f"{c!r}*x - ({s!r})*y + x**2", f"({s!r})*x + ({c!r})*y - x*y**2"], ["x", "y"])
        form = normal_form(field, [0.0, 0.0], Euler(), 1.0)
        assert (form.resonance, form.verdict) == (name, "degenerate") and math.isnan(form.coefficient)
        assert json.loads(json.dumps(form.to_dict()))["coefficient"] is None
    jordan = VectorField.from_map(["-x + y", "-y + x**3"], ["x", "y"])
    assert normal_form(jordan, [0.0, 0.0], Euler(), 1.0).resonance == "1:2"


LOGISTIC = VectorField.from_map(["3*x*(1 - x)"], ["x"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((LOGISTIC, [0.5], Euler(), 1.0), "not a zero of the field"),
        ((LOGISTIC, [2 / 3], Euler(), 0.9), r"multipliers -0.8 is nearest to the unit circle, 0.2 away"),
        ((LOGISTIC, [2 / 3]), r"eigenvalues -2 is nearest to the imaginary axis, 2 away"),
        ((LOGISTIC, [2 / 3], Euler()), "give both for the update"),
        ((LOGISTIC, [2 / 3], SignGradient(), 1.0), "sign of the gradient jumps"),
        ((LOGISTIC, [2 / 3], Euler(), -1.0), "h is -1"),
        ((LOGISTIC, [2 / 3], Euler(), 1.0, 0.0), "tolerance is 0"),
        ((games.curl(), [0, 0]), "field"),
    ],
)
def test_bad_input_is_refused_with_its_remedy(arguments, message):
    with pytest.raises(InputError, match=message):
        normal_form(*arguments)
