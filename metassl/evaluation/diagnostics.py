"""What became of the unlabelled images, by what only the oracle knows.

Legend: T tasks, U unlabelled, K outputs.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._pytree import tree_map

from metassl.engine.base import Engine
from metassl.learners.base import MetaLearner
from metassl.tasks.episode import Episode, TaskBatch
from metassl.tasks.stage import Stage

Values = dict[str, float]


def diagnose(learner: MetaLearner, engine: Engine, batch: TaskBatch, stage: Stage) -> list[Values]:
    """For each task of a batch whatever is defined of the numbers below; [] where U has no part.

    * used: mean weight of the unlabelled images, 0..1.
    * how right the labels of the task's own images are, by the outcome's deciding score and its name.
    * auroc: how well weight·max_c q_jc tells the task's own images from distractors, 0..1.
    """
    tasks = batch.episodes
    if not len(tasks.unlabelled) or not learner.ssl.inner_views(training=stage.training):
        return []
    q, weight = engine.map(learner, partial(_assigned, stage=stage), tasks)
    oracle = tree_map(lambda x: x.cpu(), batch.oracle)
    tasks, q, weight = tree_map(lambda x: x.cpu(), tasks), q.cpu(), weight.cpu()
    return [
        _of_task(tasks.task(t), q[t], weight[t], oracle.unlabelled_y[t], oracle.distractor[t])
        for t in range(tasks.count)
    ]


def mean_values(found: Sequence[Mapping[str, float]]) -> Values:
    """Mean over the tasks for which a number is defined."""
    names = sorted({name for values in found for name in values})
    return {name: float(np.mean([v[name] for v in found if name in v])) for name in names}


def auroc(score: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Probability that a positive has a higher score than a negative, ties a half (Mann & Whitney 1947)."""
    from scipy.stats import rankdata  # here, because it takes about a second to import

    n, m = int(positive.sum()), int((~positive).sum())
    return float((rankdata(score)[positive].sum() - n * (n + 1) / 2) / (n * m))


def _assigned(learner: MetaLearner, task: Episode, stage: Stage) -> tuple[Tensor, Tensor]:
    labels = learner.assigned_labels(task, stage)
    weight = torch.broadcast_to(torch.as_tensor(labels.weight), task.unlabelled.weight.shape)
    return labels.q.detach().double(), weight.detach().double()


def _of_task(task: Episode, q: Tensor, weight: Tensor, truth: Tensor, foreign: Tensor) -> Values:
    """q [U, K], weight [U], the true labels or values of U, foreign [U] bool."""
    kept = task.unlabelled.weight > 0  # padding is left out
    q, weight, truth, foreign = q[kept].double(), weight[kept].double(), truth[kept].double(), foreign[kept]
    values = {"used": float(weight.mean())}
    right = task.outcome.label_quality(q, weight, truth, (~foreign).double(), task.units)
    values |= {name: float(value) for name, value in right.items()}
    if foreign.any() and not foreign.all():
        values["auroc"] = auroc((weight * q.amax(1)).numpy(), ~foreign.numpy())
    return values
