"""Waves of either sign: tasks of which a learner knows nothing until it adapts, and a short training on them.

Legend: T tasks, S support, Q query.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor

from metassl.backbones.mlp import MLP
from metassl.engine.vmap import Vmap
from metassl.learners.base import MetaLearner
from metassl.learners.gradient.learner import GradientLearner
from metassl.learners.gradient.maml import MAML
from metassl.outcomes.regression import Regression
from metassl.tasks.episode import Episode, Unlabelled
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import TEST, Stage

VALUES = Regression(standardise=False)
SPEC = TaskSpec(way=1, input_shape=(1,), outcome=VALUES)
S, Q = 5, 10


@cache
def waves(count: int, seed: int) -> Episode:
    """T tasks y = a sin(3x), x in -1..1, a in ±(0.5..1.5): the mean over tasks is 0 everywhere."""
    draw = torch.Generator().manual_seed(seed)
    x = 2 * torch.rand(count, S + Q, 1, generator=draw) - 1
    sign = torch.where(torch.rand(count, 1, 1, generator=draw) < 0.5, -1.0, 1.0)
    y = sign * (0.5 + torch.rand(count, 1, 1, generator=draw)) * torch.sin(3 * x)
    none = Unlabelled({}, torch.ones(count, 0), torch.zeros(count, 0, 0))
    return Episode(
        support_x=x[:, :S], support_y=y[:, :S], support_weight=torch.ones(count, S),
        query_x=x[:, S:], query_y=y[:, S:], query_weight=torch.ones(count, Q),
        unlabelled=none, outer_unlabelled=none, class_mask=torch.ones(count, 1, dtype=torch.bool),
        classes=torch.zeros(count, 1, dtype=torch.int64), random=torch.zeros(count, 0), outcome=VALUES,
    )  # fmt: skip


def wave_learner(kind: Any = MAML, norm: str = "none", **options: Any) -> GradientLearner:
    """MAML of two inner steps on a small network, or another learner."""
    torch.manual_seed(0)
    given = {"steps": 2, "test_steps": 2, **options}
    learner: GradientLearner = kind(MLP((1,), [16, 16], norm), SPEC, **given)
    return learner


def trained(learner: GradientLearner, steps: int = 40, rate: float = 0.015) -> GradientLearner:
    """After so many steps of Adam on 8 tasks each."""
    learned = {name: p for name, p in learner.theta().items() if p.requires_grad}
    optimizer, engine = torch.optim.Adam(learned.values(), rate), Vmap(8)
    for step in range(steps):
        stage = Stage(training=True, progress=step / steps)
        loss = lambda learner, task: learner.meta_loss(task, stage)  # noqa: B023,E731
        gradients, _ = engine.gradients(learner, loss, waves(8, step))
        for name, p in learned.items():
            p.grad = gradients[name]
        optimizer.step()
    return learner


def error(learner: GradientLearner, test_steps: int | None = None) -> float:
    """Mean squared error on the queries of 64 new tasks, after so many inner steps; None: the learner's own."""
    own, learner.test_steps = learner.test_steps, learner.test_steps if test_steps is None else test_steps

    def outputs(learner: MetaLearner, task: Episode) -> Tensor:
        return learner.query_logits(task, TEST)

    tasks = waves(64, 10_000)
    with torch.no_grad():
        found = float((Vmap(64).map(learner, outputs, tasks) - tasks.query_y).square().mean())
    learner.test_steps = own
    return found
