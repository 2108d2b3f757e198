"""Every method on one array a player is the method on one number a variable."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dynsys import Game, InputError
from dynsys.matrix_free import MatrixFreeField, Products
from integrators import Status, trajectory
from integrators.algorithms.averaging import Projected, Simplex
from integrators.states import flat
from integrators.training import Stepping

FORMULA = Game(
    players={"a": ("q", "r"), "b": ("x", "y", "z")},
    payoffs={
        "a": "q*x + r*y - q**2 + q*r*z/2 - r**4/4 + sin(r*x)",
        "b": "-q*x - r*y*z - x**2/2 + x*y*q/3 - z**2 + cos(y)*r",
    },
).field()
START = np.array([0.4, -0.3, 0.2, 0.5, -0.1])
# what solves equations with the Jacobian's entries or asks for payoffs, and what sorts variables
ENTRIES = {
    "average-vector-field", "competitive-gradient", "gauss2", "implicit-euler", "implicit-midpoint", "lola", "newton",
    "opponent-lookahead", "rates-cgd", "rates-implicit-midpoint", "sos", "trapezoidal", "users-taylor",
    "projected-simplex",
}  # fmt: skip


def twin(dtype=np.float64):
    def near(x):
        J = FORMULA.jacobian(x)
        return Products(FORMULA(x).astype(dtype), lambda u: J @ u, lambda u: J.T @ u)

    return MatrixFreeField(near, {"a": 2, "b": 3}, dtype=dtype)


def test_on_arrays_every_method_that_asks_for_values_only_has_the_trajectory_of_the_formulas(cases):
    for name in cases.keys() - ENTRIES:
        wanted = trajectory(FORMULA, START, cases[name], h=0.05, steps=12, compiled=False)
        found = trajectory(twin(), START, cases[name], h=0.05, steps=12)
        assert (found.status, found.steps) == (wanted.status, wanted.steps), name
        assert_allclose(found.x, wanted.x, rtol=1e-12, atol=1e-14, err_msg=name)
        assert_allclose(found.t, wanted.t)
        if wanted.average is not None:
            assert_allclose(found.average, wanted.average, rtol=1e-12, atol=1e-14, err_msg=name)


def test_every_other_method_says_what_it_lacks(cases):
    for name in ENTRIES & cases.keys():
        with pytest.raises(InputError, match=r"not its entries|needs payoffs|sorts variables|Newton|newton"):
            trajectory(twin(), START, cases[name], h=0.05, steps=2)
    with pytest.raises(InputError, match=r"onto is Simplex\(\)"):
        trajectory(twin(), START, Projected(onto=Simplex()), h=0.05, steps=2)


def test_in_single_precision_every_state_stays_single(cases):
    for name in cases.keys() - ENTRIES:
        run = Stepping(twin(np.float32), START, cases[name], h=np.float64(0.05), seed=0)
        for _ in run.until(3):
            pass
        assert run.status == Status.FINISHED
        kinds = {getattr(entry, "dtype", None) for entry in flat(run.state)}
        assert kinds <= {np.dtype(np.float32), None}, name  # None: counters are Python's numbers
        assert run.x.dtype == np.float32
