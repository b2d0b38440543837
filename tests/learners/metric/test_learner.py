"""Prototypes and their refits against naive loops, and what must and must not change a prediction."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._pytree import tree_map

from metassl.data.pool import Pool
from metassl.learners.base import MetaLearner
from metassl.learners.metric.learner import HeadLearner
from metassl.ssl.base import SSLObjective
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.descriptor import Descriptor
from metassl.ssl.none import NoObjective
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode
from metassl.tasks.stage import CONTROL, TEST, Stage
from tests.support.calls import TRAIN, adapt, meta_loss, predict, query_logits
from tests.support.episodes import episodes
from tests.support.heads import HEADS
from tests.support.learners import gradient_learner, head_learner
from tests.support.objectives import pseudo_label, soft_kmeans
from tests.support.terms import full, term


def make(ssl: SSLTerm, norm: str = "group", rounds: int = 1) -> HeadLearner:
    return head_learner(norm, ssl, rounds=rounds)


def as_ren(objective: SSLObjective, at: str = "inner") -> SSLTerm:
    """U counts in a refit as much as the support, as in Ren et al."""
    return full(objective, at, refit_weight=1.0)


def warmed_up(learner: HeadLearner, task: Episode) -> HeadLearner:
    """In evaluation mode, with moving averages that are not the initial ones."""
    learner.train()
    for _ in range(30):
        learner.backbone(task.query_x)
    return learner.eval()


def prototypes(h: Tensor, y: Tensor) -> list[Tensor]:
    return [sum(h[i] for i in range(len(h)) if y[i] == c) / int((y == c).sum()) for c in range(3)]


def distances(h: Tensor, p: list[Tensor]) -> Tensor:
    return torch.stack([torch.stack([((row - c) ** 2).sum() for c in p]) for row in h])


def refined(h: Tensor, y: Tensor, u: Tensor) -> list[Tensor]:
    """p̃_c = (Σ labelled h + Σ_j z_jc h_j) / (count + Σ_j z_jc), z a constant."""
    z = (-distances(u, prototypes(h, y))).softmax(1).detach()
    found = []
    for c in range(3):
        own = [h[i] for i in range(len(h)) if y[i] == c]
        total = sum(own) + sum(z[j, c] * u[j] for j in range(len(u)))
        found.append(total / (len(own) + sum(z[j, c] for j in range(len(u)))))
    return found


def check_against(learner: HeadLearner, task: Episode, logits: Tensor) -> None:
    """The learner's logits, loss and gradient are those of the naive logits."""
    theta = learner.theta()
    loss, _ = meta_loss(learner, task, TRAIN)
    expected = F.cross_entropy(logits, task.query_y)
    torch.testing.assert_close(query_logits(learner, task, TRAIN), logits, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(loss, expected, rtol=1e-10, atol=1e-10)
    found = torch.autograd.grad(loss, list(theta.values()))
    slopes = torch.autograd.grad(expected, list(theta.values()))
    torch.testing.assert_close(found, slopes, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("shot", [1, 3])
def test_protonet_against_loops(tiny_pool: Pool, shot: int) -> None:
    ssl = as_ren(NoObjective())
    learner = make(ssl)
    task = episodes(tiny_pool, ssl, 1, shot=shot).task(0)
    h, q = learner.backbone(task.support_x), learner.backbone(task.query_x)
    check_against(learner, task, -distances(q, prototypes(h, task.support_y)))


@pytest.mark.parametrize("shot", [1, 2])
def test_soft_kmeans_is_the_refinement_of_ren(tiny_pool: Pool, shot: int) -> None:
    ssl = as_ren(soft_kmeans())
    learner = make(ssl)
    task = episodes(tiny_pool, ssl, 1, shot=shot).task(0)
    h, u = learner.backbone(task.support_x), learner.backbone(task.unlabelled.views["plain"])
    q = learner.backbone(task.query_x)
    check_against(learner, task, -distances(q, refined(h, task.support_y, u)))


def test_second_round_starts_from_the_refitted_prototypes(tiny_pool: Pool) -> None:
    """With hard labels: the nearest class, then the means with them, and once more."""
    ssl = as_ren(pseudo_label(0.0))
    learner = make(ssl, rounds=2)
    task = episodes(tiny_pool, ssl, 1).task(0)
    h, u = learner.backbone(task.support_x), learner.backbone(task.unlabelled.views["plain"])
    p = prototypes(h, task.support_y)
    for _ in range(2):
        nearest = distances(u, p).argmin(1)
        p = prototypes(torch.cat((h, u)), torch.cat((task.support_y, nearest)))
    check_against(learner, task, -distances(learner.backbone(task.query_x), p))


def test_refit_weight_scales_the_unlabelled(tiny_pool: Pool) -> None:
    """Weight 2 is the same as every unlabelled image twice."""
    single, double = as_ren(soft_kmeans()), as_ren(soft_kmeans())
    double._refit_weight = 2.0
    task = episodes(tiny_pool, single, 1).task(0)
    twice = replace(task, unlabelled=tree_map(lambda x: torch.cat((x, x)), task.unlabelled))
    one, two = make(double), make(single)
    found, expected = query_logits(one, task, TEST), query_logits(two, twice, TEST)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("asked", "refits"), [(None, False), (1.0, True)])
def test_a_head_that_reads_the_unlabelled_is_refitted_only_if_asked(
    tiny_pool: Pool, asked: float | None, refits: bool
) -> None:
    """By default labels change nothing of what an in-context head reads; prototypes take them."""
    read, labelled = (SSLTerm(o, start=0, ramp=0, refit_weight=asked) for o in (Descriptor(), soft_kmeans()))
    task = episodes(tiny_pool, labelled, 1).task(0)
    found = [
        query_logits(head_learner("group", ssl, head=HEADS["in_context"]), task, TEST)
        for ssl in (read, labelled)
    ]
    assert torch.equal(*found) is not refits
    plain = [query_logits(head_learner("group", ssl), task, TEST) for ssl in (read, labelled)]
    assert not torch.equal(*plain)


def test_without_unlabelled_images_it_is_protonet(tiny_pool: Pool) -> None:
    ssl = as_ren(soft_kmeans())
    learner, plain = make(ssl), make(as_ren(NoObjective()))
    empty = episodes(tiny_pool, ssl, 1, unlabelled=0, distractors=0).task(0)
    task = episodes(tiny_pool, ssl, 1).task(0)
    assert len(empty.unlabelled) == 0
    for one, stage in ((empty, TEST), (empty, TRAIN), (task, CONTROL)):
        found, expected = (query_logits(m, one, stage) for m in (learner, plain))
        assert torch.equal(found, expected)


def test_order_and_names_of_the_support_make_no_difference(tiny_pool: Pool) -> None:
    ssl = as_ren(soft_kmeans(2))
    task = episodes(tiny_pool, ssl, 1, shot=2).task(0)
    order, names = torch.tensor([3, 0, 5, 1, 4, 2]), torch.tensor([2, 0, 1])
    changed = replace(task, support_x=task.support_x[order], support_y=names[task.support_y[order]])
    for norm in ("batch", "support", "group"):
        learner = make(ssl, norm)
        expected, found = (query_logits(learner, t, TEST) for t in (task, changed))
        torch.testing.assert_close(found[:, names], expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("stage", [TEST, CONTROL])
@pytest.mark.parametrize("objective", [NoObjective, Consistency, soft_kmeans])
@pytest.mark.parametrize("norm", ["support", "group", "running"])
def test_adapt_and_predict_are_query_logits(tiny_pool: Pool, norm: str, objective, stage: Stage) -> None:
    for ssl in (as_ren(objective()), term(objective())):  # without and with U in the statistics
        task = episodes(tiny_pool, ssl, 1).task(0)
        learner = warmed_up(make(ssl, norm), task)
        found = predict(learner, adapt(learner, task, stage), task.query_x)
        expected = query_logits(learner, task, stage)
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def one_by_one(learner: MetaLearner, task: Episode) -> tuple[Tensor, Tensor]:
    """The queries' logits in one batch, and each alone."""
    adapted = adapt(learner, task, TEST)
    alone = [predict(learner, adapted, x.unsqueeze(0)) for x in task.query_x]
    return query_logits(learner, task, TEST), torch.cat(alone)


@pytest.mark.parametrize("norm", ["running", "batch", "support", "group"])
@pytest.mark.parametrize("kind", ["gradient", "head"])
def test_transductive_says_whether_queries_depend_on_each_other(
    tiny_pool: Pool, kind: str, norm: str
) -> None:
    if (kind, norm) == ("gradient", "running"):
        return  # refused, see the tests of gradient learners
    ssl = term(soft_kmeans())
    task = episodes(tiny_pool, ssl, 1).task(0)
    learner = gradient_learner(norm, ssl) if kind == "gradient" else warmed_up(make(ssl, norm), task)
    together, alone = one_by_one(learner, task)
    assert learner.transductive == (norm == "batch")
    assert torch.allclose(together, alone, rtol=1e-10, atol=1e-10) != learner.transductive


@pytest.mark.parametrize("norm", ["support", "group", "running"])
def test_a_penalty_changes_the_loss_but_no_prediction(tiny_pool: Pool, norm: str) -> None:
    ssl = as_ren(Consistency())
    task = episodes(tiny_pool, ssl, 1).task(0)
    learner = warmed_up(make(ssl, norm), task)
    plain = warmed_up(make(as_ren(NoObjective()), norm), task)
    found, expected = (query_logits(m, task, TEST) for m in (learner, plain))
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    (loss, scores), (alone, _) = (meta_loss(m, task, TRAIN) for m in (learner, plain))
    assert loss > alone + 1e-6
    torch.testing.assert_close(scores["loss"], alone, rtol=1e-10, atol=1e-10)


def test_penalty_of_the_loss_against_loops(tiny_pool: Pool) -> None:
    """meta_loss = CE + λ·penalty(U) + λ_out·penalty(outer U), with at=both."""
    ssl = as_ren(Consistency(), at="both")
    learner = make(ssl)
    task = episodes(tiny_pool, ssl, 1).task(0)
    p = prototypes(learner.backbone(task.support_x), task.support_y)
    expected = F.cross_entropy(-distances(learner.backbone(task.query_x), p), task.query_y)
    for weight, unlabelled in ((0.7, task.unlabelled), (0.3, task.outer_unlabelled)):
        first, second = (
            (-distances(learner.backbone(unlabelled.views[v]), p)).softmax(1) for v in ("first", "second")
        )
        expected = expected + weight * ((first - second) ** 2).sum(1).mean()
    loss, _ = meta_loss(learner, task, TRAIN)
    torch.testing.assert_close(loss, expected, rtol=1e-10, atol=1e-10)
