"""How it moves: methods as pure functions, and the two loops that iterate them.

Every method of `integrators.algorithms` can be imported from here.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from integrators.adaptive.crossings import Event
    from integrators.adaptive.embedded import DOP853, DormandPrince, Tsitouras
    from integrators.adaptive.flows import Flow, flow, strobe
    from integrators.adaptive.rosenbrock import Rosenbrock
    from integrators.adaptive.solutions import Solution, solve
    from integrators.adaptive.taylor import Taylor
    from integrators.algorithms.runge_kutta import Euler, RungeKutta4
    from integrators.ensembles import ensemble
    from integrators.method import Method, method_named, methods
    from integrators.newton import Newton
    from integrators.runs import Ensemble, SamplePaths
    from integrators.status import Status
    from integrators.stochastic_runs import sample_paths
    from integrators.training import TrainingRun, train
    from integrators.trajectories import Trajectory, trajectory

__all__ = [
    "DOP853", "DormandPrince", "Ensemble", "Euler", "Event", "Flow", "Method", "Newton", "Rosenbrock", "RungeKutta4",
    "SamplePaths", "Solution", "Status", "Taylor", "TrainingRun", "Trajectory", "Tsitouras",
    "ensemble", "flow", "method_named", "methods", "sample_paths", "solve", "strobe", "train", "trajectory",
]  # fmt: skip

_HOME = {
    "DOP853": "adaptive.embedded",
    "DormandPrince": "adaptive.embedded",
    "Ensemble": "runs",
    "Event": "adaptive.crossings",
    "Flow": "adaptive.flows",
    "Method": "method",
    "Newton": "newton",
    "Rosenbrock": "adaptive.rosenbrock",
    "SamplePaths": "runs",
    "Solution": "adaptive.solutions",
    "Status": "status",
    "Taylor": "adaptive.taylor",
    "TrainingRun": "training",
    "Trajectory": "trajectories",
    "Tsitouras": "adaptive.embedded",
    "ensemble": "ensembles",
    "flow": "adaptive.flows",
    "method_named": "method",
    "methods": "method",
    "sample_paths": "stochastic_runs",
    "solve": "adaptive.solutions",
    "strobe": "adaptive.flows",
    "train": "training",
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
