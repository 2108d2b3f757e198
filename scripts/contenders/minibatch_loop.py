"""Stochastic gradient steps on the variance GAN with NumPy alone, for the benchmark: a row a run, a column a sample.

The field and its derivatives are written out by hand; only what the update needs is computed.
"""

import numpy as np


def variance_gan(starts, h, steps, B, gamma=0.0, seed=0):
    """θ and φ after `steps` steps of Euler on V = φ(x² - θ²z²), γ times the U-statistic's gradient subtracted."""
    draw = np.random.default_rng(seed)
    theta, phi = starts.T.copy()
    m = len(starts)
    for _ in range(steps):
        x, z = draw.standard_normal((m, B)), draw.standard_normal((m, B))
        x2, z2 = x * x, z * z
        a, b = x2.mean(1), z2.mean(1)
        first, second = 2 * phi * theta * b, a - theta * theta * b
        if gamma:
            each1, each2 = (2 * phi * theta)[:, None] * z2, x2 - (theta * theta)[:, None] * z2
            own = (2 * phi)[:, None] * z2
            cross = (2 * theta)[:, None] * z2
            g1, g2 = (own * each1 - cross * each2).mean(1), (cross * each1).mean(1)
            c1, c2 = 2 * b * (phi * first - theta * second), 2 * theta * b * first
            w, d = B / (B - 1), -1 / (B - 1)
            first, second = first - gamma * (w * c1 + d * g1), second - gamma * (w * c2 + d * g2)
        theta += h * first
        phi += h * second
    return np.stack([theta, phi], -1)
