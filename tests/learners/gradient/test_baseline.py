"""Baseline and Baseline++: base-class training by hand, and a new head at test."""

from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.data.pool import Pool
from metassl.inner.momentum import Momentum
from metassl.learners.gradient.baseline import BaselineLearner
from metassl.learners.gradient.classifiers import CosineClassifier, LinearClassifier
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.none import NoObjective
from metassl.ssl.term import SSLTerm
from metassl.tasks.stage import CONTROL, TEST, Stage
from tests.support.agreement import assert_engines_agree, assert_padding_is_harmless
from tests.support.calls import TRAIN, adapt, outer_gradient, outer_loss, query_logits
from tests.support.episodes import SPEC, episodes
from tests.support.learners import Smooth, conv4
from tests.support.numbers import random
from tests.support.objectives import OBJECTIVES, mean_teacher, vat
from tests.support.terms import full, term

Cosine = partial(CosineClassifier, scale=10.0)
KINDS = [LinearClassifier, Cosine]


def build(norm: str, ssl: SSLTerm, kind=LinearClassifier, steps: int = 5, make_backbone=Smooth):
    torch.manual_seed(0)
    inner = partial(Momentum, rate=0.05)
    learner = BaselineLearner(make_backbone(norm), SPEC, inner, steps, kind).attach(ssl)
    torch.nn.init.normal_(learner.base.weight, std=0.1)
    return learner.double()


@pytest.mark.parametrize("at", ["test", "inner", "outer", "both"])
@pytest.mark.parametrize("kind", KINDS)
def test_training_loss_by_hand(tiny_pool: Pool, kind, at: str) -> None:
    """CE on S ∪ Q among 40 classes, plus 0.7·SSL(U) and 0.3·SSL(U_out) among the task's 3."""
    ssl = term(Consistency(), at=at)
    learner, task = build("group", ssl, kind), episodes(tiny_pool, ssl, 1).task(0)
    base, embed = learner.base, learner.backbone

    def logits(x: Tensor) -> Tensor:
        return base(embed(x))

    x, y = torch.cat((task.support_x, task.query_x)), torch.cat((task.support_y, task.query_y))
    expected = F.cross_entropy(logits(x), task.classes[y])
    for weight, u, places in (
        (0.7, task.unlabelled, ("inner", "both")),
        (0.3, task.outer_unlabelled, ("outer", "both")),
    ):
        if at in places:
            one, two = (logits(u.views[v])[:, task.classes].softmax(1) for v in ("first", "second"))
            expected = expected + weight * (one - two).square().sum(1).mean()
    loss, scores = outer_loss(learner, task, TRAIN)
    torch.testing.assert_close(loss, expected, rtol=1e-10, atol=1e-10)
    among = logits(task.query_x)[:, task.classes]
    torch.testing.assert_close(scores["loss"], F.cross_entropy(among, task.query_y).detach())
    assert scores["accuracy"] == (among.argmax(1) == task.query_y).double().mean()
    found = outer_gradient(learner, task)
    assert "head.weight" not in found
    slopes = torch.autograd.grad(expected, [base.weight, embed.convs[0].weight])
    torch.testing.assert_close(found["base.weight"], slopes[0])
    torch.testing.assert_close(found["backbone.convs.0.weight"], slopes[1])


@pytest.mark.parametrize("kind", KINDS)
def test_head_of_a_new_task(tiny_pool: Pool, kind) -> None:
    """The backbone stays; CE(S) falls; the steps are those of torch's SGD with momentum."""
    ssl = term(NoObjective())
    learner, task = build("group", ssl, kind), episodes(tiny_pool, ssl, 1).task(0)
    theta = {n: p.detach() for n, p in learner.theta().items()}
    adapted = adapt(learner, task, TEST, theta=theta)
    assert all(name.startswith("head.") for name in adapted.overlay)
    z = learner.backbone(task.support_x).detach()
    reference = kind(learner.backbone.out_dim, SPEC.way).double()
    reference.load_state_dict(learner.head.state_dict())
    optimizer = torch.optim.SGD(reference.parameters(), 0.05, 0.9, 0.9, 0.001)
    losses = []
    for _ in range(5):
        losses.append(F.cross_entropy(reference(z), task.support_y))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    for name, p in reference.named_parameters():
        torch.testing.assert_close(adapted.overlay[f"head.{name}"], p.detach(), rtol=1e-9, atol=1e-12)
    assert losses[-1] < losses[0]


def test_unlabelled_images_at_test(tiny_pool: Pool) -> None:
    ssl = term(Consistency(), at="test")
    learner, task = build("group", ssl), episodes(tiny_pool, ssl, 1).task(0)
    with_u, without = (query_logits(learner, task, stage) for stage in (TEST, CONTROL))
    assert not torch.allclose(with_u, without, atol=1e-8)


def test_backbone_runs_once_an_input(tiny_pool: Pool) -> None:
    ssl = term(Consistency(), at="inner")
    learner, task, calls = build("group", ssl), episodes(tiny_pool, ssl, 1).task(0), []
    learner.backbone.register_forward_hook(lambda *_: calls.append(1))
    query_logits(learner, task, TEST)
    assert len(calls) == 4  # support, two views, queries


def test_cosine_ignores_lengths() -> None:
    torch.manual_seed(0)
    head, z = CosineClassifier(4, 3, 10.0).double(), random(5, 4)
    expected = 10 * F.cosine_similarity(z.unsqueeze(1), head.weight.unsqueeze(0), dim=-1)
    torch.testing.assert_close(head(z), expected)
    torch.testing.assert_close(head(7 * z), expected)
    slope = torch.func.grad(lambda x: head(x).sum())(torch.zeros(2, 4).double())
    assert torch.isfinite(slope).all()


def test_moving_averages_are_allowed(tiny_pool: Pool) -> None:
    """They follow S ∪ Q in training and stay at test."""
    ssl = term(NoObjective())
    learner, task = build("running", ssl, make_backbone=conv4), episodes(tiny_pool, ssl, 1).task(0)
    before = {n: b.clone() for n, b in learner.named_buffers()}
    outer_loss(learner, task, Stage(training=True))
    after = {n: b.clone() for n, b in learner.named_buffers()}
    assert all(not torch.equal(before[n], after[n]) for n in before)
    query_logits(learner.eval(), task, TEST)
    assert all(torch.equal(b, after[n]) for n, b in learner.named_buffers())


@pytest.mark.parametrize("objective", [Consistency, mean_teacher, vat])
def test_an_objective_that_looks_at_images_leaves_moving_averages_alone(tiny_pool: Pool, objective) -> None:
    """After a training task they are those of one pass of S ∪ Q, as without an objective."""
    ssl = full(objective(), "both")
    task, found = episodes(tiny_pool, ssl, 1).task(0), []
    for one in (ssl, full(NoObjective(), "both")):
        learner = build("running", one)
        outer_loss(learner, task, TRAIN)
        found.append(dict(learner.backbone.named_buffers()))
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("kind", KINDS)
def test_engines_agree(tiny_pool: Pool, kind, objective: str) -> None:
    assert_engines_agree(lambda norm, ssl: build(norm, ssl, kind), tiny_pool, "batch", objective)


@pytest.mark.parametrize("kind", KINDS)
def test_padding(tiny_pool: Pool, kind) -> None:
    assert_padding_is_harmless(lambda norm, ssl: build(norm, ssl, kind), tiny_pool, "group")
