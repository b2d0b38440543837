"""The layers of a learner in context: they read the items of a task, and answer others beside them.

Legend: n context items, m items, K outputs (N classes, or the values of an item), W width, H attention heads,
L layers.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from metassl.heads.layer_norm import LayerNorm

TINY = 1e-30  # as a weight in the attention: e^-69, next to nothing


class Read(NamedTuple):
    """What a transformer keeps of a task's items, for queries to attend to.

    layers [L, n, K, W] context tokens as each layer met them, w [n], live [K] share of each output.
    """

    layers: Tensor
    w: Tensor
    live: Tensor


def read(layers: Sequence[nn.Module], tokens: Tensor, w: Tensor, live: Tensor) -> Read:
    """The context tokens [n, K, W] that each layer of a query's pass will attend to."""
    met = []
    for layer in layers:
        met.append(tokens)
        tokens = layer(tokens, tokens, w, live)
    return Read(torch.stack(met), w, live)


def beside(layers: Sequence[nn.Module], tokens: Tensor, context: Read) -> Tensor:
    """Lets tokens of queries read the context without seeing each other.

    [m, K, W] what the layers make of them.
    """
    for layer, met in zip(layers, context.layers.unbind(), strict=True):
        tokens = layer(tokens, met, context.w, context.live)
    return tokens


class Block(nn.Module):
    """Attention over the context, within an output; the mean over the outputs; a network. Each is added to t.

    Queries and keys share one map, orthogonal at first, so that attention begins as a likeness of items and
    has not to find that first.

    Args:
        width: W; heads: H, a divisor of W; hidden: units of the network.
    """

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.near, self.before, self.between = LayerNorm(width), LayerNorm(width), LayerNorm(width)
        self.key = nn.Linear(width, width, bias=False)
        nn.init.orthogonal_(self.key.weight)
        self.value, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.classes = nn.Linear(width, width)
        self.network = nn.Sequential(
            LayerNorm(width), nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width)
        )

    def forward(self, tokens: Tensor, context: Tensor, w: Tensor, live: Tensor) -> Tensor:
        """tokens [m, K, W], context [n, K, W], w [n], live [K] (sum 1) -> [m, K, W]."""
        tokens = tokens + self.out(self._attend(tokens, context, w))
        mean = (self.between(tokens) * live.unsqueeze(-1)).sum(1, keepdim=True)
        tokens = tokens + self.classes(mean)
        return tokens + self.network(tokens)

    def _attend(self, tokens: Tensor, context: Tensor, w: Tensor) -> Tensor:
        own, others = self._split(self.key(self.near(tokens))), self._split(self.key(self.near(context)))
        scores = torch.einsum("jchd,ichd->chji", own, others) / own.shape[-1] ** 0.5
        share = (scores + w.clamp(min=TINY).log()).softmax(-1)
        values = self._split(self.value(self.before(context)))
        return torch.einsum("chji,ichd->jchd", share.to(values.dtype), values).flatten(2)

    def _split(self, x: Tensor) -> Tensor:
        """[n, K, W] -> [n, K, H, W/H]."""
        return x.unflatten(-1, (self.heads, -1))
