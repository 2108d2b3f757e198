"""How it moves: methods as pure functions, and the two loops that iterate them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from integrators.ensembles import Ensemble, ensemble
    from integrators.method import Method, method_named, methods
    from integrators.newton import Newton
    from integrators.runge_kutta import Euler, RungeKutta4
    from integrators.status import Status
    from integrators.trajectories import Trajectory, trajectory

__all__ = [
    "Ensemble", "Euler", "Method", "Newton", "RungeKutta4", "Status", "Trajectory",
    "ensemble", "method_named", "methods", "trajectory",
]  # fmt: skip

_HOME = {
    "Ensemble": "ensembles",
    "Euler": "runge_kutta",
    "Method": "method",
    "Newton": "newton",
    "RungeKutta4": "runge_kutta",
    "Status": "status",
    "Trajectory": "trajectories",
    "ensemble": "ensembles",
    "method_named": "method",
    "methods": "method",
    "trajectory": "trajectories",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"integrators.{_HOME[name]}"), name)
    raise AttributeError(f"module 'integrators' has no attribute {name!r}")
