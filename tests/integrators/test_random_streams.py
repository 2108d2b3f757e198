"""Random numbers from counters: the published generator, exact transformations, and no trace of the counter."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dynsys.errors import InputError
from dynsys.minibatches import MinibatchField, StochasticGame, discrete, normal
from integrators.draws import Draws
from integrators.random_streams import normal_pair, seed_of, signed_radius, threefry, unit

WORDS = st.integers(0, 2**64 - 1)
EXTREME = np.array(
    [w % 2**64 for k in range(65) for w in (2**k - 1, 2**k, 2**k + 1, -(2**k), 2**63 + 2**k)], dtype=np.uint64
)
MANY = np.random.default_rng(5).integers(0, 2**64, 200_000, dtype=np.uint64, endpoint=False)


def words(*numbers):
    return [np.uint64(number) for number in numbers]


def stream(seed, run, step, place):
    """Two words each, for arrays of counters that broadcast."""
    with np.errstate(over="ignore"):
        arrays = np.broadcast_arrays(*(np.asarray(c, dtype=np.uint64) for c in (seed, run, step, place)))
        return threefry(*arrays)


# --- the generator --------------------------------------------------------------------------------

KNOWN = [  # of the Random123 distribution, kat_vectors: threefry2x64, 13 rounds: key, counter, output
    ((0, 0), (0, 0), (0xF167B032C3B480BD, 0xE91F9FEE4B7A6FB5)),
    ((2**64 - 1, 2**64 - 1), (2**64 - 1, 2**64 - 1), (0xCCDEC5C917A874B1, 0x4DF53ABCA26CEB01)),
    (
        (0xA4093822299F31D0, 0x082EFA98EC4E6C89),
        (0x243F6A8885A308D3, 0x13198A2E03707344),
        (0xC3AAC71561042993, 0x3FE7AE8801AFF316),
    ),
]


@pytest.mark.parametrize(("key", "counter", "output"), KNOWN)
def test_threefry_gives_the_published_words(key, counter, output):
    with np.errstate(over="ignore"):
        assert tuple(map(int, threefry(*words(*key, *counter)))) == output
    assert [int(w[0]) for w in stream(*([c] for c in (*key, *counter)))] == list(output)


@given(key=st.tuples(WORDS, WORDS), counter=st.tuples(WORDS, WORDS), which=st.integers(0, 3), bit=st.integers(0, 63))
def test_every_bit_of_key_and_counter_stirs_the_whole_output(key, counter, which, bit):
    here = [*key, *counter]
    there = [w ^ (1 << bit if i == which else 0) for i, w in enumerate(here)]
    with np.errstate(over="ignore"):
        one, two = threefry(*words(*here)), threefry(*words(*there))
    flipped = sum(int(a ^ b).bit_count() for a, b in zip(one, two))
    assert 30 <= flipped <= 98  # 64 of 128 with deviation 5.7


# --- uniform numbers ------------------------------------------------------------------------------


@given(w=WORDS)
@example(w=0)
@example(w=2**64 - 1)
@example(w=2**63)
@example(w=2**12 - 1)
def test_a_unit_is_exactly_the_first_52_bits_as_a_binary_fraction(w):
    assert float(unit(np.uint64(w))) == (w >> 12) / 2**52


def test_units_of_arrays_are_those_of_their_words_and_stay_below_one():
    for many in (EXTREME, MANY):
        u = unit(many)
        assert u.dtype == float and (u >= 0).all() and (u < 1).all()
        assert_array_equal(u, (many >> np.uint64(12)).astype(float) / 2.0**52)


# --- normal numbers -------------------------------------------------------------------------------


def box_muller(w):
    """The two numbers of a word in the words of the definition, with NumPy's own log, cos and sin."""
    u = ((w >> np.uint64(24)).astype(float) + 0.5) / 2.0**40
    sign = np.where(w & np.uint64(1 << 23), -1.0, 1.0)
    t = ((w & np.uint64(2**23 - 1)).astype(float) + 0.5) / 2.0**23 - 0.5
    radius = sign * np.sqrt(-2 * np.log(u))
    return radius, radius * np.cos(np.pi * t), radius * np.sin(np.pi * t)


@pytest.mark.parametrize("many", [EXTREME, MANY], ids=["extreme", "many"])
def test_normal_numbers_are_box_and_mullers(many):
    radius, one, two = box_muller(many)
    r = signed_radius(many)
    a, b = normal_pair(r, many)
    assert_allclose(r, radius, rtol=1e-9, atol=1e-9)
    assert_allclose(a, one, rtol=0, atol=1e-8)
    assert_allclose(b, two, rtol=0, atol=1e-8)


@given(w=WORDS)
@example(w=0)
@example(w=2**64 - 1)
@example(w=2**63)
@example(w=2**23)
@example(w=2**23 - 1)
@example(w=2**24 - 1)
@example(w=(2**40 - 1) << 24)
def test_normal_numbers_of_any_word_are_finite_and_below_7_6(w):
    w = np.uint64(w)
    r = signed_radius(w)
    assert 0 < abs(r) < 7.6 and (r < 0) == bool(int(w) & 2**23)
    a, b = normal_pair(r, w)
    assert np.isfinite([a, b]).all() and max(abs(a), abs(b)) < 7.6
    assert a * a + b * b == pytest.approx(r * r, rel=1e-8)
    arrays = normal_pair(signed_radius(np.array([w])), np.array([w]))
    assert (float(a), float(b)) == (arrays[0][0], arrays[1][0])  # bit for bit, alone and among others


# --- what they are distributed as -----------------------------------------------------------------

M = 200_000
RUNS = np.arange(M)


def test_units_are_uniform_along_runs_steps_and_places():
    for counters in ((1, RUNS, 0, 0), (1, 0, RUNS, 0), (1, 0, 0, RUNS), (RUNS, 0, 0, 0)):
        for word in stream(*counters):
            assert scipy.stats.kstest(unit(word), "uniform").pvalue > 1e-3


def test_normal_numbers_are_normal_to_their_fourth_moments():
    for counters in ((2, RUNS, 3, 1), (2, 3, RUNS, 1), (2, 3, 1, RUNS)):
        for word in stream(*counters):
            for z in normal_pair(signed_radius(word), word):
                assert scipy.stats.kstest(z, "norm").pvalue > 1e-3
                for k, moment in ((1, 0), (2, 1), (3, 0), (4, 3)):
                    deviation = np.sqrt((scipy.stats.norm.moment(2 * k) - moment**2) / M)
                    assert abs((z**k).mean() - moment) < 4 * deviation


def test_numbers_of_different_runs_steps_places_and_words_are_independent():
    first = stream(4, RUNS, 0, 0)
    others = {
        "run": stream(4, RUNS + 1, 0, 0),
        "step": stream(4, RUNS, 1, 0),
        "place": stream(4, RUNS, 0, 1),
        "seed": stream(5, RUNS, 0, 0),
        "step and place exchanged": stream(4, 0, RUNS, 0),
    }
    pairs = [normal_pair(signed_radius(w), w) for w in first]
    numbers = [z for pair in pairs for z in pair]  # four of one place
    candidates = {**{f"word {i}": z for i, z in enumerate(numbers[1:])}}
    for name, both in others.items():
        candidates[name] = normal_pair(signed_radius(both[0]), both[0])[0]
    z = numbers[0]
    for name, other in candidates.items():
        for f in (lambda c: c, lambda c: c**2, np.abs, np.sign):
            correlation = np.corrcoef(f(z), f(other))[0, 1]
            assert abs(correlation) < 4.5 / np.sqrt(M), name


def test_two_numbers_of_a_pair_point_in_every_direction_alike():
    for word in stream(6, RUNS, 0, 0):
        a, b = normal_pair(signed_radius(word), word)
        assert scipy.stats.kstest(np.arctan2(b, a) / (2 * np.pi) + 0.5, "uniform").pvalue > 1e-3
        assert scipy.stats.kstest((a * a + b * b) / 2, "expon").pvalue > 1e-3


def test_noise_of_a_single_value_is_drawn_beside_other_noise():
    game = StochasticGame({"one": ("x",)}, {"one": "a*b*x"}, {"a": discrete([1.5]), "b": normal()})
    drawn = Draws(MinibatchField(game, 3), 1).stream(np.uint64(1), np.arange(7))(0)
    assert drawn.shape == (1, 3, 2, 7)
    assert (drawn[:, :, 0] == 1.5).all() and len(np.unique(drawn[:, :, 1])) == 21


# --- seeds ----------------------------------------------------------------------------------------


def test_a_seed_is_a_whole_number_or_comes_from_a_generator_that_moves_on():
    assert seed_of(7) == seed_of(np.int64(7)) == np.uint64(7) and seed_of(2**64 - 1) == np.uint64(2**64 - 1)
    rng = np.random.default_rng(3)
    one, two = seed_of(rng), seed_of(rng)
    assert one != two and seed_of(np.random.default_rng(3)) == one and one.dtype == np.uint64


@pytest.mark.parametrize("rng", [-1, 2**64, 1.0, True, None, "seed", np.random.RandomState(1)])
def test_what_is_no_seed_is_refused(rng):
    with pytest.raises(InputError, match=r"rng is .*; give a whole number from 0 to"):
        seed_of(rng)
