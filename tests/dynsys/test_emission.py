"""Emitted functions compute what the same text computes in Python, bit for bit where every operation rounds."""

import math
import os
import re
import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynsys import kernels, vector
from dynsys.functions import NUMBA_HEADER

COMPILED = pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="nothing is compiled, so nothing is emitted")
HEADER = (
    """
import math
import numba
import numpy as np
from math import inf, nan
from dynsys.compiled import OPTIONS, jit
from dynsys.emission import emitted
from dynsys.vector import solve
from integrators.lanes import column, gathered, put, scatter, stack, stacks
exact = emitted(exact=True)
exported = numba.njit(**OPTIONS)
"""
    + NUMBA_HEADER
)
PLAIN = """
import math
import numpy as np
from numpy import inf, nan, zeros as stack
from dynsys.vector import solve
emitted = exact = jit = exported = lambda f: f
"""


def both(text, *exports):
    """The exported functions of a text, compiled and in plain Python."""
    compiled = kernels.load(f"{HEADER}\n{text}\nEXPORTS = [{', '.join(exports)}]")
    plain = types.SimpleNamespace()
    exec(PLAIN + text, vars(plain))
    return [(getattr(compiled, name), getattr(plain, name)) for name in exports]


def bits(value):
    """The numbers of a nested tuple as whole numbers; every NaN is the same."""
    if isinstance(value, tuple):
        return tuple(map(bits, value))
    return "nan" if value != value else (float(value), math.copysign(1.0, value))


# --- random programs --------------------------------------------------------------------------------

NAMES = st.sampled_from(["x[0]", "x[1]", "x[2]", "p[0]", "p[1][0]", "p[1][1]"])
# NumPy's: of two literals of Python's a quotient by 0 raises where nothing is compiled
CONSTANTS = st.sampled_from([f"np.float64({c})" for c in (0.0, 1.0, -2.5, 1e300, 3.0, 1e-310, "inf", "nan", 0.1)])


def deeper(inner):
    condition = st.builds(
        "({} {} {})".format, inner, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), inner
    ) | st.builds("(not {} < {})".format, inner, inner)
    conditions = condition | st.builds(
        "({} {} {})".format, condition, st.sampled_from(["&", "|", "and", "or"]), condition
    )
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("(-{})".format, inner),
        st.builds("abs({})".format, inner),
        st.builds("({} if {} else {})".format, inner, conditions, inner),
        st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), inner, inner),
        st.builds("np.sqrt({})".format, inner),
        st.builds("np.floor({})".format, inner),
        st.builds("g({}, {})[1][0]".format, inner, inner),
    )


EXPRESSIONS = st.recursive(NAMES | CONSTANTS, deeper, max_leaves=12)
FLOATS = st.floats() | st.sampled_from([0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 0.5])
POINTS = st.lists(st.lists(FLOATS, min_size=6, max_size=6), min_size=40, max_size=40)


def program(expressions):
    first, *others, last = expressions
    lines = ["@exact", "def g(a, b):", "    c = a - b", "    return a, (c * 0.5 + b,)", "@exact", "def f(x, p):"]
    lines += [f"    c0 = {first}", *(f"    c{i + 1} = c{i} - ({e})" for i, e in enumerate(others))]
    names = [f"c{i}" for i in range(len(others) + 1)]
    lines += [f"    d, (e, n) = {last}, (c0, {names[-1]} <= 1.0)"]
    return "\n".join([*lines, f"    return d, ({', '.join(names)},) + (e, n)"])


@COMPILED
@settings(max_examples=20)
@given(expressions=st.lists(EXPRESSIONS, min_size=8, max_size=12), points=POINTS)
def test_a_random_program_gives_the_bits_of_python(expressions, points):
    text = program(expressions) + "\n@exported\ndef call(x, p):\n    return f(x, p)\n"
    ((compiled, plain),) = both(text, "call")
    for point in points:
        a, b, c, d, e, f = map(np.float64, point)
        with np.errstate(all="ignore"):
            expected = plain((a, b, c), (d, (e, f)))
        assert bits(compiled((a, b, c), (d, (e, f)))) == bits(expected), text


# --- functions of one number, powers ------------------------------------------------------------------

FUNCTIONS = ["exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan"]
POWERS = ["x**0", "x**1", "x**2", "x**3", "x**9", "x**-2", "x**2.5", "x**0.5", "x**-0.5", "2.0**x", "x**x"]
SAMPLES = [0.0, -0.0, 1.0, -1.0, 0.3, -0.7, 2.5, 1e-9, 30.0, -800.0, 1e200, math.inf, -math.inf, math.nan]


@COMPILED
def test_functions_and_powers_are_numbas_own():
    import numba

    from dynsys.compiled import OPTIONS

    expressions = [f"{f}(x)" for f in FUNCTIONS] + POWERS + ["logistic(x)", "softplus(x)", "switch(x)"]
    body = f"def f(x):\n    return ({', '.join(expressions[:12])},) + ({', '.join(expressions[12:])},)\n"
    module = kernels.load(f"{HEADER}\n@emitted\n{body}\n@exported\ndef call(x):\n    return f(x)\nEXPORTS = [call]")
    assert hasattr(module.f, "procedure")
    namespace = {"jit": numba.njit(**OPTIONS), "emitted": numba.njit(**OPTIONS)}
    exec(NUMBA_HEADER + "\n@jit\n" + body.replace("x**-2,", "1.0/x**2,"), namespace)  # Numba's raises at 0
    for x in SAMPLES:
        assert bits(module.call(x)) == bits(namespace["f"](x))


@COMPILED
def test_products_and_sums_fuse_unless_the_function_is_exact():
    text = "".join(f"@{d}\ndef {d}_(x, y):\n    return x * x - y\n" for d in ("emitted", "exact"))
    text += "@exported\ndef call(x, y):\n    return emitted_(x, y), exact_(x, y)\n"
    ((compiled, _),) = both(text, "call")
    x = 1.0 + 2.0**-30
    fused, rounded = compiled(x, x * x)
    assert rounded == 0.0 and fused in (0.0, 2.0**-60)  # 0 on a processor without fused operations


# --- whole numbers and bits ---------------------------------------------------------------------------


@COMPILED
@settings(max_examples=3)
@given(words=st.lists(st.integers(0, 2**64 - 1), min_size=4, max_size=4))
def test_random_streams_are_those_of_arrays(words):
    from integrators import random_streams
    from integrators.random_streams import normal_pair, signed_radius, threefry, unit

    text = random_streams.text("@exact") + "\n@exported\ndef call(a, b, c, d):\n    w, v = threefry(a, b, c, d)\n"
    text += "    r = signed_radius(w)\n    return w, v, unit(v), r, normal_pair(r, w)\n"
    module = kernels.load(f"{HEADER}\n{text}\nEXPORTS = [call]")
    given_words = tuple(map(np.uint64, words))
    with np.errstate(over="ignore"):
        w, v = threefry(*given_words)
    r = signed_radius(w)
    assert module.call(*given_words) == (w, v, unit(v), r, normal_pair(r, w))


@COMPILED
def test_whole_numbers_follow_python():
    text = """
@emitted
def f(a, b, x):
    c = np.int64(a % b) + (a << 2) - (a >> 1)
    d = (a & b) | 5 ^ b
    m = max(a, b, 3) - min(a, b) + abs(a)
    return c, d, m, a * x, x < b, np.int64(x), np.float64(a), np.float64(x).view(np.int64), a != b, a / b

@exported
def call(a, b, x):
    return f(a, b, x)
"""
    ((compiled, plain),) = both(text, "call")
    for a in (-7, -1, 0, 5, 2**40):
        for b in (-3, 2, 5):
            arguments = np.int64(a), np.int64(b), np.float64(1.75 * b)
            assert compiled(*arguments) == plain(*arguments)


# --- branches, loops, memory ---------------------------------------------------------------------------

LOOPS = """
@emitted
def collatz(n, most):
    turns = 0
    while n != 1 and turns < most:
        if n % 2 == 0:
            n = n >> 1
        else:
            n = 3 * n + 1
        turns += 1
    return turns

@emitted
def root(a):
    y, done = (a,), False
    for _ in range(60):
        (old,), y = y, (0.5 * (y[0] + a / y[0]),)
        if abs(y[0] - old) <= 1e-15 * old:
            done = True
            break
    return y, done

@emitted
def first_above(limit, count):
    for i in range(1, count):
        for j in range(i):
            if i * j > limit:
                return i, j
    return -1, 0

@emitted
def row_ends(limit):
    total = 0
    for i in range(6):
        for j in range(6):
            if i * j > limit:
                break
            total += 1
    return total

@emitted
def reversed_sums(x):
    M = stack(5)
    for i in range(5):
        M[i] = x[0] * i
        M[i] += x[1]
    M[0], M[4] = M[4], M[0]
    total = 0.0
    for i in range(5):
        total = 2.0 * total + M[i]
    return total, M[0]

@exported
def call(n, a, limit, x):
    return collatz(n, 1000), root(a), first_above(limit, 20), first_above(limit, 0), (row_ends(limit), reversed_sums(x))
"""


@COMPILED
def test_loops_branches_breaks_and_memory_follow_python():
    ((compiled, plain),) = both(LOOPS, "call")
    for n in (1, 7, 27):
        for limit in (0, 30, 10**6):
            arguments = n, 2.0 * n, limit, (1.5, -float(n))
            assert compiled(*arguments) == plain(*arguments)


@COMPILED
@pytest.mark.parametrize("n", range(1, 7))
def test_solve_is_that_of_vector(n):
    rows = "(" + ", ".join("(" + ", ".join(f"a[{i * n + j}]" for j in range(n)) + ",)" for i in range(n)) + ",)"
    b = "(" + ", ".join(f"b[{i}]" for i in range(n)) + ",)"
    text = f"@emitted\ndef f(a, b):\n    return solve({rows}, {b})\n@exported\ndef call(a, b):\n    return f(a, b)\n"
    ((compiled, _),) = both(text, "call")
    draw = np.random.default_rng(n)
    A, right = draw.normal(size=(n, n)), draw.normal(size=n)
    A[0, 0] = 0.0 if n > 1 else 1.0
    expected = vector.solve(tuple(map(tuple, A)), tuple(right))
    np.testing.assert_allclose(compiled(tuple(A.ravel()), tuple(right)), expected, rtol=1e-10)
    assert not np.isfinite(compiled((0.0,) * n * n, tuple(right))).any()


# --- what is left to Numba ------------------------------------------------------------------------------

LEFT = {
    "a list": "    return sum([x, 1.0])",
    "an exception": "    try:\n        return x + 1.0\n    except Exception:\n        return x",
    "a loop over a tuple": "    s = 0.0\n    for y in (x, 1.0):\n        s += y\n    return s",
    "an unknown function": "    return math.hypot(x, 0.0) + 1.0",
    "a keyword": "    return plus(x, b=1.0)",
    "a call of what Numba compiles": "    return plus(x, 1.0)",
}


@COMPILED
@pytest.mark.parametrize("body", LEFT.values(), ids=LEFT)
def test_what_cannot_be_written_is_left_to_numba(body):
    text = f"@jit\ndef plus(a, b):\n    return a + b\n@emitted\ndef f(x):\n{body}\n"
    text += "@emitted\ndef g(x):\n    return f(x)\n@exported\ndef call(x):\n    return g(x)\n"
    module = kernels.load(f"{HEADER}\n{text}\nEXPORTS = [call]")
    assert not hasattr(module.f, "procedure") and not hasattr(module.g, "procedure")
    assert module.call(2.0) == 3.0


@COMPILED
@pytest.mark.parametrize(
    "body",
    ["    y = x\n    if x > 0.0:\n        y = (x, x)\n    return x", "    if x > 0.0:\n        return 1\n    return x"],
)
def test_kinds_that_change_are_an_error_that_names_the_function(body):
    from numba.core.errors import TypingError

    module = kernels.load(
        f"{HEADER}\n@emitted\ndef wrong(x):\n{body}\n@exported\ndef call(x):\n    return wrong(x)\nEXPORTS = [call]"
    )
    with pytest.raises(TypingError, match="wrong"):
        module.call(1.0)


# --- kernels ------------------------------------------------------------------------------------------


@COMPILED
@pytest.mark.parametrize("which", ["ensemble", "trajectory"])
def test_numba_compiles_one_function_a_kernel(which, tmp_path, monkeypatch):
    from numba.core import event

    from dynsys import Game
    from integrators import RungeKutta4, ensemble, trajectory
    from integrators.kernel import kernel

    monkeypatch.setenv(kernels.ENVIRONMENT_VARIABLE, str(tmp_path / "kernels"))
    game = Game.zero_sum("softplus(x*y) - 0.3217*x**2", ["x"], ["y"])  # of no other test: its kernels are new
    field = game.field()
    module = kernel(field, RungeKutta4(), which)
    monkeypatch.delitem(__import__("sys").modules, module.__name__)
    with event.install_recorder("numba:compile") as recorded:
        if which == "ensemble":
            ensemble(field, [[0.1, 0.2]], RungeKutta4(), h=0.1, steps=3)
        else:
            trajectory(field, [0.1, 0.2], RungeKutta4(), h=0.1, steps=3)
    starts = [e.data["dispatcher"].py_func.__name__ for _, e in recorded.buffer if e.is_start]
    assert starts == [which]
    (assembly,) = getattr(kernel(field, RungeKutta4(), which), which).inspect_asm().values()
    if which == "ensemble" and "xmm" in assembly:
        assert re.search(r"(mul|add|fn?m(add|sub)\d+)pd", assembly)  # lanes side by side
