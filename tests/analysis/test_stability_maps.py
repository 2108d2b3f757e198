"""Maps of the spectral radius over two parameters, their borders and resonances, against closed forms and oracles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis import multipliers, stability_map
from analysis.map_kernels import fill
from dynsys import InputError, VectorField, games
from dynsys.transforms import consensus
from integrators import Euler
from integrators.method import method_named

STEPS, GAMMAS = np.linspace(0.02, 2, 40), np.linspace(0.05, 3, 30)
CURL = consensus(games.curl().field(), 0.5)
SPIRAL = consensus(games.spiral_saddle().field(), 0.5)
PENALISED = VectorField(("-y/2", "x/2 - kappa*y"), ("x", "y"), {"kappa": 0.5})  # the Dirac-GAN with R1, at 0


def resonance(found, name):
    (point,) = [p for p in found.resonances if p.name == name]
    return point.h, point.value


def test_of_the_curl_field_under_consensus_everything_is_in_closed_form():
    found = stability_map(CURL, [0, 0], Euler(), {"h": STEPS, "gamma": GAMMAS})
    h, gamma = np.meshgrid(STEPS, GAMMAS)
    assert found.radius.shape == (30, 40)
    assert_allclose(found.radius, np.sqrt((1 - h * gamma) ** 2 + h**2), rtol=1e-14)
    assert (found.verdict == np.where((1 - h * gamma) ** 2 + h**2 < 1, -1, 1))[np.abs(found.radius - 1) > 1e-9].all()
    assert found.to_dict()["stable_share"] == (found.radius < 1).mean()
    (border,) = found.borders
    assert border.kind == "Neimark-Sacker" and border.critical
    assert_allclose(border.h, 2 * border.value / (1 + border.value**2), rtol=1e-12)
    assert_allclose(resonance(found, "1:3"), (np.sqrt(3) / 2, np.sqrt(3)), rtol=1e-9)
    assert_allclose(resonance(found, "1:4"), (1, 1), rtol=1e-9)
    best = np.unravel_index(found.radius[10].argmin(), (40,))
    assert abs(STEPS[best] - GAMMAS[10] / (1 + GAMMAS[10] ** 2)) < STEPS[1] - STEPS[0]


def test_the_logistic_dirac_gan_has_the_border_8_gamma_over_gamma_squared_plus_4():
    w = consensus(games.dirac_gan().field(), 0.5)
    (border,) = stability_map(w, [0, 0], Euler(), {"h": np.linspace(0.02, 6, 9), "gamma": GAMMAS}).borders
    assert_allclose(border.h, 8 * border.value / (border.value**2 + 4), rtol=1e-12)


def test_the_borders_of_r1_meet_at_the_resonance_1_2():
    found = stability_map(PENALISED, [0, 0], Euler(), {"h": np.linspace(0.1, 9, 9), "kappa": np.linspace(0.2, 3, 9)})
    focus, node = (
        next(b for b in found.borders if b.kind == kind and b.critical) for kind in ("Neimark-Sacker", "flip")
    )
    assert_allclose(focus.h, 4 * focus.value, rtol=1e-9)
    inside = node.value > 1 + 1e-6  # at the resonance itself two eigenvalues are equal, good to half the digits
    wanted = 4 / (node.value + np.sqrt(np.maximum(node.value**2 - 1, 0)))
    assert_allclose(node.h[inside], wanted[inside], rtol=1e-9)
    assert_allclose(node.h, wanted, rtol=1e-4)
    assert_allclose(resonance(found, "1:2"), (4, 1), rtol=1e-6)


@settings(max_examples=20)
@given(a=st.floats(0.05, 3), b=st.floats(0.05, 3))
def test_of_a_normal_jacobian_the_border_is_that_of_the_theory(a, b):
    w = consensus(VectorField((f"-({a!r})*x - ({b!r})*y", f"({b!r})*x - ({a!r})*y"), ("x", "y")), 0.5)
    m = a * a + b * b
    found = stability_map(w, [0, 0], Euler(), {"h": np.array([1e-3, 50]), "gamma": np.array([0.01, 2])})
    c = a + found.borders[0].value * m
    assert_allclose(found.borders[0].h, 2 * c / (c * c + b * b), rtol=1e-10)


@pytest.mark.parametrize(
    "name",
    ["euler", "runge-kutta4", "heavy-ball", "optimistic-gradient", "alternating", "implicit-euler", "extragradient"],
)
def test_every_pixel_is_the_radius_of_the_update(name):
    method, rng = method_named(name), np.random.default_rng(1)
    found = stability_map(SPIRAL, [1, -2], method, {"h": STEPS[:12], "gamma": GAMMAS[:9]})
    for i, k in zip(rng.integers(0, 9, 6), rng.integers(0, 12, 6), strict=True):
        w = SPIRAL.with_parameters(gamma=GAMMAS[i])
        exact = multipliers(w, [1, -2], method, STEPS[k])
        assert_allclose(found.radius[i, k], np.abs(exact).max(), rtol=1e-9)
        assert np.abs(exact - found.dominant[i, k]).min() < 1e-8 and found.dominant[i, k].imag >= 0
        assert_allclose(abs(found.dominant[i, k]), found.radius[i, k], rtol=1e-9)


@pytest.mark.parametrize("name", ["runge-kutta4", "alternating", "optimistic-gradient"])
def test_on_a_border_a_multiplier_is_on_the_unit_circle_where_its_rotation_says(name):
    method = method_named(name)
    found = stability_map(SPIRAL, [0, 0], method, {"h": np.array([0.02, 3]), "gamma": np.array([0.3, 2])})
    assert found.borders
    for border in found.borders:
        for k in (1, len(border.h) // 2):
            zeta = multipliers(SPIRAL.with_parameters(gamma=border.value[k]), [0, 0], method, border.h[k])
            target = np.exp(2j * np.pi * border.rotation[k])
            assert min(abs(zeta - target).min(), abs(zeta - target.conjugate()).min()) < 1e-7
            assert border.critical == bool((np.abs(zeta) < 1 + 1e-7).all())


def test_where_an_eigenvalue_passes_zero_a_line_of_plus_one_crosses_the_map():
    found = stability_map(SPIRAL, [1, -2], Euler(), {"h": STEPS, "gamma": GAMMAS})
    line, beyond = [b for b in found.borders if b.kind == "+1"]
    assert_allclose([line.value, beyond.value], 1 / (2 + np.sqrt(21) / 2), rtol=1e-10)
    other = SPIRAL.with_parameters(gamma=line.value[0]).jacobian([1, -2])
    last = -2 / np.linalg.eigvals(other).min()  # beyond it the other multiplier is outside
    assert line.critical and not beyond.critical
    assert_allclose([line.h[1], beyond.h[0]], last, rtol=1e-8)
    (flip,) = [b for b in found.borders if b.kind == "flip" and b.critical]
    assert flip.value[0] > 1 / (2 + np.sqrt(21) / 2) - 1e-9


@pytest.mark.parametrize("components", [("p*x", "-y/2"), ("-x/2", "p*y")])
def test_the_line_of_plus_one_is_critical_as_far_as_the_other_multiplier_is_inside(components):
    field = VectorField(components, ("x", "y"), {"p": 0.5})
    found = stability_map(field, [0, 0], Euler(), {"h": np.array([0.1, 6.0]), "p": np.array([-1.1, 1.0])})
    pieces = [(b.h[0], b.h[-1], b.critical) for b in found.borders if b.kind == "+1"]
    assert_allclose(pieces, [(0.1, 4, True), (4, 6, False)], atol=1e-8)


@settings(max_examples=10)
@given(c=st.floats(0.2, 5))
def test_scaling_time_scales_h_and_gamma_and_nothing_else(c):
    scaled = consensus(VectorField((f"-({c!r})*phi", f"({c!r})*theta"), ("theta", "phi")), 0.5)
    one = stability_map(CURL, [0, 0], Euler(), {"h": STEPS, "gamma": GAMMAS})
    other = stability_map(scaled, [0, 0], Euler(), {"h": STEPS / c, "gamma": GAMMAS / c})
    assert_allclose(other.radius, one.radius, rtol=1e-12)


def test_neutral_methods_are_neutral_all_over():
    turning = VectorField(("-p*y", "p*x"), ("x", "y"), {"p": 1.0}, players={"one": ["x"], "two": ["y"]})
    for name in ("alternating", "implicit-midpoint"):
        found = stability_map(turning, [0, 0], method_named(name), {"h": STEPS[:8], "p": np.linspace(0.5, 2, 5)})
        assert (found.verdict == 0).all() and found.borders == ()


def test_a_zero_that_moves_is_followed_to_the_end_of_its_branch():
    fold = VectorField(("p - x**2", "-y"), ("x", "y"), {"p": 1.0})
    found = stability_map(fold, [1, 0], Euler(), {"h": STEPS, "p": np.linspace(-1, 2, 31)})
    there = np.linspace(-1, 2, 31) > 0.05
    assert_allclose(found.x[there, 0], np.sqrt(np.linspace(-1, 2, 31)[there]), rtol=1e-12)
    assert np.isnan(found.radius[:10]).all() and (found.verdict[:10] == 2).all()
    assert "ends at p near" in found.ended
    h, p = np.meshgrid(STEPS, np.linspace(-1, 2, 31)[there])
    wanted = np.maximum(np.abs(1 - 2 * h * np.sqrt(p)), np.abs(1 - h))
    assert_allclose(found.radius[there], wanted, rtol=1e-10, atol=1e-12)
    flip = next(b for b in found.borders if b.kind == "flip" and b.critical)
    assert_allclose(flip.h, 1 / np.sqrt(flip.value), rtol=1e-9)


def test_a_zero_is_followed_from_far_and_never_onto_another_branch():
    fold = VectorField(("p - x**2", "-y"), ("x", "y"), {"p": 1.0})
    p = np.linspace(25, 36, 5)
    assert_allclose(stability_map(fold, [1, 0], Euler(), {"h": STEPS, "p": p}).x[:, 0], np.sqrt(p), rtol=1e-12)
    cubic = VectorField(("x**3 - 3*x - p",), ("x",), {"p": 0.0})  # folds at p = ±2; beyond, another zero is left
    p = np.linspace(-4, 4, 81)
    found = stability_map(cubic, [0], Euler(), {"h": STEPS, "p": p})
    there = np.isfinite(found.x[:, 0])
    assert (there[np.abs(p) < 1.99]).all() and not there[np.abs(p) > 2.01].any()
    assert (np.abs(found.x[there, 0]) <= 1 + 1e-6).all()


def test_two_parameters_of_the_field_at_a_fixed_step():
    field = VectorField(("-a*x - b*y", "b*x - a*y"), ("x", "y"), {"a": 1.0, "b": 1.0})
    a, b = np.linspace(0.1, 2, 7), np.linspace(0.2, 3, 5)
    found = stability_map(field, [0, 0], Euler(), {"a": a, "b": b}, h=0.3)
    assert_allclose(found.radius, np.hypot(1 - 0.3 * a, 0.3 * b[:, None]), rtol=1e-13)
    assert_allclose(found.dominant, 1 - 0.3 * a + 0.3j * b[:, None], rtol=1e-12)
    other = stability_map(field, [0, 0], Euler(), {"a": a, "h": STEPS})
    assert_allclose(np.abs(other.dominant), other.radius, rtol=1e-12)
    assert_allclose(other.radius, np.hypot(1 - STEPS[:, None] * a, STEPS[:, None]), rtol=1e-13)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: stability_map(SPIRAL, [0.3, 0], Euler(), {"h": STEPS, "gamma": GAMMAS}), "not a zero"),
        (lambda: stability_map(SPIRAL, [0, 0], Euler(), {"h": STEPS, "gamm": GAMMAS}), "did you mean 'gamma'"),
        (lambda: stability_map(SPIRAL, [0, 0], Euler(), {"h": STEPS}), "two parameters"),
        (lambda: stability_map(SPIRAL, [0, 0], Euler(), {"h": STEPS[::-1], "gamma": GAMMAS}), "rising order"),
        (lambda: stability_map(SPIRAL, [0, 0], Euler(), {"h": STEPS - 1, "gamma": GAMMAS}), "must be positive"),
        (lambda: stability_map(SPIRAL, [0, 0], Euler(), {"h": STEPS, "gamma": GAMMAS}, h=0.1), "either in ranges"),
        (
            lambda: stability_map(SPIRAL, [0, 0], method_named("adam"), {"h": STEPS, "gamma": GAMMAS}),
            "no stability map",
        ),
        (
            lambda: stability_map(
                SPIRAL, [0, 0], Euler(), {"h": np.linspace(0.1, 1, 60000), "gamma": np.linspace(0, 1, 60000)}
            ),
            "fewer values",
        ),
    ],
)
def test_bad_questions_are_refused(call, words):
    with pytest.raises(InputError, match=words):
        call()


def test_the_map_is_plain_data_too():
    import json

    data = stability_map(CURL, [0, 0], Euler(), {"h": STEPS, "gamma": GAMMAS}).to_dict()
    assert json.loads(json.dumps(data))["resonances"][0]["name"] == "1:3"


@given(seed=st.integers(0, 10**6), n=st.integers(1, 6), reach=st.floats(1e-3, 1e3))
def test_the_filled_map_is_the_largest_modulus_over_the_eigenvalues(seed, n, reach):
    rng = np.random.default_rng(seed)
    values = np.linalg.eigvals(rng.normal(size=(7, n, n)))
    values[3] = values[3].real  # real ones, and some that are equal
    values[4, :] = values[4, 0].real
    values = values.astype(complex)
    h = np.sort(rng.uniform(0, reach, 50)) + 1e-9
    z = h[:, None] * values[:, None, :]
    for top, below, R in (
        ([1, 1], [1], 1 + z),
        ([-0.5, 2], [1], 2 - z / 2),
        ([0.5, 1, 1], [1], 1 + z + z**2 / 2),
        ([0.5, 1], [-0.5, 1], (1 + z / 2) / (1 - z / 2)),
    ):
        assert_allclose(fill(np.array(top), np.array(below), values, h), np.abs(R).max(-1), rtol=1e-12)
