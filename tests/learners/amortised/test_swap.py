"""θ = f(D): a learner that reads its task is moved by what it reads.

Trained for a few seconds on two families whose class rules conflict, then told another task's embedding.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from statistics import mean
from typing import Any

import pytest
import torch

from metassl.backbones.mlp import MLP
from metassl.inner.sgd import SGD
from metassl.learners.amortised.cnaps import CNAPs
from metassl.learners.amortised.hsml import HSML
from metassl.learners.amortised.hypernet import HyperNetwork
from metassl.learners.amortised.mmaml import MMAML
from metassl.learners.base import MetaLearner
from metassl.ssl.descriptor import Descriptor
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode
from tests.support.conflicting_families import FAMILIES, conflicting, share_right, train
from tests.support.swapped import embedding_of, told

COUNT = 40


def backbone(*sizes: int) -> MLP:
    return MLP(FAMILIES.input_shape, sizes, norm="none")


def reading(learner: MetaLearner) -> MetaLearner:
    """It reads S and U."""
    return learner.attach(SSLTerm(Descriptor(), start=0, ramp=0))


def cnaps(seed: int = 0) -> MetaLearner:
    torch.manual_seed(seed)
    learner = reading(CNAPs(backbone(32, 32)))
    train(learner, steps=150, tasks=32, rate=0.01, seed=seed)
    return learner


def hypernet(seed: int = 0) -> MetaLearner:
    torch.manual_seed(seed)
    learner = reading(HyperNetwork(backbone(32), FAMILIES, partial(SGD, rate=0.1, steps=3)))
    train(learner, steps=180, tasks=16, rate=0.005, seed=seed)
    return learner


def mmaml(seed: int = 0) -> MetaLearner:
    return with_inner_steps(MMAML, seed)


def hsml(seed: int = 0) -> MetaLearner:
    return with_inner_steps(HSML, seed)


def with_inner_steps(kind: Callable[..., MetaLearner], seed: int) -> MetaLearner:
    torch.manual_seed(seed)
    learner = reading(kind(backbone(32, 32), FAMILIES, partial(SGD, rate=0.3, steps=3)))
    train(learner, steps=200, tasks=32, rate=0.01, seed=seed)
    return learner


def accuracy_told(learner: Any, told_of: Callable[[list[Episode], int], Episode]) -> float:
    """Mean accuracy in % on test tasks that are met with the embedding of the task that `told_of` says."""
    drawn = conflicting(COUNT, 7)
    tasks = [drawn.task(t) for t in range(COUNT)]
    right = []
    for t, task in enumerate(tasks):
        with told(learner, embedding_of(learner, told_of(tasks, t)).detach()):
            right.append(share_right(learner, task))
    return 100 * mean(right)


def of_its_own(tasks: list[Episode], t: int) -> Episode:
    return tasks[t]


def of_other_family(tasks: list[Episode], t: int) -> Episode:
    return tasks[(t + 1) % COUNT]


def of_same_family(tasks: list[Episode], t: int) -> Episode:
    return tasks[(t + 2) % COUNT]


def itself_in_another_order(tasks: list[Episode], t: int) -> Episode:
    task, order = tasks[t], torch.tensor([3, 0, 4, 1, 2])
    u = task.unlabelled
    return replace(
        task,
        support_x=task.support_x[order],
        support_y=task.support_y[order],
        unlabelled=replace(u, views={"plain": u.views["plain"].flip(0)}),
    )


@pytest.mark.parametrize(("make", "at_least", "loss"), [(cnaps, 80, 50), (hypernet, 65, 40), (mmaml, 80, 50)])
def test_mechanism_an_embedding_of_the_other_family_ruins_the_prediction(
    make: Callable[[], Any], at_least: float, loss: float
) -> None:
    """In points of accuracy; one of the same family, and of the same task in another order, costs nothing."""
    learner = make()
    own = accuracy_told(learner, of_its_own)
    assert own > at_least
    assert own - accuracy_told(learner, of_other_family) > loss
    assert abs(own - accuracy_told(learner, of_same_family)) < 5
    assert accuracy_told(learner, itself_in_another_order) == pytest.approx(own, abs=0.2)
