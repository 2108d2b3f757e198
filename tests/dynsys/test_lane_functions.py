"""The functions of compiled kernels against mpmath: at most 1.5 ulp off, on all doubles, with vectors and without."""

import importlib.util
import os
import re

import mpmath
import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynsys import VectorField, kernels, lane_angles, lane_functions
from dynsys.lane_repairs import LARGE
from integrators import Euler, ensemble
from integrators.kernel import kernel

COMPILED = pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="nothing is compiled")
NAMES = ("exp", "log", "tanh", "logistic", "softplus", "sin", "cos")
BOUND = 1.5
REAL = mpmath.mp.clone()
REAL.prec = 220  # the number next to a multiple of π/2 has 62 zeros after its leading digits
EXACT = {name: getattr(REAL, name, None) for name in NAMES} | {
    "logistic": lambda t: 1 / (1 + REAL.exp(-t)),
    "softplus": lambda t: REAL.log1p(REAL.exp(t)),
}
RANDOM = np.random.default_rng(11)


def copy(module, compiled):
    """The module once more: its functions not compiled yet, or left alone by Numba."""
    spec = importlib.util.spec_from_file_location(f"copy_of_{module.__name__}", module.__file__)
    made = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        if not compiled:
            patch.setenv("NUMBA_DISABLE_JIT", "1")
        spec.loader.exec_module(made)
    return made


def over_arrays(function, **options):
    """The function in a loop that vectorises."""

    @numba.njit(**options)
    def loop(x, out):
        for i in range(len(x)):
            out[i] = function(x[i])

    def values(x):
        out = np.empty_like(x)
        with np.errstate(all="ignore"):
            loop(x, out)
        return out

    return values


HERE = (lane_functions, lane_angles)
MODULES = {"compiled": HERE, "plain": [copy(module, compiled=False) for module in HERE]}
SCALAR = {
    (kind, name): getattr(angles if name in ("sin", "cos") else functions, name)
    for kind, (functions, angles) in MODULES.items()
    for name in NAMES
}
LOOPS = {(kind, name): over_arrays(f) for (kind, name), f in SCALAR.items() if kind == "compiled"}


def values(kind, name, x):
    if kind == "compiled":
        return LOOPS[kind, name](x)
    with np.errstate(all="ignore"):
        return np.array([SCALAR[kind, name](v) for v in x])


def ulps(got, exact):
    """How many units in the last place of a double of the exact value's size the two are apart."""
    if not np.isfinite(got):
        return 0.0 if abs(exact) > np.finfo(float).max else np.inf
    exponent = max(int(REAL.floor(REAL.log(abs(exact), 2))), -1022) if exact else -1022
    return float(abs(REAL.mpf(float(got)) - exact) * REAL.mpf(2) ** (52 - exponent))


def check(kind, name, arguments):
    x = np.asarray(arguments, dtype=float)
    for argument, got in zip(x, values(kind, name, x)):
        error = ulps(got, EXACT[name](REAL.mpf(float(argument))))
        assert error <= BOUND, f"{name}({argument!r}) = {got!r} is {error:.2f} ulp off"


def sizes(least, most, count=300):
    """Numbers of either sign whose sizes' logarithms to the base 2 lie evenly between two."""
    return np.exp2(RANDOM.uniform(least, most, count)) * RANDOM.choice([-1.0, 1.0], count)


def neighbours(*centres, steps=3):
    """The doubles around some."""
    bits = np.array(centres, dtype=float).view(np.int64)[:, None] + np.arange(-steps, steps + 1)
    return np.concatenate([bits.ravel().view(float), -bits.ravel().view(float)])


def uniform(low, high, count=300):
    return RANDOM.uniform(low, high, count)


ONE = np.concatenate([1 + sizes(-52, -1), uniform(0.5, 2), neighbours(0.5**0.5, 2**0.5, 0.5)[:21]])
DECAYS = [
    sizes(-1074, 9.5),
    uniform(-745, -700),
    uniform(-40, 40),
    uniform(-3, 3),
    neighbours(745.13, 708.39, np.log(2)),
]
STEPS = np.arange(1, 1025) * (np.log(2) / 2)  # where the whole number of an exponential jumps
ANGLES = [sizes(-1074, np.log2(LARGE)), uniform(-7, 7), uniform(-LARGE, LARGE), neighbours(LARGE, np.pi / 4)]
ARGUMENTS = {
    "exp": [sizes(-1074, 9.4), uniform(-745, -700), uniform(-1, 1), uniform(700, 709.78), STEPS, -STEPS],
    "log": [abs(sizes(-1074, 1023.9)), abs(sizes(-1074, -1020)), ONE, neighbours(2.2250738585072014e-308)[:7]],
    "tanh": [sizes(-1074, 1023), sizes(-6, 5), uniform(-1, 1), STEPS[:99] / 2, neighbours(19.06, np.log(2) / 4)],
    "logistic": [*DECAYS, -STEPS],
    "softplus": [*DECAYS, -STEPS],
    "sin": [*ANGLES, sizes(np.log2(LARGE), 1023)],
    "cos": [*ANGLES, sizes(np.log2(LARGE), 1023)],
}
every_kind = pytest.mark.parametrize("kind", MODULES)
every_name = pytest.mark.parametrize("name", NAMES)


@every_kind
@every_name
def test_the_error_is_below_one_and_a_half_ulp_over_the_whole_range(kind, name):
    check(kind, name, np.concatenate(ARGUMENTS[name]))


@every_name
@given(x=st.floats(allow_nan=False, allow_infinity=False))
def test_the_error_is_below_one_and_a_half_ulp_on_any_double(name, x):
    if name == "log":
        x = abs(x)
    if abs(x) < 740 or name not in ("exp", "logistic", "softplus"):
        for kind in MODULES:
            if x != 0 or name != "log":
                check(kind, name, [x])


@every_kind
@pytest.mark.parametrize("name", ["sin", "cos"])
def test_it_is_as_good_next_to_every_multiple_of_a_right_angle(kind, name):
    step = 2 if kind == "compiled" and kernels.compiling() else 14
    n = np.arange(1 if name == "cos" else 2, int(LARGE / np.pi * 2), step)  # where the function nearly vanishes
    right = REAL.pi / 2
    x = np.array([float(k * right) for k in n.tolist()])
    for k, argument, got in zip(n.tolist(), x, values(kind, name, x)):
        off = REAL.mpf(float(argument)) - k * right
        small = off - off**3 / 6
        assert ulps(abs(got), abs(small)) <= 1, argument


INF, NAN, LEAST = np.inf, np.nan, 5e-324
SPECIAL = {
    "exp": [(-INF, 0), (INF, INF), (710, INF), (-746, 0), (-745, LEAST), (0, 1), (-0.0, 1), (LEAST, 1), (1e300, INF)],
    "log": [(0, -INF), (-0.0, -INF), (-1, NAN), (-LEAST, NAN), (-INF, NAN), (INF, INF), (1, 0)],
    "tanh": [(0, 0), (-0.0, -0.0), (INF, 1), (-INF, -1), (LEAST, LEAST), (-1e-310, -1e-310), (1e308, 1), (-40, -1)],
    "logistic": [(0, 0.5), (INF, 1), (-INF, 0), (-800, 0), (800, 1), (-745, LEAST), (-1e300, 0)],
    "softplus": [(INF, INF), (-INF, 0), (-800, 0), (800, 800), (-745, LEAST), (1e300, 1e300)],
    "sin": [(0, 0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (LEAST, LEAST), (-1e-310, -1e-310)],
    "cos": [(0, 1), (-0.0, 1), (INF, NAN), (-INF, NAN), (LEAST, 1)],
}


@every_kind
@every_name
def test_zeros_infinities_and_overflow_come_out_as_the_library_has_them(kind, name):
    arguments, expected = np.array([*SPECIAL[name], (NAN, NAN)], dtype=float).T.copy()
    got = values(kind, name, arguments)
    np.testing.assert_array_equal(got, expected)
    number = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(expected[number]))


@every_name
def test_what_relies_on_exact_errors_is_not_contracted_even_where_the_first_caller_is(name):
    functions, angles = (copy(module, compiled=True) for module in HERE)
    function = getattr(angles if name in ("sin", "cos") else functions, name)
    x = np.concatenate(ARGUMENTS[name])
    contracting = over_arrays(function, fastmath={"contract"})(x)
    np.testing.assert_array_equal(contracting, values("compiled", name, x))


@every_name
def test_a_number_comes_out_the_same_alone_and_in_a_vector(name):
    x = np.concatenate([*ARGUMENTS[name], [x for x, _ in SPECIAL[name]]])
    function = SCALAR["compiled", name]
    single = numba.njit(lambda v: function(v))
    with np.errstate(all="ignore"):
        alone = np.array([single(v) for v in x])
    np.testing.assert_array_equal(values("compiled", name, x), alone)


OUTPUTS = tuple(f"y{i}" for i in range(len(NAMES)))
EVERY = VectorField(("0", *(f"{name}(x)" for name in NAMES)), ("x", *OUTPUTS))


@COMPILED
def test_a_kernel_has_the_same_values():
    x = np.concatenate([abs(sizes(-30, 9)), [float(k * REAL.pi / 2) for k in range(1, 400)]])
    starts = np.zeros((len(x), EVERY.n))
    starts[:, 0] = x
    many = ensemble(EVERY, starts, Euler(), h=1.0, steps=1, divergence_bound=np.inf)
    for i, name in enumerate(NAMES):
        np.testing.assert_array_equal(many.x[:, 1 + i], values("compiled", name, x), err_msg=name)


@COMPILED
@every_name
def test_the_loop_over_lanes_consists_of_vectors(name, tmp_path, monkeypatch):
    monkeypatch.setenv("DYNSYS_CACHE_DIR", str(tmp_path / "empty"))  # machine code from the cache has no text
    field = VectorField((f"{name}(x) - 0.6180339*x",), ("x",))
    ensemble(field, np.ones((3, 1)), Euler(), h=0.1, steps=1)
    (text,) = kernel(field, Euler(), "ensemble").ensemble.inspect_llvm().values()
    products = re.findall(r"= fmul contract (<\d+ x double>|double) ", text)
    assert len(products) - products.count("double") > max(6, products.count("double")), "the loop stayed scalar"
    if name in ("sin", "cos"):
        assert re.search(rf"call [\w ]*<\d+ x double> @dynsys.repaired_{name}\.\d", text)
    else:
        assert not re.search(rf"call [\w ]*double @(llvm\.)?{name}\b", text)
