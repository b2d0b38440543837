"""Transductive propagation: labels spread over a graph of labelled rows and queries.

Legend: N way, n rows of the task, m items to classify together, D features, H hidden units.
"""

from math import expm1, log
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from metassl.heads.base import Head
from metassl.numerics.graphs import normalised
from metassl.numerics.precision import full_precision
from metassl.schema.constructor import checked
from metassl.schema.ranges import BelowOne, Count, Positive

TIE = 100  # roundings by which equal affinities may differ


class Nodes(NamedTuple):
    """The labelled and unlabelled rows that queries join in a graph.

    z [n, D] features, y [n, N] weighted labels, present [n] 1 where the row is part of the graph.
    """

    z: Tensor
    y: Tensor
    present: Tensor


class Propagation(Head):
    """Classifies all queries at once by spreading labels over a graph of support and queries.

    logits = the queries' rows of F = (I - αS)⁻¹ Y, S = D^-½ A D^-½, over rows ∪ queries.

    A_ij = exp(-½‖z_i/σ_i - z_j/σ_j‖²/D) if j is among the k nearest of i or i among those of j; A_ii = 0.
    σ_i = softplus(g_φ(z_i)), g_φ linear → ReLU → linear (in the paper convolutions; features here are
    vectors). Y = w·q for the rows and 0 for the queries. The logits are F itself, not its logarithm.

    A row with w = 0 is not part of the graph; of any other, w counts in Y alone. Unlabelled rows (q = 0)
    are nodes without a label, as in the paper's semi-supervised setting.

    Source: Liu et al. 2019, eq. 1 and 2 (σ, A), section 3.2.2 (the k nearest), eq. 3 and 4 (F), 5 (loss);
    A_ii = 0 as in Zhou et al. 2004, section 2, whose S and F these are.

    Differs from the paper: the distance is a mean over D, as in the authors' code; the loss is over the
    queries alone, theirs over the rows, too; g_φ reads vectors and not maps.

    Args:
        features: D.
        neighbours: k; all other nodes where there are fewer.
        alpha: α, 0 to below 1. I - αS has eigenvalues between 1 - α and 1 + α, so its condition number is
            at most (1 + α)/(1 - α): 199 for 0.99, which costs float32 about two of its seven digits.
        sigma: initial σ, above 0.
        hidden: H of g_φ.
    """

    transductive = True
    reads_unlabelled = True

    @checked("model.head")
    def __init__(
        self,
        features: int,
        neighbours: Count = 5,
        alpha: BelowOne = 0.9,
        sigma: Positive = 0.3,
        hidden: Count = 16,
    ) -> None:
        super().__init__()
        self.neighbours, self.alpha = neighbours, alpha
        last = nn.Linear(hidden, 1)
        nn.init.constant_(last.bias, log(expm1(sigma)))  # softplus of it is σ
        self.bandwidth = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), last)

    @full_precision
    def fit(self, z: Tensor, q: Tensor, w: Tensor) -> Nodes:
        """The nodes that have labels, and those of U where they are given without."""
        return Nodes(z, (q * w.unsqueeze(-1)).to(z.dtype), (w > 0).to(z.dtype))

    def logits(self, state: Nodes, z: Tensor) -> Tensor:
        """[m, N] rows of F."""
        return self.query_logits(state, z, None)

    @full_precision
    def query_logits(self, state: Nodes, z: Tensor, w: Tensor | None) -> Tensor:
        """[m, N] rows of F.

        Args:
            state: what `fit` gave.
            z: [m, D] features of the items.
            w: [m] 0 for padding, which is then no node; None: all are nodes.
        """
        here = torch.ones_like(z[:, 0]) if w is None else (w > 0).to(z.dtype)
        graph = self.affinity(torch.cat((state.z, z)), torch.cat((state.present, here)))
        y = torch.cat((state.y, torch.zeros_like(z[:, :1]).expand(-1, state.y.shape[1])))
        return propagate(graph, y, self.alpha)[len(state.z) :]

    def affinity(self, z: Tensor, present: Tensor) -> Tensor:
        """[n, n] A, symmetric; 0 in the rows and columns of nodes that are not present."""
        scaled = z / F.softplus(self.bandwidth(z)).clamp(min=1e-3)
        distance = (scaled.unsqueeze(1) - scaled.unsqueeze(0)).square().mean(-1)
        others = 1 - torch.eye(len(z), dtype=z.dtype, device=z.device)
        full = torch.exp(-distance / 2) * others * present * present.unsqueeze(-1)
        return full * nearest(full, self.neighbours)


def nearest(affinity: Tensor, k: int) -> Tensor:
    """Marks which pairs of nodes are joined in a nearest-neighbour graph.

    [n, n] 1 where j is among the k largest of row i, or i among those of row j.

    What is as near as the k-th, but for rounding, is in as well: an image of U that is classified stands
    twice in the graph, as a node of its own and as an item, and no rounding may choose between the two.
    """
    smallest = affinity.topk(min(k, affinity.shape[-1] - 1), dim=-1).values[:, -1:]
    chosen = affinity >= smallest * (1 - TIE * torch.finfo(affinity.dtype).eps)
    return (chosen | chosen.T).to(affinity.dtype)


def propagate(affinity: Tensor, y: Tensor, alpha: float) -> Tensor:
    """Spreads labels over a graph until they no longer change.

    F = (I - αS)⁻¹ y: affinity [n, n], y [n, N] -> [n, N]; a node without neighbours keeps its y.
    """
    own = torch.eye(len(y), dtype=y.dtype, device=y.device)
    return torch.linalg.solve(own - alpha * normalised(affinity), y)
