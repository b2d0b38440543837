"""Baseline and Baseline++: ordinary classification of all training classes, and a new head for each task.

Legend: N way, S support, Q query, U unlabelled, D features, B classes of the training split.
"""

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from metassl.backbones.base import Backbone
from metassl.inner.base import MakeInner
from metassl.inner.momentum import Momentum
from metassl.learners.adapted import Adapted, Anchor
from metassl.learners.base import Scores, query_scores
from metassl.learners.gradient.classifiers import Classifier, LinearClassifier
from metassl.learners.gradient.learner import HEAD, GradientLearner
from metassl.learners.gradient.reptile import all_labelled
from metassl.learners.traits import LearnerTraits
from metassl.norms.base import Pass
from metassl.outcomes.classification import Classification, cross_entropy, mask_classes
from metassl.schema.ranges import Whole
from metassl.ssl.context import Memory
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage

BASE = "base."


class BaselineLearner(GradientLearner):
    """Trains one classifier of all training classes, and at test a new head on fixed features.

    Training: CE of S ∪ Q among all B classes, + λ·SSL(U) among the task's N, in the outer loss.
    A training task has no inner loop: its N-way head is the rows of the B-way one, which is also what the SSL
    objective sees and what the logged loss and accuracy are of. At validation and test the backbone stays and
    a new head is trained on CE(S) + λ·SSL(U), from features computed once.

    Differs from the paper: the new head is trained on all images at once, theirs on batches of 4; a training
    batch is the classes of one task, theirs any images of all classes.

    Source: Chen et al. 2019, section 3.2.

    Args:
        backbone: maps inputs to features.
        task: its number of base classes is B.
        inner: makes the optimiser of the new head.
        test_steps: steps on the new head.
        classifier: (D, outputs) -> head; linear (Baseline) or cosine (Baseline++).
    """

    # no gradient is taken within a training task
    traits = LearnerTraits(adapts_in_training=False, follows_averages=True, outcomes=(Classification,))

    def __init__(
        self,
        backbone: Backbone,
        task: TaskSpec,
        inner: MakeInner = Momentum,
        test_steps: Whole = 100,
        classifier: Callable[[int, int], Classifier] = LinearClassifier,
    ) -> None:
        super().__init__(backbone, 0, test_steps, 1, [HEAD])
        self.base = classifier(backbone.out_dim, task.base_classes)
        self.head = classifier(backbone.out_dim, task.way).requires_grad_(False)
        self.head.clear()
        self.inner = inner(self.moved())

    def start(self, episode: Episode, anchor: Anchor, stage: Stage) -> dict[str, Tensor]:
        """The base classes' rows in training, the new head's start otherwise."""
        if not stage.training:
            return super().start(episode, anchor, stage)
        base = {n: p for n, p in self.theta().items() if n.startswith(BASE)}
        return {HEAD + n.removeprefix(BASE): p[episode.classes] for n, p in base.items()}

    def outer_loss(self, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """CE among the B classes plus the SSL terms; what is logged is that of Q among the N."""
        if not stage.training:
            return super().outer_loss(episode, stage)
        adapted = self.adapt(episode, stage)
        loss, logits = self._base_loss(adapted.anchor, episode)
        _, scores = query_scores(logits, episode)
        penalty, memory = self._ssl_loss(adapted, episode, stage)
        return loss + penalty, scores | self.reports(memory)

    def _base_loss(self, anchor: Anchor, episode: Episode) -> tuple[Tensor, Tensor]:
        """CE of S ∪ Q among the B classes, and [Q, N] logits of Q among the N."""
        every = all_labelled(episode)
        weight = every.support_weight
        logits = self.base(self.embed(every.support_x, anchor, Pass(weight if episode.padded else None)))
        loss = cross_entropy(logits, episode.classes[every.support_y], weight)
        queries = logits[len(episode.support_y) :, episode.classes]
        return loss, mask_classes(queries, episode.class_mask)

    def _ssl_loss(self, adapted: Adapted, episode: Episode, stage: Stage) -> tuple[Tensor | float, Memory]:
        """The SSL terms, and what the objective kept of the task."""
        total: Tensor | float = 0.0
        memory: Memory = {}
        with self.placed({**self.meta_constants(), **adapted.overlay}):
            for weight, unlabelled in (
                (self.inner_weight(episode, stage), episode.unlabelled),
                (self.outer_weight(episode, stage), episode.outer_unlabelled),
            ):
                if weight:
                    context = replace(self.context(episode, unlabelled, adapted, stage), memory=memory)
                    context = self.ssl.advanced(context)
                    total, memory = total + weight * self.ssl.loss(context), context.memory
        return total, memory
