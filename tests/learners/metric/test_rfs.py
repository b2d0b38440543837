"""RFS: base-class training by hand, and a plain classifier on the features of a test task."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional as F

from metassl.backbones.base import Backbone
from metassl.backbones.raw import Raw
from metassl.compatibility import check_engine
from metassl.data.pool import Pool
from metassl.engine.vmap import Vmap
from metassl.errors import ConfigError
from metassl.heads.plain.classifiers import Logistic, Spreading
from metassl.heads.plain.head import PlainHead
from metassl.learners.metric.rfs import RFS
from metassl.norms.base import ALL_ROWS, Pass
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.descriptor import Descriptor
from metassl.ssl.none import NoObjective
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode
from metassl.tasks.stage import CONTROL, TEST
from tests.support.calls import TRAIN, outer_gradient, outer_loss, query_logits
from tests.support.episodes import SPEC, episodes
from tests.support.learners import Smooth
from tests.support.numbers import random
from tests.support.objectives import soft_kmeans
from tests.support.terms import full, term


def build(ssl: SSLTerm, head: PlainHead | None = None, backbone=None) -> RFS:
    torch.manual_seed(0)
    learner = RFS(backbone or Smooth("group"), SPEC, head or Logistic()).attach(ssl)
    torch.nn.init.normal_(learner.base.weight, std=0.1)
    return learner.double()


@pytest.mark.parametrize("at", ["inner", "both"])
def test_training_loss_by_hand(tiny_pool: Pool, at: str) -> None:
    """CE on S ∪ Q among 40 classes, plus 0.7·penalty(U) and 0.3·SSL(U_out) among the task's 3."""
    ssl = term(Consistency(), at=at)
    learner, task = build(ssl), episodes(tiny_pool, ssl, 1).task(0)

    def logits(x: Tensor) -> Tensor:
        return learner.base(learner.backbone(x))

    x, y = torch.cat((task.support_x, task.query_x)), torch.cat((task.support_y, task.query_y))
    expected = F.cross_entropy(logits(x), task.classes[y])
    for weight, u in ((0.7, task.unlabelled), (0.3, task.outer_unlabelled))[: 2 if at == "both" else 1]:
        one, two = (logits(u.views[v])[:, task.classes].softmax(1) for v in ("first", "second"))
        expected = expected + weight * (one - two).square().sum(1).mean()
    loss, scores = outer_loss(learner, task, TRAIN)
    torch.testing.assert_close(loss, expected, rtol=1e-10, atol=1e-10)
    among = logits(task.query_x)[:, task.classes]
    torch.testing.assert_close(scores["loss"], F.cross_entropy(among, task.query_y).detach())
    slopes = torch.autograd.grad(expected, [learner.base.weight, learner.backbone.convs[0].weight])
    found = outer_gradient(learner, task)
    torch.testing.assert_close(found["base.weight"], slopes[0])
    torch.testing.assert_close(found["backbone.convs.0.weight"], slopes[1])


def test_a_test_task_is_scikit_learns_on_the_features(tiny_pool: Pool) -> None:
    ssl = term(NoObjective())
    learner, task = build(ssl, Logistic()), episodes(tiny_pool, ssl, 1).task(0)
    z, asked = (F.normalize(learner.backbone(x)).detach().numpy() for x in (task.support_x, task.query_x))
    theirs = LogisticRegression(C=1.0, max_iter=1000).fit(z, task.support_y.numpy())
    found = query_logits(learner, task, TEST).softmax(1)
    np.testing.assert_allclose(found.detach().numpy(), theirs.predict_proba(asked), rtol=1e-6)


def test_without_a_network_it_is_the_classifier_itself(tiny_pool: Pool) -> None:
    ssl = term(NoObjective())
    task = episodes(tiny_pool, ssl, 1).task(0)
    learner = build(ssl, Logistic(unit_length=False), Raw((1, 16, 16)))
    s, asked = (x.flatten(1).numpy() for x in (task.support_x, task.query_x))
    theirs = LogisticRegression(max_iter=1000).fit(s, task.support_y.numpy())
    found = query_logits(learner, task, TEST).argmax(1)
    np.testing.assert_array_equal(found.numpy(), theirs.predict(asked))


@pytest.mark.parametrize(("ssl", "head"), [
    (full(soft_kmeans()), Logistic()),
    (full(Descriptor()), Spreading(3)),
])  # fmt: skip
def test_unlabelled_images_count_at_test(tiny_pool: Pool, ssl: SSLTerm, head: PlainHead) -> None:
    """By an objective's labels, or as they are where the classifier reads them."""
    learner, task = build(ssl, head), episodes(tiny_pool, ssl, 1).task(0)
    with_u, without = (query_logits(learner, task, stage) for stage in (TEST, CONTROL))
    assert not torch.allclose(with_u, without, atol=1e-6)


def test_engines_of_many_tasks_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"another library \(Logistic\). Allowed: engine=loop"):
        check_engine(build(term(NoObjective())), Vmap(2))


class Linear(Backbone):
    """Four numbers of twelve."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.out_dim = "none", 4
        self.weight = nn.Parameter(random(4, 12, seed=1) / 3)

    def forward(self, x: Tensor, how: Pass = ALL_ROWS) -> Tensor:
        return x @ self.weight.T


def hidden_classes(pool: Pool, classes: Tensor, seed: int) -> Episode:
    """A task of 3 of 60 classes, whose centres differ in the first four of twelve numbers; the others are noise."""
    task = episodes(pool, term(NoObjective()), 1, shot=1, queries=4).task(0)
    centres = F.pad(random(60, 4, seed=99), (0, 8))
    spread = torch.cat((torch.full((4,), 0.2), torch.full((8,), 1.0))).double()

    def inputs(y: Tensor, k: int) -> Tensor:
        return centres[classes[y]] + spread * random(len(y), 12, seed=seed + k)

    s, q = task.support_y, task.query_y
    return replace(task, support_x=inputs(s, 0), query_x=inputs(q, 1), classes=classes)


def test_mechanism_features_are_learned_from_all_training_classes(tiny_pool: Pool) -> None:
    """Tasks of 20 classes that training never met: which numbers tell classes apart, the 40 others have shown."""
    learner = build(term(NoObjective()), backbone=Linear())
    draw = torch.Generator().manual_seed(0)
    tests = [
        hidden_classes(tiny_pool, 40 + torch.randperm(20, generator=draw)[:3], 5000 + 2 * k)
        for k in range(60)
    ]

    def accuracy() -> float:
        right = [(query_logits(learner, t, TEST).argmax(1) == t.query_y).double().mean() for t in tests]
        return float(torch.stack(right).mean())

    before = accuracy()
    optimizer = torch.optim.Adam(learner.parameters(), 0.03)
    for step in range(300):
        optimizer.zero_grad()
        task = hidden_classes(tiny_pool, torch.randperm(40, generator=draw)[:3], 2 * step)
        outer_loss(learner, task, TRAIN)[0].backward()
        optimizer.step()
    assert before < 0.5
    assert accuracy() > 0.9


def test_an_objective_labels_the_features_that_the_classifier_sees(tiny_pool: Pool) -> None:
    """Of length 1: lengths of the inputs, which soft k-means would see, have no part."""
    ssl = full(soft_kmeans())
    learner, task = build(ssl, backbone=Raw((1, 16, 16))), episodes(tiny_pool, ssl, 1).task(0)
    views = {name: 3 * x for name, x in task.unlabelled.views.items()}
    longer = replace(
        task, support_x=3 * task.support_x, query_x=3 * task.query_x,
        unlabelled=replace(task.unlabelled, views=views),
    )  # fmt: skip
    torch.testing.assert_close(query_logits(learner, longer, TEST), query_logits(learner, task, TEST))
