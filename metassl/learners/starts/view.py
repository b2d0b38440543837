"""A task as one start sees it.

Legend: S support, U unlabelled, Q query.
"""

from dataclasses import dataclass, replace

from torch import Tensor

from metassl.learners.amortised.set_encoder import TaskSet, read_rows
from metassl.learners.base import MetaLearner
from metassl.numerics.tensors import Tensors
from metassl.tasks.episode import Episode, Unlabelled
from metassl.tasks.stage import Stage


@dataclass(frozen=True)
class StartView:
    """What a distance may ask about a task under one start. What is not asked for costs nothing.

    Attributes:
        behind: the learner that adapts from the start.
        start: the start, values in place of some of the learner's.
        episode: the task. Its query labels are only for what trains a distance and for the oracle control.
        unlabelled: U where it belongs to the task's set.
        stage: where in training.
    """

    behind: MetaLearner
    start: Tensors
    episode: Episode
    unlabelled: Unlabelled | None
    stage: Stage

    def rows(self) -> TaskSet:
        """The task's set under the start: S, then U where it takes part."""
        with self.behind.placed(self.start):
            anchor = self.behind.anchor(self.episode, self.stage)
            return read_rows(self.behind, self.episode, self.unlabelled, anchor)

    def support_loss(self) -> Tensor:
        """Loss of S after the adaptation from the start: scalar."""
        task = self.episode
        with self.behind.placed(self.start):
            adapted = self.behind.adapt(task, self.stage)
        adapted = replace(adapted, overlay={**self.start, **adapted.overlay})
        weight = task.support_weight if task.padded else None
        return task.support_loss(self.behind.predict(adapted, task.support_x, weight))

    def query_loss(self) -> Tensor:
        """Loss of Q after it: scalar. READS THE QUERY LABELS."""
        with self.behind.placed(self.start):
            return self.episode.query_loss(self.behind.query_logits(self.episode, self.stage))
