"""Distances that look at how clearly a start sees the classes of a task: in U, or in S alone.

Legend: G starts, N way, S support, U unlabelled, D features.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from metassl.learners.amortised.set_encoder import TaskSet
from metassl.learners.starts.distance import TINY, StartDistance
from metassl.learners.starts.view import StartView
from metassl.numerics.geometry import class_means, squared_distances
from metassl.outcomes.classification import Classification


class Clusters(StartDistance):
    """Finds the start under which the unlabelled examples fall into clusters around the labelled ones.

    d(D, g) = mean_j min_c |u_j - p_c|² / mean_{c≠c'} |p_c - p_c'|², p_c the prototypes of S and u_j the
    unlabelled examples under the start: small where the classes are what this network tells apart. Where U
    has no part, S alone: the usual mean_{c≠c'} |p_c - p_c'|² of the training tasks that suited g best,
    divided by this task's; infinite for a start that never was the best.

    Source: ours; a ratio of the scatter within clusters to that between them, as in Fisher 1936.
    """

    follows = 1
    outcomes = (Classification,)

    def forward(self, views: Sequence[StartView], random: Tensor) -> Tensor:
        """[G] >= 0."""
        return torch.stack([self._one(self.usual[g, 0], view) for g, view in enumerate(views)])

    def _one(self, usual: Tensor, view: StartView) -> Tensor:
        rows, present = view.rows(), view.episode.class_mask
        prototypes = prototypes_of(rows)
        between = spread(prototypes, present)
        if len(rows.z) > len(view.episode.support_x):
            weight = rows.w * (1 - rows.known)
            near = squared_distance_to_nearest(rows.z, prototypes, present)
            return (weight * near).sum() / weight.sum().clamp_min(1.0) / between
        return torch.where(usual > 0, usual / between, torch.inf)

    def measure(self, view: StartView) -> Tensor:
        """[1] mean_{c≠c'} |p_c - p_c'|²."""
        return spread(prototypes_of(view.rows()), view.episode.class_mask).unsqueeze(0)


def prototypes_of(rows: TaskSet) -> Tensor:
    """Averages the labelled examples of each class.

    [N, D] prototypes of S.
    """
    return class_means(rows.z, rows.q.to(rows.z.dtype), rows.w * rows.known)


def spread(prototypes: Tensor, present: Tensor) -> Tensor:
    """Says how far the classes of a task lie apart.

    The mean squared distance of two different prototypes [N, D], above 0; present [N] bool.
    """
    pairs = (present.unsqueeze(0) & present.unsqueeze(1)).to(prototypes.dtype)
    pairs = pairs - torch.diag(torch.diagonal(pairs))
    squared = squared_distances(prototypes, prototypes)
    return ((pairs * squared).sum() / pairs.sum().clamp_min(1.0)).clamp_min(TINY)


def squared_distance_to_nearest(z: Tensor, prototypes: Tensor, present: Tensor) -> Tensor:
    """Says how near each example is to a prototype.

    [n] min_c |z_j - p_c|² of features z [n, D] and prototypes [N, D] of the classes that are present [N].
    """
    return squared_distances(z, prototypes).masked_fill(~present, torch.inf).amin(1)
