"""Learners that retrieve, with tasks for them and for their memory."""

from dataclasses import replace

import torch
from torch import Tensor

from metassl.data.pool import Pool
from metassl.inner.sgd import SGD
from metassl.learners.gradient.learner import GradientLearner
from metassl.learners.retrieval.controls import Average, LabelledOnly, QueryLabelOracle, Random
from metassl.learners.retrieval.distance import TaskDistance
from metassl.learners.retrieval.learned import LearnedMetric
from metassl.learners.retrieval.learner import RetrievalLearner
from metassl.learners.retrieval.mmd import MMD
from metassl.learners.retrieval.task2vec import Task2Vec
from metassl.learners.retrieval.wasserstein import Wasserstein
from metassl.ssl.consistency.consistency import Consistency
from metassl.tasks.episode import Episode
from metassl.tasks.stage import Stage
from tests.engine.test_tasks import conv4, episodes, term
from tests.tasks import SPEC

TRAIN = Stage(training=True)
SIZE, ITEMS = 4, 12
DISTANCES = {
    "mmd": lambda: MMD(1.0),
    "wasserstein": lambda: Wasserstein(0.1, 20),
    "task2vec": Task2Vec,
    "learned": lambda: LearnedMetric(hidden=8, size=4, candidates=3, steps=1, weight=0.5),
    "labels": lambda: LabelledOnly(MMD(1.0)),
    "random": Random,
    "average": Average,
    "oracle": lambda: QueryLabelOracle(1),
}


def make(
    distance: TaskDistance,
    norm: str = "batch",
    objective: object = None,
    *,
    neighbours: int | None = 2,
    items: int = ITEMS,
    order: int = 2,
    retrieve: tuple[str, ...] = ("backbone.",),
) -> RetrievalLearner:
    torch.manual_seed(0)
    return RetrievalLearner(
        conv4(norm), term(objective or Consistency(), "inner"), SPEC, distance, SIZE, items, neighbours, 0.3,
        1, retrieve, inner=SGD(0.1, 2, learned=True), steps=2, test_steps=None, order=order,
        adapt=["backbone.", "head."],
    ).double()  # fmt: skip


def maml(norm: str = "batch", order: int = 2) -> GradientLearner:
    torch.manual_seed(0)
    ssl, inner = term(Consistency(), "inner"), SGD(0.1, 2, learned=True)
    return GradientLearner(conv4(norm), ssl, SPEC, inner, 2, None, order, ["backbone.", "head."]).double()


def tasks(pool: Pool, learner: RetrievalLearner, count: int, **changes: object) -> Episode:
    found = episodes(pool, learner.ssl, count, **changes)
    numbers = torch.rand(count, learner.draws, generator=torch.Generator().manual_seed(3)).double()
    return replace(found, random=numbers)


def filled(pool: Pool, learner: RetrievalLearner, count: int = 3) -> RetrievalLearner:
    """With training tasks in its memory that are none of the first three."""
    others = tasks(pool, learner, 3 + count)
    for t in range(3, 3 + count):
        learner.store(learner.theta(), others.task(t), TRAIN)
    return learner


def starts(learner: GradientLearner, task: Episode, stage: Stage = TRAIN) -> dict[str, Tensor]:
    return next(iter(learner.path(learner.theta(), task, stage)))
