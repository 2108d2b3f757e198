"""Hypothesis profiles: `gate` is deterministic, `explore` draws many random examples (HYPOTHESIS_PROFILE=explore)."""

import os

from hypothesis import HealthCheck, settings

SLOW = [HealthCheck.too_slow]  # without compilation an example can take a second
settings.register_profile("gate", derandomize=True, deadline=None, max_examples=40, suppress_health_check=SLOW)
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))
