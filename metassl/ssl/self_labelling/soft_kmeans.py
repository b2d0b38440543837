"""Soft k-means: unlabelled images join the classes whose prototypes they are near."""

from typing import ClassVar

import torch
from torch import Tensor

from metassl.numerics.geometry import class_means, squared_distances
from metassl.outcomes.classification import mask_classes, one_hot
from metassl.schema.constructor import checked
from metassl.schema.ranges import Count
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context


class SoftKMeans(SSLObjective):
    """Labels unlabelled images by their distances to the prototypes, as soft k-means does.

    z_jc = softmax_c(-‖h_j - p_c‖²), p_c the mean support feature; no gradient through z.

    A learner that refits prototypes on S ∪ (U, z) then has Ren's refined prototypes
    p̃_c = (Σ labelled h + Σ_j z_jc h_j) / (count + Σ_j z_jc); any other learner learns z as soft labels.

    Assumes that U has equally many images of each class, in so far as no class is likelier before its
    distance is known; ssl=gmm with weights=learned and ssl=paddle do not.

    Source: Ren et al. 2018, section 3.1.1, eq. 3 and 4.

    Args:
        iterations: k-means steps; each one after the first starts from the refined prototypes.
    """

    views: ClassVar = {"plain": "plain"}

    @checked("ssl.objective")
    def __init__(self, iterations: Count = 1) -> None:
        super().__init__()
        self.iterations = iterations

    def label(self, context: Context) -> SoftLabels:
        """Soft assignments of the plain view."""
        episode, u_weight = context.episode, context.unlabelled.weight
        s = context.constant(context.support_features())
        u = context.constant(context.features("plain"))
        y = one_hot(episode.support_y, episode.way)
        means = class_means(s, y, episode.support_weight)
        z = _assign(u, means, episode.class_mask)
        for _ in range(self.iterations - 1):
            weight = torch.cat((episode.support_weight, u_weight))
            means = class_means(torch.cat((s, u)), torch.cat((y, z)), weight)
            z = _assign(u, means, episode.class_mask)
        return SoftLabels(z, torch.ones_like(u_weight), "plain")


def _assign(u: Tensor, means: Tensor, class_mask: Tensor) -> Tensor:
    """[U, N] softmax of negative squared distances, over the classes that the task has."""
    return mask_classes(-squared_distances(u, means), class_mask).softmax(-1)
