"""What is learned of starts: a mixture end to end, and a distance from the transfer gain."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from statistics import mean

import pytest
import torch
from torch import Tensor

from metassl.backbones.mlp import MLP
from metassl.learners.metric.learner import HeadLearner
from metassl.learners.starts.clusters import Clusters
from metassl.learners.starts.distance import StartDistance
from metassl.learners.starts.hard import Starts
from metassl.learners.starts.learned import LearnedStart
from metassl.learners.starts.learner import StartsLearner
from metassl.learners.starts.mixed import MixedStarts
from metassl.ssl.descriptor import Descriptor
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode
from metassl.tasks.stage import TEST, Stage
from tests.support.conflicting_families import FAMILIES, conflicting, share_right, train

COUNT = 40
TRAINING = Stage(training=True)


def tasks(seed: int, count: int = COUNT) -> list[Episode]:
    drawn = conflicting(count, seed)
    return [drawn.task(t) for t in range(count)]


def network(seed: int) -> MLP:
    torch.manual_seed(seed)
    return MLP(FAMILIES.input_shape, (32, 32), norm="none")


def reading(learner: StartsLearner) -> StartsLearner:
    learner.attach(SSLTerm(Descriptor(), start=0, ramp=0))
    return learner


@contextmanager
def weighing(learner: StartsLearner, weights: list[Tensor]) -> Iterator[None]:
    """Within it the tasks, one after the other, have these weights."""
    left = iter(weights)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learner, "weights", lambda episode, stage: next(left))
        yield


def test_mechanism_a_mixture_follows_the_unlabelled_examples() -> None:
    """Told the U of a task of the other family, it mixes the wrong network."""
    backbone = network(1)
    learner = reading(MixedStarts(backbone, HeadLearner(backbone), Clusters(2), 2))
    train(learner, steps=250, tasks=16, rate=0.01, seed=1)
    met = tasks(7)
    own = mean(share_right(learner, task) for task in met)
    told = [replace(task, unlabelled=met[(t + 1) % COUNT].unlabelled) for t, task in enumerate(met)]
    wrong = [learner.weights(task, TEST).detach() for task in told]
    with weighing(learner, wrong):
        assert mean(share_right(learner, task) for task in met) < own - 0.3


def gate(learner: StartsLearner, sign: float) -> StartDistance:
    """A distance that learned from the transfer gain, or from its opposite, with the starts as they are."""
    distance = LearnedStart(learner.backbone.out_dim, 2, hidden=32)
    learner.distance = distance
    optimizer = torch.optim.Adam(distance.parameters(), 0.03)
    for task in tasks(99, 160):
        with torch.no_grad():
            losses = [learner.loss_from(start, task, TRAINING)[1]["loss"] for start in learner.each()]
        loss = distance.loss(learner.distances(task, TRAINING), sign * torch.stack(losses))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return distance


def test_mechanism_a_distance_learns_from_the_transfer_gain() -> None:
    """From the gain it learns to find the better start, and from its opposite the worse one."""
    backbone = network(2)
    learner = reading(Starts(backbone, HeadLearner(backbone), Clusters(2), 2))
    train(learner, steps=150, tasks=16, rate=0.01, seed=2)
    met = tasks(7)
    right = {}
    for sign in (1.0, -1.0):
        gate(learner, sign)
        right[sign] = mean(share_right(learner, task) for task in met)
    assert right[1.0] > 0.9
    assert right[-1.0] < right[1.0] - 0.08


def test_an_untrained_correction_is_none() -> None:
    backbone = network(0)
    learner = reading(Starts(backbone, HeadLearner(backbone), Clusters(2), 2))
    task = tasks(3, 1)[0]
    expected = learner.distances(task, TEST)
    learner.distance = LearnedStart(backbone.out_dim, 2)
    assert torch.allclose(learner.distances(task, TEST), expected)


def test_the_regret_is_that_of_the_equation() -> None:
    distance = LearnedStart(4, 3, weight=2.0)
    d, losses = torch.tensor([1.0, 2.0, 0.5]), torch.tensor([0.3, 0.1, 0.9])
    drawn = d**-3.0 / (d**-3.0).sum()
    expected = 2 * (drawn * (losses - 0.1)).sum()
    assert float(distance.loss(d, losses).detach()) == pytest.approx(float(expected), rel=1e-5)
    unknown = torch.tensor([1.0, torch.inf, 0.5])
    assert float(distance.loss(unknown, losses).detach()) == 0


@pytest.mark.parametrize("met", [[1.0, 0.0], [0.0, 0.0], [1.0, 2.0]])
def test_starts_that_are_not_known_yet_leave_the_correction_as_it_is(met: list[float]) -> None:
    """By S alone a start that never was the best is infinitely far: no gradient comes of it, and no NaN."""
    backbone = network(0)
    learner = Starts(backbone, HeadLearner(backbone), LearnedStart(backbone.out_dim, 2), 2)
    learner.distance.usual[:, 0] = torch.tensor(met)
    distances = learner.distances(tasks(3, 1)[0], TRAINING)
    assert torch.equal(torch.isfinite(distances), torch.tensor(met) > 0)
    learner.distance.loss(distances, torch.tensor([0.3, 0.1])).backward()
    gradients = [p.grad for p in learner.distance.parameters() if p.grad is not None]
    assert all(g.isfinite().all() for g in gradients)
    assert any(bool(g.any()) for g in gradients) == all(x > 0 for x in met)
