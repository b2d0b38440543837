"""Networks that say how alike two sets of features are: of maps by convolutions, of vectors by layers.

Legend: m items to classify, N way, C channels of a map, D features, H hidden units.
"""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MapComparison(nn.Module):
    """Compares two maps place by place: two blocks of 3×3 convolution, ReLU and pooling, then two layers.

    There is no norm: with statistics of the batch a query's score would depend on the other queries, and a
    norm of each pair for itself takes away by how much its maps differ. Each block halves the map, and keeps
    a side of 1. The first convolution runs over the 2C channels of a pair; being linear, it is taken of each
    map once and added, not of all pairs.

    Args:
        map_shape: (C, height, width).
        channels: of the blocks.
        hidden: H.
    """

    def __init__(self, map_shape: Sequence[int], channels: int = 16, hidden: int = 64) -> None:
        super().__init__()
        self.map_shape = tuple(map_shape)
        self.first = nn.Conv2d(2 * self.map_shape[0], channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        left = [max(side // 4, 1) for side in self.map_shape[1:]]
        for conv in (self.first, self.second):  # as in the authors' code, or differences fade on the way
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        self.score = nn.Sequential(nn.Linear(channels * prod(left), hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def forward(self, x: Tensor, p: Tensor) -> Tensor:
        """[m, N] scores of items x [m, D] with classes p [N, D], D = C·height·width."""
        of_x, of_p = self.first.weight.split(self.map_shape[0], dim=1)
        a = F.conv2d(x.unflatten(1, self.map_shape), of_x, self.first.bias, padding=1)
        b = F.conv2d(p.unflatten(1, self.map_shape), of_p, padding=1)
        pairs = (a.unsqueeze(1) + b.unsqueeze(0)).flatten(0, 1)
        hidden = _halved(F.relu(pairs))
        hidden = _halved(F.relu(self.second(hidden)))
        return self.score(hidden.flatten(1)).view(len(x), len(p))


class VectorComparison(nn.Module):
    """Compares two vectors of features by three layers, for features that have no places.

    Args:
        features: D.
        hidden: H.
    """

    def __init__(self, features: int, hidden: int = 256) -> None:
        super().__init__()
        self.score = nn.Sequential(
            nn.Linear(2 * features, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1),
        )

    def forward(self, x: Tensor, p: Tensor) -> Tensor:
        """[m, N] scores of items x [m, D] with classes p [N, D]."""
        shape = (len(x), *p.shape)
        pairs = torch.cat((x.unsqueeze(1).expand(shape), p.expand(shape)), dim=-1)
        return self.score(pairs).squeeze(-1)


def comparison(map_shape: Sequence[int], channels: int, hidden: int, vector_hidden: int) -> nn.Module:
    """Picks the network that fits a backbone's features: convolutions where they have more than one place."""
    if len(map_shape) == 3 and prod(map_shape[1:]) > 1:
        return MapComparison(map_shape, channels, hidden)
    return VectorComparison(prod(map_shape), vector_hidden)


def _halved(x: Tensor) -> Tensor:
    height, width = (2 if side > 1 else 1 for side in x.shape[-2:])
    return F.max_pool2d(x, (height, width))
