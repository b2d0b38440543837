"""A set encoder that has to keep enough of each item to rebuild it.

Legend: D features, R numbers of a label that mean the same in every task, n items, E task embedding.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from metassl.learners.amortised.set_encoder import MeanPool, TaskSet, mlp
from metassl.numerics.losses import weighted_mean
from metassl.outcomes.classification import CLASSES
from metassl.schema.ranges import Count
from metassl.tasks.spec import TaskSpec


class Rebuilt(NamedTuple):
    """What an autoencoder makes of a task: task [E] its embedding, loss what rebuilding its items cost."""

    task: Tensor
    loss: Tensor


class TaskAutoencoder(nn.Module):
    """Describes a task by the mean of its items' codes, from each of which the item can be rebuilt.

    r_j = [z_j, y_j], y_j = 0 in U and of no length where labels are names of classes; e_j = ReLU MLP(r_j);
    task = ReLU(W [mean_S e, mean_U e] + b); loss = mean_j |r_j - MLP(e_j)|² / 2(D + R) with r_j held fixed.

    Neither the order of the items nor the names of the classes have an influence.
    Source: Yao et al. 2019, section 4.1 (the aggregator that pools).

    Differs from the paper: no label enters of classes, where theirs has the one-hot one; U is pooled apart;
    and the loss moves no features, which could lower it by shrinking.

    Args:
        features: D.
        hidden: of the encoder's and the decoder's hidden layer.
        size: E, also the numbers of e_j.
        task: what its tasks ask for; None: classes.
    """

    def __init__(
        self, features: int, hidden: Count = 20, size: Count = 40, task: TaskSpec | None = None
    ) -> None:
        super().__init__()
        self.size, self.pool = size, MeanPool()
        self.outcome = CLASSES if task is None else task.outcome
        read = 0 if task is None else self.outcome.readable(torch.zeros(1, task.outputs)).shape[1]
        self.encode = mlp(features + read, hidden, size)
        self.decode = mlp(size, hidden, features + read)
        self.task = nn.Linear(2 * size, size)

    def forward(self, items: TaskSet) -> Rebuilt:
        """The embedding of a task, and what rebuilding cost."""
        rows = torch.cat((items.z, self.outcome.readable(items.q).to(items.z.dtype)), dim=-1)
        codes = self.encode(rows).relu()
        pooled = [self.pool(codes, items.w * known) for known in (items.known, 1 - items.known)]
        cost = (self.decode(codes) - rows.detach()).square().mean(-1) / 2
        return Rebuilt(self.task(torch.cat(pooled)).relu(), weighted_mean(cost, items.w))
