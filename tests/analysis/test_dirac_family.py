"""The Dirac-GAN family under its methods: THEORY §4's borders and critical values, cycles and escapes."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis import classify, critical_parameter, critical_step, fixed_points, multipliers, sample_fates
from analysis.classification import flow_verdict
from analysis.gan_variants import by_variant, fate_of_runs, outcome, outcomes, variant_named, variants
from dynsys import Game, InputError, games
from dynsys.divergences import DIVERGENCES
from integrators import Euler, RungeKutta4, ensemble, method_named, solve
from integrators.algorithms.averaging import Box, Projected
from integrators.algorithms.players import Alternating

few = settings(max_examples=max(8, settings.default.max_examples // 5))
ORIGIN = [0.0, 0.0]
R1 = games.dirac_r1().field()
CONSENSUS = games.dirac_consensus()
METHODS = [method_named(name) for name in ("euler", "alternating", "extragradient", "optimistic-gradient")]


def only(intervals):
    assert len(intervals) == 1
    return intervals[0]


# --- stable games --------------------------------------------------------------------------------


@given(seed=st.integers(0, 2**32 - 1), generator=st.integers(1, 3), more=st.integers(0, 2))
def test_a_definite_critic_and_a_generator_of_full_column_rank_make_a_stable_point(seed, generator, more):
    """J = [[0, -Bᵀ], [B, -Q]], Q ≻ 0: Re λ‖(u, w)‖² = -w*Qw, and w = 0 leaves Bu = 0. Mescheder et al. (2018)."""
    draw = np.random.default_rng(seed)
    critic = generator + more
    left, right = (np.linalg.qr(draw.normal(size=(k, k)))[0] for k in (critic, generator))
    B = left[:, :generator] * draw.uniform(0.5, 2, generator) @ right
    half = draw.normal(size=(critic, critic))
    Q = half @ half.T / critic + 0.3 * np.eye(critic)
    J = np.block([[np.zeros((generator, generator)), -B.T], [B, -Q]])
    assert flow_verdict(J).verdict == "stable"
    assert np.linalg.eigvals(J).real.max() < 0
    flat = B.copy()
    flat[:, 0] = 0  # a direction of the generator that the critic does not see
    assert flow_verdict(np.block([[np.zeros((generator, generator)), -flat.T], [flat, -Q]])).verdict == "undecided"


def test_a_wgan_with_a_penalised_critic_is_such_a_game():
    """The linear WGAN with R1: B = I, Q = κI."""
    plain = games.linear_wgan()
    critic = f"{plain.payoffs['critic']} - (w_1**2 + w_2**2)/4"
    payoffs = {"generator": plain.payoffs["generator"], "critic": critic}
    label = classify(Game(plain.players, payoffs, plain.parameters).field(), [3, 4, 0, 0])
    assert label.attracts is True and label.is_nash is True
    assert classify(plain.field(), [3, 4, 0, 0]).attracts is None


# --- critical values -----------------------------------------------------------------------------


@few
@given(kappa=st.floats(0.05, 3).map(lambda k: round(k, 3)))
def test_eulers_border_under_r1_is_a_pair_up_to_kappa_1_and_a_flip_beyond(kappa):
    expected = 4 * kappa if kappa <= 1 else 4 / (kappa + math.sqrt(kappa**2 - 1))
    field = R1.with_parameters(kappa=kappa)
    low, high = only(critical_step(field, ORIGIN, Euler()).stable)
    assert low == 0 and high == pytest.approx(expected, rel=1e-12)
    crossing = multipliers(field, ORIGIN, Euler(), high)[0]
    assert abs(crossing.imag) > 1e-6 if kappa < 0.999 else crossing.real == pytest.approx(-1, abs=1e-6)


def test_the_two_borders_of_r1_meet_at_a_double_multiplier_minus_1():
    assert_allclose(multipliers(R1.with_parameters(kappa=1.0), ORIGIN, Euler(), 4.0), [-1, -1], atol=1e-7)


def test_r1_attracts_the_flow_for_every_positive_kappa_and_euler_with_h_1_between_two_values():
    assert_allclose(only(critical_parameter(R1, ORIGIN, "kappa", (-2, 5)).stable), (0, 5), atol=1e-12)
    assert_allclose(only(critical_parameter(R1, ORIGIN, "kappa", (0, 5), Euler(), 1.0).stable), (1 / 4, 17 / 8))


@few
@given(gamma=st.floats(0.05, 6).map(lambda g: round(g, 3)))
def test_eulers_border_under_consensus(gamma):
    stable = critical_step(CONSENSUS.with_parameters(gamma=gamma), ORIGIN, Euler()).stable
    assert only(stable)[1] == pytest.approx(8 * gamma / (gamma**2 + 4), rel=1e-12)


def test_focus_and_node_meet_at_the_critical_values():
    """Noise s² = 2, R1 κ = 1, Nagarajan-Kolter η = 1/a = 2: on one side a focus, on the other a node."""
    families = [
        (lambda s2: games.dirac_instance_noise(math.sqrt(s2), nodes=2), 2.0),
        (games.dirac_r1, 1.0),
        (games.dirac_nagarajan_kolter, 2.0),
    ]
    for make, value in families:
        kinds = [classify(make(factor * value).field(), ORIGIN).kind for factor in (0.99, 1.0, 1.01)]
        assert kinds[0] == "stable focus" and kinds[2] == "stable node"
        assert "stable" in kinds[1]


@few
@given(name=st.sampled_from(sorted(DIVERGENCES)), n_g=st.integers(1, 4), n_d=st.integers(1, 4))
def test_players_in_turn_are_neutral_below_2_over_the_root_of_their_numbers_of_steps(name, n_g, n_d):
    found = critical_step(games.dirac_gan(name).field(), ORIGIN, Alternating(steps=(n_g, n_d)))
    border = 2 / (math.sqrt(n_g * n_d) * float(DIVERGENCES[name].slope))
    assert not found.stable
    assert only(found.neutral)[1] == pytest.approx(border, rel=1e-12)


@pytest.mark.parametrize("name", sorted(DIVERGENCES))
def test_every_f_gan_is_a_centre_that_euler_leaves_and_extragradient_reaches_below_1_over_its_slope(name):
    field, a = games.dirac_gan(name).field(), float(DIVERGENCES[name].slope)
    label = classify(field, ORIGIN)
    assert label.kind == "centre" and label.is_nash is True and "weak Nash" in label.labels
    assert critical_step(field, ORIGIN, Euler()).stable == critical_step(field, ORIGIN, Euler()).neutral == ()
    for method, factor in (("extragradient", 1), ("optimistic-gradient", 1 / math.sqrt(3))):
        stable = critical_step(field, ORIGIN, method_named(method)).stable
        assert only(stable)[1] == pytest.approx(factor / a, rel=1e-12)


def test_the_flow_of_the_gan_keeps_its_distance():
    run = solve(games.dirac_gan().field(), [1.2, -0.7], t=(0, 40), rtol=1e-11, atol=1e-13)
    assert_allclose((run.x**2).sum(1), 1.2**2 + 0.7**2, rtol=1e-9)


@given(theta=st.floats(-4, 4), psi=st.floats(-4, 4))
def test_the_flow_of_the_non_saturating_gan_comes_in_though_its_centre_is_linear(theta, psi):
    """x·v = -t tanh(t/2), t = θψ: what makes a cycle of Euler's escape."""
    t = theta * psi
    assert NON_SATURATING([theta, psi]) @ [theta, psi] == pytest.approx(-t * math.tanh(t / 2), abs=1e-12)


NON_SATURATING = games.dirac_non_saturating().field()


# --- what never converges ------------------------------------------------------------------------

PENALTY = games.dirac_gradient_penalty()


def test_the_gradient_penalty_is_said_to_have_no_linearisation_at_psi_0():
    for x in (ORIGIN, [-1.0, 0.0], [0.7, 0.0]):
        with pytest.raises(InputError, match=r"jumps at x = .*no linearisation.*psi; follow runs"):
            classify(PENALTY, x)
    with pytest.raises(InputError, match="sign of a coefficient jumps"):
        critical_step(PENALTY, ORIGIN, Euler())
    assert len(fixed_points(PENALTY)) == 0
    assert fixed_points(PENALTY).completeness.degree is None
    without = PENALTY.with_parameters(g0=0.0)  # R1 on the WGAN
    assert [point.x.tolist() for point in fixed_points(without)] == [[0, 0]]
    assert classify(without, ORIGIN).kind == "stable focus"


@pytest.mark.parametrize(("method", "h"), [("euler", 0.3), ("euler", 0.05), ("extragradient", 0.3)])
def test_wgan_gp_never_converges(method, h):
    starts = np.random.default_rng(1).normal(size=(8, 2))
    run = ensemble(PENALTY, starts, method_named(method), h, 1500, every=1)
    late = run.path.x[-400:]
    assert np.isfinite(late).all() and np.abs(late).max() < 10
    assert (np.ptp(late, axis=0) > 0.5).all()  # none is at rest, in either coordinate


@pytest.mark.parametrize("h", [0.05, 0.3, 1.0])
def test_a_clipped_wgan_never_converges_and_never_escapes(h):
    """Inside the box Euler's radius grows by √(1 + h²) a step, and the projection has no fixed point but 0."""
    method = Projected(Euler(), Box(-0.5, 0.5, player=1))
    starts = np.random.default_rng(2).uniform(-1, 1, (8, 2))
    run = ensemble(games.wgan_dirac().field(), starts, method, h, 1500, every=1)
    late = run.path.x[-400:]
    assert np.abs(late[..., 1]).max() <= 0.5
    assert np.linalg.norm(late, axis=-1).max(0).min() > 0.4
    assert np.abs(late[..., 0]).max() < 3


def test_sampled_fates_find_no_fixed_point_of_the_clipped_wgan():
    method = Projected(Euler(), Box(-1, 1, player=1))
    fates = sample_fates(games.wgan_dirac().field(), [[0.4, 0.1]], method, 0.2, steps=500)
    assert fates.share("fixed point") == 0 and fates.share("escape") == 0


# --- the table -----------------------------------------------------------------------------------

EULER = {
    "dirac-gan": "diverges",  # r'² = r²(1 + h²F'²) with F' > 0 everywhere
    "dirac-non-saturating": "cycles",
    "wgan-dirac": "diverges",
    "wgan-dirac-clipped": "cycles",
    "dirac-gradient-penalty": "cycles",
    "dirac-kl": "diverges",
    "dirac-reverse-kl": "diverges",
    "dirac-pearson": "stalls",  # on the hyperbola θψ = 2
    "dirac-hellinger": "diverges",
    "dirac-jensen-shannon": "diverges",
    "dirac-total-variation": "diverges",
    "dirac-instance-noise": "stable",
    "dirac-r1": "stable",
    "dirac-r2": "stable",
    "dirac-nagarajan-kolter": "stable",
    "dirac-consensus": "stable",
    "dirac-label-smoothing": "stalls",  # on the hyperbola θψ = log 9
    "dirac-feature-matching": "neutral",
}


@pytest.fixture(scope="module")
def table():
    others = ("dirac-gradient-penalty", "wgan-dirac-clipped")  # below; and fields that equal another's
    same = ("dirac-reverse-kl", "dirac-jensen-shannon", "dirac-r2")
    chosen = [variant for variant in variants() if variant.name not in others + same]
    return {(one.variant.name, one.method.label): one for one in outcomes(chosen, METHODS, 0.2, steps=1200)}


def test_the_family_is_the_whole_one():
    assert [variant.name for variant in variants()] == list(EULER)


def test_eulers_verdicts(table):
    for (name, method), one in table.items():
        if method == "euler":
            assert one.verdict == EULER[name], name


def test_only_remedies_make_euler_converge_and_what_is_neutral_in_turns_is_reached_by_extragradient(table):
    for (name, method), one in table.items():
        if method == "extragradient":
            assert one.verdict == ("neutral" if name == "dirac-feature-matching" else "stable")
        if method == "alternating":
            assert one.verdict == ("stable" if EULER[name] == "stable" else "neutral")
        if method == "euler" and EULER[name] == "stable":
            trace, determinant = np.trace(one.variant.field.jacobian(ORIGIN)), np.linalg.det(
                one.variant.field.jacobian(ORIGIN)
            )  # fmt: skip
            assert only(one.critical.stable)[1] == pytest.approx(-trace / determinant, rel=1e-9)  # foci all


def test_a_penalised_variant_has_no_linear_theory_and_a_border_of_its_cycle():
    """Far out the penalty is R1 on the WGAN, which Euler leaves at h = κ = 1: the cycle grows without bound there."""
    one = outcome(variant_named("dirac-gradient-penalty"), Euler(), 0.4, steps=800)
    assert one.verdict == "cycles" and one.critical is None
    assert 0.8 < one.cycles_below < 1
    assert one.text.startswith("no linear theory; cycles for h < 0.9")
    assert one.to_dict()["decided_by"] == "runs"
    assert fate_of_runs(one.variant, Euler(), 1.1, steps=800) == "diverges"


def test_a_clipped_variant_has_the_multipliers_of_its_method_at_0_and_cycles_that_end_at_no_step():
    variant = variant_named("wgan-dirac-clipped")
    assert variant.trained_by(Euler()) == Projected(Euler(), Box(-1.0, 1.0, player=1))
    assert outcome(variant, method_named("extragradient"), 0.2).text == "stable for h < 1"
    one = outcome(variant, Euler(), 0.5, steps=600)
    assert one.verdict == "cycles" and one.cycles_below == math.inf and one.short == "h ≤ 4"
    assert json.loads(json.dumps(one.to_dict()))["cycles_below"] is None


def test_a_radius_that_hardly_grows_on_a_plateau_is_no_cycle():
    assert fate_of_runs(variant_named("dirac-total-variation"), Euler(), 0.2, steps=600) == "diverges"
    assert fate_of_runs(variant_named("dirac-non-saturating"), Euler(), 0.2, steps=600) == "cycles"
    assert fate_of_runs(variant_named("dirac-r1"), RungeKutta4(), 0.2, steps=600) == "stable"


def test_outcomes_are_grouped_by_variant_and_progress_is_told():
    chosen = [variant_named("dirac-r1"), variant_named("dirac-consensus")]
    calls = []
    found = outcomes(chosen, METHODS[:2], 0.2, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(k, 4) for k in (1, 2, 3, 4)]
    grouped = list(by_variant(found))
    assert [variant.name for variant, _ in grouped] == ["dirac-r1", "dirac-consensus"]
    assert [[one.method.label for one in own] for _, own in grouped] == [["euler", "alternating"]] * 2


def test_bad_input_of_the_table():
    with pytest.raises(InputError, match=r"no variant is called 'dirac-r3'; did you mean"):
        variant_named("dirac-r3")
    with pytest.raises(InputError, match="h is -1"):
        outcomes(variants()[:1], METHODS[:1], -1.0)
    with pytest.raises(InputError, match="steps"):
        outcomes(variants()[:1], METHODS[:1], 0.1, steps=3)
