"""The losses of generator and critic, which both minimise, from the critic's outputs: on real and on generated samples.

With D = 1/(1 + e^{-output}): the critic of `non-saturating` and `js` minimises -E log D(x) - E log(1 - D(G(z))). The
generator of `js` minimises what of the negative it can change, E log(1 - D(G(z))): a zero-sum game whose value against
the best critic is 2 JS - log 4. The generator of `non-saturating` minimises -E log D(G(z)). `wasserstein` is the
zero-sum game of E output(x) - E output(G(z)), with nothing that holds the critic to Lipschitz functions.
Goodfellow et al. (2014); Arjovsky, Chintala & Bottou (2017).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.nn.functional import softplus

GENERATOR: dict[str, Callable[[Tensor], Tensor]] = {
    "non-saturating": lambda fake: softplus(-fake),
    "js": lambda fake: -softplus(fake),
    "wasserstein": lambda fake: -fake,
}
CRITIC: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "non-saturating": lambda real, fake: softplus(-real) + softplus(fake),
    "js": lambda real, fake: softplus(-real) + softplus(fake),
    "wasserstein": lambda real, fake: fake - real,
}
LOSSES = tuple(GENERATOR)


def _mean(values: Tensor) -> Tensor:
    """The mean over the samples, added up over the copies of a game that are trained at once."""
    return values.mean(dim=0).sum()


def together(loss: str) -> Callable[..., dict[str, Tensor]]:
    """Both players' losses from one pass through the networks: for players that move at once."""

    def losses(G: Any, D: Any, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        real, z = batch
        fake = D(G(z))
        return {"generator": _mean(GENERATOR[loss](fake)), "critic": _mean(CRITIC[loss](D(real), fake))}

    return losses


def apart(loss: str) -> dict[str, Callable[..., Tensor]]:
    """Each player's loss as a function of its own: for players in turn."""
    return {
        "generator": lambda G, D, batch: _mean(GENERATOR[loss](D(G(batch[1])))),
        "critic": lambda G, D, batch: _mean(CRITIC[loss](D(batch[0]), D(G(batch[1])))),
    }
