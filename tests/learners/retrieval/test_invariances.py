"""What must not change retrieval: order, names, padding, and U where it takes no part."""

from dataclasses import replace

import pytest
import torch

from metassl.data.pool import Pool
from metassl.learners.gradient.first_head import FirstHead, LearnedHead
from metassl.learners.retrieval.controls import LabelledOnly
from metassl.learners.retrieval.mmd import MMD
from metassl.tasks.stage import CONTROL, TEST
from tests.support.calls import query_logits
from tests.support.episodes import tasks_of
from tests.support.objectives import soft_kmeans
from tests.support.retrieval import DISTANCES, ITEMS, describe, filled, retrieval_learner, retrieval_weights


@pytest.mark.parametrize("name", [n for n in DISTANCES if n not in ("random", "average")])
def test_order_of_the_support_and_names_of_the_classes(tiny_pool: Pool, name: str) -> None:
    """With the head's rows renamed as the classes are, the logits are renamed; the weights stay."""
    learner = filled(tiny_pool, retrieval_learner(DISTANCES[name]("group"), "group", soft_kmeans()))
    task = tasks_of(tiny_pool, learner, 1, shot=2).task(0)
    theta = learner.theta()
    order, names = torch.tensor([3, 0, 5, 1, 4, 2]), torch.tensor([2, 0, 1])
    mixed = replace(
        task,
        support_x=task.support_x[order],
        support_y=names[task.support_y[order]],
        query_y=names[task.query_y],
    )
    moved = {n: p[names.argsort()] if n.startswith("head.") else p for n, p in theta.items()}
    expected, found = query_logits(learner, task, TEST), query_logits(learner, mixed, TEST, theta=moved)
    torch.testing.assert_close(found[:, names], expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(("first_head", "least", "most"), [(None, 1 - 1e-9, 1.0), (LearnedHead(), -1.0, 0.6)])
def test_mechanism_what_is_stored_knows_no_names_of_classes(
    tiny_pool: Pool, first_head: FirstHead | None, least: float, most: float
) -> None:
    """The same task with its classes renamed: a learned head makes another difference of it."""
    learner = retrieval_learner(MMD(1.0), "group", soft_kmeans(), first_head=first_head)
    task = tasks_of(tiny_pool, learner, 1, shot=2).task(0)
    renamed = replace(task, support_y=torch.tensor([2, 0, 1])[task.support_y])
    one, other = (learner.difference(t, TEST) for t in (task, renamed))
    cosine = float(torch.nn.functional.cosine_similarity(one, other, dim=0))
    assert least <= cosine <= most + 1e-9, cosine


def test_u_is_a_part_of_the_task_only_where_it_takes_part(tiny_pool: Pool) -> None:
    learner = filled(tiny_pool, retrieval_learner(MMD(1.0)))
    task = tasks_of(tiny_pool, learner, 1).task(0)
    count = len(task.unlabelled)
    assert describe(learner, task, TEST).weight.sum() == 3 + min(count, ITEMS - 3)
    assert describe(learner, task, CONTROL).weight.sum() == 3
    assert torch.equal(describe(learner, task, TEST).labelled, (torch.arange(ITEMS) < 3).double())
    assert not torch.equal(retrieval_weights(learner, task, TEST), retrieval_weights(learner, task, CONTROL))
    labels = filled(tiny_pool, retrieval_learner(LabelledOnly(MMD(1.0))))
    assert torch.equal(
        retrieval_weights(labels, task, TEST),
        retrieval_weights(labels, task, CONTROL),
    )
    assert labels.memory.weight.sum() == 3 * 3
    short = retrieval_learner(MMD(1.0), items=4)
    assert describe(short, task, TEST).weight.sum() == 4


@pytest.mark.parametrize("name", ["mmd", "task2vec"])
def test_padding_makes_no_difference(tiny_pool: Pool, name: str) -> None:
    learner = filled(tiny_pool, retrieval_learner(DISTANCES[name]("support"), "support"))
    task = tasks_of(tiny_pool, learner, 1).task(0)
    u = task.unlabelled
    padded = replace(
        task,
        padded=True,
        support_x=torch.cat((task.support_x, torch.full_like(task.support_x[:1], 0.7))),
        support_y=torch.cat((task.support_y, task.support_y[:1])),
        support_weight=torch.cat((task.support_weight, torch.zeros(1).double())),
        unlabelled=replace(
            u,
            views={n: torch.cat((v, torch.ones_like(v[:2]))) for n, v in u.views.items()},
            weight=torch.cat((u.weight, torch.zeros(2).double())),
            random=torch.cat((u.random, u.random[:2])),
        ),
    )
    for stage in (TEST, CONTROL):
        torch.testing.assert_close(
            retrieval_weights(learner, padded, stage), retrieval_weights(learner, task, stage)
        )
        found, expected = (query_logits(learner, t, stage) for t in (padded, task))
        torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-9)
    nothing = replace(
        padded, unlabelled=replace(padded.unlabelled, weight=torch.zeros_like(padded.unlabelled.weight))
    )
    assert query_logits(learner, nothing, TEST).isfinite().all()
