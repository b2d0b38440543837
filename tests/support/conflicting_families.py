"""Tasks of two families whose class rules conflict, so that a learner has to find out which one holds.

Legend: T tasks, N way, A numbers of an attribute.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from metassl.engine.vmap import Vmap
from metassl.learners.base import MetaLearner
from metassl.outcomes.classification import accuracy
from metassl.tasks.episode import Episode, Unlabelled
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import TEST, Stage

WAY, EACH, ATTRIBUTE = 5, 5, 4  # EACH: unlabelled and query points a class
CENTRES, NOISE, NUISANCE = 0.7, 0.1, 2.0  # standard deviations
FAMILIES = TaskSpec(way=WAY, input_shape=(2 * ATTRIBUTE,))


def conflicting(count: int, seed: int) -> Episode:
    """[T] 1-shot tasks of points (a, b); in those with an even number a says the class, in the others b.

    The attribute that says it is N(centre of the class, NOISE²) with centres from N(0, CENTRES²), the other
    one N(0, NUISANCE²) whatever the class. So one rule's classes are the other's noise, and how far each
    attribute spreads tells which rule holds.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    each = 1 + 2 * EACH
    right = CENTRES * normal(count, WAY, 1, ATTRIBUTE) + NOISE * normal(count, WAY, each, ATTRIBUTE)
    wrong = NUISANCE * normal(count, WAY, each, ATTRIBUTE)
    second = (torch.arange(count) % 2 == 1).view(-1, 1, 1, 1)
    points = torch.where(second, torch.cat((wrong, right), -1), torch.cat((right, wrong), -1))
    s, u, q = (part.flatten(1, 2) for part in points.split([1, EACH, EACH], dim=2))
    names, ones = torch.arange(WAY), torch.ones(count, WAY * EACH)
    empty = torch.zeros(count, 0)
    return Episode(
        s, names.expand(count, -1), ones[:, :WAY],
        q, names.repeat_interleave(EACH).expand(count, -1), ones,
        Unlabelled({"plain": u}, ones, ones[..., None][..., :0]),
        Unlabelled({}, empty, empty[..., None]),
        class_mask=ones[:, :WAY] > 0, classes=names.expand(count, -1), random=empty,
    )  # fmt: skip


def train(
    learner: MetaLearner,
    steps: int,
    tasks: int,
    rate: float,
    drawn: Callable[[int, int], Episode] = conflicting,
    seed: int = 0,
) -> None:
    """Meta-trains a learner on fresh tasks by Adam with a rate that falls to 0 along a cosine."""
    parameters = {name: p for name, p in learner.named_parameters() if p.requires_grad}
    optimizer = torch.optim.Adam(list(parameters.values()), rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    engine, stage = Vmap(tasks), Stage(training=True)
    learner.train()
    for step in range(steps):
        meta_batch = drawn(tasks, 10_000 * (seed + 1) + step)
        gradients, _ = engine.gradients(learner, lambda who, task: who.meta_loss(task, stage), meta_batch)
        for name, gradient in gradients.items():
            parameters[name].grad = gradient
        optimizer.step()
        schedule.step()
    learner.eval()


def share_right(learner: MetaLearner, task: Episode) -> float:
    """Accuracy on a task's queries."""
    logits = learner.query_logits(task, TEST).detach()
    return float(accuracy(logits, task.query_y, task.query_weight))
