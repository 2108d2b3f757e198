"""Random smooth expressions over two variables and a parameter, for the tests that compare interpretations."""

import pytest
import sympy as sp
from hypothesis import strategies as st

from dynsys.expressions import symbol
from dynsys.functions import logistic, softplus

X, Y, A = (symbol(name) for name in ("x", "y", "a"))
leaves = st.sampled_from([X, Y, A, X, Y]) | st.fractions(-3, 3, max_denominator=9).map(
    lambda q: sp.Rational(q.numerator, q.denominator)
)


def _grown(inner):
    pair = st.tuples(inner, inner)
    return st.one_of(
        pair.map(lambda p: p[0] + p[1]),
        pair.map(lambda p: p[0] - p[1]),
        pair.map(lambda p: p[0] * p[1]),
        pair.map(lambda p: p[0] / (1 + p[1] ** 2)),
        pair.map(lambda p: sp.sin(p[0]) ** 3 * p[1]),
        inner.map(lambda u: (1 + u**2) ** sp.Rational(-3, 7)),
        inner.map(lambda u: sp.sqrt(2 + sp.cos(u))),
        inner.map(lambda u: sp.exp(-(u**2))),
        inner.map(lambda u: 2 ** sp.tanh(u)),
        inner.map(lambda u: sp.log(1 + u**2)),
        inner.map(lambda u: sp.asin(sp.tanh(u) / 2)),
        inner.map(lambda u: sp.tan(sp.cos(u))),
        st.tuples(
            st.sampled_from([sp.cos, sp.tanh, sp.atan, logistic, softplus, lambda u: sp.sinh(sp.sin(u))]), inner
        ).map(lambda p: p[0](p[1])),
        st.tuples(st.sampled_from([X, Y, A]), st.integers(2, 9)).map(lambda p: (p[0] / 2) ** p[1]),
    )


smooth = st.recursive(leaves, _grown, max_leaves=8)


@pytest.fixture(scope="session")
def smooth_expressions():
    """The strategy itself; a test draws from it with `st.data()`."""
    return smooth
