"""The hypernetwork: where it starts, what it generates, and the checks of every task reader."""

import pytest
import torch
from torch.nn import functional as F

from metassl.data.pool import Pool
from metassl.errors import ConfigError
from metassl.learners.amortised.hypernet import HyperNetwork, MatrixDelta
from metassl.learners.amortised.set_encoder import MeanPool, SetEncoder
from metassl.ssl.none import NoObjective
from metassl.ssl.term import SSLTerm
from metassl.tasks.stage import TEST
from tests.support.calls import inner_path, query_logits, under
from tests.support.episodes import tasks_of
from tests.support.learners import WHOLE, conv4, gradient_learner, shaken
from tests.support.numbers import random
from tests.support.objectives import OBJECTIVES, soft_kmeans
from tests.support.task_readers import CHECKS, check_engines_agree
from tests.support.terms import full


def make(ssl: SSLTerm, adapt: tuple[str, ...] = WHOLE) -> HyperNetwork:
    own = {"encoder": SetEncoder(conv4("group").out_dim, 6, 5, MeanPool()), "rank": 2}
    return gradient_learner("group", ssl, kind=HyperNetwork, adapt=adapt, **own)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_engines_agree(tiny_pool: Pool, objective: str) -> None:
    check_engines_agree(make, tiny_pool, OBJECTIVES[objective]())


@pytest.mark.parametrize("check", CHECKS)
def test_reads_the_task(tiny_pool: Pool, check) -> None:
    check(make, tiny_pool)


def test_starts_as_maml_with_the_generated_head(tiny_pool: Pool) -> None:
    """Before training, adaptation is that of MAML from the same backbone and the generated classifier."""
    learner = make(full(soft_kmeans()))
    task = tasks_of(tiny_pool, learner, 1).task(0)
    start = next(iter(inner_path(learner, task, TEST)))
    for name, p in learner.backbone.named_parameters():
        assert torch.equal(start["backbone." + name], p)
    maml = gradient_learner("group", learner.ssl)
    placed = {**maml.theta(), **start}
    expected = query_logits(maml, task, TEST, theta=placed)
    torch.testing.assert_close(query_logits(learner, task, TEST), expected, rtol=1e-10, atol=1e-10)


def test_head_of_a_class_comes_from_its_own_items_and_the_task(tiny_pool: Pool) -> None:
    learner = shaken(make(full(NoObjective())))
    task = tasks_of(tiny_pool, learner, 1, shot=2).task(0)
    start = next(iter(inner_path(learner, task, TEST)))
    e = learner.encoder.item(learner.backbone(task.support_x))
    counts = torch.tensor([1.0 + len(e), 1, 1]).double().log()
    t = learner.encoder.task(torch.cat((e.mean(0), 0 * e[0], counts)))
    for c in range(3):
        head = learner.generate_head(torch.cat((e[task.support_y == c].mean(0), t)))
        torch.testing.assert_close(start["head.weight"][c], head[:-1])
        torch.testing.assert_close(start["head.bias"][c], head[-1])
    name = learner.generated.index("backbone.blocks.1.conv.weight")
    delta = start["backbone.blocks.1.conv.weight"] - learner.backbone.blocks[1].conv.weight
    torch.testing.assert_close(delta, learner.deltas[name](t))


def test_matrices_have_the_rank_and_the_size_that_they_say() -> None:
    torch.manual_seed(0)
    delta = MatrixDelta(5, torch.Size((8, 4, 3, 3)), 2).double()
    assert (delta(random(5)) == 0).all()
    delta.left.weight.data += 1 + random(*delta.left.weight.shape)
    found = delta(random(5)).flatten(1)
    assert found.shape == (8, 36)
    assert torch.linalg.matrix_rank(found) == 2
    assert sum(p.numel() for p in delta.parameters()) == (5 + 1) * 2 * (8 + 36)


def test_one_step_is_plain_gradient_descent_from_the_start(tiny_pool: Pool) -> None:
    learner = shaken(make(full(NoObjective())))
    task, theta = tasks_of(tiny_pool, learner, 1).task(0), learner.theta()
    before, after, _ = inner_path(learner, task, TEST)
    phi = {name: p.detach().requires_grad_() for name, p in before.items()}
    logits = under(learner, {**theta, **phi}, lambda: learner.head(learner.backbone(task.support_x)))
    slopes = torch.autograd.grad(F.cross_entropy(logits, task.support_y), list(phi.values()))
    rate = learner.inner.rates[0]
    for (name, p), slope in zip(phi.items(), slopes, strict=True):
        torch.testing.assert_close(after[name], p - rate * slope)


def test_the_head_has_to_be_adapted() -> None:
    with pytest.raises(ConfigError, match=r"model.adapt: found \['backbone.'\]"):
        make(full(NoObjective()), ("backbone.",))
