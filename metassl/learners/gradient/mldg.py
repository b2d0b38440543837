"""MLDG: a network that is good on some domains, and still is on others after a step on the first."""

from functools import partial
from typing import Literal

from torch import Tensor

from metassl.backbones.base import Backbone
from metassl.inner.base import MakeInner
from metassl.inner.sgd import SGD
from metassl.learners.adapted import Adapted
from metassl.learners.base import Scores
from metassl.learners.gradient.learner import BACKBONE, HEAD
from metassl.learners.gradient.maml import MAML
from metassl.norms.base import Pass
from metassl.schema.ranges import NotNegative, Whole, Words
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage


class MLDG(MAML):
    """Learns on source domains what stays right on others when a step is taken on the sources alone.

    Outer loss: F(θ) + β·G(θ'), F = L(S; θ), G = L(Q; θ'), θ' = θ - α ∇[F(θ) + λ·SSL(U; θ)].

    In a task between domains (episode=domains) S is of the meta-train domains and Q of the meta-test one. The
    paper's test takes θ as it is: model.test_steps=0, where labels are the same in every task, which
    episode.label_order=fixed makes them. Where labels are drawn anew for each task, θ can't know them, and
    the test adapts to S as MAML does.

    Differs from the paper: a task has its own draw of rows, theirs are batches of whole domains; there may be
    more than one step.

    Source: Li et al. 2018 (MLDG), Algorithm 1.

    Args:
        backbone: maps inputs to features.
        task: its way is the number of outputs of the linear head.
        inner: makes the inner optimiser of what it moves.
        beta: β.
        steps, test_steps, order, adapt: see GradientLearner.
    """

    def __init__(
        self,
        backbone: Backbone,
        task: TaskSpec,
        inner: MakeInner = partial(SGD, learned=False),
        beta: NotNegative = 1.0,
        steps: Whole = 1,
        test_steps: Whole | None = None,
        order: Literal[1, 2] = 2,
        adapt: Words = (BACKBONE, HEAD),
    ) -> None:
        super().__init__(backbone, task, inner, steps, test_steps, order, adapt)
        self.beta = beta

    def outer_loss(self, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """F(θ) + β·G(θ') and the SSL terms of the outer loss; what is logged is G."""
        adapted = self.adapt(episode, stage)
        loss, scores = self.query_loss(adapted, episode)
        total = self.source_loss(episode, stage) + self.beta * loss
        return total + self.outer_ssl(adapted, episode, stage), scores | self.reports(adapted.memory)

    def source_loss(self, episode: Episode, stage: Stage) -> Tensor:
        """F: L of the support at θ."""
        here = Adapted({}, {}, self.anchor(episode, stage), episode.class_mask, outcome=episode.outcome)
        weight = episode.support_weight if episode.padded else None
        return episode.support_loss(self.logits(here, episode.support_x, Pass(weight)))
