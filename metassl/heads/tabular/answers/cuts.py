"""Random cuts of columns, and which leaf of a tree a row falls into.

Legend: n rows, m items, D columns, B trees, C candidates of a cut, H height, L leaves.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from metassl.heads.tabular.answers.rows import TINY, Rows

EQUAL = 1e-4  # deviations by which values of a column may differ and count as equal


class Cuts(NamedTuple):
    """column [B, H] and at [B, H]: on level h a row goes right where x[column] > at."""

    column: Tensor
    at: Tensor


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
    where = shown.T @ cubes.sum(1) / cubes.sum(1).abs().sum().clamp(min=TINY)
    scale = rows.deviation / rows.deviation.amax().clamp(min=TINY)
    rank = torch.where(used, cubes.sum(0) / present.sum() + where + scale, torch.inf).argsort()
    column = rank[(numbers[0] * used.sum()).long().clamp(max=x.shape[1] - 1)]
    ordered = torch.where(present.unsqueeze(-1), x, torch.inf).sort(dim=0).values
    place = (numbers[1] * (present.sum() - 1)).long().clamp(min=0, max=max(len(x) - 2, 0))
    low, above = ordered[place, column], ordered[(place + 1).clamp(max=len(x) - 1), column]
    return column, torch.where(above.isfinite(), (low + above) / 2, low)


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
