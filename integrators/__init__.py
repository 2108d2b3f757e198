"""How it moves: methods as pure functions, and the two loops that iterate them.

Every method of `integrators.algorithms` can be imported from here.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from integrators.algorithms.runge_kutta import Euler, RungeKutta4
    from integrators.crossings import Event
    from integrators.embedded import DOP853, DormandPrince, Tsitouras
    from integrators.ensembles import ensemble
    from integrators.flows import Flow, flow, strobe
    from integrators.method import Method, method_named, methods
    from integrators.newton import Newton
    from integrators.rosenbrock import Rosenbrock
    from integrators.runs import Ensemble, SamplePaths
    from integrators.solutions import Solution, solve
    from integrators.status import Status
    from integrators.stochastic_runs import sample_paths
    from integrators.taylor import Taylor
    from integrators.trajectories import Trajectory, trajectory

__all__ = [
    "DOP853", "DormandPrince", "Ensemble", "Euler", "Event", "Flow", "Method", "Newton", "Rosenbrock", "RungeKutta4",
    "SamplePaths", "Solution", "Status", "Taylor", "Trajectory", "Tsitouras",
    "ensemble", "flow", "method_named", "methods", "sample_paths", "solve", "strobe", "trajectory",
]  # fmt: skip

_HOME = {
    "DOP853": "embedded",
    "DormandPrince": "embedded",
    "Ensemble": "runs",
    "Event": "crossings",
    "Flow": "flows",
    "Method": "method",
    "Newton": "newton",
    "Rosenbrock": "rosenbrock",
    "SamplePaths": "runs",
    "Solution": "solutions",
    "Status": "status",
    "Taylor": "taylor",
    "Trajectory": "trajectories",
    "Tsitouras": "embedded",
    "ensemble": "ensembles",
    "flow": "flows",
    "method_named": "method",
    "methods": "method",
    "sample_paths": "stochastic_runs",
    "solve": "solutions",
    "strobe": "flows",
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
