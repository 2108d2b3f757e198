"""What the parser accepts means what it means in Python, exactly; the rest is refused with a hint."""

import math
import re
import time
from fractions import Fraction

import pytest
import sympy as sp
from hypothesis import assume, given
from hypothesis import strategies as st

from dynsys import InputError
from dynsys.expressions import check_name, expression, finite, symbol

ARGUMENT = "payoff of theta"
NAMES = ("x", "y", "theta")


def outcome(text):
    """What becomes of a text: an expression or the message; any other exception is the caller's to see."""
    try:
        return expression(text, NAMES, ARGUMENT)
    except InputError as error:
        return str(error)


numbers = st.integers(0, 30).map(str) | st.sampled_from(["0.1", ".25", "2.", "1.5e-2", "3E2"])
signs, exponents = st.sampled_from(["", "-", "+", "--"]), st.sampled_from(["", "", "**2", "**-1", "**2**2"])
atoms = numbers | st.sampled_from(NAMES)


def sums(operands):
    """Infix texts without redundant parentheses, so that precedence is what the parser says it is."""
    powers = st.builds("{}{}{}".format, signs, operands, exponents)
    rest = st.lists(st.tuples(st.sampled_from(["+", "-", "*", "/", " - ", " / "]), powers).map("".join), max_size=4)
    return st.builds(lambda first, others: first + "".join(others), powers, rest)


infix = sums(atoms | sums(atoms | sums(atoms).map("({})".format)).map("({})".format))
NUMBER = re.compile(r"(?<!\w)(\*\*-?)?(\d+\.?\d*(?:[eE]-?\d+)?|\.\d+)(?!\w)")


def in_python(text):
    """The text for Python's own `eval`, with numbers as fractions except in exponents."""
    return NUMBER.sub(lambda m: m[0] if m[1] else f"Fraction('{m[2]}')", text)


@given(infix, st.fractions(-3, 3, max_denominator=7), st.fractions(-3, 3, max_denominator=7))
def test_arithmetic_has_pythons_precedence_and_is_exact(text, x, y):
    values = {"x": x, "y": y, "theta": Fraction(1, 3)}
    try:
        value = eval(in_python(text), {"Fraction": Fraction}, values)
    except ZeroDivisionError:
        assume(False)
    result = outcome(text)
    assume(not isinstance(result, str) or not re.search("digits|degree|nest", result))
    point = {symbol(n): sp.Rational(v.numerator, v.denominator) for n, v in values.items()}
    assert result.subs(point) == sp.Rational(value.numerator, value.denominator)


@pytest.mark.parametrize(
    "name", ["lambda", "x0", "E", "I", "S", "N", "O", "Q", "pi", "θ", "class", "None", "is", "n_0", "sin", "é", "_"]
)
def test_any_name_can_be_a_variable(name):
    e = expression(f"3*{name}**2 - other/({name} + 2) + exp(-{name})", [name, "other"], ARGUMENT)
    value = e.subs({symbol(name): sp.Rational(5, 4), symbol("other"): sp.Rational(7, 10)})
    assert float(value) == pytest.approx(3 * 1.25**2 - 0.7 / 3.25 + math.exp(-1.25), rel=1e-15)
    assert {s.name for s in e.free_symbols} == {name, "other"}


def test_a_composed_and_a_decomposed_letter_are_one_name():
    assert check_name("e\u0301", "variables") == check_name("\u00e9", "variables")
    assert expression("e\u0301 + 1", ["\u00e9"], ARGUMENT) == symbol("\u00e9") + 1


@given(st.decimals(-(10**6), 10**6, allow_nan=False, places=9))
def test_decimal_literals_are_exact_rationals(number):
    exact = Fraction(number)
    assert expression(str(number), [], ARGUMENT) == sp.Rational(exact.numerator, exact.denominator)


@pytest.mark.parametrize(
    ("text", "value"), [("0.1", "1/10"), ("1e-3*x/x", "1/1000"), ("0e999999999", "0"), ("2^3", "8"), ("1e300", "1e300")]
)
def test_numbers_mean_what_they_say(text, value):
    assert expression(text, ["x"], ARGUMENT) == sp.Rational(value)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("2*thteta", "'theta'"),
        ("THETA", "'theta'"),
        ("sinn(x)", "'sin'"),
        ("ln(x)", "known: acos"),
        ("Tanh(x)", "'tanh'"),
        ("e**x", "'E'"),
    ],
)
def test_an_unknown_name_offers_the_nearest(text, hint):
    assert hint in outcome(text)


def test_what_sympy_reads_as_a_cotangent_stays_within_the_known_functions():
    e = expression("tan(x + pi/2)", NAMES, ARGUMENT)
    assert float(e.subs(symbol("x"), 0.3)) == pytest.approx(math.tan(0.3 + math.pi / 2), rel=1e-14)


def test_a_long_sum_and_a_long_product_are_quick():
    total = "+".join(f"{i}*x*y" for i in range(250))
    product = "*".join(f"sin({i})" for i in range(1, 300))
    started = time.thread_time()
    assert outcome(total) == sum(range(250)) * symbol("x") * symbol("y")
    assert float(outcome(product)) == pytest.approx(math.prod(math.sin(i) for i in range(1, 300)), rel=1e-12)
    assert time.thread_time() - started < 1


X = sp.Symbol("x")


@pytest.mark.parametrize(
    "source",
    [sp.I * X, sp.oo, sp.nan, sp.zoo, sp.Abs(X), sp.Max(X, 1), sp.Function("f")(X), sp.Integral(X, X),
     sp.Sum(X, (X, 0, 3)), sp.Derivative(sp.Function("f")(X), X), sp.Piecewise((X, X > 0), (0, True)),
     sp.gamma(X), sp.sqrt(X**2), sp.Symbol("z"), sp.Integer(10) ** 400, sp.O(X), X > 0, sp.eye(2),
     None, True, float("nan"),
     float("inf"), 1j, [X], b"x", object],
    ids=str,
)  # fmt: skip
def test_only_smooth_real_sympy_expressions_are_adopted(source):
    assert isinstance(outcome(source), str)


def test_sympy_expressions_are_adopted_with_real_symbols():
    y = sp.Symbol("y", positive=True)
    e = expression(sp.exp(X) * y + sp.EulerGamma, NAMES, ARGUMENT)
    assert e == sp.exp(symbol("x")) * symbol("y") + sp.EulerGamma


@pytest.mark.parametrize(
    "value",
    ["1", None, True, 1j, float("nan"), -math.inf, 10**400, [1.0], sp.Symbol("x"), [[[]]] * 200, 10**5000],
    ids=lambda v: type(v).__name__,
)
def test_a_value_that_is_no_finite_number_is_named_in_one_short_line(value):
    with pytest.raises(InputError, match=r"^gamma is [^\n]{1,140}$"):
        finite(value, "gamma")


@pytest.mark.parametrize("name", ["", "1x", "x y", "x-y", "x.y", "a" * 81, 3, None, "x\n", "\u200b", "x;"])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(InputError, match=r"^variables: [^\n]{1,200}$"):
        check_name(name, "variables")
