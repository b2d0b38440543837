"""Reptile: the outer loop moves θ towards the adapted parameters."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from metassl.backbones.base import Backbone
from metassl.inner.base import MakeInner
from metassl.inner.sgd import SGD
from metassl.learners.adapted import Adapted
from metassl.learners.base import Scores
from metassl.learners.gradient.inner_loop import Found, InnerTask
from metassl.learners.gradient.learner import BACKBONE, HEAD
from metassl.learners.gradient.maml import MAML
from metassl.learners.gradient.mini_batches import Batches, draw_batches
from metassl.numerics.surrogate import surrogate
from metassl.numerics.tensors import Tensors
from metassl.schema.ranges import Count, Whole, Words
from metassl.ssl.context import Memory
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage


@dataclass(frozen=True)
class InMiniBatches(InnerTask):
    """A task whose inner steps see a mini-batch each.

    Attributes:
        batches: which images each step sees.
    """

    batches: Batches = field(kw_only=True)


class Reptile(MAML):
    """Moves the initialisation towards what adaptation made of it; no derivative goes through the inner loop.

    The outer gradient of a task is θ - φ_K. A training task has no split: its labelled images are S ∪ Q, and
    each inner step sees a fresh mini-batch of them. The differences between the batches' gradients are what
    θ learns generalisation from: with the same batch each step, θ moves as by training on all tasks at once
    (section 5.1). At validation and test the steps see all of S. The inner loss is CE + λ·SSL(U). What is
    logged is CE and accuracy on Q after adaptation, images that the training task has adapted to. The SSL
    objective's meta-parameters learn through the last inner step alone, from that CE (see
    in_meta_parameters). An SSL term in the outer loss is added as it is.

    Differs from the paper: the outer optimiser is Adam on θ - φ, where theirs moves θ by a share of φ - θ
    that falls to 0. At test all of S is a batch; theirs are of 5 to 15 images, the same for 5-way 1-shot.

    Source: Nichol et al. 2018, Algorithm 2; the order of the mini-batches ("cycling") as in section 6.3.

    Args:
        backbone, task, inner, steps, test_steps, order, adapt: see MAML.
        batch: images of a training task's inner step; None: all of them.
    """

    def __init__(
        self,
        backbone: Backbone,
        task: TaskSpec,
        inner: MakeInner = partial(SGD, learned=False),
        steps: Whole = 5,
        test_steps: Whole | None = 50,
        order: Literal[1, 2] = 1,
        adapt: Words = (BACKBONE, HEAD),
        batch: Count | None = 10,
    ) -> None:
        super().__init__(backbone, task, inner, steps, test_steps, order, adapt)
        self.batch, self.draws = batch, steps * (batch or 0)

    def inner_task(self, phi: Tensors, episode: Episode, stage: Stage) -> InnerTask:
        """The task with its mini-batches, where each step of a training task sees one."""
        task = super().inner_task(phi, episode, stage)
        if not self.batch or not stage.training or self.batch >= len(episode.support_y):
            return task
        numbers = episode.random[: self.draws].view(task.steps, self.batch)
        batches = draw_batches(episode.support_weight, numbers, self.batch)
        return InMiniBatches(**vars(task), batches=batches)

    def step_loss(self, task: InnerTask, phi: Tensors, k: int, memory: Memory) -> tuple[Tensor, Found]:
        """The loss on the step's mini-batch."""
        if isinstance(task, InMiniBatches):
            rows = task.batches.rows[k]
            known = tuple(
                {n: z[rows] if n == "support" else z for n, z in draw.items()} for draw in task.known
            )
            task = replace(task, episode=task.batches.of(k, task.episode), known=known)
        return super().step_loss(task, phi, k, memory)

    def outer_loss(self, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """A surrogate with the value of CE and the gradient θ - φ."""
        theta = self.theta()
        with self.placed(self.only_objective()):
            adapted = self.adapt(all_labelled(episode), stage)
            loss, scores = self.query_loss(adapted, episode)
        towards = {name: theta[name].detach() - p for name, p in adapted.overlay.items()}
        total = surrogate(loss, theta, towards) + (loss - loss.detach())
        total = total + self.outer_ssl(self._as_if_theta(adapted), episode, stage)
        return total, scores | self.reports(adapted.memory)

    def _as_if_theta(self, adapted: Adapted) -> Adapted:
        """φ, whose gradient θ gets as if φ were θ (first order)."""
        theta = self.theta()
        overlay = {n: theta[n] + (p - theta[n]).detach() for n, p in adapted.overlay.items()}
        return replace(adapted, overlay=overlay)


def all_labelled(episode: Episode) -> Episode:
    """The task with S ∪ Q as its support."""
    return replace(
        episode,
        support_x=torch.cat((episode.support_x, episode.query_x)),
        support_y=torch.cat((episode.support_y, episode.query_y)),
        support_weight=torch.cat((episode.support_weight, episode.query_weight)),
    )
