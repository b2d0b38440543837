"""Soft k-means with one more cluster for what is of no class.

Legend: N way, S support, U unlabelled, D features.
"""

from math import log
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional as F

from metassl.errors import ConfigError
from metassl.heads.prototypes import class_means, rest_logit, squared_distances
from metassl.losses import mask_classes, one_hot
from metassl.ssl.base import Context, Rest, SoftLabels, SSLObjective


class SoftKMeansCluster(SSLObjective):
    """z_j = softmax over N + 1 clusters of -d_jc/(2 r_c²) - log r_c - ½ log 2π; gradients flow through z.

    Clusters 1..N are the mean support features with r_c = 1; cluster N + 1 is at 0 with a learned radius
    exp(log_radius), for distractors. The labels carry the first N columns: weight_j = Σ_c z_jc and
    q_jc = z_jc / weight_j, so a learner that refits prototypes has Ren's
    p̃_c = (Σ labelled h + Σ_j z_jc h_j) / (count + Σ_j z_jc); any other learns q with these weights.
    The share of cluster N + 1 goes along, and prototypes then classify queries over all N + 1.
    Source: Ren et al. 2018, section 3.1.2; constants from the authors' code.

    Args:
        radius: initial radius of the cluster at 0, above 0.
    """

    views: ClassVar = {"plain": "plain"}
    stop_gradient = False

    def __init__(self, radius: float) -> None:
        super().__init__()
        if radius <= 0:
            raise ConfigError(f"ssl.objective.radius: found {radius!r}, allowed: above 0.")
        self.log_radius = nn.Parameter(torch.tensor(log(radius)))

    def label(self, context: Context) -> SoftLabels:
        """Soft assignments of the plain view."""
        episode = context.episode
        u = context.constant(context.features("plain"))
        s = context.constant(context.support_features())
        means = class_means(s, one_hot(episode.support_y, episode.way), episode.support_weight)
        # ½ log 2π is the same for every cluster: the softmax does not see it
        near = mask_classes(-squared_distances(u, means) / 2, episode.class_mask)
        extra = rest_logit(u, torch.zeros_like(u[0]), self.log_radius)
        # q and weight from the logits, since Σ_c z_jc can be 0 to all digits
        odds = near.logsumexp(-1) - extra
        rest = Rest(torch.sigmoid(-odds), self.log_radius)
        return SoftLabels(F.softmax(near, dim=-1), torch.sigmoid(odds), "plain", rest)
