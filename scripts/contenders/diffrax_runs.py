"""Diffrax: fixed steps of Euler in chunks, Dopri8 alone and over many starts."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from contenders.fields import function
from contenders.jax_runs import in_chunks

from dynsys import VectorField


def ensemble(field: VectorField, method: str) -> Callable[..., np.ndarray] | None:
    """(starts, h, steps) -> last points; there is no classical Runge-Kutta method."""
    import diffrax
    import jax

    if method != "euler":
        return None
    jax.config.update("jax_enable_x64", True)
    v = function(field, {"exp": jax.numpy.exp})
    term = diffrax.ODETerm(lambda t, x, p: v(x, p))

    @jax.jit
    def advance(x, h, steps):  # type: ignore[no-untyped-def]
        solved = diffrax.diffeqsolve(
            term,
            diffrax.Euler(),
            0.0,
            steps * h,
            h,
            x,
            args=field.values(),
            max_steps=None,
            saveat=diffrax.SaveAt(t1=True),
        )
        return tuple(e[0] for e in solved.ys)

    return partial(in_chunks, advance)


def _solver(field: VectorField) -> Callable[..., Any]:
    import diffrax
    import jax

    jax.config.update("jax_enable_x64", True)
    v = function(field, {"exp": jax.numpy.exp})
    term = diffrax.ODETerm(lambda t, x, p: jax.numpy.stack(v(x, p)))

    def run(x, end, tolerance):  # type: ignore[no-untyped-def]
        control = diffrax.PIDController(rtol=tolerance, atol=tolerance)
        return diffrax.diffeqsolve(
            term,
            diffrax.Dopri8(scan_kind="lax"),
            0.0,
            end,
            None,
            x,
            args=field.values(),
            max_steps=None,
            saveat=diffrax.SaveAt(t1=True),
            stepsize_controller=control,
        ).ys[0]

    return run


def single(field: VectorField) -> dict[str, Callable[..., np.ndarray]]:
    """Name -> (start, end, tolerance) -> last point."""
    import jax

    run = jax.jit(_solver(field))
    return {"diffrax Dopri8": lambda start, end, tolerance: np.asarray(run(jax.numpy.asarray(start), end, tolerance))}


def many(field: VectorField) -> dict[str, Callable[..., np.ndarray]]:
    """Name -> (starts, end, tolerance) -> last points."""
    import jax

    run = jax.jit(jax.vmap(_solver(field), in_axes=(0, None, None)))
    return {"diffrax Dopri8": lambda starts, end, tolerance: np.asarray(run(jax.numpy.asarray(starts), end, tolerance))}
