"""CNAPs against the same network written out, and the checks of every task reader."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._pytree import tree_map

from metassl.backbones.base import Backbone
from metassl.data.pool import Pool
from metassl.errors import ConfigError
from metassl.heads.generated import GeneratedLinear
from metassl.learners.amortised.cnaps import CNAPs
from metassl.learners.amortised.set_encoder import MeanPool, SetEncoder
from metassl.ssl.none import NoObjective
from metassl.ssl.term import SSLTerm
from metassl.tasks.stage import TEST
from tests.support.calls import TRAIN, adapt, meta_loss, predict, query_logits
from tests.support.episodes import tasks_of
from tests.support.heads import built
from tests.support.learners import conv4, head_learner, shaken
from tests.support.numbers import random
from tests.support.objectives import OBJECTIVES, soft_kmeans
from tests.support.task_readers import CHECKS, check_engines_agree
from tests.support.terms import full


def cnaps_of(backbone: Backbone, ssl: SSLTerm) -> CNAPs:
    features = backbone.out_dim
    head, encoder = GeneratedLinear(features), SetEncoder(features, 6, 5, MeanPool())
    return CNAPs(backbone, head, 1, encoder, 4).attach(ssl).double()


def make(ssl: SSLTerm, norm: str = "group") -> CNAPs:
    torch.manual_seed(0)
    return cnaps_of(conv4(norm), ssl)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_engines_agree(tiny_pool: Pool, objective: str) -> None:
    check_engines_agree(make, tiny_pool, OBJECTIVES[objective]())


@pytest.mark.parametrize("check", CHECKS)
def test_reads_the_task(tiny_pool: Pool, check) -> None:
    check(make, tiny_pool)


def modulated(learner: CNAPs, x: Tensor, films: list[Tensor]) -> Tensor:
    """Conv4 with group norm and FiLM, written out."""
    for block, film in zip(learner.backbone.blocks, films, strict=True):
        gain, shift = (part.view(1, -1, 1, 1) for part in film.chunk(2))
        norm = block.norm.norm
        x = F.group_norm(block.conv(x), norm.num_groups, norm.weight, norm.bias, norm.eps)
        x = F.max_pool2d(F.relu(x * (1 + gain) + shift), 2)
    return x.flatten(1)


@pytest.mark.parametrize("unlabelled", [False, True])
def test_prediction_against_the_equations(tiny_pool: Pool, unlabelled: bool) -> None:
    objective = soft_kmeans() if unlabelled else NoObjective()
    learner = shaken(make(full(objective)))
    task = tasks_of(tiny_pool, learner, 1, shot=2).task(0)
    u = task.unlabelled.views["plain"] if unlabelled else task.support_x[:0]
    e = [learner.encoder.item(learner.backbone(x)) for x in (task.support_x, u)]
    of_u = e[1].mean(0) if unlabelled else 0 * e[0][0]
    counts = torch.tensor([1 + len(e[0]), 1 + len(u), torch.e if unlabelled else 1]).double().log()
    t = learner.encoder.task(torch.cat((e[0].mean(0), of_u, counts)))
    films = [film(t) for film in learner.films]
    s, q, z = (modulated(learner, x, films) for x in (task.support_x, task.query_x, u))

    def classifier(means: list[Tensor]) -> tuple[Tensor, Tensor]:
        w = [m + learner.head.weight(m) for m in means]
        b = [learner.head.bias(m)[0] - m @ m / 2 for m in means]
        return torch.stack(w), torch.stack(b)

    means = [s[task.support_y == c].mean(0) for c in range(3)]
    if unlabelled:  # the refit, with soft k-means labels
        labels = (-torch.cdist(z, torch.stack(means)).square()).softmax(1).detach()
        means = [
            (2 * means[c] + 0.6 * (labels[:, c : c + 1] * z).sum(0)) / (2 + 0.6 * labels[:, c].sum())
            for c in range(3)
        ]
    w, b = classifier(means)
    found = query_logits(learner, task, TEST)
    torch.testing.assert_close(found, q @ w.T + b, rtol=1e-9, atol=1e-9)


def test_starts_as_prototypes_without_modulation(tiny_pool: Pool) -> None:
    learner = make(full(NoObjective()))
    plain = head_learner("group", learner.ssl, rounds=1)
    task = tasks_of(tiny_pool, learner, 1).task(0)
    found = query_logits(learner, task, TEST).log_softmax(1)
    distances = query_logits(plain, task, TEST)
    torch.testing.assert_close(found, (distances / 2).log_softmax(1), rtol=1e-9, atol=1e-9)


def test_generated_classifier_ignores_rows_without_label_or_weight() -> None:
    head = built(GeneratedLinear, 4)
    head.weight[-1].weight.data += random(4, 4)
    z, q = random(6, 4), torch.eye(3).double().repeat(2, 1)
    w = torch.tensor([1, 1, 1, 0.5, 1, 2]).double()
    fitted = head.fit(z, q, w)
    more = head.fit(
        torch.cat((z, 10 * random(2, 4))),
        torch.cat((q, 0 * q[:1], q[:1])),
        torch.cat((w, torch.tensor([1.0, 0]))),
    )
    torch.testing.assert_close(more.weight, fitted.weight)
    torch.testing.assert_close(more.bias, fitted.bias)
    assert head.logits(fitted, z).shape == (6, 3)


def test_moving_averages_follow_the_modulated_pass_alone(tiny_pool: Pool) -> None:
    """The pass of the set encoder leaves them as they are: they are those of one pass of S, U and Q."""
    ssl = full(soft_kmeans())
    learner = make(ssl, "running")
    task = tasks_of(tiny_pool, learner, 1).task(0)
    plain = head_learner("running", ssl, rounds=1)
    meta_loss(learner, task, TRAIN)
    meta_loss(plain, task, TRAIN)
    for name, buffer in plain.backbone.named_buffers():
        torch.testing.assert_close(learner.backbone.get_buffer(name), buffer)
        assert (buffer != 0).all()


def test_a_backbone_without_norms_is_refused() -> None:
    backbone = conv4("group")
    for block in backbone.blocks:
        block.norm = torch.nn.Identity()
    with pytest.raises(ConfigError, match=r"backbone: found Conv4 with norm=group"):
        cnaps_of(backbone, full(NoObjective()))


def test_adapted_keeps_the_modulation(tiny_pool: Pool) -> None:
    learner = shaken(make(full(soft_kmeans())))
    task = tasks_of(tiny_pool, learner, 1).task(0)
    adapted = adapt(learner, task, TEST)
    assert len(adapted.overlay) == 8
    bare = replace(adapted, overlay={})
    both = [predict(learner, state, task.query_x) for state in (adapted, bare)]
    assert (both[0] - both[1]).abs().max() > 1e-6
    assert tree_map(lambda x: x.isfinite().all(), both) == [torch.tensor(True)] * 2
