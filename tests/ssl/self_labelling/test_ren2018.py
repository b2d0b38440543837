"""Soft k-means with a cluster for distractors, and with masks, against Ren et al. 2018 done with loops."""

import numpy as np
import pytest
import torch
from scipy import stats

from metassl.ssl.self_labelling.masked_soft_kmeans import MaskedSoftKMeans, statistics
from metassl.ssl.self_labelling.soft_kmeans_cluster import SoftKMeansCluster
from tests.support.contexts import WAY, D, S, U, context
from tests.support.numbers import random
from tests.support.objectives import soft_kmeans
from tests.support.ren2018 import cluster, expected_z, masked, prototypes, refined, softmax_of


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


def test_more_steps_start_from_the_refined_clusters() -> None:
    s, u = random(S, D, seed=3), random(U, D, seed=4)
    means, rest, radii = prototypes(s.numpy()), np.zeros(D), np.array([1.0] * WAY + [2.5])
    for _ in range(3):
        centres = np.concatenate((means, rest[None]))
        z = np.stack(
            [softmax_of(-((h - centres) ** 2).sum(1) / (2 * radii**2) - np.log(radii)) for h in u.numpy()]
        )
        means, rest = refined(s.numpy(), u.numpy(), z), z[:, WAY] @ u.numpy() / z[:, WAY].sum()
    with torch.no_grad():
        labels = SoftKMeansCluster(2.5, iterations=3).double().label(context({"plain": u}, s))
    torch.testing.assert_close(labels.weight.unsqueeze(-1) * labels.q, torch.from_numpy(z[:, :WAY]))
    torch.testing.assert_close(labels.rest.share, torch.from_numpy(z[:, WAY]))


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
