"""A distance that learns which start helps a task most.

Legend: G starts, E size of an embedding, D features.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from metassl.learners.amortised.hypernet import zero
from metassl.learners.amortised.set_encoder import SetEncoder, TaskSet
from metassl.learners.starts.clusters import Clusters, prototypes_of, spread, squared_distance_to_nearest
from metassl.learners.starts.distance import TINY
from metassl.learners.starts.view import StartView
from metassl.schema.constructor import checked
from metassl.schema.ranges import Count, NotNegative, Several

SHARPNESS = 3.0  # σ, at first


class LearnedStart(Clusters):
    """Learns how far a task is from each start, from what starting there was worth in training.

    d(D, g) = c_g · exp(tanh(r_g - mean_h r_h)), r_g = a · e_g + k_g, c_g the distance of `Clusters`, e_g =
    encoder of the rows [z_j / s, min_c |z_j - p_c|² / s²] of S ∪ U under θ_g, s² the mean squared distance of
    two prototypes. a and k_g start at 0, so that it begins as `Clusters`; the correction is bounded, or it
    would hold on to what it learned while the starts were others. The signal is the transfer gain: the
    regret Σ_g w_g (L_g - min_h L_h), w_g ∝ d(D, g)^-σ, of a start drawn by d, with the query losses L_g
    constants. Features and c_g come in as constants; in a mixed start d also learns through the weights.

    Source: set embedding Zaheer et al. 2017, theorem 2; that d predicts the transfer is ours.

    Args:
        features: D; count: G.
        hidden: units of the encoder; size: E, of e_g.
        weight: of the regret in the outer loss.
    """

    learned = True

    @checked("start_distance")
    def __init__(
        self,
        features: int,
        count: Several = 2,
        hidden: Count = 64,
        size: Count = 16,
        weight: NotNegative = 1.0,
    ) -> None:
        super().__init__(count)
        self.weight = weight
        self.encoder = SetEncoder(features + 1, hidden, size)
        self.correction = zero(nn.Linear(size, 1))
        self.places = nn.Parameter(torch.zeros(count))
        self.log_sharpness = nn.Parameter(torch.tensor(SHARPNESS).log())

    def forward(self, views: Sequence[StartView], random: Tensor) -> Tensor:
        """[G] >= 0."""
        e = torch.stack([self.encoder(_described(view)).task for view in views])
        correction = self.correction(e).squeeze(-1) + self.places
        correction = (correction - correction.mean()).tanh()  # what all have in common says nothing
        clusters = super().forward(views, random).detach()
        known = torch.isfinite(clusters)  # infinity times anything would have no gradient but NaN
        return torch.where(known, torch.where(known, clusters, 1.0) * correction.exp(), torch.inf)

    def loss(self, distances: Tensor, losses: Tensor) -> Tensor:
        """The regret of a start drawn by d; 0 while a start is not known yet."""
        known = torch.isfinite(distances).all()
        log_d = torch.where(torch.isfinite(distances), distances, 1.0).clamp_min(TINY).log()
        drawn = (-self.log_sharpness.exp() * log_d).softmax(0)
        return torch.where(known, self.weight * (drawn * (losses - losses.min())).sum(), 0)


def _described(view: StartView) -> TaskSet:
    """The task's set with features whose scale is that of the prototypes, and how near each row is to one."""
    rows, present = view.rows(), view.episode.class_mask
    z = rows.z.detach()
    prototypes = prototypes_of(rows).detach()
    scale = spread(prototypes, present)
    near = squared_distance_to_nearest(z, prototypes, present) / scale
    return rows._replace(z=torch.cat((z * scale.rsqrt(), near.unsqueeze(-1)), dim=-1))
