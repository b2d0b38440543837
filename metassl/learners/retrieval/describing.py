"""What a distance between tasks is told of a task.

Legend: n rows of a task, S support, U unlabelled, D features.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.learners.adapted import Anchor
from metassl.learners.base import MetaLearner
from metassl.learners.retrieval.distance import Probe, TaskDistance, TaskSet
from metassl.norms.base import Pass
from metassl.numerics.tensors import Tensors, constants
from metassl.tasks.episode import Episode


@torch.no_grad()
def described(
    learner: MetaLearner, episode: Episode, anchor: Anchor, reads: bool, items: int, distance: TaskDistance
) -> TaskSet:
    """Describes a task by the features of its examples under θ, for a distance between tasks.

    Args:
        learner: with θ in place.
        episode, anchor: the task.
        reads: whether U belongs to the set, by its first view.
        items: n; rows beyond it are cut, and missing ones padded.
        distance: whose summary of the task is kept.
    """
    x, weight, labelled = episode.support_x, episode.support_weight, episode.support_weight
    if reads:
        unlabelled = episode.unlabelled
        x = torch.cat((x, next(iter(unlabelled.views.values()))))
        weight = torch.cat((weight, unlabelled.weight))
        labelled = torch.cat((labelled, torch.zeros_like(unlabelled.weight)))
    x, weight, labelled = x[:items], weight[:items], labelled[:items]
    theta, how = constants(learner.theta()), Pass(weight if episode.padded else None)

    def features(changed: Tensors) -> Tensor:
        with learner.placed({**theta, **changed}):
            return learner.embed(x, anchor, how)

    rows = features({}).to(weight.dtype)
    labels = F.pad(episode.support_targets(), (0, 0, 0, len(x)))[: len(x)].to(rows.dtype)
    probe = Probe(features, weight, labels * labelled.unsqueeze(-1), episode.class_mask)
    missing = items - len(x)
    return TaskSet(
        F.pad(rows, (0, 0, 0, missing)),
        F.pad(weight, (0, missing)),
        F.pad(labelled, (0, missing)),
        distance.summarise(probe),
    )
