"""How it moves: methods as pure functions, and the two loops that iterate them.

Every method of `integrators.algorithms` can be imported from here.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from integrators.algorithms.runge_kutta import Euler, RungeKutta4
    from integrators.ensembles import ensemble
    from integrators.method import Method, method_named, methods
    from integrators.newton import Newton
    from integrators.runs import Ensemble, SamplePaths
    from integrators.status import Status
    from integrators.stochastic_runs import sample_paths
    from integrators.trajectories import Trajectory, trajectory

__all__ = [
    "Ensemble", "Euler", "Method", "Newton", "RungeKutta4", "SamplePaths", "Status", "Trajectory",
    "ensemble", "method_named", "methods", "sample_paths", "trajectory",
]  # fmt: skip

_HOME = {
    "Ensemble": "runs",
    "Method": "method",
    "Newton": "newton",
    "SamplePaths": "runs",
    "Status": "status",
    "Trajectory": "trajectories",
    "ensemble": "ensembles",
    "method_named": "method",
    "methods": "method",
    "sample_paths": "stochastic_runs",
    "trajectory": "trajectories",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"integrators.{_HOME[name]}"), name)
    if name[:1].isupper():
        from integrators.method import algorithm_classes

        if name in algorithm_classes():
            return algorithm_classes()[name]
    raise AttributeError(f"module 'integrators' has no attribute {name!r}")
