"""A multilayer perceptron, for feature vectors and tables (images are flattened)."""

from itertools import pairwise
from math import prod

from torch import Tensor, nn
from torch.nn import functional as F

from metassl.backbones.base import Backbone
from metassl.norms.base import ALL_ROWS, Pass
from metassl.norms.kinds import Norm, make_norm
from metassl.schema.ranges import Counts, Whole


class Layer(nn.Module):
    """Linear → norm → ReLU."""

    def __init__(self, size_in: int, size: int, norm: str, norm_steps: int) -> None:
        super().__init__()
        self.linear = nn.Linear(size_in, size)
        self.norm = make_norm(norm, size, norm_steps)

    def forward(self, x: Tensor, how: Pass) -> Tensor:
        """[n, size_in] -> [n, size]."""
        return F.relu(self.norm(self.linear(x), how))


class MLP(Backbone):
    """Layers of linear, norm and ReLU; D = the last layer's size.

    Args:
        input_shape: shape of one input, flattened.
        sizes: of the layers.
        norm: one of running, batch, support, group, none, or per_step and per_step_running.
        norm_steps: inner steps that have scales and shifts of their own in the norms of the last two kinds.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        sizes: Counts = (64, 64),
        norm: Norm = "batch",
        norm_steps: Whole = 0,
    ) -> None:
        super().__init__()
        self.norm = norm
        widths = [prod(input_shape), *sizes]
        self.layers = nn.ModuleList(Layer(a, b, norm, norm_steps) for a, b in pairwise(widths))
        self.out_dim = widths[-1]

    def forward(self, x: Tensor, how: Pass = ALL_ROWS) -> Tensor:
        """[n, ...] -> [n, D]."""
        x = x.flatten(1)
        for layer in self.layers:
            x = layer(x, how)
        return x
