"""The Helmholtz decomposition: known parts recovered at second order, orthogonal to rounding, whatever the box."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from analysis.hodge import helmholtz
from dynsys import InputError, VectorField, games
from dynsys.array_field import ArrayField

few = settings(max_examples=max(15, settings.default.max_examples // 2))
seeds = st.integers(0, 2**32 - 1)
x, y = sp.symbols("x y", real=True)
BOX = ((0.0, 2.0), (-1.0, 0.0))
PARTS = ("gradient", "solenoidal", "harmonic")
# 0 on the boundary of BOX, of no symmetry
PHI = sp.sin(sp.pi * x / 2) * sp.sin(sp.pi * y) * sp.exp(x * y)
PSI = x * (2 - x) * y * (1 + y) * (1 + x + sp.cos(2 * y))
HARMONIC = (sp.exp(x) * sp.cos(y), -sp.exp(x) * sp.sin(y))


def field_of(phi, psi, rest=(0, 0)):
    return VectorField(
        (sp.diff(phi, x) + sp.diff(psi, y) + rest[0], sp.diff(phi, y) - sp.diff(psi, x) + rest[1]), ("x", "y"), box=BOX
    )


def on(grid, e):
    return np.broadcast_to(sp.lambdify((x, y), e, "numpy")(*np.meshgrid(*grid, indexing="ij")), [len(a) for a in grid])


def random_field(seed):
    draw = np.random.default_rng(seed)
    terms = lambda: sum(round(float(draw.normal()), 3) * f for f in (x, y, 1, x * y, sp.sin(3 * x - y), y**3, x**2))  # noqa: E731
    return VectorField((terms(), terms()), ("x", "y"), box=BOX)


def test_known_potential_and_stream_function_are_recovered_at_second_order():
    v = field_of(PHI, PSI, HARMONIC)
    sizes, errors = [17, 33, 65, 129], []
    for resolution in sizes:
        found = helmholtz(v, resolution=resolution)
        phi, psi = on(found.grid.nodes, PHI), on(found.grid.centres, PSI)
        errors.append([np.abs(found.potential - phi).max(), np.abs(found.stream - psi).max()])
    slopes = np.polyfit(np.log([1 / (n - 1) for n in sizes]), np.log(errors), 1)[0]
    assert_allclose(slopes, 2, atol=0.15)
    assert (np.array(errors[-1]) < 2e-4).all()


def test_each_part_converges_to_the_one_it_was_made_from():
    pieces = {"gradient": (PHI, 0, (0, 0)), "solenoidal": (0, PSI, (0, 0)), "harmonic": (0, 0, HARMONIC)}
    found = helmholtz(field_of(PHI, PSI, HARMONIC), resolution=129)
    for name, piece in pieces.items():
        alone = helmholtz(field_of(*piece), resolution=129)
        error = getattr(found, name) - alone.velocity
        assert error.dot(error) < 1e-6 * alone.total
        assert alone.energy[name] == pytest.approx(1, abs=1e-6)


@few
@given(seed=seeds, resolution=st.integers(5, 40))
def test_the_parts_are_orthogonal_add_up_to_the_field_and_their_energies_to_1(seed, resolution):
    found = helmholtz(random_field(seed), resolution=resolution)
    parts = [getattr(found, name) for name in PARTS]
    for k, part in enumerate(parts):
        for other in parts[:k]:
            assert abs(part.dot(other)) < 1e-12 * found.total
    rest = ((found.velocity - parts[0]) - parts[1]) - parts[2]
    assert rest.dot(rest) < 1e-28 * found.total
    assert sum(found.energy.values()) == pytest.approx(1, abs=1e-12)
    assert all(share >= 0 for share in found.energy.values())


@few
@given(seed=seeds, resolution=st.integers(5, 40))
def test_the_gradient_has_no_curl_the_rotation_no_divergence_and_the_rest_neither(seed, resolution):
    found = helmholtz(random_field(seed), resolution=resolution)
    curl = lambda a: np.diff(a.along_y, axis=0) / a.widths[0] - np.diff(a.along_x, axis=1) / a.widths[1]  # noqa: E731
    div = (  # noqa: E731
        lambda a: np.diff(a.along_x, axis=0)[:, 1:-1] / a.widths[0] + np.diff(a.along_y, axis=1)[1:-1] / a.widths[1]
    )
    small = 1e-11 * math.sqrt(found.total) * resolution
    for part, operators in [("gradient", [curl]), ("solenoidal", [div]), ("harmonic", [curl, div])]:
        for operator in operators:
            assert np.abs(operator(getattr(found, part))).max() < small
    assert not found.gradient.along_x[:, [0, -1]].any()
    assert not found.gradient.along_y[[0, -1]].any()


def test_the_parts_are_those_of_least_squares_on_the_grid():
    """An oracle that knows no transform: the nearest discrete gradient, then the nearest discrete rotation."""
    found = helmholtz(random_field(3), resolution=6)
    weights = [np.ones((5, 6)), np.ones((6, 5))]
    weights[0][:, [0, -1]] = weights[1][[0, -1]] = 0.5
    flat = lambda a, b: np.concatenate([np.ravel(a), np.ravel(b)])  # noqa: E731
    root, (h, k) = np.sqrt(flat(*weights)), found.grid.widths
    columns = {"gradient": [], "solenoidal": []}
    for i, j in np.ndindex(4, 4):
        u = np.zeros((6, 6))
        u[i + 1, j + 1] = 1
        columns["gradient"].append(flat(np.diff(u, axis=0) / h, np.diff(u, axis=1) / k))
    for i, j in np.ndindex(5, 5):
        u = np.zeros((5, 5))
        u[i, j] = 1
        padded = np.pad(u, 1)
        rot = [np.diff(padded[1:-1], axis=1) / k, -np.diff(padded[:, 1:-1], axis=0) / h]
        columns["solenoidal"].append(flat(rot[0] / weights[0], rot[1] / weights[1]))
    v = flat(found.velocity.along_x, found.velocity.along_y)
    for name, basis in columns.items():
        A = np.array(basis).T
        best = A @ np.linalg.lstsq(A * root[:, None], v * root, rcond=None)[0]
        part = getattr(found, name)
        assert_allclose(flat(part.along_x, part.along_y), best, atol=1e-11)


@pytest.mark.parametrize("box", [[(-1, 1), (-1, 1)], [(-1, 2), (3, 7)]])
def test_the_gradient_of_a_harmonic_function_is_all_harmonic(box):
    found = helmholtz(VectorField(("2*x", "-2*y"), ("x", "y")), box, 33)
    assert found.energy["harmonic"] == pytest.approx(1, abs=1e-13)
    assert np.abs(found.potential).max() < 1e-12
    assert np.abs(found.stream).max() < 1e-12


def test_the_curl_field_is_solenoidal_up_to_what_crosses_the_sides_of_the_square():
    """-Δψ = 2 on [-1, 1]² is the torsion of a square bar: ∫|∇ψ|² = 2.2492, of ∫|v|² = 8/3. Timoshenko (1951)."""
    k = np.arange(1, 60, 2)
    torsion = 16 / 3 * (1 - 192 / math.pi**5 * (np.tanh(k * math.pi / 2) / k**5).sum())
    found = helmholtz(games.curl().field(), [(-1, 1), (-1, 1)], 257)
    assert found.total == pytest.approx(8 / 3, rel=1e-4)
    assert found.energy["solenoidal"] == pytest.approx(torsion * 3 / 8, abs=5e-5)
    assert found.energy["gradient"] < 1e-25
    assert (found.stream > 0).all()


@few
@given(
    seed=seeds,
    scale=st.floats(0.01, 100).map(lambda a: float(f"{a:.3g}")),
    shift=st.tuples(st.integers(-9, 9), st.integers(-9, 9)),
)
def test_the_fractions_do_not_change_when_field_and_box_are_moved_and_scaled_together(seed, scale, shift):
    v = random_field(seed)
    moved = [(scale * lo + c, scale * hi + c) for (lo, hi), c in zip(BOX, shift, strict=True)]
    back = {s: (s - c) / sp.Rational(repr(scale)) for s, c in zip((x, y), shift, strict=True)}
    other = VectorField([3 * e.subs(back, simultaneous=True) for e in v.expressions], ("x", "y"))
    one, two = helmholtz(v, resolution=17), helmholtz(other, moved, 17)
    assert_allclose([two.energy[p] for p in PARTS], [one.energy[p] for p in PARTS], atol=1e-10)
    assert two.total == pytest.approx(9 * scale**2 * one.total, rel=1e-9)
    assert_allclose(two.stream, 3 * scale * one.stream, atol=1e-9 * scale)


def test_turning_a_field_by_a_quarter_exchanges_potential_and_stream_up_to_their_places_on_the_grid():
    one, two = helmholtz(field_of(PHI, PSI), resolution=129), helmholtz(field_of(PSI, -PHI), resolution=129)
    assert_allclose(one.energy["gradient"], two.energy["solenoidal"], rtol=1e-3)
    centred = (one.potential[1:, 1:] + one.potential[:-1, 1:] + one.potential[1:, :-1] + one.potential[:-1, :-1]) / 4
    assert_allclose(centred, -two.stream, atol=5e-4)


def test_this_is_not_the_split_of_the_jacobian():
    """v = (-y³, 0) has J with S ≠ 0 and A ≠ 0 of equal norms, yet there is no gradient in it beyond the rest."""
    J = VectorField(("-y**3", "0"), ("x", "y"), box=BOX).jacobian([1.0, -0.5])
    assert np.linalg.norm(J + J.T) == pytest.approx(np.linalg.norm(J - J.T))
    found = helmholtz(VectorField(("-y**3", "0"), ("x", "y"), box=BOX), resolution=65)
    assert found.energy["gradient"] < 1e-25
    assert found.energy["solenoidal"] > 0.1


def test_a_numeric_field_serves_as_well_as_one_of_formulas():
    v = random_field(5)
    numeric = ArrayField(v, v.jacobian, ("x", "y"), box=BOX)
    assert helmholtz(numeric).energy == helmholtz(v).energy


def test_the_result_says_its_boundary_conditions_in_words_and_turns_into_plain_numbers():
    found = helmholtz(games.curl().field(), resolution=9)
    assert "potential 0 on the boundary" in found.boundary
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["boundary"] == found.boundary
    assert sum(plain["energy"].values()) == pytest.approx(1)
    assert found.velocity.at_centres.shape == (8, 8, 2)
    x_mid, y_mid = np.meshgrid(*found.grid.centres, indexing="ij")
    assert_allclose(found.velocity.at_centres, np.stack([-y_mid, x_mid], -1), atol=1e-14)


def test_a_field_that_vanishes_has_no_fractions():
    found = helmholtz(VectorField(("0", "0"), ("x", "y")), BOX)
    assert found.total == 0
    assert found.to_dict()["energy"] == dict.fromkeys(PARTS)


POLE = VectorField(("log(x - 1)", "y"), ("x", "y"))


@pytest.mark.parametrize(
    ("v", "box", "resolution", "message"),
    [
        (VectorField(("x",), ("x",)), [(0, 1)], 65, r"the field has 1 variables \(x\).*of two variables"),
        (games.lorenz(), None, 65, r"the field has 3 variables \(x, y, z\)"),
        (VectorField(("t*x", "y"), ("x", "y"), time="t"), BOX, 65, "depends on time"),
        (games.curl().field(), None, 4, "resolution is 4; give a whole number of nodes per axis, 5 to"),
        (games.curl().field(), None, 10**6, "resolution is 1000000"),
        (games.curl().field(), None, 6.5, "resolution is 6.5"),
        (games.curl().field(), None, True, "resolution is True"),
        (games.curl().field(), [(1, 0), (0, 1)], 65, "lower end must be below"),
        (VectorField(("x", "y"), ("x", "y")), None, 65, "box is missing"),
        (POLE, BOX, 5, r"component nan at x = 0.25, y = -1, inside the box; give one"),
        (
            VectorField(("exp(x)", "y"), ("x", "y")),
            [(600, 700), (0, 1)],
            5,
            r"component 1.\d*e\+266 at x = 612.5, y = 0",
        ),
    ],
)
def test_what_cannot_be_decomposed_is_refused_with_the_reason(v, box, resolution, message):
    with pytest.raises(InputError, match=message):
        helmholtz(v, box, resolution)
