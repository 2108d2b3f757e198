"""The batches that a run sees: which samples, step by step, from its random stream; in arrays and as a kernel's text.

Sample b of a batch takes its numbers from the stream's place (run, step, batch, source, b): of a word pair there, two
uniform or four normal numbers come. A batch without replacement is the beginning of a row of row numbers that
exchanges of random pairs keep shuffling (Fisher & Yates 1938); the row belongs to the run and the batch's number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dynsys.minibatches.minibatch_field import MinibatchField
from dynsys.minibatches.populations import Data, Noise
from integrators.random_streams import normal_pair, signed_radius, threefry, unit
from integrators.status import LANES
from integrators.tracing import Program

GROUP = 4  # samples that are drawn together


class Draws:
    """The samples of `evaluations` evaluations a step of a minibatch field: numbers, places, and layout."""

    def __init__(self, field: MinibatchField, evaluations: int):
        self.field, self.evaluations = field, evaluations
        self.population = field.source.population
        self.B, self.D = field.batch, len(self.population.names)
        self.batches = evaluations * field.parts[2]  # batches a step
        self.rows = -(-self.B // GROUP) * GROUP  # rows that a batch takes in memory
        self.sources = _sources(self.population)
        self.shuffles = field.sampling != "iid"
        widest = max(self.B, self.population.size or 0) if field.sampling == "reshuffled" else self.B
        self.groups = -(-widest // GROUP)
        self.per_epoch = (self.population.size or 0) // self.B

    @property
    def stride(self) -> int:
        """Doubles of all lanes between the samples of one evaluation and of the next."""
        return self.field.parts[2] * self.rows * self.D * LANES

    @property
    def size(self) -> int:
        """Doubles that a block's samples take."""
        return self.batches * self.rows * self.D * LANES

    @property
    def _section(self) -> int:
        """Words of all lanes that one source of a batch takes."""
        return self.rows * LANES

    @property
    def words(self) -> int:
        """Words that the sources of a block's batch take."""
        return self._section * len(self.sources)

    @property
    def turns(self) -> int:
        """How many groups of rows a batch takes."""
        return self.rows // GROUP

    @property
    def indices(self) -> int:
        """Whole numbers that a block's shuffled rows take."""
        return self.batches * (self.population.size or 0) * LANES if self.shuffles else 1

    @property
    def table(self) -> np.ndarray:
        """The data, row by row in one line; one number for declared noise."""
        return self.population.table.ravel() if isinstance(self.population, Data) else np.zeros(1)

    def offset(self, sample: int) -> int:
        """Where the entries of a sample of an evaluation begin."""
        return ((sample // self.B) * self.rows + sample % self.B) * self.D * LANES

    # --- in arrays ------------------------------------------------------------------------------

    def stream(self, seed: np.uint64, runs: np.ndarray) -> Callable[[int], np.ndarray]:
        """k -> the samples that these runs see in step k (-1: at the start), in turn.

        Shape (evaluations, samples, entries, runs). Steps must be asked for in order, once each.
        """
        orders = [np.tile(np.arange(self.population.size or 0), (len(runs), 1)) for _ in range(self.batches)]

        def samples(k: int) -> np.ndarray:
            with np.errstate(over="ignore"):
                drawn = [self._batch(seed, runs, k, batch, orders[batch]) for batch in range(self.batches)]
            return np.stack(drawn).reshape(self.evaluations, self.field.parts[2] * self.B, self.D, len(runs))

        return samples

    def _words(self, seed: np.uint64, runs: np.ndarray, k: int, batch: int, source: int, pair: int) -> Any:
        place = np.uint64((batch * len(self.sources) + source) * (2 * self.groups) + pair)
        return threefry(seed, runs.astype(np.uint64), np.uint64(k + 1), np.full(len(runs), place))

    def _batch(self, seed: np.uint64, runs: np.ndarray, k: int, batch: int, order: np.ndarray) -> np.ndarray:
        """One batch, shape (B, D, runs)."""
        numbers = lambda kind, s, b: self._number(kind, seed, runs, k, batch, s, b)  # noqa: E731
        if isinstance(self.population, Noise):
            return np.stack([self._sample(numbers, b) for b in range(self.B)])
        rows, N = np.arange(len(runs)), self.population.size
        if not self.shuffles:
            chosen = [(numbers("uniform", 0, b) * N).astype(int) for b in range(self.B)]
        elif self.field.sampling == "reshuffled":
            first = max(k, 0) % self.per_epoch * self.B
            if first == 0:
                _shuffle(order, rows, lambda i: numbers("uniform", 0, i), N - 1)
            chosen = [order[:, first + b] for b in range(self.B)]
        else:
            _shuffle(order, rows, lambda i: numbers("uniform", 0, i), self.B)
            chosen = [order[:, b] for b in range(self.B)]
        return np.stack([self.population.table[c].T for c in chosen])

    def _number(
        self, kind: str, seed: np.uint64, runs: np.ndarray, k: int, batch: int, source: int, b: int
    ) -> np.ndarray:
        """The source's number for sample b."""
        if kind == "uniform":
            return unit(self._words(seed, runs, k, batch, source, b // 2)[b % 2])
        word = self._words(seed, runs, k, batch, source, 2 * (b // GROUP))[b % GROUP // 2]
        return normal_pair(signed_radius(word), word)[b % 2]

    def _sample(self, numbers: Callable[[str, int, int], np.ndarray], b: int) -> np.ndarray:
        """The entries of sample b of declared noise."""
        found = [numbers(kind, s, b) for s, (_, kind) in enumerate(self.sources)]
        drawn = [d.draw(*(found[s] for s in own)) for d, own in self._by_entry()]
        return np.stack([np.broadcast_to(entry, found[0].shape) for entry in drawn])  # one value is no array

    def _by_entry(self) -> Iterator[tuple[Any, list[int]]]:
        """Each noise's distribution, and the numbers of its sources."""
        assert isinstance(self.population, Noise)
        for j, distribution in enumerate(self.population.distributions.values()):
            yield distribution, [s for s, (entry, _) in enumerate(self.sources) if entry == j]

    # --- as text --------------------------------------------------------------------------------

    def text(self) -> str:
        """`draw(z, w, r, order, table, seed, first, groups, k)`: samples of step k, into z, of runs first, … in lanes.

        w and r are room for words and radii, `order` keeps the shuffled rows from step to step.
        """
        if isinstance(self.population, Noise):
            return "\n".join([*self._value_texts(), self._noise_text()])
        return self._index_text() if not self.shuffles else self._shuffle_text()

    def _value_texts(self) -> Iterator[str]:
        """A function for each noise's draw."""
        for j, (distribution, own) in enumerate(self._by_entry()):
            program = Program()
            names = [f"n{i}" for i in range(len(own))]
            value = distribution.draw(*map(program.atom, names))
            yield f"@emitted\ndef value{j}({', '.join(names)}):\n{program.text([value])}\n"

    def _noise_text(self) -> str:
        """Loops over words, radii and values in turn: each short enough for the processor to overlap its turns."""
        groups, fill, values = self.turns, [], []
        for s, (_, kind) in enumerate(self.sources):
            pairs = 2 if kind == "uniform" else 1
            first = s * self._section
            fill.append(
                WORDS.format(pairs=groups * pairs, place=self._place_text(s, f"{3 - pairs} * pair"), first=first)
            )
            if kind == "normal":
                fill.append(RADII.format(first=first, last=first + 2 * groups * LANES))
            words = [f"w[{first + i * LANES} + {2 * pairs * LANES} * g + lane]" for i in range(2 * pairs)]
            if kind == "uniform":
                values += [f"n{s}_{i} = unit({word})" for i, word in enumerate(words)]
            else:
                radii = [word.replace("w[", "r[", 1) for word in words]
                numbers = [f"n{s}_{2 * i}, n{s}_{2 * i + 1}" for i in range(2)]
                values += [f"{n} = normal_pair({r}, {w})" for n, r, w in zip(numbers, radii, words)]
        for j, (_, own) in enumerate(self._by_entry()):
            for i in range(GROUP):
                arguments = ", ".join(f"n{s}_{i}" for s in own)
                values.append(f"z[at + {(i * self.D + j) * LANES} + lane] = value{j}({arguments})[0]")
        lines = "\n".join(f"                {line}" for line in values)
        turn = GROUP * self.D * LANES
        return NOISE.format(batches=self.batches, turn=turn, fill="".join(fill), values=lines)

    def _index_text(self) -> str:
        return INDICES.format(
            batches=self.batches, pairs=self.rows // 2, N=self.population.size, D=self.D,
            place=self._place_text(0, "pair"),
        )  # fmt: skip

    def _shuffle_text(self) -> str:
        again = self.field.sampling == "reshuffled"
        N = self.population.size
        return SHUFFLES.format(
            batches=self.batches, rows=self.rows, B=self.B, N=N, D=self.D, place=self._place_text(0, "pair"),
            first=f"max(k, 0) % {self.per_epoch} * {self.B}" if again else "0",
            exchanges=f"{(N or 0) - 1} if first == 0 else 0" if again else str(self.B),
        )  # fmt: skip

    def _place_text(self, source: int, pair: str) -> str:
        return f"np.uint64((batch * {len(self.sources)} + {source}) * {2 * self.groups} + {pair})"


NOISE = """
@apart
def draw(z, w, r, order, table, seed, first, groups, k):
    wide_vectors()
    step = np.uint64(k + 1)
    at = 0
    for batch in range({batches}):
{fill}        for g in range(groups):  # of copies for each g LLVM would turn but the first into vectors
            for lane in range(LANES):
{values}
            at += {turn}
"""

WORDS = """\
        for pair in range({pairs}):
            place = {place}
            for lane in range(LANES):
                a, b = threefry(seed, np.uint64(first + lane), step, place)
                w[{first} + 2 * pair * LANES + lane] = a
                w[{first} + (2 * pair + 1) * LANES + lane] = b
"""

RADII = """\
        for i in range({first}, {last}):
            r[i] = signed_radius(w[i])
"""

INDICES = """
@apart
def draw(z, w, r, order, table, seed, first, groups, k):
    wide_vectors()
    step = np.uint64(k + 1)
    at = 0
    for batch in range({batches}):
        for pair in range({pairs}):
            for lane in range(LANES):
                a, b = threefry(seed, np.uint64(first + lane), step, {place})
                one, two = {D} * np.int64(unit(a) * {N}.0), {D} * np.int64(unit(b) * {N}.0)
                for j in range({D}):
                    z[at + j * LANES + lane] = table[one + j]
                    z[at + ({D} + j) * LANES + lane] = table[two + j]
            at += 2 * {D} * LANES
"""

SHUFFLES = """
@apart
def draw(z, w, r, order, table, seed, first_run, groups, k):
    # order: of the rows, a column a lane
    step = np.uint64(k + 1)
    first = {first}
    for batch in range({batches}):
        here = batch * {N}
        if k < 0:
            for i in range({N}):
                for lane in range(LANES):
                    order[(here + i) * LANES + lane] = i
        for i in range({exchanges}):
            pair = i >> 1
            for lane in range(LANES):
                a, b = threefry(seed, np.uint64(first_run + lane), step, {place})
                j = i + np.int64(unit(b if i % 2 == 1 else a) * ({N}.0 - i))
                one, two = (here + i) * LANES + lane, (here + j) * LANES + lane
                order[one], order[two] = order[two], order[one]
        for i in range({B}):
            for lane in range(LANES):
                row = {D} * order[(here + first + i) * LANES + lane]
                for j in range({D}):
                    z[((batch * {rows} + i) * {D} + j) * LANES + lane] = table[row + j]
"""


def _sources(population: Any) -> list[tuple[int, str]]:
    """(entry, kind) of the random numbers that a sample takes, in order; a row's number takes one."""
    if isinstance(population, Data):
        return [(0, "uniform")]
    return [(j, kind) for j, d in enumerate(population.distributions.values()) for kind in d.sources]


def _shuffle(order: np.ndarray, rows: np.ndarray, uniform: Callable[[int], np.ndarray], exchanges: int) -> None:
    """Exchange entry i of each row with a random one from i on, for the first entries, in place."""
    N = order.shape[1]
    for i in range(exchanges):
        j = i + (uniform(i) * (N - i)).astype(int)
        order[rows, i], order[rows, j] = order[rows, j], order[rows, i].copy()
