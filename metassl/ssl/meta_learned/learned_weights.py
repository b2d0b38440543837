"""A network that says what each unlabelled image is worth to the wrapped objective.

Legend: N way, S support, U unlabelled, D features.
"""

from dataclasses import replace
from math import log

import torch
from torch import Tensor, nn

from metassl.numerics.geometry import class_means, squared_distances
from metassl.numerics.losses import weighted_mean
from metassl.outcomes.classification import Classification, mask_classes, one_hot
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.meta_learned.wrapping import Wrapping

SIGNS = 4


class SoftWeighting(Wrapping):
    """Learns how much each unlabelled image counts in another objective.

    w_j = σ(m(s_j)) in 0..1 multiplies the weights of the wrapped labels, and weighs images in its penalty.

    s_j are signs of how sure the predictor is of image j that name no class (see `signs`). m is a small
    network that the outer loop trains through the adaptation; at first every w_j is `initial`. In a penalty
    that divides by the sum of the weights only their ratios count.
    Source: the soft weighting network of LST, Li et al. 2019, and the weight network of DS3L,
    Guo et al. 2020; theirs read features and losses of the item.

    Args:
        objective: the wrapped one.
        width: of m's hidden layer.
        initial: w_j at first, inside 0..1.
    """

    def __init__(self, objective: SSLObjective, width: int = 16, initial: float = 0.8) -> None:
        super().__init__(objective)
        self.hidden, self.out = nn.Linear(SIGNS, width), nn.Linear(width, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.constant_(self.out.bias, log(initial / (1 - initial)))
        self.outcomes = (Classification,)  # the signs are of how sure a class is

    def weights(self, context: Context) -> Tensor:
        """[U] w_j."""
        return torch.sigmoid(self.out(torch.tanh(self.hidden(signs(context)))).squeeze(-1))

    def label(self, context: Context) -> SoftLabels | None:
        """The wrapped labels, at w_j times their weight."""
        given = self.objective.label(context)
        return None if given is None else given.times(self.weights(context))

    def penalty(self, context: Context) -> Tensor | None:
        """The wrapped penalty of images weighed by w_j."""
        weighed = replace(context, policy=lambda _: context.weight * self.weights(context))
        return self.objective.penalty(weighed)


def signs(context: Context) -> Tensor:
    """Describes how sure the predictor is of each unlabelled image, without naming a class.

    [U, 4] of U's first view: largest probability, entropy over log N, lead over the second class, and
    squared distance to the nearest prototype over its mean in U. Constants of the loss that they weigh."""
    episode, view = context.episode, next(iter(context.unlabelled.views))
    log_p = context.constant(context.logits(view)).log_softmax(-1).masked_fill(~episode.class_mask, 0.0)
    p = log_p.exp().masked_fill(~episode.class_mask, 0.0)
    entropy = -(p * log_p).sum(-1) / episode.class_mask.to(p.dtype).sum().clamp(min=2).log()
    first, second = p.topk(2, dim=-1).values.unbind(-1)
    labels = one_hot(episode.support_y, episode.way)
    means = class_means(context.constant(context.support_features()), labels, episode.support_weight)
    far = squared_distances(context.constant(context.features(view)), means)
    nearest = -mask_classes(-far, episode.class_mask).amax(-1)
    relative = nearest / weighted_mean(nearest, context.unlabelled.weight).clamp(min=1e-12)
    # without any image there is no mean to compare with: 0, not a huge number
    relative = torch.where(context.unlabelled.weight > 0, relative, torch.zeros_like(relative))
    return torch.stack((first, entropy, first - second, relative), dim=-1)
