"""How Numba compiles: the options.

Importing this module imports Numba; only code that compiles does so.
"""

from __future__ import annotations

from typing import Any

import numba

# Only `contract` (fused multiply-add): full fastmath is no faster here and deletes NaN checks.
OPTIONS: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract"}}
# Every function a step calls is inlined: LLVM's own limit leaves a fourfold step of four terms as a call, which keeps
# the loop over lanes from being vectorised (measured on a consensus field under Runge-Kutta: six times slower).
jit = numba.njit(**OPTIONS, forceinline=True)
# For error terms, which fused multiply-adds would spoil. `fastmath=False` must be said: Numba compiles a function that
# does not say it with its first caller's. The flags stand at each instruction, so inlining keeps them.
precise = numba.njit(error_model=OPTIONS["error_model"], fastmath=False, forceinline=True)
