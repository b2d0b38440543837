"""Curves of two families that ask for different starts, told apart by a few labelled points.

Legend: T tasks, S support, Q query.
"""

import torch

from metassl.learners.base import MetaLearner
from metassl.outcomes.regression import Regression
from metassl.tasks.episode import Episode, Unlabelled
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import TEST

VALUES = Regression(standardise=False)
CURVES = TaskSpec(way=1, input_shape=(1,), outcome=VALUES)
S, Q = 5, 10


def two_curves(count: int, seed: int) -> Episode:
    """T tasks y = ±a sin(3x), + in those with an even number, x in -1..1, a in 0.5..1.5: the mean is 0 everywhere."""
    draw = torch.Generator().manual_seed(seed)
    x = 2 * torch.rand(count, S + Q, 1, generator=draw) - 1
    sign = (1 - 2 * (torch.arange(count) % 2)).view(-1, 1, 1)
    y = sign * (0.5 + torch.rand(count, 1, 1, generator=draw)) * torch.sin(3 * x)
    none = Unlabelled({}, torch.ones(count, 0), torch.zeros(count, 0, 0))
    return Episode(
        support_x=x[:, :S], support_y=y[:, :S], support_weight=torch.ones(count, S),
        query_x=x[:, S:], query_y=y[:, S:], query_weight=torch.ones(count, Q),
        unlabelled=none, outer_unlabelled=none, class_mask=torch.ones(count, 1, dtype=torch.bool),
        classes=torch.zeros(count, 1, dtype=torch.int64), random=torch.zeros(count, 0), outcome=VALUES,
    )  # fmt: skip


def squared_error(learner: MetaLearner, task: Episode) -> float:
    """Mean squared error on a task's queries."""
    outputs = learner.query_logits(task, TEST).detach()
    return float((outputs - task.query_y).square().mean())
