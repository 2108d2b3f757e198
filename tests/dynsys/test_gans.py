"""The low-dimensional GANs and the games beside them, against derivations of their own."""

import math

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

from dynsys import Game, InputError, games
from dynsys.divergences import DIVERGENCES
from dynsys.games.gans import payoff
from dynsys.transforms import consensus, nagarajan_kolter

few = settings(max_examples=max(8, settings.default.max_examples // 5))
NAMES = sorted(DIVERGENCES)
divergences = st.sampled_from(NAMES)
strengths = st.floats(0, 4).map(lambda k: round(k, 3))
PLAIN = [games.dirac_gan(name) for name in NAMES] + [games.wgan_dirac(), games.dirac_label_smoothing()]
FIELDS = {game.name: game.field() for game in PLAIN}


def same_spectrum(J, trace, determinant):
    assert_allclose([np.trace(J), np.linalg.det(J)], [trace, determinant], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_the_payoff_of_the_critic_is_that_of_nowozin_on_its_two_points(name):
    """g(V(0)) - f*(g(V(θ))) with V = -ψx, from the table's parts; the generator minimises it."""
    game, divergence = games.dirac_gan(name), DIVERGENCES[name]
    points = np.random.default_rng(1).uniform(-1.3, 1.3, (30, 2))
    values = game.values(points)
    earned = -divergence.dual(divergence.output(-points[:, 0] * points[:, 1]))
    assert_allclose(values[:, 1], earned, rtol=1e-9, atol=1e-12)
    assert_allclose(values[:, 0], -earned, rtol=1e-9, atol=1e-12)


@given(name=st.sampled_from(sorted(FIELDS)), theta=st.floats(-3, 3), psi=st.floats(-3, 3))
def test_the_flow_of_every_unregularised_dirac_gan_turns_about_0(name, theta, psi):
    """x·v = 0: θ² + ψ² is conserved, whatever F."""
    v = FIELDS[name]([theta, psi])
    assert abs(theta * v[0] + psi * v[1]) <= 1e-14 * (1 + np.abs(v).max())


@given(name=st.sampled_from(sorted(FIELDS)), theta=st.floats(-2, 2), psi=st.floats(-2, 2), h=st.floats(0.01, 2))
def test_one_euler_step_leads_out_by_exactly_1_plus_h2_slope2(name, theta, psi, h):
    """r'² = r²(1 + h²F'(θψ)²), for the field is orthogonal to x and of length r|F'|."""
    x, field = np.array([theta, psi]), FIELDS[name]
    t = sp.Symbol("t", real=True)
    if name == "wgan-dirac":
        slope = 1.0
    elif name == "dirac-label-smoothing":
        slope = 0.9 * expit(-theta * psi) - 0.1 * expit(theta * psi)
    else:
        divergence = name.removeprefix("dirac-")
        slope = float(sp.diff(payoff(divergence, t), t).subs(t, theta * psi))
    assert_allclose(((x + h * field(x)) ** 2).sum(), (x @ x) * (1 + h**2 * slope**2), rtol=1e-11)


def test_the_reverse_kl_gan_is_the_wasserstein_one_and_jensen_shannon_has_the_field_of_the_gan():
    x = np.random.default_rng(0).normal(size=(20, 2))
    assert_allclose(FIELDS["dirac-reverse-kl"](x), FIELDS["wgan-dirac"](x), rtol=1e-15)
    assert_allclose(FIELDS["dirac-jensen-shannon"](x), FIELDS["dirac-gan"](x), rtol=1e-15)


@few
@given(name=divergences, kappa=strengths)
def test_r1_and_r2_damp_the_critic_by_kappa(name, kappa):
    """λ² + κλ + a² = 0."""
    for make in (games.dirac_r1, games.dirac_r2):
        same_spectrum(make(kappa, name).field().jacobian([0, 0]), -kappa, float(DIVERGENCES[name].slope) ** 2)


@few
@given(name=divergences, s=strengths, nodes=st.integers(2, 9))
def test_instance_noise_bends_the_critics_payoff_whatever_the_quadrature(name, s, nodes):
    """λ² + 2cs²λ + a² = 0, 2c = (f*∘g)''(0) - g''(0): two nodes give E ε² = 1 exactly."""
    a, bend = float(DIVERGENCES[name].slope), float(DIVERGENCES[name].bend)
    J = games.dirac_instance_noise(s, name, nodes).field().jacobian([0, 0])
    same_spectrum(J, -bend * s**2, a**2)


def test_instance_noise_on_the_gan_has_the_eigenvalues_of_its_source():
    """f''s² ± √(f''²s⁴ - f'²) with f' = ½, f'' = -¼: a focus below s² = 2, real from there on."""
    for s in (0.5, 1.0, math.sqrt(2), 2.0):
        values = np.linalg.eigvals(games.dirac_instance_noise(s).field().jacobian([0, 0])).astype(complex)
        split = np.emath.sqrt(s**4 / 16 - 0.25)
        expected = [-(s**2) / 4 - split, -(s**2) / 4 + split]
        assert_allclose(np.sort_complex(values), np.sort_complex(expected), atol=2e-8 if s**2 == 2 else 1e-13)
        assert (np.abs(values.imag) > 1e-6).any() == (s**2 < 2 - 1e-9)


def test_the_quadrature_of_instance_noise_is_as_good_as_it_says():
    game = games.dirac_instance_noise()
    f = lambda t: -np.logaddexp(0, -t)  # noqa: E731
    for psi, error in ((1.0, 4e-12), (-1.0, 4e-12), (2.0, 7e-7)):
        for theta in (-4.0, -1.0, 0.0, 2.5):
            mean = quad(
                lambda e, a=psi, b=theta: (f(a * (b + e)) + f(-a * e)) * norm.pdf(e), -12, 12, epsabs=1e-13, limit=200
            )[0]
            assert game.values([theta, psi])[1] == pytest.approx(mean, abs=error)


@few
@given(name=divergences, eta=strengths)
def test_nagarajan_and_kolters_penalty_is_the_transformation_of_that_name(name, eta):
    """λ² + 2ηa²λ + a² = 0."""
    field = games.dirac_nagarajan_kolter(eta, name).field()
    a = float(DIVERGENCES[name].slope)
    same_spectrum(field.jacobian([0, 0]), -2 * eta * a**2, a**2)
    x = np.random.default_rng(3).uniform(-1, 1, (10, 2))
    assert_allclose(field(x), nagarajan_kolter(games.dirac_gan(name).field(), "theta", eta)(x), rtol=1e-11, atol=1e-13)


@few
@given(name=divergences, gamma=strengths)
def test_consensus_damps_both_players(name, gamma):
    """-γa² ± ia."""
    a = float(DIVERGENCES[name].slope)
    field = games.dirac_consensus(gamma, name)
    same_spectrum(field.jacobian([0, 0]), -2 * gamma * a**2, gamma**2 * a**4 + a**2)
    assert field.base.game.is_zero_sum


def test_the_consensus_gan_has_one_pair_of_spurious_zeros_as_its_closed_form_says():
    """θψ = t*, 2t* = 1 + exp(-t*); at γ = 1 (.3412490531, 2.1650903480)."""
    field = games.dirac_consensus(1.0)
    x = np.array([0.3412490531, 2.1650903480])
    assert_allclose(field(x), 0, atol=1e-9)
    assert 2 * x.prod() == pytest.approx(1 + math.exp(-x.prod()), abs=1e-8)
    assert np.linalg.norm(field.base(x)) > 0.4
    assert np.linalg.det(field.jacobian(x)) < 0
    assert_allclose(consensus(games.dirac_gan().field(), 1.0)(x + 0.1), field(x + 0.1), rtol=1e-14)


def test_the_relaxations_gradient_at_the_point_of_the_theory():
    w = consensus(games.dirac_gan().field(), 1.0)
    x = [0.7, 1.3]
    gradient = games.dirac_gan().field()(x) - w(x)
    assert_allclose(gradient, [-0.108779875515742, 0.0174590577194158], rtol=1e-12)


@given(theta=st.floats(-3, 3), psi=st.floats(-3, 3), kappa=st.floats(0.1, 3), g0=st.floats(0.1, 2))
def test_the_gradient_penalty_has_no_zero_where_it_is_continuous(theta, psi, kappa, g0):
    """v_θ = -ψ vanishes at ψ = 0 only, where v_ψ jumps by 2κg₀."""
    field = games.dirac_gradient_penalty(kappa, g0)
    v = field([theta, psi])
    penalty = lambda p: theta * p - kappa / 2 * (abs(p) - g0) ** 2  # noqa: E731
    if abs(psi) > 0.01:
        assert v[0] == -psi != 0
        assert v[1] == pytest.approx((penalty(psi + 1e-6) - penalty(psi - 1e-6)) / 2e-6, abs=1e-7)
    above, below = field([[theta, 1e-12], [theta, -1e-12]])[:, 1]
    assert above - below == pytest.approx(2 * kappa * g0, rel=1e-9)
    assert "jumps" in field.piecewise and "psi" in field.piecewise


@given(beta=st.floats(0.02, 0.45), theta=st.floats(0.2, 4))
def test_smoothing_the_labels_of_generated_samples_makes_a_hyperbola_of_false_equilibria(beta, theta):
    t = math.log(1 / beta - 1)
    game = games.dirac_label_smoothing(beta)
    field, x = game.field(), [theta, t / theta]
    assert_allclose(field(x), 0, atol=1e-13)
    J = field.jacobian(x)
    rate = -beta * (1 - beta) * (x[0] ** 2 - x[1] ** 2)  # attracts where |θ| > |ψ|
    assert_allclose([np.trace(J), np.linalg.det(J)], [rate, 0], atol=1e-11 * (1 + abs(J).max() ** 2))
    same_spectrum(field.jacobian([0, 0]), 0, (0.5 - beta) ** 2)


def test_feature_matching_leaves_a_line_of_zeros():
    field = games.dirac_feature_matching().field()
    for psi in (-2.0, 0.0, 0.7):
        assert_allclose(field([0, psi]), 0)
        assert_allclose(np.sort(np.linalg.eigvals(field.jacobian([0, psi])).real), [-2 * psi**2, 0], atol=1e-15)
    x = np.array([0.4, 1.1])
    assert field(x)[0] == pytest.approx(-2 * x[1] ** 2 * x[0])


@few
@given(a=st.floats(0.3, 2), b=st.floats(-1, 1), c=st.floats(0.3, 2), turn=st.floats(0, 6), mirrored=st.booleans())
def test_the_covariance_wgan_turns_at_the_roots_of_sums_of_eigenvalues_at_every_root_of_sigma(a, b, c, turn, mirrored):
    L = np.array([[a, 0], [b, c]])
    S = L @ L.T
    field = games.covariance_wgan(*S[[0, 0, 1], [0, 1, 1]]).field()
    R = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]) @ np.diag([1, 1 - 2 * mirrored])
    x = [*(L @ R).ravel(), 0, 0, 0, 0]
    assert_allclose(field(x), 0, atol=1e-13 * (1 + np.abs(S).max()))
    one, two = np.linalg.eigvalsh(S)
    squares = np.sort([0, 0, *[-4 * one] * 2, *[-4 * two] * 2, *[-2 * (one + two)] * 2])
    J = field.jacobian(x)
    found = np.sort(np.linalg.eigvals(J @ J).real)
    assert_allclose(found, squares, atol=1e-6 * (1 + np.abs(squares).max()))


def test_the_mean_payoffs_are_means_over_samples():
    rng = np.random.default_rng(7)
    z, x = rng.normal(size=(2, 400_000))
    theta, phi = 1.3, 0.7
    assert games.variance_gan(2.0).values([theta, phi])[1] == pytest.approx(
        (phi * (2 * x**2 - theta**2 * z**2)).mean(), abs=0.02
    )
    modes = np.where(rng.random(len(z)) < 0.5, 2.0, -2.0) + 0.1 * x
    made = np.where(rng.random(len(z)) < 0.5, 0.5, -1.0) + 0.1 * z
    w = np.array([0.4, -0.3])
    mean = (w[0] * modes + w[1] * modes**2).mean() - (w[0] * made + w[1] * made**2).mean()
    assert games.two_gaussians(2.0).values([0.5, -1.0, *w])[1] == pytest.approx(mean, abs=0.01)
    samples = np.stack([z, x])
    V, W = np.array([[1.0, 0.3], [-0.2, 0.8]]), np.array([[0.5, -0.4], [0.9, 0.2]])
    quadratic = lambda p: np.einsum("ik,ij,jk->k", p, W, p).mean()  # noqa: E731
    root = np.linalg.cholesky([[1, 0.5], [0.5, 1.25]])
    earned = games.covariance_wgan().values([*V.ravel(), *W.ravel()])[1]
    assert earned == pytest.approx(quadratic(root @ samples) - quadratic(V @ samples), abs=0.02)


def test_two_gaussians_have_both_modes_or_none():
    """θ = (m, m), one mode twice, is no zero for any critic."""
    field = games.two_gaussians().field()
    for w in np.random.default_rng(0).normal(size=(20, 2)):
        assert np.abs(field([2, 2, *w])).max() > 1e-3
    assert_allclose(field([[2, -2, 0, 0], [-2, 2, 0, 0]]), 0)


@few
@given(p=st.floats(0.05, 0.95), q=st.floats(0.05, 0.95))
def test_a_hidden_bilinear_game_turns_at_the_rate_of_its_slopes(p, q):
    logit = lambda p: math.log(p / (1 - p))  # noqa: E731
    J = games.hidden_bilinear(p, q).field().jacobian([logit(p), logit(q)])
    same_spectrum(J, 0, (p * (1 - p) * q * (1 - q)) ** 2)


HIDDEN = games.hidden_bilinear(0.25, 0.6).field()


@given(theta=st.floats(-4, 4), phi=st.floats(-4, 4))
def test_a_hidden_bilinear_game_conserves_what_its_docstring_says(theta, phi):
    """H' = (1 - p)exp(θ) - p exp(-θ) + 1 - 2p, along the field."""
    slopes = [(1 - p) * math.exp(x) - p * math.exp(-x) + 1 - 2 * p for x, p in ((theta, 0.25), (phi, 0.6))]
    v = HIDDEN([theta, phi])
    assert abs(slopes @ v) <= 1e-13 * (1 + np.abs(slopes * v).max())


DILEMMA = games.prisoners_dilemma()


def simulated(logits, discount, rewards):
    """(1 - δ)p₀ᵀ(I - δP)⁻¹r by a linear solve."""
    p, q = expit(np.asarray(logits)).reshape(2, 5)
    q = q[[0, 1, 3, 2, 4]]
    rows = np.stack([p * q, p * (1 - q), (1 - p) * q, (1 - p) * (1 - q)], -1)
    return (1 - discount) * rows[0] @ np.linalg.solve(np.eye(4) - discount * rows[1:], rewards)


@few
@given(seed=st.integers(0, 2**32 - 1), discount=st.floats(0, 0.99).map(lambda d: round(d, 3)))
def test_the_dilemmas_payoffs_are_discounted_means_of_a_markov_chain(seed, discount):
    x = np.random.default_rng(seed).normal(scale=2, size=10)
    values = DILEMMA.with_parameters(discount=discount).values(x)
    assert_allclose(values[0], simulated(x, discount, [-1, -3, 0, -2]), rtol=1e-10)
    assert_allclose(values[1], simulated(x, discount, [-1, 0, -3, -2]), rtol=1e-10)


def test_in_the_dilemma_defection_earns_minus_2_tit_for_tat_minus_1_and_exploitation_0_against_minus_3():
    sure = 40.0
    defect, cooperate, tit_for_tat = [-sure] * 5, [sure] * 5, [sure, sure, -sure, sure, -sure]
    copy = [sure, sure, -sure, sure, -sure]  # y_cd follows y's cooperation and x's defection
    values = lambda x, y: DILEMMA.values([*x, *y])  # noqa: E731
    assert_allclose(values(defect, defect), [-2, -2], atol=1e-12)
    assert_allclose(values(tit_for_tat, copy), [-1, -1], atol=1e-12)
    assert_allclose(values(cooperate, defect), [-3, 0], atol=1e-12)
    assert_allclose(values(defect, copy), [0.04 * 0 + 0.96 * -2, 0.04 * -3 + 0.96 * -2], atol=1e-12)


def test_the_dilemma_is_the_same_for_both_players():
    x = np.random.default_rng(2).normal(size=10)
    assert_allclose(DILEMMA.values(np.roll(x, 5)), DILEMMA.values(x)[::-1], rtol=1e-11)


@few
@given(a=st.floats(-2, 3), b=st.floats(-2, 3), place=st.floats(-3, 3))
def test_the_torus_game_with_one_place_for_both_has_four_zeros_with_known_jacobians(a, b, place):
    field = games.torus(a, b, place, place)
    for one, two in ((0, 0), (0, 1), (1, 0), (1, 1)):
        x = [place + one * math.pi, place + two * math.pi]
        repulsion = math.cos((one - two) * math.pi)
        expected = [[repulsion - a * (-1) ** one, -repulsion], [-repulsion, repulsion - b * (-1) ** two]]
        assert_allclose(field(x), 0, atol=2e-15)
        assert_allclose(field.jacobian(x), expected, atol=1e-14)


def test_the_torus_game_has_a_period_and_a_potential():
    field = games.torus()
    assert field.period == (2 * math.pi, 2 * math.pi)
    x = np.random.default_rng(0).uniform(-3, 3, (10, 2))
    assert_allclose(field(x + 2 * math.pi), field(x), atol=1e-14)
    assert field.game.is_potential is True


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: games.dirac_gan("wasserstine"), "divergence is 'wasserstine'"),
        (lambda: games.dirac_r1(divergence=2), "divergence is 2"),
        (lambda: games.dirac_r1(-1.0), "kappa is -1; it must be at least 0"),
        (lambda: games.dirac_r2(float("nan")), "kappa is nan"),
        (lambda: games.dirac_gradient_penalty(g0=-1.0), "g0 is -1"),
        (lambda: games.dirac_gradient_penalty(kappa="x"), "kappa is 'x'"),
        (lambda: games.dirac_instance_noise(-0.1), "s is -0.1"),
        (lambda: games.dirac_instance_noise(nodes=1), "nodes is 1; give a whole number from 2 to 60"),
        (lambda: games.dirac_instance_noise(nodes=2.5), "nodes is 2.5"),
        (lambda: games.dirac_instance_noise(nodes=True), "nodes is True"),
        (lambda: games.dirac_nagarajan_kolter(-1.0), "eta is -1"),
        (lambda: games.dirac_consensus(-1.0), "gamma is -1"),
        (lambda: games.dirac_label_smoothing(0.5), "beta is 0.5; it must be at least 0 and below 1/2"),
        (lambda: games.covariance_wgan(1, 1, 1), "s_11, s_12, s_22 are 1, 1, 1"),
        (lambda: games.variance_gan(0.0), "variance is 0; it must be positive"),
        (lambda: games.two_gaussians(-2.0), "m is -2; it must be positive"),
        (lambda: games.linear_wgan(m_2=float("inf")), "m_2 is inf"),
        (lambda: games.hidden_bilinear(q=1.0), "q is 1; it must be between 0 and 1"),
        (lambda: games.prisoners_dilemma(1.0), "discount is 1; it must be at least 0 and below 1"),
        (lambda: games.dirac_r1().with_parameters(gamma=1.0), "no parameter 'gamma'.*kappa"),
    ],
)
def test_bad_input_is_refused_with_the_argument_its_value_and_the_remedy(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize("name", sorted(games.CATALOGUE))
def test_every_game_names_its_source(name):
    made = games.named(name)
    source = made.source if isinstance(made, Game) else games.CATALOGUE[name].__doc__
    assert "(1" in source or "(2" in source or name in ("spiral-saddle", "sine")
