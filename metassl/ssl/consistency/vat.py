"""Virtual adversarial training: the prediction must not change in the direction in which it changes most.

Legend: U unlabelled, N way.
"""

from collections.abc import Sequence
from math import prod
from typing import ClassVar

import torch
from torch import Tensor
from torch.func import grad

from metassl.numerics.losses import weighted_mean
from metassl.outcomes.base import Outcome
from metassl.schema.ranges import Count, Positive
from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context


class VAT(SSLObjective):
    """Asks for the same prediction under the small perturbation that changes it most.

    penalty = mean over U of KL(p(x) ‖ p(x + r)), r = ε·g/‖g‖, g = ∇_d KL(p(x) ‖ p(x + ξd)) at the last d.

    Of values KL is that of two Gaussians of unit variance around the predictions, half their squared
    distance. d starts at random and is g/‖g‖ from one power iteration to the next; p(x) and r are constants.
    Source: Miyato et al. 2019, eq. 5 to 8 and Algorithm 1.

    Args:
        epsilon: ε, length of the perturbation of an image, above 0.
        xi: ξ, step of the finite difference, above 0.
        iterations: power iterations, 1 or more.
    """

    views: ClassVar = {"plain": "plain"}
    outcomes = (Outcome,)
    hparams: ClassVar = {"epsilon": "positive"}

    def __init__(self, epsilon: Positive = 0.5, xi: Positive = 0.01, iterations: Count = 1) -> None:
        super().__init__()
        self.epsilon: float | Tensor = epsilon
        self.xi, self.iterations = xi, iterations

    def draws(self, input_shape: Sequence[int]) -> int:
        """A random direction an image."""
        return prod(input_shape)

    def penalty(self, context: Context) -> Tensor:
        """Scalar, 0 or more."""
        with torch.no_grad():
            # By `embed`, not from the logits at hand: those may come with other batch statistics.
            clean = context.classify(_embed(context, 0.0))
            direction = self.direction(context, clean)
        return _divergence(context, clean, self.epsilon * direction)

    @torch.no_grad()
    def direction(self, context: Context, clean: Tensor) -> Tensor:
        """[U, ...] unit vectors along which the prediction, whose logits are `clean`, changes most."""
        x = context.unlabelled.views["plain"]
        d = _unit(torch.special.ndtri(context.random).view_as(x))
        for _ in range(self.iterations):
            slope = grad(lambda r: _divergence(context, clean, r))(self.xi * d)
            d = _unit(slope)
        return d


def _embed(context: Context, r: Tensor | float) -> Tensor:
    return context.embed(context.unlabelled.views["plain"] + r, context.unlabelled.weight)


def _divergence(context: Context, clean: Tensor, r: Tensor) -> Tensor:
    """Mean over U of KL(p ‖ p(x + r)), p by the outputs `clean` [U, K], r [U, ...]."""
    moved = context.classify(_embed(context, r))
    return weighted_mean(context.outcome.divergence(clean, moved), context.weight)


def _unit(x: Tensor) -> Tensor:
    """Each image divided by its length; 0 stays 0."""
    length = x.flatten(1).square().sum(-1).sqrt().clamp(min=torch.finfo(x.dtype).tiny)
    return x / length.view(-1, *(1 for _ in x.shape[1:]))
