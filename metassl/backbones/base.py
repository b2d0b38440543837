"""What a learner needs of a backbone."""

import torch
from torch import Tensor, nn


class Backbone(nn.Module):
    """Maps inputs to features.

    Attributes:
        norm: which of the four norms it has (see `norms`); the learner asks it which rows of a
            batch may give the statistics.
        out_dim: D.
    """

    norm: str
    out_dim: int

    def forward(self, x: Tensor, rows: Tensor | None = None) -> Tensor:
        """Features.

        Args:
            x: [n, ...] inputs.
            rows: [n] which rows give the norms' statistics, None for all.

        Returns:
            [n, D].
        """
        raise NotImplementedError

    @property
    def transductive(self) -> bool:
        """Whether the features of one input depend on the others in its batch."""
        return self.norm == "batch"

    @property
    def from_support(self) -> bool:
        """Whether the statistics have to come from the task's support."""
        return self.norm == "support"

    @property
    def keeps_averages(self) -> bool:
        """Whether a forward pass in training updates buffers."""
        return self.norm == "running"


def output_size(backbone: nn.Module, input_shape: tuple[int, ...]) -> int:
    """D, found by sending two empty inputs through without touching any buffer."""
    training = backbone.training
    with torch.no_grad():
        size = backbone.eval()(torch.zeros(2, *input_shape)).shape[1]
    backbone.train(training)
    return int(size)
