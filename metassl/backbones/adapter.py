"""A correction of features that are good already: it begins as the identity."""

from itertools import pairwise
from math import prod

from torch import Tensor, nn

from metassl.backbones.base import Backbone
from metassl.backbones.mlp import Layer
from metassl.norms.base import ALL_ROWS, Pass
from metassl.norms.kinds import Norm
from metassl.schema.ranges import Counts, Whole


class Adapter(Backbone):
    """Adds a learned correction to features, which is 0 before training: what is pretrained stays as good.

    f(x) = x + W g(x) + b, g layers of linear, norm and ReLU, W = 0 and b = 0 at first. D = the size of x. A
    random network in front of pretrained features throws away what meta-training then has to win back.

    Source: Houlsby et al. 2019, section 2.1 (a bottleneck beside a skip connection, near the identity at
    first), here behind the network and exactly the identity.

    Args:
        input_shape: shape of one input, flattened.
        sizes: of the layers of g.
        norm: of g: one of running, batch, support, group, none, or per_step and per_step_running.
        norm_steps: inner steps that have scales and shifts of their own in the norms of the last two kinds.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        sizes: Counts = (128,),
        norm: Norm = "batch",
        norm_steps: Whole = 0,
    ) -> None:
        super().__init__()
        self.norm = norm
        self.out_dim = prod(input_shape)
        widths = [self.out_dim, *sizes]
        self.layers = nn.ModuleList(Layer(a, b, norm, norm_steps) for a, b in pairwise(widths))
        self.last = nn.Linear(widths[-1], self.out_dim)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor, how: Pass = ALL_ROWS) -> Tensor:
        """[n, ...] -> [n, D]."""
        x = x.flatten(1)
        z = x
        for layer in self.layers:
            z = layer(z, how)
        return x + self.last(z)
