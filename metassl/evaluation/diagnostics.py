"""What became of the unlabelled images, by what only the oracle knows.

Legend: T tasks, U unlabelled, N way.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from metassl.engine.base import Engine
from metassl.learners.base import MetaLearner
from metassl.tasks.episode import Episode, TaskBatch
from metassl.tasks.stage import Stage

Values = dict[str, float]


def diagnose(learner: MetaLearner, engine: Engine, batch: TaskBatch, stage: Stage) -> list[Values]:
    """For each task of a batch whatever is defined of the three numbers below; [] where U has no part.

    * used: mean weight of the unlabelled images, 0..1.
    * accuracy: weighted share of the images of the task's own classes whose largest target is right.
    * auroc: how well weight·max_c q_jc tells the task's own images from distractors, 0..1.
    """
    tasks = batch.episodes
    if not len(tasks.unlabelled) or not learner.ssl.inner_views(training=stage.training):
        return []
    q, weight = engine.map(learner, partial(_assigned, stage=stage), tasks)
    real, truth, distractor = tasks.unlabelled.weight, batch.oracle.unlabelled_y, batch.oracle.distractor
    columns = [x.detach().double().cpu().numpy() for x in (q, weight, real, truth, distractor)]
    return [_of_task(*parts) for parts in zip(*columns, strict=True)]


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
    return labels.q.detach(), weight.detach()


def _of_task(
    q: NDArray[np.float64],
    weight: NDArray[np.float64],
    real: NDArray[np.float64],
    truth: NDArray[np.float64],
    distractor: NDArray[np.float64],
) -> Values:
    """q [U, N]; the rest [U], real 0 for padding and truth -1 for distractors."""
    kept = real > 0  # padding is left out
    q, weight, truth, foreign = q[kept], weight[kept], truth[kept], distractor[kept] > 0
    values = {"used": float(weight.mean())}
    own = weight * (truth >= 0)
    if own.sum() > 0:
        values["accuracy"] = float((own * (q.argmax(1) == truth)).sum() / own.sum())
    if foreign.any() and not foreign.all():
        values["auroc"] = auroc(weight * q.max(1), ~foreign)
    return values
