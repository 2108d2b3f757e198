"""Games with random samples: their fields from batches, estimators of ‖v‖² and its gradient, and what they expect.

Names load when first used, as in `dynsys`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynsys.minibatches.distributions import (
        Discrete,
        Mixture,
        Normal,
        Uniform,
        discrete,
        mixture,
        normal,
        uniform,
    )
    from dynsys.minibatches.estimators import (
        ESTIMATORS,
        Estimator,
        FinitePopulation,
        IndependentBatches,
        PerSampleNorm,
        PlugIn,
        SplitBatch,
        UStatistic,
    )
    from dynsys.minibatches.minibatch_field import MinibatchField
    from dynsys.minibatches.populations import Data, Noise
    from dynsys.minibatches.sampled_field import SampledField
    from dynsys.minibatches.sampled_games import FiniteSumGame, StochasticGame

_NAMES = {
    "distributions": ("Discrete", "Mixture", "Normal", "Uniform", "discrete", "mixture", "normal", "uniform"),
    "estimators": (
        "ESTIMATORS",
        "Estimator",
        "FinitePopulation",
        "IndependentBatches",
        "PerSampleNorm",
        "PlugIn",
        "SplitBatch",
        "UStatistic",
    ),
    "minibatch_field": ("MinibatchField",),
    "populations": ("Data", "Noise"),
    "sampled_field": ("SampledField",),
    "sampled_games": ("FiniteSumGame", "StochasticGame"),
}
_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "ESTIMATORS",
    "Data",
    "Discrete",
    "Estimator",
    "FinitePopulation",
    "FiniteSumGame",
    "IndependentBatches",
    "MinibatchField",
    "Mixture",
    "Noise",
    "Normal",
    "PerSampleNorm",
    "PlugIn",
    "SampledField",
    "SplitBatch",
    "StochasticGame",
    "UStatistic",
    "Uniform",
    "discrete",
    "mixture",
    "normal",
    "uniform",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"dynsys.minibatches.{_HOME[name]}"), name)
    raise AttributeError(f"module 'dynsys.minibatches' has no attribute {name!r}")
