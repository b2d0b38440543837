"""Starts that split the tasks among themselves, and U that says whose task it is."""

from dataclasses import replace
from statistics import mean
from typing import Any

import pytest
import torch
from torch import Tensor

from metassl.backbones.mlp import MLP
from metassl.learners.metric.learner import HeadLearner
from metassl.learners.starts.clusters import Clusters
from metassl.learners.starts.hard import Starts
from metassl.ssl.descriptor import Descriptor
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode
from metassl.tasks.stage import TEST, Stage
from tests.support.conflicting_families import FAMILIES, conflicting, share_right, train

COUNT = 60


def starts(seed: int = 0, count: int = 2, **options: Any) -> Starts:
    """It reads S and U, as the model of the config does with ssl=descriptor."""
    torch.manual_seed(seed)
    backbone = MLP(FAMILIES.input_shape, (32, 32), norm="none")
    learner = Starts(backbone, HeadLearner(backbone), Clusters(count), count, **options)
    learner.attach(SSLTerm(Descriptor(), start=0, ramp=0))
    return learner


@pytest.fixture(scope="module")
def trained() -> Starts:
    learner = starts(1)
    train(learner, steps=150, tasks=16, rate=0.01, seed=1)
    return learner


@pytest.fixture(scope="module")
def tasks() -> list[Episode]:
    drawn = conflicting(COUNT, 7)
    return [drawn.task(t) for t in range(COUNT)]


def chosen(learner: Starts, task: Episode) -> int:
    return int(learner.weights(task, TEST).argmax())


def accuracies(learner: Starts, tasks: list[Episode], start: int) -> tuple[float, float]:
    """Of one start, in the tasks of either family."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learner, "weights", lambda episode, stage: torch.eye(2)[start])
        right = [share_right(learner, task) for task in tasks]
    return mean(right[::2]), mean(right[1::2])


def test_mechanism_each_start_becomes_that_of_a_family(trained: Starts, tasks: list[Episode]) -> None:
    """Nobody says which family a task is of: the best start of a task is trained, and the two split them."""
    (a, b), (c, d) = (accuracies(trained, tasks, start) for start in (0, 1))
    assert max(a, c) > 0.65
    assert max(b, d) > 0.65
    assert min(a, c) < 0.3  # chance is 0.2
    assert min(b, d) < 0.3
    assert (a > c) != (b > d)


def test_mechanism_unlabelled_examples_say_which_start_it_is(trained: Starts, tasks: list[Episode]) -> None:
    """Told the U of a task of the other family, it starts from the wrong network."""
    right = mean(share_right(trained, task) for task in tasks)
    agree = [chosen(trained, task) == chosen(trained, tasks[t % 2]) for t, task in enumerate(tasks)]
    assert mean(agree) > 0.9
    other = [tasks[(t + 1) % COUNT].unlabelled for t in range(COUNT)]
    told = [replace(task, unlabelled=u) for task, u in zip(tasks, other, strict=True)]
    wrong = [trained.weights(task, TEST) for task in told]
    with pytest.MonkeyPatch.context() as patch:
        left = iter(wrong)
        patch.setattr(trained, "weights", lambda episode, stage: next(left))
        assert mean(share_right(trained, task) for task in tasks) < right - 0.2


def by_hand(learner: Starts, overlay: dict[str, Tensor], task: Episode) -> float:
    with learner.behind.placed(overlay), torch.no_grad():
        s, u = learner.backbone(task.support_x), learner.backbone(task.unlabelled.views["plain"])
    between = mean(float((s[i] - s[j]) @ (s[i] - s[j])) for i in range(5) for j in range(5) if i != j)
    return mean(min(float((x - p) @ (x - p)) for p in s) for x in u) / between


def spread(learner: Starts, overlay: dict[str, Tensor], task: Episode) -> Tensor:
    """Mean squared distance of two different prototypes, 1-shot."""
    with learner.behind.placed(overlay), torch.no_grad():
        s = learner.backbone(task.support_x)
    return torch.pdist(s).square().mean()


def test_the_distance_is_that_of_the_equation(tasks: list[Episode]) -> None:
    learner = starts(count=3)
    expected = [by_hand(learner, overlay, tasks[0]) for overlay in learner.each()]
    assert learner.distances(tasks[0], TEST).tolist() == pytest.approx(expected, rel=1e-4)
    assert chosen(learner, tasks[0]) == expected.index(min(expected))


def test_other_names_of_the_classes_change_nothing(tasks: list[Episode]) -> None:
    learner, task = starts(), tasks[0]
    names = torch.tensor([3, 0, 4, 2, 1])
    renamed = replace(task, support_y=names[task.support_y], query_y=names[task.query_y])
    assert torch.allclose(learner.distances(renamed, TEST), learner.distances(task, TEST), rtol=1e-5)
    before, after = (learner.query_logits(t, TEST) for t in (task, renamed))
    assert torch.allclose(after[:, names], before, atol=1e-4)


def test_padding_changes_nothing(tasks: list[Episode]) -> None:
    learner, task = starts(), tasks[0]
    u = task.unlabelled
    views = {name: torch.cat((x, 9 * torch.ones_like(x[:2]))) for name, x in u.views.items()}
    padded = replace(u, views=views, weight=torch.cat((u.weight, torch.zeros(2))),
                     random=torch.cat((u.random, u.random[:2])))  # fmt: skip
    assert torch.allclose(
        learner.distances(replace(task, unlabelled=padded), TEST), learner.distances(task, TEST), rtol=1e-5
    )


def test_without_u_the_clearest_support_decides(tasks: list[Episode]) -> None:
    """How far apart a start's prototypes are, by what is usual in its own tasks."""
    learner = starts().attach(SSLTerm())
    training = Stage(training=True)
    usual = learner.distance.usual[:, 0]
    for _ in range(3):
        _, scores = learner.meta_loss(tasks[0], training)
        learner.after_outer_step(conflicting(1, 0), scores)
    best = scores["starts.shares"].bool()
    assert (usual > 0).equal(best)  # what was never best has no tasks of its own
    assert chosen(learner, tasks[0]) == int(best.float().argmax())
    between = torch.stack([spread(learner, overlay, tasks[0]) for overlay in learner.each()])
    assert torch.allclose(usual[best], between[best])
    usual.copy_(torch.tensor([2.0, 3.0]))
    assert torch.allclose(learner.distances(tasks[0], TEST), usual / between)


def test_a_start_that_is_never_best_learns_by_its_share(tasks: list[Episode]) -> None:
    learner = starts(share=0.0)
    loss, scores = learner.meta_loss(tasks[0], Stage(training=True))
    (slope,) = torch.autograd.grad(loss, learner.delta)
    worst = 1 - int(scores["starts.shares"].argmax())
    assert not slope[worst].any()
    assert slope[1 - worst].any()
    learner.share = 0.05
    loss, _ = learner.meta_loss(tasks[0], Stage(training=True))
    (slope,) = torch.autograd.grad(loss, learner.delta)
    assert slope[worst].any()
