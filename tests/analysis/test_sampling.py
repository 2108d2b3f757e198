"""The fates of starts: fixed points, cycles, curves, escape, and what is not decided."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import beta

from analysis import sample_fates
from dynsys import ArrayField, InputError, VectorField, games
from dynsys.transforms import consensus
from integrators import Euler, RungeKutta4
from integrators.method import method_named

RNG = np.random.default_rng(0)
STARTS = RNG.uniform(-1, 1, (60, 2))


def logistic(r):
    return VectorField.from_map([f"{r}*x*(1 - x)"], ["x"])


def test_on_a_contracting_game_every_start_reaches_the_equilibrium():
    found = sample_fates(consensus(games.curl().field(), 0.5), STARTS, Euler(), 0.3)
    (fate,) = found.fates
    assert (fate.kind, fate.count, fate.share) == ("fixed point", 60, 1.0)
    assert_allclose(fate.x, [0, 0], atol=1e-12)
    assert_allclose([fate.low, fate.high], [0.025 ** (1 / 60), 1])  # Clopper and Pearson at 60 of 60


def test_simultaneous_gradient_on_the_curl_field_escapes_and_its_neutral_flow_recurs():
    v = games.curl().field()
    assert sample_fates(v, STARTS, Euler(), 0.5).fates[0].kind == "escape"
    found = sample_fates(v, STARTS[:4], method_named("implicit-midpoint"), 0.3, steps=3000)
    assert [fate.kind for fate in found.fates] == ["recurrent"]


CYCLES = [(2.8, "fixed point", None), (3.2, "cycle", 2), (3.5, "cycle", 4), (3.83, "cycle", 3)]


@pytest.mark.parametrize(("r", "kind", "period"), CYCLES)
def test_the_logistic_map_ends_where_it_is_known_to(r, kind, period):
    found = sample_fates(logistic(r), np.linspace(0.1, 0.9, 20)[:, None], Euler(), 1.0, steps=4000)
    fate = found.fates[0]
    assert (fate.kind, fate.period, fate.count) == (kind, period, 20)
    if kind == "fixed point":
        assert_allclose(fate.x, [1 - 1 / r], rtol=1e-12)
    else:
        x = fate.x[0]
        for _ in range(period):
            x = r * x * (1 - x)
        assert_allclose(x, fate.x[0], rtol=1e-6)


def test_chaos_is_recurrent():
    found = sample_fates(logistic(3.9), np.linspace(0.1, 0.9, 7)[:, None], Euler(), 1.0, steps=4000)
    assert {fate.kind for fate in found.fates} <= {"recurrent", "undecided"} and found.share("recurrent") > 0.5


def test_two_attractors_share_the_starts_with_intervals():
    field = VectorField(("x - x**3", "-y"), ("x", "y"))
    found = sample_fates(field, STARTS, Euler(), 0.1)
    left = int((STARTS[:, 0] < 0).sum())
    shares = {round(float(fate.x[0])): fate for fate in found.fates}
    assert shares[-1].count == left and shares[1].count == 60 - left
    low, high = beta.ppf([0.025, 0.975], [left, left + 1], [60 - left + 1, 60 - left])
    assert_allclose([shares[-1].low, shares[-1].high], [low, high])
    assert (
        found.which == np.where(STARTS[:, 0] < 0, found.fates.index(shares[-1]), found.fates.index(shares[1]))
    ).all()


def test_a_run_that_rests_on_a_saddle_has_not_converged():
    field = VectorField(("x - x**3", "-y"), ("x", "y"))
    found = sample_fates(field, [[0.0, 0.5], [0.0, -0.2]], Euler(), 0.1)
    (fate,) = found.fates
    assert fate.kind == "stalled" and found.share("fixed point") == 0


def test_a_plateau_is_no_fixed_point():
    """The logistic Dirac-GAN is nearly still at (20, 20), and no zero is there."""
    found = sample_fates(games.dirac_gan().field(), [[20.0, 20.0]], Euler(), 0.01, steps=200)
    assert found.fates[0].kind == "undecided"


def test_methods_with_memory_and_fields_given_by_arrays():
    w = consensus(games.curl().field(), 0.5)
    found = sample_fates(w, STARTS[:9], method_named("heavy-ball:beta=-0.3"), 0.3, steps=2000)
    assert found.fates[0].kind == "fixed point" and found.fates[0].count == 9
    arrays = ArrayField(w, w.jacobian, w.variables)
    assert sample_fates(arrays, STARTS[:9], RungeKutta4(), 0.3, steps=500).fates[0].kind == "fixed point"


def test_adam_has_no_multipliers_and_is_judged_by_its_runs():
    field = VectorField(("-x", "-y"), ("x", "y"))
    found = sample_fates(field, STARTS[:5], method_named("adam"), 0.01, steps=3000)
    assert {fate.kind for fate in found.fates} <= {"fixed point", "cycle", "recurrent", "undecided"}


def test_bad_questions_are_refused_and_answers_are_plain_data():
    import json

    w = consensus(games.curl().field(), 0.5)
    with pytest.raises(InputError, match="at least one start"):
        sample_fates(w, np.empty((0, 2)), Euler(), 0.1)
    with pytest.raises(InputError, match="h is -1"):
        sample_fates(w, STARTS, Euler(), -1)
    with pytest.raises(InputError, match=r"give game.field\(\)"):
        sample_fates(games.curl(), STARTS, Euler(), 0.1)
    assert json.loads(json.dumps(sample_fates(w, STARTS, Euler(), 0.3).to_dict()))["starts"] == 60
