r"""Training denoising autoencoders: the corruption is drawn once, so that a deterministic optimiser can converge.

.. math:: E = \frac{1}{m}\sum_{i} ‖r(\tilde x_i) - x_i‖^2 + λ\,‖\mathrm{diag}(s'(W\tilde x_i + b))\,W‖_F^2

over m corrupted copies x̃ᵢ = xᵢ + σεᵢ. The second term is the contractive penalty, at the corrupted points, in the mean
like the first. Vincent et al. (2008), Rifai et al. (2011); L-BFGS-B of Byrd, Lu, Nocedal & Zhu (1995) in SciPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from dynsys.autoencoders.data import check_points, number, whole
from dynsys.autoencoders.denoiser import check_sigma
from dynsys.autoencoders.network import ACTIVATIONS, Autoencoder
from dynsys.errors import InputError, nearest, shown

Report = Callable[[int, float], Any]


class Ending(Enum):
    """How a training ended; the value says what to do."""

    CONVERGED = "converged: the loss no longer falls"
    LIMIT = "stopped at the limit of iterations; the loss was still falling: allow more with iterations="
    INTERRUPTED = "interrupted: the best network so far"
    FAILED = "the line search found no lower loss; try another seed= or fewer hidden units"


@dataclass(frozen=True)
class Training:
    """A trained network, its loss after every iteration, and how the training ended."""

    network: Autoencoder
    losses: tuple[float, ...]
    ending: Ending

    @property
    def loss(self) -> float:
        """The loss of the network."""
        return self.losses[-1]


@dataclass(frozen=True)
class DenoisingLoss:
    """E and its gradient as functions of all parameters in one vector: W, b, V unless tied, c.

    `inputs` and `targets` have shape (m, n). Parameters may be complex, for derivatives by complex steps.
    """

    inputs: np.ndarray
    targets: np.ndarray
    hidden: int
    tied: bool
    contractive: float = 0.0
    activation: str = "tanh"

    def unpacked(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """W (h, n), b (h,), V (n, h), c (n,)."""
        h, n = self.hidden, self.inputs.shape[1]
        W, b, rest = parameters[: h * n].reshape(h, n), parameters[h * n : h * n + h], parameters[h * n + h :]
        return W, b, W.T if self.tied else rest[:-n].reshape(n, h), rest[-n:]

    def packed(self, W: np.ndarray, b: np.ndarray, V: np.ndarray, c: np.ndarray) -> np.ndarray:
        """The vector of parameters, or of the derivatives by them: if tied, V's are already in W's."""
        return np.concatenate([W.ravel(), b, *([] if self.tied else [V.ravel()]), c])

    def network(self, parameters: np.ndarray) -> Autoencoder:
        """The network with these parameters."""
        W, b, V, c = self.unpacked(parameters)
        return Autoencoder(W, b, V, c, self.activation)

    def __call__(self, parameters: np.ndarray) -> tuple[Any, np.ndarray]:
        """E and its gradient."""
        W, b, V, c = self.unpacked(parameters)
        s_of = ACTIVATIONS[self.activation]
        s = s_of.value(self.inputs @ W.T + b)
        slope = s_of.slope(s)
        error = s @ V.T + c - self.targets
        loss = (error * error).sum() / len(error)
        error *= 2 / len(error)
        back = (error @ V) * slope  # ∂E/∂(Wx + b)
        by_W, by_V = np.zeros_like(W), error.T @ s
        if self.contractive:
            weight, sizes = self.contractive / len(error), (W * W).sum(1)
            squares = (slope * slope).sum(0)
            loss += weight * (squares * sizes).sum()
            back += 2 * weight * sizes * slope * s_of.bend(s)
            by_W += 2 * weight * squares[:, None] * W
        by_W += back.T @ self.inputs
        if self.tied:
            by_W += by_V.T
        return loss, self.packed(by_W, back.sum(0), by_V, error.sum(0))


def corrupted(
    points: np.ndarray, sigma: float, corruptions: int, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Noisy copies of the points and the points they come from, shapes (corruptions·N, n); pairs x ± σε."""
    noise = sigma * draw.normal(size=(-(-corruptions // 2), *points.shape))
    inputs = np.concatenate([points + noise, points - noise])[:corruptions]
    targets = np.broadcast_to(points, inputs.shape)
    return inputs.reshape(-1, points.shape[1]), targets.reshape(-1, points.shape[1])


def initial(loss: DenoisingLoss, sigma: float, draw: np.random.Generator) -> np.ndarray:
    """Parameters to start from: hidden units that switch at corrupted points, in random directions.

    Untied units are about as steep as σ is wide, and V and c solve the linear least-squares problem they leave. Tied
    ones are as steep as makes their sum rise as the data do: h units of height 2‖w‖ span the data's width.
    """
    inputs, h = loss.inputs, loss.hidden
    m, n = inputs.shape
    directions = draw.normal(size=(h, n))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    spread = np.sqrt(np.square(inputs - inputs.mean(0)).sum(1).mean())
    steepness = draw.uniform(0.5, 1.5, h) * (2 * n * spread / h if loss.tied else 1 / sigma)
    W = directions * steepness[:, None]
    b = -(W * inputs[draw.integers(0, m, h)]).sum(1)
    s = ACTIVATIONS[loss.activation].value(inputs @ W.T + b)
    if loss.tied:
        return loss.packed(W, b, W.T, (loss.targets - s @ W).mean(0))
    features = np.column_stack([s, np.ones(m)])
    normal = features.T @ features / m + 1e-4 * np.eye(h + 1)
    solution = np.linalg.solve(normal, features.T @ loss.targets / m)
    return loss.packed(W, b, solution[:-1].T, solution[-1])


def train(
    points: Any,
    sigma: float = 1.0,
    hidden: int = 64,
    tied: bool = False,
    contractive: float = 0.0,
    corruptions: int = 20,
    activation: str = "tanh",
    seed: int = 0,
    iterations: int = 300,
    report: Report | None = None,
) -> Training:
    """Train a denoising autoencoder on points (N, n) with noise σ; the same seed gives the same network.

    `contractive` is the λ of the penalty, `corruptions` the noisy copies of each point, `report` is called with the
    number of iterations done and the loss. An interrupt from the keyboard ends the training with the best network so
    far. A tied network wants data of some ten units' spread (see `data`) and σ not below the spread / √h.
    Raises `InputError` for points that are not finite or fewer than two, for σ ≤ 0, and for counts below 1.
    """
    data = check_points(points, needed=2)
    sigma = check_sigma(sigma)
    if activation not in ACTIVATIONS:
        raise InputError(f"activation is {shown(activation)}; {nearest(activation, ACTIVATIONS)}")
    draw = np.random.default_rng(whole(seed, "seed", 0))
    inputs, targets = corrupted(data, sigma, whole(corruptions, "corruptions", 1), draw)
    penalty = number(contractive, "contractive", positive=False)
    loss = DenoisingLoss(inputs, targets, whole(hidden, "hidden", 1), bool(tied), penalty, activation)
    whole(iterations, "iterations", 1)
    with threadpool_limits(1):  # the order of a sum's terms, and so its last digit, would depend on the threads
        return _minimised(loss, initial(loss, sigma, draw), iterations, report)


def _minimised(loss: DenoisingLoss, start: np.ndarray, iterations: int, report: Report | None) -> Training:
    best, losses = start, [float(loss(start)[0])]

    def after(intermediate_result: Any) -> None:
        nonlocal best
        best = intermediate_result.x.copy()
        losses.append(float(intermediate_result.fun))
        if report is not None:
            report(len(losses) - 1, losses[-1])

    options = {"maxiter": iterations, "maxfun": 20 * iterations, "maxcor": 20, "ftol": 1e-13, "gtol": 1e-9}
    try:
        found = minimize(loss, start, jac=True, method="L-BFGS-B", callback=after, options=options)
        ending = {0: Ending.CONVERGED, 1: Ending.LIMIT}.get(found.status, Ending.FAILED)
    except KeyboardInterrupt:
        ending = Ending.INTERRUPTED
    return Training(loss.network(best), tuple(losses), ending)
