"""Controls: what a start is worth that nobody chose, and one that was chosen by the answers.

Legend: G starts.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from metassl.learners.starts.distance import StartDistance
from metassl.learners.starts.view import StartView
from metassl.schema.ranges import Several


class RandomStart(StartDistance):
    """A control: any start is as near as any other, by chance."""

    reads_unlabelled = False

    def __init__(self, count: Several = 2) -> None:
        super().__init__(count)
        self.draws = count

    def forward(self, views: Sequence[StartView], random: Tensor) -> Tensor:
        """[G] in (0, 1)."""
        return random.to(self.usual.dtype)


class AverageStart(StartDistance):
    """A control: all starts are equally near, so that every task starts from their mean."""

    reads_unlabelled = False

    def forward(self, views: Sequence[StartView], random: Tensor) -> Tensor:
        """[G] zeros."""
        return torch.zeros_like(self.usual.sum(1))


class QueryStart(StartDistance):
    """A control, no method: looks at the query labels to find the best start.

    d(D, g) = L(Q; adapted from θ_g). AN ORACLE: it bounds what any distance could gain from these starts.
    """

    reads_unlabelled = False
    reads_queries = True

    def forward(self, views: Sequence[StartView], random: Tensor) -> Tensor:
        """[G] >= 0."""
        return torch.stack([view.query_loss() for view in views])
