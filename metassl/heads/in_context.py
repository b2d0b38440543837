"""A learner in context: a transformer reads labelled and unlabelled items and answers the queries.

Legend: N way, n context items, m items to classify, D features, W width, H attention heads.
"""

import torch
from torch import Tensor, nn

from metassl.errors import ConfigError
from metassl.heads.base import Head
from metassl.heads.in_context_layers import Block, Read, beside, read
from metassl.heads.in_context_values import InContextValues
from metassl.heads.kernel_regression import role_of
from metassl.heads.layer_norm import LayerNorm
from metassl.outcomes.base import Outcome
from metassl.schema.ranges import Count


class InContext(Head):
    """Classifies by a transformer that reads the task's labelled and unlabelled items as tokens.

    t_ic = A z_i + q_ic e_label + (1 - Σ_c q_ic) e_unknown, a token for each item and class; logits r·t_jc.

    `blocks` different blocks, the whole stack `loops` times over with the same weights. In a block a token
    attends to the context's tokens of its own class, is told the mean over the classes, and goes through a
    two-layer network. Queries enter as unlabelled items and see the context, not each other. No weight
    belongs to a class, so other names of the classes permute the logits and change nothing else.
    A row's weight multiplies its part of the attention. A class that no row has is not in the mean over
    the classes.

    Values are read and answered by the same networks: InContextValues.

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

    outcomes = (Outcome,)
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

    def of(self, outcome: Outcome) -> Head:
        """See Head."""
        values = InContextValues(self.item, self.label, self.unknown, self._layers(), self.readout)
        return role_of(outcome, self, values)

    def fit(self, z: Tensor, q: Tensor, w: Tensor) -> Read:
        """The context tokens that each layer of a query's pass will attend to."""
        live = ((q * w.unsqueeze(-1)).sum(0) > 0).to(z.dtype)
        live = live / live.sum().clamp(min=1)
        return read(self._layers(), self._tokens(z, q), w, live)

    def logits(self, state: Read, z: Tensor) -> Tensor:
        """[m, N] read from the queries' tokens."""
        tokens = self._tokens(z, torch.zeros_like(z[:, :1]).expand(-1, len(state.live)))
        return self.readout(beside(self._layers(), tokens, state)).squeeze(-1)

    def _tokens(self, z: Tensor, q: Tensor) -> Tensor:
        """[n, N, W] of features z [n, D] and labels q [n, N]."""
        unknown = 1 - q.sum(-1)
        item = self.item(z) + unknown.unsqueeze(-1) * self.unknown
        return item.unsqueeze(1) + q.unsqueeze(-1) * self.label

    def _layers(self) -> list[nn.Module]:
        return [block for _ in range(self.loops) for block in self.blocks]
