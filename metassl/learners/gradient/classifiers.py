"""Classifiers with one row of weights a class, for any number of classes.

Legend: C classes, D features.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from metassl.numerics.geometry import unit
from metassl.schema.ranges import Positive


class Classifier(nn.Module):
    """The last layer of a network, from which the rows of some classes can be taken.

    Every parameter has C as its first dimension, so that some classes' rows are a classifier too.
    """

    def forward(self, z: Tensor) -> Tensor:
        """[n, C] logits of features z [n, D]."""
        raise NotImplementedError

    @torch.no_grad()
    def clear(self) -> None:
        """Makes it the classifier that a new task starts from; by default as it was initialised."""


class LinearClassifier(Classifier):
    """Classifies by a linear layer.

    logits = W z + b. A new task starts from W = 0 and b = 0, so that no class is ahead.

    Args:
        features: D; outputs: C.
    """

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, features).uniform_(-1, 1) / features**0.5)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, z: Tensor) -> Tensor:
        """[n, C]."""
        return F.linear(z, self.weight, self.bias)

    @torch.no_grad()
    def clear(self) -> None:
        """Zeros."""
        self.weight.zero_()
        self.bias.zero_()


class CosineClassifier(Classifier):
    """Classifies by the cosine between an image's features and a vector of each class.

    logits_c = s · cos(z, w_c), from random w.

    Differs from the paper: their code has s = 10 for the training classes and 2 for a new task; here both
    are the same.

    Source: Chen et al. 2019, section 3.2 (Baseline++).

    Args:
        features: D; outputs: C.
        scale: s.
    """

    def __init__(self, features: int, outputs: int, scale: Positive = 10.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, features))
        self.scale = scale

    def forward(self, z: Tensor) -> Tensor:
        """[n, C], each in [-s, s]."""
        return self.scale * F.linear(unit(z), unit(self.weight))
