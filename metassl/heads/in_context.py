"""A learner in context: a transformer reads labelled and unlabelled items and answers the queries.

Legend: N way, n context items, m items to classify, D features, W width, H attention heads, L layers.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from metassl.errors import ConfigError
from metassl.heads.base import Head
from metassl.heads.layer_norm import LayerNorm
from metassl.schema.ranges import Count

TINY = 1e-30  # as a weight in the attention: e^-69, next to nothing


class Read(NamedTuple):
    """What a transformer keeps of a task's items, for queries to attend to.

    layers [L, n, N, W] context tokens as each layer met them, w [n], live [N] share of each class.
    """

    layers: Tensor
    w: Tensor
    live: Tensor


class InContext(Head):
    """Classifies by a transformer that reads the task's labelled and unlabelled items as tokens.

    t_ic = A z_i + q_ic e_label + (1 - Σ_c q_ic) e_unknown, a token for each item and class; logits r·t_jc.

    `blocks` different blocks, the whole stack `loops` times over with the same weights. In a block a token
    attends to the context's tokens of its own class, is told the mean over the classes, and goes through a
    two-layer network. Queries enter as unlabelled items and see the context, not each other. No weight
    belongs to a class, so other names of the classes permute the logits and change nothing else.
    A row's weight multiplies its part of the attention. A class that no row has is not in the mean over
    the classes.

    With a labelling objective there is no refit unless `ssl.refit_weight` asks for one: its labels would
    replace what the layers themselves make of U.

    Source: Fifty et al. 2024 (CAML), section 3.2: the task as a sequence that one transformer reads, after a
    backbone. Loops: "When and how unlabeled data provably improve in-context
    learning" (NeurIPS 2025): one layer of attention can't use unlabelled items, depth or loops can.

    Differs from the paper: a token for each item and class stands for label vectors, so that no name of a
    class has an influence; the context does not see the query, and the backbone is trained. The head that is
    as in the paper is `metassl.heads.caml.CAML`.

    Args:
        features: D.
        width: W, a multiple of `heads`.
        heads: H.
        blocks: different blocks.
        loops: how often the stack is applied.
        hidden: units of a block's network.
    """

    reads_unlabelled = True
    refit_weight = 0.0  # a refit on an objective's labels would replace what the layers made of U

    def __init__(
        self,
        features: int,
        width: Count = 32,
        heads: Count = 1,
        blocks: Count = 1,
        loops: Count = 2,
        hidden: Count = 64,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ConfigError(
                f"model.head.heads: found {heads}, allowed are divisors of model.head.width, {width}."
            )
        self.loops = loops
        self.blocks = nn.ModuleList(Block(width, heads, hidden) for _ in range(blocks))
        self.label, self.unknown = (nn.Parameter(torch.randn(width)) for _ in range(2))
        self.readout = nn.Sequential(LayerNorm(width), nn.Linear(width, 1, bias=False))
        self.item = nn.Linear(features, width)

    def fit(self, z: Tensor, q: Tensor, w: Tensor) -> Read:
        """The context tokens that each layer of a query's pass will attend to."""
        live = ((q * w.unsqueeze(-1)).sum(0) > 0).to(z.dtype)
        live = live / live.sum().clamp(min=1)
        tokens = self._tokens(z, q)
        layers = []
        for block in self._layers():
            layers.append(tokens)
            tokens = block(tokens, tokens, w, live)
        return Read(torch.stack(layers), w, live)

    def logits(self, state: Read, z: Tensor) -> Tensor:
        """[m, N] read from the queries' tokens."""
        tokens = self._tokens(z, torch.zeros_like(z[:, :1]).expand(-1, len(state.live)))
        for block, context in zip(self._layers(), state.layers.unbind(), strict=True):
            tokens = block(tokens, context, state.w, state.live)
        return self.readout(tokens).squeeze(-1)

    def _tokens(self, z: Tensor, q: Tensor) -> Tensor:
        """[n, N, W] of features z [n, D] and labels q [n, N]."""
        unknown = 1 - q.sum(-1)
        item = self.item(z) + unknown.unsqueeze(-1) * self.unknown
        return item.unsqueeze(1) + q.unsqueeze(-1) * self.label

    def _layers(self) -> list[nn.Module]:
        return [block for _ in range(self.loops) for block in self.blocks]


class Block(nn.Module):
    """Attention over the context, within a class; the mean over the classes; a network. Each is added to t.

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
        """tokens [m, N, W], context [n, N, W], w [n], live [N] (sum 1) -> [m, N, W]."""
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
        """[n, N, W] -> [n, N, H, W/H]."""
        return x.unflatten(-1, (self.heads, -1))
