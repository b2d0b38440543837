"""Answers by who falls into the same leaves of random trees.

Legend: n rows, m items, N way, D columns, B trees, H height, L leaves.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from metassl.heads.tabular.answers.cuts import Cuts, leaves, one_hot, random_cuts, random_numbers
from metassl.heads.tabular.answers.rows import TINY, Items, Rows
from metassl.heads.tabular.answers.spreading import as_logits, spread


class Shared(NamedTuple):
    """cuts, leaves of the rows [n, B·L], labels of the rows [1, n, N], live [N]."""

    cuts: Cuts
    leaves: Tensor
    labels: Tensor
    live: Tensor


class TreeGraph:
    """Labels spread over a graph whose edges are the share of random trees that two rows share a leaf of.

    No label makes the trees, so unlabelled rows count as much as labelled ones.

    Args:
        trees: B; height: H; strength: α, see metassl.heads.tabular.answers.spreading.Spreading.
    """

    count = 1

    def __init__(self, trees: int = 64, height: int = 4, strength: float = 0.8) -> None:
        self.trees, self.height, self.strength = trees, height, strength
        self.numbers = random_numbers(trees, height)

    def fit(self, rows: Rows) -> tuple[Tensor, Shared]:
        """See Answer."""
        cuts = Cuts(*random_cuts(rows, self.numbers))
        there = self._leaves(rows.items, cuts) * (rows.w > 0).unsqueeze(-1)
        n = len(there)
        others = 1 - torch.eye(n, dtype=there.dtype, device=there.device)
        edges = (there @ there.T / self.trees).square() * others
        own, labels = spread(edges, rows, (self.strength,))
        return own, Shared(cuts, there, labels, rows.live)

    def ask(self, state: Shared, items: Items) -> Tensor:
        """See Answer."""
        near = (self._leaves(items, state.cuts) @ state.leaves.T / self.trees).square()
        share = near / near.sum(-1, keepdim=True).clamp(min=TINY)
        return as_logits(share @ state.labels, state.live)

    def _leaves(self, items: Items, cuts: Cuts) -> Tensor:
        """[m, B·L] 1 for the leaf of each tree."""
        leaf = one_hot(leaves(items.x, cuts), 2**self.height, items.x.dtype)
        return leaf.transpose(0, 1).flatten(1)
