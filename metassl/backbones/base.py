"""What a learner needs of a backbone."""

import torch
from torch import Tensor, nn

from metassl.norms.base import ALL_ROWS, NormTraits, Pass
from metassl.norms.kinds import norm_traits


class Backbone(nn.Module):
    """Maps inputs to features.

    Attributes:
        norm: which kind of norm it has (see metassl.norms.kinds).
        out_dim: D.
    """

    norm: str
    out_dim: int

    def forward(self, x: Tensor, how: Pass = ALL_ROWS) -> Tensor:
        """Features.

        Args:
            x: [n, ...] inputs.
            how: what the pass tells the norms; a backbone hands it on to each of them.

        Returns:
            [n, D].
        """
        raise NotImplementedError

    @property
    def map_shape(self) -> tuple[int, ...]:
        """Shape of one input's features before they were flattened: (D,), or (channels, height, width).

        A head that compares places of a map reads it: `z.unflatten(1, backbone.map_shape)`.
        """
        return (self.out_dim,)

    @property
    def traits(self) -> NormTraits:
        """What its norms ask of a learner and of an engine."""
        return norm_traits(self.norm)


def output_size(backbone: nn.Module, input_shape: tuple[int, ...]) -> int:
    """D, found by sending two empty inputs through without touching any buffer."""
    training = backbone.training
    with torch.no_grad():
        size = backbone.eval()(torch.zeros(2, *input_shape)).shape[1]
    backbone.train(training)
    return int(size)
