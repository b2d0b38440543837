"""What each column says of each class, read by a network for which columns have no order and no number.

Legend: n context rows, m items, N way, D columns, E numbers of a column.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from metassl.heads.tabular.answers.rows import TINY, Items, Rows

STATISTICS = 8


class Read(NamedTuple):
    """tokens [D, E], share of each column [D], means [N, D] of the classes, counts [N] of their labels."""

    tokens: Tensor
    share: Tensor
    means: Tensor
    counts: Tensor


class Columns(nn.Module):
    """Evidence of each row for each class: a learned sum over the columns of how its cell fits the class.

    A column is a token of what its values are like (skew, tails, how many are at its ends), how far it tells
    the labelled classes apart, and how it hangs together with other columns. Columns attend to each other,
    more so where they are correlated, and get shares by a softmax. A cell meets the mean of the
    class's labelled rows in its column.

    Args:
        size: E.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.token = nn.Sequential(nn.Linear(STATISTICS, 2 * size), nn.GELU(), nn.Linear(2 * size, size))
        self.key, self.value = nn.Linear(size, size, bias=False), nn.Linear(size, size)
        self.likeness = nn.Parameter(torch.ones(()))
        self.share = nn.Linear(size, 1)
        self.cell, self.of_column = nn.Linear(5, size), nn.Linear(size, size)
        self.out = nn.Linear(size, size)

    def fit(self, rows: Rows) -> Read:
        """What is to be known of the columns."""
        x = rows.items.x
        mass = rows.mass
        counts = mass.sum(0)
        sums = mass.T @ x
        used = rows.deviation > 0
        statistics, alike = described(rows, sums, counts)
        tokens = self.token(statistics)
        scores = self.key(tokens) @ tokens.T / tokens.shape[-1] ** 0.5 + self.likeness * alike
        tokens = tokens + torch.where(used, scores, -1e4).softmax(-1) @ self.value(tokens)
        share = torch.where(used, self.share(tokens).squeeze(-1), -1e4).softmax(-1)
        return Read(tokens, share, sums / (counts + 0.5).unsqueeze(-1), counts)

    def read(self, state: Read, items: Items) -> Tensor:
        """[m, N, E] evidence."""
        x = items.x.unsqueeze(1).clamp(-5, 5)  # [m, 1, D]
        off = (x - state.means).clamp(-5, 5)
        counts = state.counts.log1p().unsqueeze(-1).expand_as(off)
        cells = torch.stack((off, off.abs(), off.square() / 4, x.expand_as(off), counts), dim=-1)
        hidden = torch.nn.functional.gelu(self.cell(cells) + self.of_column(state.tokens))
        return self.out(torch.einsum("mndk,d->mnk", hidden, state.share))


def described(rows: Rows, sums: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Statistics [D, 8] of the columns, and their squared correlations [D, D]."""
    x, w = rows.items.x, rows.w.unsqueeze(-1)
    total = rows.w.sum().clamp(min=TINY)
    shown = torch.where(w > 0, x, 0)
    third, fourth = ((w * shown.pow(k)).sum(0) / total for k in (3, 4))
    low = torch.where(w > 0, x, torch.inf).amin(0)
    high = torch.where(w > 0, x, -torch.inf).amax(0)
    at_ends = (w * (((x - low) < 1e-3) | ((high - x) < 1e-3))).sum(0) / total
    labels = counts.sum().clamp(min=TINY)
    apart = (sums.square() / counts.clamp(min=TINY).unsqueeze(-1)).sum(0) / labels
    spread = (rows.a.unsqueeze(-1) * shown.square()).sum(0) / labels
    told = apart / spread.clamp(min=1e-3)
    alike = ((shown * w).T @ shown / total).square() * (1 - torch.eye(x.shape[1]).to(x))
    used = (rows.deviation > 0).sum().clamp(min=1)
    parts = (
        third.clamp(-5, 5), fourth.clamp(0, 20) / 5, at_ends, told, alike.amax(-1), alike.sum(-1) / used,
        (labels.log() / 4).expand_as(third), (used.to(x.dtype).log() / 4).expand_as(third),
    )  # fmt: skip
    return torch.stack(parts, dim=-1), alike
