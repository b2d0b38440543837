"""Small sets of rows, to measure distances between tasks."""

import torch
from torch import Tensor

from metassl.learners.retrieval.distance import NewTask, TaskDistance, TaskSet
from metassl.learners.retrieval.learned import LearnedMetric
from metassl.learners.retrieval.mmd import MMD
from metassl.learners.retrieval.wasserstein import Wasserstein
from tests.support.numbers import random

M, ITEMS, D = 4, 6, 3


def memory(seed: int = 0) -> TaskSet:
    """Four tasks of 5, 6, 4 and 3 rows, the first two of each labelled."""
    weight = (torch.arange(ITEMS) < torch.tensor([5, 6, 4, 3])[:, None]).double()
    labelled = (torch.arange(ITEMS) < 2).double().expand(M, ITEMS)
    return TaskSet(random(M, ITEMS, D, seed=seed), weight, labelled, random(M, 7, seed=seed).square())


def newcomer(task: TaskSet, losses: Tensor | None = None, draws: Tensor | None = None) -> NewTask:
    """A task that comes to the memory; `losses` are its losses after a start from each stored task."""
    losses = torch.zeros(M).double() if losses is None else losses
    return NewTask(task, torch.zeros(0) if draws is None else draws, lambda places, steps: losses[places])


def place(stored: TaskSet, k: int) -> TaskSet:
    """One of the stored tasks."""
    return TaskSet(stored.rows[k], stored.weight[k], stored.labelled[k], stored.summary[k])


def learned(**changes: float) -> LearnedMetric:
    """A learned metric over rows of D features, the same weights each time."""
    torch.manual_seed(0)
    options: dict = {"hidden": 8, "size": 4, "candidates": 2, "steps": 0, "weight": 1.0, **changes}
    return LearnedMetric(D, **options).double()


SETS: list[TaskDistance] = [MMD(0.5), Wasserstein(0.1, 30), learned()]
