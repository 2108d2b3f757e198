"""What it means: spectra, fixed points, labels, stability over the step size, and pictures."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.backward_error import modified_field
    from analysis.classification import Classification, classify
    from analysis.plots import plot_portrait, plot_spectrum
    from analysis.portraits import Portrait, portrait
    from analysis.regions import StabilityRegion, stability_region
    from analysis.spectra import Spectrum, spectrum
    from analysis.stability import BestStep, CriticalStep, best_step, critical_step
    from analysis.stability_functions import StabilityFunction, stability_function
    from analysis.updates import multipliers, update_jacobian
    from analysis.zeros import FixedPoint, FixedPoints, fixed_points

__all__ = [
    "BestStep",
    "Classification",
    "CriticalStep",
    "FixedPoint",
    "FixedPoints",
    "Portrait",
    "Spectrum",
    "StabilityFunction",
    "StabilityRegion",
    "best_step",
    "classify",
    "critical_step",
    "fixed_points",
    "modified_field",
    "multipliers",
    "plot_portrait",
    "plot_spectrum",
    "portrait",
    "spectrum",
    "stability_function",
    "stability_region",
    "update_jacobian",
]

_HOME = {
    "BestStep": "stability",
    "StabilityFunction": "stability_functions",
    "StabilityRegion": "regions",
    "best_step": "stability",
    "modified_field": "backward_error",
    "stability_function": "stability_functions",
    "stability_region": "regions",
    "Classification": "classification",
    "CriticalStep": "stability",
    "FixedPoint": "zeros",
    "FixedPoints": "zeros",
    "Portrait": "portraits",
    "Spectrum": "spectra",
    "classify": "classification",
    "critical_step": "stability",
    "fixed_points": "zeros",
    "multipliers": "updates",
    "plot_portrait": "plots",
    "plot_spectrum": "plots",
    "portrait": "portraits",
    "spectrum": "spectra",
    "update_jacobian": "updates",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"analysis.{_HOME[name]}"), name)
    raise AttributeError(f"module 'analysis' has no attribute {name!r}")
