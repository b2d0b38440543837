"""A distance that learns which start helps a task most.

Legend: G starts, E size of an embedding, D features.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from metassl.learners.amortised.set_encoder import SetEncoder
from metassl.learners.starts.distance import StartDistance, StartView
from metassl.schema.constructor import checked
from metassl.schema.ranges import Count, NotNegative
from metassl.tasks.spec import TaskSpec


class LearnedStart(StartDistance):
    """Learns how far a task is from each start, from what starting there was worth in training.

    d(D, g) = |e_g - k_g|², e_g = encoder(S ∪ U under θ_g), k_g a learned place of each start. The signal is
    the transfer gain: the regret Σ_g softmax(-d)_g (L_g - min_h L_h) of a start drawn by d, with the query
    losses L_g constants. Features come in as constants; in a mixed start d also learns through the weights.

    Source: set embedding Zaheer et al. 2017, theorem 2; that d predicts the transfer is ours.

    Args:
        features: D; count: G; task: what its tasks ask for.
        hidden: units of the encoder; size: E.
        weight: of the regret in the outer loss.
    """

    learned = True

    @checked("start_distance")
    def __init__(
        self,
        features: int,
        count: int,
        task: TaskSpec,
        hidden: Count = 64,
        size: Count = 16,
        weight: NotNegative = 1.0,
    ) -> None:
        super().__init__(count)
        self.weight = weight
        self.encoder = SetEncoder(features, hidden, size, task=task)
        self.places = nn.Parameter(torch.randn(count, size))

    def forward(self, views: Sequence[StartView], random: Tensor) -> Tensor:
        """[G] >= 0."""
        sets = [view.rows() for view in views]
        e = torch.stack([self.encoder(rows._replace(z=rows.z.detach())).task for rows in sets])
        return (e - self.places).square().sum(-1)

    def loss(self, distances: Tensor, losses: Tensor) -> Tensor:
        """The regret of a start drawn by d."""
        regret = losses - losses.min()
        return self.weight * ((-distances).softmax(0) * regret).sum()
