"""What a distance between tasks is for: of tasks of two kinds it finds those of the same kind.

Training tasks of one data set, such as glyphs, are all alike: there no distance can be better than the mean of all.
"""

import pytest
import torch
from torch import Tensor

from metassl.learners.retrieval.controls import Average, LabelledOnly, QueryLabelOracle, Random
from metassl.learners.retrieval.distance import NewTask, TaskDistance, TaskSet
from metassl.learners.retrieval.memory import neighbour_weights
from metassl.learners.retrieval.mmd import MMD
from metassl.learners.retrieval.task2vec import Task2Vec
from metassl.learners.retrieval.wasserstein import Wasserstein
from tests.support.learners import conv4
from tests.support.numbers import random, uniform
from tests.support.task_sets import learned

M, ROWS, D = 20, 8, 3


def kinds(count: int, seed: int) -> tuple[TaskSet, Tensor]:
    """Sets of two kinds, whose rows lie around other places and whose Fisher information is of other filters."""
    kind = torch.arange(count) % 2
    place = torch.tensor([[1.0, 0, 0], [0, 1.0, 0]]).double()[kind]
    rows = place.unsqueeze(1) + 0.7 * random(count, ROWS, D, seed=seed)
    filters = torch.tensor([[1.0, 1, 1, 0.2, 0.2, 0.2], [0.2, 0.2, 0.2, 1, 1, 1]]).double()[kind]
    labelled = (torch.arange(ROWS) < 3).double().expand(count, ROWS)
    summary = filters * (0.5 + uniform(count, 6, seed=seed + 1))
    return TaskSet(rows, torch.ones(count, ROWS).double(), labelled, summary), kind


@torch.no_grad()
def share_of_its_kind(distance: TaskDistance) -> float:
    """Weight on stored tasks of the new task's kind, over 40 new tasks; the losses from them are the smaller ones."""
    stored, kind = kinds(M, 0)
    new, new_kind = kinds(40, 50)
    found = []
    for t in range(40):
        task = TaskSet(new.rows[t], new.weight[t], new.labelled[t], new.summary[t])
        losses = (kind != new_kind[t]).double() + 0.5 * uniform(M, seed=t)
        given = NewTask(task, uniform(M, seed=100 + t), lambda places, steps, losses=losses: losses[places])
        weights = neighbour_weights(distance(given, stored), torch.ones(M, dtype=torch.bool), 3, 0.1)
        found.append(weights[kind == new_kind[t]].sum())
    return float(torch.stack(found).mean())


@pytest.mark.parametrize(
    ("distance", "least", "most"),
    [
        (MMD(1.0), 0.98, 1.0),
        (Wasserstein(0.05, 50), 0.98, 1.0),
        (LabelledOnly(MMD(1.0)), 0.8, 0.96),  # three rows say less than eight
        (Task2Vec(conv4("batch")), 0.95, 1.0),
        (QueryLabelOracle(1), 1.0, 1.0),
        (Random(), 0.35, 0.65),
        (Average(), 0.5, 0.5),
    ],
    ids=["mmd", "wasserstein", "labels", "task2vec", "oracle", "random", "average"],
)
def test_mechanism_a_distance_finds_tasks_of_the_same_kind(
    distance: TaskDistance, least: float, most: float
) -> None:
    assert least - 1e-9 <= share_of_its_kind(distance) <= most + 1e-9


def test_mechanism_a_learned_metric_learns_which_start_helps() -> None:
    """Trained on which of two stored tasks left the smaller query loss, it finds the kind; untrained it is no
    better than most."""
    metric, (stored, kind) = learned(candidates=4), kinds(M, 0)
    before = share_of_its_kind(metric)
    new, new_kind = kinds(60, 200)
    optimizer = torch.optim.Adam(metric.parameters(), 0.02)
    for t in range(60):
        task = TaskSet(new.rows[t], new.weight[t], new.labelled[t], new.summary[t])
        losses = (kind != new_kind[t]).double()
        given = NewTask(task, uniform(4, seed=t), lambda places, steps, losses=losses: losses[places])
        optimizer.zero_grad()
        metric.loss(given, stored, torch.tensor(M)).backward()
        optimizer.step()
    after = share_of_its_kind(metric)
    assert after > 0.95, (before, after)
