"""Soft k-means with a cluster for distractors, and with masks, against Ren et al. 2018 done with loops."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from metassl.heads.base import Head
from metassl.heads.prototypes import Prototypes, RejectingPrototypes
from metassl.learners.metric.learner import HeadLearner
from metassl.ssl.base import SSLObjective
from metassl.ssl.self_labelling.masked_soft_kmeans import MaskedSoftKMeans, statistics
from metassl.ssl.self_labelling.soft_kmeans_cluster import SoftKMeansCluster
from metassl.tasks.episode import Episode
from metassl.tasks.stage import CONTROL, TEST, Stage
from tests.support.calls import adapt, meta_loss, outer_loss, query_logits
from tests.support.contexts import WAY, D, S, U, context
from tests.support.learners import Flat, head_learner
from tests.support.numbers import random
from tests.support.objectives import soft_kmeans
from tests.support.terms import make_term

Y = np.arange(S) % WAY


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max())
    return e / e.sum()


def prototypes(s: np.ndarray) -> np.ndarray:
    return np.stack([s[c == Y].mean(0) for c in range(WAY)])


def cluster_z(s: np.ndarray, u: np.ndarray, radius: float) -> np.ndarray:
    centres, radii = np.concatenate((prototypes(s), np.zeros((1, D)))), np.array([1.0] * WAY + [radius])
    z = []
    for h in u:
        d = ((h - centres) ** 2).sum(1)
        z.append(softmax(-d / (2 * radii**2) - 0.5 * np.log(2 * np.pi) - np.log(radii)))
    return np.array(z)[:, :WAY]


def masked_z(s: np.ndarray, u: np.ndarray, network: nn.Sequential) -> np.ndarray:
    p = prototypes(s)
    d = np.array([[((h - c) ** 2).sum() for c in p] for h in u])
    relative = d / d.mean(0)
    zm = np.zeros_like(d)
    first, _, last = network
    for c in range(WAY):
        r = relative[:, c]
        five = np.array([r.min(), r.max(), r.var(), stats.skew(r), stats.kurtosis(r)])
        hidden = np.tanh(first.weight.detach().numpy() @ five + first.bias.detach().numpy())
        t0, _, t2 = last.weight.detach().numpy() @ hidden + last.bias.detach().numpy()
        for j in range(U):
            zm[j, c] = softmax(-d[j])[c] / (1 + np.exp(-(np.exp(t0) - r[j]) * np.exp(t2)))
    return zm


def refined(s: np.ndarray, u: np.ndarray, z: np.ndarray) -> np.ndarray:
    sums = [s[c == Y].sum(0) + sum(z[j, c] * u[j] for j in range(U)) for c in range(WAY)]
    return np.array([sums[c] / ((c == Y).sum() + z[:, c].sum()) for c in range(WAY)])


def cluster() -> SoftKMeansCluster:
    return SoftKMeansCluster(2.5, 1).double()


def masked() -> MaskedSoftKMeans:
    torch.manual_seed(0)
    return MaskedSoftKMeans(20, 0.5).double()


def expected_z(objective: SSLObjective, s: Tensor, u: Tensor) -> np.ndarray:
    if isinstance(objective, SoftKMeansCluster):
        return cluster_z(s.numpy(), u.numpy(), 2.5)
    return masked_z(s.numpy(), u.numpy(), objective.thresholds)


@pytest.mark.parametrize("make", [cluster, masked])
def test_weight_times_q_is_z(make) -> None:
    s, u, objective = random(S, D, seed=3), random(U, D, seed=4), make()
    with torch.no_grad():
        labels = objective.label(context({"plain": u}, s))
    z = expected_z(objective, s, u)
    torch.testing.assert_close(labels.weight.unsqueeze(-1) * labels.q, torch.from_numpy(z))
    torch.testing.assert_close(labels.q.sum(-1), torch.ones(U).double())
    assert 0.1 < float(labels.weight.min()) < float(labels.weight.max()) < 1


def test_statistics_against_scipy_and_without_padding() -> None:
    d, w = random(9, WAY).square(), torch.ones(9).double()
    w[[1, 4]] = 0
    kept = d[w > 0].numpy()
    expected = [kept.min(0), kept.max(0), kept.var(0), stats.skew(kept), stats.kurtosis(kept)]
    torch.testing.assert_close(statistics(d, w), torch.from_numpy(np.stack(expected, axis=-1)))
    assert statistics(torch.ones(3, WAY).requires_grad_(), torch.ones(3)).isfinite().all()


def made(objective: SSLObjective, head: type[Head] = Prototypes) -> HeadLearner:
    """One round of prototypes of features that are the inputs, so that they can be compared with the paper's."""
    return head_learner("group", make_term(objective), lambda norm: Flat(D, norm), head=head, rounds=1)


def task(s: Tensor, u: Tensor) -> Episode:
    given = context({"plain": u}, s).episode
    return replace(given, query_x=random(5, D, seed=8), query_y=torch.tensor([0, 1, 2, 0, 1]),
                   query_weight=torch.ones(5).double())  # fmt: skip


@pytest.mark.parametrize("make", [cluster, masked])
def test_refit_prototypes_are_rens(make) -> None:
    s, u, objective = random(S, D, seed=3), random(U, D, seed=4), make()
    learner = made(objective)
    found = adapt(learner, task(s, u), TEST).head
    expected = refined(s.numpy(), u.numpy(), expected_z(objective, s, u))
    torch.testing.assert_close(found.p, torch.from_numpy(expected))


def test_queries_are_classified_over_all_clusters() -> None:
    """The refined cluster of the distractors competes with its radius in the loss, not in the prediction."""
    s, u, objective = random(S, D, seed=3), random(U, D, seed=4), cluster()
    learner, episode = made(objective), task(s, u)
    z = cluster_z(s.numpy(), u.numpy(), 2.5)
    rest = 1 - z.sum(1)
    assert rest.min() > 0.01
    centres = np.concatenate((refined(s.numpy(), u.numpy(), z), [rest @ u.numpy() / rest.sum()]))
    radii = np.array([1.0] * WAY + [2.5])
    p = np.stack(
        [
            softmax(-((h - centres) ** 2).sum(1) / (2 * radii**2) - 0.5 * np.log(2 * np.pi) - np.log(radii))
            for h in episode.query_x.numpy()
        ]
    )
    logits = query_logits(learner, episode, TEST)
    torch.testing.assert_close(logits, torch.from_numpy(np.log(p[:, :WAY])))
    loss, _ = outer_loss(learner, episode, Stage(training=True))
    assert float(loss.detach()) == pytest.approx(-np.log(p[range(5), episode.query_y]).mean())

    strict = made(objective, RejectingPrototypes)
    rejecting = query_logits(strict, episode, TEST)
    torch.testing.assert_close(rejecting.softmax(-1), torch.from_numpy(p))
    assert (p.argmax(1) == WAY).any()  # a query that it rejects
    torch.testing.assert_close(outer_loss(strict, episode, Stage(training=True))[0], loss)
    without = query_logits(strict, episode, CONTROL)
    torch.testing.assert_close(without, query_logits(learner, episode, CONTROL))


def test_more_steps_start_from_the_refined_clusters() -> None:
    s, u = random(S, D, seed=3), random(U, D, seed=4)
    means, rest, radii = prototypes(s.numpy()), np.zeros(D), np.array([1.0] * WAY + [2.5])
    for _ in range(3):
        centres = np.concatenate((means, rest[None]))
        z = np.stack(
            [softmax(-((h - centres) ** 2).sum(1) / (2 * radii**2) - np.log(radii)) for h in u.numpy()]
        )
        means, rest = refined(s.numpy(), u.numpy(), z), z[:, WAY] @ u.numpy() / z[:, WAY].sum()
    with torch.no_grad():
        labels = SoftKMeansCluster(2.5, iterations=3).double().label(context({"plain": u}, s))
    torch.testing.assert_close(labels.weight.unsqueeze(-1) * labels.q, torch.from_numpy(z[:, :WAY]))
    torch.testing.assert_close(labels.rest.share, torch.from_numpy(z[:, WAY]))


def test_without_unlabelled_images_the_rest_stays_at_zero() -> None:
    """Padding alone, as in a task whose U is empty."""
    s, u, objective = random(S, D, seed=3), random(U, D, seed=4), cluster()
    learner, episode = made(objective), task(s, u)
    empty = replace(episode.unlabelled, weight=torch.zeros(U).double())
    state = adapt(learner, replace(episode, unlabelled=empty), TEST).head
    torch.testing.assert_close(state.p, torch.from_numpy(prototypes(s.numpy())))
    assert not state.rest.any()


@pytest.mark.parametrize("make", [cluster, masked])
def test_outer_gradient_reaches_what_is_learned(make) -> None:
    """And it is the slope of the outer loss: it passes through z, m and the distances."""
    objective, episode = make(), task(random(S, D, seed=3), random(U, D, seed=4))
    learner = made(objective)
    names = [n for n, _ in learner.named_parameters()]

    def loss(*values: Tensor) -> Tensor:
        theta = dict(zip(names, values, strict=True))
        return meta_loss(learner, episode, Stage(training=True), theta=theta)[0]

    values = [p.detach().clone().requires_grad_() for p in learner.parameters()]
    slopes = dict(zip(names, torch.autograd.grad(loss(*values), values), strict=True))
    for name in names:
        if name.startswith("ssl."):
            assert slopes[name].abs().max() > 1e-6, name
            if name != "ssl.objective.thresholds.2.weight" and name != "ssl.objective.thresholds.2.bias":
                assert slopes[name].abs().min() > 1e-9, name  # t1's rows alone have none
    h = 1e-5
    for k, name in enumerate(names):
        if name.startswith("ssl."):
            way = random(*values[k].shape, seed=k) if values[k].dim() else torch.ones(()).double()
            ahead, behind = (
                loss(*[v + sign * h * way if i == k else v for i, v in enumerate(values)]) for sign in (1, -1)
            )
            torch.testing.assert_close(
                (slopes[name] * way).sum(), (ahead - behind) / (2 * h), rtol=1e-5, atol=1e-9
            )


def test_gradients_flow_through_z() -> None:
    """Both by the paper's definition, unlike plain soft k-means; ssl.stop_gradient=true stops them."""
    for make, stops in ((cluster, False), (masked, False), (soft_kmeans, True)):
        objective = make()
        assert objective.stop_gradient is stops
        u = random(U, D, seed=4).requires_grad_()
        given = context({"plain": u}, random(S, D, seed=3), stop_gradient=objective.stop_gradient)
        assert objective.label(given).q.requires_grad is not stops
        stopped = objective.label(context({"plain": u}, random(S, D, seed=3), stop_gradient=True)).q
        slope = (
            torch.autograd.grad(stopped.square().sum(), u, allow_unused=True)[0]
            if stopped.requires_grad
            else None
        )
        assert slope is None


def test_a_vanishing_cluster_gives_plain_soft_kmeans_on_half_the_distance() -> None:
    s, u = random(S, D, seed=3), random(U, D, seed=4)
    q = soft_kmeans().label(context({"plain": u}, s)).q
    labels = SoftKMeansCluster(1e9, 1).double().label(context({"plain": u * 2**0.5}, s * 2**0.5))
    torch.testing.assert_close(labels.q, q)
    assert labels.weight.min() > 1 - 1e-4


def test_far_distractors_are_worth_less() -> None:
    """The masks' way off the mean distance; the cluster's too, if it is nearer than the classes are."""
    s = 3 * torch.eye(WAY, D).double().repeat(2, 1)
    u = torch.cat((s[:3], -2 * torch.ones(4, D).double()))
    for objective in (SoftKMeansCluster(10.0, 1).double(), MaskedSoftKMeans(20, 0.01).double()):
        weight = objective.label(context({"plain": u}, s)).weight
        assert weight[:3].min() > 1.5 * weight[3:].max()


def test_the_initial_mask_is_one_half_at_the_mean_distance() -> None:
    objective = MaskedSoftKMeans(20, 1e-9).double()
    s, u = random(S, D, seed=3), random(U, D, seed=4)
    d = torch.from_numpy(np.array([[((h - c) ** 2).sum() for c in prototypes(s.numpy())] for h in u.numpy()]))
    expected = ((-d).softmax(-1) * torch.sigmoid(1 - d / d.mean(0))).sum(-1)
    found = objective.label(context({"plain": u}, s)).weight
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
