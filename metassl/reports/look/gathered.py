"""What a run's learner answers on test tasks, with what it was asked.

Legend: T tasks, N way, S support, U unlabelled, Q query, D features.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig
from torch import Tensor

from metassl.data.builder import PLAIN, EpisodeBuilder
from metassl.data.task_source import TaskSource
from metassl.errors import UserError
from metassl.evaluation.features import MetaTest
from metassl.learners.base import MetaLearner
from metassl.outcomes.classification import Classification, one_hot
from metassl.reports.look.asked import Array, Asked, ask, names_of, probabilities
from metassl.tasks.episode import Episode, TaskBatch
from metassl.tasks.stage import TEST
from metassl.trained.build import build_learner
from metassl.training.build import build_engine, build_source, build_task_spec, build_test_stream
from metassl.training.checkpoints import tested_checkpoint
from metassl.training.weights import load_weights


@dataclass(frozen=True)
class Seen:
    """Inputs of one part of a task, with what was said of them; padding is left out.

    Attributes:
        x: [n, C, H, W] in 0..1, or [n, d].
        y: [n] true classes 0..N-1; -1 for an input of none of them.
        p: [n, N] what the learner says; for S, whose labels it was given, these.
    """

    x: Array
    y: Array
    p: Array


@dataclass(frozen=True)
class LookedAt:
    """A test task.

    Attributes:
        names: of its N classes.
        support, unlabelled, query: its parts; of `unlabelled` the labels that the objective assigns, weighed.
        features: [S + U + Q, D] of all of them by the backbone.
    """

    names: Sequence[str]
    support: Seen
    unlabelled: Seen
    query: Seen
    features: Array


def gathered(
    config: DictConfig, folder: Path, count: int, tasks: int, temperature: float
) -> tuple[list[LookedAt], Asked]:
    """The first test tasks of a run in full, and the queries of more of them.

    Args:
        config: of the run.
        folder: of it; has the checkpoint.
        count: how many tasks are asked.
        tasks: how many of them are looked at in full.
        temperature: that logits are divided by.

    Raises:
        UserError: tasks that don't ask for classes.
    """
    source = build_source(config)
    task = build_task_spec(config, source)
    if not isinstance(task.outcome, Classification):
        raise UserError(
            f"run={folder}: found tasks that ask for {task.outcome.asks}, `metassl look` is for classes; "
            "`metassl report` draws fits of curves."
        )
    learner = build_learner(config, task)
    load_weights(learner, tested_checkpoint(config, folder))
    stream = build_test_stream(config, source, learner.eval(), count)
    test = MetaTest(learner, build_engine(config, learner), stream)
    with torch.no_grad():
        whole = [_looked_at(test, source, number, temperature) for number in range(min(tasks, count))]
        return whole, ask(test, source, temperature)


def _looked_at(test: MetaTest, source: TaskSource, number: int, temperature: float) -> LookedAt:
    batch: TaskBatch = test.stream.builder(range(number, number + 1))
    tasks, learner = batch.episodes, test.learner
    n = int(tasks.class_mask[0].sum())
    p = probabilities(test.query_logits(tasks, TEST)[0], temperature)[:, :n]
    task = tasks.task(0)
    support = _seen(task.support_x, task.support_y, one_hot(task.support_y, n), task.support_weight)
    query = _seen(task.query_x, task.query_y, p, task.query_weight)
    unlabelled = _of_unlabelled(test, batch, _plain(test.stream.builder, number), n)
    x = torch.cat([torch.from_numpy(part.x) for part in (support, unlabelled, query) if len(part.x)])
    features = learner.embed(x.float(), learner.anchor(task, TEST)).numpy()
    return LookedAt(names_of(source, batch, 0)[:n], support, unlabelled, query, features)


def _of_unlabelled(test: MetaTest, batch: TaskBatch, plain: Tensor, n: int) -> Seen:
    tasks = batch.episodes
    if not len(tasks.unlabelled):
        return Seen(plain[:0].numpy(), np.zeros(0, np.int64), np.zeros((0, n)))

    def assigned(learner: MetaLearner, task: Episode) -> tuple[Tensor, Tensor]:
        labels = learner.assigned_labels(task, TEST)
        weight = torch.broadcast_to(torch.as_tensor(labels.weight), task.unlabelled.weight.shape)
        return labels.q.detach(), weight.detach()

    q, weight = test.engine.map(test.learner, assigned, tasks)
    return _seen(
        plain, batch.oracle.unlabelled_y[0], (q * weight.unsqueeze(-1))[0, :, :n], tasks.unlabelled.weight[0]
    )


def _plain(builder: EpisodeBuilder, number: int) -> Tensor:
    """[U, ...] the unlabelled inputs as they are, whatever views of them the learner has."""
    own = copy(builder)
    own.inner = {PLAIN: None}
    found = own(range(number, number + 1)).episodes.unlabelled
    return found.views[PLAIN][0] if found.views else torch.zeros(0)


def _seen(x: Tensor, y: Tensor, p: Tensor, weight: Tensor) -> Seen:
    kept = weight > 0
    return Seen(x[kept].numpy(), y[kept].numpy(), p[kept].float().numpy())
