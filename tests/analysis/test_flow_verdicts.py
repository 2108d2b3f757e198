"""Linear flows: their verdict by backward error, their counts, and the name of every planar one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import ortho_group

from analysis.classification import flow_verdict

seeds = st.integers(0, 2**32 - 1)
PLANAR = {
    "stable node": [[-1, 0], [0, -2]],
    "unstable node": [[3, 1], [0, 1]],
    "stable focus": [[-1, 3], [-3, -1]],
    "unstable focus": [[0.1, 1], [-1, 0.1]],
    "stable star": [[-2, 0], [0, -2]],
    "unstable star": [[0.5, 0], [0, 0.5]],
    "stable degenerate node": [[-1, 1], [0, -1]],
    "unstable degenerate node": [[3, 1], [-1, 1]],
    "centre": [[0, 2], [-1, 0]],
    "saddle": [[1, 0], [0, -3]],
    "degenerate": [[0, 0], [0, -1]],
}


def rotation(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def similar(J, seed, condition=5.0):
    """P J P⁻¹ with a random P of the given condition number."""
    rng = np.random.default_rng(seed)
    n = len(J)
    stretch = np.diag(np.geomspace(1, condition, n))
    P = np.atleast_2d(ortho_group.rvs(n, random_state=rng) @ stretch if n > 1 else stretch)
    return P @ J @ np.linalg.inv(P)


@pytest.mark.parametrize("kind", PLANAR)
@given(angle=st.floats(0, 6.28), exponent=st.integers(-12, 12))
def test_the_kind_of_a_planar_flow_is_unchanged_by_rotation_and_by_the_unit_of_time(kind, angle, exponent):
    R = rotation(angle)
    assert flow_verdict(10.0**exponent * R @ np.array(PLANAR[kind]) @ R.T).kind == kind


@given(seed=seeds)
def test_the_kind_of_a_random_planar_flow_follows_from_trace_and_determinant(seed):
    J = np.random.default_rng(seed).standard_normal((2, 2))
    t, d = np.trace(J), np.linalg.det(J)
    assume(min(abs(t), abs(d), abs(t * t - 4 * d)) > 1e-6)
    shape = "focus" if t * t < 4 * d else "node"
    expected = "saddle" if d < 0 else f"{'stable' if t < 0 else 'unstable'} {shape}"
    assert flow_verdict(J).kind == expected


@pytest.mark.parametrize("gap", [1e-3, 1e-6, 1e-9])
def test_a_node_is_no_star_however_close_its_eigenvalues(gap):
    assert flow_verdict(np.diag([-1, -1 - gap])).kind == "stable node"


@pytest.mark.parametrize("coupling", [1.0, 1e-4, 1e-8])
def test_a_degenerate_node_is_no_star_however_weak_its_coupling(coupling):
    """The rank of J - λI tells them apart."""
    assert flow_verdict(np.array([[-1, coupling], [0, -1]])).kind == "stable degenerate node"


@given(a=st.floats(0.1, 3), b=st.floats(-3, 3), c=st.floats(-3, 3))
def test_a_neutral_saddle_is_a_saddle_and_no_centre(a, b, c):
    assume(a * a + b * c > 1e-3)
    found = flow_verdict(np.array([[a, b], [c, -a]]))  # trace 0, determinant < 0: not a Hopf point
    assert (found.kind, found.verdict, found.counts) == ("saddle", "unstable", (1, 0, 1))


@given(seed=seeds, n=st.integers(1, 5))
def test_the_counts_are_those_of_the_eigenvalues_left_and_right_of_the_axis(seed, n):
    J = np.random.default_rng(seed).standard_normal((n, n))
    values = np.linalg.eigvals(J)
    assume(np.abs(values.real).min() > 1e-6)
    found = flow_verdict(J)
    assert found.counts == (int((values.real < 0).sum()), 0, int((values.real > 0).sum()))
    assert found.verdict == ("stable" if (values.real < 0).all() else "unstable")
    assert found.attracts is bool((values.real < 0).all())


@pytest.mark.parametrize(
    ("J", "counts", "verdict"),
    [
        (np.diag([-1.0, 0.0]), (1, 1, 0), "undecided"),
        (np.diag([1.0, 0.0, -1.0]), (1, 1, 1), "unstable"),
        (np.zeros((3, 3)), (0, 3, 0), "undecided"),
        (np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, -2]]), (1, 2, 0), "undecided"),
        (np.array([[0.0, 1], [0, 0]]), (0, 2, 0), "undecided"),
    ],
)
def test_eigenvalues_on_the_axis_are_counted_apart_and_leave_the_verdict_open(J, counts, verdict):
    found = flow_verdict(J)
    assert (found.counts, found.verdict) == (counts, verdict)
    assert found.attracts is (None if verdict == "undecided" else False)


@given(seed=seeds, frequency=st.floats(0.1, 5))
def test_a_pair_on_the_axis_stays_undecided_in_any_coordinates(seed, frequency):
    """Rounding of P J P⁻¹ moves the pair off the axis by an amount that means nothing."""
    J = np.array([[0, frequency, 0], [-frequency, 0, 0], [0, 0, -1]])
    found = flow_verdict(similar(J, seed))
    assert (found.verdict, found.counts) == ("undecided", (1, 2, 0))


@given(seed=seeds, frequency=st.floats(0.1, 5), margin=st.floats(1e-11, 1e-3), sign=st.sampled_from([-1, 1]))
def test_a_pair_off_the_axis_by_more_than_rounding_is_decided_in_any_coordinates(seed, frequency, margin, sign):
    a = sign * margin
    J = np.array([[a, frequency, 0], [-frequency, a, 0], [0, 0, -1]])
    assert flow_verdict(similar(J, seed)).verdict == ("stable" if sign < 0 else "unstable")


@given(seed=seeds, n=st.integers(2, 4))
def test_a_defective_eigenvalue_away_from_the_axis_is_decided(seed, n):
    """Its eigenvalues are good to the n-th root of rounding only, its distance to the axis to rounding."""
    J = -np.eye(n) + np.diag(np.ones(n - 1), 1)
    assert flow_verdict(similar(J, seed)).verdict == "stable"
    assert flow_verdict(similar(-J, seed)).verdict == "unstable"


@given(seed=seeds)
def test_a_defective_eigenvalue_whose_matrix_is_within_rounding_of_the_axis_is_undecided(seed):
    J = np.array([[-1e-8, 1], [0, -1e-8]])  # a change of 1e-16 in the corner puts an eigenvalue on the axis
    assert flow_verdict(similar(J, seed)).verdict == "undecided"


@given(seed=seeds, n=st.integers(2, 4))
def test_a_verdict_survives_every_change_to_the_matrix_of_the_size_of_rounding(seed, n):
    rng = np.random.default_rng(seed)
    J = similar(np.diag(rng.choice([-1.0, 1.0], n) * 10 ** rng.uniform(-14, 0, n)), seed)
    verdict = flow_verdict(J).verdict
    for _ in range(8):
        change = rng.standard_normal((n, n))
        nearby = J + np.finfo(float).eps * np.linalg.norm(J) * change / np.linalg.norm(change)
        top = np.linalg.eigvals(nearby).real.max()
        assert not (verdict == "stable" and top >= 0)
        assert not (verdict == "unstable" and top <= 0)
