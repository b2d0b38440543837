"""Answers by trees: a forest that reads the labels, and a graph of who falls into the same leaf.

Legend: n rows, m items, N way, D columns, B trees, C candidates of a cut, H height, L leaves.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from metassl.heads.tabular.answers.rows import TINY, Items, Rows
from metassl.heads.tabular.answers.spreading import as_logits, spread

EQUAL = 1e-4  # deviations by which values of a column may differ and count as equal
TIE = 1e-4  # share of all labels by which purities may differ and count as equal


class Cuts(NamedTuple):
    """column [B, H] and at [B, H]: on level h a row goes right where x[column] > at."""

    column: Tensor
    at: Tensor


class Leaves(NamedTuple):
    """cuts, shares of the classes in the leaves [B, L, N], live [N]."""

    cuts: Cuts
    shares: Tensor
    live: Tensor


class Shared(NamedTuple):
    """cuts, leaves of the rows [n, B·L], labels of the rows [1, n, N], live [N]."""

    cuts: Cuts
    leaves: Tensor
    labels: Tensor
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
        x, mass = rows.items.x, rows.y * rows.a.unsqueeze(-1)
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


def random_numbers(trees: int, count: int) -> Tensor:
    """Random numbers that are the same for every table: [2, B, count] in 0..1."""
    return torch.rand(2, trees, count, generator=torch.Generator().manual_seed(0))


def random_cuts(rows: Rows, numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Columns and values [B, count] of random cuts: a used column, and a quantile of the rows in it."""
    x, present = rows.items.x, rows.w > 0
    numbers = numbers.to(x)
    used = rows.deviation > 0
    # An order of columns that depends on their values alone: their skew, the rows where they are large, and
    # their deviation, by which columns differ for items that don't for the context.
    shown = torch.where(present.unsqueeze(-1), x, 0).double()
    cubes = shown.pow(3)
    place = shown.T @ cubes.sum(1) / cubes.sum(1).abs().sum().clamp(min=TINY)
    scale = rows.deviation / rows.deviation.amax().clamp(min=TINY)
    rank = torch.where(used, cubes.sum(0) / present.sum() + place + scale, torch.inf).argsort()
    column = rank[(numbers[0] * used.sum()).long().clamp(max=x.shape[1] - 1)]
    ordered = torch.where(present.unsqueeze(-1), x, torch.inf).sort(dim=0).values
    place = (numbers[1] * (present.sum() - 1)).long().clamp(min=0, max=max(len(x) - 2, 0))
    low, above = ordered[place, column], ordered[(place + 1).clamp(max=len(x) - 1), column]
    return column, torch.where(above.isfinite(), (low + above) / 2, low)


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


def right(x: Tensor, column: Tensor, at: Tensor) -> Tensor:
    """Says where a row goes right at the cut [B, C]: [B, C, n] of 0 and 1."""
    return (x.T[column] > at.unsqueeze(-1) + EQUAL).long()


def leaves(x: Tensor, cuts: Cuts) -> Tensor:
    """Finds the leaf of each item in each tree: [B, m]."""
    sides = right(x, cuts.column, cuts.at)  # [B, H, m]
    code = torch.zeros_like(sides[:, 0])
    for level in range(sides.shape[1]):
        code = 2 * code + sides[:, level]
    return code


def one_hot(code: Tensor, size: int, dtype: torch.dtype) -> Tensor:
    """Puts numbers [...] as rows of one 1 among zeros: [..., size]."""
    return (code.unsqueeze(-1) == torch.arange(size, device=code.device)).to(dtype)
