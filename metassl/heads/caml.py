"""CAML: a plain transformer reads the task as a sequence whose labels are fixed, equally distant vectors.

Legend: N way, n context items, m items to classify, D features, P numbers of a label, W = D + P, H heads.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from metassl.errors import ConfigError
from metassl.heads.base import Head
from metassl.heads.layer_norm import LayerNorm
from metassl.schema.ranges import Count
from metassl.tasks.spec import TaskSpec

TINY = 1e-30  # as a weight in the attention: e^-69, next to nothing


class Sequence(NamedTuple):
    """What is known of a task: tokens [n, W] of its items, and how much each counts, w [n]."""

    tokens: Tensor
    w: Tensor


class CAML(Head):
    """Classifies by a transformer over the features and labels of a task, on features that need no training.

    tokens [z_i, s·Σ_c q_ic e_c + (1 - Σ_c q_ic) e_unknown]; for each query the sequence (query, S, U) goes
    through `layers` blocks in which every token sees every other; logits = A·LN(token of the query).

    e_c are the rows of an equal length and maximally equiangular set (ELMES): no pair of classes is nearer
    than another, so other names of the classes are a rotation of their labels. Queries and unlabelled items
    carry the same learned e_unknown. A row's weight multiplies its part of the attention.

    Source: Fifty et al. 2024 (CAML), section 3 and definition 1; pre-norm blocks, the scale s, e_unknown = 0
    at first and the readout as in their code.

    Differs from the paper: unlabelled items may be part of the sequence, as further tokens with e_unknown;
    the sizes are those of small networks (theirs: 24 layers of width 1024, and labels of 256 numbers).

    Args:
        features: D.
        task: gives the largest N.
        labels: P, N or more.
        heads: H, a divisor of D + P.
        layers: blocks.
        hidden: units of a block's network.
    """

    reads_unlabelled = True
    refit_weight = 0.0
    labels: Tensor

    def __init__(
        self,
        features: int,
        task: TaskSpec,
        labels: Count = 16,
        heads: Count = 2,
        layers: Count = 2,
        hidden: Count = 64,
    ) -> None:
        super().__init__()
        width = features + labels
        if width % heads:
            raise ConfigError(
                f"model.head.heads: found {heads}, allowed are divisors of {width}, the features and "
                "model.head.labels together."
            )
        if labels < task.way:
            raise ConfigError(f"model.head.labels: found {labels}, allowed: {task.way} (the way) or more.")
        self.register_buffer("labels", elmes(task.way, labels))
        self.scale, self.unknown = nn.Parameter(torch.ones(1)), nn.Parameter(torch.zeros(labels))
        self.blocks = nn.ModuleList(Block(width, heads, hidden) for _ in range(layers))
        self.readout = nn.Sequential(LayerNorm(width), nn.Linear(width, task.way, bias=False))

    def fit(self, z: Tensor, q: Tensor, w: Tensor) -> Sequence:
        """The tokens of the context: each query goes through the blocks with all of them."""
        known = q.to(z.dtype) @ (self.scale * self.labels[: q.shape[-1]]).to(z.dtype)
        return Sequence(self._tokens(z, known + (1 - q.sum(-1, keepdim=True)) * self.unknown), w)

    def logits(self, state: Sequence, z: Tensor) -> Tensor:
        """[m, N] read from the query's token of m sequences."""
        queries = self._tokens(z, self.unknown.expand(len(z), -1)).unsqueeze(1)
        tokens = torch.cat((queries, state.tokens.expand(len(z), -1, -1)), dim=1)
        w = torch.cat((torch.ones_like(state.w[:1]), state.w))
        for block in self.blocks:
            tokens = block(tokens, w)
        return self.readout(tokens[:, 0])

    def _tokens(self, z: Tensor, label: Tensor) -> Tensor:
        return torch.cat((z, label.to(z.dtype)), dim=-1)


class Block(nn.Module):
    """Attention among all tokens of a sequence, then a network; each is added to the tokens.

    Args:
        width: W; heads: H; hidden: units of the network.
    """

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = LayerNorm(width), LayerNorm(width)
        self.projections, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.network = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, tokens: Tensor, w: Tensor) -> Tensor:
        """tokens [m, n, W], w [n] how much each is looked at -> [m, n, W]."""
        split = self.projections(self.before(tokens)).unflatten(-1, (3, self.heads, -1))
        query, key, value = split.unbind(2)
        scores = torch.einsum("mihd,mjhd->mhij", query, key) / query.shape[-1] ** 0.5
        share = (scores + w.clamp(min=TINY).log()).softmax(-1)
        seen = torch.einsum("mhij,mjhd->mihd", share.to(value.dtype), value)
        tokens = tokens + self.out(seen.flatten(2))
        return tokens + self.network(self.between(tokens))


def elmes(count: int, size: int) -> Tensor:
    """Vectors of length 1 that are all equally far from each other, as far as can be.

    [N, P] with ⟨e_c, e_c'⟩ = -1/(N - 1): sqrt(N/(N - 1))·(I - 11ᵀ/N) in N orthogonal directions of P numbers,
    the same each time. Source: Fifty et al. 2024, definition 1.
    """
    centred = torch.eye(count, dtype=torch.float64) - 1 / count
    directions = torch.randn(size, count, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    stretched = (count / max(count - 1, 1)) ** 0.5 * centred
    return (stretched @ torch.linalg.qr(directions).Q.T).float()
