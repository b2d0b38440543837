"""Labels that spread over a graph of labelled and unlabelled rows.

Legend: n rows, m items, N way, D columns, A strengths.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from metassl.heads.tabular.answers.rows import TINY, Items, Rows, only_live, without_itself
from metassl.numerics.graphs import normalised
from metassl.numerics.precision import full_precision

EQUAL = 1.0001  # what is as near as the k-th, but for rounding, is in as well


class Spread(NamedTuple):
    """reach [n] of the nodes, their labels [A, n, N], live [N]."""

    reach: Tensor
    labels: Tensor
    live: Tensor


class Spreading:
    """Spreads labels over a graph of near rows, labelled or not; an item takes those of its nearest rows.

    F = (I - αS)⁻¹ Y, Zhou et al. 2004; edges exp(-d²/(σ_i σ_j)), σ_i the distance to the k-th neighbour.
    What a row would get without its label is F without its own part.

    Args:
        strengths: α of each.
        neighbours: k.
    """

    def __init__(self, strengths: Sequence[float] = (0.5, 0.95), neighbours: int = 7) -> None:
        self.strengths, self.neighbours = tuple(strengths), neighbours
        self.count = len(self.strengths)

    @full_precision
    def fit(self, rows: Rows) -> tuple[Tensor, Spread]:
        """See Answer."""
        d = without_itself(rows.items.apart, rows.w > 0)
        reach = _reach(d, self.neighbours)
        near = (d <= reach.unsqueeze(1)) | (d <= reach.unsqueeze(0))
        edges = torch.where(near & d.isfinite(), _close(d, reach, reach), 0)
        edges = edges * (rows.w > 0).unsqueeze(-1)
        own, labels = spread(edges, rows, self.strengths)
        state = Spread(torch.where(rows.w > 0, reach, -1), labels, rows.live)
        return own, state

    @full_precision
    def ask(self, state: Spread, items: Items) -> Tensor:
        """See Answer."""
        d = torch.where(state.reach >= 0, items.apart, torch.inf)
        reach = _reach(d, self.neighbours)
        near = torch.where(d <= reach.unsqueeze(1), _close(d, reach, state.reach.clamp(min=0)), 0)
        share = near / near.sum(-1, keepdim=True).clamp(min=TINY)
        return as_logits(share @ state.labels, state.live)


def spread(edges: Tensor, rows: Rows, strengths: Sequence[float]) -> tuple[Tensor, Tensor]:
    """Logits [A, n, N] of the nodes, each without its own label, and shares of classes [A, n, N]."""
    n = len(edges)
    alpha = edges.new_tensor(strengths).view(-1, 1, 1)
    eye = torch.eye(n, dtype=edges.dtype, device=edges.device)
    inverse = torch.linalg.inv(eye - alpha * normalised(edges))
    y = rows.mass
    found = inverse @ y
    alone = found - torch.diagonal(inverse, dim1=-2, dim2=-1).unsqueeze(-1) * y
    own = as_logits(torch.where(rows.a.unsqueeze(-1) > 0, alone, found), rows.live)
    return own, found / found.sum(-1, keepdim=True).clamp(min=TINY)


def as_logits(f: Tensor, live: Tensor) -> Tensor:
    """Logarithms of the shares of f [..., N], 0 or more; rows that nothing reaches have equal ones."""
    way = live.sum().clamp(min=1)
    f = f.clamp(min=0)
    total = f.sum(-1, keepdim=True)
    share = torch.where(total > 1e-9, f / total.clamp(min=1e-9), live / way)
    return only_live((share + 1e-3).log(), live)


def _reach(d: Tensor, k: int) -> Tensor:
    """[n] squared distance to the k-th neighbour, or to the farthest there is; infinite ones are none."""
    nearest = d.topk(min(k, d.shape[-1]), largest=False).values
    return EQUAL * torch.where(nearest.isfinite(), nearest, 0).amax(-1)


def _close(d: Tensor, one: Tensor, other: Tensor) -> Tensor:
    roots = [reach.clamp(min=TINY).sqrt() for reach in (one, other)]
    scale = (roots[0].unsqueeze(1) * roots[1].unsqueeze(0)).clamp(min=TINY)
    return torch.exp(-torch.where(d.isfinite(), d, 0) / scale)
