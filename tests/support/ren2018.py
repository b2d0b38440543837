"""The clusters and masks of Ren et al. 2018, written out with loops; and learners to hold against them."""

from dataclasses import replace

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn

from metassl.heads.base import Head
from metassl.heads.prototypes import Prototypes
from metassl.learners.metric.learner import HeadLearner
from metassl.ssl.base import SSLObjective
from metassl.ssl.self_labelling.masked_soft_kmeans import MaskedSoftKMeans
from metassl.ssl.self_labelling.soft_kmeans_cluster import SoftKMeansCluster
from metassl.tasks.episode import Episode
from tests.support.contexts import WAY, D, S, U, context
from tests.support.learners import Flat, head_learner
from tests.support.numbers import random
from tests.support.terms import make_term

Y = np.arange(S) % WAY


def softmax_of(x: np.ndarray) -> np.ndarray:
    """NumPy's own softmax of one row."""
    e = np.exp(x - x.max())
    return e / e.sum()


def prototypes(s: np.ndarray) -> np.ndarray:
    """[N, D] the means of the labelled rows."""
    return np.stack([s[c == Y].mean(0) for c in range(WAY)])


def cluster_z(s: np.ndarray, u: np.ndarray, radius: float) -> np.ndarray:
    """[U, N] shares of the classes beside a cluster of distractors at 0."""
    centres, radii = np.concatenate((prototypes(s), np.zeros((1, D)))), np.array([1.0] * WAY + [radius])
    z = []
    for h in u:
        d = ((h - centres) ** 2).sum(1)
        z.append(softmax_of(-d / (2 * radii**2) - 0.5 * np.log(2 * np.pi) - np.log(radii)))
    return np.array(z)[:, :WAY]


def masked_z(s: np.ndarray, u: np.ndarray, network: nn.Sequential) -> np.ndarray:
    """[U, N] shares of the classes times soft masks."""
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
            zm[j, c] = softmax_of(-d[j])[c] / (1 + np.exp(-(np.exp(t0) - r[j]) * np.exp(t2)))
    return zm


def refined(s: np.ndarray, u: np.ndarray, z: np.ndarray) -> np.ndarray:
    """[N, D] prototypes after the shares z."""
    sums = [s[c == Y].sum(0) + sum(z[j, c] * u[j] for j in range(U)) for c in range(WAY)]
    return np.array([sums[c] / ((c == Y).sum() + z[:, c].sum()) for c in range(WAY)])


def cluster() -> SoftKMeansCluster:
    """The objective with a cluster of distractors."""
    return SoftKMeansCluster(2.5, 1).double()


def masked() -> MaskedSoftKMeans:
    """The objective with masks."""
    torch.manual_seed(0)
    return MaskedSoftKMeans(20, 0.5).double()


def expected_z(objective: SSLObjective, s: Tensor, u: Tensor) -> np.ndarray:
    """[U, N] z of either objective."""
    if isinstance(objective, SoftKMeansCluster):
        return cluster_z(s.numpy(), u.numpy(), 2.5)
    return masked_z(s.numpy(), u.numpy(), objective.thresholds)


def ren_learner(objective: SSLObjective, head: type[Head] = Prototypes) -> HeadLearner:
    """One round of prototypes of features that are the inputs, so that they can be compared with the paper's."""
    return head_learner(
        "group", make_term(objective), lambda norm: Flat(D, norm), head=lambda features: head(), rounds=1
    )


def ren_task(s: Tensor, u: Tensor) -> Episode:
    """A task of given features, with five queries."""
    given = context({"plain": u}, s).episode
    return replace(given, query_x=random(5, D, seed=8), query_y=torch.tensor([0, 1, 2, 0, 1]),
                   query_weight=torch.ones(5).double())  # fmt: skip
