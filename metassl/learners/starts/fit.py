"""A distance that tries each start out on the labelled examples.

Legend: G starts, S support.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from metassl.learners.starts.distance import StartDistance
from metassl.learners.starts.view import StartView


class SupportFit(StartDistance):
    """Finds the start from which the adaptation fits the labelled examples best.

    d(D, g) = L(S; adapted from θ_g). For tasks with some labelled examples: one a class is fitted by any
    start. Of U it sees what the inner loop sees.

    Source: the choice of a group of tasks by the support's loss, as in Zhou et al. 2021 (TSA-MAML), who
    compare adapted parameters in its place.
    """

    reads_unlabelled = False

    def forward(self, views: Sequence[StartView], random: Tensor) -> Tensor:
        """[G] >= 0."""
        return torch.stack([view.support_loss() for view in views])
