"""How cycles grow beyond a border: their sizes predicted by the normal form, and measured by simulation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.birkhoff import birkhoff_weights
from analysis.iterations import Iteration
from analysis.normal_forms import NormalForm, normal_form
from analysis.precision import polish
from analysis.updates import update_jacobian
from analysis.zeros import zero_near
from dynsys.array_field import check_symbolic
from dynsys.errors import InputError, nearest, shown
from dynsys.expressions import finite
from dynsys.field import VectorField
from integrators.adaptive.embedded import DormandPrince
from integrators.adaptive.flows import flow
from integrators.checks import check_positive, check_step
from integrators.ensembles import ensemble
from integrators.method import Method, check_method
from integrators.status import Status

OFFSETS = (0.002, 0.004, 0.008, 0.016, 0.032)  # relative to the border, or absolute where it is 0
SETTLED = 1e-5  # relative change of a size from one stage to the next
STAGES = 60  # of a relaxation by e⁻⁴ each, at the least distance
WINDOW = 1024  # steps over which a size is averaged
CYCLES = ("flip", "Neimark-Sacker", "Hopf")


@dataclass(frozen=True, eq=False)
class CycleGrowth:
    r"""Sizes of the cycles at distances ε beyond a border, as root mean squares of the distance from the zero.

    `sizes` (m,) are those measured at `distances` (m,) = |parameter - border|, nan where no cycle was reached.
    `exponent` and its standard `error` are the slope of log size over log ε, corrected by a term of the order ε, and
    `constant` its c in size = c ε^exponent; `root_constant` the limit of size/√ε as ε -> 0. `predicted` is this limit
    by the normal form `form`, None where the border is degenerate or its cycles lie before it.

    .. math:: |r| = \sqrt{\delta/|a|}, \qquad \text{size} = |r| \text{ (flip)}, \quad \sqrt 2\,|r|
              \text{ (Neimark-Sacker, Hopf)}, \qquad \delta \approx \frac{d|\zeta|}{d\varepsilon}\, \varepsilon
    """

    parameter: str
    border: float
    side: int
    distances: np.ndarray
    sizes: np.ndarray
    exponent: float
    error: float
    constant: float
    root_constant: float
    predicted: float | None
    form: NormalForm

    @property
    def text(self) -> str:
        """In words."""
        where = f"beyond {self.parameter} = {self.border:.8g}"
        if not math.isfinite(self.exponent):
            return f"{self.form.kind} at {self.parameter} = {self.border:.8g}: no cycle was reached beyond it"
        measured = f"sizes grow as {self.constant:.4g} ε^{self.exponent:.4f} (± {self.error:.2g}) {where}"
        if self.predicted is None:
            return f"{self.form.kind}, {self.form.verdict}: {measured}; the normal form predicts none"
        ratio = self.root_constant / self.predicted
        law = f"√ε law {self.root_constant:.5g}, predicted {self.predicted:.5g} ({ratio:.4f})"
        return f"{self.form.kind}: {measured}; {law}"

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, nan as None."""
        number = lambda value: None if value is None or not math.isfinite(value) else float(value)  # noqa: E731
        return {
            "parameter": self.parameter,
            "border": self.border,
            "side": self.side,
            "distances": self.distances.tolist(),
            "sizes": [number(size) for size in self.sizes],
            "exponent": number(self.exponent),
            "error": number(self.error),
            "constant": number(self.constant),
            "root_constant": number(self.root_constant),
            "predicted": number(self.predicted),
            "normal_form": self.form.to_dict(),
            "text": self.text,
        }


def cycle_growth(
    field: VectorField,
    x: Any,
    parameter: str,
    border: float,
    method: Method | None = None,
    h: float | None = None,
    offsets: Sequence[float] = OFFSETS,
    kick: float | None = None,
    divergence_bound: float = 1e3,
) -> CycleGrowth:
    """Cycles born where the zero x, at the value `border` of a parameter, loses its stability: their sizes beyond.

    Of the update of `method` for `parameter` "h", or with step h for a parameter of the field; of the flow without a
    method. The border is one of `critical_step` or `critical_parameter`. At each of the `offsets`, relative to the
    border (absolute where it is 0), a run starts beside the zero, `kick` away along the critical direction (default:
    half of the predicted size, or 0.05), and is followed until its mean size over 1024 steps settles. The zero is
    followed as the parameter changes.

    Raises `InputError` if x is no zero there, the border is none (what is nearest, and how far), is not one at which
    cycles are born, or is not crossed; and for unknown parameters and bad offsets.
    """
    study = _Study(field, x, parameter, border, method, h)
    shares = np.asarray([finite(o, "offsets") for o in offsets] if np.ndim(offsets) == 1 else [])
    if len(shares) < 3 or (shares <= 0).any() or len(set(shares)) < len(shares):
        raise InputError(f"offsets is {shown(offsets)}; give three or more different positive numbers in a sequence")
    distances = np.sort(shares) * (abs(study.border) or 1.0)
    side = study.side(float(distances[0]))
    predicted = study.predicted(side, float(distances[0]))
    half = 0.05 if predicted is None else 0.5 * predicted * np.sqrt(distances)
    away = np.broadcast_to(half if kick is None else check_positive(kick, "kick"), distances.shape)
    sizes = study.sizes(study.border + side * distances, away, divergence_bound)
    exponent, error, constant, root = _fitted(distances, sizes)
    return CycleGrowth(
        parameter, study.border, side, distances, sizes, exponent, error, constant, root, predicted, study.form
    )


class _Study:
    """A zero at a border, and runs beyond it."""

    def __init__(self, field: Any, x: Any, parameter: str, border: Any, method: Method | None, h: float | None):
        self.plain = check_symbolic(field, "the growth of cycles")
        self.parameter, self.border = parameter, finite(border, "border")
        self.steps = parameter == "h" and "h" not in self.plain.parameters
        if self.steps and (method is None or h is not None):
            raise InputError("parameter is 'h', the step size; give a method, and leave out h")
        if not self.steps:
            if parameter not in self.plain.parameters:
                known = [*self.plain.parameters, "h"]
                raise InputError(f"the field has no parameter {parameter!r}; {nearest(parameter, known)}")
            if (method is None) != (h is None):
                raise InputError(f"method is {method!r} and h is {h!r}; give both for the update, neither for the flow")
        self.method = None if method is None else check_method(method, self.plain)
        self.h = None if h is None else check_step(h)
        field_there, h_there = self.at(self.border)
        self.zero = np.array([float(c) for c in zero_near(field_there, x)])
        self.form = normal_form(field_there, self.zero, self.method, h_there)
        if self.form.kind not in CYCLES:
            raise InputError(
                f"at {parameter} = {self.border:g} there is a {self.form.kind}, where no cycle is born; give the "
                "border of a flip, a Neimark-Sacker or a Hopf point"
            )

    def at(self, value: float) -> tuple[VectorField, float | None]:
        """The field and the step size at a value of the parameter."""
        if self.steps:
            return self.plain, check_step(value, "border")
        return self.plain.with_parameters(**{self.parameter: value}), self.h

    def zero_at(self, value: float) -> np.ndarray:
        """The zero, followed from the border."""
        field, _ = self.at(value)
        found = polish(field, list(self.zero), reach=1.0 + float(np.linalg.norm(self.zero)))
        if found is None:
            raise InputError(f"the zero is lost before {self.parameter} = {value:g}; take smaller offsets")
        return np.array([float(c) for c in found])

    def excess(self, value: float) -> float:
        """|ζ| - 1 or Re λ of the critical eigenvalue: the nearest to that at the border."""
        field, h = self.at(value)
        zero = self.zero_at(value)
        J = field.jacobian(zero) if self.method is None or h is None else update_jacobian(field, zero, self.method, h)
        values = np.linalg.eigvals(J)
        z = values[int(np.argmin(np.abs(values - self.form.multiplier)))]
        return float(z.real) if self.method is None else float(abs(z) - 1)

    def side(self, distance: float) -> int:
        """The side of the border on which the zero repels."""
        rates = {s: self.excess(self.border + s * distance) for s in (1, -1)}
        side = max(rates, key=lambda s: rates[s])
        if rates[side] <= 0:
            raise InputError(f"at {self.parameter} = {self.border:g} the zero loses its stability on neither side")
        return side

    def predicted(self, side: int, distance: float) -> float | None:
        """The limit of size/√ε by the normal form."""
        small = 1e-4 * distance
        slope = self.excess(self.border + side * small) / small
        amplitude = self.form.amplitude(slope * small)
        if not math.isfinite(amplitude):
            return None
        q = self.form.direction[: self.plain.n]
        size = amplitude * float(np.linalg.norm(q)) * (1 if self.form.kind == "flip" else math.sqrt(2))
        return size / math.sqrt(small)

    def sizes(self, values: np.ndarray, kick: np.ndarray, bound: float) -> np.ndarray:
        """The sizes at these values of the parameter, nan where runs end elsewhere."""
        zeros = np.array([self.zero_at(float(value)) for value in values])
        rates = np.array([self.excess(float(value)) for value in values])
        direction = self.form.direction[: self.plain.n].real
        points = zeros + kick[:, None] * direction / max(float(np.linalg.norm(direction)), 1e-300)
        run = self._strides if self.method is not None else self._times
        return run(values, zeros, points, rates, bound)

    def _strides(
        self, values: np.ndarray, zeros: np.ndarray, points: np.ndarray, rates: np.ndarray, bound: float
    ) -> np.ndarray:
        assert self.method is not None
        if Iteration(self.plain, self.method, self.at(self.border)[1] or 1.0).k > self.plain.n:
            return np.array([self._one(*every, bound) for every in zip(values, zeros, points, rates, strict=True)])
        h: Any = values if self.steps else self.h
        parameters = None if self.steps else {self.parameter: values}
        before, settled = np.full(len(values), np.nan), np.zeros(len(values), bool)
        stage = math.ceil(2 / rates.min())
        for count in [stage] * STAGES:
            moved = ensemble(self.plain, points, self.method, h, count, parameters, divergence_bound=bound)
            path = ensemble(self.plain, moved.x, self.method, h, WINDOW, parameters, divergence_bound=bound, every=1)
            if path.path is None:
                break
            sizes = _root_mean_square(np.asarray(path.path.x).transpose(1, 0, 2) - zeros[:, None])
            lost = ~np.isin(path.status, (Status.FINISHED, Status.STATIONARY))
            sizes[lost] = np.nan
            settled = lost | (np.abs(sizes - before) <= SETTLED * sizes)
            before, points = sizes, path.x
            if settled.all():
                break
        return np.where(settled & (before > 1e-9), before, np.nan)

    def _one(self, value: float, zero: np.ndarray, point: np.ndarray, rate: float, bound: float) -> float:
        """The size at one value, of a method with memory: its whole state goes on from stage to stage."""
        field, h = self.at(float(value))
        assert self.method is not None and h is not None
        iteration = Iteration(field, self.method, h)
        state, before = iteration.start(point), math.nan
        stage = math.ceil(2 / rate)
        for count in [stage] * STAGES:
            rows = iteration.orbit(state, count + WINDOW, bound)
            if len(rows) <= count + WINDOW:
                return math.nan
            size = float(_root_mean_square((rows[-WINDOW:, : field.n] - zero)[None])[0])
            if abs(size - before) <= SETTLED * size:
                return size if size > 1e-9 else math.nan
            state, before = rows[-1], size
        return math.nan

    def _times(
        self, values: np.ndarray, zeros: np.ndarray, points: np.ndarray, rates: np.ndarray, bound: float
    ) -> np.ndarray:
        turn = 2 * math.pi / abs(self.form.multiplier.imag)
        before, settled = np.full(len(values), np.nan), np.zeros(len(values), bool)
        stage = 2 / rates.min()
        for span in [stage] * STAGES:
            times = np.concatenate([[0.0], span + np.linspace(0, 24 * turn, WINDOW // 2)])
            run = flow(
                self.plain,
                points,
                times,
                DormandPrince(),
                1e-8,
                1e-11,
                {self.parameter: values},
                divergence_bound=bound,
            )
            sizes = _root_mean_square(run.x[1:].transpose(1, 0, 2) - zeros[:, None])
            lost = run.status != Status.FINISHED
            sizes[lost] = np.nan
            settled = lost | (np.abs(sizes - before) <= SETTLED * sizes)
            before, points = sizes, run.x[-1]
            if settled.all():
                break
        return np.where(settled & (before > 1e-9), before, np.nan)


def _root_mean_square(away: np.ndarray) -> np.ndarray:
    """The weighted root mean square over time of vectors (m, steps, n), (m,)."""
    return np.sqrt((away**2).sum(2) @ birkhoff_weights(away.shape[1]))


def _fitted(distances: np.ndarray, sizes: np.ndarray) -> tuple[float, float, float, float]:
    """Exponent, its standard error, c of c ε^exponent, and the limit of size/√ε; nan where too few cycles were met."""
    good = np.isfinite(sizes)
    nan = math.nan
    if good.sum() < 3:
        return nan, nan, nan, nan
    e, s = distances[good], sizes[good]
    columns = [np.log(e), np.ones(len(e))] + ([e / e.max()] if len(e) > 3 else [])
    A = np.column_stack(columns)
    fitted, _, _, _ = np.linalg.lstsq(A, np.log(s), rcond=None)
    rest = np.log(s) - A @ fitted
    freedom = max(1, len(e) - A.shape[1])
    spread = float(rest @ rest) / freedom * np.linalg.inv(A.T @ A)[0, 0]
    squares = np.linalg.lstsq(np.column_stack([np.ones(len(e)), e]), s**2 / e, rcond=None)[0]
    root = math.sqrt(squares[0]) if squares[0] > 0 else nan
    return float(fitted[0]), math.sqrt(spread), math.exp(float(fitted[1])), root
