"""Outer gradients: from a meta-batch to the direction in which θ moves."""

from functools import partial
from typing import Protocol

from torch import Tensor

from metassl.engine.base import TaskRunner
from metassl.learners.base import MetaLearner
from metassl.tasks.episode import Episode
from metassl.tasks.stage import Stage


class OuterGradient(Protocol):
    """Estimates the gradient of the meta-objective."""

    def __call__(
        self, learner: MetaLearner, theta: dict[str, Tensor], tasks: Episode, stage: Stage
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """({name: gradient}, {name: scalar to log}) for a meta-batch."""
        ...


class Unrolled:
    """∇_θ (1/T) Σ_i meta_loss(θ, task i), through everything that adaptation did.

    Args:
        runner: how the tasks run.
    """

    def __init__(self, runner: TaskRunner) -> None:
        self.runner = runner

    def __call__(
        self, learner: MetaLearner, theta: dict[str, Tensor], tasks: Episode, stage: Stage
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """See OuterGradient. Parameters that are not learned have no entry."""
        return self.runner.gradients(learner, partial(_meta_loss, stage=stage), theta, tasks)


def _meta_loss(
    learner: MetaLearner, theta: dict[str, Tensor], task: Episode, stage: Stage
) -> tuple[Tensor, dict[str, Tensor]]:
    return learner.meta_loss(theta, task, stage)
