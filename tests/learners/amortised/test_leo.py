"""LEO against a loop of autograd, its penalties against torch's own, and the checks of every task reader."""

from dataclasses import replace
from functools import partial
from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from metassl.data.pool import Pool
from metassl.learners.amortised.leo import LEO, LatentThenWeights
from metassl.ssl.none import NoObjective
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode
from metassl.tasks.stage import TEST
from tests.support.calls import TRAIN, inner_path, meta_loss, query_logits
from tests.support.episodes import SPEC, tasks_of
from tests.support.learners import conv4, shaken
from tests.support.objectives import OBJECTIVES, soft_kmeans
from tests.support.task_readers import CHECKS, check_engines_agree
from tests.support.terms import full

L, D, N = 3, 4, 3


def make(ssl: SSLTerm, **penalties: float) -> LEO:
    torch.manual_seed(0)
    weights = {"kl": 0.1, "encoder_penalty": 0.2, "orthogonality": 0.3, "l2": 0.4} | penalties
    inner = partial(LatentThenWeights, latent_rate=1.0, weight_rate=0.1, latent_steps=2)
    learner = LEO(conv4("group"), SPEC, inner, steps=4, latents=L, spread=0.5, **weights)
    return learner.attach(ssl).double()


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_engines_agree(tiny_pool: Pool, objective: str) -> None:
    check_engines_agree(make, tiny_pool, OBJECTIVES[objective]())


@pytest.mark.parametrize("check", CHECKS)
def test_reads_the_task(tiny_pool: Pool, check) -> None:
    check(make, tiny_pool)


def posterior(learner: LEO, z: Tensor, y: Tensor) -> Normal:
    """All pairs of support items, by loops."""
    e = learner.encoder.item(z)
    classes = []
    for c in range(N):
        pairs = [torch.cat((e[i], e[j])) for i in range(len(e)) if y[i] == c for j in range(len(e))]
        classes.append(torch.stack([learner.encoder.relation(pair) for pair in pairs]).mean(0))
    mean, log_std = torch.stack(classes).chunk(2, dim=1)
    return Normal(mean, 0.5 * log_std.exp())


def weights(learner: LEO, latent: Tensor, noise: Tensor) -> Tensor:
    mean, log_std = (latent @ learner.decoder.linear.weight.T).chunk(2, dim=1)
    return mean + (2 / (N + D)) ** 0.5 * log_std.exp() * noise


def by_hand(learner: LEO, task: Episode, training: bool) -> tuple[Tensor, Tensor]:
    """Query logits by Algorithm 1, and the penalties of eq. 6."""
    numbers = Normal(torch.zeros(1).double(), 1.0).icdf(task.random.view(N, L + D)) * training
    s, q, y = learner.backbone(task.support_x), learner.backbone(task.query_x), task.support_y
    given = posterior(learner, s, y)
    first = z = given.mean + given.stddev * numbers[:, :L]
    for _ in range(2):
        loss = F.cross_entropy(s @ weights(learner, z, numbers[:, L:]).T, y)
        (slope,) = torch.autograd.grad(loss, z, create_graph=True)
        z = z - learner.inner.latent * slope
    w = weights(learner, z, numbers[:, L:])
    for _ in range(2):
        (slope,) = torch.autograd.grad(F.cross_entropy(s @ w.T, y), w, create_graph=True)
        w = w - learner.inner.weight * slope
    rows = F.normalize(learner.decoder.linear.weight.T, dim=1)
    matrices = [p for name, p in learner.named_parameters() if name.startswith(("encoder.", "decoder."))]
    penalty = (
        0.1 * kl_divergence(given, Normal(torch.zeros(N, L).double(), 1.0)).mean()
        + 0.2 * F.mse_loss(first, z.detach())
        + 0.3 * F.mse_loss(rows @ rows.T, torch.eye(L).double())
        + 0.4 * sum((p**2).sum() / 2 for p in matrices)
    )
    return q @ w.T, penalty


@pytest.mark.parametrize("shot", [1, 2])
def test_algorithm_and_its_gradient_against_a_plain_loop(tiny_pool: Pool, shot: int) -> None:
    learner = shaken(make(full(NoObjective())))
    task, theta = tasks_of(tiny_pool, learner, 1, shot=shot).task(0), learner.theta()
    logits, _ = by_hand(learner, task, training=False)
    torch.testing.assert_close(query_logits(learner, task, TEST), logits, rtol=1e-9, atol=1e-9)
    logits, penalty = by_hand(learner, task, training=True)
    expected = F.cross_entropy(logits, task.query_y) + penalty
    loss, scores = meta_loss(learner, task, TRAIN)
    torch.testing.assert_close(loss, expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(scores["loss"], F.cross_entropy(logits, task.query_y).detach())
    found = torch.autograd.grad(loss, list(theta.values()))
    slopes = torch.autograd.grad(expected, list(theta.values()))
    torch.testing.assert_close(found, slopes, rtol=1e-8, atol=1e-10)


def test_samples_in_training_and_not_at_test(tiny_pool: Pool) -> None:
    learner = make(full(NoObjective()))
    task = tasks_of(tiny_pool, learner, 1).task(0)
    other = replace(task, random=1 - task.random)
    assert len(task.random) == N * (L + D)
    assert torch.equal(query_logits(learner, task, TEST), query_logits(learner, other, TEST))
    both = [query_logits(learner, t, TRAIN) for t in (task, other)]
    assert (both[0] - both[1]).abs().max() > 1e-3


def test_moves_codes_first_and_then_weights(tiny_pool: Pool) -> None:
    learner = shaken(make(full(soft_kmeans())))
    task = tasks_of(tiny_pool, learner, 1).task(0)
    path = list(inner_path(learner, task, TRAIN))
    moved = [
        {name for name in before if not torch.equal(before[name], after[name])}
        for before, after in pairwise(path)
    ]
    assert moved == [{"latent"}, {"latent"}, {"offset"}, {"offset"}]


def test_orthogonal_rows_cost_nothing() -> None:
    decoder = make(full(NoObjective())).decoder
    rows = torch.linalg.qr(torch.randn(2 * D, L).double()).Q
    decoder.linear.weight.data = rows * torch.tensor([1.0, 5, 0.1]).double()
    assert decoder.orthogonality() < 1e-20
    decoder.linear.weight.data[:, 0] = decoder.linear.weight[:, 1]
    torch.testing.assert_close(decoder.orthogonality(), torch.tensor(2 / 9).double())
