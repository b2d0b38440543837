"""Graph and clustering objectives, and helpers that their tests share."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.graph.label_propagation import LabelPropagation
from metassl.ssl.graph.poisson import Poisson
from metassl.ssl.graph.random_walk import RandomWalk
from metassl.ssl.self_labelling.gmm import GMM
from metassl.ssl.self_labelling.masked_soft_kmeans import MaskedSoftKMeans
from metassl.ssl.self_labelling.sinkhorn import Sinkhorn
from metassl.ssl.self_labelling.soft_kmeans_cluster import SoftKMeansCluster
from tests.tasks import U, make_term

OBJECTIVES: dict[str, Callable[[], SSLObjective]] = {
    "label_propagation": lambda: LabelPropagation(0.8, 3, "entropy"),
    "poisson": lambda: Poisson(3, 0.5, 0.01),
    "random_walk": lambda: RandomWalk(2, 0.7, 1.0, 0.1),
    "sinkhorn": lambda: Sinkhorn("uniform", 0.5, 6),
    "sinkhorn_predicted": lambda: Sinkhorn("predicted", 0.5, 6),
    "soft_kmeans_cluster": lambda: SoftKMeansCluster(3.0, 1),
    "masked_soft_kmeans": lambda: MaskedSoftKMeans(20, 0.5),
    "gmm_isotropic": lambda: GMM("isotropic", 2, 1.0, 0.01),
    "gmm_diagonal": lambda: GMM("diagonal", 2, 1.0, 0.01),
}


def made(name: str) -> SSLObjective:
    torch.manual_seed(0)
    return OBJECTIVES[name]().double()


def outcome(objective: SSLObjective, given: Context, count: int = U) -> Tensor:
    """The penalty, or the first rows of the labels with the padding's weight taken out, as one tensor."""
    term = make_term(objective, from_step=0)
    labels = term.label(given)
    if labels is None:
        return torch.as_tensor(term.penalty(given))
    return torch.cat((labels.q, labels.weight.unsqueeze(-1)), dim=-1)[:count]


def naive_affinity(x: np.ndarray, k: int) -> np.ndarray:
    n = len(x)
    d = np.array([[np.linalg.norm(x[i] - x[j]) for j in range(n)] for i in range(n)])
    order = [[j for j in np.argsort(d[i]) if j != i][:k] for i in range(n)]
    sigma = [d[i, order[i][-1]] for i in range(n)]
    w = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            if j in order[i] or i in order[j]:
                w[i, j] = np.exp(-(d[i, j] ** 2) / (sigma[i] * sigma[j]))
    return w
