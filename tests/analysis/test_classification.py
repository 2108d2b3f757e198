"""Labels: the implications of game theory as properties, and the examples that keep the notions apart."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize_scalar

from analysis import classify
from dynsys import Game, InputError, VectorField, games
from dynsys.transforms import consensus
from integrators import Euler

entries = st.floats(-2, 2).map(lambda x: round(x, 3))
ORIGIN = [0.0, 0.0]

# two players with two variables each and every quadratic coefficient a parameter: no symbolic work per example
FIRST, SECOND = ("a", "b"), ("c", "d")
PAIRS = [f"{x}*{y}" for i, x in enumerate(FIRST + SECOND) for y in (FIRST + SECOND)[i:]]
COEFFICIENTS = [f"q{i}" for i in range(len(PAIRS))]
OTHERS = [f"r{i}" for i in range(len(PAIRS))]
ZERO_SUM = Game.zero_sum(
    " + ".join(f"{q}*{pair}" for q, pair in zip(COEFFICIENTS, PAIRS, strict=True)),
    FIRST,
    SECOND,
    dict.fromkeys(COEFFICIENTS, 0.0),
)
PLANAR = VectorField(("p*x + q*y", "r*x + s*y"), ("x", "y"), dict.fromkeys("pqrs", 0.0))


def two(loss_x, loss_y, **parameters):
    """The players x and y, each of whom minimises a loss."""
    return Game({"x": ["x"], "y": ["y"]}, {"x": f"-({loss_x})", "y": f"-({loss_y})"}, parameters).field()


def planar(J):
    return PLANAR.with_parameters(**dict(zip("pqrs", np.ravel(J).tolist(), strict=True)))


def labels(field, x=(0.0, 0.0), **more):
    return set(classify(field, list(x), **more).labels)


@given(st.lists(entries, min_size=len(PAIRS), max_size=len(PAIRS)))
def test_a_strict_nash_point_of_a_zero_sum_game_is_minimax_for_both_and_stable(values):
    values = dict(zip(COEFFICIENTS, values, strict=True))
    for square, sign in (("q0", -1), ("q4", -1), ("q7", 1), ("q9", 1)):  # a², b² down; c², d² up: often strict
        values[square] = sign * (abs(values[square]) + 0.5)
    game = ZERO_SUM.with_parameters(**values)
    label = classify(game.field(), np.zeros(4))
    hessians = game.own_hessians(np.zeros(4))
    strict = all(np.linalg.eigvalsh(H).max() < -1e-6 for H in hessians.values())
    assume(strict)
    assert label.is_nash is True
    both = {"strict minimax, a_b leads", "strict minimax, c_d leads"}
    assert both | {"strict Nash", "DGM-stable", "stable flow"} <= set(label.labels)
    assert label.flow.eigenvalues.real.max() < 0


@given(st.lists(entries, min_size=len(PAIRS), max_size=len(PAIRS)))
def test_strict_nash_holds_iff_every_own_hessian_is_negative_definite(values):
    game = ZERO_SUM.with_parameters(**dict(zip(COEFFICIENTS, values, strict=True)))
    J = game.field().jacobian(np.zeros(4))
    tops = [np.linalg.eigvalsh(J[:2, :2]).max(), np.linalg.eigvalsh(J[2:, 2:]).max()]
    assume(min(map(abs, tops)) > 1e-9)
    label = classify(game.field(), np.zeros(4))
    assert ("strict Nash" in label.labels) is bool(max(tops) < 0)
    assert label.is_nash is bool(max(tops) < 0)


@pytest.mark.parametrize(
    ("field", "holds", "fails"),
    [
        (two("-x**2/2 + 2*x*y - 3*y**2/2", "x**2/2 - 2*x*y + 3*y**2/2"),
         {"stable flow", "strict minimax, x leads", "non-Nash attractor of v"}, {"Nash", "strict minimax, y leads"}),
        (two("3*x**2/2 + 2*x*y + y**2/2", "-(3*x**2/2 + 2*x*y + y**2/2)"),
         {"stable flow", "strict minimax, y leads"}, {"Nash", "strict minimax, x leads"}),
        (two("x*y", "x*y"), {"weak Nash", "unstable flow"}, {"stable flow", "DGM-stable"}),
        (two("x**3 + x*y", "-x*y"), {"DGM-stable", "mixed"}, {"Nash", "stable flow"}),
        (games.curl().field(), {"weak Nash", "DGM-stable", "undecided flow"}, {"strict Nash", "stable flow"}),
        (games.worst_point().field(), {"every player at its worst", "unstable flow"}, {"Nash", "mixed"}),
    ],
    ids=["hidden minimax", "hidden maximin", "shared loss", "odd order", "curl", "worst"],
)  # fmt: skip
def test_examples_of_theory_are_one_thing_and_not_another(field, holds, fails):
    label = classify(field, ORIGIN)
    assert holds <= set(label.labels)
    assert not fails & set(label.labels)
    for name in fails & {"Nash"}:
        assert label.is_nash is False and name in label.reasons


@pytest.mark.parametrize(
    ("payoff_of_x", "verdict"),
    [
        ("-x**4 + x*y", True),  # a strict maximum of order four
        ("x**4 + x*y", False),  # even and positive: it can gain
        ("x**3 + x*y", False),  # odd
        ("-x**6*(1 + y**2) + x*y", True),
        ("x*y", True),  # constant where y = 0
        ("-x**10 + x*y", None),  # beyond the highest order looked at
    ],
)
def test_a_singular_own_hessian_is_decided_by_the_first_derivative_that_does_not_vanish(payoff_of_x, verdict):
    field = Game({"x": ["x"], "y": ["y"]}, {"x": payoff_of_x, "y": "-y**2 - x*y"}).field()
    label = classify(field, ORIGIN)
    assert label.is_nash is verdict
    if verdict:
        assert "weak Nash" in label.labels


def test_a_concave_payoff_with_a_singular_own_hessian_is_weak_nash_and_a_curved_ridge_is_not_decided():
    concave = Game({"p": ["a", "b"], "q": ["c"]}, {"p": "-(a + b)**2 + c*(a - b)", "q": "-c**2"}).field()
    assert "weak Nash" in labels(concave, (0, 0, 0))
    ridge = Game({"p": ["a", "b"], "q": ["c"]}, {"p": "-(b - a**2)**2 + a**6 - 3*a**4", "q": "-c**2"}).field()
    assert classify(ridge, [0.0, 0.0, 0.0]).is_nash is None


def test_a_zero_of_an_irrational_place_is_judged_by_sympy_all_the_same():
    label = classify(games.sine().field(), [np.pi, -np.pi])
    assert "weak Nash" in label.labels and label.kind == "centre"


@given(x=entries, y=entries, z=entries)
def test_stackelberg_agrees_with_a_numerical_best_response(x, y, z):
    """A leader x and a follower y with payoffs coupled by three parameters; the response is found by a search."""
    payoffs = {"x": f"-x**2*{1 + x**2} + {y}*x*y + {z}*y**2", "y": f"-(y - {x}*x)**2"}
    field = Game({"x": ["x"], "y": ["y"]}, payoffs).field()
    curvature = 2 * (-(1 + x**2) + y * x + z * x**2)
    assume(abs(curvature) > 1e-3)

    def follower(a):
        return minimize_scalar(lambda b: (b - x * a) ** 2, bounds=(-5, 5), method="bounded").x

    def leader(a):
        b = follower(a)
        return -(a**2) * (1 + x**2) + y * a * b + z * b**2

    best = leader(0.05) < leader(0) + 1e-9 and leader(-0.05) < leader(0) + 1e-9
    assert ("differential Stackelberg, x leads" in labels(field)) is (curvature < 0) is bool(best)


def test_stackelberg_takes_the_curvature_of_the_response_into_account():
    """f_y ≠ 0 and r(x) = x²: along the response the leader earns -x²/2 + c x², whatever the Schur complement says."""
    for c, holds in ((0.3, True), (0.7, False)):
        payoffs = {"x": f"-x**2/2 + {c}*y", "y": "-(y - x**2)**2"}
        field = Game({"x": ["x"], "y": ["y"]}, payoffs).field()
        assert ("differential Stackelberg, x leads" in labels(field)) is holds


@pytest.mark.parametrize(
    ("J", "kind"),
    [
        ([[-1, 2], [-2, -1]], "stable focus"),
        ([[1, 2], [-2, 1]], "unstable focus"),
        ([[-1, 0], [0, -3]], "stable node"),
        ([[2, 0], [0, 2]], "unstable star"),
        ([[-1, 1], [0, -1]], "stable degenerate node"),
        ([[1, -4], [1, -3]], "stable degenerate node"),
        ([[0, 1], [-4, 0]], "centre"),
        ([[1, 0], [0, -1]], "saddle"),
        ([[0, 1], [1, 0]], "saddle"),
        ([[0, 1], [0, 0]], "degenerate"),
        ([[0, 0], [0, -1]], "degenerate"),
    ],
)
def test_planar_points_are_named_by_trace_determinant_and_rank(J, kind):
    assert classify(planar(J), ORIGIN).kind == kind


def test_a_zero_eigenvalue_does_not_hide_the_others():
    assert classify(planar([[0, 0], [0, -2]]), ORIGIN).flow.counts == (1, 1, 0)
    assert classify(planar([[0, 0], [0, 2]]), ORIGIN).flow.verdict == "unstable"


@given(st.floats(-1, 3), st.floats(0.1, 3), st.floats(-5, 5))
def test_a_verdict_holds_beyond_rounding_and_is_undecided_within_it(power, b, shear):
    P = np.array([[1.0, shear], [0.0, 1.0]])
    for margin in (10.0**power * 1e-8, -(10.0**power) * 1e-8):
        J = P @ np.array([[margin, b], [-b, margin]]) @ np.linalg.inv(P)
        assert classify(planar(J), ORIGIN).flow.verdict == ("unstable" if margin > 0 else "stable")
    J = P @ np.array([[1e-18, b], [-b, 1e-18]]) @ np.linalg.inv(P)
    assert classify(planar(J), ORIGIN).flow.verdict == "undecided"


@given(st.floats(0, 6.28), st.floats(0, 6.28))
def test_labels_do_not_change_when_each_player_turns_its_coordinates(alpha, beta):
    """Equivariance under block-orthogonal coordinates, on one game with a strict Nash equilibrium."""
    values = dict(zip(COEFFICIENTS, (-1, 0.3, 0.5, -1, -2, 1.5, 0.7, 1, 0.2, 2), strict=True))
    H = np.zeros((4, 4))
    index = 0
    for i in range(4):
        for j in range(i, 4):
            H[i, j] += values[COEFFICIENTS[index]] / 2
            H[j, i] += values[COEFFICIENTS[index]] / 2
            index += 1
    Q = np.zeros((4, 4))
    for block, angle in ((0, alpha), (2, beta)):
        Q[block : block + 2, block : block + 2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    T = Q.T @ H @ Q
    turned = [T[i, j] * (1 if i == j else 2) for i in range(4) for j in range(i, 4)]
    original = classify(ZERO_SUM.with_parameters(**values).field(), np.zeros(4))
    again = classify(ZERO_SUM.with_parameters(**dict(zip(COEFFICIENTS, turned, strict=True))).field(), np.zeros(4))
    assert again.labels == original.labels
    assert_allclose(again.flow.eigenvalues, original.flow.eigenvalues, atol=1e-9)


@pytest.mark.parametrize(("J", "border"), [([[1, 1], [-1, -0.5]], 2 / 13), ([[0.5, 0], [0, 0.5]], 2.0)])
def test_consensus_makes_a_repelling_point_attract_exactly_beyond_the_border(J, border):
    for gamma in (0.999 * border, 1.001 * border):
        label = classify(consensus(planar(J), gamma), ORIGIN)
        assert label.attracts is (gamma > border)
        assert ("made attracting by the transformation" in label.labels) is (gamma > border)


def test_spurious_zeros_are_no_nash_equilibria_and_inherited_ones_keep_their_label():
    w = consensus(games.dirac_gan().field(), gamma=1.0)
    spurious = classify(w, [0.34124905310, 2.1650903480])
    assert spurious.spurious and spurious.is_nash is False and spurious.kind == "saddle"
    assert "‖v‖ = 0.7085" in spurious.reasons["Nash"]
    inherited = classify(w, ORIGIN)
    assert {"inherited zero", "weak Nash"} <= set(inherited.labels)


@pytest.mark.parametrize(("h", "verdict"), [(0.79, "stable"), (0.8, "neutral"), (0.81, "unstable")])
def test_the_update_has_three_verdicts(h, verdict):
    label = classify(consensus(games.curl().field(), 0.5), ORIGIN, method=Euler(), h=h)
    assert label.update.verdict == verdict
    assert label.attracts is {"stable": True, "neutral": None, "unstable": False}[verdict]


def test_an_unstable_multiplier_beside_a_neutral_one_is_unstable():
    field = planar([[0, 0], [0, 3]])
    assert classify(field, ORIGIN, method=Euler(), h=0.1).update.verdict == "unstable"


def test_a_point_that_is_no_zero_and_half_a_method_are_refused():
    field = games.curl().field()
    with pytest.raises(InputError, match="not a zero of the field"):
        classify(field, [1.0, 0.0])
    with pytest.raises(InputError, match="both method and h"):
        classify(field, ORIGIN, method=Euler())
    with pytest.raises(InputError, match="3 entries"):
        classify(field, [0.0, 0.0, 0.0])
