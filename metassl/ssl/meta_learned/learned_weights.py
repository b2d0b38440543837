"""A network that says what each unlabelled image is worth to the wrapped objective.

Legend: N way, S support, U unlabelled, D features.
"""

from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from metassl.numerics.geometry import class_means
from metassl.outcomes.classification import Classification, mask_classes, one_hot
from metassl.schema.ranges import Count, Switch
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.meta_learned.wrapping import Wrapping

RATE = 10.0  # of the outer rate
ONLY = 0.5  # weight of a class's other examples below which there is none


class SoftWeighting(Wrapping):
    """Learns how much each unlabelled image counts in another objective.

    w_j = N Σ_c q_jc a_jc multiplies the weights of the wrapped labels q, a_j = softmax_c m([z_j, p_c]).

    m is a small network that relates the features z_j of an image to the prototype p_c (mean support feature)
    of a class; the outer loop trains it through the adaptation. w_j, in 0..N, says how well the image goes
    with the class that it was given, against the others; at first m = 0 and every w_j is 1. In the penalty of
    an objective that gives no labels, q are the predictor's own probabilities; where a penalty divides by the
    sum of the weights only their ratios count.

    Differs from the paper: LST multiplies the logits by a_j before the cross-entropy; here a_j of the given
    label multiplies the cross-entropy itself, so that closed forms and penalties take the weights too. m is
    one perceptron in place of convolutions over feature maps.

    With `support` it weighs the labels of S as well, by the same m: the prototype of the class that an
    example is labelled as is then that of its other examples. Where it is the only one it stays in.

    Source: the soft weighting network of LST, Li et al. 2019, section 4.1.

    Args:
        objective: the wrapped one.
        features: D.
        width: of m's hidden layer.
        support: whether labels of S, too, are weighed.
    """

    rates: ClassVar = {"relation.": RATE}

    def __init__(
        self, objective: SSLObjective, features: int, width: Count = 16, support: Switch = False
    ) -> None:
        super().__init__(objective)
        self.support = support
        last = nn.Linear(width, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.relation = nn.Sequential(nn.Linear(2 * features, width), nn.SiLU(), last)
        self.outcomes = (Classification,)  # it relates images to classes

    def related(self, context: Context, view: str) -> Tensor:
        """[U, N] a_j, of the features of a view of U."""
        episode = context.episode
        labels = one_hot(episode.support_y, episode.way)
        p = class_means(context.constant(context.support_features()), labels, episode.support_weight)
        z = context.constant(context.features(view))
        return self._related(z, p.expand(len(z), -1, -1), episode.class_mask)

    def _related(self, z: Tensor, p: Tensor, class_mask: Tensor) -> Tensor:
        """[n, N] a_j of features z [n, D] to prototypes p [n, N, D] of their own."""
        pairs = torch.cat((z.unsqueeze(1).expand_as(p), p), dim=-1)
        scores: Tensor = self.relation(pairs).squeeze(-1)
        return mask_classes(scores, class_mask).softmax(-1)

    def weights(self, context: Context, q: Tensor, view: str) -> Tensor:
        """[U] w_j, for labels q [U, N]."""
        return _for_labels(context, q, self.related(context, view))

    def support_weights(self, context: Context) -> Tensor | None:
        """[S] w_i of the support's own labels."""
        if not self.support:
            return super().support_weights(context)
        episode, z = context.episode, context.constant(context.support_features())
        q = one_hot(episode.support_y, episode.way).to(z.dtype)
        p = means_of_others(z, q, episode.support_weight)
        return _for_labels(context, q, self._related(z, p, episode.class_mask))

    def label(self, context: Context) -> SoftLabels | None:
        """The wrapped labels, at w_j times their weight."""
        given = self.objective.label(context)
        return None if given is None else given.times(self.weights(context, given.q, given.view))

    def penalty(self, context: Context) -> Tensor | None:
        """The wrapped penalty of images weighed by w_j."""
        view = next(iter(context.unlabelled.views))

        def policy(_: Context) -> Tensor:
            q = context.constant(context.predictions(view))
            return context.weight * self.weights(context, q, view)

        return self.objective.penalty(replace(context, policy=policy))


def means_of_others(z: Tensor, q: Tensor, w: Tensor) -> Tensor:
    """Means of classes as each example sees them, without itself where there is another: [S, N, D].

    Features z [S, D], labels q [S, N] and weights w [S] of the support.
    """
    own = (q * w.unsqueeze(-1)).unsqueeze(-1)
    mass = own.sum(0)
    left = mass - own  # [S, N, 1]
    others = (mass * class_means(z, q, w) - own * z.unsqueeze(1)) / left.clamp(min=1)
    return torch.where(left > ONLY, others, class_means(z, q, w))


def _for_labels(context: Context, q: Tensor, related: Tensor) -> Tensor:
    """[n] N Σ_c q_jc a_jc, N the classes that the task has."""
    live = context.episode.class_mask.to(q.dtype).sum()
    return live * (q * related).sum(-1)
