"""Hypothesis profiles: `gate` is deterministic, `explore` draws many random examples (HYPOTHESIS_PROFILE=explore)."""

import os

# before NumPy or PyTorch load: of tests side by side, each with threads of its own, all wait for one another
os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import HealthCheck, settings

SLOW = [HealthCheck.too_slow]  # without compilation an example can take a second
settings.register_profile("gate", derandomize=True, deadline=None, max_examples=40, suppress_health_check=SLOW)
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))
