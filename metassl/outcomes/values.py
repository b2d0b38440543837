"""What tasks that ask for numbers have in common: labels, targets and outputs are values themselves.

Legend: n items, K values of an item, H numbers of an embedding.
"""

from typing import ClassVar

import torch
from torch import Tensor

from metassl.outcomes.base import Outcome

ROUNDING = 1e-6  # of float32: a smaller mass of labels may be none
TINY = 1e-6  # values whose standard deviation is no larger have no scale


class Values(Outcome):
    """Asks for numbers: outputs, labels and targets are all [n, K] values."""

    asks: ClassVar[str] = "values"

    def targets(self, y: Tensor, outputs: int) -> Tensor:
        """[n, K] the values."""
        return y

    def predictions(self, outputs: Tensor) -> Tensor:
        """[n, K] the outputs."""
        return outputs

    def divergence(self, clean: Tensor, moved: Tensor) -> Tensor:
        """[n] ½ Σ_k (clean - moved)²: KL of two Gaussians of unit variance with these means."""
        return (clean - moved).square().sum(-1) / 2

    def masses(self, q: Tensor) -> Tensor:
        """[n, K + 1] the values, and a 1 that says that there is a label."""
        return torch.cat((q, torch.ones_like(q[:, :1])), dim=-1)

    def from_masses(self, masses: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """The mean value, and how many labels it is of; 0 where there is nothing."""
        mass = masses[:, -1].clamp(min=0)
        return masses[:, :-1] / mass.clamp(min=ROUNDING).unsqueeze(-1), mass

    def certainty(self, q: Tensor, present: Tensor) -> Tensor:
        """1: a value says nothing of how sure it is."""
        return torch.ones_like(q[:, 0])

    def readable(self, q: Tensor) -> Tensor:
        """[n, K] all of them."""
        return q

    def per_output(self, e: Tensor, q: Tensor, w: Tensor) -> Tensor:
        """[K, H] the mean of all items, for each value alike: what differs is in the embedding."""
        mean = (w / w.sum().clamp(min=1e-12)) @ e
        return mean.expand(q.shape[-1], -1)


def mean_and_scale(y: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Where values lie and how far apart they are, to standardise them.

    [..., K] weighted mean and standard deviation of y [..., n, K], weight [..., n]; the scale of values that
    are all equal is 1.
    """
    share = (weight / weight.sum(-1, keepdim=True).clamp(min=1e-12)).unsqueeze(-1)
    mean = (share * y).sum(-2)
    variance = (share * (y - mean.unsqueeze(-2)).square()).sum(-2)
    spread = variance > TINY**2
    # the inner choice keeps the root's endless slope at 0 out of the gradient
    return mean, torch.where(spread, torch.where(spread, variance, 1.0).sqrt(), 1.0)
