"""Reptile: the outer loop moves θ towards the adapted parameters."""

from dataclasses import replace

import torch
from torch import Tensor

from metassl.learners.base import Scores, Theta, query_scores, surrogate
from metassl.learners.gradient.inner_loop import only_objective
from metassl.learners.gradient.learner import GradientLearner
from metassl.tasks.episode import Episode
from metassl.tasks.stage import Stage


class Reptile(GradientLearner):
    """The outer gradient of a task is θ - φ_K. No derivative goes through the inner loop.

    A training task has no split: its inner steps see all labelled images, S ∪ Q. At validation and test they
    see S alone. The inner loss is CE + λ·SSL(U). What is logged is CE and accuracy on Q after adaptation,
    images that the training task has adapted to. The SSL objective's meta-parameters learn through the last
    inner step alone, from that CE (see only_objective). An SSL term in the outer loss is added as it is.

    Source: Nichol et al. 2018, Algorithm 2; an outer Adam on θ - φ as their section 2 allows.
    """

    def outer_loss(self, theta: Theta, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """A surrogate with the value of CE and the gradient θ - φ."""
        frozen = only_objective(self, theta)
        adapted = self.adapt(frozen, all_labelled(episode), stage)
        loss, scores = query_scores(self.after(frozen, adapted, episode), episode)
        towards = {name: theta[name].detach() - p for name, p in adapted.overlay.items()}
        total = surrogate(loss, theta, towards) + (loss - loss.detach())
        return total + self._outer_ssl(theta, adapted.overlay, episode, stage), scores

    def _outer_ssl(self, theta: Theta, phi: Theta, episode: Episode, stage: Stage) -> Tensor | float:
        """The SSL terms at φ; θ gets their gradient as if φ were θ (first order)."""
        adapted = self.adapted(
            episode, stage, {n: theta[n] + (p - theta[n]).detach() for n, p in phi.items()}
        )
        return self.outer_ssl(theta, adapted, episode, stage)


def all_labelled(episode: Episode) -> Episode:
    """The task with S ∪ Q as its support."""
    return replace(
        episode,
        support_x=torch.cat((episode.support_x, episode.query_x)),
        support_y=torch.cat((episode.support_y, episode.query_y)),
        support_weight=torch.cat((episode.support_weight, episode.query_weight)),
    )
