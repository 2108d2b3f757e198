"""The same work in C, compiled for this machine: ensembles in lanes, adaptive runs alone and in lanes."""

import ctypes
import functools
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from contenders.fields import in_c

from dynsys import VectorField
from dynsys.kernels import digest
from integrators.adaptive.method import AdaptiveMethod

HERE = Path(__file__).parent
LANES = 32  # 16 and 64 are as fast, to within the noise
# what is fair: no -ffast-math, which drops tests for NaN; the rest GCC needs to vectorise comparisons and fuse
FLAGS = ["-O3", "-march=native", "-mprefer-vector-width=512", "-fno-math-errno", "-fno-trapping-math"]
FLAGS += ["-ffp-contract=fast", "-shared", "-fPIC", f"-DLANES={LANES}"]
STATUS_CHECK, BOUND = 64, 1e10


def available() -> bool:
    """Whether there is a compiler."""
    return shutil.which("cc") is not None


@functools.cache
def folder() -> tempfile.TemporaryDirectory[str]:
    """Where libraries are built; gone at exit."""
    return tempfile.TemporaryDirectory()


@functools.cache
def library(source: str, headers: tuple[tuple[str, str], ...], *defines: str) -> ctypes.CDLL:
    """The compiled source, with the generated headers beside it."""
    place = Path(folder().name) / digest(source, repr(headers), *defines)[:16]
    place.mkdir(exist_ok=True)
    for name, text in headers:
        (place / name).write_text(text, encoding="utf-8")
    target, include = place / "library.so", [f"-I{place}", f"-I{HERE}"]
    subprocess.run(["cc", *FLAGS, *defines, *include, str(HERE / source), "-o", str(target), "-lm"], check=True)
    return ctypes.CDLL(str(target))


def address(array: np.ndarray) -> ctypes.c_void_p:
    """A pointer to the array's first item."""
    return ctypes.c_void_p(array.ctypes.data)


def in_threads(work: Callable[[int, int], Any], blocks: int, threads: int, share: int = 32) -> None:
    """work(first, last) on shares of the blocks; C runs without the GIL."""
    jobs = [(i, min(i + share, blocks)) for i in range(0, blocks, share)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda job: work(*job), jobs))


def columns(field: VectorField, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points and parameters, a column a run, up to whole blocks."""
    extra = -len(starts) % LANES
    X = np.ascontiguousarray(np.pad(starts.T, ((0, 0), (0, extra)), mode="edge"))
    return X, np.repeat(np.array([*field.values(), 0.0])[:, None], X.shape[1], axis=1)


def ensemble(field: VectorField, method: str, threads: int = 2) -> Callable[..., tuple[np.ndarray, ...]]:
    """(starts, h, steps) -> last points, statuses and steps."""
    run = library("ensembles.c", (("field.h", in_c(field)),), f"-DSTEP={method}").ensemble

    def call(starts: np.ndarray, h: float, steps: int) -> tuple[np.ndarray, ...]:
        X, G = columns(field, starts)
        size = X.shape[1]
        H, status, taken = np.full(size, h), np.zeros(size, np.int64), np.zeros(size, np.int64)
        pointers = [*map(address, (X, G, H, status, taken)), *map(ctypes.c_long, (size, steps, STATUS_CHECK))]

        def work(first: int, last: int) -> None:
            run(*pointers, ctypes.c_double(BOUND), ctypes.c_long(first), ctypes.c_long(last))

        in_threads(work, size // LANES, threads)
        m = len(starts)
        return X[:, :m].T.copy(), status[:m], taken[:m]

    return call


def basins(field: VectorField, method: str, threads: int = 2, loop: str = "lanes", width: int = LANES) -> Any:
    """(starts in columns, h, centres, radius, looks) -> labels and looks taken, by the loop "lanes" or "scalar"."""
    built = library("basins.c", (("field.h", in_c(field)),), f"-DSTEP={method}", "-ULANES", f"-DLANES={width}")
    run, p = getattr(built, loop), np.array([*field.values(), 0.0])

    def call(starts: np.ndarray, h: float, centres: np.ndarray, radius: float, looks: int) -> tuple[np.ndarray, ...]:
        m = starts.shape[1]
        X = np.pad(starts, ((0, 0), (0, -m % width)), mode="edge") if m % width else starts
        size = X.shape[1]
        label, taken, squared = np.empty(size), np.empty(size), np.full(len(centres), radius**2)
        pointers = [*map(address, (X, label, taken, np.ascontiguousarray(centres), squared, p)), ctypes.c_double(h)]
        counts = [*map(ctypes.c_long, (size, len(centres), looks)), ctypes.c_double(BOUND)]
        work = lambda first, last: run(*pointers, *counts, ctypes.c_long(first), ctypes.c_long(last))  # noqa: E731
        in_threads(work, size // width, threads, 128)
        return label[:m], taken[:m]

    return call


def tableau(method: AdaptiveMethod) -> str:
    """The method's stages and errors as C macros, every coefficient rounded once."""
    from integrators.adaptive.embedded import DOP853, _Embedded

    assert isinstance(method, _Embedded)

    def total(row: Any) -> str:
        return " + ".join(f"{float(w)!r} * k[{j}][i]" for j, w in enumerate(row) if w)

    stages = [
        f"UP_TO(i, N) y[i] = x[i] + h * ({total(row)}); v = field(y, p); UP_TO(i, N) k[{s}][i] = v.v[i];"
        for s, row in enumerate(method.stages, 1)
    ]
    errors = [f"UP_TO(i, N) e[{j}][i] = h * ({total(row)});" for j, row in enumerate(method.estimate)]
    squared = "(s[0] * s[0] / (s[0] + 0.01 * s[1] + 1e-300))" if isinstance(method, DOP853) else "(s[0])"
    alpha, beta = method.exponents
    lines = [f"#define S {len(method.stages) + 1}", f"#define E {len(method.estimate)}"]
    lines += [f"#define SQUARED(s) {squared}", f"#define ALPHA {alpha!r}", f"#define BETA {beta!r}"]
    lines += [f"#define ORDER {method.error_order}", "#define STAGES " + " \\\n".join(stages)]
    return "\n".join([*lines, "#define ERRORS " + " \\\n".join(errors), ""])


def adaptive(field: VectorField, method: AdaptiveMethod, *flags: str) -> ctypes.CDLL:
    """The adaptive loops of a method on a field."""
    return library("adaptive.c", (("field.h", in_c(field)), ("tableau.h", tableau(method))), *flags)


def single(field: VectorField, method: AdaptiveMethod, room: int = 1 << 18) -> Callable[..., np.ndarray]:
    """(start, end, tolerance) -> the last point; every step's time and point is written as `solve` does."""
    run = adaptive(field, method).single
    run.restype = ctypes.c_long
    p, out = np.array([*field.values(), 0.0]), np.empty((room, field.n + 1))

    def call(start: np.ndarray, end: float, tolerance: float) -> np.ndarray:
        x = np.array(start, dtype=float)
        numbers = map(ctypes.c_double, (end, tolerance, tolerance, BOUND))
        if run(address(x), address(p), *numbers, address(out), ctypes.c_long(room)) < 0:
            raise RuntimeError("the run in C failed")
        return x

    return call


def many(field: VectorField, method: AdaptiveMethod, threads: int = 2) -> Callable[..., np.ndarray]:
    """(starts, end, tolerance) -> the last points."""
    run = adaptive(field, method, "-fno-thread-jumps").many  # threaded jumps are branches: no vectors, 6 times slower

    def call(starts: np.ndarray, end: float, tolerance: float) -> np.ndarray:
        X, G = columns(field, starts)
        taken, tried = np.zeros(X.shape[1], np.int64), np.zeros(X.shape[1], np.int64)
        numbers = [ctypes.c_double(v) for v in (end, tolerance, tolerance, BOUND, 1e6)]

        def work(first: int, last: int) -> None:
            ends = ctypes.c_long(first), ctypes.c_long(last)
            run(address(X), address(G), ctypes.c_long(X.shape[1]), *numbers, address(taken), address(tried), *ends)

        in_threads(work, X.shape[1] // LANES, threads)
        return X[:, : len(starts)].T.copy()

    return call
