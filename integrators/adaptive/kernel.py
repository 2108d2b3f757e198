"""The text of an adaptive kernel: one trajectory, in chunks of steps, or many in lanes, each with a step of its own.

Time is kept apart from the point, as a sum of two numbers, so that its rounding errors do not add up over many steps.
A kernel never raises: what ends a run is its status.
"""

from __future__ import annotations

import functools
from importlib import import_module
from typing import Any

import numpy as np

from dynsys import kernels
from dynsys.array_field import AnyField
from dynsys.codegen import tuple_text
from dynsys.field import VectorField
from dynsys.functions import NUMBA_HEADER, NUMPY_HEADER
from dynsys.vector import maximum
from integrators.adaptive import step_control
from integrators.adaptive.method import AdaptiveMethod
from integrators.kernel import COMPILED_HEADER, PLAIN_HEADER, assign, is_hashable, is_whole, tests, wrapped
from integrators.states import flat
from integrators.status import Status
from integrators.tracing import Program, TracedField

HEAD = 6  # numbers before the point in the state of a single run

FUNCTIONS = """
@emitted
def attempt(x, k, p, h, r, a):
    # the new point, what the next attempt starts with, the step taken, ε², (h|λ|)², the dense output's coefficients
{attempt}

@emitted
def wrapped(s):
    return {wrapped}

@emitted
def inside(y, bound):
    return {inside}
"""

SINGLE = """
@apart
def run(state, p, end, r, a, bound, longest, budget, patience, out, room):
    t, low, h, before, beyond, accepted = state[0], state[1], state[2], state[3], state[4], state[5]
    x, k = {load_point}, {load_carried}
    rows, tried, status, error, most = 0, 0, -1, 0.0, 5.0
    while (rows < room) & (tried < budget):
        left = (end - t) - low
        if left == 0.0:
            status = {finished}
            break
        step = h if abs(h) < abs(longest) else longest
        cut = abs(step) * 1.0000001 >= abs(left)
        step = left if cut else step
        if (not cut) & (abs(step) <= 4e-16 * abs(t) + 1e-290):
            status = {underflow} if error < inf else {not_finite}
            break
        new = attempt({full}, k, p, step, r, a)
        tried += 1
        taken, error = new[{taken}], new[{error}]
        factor = growth(error, before if error <= 1.0 else 1.0, {alpha}, {beta})
        factor = factor if factor < most else most
        if error <= 1.0:
            y = wrapped({new_point})
            if not inside(y, bound):
                status = {diverged}
                break
            x, k = y, {new_carried}
            t, low = (end, 0.0) if taken == left else later(t, low, taken)
            h = {next_step}
            before, most = error if error > 1e-8 else 1e-8, 5.0
            beyond = beyond + 1.0 if new[{stiffness}] > {stiffness_bound} else 0.8 * beyond
            accepted += 1.0
{store}
            rows += 1
            if (beyond >= 15.0) & (accepted > patience):
                status = {stiff}
                break
        else:
            h, most = step * factor, 1.0
    state[0], state[1], state[2], state[3], state[4], state[5] = t, low, h, before, beyond, accepted
{save}
    return status, rows, tried

@exported
def advance(state, p, end, r, a, bound, longest, budget, patience, out):
    # accepted steps into the rows of `out`, until it is full; status (-1: goes on), rows, attempts
    return run(pointer(state), p, end, r, a, bound, longest, budget, patience, {rows_of}(out), len(out))

EXPORTS = [advance]
"""

MANY = """
@apart
def blocks(X, K, P, H, times, r, a, bound, longest, budget, status, taken, tried, out, width, stops, first, last):
    wide_vectors()
    x_, k_, p_ = stacks({n}), stacks({carried}), stacks({parameters})
    t, low, h, before, most = stack(LANES), stack(LANES), stack(LANES), stack(LANES), stack(LANES)
    done, tries, bad, code = stack(LANES), stack(LANES), stack(LANES), stack(LANES)  # code: the status, -1 before
    for b in range(first, last):
        at = b * LANES
        for lane in range(LANES):
            t[lane], low[lane], before[lane], most[lane], h[lane] = times[0], 0.0, 1.0, 5.0, H[at + lane]
            done[lane], tries[lane], bad[lane] = 0.0, 0.0, 0.0
            code[lane] = -1.0 if status[at + lane] == 0 else np.float64(status[at + lane])
            scatter(x_, lane, column(X, at + lane, width, {n}))
            scatter(k_, lane, column(K, at + lane, width, {carried}))
            scatter(p_, lane, column(P, at + lane, width, {parameters}))
        for row in range(1, stops):
            end = times[row]
            going = 1
            while going > 0:
                for lane in range(LANES):  # independent lanes: this loop vectorises
                    twofold()
                    x, k = gathered(x_, lane), gathered(k_, lane)
                    left = (end - t[lane]) - low[lane]
                    live = (code[lane] == -1.0) & (left != 0.0)
                    step = h[lane] if abs(h[lane]) < abs(longest) else longest
                    cut = abs(step) * 1.0000001 >= abs(left)
                    step = left if cut else step
                    small = (abs(step) <= 4e-16 * abs(t[lane]) + 1e-290) & (not cut)
                    new = attempt({full}, k, gathered(p_, lane), step, r, a)
                    length, error = new[{taken}], new[{error}]
                    y = wrapped({new_point})
                    good = error <= 1.0
                    within = inside(y, bound)
                    stays = live & good & within & (not small)
                    ends = length == left
                    factor = growth(error, before[lane] if good else 1.0, {alpha}, {beta})
                    factor = factor if factor < most[lane] else most[lane]
                    longer = ({next_lane}) if good else step * factor
                    late, rest = later(t[lane], low[lane], length)
                    tries[lane] = tries[lane] + 1.0 if live else tries[lane]
                    code[lane] = {diverged}.0 if live & good & (not within) else code[lane]
                    code[lane] = ({underflow}.0 if bad[lane] == 0.0 else {not_finite}.0) if live & small else code[lane]
                    spent = live & (tries[lane] >= budget) & (not (stays & ends)) & (code[lane] == -1.0)
                    code[lane] = {exhausted}.0 if spent else code[lane]
                    bad[lane] = 0.0 if error < inf else 1.0
                    h[lane] = longer if live else h[lane]
                    most[lane] = (5.0 if good else 1.0) if live else most[lane]
                    t[lane] = (end if ends else late) if stays else t[lane]
                    low[lane] = (0.0 if ends else rest) if stays else low[lane]
                    before[lane] = (error if error > 1e-8 else 1e-8) if stays else before[lane]
                    done[lane] = done[lane] + 1.0 if stays else done[lane]
                    scatter(x_, lane, y if stays else x)
                    scatter(k_, lane, {new_carried} if stays else k)
                going = 0  # whole numbers: a sum of floats would keep the loop scalar
                for lane in range(LANES):
                    going += 1 if (code[lane] == -1.0) & ((end - t[lane]) - low[lane] != 0.0) else 0
            for lane in range(LANES):
                put(out, (row - 1) * {n} * width + at + lane, width, gathered(x_, lane))
        for lane in range(LANES):
            status[at + lane] = 0 if code[lane] == -1.0 else np.int64(code[lane])
            taken[at + lane], tried[at + lane] = np.int64(done[lane]), np.int64(tries[lane])

@exported
def ensemble(X, K, P, H, times, r, a, bound, longest, budget, status, taken, tried, out, first, last):
    # the blocks first .. last - 1, each LANES columns of X at times[0], with what they carry and first steps; their
    # points at the other times into `out`. Without the GIL, so that threads share the work
    blocks(pointer(X), pointer(K), pointer(P), pointer(H), pointer(times), r, a, bound, longest, budget,
           pointer(status), pointer(taken), pointer(tried), pointer(out), X.shape[1], len(times), first, last)

EXPORTS = [ensemble]
"""


def adaptive_kernel(
    field: AnyField, method: AdaptiveMethod, which: str, dense: bool = False, compiled: bool = True
) -> Any:
    """The module that holds `advance` (which = "single") or `ensemble` ("many") of a method on a field.

    `dense` keeps the coefficients of the dense output of each step of a single run. A field given by arrays, or of more
    than `WHOLE` variables, runs as plain Python with the point as one array.
    """
    made = _made if is_hashable(method) else _made.__wrapped__
    return made(field, method, which, dense, compiled and kernels.compiling())


@functools.lru_cache(maxsize=256)  # writing the text takes milliseconds, a run may take less
def _made(field: AnyField, method: AdaptiveMethod, which: str, dense: bool, compiled: bool) -> Any:
    moving, whole = field.autonomous(), is_whole(field)
    compiled = compiled and not whole
    size = 1 if whole else moving.n
    body, called, carried, q = _attempt(field, method, dense, whole)
    periods = wrapped(field, field.n) if not whole else "(wrap(s[0]),)" if field.period else "s"
    inside = "(abs(y[0]) <= bound).all()" if whole else tests(field.n, size)["inside"]
    functions = FUNCTIONS.format(wrapped=periods, attempt=body, inside=inside)
    loop = _single(field, method, size, carried, q, whole) if which == "single" else _many(field, method, carried)
    control = step_control.text("@emitted")
    if whole:
        own = "import numpy as np\nsolve = array_solve"
        text = "\n".join([PLAIN_HEADER, NUMPY_HEADER, own, control, functions, loop])
        return kernels.load(text, (), False, _array_functions(field))
    header = COMPILED_HEADER + NUMBA_HEADER if compiled else PLAIN_HEADER + NUMPY_HEADER
    assert isinstance(moving, VectorField)
    source = moving.source(sorted(called), "@emitted")
    text = "\n".join([header, "import numpy as np", source, control, functions, loop])
    return kernels.load(text, (import_module("integrators.lanes"),) if compiled else (), compiled)


def _attempt(field: AnyField, method: AdaptiveMethod, dense: bool, whole: bool) -> tuple[str, set[str], int, int]:
    """The body of `attempt`, functions it calls; how many numbers are carried, how many dense vectors there are."""
    moving = field.autonomous()
    size = 1 if whole else moving.n
    own = 1 if whole else field.n  # components whose error counts: not the time's

    program = Program()
    view = TracedField(program, size, moving.blocks)
    x, r, a = (tuple(program.atom(f"{name}[{i}]") for i in range(size)) for name in "xra")
    p, h = program.atom("p"), program.atom("h")

    def mean_square(y: Any, x: Any) -> Any:
        if whole:
            return program.current.call("mean_square({}, {} + {} * abs({}))", (y[0], a[0], r[0], x[0]), None)
        total: Any = 0.0
        for i in range(own):
            quotient = y[i] / (a[i] + r[i] * abs(x[i]))
            total = total + quotient * quotient if i else quotient * quotient
        return total * (1.0 / own)

    count = len(flat(method.carry(TracedField(Program(), size, moving.blocks), x, p)))
    k = tuple(program.atom(f"k[{i}]") for i in range(count))
    found = method.attempt(view, x, p, k, h, lambda y: mean_square(y, x))
    greater = (lambda u, w: program.call("maximum({}, {})", (u, w), None)) if whole else maximum
    larger = tuple(greater(abs(xi), abs(yi)) for xi, yi in zip(x, found.x))
    squares = tuple(mean_square(error, larger) for error in found.errors)
    error = method.squared_error(squares, h) if squares else 0.0
    stiff: Any = 0.0
    if found.stiffness:
        slopes, points = (mean_square(y, larger) for y in found.stiffness)
        stiff = slopes * (h * h) / (points + 1e-300)
    q = method.interpolant(view, x, p, found.h, found) if dense else ()
    carried = flat(found.carried)
    text = program.text([*found.x, *carried, found.h, error, stiff, *flat(q)])
    return text, view.called, len(carried), len(q)


def _single(field: AnyField, method: AdaptiveMethod, size: int, carried: int, q: int, whole: bool) -> str:
    n, time = field.n, field.time is not None
    after = size + carried + 3  # the dense output's first coefficient in `new`
    if whole:
        length = n + time
        spots = [f"state[{HEAD}:{HEAD + n}]"]
        spots += [f"state[{HEAD + n + i * length}:{HEAD + n + (i + 1) * length}]" for i in range(carried)]
        entries = [f"{spot}.copy()" for spot in spots]
        vectors = "".join(f", new[{after + j}][:{n}]" for j in range(q))
        store = f"out[rows] = hstack((t, y[0]{', taken' if q else ''}{vectors}))"
        new, full = f"(new[0][:{n}],)", "(append(x[0], t),)" if time else "x"
        split = 1
    else:
        spots = entries = [f"state[{HEAD + i}]" for i in range(n + carried)]
        vectors = tuple_text([f"new[{after + j * size + i}]" for j in range(q) for i in range(n)])
        store = (
            f"put(out, {1 + n + (1 + q * n if q else 0)} * rows, 1, (t,) + y{f' + (taken,) + {vectors}' if q else ''})"
        )
        new, full = tuple_text([f"new[{i}]" for i in range(n)]), "x + (t,)" if time else "x"
        split = n
    kept = [*(f"x[{i}]" for i in range(split)), *(f"k[{i}]" for i in range(carried))]
    longer = "taken * factor"
    return SINGLE.format(
        load_point=tuple_text(entries[:split]),
        load_carried=tuple_text(entries[split:]),
        full=full,
        next_step=f"h if cut & (abs(h) > abs({longer})) else {longer}" if method.controlled else "longest",
        store=" " * 12 + store,
        save=assign(spots, kept, 4),
        rows_of="" if whole else "pointer",
        **_common(method, size, carried, new),
    )


def _many(field: AnyField, method: AdaptiveMethod, carried: int) -> str:
    moving = field.autonomous()
    longer = "length * factor"
    return MANY.format(
        n=field.n,
        carried=carried,
        parameters=len(moving.values()),
        full="x + (t[lane],)" if field.time is not None else "x",
        next_lane=f"h[lane] if cut & (abs(h[lane]) > abs({longer})) else {longer}" if method.controlled else "longest",
        **_common(method, moving.n, carried, tuple_text([f"new[{i}]" for i in range(field.n)])),
    )


def _common(method: AdaptiveMethod, size: int, carried: int, new: str) -> dict[str, Any]:
    """What both loops put into their text."""
    alpha, beta = method.exponents
    places = dict(zip(("taken", "error", "stiffness"), range(size + carried, size + carried + 3), strict=True))
    return {
        **places,
        "alpha": repr(alpha),
        "beta": repr(beta),
        "stiffness_bound": repr(method.stiffness_bound**2) if method.stiffness_bound else "inf",
        "new_point": new,
        "new_carried": tuple_text([f"new[{size + i}]" for i in range(carried)]),
        "finished": int(Status.FINISHED),
        "diverged": int(Status.DIVERGED),
        "not_finite": int(Status.NOT_FINITE),
        "underflow": int(Status.STEP_UNDERFLOW),
        "exhausted": int(Status.EXHAUSTED),
        "stiff": int(Status.STIFF),
    }


class _Operator:
    """A Jacobian as the one entry of a matrix: in d - hJ the number d is that multiple of the identity."""

    __array_ufunc__ = None  # NumPy's numbers leave arithmetic with it to it

    def __init__(self, matrix: np.ndarray):
        self.matrix = matrix

    def __rmul__(self, number: Any) -> _Operator:
        return _Operator(number * self.matrix)

    def __rsub__(self, number: Any) -> _Operator:
        return _Operator(number * np.eye(len(self.matrix)) - self.matrix)


def _array_functions(field: AnyField) -> dict[str, Any]:
    """The functions that a kernel with the point as one array calls."""
    moving = field.autonomous()
    n, size = field.n, moving.n

    def value(x: Any, p: Any) -> tuple[Any]:
        if field.time is None:
            return (field(x[0]),)
        return (np.append(field(x[0][:n], float(x[0][n])), 1.0),)

    def jacobian(x: Any, p: Any) -> tuple[tuple[Any]]:
        return ((_Operator(moving.jacobian(x[0])),),)

    def solve(A: Any, b: Any) -> tuple[Any]:
        try:
            return (np.linalg.solve(A[0][0].matrix, b[0]),)
        except np.linalg.LinAlgError:
            return (np.full(size, np.nan),)

    periods = np.array([w or np.nan for w in field.period or ()])

    def wrap(x: Any) -> Any:
        return np.where(np.isnan(periods), x, x - periods * np.floor(x / periods))

    def mean_square(y: Any, unit: Any) -> float:
        return float(np.mean((y[:n] / unit[:n]) ** 2))

    return {
        "field": value,
        "jacobian": jacobian,
        "array_solve": solve,
        "mean_square": mean_square,
        "append": np.append,
        "hstack": np.hstack,
        "maximum": np.maximum,
        "wrap": wrap,
    }
