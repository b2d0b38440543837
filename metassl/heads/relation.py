"""Relation networks: a network learns how near an item is to a class.

Legend: N way, n labelled rows, m items to classify, C channels of a map, D features, H hidden units.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from metassl.heads.base import Head
from metassl.heads.comparison import comparison
from metassl.numerics.geometry import class_means
from metassl.numerics.losses import weighted_mean
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import CLASSES, one_hot
from metassl.schema.ranges import Count


class RelationSoftmax(Head):
    """Classifies by a small network that compares a query with each class, trained as a softmax.

    logits_jc = g_φ([f(x_j), p_c]), the scores before the sigmoid; trained by the cross-entropy.

    Where the backbone's features are a map of several places, g_φ is the paper's relation module, two
    convolutions over the channels of both maps and two layers (MapComparison); of one place, or of vectors,
    it is three layers (VectorComparison). At 28×28 a conv4 that pools in every block leaves one place, so
    model=relation takes backbone=conv4_maps, which pools in the first two as the paper's does.

    Differs from the paper: p_c is the weighted mean of class c where the paper sums the maps of a class;
    under fractional weights and soft labels a sum would say how much of U was labelled. The module has no
    norm where theirs has one over the batch, so that no score depends on other queries.

    Source: Sung et al. 2018, eq. 1, section 3.2 and figure 2; sizes by the authors' code.

    Args:
        map_shape: of the features: (C, height, width) or (D,).
        channels: of the convolutions.
        hidden: of the layer after them.
        vector_hidden: H, of the layers for vectors.
    """

    def __init__(
        self, map_shape: Sequence[int], channels: Count = 16, hidden: Count = 64, vector_hidden: Count = 256
    ) -> None:
        super().__init__()
        self.relation = comparison(map_shape, channels, hidden, vector_hidden)

    def fit(self, z: Tensor, q: Tensor, w: Tensor) -> Tensor:
        """[N, D] means."""
        return class_means(z, q.to(z.dtype), w.to(z.dtype))

    def logits(self, state: Tensor, z: Tensor) -> Tensor:
        """[m, N] relation scores before the sigmoid."""
        scores: Tensor = self.relation(z, state.to(z.dtype))
        return scores


class Relation(RelationSoftmax):
    """Classifies by a small network that compares a query with each class, trained by squares.

    The same, trained by the paper's squares: Σ_c (σ(logits_jc) - 1[y_j = c])², mean over the queries.

    Source: Sung et al. 2018, eq. 2.
    """

    def loss(
        self, state: Tensor, logits: Tensor, y: Tensor, weight: Tensor, outcome: Outcome = CLASSES
    ) -> Tensor:
        """logits [Q, N], y [Q], weight [Q] -> scalar; a class that the task lacks has score 0 and costs 0."""
        errors = torch.sigmoid(logits) - one_hot(y, logits.shape[-1])
        return weighted_mean(errors.square().sum(-1), weight)
