"""How a run ended: a value, never an exception; and the constants that the loops share."""

from __future__ import annotations

from enum import IntEnum

# Runs side by side in one block of the ensemble kernel: with 32 the state of two variables stays in 512-bit registers.
# With 64, Runge-Kutta on the curl field is a fifth slower, and nothing measured is faster.
LANES = 32
DIVERGENCE_BOUND = 1e10  # default: a run that leaves the cube |xᵢ| ≤ bound has diverged


class Status(IntEnum):
    """How a run ended. A kernel cannot know that a run converged; `analysis` says so."""

    FINISHED = 0
    STATIONARY = 1
    DIVERGED = 2
    NOT_FINITE = 3
    UNSOLVED = 4
    INTERRUPTED = 5
    STEP_UNDERFLOW = 6
    STIFF = 7
    EXHAUSTED = 8
    EVENT = 9

    @property
    def message(self) -> str:
        """What it means, and what to do about it."""
        return _MESSAGES[self]


_MESSAGES = {
    Status.FINISHED: "took all its steps",
    Status.STATIONARY: "a step changed nothing, so that no later one can; classify the point to see if it attracts",
    Status.DIVERGED: "left the cube of half-width divergence_bound; a smaller h may help",
    Status.NOT_FINITE: "met a value that is not finite; start elsewhere, or take a smaller h",
    Status.UNSOLVED: "Newton's method found no solution of an implicit step; take a smaller h",
    Status.INTERRUPTED: "was stopped by Ctrl-C before its end; its point is the last one it reached",
    Status.STEP_UNDERFLOW: "needs steps below the spacing of t: there is a singularity, or rtol is too small",
    Status.STIFF: "the problem is stiff: stability, not accuracy, sets the step; take method=Rosenbrock()",
    Status.EXHAUSTED: "tried max_steps steps; raise max_steps, or loosen the tolerances",
    Status.EVENT: "met a terminal event",
}
