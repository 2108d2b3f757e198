"""What it means: spectra, fixed points, labels, stability over the step size, and pictures."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.attraction import Basins, basins
    from analysis.attractors import Attractor
    from analysis.backward_error import modified_field
    from analysis.basin_measures import (
        BasinEntropy,
        BasinShare,
        UncertaintyExponent,
        basin_entropy,
        uncertainty_exponent,
    )
    from analysis.basin_plots import plot_basins
    from analysis.best_responses import Exploitability, exploitability
    from analysis.best_steps import BestStep, best_step
    from analysis.branches import Branch
    from analysis.census import Equilibria, equilibria_over
    from analysis.chaos_plots import plot_exponents, plot_orbit_diagram, plot_pseudospectrum, plot_transients
    from analysis.classification import Classification, classify
    from analysis.closed_orbits import PeriodicOrbit, periodic_orbit, periodic_orbits
    from analysis.components import GameComponents, game_components
    from analysis.conservative import Conservative, is_conservative, potential
    from analysis.continuation import branches_from, continue_equilibrium
    from analysis.critical_parameters import CriticalParameter, critical_parameter
    from analysis.curvatures import OwnCurvature, own_curvatures
    from analysis.diagnosis import Diagnosis, diagnose
    from analysis.diffusion import DiffusionLimit, diffusion_limit
    from analysis.equilibrium_shifts import EquilibriumShift, ShiftedEquilibrium, equilibrium_shift
    from analysis.escapes import EscapeTimes, escape_times
    from analysis.estimator_moments import EstimatorBias, estimator_bias
    from analysis.exponents import lyapunov_spectrum
    from analysis.growth import CycleGrowth, cycle_growth
    from analysis.hodge import Helmholtz, helmholtz
    from analysis.hutchinson import RotationShare, rotation_share
    from analysis.invariants import FirstIntegrals, first_integrals
    from analysis.krylov import RitzValues, ritz_values
    from analysis.leading import leading_eigenvalues, leading_multipliers
    from analysis.line_integrals import Work, circulation, work
    from analysis.lyapunov_spectra import LyapunovSpectrum
    from analysis.manifolds import InvariantManifolds, ManifoldSide, invariant_manifolds
    from analysis.map_orbits import RecurrentOrbit, recurrent_orbit, recurrent_orbits
    from analysis.noise_floors import NoiseFloor, noise_floor
    from analysis.nonnormality import Transients, transient_growth, transients
    from analysis.normal_forms import NormalForm, normal_form
    from analysis.observed_steps import StableSteps, stable_steps
    from analysis.orbit_diagrams import OrbitDiagram, orbit_diagram
    from analysis.plots import plot_portrait, plot_ritz_values, plot_spectrum
    from analysis.portraits import Portrait, portrait
    from analysis.potentials import Potential
    from analysis.pseudospectra import Pseudospectrum, pseudospectrum
    from analysis.recommendations import Recommendation, recommend
    from analysis.regions import StabilityRegion, stability_region
    from analysis.rotation import JacobianParts, PathAngle, curl, decompose_jacobian, divergence, path_angle
    from analysis.sampling import Fate, Fates, sample_fates
    from analysis.special_points import SpecialPoint
    from analysis.spectra import Spectrum, spectrum
    from analysis.stabilising import StabilisingGamma, stabilising_gamma
    from analysis.stability import CriticalStep, critical_step
    from analysis.stability_functions import StabilityFunction, stability_function
    from analysis.stability_maps import StabilityMap, stability_map
    from analysis.stationary import StationaryCovariance, curvature_shift, stationary_covariance
    from analysis.update_covariances import update_covariance
    from analysis.updates import multipliers, update_jacobian
    from analysis.windows import ConvergenceWindows, convergence_windows
    from analysis.zeros import FixedPoint, FixedPoints, fixed_points

__all__ = [
    "Attractor",
    "BasinEntropy",
    "BasinShare",
    "Basins",
    "BestStep",
    "Branch",
    "Classification",
    "Conservative",
    "ConvergenceWindows",
    "CriticalParameter",
    "CriticalStep",
    "CycleGrowth",
    "Diagnosis",
    "DiffusionLimit",
    "Equilibria",
    "EquilibriumShift",
    "EscapeTimes",
    "EstimatorBias",
    "Exploitability",
    "Fate",
    "Fates",
    "FirstIntegrals",
    "FixedPoint",
    "FixedPoints",
    "GameComponents",
    "Helmholtz",
    "InvariantManifolds",
    "JacobianParts",
    "LyapunovSpectrum",
    "ManifoldSide",
    "NoiseFloor",
    "NormalForm",
    "OrbitDiagram",
    "OwnCurvature",
    "PathAngle",
    "PeriodicOrbit",
    "Portrait",
    "Potential",
    "Pseudospectrum",
    "Recommendation",
    "RecurrentOrbit",
    "RitzValues",
    "RotationShare",
    "ShiftedEquilibrium",
    "SpecialPoint",
    "Spectrum",
    "StabilisingGamma",
    "StabilityFunction",
    "StabilityMap",
    "StabilityRegion",
    "StableSteps",
    "StationaryCovariance",
    "Transients",
    "UncertaintyExponent",
    "Work",
    "basin_entropy",
    "basins",
    "best_step",
    "branches_from",
    "circulation",
    "classify",
    "continue_equilibrium",
    "convergence_windows",
    "critical_parameter",
    "critical_step",
    "curl",
    "curvature_shift",
    "cycle_growth",
    "decompose_jacobian",
    "diagnose",
    "diffusion_limit",
    "divergence",
    "equilibria_over",
    "equilibrium_shift",
    "escape_times",
    "estimator_bias",
    "exploitability",
    "first_integrals",
    "fixed_points",
    "game_components",
    "helmholtz",
    "invariant_manifolds",
    "is_conservative",
    "leading_eigenvalues",
    "leading_multipliers",
    "lyapunov_spectrum",
    "modified_field",
    "multipliers",
    "noise_floor",
    "normal_form",
    "orbit_diagram",
    "own_curvatures",
    "path_angle",
    "periodic_orbit",
    "periodic_orbits",
    "plot_basins",
    "plot_exponents",
    "plot_orbit_diagram",
    "plot_portrait",
    "plot_pseudospectrum",
    "plot_ritz_values",
    "plot_spectrum",
    "plot_transients",
    "portrait",
    "potential",
    "pseudospectrum",
    "recommend",
    "recurrent_orbit",
    "recurrent_orbits",
    "ritz_values",
    "rotation_share",
    "sample_fates",
    "spectrum",
    "stabilising_gamma",
    "stability_function",
    "stability_map",
    "stability_region",
    "stable_steps",
    "stationary_covariance",
    "transient_growth",
    "transients",
    "uncertainty_exponent",
    "update_covariance",
    "update_jacobian",
    "work",
]

_HOME = {
    "Attractor": "attractors",
    "BasinEntropy": "basin_measures",
    "BasinShare": "basin_measures",
    "Basins": "attraction",
    "BestStep": "best_steps",
    "Branch": "branches",
    "Classification": "classification",
    "Conservative": "conservative",
    "ConvergenceWindows": "windows",
    "CriticalParameter": "critical_parameters",
    "CriticalStep": "stability",
    "CycleGrowth": "growth",
    "Diagnosis": "diagnosis",
    "DiffusionLimit": "diffusion",
    "Equilibria": "census",
    "EquilibriumShift": "equilibrium_shifts",
    "EscapeTimes": "escapes",
    "EstimatorBias": "estimator_moments",
    "Exploitability": "best_responses",
    "Fate": "sampling",
    "Fates": "sampling",
    "FirstIntegrals": "invariants",
    "FixedPoint": "zeros",
    "FixedPoints": "zeros",
    "GameComponents": "components",
    "Helmholtz": "hodge",
    "InvariantManifolds": "manifolds",
    "JacobianParts": "rotation",
    "LyapunovSpectrum": "lyapunov_spectra",
    "ManifoldSide": "manifolds",
    "NoiseFloor": "noise_floors",
    "NormalForm": "normal_forms",
    "OrbitDiagram": "orbit_diagrams",
    "OwnCurvature": "curvatures",
    "PathAngle": "rotation",
    "PeriodicOrbit": "closed_orbits",
    "Portrait": "portraits",
    "Potential": "potentials",
    "Pseudospectrum": "pseudospectra",
    "Recommendation": "recommendations",
    "RecurrentOrbit": "map_orbits",
    "RitzValues": "krylov",
    "RotationShare": "hutchinson",
    "ShiftedEquilibrium": "equilibrium_shifts",
    "SpecialPoint": "special_points",
    "Spectrum": "spectra",
    "StabilisingGamma": "stabilising",
    "StabilityFunction": "stability_functions",
    "StabilityMap": "stability_maps",
    "StabilityRegion": "regions",
    "StableSteps": "observed_steps",
    "StationaryCovariance": "stationary",
    "Transients": "nonnormality",
    "UncertaintyExponent": "basin_measures",
    "Work": "line_integrals",
    "basin_entropy": "basin_measures",
    "basins": "attraction",
    "best_step": "best_steps",
    "branches_from": "continuation",
    "circulation": "line_integrals",
    "classify": "classification",
    "continue_equilibrium": "continuation",
    "convergence_windows": "windows",
    "critical_parameter": "critical_parameters",
    "critical_step": "stability",
    "curl": "rotation",
    "curvature_shift": "stationary",
    "cycle_growth": "growth",
    "decompose_jacobian": "rotation",
    "diagnose": "diagnosis",
    "diffusion_limit": "diffusion",
    "divergence": "rotation",
    "equilibria_over": "census",
    "equilibrium_shift": "equilibrium_shifts",
    "escape_times": "escapes",
    "estimator_bias": "estimator_moments",
    "exploitability": "best_responses",
    "first_integrals": "invariants",
    "fixed_points": "zeros",
    "game_components": "components",
    "helmholtz": "hodge",
    "invariant_manifolds": "manifolds",
    "is_conservative": "conservative",
    "leading_eigenvalues": "leading",
    "leading_multipliers": "leading",
    "lyapunov_spectrum": "exponents",
    "modified_field": "backward_error",
    "multipliers": "updates",
    "noise_floor": "noise_floors",
    "normal_form": "normal_forms",
    "orbit_diagram": "orbit_diagrams",
    "own_curvatures": "curvatures",
    "path_angle": "rotation",
    "periodic_orbit": "closed_orbits",
    "periodic_orbits": "closed_orbits",
    "plot_basins": "basin_plots",
    "plot_exponents": "chaos_plots",
    "plot_orbit_diagram": "chaos_plots",
    "plot_portrait": "plots",
    "plot_pseudospectrum": "chaos_plots",
    "plot_ritz_values": "plots",
    "plot_spectrum": "plots",
    "plot_transients": "chaos_plots",
    "portrait": "portraits",
    "potential": "conservative",
    "pseudospectrum": "pseudospectra",
    "recommend": "recommendations",
    "recurrent_orbit": "map_orbits",
    "recurrent_orbits": "map_orbits",
    "ritz_values": "krylov",
    "rotation_share": "hutchinson",
    "sample_fates": "sampling",
    "spectrum": "spectra",
    "stabilising_gamma": "stabilising",
    "stability_function": "stability_functions",
    "stability_map": "stability_maps",
    "stability_region": "regions",
    "stable_steps": "observed_steps",
    "stationary_covariance": "stationary",
    "transient_growth": "nonnormality",
    "transients": "nonnormality",
    "uncertainty_exponent": "basin_measures",
    "update_covariance": "update_covariances",
    "update_jacobian": "updates",
    "work": "line_integrals",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"analysis.{_HOME[name]}"), name)
    raise AttributeError(f"module 'analysis' has no attribute {name!r}")
