"""Periodic orbits of flows: closed forms of periods and multipliers, centres apart, each orbit once."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp

from analysis import periodic_orbit, periodic_orbits
from analysis.shooting import closed
from analysis.variations import Variation, variational_field
from dynsys import InputError, VectorField, games
from integrators import DOP853, solve

VAN_DER_POL = VectorField(("y", "mu*(1 - x**2)*y - x"), ("x", "y"), {"mu": 1.0})
few = settings(max_examples=6)


def ring(sign, speed=1.0):
    """ṙ = ±r(1 - r²), angle at constant speed."""
    return VectorField(
        (f"{sign}*x*(1 - x**2 - y**2) - {speed}*y", f"{sign}*y*(1 - x**2 - y**2) + {speed}*x"), ("x", "y")
    )


def test_van_der_pol_has_its_known_period():
    found = periodic_orbit(VAN_DER_POL, [1, 0], transient=30)
    assert found.kind == "limit cycle" and found.attracts
    assert_allclose(found.period, 6.663286859323130, rtol=1e-13)
    assert found.trivial < 1e-12
    # Liouville: the product of all multipliers is exp ∫ tr J dt
    run = solve(VAN_DER_POL, found.x, (0, found.period), DOP853(), rtol=1e-12, dense=True, compiled=False)
    x = run.sol(np.linspace(0, found.period, 513)[:-1])[:, 0]
    assert_allclose(found.multipliers, math.exp(float((1 - x**2).mean()) * found.period), rtol=1e-8)
    assert_allclose(found.exponents, (1 - x**2).mean(), rtol=1e-8)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_circle_of_the_radial_field_has_the_multiplier_of_its_closed_form(sign):
    """d/dr r(1 - r²) = -2 at r = 1, over 2π: e^{∓4π}; the unstable one by going backwards or by a guess."""
    found = [periodic_orbit(ring(sign), [0.4, 0.2], backward=sign < 0, transient=20)]
    found.append(periodic_orbit(ring(sign), [1.05, 0.1], period=6.0))
    for orbit in found:
        assert_allclose(orbit.period, 2 * math.pi, rtol=1e-12)
        assert_allclose(orbit.multipliers, math.exp(-sign * 4 * math.pi), rtol=1e-8)
        assert_allclose(np.linalg.norm(orbit.points, axis=1), 1, rtol=1e-10)
        assert orbit.attracts == (sign > 0) and orbit.kind == "limit cycle"
    assert found[0].same_as(found[1])


def test_points_are_in_the_order_of_the_flow_whichever_way_it_was_followed():
    for sign in (1, -1):
        orbit = periodic_orbit(ring(sign), [1.0, 0.1], period=6.28)
        turned = np.unwrap(np.arctan2(orbit.points[:, 1], orbit.points[:, 0]))
        assert (np.diff(turned) > 0).all()
        assert_allclose(orbit.points[0], orbit.x, atol=1e-10)


@few
@given(times=st.integers(1, 4), share=st.floats(0.97, 1.03), angle=st.floats(0, 6.28))
def test_a_cycle_is_one_with_its_least_period_whatever_multiple_it_was_sampled_at(times, share, angle):
    start = [1.02 * math.cos(angle), 1.02 * math.sin(angle)]
    found = periodic_orbit(ring(0.05), start, period=times * share * 2 * math.pi)
    assert_allclose(found.period, 2 * math.pi, rtol=1e-10)
    assert_allclose(found.multipliers, math.exp(-0.2 * math.pi), rtol=1e-9)


def test_two_cycles_are_two_from_many_starts():
    """ṙ = -r(1 - r²)(4 - r²)/10: the circles r = 1 and r = 2 attract and repel."""
    r2 = "(x**2 + y**2)"
    v = VectorField((f"-x*(1-{r2})*(4-{r2})/10 - y", f"-y*(1-{r2})*(4-{r2})/10 + x"), ("x", "y"))
    starts = [[1.5, 0], [0, 2.2], [0.2, 0.1], [1.9, 0.1], [-1.2, 0.1]]
    ahead = periodic_orbits(v, starts, transient=60)
    behind = periodic_orbits(v, starts[:4], transient=60, backward=True)
    assert ([round(o.radius, 8) for o in ahead] == [2] and ahead[0].attracts is True) or len(ahead) == 1
    assert [round(o.radius, 8) for o in behind] == [1]
    assert ahead[0].attracts != behind[0].attracts


@pytest.mark.parametrize(
    ("field", "start"),
    [
        (games.dirac_gan().field(), [1, 0.5]),
        (games.sine().field(), [0.3, 0.2]),
        (games.curl().field(), [1, 1]),
        (VectorField(("x*(1 - y)", "y*(x - 1)"), ("x", "y")), [1.5, 1]),
    ],
    ids=["dirac-gan", "sine", "curl", "lotka-volterra"],
)
def test_a_continuum_of_periodic_orbits_is_one_centre(field, start):
    found = periodic_orbit(field, start, transient=10)
    assert found.kind == "centre" and found.attracts is None
    assert_allclose(found.multipliers, 1, atol=1e-9)
    nearer = periodic_orbits(field, [start, list(1.0 + 0.9 * (np.array(start) - 1.0))], transient=1)
    assert [o.kind for o in nearer] == ["centre"]


def test_a_neutral_cycle_whose_neighbours_do_not_close_is_no_centre():
    """ṙ = -(r - 1)³ r: the multiplier of the circle is 1, and yet it attracts."""
    r = "sqrt(x**2 + y**2)"
    v = VectorField((f"-({r} - 1)**3*x - y", f"-({r} - 1)**3*y + x"), ("x", "y"))
    found = periodic_orbit(v, [1.0, 0.0], period=6.28)
    assert found.kind == "neutral" and found.attracts is None


def test_a_saddle_cycle_in_space_has_a_multiplier_on_each_side():
    v = VectorField(("x*(1 - x**2 - y**2) - y", "y*(1 - x**2 - y**2) + x", "z/4"), ("x", "y", "z"))
    found = periodic_orbit(v, [1.02, 0, 0.01], period=6.3)
    assert_allclose(found.multipliers, [math.exp(math.pi / 2), math.exp(-4 * math.pi)], rtol=1e-8)
    assert found.attracts is False


def test_period_doubling_of_roessler_is_seen_by_its_multiplier_and_its_least_period():
    v = VectorField(("-y - z", "x + a*y", "b + z*(x - c)"), ("x", "y", "z"), {"a": 0.2, "b": 0.2, "c": 2.5})
    one = periodic_orbit(v, [1, 1, 0])
    two = periodic_orbit(v.with_parameters(c=3.5), [1, 1, 0])
    assert one.attracts and two.attracts and one.multipliers[0].real < 0
    assert 1.9 < two.period / one.period < 2.1


def test_equilibria_and_escape_are_named():
    assert periodic_orbit(games.spiral_saddle().field(), [0.1, 0.1]).kind == "equilibrium"
    gone = periodic_orbit(ring(-1), [1.5, 0.0])
    assert gone.kind == "escape" and not gone.found and gone.text == "escape"
    lost = periodic_orbit(VectorField(("1", "0*x"), ("x", "y")), [0, 0], transient=1, longest=5)
    assert lost.kind == "none" and json.dumps(lost.to_dict(), allow_nan=False)


@pytest.mark.filterwarnings("error")
def test_an_equilibrium_given_with_a_period_is_named_and_has_no_radius():
    found = periodic_orbit(VAN_DER_POL, [0, 0], period=3.0)
    assert found.kind == "equilibrium" and math.isnan(found.radius)
    assert_allclose(found.centre, [0, 0])


def test_the_variational_field_moves_small_differences_as_the_flow_does():
    both = variational_field(VAN_DER_POL)
    x, t, eps = np.array([1.0, 0.5]), 1.5, 1e-6
    tight = {"method": DOP853(), "rtol": 1e-12, "atol": 1e-14, "compiled": False}
    M = solve(both, [*x, 1, 0, 0, 1], (0, t), **tight).x[-1, 2:].reshape(2, 2)
    ends = [solve(VAN_DER_POL, x + s * eps * e, (0, t), **tight).x[-1] for e in np.eye(2) for s in (1, -1)]
    assert_allclose(M, np.column_stack([(ends[0] - ends[1]), (ends[2] - ends[3])]) / (2 * eps), atol=1e-7)
    assert variational_field(VectorField(("x_by_x",), ("x_by_x",))).n == 2
    clash = variational_field(VectorField(("a*x_by_a", "a"), ("a", "x_by_a")))
    assert len(set(clash.variables)) == 6


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: periodic_orbit(VAN_DER_POL, [1]), "variables"),
        (lambda: periodic_orbit(VAN_DER_POL, [np.inf, 0]), "x0 is"),
        (lambda: periodic_orbit(VAN_DER_POL, [1, 0], period=-1), "period is -1"),
        (lambda: periodic_orbit(VectorField(("sin(t)",), ("x",), time="t"), [0.1]), "strobe"),
        (lambda: periodic_orbits(VAN_DER_POL, [1, 0]), "starts has shape"),
    ],
)
def test_bad_input_is_refused_with_its_remedy(call, message):
    with pytest.raises(InputError, match=message):
        call()


# --- multipliers below rounding -----------------------------------------------------------------------


def log_volume(v, orbit):
    """∫ tr J dt along the orbit by SciPy, followed in the direction in which it attracts."""
    both = lambda t, y: [*v(y[:-1]), np.trace(v.jacobian(y[:-1]))]  # noqa: E731
    T = orbit.period if orbit.attracts else -orbit.period
    run = solve_ivp(both, (0, T), [*orbit.x, 0], method="DOP853", rtol=1e-10, atol=1e-12)
    return math.copysign(1, T) * run.y[-1, -1]


@pytest.mark.parametrize("backward", [False, True])
def test_in_the_plane_a_multiplier_below_rounding_is_the_trace_integral(backward):
    v = VAN_DER_POL.with_parameters(mu=-10.0 if backward else 10.0)
    found = periodic_orbit(v, [1, 0], transient=20, backward=backward)
    assert_allclose(found.logs, log_volume(v, found), rtol=1e-7)
    assert_allclose(found.logs, 311.844 if backward else -311.844, rtol=1e-6)
    assert found.attracts is not backward and ("exp(-311.844)" in found.text) is not backward
    assert json.dumps(found.to_dict(), allow_nan=False)


def test_in_the_plane_a_multiplier_below_the_range_of_numbers_keeps_its_logarithm():
    v = VAN_DER_POL.with_parameters(mu=30.0)
    found = periodic_orbit(v, [2, 0], transient=60)
    assert found.multipliers[0] == 0 and found.attracts and "exp(-26" in found.text
    assert_allclose(found.logs, log_volume(v, found), rtol=1e-6)
    assert_allclose(found.to_dict()["exponents"], found.logs / found.period)


def test_in_space_one_multiplier_below_rounding_follows_from_the_other():
    v = VectorField(("-y - z", "x + a*y", "b + z*(x - c)"), ("x", "y", "z"), {"a": 0.2, "b": 0.2, "c": 3.5})
    found = periodic_orbit(v, [1, 1, 0])
    assert_allclose(found.logs.sum(), log_volume(v, found), rtol=1e-7)
    assert (found.multipliers.real < 0).all() and 0 < -found.multipliers[1].real < 1e-15


@pytest.mark.parametrize("sign", [1, -1])
def test_several_multipliers_below_rounding_are_not_given_as_numbers(sign):
    v = VectorField((*ring(sign).expressions, f"{-9 * sign}*z", f"{-8 * sign}*w"), ("x", "y", "z", "w"))
    found = periodic_orbit(v, [0.9, 0.1, 0.1, 0.1], transient=10, backward=sign < 0)
    assert found.text.count("below 1e-12" if sign > 0 else "above 1e+12") == 2 and found.attracts is (sign > 0)
    assert sorted(map(bool, found.to_dict()["multipliers"])) == [False, False, True]
    assert json.dumps(found.to_dict(), allow_nan=False) and len(repr(found)) < 1000


def test_lorenz_shortest_unstable_orbit_is_viswanaths():
    """The orbit AB: T = 1.55865221071617..., Viswanath (2003); its multipliers' product is e^{-41T/3}."""
    found = periodic_orbit(games.lorenz(), [-13.76, -19.58, 27], period=1.56)
    assert_allclose(found.period, 1.5586522107161747, rtol=1e-12)
    assert_allclose(found.multipliers[0], 4.7130, rtol=1e-4)
    assert_allclose(found.logs.sum(), -41 / 3 * found.period, rtol=1e-5)
    assert found.attracts is False


def test_shooting_at_a_chaotic_flow_ends_after_few_and_short_solutions(monkeypatch):
    """Newton's method cannot close a return after 29 units of time, over which small differences grow by e^26."""
    steps = []

    def counted(*args, **options):
        run = solve(*args, **options)
        steps.append(run.steps)
        return run

    monkeypatch.setattr("analysis.variations.solve", counted)
    flow, x = Variation(games.lorenz()), np.array([12.32487353, 10.62027013, 33.75983144])
    assert closed(flow, x, 28.973285834) is None and len(steps) < 18
    assert closed(flow, x, -28.973285834) is None and max(steps) <= 10_000


def test_rounding_in_a_place_is_written_as_0():
    found = periodic_orbit(VectorField(("-x", "-(y - 1e-40)"), ("x", "y")), [0.5, 0.5], transient=30)
    assert found.text == "equilibrium at (0, 0)"
