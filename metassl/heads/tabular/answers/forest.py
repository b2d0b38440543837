"""Answers by trees that read the labels.

Legend: n rows, m items, N way, D columns, B trees, C candidates of a cut, H height, L leaves.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from metassl.heads.tabular.answers.cuts import Cuts, leaves, one_hot, random_cuts, random_numbers, right
from metassl.heads.tabular.answers.rows import TINY, Items, Rows
from metassl.heads.tabular.answers.spreading import as_logits

TIE = 1e-4  # share of all labels by which purities may differ and count as equal


class Leaves(NamedTuple):
    """cuts, shares of the classes in the leaves [B, L, N], live [N]."""

    cuts: Cuts
    shares: Tensor
    live: Tensor


class Forest:
    """Trees with one cut a level, each the best of a few random ones by the Gini impurity of the labels.

    Cuts lie at random quantiles of the context's rows. Random numbers are the same for every table, and
    columns are taken in an order of their values alone, so the order in which they come doesn't matter. The
    shares in a leaf are drawn towards those of the branch above. A labelled row's own label is taken out of
    its leaves (not of the choice of the cuts).

    Args:
        trees: B; height: H, up to 2^H leaves; candidates: C.
        pull: labels that the branch above counts for.
    """

    count = 1

    def __init__(self, trees: int = 48, height: int = 4, candidates: int = 6, pull: float = 0.5) -> None:
        self.trees, self.height, self.candidates, self.pull = trees, height, candidates, pull
        self.numbers = random_numbers(trees, height * candidates)

    def fit(self, rows: Rows) -> tuple[Tensor, Leaves]:
        """See Answer."""
        column, at = random_cuts(rows, self.numbers)
        x, mass = rows.items.x, rows.mass
        code = torch.zeros(self.trees, len(x), dtype=torch.long, device=x.device)
        shares = rows.prior.expand(self.trees, 1, -1)
        own = rows.prior.expand(self.trees, len(x), -1)
        chosen = []
        for level in range(self.height):
            window = slice(level * self.candidates, (level + 1) * self.candidates)
            cut = best(x, mass, code, column[:, window], at[:, window], 2**level)
            chosen.append(cut)
            code = 2 * code + right(x, cut.column[:, None], cut.at[:, None]).squeeze(1)
            leaf = one_hot(code, 2 ** (level + 1), x.dtype)  # [B, n, L]
            counts = leaf.transpose(1, 2) @ mass
            above = shares.repeat_interleave(2, dim=1)
            shares = self._drawn(counts, above)
            own = self._drawn(leaf @ counts - mass, own)
        cuts = Cuts(*(torch.stack(part, dim=1) for part in zip(*chosen, strict=True)))
        return as_logits(own.mean(0), rows.live).unsqueeze(0), Leaves(cuts, shares, rows.live)

    def ask(self, state: Leaves, items: Items) -> Tensor:
        """See Answer."""
        leaf = one_hot(leaves(items.x, state.cuts), 2**self.height, items.x.dtype)
        return as_logits((leaf @ state.shares).mean(0), state.live).unsqueeze(0)

    def _drawn(self, counts: Tensor, above: Tensor) -> Tensor:
        counts = counts.clamp(min=0)
        return (counts + self.pull * above) / (counts.sum(-1, keepdim=True) + self.pull)


def best(x: Tensor, mass: Tensor, code: Tensor, column: Tensor, at: Tensor, leaves: int) -> Cuts:
    """The cut [B] of the C candidates [B, C] after which the labels' mass [n, N] is purest in all leaves."""
    side = right(x, column, at)  # [B, C, n]
    leaf = one_hot(2 * code.unsqueeze(1) + side, 2 * leaves, x.dtype)  # [B, C, n, L]
    counts = torch.einsum("bcnl,nk->bclk", leaf, mass)
    purity = (counts.square().sum(-1) / counts.sum(-1).clamp(min=TINY)).sum(-1)
    # of equal ones the first, whatever the order in which rows were summed
    first = torch.arange(purity.shape[1], device=purity.device) * TIE
    winner = (purity - first * mass.sum()).argmax(1, keepdim=True)
    return Cuts(column.gather(1, winner).squeeze(1), at.gather(1, winner).squeeze(1))
