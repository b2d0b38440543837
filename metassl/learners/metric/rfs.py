"""RFS: features of ordinary classification, and for each task a plain classifier on them.

Legend: N way, S support, U unlabelled, Q query, D features, B classes of the training split.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.backbones.base import Backbone
from metassl.heads.plain.head import PlainHead
from metassl.learners.gradient.classifiers import LinearClassifier
from metassl.learners.metric.learner import Features, HeadLearner
from metassl.numerics.geometry import unit
from metassl.outcomes.classification import Classification, cross_entropy
from metassl.schema.ranges import Whole
from metassl.ssl.context import Memory
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage


class RFS(HeadLearner):
    """Trains one classifier of all training classes, and at test fits a plain one on the fixed features.

    Training: CE of S ∪ Q among all B classes, plus the objective's penalties on U. The N-way head of a
    training task is the rows of the B-way one, which is also what the objective and the logs see. At
    validation and test a classifier of scikit-learn is fitted to S, once more with the objective's labels of
    U, and classifiers that read unlabelled rows are given U as it is (ssl=descriptor). With backbone=raw and
    backbone.norm=none no features are trained: it is that plain classifier, on the episodes of all others.

    Differs from the paper: no distillation (its RFS-simple), no augmented copies of S; a training batch is
    the classes of one task.

    Source: Tian et al. 2020, section 3.

    Args:
        backbone: maps inputs to features.
        task: its number of base classes is B.
        head: the classifier of a new task.
        rounds: number of refits.
    """

    head: PlainHead

    def __init__(self, backbone: Backbone, task: TaskSpec, head: PlainHead, rounds: Whole = 1) -> None:
        super().__init__(backbone, head, rounds)
        self.base = LinearClassifier(backbone.out_dim, task.base_classes)
        self.traits = replace(
            self.traits, adapts_in_training=False, leaves_torch=True, outcomes=(Classification,)
        )

    def _features(self, episode: Episode, stage: Stage, queries: bool) -> Features:
        """At test as the classifier sees them, so that the objective's labels are of the same features."""
        z = super()._features(episode, stage, queries)
        scaled = self.head.unit_length and not stage.training
        return {name: unit(x) for name, x in z.items()} if scaled else z

    def _first_fit(self, z: Tensor, episode: Episode, stage: Stage) -> Any:
        if not stage.training:
            return super()._first_fit(z, episode, stage)
        return self._rows(episode)

    def _fit(self, episode: Episode, z: Features, stage: Stage) -> tuple[Any, Memory]:
        return (self._rows(episode), {}) if stage.training else super()._fit(episode, z, stage)

    def _rows(self, episode: Episode) -> Callable[[Tensor], Tensor]:
        """Features -> logits of the task's classes among the B."""
        weight, bias = self.base.weight[episode.classes], self.base.bias[episode.classes]
        return lambda z: F.linear(z, weight, bias)

    def _task_loss(self, episode: Episode, z: Features, state: Any, logits: Tensor, stage: Stage) -> Tensor:
        """CE of S ∪ Q among the B classes in training."""
        if not stage.training:
            return super()._task_loss(episode, z, state, logits, stage)
        y = episode.classes[torch.cat((episode.support_y, episode.query_y))]
        weight = torch.cat((episode.support_weight, episode.query_weight))
        return cross_entropy(self.base(torch.cat((z["support"], z["query"]))), y, weight)
