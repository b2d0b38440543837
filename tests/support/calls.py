"""What tests ask of a learner, with its own parameters θ or with given ones in their place."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from metassl.engine.base import Engine
from metassl.engine.loop import Loop
from metassl.learners.adapted import Adapted
from metassl.learners.base import MetaLearner
from metassl.ssl.context import Context
from metassl.tasks.episode import Episode
from metassl.tasks.stage import Stage

TRAIN = Stage(training=True)
Given = Mapping[str, Tensor]


def under(learner: MetaLearner, theta: Given | None, function: Callable[..., Any], *args: Any) -> Any:
    """What a function of the learner's modules gives with other tensors in the place of its parameters."""
    with learner.placed(theta or {}):
        return function(*args)


def adapt(learner: MetaLearner, task: Episode, stage: Stage = TRAIN, theta: Given | None = None) -> Adapted:
    """φ of a task."""
    return under(learner, theta, learner.adapt, task, stage)


def inner_path(
    learner: Any, task: Episode, stage: Stage = TRAIN, theta: Given | None = None
) -> Iterator[dict[str, Tensor]]:
    """What moves, before the first inner step and after each."""
    with learner.placed(theta or {}):
        steps = list(learner.path(task, stage))
    return iter([step.phi for step in steps])


def predict(learner: MetaLearner, adapted: Adapted, x: Tensor, theta: Given | None = None) -> Tensor:
    """[n, N] logits of inputs after adaptation."""
    return under(learner, theta, learner.predict, adapted, x)


def query_logits(
    learner: MetaLearner, task: Episode, stage: Stage = TRAIN, theta: Given | None = None
) -> Tensor:
    """[Q, N] logits of a task's queries."""
    return under(learner, theta, learner.query_logits, task, stage)


def outer_loss(
    learner: MetaLearner, task: Episode, stage: Stage = TRAIN, theta: Given | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    """The outer loss of a task, and what is logged."""
    return under(learner, theta, learner.outer_loss, task, stage)


def meta_loss(
    learner: MetaLearner, task: Episode, stage: Stage = TRAIN, theta: Given | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    """The outer loss of a task with what the objective hears of it, and what is logged."""
    return under(learner, theta, learner.meta_loss, task, stage)


def observe(
    learner: MetaLearner,
    task: Episode,
    stage: Stage,
    look: Callable[[Context], Any],
    theta: Given | None = None,
) -> Any:
    """What `look` finds in the objective's context after adaptation."""
    return under(learner, theta, learner.observe, task, stage, look)


def outer_gradients(
    learner: MetaLearner,
    tasks: Episode,
    stage: Stage = TRAIN,
    engine: Engine | None = None,
    theta: Given | None = None,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The outer gradient over a meta-batch and what is logged, by an engine: the loop unless another is given."""
    loss = lambda learner, task: learner.meta_loss(task, stage)  # noqa: E731
    return under(learner, theta, (engine or Loop()).gradients, learner, loss, tasks)


def outer_gradient(learner: MetaLearner, task: Episode, stage: Stage = TRAIN) -> dict[str, Tensor]:
    """The outer gradient of one task, by autograd alone."""
    theta = {n: p for n, p in learner.theta().items() if p.requires_grad}
    loss, _ = meta_loss(learner, task, stage)
    found = torch.autograd.grad(loss, list(theta.values()), materialize_grads=True)
    return dict(zip(theta, found, strict=True))
