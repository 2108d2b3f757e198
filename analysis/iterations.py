"""The update of a method as a map F of its whole state: images, orbits, derivatives and inverse images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from analysis.stability_functions import numeric_method
from analysis.updates import STEP
from dynsys.array_field import AnyField, check_field
from dynsys.errors import InputError, shown
from dynsys.field import as_points
from integrators.checks import check_step
from integrators.method import Method, check_method
from integrators.states import flat, shaped


class Iteration:
    """F: Rᵏ -> Rᵏ, one step of `method` with step size h on the state, of which the first n numbers are the point.

    Arrays of states have the shape (k, …). Variables with a period are wrapped after a step, as in every run, and
    `difference` takes the nearest of all images. Raises `InputError` for a field that depends on time.
    """

    def __init__(self, field: AnyField, method: Method, h: float):
        self.field = check_field(field)
        check_method(method, self.field)
        if self.field.time is not None:
            raise InputError("the field depends on time, so its update is not one map; fix the time")
        self.method, self.h = numeric_method(method), check_step(h)
        self.tuples, self.values = self.field.on_tuples, self.field.values()
        self.like = self.method.initial(self.tuples, (1.0,) * self.field.n, self.values)
        self.k = len(flat(self.like))
        own = [np.nan if w is None else w for w in self.field.period or (None,) * self.field.n]
        self.period = np.array([*own, *[np.nan] * (self.k - self.field.n)])
        self.wrapped = np.isfinite(self.period)

    @property
    def rough(self) -> str:
        """Why the update has no derivative; "" if it has one."""
        return self.method.differentiable or self.field.piecewise

    def start(self, x0: Any, argument: str = "x0") -> np.ndarray:
        """The first state (k,) of the point x0, or the state whose k numbers x0 holds."""
        if np.ndim(x0) == 1 and len(x0) == self.k > self.field.n:
            return np.asarray(x0, dtype=float)
        point = as_points(x0, self.field.variables, argument)
        if point.ndim != 1 or not np.isfinite(point).all():
            raise InputError(f"{argument} is {shown(x0)}; give one finite point of {self.field.n} numbers")
        with np.errstate(all="ignore"):
            return np.array(flat(self.method.initial(self.tuples, tuple(point), self.values)), dtype=float)

    def difference(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """a - b, in variables with a period the nearest way round."""
        gap = np.asarray(a - b)
        turn = np.where(self.wrapped, self.period, 1.0).reshape(-1, *[1] * (gap.ndim - 1))
        wrapped = self.wrapped.reshape(turn.shape)
        return np.where(wrapped, gap - turn * np.round(gap / turn), gap)

    def image(self, states: np.ndarray, times: int = 1) -> np.ndarray:
        """F applied `times` times to states (k, …)."""
        with np.errstate(all="ignore"):
            for _ in range(times):
                moved = flat(self.method.step(self.tuples, shaped(tuple(states), self.like), self.values, self.h))
                states = np.array(np.broadcast_arrays(*moved, states[0])[:-1])
                for i in np.flatnonzero(self.wrapped):
                    states[i] = states[i] % self.period[i]
        return states

    def orbit(self, state: np.ndarray, steps: int, bound: float = np.inf) -> np.ndarray:
        """States (steps + 1, k) from a first one; fewer where one is not finite or leaves the cube of half-width bound.

        The same arithmetic as a compiled run, state by state in Python: 10⁵ steps take about a second.
        """
        rows = np.empty((steps + 1, self.k))
        rows[0] = state
        current = tuple(np.float64(c) for c in state)
        turns = [(int(i), np.float64(self.period[i])) for i in np.flatnonzero(self.wrapped)]
        step, build, tuples, values, h = self.method.step, shaped, self.tuples, self.values, np.float64(self.h)
        flatten: Callable[[Any], Any] = (lambda s: s) if self.k == self.field.n and self._plain else flat
        with np.errstate(all="ignore"):
            for row in range(1, steps + 1):
                current = flatten(step(tuples, current if self._plain else build(current, self.like), values, h))
                if turns:
                    wrapped = list(current)
                    for i, turn in turns:
                        wrapped[i] = wrapped[i] % turn
                    current = tuple(wrapped)
                rows[row] = current
                if row % 64 == 0 or row == steps:
                    recent = rows[max(0, row - 63) : row + 1]
                    if not (np.abs(recent) <= bound).all():
                        gone = int(np.argmin((np.abs(recent) <= bound).all(1)))
                        return rows[: max(0, row - 63) + gone]
        return rows

    @property
    def _plain(self) -> bool:
        return not any(isinstance(part, tuple) for part in self.like)

    def jacobian(self, states: np.ndarray, times: int = 1) -> np.ndarray:
        """(Fᵗ)' at states (k, …), shape (k, k, …), t = `times`, by complex step. Squire & Trapp (1998)."""
        if self.rough:
            raise InputError(f"the update of {self.method.label} has no derivative: {self.rough}")
        states = np.asarray(states, dtype=float)
        total: Any = None
        for _ in range(times):
            unit = 1j * STEP * np.eye(self.k).reshape(self.k, self.k, *[1] * (states.ndim - 1))
            with np.errstate(all="ignore"):
                moved = shaped(tuple(states[:, None] + unit), self.like)
                rows = flat(self.method.step(self.tuples, moved, self.values, self.h))
            like = np.zeros((self.k, *states.shape[1:]))
            one = np.array([np.broadcast_to(row, like.shape) for row in rows]).imag / STEP
            total = one if total is None else np.einsum("ij...,jk...->ik...", one, total)
            states = self.image(states)
        return np.asarray(total)

    def closed(self, state: np.ndarray, times: int = 1, reach: float = np.inf) -> np.ndarray | None:
        """The state near this one with Fᵗ(s) = s, by Newton's method; None where it finds none within `reach`.

        A singular Fᵗ' - I, as on a continuum of cycles, is met by the step of least norm; what of the residual it then
        leaves tells the cycle from a translation.
        """
        s, first, best, stalled = np.array(state, dtype=float), np.array(state, dtype=float), np.inf, 0
        for _ in range(60):
            M = self.jacobian(s, times) - np.eye(self.k)
            residual = self.difference(self.image(s, times), s)
            if not (np.isfinite(M).all() and np.isfinite(residual).all()):
                return None
            size = float(np.linalg.norm(M))
            rounding = 1e-15 * times * (1 + size)  # of M, whose singular values below it are zeros
            step = np.linalg.pinv(M, max(1e-11, rounding / max(size, 1e-300))) @ residual
            left = float(np.linalg.norm(residual - M @ step))
            length = float(np.linalg.norm(step))
            s = s - step
            if np.linalg.norm(s - first) > reach:
                return None
            scale = 1 + float(np.linalg.norm(s))
            stalled = stalled + 1 if length > 0.5 * best else 0
            best = min(best, length)
            if length <= 1e-15 * scale or (stalled >= 2 and best <= 1e-9 * scale):
                return s if left <= max(1e-9, rounding) * scale else None
        return None

    def preimages(self, targets: np.ndarray, guesses: np.ndarray) -> np.ndarray:
        """States (k, m) with F(s) = target near the guesses, by Newton's method; NaN where it finds none."""
        s = np.array(guesses, dtype=float)
        found = np.full_like(s, np.nan)
        going = np.arange(s.shape[1])
        for _ in range(25):
            J, residual = self.jacobian(s), self.difference(self.image(s), targets[:, going])
            usable = np.isfinite(J).all((0, 1)) & np.isfinite(residual).all(0)
            usable[usable] = np.abs(np.linalg.det(np.moveaxis(J, -1, 0)[usable])) > 0
            s, J, residual, going = s[:, usable], J[..., usable], residual[:, usable], going[usable]
            if not len(going):
                break
            step = np.linalg.solve(np.moveaxis(J, -1, 0), residual.T[..., None])[..., 0].T
            s = s - step
            done = np.linalg.norm(step, axis=0) <= 1e-13 * (1 + np.linalg.norm(s, axis=0))
            found[:, going[done]] = s[:, done]
            s, going = s[:, ~done], going[~done]
            if not len(going):
                break
        return found
