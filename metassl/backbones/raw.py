"""No network: the numbers of an input are its features."""

from math import prod

from torch import Tensor

from metassl.backbones.base import Backbone
from metassl.norms.base import ALL_ROWS, Pass
from metassl.norms.kinds import Norm, make_norm
from metassl.schema.ranges import Whole


class Raw(Backbone):
    """Hands the numbers of an input to the head as they are: for heads that read tables, and as a control.

    Args:
        input_shape: shape of one input, flattened.
        norm: of the numbers: none, for which nothing is done to them, or one of running, batch, support,
            group, per_step and per_step_running.
        norm_steps: inner steps that have scales and shifts of their own in the norms of the last two kinds.
    """

    def __init__(self, input_shape: tuple[int, ...], norm: Norm = "none", norm_steps: Whole = 0) -> None:
        super().__init__()
        self.norm = norm
        self.out_dim = prod(input_shape)
        self.layer = None if norm == "none" else make_norm(norm, self.out_dim, norm_steps)

    def forward(self, x: Tensor, how: Pass = ALL_ROWS) -> Tensor:
        """[n, ...] -> [n, D]."""
        z = x.flatten(1)
        return z if self.layer is None else self.layer(z, how)
