"""Reptile: the outer loop moves θ towards the adapted parameters."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from metassl.backbones.base import Backbone
from metassl.inner.base import MakeInner
from metassl.inner.sgd import SGD
from metassl.learners.adapted import Adapted
from metassl.learners.base import Scores
from metassl.learners.gradient.learner import BACKBONE, HEAD
from metassl.learners.gradient.maml import MAML
from metassl.numerics.surrogate import surrogate
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage


class Reptile(MAML):
    """Moves the initialisation towards what adaptation made of it; no derivative goes through the inner loop.

    The outer gradient of a task is θ - φ_K. A training task has no split: its inner steps see all labelled
    images, S ∪ Q. At validation and test they see S alone. The inner loss is CE + λ·SSL(U). What is logged is
    CE and accuracy on Q after adaptation, images that the training task has adapted to. The SSL objective's
    meta-parameters learn through the last inner step alone, from that CE (see in_meta_parameters). An
    SSL term in the outer loss is added as it is.

    Source: Nichol et al. 2018, Algorithm 2; an outer Adam on θ - φ as their section 2 allows.

    Args:
        backbone, task, inner, steps, test_steps, order, adapt: see MAML.
    """

    def __init__(
        self,
        backbone: Backbone,
        task: TaskSpec,
        inner: MakeInner = partial(SGD, learned=False),
        steps: int = 3,
        test_steps: int | None = 4,
        order: int = 1,
        adapt: Sequence[str] = (BACKBONE, HEAD),
    ) -> None:
        super().__init__(backbone, task, inner, steps, test_steps, order, adapt)

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
