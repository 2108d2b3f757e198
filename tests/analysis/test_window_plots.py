"""The drawing of windows shows every border with its witness and every component with its share."""

import matplotlib.pyplot as plt
import numpy as np
from numpy.testing import assert_allclose

from analysis import convergence_windows
from analysis.window_plots import plot_windows
from dynsys import games
from dynsys.transforms import consensus
from integrators import Euler


def test_the_border_of_the_curl_field_is_drawn_and_named():
    w = consensus(games.curl().field(), 0.5)
    found = convergence_windows(w, Euler(), [(-1, 1)] * 2, [(-2, 2)] * 2, {"h": (0, 2), "gamma": (0.1, 3)}, samples=5)
    ax = plot_windows(found)
    gamma, h = next(line for line in ax.lines if len(line.get_xdata()) > 10).get_data()
    assert_allclose(h, 2 * np.array(gamma) / (1 + np.array(gamma) ** 2), rtol=1e-8)
    assert ax.get_legend_handles_labels()[1] == ["Neimark-Sacker of point 1"]
    assert [text.get_text() for text in ax.texts] == ["1: 100 % of starts"]
    plt.close("all")
