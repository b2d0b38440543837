"""A tree of clusters that a task belongs to in parts.

Legend: E task embedding, K clusters of a level, J clusters of the next one.
"""

from math import sqrt

import torch
from torch import Tensor, nn

from metassl.schema.ranges import Counts, Positive


class Leaves(nn.Module):
    """Sorts a task into clusters by how near it is to their centres.

    p_k = softmax_k(-|g - c_k|² / 2σ), h_k = p_k tanh(W_k g + b_k). Source: Yao et al. 2019, section 4.2.

    Args:
        size: E.
        count: K.
        spread: σ.
    """

    def __init__(self, size: int, count: int, spread: float) -> None:
        super().__init__()
        bound = sqrt(6 / (1 + size))  # as the code's centres start
        self.centres = nn.Parameter(torch.empty(count, size).uniform_(-bound, bound))
        self.change = nn.Linear(size, count * size)
        self.spread = spread

    def assigned(self, g: Tensor) -> Tensor:
        """[K] the parts of g [E], which sum to 1."""
        return (-(g - self.centres).square().sum(-1) / (2 * self.spread)).softmax(-1)

    def forward(self, g: Tensor) -> Tensor:
        """[E] -> [K, E]."""
        return self.assigned(g).unsqueeze(-1) * self.change(g).tanh().view_as(self.centres)


class Branches(nn.Module):
    """Sorts each cluster of a level into those of the next.

    p_kj = softmax_j(v_j·h_k + a_j), h_j = Σ_k p_kj tanh(W_j h_k + b_j).
    Source: Yao et al. 2019, code (`tree_type` 1); the text has distances to centres here, too.

    Args:
        size: E.
        count: J.
    """

    def __init__(self, size: int, count: int) -> None:
        super().__init__()
        self.count = count
        self.choose = nn.Linear(size, count)
        self.change = nn.Linear(size, count * size)

    def forward(self, h: Tensor) -> Tensor:
        """[K, E] -> [J, E]."""
        values = self.change(h).tanh().view(len(h), self.count, -1)
        return (self.choose(h).softmax(-1).unsqueeze(-1) * values).sum(0)


class SoftTree(nn.Module):
    """Passes the embedding of a task up a tree of clusters, to which tasks of one kind come by the same way.

    Leaves, then Branches for each further level, then the root Σ_j tanh(W h_j + b).
    Source: Yao et al. 2019, section 4.2.

    Args:
        size: E.
        clusters: K of each level, from the leaves on.
        spread: σ of the leaves.
    """

    def __init__(self, size: int, clusters: Counts = (4, 2), spread: Positive = 2.0) -> None:
        super().__init__()
        self.leaves = Leaves(size, clusters[0], spread)
        self.branches = nn.Sequential(*(Branches(size, count) for count in clusters[1:]))
        self.root = nn.Linear(size, size)

    def forward(self, g: Tensor) -> Tensor:
        """[E] -> [E]."""
        return self.root(self.branches(self.leaves(g))).tanh().sum(0)
