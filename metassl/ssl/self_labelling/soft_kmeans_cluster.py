"""Soft k-means with one more cluster for what is of no class.

Legend: N way, S support, U unlabelled, D features.
"""

from math import log
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from metassl.heads.prototypes import rest_logit
from metassl.numerics.geometry import centre, class_means, squared_distances
from metassl.outcomes.classification import mask_classes, one_hot
from metassl.schema.constructor import checked
from metassl.schema.ranges import Count, Positive
from metassl.ssl.base import Rest, SoftLabels, SSLObjective
from metassl.ssl.context import Context
from metassl.tasks.episode import Episode


class SoftKMeansCluster(SSLObjective):
    """Labels by soft k-means with one more cluster, which takes the distractors.

    z_j = softmax over N + 1 clusters of -d_jc/(2 r_c²) - log r_c - ½ log 2π; gradients flow through z.

    Clusters 1..N are the mean support features with r_c = 1; cluster N + 1 is at 0 with a learned radius
    exp(log_radius), for distractors. The labels carry the first N columns: weight_j = Σ_c z_jc and
    q_jc = z_jc / weight_j, so a learner that refits prototypes has Ren's
    p̃_c = (Σ labelled h + Σ_j z_jc h_j) / (count + Σ_j z_jc); any other learns q with these weights.
    The share of cluster N + 1 goes along, and prototypes then classify queries over all N + 1.

    Assumes that U has equally many images of each class, in so far as no cluster is likelier before its
    distance is known; ssl=gmm with weights=learned and ssl=paddle do not.

    Source: Ren et al. 2018, section 3.1.2; constants from the authors' code.

    Args:
        radius: initial radius of the cluster at 0, above 0.
        iterations: k-means steps (1 in the paper); each one after the first starts from the refined clusters,
            of which the one at 0 has moved to the mean of its share.
    """

    views: ClassVar = {"plain": "plain"}
    stop_gradient = False

    @checked("ssl.objective")
    def __init__(self, radius: Positive = 100.0, iterations: Count = 1) -> None:
        super().__init__()
        self.iterations = iterations
        self.log_radius = nn.Parameter(torch.tensor(log(radius)))

    def label(self, context: Context) -> SoftLabels:
        """Soft assignments of the plain view."""
        episode, u_weight = context.episode, context.unlabelled.weight
        u = context.constant(context.features("plain"))
        s = context.constant(context.support_features())
        y = one_hot(episode.support_y, episode.way)
        labels = self._assign(u, class_means(s, y, episode.support_weight), torch.zeros_like(u[0]), episode)
        for _ in range(self.iterations - 1):
            assert labels.rest is not None
            weight = torch.cat((episode.support_weight, u_weight * labels.weight))
            means = class_means(torch.cat((s, u)), torch.cat((y, labels.q)), weight)
            labels = self._assign(u, means, centre(u, u_weight * labels.rest.share), episode)
        return labels

    def _assign(self, u: Tensor, means: Tensor, rest: Tensor, episode: Episode) -> SoftLabels:
        """Soft assignments to classes with these means [N, D] and to a rest around [D]."""
        # ½ log 2π is the same for every cluster: the softmax does not see it
        near = mask_classes(-squared_distances(u, means) / 2, episode.class_mask)
        # q and weight from the logits, since Σ_c z_jc can be 0 to all digits
        odds = near.logsumexp(-1) - rest_logit(u, rest, self.log_radius)
        share = Rest(torch.sigmoid(-odds), self.log_radius)
        return SoftLabels(F.softmax(near, dim=-1), torch.sigmoid(odds), "plain", share)
