"""Mini-batches of a task's labelled images, drawn from numbers that belong to the task.

Legend: n labelled images, K inner steps, b images of a batch.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from metassl.tasks.episode import Episode


@dataclass(frozen=True)
class Batches:
    """Which labelled images each inner step sees.

    Attributes:
        rows: [K, b] int64 places in the support.
        weight: [K, b] 1 for an image; 0 where a task has fewer than b of them.
    """

    rows: Tensor
    weight: Tensor

    def of(self, k: int, episode: Episode) -> Episode:
        """The task as inner step k sees it."""
        rows = self.rows[k]
        return replace(
            episode,
            support_x=episode.support_x[rows],
            support_y=episode.support_y[rows],
            support_weight=self.weight[k],
        )


def draw_batches(weight: Tensor, numbers: Tensor, size: int) -> Batches:
    """Goes through the images in random order, batch by batch, and anew when all were seen.

    The j-th image is the r-th of those that are left, r = ⌊u_j · left⌋: every order is as likely, and rows of
    weight 0 are never drawn. A batch of a task with fewer than b images has each of them once.

    Args:
        weight: [n] 0 for padding.
        numbers: [K, at least b] uniform in (0, 1).
        size: b, at most n.
    """
    present = (weight > 0).to(numbers.dtype)
    count, left = present.sum(), present
    rows, used = [], []
    for step in numbers:
        taken = torch.zeros_like(count)
        for u in step[:size]:
            more = (taken < count).to(numbers.dtype)  # 0: the batch has every image already
            left = torch.where(left.sum() > 0, left, present)
            rank = torch.minimum((u * left.sum()).floor(), left.sum() - 1) + 1
            chosen = (left.cumsum(0) == rank) & (left > 0)
            rows.append(chosen.to(torch.int8).argmax())
            used.append(more)
            left, taken = left - more * chosen.to(left.dtype), taken + more
    shape = (len(numbers), size)
    return Batches(torch.stack(rows).view(shape), torch.stack(used).view(shape).to(weight.dtype))
